//! Semantic versioning.
//!
//! Source: semver.org 2.0.0. Written loosely too: `v1.2` is `1.2.0`.

use std::cmp::Ordering;

use semver::Version;

use crate::{Order, VersionError};

/// Compares by precedence: build metadata does not count.
pub(crate) fn compare(a: &str, b: &str) -> Result<Ordering, VersionError> {
    Ok(parse(a)?.cmp_precedence(&parse(b)?))
}

fn parse(text: &str) -> Result<Version, VersionError> {
    let refused = |_| Order::Semver.refuses(text);
    let plain = text.trim().trim_start_matches(['v', '=']);
    let core = plain.find(['-', '+']).unwrap_or(plain.len());
    let (numbers, rest) = plain.split_at(core);
    let missing = 2_usize.saturating_sub(numbers.matches('.').count());
    Version::parse(&format!("{numbers}{}{rest}", ".0".repeat(missing))).map_err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cmp::Ordering::{Equal, Less};

    #[test]
    fn precedence_of_the_specification() {
        let rising = [
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0",
            "1.1",
            "v2",
        ];
        for pair in rising.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ok(Less), "{pair:?}");
        }
        assert_eq!(compare("1.0.0+a", "v1+b"), Ok(Equal));
        assert!(compare("1", "one").is_err());
    }
}
