//! Memory stays bounded, whatever comes.

use crate::harness::{Fleet, report};
use anyhow::{Context as _, Result, ensure};
use gumshoe_protocol::relay;
use serde_json::json;
use std::fs;
use std::time::{Duration, Instant};

/// Large reports that wait for the server; together they are much more than it may hold.
const REPORTS: u64 = 60;
const BYTES: usize = 6 << 20;
/// How long a server may take to end in an orderly way, on a machine that is busy.
const SOON: Duration = Duration::from_secs(20);
/// What the server may need at most: what it holds, copies of a batch, and the cache of the database. Without a bound it was 480 MiB.
const MOST_KIB: u64 = 340 << 10;

#[test]
fn many_large_reports_do_not_fill_memory() -> Result<()> {
    // The prefetch is what an operator has who changed nothing: it would let all of them come at once.
    let mut fleet = Fleet::start("")?;
    let action = {
        let mut action = fleet.action("true")?;
        let operation = action.operations[0].clone();
        action.operations = vec![operation; REPORTS as usize];
        action
    };
    let messages: Vec<_> = {
        let mut agent = fleet.agent("web1")?;
        fleet.submit(&action, &json!({}))?;
        agent.receive_action()?;
        let finding = json!([{"path": "x".repeat(BYTES)}]);
        let body =
            |index| json!({"kind": "operation", "index": index, "of": REPORTS, "report": report(&finding)});
        let key = relay::report_key(&agent.id);
        let sealed = (0..REPORTS).map(|index| Ok((key.clone(), agent.sealed(&action, body(index))?)));
        sealed.collect::<Result<_>>()?
    };
    fleet.kill()?;
    for (key, body) in &messages {
        fleet.publish(key.clone(), body.as_bytes())?;
    }
    // A server that is told to end while it cannot hold more ends soon, and what it had taken is taken again.
    fleet.serve()?;
    fleet.wait_for_counters(action.id, |counters| counters["findings"].as_u64() > Some(0))?;
    let since = Instant::now();
    ensure!(fleet.stop()?, "{}", fleet.log());
    ensure!(since.elapsed() < SOON, "{:?}", since.elapsed());
    fleet.serve()?;
    fleet.wait_for_counters(action.id, |counters| counters["findings"] == REPORTS)?;
    let peak = peak_kib(fleet.process()?)?;
    ensure!(
        peak < MOST_KIB,
        "{peak} KiB for {REPORTS} reports of {BYTES} bytes"
    );
    Ok(())
}

/// The most memory that a process has had. Source: `proc_pid_status(5)`, `VmHWM`.
fn peak_kib(process: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.context("VmHWM")?.parse()?)
}
