//! Keys that older evaluators do not know.

use crate::host::{Host, one, run};
use gumshoe_document::{Fact, FactKind, Package, PackageType};
use serde_json::{Value, json};

fn three() -> Value {
    let entries = ["1", "2", "3"].map(|n| json!({"identifier": n, "value": n}));
    json!({"raw": {"identifiers": entries}})
}

#[test]
fn not_all_and_count_change_the_verdict() {
    for (test, expected) in [
        (json!({"regexp": {"value": "[12]"}}), true),
        (json!({"regexp": {"value": "[12]"}, "all": true}), false),
        (json!({"regexp": {"value": "[123]"}, "all": true}), true),
        (json!({"regexp": {"value": "[123]"}, "not": true}), false),
        (
            json!({"regexp": {"value": "[9]"}, "not": true, "all": true}),
            true,
        ),
        (
            json!({"regexp": {"value": "[12]"}, "count": {"operation": "=", "value": 2}}),
            true,
        ),
        (
            json!({"regexp": {"value": "[12]"}, "count": {"operation": ">", "value": 2}}),
            false,
        ),
        (
            json!({"regexp": {"value": "[9]"}, "count": {"operation": "=", "value": 0}}),
            true,
        ),
    ] {
        assert_eq!(
            one(three(), test.clone(), &mut Host::default()).result,
            expected,
            "{test}"
        );
    }
}

#[test]
fn one_of_several_dependencies_is_enough() {
    let test = |id: &str, value: &str| json!({"test": id, "object": "o", "exactmatch": {"value": value}});
    let mut object = three();
    object["object"] = "o".into();
    for (needs, expected) in [(["yes", "no"], true), (["no", "no"], false)] {
        let document = json!({"objects": [object], "tests":
            [test("yes", "1"), test("no", "9"), {"test": "t", "object": "o", "ifany": needs}]});
        assert_eq!(run(&document, &mut Host::default()).0[2].result, expected);
    }
}

#[test]
fn a_broken_alternative_matters_only_when_no_other_is_true() {
    let mut object = three();
    object["object"] = "o".into();
    for (value, error) in [("1", None), ("9", Some("a test dependency failed (\"broken\")"))] {
        let document = json!({"objects": [object], "tests": [
            {"test": "broken", "object": "gone"},
            {"test": "other", "object": "o", "exactmatch": {"value": value}},
            {"test": "t", "object": "o", "ifany": ["broken", "other"]}]});
        let result = run(&document, &mut Host::default()).0.remove(2);
        assert_eq!((result.result, result.error.as_deref()), (error.is_none(), error));
    }
}

#[test]
fn source_packages_stand_for_what_was_built_from_them() {
    let mut host = Host::default().package(PackageType::Dpkg, "libssl3", "3.0.11-1");
    host.packages[0].source = Some("openssl".into());
    host.packages.push(Package {
        name: "openssl".into(),
        source: None,
        ..host.packages[0].clone()
    });
    host.packages.push(Package {
        kind: PackageType::Npm,
        ..host.packages[1].clone()
    });
    let object = json!({"package": {"name": "openssl", "bysource": true}});
    let names: Vec<_> = one(object, json!({}), &mut host)
        .results
        .into_iter()
        .map(|sub| sub.identifier)
        .collect();
    assert_eq!(
        names,
        ["libssl3", "openssl"],
        "packages of languages are left out unless asked for"
    );
    let object = json!({"package": {"name": "openssl", "types": ["npm"]}});
    assert_eq!(one(object, json!({}), &mut host).results.len(), 1);
}

#[test]
fn the_order_of_versions_can_be_said() {
    let object = json!({"raw": {"identifiers": [{"identifier": "x", "value": "1.0.post1"}]}});
    for (order, expected) in [("pep440", false), ("gem", true), ("evr", false)] {
        let test = json!({"evr": {"operation": "<", "value": "1.0", "type": order}});
        assert_eq!(
            one(object.clone(), test, &mut Host::default()).result,
            expected,
            "{order}"
        );
    }
}

#[test]
fn facts_have_names_and_fields() {
    let user = |name: &str, uid: &str| {
        let values = [uid, "0", "/root", "/bin/sh"].map(str::to_owned).to_vec();
        (
            FactKind::User,
            Fact {
                identifier: name.into(),
                values,
            },
        )
    };
    let mut host = Host {
        facts: vec![user("root", "0"), user("toor", "0"), user("bin", "2")],
        ..Host::default()
    };
    let object = json!({"user": {"name": "."}});
    let test = json!({"exactmatch": {"value": "0"}, "count": {"operation": ">", "value": 1}});
    assert!(one(object, test, &mut host).result);
    let object = json!({"user": {"name": "^bin$", "field": "shell"}});
    assert!(one(object, json!({"exactmatch": {"value": "/bin/sh"}}), &mut host).result);
}

#[test]
fn a_source_that_fails_is_an_error_of_its_tests() {
    let result = one(json!({"sysctl": {"name": "."}}), json!({}), &mut Host::default());
    assert_eq!(result.error.as_deref(), Some("/proc/sys: permission denied"));
}
