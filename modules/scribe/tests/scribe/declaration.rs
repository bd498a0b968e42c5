//! Parameters: what is declared, accepted and refused.

use gumshoe_module_scribe::Scribe;
use gumshoe_plugin_api::harness::{conforms, parameters, plan};
use serde_json::json;

#[test]
fn the_declaration_is_in_order() {
    assert_eq!(conforms::<Scribe>(), Vec::<String>::new());
}

#[test]
fn the_command_line_takes_a_text() {
    let given = parameters::<Scribe>(&["--doc", "tests: []\nobjects: []", "--only-true"]).unwrap();
    assert_eq!(
        given,
        json!({ "scribedoc": "tests: []\nobjects: []", "onlytrue": true })
    );
}

#[test]
fn problems_have_their_place_in_the_parameters() {
    let text = "objects:\n- object: x\n  raw: {}\n";
    for (params, parts) in [
        (
            json!({ "scribedoc": { "objects": [{ "object": "x" }] } }),
            ["/scribedoc/objects/0", "no source"],
        ),
        (
            json!({ "scribedoc": text }),
            ["`/scribedoc`", "line 2: at `/objects/0`"],
        ),
        (
            json!({ "scribedoc": { "tests": [] }, "humanoutput": true, "jsonoutput": true }),
            ["/jsonoutput", "exclude"],
        ),
        (json!({ "scribedoc": 7 }), ["/scribedoc", "expected an object"]),
        (json!({ "scribdoc": {} }), ["scribdoc", "scribedoc"]),
    ] {
        let problem = plan::<Scribe>(&params).err().unwrap().to_string();
        assert!(parts.iter().all(|part| problem.contains(part)), "{problem}");
    }
}

#[test]
fn the_parameters_on_the_page_are_accepted() {
    let page = include_str!("../../../../docs/modules/scribe.md");
    let example = page
        .split("```json\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let plan = plan::<Scribe>(&serde_json::from_str(example).unwrap()).unwrap();
    assert!(plan.document.warnings().is_empty());
}
