//! `action show | cancel | stop | status | results`.

use super::send::{Noting, Send, conclude, send};
use super::setting::Setting;
use crate::action::cancellation;
use crate::api::{ActionDetails, ResultMessage, SendOptions};
use crate::cli::{CancelAction, Output};
use crate::document::{Content, Document, write};
use crate::exit::Exit;
use crate::output::{Silent, Sink as _, sink, summary};
use crate::show::{Detail, content as told, time};
use crate::signing;
use crate::terminal::{Colours, line, one_line};
use anyhow::Context as _;
use gumshoe_protocol::ActionId;
use gumshoe_protocol::envelope::CANCEL_TYPE;
use serde_json::json;
use std::io::{BufRead, Read as _};
use std::path::Path;

/// How long a line of results may be: a host's whole report fits.
const MAX_LINE_BYTES: usize = 16 << 20;

/// Shows a file.
pub fn show(file: &Path, as_json: bool) -> anyhow::Result<Exit> {
    let document = Document::read(file)?;
    let (content, signed) = match document {
        Document::Draft(action) => (Content::Action(action), None),
        Document::Signed(signed) => (signed.content.clone(), Some(*signed)),
    };
    if as_json {
        let text = match &content {
            Content::Action(action) => serde_json::to_string_pretty(action)?,
            Content::Cancel(cancel) => serde_json::to_string_pretty(cancel)?,
        };
        line(&text)?;
        return Ok(Exit::Found);
    }
    let text = told(&content, Detail::Full, Colours::of_stdout());
    line(text.trim_end())?;
    match signed {
        None => line("  signed   by nobody yet")?,
        Some(signed) => {
            for one in &signed.envelope.signatures {
                line(&format!("  signed   it is said by {}", one_line(&one.key_id)))?;
            }
            line(&format!("  sha256   {}", signed.digest()))?;
        }
    }
    Ok(Exit::Found)
}

/// Signs the wish to stop an action, and sends it.
pub fn cancel(setting: &Setting, options: &CancelAction) -> anyhow::Result<Exit> {
    let cancel = cancellation(options.id, &options.reason);
    let envelope = signing::seal(&setting.gpg(&options.signing)?, CANCEL_TYPE, cancel.to_payload())?;
    if let Some(path) = &options.save {
        write(path, &envelope.to_json())?;
        return Ok(Exit::Found);
    }
    let cancellation = Send {
        envelope,
        content: Content::Cancel(cancel),
        options: SendOptions::default(),
        detach: true,
        output: Output::default(),
        agent: setting.agent(),
    };
    send(setting.server()?, &cancellation)
}

/// Has the server send an action to no further host.
pub fn stop(setting: &Setting, id: ActionId) -> anyhow::Result<Exit> {
    let _: ActionDetails = setting
        .server()?
        .post(&format!("actions/{id}/stop"), &json!({}))?;
    eprintln!(
        "the action {id} goes to no further host; hosts that have it go on (`gumshoe action cancel {id}` stops them)"
    );
    Ok(Exit::Found)
}

/// Shows how far an action is.
pub fn status(setting: &Setting, id: ActionId, as_json: bool) -> anyhow::Result<Exit> {
    let server = setting.server()?;
    let details: ActionDetails = server.get(&format!("actions/{id}"), &[])?;
    let silent = Silent::ask(&server, &details)?;
    if as_json {
        let document = json!({
            "action": details, "not_answered": silent.hosts, "not_answered_more": silent.more,
        });
        line(&crate::output::safe(&serde_json::to_string_pretty(&document)?))?;
        return Ok(Exit::Found);
    }
    let action = &details.action;
    line(&format!("{}  {}", one_line(&action.name), action.id))?;
    line(&format!(
        "  state    {}, until {}",
        one_line(&action.state),
        time(action.expires)
    ))?;
    line(&format!("  asks     {}", one_line(&action.modules.join(", "))))?;
    line(&format!("  of       hosts where {}", one_line(&action.target)))?;
    for signer in &details.signers {
        let signer = format!("{}  {}", signer.name, signer.fingerprint);
        line(&format!("  signed   by {}", one_line(&signer)))?;
    }
    line(summary(&details, &silent, Colours::of_stdout()).trim_end())?;
    Ok(Exit::Found)
}

/// Prints what was found until now.
pub fn results(setting: &Setting, id: ActionId, output: Output) -> anyhow::Result<Exit> {
    let server = setting.server()?;
    let mut lines = server.stream(&format!("actions/{id}/results"), &[("format", "ndjson")])?;
    let mut noting = Noting::new(sink(output, setting.agent()).context("failed to print")?);
    while let Some(message) = next_message(&mut lines)? {
        noting.message(&message).context("failed to print a finding")?;
    }
    conclude(&server, id, &mut noting)
}

fn next_message(lines: &mut impl BufRead) -> anyhow::Result<Option<ResultMessage>> {
    let mut line = Vec::new();
    lines
        .take(MAX_LINE_BYTES as u64 + 1)
        .read_until(b'\n', &mut line)
        .context("the answer broke off: what was printed is not all")?;
    anyhow::ensure!(
        line.len() <= MAX_LINE_BYTES,
        "a result has more than {MAX_LINE_BYTES} bytes"
    );
    if line.is_empty() {
        return Ok(None);
    }
    let message =
        serde_json::from_slice(&line).context("a result is not understood: what was printed is not all")?;
    Ok(Some(message))
}
