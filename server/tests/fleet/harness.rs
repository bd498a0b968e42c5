//! A server with everything around it.

use anyhow::{Context as _, Result, ensure};
use chrono::{TimeDelta, Utc};
use futures_util::StreamExt as _;
use gumshoe_protocol::envelope::{ACTION_TYPE, CANCEL_TYPE, EnvelopeSignature, HEARTBEAT_TYPE, REPORT_TYPE};
use gumshoe_protocol::heartbeat::{HeartbeatReason, QueueState, SpoolState};
use gumshoe_protocol::seal::enrolment_proof;
use gumshoe_protocol::{
    Action, ActionId, AgentId, Body, Cancel, ContentDigest, Envelope, Facts, Heartbeat, HostReport,
    Operation, ReportKey, RequestedLimits, relay,
};
use gumshoe_test_services::gpg::{Form, Gpg};
use gumshoe_test_services::rabbitmq::Broker;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions,
    QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, Consumer};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// What agents prove to know.
pub const ENROLMENT: &str = "the fleet's enrolment token";
/// How long a state is waited for.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// The broker that all tests share, each in a virtual host of its own.
static BROKER: OnceLock<Mutex<Broker>> = OnceLock::new();
static HOSTS: AtomicU32 = AtomicU32::new(0);

/// A virtual host of the shared broker, as a URL.
pub fn relay_url() -> Result<String> {
    let broker = BROKER.get_or_init(|| Mutex::new(Broker::start().expect("a broker")));
    let broker = broker.lock().expect("nobody panics here");
    let name = format!("t{}", HOSTS.fetch_add(1, Ordering::Relaxed));
    broker.control(&["add_vhost", &name])?;
    broker.control(&["set_permissions", "-p", &name, "guest", ".*", ".*", ".*"])?;
    Ok(broker.url().replace("/%2f", &format!("/{name}")))
}

/// What a server is started with.
#[derive(Default)]
pub struct Setup<'a> {
    /// Its database; SQLite when absent.
    pub database: Option<String>,
    /// How it reaches its broker, and how the test does; the shared broker when absent.
    pub relay: Option<(String, String)>,
    /// More lines of configuration.
    pub config: &'a str,
    /// Who signed the API's certificate; plain HTTP when absent.
    pub ca: Option<&'a str>,
}

/// A server, its investigator, and what it is configured with.
pub struct Fleet {
    pub folder: TempDir,
    pub gpg: Gpg,
    pub key: String,
    pub relay: String,
    pub database: String,
    pub runtime: Runtime,
    pub api: String,
    pub admin: String,
    server: Option<Child>,
    pub connection: Connection,
    publisher: Channel,
    http: ureq::Agent,
    scheme: &'static str,
}

impl Fleet {
    /// With SQLite, and more lines of configuration.
    pub fn start(config: &str) -> Result<Self> {
        Self::set_up(Setup {
            config,
            ..Setup::default()
        })
    }

    /// As it is asked for.
    pub fn set_up(setup: Setup<'_>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let gpg = Gpg::new()?;
        let key = gpg.generate("Alice <alice@example.com>", "ed25519", "sign", "never")?;
        let (relay, ours) = match setup.relay {
            Some(relay) => relay,
            None => {
                let url = relay_url()?;
                (url.clone(), url)
            }
        };
        let database = setup
            .database
            .unwrap_or_else(|| format!("sqlite:{}", folder.path().join("db").display()));
        write_files(&folder, &gpg, &key, setup.config)?;
        let runtime = Runtime::new()?;
        let (connection, publisher) = runtime.block_on(connect(&ours))?;
        let http = http_client(setup.ca)?;
        let mut fleet = Self {
            folder,
            gpg,
            key,
            relay,
            database,
            runtime,
            api: String::new(),
            admin: String::new(),
            server: None,
            connection,
            publisher,
            http,
            scheme: if setup.ca.is_some() { "https" } else { "http" },
        };
        fleet.admin = fleet
            .command(&["token", "create", "tests", "--role", "admin"])?
            .trim()
            .to_owned();
        fleet.command(&["relay", "setup"])?;
        fleet.serve()?;
        Ok(fleet)
    }

    fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gumshoe-server"));
        command
            .arg("--config")
            .arg(self.folder.path().join("server.toml"))
            .args(["--database", &self.database, "--relay", &self.relay])
            .args(arguments);
        command
    }

    /// Runs a command to its end and returns what it printed.
    pub fn command(&self, arguments: &[&str]) -> Result<String> {
        let output = self.program(arguments).output()?;
        let told = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{arguments:?}: {told}");
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Starts the server.
    pub fn serve(&mut self) -> Result<()> {
        self.serve_as("all")
    }

    /// Starts the server in a role that has the API.
    pub fn serve_as(&mut self, role: &str) -> Result<()> {
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log_file())?;
        let mut child = self
            .program(&[
                "--listen",
                "127.0.0.1:0",
                "serve",
                "--print-address",
                "--role",
                role,
            ])
            .env("GUMSHOE_LOG", "gumshoe_server=debug,info")
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()?;
        let mut address = String::new();
        let stdout = child.stdout.take().context("a pipe")?;
        self.server = Some(child);
        BufReader::new(stdout).read_line(&mut address)?;
        ensure!(!address.is_empty(), "{}", self.log());
        self.api = format!("{}://{}", self.scheme, address.trim());
        Ok(())
    }

    /// Starts another process beside the server; it ends with the value.
    pub fn serve_beside(&self, role: &str) -> Result<Beside> {
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log_file())?;
        let child = self.program(&["serve", "--role", role]).stderr(log).spawn()?;
        Ok(Beside(child))
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// What the server logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// Ends the server as a power failure would.
    pub fn kill(&mut self) -> Result<()> {
        let mut server = self.server.take().context("a server")?;
        server.kill()?;
        server.wait()?;
        Ok(())
    }

    /// Ends the server in an orderly way; says whether it called that a success.
    pub fn stop(&mut self) -> Result<bool> {
        let mut server = self.server.take().context("a server")?;
        let pid = rustix::process::Pid::from_child(&server);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        Ok(server.wait()?.success())
    }

    /// Sends a signal to the server.
    pub fn signal(&self, signal: rustix::process::Signal) -> Result<()> {
        let server = self.server.as_ref().context("a server")?;
        Ok(rustix::process::kill_process(
            rustix::process::Pid::from_child(server),
            signal,
        )?)
    }

    /// The server's process.
    pub fn process(&self) -> Result<u32> {
        Ok(self.server.as_ref().context("a server")?.id())
    }

    /// Waits until the log has a text so many times.
    pub fn wait_for_log(&self, text: &str, times: usize) -> Result<()> {
        let there = || Ok((self.log().matches(text).count() >= times).then_some(()));
        wait_for(text, there).with_context(|| tail(&self.log()))
    }

    /// An action's hosts.
    pub fn targets(&self, action: ActionId) -> Result<Vec<Value>> {
        let page = self.got(&format!("/api/v1/actions/{action}/targets?limit=1000"))?;
        Ok(page["items"].as_array().context("items")?.clone())
    }

    /// Asks the API as the administrator.
    pub fn get(&self, path: &str) -> Result<(u16, Value)> {
        self.ask("GET", path, None, Some(&self.admin))
    }

    /// Asks the API for what has to be there.
    pub fn got(&self, path: &str) -> Result<Value> {
        let (status, body) = self.get(path)?;
        ensure!(status == 200, "{path}: {status} {body}");
        Ok(body)
    }

    /// Sends to the API as the administrator.
    pub fn post(&self, path: &str, body: &Value) -> Result<(u16, Value)> {
        self.ask("POST", path, Some(body), Some(&self.admin))
    }

    /// Asks the API.
    pub fn ask(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        token: Option<&str>,
    ) -> Result<(u16, Value)> {
        let (status, text) = self.ask_text(method, path, body, token)?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
    }

    /// Asks the API and returns the body as it is.
    pub fn ask_text(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        token: Option<&str>,
    ) -> Result<(u16, String)> {
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.api));
        if let Some(token) = token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let text = body.map(Value::to_string).unwrap_or_default();
        if body.is_some() {
            request = request.header("Content-Type", "application/json");
        }
        let mut response = self.http.run(request.body(text)?)?;
        let status = response.status().as_u16();
        Ok((status, response.body_mut().read_to_string()?))
    }

    /// An action for these hosts that is valid for an hour.
    pub fn action(&self, target: &str) -> Result<Action> {
        Ok(Action {
            protocol: 1,
            id: ActionId::from_bytes(random()?),
            name: "a question".to_owned(),
            description: String::new(),
            target: target.to_owned(),
            not_before: Utc::now() - TimeDelta::minutes(5),
            expires: Utc::now() + TimeDelta::hours(1),
            operations: vec![Operation {
                module: "file".to_owned(),
                params: json!({"paths": ["/etc"]}),
                limits: RequestedLimits::default(),
            }],
            limits: RequestedLimits::default(),
            references: Vec::new(),
        })
    }

    /// An envelope, signed by the investigator.
    pub fn signed(&self, payload_type: &str, payload: Vec<u8>) -> Result<Value> {
        let mut envelope = Envelope {
            payload_type: payload_type.to_owned(),
            payload,
            signatures: Vec::new(),
        };
        envelope.signatures.push(EnvelopeSignature {
            key_id: self.key.clone(),
            signature: self.gpg.detach_sign(&self.key, &envelope.pae(), &[])?,
        });
        Ok(serde_json::from_str(&envelope.to_json())?)
    }

    /// Sends an action, which has to be accepted.
    pub fn submit(&self, action: &Action, options: &Value) -> Result<Value> {
        let envelope = self.signed(ACTION_TYPE, action.to_payload())?;
        let (status, body) = self.post(
            "/api/v1/actions",
            &json!({"envelope": envelope, "options": options}),
        )?;
        ensure!(status == 201, "{status} {body}");
        Ok(body)
    }

    /// Cancels an action.
    pub fn cancel(&self, action: ActionId) -> Result<(u16, Value)> {
        let cancel = Cancel {
            protocol: 1,
            action,
            made: Utc::now(),
            reason: "enough".to_owned(),
        };
        let envelope = self.signed(CANCEL_TYPE, cancel.to_payload())?;
        self.post(
            &format!("/api/v1/actions/{action}/cancel"),
            &json!({"envelope": envelope}),
        )
    }

    /// An agent that has been heard of and takes part.
    pub fn agent(&self, hostname: &str) -> Result<Agent<'_>> {
        let mut agent = self.silent_agent(hostname)?;
        agent.beat(HeartbeatReason::Start)?;
        let path = format!("/api/v1/agents/{}", agent.id);
        wait_for("the agent is approved", || {
            let (status, body) = self.get(&path)?;
            Ok((status == 200 && body["state"] == "approved").then_some(()))
        })?;
        Ok(agent)
    }

    /// An agent with a queue, that has not been heard of.
    pub fn silent_agent(&self, hostname: &str) -> Result<Agent<'_>> {
        Agent::new(self, ReportKey::from_seed(&random()?), hostname)
    }

    /// Publishes on behalf of an agent; the broker has it when this returns.
    pub fn publish(&self, key: String, body: &[u8]) -> Result<()> {
        let channel = self.publisher.clone();
        self.runtime.block_on(publish(channel, key, body.to_vec()))
    }

    /// Waits until an action's counters are as wanted.
    pub fn wait_for_counters(&self, action: ActionId, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let path = format!("/api/v1/actions/{action}/counters");
        let mut last = Value::Null;
        let waited = wait_for("counters", || {
            last = self.got(&path)?;
            Ok(wanted(&last).then(|| last.clone()))
        });
        waited.with_context(|| format!("{last}\n{}", tail(&self.log())))
    }

    /// Waits until an action is in a state.
    pub fn wait_for_state(&self, action: ActionId, state: &str) -> Result<Value> {
        let path = format!("/api/v1/actions/{action}");
        let mut last = Value::Null;
        let waited = wait_for(state, || {
            last = self.got(&path)?;
            Ok((last["state"] == state).then(|| last.clone()))
        });
        waited.with_context(|| format!("{last}\n{}", tail(&self.log())))
    }
}

/// A process beside the server.
pub struct Beside(Child);

impl Beside {
    /// Waits until it has ended; says whether it called that a success.
    pub fn wait(&mut self) -> Result<bool> {
        Ok(self.0.wait()?.success())
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// An agent that is played.
pub struct Agent<'a> {
    pub fleet: &'a Fleet,
    pub id: AgentId,
    pub hostname: String,
    pub sequence: u64,
    pub enrolment: Option<String>,
    /// Seconds until its next heartbeat, as it says.
    pub interval_s: u64,
    key: ReportKey,
    consumer: Consumer,
}

impl<'a> Agent<'a> {
    pub fn new(fleet: &'a Fleet, key: ReportKey, hostname: &str) -> Result<Self> {
        let id = key.public().agent();
        let consumer = fleet.runtime.block_on(listen(&fleet.connection, &id))?;
        Ok(Self {
            fleet,
            id,
            hostname: hostname.to_owned(),
            sequence: 0,
            enrolment: Some(ENROLMENT.to_owned()),
            interval_s: 60,
            key,
            consumer,
        })
    }

    /// Another host with the same key.
    pub fn clone_as(&self, hostname: &str, seed: &[u8; 32]) -> Result<Self> {
        Self::new(self.fleet, ReportKey::from_seed(seed), hostname)
    }

    /// Sends a heartbeat.
    pub fn beat(&mut self, reason: HeartbeatReason) -> Result<()> {
        self.sequence += 1;
        let heartbeat = self.heartbeat(reason);
        let envelope = self.key.seal(HEARTBEAT_TYPE, heartbeat.to_payload());
        self.fleet
            .publish(relay::heartbeat_key(&self.id), envelope.to_json().as_bytes())
    }

    pub fn heartbeat(&self, reason: HeartbeatReason) -> Heartbeat {
        let public = self.key.public();
        Heartbeat {
            protocol: 1,
            agent: self.id,
            public_key: public.to_text(),
            sequence: self.sequence,
            sent: Utc::now(),
            reason,
            facts: Facts {
                os: "linux".to_owned(),
                hostname: self.hostname.clone(),
                id: self.id.to_string(),
                agent_version: "0.1.0".to_owned(),
                protocol: 1,
                ..Facts::default()
            },
            modules: Vec::new(),
            blind_spots: vec!["not root".to_owned()],
            queue: QueueState::default(),
            spool: SpoolState::default(),
            previous_id: None,
            enrolment: self
                .enrolment
                .as_ref()
                .map(|token| enrolment_proof(token, &public)),
            interval_s: self.interval_s,
        }
    }

    /// The next message from the server.
    pub fn receive(&mut self) -> Result<Envelope> {
        let consumer = &mut self.consumer;
        let received = self.fleet.runtime.block_on(async {
            let delivery = tokio::time::timeout(DEADLINE, consumer.next()).await;
            let delivery = delivery
                .context("no message came")?
                .context("the consumer ended")??;
            delivery.ack(BasicAckOptions::default()).await?;
            Ok::<_, anyhow::Error>(delivery.data)
        })?;
        Ok(Envelope::parse(&received, 16 << 20)?)
    }

    /// Whether nothing has come until now.
    pub fn has_nothing(&mut self) -> bool {
        use futures_util::FutureExt as _;
        self.consumer.next().now_or_never().is_none()
    }

    /// The action that comes next.
    pub fn receive_action(&mut self) -> Result<(Action, ContentDigest)> {
        let envelope = self.receive()?;
        ensure!(envelope.payload_type == ACTION_TYPE, "{}", envelope.payload_type);
        Ok((
            Action::parse(&envelope.payload)?,
            ContentDigest::of(&envelope.payload),
        ))
    }

    /// A message about an action, signed.
    pub fn sealed(&mut self, action: &Action, body: Value) -> Result<String> {
        self.sequence += 1;
        let body: Body = serde_json::from_value(body)?;
        let about = (Some(action.id), ContentDigest::of(&action.to_payload()));
        let mut report = HostReport::new(self.id, self.hostname.clone(), about, Utc::now(), body);
        report.sequence = self.sequence;
        Ok(self.key.seal(REPORT_TYPE, report.to_payload()).to_json())
    }

    /// Says something about an action.
    pub fn say(&mut self, action: &Action, body: Value) -> Result<()> {
        let sealed = self.sealed(action, body)?;
        self.fleet.publish(relay::report_key(&self.id), sealed.as_bytes())
    }

    /// Answers an action with these findings.
    pub fn answer(&mut self, action: &Action, findings: &Value) -> Result<()> {
        for body in answers(findings) {
            self.say(action, body)?;
        }
        Ok(())
    }
}

/// What an agent says about an action with one operation.
pub fn answers(findings: &Value) -> [Value; 3] {
    let found = findings.as_array().is_some_and(|findings| !findings.is_empty());
    let now = Utc::now();
    [
        json!({"kind": "started", "signers": ["alice"], "operations": 1}),
        json!({"kind": "operation", "index": 0, "of": 1, "report": report(findings)}),
        json!({"kind": "finished", "started": now, "finished": now, "operations": 1, "found": found, "complete": true}),
    ]
}

/// The report of one operation.
pub fn report(findings: &Value) -> Value {
    let found = findings.as_array().is_some_and(|findings| !findings.is_empty());
    json!({
        "module": "file", "status": "success", "found": found, "findings": findings,
        "statistics": {"duration_ms": 1}, "coverage": {"complete": true, "skipped": []}, "errors": [],
    })
}

/// Looks again until there is something, or the time is over.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        ensure!(start.elapsed() < DEADLINE, "waited in vain for: {what}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

/// Random bytes.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// A client that trusts this authority only.
fn http_client(ca: Option<&str>) -> Result<ureq::Agent> {
    let mut config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(DEADLINE));
    if let Some(ca) = ca {
        let certificate = ureq::tls::Certificate::from_pem(ca.as_bytes())?;
        let tls = ureq::tls::TlsConfig::builder()
            .root_certs(ureq::tls::RootCerts::new_with_certs(&[certificate]))
            .unversioned_rustls_crypto_provider(std::sync::Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        config = config.tls_config(tls);
    }
    Ok(config.build().into())
}

fn tail(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}

fn write_files(folder: &TempDir, gpg: &Gpg, key: &str, more: &str) -> Result<()> {
    let path = folder.path();
    fs::write(path.join("alice.asc"), gpg.export(key, Form::Armoured)?)?;
    fs::write(path.join("enrolment"), ENROLMENT)?;
    let policy = format!(
        "[[investigators]]\nname = \"alice\"\nfingerprint = \"{key}\"\nkey = \"alice.asc\"\ngroups = [\"ops\"]\n\
         [[permissions]]\ngroup = \"ops\"\nmodules = [\"file\"]\n"
    );
    fs::write(path.join("policy.toml"), policy)?;
    let config = format!(
        "policy = {:?}\n[enrolment]\ntoken_file = {:?}\n{}\n",
        path.join("policy.toml"),
        path.join("enrolment"),
        more.replace("FOLDER", &path.to_string_lossy()),
    );
    fs::write(path.join("server.toml"), config)?;
    Ok(())
}

async fn connect(url: &str) -> Result<(Connection, Channel)> {
    let connection = Connection::connect(url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    Ok((connection, channel))
}

async fn publish(channel: Channel, key: String, body: Vec<u8>) -> Result<()> {
    let options = BasicPublishOptions::default();
    let properties = BasicProperties::default().with_delivery_mode(2);
    let published = channel
        .basic_publish(relay::REPORTS.into(), key.into(), options, &body, properties)
        .await?;
    ensure!(published.await?.is_ack(), "not confirmed");
    Ok(())
}

/// Declares and reads an agent's queue, as its courier does.
async fn listen(connection: &Connection, id: &AgentId) -> Result<Consumer> {
    let channel = connection.create_channel().await?;
    let queue = relay::agent_queue(id);
    let passive = ExchangeDeclareOptions {
        passive: true,
        ..ExchangeDeclareOptions::default()
    };
    channel
        .exchange_declare(
            relay::ACTIONS.into(),
            lapin::ExchangeKind::Topic,
            passive,
            FieldTable::default(),
        )
        .await?;
    let options = QueueDeclareOptions {
        durable: true,
        ..QueueDeclareOptions::default()
    };
    channel
        .queue_declare(queue.as_str().into(), options, FieldTable::default())
        .await?;
    for key in [relay::ALL.to_owned(), relay::agent_key(id)] {
        let options = QueueBindOptions::default();
        channel
            .queue_bind(
                queue.as_str().into(),
                relay::ACTIONS.into(),
                key.into(),
                options,
                FieldTable::default(),
            )
            .await?;
    }
    let consumer = channel
        .basic_consume(
            queue.into(),
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        )
        .await?;
    Ok(consumer)
}
