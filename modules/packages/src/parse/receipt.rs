//! macOS: the receipt of one installed package, a property list in XML or binary form.
//!
//! Source: `pkgutil(1)`; the keys are those of `/var/db/receipts/*.plist`.

use std::{io::Cursor, time::UNIX_EPOCH};

use serde::Deserialize;

use crate::{Kind, Package};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Receipt {
    package_identifier: String,
    #[serde(default)]
    package_version: String,
    #[serde(default)]
    install_date: Option<plist::Date>,
}

/// The package that a receipt is for; none when it is not a receipt.
#[must_use]
pub fn parse(bytes: &[u8]) -> Option<Package> {
    let receipt: Receipt = plist::from_reader(Cursor::new(bytes)).ok()?;
    let seconds = |date: plist::Date| {
        let since_1970 = std::time::SystemTime::from(date)
            .duration_since(UNIX_EPOCH)
            .ok()?;
        i64::try_from(since_1970.as_secs()).ok()
    };
    Some(Package {
        install_time: receipt.install_date.and_then(seconds),
        ..Package::new(Kind::Receipt, receipt.package_identifier, receipt.package_version)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const XML: &[u8] = br#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><dict>
<key>InstallDate</key><date>2024-03-01T00:00:00Z</date>
<key>PackageIdentifier</key><string>com.example.tool</string>
<key>PackageVersion</key><string>1.2</string>
<key>PathACLs</key><dict/>
</dict></plist>"#;

    #[test]
    fn both_forms_are_read() {
        let value: plist::Value = plist::from_bytes(XML).unwrap();
        let mut binary = Vec::new();
        value.to_writer_binary(&mut binary).unwrap();
        for bytes in [XML, &binary] {
            let package = parse(bytes).unwrap();
            assert_eq!(
                (package.name.as_str(), package.version.as_str()),
                ("com.example.tool", "1.2")
            );
            assert_eq!(package.install_time, Some(1_709_251_200));
        }
    }

    proptest! {
        #[test]
        fn damaged_receipts_are_survived(places in prop::collection::vec((any::<usize>(), any::<u8>()), 0..9)) {
            let value: plist::Value = plist::from_bytes(XML).unwrap();
            let mut binary = Vec::new();
            value.to_writer_binary(&mut binary).unwrap();
            for (place, byte) in places {
                let length = binary.len();
                binary[place % length] = byte;
                let _ = parse(&binary);
            }
        }
    }
}
