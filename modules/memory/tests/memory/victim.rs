//! Starting victims and asking about them.

use crate::text::{TEXT_BYTES, byte};
use gumshoe_module_memory::Memory;
use gumshoe_plugin_api::harness::Harness;
use gumshoe_plugin_api::{Report, Status};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

pub const PAGE: usize = 4096;
pub const HALF: usize = TEXT_BYTES / 2;
/// The victims' program.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_memory-victim");

/// A process that holds texts. Ends when dropped.
pub struct Victim {
    child: Child,
    number: u64,
    /// Addresses that each scene reported.
    pub scenes: Vec<Vec<u64>>,
    /// Address of the text on the stack, if it has one.
    pub stack: u64,
}

impl Victim {
    /// `number` tells the victims of one test from those of others.
    pub fn new(number: u64, scenes: &[&str]) -> Victim {
        Victim::start(Command::new(PROGRAM), number, scenes)
    }

    pub fn start(mut command: Command, number: u64, scenes: &[&str]) -> Victim {
        let seed = seed(number);
        let command = command
            .arg(seed.to_string())
            .args(scenes)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().expect("the victim starts");
        let mut lines = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map(Result::unwrap);
        let parsed = |text: &str| u64::from_str_radix(text.trim_start_matches("0x"), 16).unwrap();
        let numbers = |line: String| line.split_whitespace().map(parsed).collect();
        let scenes = scenes
            .iter()
            .map(|scene| numbers(lines.next().unwrap_or_else(|| panic!("no scene {scene}"))));
        let scenes = scenes.collect();
        let stack = lines.next().expect("the victim is ready");
        Victim {
            child,
            number,
            scenes,
            stack: parsed(&stack["stack ".len()..]),
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// All addresses of texts, ascending.
    pub fn texts(&self) -> Vec<u64> {
        let mut all: Vec<u64> = self.scenes.concat();
        all.sort_unstable();
        all
    }

    pub fn text(&self) -> String {
        text(self.number)
    }

    /// A number in `/proc/PID/status`, such as `VmPTE`.
    pub fn status(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// One search in this process alone.
    pub fn ask(&self, mut search: Value) -> Report {
        search["pids"] = json!([self.pid()]);
        ask(&json!({"searches": {"s": search}}))
    }

    /// Addresses where the text is found.
    pub fn found(&self) -> Vec<u64> {
        addresses(&self.ask(json!({"contents": [self.text()], "options": {"max_matches": 100}})))
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A file with texts at `offsets`, as long as `bytes`, in a folder that lasts as long as the first value.
pub fn file_with(number: u64, bytes: usize, offsets: &[usize]) -> (TempDir, PathBuf) {
    let mut content = vec![b'.'; bytes];
    let seed = seed(number);
    for offset in offsets {
        (0..TEXT_BYTES).for_each(|index| content[offset + index] = byte(seed, index));
    }
    file(&content)
}

pub fn file(content: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mapped-file");
    std::fs::write(&path, content).unwrap();
    (folder, path)
}

pub fn scene(name: &str, path: &Path) -> String {
    format!("{name}={}", path.display())
}

/// Another one in each run, so that runs at the same time do not find each other's victims.
fn seed(number: u64) -> u64 {
    u64::from(std::process::id()) << 32 | number
}

pub fn text(number: u64) -> String {
    let seed = seed(number);
    (0..TEXT_BYTES)
        .map(|index| char::from(byte(seed, index)))
        .collect()
}

/// Runs the module.
pub fn ask(params: &Value) -> Report {
    let report = Harness::new("/").run::<Memory>(params);
    assert_eq!(report.status, Status::Success, "{:?}", report.errors);
    report
}

/// Addresses of all matches of all findings, ascending.
pub fn addresses(report: &Report) -> Vec<u64> {
    let matches = report
        .findings
        .iter()
        .flat_map(|finding| finding["matches"].as_array().unwrap());
    let addresses = matches.filter_map(|found| found["address"].as_str());
    let mut all: Vec<u64> = addresses
        .map(|text| u64::from_str_radix(text.trim_start_matches("0x"), 16).unwrap())
        .collect();
    all.sort_unstable();
    all
}

/// Numbers of the processes found.
pub fn pids(report: &Report) -> Vec<u32> {
    let mut pids: Vec<u32> = report
        .findings
        .iter()
        .map(|finding| finding["pid"].as_u64().unwrap() as u32)
        .collect();
    pids.sort_unstable();
    pids
}

/// Bytes of a coverage entry; none when there is no such entry.
pub fn skipped(report: &Report, what: &str, why: &str) -> Option<u64> {
    let entry = report
        .coverage
        .skipped
        .iter()
        .find(|entry| entry.what == what && entry.why == why)?;
    Some(entry.bytes)
}
