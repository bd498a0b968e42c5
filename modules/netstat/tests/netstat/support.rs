//! Network namespaces to test in, and short ways to ask.
#![allow(unsafe_code, reason = "a thread moves into a namespace of its own")]

use gumshoe_module_netstat::Netstat;
use gumshoe_plugin_api::harness::Harness;
use gumshoe_plugin_api::{Limits, Report, Status};
use rustix::thread::{UnshareFlags, gettid, unshare_unsafe};
use serde_json::Value;
use std::process::Command;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

type Job = Box<dyn FnOnce() + Send>;

/// A thread in a network namespace of its own, which works for the test.
pub struct Net {
    jobs: Sender<Job>,
    /// The thread's number, which stands for the namespace as a process's would.
    pub tid: i32,
}

impl Net {
    /// A namespace in which only the loopback interface is up.
    pub fn new() -> Net {
        let (jobs, work) = channel::<Job>();
        let (tell, told) = channel();
        thread::spawn(move || {
            // SAFETY: the thread keeps to descriptors that it opens itself or is given; only namespaces change.
            unsafe { unshare_unsafe(UnshareFlags::NEWNET) }.expect("this test needs root");
            command("ip link set lo up");
            tell.send(gettid().as_raw_nonzero().get())
                .expect("the test waits");
            work.iter().for_each(|job| job());
        });
        Net {
            jobs,
            tid: told.recv().expect("this test needs root, and ip of iproute2"),
        }
    }

    /// Does something in the namespace and waits for it.
    pub fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let (tell, told) = channel();
        let job = move || tell.send(job()).expect("the test waits");
        self.jobs.send(Box::new(job)).expect("the thread is there");
        told.recv().expect("the work in the namespace went well")
    }

    /// Runs a shell command in the namespace.
    pub fn command(&self, line: &str) -> String {
        let line = line.to_owned();
        self.run(move || command(&line))
    }

    /// Asks the module in the namespace.
    pub fn ask(&self, params: Value) -> Report {
        self.run(move || ask(&params))
    }

    /// Asks, and gives what `pick` makes of each finding, sorted.
    pub fn found<T: Ord + Send + 'static>(&self, params: Value, pick: fn(&Value) -> T) -> Vec<T> {
        sorted(&self.ask(params), pick)
    }
}

/// What `pick` makes of each finding, sorted.
pub fn sorted<T: Ord>(report: &Report, pick: fn(&Value) -> T) -> Vec<T> {
    let mut found: Vec<T> = report.findings.iter().map(pick).collect();
    found.sort();
    found
}

/// Runs a shell command that has to succeed; what it prints.
pub fn command(line: &str) -> String {
    let output = Command::new("sh")
        .args(["-ec", line])
        .env("LC_ALL", "C")
        .output()
        .expect("there is a shell");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "`{line}` failed: {error}");
    String::from_utf8(output.stdout).expect("text")
}

/// Asks the module about this thread's namespace, or all of them.
pub fn ask(params: &Value) -> Report {
    let limits = Limits {
        findings: 1 << 20,
        report_bytes: 1 << 30,
        ..Limits::default()
    };
    let report = Harness::new("/").limits(limits).run::<Netstat>(params);
    assert_eq!(report.status, Status::Success, "{:?}", report.errors);
    report
}

/// `tcp established 127.0.0.1:80 10.0.0.1:99`; `-` for an end that is not there.
pub fn line(finding: &Value) -> String {
    let text = |key: &str| finding[key].as_str().unwrap_or("-").to_owned();
    let end = |ip: &str, port: &str| match (finding[ip].as_str(), finding[port].as_u64()) {
        (Some(ip), Some(port)) => format!("{ip}:{port}"),
        (ip, _) => ip.unwrap_or("-").to_owned(),
    };
    let ends = (end("local_ip", "local_port"), end("remote_ip", "remote_port"));
    format!("{} {} {} {}", text("protocol"), text("state"), ends.0, ends.1)
}

/// The question and the value that a finding answers.
pub fn question(finding: &Value) -> String {
    format!(
        "{}={}",
        finding["search"].as_str().unwrap_or("?"),
        finding["value"].as_str().unwrap_or("")
    )
}

/// Asks again until the answer is right; fails after ten seconds. The kernel may lag behind what a test has done.
pub fn settles<T: PartialEq + std::fmt::Debug>(mut ask: impl FnMut() -> T, mut expected: impl FnMut() -> T) {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let (answer, wanted) = (ask(), expected());
        if answer == wanted {
            return;
        }
        assert!(Instant::now() < deadline, "{answer:#?}\nshould be\n{wanted:#?}");
        thread::yield_now();
    }
}
