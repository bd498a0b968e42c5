//! One agent: its key, its counter, what it says.

use anyhow::Context as _;
use chrono::Utc;
use gumshoe_plugin_api::{Coverage, Report, Status};
use gumshoe_protocol::bounds::ENVELOPE_BYTES;
use gumshoe_protocol::envelope::{ACTION_TYPE, HEARTBEAT_TYPE, REPORT_TYPE};
use gumshoe_protocol::heartbeat::{HeartbeatReason, ModuleState, QueueState, SpoolState};
use gumshoe_protocol::seal::enrolment_proof;
use gumshoe_protocol::{
    Action, ActionId, AgentId, Body, ContentDigest, Envelope, Facts, Heartbeat, HostReport, PROTOCOL,
    ReportKey,
};
use serde_json::json;
use std::collections::HashSet;

/// A simulated agent.
pub struct Agent {
    key: ReportKey,
    id: AgentId,
    number: u32,
    sequence: u64,
    findings: u32,
    interval_s: u64,
    proof: Option<ContentDigest>,
    answered: HashSet<ActionId>,
}

/// What an agent answers.
pub struct Answer {
    /// To which action.
    pub action: ActionId,
    /// The envelopes, in their order.
    pub reports: Vec<Vec<u8>>,
}

impl Agent {
    /// The agent with this number: the same one each time.
    pub fn new(number: u32, arguments: &crate::AgentsArguments) -> Self {
        let seed = ContentDigest::of(format!("simulated agent {number}").as_bytes());
        let key = ReportKey::from_seed(seed.as_bytes());
        let public = key.public();
        Self {
            id: public.agent(),
            number,
            sequence: 0,
            findings: arguments.findings,
            interval_s: arguments.interval_s,
            proof: arguments
                .token
                .as_deref()
                .map(|token| enrolment_proof(token, &public)),
            answered: HashSet::new(),
            key,
        }
    }

    /// Its identifier.
    pub fn id(&self) -> AgentId {
        self.id
    }

    fn hostname(&self) -> String {
        format!("host{:06}.example.org", self.number)
    }

    fn next(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    /// A heartbeat, sealed.
    pub fn heartbeat(&mut self, reason: HeartbeatReason) -> Vec<u8> {
        let heartbeat = Heartbeat {
            protocol: PROTOCOL,
            agent: self.id,
            public_key: self.key.public().to_text(),
            sequence: self.next(),
            sent: Utc::now(),
            reason,
            facts: self.facts(),
            modules: modules(),
            blind_spots: Vec::new(),
            queue: QueueState::default(),
            spool: SpoolState::default(),
            previous_id: None,
            enrolment: self.proof,
            interval_s: self.interval_s,
        };
        self.sealed(HEARTBEAT_TYPE, heartbeat.to_payload())
    }

    /// What the agent answers to an envelope: as a real one, `started`, a report per operation, `finished`; nothing when the
    /// action was answered before.
    pub fn answer(&mut self, envelope: &[u8]) -> anyhow::Result<Option<Answer>> {
        let envelope = Envelope::parse(envelope, ENVELOPE_BYTES).context("not an envelope")?;
        anyhow::ensure!(envelope.payload_type == ACTION_TYPE, "not an action");
        let action = Action::parse(&envelope.payload).context("not an action")?;
        if !self.answered.insert(action.id) {
            return Ok(None);
        }
        let digest = ContentDigest::of(&envelope.payload);
        let began = Utc::now();
        let operations = u32::try_from(action.operations.len())?;
        let mut bodies = vec![Body::Started {
            signers: vec!["load".to_owned()],
            operations,
        }];
        for (index, operation) in (0..).zip(&action.operations) {
            bodies.push(Body::Operation {
                index,
                of: operations,
                report: Box::new(self.report(&operation.module)),
            });
        }
        bodies.push(Body::Finished {
            started: began,
            finished: Utc::now(),
            operations,
            found: self.findings > 0,
            complete: true,
        });
        let reports = bodies
            .into_iter()
            .map(|body| self.message(action.id, digest, body));
        Ok(Some(Answer {
            action: action.id,
            reports: reports.collect(),
        }))
    }

    fn message(&mut self, action: ActionId, digest: ContentDigest, body: Body) -> Vec<u8> {
        let about = (Some(action), digest);
        let mut report = HostReport::new(self.id, self.hostname(), about, Utc::now(), body);
        report.sequence = self.next();
        self.sealed(REPORT_TYPE, report.to_payload())
    }

    fn sealed(&self, payload_type: &str, payload: Vec<u8>) -> Vec<u8> {
        self.key.seal(payload_type, payload).to_json().into_bytes()
    }

    fn report(&self, module: &str) -> Report {
        let finding = |index| {
            json!({
                "path": format!("/usr/share/doc/package-{index}/copyright"), "size": 2048, "mode": "0644",
                "mtime": "2026-01-02T03:04:05Z", "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            })
        };
        Report {
            module: module.to_owned(),
            module_version: Some("0.1.0".to_owned()),
            status: Status::Success,
            found: self.findings > 0,
            findings: (0..self.findings).map(finding).collect(),
            statistics: json!({"duration_ms": 12, "files": 4000, "bytes": 123_456_789}),
            coverage: Coverage::default(),
            errors: Vec::new(),
            refusal: None,
        }
    }

    /// As many facts as a real host has.
    fn facts(&self) -> Facts {
        let text = |pairs: &[(&str, &str)]| {
            let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
            pairs.iter().map(own).collect()
        };
        let [_, a, b, c] = self.number.to_be_bytes();
        Facts {
            os: "linux".to_owned(),
            arch: "x86_64".to_owned(),
            hostname: self.hostname(),
            id: self.id.to_string(),
            os_release: text(&[
                ("id", "debian"),
                ("version_id", "13"),
                ("version_codename", "trixie"),
                ("pretty_name", "Debian GNU/Linux 13 (trixie)"),
            ]),
            kernel: "6.12.48+deb13-amd64".to_owned(),
            cpus: 8,
            memory_bytes: 32 << 30,
            ips: vec![format!("10.{a}.{b}.{c}"), format!("fd00::{a:x}:{b:x}:{c:x}")],
            tags: text(&[("role", "web"), ("owner", "operations")]),
            modules: modules().into_iter().map(|module| module.name).collect(),
            cloud: text(&[
                ("provider", "aws"),
                ("region", "eu-central-1"),
                ("instance_type", "m7i.large"),
            ]),
            agent_version: "0.1.0".to_owned(),
            protocol: PROTOCOL,
        }
    }
}

fn modules() -> Vec<ModuleState> {
    let module = |name: &str| ModuleState {
        name: name.to_owned(),
        version: Some("0.1.0".to_owned()),
        sha256: Some(ContentDigest::of(name.as_bytes())),
        enabled: true,
        problem: None,
    };
    ["file", "memory", "netstat", "pkg", "scribe"]
        .map(module)
        .to_vec()
}
