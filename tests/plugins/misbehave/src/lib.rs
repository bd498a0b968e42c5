//! A plugin for tests that does what plugins must not do, one misdeed per operation.
#![allow(unsafe_code, clippy::panic, reason = "misdeeds are what this plugin is for")]

mod escape;

use gumshoe_plugin_api::{Context, Example, Failure, Flow, Module, Skipped, export_module};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::Write;

/// A module that misbehaves on request.
pub struct Misbehave;

/// Emits findings and then misbehaves.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// What to do after the findings.
    #[schemars(extend("x-flag" = {"name": "deed", "value": "DEED"}))]
    deed: Deed,
    /// How many findings to emit first.
    #[serde(default)]
    #[schemars(extend("x-flag" = "first"))]
    first: u32,
    /// Which way out of the sandbox to try.
    #[serde(default)]
    #[schemars(extend("x-flag" = {"name": "way", "value": "WAY"}))]
    way: Option<escape::Way>,
    /// What to do it to: a path, an address, a process.
    #[serde(default)]
    #[schemars(extend("x-flag" = {"name": "target", "value": "TARGET"}))]
    target: String,
    /// Claim to read nothing but these paths.
    #[serde(default)]
    #[schemars(extend("x-flag" = {"name": "reads", "value": "PATH"}, "x-reads" = true))]
    #[expect(dead_code, reason = "the runner reads it")]
    reads: Vec<String>,
    /// Claim to look into processes.
    #[serde(default)]
    #[schemars(extend("x-flag" = "looks", "x-needs" = "read-processes"))]
    #[expect(dead_code, reason = "the runner reads it")]
    looks: bool,
}

/// The misdeeds.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Deed {
    /// Nothing wrong.
    None,
    /// Report a failure.
    Fail,
    /// Panic.
    Panic,
    /// Panic in a thread of its own and join it.
    PanicThread,
    /// Abort.
    Abort,
    /// Read address 8.
    Segfault,
    /// Sleep for ever, deaf to cancellation.
    Hang,
    /// Work until told to stop, then end tidily.
    Wait,
    /// Exit with status 0.
    Exit,
    /// Print to standard output without end.
    FloodOutput,
    /// Emit findings without end, deaf to limits.
    FloodFindings,
    /// Report errors and coverage entries without end until told to stop.
    FloodEvents,
    /// Emit one finding larger than any report.
    HugeFinding,
    /// Allocate and touch memory without end.
    Allocate,
    /// Close the way to the agent and go on.
    HangUp,
    /// Write rubbish where messages go.
    Rubbish,
    /// Report the environment, the open files and the limits of the process as findings.
    Surroundings,
    /// Work until told to stop, then report how many milliseconds of processor time that took.
    Spin,
    /// Try to get out of the sandbox in one way, and report what the system said.
    Escape,
}

/// A numbered or worded finding.
#[derive(Debug, Serialize, Deserialize)]
pub struct Finding {
    number: u64,
    text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "finding {} {}", self.number, self.text)
    }
}

impl Module for Misbehave {
    type Params = Params;
    type Plan = Params;
    type Finding = Finding;
    type Statistics = Finding;

    fn run(plan: Params, context: &Context) -> Result<Finding, Failure> {
        for number in 0..u64::from(plan.first) {
            if context.emit(&Finding {
                number,
                text: "first".to_owned(),
            }) == Flow::Stop
            {
                break;
            }
        }
        misbehave(&plan, context)?;
        Ok(Finding {
            number: 0,
            text: "statistics".to_owned(),
        })
    }

    fn examples() -> Vec<Example> {
        vec![
            Example::new("nothing", &["--deed", "none"]),
            Example::new("one finding", &["--deed", "none", "--first", "1"]),
        ]
    }
}

fn misbehave(plan: &Params, context: &Context) -> Result<(), Failure> {
    match plan.deed {
        Deed::None => {}
        Deed::Fail => return Err(Failure::new("as you wish")),
        Deed::Panic => panic!("a panic on request"),
        Deed::PanicThread => drop(std::thread::spawn(|| panic!("a panic in a thread")).join()),
        Deed::Abort => std::process::abort(),
        Deed::Segfault => segfault(),
        Deed::Hang => loop {
            std::thread::park();
        },
        Deed::Wait => {
            while context.stopped().is_none() {
                std::thread::park_timeout(std::time::Duration::from_millis(5));
            }
        }
        Deed::Exit => std::process::exit(0),
        Deed::FloodOutput => loop {
            let _ = std::io::stdout().write_all(&[b'x'; 65536]);
        },
        Deed::FloodFindings => loop {
            let _ = context.emit(&Finding {
                number: 7,
                text: "flood".to_owned(),
            });
        },
        Deed::FloodEvents => flood_events(context),
        Deed::HugeFinding => {
            let _ = context.emit(&Finding {
                number: 0,
                text: "x".repeat(64 << 20),
            });
        }
        Deed::Allocate => allocate(),
        Deed::HangUp => hang_up(),
        Deed::Rubbish => rubbish(),
        Deed::Surroundings => surroundings(context)?,
        Deed::Spin => drop(context.emit(&Finding {
            number: spin(context),
            text: "milliseconds".to_owned(),
        })),
        Deed::Escape => {
            let way = plan.way.ok_or_else(|| Failure::new("which way?"))?;
            let _ = context.emit(&outcome(escape::attempt(way, &plan.target)));
        }
    }
    Ok(())
}

fn spin(context: &Context) -> u64 {
    while context.stopped().is_none() {
        std::hint::spin_loop();
    }
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: it fills the variable.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    time.tv_sec.unsigned_abs() * 1000 + time.tv_nsec.unsigned_abs() / 1_000_000
}

/// An error of the system as its number, success as 0.
fn outcome(tried: std::io::Result<String>) -> Finding {
    match tried {
        Ok(text) => Finding { number: 0, text },
        Err(error) => Finding {
            number: u64::from(error.raw_os_error().unwrap_or(i32::MAX).unsigned_abs()),
            text: error.to_string(),
        },
    }
}

fn segfault() {
    // SAFETY: none; the fault is the point.
    unsafe { std::ptr::read_volatile(std::ptr::without_provenance::<u8>(8)) };
}

fn flood_events(context: &Context) {
    let mut number = 0_u64;
    while context.stopped().is_none() {
        number += 1;
        context.error(format_args!("error {number}"));
        context.skipped(Skipped::one("thing", format!("reason {number}")));
    }
}

fn allocate() {
    let mut hoard = Vec::new();
    loop {
        hoard.push(vec![1_u8; 1 << 20]);
        std::hint::black_box(&hoard);
    }
}

/// Standard input is the runner's socket.
fn socket() -> std::os::unix::net::UnixStream {
    use std::os::fd::FromRawFd;
    // SAFETY: descriptor 0 is open in a runner; taking it over is the misdeed.
    unsafe { std::os::unix::net::UnixStream::from_raw_fd(0) }
}

fn hang_up() {
    let _ = socket().shutdown(std::net::Shutdown::Both);
    loop {
        std::thread::park();
    }
}

fn rubbish() {
    let _ = socket().write_all(&[0xff; 4096]);
    loop {
        std::thread::park();
    }
}

fn surroundings(context: &Context) -> Result<(), Failure> {
    let emit = |text: String| {
        let _ = context.emit(&Finding { number: 0, text });
    };
    for (key, value) in std::env::vars_os() {
        emit(format!("env {}={}", key.display(), value.display()));
    }
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let path = entry?.path();
        let target = std::fs::read_link(&path).unwrap_or_default();
        emit(format!("fd {} {}", path.display(), target.display()));
    }
    for line in std::fs::read_to_string("/proc/self/limits")?.lines() {
        emit(format!("limit {line}"));
    }
    emit(format!("cwd {}", std::env::current_dir()?.display()));
    Ok(())
}

export_module! {
    module: Misbehave,
    name: "misbehave",
    summary: "does what plugins must not do",
    os: ["linux", "macos"],
    privileges: ["read-files", "read-processes", "enter-namespaces"],
}
