//! What a runner is given and what it is not.

use gumshoe_tests::{Host, Running};
use rustix::process::Signal;
use std::os::fd::AsRawFd;

#[test]
fn the_surroundings_are_clean() {
    let host = Host::with("misbehave");
    // Something that the agent's own parent left open and in the environment.
    let leaked = std::fs::File::open("/etc/passwd").unwrap();
    rustix::io::fcntl_setfd(&leaked, rustix::io::FdFlags::empty()).unwrap();
    let mut command = host.agent(&["run", "misbehave", "--deed", "surroundings", "--json"]);
    let output = command.env("SECRET_TOKEN", "hunter2").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains("hunter2") && text.contains("env PATH="), "{text}");
    assert!(
        !text.contains("/etc/passwd"),
        "descriptor {} leaked: {text}",
        leaked.as_raw_fd()
    );
    assert!(text.contains("cwd /\""), "{text}");
    let core = text
        .lines()
        .find(|line| line.contains("Max core file size"))
        .unwrap();
    assert!(
        core.split_whitespace().filter(|word| *word == "0").count() == 2,
        "{core}"
    );
}

#[test]
fn a_runner_does_not_outlive_its_agent() {
    let host = Host::with("misbehave");
    let mut agent = Running::start(host.agent(&["run", "misbehave", "--deed", "hang", "--first", "1"]));
    assert_eq!(agent.line(), "finding 0 first");
    let runner = only_child(agent.child.id());
    agent.signal(Signal::KILL);
    agent.wait();
    gumshoe_tests::wait_until("the runner is gone", || {
        let state = std::fs::read_to_string(format!("/proc/{runner}/stat")).unwrap_or_default();
        state.is_empty() || state.contains(") Z ")
    });
}

#[test]
fn an_interrupt_cancels_and_what_was_found_is_printed() {
    for (deed, signal) in [
        ("wait", Signal::INT),
        ("wait", Signal::TERM),
        ("hang", Signal::INT),
    ] {
        let host = Host::with("misbehave");
        let mut agent = Running::start(host.agent(&["run", "misbehave", "--deed", deed, "--first", "2"]));
        assert_eq!(agent.line(), "finding 0 first");
        assert_eq!(agent.line(), "finding 1 first");
        agent.signal(signal);
        let (status, _) = agent.wait();
        assert_eq!(status.code(), Some(4), "{deed}");
    }
}

fn only_child(parent: u32) -> u32 {
    let path = format!("/proc/{parent}/task/{parent}/children");
    std::fs::read_to_string(path).unwrap().trim().parse().unwrap()
}
