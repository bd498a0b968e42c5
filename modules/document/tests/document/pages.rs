//! The documents on the page about the language are right.

use gumshoe_document::Plan;

#[test]
fn every_example_is_accepted_without_a_warning() {
    let page = include_str!("../../../../docs/scribe.md");
    let examples: Vec<&str> = page
        .split("```yaml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert_eq!(examples.len(), 2);
    for example in examples {
        let plan = Plan::parse(example.as_bytes()).unwrap_or_else(|problems| panic!("{problems}\n{example}"));
        assert!(plan.warnings().is_empty(), "{}", plan.warnings());
    }
}
