//! `policy explain`: what this host's policy makes of an action, operation by operation.

use crate::cli::Explain;
use crate::config::Config;
use crate::exit::Exit;
use crate::host::Host;
use crate::obey::policy::load;
use crate::terminal::{line, printable};
use anyhow::Context as _;
use chrono::Utc;
use gumshoe_protocol::bounds::ENVELOPE_BYTES;
use gumshoe_protocol::decide::is_target;
use gumshoe_protocol::envelope::ACTION_TYPE;
use gumshoe_protocol::policy::{Assessment, Investigator, Outcome, Policy};
use gumshoe_protocol::{Action, Envelope, Refusal, Timestamp};
use serde::Serialize;
use std::io::Read;
use std::path::Path;

/// Everything there is to say.
#[derive(Serialize)]
struct Explanation {
    action: String,
    name: String,
    signers: Vec<String>,
    /// Why the signatures are not accepted.
    signatures: Option<Refusal>,
    operations: Vec<Judged>,
    target: String,
    is_target: bool,
    not_target: Option<Refusal>,
    window: String,
    is_open: bool,
}

#[derive(Serialize)]
struct Judged {
    module: String,
    /// What kept it from being permitted.
    refusal: Option<Refusal>,
    permissions: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    permission: String,
    group: String,
    weight: u64,
    threshold: u32,
    outcome: String,
}

/// Explains one action. Runs and records nothing.
pub fn explain(config: &Config, arguments: &Explain) -> anyhow::Result<Exit> {
    let policy = load(&super::policy::path(config, arguments.policy.as_deref()))?;
    let bytes = read(&arguments.file)?;
    let (action, envelope) = open(&bytes)?;
    let now = Utc::now();
    let (signers, signatures) = signers(&policy, arguments.signers.as_deref(), envelope.as_ref(), now)?;
    let told = tell(config, &policy, &action, &signers, signatures, now);
    if arguments.json {
        line(&serde_json::to_string_pretty(&told)?)?;
    } else {
        print(&told)?;
    }
    Ok(told.exit())
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let source: Box<dyn Read> = if path == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(path).with_context(|| format!("failed to open `{}`", path.display()))?)
    };
    let mut bytes = Vec::new();
    source.take(ENVELOPE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The action in an envelope, or as it is before it is signed.
fn open(bytes: &[u8]) -> anyhow::Result<(Action, Option<Envelope>)> {
    match Envelope::parse(bytes, ENVELOPE_BYTES) {
        Ok(envelope) => {
            anyhow::ensure!(
                envelope.payload_type == ACTION_TYPE,
                "the payload type is {:?}, not {ACTION_TYPE:?}",
                envelope.payload_type
            );
            Ok((Action::parse(&envelope.payload)?, Some(envelope)))
        }
        Err(as_envelope) => {
            let action = Action::parse(bytes)
                .with_context(|| format!("this is neither an envelope ({as_envelope}) nor an action"))?;
            Ok((action, None))
        }
    }
}

/// Those who are named, or those who signed.
fn signers<'a>(
    policy: &'a Policy,
    named: Option<&[String]>,
    envelope: Option<&Envelope>,
    now: Timestamp,
) -> anyhow::Result<(Vec<&'a Investigator>, Option<Refusal>)> {
    if let Some(names) = named {
        let mut found: Vec<&Investigator> = Vec::new();
        for name in names {
            let one = policy.investigator(name);
            let one = one.with_context(|| format!("the policy names no investigator {name:?}"))?;
            if !found.iter().any(|other| other.name == one.name) {
                found.push(one);
            }
        }
        return Ok((found, None));
    }
    let Some(envelope) = envelope else {
        return Ok((Vec::new(), None));
    };
    Ok(match policy.verify(envelope, now) {
        Ok(signers) => (signers, None),
        Err(refusal) => (Vec::new(), Some(refusal)),
    })
}

fn tell(
    config: &Config,
    policy: &Policy,
    action: &Action,
    signers: &[&Investigator],
    signatures: Option<Refusal>,
    now: Timestamp,
) -> Explanation {
    let target = is_target(action, &Host::look(config).facts);
    let operations = action.operations.iter().map(|operation| Judged {
        module: operation.module.clone(),
        refusal: policy.permit(action, operation, signers).err(),
        permissions: (policy.assess(action, operation, signers).iter())
            .filter_map(row)
            .collect(),
    });
    let length = action.expires - action.not_before;
    let window = match () {
        () if length > policy.longest_window => "is longer than the policy allows",
        () if now + policy.tolerance < action.not_before => "has not begun",
        () if now - policy.tolerance >= action.expires => "has ended",
        () => "is open",
    };
    Explanation {
        action: action.id.to_string(),
        name: action.name.clone(),
        signers: signers.iter().map(|one| one.name.clone()).collect(),
        signatures,
        operations: operations.collect(),
        target: action.target.clone(),
        is_target: matches!(target, Ok(true)),
        not_target: target.err(),
        window: format!("{} to {} {window}", action.not_before, action.expires),
        is_open: window == "is open",
    }
}

/// A permission that has to do with the operation.
fn row(one: &Assessment<'_>) -> Option<Row> {
    let outcome = match &one.outcome {
        Outcome::OtherModule => return None,
        Outcome::Granted => "permits it".to_owned(),
        Outcome::Threshold => "more weight is needed".to_owned(),
        Outcome::ConditionFalse => "its condition does not hold".to_owned(),
        Outcome::ConditionFailed(error) => format!("its condition cannot be evaluated: {error}"),
    };
    Some(Row {
        permission: one.permission.name.clone(),
        group: one.permission.group.clone(),
        weight: one.weight,
        threshold: one.permission.threshold,
        outcome,
    })
}

impl Explanation {
    fn exit(&self) -> Exit {
        let is_permitted = self.operations.iter().all(|one| one.refusal.is_none());
        match (
            is_permitted && self.signatures.is_none() && self.is_open,
            self.is_target,
        ) {
            (false, _) => Exit::Refused,
            (true, false) => Exit::NotTarget,
            (true, true) => Exit::Found,
        }
    }
}

fn print(told: &Explanation) -> anyhow::Result<()> {
    let say = |text: String| line(&printable(&text));
    say(format!("action {}: {}", told.action, told.name))?;
    match (&told.signatures, told.signers.as_slice()) {
        (Some(refusal), _) => say(format!(
            "signatures: refused [{}]: {}",
            refusal.code, refusal.message
        ))?,
        (None, []) => say("signatures: none".to_owned())?,
        (None, names) => say(format!("signatures: {}", names.join(", ")))?,
    }
    for (index, one) in told.operations.iter().enumerate() {
        match &one.refusal {
            None => say(format!("operation {index} {}: permitted", one.module))?,
            Some(refusal) => {
                say(format!(
                    "operation {index} {}: refused [{}]: {}",
                    one.module, refusal.code, refusal.message
                ))?;
            }
        }
        for row in &one.permissions {
            say(format!(
                "  permission {} (group {}): weight {} of {}; {}",
                row.permission, row.group, row.weight, row.threshold, row.outcome
            ))?;
        }
    }
    let target = match (&told.not_target, told.is_target) {
        (Some(refusal), _) => format!("is not for this host: {}", refusal.message),
        (None, true) => "is for this host".to_owned(),
        (None, false) => "is not for this host: it is false here".to_owned(),
    };
    say(format!("target {target}; it is: {}", told.target))?;
    say(format!("window {}", told.window))?;
    Ok(())
}
