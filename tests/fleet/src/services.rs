//! The servers that a measurement needs, and an investigator.

use crate::tally::told;
use anyhow::Context as _;
use chrono::{TimeDelta, Utc};
use clap::Args;
use gumshoe_protocol::envelope::{ACTION_TYPE, pae};
use gumshoe_protocol::{
    Action, ActionId, ContentDigest, Envelope, EnvelopeSignature, Operation, PROTOCOL, RequestedLimits,
};
use gumshoe_test_services::certificates::Authority;
use gumshoe_test_services::gpg::{Form, Gpg};
use gumshoe_test_services::postgres::Postgres;
use gumshoe_test_services::rabbitmq::Broker;
use serde_json::{Value, json};
use std::io::BufRead as _;

/// What is asked where a line of standard input does not say it.
const PARAMETERS: &str =
    r#"{"searches": {"copyrights": {"paths": ["/usr/share/doc"], "names": ["^copyright$"]}}}"#;

/// What is started.
#[derive(Args)]
pub struct ServicesArguments {
    /// A line for the broker's configuration; can be repeated.
    #[arg(long)]
    broker_line: Vec<String>,
    /// Whether PostgreSQL is not needed.
    #[arg(long)]
    no_postgres: bool,
}

/// Starts everything, says where it is, then obeys standard input, line by line:
///
/// * `sign SECONDS NAME [PARAMETERS]`: signs an action for every host, with the parameters of the module `file` as JSON,
/// * `kill-broker`: ends the broker with SIGKILL,
/// * `start-broker`: starts it again, on the same port and folder,
/// * `control ARGUMENTS`: runs `rabbitmqctl`; without spaces in an argument.
pub fn run(arguments: &ServicesArguments) -> anyhow::Result<()> {
    let authority = Authority::new("the relay's authority")?;
    let lines = arguments.broker_line.iter();
    let mut broker = lines
        .fold(Broker::builder().tls(authority), |builder, line| {
            builder.configure(line)
        })
        .start()
        .context("failed to start RabbitMQ")?;
    let postgres = (!arguments.no_postgres)
        .then(|| Postgres::start_with(&["synchronous_commit=on"]))
        .transpose()
        .context("failed to start PostgreSQL")?;
    let address = postgres.as_ref().map(|server| server.create_database("gumshoe"));
    let gpg = Gpg::new()?;
    let fingerprint = gpg.generate("Load <load@example.org>", "ed25519", "sign", "1d")?;
    let key = String::from_utf8(gpg.export(&fingerprint, Form::Armoured)?)?;
    told(&json!({
        "event": "services", "relay": broker.url(), "port": broker.port(), "tls_port": broker.tls_port(),
        "authority": broker.authority().map(Authority::pem), "postgres": address.transpose()?,
        "postgres_pid": postgres.as_ref().and_then(Postgres::pid), "fingerprint": fingerprint, "key": key,
        "broker_pid": process(&broker)?,
    }));
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (command, rest) = line.split_once(' ').unwrap_or((&line, ""));
        told(&match command {
            "sign" => {
                let mut words = rest.splitn(3, ' ');
                let (seconds, name) = (words.next().unwrap_or_default(), words.next());
                let name = name.context("expected is: sign SECONDS NAME [PARAMETERS]")?;
                let parameters = serde_json::from_str(words.next().unwrap_or(PARAMETERS))?;
                let envelope = signed(&gpg, &fingerprint, seconds.parse()?, name, parameters)?;
                json!({"event": "signed", "envelope": envelope.to_json()})
            }
            "kill-broker" => {
                broker.kill()?;
                json!({"event": "killed"})
            }
            "start-broker" => {
                broker.restart()?;
                json!({"event": "started", "broker_pid": process(&broker)?})
            }
            "control" => {
                let arguments: Vec<&str> = rest.split_whitespace().collect();
                json!({"event": "controlled", "output": broker.control(&arguments)?})
            }
            other => anyhow::bail!("{other:?} is not something that can be done"),
        });
    }
    Ok(())
}

/// The broker's process.
fn process(broker: &Broker) -> anyhow::Result<u32> {
    let answer = broker.control(&["eval", "os:getpid()."])?;
    answer.trim().trim_matches('"').parse().context("not a process")
}

/// An action for every host, signed.
fn signed(gpg: &Gpg, fingerprint: &str, seconds: i64, name: &str, params: Value) -> anyhow::Result<Envelope> {
    let now = Utc::now();
    let random = ContentDigest::of(format!("{now} {name}").as_bytes());
    let mut id = [0; ActionId::BYTES];
    id.copy_from_slice(&random.as_bytes()[..ActionId::BYTES]);
    let action = Action {
        protocol: PROTOCOL,
        id: ActionId::from_bytes(id),
        name: name.to_owned(),
        description: String::new(),
        target: "os == \"linux\"".to_owned(),
        not_before: now - TimeDelta::seconds(5),
        expires: now + TimeDelta::seconds(seconds),
        operations: vec![Operation {
            module: "file".to_owned(),
            params,
            limits: RequestedLimits::default(),
        }],
        limits: RequestedLimits::default(),
        references: Vec::new(),
    };
    let payload = action.to_payload();
    let signature = gpg.detach_sign(fingerprint, &pae(ACTION_TYPE, &payload), &[])?;
    Ok(Envelope {
        payload_type: ACTION_TYPE.to_owned(),
        payload,
        signatures: vec![EnvelopeSignature {
            key_id: fingerprint.to_owned(),
            signature,
        }],
    })
}
