//! From a question to the answers of a fleet, and what may go wrong on the way.

use crate::played::{Answer, Asked, Played, json};
use crate::support::Desk;
use gumshoe_protocol::{Action, Envelope};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;

const AGENT: &str = "00112233445566778899aabbccddeeff";

fn details(state: &str, counters: &Value) -> Value {
    json!({
        "id": AGENT, "digest": "0".repeat(64), "name": "n", "target": "true", "modules": ["file"], "submitted_by": "x",
        "not_before": "2026-01-01T00:00:00Z", "expires": "2026-01-01T01:00:00Z", "created": "2026-01-01T00:00:00Z",
        "state": state, "note": "", "options": {}, "signers": [{"name": "sam", "fingerprint": "AB"}], "counters": counters,
    })
}

fn result(ordinal: i64, host: &str, findings: &Value, complete: bool) -> Value {
    let skipped = if complete {
        json!([])
    } else {
        json!([{"what": "folder", "why": "permission denied", "count": 2}])
    };
    let found = !findings.as_array().unwrap().is_empty();
    json!({
        "ordinal": ordinal, "agent": AGENT, "hostname": host, "kind": "operation", "operation": 0, "module": "file", "status": "success",
        "received": "2026-01-01T00:00:01Z", "sent": "2026-01-01T00:00:01Z", "found": found, "complete": complete, "findings": 1,
        "body": {"kind": "operation", "index": 0, "of": 1, "report": {
            "module": "file", "status": "success", "found": found, "findings": findings, "statistics": {},
            "coverage": {"complete": complete, "skipped": skipped}, "errors": []}},
    })
}

fn event(kind: &str, id: Option<i64>, data: &Value) -> String {
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    format!("event: {kind}\n{id}data: {data}\n\n")
}

/// Two hosts answer; the connection breaks between them. One is incomplete, one refused.
fn story(asked: &Asked, before: usize) -> Answer {
    let counters = json!({
        "targeted": 3, "answered": 2, "found": 1, "incomplete": 1, "refused": 1, "findings": 1, "settled": true,
    });
    let path = asked.what.rsplit("/api/v1/").next().unwrap();
    match (path, before) {
        ("actions/preview", _) => json(&json!({
            "approved": 4, "targeted": 3, "online": 2, "failed": 1,
            "sample": [{"agent": AGENT, "hostname": "web1\u{1b}[2J", "online": true}],
            "failures": [{"agent": AGENT, "hostname": "db9", "reason": "no such key"}],
        })),
        ("actions", _) if asked.what.starts_with("POST") => {
            (201, "application/json", details("queued", &json!({})).to_string())
        }
        (path, _) if path.ends_with("/cancel") => json(&details("cancelled", &counters)),
        (path, 0) if path.ends_with("/events") => {
            let first = event(
                "progress",
                None,
                &json!({"state": "running", "counters": {"targeted": 3, "waiting": 3}}),
            );
            let second = event(
                "result",
                Some(7),
                &result(7, "web1", &json!([{"search": "s1", "path": "=x\u{1b}y"}]), true),
            );
            (
                200,
                "text/event-stream",
                first + ": comment\n\n" + &second + "event: result\nid: 8\ndata: {\"cut",
            )
        }
        (path, _) if path.ends_with("/events") => {
            let last = event("result", Some(8), &result(8, "web2", &json!([]), false));
            let over = event("progress", None, &json!({"state": "done", "counters": counters}));
            (
                200,
                "text/event-stream",
                last + &over + &event("end", None, &json!({})),
            )
        }
        (path, _) if path.ends_with("/targets") => {
            let refused = json!([{"agent": AGENT, "hostname": "db1", "selected": true, "state": "refused", "code": "acl-denied", "findings": 0}]);
            let items = if asked.query.contains("state=refused") {
                refused
            } else {
                json!([])
            };
            json(&json!({"items": items}))
        }
        (path, _) if path.ends_with("/results") => {
            let lines = [
                result(7, "web1", &json!([{"path": "/a"}]), true),
                result(8, "web2", &json!([]), true),
            ];
            let lines = lines.map(|line| format!("{line}\n")).concat();
            (200, "application/x-ndjson", lines)
        }
        (path, _) if path.starts_with("actions/") => json(&details("done", &counters)),
        _ => problem(404, "not-found", "there is no such route"),
    }
}

fn problem(status: u16, code: &str, detail: &str) -> Answer {
    let body = json!({"type": "urn:x", "title": "t", "status": status, "code": code, "detail": detail});
    (status, "application/problem+json", body.to_string())
}

/// Asks with `sam`'s key; `more` are further options.
fn ask(desk: &Desk, server: &Played, more: &[&str]) -> gumshoe_tests::Ended {
    let base = [
        "file",
        "--path",
        "/etc",
        "--name",
        "^x",
        "--target",
        "true",
        "--yes",
        "--server",
        &server.origin,
        "--key",
        desk.people.fingerprint("sam"),
    ];
    desk.run(&[&base[..], more].concat())
}

#[test]
fn one_command_asks_signs_sends_follows_and_prints() {
    let desk = Desk::new(&["file"], &["sam"]);
    let server = Played::start(story);
    let ended = ask(&desk, &server, &["--canary", "5%", "--at-once", "40"]);
    assert_eq!(
        ended.stdout,
        "web1  file: 1 finding\n  search=s1 path=\"=x\\u001by\"\nweb2  file: 0 findings\n  not looked at: 2 × folder (permission denied)\n"
    );
    for part in [
        "reaches  3 hosts of 4, 2 of them online now",
        "web1\\u{1b}[2J",
        "not 1 host, where the target cannot be evaluated; such as db9: no such key",
        "2 of 3 hosts answered: 1 found something",
        "db1: refused [acl-denied]",
        "trying again",
    ] {
        assert!(
            ended.stderr.contains(part),
            "{part} is missing in {}",
            ended.stderr
        );
    }
    assert_eq!(ended.code, 4, "found, and not everything was looked at");
    let sent = &server.asked("POST /api/v1/actions")[0].body;
    assert_eq!(sent["options"], json!({"canary_percent": 5, "hosts_at_once": 40}));
    let envelope = Envelope::parse(sent["envelope"].to_string().as_bytes(), 1 << 20).unwrap();
    assert_eq!(envelope.signatures[0].key_id, desk.people.fingerprint("sam"));
    let action = Action::parse(&envelope.payload).unwrap();
    let events = server.asked(&format!("GET /api/v1/actions/{}/events", action.id));
    let after: Vec<_> = events
        .iter()
        .map(|one| one.headers.get("last-event-id").map(String::as_str))
        .collect();
    assert_eq!(after, [None, Some("7")], "it goes on behind what was read");
}

#[test]
fn findings_are_printed_as_their_module_prints_them() {
    let desk = Desk::new(&["file"], &["sam"]);
    std::fs::create_dir(desk.path("etc")).unwrap();
    std::fs::write(desk.path("etc/evil conf"), "x").unwrap();
    let looking = ["file", "--local", "--path"];
    let folder = desk.path("etc");
    let local = |more: &[&str]| {
        desk.ok(&[&looking[..], &[folder.to_str().unwrap(), "--name", "^evil"], more].concat())
    };
    let printed = local(&[]).stdout;
    let report: Value = serde_json::from_str(&local(&["--json"]).stdout).unwrap();
    let findings = report["findings"].clone();
    let server = Played::start(move |asked, before| {
        if asked.what.ends_with("/results") {
            let line = result(7, "web1", &findings, true).to_string();
            (200, "application/x-ndjson", line + "\n")
        } else {
            story(asked, before)
        }
    });
    let ended = desk.run(&["action", "results", AGENT, "--server", &server.origin]);
    assert_eq!(ended.stdout, format!("web1  file: 1 finding\n  {printed}"));
}

#[test]
fn programs_get_lines_tables_or_a_document() {
    let desk = Desk::new(&["file"], &["sam"]);
    let server = Played::start(story);
    let results = |format: &str| desk.run(&["action", "results", AGENT, "--server", &server.origin, format]);
    let lines = results("--ndjson").stdout;
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(
        (lines.lines().count(), &first["report"]["findings"][0]["path"]),
        (2, &json!("/a"))
    );
    let table = results("--csv").stdout;
    assert_eq!(table.lines().count(), 2, "{table}");
    let document: Value = serde_json::from_str(&results("--json").stdout).unwrap();
    assert_eq!(document["results"].as_array().unwrap().len(), 2);
    assert_eq!(document["not_answered"][0]["code"], "acl-denied");
    assert_eq!(document["action"]["counters"]["targeted"], 3);
    let injected = ask(&desk, &server, &["--csv"]).stdout;
    assert!(
        injected.contains(r#""{""search"":""s1"",""path"":""=x\u001by""}""#),
        "{injected}"
    );
}

#[test]
fn detaching_says_how_to_come_back() {
    let desk = Desk::new(&["file"], &["sam"]);
    let server = Played::start(story);
    let ended = ask(&desk, &server, &["--detach"]);
    let id = ended.stdout.trim();
    assert_eq!((ended.code, id.len()), (0, 32), "{ended:?}");
    assert!(
        ended.stderr.contains(&format!("gumshoe action follow {id}")),
        "{ended:?}"
    );
    let cancelled = desk.ok(&[
        "action",
        "cancel",
        id,
        "--reason",
        "enough",
        "--server",
        &server.origin,
        "--key",
        desk.people.fingerprint("sam"),
    ]);
    assert!(cancelled.stderr.contains("is cancelled"), "{cancelled:?}");
    let sent = &server.asked(&format!("POST /api/v1/actions/{id}/cancel"))[0].body["envelope"];
    let envelope = Envelope::parse(sent.to_string().as_bytes(), 1 << 20).unwrap();
    assert!(String::from_utf8(envelope.payload).unwrap().contains("enough"));
}

#[test]
fn nothing_is_sent_that_nobody_agreed_to_or_that_reaches_nobody() {
    let desk = Desk::new(&["file"], &["sam"]);
    let server = Played::start(story);
    let ended = desk.run(&[
        "file",
        "--path",
        "/etc",
        "--name",
        "x",
        "--target",
        "true",
        "--server",
        &server.origin,
    ]);
    assert!(ended.code == 2 && ended.stderr.contains("say --yes"), "{ended:?}");
    let empty = Played::start(|_, _| {
        json(&json!({"approved": 4, "targeted": 0, "online": 0, "failed": 0, "sample": [], "failures": []}))
    });
    let ended = ask(&desk, &empty, &[]);
    assert!(
        ended.code == 3 && ended.stderr.contains("means no host"),
        "{ended:?}"
    );
    for server in [server, empty] {
        assert!(server.asked("POST /api/v1/actions").is_empty());
    }
}

#[test]
fn what_the_server_refuses_is_told_with_its_code() {
    let desk = Desk::new(&["file"], &["sam"]);
    let refusing = Played::start(|asked, _| match asked.what.ends_with("preview") {
        true => story(asked, 0),
        false => problem(422, "unknown-signer", "a signature is by AB"),
    });
    let ended = ask(&desk, &refusing, &[]);
    assert!(
        ended.code == 3
            && ended
                .stderr
                .contains("refuses [unknown-signer]: a signature is by AB"),
        "{ended:?}"
    );
    let strict = Played::start(|_, _| problem(401, "unauthorised", "a bearer token is needed"));
    let ended = ask(&desk, &strict, &[]);
    assert!(
        ended.code == 3 && ended.stderr.contains("run `gumshoe login`"),
        "{ended:?}"
    );
    let other = Played::start(|_, _| (200, "text/html", "<html>".to_owned()));
    let ended = ask(&desk, &other, &[]);
    assert!(
        ended.stderr.contains("is it a Gumshoe server of this version?"),
        "{ended:?}"
    );
}

#[test]
fn a_login_is_signed_for_the_server_that_is_meant_and_for_no_other() {
    let desk = Desk::new(&[], &["sam"]);
    let challenge =
        |origin: &str| json!({"origin": origin, "nonce": "00ff", "expires": "2099-01-01T00:00:00Z"});
    let server = Played::start(move |asked, _| match asked.what.as_str() {
        "POST /api/v1/login/challenge" => json(&challenge(&format!("http://{}", asked.headers["host"]))),
        "POST /api/v1/login" => json(
            &json!({"token": "gumshoe_secret", "name": "sam", "role": "submit", "expires": "2099-01-01T00:00:00Z"}),
        ),
        "GET /api/v1/whoami"
            if asked.headers.get("authorization").map(String::as_str) == Some("Bearer gumshoe_secret") =>
        {
            json(
                &json!({"name": "sam", "subject": "openpgp:AB", "role": "submit", "expires": "2099-01-01T00:00:00Z"}),
            )
        }
        "POST /api/v1/logout" => (204, "text/plain", String::new()),
        _ => problem(401, "unauthorised", "who are you?"),
    });
    let sam = desk.people.fingerprint("sam");
    let ended = desk.ok(&["login", "--server", &server.origin, "--key", sam]);
    assert!(
        ended.stderr.contains("sam is logged in") && !ended.stderr.contains("secret"),
        "{ended:?}"
    );
    let file = desk.path("home/.config/gumshoe/tokens.json");
    assert_eq!(
        std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(
        desk.ok(&["token", "show", "--server", &server.origin])
            .stdout
            .contains("openpgp:AB")
    );
    let signed = &server.asked("POST /api/v1/login")[0].body["envelope"];
    let envelope = Envelope::parse(signed.to_string().as_bytes(), 1 << 20).unwrap();
    assert_eq!(envelope.payload_type, "application/vnd.gumshoe.login.v1+json");
    assert!(
        String::from_utf8(envelope.payload)
            .unwrap()
            .contains(&server.origin)
    );
    desk.ok(&["logout", "--server", &server.origin]);
    assert_eq!(desk.run(&["token", "show", "--server", &server.origin]).code, 3);

    let relaying = Played::start(move |_, _| json(&challenge("https://gumshoe.example.org")));
    let ended = desk.run(&["login", "--server", &relaying.origin, "--key", sam]);
    assert!(
        ended.code == 3 && ended.stderr.contains("nothing was signed"),
        "{ended:?}"
    );
    assert!(relaying.asked("POST /api/v1/login").is_empty());
}

#[test]
fn labels_are_changed_and_the_others_stay() {
    let desk = Desk::new(&[], &[]);
    let agent = |labels: &Value| {
        json(&json!({
            "id": AGENT, "hostname": "web1", "state": "approved", "online": true, "agent_version": "0.1.0",
            "last_seen": "2026-01-01T00:00:00Z", "labels": labels, "facts": {"os": "linux"},
        }))
    };
    let server = Played::start(move |asked, _| match asked.what.starts_with("PUT") {
        true => agent(&asked.body),
        false => agent(&json!({"a": "1", "b": "2"})),
    });
    let ended = desk.ok(&["agents", "tag", AGENT, "b=", "c=3", "--server", &server.origin]);
    assert_eq!(ended.stdout, "a=1\nc=3\n");
    assert_eq!(
        server.asked(&format!("PUT /api/v1/agents/{AGENT}/labels"))[0].body,
        json!({"a": "1", "c": "3"})
    );
}
