//! Ports and ranges of ports.

use std::ops::RangeInclusive;

/// Why a text is not a port or a range of ports.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a port from 1 to 65535, nor a range such as 8000-8100")]
pub struct PortError(pub String);

/// Parses `PORT` or `FIRST-LAST`.
///
/// # Errors
///
/// [`PortError`] for anything else: zero, signs, a range that ends before it begins.
pub fn parse(text: &str) -> Result<RangeInclusive<u16>, PortError> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => Ok(first..=last),
        _ => Err(PortError(text.to_owned())),
    }
}

fn number(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|&port| digits && port > 0)
}

/// Ranges of ports, each with its place in a list.
#[derive(Debug, Clone, Default)]
pub struct PortSet {
    ranges: Vec<RangeInclusive<u16>>,
    /// One bit per port that is in some range: most sockets are settled by it.
    any: Vec<u64>,
}

impl PortSet {
    /// A set of these ranges.
    #[must_use]
    pub fn new(ranges: Vec<RangeInclusive<u16>>) -> PortSet {
        let mut any = vec![0; if ranges.is_empty() { 0 } else { 1024 }];
        for port in ranges.iter().cloned().flatten() {
            any[usize::from(port / 64)] |= 1_u64 << (port % 64);
        }
        PortSet { ranges, any }
    }

    /// The ranges.
    #[must_use]
    pub fn ranges(&self) -> &[RangeInclusive<u16>] {
        &self.ranges
    }

    /// Places of the ranges that contain a port.
    pub fn matches(&self, port: u16) -> impl Iterator<Item = usize> {
        let word = self.any.get(usize::from(port / 64)).copied().unwrap_or(0);
        let ranges = if word >> (port % 64) & 1 == 1 {
            self.ranges.as_slice()
        } else {
            &[]
        };
        ranges
            .iter()
            .enumerate()
            .filter(move |(_, range)| range.contains(&port))
            .map(|(place, _)| place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn slips_are_refused() {
        for text in [
            "",
            "0",
            "65536",
            "-1",
            "+80",
            "80-",
            "-80",
            "90-80",
            "80-90-100",
            "http",
            " 80",
            "0-5",
        ] {
            assert_eq!(parse(text), Err(PortError(text.to_owned())));
        }
        assert_eq!((parse("80"), parse("1-65535")), (Ok(80..=80), Ok(1..=65535)));
    }

    proptest! {
        #[test]
        fn the_set_finds_what_each_range_contains(
            ends in proptest::collection::vec(any::<(u16, u16)>(), 0..6), port: u16,
        ) {
            let ranges: Vec<_> = ends.iter().map(|&(a, b)| a.min(b)..=a.max(b)).collect();
            let slow: Vec<usize> = (0..ranges.len()).filter(|&place| ranges[place].contains(&port)).collect();
            prop_assert_eq!(PortSet::new(ranges).matches(port).collect::<Vec<_>>(), slow);
        }
    }
}
