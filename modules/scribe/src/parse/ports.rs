//! Tables of sockets below `/proc/net`.
//!
//! Source: `proc(5)` and `net/ipv4/tcp_ipv4.c`: addresses are words in the host's byte order, ports are not.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// State of a TCP socket that listens.
const LISTENING: &str = "0A";
/// State of a UDP socket that is bound and not connected.
const UNCONNECTED: &str = "07";

/// A socket that takes what anybody sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// The address that it is bound to.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// The user who opened it.
    pub uid: u32,
}

/// Which table it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `tcp`, `tcp6`.
    Tcp,
    /// `udp`, `udp6`.
    Udp,
}

/// Sockets of a table that listen.
#[must_use]
pub fn parse(text: &str, protocol: Protocol) -> Vec<Listener> {
    let state = match protocol {
        Protocol::Tcp => LISTENING,
        Protocol::Udp => UNCONNECTED,
    };
    text.lines()
        .skip(1)
        .filter_map(|line| listener(line, state))
        .collect()
}

fn listener(line: &str, wanted: &str) -> Option<Listener> {
    let mut fields = line.split_ascii_whitespace();
    let (local, _, state) = (fields.nth(1)?, fields.next()?, fields.next()?);
    if state != wanted {
        return None;
    }
    let uid = fields.nth(3)?.parse().ok()?;
    let (address, port) = local.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    Some(Listener {
        address: self::address(address)?,
        port,
        uid,
    })
}

fn address(text: &str) -> Option<IpAddr> {
    let word = |at: usize| {
        let digits = text.get(at * 8..at * 8 + 8)?;
        u32::from_str_radix(digits, 16).ok().map(u32::to_ne_bytes)
    };
    match text.len() {
        8 => Some(IpAddr::V4(Ipv4Addr::from(word(0)?))),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let bytes: [u8; 16] = words.concat().try_into().ok()?;
            Some(IpAddr::V6(Ipv6Addr::from(bytes)).to_canonical())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listening_sockets_are_told_from_others() {
        let word = |bytes: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(bytes));
        let local = word([127, 0, 0, 1]);
        let text = format!(
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             \x20  0: {local}:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1 1\n\
             \x20  1: {local}:0017 00000000:0000 01 00000000:00000000 00:00000000 00000000     0        0 1 1\n\
             \x20  2: {}:1F90 0:0 0A 0:0 0:0 0 5 0 1 1\nrubbish\n   3: 0:0 0 0A\n",
            "0".repeat(32)
        );
        let found = parse(&text, Protocol::Tcp);
        let shown: Vec<_> = found
            .iter()
            .map(|l| format!("{} {} {}", l.address, l.port, l.uid))
            .collect();
        assert_eq!(shown, ["127.0.0.1 22 1000", ":: 8080 5"]);
        assert!(parse(&text, Protocol::Udp).is_empty());
    }
}
