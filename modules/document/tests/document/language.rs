//! What older documents mean.

use crate::host::{Host, one, run};
use gumshoe_document::{PackageType, Plan, SubResult};
use serde_json::{Value, json};

fn subs(results: &[SubResult]) -> Vec<(&str, bool)> {
    results
        .iter()
        .map(|sub| (sub.identifier.as_str(), sub.result))
        .collect()
}

#[test]
fn content_gives_one_criterion_per_group() {
    let mut host = Host::with_files(&[
        ("/etc/a.conf", "x = 1 2\ny = 3 4\nx = 5\n"),
        ("/etc/b.txt", "x = 1 2"),
    ]);
    let object =
        json!({"filecontent": {"path": "/etc", "file": r"\.conf$", "expression": r"^x = (\d)( \d)?"}});
    let result = one(object, json!({"exactmatch": {"value": "5"}}), &mut host);
    let conf = "/etc/a.conf";
    assert_eq!(
        subs(&result.results),
        [(conf, false), (conf, false), (conf, true), (conf, false)]
    );
    assert!(result.result && result.has_true);
}

#[test]
fn an_expression_without_group_gives_nothing_and_nothing_is_false() {
    let mut host = Host::with_files(&[("/etc/a", "x")]);
    let object = json!({"filecontent": {"path": "/etc", "file": ".*", "expression": "x"}});
    let result = one(object, json!({}), &mut host);
    assert_eq!(
        (result.result, result.results.len(), result.error),
        (false, 0, None)
    );
}

#[test]
fn empty_sources_and_evaluators_are_absent() {
    let mut host = Host::default().package(PackageType::Rpm, "bash", "4.1-2");
    let object = json!({"filename": {}, "filecontent": {"path": ""}, "hasline": null, "raw": {"identifiers": []},
        "package": {"name": "bash"}});
    let test = json!({"evr": {}, "regexp": {"value": ""}, "exactmatch": {"value": "4.1-2"}});
    assert!(one(object, test, &mut host).result);
}

#[test]
fn without_evaluator_every_criterion_is_true() {
    let object = json!({"raw": {"identifiers": [{"identifier": "a", "value": "1"}, {"identifier": "b", "value": "2"}]}});
    let result = one(object, json!({"exactmatch": {"value": ""}}), &mut Host::default());
    assert_eq!(subs(&result.results), [("a", true), ("b", true)]);
}

#[test]
fn lines_are_there_or_not() {
    let mut host = Host::with_files(&[("/etc/a", "PermitRootLogin no"), ("/etc/b", "none")]);
    let object = json!({"hasline": {"path": "/etc", "file": ".", "expression": "^PermitRootLogin"}});
    let result = one(object, json!({"exactmatch": {"value": "true"}}), &mut host);
    assert_eq!(subs(&result.results), [("/etc/a", true), ("/etc/b", false)]);
}

#[test]
fn file_names_have_versions() {
    let mut host = Host::with_files(&[("/lib/foo-1.2.jar", ""), ("/lib/foo.jar", "")]);
    let object = json!({"filename": {"path": "/lib", "file": r"foo-(.*)\.jar"}});
    let result = one(
        object,
        json!({"evr": {"operation": "<", "value": "1.10"}}),
        &mut host,
    );
    assert_eq!(subs(&result.results), [("/lib/foo-1.2.jar", true)]);
}

#[test]
fn packages_are_found_with_and_without_architecture() {
    for name in ["libc6", "libc6:amd64"] {
        let mut host = Host::default().package(PackageType::Dpkg, "libc6:amd64", "2.36-9+deb12u3");
        let test = json!({"evr": {"operation": "<", "value": "2.36-9+deb12u4"}});
        assert!(
            one(json!({"package": {"name": name}}), test, &mut host).result,
            "{name}"
        );
    }
}

#[test]
fn versions_are_ordered_as_the_package_is() {
    for (kind, version, fixed, expected) in [
        (PackageType::Rpm, "1.0^git1-1", "1.0.1-1", true),
        (PackageType::Dpkg, "1.0~rc1", "1.0", true),
        (PackageType::Dpkg, "1.0+b1", "1.0a", false),
        (PackageType::Apk, "1.1_rc1-r0", "1.1-r0", true),
        (PackageType::Pacman, "1.0a-1", "1.0-1", true),
    ] {
        let mut host = Host::default().package(kind, "p", version);
        let test = json!({"evr": {"operation": "<", "value": fixed}});
        assert_eq!(
            one(json!({"package": {"name": "p"}}), test, &mut host).result,
            expected,
            "{version} {fixed}"
        );
    }
}

#[test]
fn only_the_newest_kernel_counts() {
    let mut host = Host::default()
        .package(PackageType::Rpm, "kernel", "2.6.32-9")
        .package(PackageType::Rpm, "kernel", "2.6.32-10")
        .package(PackageType::Rpm, "kernel-devel", "2.6.32-11");
    let object = json!({"package": {"name": "kernel", "onlynewest": true}});
    let test = json!({"evr": {"operation": "=", "value": "2.6.32-10"}});
    let result = one(object, test, &mut host);
    assert_eq!(subs(&result.results), [("kernel", true)]);
    let object = json!({"package": {"name": "-", "collectmatch": "^kernel"}});
    assert_eq!(one(object, json!({}), &mut host).results.len(), 3);
}

#[test]
fn variables_reach_paths_and_package_names() {
    let mut host =
        Host::with_files(&[("/opt/app/conf", "v=1")]).package(PackageType::Dpkg, "app-server", "1");
    let document = json!({
        "variables": [{"key": "root", "value": "/opt/${name}"}, {"key": "name", "value": "app"}],
        "objects": [
            {"object": "f", "filecontent": {"path": "${root}", "file": "^conf$", "expression": "v=(.)"}},
            {"object": "p", "package": {"name": "${name}-server"}},
            {"object": "r", "raw": {"identifiers": [{"identifier": "x", "value": "${name}"}]}}],
        "tests": [{"test": "1", "object": "f"}, {"test": "2", "object": "p"},
            {"test": "3", "object": "r", "exactmatch": {"value": "${name}"}}]});
    assert_eq!(run(&document, &mut host).1.true_tests, 3);
}

fn dependent(first: &str, second: Value) -> Value {
    json!({"objects": [{"object": "o", "raw": {"identifiers": [{"identifier": "x", "value": "a"}]}}],
        "tests": [second, {"test": "first", "object": "o", "regexp": {"value": first}}]})
}

#[test]
fn a_false_dependency_makes_false_and_a_broken_one_an_error() {
    let second = json!({"test": "second", "object": "o", "if": ["first"]});
    let results = run(&dependent("b", second.clone()), &mut Host::default()).0;
    assert!(results[0].has_true && results[0].blocked && !results[0].result);
    let results = run(&dependent("(", second.clone()), &mut Host::default()).0;
    assert_eq!(
        results[0].error.as_deref(),
        Some("a test dependency failed (\"first\")")
    );
    assert!(run(&dependent("a", second), &mut Host::default()).0[0].result);
}

#[test]
fn results_come_in_the_order_of_the_document() {
    let second = json!({"test": "second", "object": "o", "if": ["first"]});
    let results = run(&dependent("a", second), &mut Host::default()).0;
    assert_eq!(
        results.iter().map(|result| &*result.test).collect::<Vec<_>>(),
        ["second", "first"]
    );
}

#[test]
fn expectations_are_counted() {
    let object = json!({"object": "o", "raw": {"identifiers": [{"identifier": "x", "value": "a"}]}});
    let document = json!({"objects": [object], "tests": [
        {"test": "1", "object": "o"},
        {"test": "2", "object": "o", "expectedresult": true},
        {"test": "3", "object": "gone", "expecterror": true},
        {"test": "4", "object": "gone"}]});
    let summary = run(&document, &mut Host::default()).1;
    assert_eq!(
        (
            summary.run,
            summary.true_tests,
            summary.errors,
            summary.unexpected
        ),
        (4, 2, 2, 2)
    );
}

#[test]
fn errors_do_not_give_away_values() {
    let mut host = Host::with_files(&[("/etc/shadow", "root:secret-:1")]);
    let object = json!({"filecontent": {"path": "/etc", "file": "^shadow$", "expression": "^root:([^:]*)"}});
    let result = one(
        object,
        json!({"evr": {"operation": "<", "value": "1"}}),
        &mut host,
    );
    let error = result.error.unwrap();
    assert!(
        error.contains("/etc/shadow") && !error.contains("secret"),
        "{error}"
    );
}

#[test]
fn yaml_and_json_are_one_language() {
    let yaml = "objects:\n- object: o\n  raw:\n    identifiers:\n    - {identifier: x, value: 1.10}\ntests:\n\
                - test: t\n  object: o\n  expectedresult: yes\n  exactmatch:\n    value: 1.10\n";
    let plan = Plan::parse(yaml.as_bytes()).unwrap();
    let mut results = Vec::new();
    let summary = gumshoe_document::evaluate(&plan, &mut Host::default(), &mut |result| {
        results.push(result);
        gumshoe_document::Flow::Continue
    });
    assert_eq!((summary.true_tests, summary.unexpected), (1, 0));
}

#[test]
fn all_files_are_located_together_and_each_location_once() {
    let mut host = Host::with_files(&[("/etc/redhat-release", "CentOS release 6.6")]);
    let mut objects: Vec<Value> = (0..50)
        .map(|n| {
            json!({"object": n.to_string(), "filecontent":
            {"path": "/etc", "file": "^redhat-release$", "expression": "release (.*)"}})
        })
        .collect();
    objects.push(json!({"object": "50", "hasline": {"path": "/etc", "file": "release", "expression": "x"}}));
    let tests: Vec<Value> = (0..51)
        .map(|n| json!({"test": n.to_string(), "object": n.to_string()}))
        .collect();
    let (_, summary) = run(&json!({"objects": objects, "tests": tests}), &mut host);
    assert_eq!(summary.true_tests, 51);
    assert_eq!((host.asked["locate"], host.asked["locations"]), (1, 2));
}
