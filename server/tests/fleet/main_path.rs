//! From a signed question to its answers.

use crate::harness::{Fleet, Setup, wait_for};
use anyhow::{Context as _, Result, ensure};
use gumshoe_test_services::postgres::Postgres;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

#[test]
fn a_question_is_sent_and_answered() -> Result<()> {
    question_and_answer(&Fleet::start("")?)
}

#[test]
fn a_question_is_sent_and_answered_with_postgresql() -> Result<()> {
    let postgres = Postgres::start()?;
    let database = postgres.create_database("fleet")?;
    let setup = Setup {
        database: Some(database),
        ..Setup::default()
    };
    question_and_answer(&Fleet::set_up(setup)?)
}

fn question_and_answer(fleet: &Fleet) -> Result<()> {
    let mut web = fleet.agent("web1")?;
    let mut db = fleet.agent("db1")?;
    let (status, preview) = fleet.post(
        "/api/v1/actions/preview",
        &json!({"target": "hostname == 'web1'"}),
    )?;
    assert_eq!(
        (status, &preview["approved"], &preview["targeted"]),
        (200, &json!(2), &json!(1))
    );
    assert_eq!(preview["sample"][0]["hostname"], "web1");

    let action = fleet.action("os == 'linux'")?;
    let made = fleet.submit(&action, &json!({}))?;
    assert_eq!(made["signers"][0]["name"], "alice");
    let (received, digest) = web.receive_action()?;
    assert_eq!(received, action);
    assert_eq!(made["digest"], digest.to_string());
    db.receive_action()?;
    web.answer(
        &action,
        &json!([{"path": "=/etc/passwd"}, {"path": "/etc/shadow"}]),
    )?;
    db.answer(&action, &json!([]))?;

    let done = fleet.wait_for_state(action.id, "done")?;
    let counters = &done["counters"];
    for (name, count) in [
        ("targeted", 2),
        ("answered", 2),
        ("found", 1),
        ("nothing", 1),
        ("findings", 2),
        ("waiting", 0),
    ] {
        assert_eq!(counters[name], count, "{name} of {counters}");
    }
    results(fleet, &action.id.to_string())?;
    live(fleet, &action.id.to_string())?;
    written_down(fleet)
}

fn results(fleet: &Fleet, action: &str) -> Result<()> {
    let path = format!("/api/v1/actions/{action}/results");
    let page = fleet.got(&format!("{path}?kind=operation&found=true&proof=true"))?;
    let item = &page["items"][0];
    assert_eq!(item["body"]["report"]["findings"][1]["path"], "/etc/shadow");
    assert_eq!(item["envelope"]["signatures"][0]["keyid"], item["agent"]);
    // Pages add up to the whole.
    let mut ordinals = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = fleet.got(&format!("{path}?limit=1{cursor}"))?;
        ordinals.extend(
            page["items"]
                .as_array()
                .context("items")?
                .iter()
                .map(|item| item["ordinal"].as_i64()),
        );
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(ordinals, (1..=6).map(Some).collect::<Vec<_>>());
    let (_, lines) = fleet.ask_text("GET", &format!("{path}?format=ndjson"), None, Some(&fleet.admin))?;
    assert_eq!(lines.lines().count(), 6);
    let (_, table) = fleet.ask_text(
        "GET",
        &format!("{path}?format=csv&kind=operation"),
        None,
        Some(&fleet.admin),
    )?;
    assert!(table.contains(r#""web1""#) && table.contains("shadow"), "{table}");
    assert_eq!(table.lines().count(), 4, "{table}");
    Ok(())
}

/// Reads events until the end, then again from the fourth on.
fn live(fleet: &Fleet, action: &str) -> Result<()> {
    let events = read_events(fleet, action, None)?;
    let kinds: Vec<_> = events.iter().map(|(kind, ..)| kind.as_str()).collect();
    assert_eq!(
        kinds.iter().filter(|kind| **kind == "result").count(),
        6,
        "{kinds:?}"
    );
    assert_eq!(kinds.last(), Some(&"end"));
    let progress = events
        .iter()
        .rfind(|(kind, ..)| kind == "progress")
        .context("progress")?;
    assert_eq!(progress.2["counters"]["answered"], 2);
    let events = read_events(fleet, action, Some(4))?;
    let ids: Vec<_> = events.iter().filter_map(|(_, id, _)| id.clone()).collect();
    assert_eq!(ids, ["5", "6"]);
    Ok(())
}

type Event = (String, Option<String>, Value);

fn read_events(fleet: &Fleet, action: &str, after: Option<u32>) -> Result<Vec<Event>> {
    let address = fleet.api.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address)?;
    let last = after
        .map(|id| format!("Last-Event-ID: {id}\r\n"))
        .unwrap_or_default();
    write!(
        stream,
        "GET /api/v1/actions/{action}/events HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Authorization: Bearer {}\r\n{last}\r\n",
        fleet.admin
    )?;
    let (mut events, mut kind, mut id) = (Vec::new(), String::new(), None);
    for line in BufReader::new(stream.take(1 << 20)).lines() {
        let line = line?;
        if let Some(text) = line.strip_prefix("event: ") {
            text.clone_into(&mut kind);
        } else if let Some(text) = line.strip_prefix("id: ") {
            id = Some(text.to_owned());
        } else if let Some(text) = line.strip_prefix("data: ") {
            events.push((std::mem::take(&mut kind), id.take(), serde_json::from_str(text)?));
        }
    }
    Ok(events)
}

fn written_down(fleet: &Fleet) -> Result<()> {
    for what in [
        "token.created",
        "agent.new",
        "action.accepted",
        "action.targeted",
        "action.state",
        "api.access",
    ] {
        let page = wait_for(what, || {
            let page = fleet.got(&format!("/api/v1/audit?what={what}"))?;
            Ok(page["items"]
                .as_array()
                .is_some_and(|items| !items.is_empty())
                .then_some(page))
        })?;
        ensure!(page["items"][0]["details"].is_object(), "{page}");
    }
    assert_eq!(fleet.got("/api/v1/audit/verify")?["intact"], true);
    let (_, metrics) = fleet.ask_text("GET", "/metrics", None, Some(&fleet.admin))?;
    let stored = "gumshoe_messages_received_total{kind=\"report\",outcome=\"stored\"} 6";
    assert!(metrics.contains(stored), "{metrics}");
    assert_eq!(fleet.ask("GET", "/readyz", None, None)?.0, 200);
    Ok(())
}
