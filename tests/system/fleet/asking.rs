//! From a command line to findings of a fleet.

use super::Fleet;
use gumshoe_tests::Running;
use gumshoe_tests::relay::wait_long;
use rustix::process::Signal;
use serde_json::Value;

#[test]
fn a_question_becomes_answers_of_the_hosts_that_are_meant() {
    let fleet = Fleet::start(&["olga", "sam", "sina", "mallory"], &["web", "database"]);
    let evidence = fleet.agents[0].0.path("root");
    std::fs::write(evidence.join("beacon"), "x").unwrap();
    let evidence = evidence.to_str().unwrap();
    let question = ["file", "--path", evidence, "--name", "^beacon$", "--yes"];
    let ask = |who: &str, more: &[&str]| fleet.run(who, &[&question[..], more].concat());

    // Nobody is let in without a signature that the server knows.
    let stranger = ask("olga", &["--target", "true"]);
    assert!(
        stranger.code == 3 && stranger.stderr.contains("run `gumshoe login`"),
        "{stranger:?}"
    );
    let mallory = fleet.run("mallory", &["login"]);
    assert_eq!(mallory.code, 3, "{mallory:?}");
    let welcome = fleet.ok("olga", &["login"]).stderr;
    assert!(welcome.contains("olga is logged in"), "{welcome}");

    // Both hosts look into the same folder, because they are the same machine.
    let everybody = ask("olga", &["--target", "true"]);
    assert_eq!(everybody.code, 0, "{everybody:?}");
    assert_eq!(everybody.stdout.matches("/beacon").count(), 2, "{everybody:?}");
    assert!(
        everybody.stderr.contains("reaches  2 hosts of 2"),
        "{everybody:?}"
    );
    assert!(
        everybody
            .stderr
            .contains("2 of 2 hosts answered: 2 found something; 2 findings"),
        "{everybody:?}"
    );
    let one = ask("olga", &["--target", "tags.role == 'web'", "--ndjson"]);
    let found: Value = serde_json::from_str(one.stdout.trim()).unwrap();
    assert_eq!(
        found["report"]["findings"][0]["path"].as_str().unwrap(),
        format!("{evidence}/beacon")
    );
    let nothing = ask(
        "olga",
        &[
            "--target",
            "tags.role == 'web'",
            "--name",
            "^absent$",
            "--matchall",
        ],
    );
    assert_eq!(nothing.code, 1, "{nothing:?}");
    let nobody = ask("olga", &["--target", "tags.role == 'printer'"]);
    assert!(
        nobody.code == 3 && nobody.stderr.contains("means no host"),
        "{nobody:?}"
    );

    // What was asked can be read again, in other forms.
    let listed = fleet.ok("olga", &["action", "list"]).stdout;
    let id = listed.lines().last().unwrap().split(' ').next().unwrap();
    let table = fleet.ok("olga", &["action", "results", id, "--csv"]).stdout;
    assert_eq!(table.lines().count(), 3, "{table}");
    let status = fleet.ok("olga", &["action", "status", id]).stdout;
    assert!(status.contains("signed   by olga"), "{status}");
}

#[test]
fn what_takes_two_is_refused_by_hosts_until_two_have_signed() {
    let mut fleet = Fleet::start(&["sam", "sina"], &[]);
    let everything = "group = \"sec\"\nmodules = [\"*\"]";
    let host = fleet.prepare("web", "");
    let policy = std::fs::read_to_string(host.path("config/policy.toml")).unwrap();
    let strict = policy.replace(everything, &format!("{everything}\nthreshold = 2"));
    std::fs::write(host.path("config/policy.toml"), strict).unwrap();
    fleet.begin(host);
    wait_long("the agent is known", || fleet.agents_in("pending").len() == 1);
    let id = fleet.agents_in("pending")[0].to_string();
    fleet.ok("admin", &["agents", "approve", &id]);
    fleet.ok("sam", &["login"]);

    let file = fleet.desk.path("q.json");
    let signed = fleet.desk.path("q.signed.json");
    let (file, signed) = (file.to_str().unwrap(), signed.to_str().unwrap());
    let draft = |save: &str| {
        let words = [
            "action",
            "new",
            "--target",
            "true",
            "--save",
            save,
            "--",
            "misbehave",
            "--deed",
            "none",
            "--first",
            "1",
        ];
        fleet.ok("sam", &words);
    };
    draft(file);
    fleet.ok("sam", &["action", "sign", file, "--yes"]);
    let refused = fleet.run("sam", &["action", "send", signed, "--yes"]);
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.stderr.contains("refused [threshold]"), "{refused:?}");

    draft(file);
    fleet.ok("sam", &["action", "sign", file, "--yes"]);
    fleet.ok("sina", &["action", "sign", signed, "--yes"]);
    let answered = fleet.ok("sam", &["action", "send", signed, "--yes"]);
    assert!(
        answered
            .stderr
            .contains("1 of 1 host answered: 1 found something"),
        "{answered:?}"
    );
}

#[test]
fn whoever_leaves_can_come_back_and_stop_it() {
    let fleet = Fleet::start(&["olga"], &["web"]);
    fleet.ok("olga", &["login"]);
    let slow = [
        "misbehave",
        "--deed",
        "wait",
        "--first",
        "1",
        "--ask-target",
        "true",
        "--yes",
    ];
    let watching = Running::start(fleet.command("olga", &slow));
    let newest = || {
        let listed = fleet.ok("olga", &["action", "list", "--json"]).stdout;
        serde_json::from_str::<Value>(&listed).unwrap()[0].clone()
    };
    let id = || newest()["id"].as_str().unwrap_or_default().to_owned();
    wait_long("it runs", || {
        let id = id();
        !id.is_empty()
            && fleet
                .ok("olga", &["action", "status", &id])
                .stdout
                .contains("still running")
    });
    watching.signal(Signal::INT);
    let output = watching.child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("gumshoe action follow"), "{told}");
    assert_eq!(output.status.code(), Some(5), "{told}");

    let following = Running::start(fleet.command("olga", &["action", "follow", &id()]));
    fleet.ok("olga", &["action", "cancel", &id(), "--reason", "enough"]);
    let (status, printed) = following.wait();
    assert!(printed.contains("cancelled"), "{printed}");
    assert_eq!(status.code(), Some(4), "what was found until then is told");
    // It is the agent that ended the operation, and says so.
    let told = fleet
        .run("olga", &["action", "results", &id(), "--ndjson"])
        .stdout;
    let told: Value = serde_json::from_str(told.trim()).unwrap();
    assert_eq!(told["report"]["status"], "cancelled", "{told}");
}
