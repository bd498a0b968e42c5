//! Each format, on hosts that are affected and on hosts that are not.

use crate::host::Host;
use gumshoe_advisories::{Skipped, Statement, csaf, document, osv, oval};
use gumshoe_document::PackageType::{Dpkg, Npm, Pip, Rpm};

fn reasons(skipped: &Skipped) -> Vec<(&str, u64)> {
    skipped.iter().collect()
}

fn ids(statements: &[Statement], mut host: Host) -> Vec<String> {
    host.affected(&document(statements))
        .into_iter()
        .map(|result| result.test)
        .collect()
}

#[test]
fn osv_of_a_distribution_is_about_source_packages_of_one_release() {
    let (statements, skipped) = osv::read(include_bytes!("../../testdata/osv-debian.json")).unwrap();
    assert_eq!(reasons(&skipped), []);
    for (release, version, expected) in [
        ("12", "3.0.11-1~deb12u1", true),
        ("12", "3.0.11-1~deb12u2", false),
        ("11", "1.1.1w-0+deb11u1", false),
        ("12.1", "3.0.9-1", true),
    ] {
        let host = Host::new("debian", release).package(Dpkg, "libssl3", version, Some("openssl"));
        assert_eq!(
            ids(&statements, host).len(),
            usize::from(expected),
            "{release} {version}"
        );
    }
    let host = Host::new("ubuntu", "12").package(Dpkg, "openssl", "1", None);
    assert_eq!(ids(&statements, host), [""; 0], "another distribution");
}

#[test]
fn osv_of_languages_has_ranges_and_lists() {
    let (statements, skipped) = osv::read(include_bytes!("../../testdata/osv-pypi.json")).unwrap();
    assert_eq!(reasons(&skipped), [("ecosystem Go", 1), ("withdrawn", 1)]);
    for (version, expected) in [
        ("2.11.2", vec!["GHSA-xxxx-0001:Jinja2"]),
        ("2.11.3", vec![]),
        ("3.0.0", vec!["GHSA-xxxx-0001:Jinja2:2"]),
        ("3.1.2", vec!["GHSA-xxxx-0001:Jinja2:2"]),
        ("3.1.3", vec![]),
    ] {
        let host = Host::new("debian", "12").package(Pip, "jinja2", version, None);
        assert_eq!(ids(&statements, host), expected, "{version}");
    }
    for (version, count) in [("1.0.1+x", 1), ("1.0.2", 0)] {
        let host = Host::new("debian", "12").package(Npm, "@evil/left-pad", version, None);
        assert_eq!(ids(&statements, host).len(), count, "{version}");
    }
}

#[test]
fn csaf_is_about_packages_of_platforms() {
    let (statements, skipped) = csaf::read(include_bytes!("../../testdata/csaf-redhat.json")).unwrap();
    assert_eq!(
        reasons(&skipped),
        [("product without package URL", 1), ("under investigation", 1)]
    );
    assert_eq!(statements.len(), 2, "architectures come down to one statement");
    let host = |version| Host::new("rhel", "9.3").package(Rpm, "openssl", version, None);
    assert_eq!(
        ids(&statements, host("1:3.0.7-24.el9")),
        ["CVE-0000-1234:openssl"]
    );
    assert_eq!(ids(&statements, host("1:3.0.7-25.el9_3")), [""; 0]);
    let results = host("1:3.0.7-25.el9_3")
        .package(Rpm, "compat-openssl11", "1:1-1", None)
        .affected(&document(&statements));
    let tags: Vec<_> = results[0]
        .tags
        .iter()
        .map(|tag| (tag.key.as_str(), tag.value.as_str()))
        .collect();
    assert_eq!(
        tags,
        [
            ("advisory", "RHSA-0000:0001"),
            ("severity", "Important"),
            ("fix", "none")
        ]
    );
}

#[test]
fn oval_of_red_hat() {
    let (statements, skipped) = oval::read(include_bytes!("../../testdata/oval-redhat.xml")).unwrap();
    assert_eq!(reasons(&skipped), []);
    let host = |release, version| Host::new("rhel", release).package(Rpm, "openssl-libs", version, None);
    assert_eq!(
        ids(&statements, host("8.9", "1:1.1.1k-9.el8")),
        ["RHSA-0000:0001:openssl-libs"]
    );
    assert_eq!(ids(&statements, host("8.9", "1:1.1.1k-12.el8_9")), [""; 0]);
    assert_eq!(ids(&statements, host("9.1", "1:1.1.1k-9.el8")), [""; 0]);
    let tags: Vec<_> = statements[0]
        .tags
        .iter()
        .map(|tag| (tag.key.as_str(), tag.value.as_str()))
        .collect();
    assert_eq!(
        tags,
        [
            ("cve", "CVE-0000-1234"),
            ("severity", "Important"),
            ("unchecked", "Module x:1 is enabled")
        ]
    );
}

#[test]
fn oval_of_ubuntu_names_packages_by_variables() {
    let (statements, skipped) = oval::read(include_bytes!("../../testdata/oval-ubuntu.xml")).unwrap();
    assert_eq!(reasons(&skipped), []);
    let host = |version| Host::new("ubuntu", "22.04").package(Dpkg, "libssl3", version, Some("openssl"));
    assert_eq!(
        ids(&statements, host("3.0.2-0ubuntu1.10")),
        ["USN-6450-1:libssl3"]
    );
    assert_eq!(ids(&statements, host("3.0.2-0ubuntu1.12")), [""; 0]);
}

#[test]
fn oval_of_debian() {
    let (statements, skipped) = oval::read(include_bytes!("../../testdata/oval-debian.xml")).unwrap();
    assert_eq!(
        reasons(&skipped),
        [("definition without version of a package", 1)]
    );
    let host = |version| Host::new("debian", "12").package(Dpkg, "openssl", version, None);
    assert_eq!(ids(&statements, host("3.0.9-1")), ["CVE-2023-5363:openssl"]);
    assert_eq!(ids(&statements, host("3.0.11-1~deb12u2")), [""; 0]);
}

#[test]
fn what_is_something_else_is_refused() {
    assert!(osv::read(b"{}").is_err());
    assert!(csaf::read(b"[]").is_err());
    let error = oval::read(b"<html/>").unwrap_err().to_string();
    assert!(error.contains("html"), "{error}");
    assert!(oval::read(b"<oval_definitions>").is_err());
}
