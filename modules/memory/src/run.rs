//! Plan and context to findings: all processes, on a few threads.

use crate::engine::{Engine, Statistics};
use crate::inspect::Inspector;
use crate::notes::PROCESS;
use crate::pace::Pace;
use crate::plan::Plan;
use crate::shared::SharedFiles;
use gumshoe_plugin_api::{Context, Failure, Skipped, Stop};
use gumshoe_process::Host;
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Times that processes are listed: those that started meanwhile are examined too.
const ROUNDS: usize = 2;

/// Processes between two notes on progress.
const PROCESSES_PER_PROGRESS: usize = 16;

/// Runs a plan.
///
/// # Errors
///
/// When processes cannot be listed.
pub fn run(plan: &Plan, context: &Context) -> Result<Statistics, Failure> {
    let host = Host::new(context.root());
    let mut seen: HashSet<u32> = context
        .own_processes()
        .iter()
        .copied()
        .chain([std::process::id()])
        .collect();
    let engine = Engine {
        plan,
        context,
        host: &host,
        shared: SharedFiles::default(),
        swap_budget: AtomicU64::new(plan.swap_bytes()),
        pace: Pace::new(plan.max_bytes(), plan.cpu_percent()),
    };
    let mut statistics = Statistics::default();
    for _ in 0..ROUNDS {
        let listed = match host.pids() {
            Err(error) if error.is_gone() => {
                context.skipped(Skipped::one(
                    "processes",
                    "there is no list of them below the root folder",
                ));
                break;
            }
            listed => listed?.into_iter(),
        };
        let pids: Vec<u32> = listed
            .filter(|&pid| plan.concerns(pid) && seen.insert(pid))
            .collect();
        examine(&engine, &pids, &mut statistics);
        if engine.is_stopped() {
            break;
        }
    }
    if engine.pace.is_over() {
        let why = format!("limit reached: max_bytes = {}", plan.max_bytes());
        context.skipped(Skipped::one("rest of the memory", why));
    }
    Ok(statistics)
}

/// Examines processes, each on the next thread that is free.
fn examine(engine: &Engine<'_>, pids: &[u32], statistics: &mut Statistics) {
    let next = AtomicUsize::new(0);
    let total = Mutex::new(Statistics::default());
    let threads = threads(engine).min(pids.len());
    let work = || {
        let mut inspector = Inspector::new(engine, threads);
        while !engine.is_stopped() {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(&pid) = pids.get(index) else { break };
            if index.is_multiple_of(PROCESSES_PER_PROGRESS) {
                engine
                    .context
                    .progress(index as u64, Some(pids.len() as u64), "processes");
            }
            inspector.inspect(pid);
        }
        total
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .add(&inspector.statistics);
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    let round = total.into_inner().unwrap_or_else(PoisonError::into_inner);
    let most_threads = statistics.threads.max(round.threads);
    statistics.add(&round);
    statistics.threads = most_threads;
    note_rest(engine, pids.len().saturating_sub(next.into_inner()));
}

/// Notes processes that were not looked at because the operation ended.
fn note_rest(engine: &Engine<'_>, count: usize) {
    let why = match engine.context.stopped() {
        Some(Stop::Cancelled) => "cancelled",
        Some(Stop::Deadline) => "time limit reached",
        None => "limit of bytes reached",
        _ => "limit of findings reached",
    };
    if count > 0 {
        engine
            .context
            .skipped(Skipped::one(PROCESS, why).count(count as u64));
    }
}

/// As many threads as asked for, or half of the processors; never more than the host allows.
fn threads(engine: &Engine<'_>) -> usize {
    let number = |threads: u32| usize::try_from(threads).ok().filter(|&threads| threads > 0);
    let half = || thread::available_parallelism().map_or(1, |processors| processors.get().div_ceil(2));
    let allowed = number(engine.context.limits().threads).unwrap_or(usize::MAX);
    number(engine.plan.threads()).unwrap_or_else(half).min(allowed)
}
