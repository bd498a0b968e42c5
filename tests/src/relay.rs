//! The relay as the server sees it, and a host whose daemon is connected to it.

use crate::Host;
use chrono::Utc;
use gumshoe_protocol::bounds::REPORT_ENVELOPE_BYTES;
use gumshoe_protocol::envelope::{HEARTBEAT_TYPE, REPORT_TYPE};
use gumshoe_protocol::relay::{ACTIONS, HEARTBEATS_QUEUE, REPORTS, REPORTS_QUEUE, agent_key, agent_queue};
use gumshoe_protocol::seal::PublicReportKey;
use gumshoe_protocol::{AgentId, Envelope};
use gumshoe_test_services::rabbitmq::Broker;
use lapin::options::{
    BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions,
    QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, ExchangeKind};
use rustix::process::Signal;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long anything may take before a test fails: generous, as the machine may be busy.
const LIMIT: Duration = Duration::from_secs(60);

/// The server's view of a relay.
pub struct Server {
    runtime: tokio::runtime::Runtime,
    _connection: Connection,
    channel: Channel,
    /// Reports that were received and not asked for yet.
    pub reports: Vec<Value>,
    /// Heartbeats, all of them.
    pub heartbeats: Vec<Value>,
}

impl Server {
    /// Connects to a relay and makes what a server makes there.
    #[must_use]
    pub fn connect(broker: &Broker) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (connection, channel) = runtime.block_on(async {
            let connection = Connection::connect(&broker.url(), ConnectionProperties::default())
                .await
                .unwrap();
            let channel = connection.create_channel().await.unwrap();
            channel
                .confirm_select(ConfirmSelectOptions::default())
                .await
                .unwrap();
            declare(&channel).await;
            (connection, channel)
        });
        Self {
            runtime,
            _connection: connection,
            channel,
            reports: Vec::new(),
            heartbeats: Vec::new(),
        }
    }

    /// Publishes an envelope for one agent and waits until the relay has it in the agent's queue.
    pub fn publish(&self, agent: &AgentId, envelope: &str) {
        let options = BasicPublishOptions {
            mandatory: true,
            ..BasicPublishOptions::default()
        };
        let properties = BasicProperties::default().with_delivery_mode(2);
        let (key, bytes) = (agent_key(agent), envelope.as_bytes());
        let confirmation = self.runtime.block_on(async {
            let publish =
                self.channel
                    .basic_publish(ACTIONS.into(), key.as_str().into(), options, bytes, properties);
            publish.await.unwrap().await.unwrap()
        });
        assert!(
            confirmation.is_ack() && confirmation.take_message().is_none(),
            "{key} is not bound"
        );
    }

    /// Messages that are ready in an agent's queue.
    #[must_use]
    pub fn ready(&self, agent: &AgentId) -> u32 {
        let options = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        };
        let queue = agent_queue(agent);
        let declare = self
            .channel
            .queue_declare(queue.as_str().into(), options, FieldTable::default());
        self.runtime.block_on(declare).unwrap().message_count()
    }

    /// Takes in everything that has arrived.
    pub fn receive(&mut self) {
        while let Some(envelope) = self.get(HEARTBEATS_QUEUE) {
            let payload: Value = serde_json::from_slice(&envelope.payload).unwrap();
            let key = PublicReportKey::parse(payload["public_key"].as_str().unwrap()).unwrap();
            assert_eq!(payload["agent"], key.agent().to_string());
            key.open(envelope, HEARTBEAT_TYPE).unwrap();
            self.heartbeats.push(payload);
        }
        while let Some(envelope) = self.get(REPORTS_QUEUE) {
            let payload: Value = serde_json::from_slice(&envelope.payload).unwrap();
            let by = |beat: &&Value| beat["agent"] == payload["agent"];
            // Every report has to be by an agent that showed its key.
            if let Some(beat) = self.heartbeats.iter().find(by) {
                let key = PublicReportKey::parse(beat["public_key"].as_str().unwrap()).unwrap();
                key.open(envelope, REPORT_TYPE).unwrap();
            }
            self.reports.push(payload);
        }
    }

    fn get(&self, queue: &str) -> Option<Envelope> {
        let get = self
            .channel
            .basic_get(queue.into(), BasicGetOptions { no_ack: true });
        let message = self.runtime.block_on(get).unwrap()?;
        Some(Envelope::parse(&message.data, REPORT_ENVELOPE_BYTES).unwrap())
    }

    /// Receives until `so` is satisfied with all reports; they stay.
    pub fn wait(&mut self, what: &str, mut so: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + LIMIT;
        loop {
            self.receive();
            if so(self) {
                return;
            }
            let told: Vec<_> = self
                .reports
                .iter()
                .map(|report| format!("{} {}", report["sequence"], report["body"]))
                .collect();
            assert!(
                Instant::now() < deadline,
                "waited in vain for this: {what}; reports: {told:?}"
            );
        }
    }

    /// Waits for a message of this kind about an action.
    pub fn wait_for(&mut self, kind: &str, action: &Value) -> Value {
        let is_it = |report: &&Value| report["action"] == action["id"] && report["body"]["kind"] == kind;
        self.wait(kind, |server| server.reports.iter().any(|report| is_it(&report)));
        self.reports.iter().find(is_it).unwrap().clone()
    }

    /// Waits for a heartbeat of this reason that was sent after `after` others.
    pub fn wait_for_heartbeat(&mut self, reason: &str, after: usize) -> Value {
        let is_it = |beat: &&Value| beat["reason"] == reason;
        self.wait(reason, |server| {
            server.heartbeats.iter().skip(after).any(|beat| is_it(&beat))
        });
        self.heartbeats.iter().skip(after).find(is_it).unwrap().clone()
    }

    /// The kinds of messages about an action, in order, each as often as it came.
    #[must_use]
    pub fn kinds(&self, action: &Value) -> Vec<String> {
        let about = self
            .reports
            .iter()
            .filter(|report| report["action"] == action["id"]);
        about
            .map(|report| report["body"]["kind"].as_str().unwrap().to_owned())
            .collect()
    }
}

async fn declare(channel: &Channel) {
    let durable = ExchangeDeclareOptions {
        durable: true,
        ..ExchangeDeclareOptions::default()
    };
    for exchange in [ACTIONS, REPORTS] {
        let declare = channel.exchange_declare(
            exchange.into(),
            ExchangeKind::Topic,
            durable,
            FieldTable::default(),
        );
        declare.await.unwrap();
    }
    let options = QueueDeclareOptions {
        durable: true,
        ..QueueDeclareOptions::default()
    };
    for (queue, key) in [(REPORTS_QUEUE, "report.*"), (HEARTBEATS_QUEUE, "heartbeat.*")] {
        channel
            .queue_declare(queue.into(), options, FieldTable::default())
            .await
            .unwrap();
        let bind = QueueBindOptions::default();
        channel
            .queue_bind(
                queue.into(),
                REPORTS.into(),
                key.into(),
                bind,
                FieldTable::default(),
            )
            .await
            .unwrap();
    }
}

/// A daemon that runs; killed when it is dropped.
#[derive(Debug)]
pub struct Daemon {
    /// The warden's process.
    pub child: Child,
    log: Arc<Mutex<String>>,
}

impl Host {
    /// Has the host's agent use a relay; `more` is appended to `agent.toml`.
    pub fn use_relay(&self, broker: &Broker, more: &str) {
        use std::os::unix::fs::PermissionsExt;
        // The courier is another user, and has to reach its program.
        std::fs::set_permissions(self.path(""), PermissionsExt::from_mode(0o755)).unwrap();
        let courier = self.path("gumshoe-courier");
        if !courier.exists() {
            std::fs::copy(crate::target().join("gumshoe-courier"), &courier).unwrap();
        }
        std::fs::write(self.path("config/password"), "guest\n").unwrap();
        let text = format!(
            "modules_dir = {:?}\n[relay]\nurls = [\"amqp://127.0.0.1:{}\"]\nuser = \"guest\"\npassword_file = {:?}\ncourier = {courier:?}\n{more}",
            self.path("modules"),
            broker.port(),
            self.path("config/password"),
        );
        std::fs::write(self.path("config/agent.toml"), text).unwrap();
    }

    /// Starts the daemon.
    #[must_use]
    pub fn daemon(&self, arguments: &[&str]) -> Daemon {
        self.daemon_with(arguments, &[])
    }

    /// Starts the daemon with these variables in its environment.
    #[must_use]
    pub fn daemon_with(&self, arguments: &[&str], environment: &[(&str, PathBuf)]) -> Daemon {
        let mut command = self.trusting_agent(&[&["daemon"], arguments].concat());
        let mut child = command
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (copy, lines) = (Arc::clone(&log), BufReader::new(child.stderr.take().unwrap()));
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                copy.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        Daemon { child, log }
    }

    /// Starts the daemon and waits until the server has its first heartbeat; returns the agent's identifier too.
    pub fn connected(&self, server: &mut Server) -> (Daemon, AgentId) {
        let before = server.heartbeats.len();
        let daemon = self.daemon(&[]);
        let beat = server.wait_for_heartbeat("start", before);
        (daemon, beat["agent"].as_str().unwrap().parse().unwrap())
    }

    /// What `status --json` says.
    #[must_use]
    pub fn status(&self) -> Value {
        let ended = self.trusting(&["status", "--json"]);
        serde_json::from_str(&ended.stdout).unwrap_or(Value::Null)
    }
}

impl Daemon {
    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal).unwrap();
    }

    /// Kills it and waits for its end.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + LIMIT;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end: {}", self.log());
            std::thread::yield_now();
        }
    }

    /// Has it end in an orderly way.
    pub fn stop(mut self) -> String {
        self.signal(Signal::TERM);
        let status = self.wait();
        assert!(status.success(), "{status}: {}", self.log());
        self.log()
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until it has logged something.
    pub fn wait_for_log(&self, text: &str) {
        let deadline = Instant::now() + LIMIT;
        while !self.log().contains(text) {
            assert!(Instant::now() < deadline, "not logged: {text}\n{}", self.log());
            std::thread::yield_now();
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended
        let _ = self.child.wait();
    }
}

/// Waits until something is so, as long as anything with a relay may take.
pub fn wait_long(what: &str, mut so: impl FnMut() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !so() {
        assert!(
            Instant::now() < deadline,
            "waited in vain for this, until {}: {what}",
            Utc::now()
        );
        std::thread::yield_now();
    }
}
