//! macOS: the receipt of one installed package, a property list.
//!
//! Source: `pkgutil(1)`; the keys are those of `/var/db/receipts/*.plist`.

use super::plist::{Value, values};
use crate::{Kind, Package};

/// The package that a receipt is for; none when it is not a receipt.
#[must_use]
pub fn parse(bytes: &[u8]) -> Option<Package> {
    let keys = ["PackageIdentifier", "PackageVersion", "InstallDate"];
    let [name, version, date] = values(bytes, keys)?;
    let text = |value| match value {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    };
    let install_time = match date {
        Some(Value::Date(seconds)) => Some(seconds),
        _ => None,
    };
    Some(Package {
        install_time,
        ..Package::new(Kind::Receipt, text(name)?, text(version).unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_needs_an_identifier() {
        let list = |key: &str| {
            format!(
                "<plist version=\"1.0\"><dict>\n<key>{key}</key><string>com.example.tool</string>\
                 <key>PackageVersion</key>\n<string>1.2</string>\
                 <key>InstallDate</key><date>2024-03-01T00:00:00Z</date></dict></plist>"
            )
        };
        let package = parse(list("PackageIdentifier").as_bytes()).unwrap();
        assert_eq!(
            (package.name.as_str(), package.version.as_str()),
            ("com.example.tool", "1.2")
        );
        assert_eq!(package.install_time, Some(1_709_251_200));
        assert_eq!(parse(list("Identifier").as_bytes()), None);
    }
}
