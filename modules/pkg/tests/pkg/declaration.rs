//! Parameters: what is declared, accepted and refused.

use gumshoe_module_pkg::Pkg;
use gumshoe_plugin_api::harness::{conforms, parameters, plan};
use serde_json::json;

#[test]
fn the_declaration_is_in_order() {
    assert_eq!(conforms::<Pkg>(), Vec::<String>::new());
}

#[test]
fn the_command_line_gives_the_documented_parameters() {
    let given =
        parameters::<Pkg>(&["--name", "^a$", "--name", "b", "--version", "!^1", "--containers"]).unwrap();
    assert_eq!(given["pkgmatch"], json!({ "matches": ["^a$", "b"] }));
    assert_eq!(given["vermatch"], json!("!^1"));
    assert_eq!(given["containers"], json!(true));
}

#[test]
fn slips_are_named_with_place_and_likely_meaning() {
    for (params, parts) in [
        (
            json!({ "pkgmatch": { "match": ["x"] } }),
            ["/pkgmatch", "matches"],
        ),
        (
            json!({ "pkgmatch": { "matches": ["a", "b("] } }),
            ["/pkgmatch/matches/1", "byte 1"],
        ),
        (json!({ "vermatch": "!(" }), ["/vermatch", "byte 0"]),
        (json!({ "vermach": "1" }), ["vermach", "vermatch"]),
        (json!({ "types": ["dkpg"] }), ["/types/0", "dpkg"]),
        (json!({ "statuses": ["gone"] }), ["/statuses/0", "installed"]),
        (json!({ "roots": ["srv"] }), ["/roots/0", "absolute"]),
        (json!({ "roots": ["/srv/../etc"] }), ["/roots/0", "`..`"]),
    ] {
        let problem = plan::<Pkg>(&params).unwrap_err().to_string();
        assert!(parts.iter().all(|part| problem.contains(part)), "{problem}");
    }
}

#[test]
fn parameters_of_older_investigations_are_accepted() {
    for params in [
        json!({ "pkgmatch": { "matches": ["^openssl$", "^libssl.*"] }, "vermatch": "" }),
        json!({ "pkgmatch": { "matches": ["^bash$"] }, "vermatch": "!^4\\.3" }),
        json!({ "pkgmatch": { "matches": ["."] } }),
        json!({}),
    ] {
        assert!(plan::<Pkg>(&params).is_ok(), "{params}");
    }
}
