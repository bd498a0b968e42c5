//! Signed actions: people with keys of GnuPG's making, a policy that knows them, envelopes.

use crate::{Ended, Host};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{TimeDelta, Utc};
use gumshoe_protocol::envelope::{ACTION_TYPE, CANCEL_TYPE, pae};
use gumshoe_test_services::gpg::{Form, Gpg};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

/// A keyring with investigators; `sam` and `sina` belong to the group `sec`, `olga` to `ops`, nobody knows `mallory`.
#[derive(Debug)]
pub struct People {
    gpg: Gpg,
    fingerprints: BTreeMap<&'static str, String>,
}

impl People {
    /// Makes keys for these people.
    #[must_use]
    pub fn new(names: &[&'static str]) -> Self {
        let gpg = Gpg::new().unwrap();
        let fingerprint = |name: &str| {
            gpg.generate(&format!("{name}@example.org"), "ed25519", "sign", "never")
                .unwrap()
        };
        Self {
            fingerprints: names.iter().map(|name| (*name, fingerprint(name))).collect(),
            gpg,
        }
    }

    /// An envelope around these bytes, signed by these people.
    #[must_use]
    pub fn sign(&self, payload_type: &str, payload: &[u8], signers: &[&str]) -> String {
        let message = pae(payload_type, payload);
        let signatures = signers.iter().map(|name| {
            let key = &self.fingerprints[name];
            let signature = self.gpg.detach_sign(key, &message, &[]).unwrap();
            json!({ "keyid": key, "sig": STANDARD.encode(signature) })
        });
        json!({
            "payloadType": payload_type,
            "payload": STANDARD.encode(payload),
            "signatures": signatures.collect::<Vec<_>>(),
        })
        .to_string()
    }

    /// An envelope with an action.
    #[must_use]
    pub fn action(&self, action: &Value, signers: &[&str]) -> String {
        self.sign(ACTION_TYPE, action.to_string().as_bytes(), signers)
    }

    /// An envelope with the wish to stop an action.
    #[must_use]
    pub fn cancel(&self, action: &Value, signers: &[&str]) -> String {
        let cancel = json!({ "protocol": 1, "action": action["id"], "made": Utc::now() });
        self.sign(CANCEL_TYPE, cancel.to_string().as_bytes(), signers)
    }

    /// Has a host trust everybody but `mallory`: `more` is appended to its policy.
    pub fn write_policy(&self, host: &Host, more: &str) {
        let keys = host.path("config/keys");
        std::fs::create_dir_all(&keys).unwrap();
        let mut text = String::new();
        for (name, fingerprint) in self.fingerprints.iter().filter(|(name, _)| **name != "mallory") {
            let armoured = self.gpg.export(fingerprint, Form::Armoured).unwrap();
            std::fs::write(keys.join(format!("{name}.asc")), armoured).unwrap();
            let group = if *name == "olga" { "ops" } else { "sec" };
            text += &format!(
                "[[investigators]]\nname = \"{name}\"\nfingerprint = \"{fingerprint}\"\nkey = \"keys/{name}.asc\"\ngroups = [\"{group}\"]\n"
            );
        }
        let groups = [
            ("olga", "ops", r#"["file", "pkg", "netstat", "misbehave"]"#),
            ("sam", "sec", r#"["*"]"#),
        ];
        for (member, group, modules) in groups {
            if self.fingerprints.contains_key(member) {
                text += &format!("[[permissions]]\ngroup = \"{group}\"\nmodules = {modules}\n");
            }
        }
        std::fs::write(host.path("config/policy.toml"), text + more).unwrap();
    }
}

/// An action of one operation, valid from a minute ago for an hour, for every host.
#[must_use]
pub fn action(module: &str, params: Value) -> Value {
    actions(&[(module, params)])
}

/// An action of several operations.
#[must_use]
pub fn actions(operations: &[(&str, Value)]) -> Value {
    let operations = operations
        .iter()
        .map(|(module, params)| json!({ "module": module, "params": params }));
    json!({
        "protocol": 1,
        "id": new_id(),
        "name": "a question",
        "target": "true",
        "not_before": Utc::now() - TimeDelta::minutes(1),
        "expires": Utc::now() + TimeDelta::hours(1),
        "operations": operations.collect::<Vec<_>>(),
    })
}

/// One operation of each module that Gumshoe comes with: the file module finds the file `note.txt` below `folder`, the others
/// nothing that matters.
#[must_use]
pub fn every_module(folder: &std::path::Path) -> Value {
    let document = "objects: [{object: none, package: {name: no-such-package}}]\n\
                    tests: [{test: none, object: none, evr: {operation: '<', value: 1.0}}]";
    actions(&[
        (
            "file",
            json!({ "searches": { "note": { "paths": [folder], "names": ["^note\\.txt$"] } } }),
        ),
        ("netstat", json!({ "listeningport": [1] })),
        ("pkg", json!({ "pkgmatch": { "matches": ["^no-such-package$"] } })),
        (
            "memory",
            json!({ "searches": { "none": { "names": ["^no-such-process$"], "contents": ["needle"] } } }),
        ),
        ("scribe", json!({ "scribedoc": document, "onlytrue": true })),
    ])
}

/// An identifier that no other action of this test run has.
fn new_id() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!(
        "{:016x}{:08x}{count:08x}",
        Utc::now().timestamp_micros(),
        std::process::id()
    )
}

impl Host {
    /// The folder with the agent's state, which the agent makes.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.path("state")
    }

    /// The agent's command with this host's configuration and state.
    #[must_use]
    pub fn trusting_agent(&self, arguments: &[&str]) -> Command {
        let mut command = self.agent(arguments);
        command.env("GUMSHOE_STATE_DIR", self.state());
        command
    }

    /// Runs such a command to its end.
    #[must_use]
    pub fn trusting(&self, arguments: &[&str]) -> Ended {
        Ended::from(self.trusting_agent(arguments).output().unwrap())
    }

    /// Applies an envelope with `--json`; returns how the agent ended, and its messages.
    #[must_use]
    pub fn apply(&self, envelope: &str, options: &[&str]) -> (Ended, Vec<Value>) {
        let arguments = [&["apply", "--json"], options].concat();
        let ended = fed(self.trusting_agent(&arguments), envelope);
        let messages = messages(&ended.stdout);
        (ended, messages)
    }
}

/// Runs a program that is given something to read.
#[must_use]
pub fn fed(mut command: Command, input: &str) -> Ended {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A program that was killed before it read everything is what some tests are about.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    Ended::from(child.wait_with_output().unwrap())
}

/// Messages as they stand in the output: whole lines.
#[must_use]
pub fn messages(output: &str) -> Vec<Value> {
    let lines = output.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The kinds of messages, in order.
#[must_use]
pub fn kinds(messages: &[Value]) -> Vec<&str> {
    messages
        .iter()
        .map(|message| message["body"]["kind"].as_str().unwrap())
        .collect()
}
