//! Which distribution a tree is of.
//!
//! Source: `os-release(5)`.

use super::bytes::{lines, lossy, trim};

/// What `os-release` says. Fields that it lacks are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Distro {
    /// `ID`, such as `debian`.
    pub id: String,
    /// `VERSION_ID`, such as `12`.
    pub version_id: String,
}

impl Distro {
    /// Reads the text of `os-release`.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        let mut distro = Self::default();
        for line in lines(text) {
            if let Some(value) = line.strip_prefix(b"ID=") {
                distro.id = unquoted(value);
            } else if let Some(value) = line.strip_prefix(b"VERSION_ID=") {
                distro.version_id = unquoted(value);
            }
        }
        distro
    }
}

/// A value without the quotes around it. Those that are of interest have nothing to escape.
fn unquoted(value: &[u8]) -> String {
    let value = trim(value);
    let inner = |quote: &[u8]| value.strip_prefix(quote)?.strip_suffix(quote);
    lossy(inner(b"\"").or_else(|| inner(b"'")).unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_may_be_quoted() {
        for (text, id, version) in [
            ("ID=debian\nVERSION_ID=\"12\"\n", "debian", "12"),
            ("NAME=x\nID='rhel'\nVERSION_ID=\"9.4\"", "rhel", "9.4"),
            ("ID_LIKE=arch\nID=arch", "arch", ""),
            ("ID=\"", "\"", ""),
        ] {
            let distro = Distro::parse(text.as_bytes());
            assert_eq!(
                (distro.id.as_str(), distro.version_id.as_str()),
                (id, version),
                "{text}"
            );
        }
    }
}
