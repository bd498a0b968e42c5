//! Python's order.

use std::{cmp::Ordering, str::FromStr};

use pep440_rs::Version;

use crate::{Order, VersionError};

/// Compares as PEP 440 says, local versions included.
pub(crate) fn compare(a: &str, b: &str) -> Result<Ordering, VersionError> {
    Ok(parse(a)?.cmp(&parse(b)?))
}

fn parse(text: &str) -> Result<Version, VersionError> {
    Version::from_str(text.trim()).map_err(|_| Order::Pep440.refuses(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cmp::Ordering::{Equal, Less};

    #[test]
    fn examples_of_the_pep() {
        let rising = [
            "1.0.dev456",
            "1.0a1",
            "1.0b2.post345.dev456",
            "1.0rc1",
            "1.0",
            "1.0+abc.7",
            "1.0.post1",
            "1!0.1",
        ];
        for pair in rising.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ok(Less), "{pair:?}");
        }
        assert_eq!(compare("1.0", "v1.0.0"), Ok(Equal));
        assert!(compare("1", "one").is_err());
    }
}
