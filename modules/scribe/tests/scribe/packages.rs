//! Packages of the host.

use crate::support::{host, true_for};
use serde_json::json;

const STATUS: &str = "\
Package: libssl3\nStatus: install ok installed\nArchitecture: amd64\nSource: openssl\nVersion: 3.0.11-1~deb12u1\n\n\
Package: held\nStatus: hold ok installed\nArchitecture: all\nVersion: 1.0~rc1\n\n\
Package: gone\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1.0\n\n";

#[test]
fn versions_are_compared_as_dpkg_does() {
    let root = host(&[("/var/lib/dpkg/status", STATUS)]);
    let found = |package, value: &str| {
        true_for(
            root.path(),
            "package",
            &package,
            &json!({ "evr": { "operation": "<", "value": value } }),
        )
    };
    assert_eq!(
        found(json!({ "name": "libssl3" }), "3.0.11-1~deb12u2"),
        ["libssl3"]
    );
    assert_eq!(
        found(json!({ "name": "libssl3:amd64" }), "3.0.11-1~deb12u1"),
        [""; 0]
    );
    assert_eq!(
        found(json!({ "name": "openssl", "bysource": true }), "3.0.11-1"),
        ["libssl3"]
    );
    assert_eq!(
        found(json!({ "name": "held" }), "1.0"),
        ["held"],
        "a package on hold is installed"
    );
    assert_eq!(
        found(json!({ "name": "gone" }), "9"),
        [""; 0],
        "only its configuration is left"
    );
    assert_eq!(
        found(json!({ "name": "-", "collectmatch": "^[hl]" }), "9"),
        ["libssl3", "held"]
    );
}

#[test]
fn packages_of_languages_have_their_own_order() {
    let record = "Metadata-Version: 2.1\nName: jinja2\nVersion: 3.1.0rc1\n";
    let root = host(&[(
        "/usr/lib/python3/dist-packages/jinja2-3.1.0rc1.dist-info/METADATA",
        record,
    )]);
    let package = json!({ "name": "jinja2", "types": ["pip"] });
    let test = json!({ "evr": { "operation": "<", "value": "3.1.0" } });
    assert_eq!(true_for(root.path(), "package", &package, &test), ["jinja2"]);
    assert_eq!(
        true_for(root.path(), "package", &json!({ "name": "jinja2" }), &test),
        [""; 0]
    );
}
