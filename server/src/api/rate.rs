//! How many requests one caller may make: a bucket of tokens per caller, refilled evenly.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Callers that are remembered; beyond, full buckets are forgotten, and then everybody's.
const MAX_CALLERS: usize = 100_000;

/// Buckets by caller.
pub struct Limiter {
    per_minute: f64,
    buckets: Mutex<HashMap<String, Bucket>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    left: f64,
    seen: Instant,
}

impl Limiter {
    /// Allows this many requests per minute, and as many at once.
    #[must_use]
    pub fn new(per_minute: u32) -> Self {
        Self {
            per_minute: per_minute.into(),
            buckets: Mutex::new(HashMap::new()),
        }
    }

    /// Whether this caller may make a request at this time; counts it if so.
    pub fn admits(&self, caller: &str, now: Instant) -> bool {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_CALLERS {
            self.forget(&mut buckets, now);
        }
        let full = Bucket {
            left: self.per_minute,
            seen: now,
        };
        let bucket = buckets.entry(caller.to_owned()).or_insert(full);
        bucket.left = self.refilled(*bucket, now);
        bucket.seen = now;
        let admitted = bucket.left >= 1.0;
        if admitted {
            bucket.left -= 1.0;
        }
        admitted
    }

    fn refilled(&self, bucket: Bucket, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(bucket.seen).as_secs_f64();
        (bucket.left + passed * self.per_minute / 60.0).min(self.per_minute)
    }

    fn forget(&self, buckets: &mut HashMap<String, Bucket>, now: Instant) {
        buckets.retain(|_, bucket| now.saturating_duration_since(bucket.seen) < Duration::from_secs(60));
        if buckets.len() >= MAX_CALLERS {
            buckets.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_waits_when_its_minute_is_used_up_and_others_do_not() {
        let (limiter, start) = (Limiter::new(60), Instant::now());
        let admitted = (0..100).filter(|_| limiter.admits("a", start)).count();
        assert_eq!(admitted, 60);
        assert!(limiter.admits("b", start));
        assert!(!limiter.admits("a", start + Duration::from_millis(900)));
        assert!(limiter.admits("a", start + Duration::from_millis(1100)));
        let later = start + Duration::from_secs(600);
        assert_eq!((0..100).filter(|_| limiter.admits("a", later)).count(), 60);
    }
}
