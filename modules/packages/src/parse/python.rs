//! Python: `METADATA` of a `.dist-info` folder, `PKG-INFO` of an `.egg-info`.
//!
//! Source: PyPA's specification of core metadata: fields as in an e-mail, ended by an empty line.

use super::bytes::{lines, lossy, trim};
use crate::{Kind, Package};

/// The package that the metadata describe; none when they have no name.
#[must_use]
pub fn parse(text: &[u8]) -> Option<Package> {
    let mut package = Package::new(Kind::Pip, "", "");
    for line in lines(text) {
        if trim(line).is_empty() {
            break;
        }
        if let Some(name) = field(line, b"name:") {
            package.name = lossy(name);
        } else if let Some(version) = field(line, b"version:") {
            package.version = lossy(version);
        }
    }
    (!package.name.is_empty()).then_some(package)
}

/// The value, when a line is a field of this name; letters may be of either case.
fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (found, value) = line.split_at_checked(name.len())?;
    found.eq_ignore_ascii_case(name).then(|| trim(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_comes_after_the_fields_is_not_taken() {
        let text = b"Metadata-Version: 2.1\r\nName: ruamel.yaml\r\nVERSION: 0.18\r\n\r\nName: other\r\nVersion: 9\r\n";
        let package = parse(text).unwrap();
        assert_eq!(
            (package.name.as_str(), package.version.as_str()),
            ("ruamel.yaml", "0.18")
        );
        assert_eq!(parse(b"\nName: x"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text: Vec<u8>) {
            let _ = parse(&text);
        }
    }
}
