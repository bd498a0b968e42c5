//! How far an operation may go: the smallest of what the action asks for, what the policy caps, and what this host
//! gives the module. The report says which limit was reached, and who set it.

use crate::supervise::Report;
use gumshoe_plugin_api::Limits;
use gumshoe_protocol::RequestedLimits;
use std::fmt;

/// Bytes of all findings of an operation whose report is one message: with what stands around them, and in base64, they fit into
/// [`REPORT_ENVELOPE_BYTES`](gumshoe_protocol::bounds::REPORT_ENVELOPE_BYTES).
pub const MESSAGE_FINDINGS_BYTES: u64 = 8 << 20;
/// How many findings: the commas between them count too.
const MESSAGE_FINDINGS: u64 = 250_000;

/// Who set a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setter {
    /// The investigators who signed.
    Action,
    /// The host's `policy.toml`.
    Policy,
    /// The host's `agent.toml` or `modules.d`, or their defaults.
    Host,
    /// What one message to the relay can hold.
    Message,
}

impl fmt::Display for Setter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Action => "the action",
            Self::Policy => "the policy",
            Self::Host => "the host",
            Self::Message => "the size of a message to the relay",
        })
    }
}

/// The limits of one operation, with who set each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// What holds.
    pub limits: Limits,
    set_by: [(&'static str, u64, Setter); 5],
}

impl Effective {
    /// The smallest of all: `asked` by the action, `capped` by the policy besides, and the `host`'s own. What is found is bounded by
    /// the size of a message as well: a server refuses larger ones, whoever allowed them.
    #[must_use]
    pub fn new(asked: &RequestedLimits, capped: &RequestedLimits, host: &Limits) -> Self {
        let timeout = smallest(asked.timeout_ms, capped.timeout_ms, host.timeout_ms);
        let memory = smallest(asked.memory_bytes, capped.memory_bytes, host.memory_bytes);
        let findings = smallest(asked.findings, capped.findings, host.findings);
        let findings = within(findings, MESSAGE_FINDINGS);
        let report = smallest(asked.report_bytes, capped.report_bytes, host.report_bytes);
        let report = within(report, MESSAGE_FINDINGS_BYTES);
        // 0 stands for no limit.
        let own = if host.cpu_percent == 0 {
            u32::MAX
        } else {
            host.cpu_percent
        };
        let percent = smallest(
            asked.cpu_percent.map(u64::from),
            capped.cpu_percent.map(u64::from),
            own.into(),
        );
        let cpu_percent = u32::try_from(percent.0)
            .ok()
            .filter(|percent| *percent < u32::MAX)
            .unwrap_or(0);
        Self {
            limits: Limits {
                timeout_ms: timeout.0,
                memory_bytes: memory.0,
                findings: findings.0,
                report_bytes: report.0,
                threads: host.threads,
                cpu_percent,
            },
            set_by: [
                ("timeout_ms", timeout.0, timeout.1),
                ("memory_bytes", memory.0, memory.1),
                ("findings", findings.0, findings.1),
                ("report_bytes", report.0, report.1),
                ("cpu_percent", cpu_percent.into(), percent.1),
            ],
        }
    }

    /// Says in a report who set the limits that were reached; returns those as text.
    pub fn explain(&self, report: &mut Report) -> Vec<String> {
        let mut reached = Vec::new();
        for entry in &mut report.coverage.skipped {
            if let Some(setter) = self.setter(&entry.why) {
                entry.why = format!("{} (set by {setter})", entry.why);
                reached.push(entry.why.clone());
            }
        }
        for error in &mut report.errors {
            let told = format!("its memory limit is {} bytes", self.limits.memory_bytes);
            if error.contains(&told) {
                let setter = self.set_by[1].2;
                *error = error.replace(&told, &format!("{told} (set by {setter})"));
                reached.push(format!(
                    "limit reached: memory_bytes = {} (set by {setter})",
                    self.limits.memory_bytes
                ));
            }
        }
        reached
    }

    /// Who set the limit that a coverage entry names as reached; none where it is a limit of the module's own.
    fn setter(&self, why: &str) -> Option<Setter> {
        let (name, value) = why.strip_prefix("limit reached: ")?.split_once(" = ")?;
        let is_it = |(own, limit, _): &&(&str, u64, Setter)| *own == name && limit.to_string() == value;
        self.set_by.iter().find(is_it).map(|(_, _, setter)| *setter)
    }
}

fn smallest(asked: Option<u64>, capped: Option<u64>, host: u64) -> (u64, Setter) {
    match (asked, capped) {
        (_, Some(capped)) if capped < host && asked == Some(capped) => (capped, Setter::Action),
        (_, Some(capped)) if capped < host => (capped, Setter::Policy),
        _ => (host, Setter::Host),
    }
}

fn within(limit: (u64, Setter), message: u64) -> (u64, Setter) {
    if limit.0 > message {
        (message, Setter::Message)
    } else {
        limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supervise::refused;
    use gumshoe_plugin_api::Skipped;

    fn effective(asked: Option<u64>, capped: Option<u64>) -> Effective {
        let limits = |timeout_ms| RequestedLimits {
            timeout_ms,
            ..RequestedLimits::default()
        };
        Effective::new(&limits(asked), &limits(capped), &Limits::default())
    }

    #[test]
    fn a_share_of_the_processor_that_nobody_limits_stays_unlimited() {
        let share = |asked, host| {
            let cpu_percent = asked;
            let asked = RequestedLimits {
                cpu_percent,
                ..RequestedLimits::default()
            };
            let host = Limits {
                cpu_percent: host,
                ..Limits::default()
            };
            Effective::new(&asked, &asked, &host).limits.cpu_percent
        };
        assert_eq!(
            [
                share(None, 0),
                share(Some(50), 0),
                share(Some(50), 20),
                share(None, 20)
            ],
            [0, 50, 20, 20]
        );
    }

    #[test]
    fn findings_never_pass_what_a_message_can_hold() {
        let generous = Limits {
            report_bytes: 64 << 20,
            findings: u64::MAX,
            ..Limits::default()
        };
        let asked = RequestedLimits {
            report_bytes: Some(32 << 20),
            ..RequestedLimits::default()
        };
        let effective = Effective::new(&asked, &asked, &generous);
        assert_eq!(
            (effective.limits.report_bytes, effective.limits.findings),
            (MESSAGE_FINDINGS_BYTES, MESSAGE_FINDINGS)
        );
        let mut report = refused("m", "c", String::new());
        let why = format!("limit reached: report_bytes = {MESSAGE_FINDINGS_BYTES}");
        report.coverage.set(Skipped::one("further findings", why.clone()));
        assert_eq!(
            effective.explain(&mut report),
            [format!("{why} (set by the size of a message to the relay)")]
        );
    }

    #[test]
    fn the_smallest_wins_and_the_report_says_whose_it_was() {
        for (asked, capped, timeout_ms, setter) in [
            (None, None, 300_000, "the host"),
            (Some(1000), Some(1000), 1000, "the action"),
            (Some(9000), Some(2000), 2000, "the policy"),
            (None, Some(2000), 2000, "the policy"),
            (Some(900_000), Some(900_000), 300_000, "the host"),
        ] {
            let effective = effective(asked, capped);
            assert_eq!(effective.limits.timeout_ms, timeout_ms);
            let mut report = refused("m", "c", String::new());
            let why = format!("limit reached: timeout_ms = {timeout_ms}");
            report
                .coverage
                .set(Skipped::one("rest of the operation", why.clone()));
            report
                .coverage
                .set(Skipped::one("file", "limit reached: matchlimit = 1000"));
            assert_eq!(
                effective.explain(&mut report),
                [format!("{why} (set by {setter})")]
            );
            assert!(
                report.coverage.skipped[0]
                    .why
                    .ends_with(&format!("(set by {setter})"))
            );
            assert!(report.coverage.skipped[1].why.ends_with("1000"));
        }
    }
}
