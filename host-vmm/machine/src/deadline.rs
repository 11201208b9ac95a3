//! When the whole run is to be over.
//!
//! There is one deadline for a run. Whoever works longer than a moment looks at it: the loop over cases, the model, the
//! search among permitted outcomes, shrinking, and every wait for a guest.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use crate::explain::Explain;

/// The end of the time that something may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// `None` when there is no limit.
    end: Option<Instant>,
    allowed: Duration,
}

impl Deadline {
    /// No limit.
    pub const NEVER: Self = Self { end: None, allowed: Duration::MAX };

    /// Returns the deadline of something that begins now and may take this long.
    #[must_use]
    pub fn after(allowed: Duration) -> Self {
        Self { end: Instant::now().checked_add(allowed), allowed }
    }

    /// Returns whether the time is over.
    #[must_use]
    pub fn is_over(self) -> bool {
        self.end.is_some_and(|end| Instant::now() >= end)
    }

    /// Returns the time that is left; [`Duration::MAX`] without a limit.
    #[must_use]
    pub fn remaining(self) -> Duration {
        self.end.map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()))
    }

    /// Returns when a wait ends that begins now and may take `wait`, but not longer than this deadline.
    #[must_use]
    pub fn limits(self, wait: Duration) -> Instant {
        let now = Instant::now();
        // A year stands for a wait that no clock can express.
        let longest = || now + Duration::from_secs(365 * 24 * 3600);
        let own = now.checked_add(wait).unwrap_or_else(longest);
        self.end.map_or(own, |end| end.min(own))
    }

    /// Returns the end of the time, for a wait that has no limit of its own.
    #[must_use]
    pub fn instant(self) -> Instant {
        self.limits(Duration::MAX)
    }

    /// Fails once the time is over.
    ///
    /// # Errors
    ///
    /// [`OutOfTime`] then.
    pub fn check(self) -> Result<(), OutOfTime> {
        if self.is_over() { Err(OutOfTime(self)) } else { Ok(()) }
    }
}

/// The time for the whole run is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the run did not end within {} s", .0.allowed.as_secs_f64())]
pub struct OutOfTime(pub Deadline);

impl Explain for OutOfTime {
    fn remedy(&self) -> Option<Cow<'static, str>> {
        Some("give it longer with --timeout".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_over_at_its_end_and_not_before() {
        let (over, hour) = (Deadline::after(Duration::ZERO), Deadline::after(Duration::from_secs(3600)));
        assert!(over.is_over() && over.check() == Err(OutOfTime(over)) && over.remaining() == Duration::ZERO);
        assert!(!hour.is_over() && hour.check().is_ok() && hour.remaining() > Duration::from_secs(3000));
        assert_eq!(OutOfTime(hour).to_string(), "the run did not end within 3600 s");
    }

    #[test]
    fn no_limit_never_ends() {
        for never in [Deadline::NEVER, Deadline::after(Duration::MAX)] {
            assert!(!never.is_over() && never.remaining() == Duration::MAX);
            assert!(never.limits(Duration::MAX) > Instant::now());
        }
    }

    #[test]
    fn a_wait_ends_at_the_earlier_of_both() {
        let soon = Deadline::after(Duration::from_secs(10));
        let (second, hour) = (Duration::from_secs(1), Duration::from_secs(3600));
        assert!(soon.limits(second) < soon.limits(hour));
        assert_eq!(Some(soon.limits(hour)), soon.end);
    }
}
