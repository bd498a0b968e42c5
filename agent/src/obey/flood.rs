//! How much of what comes to nothing is written into the host log one by one, so that nobody who can send messages can have
//! the history rotated away.
//!
//! What runs is always logged: that takes signatures, a fresh identifier and a place in the journal. Everything else can be sent again
//! and again by whoever holds the relay: rubbish without end, or yesterday's actions, which are refused or repeated. Each kind of these has
//! a supply of lines that grows back slowly. What comes beyond it is counted, and the count gets a line of its own as soon as there
//! is one.
//!
//! The log holds some 200,000 lines. A kind that never ends takes 17,520 of them in a year, and whoever holds the relay can
//! make messages of some ten kinds. What was counted since the last line of the kind is lost in a crash.

use gumshoe_protocol::Timestamp;
use gumshoe_protocol::decide::{Decision, Verdict};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Lines that a kind of message has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Supply {
    /// At the start, and at most.
    lines: u32,
    /// How long it takes until there is another.
    another: Duration,
}

/// Of messages that nobody known has signed.
const STRANGERS: Supply = Supply {
    lines: 100,
    another: Duration::from_secs(30 * 60),
};
/// Of messages that investigators signed, such as actions for other hosts.
const SIGNED: Supply = Supply {
    lines: 2000,
    another: Duration::from_secs(30 * 60),
};

/// A kind of message: what is decided of it, the code, and whether somebody known signed it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    verdict: &'static str,
    code: Option<String>,
    is_signed: bool,
}

impl Kind {
    /// None for what is logged in any case.
    fn of(decision: &Decision, verdict: &Verdict) -> Option<Self> {
        let (verdict, why) = match verdict {
            Verdict::Run(_) => return None,
            Verdict::Cancel(_) => ("cancel", None),
            Verdict::Repeated => ("repeated", None),
            Verdict::NotTarget(why) => ("not-target", why.as_ref()),
            Verdict::Refused(why) => ("refused", Some(why)),
        };
        Some(Self {
            verdict,
            code: why.map(|why| why.code.clone()),
            is_signed: !decision.signers.is_empty(),
        })
    }

    fn supply(&self) -> Supply {
        if self.is_signed { SIGNED } else { STRANGERS }
    }
}

/// What is left of a supply.
#[derive(Debug)]
struct Account {
    lines: u32,
    /// Since when the next line has been growing.
    since: Instant,
    /// Messages without a line of their own, and when the first of them came.
    more: Option<(u64, Timestamp)>,
}

impl Account {
    fn new(supply: Supply, now: Instant) -> Self {
        Self {
            lines: supply.lines,
            since: now,
            more: None,
        }
    }

    /// Adds the lines that have grown back.
    fn grow(&mut self, supply: Supply, now: Instant) {
        while self.lines < supply.lines && now.saturating_duration_since(self.since) >= supply.another {
            self.lines += 1;
            self.since += supply.another;
        }
        if self.lines == supply.lines {
            self.since = now;
        }
    }

    /// When there is a line for what was counted.
    fn due(&self, supply: Supply) -> Option<Instant> {
        self.more?;
        Some(if self.lines > 0 {
            self.since
        } else {
            self.since + supply.another
        })
    }
}

/// Messages that have no line of their own in the host log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// What was decided of each.
    pub verdict: &'static str,
    /// The code, where it is one of a refusal.
    pub code: Option<String>,
    /// Whether somebody known had signed them.
    pub is_signed: bool,
    /// How many.
    pub count: u64,
    /// When the first of them came.
    pub since: Timestamp,
}

/// The supplies of all kinds. There are as many kinds as there are codes.
#[derive(Debug, Default)]
pub struct Flood(BTreeMap<Kind, Account>);

impl Flood {
    /// Whether a decision gets a line of its own; if it does not, it is counted. `now` and `clock` are the same moment.
    pub fn admit(&mut self, decision: &Decision, verdict: &Verdict, now: Instant, clock: Timestamp) -> bool {
        let Some(kind) = Kind::of(decision, verdict) else {
            return true;
        };
        let supply = kind.supply();
        let account = self.0.entry(kind).or_insert_with(|| Account::new(supply, now));
        account.grow(supply, now);
        match &mut account.more {
            // The next line is for the count.
            Some((count, _)) => *count += 1,
            None if account.lines == 0 => account.more = Some((1, clock)),
            None => {
                account.lines -= 1;
                return true;
            }
        }
        false
    }

    /// When there is a line for something that was counted.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        let due = |(kind, account): (&Kind, &Account)| account.due(kind.supply());
        self.0.iter().filter_map(due).min()
    }

    /// What was counted and has a line by now.
    pub fn take_due(&mut self, now: Instant) -> Vec<Counted> {
        self.take(|kind, account| {
            let supply = kind.supply();
            account.grow(supply, now);
            let has_line = account.lines > 0;
            account.lines -= u32::from(has_line && account.more.is_some());
            has_line
        })
    }

    /// Counts again what could not be written; it is due when another line has grown.
    pub fn put_back(&mut self, counted: Counted, now: Instant) {
        let kind = Kind {
            verdict: counted.verdict,
            code: counted.code,
            is_signed: counted.is_signed,
        };
        if let Some(account) = self.0.get_mut(&kind) {
            let more = account.more.map_or(0, |(more, _)| more);
            account.more = Some((more + counted.count, counted.since));
            account.lines = 0;
            account.since = now;
        }
    }

    /// Everything that was counted, at the end.
    pub fn take_all(&mut self) -> Vec<Counted> {
        self.take(|_, _| true)
    }

    fn take(&mut self, mut is_due: impl FnMut(&Kind, &mut Account) -> bool) -> Vec<Counted> {
        let counted = |(kind, account): (&Kind, &mut Account)| {
            if !is_due(kind, account) {
                return None;
            }
            let (count, since) = account.more.take()?;
            Some(Counted {
                verdict: kind.verdict,
                code: kind.code.clone(),
                is_signed: kind.is_signed,
                count,
                since,
            })
        };
        self.0.iter_mut().filter_map(counted).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Utc;
    use gumshoe_protocol::{ContentDigest, Refusal};
    use proptest::prelude::*;

    fn stranger() -> Decision {
        Decision {
            digest: ContentDigest::of(b"rubbish"),
            signers: Vec::new(),
            action: None,
            name: None,
            verdict: Verdict::Repeated,
        }
    }

    fn refused(code: &'static str) -> Verdict {
        Verdict::Refused(Refusal::new(code, "because"))
    }

    #[test]
    fn a_year_of_rubbish_leaves_most_of_the_log_to_others() {
        let (mut flood, begin, clock) = (Flood::default(), Instant::now(), Utc::now());
        let (decision, verdict) = (stranger(), refused("envelope-form"));
        let (mut lines, mut told, mut sent) = (0, 0, 0);
        for second in (0..365 * 86_400).step_by(10) {
            let now = begin + Duration::from_secs(second);
            sent += 1;
            lines += u64::from(flood.admit(&decision, &verdict, now, clock));
            for counted in flood.take_due(now) {
                lines += 1;
                told += counted.count - 1;
            }
        }
        told += flood.take_all().iter().map(|counted| counted.count).sum::<u64>();
        // Each line of a count stands for one message more than it tells of.
        assert_eq!(lines + told, sent);
        assert!(lines < 18_000, "{lines} lines");
    }

    #[test]
    fn kinds_do_not_take_each_others_lines_and_what_runs_is_never_counted() {
        let (mut flood, now, clock) = (Flood::default(), Instant::now(), Utc::now());
        let decision = stranger();
        for _ in 0..STRANGERS.lines {
            assert!(flood.admit(&decision, &refused("envelope-form"), now, clock));
        }
        assert!(!flood.admit(&decision, &refused("envelope-form"), now, clock));
        assert!(flood.admit(&decision, &refused("signature-key"), now, clock));
        assert_eq!(flood.due(), Some(now + STRANGERS.another));
        assert_eq!(flood.take_due(now), []);
        let counted = flood.take_due(now + STRANGERS.another);
        assert_eq!(
            (counted[0].count, counted[0].code.as_deref(), counted.len()),
            (1, Some("envelope-form"), 1)
        );
        assert_eq!(flood.due(), None);
        let empty = flood.take_due(now + STRANGERS.another * 2);
        assert_eq!(empty, []);
        assert!(flood.admit(
            &decision,
            &refused("envelope-form"),
            now + STRANGERS.another * 2,
            clock
        ));
    }

    #[test]
    fn what_could_not_be_written_is_tried_again_later_with_what_came_meanwhile() {
        let (mut flood, mut now, clock) = (Flood::default(), Instant::now(), Utc::now());
        let admit = |flood: &mut Flood, now| flood.admit(&stranger(), &refused("x"), now, clock);
        while admit(&mut flood, now) {}
        now += STRANGERS.another * 3;
        let first = flood.take_due(now).pop().unwrap();
        assert_eq!(first.count, 1);
        flood.put_back(first, now);
        assert_eq!(flood.due(), Some(now + STRANGERS.another));
        assert!(!admit(&mut flood, now));
        now += STRANGERS.another;
        assert_eq!(flood.take_due(now).pop().unwrap().count, 2);
    }

    proptest! {
        #[test]
        fn every_message_has_a_line_or_is_counted_once(pauses in proptest::collection::vec(0_u64..4000, 0..400)) {
            let (mut flood, mut now, clock) = (Flood::default(), Instant::now(), Utc::now());
            let (mut own, mut counted) = (0, 0);
            for pause in &pauses {
                now += Duration::from_secs(*pause);
                own += u64::from(flood.admit(&stranger(), &refused("x"), now, clock));
                counted += flood.take_due(now).iter().map(|counted| counted.count).sum::<u64>();
            }
            counted += flood.take_all().iter().map(|counted| counted.count).sum::<u64>();
            prop_assert_eq!(own + counted, pauses.len() as u64);
        }
    }
}
