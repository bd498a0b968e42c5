//! For people: a block for each host and operation that has something to tell.

use super::rendering::Rendering;
use super::{Silent, Sink, report};
use crate::api::{ActionDetails, ResultMessage};
use crate::terminal::{Colours, Style, count, is_harmless, one_line, printable};
use gumshoe_plugin_api::{Report, Skipped, Status};
use serde_json::Value;
use std::io::{self, Write as _};

/// Prints blocks to standard output.
pub struct Text {
    colours: Colours,
    rendering: Rendering,
}

impl Text {
    /// With colours or without; findings as their modules write them, where `rendering` can.
    pub fn new(colours: Colours, rendering: Rendering) -> Self {
        Self { colours, rendering }
    }
}

impl Sink for Text {
    fn message(&mut self, message: &ResultMessage) -> io::Result<()> {
        let Some(report) = report(message) else {
            return Ok(());
        };
        let block = block(&message.host(), &report, self.colours, &mut self.rendering);
        io::stdout().lock().write_all(block.as_bytes())
    }

    fn end(&mut self, _: &ActionDetails, _: &Silent) -> io::Result<()> {
        Ok(())
    }
}

/// What a host says about an operation; empty where it looked at everything and found nothing.
fn block(host: &str, report: &Report, colours: Colours, rendering: &mut Rendering) -> String {
    let failed = !matches!(report.status, Status::Success);
    if report.findings.is_empty() && report.coverage.complete && !failed {
        return String::new();
    }
    let found = count(report.findings.len() as u64, "finding");
    let state = if failed {
        let name = format!("{:?}", report.status).to_lowercase();
        format!(", {}", colours.paint(Style::Bad, &name))
    } else {
        String::new()
    };
    let host = colours.paint(Style::Strong, &one_line(host));
    let mut lines = vec![format!("{host}  {}: {found}{state}", one_line(&report.module))];
    for finding in &report.findings {
        let text = rendering.text(&report.module, finding);
        let text = text.map_or_else(|| one_finding(finding), |text| printable(&text).into_owned());
        lines.extend(text.lines().map(|line| format!("  {line}")));
    }
    let gaps = report.coverage.skipped.iter().filter(|entry| !entry.by_design);
    lines.extend(gaps.map(|entry| format!("  {}", colours.paint(Style::Warning, &not_looked_at(entry)))));
    let refusal = report
        .refusal
        .iter()
        .map(|refusal| format!("[{}] {}", refusal.code, refusal.message));
    let errors = refusal.chain(report.errors.iter().map(|error| format!("error: {error}")));
    lines.extend(errors.map(|error| format!("  {}", colours.paint(Style::Bad, &one_line(&error)))));
    lines.join("\n") + "\n"
}

/// A finding on one line: its fields in their order.
fn one_finding(finding: &Value) -> String {
    let Value::Object(fields) = finding else {
        return super::json::safe(&finding.to_string());
    };
    let fields: Vec<_> = fields
        .iter()
        .filter(|(_, value)| !is_empty(value))
        .map(|(name, value)| format!("{}={}", one_line(name), short(value)))
        .collect();
    fields.join(" ")
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// Text as it is where it cannot be mistaken for something else; anything else as JSON.
fn short(value: &Value) -> String {
    match value {
        Value::String(text) if !text.is_empty() && !text.contains(is_confusing) => text.clone(),
        other => super::json::safe(&other.to_string()),
    }
}

fn is_confusing(c: char) -> bool {
    c.is_whitespace() || c == '"' || c == '=' || !is_harmless(c)
}

fn not_looked_at(entry: &Skipped) -> String {
    let times = if entry.count == 1 {
        String::new()
    } else {
        format!("{} × ", entry.count)
    };
    let examples = if entry.examples.is_empty() {
        String::new()
    } else {
        format!("; such as {}", entry.examples.join(", "))
    };
    let text = format!("not looked at: {times}{} ({}){examples}", entry.what, entry.why);
    one_line(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::AgentProgram;
    use serde_json::json;
    use std::path::Path;

    fn told(report: Value) -> String {
        block(
            "web\u{1b}1",
            &serde_json::from_value(report).unwrap(),
            Colours::Off,
            &mut Rendering::new(AgentProgram::find(Some(Path::new("/nonexistent/agent")))),
        )
    }

    fn sample(findings: Value, complete: bool) -> Value {
        json!({
            "module": "file", "status": "success", "found": true, "findings": findings, "statistics": {}, "errors": [],
            "coverage": {"complete": complete, "skipped": if complete { json!([]) } else {
                json!([{"what": "folder", "why": "permission denied", "count": 3, "examples": ["/root"]},
                       {"what": "file", "why": "pseudo file system", "count": 9, "by_design": true}])
            }},
        })
    }

    #[test]
    fn a_host_that_found_nothing_and_looked_at_everything_is_silent() {
        assert_eq!(told(sample(json!([]), true)), "");
    }

    #[test]
    fn findings_and_gaps_stand_below_their_host() {
        let findings = json!([{"search": "s1", "path": "/a b", "size": 7, "sha256": null, "matched": [{"filter": "name"}], "link": "x\u{202e}y"}]);
        assert_eq!(
            told(sample(findings, false)),
            "web\\u{1b}1  file: 1 finding\n\
             \x20 search=s1 path=\"/a b\" size=7 matched=[{\"filter\":\"name\"}] link=\"x\\u202ey\"\n\
             \x20 not looked at: 3 × folder (permission denied); such as /root\n"
        );
    }

    #[test]
    fn a_failure_is_told_even_without_findings() {
        let mut report = sample(json!([]), true);
        report["status"] = json!("timeout");
        report["errors"] = json!(["no more time"]);
        assert_eq!(
            told(report),
            "web\\u{1b}1  file: 0 findings, timeout\n  error: no more time\n"
        );
    }
}
