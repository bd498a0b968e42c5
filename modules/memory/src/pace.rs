//! How much is read in all, and how much of a processor that may take.

use rustix::time::{ClockId, clock_gettime};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The longest wait at a time, so that cancelling takes effect within 100 ms.
const MAX_PAUSE: Duration = Duration::from_millis(50);
/// What is owed before a wait is worth it.
const MIN_PAUSE: Duration = Duration::from_millis(1);

/// The limits of one operation, for all its threads.
#[derive(Debug)]
pub struct Pace {
    /// Bytes that may still be read; none for no limit.
    left: Option<AtomicU64>,
    is_over: AtomicBool,
    cpu_percent: u32,
    start: Instant,
}

impl Pace {
    /// At most `max_bytes` are read, with `cpu_percent` of one processor; 0 is no limit.
    #[must_use]
    pub fn new(max_bytes: u64, cpu_percent: u32) -> Pace {
        Pace {
            left: (max_bytes > 0).then(|| AtomicU64::new(max_bytes)),
            is_over: AtomicBool::new(false),
            cpu_percent,
            start: Instant::now(),
        }
    }

    /// Whether something was not read because of the limit.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Takes `bytes` from what may be read; false, from then on, when that much is not left.
    #[must_use]
    pub fn take(&self, bytes: u64) -> bool {
        let Some(left) = &self.left else { return true };
        let taken = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
            left.checked_sub(bytes)
        });
        if taken.is_err() {
            self.is_over.store(true, Ordering::Relaxed);
        }
        taken.is_ok()
    }

    /// How long to wait before going on; none when there is no need to.
    #[must_use]
    pub fn pause(&self) -> Option<Duration> {
        if self.cpu_percent == 0 {
            return None;
        }
        let used = clock_gettime(ClockId::ProcessCPUTime);
        let used = Duration::new(
            used.tv_sec.unsigned_abs(),
            u32::try_from(used.tv_nsec).unwrap_or(0),
        );
        let due = used * 100 / self.cpu_percent;
        let owed = due.saturating_sub(self.start.elapsed());
        (owed >= MIN_PAUSE).then(|| owed.min(MAX_PAUSE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_read_runs_out_once_and_for_all() {
        let pace = Pace::new(10, 0);
        assert!(pace.take(4) && pace.take(6) && !pace.is_over());
        assert!(!pace.take(1) && pace.is_over());
        assert!(Pace::new(0, 0).take(u64::MAX));
    }

    #[test]
    fn a_share_of_the_processor_that_was_used_up_makes_wait() {
        let spin_until = clock_gettime(ClockId::ProcessCPUTime).tv_nsec;
        while clock_gettime(ClockId::ProcessCPUTime)
            .tv_nsec
            .abs_diff(spin_until)
            < 3_000_000
        {}
        assert!(Pace::new(0, 1).pause().is_some_and(|pause| pause <= MAX_PAUSE));
        assert_eq!(Pace::new(0, 0).pause(), None);
    }
}
