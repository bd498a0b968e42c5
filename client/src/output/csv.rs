//! A table: a line for each finding.
//!
//! Source: RFC 4180. A cell that a spreadsheet would take for a formula begins with an apostrophe (OWASP, "CSV Injection").

use super::{Silent, Sink, report};
use crate::api::{ActionDetails, ResultMessage};
use std::io::{self, Write};

/// The heading.
const COLUMNS: [&str; 8] = [
    "hostname",
    "agent",
    "module",
    "operation",
    "status",
    "complete",
    "search",
    "finding",
];

/// Writes lines as messages come.
pub struct Table<W> {
    out: W,
}

impl<W: Write> Table<W> {
    /// A table that begins with its heading.
    pub fn begin(out: W) -> io::Result<Self> {
        let mut table = Self { out };
        table.row(&COLUMNS.map(str::to_owned))?;
        Ok(table)
    }

    fn row(&mut self, cells: &[String]) -> io::Result<()> {
        let cells: Vec<_> = cells.iter().map(|text| cell(text)).collect();
        write!(self.out, "{}\r\n", cells.join(","))
    }
}

impl<W: Write> Sink for Table<W> {
    fn message(&mut self, message: &ResultMessage) -> io::Result<()> {
        let Some(report) = report(message) else {
            return Ok(());
        };
        let status = serde_json::to_value(report.status)?;
        for finding in &report.findings {
            let search = finding.get("search").and_then(|search| search.as_str());
            self.row(&[
                message.host(),
                message.agent.to_string(),
                report.module.clone(),
                message.operation.to_string(),
                status.as_str().unwrap_or_default().to_owned(),
                report.coverage.complete.to_string(),
                search.unwrap_or_default().to_owned(),
                super::json::safe(&finding.to_string()),
            ])?;
        }
        Ok(())
    }

    fn end(&mut self, _: &ActionDetails, _: &Silent) -> io::Result<()> {
        self.out.flush()
    }
}

/// A cell: quoted, so that nothing in it ends it; harmless for spreadsheets and terminals.
fn cell(text: &str) -> String {
    let text = crate::terminal::one_line(text);
    let guard = if text.starts_with(['=', '+', '-', '@']) {
        "'"
    } else {
        ""
    };
    if guard.is_empty() && !text.contains([',', '"', ' ', ';', '\'']) {
        return text.into_owned();
    }
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spreadsheet_gets_text_and_never_formulas() {
        for (text, expected) in [
            ("web1", "web1"),
            ("=cmd|' /C calc'!A0", r#""'=cmd|' /C calc'!A0""#),
            ("@x", r#""'@x""#),
            ("-1", r#""'-1""#),
            ("a,\"b\"", r#""a,""b""""#),
            ("\t=1", r"\t=1"),
            ("a\r\nb", r"a\r\nb"),
        ] {
            assert_eq!(cell(text), expected);
        }
    }

    #[test]
    fn every_finding_is_a_line() {
        let body = serde_json::json!({"kind": "operation", "index": 0, "of": 1, "report": {
            "module": "file", "status": "success", "found": true, "statistics": {}, "errors": [],
            "coverage": {"complete": true, "skipped": []},
            "findings": [{"search": "s1", "path": "=x"}, {"path": "/b"}],
        }});
        let message = serde_json::json!({
            "ordinal": 1, "agent": "00112233445566778899aabbccddeeff", "hostname": "=web", "kind": "operation",
            "received": "2026-01-01T00:00:00Z", "body": body,
        });
        let mut table = Table::begin(Vec::new()).unwrap();
        table.message(&serde_json::from_value(message).unwrap()).unwrap();
        let text = String::from_utf8(table.out).unwrap();
        let lines: Vec<_> = text.split("\r\n").collect();
        assert_eq!(
            lines[0],
            "hostname,agent,module,operation,status,complete,search,finding"
        );
        assert_eq!(
            lines[1],
            r#""'=web",00112233445566778899aabbccddeeff,file,0,success,true,s1,"{""search"":""s1"",""path"":""=x""}""#
        );
        assert_eq!(lines.len(), 4);
    }
}
