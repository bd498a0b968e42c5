//! `verify-report`: whether reports are by the agent that they claim to be by.

use crate::cli::VerifyReport;
use crate::exit::Exit;
use crate::state::identity::Identity;
use crate::terminal::{chain, line, printable};
use anyhow::Context as _;
use gumshoe_protocol::bounds::REPORT_ENVELOPE_BYTES;
use gumshoe_protocol::envelope::REPORT_TYPE;
use gumshoe_protocol::seal::PublicReportKey;
use gumshoe_protocol::{Envelope, HostReport};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// Verifies every line and prints the verdict on each.
pub fn verify_report(arguments: &VerifyReport) -> anyhow::Result<Exit> {
    let key = key(arguments)?;
    let source: Box<dyn Read> = if arguments.file == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(
            File::open(&arguments.file)
                .with_context(|| format!("failed to open `{}`", arguments.file.display()))?,
        )
    };
    let mut reader = BufReader::new(source);
    let (mut exit, mut number) = (Exit::Found, 0);
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let limit = REPORT_ENVELOPE_BYTES as u64 + 2;
        (&mut reader).take(limit).read_until(b'\n', &mut bytes)?;
        if bytes.is_empty() {
            break;
        }
        number += 1;
        let envelope = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        match open(envelope, &key) {
            Ok(payload) if arguments.json => line(&String::from_utf8_lossy(&payload))?,
            Ok(payload) => line(&printable(&told(number, &payload)?))?,
            Err(error) => {
                exit = Exit::Failed;
                let text = format!("wrong  line {number}: {}", chain(error.as_ref()));
                if arguments.json {
                    eprintln!("{}", printable(&text))
                } else {
                    line(&printable(&text))?
                }
                // What is too long has no end to go on from.
                anyhow::ensure!(
                    envelope.len() <= REPORT_ENVELOPE_BYTES,
                    "line {number} is too long to be a report"
                );
            }
        }
    }
    anyhow::ensure!(number > 0, "there is no report in `{}`", arguments.file.display());
    Ok(exit)
}

/// The key that is given, or this host's own.
fn key(arguments: &VerifyReport) -> anyhow::Result<PublicReportKey> {
    let key = match &arguments.key {
        Some(text) => PublicReportKey::parse(text)?,
        None => Identity::read(&arguments.state.folder)?
            .context("this host has no identity of its own: give the agent's public key with --key")?
            .key
            .public(),
    };
    if let Some(agent) = arguments.agent {
        anyhow::ensure!(
            key.agent() == agent,
            "the key belongs to the agent {}, not to {agent}{}",
            key.agent(),
            if arguments.key.is_none() {
                "; it is this host's own: give another with --key"
            } else {
                ""
            }
        );
    }
    Ok(key)
}

fn open(bytes: &[u8], key: &PublicReportKey) -> anyhow::Result<Vec<u8>> {
    let envelope = Envelope::parse(bytes, REPORT_ENVELOPE_BYTES)?;
    let payload = key.open(envelope, REPORT_TYPE)?;
    let report = HostReport::parse(&payload)?;
    anyhow::ensure!(
        report.agent == key.agent(),
        "it is signed by {}, but says that it is by {}",
        key.agent(),
        report.agent
    );
    Ok(payload)
}

fn told(number: u64, payload: &[u8]) -> anyhow::Result<String> {
    let report = HostReport::parse(payload)?;
    let action = report
        .action
        .map(|id| format!(" about action {id}"))
        .unwrap_or_default();
    Ok(format!(
        "good   line {number}: {}{action} by agent {} on {}, number {}, sent {}",
        report.body.kind(),
        report.agent,
        report.hostname,
        report.sequence,
        report.sent
    ))
}
