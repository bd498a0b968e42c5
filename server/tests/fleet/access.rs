//! Who may do what.

use crate::harness::Fleet;
use anyhow::{Context as _, Result};
use gumshoe_protocol::{Envelope, envelope::ACTION_TYPE};
use gumshoe_server::api::{Access, ROUTES};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// What a role is answered where it may not go.
const KEPT_OUT: [u16; 2] = [401, 403];

#[test]
fn every_route_keeps_out_whom_the_table_keeps_out() -> Result<()> {
    let fleet = Fleet::start("[api]\nrequests_per_minute = 100000\n")?;
    let token = |role| fleet.command(&["token", "create", role, "--role", role]);
    let (read, submit) = (token("read")?, token("submit")?);
    let unknown = format!("{}x", fleet.admin);
    let callers = [
        (None, Access::Open),
        (Some(unknown.as_str()), Access::Open),
        (Some(read.trim()), Access::Read),
        (Some(submit.trim()), Access::Submit),
        (Some(fleet.admin.as_str()), Access::Admin),
    ];
    for (method, path, needed) in ROUTES {
        // Ending the token that is shown would end the test.
        if path.ends_with("/logout") {
            continue;
        }
        let path = path.replace("{id}", &"0".repeat(32));
        for (token, has) in callers {
            let body = (*method != "GET").then(|| json!({}));
            let (status, _) = fleet.ask_text(method, &path, body.as_ref(), token)?;
            let kept_out = KEPT_OUT.contains(&status) && !(path.ends_with("/login") && status == 401);
            assert_eq!(kept_out, has < *needed, "{method} {path} as {has:?}: {status}");
        }
    }
    Ok(())
}

/// The status and the headers of an answer in HTTP/1.1, whose content is passed over.
fn answer(stream: &mut BufReader<TcpStream>) -> Result<(String, Vec<String>)> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_ascii_lowercase()),
        }
    }
    let length = lines
        .iter()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut content = vec![0; length.context("a length")?.parse()?];
    stream.read_exact(&mut content)?;
    Ok((lines.remove(0), lines))
}

#[test]
fn a_refused_request_that_is_still_being_sent_does_not_cost_the_next_one() -> Result<()> {
    let fleet = Fleet::start("")?;
    let address = fleet.api.strip_prefix("http://").context("plain HTTP")?;
    let mut stream = BufReader::new(TcpStream::connect(address)?);
    let post = |length: usize| {
        format!("POST /api/v1/tokens HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n")
    };
    stream.get_mut().write_all(post(2).as_bytes())?;
    // Long enough for an answer that does not wait, and its end, to come first.
    std::thread::sleep(Duration::from_millis(200));
    stream
        .get_mut()
        .write_all(b"{}GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")?;
    assert_eq!(answer(&mut stream)?.0, "http/1.1 401 unauthorized");
    assert_eq!(answer(&mut stream)?.0, "http/1.1 200 ok");
    // More than is worth reading: the connection closes, and that is said.
    stream.get_mut().write_all(post(1 << 20).as_bytes())?;
    stream.get_mut().write_all(&vec![b' '; 80 << 10])?;
    let (status, headers) = answer(&mut stream)?;
    assert_eq!(status, "http/1.1 401 unauthorized");
    assert!(headers.contains(&"connection: close".to_owned()), "{headers:?}");
    Ok(())
}

#[test]
fn whoever_is_nobody_is_told_so_with_a_code() -> Result<()> {
    let fleet = Fleet::start("[api]\nrequests_per_minute = 30\n")?;
    let (status, problem) = fleet.ask("GET", "/api/v1/agents", None, None)?;
    assert_eq!((status, &problem["code"]), (401, &json!("unauthorised")));
    let (status, problem) = fleet.get("/api/v1/agents/xyz")?;
    assert_eq!((status, &problem["code"]), (400, &json!("invalid-path")));
    let (status, problem) = fleet.get("/api/v1/agents?cursor=xyz")?;
    assert_eq!((status, &problem["code"]), (400, &json!("invalid-cursor")));
    assert_eq!(fleet.get("/api/v1/nothing")?.0, 404);
    // A caller that asks too often waits.
    let statuses = (0..40).map(|_| fleet.ask("GET", "/healthz", None, None).map(|(status, _)| status));
    let statuses = statuses.collect::<Result<Vec<_>>>()?;
    assert!(statuses.contains(&429), "{statuses:?}");
    assert_eq!(fleet.get("/api/v1/whoami")?.1["role"], "admin");
    Ok(())
}

#[test]
fn a_revoked_token_is_none() -> Result<()> {
    let fleet = Fleet::start("")?;
    let (status, made) = fleet.post("/api/v1/tokens", &json!({"name": "x", "role": "read", "days": 1}))?;
    assert_eq!(status, 201, "{made}");
    let token = made["token"].as_str().context("a token")?;
    assert_eq!(fleet.ask("GET", "/api/v1/whoami", None, Some(token))?.0, 200);
    let path = format!("/api/v1/tokens/{}", made["id"].as_str().context("an id")?);
    assert_eq!(fleet.ask("DELETE", &path, None, Some(&fleet.admin))?.0, 204);
    assert_eq!(fleet.ask("GET", "/api/v1/whoami", None, Some(token))?.0, 401);
    assert_eq!(fleet.ask("DELETE", &path, None, Some(&fleet.admin))?.0, 404);
    Ok(())
}

#[test]
fn an_investigator_logs_in_with_a_key_and_each_challenge_is_good_once() -> Result<()> {
    let fleet = Fleet::start("[api]\norigin = \"https://gumshoe.example\"\n")?;
    let login = |challenge: &Value| -> Result<(u16, Value)> {
        let envelope = fleet.signed(
            "application/vnd.gumshoe.login.v1+json",
            serde_json::to_vec(challenge)?,
        )?;
        fleet.ask(
            "POST",
            "/api/v1/login",
            Some(&json!({"envelope": envelope})),
            None,
        )
    };
    let challenge = || {
        fleet
            .ask("POST", "/api/v1/login/challenge", None, None)
            .map(|(_, body)| body)
    };
    let first = challenge()?;
    assert_eq!(first["origin"], "https://gumshoe.example");
    let (status, session) = login(&first)?;
    assert_eq!((status, &session["role"]), (200, &json!("submit")), "{session}");
    let token = session["token"].as_str().context("a token")?;
    let (_, who) = fleet.ask("GET", "/api/v1/whoami", None, Some(token))?;
    assert_eq!(who["name"], "alice");
    assert_eq!(login(&first)?.0, 401);
    let mut other = challenge()?;
    other["origin"] = json!("https://evil.example");
    assert_eq!(login(&other)?.0, 401);
    assert_eq!(fleet.ask("POST", "/api/v1/logout", None, Some(token))?.0, 204);
    assert_eq!(fleet.ask("GET", "/api/v1/whoami", None, Some(token))?.0, 401);
    Ok(())
}

#[test]
fn an_envelope_that_is_not_signed_as_it_should_be_is_refused_with_a_code() -> Result<()> {
    let fleet = Fleet::start("")?;
    let action = fleet.action("true")?;
    let good = fleet.signed(ACTION_TYPE, action.to_payload())?;
    let parse = |value: &Value| Envelope::parse(value.to_string().as_bytes(), 1 << 20);
    let mut altered = parse(&good)?;
    altered.payload.push(b' ');
    let mut unsigned = good.clone();
    unsigned["signatures"] = json!([]);
    let mut late = action.clone();
    late.not_before -= chrono::TimeDelta::days(2);
    late.expires = late.not_before + chrono::TimeDelta::hours(1);
    let mut nowhere = action.clone();
    nowhere.target = "os ==".to_owned();
    let cases = [
        (serde_json::from_str(&altered.to_json())?, ""),
        (unsigned, "malformed-envelope"),
        (fleet.signed(ACTION_TYPE, b"{}".to_vec())?, "malformed-action"),
        (
            fleet.signed("application/x", action.to_payload())?,
            "wrong-payload-type",
        ),
        (fleet.signed(ACTION_TYPE, late.to_payload())?, "expired"),
        (
            fleet.signed(ACTION_TYPE, nowhere.to_payload())?,
            "malformed-target",
        ),
    ];
    for (envelope, code) in cases {
        let (status, problem) = fleet.post("/api/v1/actions", &json!({"envelope": envelope}))?;
        assert_eq!(status, 422, "{problem}");
        assert!(
            problem["code"].as_str().is_some_and(|found| found.contains(code)),
            "{problem}"
        );
    }
    let submit = |envelope: &Value| fleet.post("/api/v1/actions", &json!({"envelope": envelope}));
    assert_eq!(submit(&good)?.0, 201);
    assert_eq!(submit(&good)?.0, 200);
    let mut other = action;
    other.name = "something else".to_owned();
    let (status, problem) = submit(&fleet.signed(ACTION_TYPE, other.to_payload())?)?;
    assert_eq!((status, &problem["code"]), (409, &json!("action-exists")));
    let page = fleet.got("/api/v1/audit?what=envelope.refused")?;
    assert_eq!(page["items"].as_array().map(Vec::len), Some(6));
    Ok(())
}
