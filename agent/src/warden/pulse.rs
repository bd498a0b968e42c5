//! Heartbeats: when the next one is due, and what it says.

use super::enrolment::Token;
use crate::config::Config;
use crate::host::Host;
use crate::plugins::{choose, names};
use crate::state::identity::Identity;
use crate::terminal::chain;
use gumshoe_protocol::heartbeat::{HeartbeatReason, QueueState, SpoolState};
use gumshoe_protocol::{Facts, Heartbeat, ModuleState, PROTOCOL, Timestamp};
use std::time::{Duration, Instant};

/// The part of an interval by which heartbeats of many hosts are spread.
const JITTER: u32 = 10;

/// The pause before a heartbeat that the relay did not take is followed by another; it doubles up to [`LONGEST_PAUSE`], and is
/// never longer than the interval.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// See [`FIRST_PAUSE`].
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What a heartbeat tells that does not change from second to second.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// About the host.
    pub facts: Facts,
    /// The modules on it.
    pub modules: Vec<ModuleState>,
    /// What it cannot look at.
    pub blind_spots: Vec<String>,
    /// What proves that the fleet's owner meant this host to take part.
    pub token: Option<Token>,
}

impl Profile {
    /// What there is to tell about a host.
    #[must_use]
    pub fn of(host: Host, config: &Config) -> Self {
        let mut blind_spots = host.problems;
        if !rustix::process::geteuid().is_root() {
            blind_spots.push("the agent does not run as root: it sees what its user sees".to_owned());
        }
        let token = Token::read(config).unwrap_or_else(|problem| {
            blind_spots.push(problem);
            None
        });
        Self {
            facts: host.facts,
            modules: modules(config),
            blind_spots,
            token,
        }
    }
}

/// Every module that is configured or installed.
fn modules(config: &Config) -> Vec<ModuleState> {
    let names = names(config).unwrap_or_default();
    let state = |name: String| {
        let is_wanted = matches!(config.modules.get(&name), Some(Ok(settled)) if settled.enabled)
            || matches!(config.modules.get(&name), Some(Err(_)));
        let chosen = choose(config, &name);
        let candidate = chosen.as_ref().ok().map(|chosen| &chosen.candidate);
        ModuleState {
            version: candidate.map(|candidate| candidate.manifest.version.clone()),
            sha256: candidate.and_then(|candidate| candidate.sha256().parse().ok()),
            enabled: chosen.is_ok(),
            problem: chosen
                .as_ref()
                .err()
                .filter(|_| is_wanted)
                .map(|error| chain(error)),
            name,
        }
    };
    names.into_iter().map(state).collect()
}

/// When heartbeats are sent.
#[derive(Debug)]
pub struct Pulse {
    told: Option<Profile>,
    next: Instant,
    wanted: Option<HeartbeatReason>,
    /// What the last one was sent for.
    last: HeartbeatReason,
    interval: Duration,
    pause: Duration,
    paused_until: Option<Instant>,
}

impl Pulse {
    /// The first one is due as soon as the relay can be reached.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            told: None,
            next: now,
            wanted: Some(HeartbeatReason::Start),
            last: HeartbeatReason::Start,
            interval: LONGEST_PAUSE,
            pause: FIRST_PAUSE,
            paused_until: None,
        }
    }

    /// Something may have changed: tells it, if it has.
    pub fn consider(&mut self, profile: &Profile) {
        if self.wanted.is_none() && self.told.as_ref().is_some_and(|told| told != profile) {
            self.wanted = Some(HeartbeatReason::Change);
        }
    }

    /// Which heartbeat is to be sent now, if any.
    #[must_use]
    pub fn wanted(&self, now: Instant) -> Option<HeartbeatReason> {
        if self.paused_until.is_some_and(|until| now < until) {
            return None;
        }
        self.wanted
            .or((now >= self.next).then_some(HeartbeatReason::Interval))
    }

    /// When the next one is due.
    #[must_use]
    pub fn due(&self) -> Instant {
        self.paused_until.unwrap_or(self.next)
    }

    /// One was sent.
    pub fn sent(&mut self, reason: HeartbeatReason, profile: Profile, now: Instant, interval: Duration) {
        self.told = Some(profile);
        self.last = reason;
        self.wanted = None;
        self.interval = interval;
        self.paused_until = None;
        self.next = now + spread(interval, chance());
    }

    /// The relay has the last one.
    pub fn confirmed(&mut self) {
        self.pause = FIRST_PAUSE;
    }

    /// The relay does not have the last one: another follows soon, for the same reason.
    pub fn failed(&mut self, now: Instant) {
        self.wanted = Some(self.last);
        self.paused_until = Some(now + spread(self.pause.min(self.interval), chance()));
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}

fn chance() -> u32 {
    getrandom::u32().unwrap_or(u32::MAX / 2)
}

/// The interval, give or take a tenth, as chance has it.
fn spread(interval: Duration, chance: u32) -> Duration {
    let range = interval / JITTER * 2;
    let part = range.mul_f64(f64::from(chance) / f64::from(u32::MAX));
    interval - interval / JITTER + part
}

/// What a heartbeat says besides the profile.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Its number.
    pub sequence: u64,
    /// Now.
    pub sent: Timestamp,
    /// Why it is sent.
    pub reason: HeartbeatReason,
    /// Actions on the host.
    pub queue: QueueState,
    /// Reports that wait.
    pub spool: SpoolState,
    /// How much time lies between two.
    pub interval: Duration,
}

/// The heartbeat itself.
#[must_use]
pub fn heartbeat(identity: &Identity, profile: Profile, moment: Moment) -> Heartbeat {
    let key = identity.key.public();
    Heartbeat {
        protocol: PROTOCOL,
        agent: identity.agent,
        public_key: key.to_text(),
        sequence: moment.sequence,
        sent: moment.sent,
        reason: moment.reason,
        facts: profile.facts,
        modules: profile.modules,
        blind_spots: profile.blind_spots,
        queue: moment.queue,
        spool: moment.spool,
        previous_id: identity.previous,
        enrolment: profile.token.map(|token| token.proof(&key)),
        interval_s: moment.interval.as_secs(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heartbeats_are_spread_over_a_fifth_of_the_interval() {
        let interval = Duration::from_secs(100);
        assert_eq!(spread(interval, 0), Duration::from_secs(90));
        assert_eq!(spread(interval, u32::MAX), Duration::from_secs(110));
    }

    #[test]
    fn a_heartbeat_that_nobody_took_is_followed_soon_by_another_and_later_and_later() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::load(folder.path()).unwrap();
        let profile = Profile::of(Host::look(&config), &config);
        let (mut now, interval) = (Instant::now(), Duration::from_secs(300));
        let mut pulse = Pulse::new(now);
        let mut pauses = Vec::new();
        for _ in 0..8 {
            assert_eq!(pulse.wanted(now), Some(HeartbeatReason::Start));
            pulse.sent(HeartbeatReason::Start, profile.clone(), now, interval);
            pulse.failed(now);
            assert_eq!(pulse.wanted(now), None);
            pauses.push(pulse.due() - now);
            now = pulse.due();
        }
        for (pause, about) in pauses.iter().zip([1, 2, 4, 8, 16, 32, 60, 60]) {
            let about = Duration::from_secs(about);
            assert!((about * 9 / 10..=about * 11 / 10).contains(pause), "{pauses:?}");
        }
        pulse.sent(HeartbeatReason::Start, profile.clone(), now, interval);
        pulse.confirmed();
        assert_eq!(pulse.wanted(now + Duration::from_secs(200)), None);
        pulse.sent(HeartbeatReason::Interval, profile, now, Duration::from_secs(1));
        (0..8).for_each(|_| pulse.failed(now));
        assert!(
            pulse.due() - now < Duration::from_secs(2),
            "never longer than the interval"
        );
    }
}
