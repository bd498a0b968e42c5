//! Pauses between attempts.

use std::time::Duration;

/// Pauses that double with each failure up to a bound, each drawn evenly from zero to its length ("full jitter").
///
/// The draw keeps a fleet that lost one relay from coming back in one moment.
/// Source: M. Brooker, "Exponential Backoff And Jitter", 2015.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    failures: u32,
}

impl Backoff {
    /// Pauses from `first` to `most`.
    #[must_use]
    pub fn new(first: Duration, most: Duration) -> Self {
        Self {
            first,
            most,
            failures: 0,
        }
    }

    /// Begins anew, after something lasted.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// How long to pause now.
    pub fn pause(&mut self) -> Duration {
        let bound = self.bound();
        self.failures = self.failures.saturating_add(1);
        bound.mul_f64(fastrand::f64())
    }

    /// The longest pause that can come next.
    #[must_use]
    pub fn bound(&self) -> Duration {
        let factor = 1_u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_bound_and_begin_anew() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
        for bound in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
            assert_eq!(backoff.bound(), Duration::from_secs(bound));
            assert!(backoff.pause() <= Duration::from_secs(bound));
        }
        for _ in 0..100 {
            assert!(backoff.pause() <= Duration::from_secs(60));
        }
        backoff.reset();
        assert_eq!(backoff.bound(), Duration::from_secs(1));
    }
}
