//! Shows what an action means, has the user agree, sends it, follows it, and says how it ended.

use super::setting::Setting;
use crate::api::{ActionDetails, Preview, SendOptions, Server};
use crate::cli::{Canary, Output, SendFile, SendingOptions};
use crate::document::{Content, Document, Signed};
use crate::exit::{Exit, usage};
use crate::follow::{Ending, follow as follow_events};
use crate::modules::AgentProgram;
use crate::output::{Silent, Sink, sink, summary};
use crate::show::{Detail, content as told};
use crate::terminal::{Colours, Consent, Style, confirm, count, one_line};
use anyhow::Context as _;
use gumshoe_protocol::{ActionId, Envelope};
use serde_json::json;
use serde_json::value::RawValue;
use std::sync::Arc;

/// Hosts that are shown by name before anything is signed.
const SHOWN_HOSTS: usize = 5;

/// An envelope that is ready to be sent.
pub struct Send {
    /// The envelope.
    pub envelope: Envelope,
    /// What it carries.
    pub content: Content,
    /// How it is to be sent.
    pub options: SendOptions,
    /// Whether not to wait for answers.
    pub detach: bool,
    /// How findings are printed.
    pub output: Output,
    /// Knows how the modules write findings.
    pub agent: AgentProgram,
}

impl Send {
    /// An envelope that is to be sent as the command line says.
    #[must_use]
    pub fn new(
        setting: &Setting,
        envelope: Envelope,
        content: Content,
        sending: &SendingOptions,
        output: Output,
    ) -> Self {
        Self {
            envelope,
            content,
            options: send_options(sending),
            detach: sending.detach,
            output,
            agent: setting.agent(),
        }
    }
}

/// Sends the envelope in a file.
pub fn send_file(setting: &Setting, options: &SendFile) -> anyhow::Result<Exit> {
    let signed = match Document::read(&options.file)? {
        Document::Signed(signed) => *signed,
        Document::Draft(_) => {
            let file = options.file.display();
            return Err(usage(format!(
                "nobody has signed this: `gumshoe action sign {file}` first"
            )));
        }
    };
    let server = setting.server()?;
    if let Some(exit) = agree(&server, &signed.content, "Send this?", &options.sending)? {
        return Ok(exit);
    }
    let Signed { envelope, content } = signed;
    send(
        server,
        &Send::new(setting, envelope, content, &options.sending, options.output),
    )
}

/// Shows what is to be sent, and to how many hosts; the exit status where it is not to be.
pub fn agree(
    server: &Server,
    content: &Content,
    question: &str,
    sending: &SendingOptions,
) -> anyhow::Result<Option<Exit>> {
    let colours = Colours::of_stderr();
    eprint!("{}", told(content, Detail::Summary, colours));
    if let Content::Action(action) = content {
        let preview: Preview = server.post("actions/preview", &json!({"target": action.target}))?;
        eprint!("{}", reach(&preview, colours));
        if preview.targeted == 0 {
            eprintln!("gumshoe: the target means no host: nothing was sent");
            return Ok(Some(Exit::Failed));
        }
    }
    if sending.yes {
        return Ok(None);
    }
    match confirm(question)? {
        Consent::Given => Ok(None),
        Consent::Denied => {
            eprintln!("gumshoe: nothing was sent");
            Ok(Some(Exit::Usage))
        }
        Consent::Nobody => Err(usage(
            "nobody is there to agree (standard input is no terminal): say --yes",
        )),
    }
}

/// Whom the target means.
fn reach(preview: &Preview, colours: Colours) -> String {
    let hosts = count(preview.targeted, "host");
    let mut lines = vec![format!(
        "  {:8} {} of {}, {} of them online now",
        "reaches",
        colours.paint(Style::Strong, &hosts),
        preview.approved,
        preview.online
    )];
    let names = preview.sample.iter().take(SHOWN_HOSTS).map(|host| {
        let away = if host.online { "" } else { " (away)" };
        format!("{}{away}", one_line(&host.hostname))
    });
    let names = names.collect::<Vec<_>>().join(", ");
    let more = preview.targeted.saturating_sub(SHOWN_HOSTS as u64);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    if !names.is_empty() {
        lines.push(format!("  {:8} {names}{more}", ""));
    }
    if preview.failed > 0 {
        let example = preview
            .failures
            .first()
            .map(|failure| format!("; such as {}: {}", failure.hostname, failure.reason))
            .unwrap_or_default();
        let text = format!(
            "not {}, where the target cannot be evaluated{example}",
            count(preview.failed, "host")
        );
        lines.push(format!(
            "  {:8} {}",
            "",
            colours.paint(Style::Warning, &one_line(&text))
        ));
    }
    lines.join("\n") + "\n"
}

/// The server's options for sending.
fn send_options(sending: &SendingOptions) -> SendOptions {
    let (canary_hosts, canary_percent) = match sending.canary {
        None => (None, None),
        Some(Canary::Hosts(hosts)) => (Some(hosts), None),
        Some(Canary::Percent(percent)) => (None, Some(percent)),
    };
    SendOptions {
        canary_hosts,
        canary_percent,
        hosts_per_second: sending.rate,
        hosts_at_once: sending.at_once,
        failure_percent: sending.stop_at_failures,
    }
}

/// Sends an envelope, and follows the action in it.
pub fn send(server: Server, send: &Send) -> anyhow::Result<Exit> {
    let envelope = RawValue::from_string(send.envelope.to_json())?;
    let action = match &send.content {
        Content::Action(action) => action,
        Content::Cancel(cancel) => {
            let path = format!("actions/{}/cancel", cancel.action);
            let _: ActionDetails = server.post(&path, &json!({"envelope": envelope}))?;
            eprintln!("the action {} is cancelled", cancel.action);
            return Ok(Exit::Found);
        }
    };
    let body = json!({"envelope": envelope, "options": send.options});
    let _: ActionDetails = server.post("actions", &body)?;
    if send.detach {
        crate::terminal::line(&action.id.to_string())?;
        eprintln!("sent; `gumshoe action follow {}` shows the answers", action.id);
        return Ok(Exit::Found);
    }
    watch(server, action.id, send.output, send.agent.clone())
}

/// Follows an action that was sent before.
pub fn follow(setting: &Setting, id: ActionId, output: Output) -> anyhow::Result<Exit> {
    watch(setting.server()?, id, output, setting.agent())
}

fn watch(server: Server, id: ActionId, output: Output, agent: AgentProgram) -> anyhow::Result<Exit> {
    let server = Arc::new(server);
    let mut noting = Noting::new(sink(output, agent).context("failed to print")?);
    let ending = follow_events(&server, id, &mut noting)?;
    let exit = conclude(&server, id, &mut noting)?;
    if ending == Ending::Detached {
        eprintln!(
            "detached: the action goes on. `gumshoe action follow {id}` comes back, `gumshoe action cancel {id}` stops it"
        );
    }
    Ok(exit)
}

/// Prints what is left, and says how the action ended, or how far it is.
pub fn conclude(server: &Server, id: ActionId, noting: &mut Noting) -> anyhow::Result<Exit> {
    let details: ActionDetails = server.get(&format!("actions/{id}"), &[])?;
    let silent = Silent::ask(server, &details)?;
    noting.sink.end(&details, &silent).context("failed to print")?;
    eprint!("{}", summary(&details, &silent, Colours::of_stderr()));
    Ok(exit(&details, noting.complete))
}

/// How the program ends: see [`Exit`]. `complete` is whether every operation that answered looked at everything.
fn exit(details: &ActionDetails, complete: bool) -> Exit {
    let counters = &details.counters;
    let nobody = counters.answered + counters.running == 0 && counters.found == 0;
    if nobody && counters.waiting == 0 {
        return Exit::Failed;
    }
    let complete = complete && counters.silent() == 0 && counters.incomplete == 0 && counters.failed == 0;
    Exit::of(counters.found > 0, complete)
}

/// Passes messages on, and remembers whether one was incomplete.
pub struct Noting {
    sink: Box<dyn Sink>,
    complete: bool,
}

impl Noting {
    /// Before the first message.
    pub fn new(sink: Box<dyn Sink>) -> Self {
        Self { sink, complete: true }
    }
}

impl Sink for Noting {
    fn message(&mut self, message: &crate::api::ResultMessage) -> std::io::Result<()> {
        if message.kind == "operation" {
            self.complete &= message.complete;
        }
        self.sink.message(message)
    }

    fn end(&mut self, details: &ActionDetails, silent: &Silent) -> std::io::Result<()> {
        self.sink.end(details, silent)
    }
}
