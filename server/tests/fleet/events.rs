//! What workers do with the fleet's events.

use crate::harness::{Fleet, Setup, wait_for};
use anyhow::{Context as _, Result};
use chrono::{DateTime, Utc};
use gumshoe_protocol::heartbeat::HeartbeatReason;
use gumshoe_test_services::postgres::Postgres;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;

const SECRET: &str = "a secret of more than twenty characters";

#[test]
fn events_are_exported_and_posted_until_they_are_taken() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let (sender, received) = mpsc::channel();
    let receiver = std::thread::spawn(move || receive(&listener, &sender));
    let secret = tempfile::NamedTempFile::new()?;
    fs::write(secret.path(), SECRET)?;
    let config = format!(
        "[workers]\nexport = \"FOLDER/events.ndjson\"\n[workers.webhook]\nurl = \"http://{address}/hook\"\nsecret_file = {:?}\n",
        secret.path()
    );
    let fleet = Fleet::start(&config)?;
    let agent = fleet.agent("web1")?;
    let file = fleet.folder.path().join("events.ndjson");
    let exported = wait_for("the export", || {
        let text = fs::read_to_string(&file).unwrap_or_default();
        Ok(text.contains("agent-new").then_some(text))
    })?;
    let event: Value = serde_json::from_str(exported.lines().next().context("a line")?)?;
    assert_eq!(event["body"]["agent"], agent.id.to_string());
    // The first attempt is answered with an error; the event comes again.
    let (first, second) = (received.recv()?, received.recv()?);
    assert_eq!(first.1, second.1);
    assert_eq!(serde_json::from_str::<Value>(&second.1)?, event);
    for (signature, body) in [&first, &second] {
        check(signature, body)?;
    }
    drop(fleet);
    drop(received);
    let _ = std::net::TcpStream::connect(address);
    receiver.join().ok();
    Ok(())
}

/// The exported events of a kind about an agent.
fn exported(fleet: &Fleet, kind: &str, agent: &str) -> Result<Vec<Value>> {
    let text = fs::read_to_string(fleet.folder.path().join("events.ndjson")).unwrap_or_default();
    let events = text.lines().map(serde_json::from_str::<Value>);
    let events = events.collect::<Result<Vec<_>, _>>()?;
    let wanted = |event: &Value| event["kind"] == kind && event["body"]["agent"] == agent;
    Ok(events.into_iter().filter(wanted).collect())
}

#[test]
fn what_agents_are_is_told_once_however_often_the_server_begins() -> Result<()> {
    tell_once(Fleet::start(WATCHED)?)
}

#[test]
fn what_agents_are_is_told_once_however_often_the_server_begins_with_postgresql() -> Result<()> {
    let postgres = Postgres::start()?;
    tell_once(Fleet::set_up(Setup {
        database: Some(postgres.create_database("fleet")?),
        config: WATCHED,
        ..Setup::default()
    })?)
}

const WATCHED: &str =
    "[workers]\nexport = \"FOLDER/events.ndjson\"\noldest_agent = \"9.0.0\"\nsilent_after_intervals = 1\n";

/// The fleet is looked over when a worker starts: each time another agent is silent, which shows that it was looked over.
fn tell_once(mut fleet: Fleet) -> Result<()> {
    let mut agents = Vec::new();
    for round in 0..3 {
        let id = {
            let mut agent = fleet.silent_agent(&format!("host{round}"))?;
            agent.interval_s = 0;
            agent.beat(HeartbeatReason::Start)?;
            agent.id.to_string()
        };
        let path = format!("/api/v1/agents/{id}");
        // Silence is told from more than no second on.
        wait_for("the agent is silent", || {
            let (status, shown) = fleet.get(&path)?;
            let seen = shown["last_seen"]
                .as_str()
                .map(DateTime::parse_from_rfc3339)
                .transpose()?;
            let silent = seen.is_some_and(|seen| (Utc::now() - seen.to_utc()).num_seconds() >= 2);
            Ok((status == 200 && silent).then_some(()))
        })?;
        agents.push(id);
        // What a worker knew is gone when it ends.
        assert!(fleet.stop()?, "{}", fleet.log());
        fleet.serve()?;
        wait_for("the newest agent is told of", || {
            Ok((!exported(&fleet, "agent-silent", &agents[round])?.is_empty()).then_some(()))
        })?;
        for agent in &agents {
            for (kind, note) in [
                ("agent-silent", "last heard of at "),
                ("agent-outdated", "version 0.1.0 is below 9.0.0"),
            ] {
                let events = wait_for(kind, || {
                    Ok(Some(exported(&fleet, kind, agent)?).filter(|events| !events.is_empty()))
                })?;
                assert_eq!(events.len(), 1, "{kind} in round {round}: {events:?}");
                let told = events[0]["body"]["note"].as_str().unwrap_or_default();
                assert!(told.starts_with(note), "{told}");
            }
        }
    }
    Ok(())
}

fn check(signature: &str, body: &str) -> Result<()> {
    let fields: BTreeSet<&str> = signature.split(',').collect();
    let field = |name: &str| fields.iter().find_map(|field| field.strip_prefix(name));
    let (time, given) = (field("t=").context("t")?, field("v1=").context("v1")?);
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes())?;
    mac.update(format!("{time}.{body}").as_bytes());
    let expected: String = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(given, expected);
    Ok(())
}

/// Takes posts: the first is answered with an error. Ends when nobody listens.
fn receive(listener: &TcpListener, sender: &mpsc::Sender<(String, String)>) {
    for (number, stream) in listener.incoming().enumerate() {
        let Ok(mut stream) = stream else { return };
        let Some(post) = read_post(&stream) else { return };
        if sender.send(post).is_err() {
            return;
        }
        let status = if number == 0 { "500 No" } else { "204 Yes" };
        let _ = write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
    }
}

fn read_post(stream: &std::net::TcpStream) -> Option<(String, String)> {
    let mut reader = BufReader::new(stream);
    let (mut signature, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(": ").unwrap_or_default();
        match name.to_lowercase().as_str() {
            "gumshoe-signature" => value.clone_into(&mut signature),
            "content-length" => length = value.parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((signature, String::from_utf8(body).ok()?))
}
