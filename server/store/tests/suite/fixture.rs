//! An empty store, and things to put into it.

use gumshoe_plugin_api::{Report, Status};
use gumshoe_protocol::heartbeat::{HeartbeatReason, QueueState, SpoolState};
use gumshoe_protocol::{
    Action, ActionId, AgentId, Body, ContentDigest, Envelope, EnvelopeSignature, Facts, Heartbeat,
    HostReport, Operation, PROTOCOL, Timestamp,
};
use gumshoe_store::{
    ActionState, AgentState, NewAction, NewHeartbeat, NewReport, Signer, Store, StoreOptions,
};
use gumshoe_test_services::postgres::Postgres;
use serde_json::json;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// One server for all tests of this process; each has a database of its own.
static SERVER: OnceLock<Postgres> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// An empty store with its tables.
pub struct Fixture {
    pub store: Store,
    pub address: String,
    folder: Option<TempDir>,
}

impl Fixture {
    pub async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = format!("sqlite:{}", folder.path().join("a %20 b?c#.db").display());
        Self::open(address, Some(folder)).await
    }

    pub async fn postgres() -> Self {
        Self::open(new_database(), None).await
    }

    async fn open(address: String, folder: Option<TempDir>) -> Self {
        let store = Store::open(&address, StoreOptions { connections: 4 })
            .await
            .unwrap();
        store.migrate().await.unwrap();
        Self {
            store,
            address,
            folder,
        }
    }

    /// A second store over the same database, as another process would have.
    pub async fn another(&self) -> Store {
        Store::open(&self.address, StoreOptions { connections: 4 })
            .await
            .unwrap()
    }

    /// The same kind of database, empty, without tables.
    pub async fn fresh(&self) -> Store {
        let address = match &self.folder {
            Some(folder) => format!("sqlite:{}", folder.path().join("fresh.db").display()),
            None => new_database(),
        };
        Store::open(&address, StoreOptions { connections: 4 })
            .await
            .unwrap()
    }

    /// A connection for doing what the store does not.
    pub async fn connection(&self) -> sqlx::AnyPool {
        let address = match &self.folder {
            Some(folder) => format!("sqlite://{}/a%20%2520%20b%3Fc%23.db", folder.path().display()),
            None => self.address.clone(),
        };
        sqlx::AnyPool::connect(&address).await.unwrap()
    }

    /// Makes `count` agents known and approved.
    pub async fn agents(&self, count: u32) -> Vec<AgentId> {
        let heartbeats: Vec<_> = (0..count).map(|number| heartbeat(number, 1, 0)).collect();
        self.store.store_heartbeats(&heartbeats).await.unwrap();
        (0..count).map(agent).collect()
    }

    /// Stores an action with `operations` operations and makes the agents its targets.
    pub async fn action_for(&self, number: u32, operations: usize, agents: &[AgentId]) -> ActionId {
        let new = new_action(number, operations);
        self.store.add_action(&new).await.unwrap();
        assert!(
            self.store
                .add_targets(new.action.id, agents, at(1))
                .await
                .unwrap()
        );
        new.action.id
    }
}

fn new_database() -> String {
    let server = SERVER.get_or_init(|| Postgres::start().unwrap());
    let name = format!("test{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    server.create_database(&name).unwrap()
}

/// A point in time, some seconds after the beginning of all tests.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_timestamp(1_800_000_000 + seconds, 123_456_000).unwrap()
}

/// The agent with this number.
pub fn agent(number: u32) -> AgentId {
    let digest = ContentDigest::of(&number.to_be_bytes());
    let mut bytes = [0; AgentId::BYTES];
    bytes.copy_from_slice(&digest.as_bytes()[..AgentId::BYTES]);
    AgentId::from_bytes(bytes)
}

/// The action with this number.
pub fn action(number: u32) -> ActionId {
    let mut bytes = [0xaa; ActionId::BYTES];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    ActionId::from_bytes(bytes)
}

/// A heartbeat of the approved agent with this number.
pub fn heartbeat(number: u32, sequence: u64, seconds: i64) -> NewHeartbeat {
    let hostname = format!("host{number:05}");
    NewHeartbeat {
        heartbeat: Heartbeat {
            protocol: PROTOCOL,
            agent: agent(number),
            public_key: format!("key of {number}"),
            sequence,
            sent: at(seconds),
            reason: HeartbeatReason::Interval,
            facts: facts(number, &hostname),
            modules: Vec::new(),
            blind_spots: vec!["memory of other users".to_owned()],
            queue: QueueState::default(),
            spool: SpoolState::default(),
            previous_id: None,
            enrolment: None,
            interval_s: 60,
        },
        received: at(seconds),
        state_if_new: AgentState::Approved,
    }
}

fn facts(number: u32, hostname: &str) -> Facts {
    Facts {
        os: "linux".to_owned(),
        hostname: hostname.to_owned(),
        id: agent(number).to_string(),
        tags: [("role".to_owned(), "web".to_owned())].into(),
        agent_version: "0.1.0".to_owned(),
        protocol: PROTOCOL,
        ..Facts::default()
    }
}

/// An action of some operations, queued.
pub fn new_action(number: u32, operations: usize) -> NewAction {
    let operation = Operation {
        module: "file".to_owned(),
        params: json!({"path": "/etc"}),
        limits: gumshoe_protocol::RequestedLimits::default(),
    };
    let action = Action {
        protocol: PROTOCOL,
        id: action(number),
        name: format!("action {number}"),
        description: String::new(),
        target: "os == \"linux\"".to_owned(),
        not_before: at(0),
        expires: at(600),
        operations: vec![operation; operations],
        limits: gumshoe_protocol::RequestedLimits::default(),
        references: Vec::new(),
    };
    NewAction {
        digest: ContentDigest::of(&action.to_payload()),
        envelope: vec![b'e'; 100],
        signers: vec![Signer {
            name: "alice".to_owned(),
            fingerprint: "AA11".to_owned(),
        }],
        submitted_by: "alice".to_owned(),
        options: json!({"canary": 3}),
        state: ActionState::Queued,
        created: at(i64::from(number)),
        action,
    }
}

/// A message of an agent, as it comes from the relay.
pub fn report(action: ActionId, agent: AgentId, body: Body) -> NewReport {
    let about = (Some(action), ContentDigest::of(b"action"));
    let report = HostReport::new(agent, "host", about, at(10), body);
    let envelope = Envelope {
        payload_type: gumshoe_protocol::envelope::REPORT_TYPE.to_owned(),
        payload: report.to_payload(),
        signatures: vec![EnvelopeSignature {
            key_id: agent.to_string(),
            signature: vec![7; 64],
        }],
    };
    NewReport::new(&envelope, &report, at(11)).unwrap()
}

pub fn started(operations: u32) -> Body {
    Body::Started {
        signers: vec!["alice".to_owned()],
        operations,
    }
}

/// The report of one operation with some findings.
pub fn operation(index: u32, of: u32, findings: usize) -> Body {
    let report = Report {
        module: "file".to_owned(),
        module_version: None,
        status: Status::Success,
        found: findings > 0,
        findings: vec![json!({"path": "/etc/passwd"}); findings],
        statistics: json!({"duration_ms": 1}),
        coverage: gumshoe_plugin_api::Coverage::default(),
        errors: Vec::new(),
        refusal: None,
    };
    Body::Operation {
        index,
        of,
        report: Box::new(report),
    }
}

pub fn finished(operations: u32, found: bool) -> Body {
    Body::Finished {
        started: at(9),
        finished: at(10),
        operations,
        found,
        complete: true,
    }
}

pub fn refused(code: &str) -> Body {
    Body::Refused {
        code: code.to_owned(),
        message: String::new(),
    }
}
