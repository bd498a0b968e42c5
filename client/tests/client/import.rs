//! Actions of MIG's.

use crate::support::Desk;
use gumshoe_protocol::Action;

const MIG: &str = r#"{
  "name": "Shellshock IOCs", "target": "environment->>'os'='linux' AND name LIKE 'web%'",
  "description": {"author": "Ada", "email": "ada@example.org", "revision": 201409}, "threat": {"level": "high", "ref": "CVE-2014-6271"},
  "operations": [
    {"module": "file", "parameters": {"searches": {"s1": {"paths": ["/tmp"], "names": ["^nginx$"], "options": {"matchall": true, "maxdepth": 3}}}}},
    {"module": "netstat", "parameters": {"connectedip": ["10.1.2.3/32"]}}
  ], "syntaxversion": 2, "validfrom": "0001-01-01T00:00:00Z", "pgpsignatures": null, "counters": {}
}"#;

#[test]
fn an_action_of_mig_s_is_taken_over_once_the_modules_have_looked_at_it() {
    let desk = Desk::new(&["file", "netstat"], &[]);
    std::fs::write(desk.path("mig.json"), MIG).unwrap();
    let ended = desk.ok(&["import-mig", "mig.json", "--save", "a.json", "--reference", "T-1"]);
    assert!(
        ended
            .stderr
            .contains("the target is os == 'linux' && hostname.startsWith('web')"),
        "{ended:?}"
    );
    let action = Action::parse(desk.text("a.json").as_bytes()).unwrap();
    assert_eq!(action.name, "Shellshock IOCs");
    assert_eq!(action.target, "os == 'linux' && hostname.startsWith('web')");
    assert_eq!(action.references, ["CVE-2014-6271", "T-1"]);
    assert_eq!(action.operations[1].params["connectedip"][0], "10.1.2.3/32");
}

#[test]
fn what_cannot_be_taken_over_is_said() {
    let desk = Desk::new(&["file"], &[]);
    let import = |text: &str, more: &[&str]| {
        std::fs::write(desk.path("mig.json"), text).unwrap();
        desk.run(&[&["import-mig", "mig.json", "--save", "a.json"], more].concat())
    };
    let ended = import(MIG, &[]);
    assert!(
        ended.code == 3 && ended.stderr.contains("--unchecked leaves that to the hosts"),
        "{ended:?}"
    );
    assert_eq!(import(MIG, &["--unchecked"]).code, 0);
    let wrong = MIG.replace("maxdepth", "maxdeph");
    let ended = import(&wrong, &[]);
    assert!(
        ended.code == 2 && ended.stderr.contains("operation 0 (file)"),
        "{ended:?}"
    );
    let elsewhere = MIG.replace("name LIKE 'web%'", "starttime > NOW()");
    let ended = import(&elsewhere, &["--unchecked"]);
    assert!(
        ended.code == 2 && ended.stderr.contains("say which hosts with --target"),
        "{ended:?}"
    );
    assert_eq!(import(&elsewhere, &["--unchecked", "--target", "true"]).code, 0);
}
