//! `render`: findings, from wherever they come, as their module writes them for humans.

use crate::cli::Render;
use crate::config::Config;
use crate::exit::Exit;
use crate::plugins::choose;
use crate::supervise::{AskError, Session};
use crate::terminal::{line, printable};
use anyhow::Context as _;
use std::io::{BufRead, Read as _};

/// How long a finding may be: that of a whole report.
const MAX_FINDING_BYTES: u64 = 16 << 20;

/// Prints each finding of standard input.
pub fn render(config: &Config, arguments: &Render) -> anyhow::Result<Exit> {
    let chosen = choose(config, &arguments.module)?;
    let mut session = Session::start(&chosen.candidate, &chosen.limits)?;
    let mut input = std::io::stdin().lock();
    let mut unknown = 0_u64;
    for number in 1_u64.. {
        let Some(finding) = next(&mut input).with_context(|| format!("line {number}"))? else {
            break;
        };
        let text = match session.render(&finding) {
            Ok(text) => Some(text),
            Err(AskError::Rejected(rejection)) => {
                unknown += 1;
                if !arguments.json {
                    eprintln!("gumshoe-agent: line {number}: {}", printable(&rejection.message));
                }
                None
            }
            Err(error) => return Err(error.into()),
        };
        match text {
            text if arguments.json => line(&serde_json::to_string(&text)?)?,
            Some(text) => line(&printable(&text))?,
            None => {}
        }
    }
    Ok(if unknown == 0 || arguments.json {
        Exit::Found
    } else {
        Exit::Usage
    })
}

/// The next line without its end; nothing after the last.
fn next(input: &mut impl BufRead) -> anyhow::Result<Option<Vec<u8>>> {
    let mut finding = Vec::new();
    let read = input
        .take(MAX_FINDING_BYTES + 1)
        .read_until(b'\n', &mut finding)
        .context("failed to read standard input")?;
    anyhow::ensure!(
        read as u64 <= MAX_FINDING_BYTES,
        "a finding of more than {MAX_FINDING_BYTES} bytes"
    );
    if finding.last() == Some(&b'\n') {
        finding.pop();
    }
    Ok((read > 0).then_some(finding))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_last_line_needs_no_end_and_an_empty_one_is_one() {
        let mut input = b"{}\n\nx".as_slice();
        let mut lines = Vec::new();
        while let Some(line) = next(&mut input).unwrap() {
            lines.push(line);
        }
        assert_eq!(lines, [b"{}".to_vec(), Vec::new(), b"x".to_vec()]);
    }
}
