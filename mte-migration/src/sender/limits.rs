//! When to stop the guest, and how fast to send.

use std::time::Duration;

use crate::PAGE;

/// What a migration may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Rounds while the guest runs. After so many it is stopped, whatever is left to send.
    pub rounds: u32,
    /// The guest is stopped once its dirty pages can be sent in this time, by the bandwidth of the last round. It does not
    /// count the digests, nor registers.
    pub downtime: Duration,
    /// Bytes a second at most, while the guest runs; once it is stopped, nothing is held back.
    pub bandwidth: Option<u64>,
}

impl Default for Limits {
    /// 30 rounds, 300 ms, any bandwidth.
    fn default() -> Self {
        Self { rounds: 30, downtime: Duration::from_millis(300), bandwidth: None }
    }
}

/// A token bucket: tokens are bytes, and it may be in debt by one frame.
#[derive(Debug)]
pub(super) struct Bucket {
    rate: Option<u64>,
    /// When the debt is paid.
    free_at: Duration,
}

impl Bucket {
    pub(super) fn new(rate: Option<u64>) -> Self {
        Self { rate: rate.map(|rate| rate.max(1)), free_at: Duration::ZERO }
    }

    /// Returns how long to wait before anything is sent.
    pub(super) fn delay(&self, now: Duration) -> Duration {
        self.free_at.saturating_sub(now)
    }

    /// Notes bytes that are sent.
    pub(super) fn spend(&mut self, now: Duration, bytes: usize) {
        if let Some(rate) = self.rate {
            self.free_at = self.free_at.max(now).saturating_add(seconds(bytes as f64 / rate as f64));
        }
    }
}

/// What the last round showed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Measured {
    pub(super) pages: u64,
    pub(super) bytes: u64,
    pub(super) time: Duration,
}

impl Measured {
    /// Returns bytes a second; infinite if it took no time.
    pub(super) fn bandwidth(&self) -> f64 {
        self.bytes as f64 / self.time.as_secs_f64()
    }

    /// Estimates how long it takes to send so many pages.
    pub(super) fn time_for(&self, pages: u64) -> Duration {
        let a_page = if self.pages == 0 { PAGE as f64 } else { self.bytes as f64 / self.pages as f64 };
        let time = pages as f64 * a_page / self.bandwidth();
        if time.is_finite() { seconds(time) } else { Duration::MAX }
    }
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limited_sender_is_on_average_as_fast_as_its_limit() {
        let mut bucket = Bucket::new(Some(1_000_000));
        let mut now = Duration::from_secs(5);
        for _ in 0..100 {
            now += bucket.delay(now);
            bucket.spend(now, 50_000);
        }
        now += bucket.delay(now);
        assert_eq!(now, Duration::from_secs(10));
        assert_eq!(bucket.delay(now + Duration::from_secs(1)), Duration::ZERO, "idle time is not saved up");
        let mut free = Bucket::new(None);
        free.spend(now, 1 << 30);
        assert_eq!(free.delay(now), Duration::ZERO);
    }

    #[test]
    fn the_estimate_follows_the_last_round() {
        let round = Measured { pages: 100, bytes: 50_000, time: Duration::from_millis(100) };
        assert_eq!(round.time_for(200), Duration::from_millis(200));
        let empty = Measured { pages: 0, bytes: 40, time: Duration::from_millis(1) };
        assert!(empty.time_for(10) > Duration::from_secs(1));
        let at_once = Measured { pages: 1, bytes: 4096, time: Duration::ZERO };
        assert_eq!(at_once.time_for(1000), Duration::ZERO);
        let nothing = Measured { pages: 0, bytes: 0, time: Duration::from_secs(1) };
        assert_eq!(nothing.time_for(1), Duration::MAX);
    }
}
