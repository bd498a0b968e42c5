//! Reads the file below the operation's root and emits what the plan asks for.

use crate::{Plan, parse};
use gumshoe_plugin_api::{Context, Failure, Flow, Skipped};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};

/// More than any real file of this kind; what lies beyond is reported as not looked at.
const MAX_BYTES: u64 = 16 << 20;

/// One entry that was asked for.
#[derive(Debug, Serialize, Deserialize)]
pub struct Finding {
    pub address: String,
    pub name: String,
    pub line: u64,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} (line {})", self.address, self.name, self.line)
    }
}

/// Numbers about the run.
#[derive(Debug, Default, Serialize)]
pub struct Statistics {
    pub lines: u64,
}

pub fn run(plan: &Plan, context: &Context) -> Result<Statistics, Failure> {
    let mut statistics = Statistics::default();
    let path = context.root().join("etc/hosts");
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) => {
            // In scope and not looked at: the investigator has to know.
            context.skipped(Skipped::one("file", error.to_string()).example("/etc/hosts"));
            return Ok(statistics);
        }
    };
    let length = file.metadata()?.len();
    if length > MAX_BYTES {
        let why = format!("limit reached: {MAX_BYTES} bytes");
        context.skipped(Skipped::one("rest of the file", why).bytes(length - MAX_BYTES));
    }
    for line in BufReader::new(file.take(MAX_BYTES)).split(b'\n') {
        statistics.lines += 1;
        if look_at(&line?, statistics.lines, plan, context) == Flow::Stop || context.stopped().is_some() {
            break;
        }
    }
    Ok(statistics)
}

fn look_at(line: &[u8], number: u64, plan: &Plan, context: &Context) -> Flow {
    let Some((address, names)) = parse::entry(line) else {
        return Flow::Continue;
    };
    for name in names {
        let named = plan.names.iter().any(|wanted| wanted.eq_ignore_ascii_case(&name));
        if named || plan.addresses.contains(&address) {
            let finding = Finding {
                address: address.to_string(),
                name,
                line: number,
            };
            if context.emit(&finding) == Flow::Stop {
                return Flow::Stop;
            }
        }
    }
    Flow::Continue
}
