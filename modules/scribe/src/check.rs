//! Parameters to a plan.

use gumshoe_plugin_api::Problems;
use serde_json::Value;

use crate::{
    finding::Form,
    params::Params,
    plan::{Plan, Report},
};

const DOCUMENT: &str = "/scribedoc";

/// Places in a document that came as text are part of the messages.
impl TryFrom<Params> for Plan {
    type Error = Problems;

    fn try_from(params: Params) -> Result<Self, Problems> {
        let form = form(&params);
        let document = document(&params.scribedoc);
        let report = match params.onlytrue {
            true => Report::OnlyTrue,
            false => Report::All,
        };
        match (document, form) {
            (Ok(document), Ok(form)) => Ok(Plan {
                document,
                report,
                form,
            }),
            (Err(mut problems), Err(message)) => {
                problems.add("/jsonoutput", message);
                Err(problems)
            }
            (Err(problems), _) => Err(problems),
            (_, Err(message)) => Err(Problems::one("/jsonoutput", message)),
        }
    }
}

fn document(value: &Value) -> Result<gumshoe_document::Plan, Problems> {
    let mut problems = Problems::new();
    let (found, is_text) = match value {
        Value::String(text) => (gumshoe_document::Plan::parse(text.as_bytes()), true),
        other => (gumshoe_document::Plan::from_json(other), false),
    };
    found.map_err(|all| {
        for problem in all.iter() {
            match is_text {
                true => problems.add(DOCUMENT, problem.to_string()),
                false => problems.add(format!("{DOCUMENT}{}", problem.pointer), &problem.message),
            }
        }
        let more = all.count() - all.iter().count();
        if more > 0 {
            problems.add(DOCUMENT, format!("and {more} more"));
        }
        problems
    })
}

fn form(params: &Params) -> Result<Form, &'static str> {
    match (params.humanoutput, params.jsonoutput) {
        (false, false) => Ok(Form::Lines),
        (true, false) => Ok(Form::Human),
        (false, true) => Ok(Form::Json),
        (true, true) => Err("`humanoutput` and `jsonoutput` exclude each other"),
    }
}
