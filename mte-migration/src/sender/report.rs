//! What a migration was, and how it ended.

use std::time::Duration;

use crate::guest::ByOrder;
use crate::message::{Digests, Reason};

/// How a migration ended, at the sender.
#[derive(Debug)]
pub enum Outcome {
    /// The receiver runs the guest. Destroy it here.
    Moved,
    /// The guest runs here as before.
    Stayed {
        /// Why it did not move.
        reason: Reason,
    },
    /// COMMIT was sent and not answered: the receiver may run the guest or not. It is stopped here, whole, and must not run
    /// unless a person has seen that the receiver does not run it.
    Undecided {
        /// Why there is no answer.
        reason: Reason,
        /// For a person's order.
        order: ByOrder,
    },
    /// The guest did not move, and cannot be resumed here. It is stopped, whole.
    Stopped {
        /// Why it did not move.
        reason: Reason,
        /// Why it does not run.
        error: String,
        /// To try again.
        order: ByOrder,
    },
}

/// Numbers of a migration, which grow while it goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Report {
    /// Rounds that were begun, the one after the stop included.
    pub rounds: u32,
    /// Pages of the current round that are still to send.
    pub left: u64,
    /// Pages that were sent, each as often as it was sent.
    pub pages: u64,
    /// Bytes of data of pages.
    pub data: u64,
    /// Bytes of tags.
    pub tags: u64,
    /// Bytes of states of the VM and of vCPUs.
    pub registers: u64,
    /// All bytes.
    pub sent: u64,
    /// Bytes a second in the last round that was acknowledged.
    pub bandwidth: f64,
    /// Pages that were dirty when the guest was stopped.
    pub dirty_at_stop: u64,
    /// When the guest was stopped.
    pub paused_at: Option<Duration>,
    /// When the receiver's RESUMED came, or the guest was resumed here.
    pub resumed_at: Option<Duration>,
    /// The stopped guest's digests.
    pub digests: Option<Digests>,
}

impl Report {
    /// Returns how long the guest was stopped, as seen from here.
    #[must_use]
    pub fn downtime(&self) -> Option<Duration> {
        Some(self.resumed_at?.saturating_sub(self.paused_at?))
    }

    /// Returns the bytes that are neither data nor tags nor states: headers, checks, bitmaps.
    #[must_use]
    pub const fn framing(&self) -> u64 {
        self.sent.saturating_sub(self.data + self.tags + self.registers)
    }
}
