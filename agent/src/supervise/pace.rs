//! Keeps a runner to its share of processor time where no control group does: it is stopped (SIGSTOP) while it is ahead of its
//! share, and goes on (SIGCONT) when the share has caught up.

use rustix::process::{Pid, Signal, kill_process};
use std::time::{Duration, Instant};

/// How often a running process's clock is read.
const TICK: Duration = Duration::from_millis(20);
/// How much time of its share a process may save up by waiting.
const MAX_SAVED: Duration = Duration::from_millis(100);

/// One process's share of processor time. Dropping it lets the process go on.
#[derive(Debug)]
pub struct Pace {
    process: Pid,
    share: Share,
    is_stopped: bool,
    next_look: Instant,
}

impl Pace {
    /// Keeps a process to `percent` of one processor; `None` for no limit (0), and where the system tells nobody how much a process
    /// has used.
    pub fn of(process: u32, percent: u32) -> Option<Self> {
        let process = Pid::from_raw(i32::try_from(process).ok()?)?;
        let now = Instant::now();
        let used = used(process)?;
        (percent > 0).then(|| Self {
            process,
            share: Share::new(percent, now, used),
            is_stopped: false,
            next_look: now,
        })
    }

    /// Stops the process or lets it go on, if it is time to look; returns when to look again.
    pub fn keep(&mut self) -> Instant {
        let now = Instant::now();
        if now < self.next_look {
            return self.next_look;
        }
        // A process that ended has no clock: nothing to keep.
        let ahead = used(self.process).map_or(Duration::ZERO, |used| self.share.ahead(now, used));
        self.signal(!ahead.is_zero());
        self.next_look = now + if ahead.is_zero() { TICK } else { ahead };
        self.next_look
    }

    fn signal(&mut self, stop: bool) {
        if stop != self.is_stopped {
            let signal = if stop { Signal::STOP } else { Signal::CONT };
            let _ = kill_process(self.process, signal); // it may be gone already
            self.is_stopped = stop;
        }
    }
}

impl Drop for Pace {
    fn drop(&mut self) {
        self.signal(false);
    }
}

/// What is left of a share: the time that was earned less the time that was used, in nanoseconds of processor time.
#[derive(Debug)]
struct Share {
    percent: i128,
    left: i128,
    last: (Instant, Duration),
}

impl Share {
    fn new(percent: u32, now: Instant, used: Duration) -> Self {
        Self {
            percent: percent.into(),
            left: 0,
            last: (now, used),
        }
    }

    /// How long the process has to wait until its share has caught up with what it used; zero if it is not ahead.
    fn ahead(&mut self, now: Instant, used: Duration) -> Duration {
        let passed = nanoseconds(now.saturating_duration_since(self.last.0));
        let worked = nanoseconds(used.saturating_sub(self.last.1));
        self.last = (now, used);
        let most = nanoseconds(MAX_SAVED) * self.percent / 100;
        self.left = (self.left + passed * self.percent / 100 - worked).min(most);
        let wait = (-self.left).max(0) * 100 / self.percent;
        Duration::from_nanos(u64::try_from(wait).unwrap_or(u64::MAX))
    }
}

fn nanoseconds(duration: Duration) -> i128 {
    i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX)
}

/// Processor time of all threads of a process so far.
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "clock_getcpuclockid(3) has no safe wrapper")]
fn used(process: Pid) -> Option<Duration> {
    let mut clock = 0;
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: both calls fill a variable that they are given.
    let results = unsafe {
        [
            libc::clock_getcpuclockid(process.as_raw_nonzero().get(), &raw mut clock),
            libc::clock_gettime(clock, &raw mut time),
        ]
    };
    let seconds = u64::try_from(time.tv_sec).ok()?;
    let nanos = u32::try_from(time.tv_nsec).ok()?;
    (results == [0; 2]).then(|| Duration::new(seconds, nanos))
}

/// Not known how to ask on macOS.
#[cfg(not(target_os = "linux"))]
fn used(_process: Pid) -> Option<Duration> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn who_works_all_the_time_waits_the_rest_of_its_share() {
        let start = Instant::now();
        let mut share = Share::new(25, start, Duration::ZERO);
        assert_eq!(share.ahead(start + 20 * MS, 20 * MS), 60 * MS, "20 of 80");
        assert_eq!(share.ahead(start + 80 * MS, 20 * MS), Duration::ZERO);
    }

    #[test]
    fn several_processors_count() {
        let start = Instant::now();
        let mut share = Share::new(50, start, Duration::ZERO);
        assert_eq!(share.ahead(start + 20 * MS, 80 * MS), 140 * MS, "four threads");
        let mut share = Share::new(200, start, Duration::ZERO);
        assert_eq!(
            share.ahead(start + 20 * MS, 40 * MS),
            Duration::ZERO,
            "two processors"
        );
    }

    #[test]
    fn little_is_saved_by_waiting() {
        let start = Instant::now();
        let mut share = Share::new(50, start, Duration::ZERO);
        let hour = Duration::from_secs(3600);
        assert_eq!(share.ahead(start + hour, Duration::ZERO), Duration::ZERO);
        let wait = share.ahead(start + hour + 200 * MS, 200 * MS);
        assert_eq!(wait, 100 * MS, "200 used, 100 earned, 50 saved");
    }
}
