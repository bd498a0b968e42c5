//! Epoch, version and release: the generic order and rpm's.
//!
//! Source: rpm's documentation of versions, and the behaviour of the older evaluator of scribe documents, whose faults
//! with `~`, with zeros and with long numbers are not repeated.

use std::cmp::Ordering;

use crate::{VersionError, number, tokens};

/// What `^` means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caret {
    /// No more than other punctuation.
    Separates,
    /// Sorts after the end and before everything else.
    SortsAfterEnd,
}

/// The three parts of a version.
struct Evr<'a> {
    epoch: &'a str,
    version: &'a str,
    release: Option<&'a str>,
}

impl<'a> Evr<'a> {
    fn parse(text: &'a str) -> Result<Self, VersionError> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (epoch, rest) = match text.get(digits..).and_then(|rest| rest.strip_prefix(':')) {
            Some(_) if digits == 0 => {
                return Err(VersionError::EmptyEpoch {
                    version: text.to_owned(),
                });
            }
            Some("") => {
                return Err(VersionError::OnlyEpoch {
                    version: text.to_owned(),
                });
            }
            Some(rest) => (text.get(..digits).unwrap_or_default(), rest),
            None => ("", text),
        };
        match rest.rsplit_once('-') {
            Some((_, "")) => Err(VersionError::EmptyRelease {
                version: text.to_owned(),
            }),
            Some((version, release)) => Ok(Self {
                epoch,
                version,
                release: Some(release),
            }),
            None => Ok(Self {
                epoch,
                version: rest,
                release: None,
            }),
        }
    }
}

/// Compares epochs as numbers, then versions, then releases.
pub(crate) fn compare(a: &str, b: &str, caret: Caret) -> Result<Ordering, VersionError> {
    let (a, b) = (Evr::parse(a)?, Evr::parse(b)?);
    Ok(number::compare(a.epoch.as_bytes(), b.epoch.as_bytes())
        .then_with(|| tokens::compare(a.version, b.version, caret))
        .then_with(|| compare_release(a.release, b.release, caret)))
}

/// Unlike rpm's, the generic order takes a missing release for an empty one, which differs where one starts with `~`.
fn compare_release(a: Option<&str>, b: Option<&str>, caret: Caret) -> Ordering {
    match (a, b, caret) {
        (None, Some(_), Caret::SortsAfterEnd) => Ordering::Less,
        (Some(_), None, Caret::SortsAfterEnd) => Ordering::Greater,
        _ => tokens::compare(a.unwrap_or_default(), b.unwrap_or_default(), caret),
    }
}

#[cfg(test)]
mod tests {
    use crate::Order;
    use std::cmp::Ordering::{self, Equal, Greater, Less};

    fn check(order: Order, cases: &[(&str, Ordering, &str)]) {
        for &(a, expected, b) in cases {
            assert_eq!(order.compare(a, b), Ok(expected), "{a} {b}");
            assert_eq!(order.compare(b, a), Ok(expected.reverse()), "{b} {a}");
        }
    }

    #[test]
    fn what_the_older_evaluator_gets_right_stays() {
        check(
            Order::Evr,
            &[
                ("1.0", Less, "1.0.0"),
                ("1.0", Less, "1.0a"),
                ("1", Less, "1-2"),
                ("1_0", Equal, "1.0"),
                ("00001", Equal, "1"),
                ("0:1", Equal, "1"),
                ("", Less, "1"),
                ("2:1", Greater, "1:9"),
                ("1.0^git1", Greater, "1.0"),
                ("1.0a", Less, "1.0.1"),
            ],
        );
    }

    #[test]
    fn what_the_older_evaluator_gets_wrong_is_right() {
        check(
            Order::Evr,
            &[
                ("1.0~rc1", Less, "1.0"),
                ("1.00", Equal, "1.0"),
                ("1.000", Less, "1.1"),
                ("20150101120000000000000", Greater, "3"),
                ("99999999999999999999999:1", Greater, "2:1"),
            ],
        );
    }

    #[test]
    fn rpm_knows_tilde_and_caret() {
        check(
            Order::Rpm,
            &[
                ("1.0~rc1", Less, "1.0"),
                ("1.0^git1", Greater, "1.0"),
                ("1.0^git1", Less, "1.0.1"),
                ("1.0~rc1^git1", Greater, "1.0~rc1"),
                ("1.0^git1~pre", Less, "1.0^git1"),
                ("2.50", Greater, "2.5"),
                ("fc4", Equal, "fc.4"),
                ("FC5", Less, "fc4"),
                ("2a", Less, "2.0"),
                ("1", Less, "1-~"),
            ],
        );
    }

    #[test]
    fn what_is_no_version_is_refused_by_name() {
        for (text, expected) in [
            (":1", "empty epoch"),
            ("1:", "only an epoch"),
            ("1.0-", "empty release"),
        ] {
            let error = Order::Evr.compare("1", text).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains(text), "{error}");
        }
    }
}
