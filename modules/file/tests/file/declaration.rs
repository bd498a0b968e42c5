//! Parameters: what is declared, accepted and refused.

use gumshoe_module_file::File;
use gumshoe_plugin_api::harness::{conforms, parameters, plan};
use serde_json::{Value, json};

#[test]
fn the_declaration_is_in_order() {
    assert_eq!(conforms::<File>(), Vec::<String>::new());
}

fn problem(search: Value) -> String {
    plan::<File>(&json!({ "searches": { "s": search } }))
        .map(|_| ())
        .expect_err("refused")
        .to_string()
}

#[test]
fn slips_are_named_with_place_and_likely_meaning() {
    for (search, parts) in [
        (
            json!({ "paths": ["/"], "content": ["x"] }),
            ["/searches/s", "contents"],
        ),
        (json!({ "path": ["/"] }), ["/searches/s", "paths"]),
        (
            json!({ "paths": ["/"], "options": { "max-depth": 1 } }),
            ["/searches/s/options", "maxdepth"],
        ),
        (
            json!({ "paths": ["/"], "options": { "mismatch": ["contents"] } }),
            ["/searches/s/options/mismatch/0", "content"],
        ),
        (json!({ "paths": "/" }), ["/searches/s/paths", "array"]),
        (
            json!({ "paths": ["/"], "options": { "maxdepth": -1 } }),
            ["/searches/s/options/maxdepth", "at least 0"],
        ),
        (
            json!({ "paths": ["/"], "types": ["x"] }),
            ["/searches/s/types/0", "not one of"],
        ),
        (
            json!({ "paths": ["/"], "names": ["a(b"] }),
            ["/searches/s/names/0", "byte 1"],
        ),
        (json!({ "paths": ["etc"] }), ["/searches/s/paths/0", "absolute"]),
    ] {
        let problem = problem(search);
        assert!(parts.iter().all(|part| problem.contains(part)), "{problem}");
    }
}

#[test]
fn whole_numbers_may_have_a_fraction_of_zero() {
    let search =
        json!({ "paths": ["/"], "options": { "matchlimit": 10.0, "maxdepth": 3.0, "maxerrors": 1e1 } });
    let plan = plan::<File>(&json!({ "searches": { "s": search } })).expect("accepted");
    let options = &plan.searches[0].options;
    assert_eq!(
        (options.matchlimit, options.maxdepth, options.maxerrors),
        (10, 3, 10)
    );
}

#[test]
fn all_filters_must_match_on_the_command_line_and_any_in_json() {
    let of = |arguments: &[&str]| parameters::<File>(arguments).expect("accepted")["searches"]["s1"].clone();
    assert_eq!(of(&["--path", "/", "--name", "x"])["options"]["matchall"], true);
    assert_eq!(
        of(&["--path", "/", "--name", "x", "--matchany"])["options"]["matchall"],
        false
    );
    let plan = plan::<File>(&json!({ "searches": { "s": { "paths": ["/"] } } })).expect("accepted");
    assert!(!plan.searches[0].options.matchall);
}
