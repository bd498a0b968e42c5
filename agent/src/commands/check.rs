//! `modules check`: a conformance test for plugin files.

use crate::cli::module_command;
use crate::cli::parse_module;
use crate::config::Config;
use crate::exit::Exit;
use crate::runner::Job;
use crate::supervise::{AskError, Canceller, Observer, Session};
use crate::terminal::{chain, line, printable};
use gumshoe_plugin_api::host::Candidate;
use gumshoe_plugin_api::{Description, Limits, Operation, RESERVED_FLAGS, Status};
use serde::Serialize;
use serde_json::Value;
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

/// One thing that was checked.
#[derive(Serialize)]
struct Check {
    name: String,
    good: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    message: String,
}

/// The checks so far.
#[derive(Default)]
struct Checks(Vec<Check>);

impl Checks {
    fn add(&mut self, name: impl Into<String>, outcome: Result<(), String>) {
        let (good, message) = match outcome {
            Ok(()) => (true, String::new()),
            Err(message) => (false, message),
        };
        self.0.push(Check {
            name: name.into(),
            good,
            message,
        });
    }
}

/// Checks a plugin file and prints the verdict on each point.
pub fn check(config: &Config, file: &Path, as_json: bool) -> anyhow::Result<Exit> {
    let checks = examine(config, file);
    let good = checks.0.iter().all(|check| check.good);
    if as_json {
        line(&serde_json::to_string_pretty(&checks.0)?)?;
    } else {
        for check in &checks.0 {
            let verdict = if check.good { "good " } else { "wrong" };
            let message = if check.message.is_empty() {
                String::new()
            } else {
                format!(": {}", check.message)
            };
            line(&printable(&format!("{verdict}  {}{message}", check.name)))?;
        }
    }
    Ok(if good { Exit::Found } else { Exit::Failed })
}

fn examine(config: &Config, file: &Path) -> Checks {
    let mut checks = Checks::default();
    let candidate = match Candidate::open(file, None) {
        Ok(candidate) => {
            checks.add("file, object format, processor, manifest, ABI version", Ok(()));
            candidate
        }
        Err(error) => {
            checks.add(
                "file, object format, processor, manifest, ABI version",
                Err(format!("[{}] {}", error.code(), chain(&error))),
            );
            return checks;
        }
    };
    let mut session = match Session::start(&candidate, &config.limits) {
        Ok(session) => session,
        Err(error) => {
            checks.add("loads in a runner", Err(chain(&error)));
            return checks;
        }
    };
    checks.add("loads in a runner", Ok(()));
    let description = session.describe();
    checks.add(
        "describes itself",
        description.as_ref().map(|_| ()).map_err(|error| chain(error)),
    );
    if let Ok(description) = description {
        declaration(&mut checks, &description);
        refuses_rubbish(&mut checks, &mut session);
        let examples = examples(&mut checks, &mut session, &candidate, &description);
        drop(session);
        for (title, params) in examples {
            runs(&mut checks, &candidate, &config.limits, &title, &params);
        }
    }
    checks
}

/// Flags that are documented, unique, and not the agent's own; enough examples.
fn declaration(checks: &mut Checks, description: &Description) {
    let flags = &description.flags;
    let silent: Vec<&str> = flags
        .iter()
        .filter(|f| f.help.is_empty())
        .map(|f| f.name.as_str())
        .collect();
    checks.add("every flag has a help text", empty(&silent, "without one"));
    let twice: Vec<&str> = flags
        .iter()
        .enumerate()
        .filter(|(index, f)| {
            flags[..*index]
                .iter()
                .any(|g| g.name == f.name || (f.short.is_some() && g.short == f.short))
        })
        .map(|(_, f)| f.name.as_str())
        .collect();
    checks.add("every flag is declared once", empty(&twice, "declared twice"));
    let taken: Vec<&str> = flags
        .iter()
        .map(|f| f.name.as_str())
        .filter(|name| RESERVED_FLAGS.contains(name) || name.is_empty())
        .collect();
    checks.add("no flag is one of the agent's own", empty(&taken, "taken"));
    checks.add(
        "documented",
        if description.about.is_empty() {
            Err("the parameter type has no doc comment".into())
        } else {
            Ok(())
        },
    );
    let enough = description.examples.len() >= 2;
    checks.add(
        "at least two examples",
        if enough {
            Ok(())
        } else {
            Err(format!("{} given", description.examples.len()))
        },
    );
}

fn empty(names: &[&str], what: &str) -> Result<(), String> {
    if names.is_empty() {
        Ok(())
    } else {
        Err(format!("{what}: {}", names.join(", ")))
    }
}

/// Parameters that no module accepts.
fn refuses_rubbish(checks: &mut Checks, session: &mut Session) {
    let deep = "[".repeat(10_000);
    let rubbish: [(&str, &[u8]); 5] = [
        ("an unknown key", br#"{"no-such-key-anywhere": 1}"#),
        ("a list instead of an object", b"[]"),
        ("bytes that are not JSON", b"\xff\x00{"),
        ("a key that stands twice", br#"{"x":1,"x":2}"#),
        ("ten thousand levels of nesting", deep.as_bytes()),
    ];
    for (what, params) in rubbish {
        let outcome = match session.validate(params) {
            Err(AskError::Rejected(_)) => Ok(()),
            Ok(()) => Err("accepted".to_owned()),
            Err(error) => Err(chain(&error)),
        };
        checks.add(format!("refuses {what}"), outcome);
    }
}

/// The examples' parameters, of those examples that are accepted.
fn examples(
    checks: &mut Checks,
    session: &mut Session,
    candidate: &Candidate,
    description: &Description,
) -> Vec<(String, Vec<u8>)> {
    let mut accepted = Vec::new();
    for example in &description.examples {
        let command = module_command(&candidate.manifest.name, &candidate.manifest.summary, description);
        let words: Vec<OsString> = example.arguments.iter().map(OsString::from).collect();
        let outcome = parse_module(command, description, &words)
            .map_err(|error| error.to_string())
            .and_then(|(_, occurrences)| {
                let params = session.arguments(&occurrences).map_err(|error| chain(&error))?;
                session.validate(&params).map_err(|error| chain(&error))?;
                Ok(params)
            });
        checks.add(
            format!("accepts its example {:?}", example.title),
            outcome.as_ref().map(|_| ()).map_err(Clone::clone),
        );
        accepted.extend(outcome.ok().map(|params| (example.title.clone(), params)));
    }
    accepted
}

/// How long an example may run before it is cancelled, to see that it can be.
const PATIENCE: Duration = Duration::from_secs(2);

/// Runs an example on an empty root, cancelling it when it takes long; findings have to be objects
/// that the module can render.
fn runs(checks: &mut Checks, candidate: &Candidate, limits: &Limits, title: &str, params: &[u8]) {
    let outcome = tempfile::tempdir().map_err(|error| format!("no empty root: {error}"));
    let outcome = outcome.and_then(|root| {
        let session = Session::start(candidate, limits).map_err(|error| chain(&error))?;
        let operation = Operation {
            root: root.path().to_owned(),
            limits: limits.clone(),
            ..Operation::default()
        };
        cancel_later(session.canceller());
        let mut renders = Renders::default();
        let report = session.run(
            &Job {
                operation,
                render: true,
            },
            params,
            &mut renders,
        );
        match report.status {
            Status::Success | Status::Cancelled if renders.bad.is_empty() => match report.statistics {
                Value::Object(_) => Ok(()),
                other => Err(format!("its statistics are not an object but {other}")),
            },
            Status::Success | Status::Cancelled => Err(renders.bad),
            other => Err(format!("{other:?}: {}", report.errors.join("; "))),
        }
    });
    checks.add(
        format!("runs its example {title:?} on an empty root, and ends when cancelled"),
        outcome,
    );
}

fn cancel_later(canceller: Canceller) {
    std::thread::spawn(move || {
        std::thread::sleep(PATIENCE);
        canceller.cancel();
    });
}

/// Looks at rendered findings.
#[derive(Default)]
struct Renders {
    bad: String,
}

impl Observer for Renders {
    fn rendered(&mut self, text: &str) {
        if text.is_empty() || text.starts_with("(cannot be shown") {
            self.bad = format!("a finding is rendered as {text:?}");
        }
    }
}
