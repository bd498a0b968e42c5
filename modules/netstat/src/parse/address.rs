//! Addresses and networks (CIDR), and sets of them that are quick to search.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use crate::socket::unmapped;

/// An address, or a network: the first `length` bits of an address.
///
/// IPv4 addresses and networks mapped into IPv6 (`::ffff:0:0/96` and below) are IPv4 ones here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    is_v4: bool,
    length: u8,
    /// The bits, right-aligned for IPv4; those behind `length` are zero.
    bits: u128,
}

/// Why a text is not a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// The part before `/` is no address.
    #[error("{0:?} is not an IPv4 or IPv6 address; write one, or a network such as 10.0.0.0/8 or fd00::/8")]
    Address(String),
    /// The part after `/` is no number of bits.
    #[error("{given:?} is not a prefix length from 0 to {max}")]
    Length {
        /// What was given.
        given: String,
        /// The number of bits of the address.
        max: u8,
    },
}

/// Bits of an IPv4 address mapped into IPv6 that say so.
const MAPPED_BITS: u8 = 96;

impl Network {
    /// Parses `ADDRESS` or `ADDRESS/BITS`. Bits of the address behind the prefix are ignored.
    ///
    /// # Errors
    ///
    /// [`NetworkError`], naming the part that is wrong.
    pub fn parse(text: &str) -> Result<Network, NetworkError> {
        let (address, length) = text.split_once('/').map_or((text, None), |(a, l)| (a, Some(l)));
        let given: IpAddr = address
            .parse()
            .map_err(|_| NetworkError::Address(address.to_owned()))?;
        let max = if given.is_ipv4() { 32 } else { 128 };
        let length = match length {
            None => max,
            Some(text) => parse_length(text, max).ok_or_else(|| NetworkError::Length {
                given: text.to_owned(),
                max,
            })?,
        };
        Ok(Network::new(given, length))
    }

    /// The network of the first `length` bits of an address; all bits if there are fewer.
    #[must_use]
    pub fn new(given: IpAddr, length: u8) -> Network {
        let (address, length) = match (given, unmapped(given)) {
            // A prefix that is shorter than what marks mapped addresses is about IPv6.
            (IpAddr::V6(_), IpAddr::V4(_)) if length < MAPPED_BITS => (given, length),
            (IpAddr::V6(_), inner @ IpAddr::V4(_)) => (inner, length - MAPPED_BITS),
            _ => (given, length),
        };
        let (is_v4, bits, width) = bits_of(address);
        let length = length.min(width);
        Network {
            is_v4,
            length,
            bits: masked(bits, width, length),
        }
    }

    /// Its address and the number of bits that count.
    #[must_use]
    pub fn parts(self) -> (IpAddr, u8) {
        let address = match u32::try_from(self.bits) {
            Ok(bits) if self.is_v4 => IpAddr::V4(bits.into()),
            _ => IpAddr::V6(Ipv6Addr::from_bits(self.bits)),
        };
        (address, self.length)
    }

    /// Whether an address lies in it.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        Network::new(unmapped(address), self.length) == self
    }
}

/// `text` as a number of bits without sign or superfluous zeros.
fn parse_length(text: &str, max: u8) -> Option<u8> {
    let length: u8 = text.parse().ok()?;
    (length <= max && length.to_string() == text).then_some(length)
}

fn bits_of(address: IpAddr) -> (bool, u128, u8) {
    match address {
        IpAddr::V4(v4) => (true, u128::from(v4.to_bits()), 32),
        IpAddr::V6(v6) => (false, v6.to_bits(), 128),
    }
}

fn masked(bits: u128, width: u8, length: u8) -> u128 {
    let ignored = u32::from(width - length);
    bits.checked_shr(ignored)
        .and_then(|kept| kept.checked_shl(ignored))
        .unwrap_or(0)
}

/// Many networks, each with its place in a list.
#[derive(Debug, Clone, Default)]
pub struct NetworkSet {
    /// Places by network.
    places: HashMap<Network, Vec<usize>>,
    /// The distinct lengths, for IPv6 and for IPv4.
    lengths: [Vec<u8>; 2],
}

impl NetworkSet {
    /// A set of these; places are those in the iterator.
    #[must_use]
    pub fn new(networks: impl IntoIterator<Item = Network>) -> NetworkSet {
        let mut set = NetworkSet::default();
        for (place, network) in networks.into_iter().enumerate() {
            set.places.entry(network).or_default().push(place);
            let lengths = &mut set.lengths[usize::from(network.is_v4)];
            if !lengths.contains(&network.length) {
                lengths.push(network.length);
            }
        }
        set
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The distinct networks, in no order.
    pub fn networks(&self) -> impl Iterator<Item = Network> {
        self.places.keys().copied()
    }

    /// Places of the networks that contain an address, in no order. One look-up per distinct length.
    pub fn matches(&self, address: IpAddr) -> impl Iterator<Item = usize> {
        let address = unmapped(address);
        self.lengths[usize::from(address.is_ipv4())]
            .iter()
            .filter_map(move |&length| self.places.get(&Network::new(address, length)))
            .flatten()
            .copied()
    }
}

/// For fuzzing: any text, and what comes out contains its own address.
pub fn fuzz(data: &[u8]) {
    if let Ok(network) = std::str::from_utf8(data)
        .map_err(drop)
        .and_then(|text| Network::parse(text).map_err(drop))
    {
        assert!(network.contains(network.parts().0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn networks_contain_what_they_should() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("10.1.2.3/8", "10.0.0.0", "::"),
            ("192.0.2.7", "::ffff:192.0.2.7", "192.0.2.8"),
            ("::ffff:192.0.2.7", "192.0.2.7", "192.0.2.6"),
            ("::ffff:10.0.0.0/104", "10.9.9.9", "11.9.9.9"),
            ("::/0", "fe80::1", "0.0.0.0"),
            ("0.0.0.0/0", "8.8.8.8", "::1"),
            ("fd00::/8", "fdff::1", "fe00::"),
            ("2001:db8::1", "2001:db8:0::1", "2001:db8::2"),
        ] {
            let network = Network::parse(network).unwrap();
            assert!(network.contains(inside.parse().unwrap()), "{network:?} {inside}");
            assert!(
                !network.contains(outside.parse().unwrap()),
                "{network:?} {outside}"
            );
        }
    }

    #[test]
    fn slips_are_refused() {
        for text in [
            "",
            "10.0.0",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "10.0.0.0/08",
            "a/8",
            "1.2.3.4 ",
        ] {
            assert!(Network::parse(text).is_err(), "{text:?}");
        }
    }

    fn address() -> impl Strategy<Value = IpAddr> {
        prop_oneof![
            any::<[u8; 4]>().prop_map(IpAddr::from),
            any::<[u8; 16]>().prop_map(IpAddr::from),
            any::<[u8; 4]>().prop_map(|v4| IpAddr::V6(std::net::Ipv4Addr::from(v4).to_ipv6_mapped())),
        ]
    }

    proptest! {
        #[test]
        fn the_set_finds_what_each_network_contains(
            mut given in proptest::collection::vec((address(), 0_u8..=128), 1..20), other in address(), near: bool,
        ) {
            given.iter_mut().for_each(|(address, length)| if address.is_ipv4() { *length %= 33 });
            let networks: Vec<Network> =
                given.iter().map(|(address, length)| Network::parse(&format!("{address}/{length}")).unwrap()).collect();
            let asked = if near { given[0].0 } else { other };
            let slow: Vec<usize> = (0..networks.len()).filter(|&place| networks[place].contains(asked)).collect();
            let set = NetworkSet::new(networks);
            let mut quick: Vec<usize> = set.matches(asked).collect();
            quick.sort_unstable();
            prop_assert_eq!(quick, slow);
        }

        #[test]
        fn any_text_is_survived(text: Vec<u8>) {
            fuzz(&text);
        }
    }
}
