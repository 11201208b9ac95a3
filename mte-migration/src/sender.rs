//! The sender: pre-copy in rounds, stop-and-copy, digests, commit.
//!
//! The machine calls the [`Source`] itself, so that the order of its calls is here and not in each VMM. A VMM's loop is:
//!
//! ```
//! # use mte_migration::{Source, message::Reason, sender::{Outcome, Sender, Step}};
//! # use std::{io::{Read, Write}, time::Instant};
//! fn migrate(mut sender: Sender, guest: &mut impl Source, mut connection: impl Read + Write) -> Outcome {
//!     let start = Instant::now();
//!     let mut buffer = [0; 65536];
//!     loop {
//!         let sent = match sender.next(guest, start.elapsed()) {
//!             Step::Send(bytes) => connection.write_all(&bytes),
//!             Step::Wait(time) => Ok(std::thread::sleep(time)),
//!             Step::Receive => match connection.read(&mut buffer) {
//!                 Ok(0) => Err(std::io::ErrorKind::UnexpectedEof.into()),
//!                 Ok(count) => Ok(sender.received(&buffer[..count])),
//!                 Err(error) => Err(error),
//!             },
//!             Step::Done(outcome) => return outcome,
//!         };
//!         if let Err(error) = sent {
//!             sender.disconnected(guest, error, start.elapsed());
//!         }
//!     }
//! }
//! ```

mod limits;
mod report;
mod steps;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt::Display;
use std::ops::Range;
use std::time::Duration;

pub use limits::Limits;
use limits::{Bucket, Measured};
pub use report::{Outcome, Report};

use crate::defect::{Defect, Injected};
use crate::frame::{Decoder, Encoder};
use crate::guest::{ByOrder, Ownership, Paused, Source};
use crate::message::{Digests, Hello, Message, Reason, ReasonCode, Round};

/// What the VMM does next.
#[derive(Debug)]
pub enum Step {
    /// Send these bytes. If something came from the receiver meanwhile, pass it to [`Sender::received`]: it may be an ABORT, which
    /// would be seen at the end of the round only.
    Send(Vec<u8>),
    /// Wait for bytes of the receiver, and pass them to [`Sender::received`]; after a timeout call [`Sender::disconnected`].
    Receive,
    /// Wait for so long, or for bytes of the receiver: the bandwidth limit.
    Wait(Duration),
    /// The end. It is returned once.
    Done(Outcome),
}

/// A round's pages that are still to send.
#[derive(Debug)]
struct Copy {
    round: Round,
    parts: VecDeque<Range<u64>>,
    started: Duration,
    /// Bytes that had been sent before.
    bytes_before: u64,
}

/// Where the migration is. Up to COMMIT each phase has the ownership; without it the guest cannot be resumed.
#[derive(Debug)]
enum Phase {
    AwaitAccept(Ownership),
    /// A round; the last one if the guest is stopped.
    Copying(Ownership, Option<Paused>, Copy),
    AwaitAck(Ownership, Copy),
    AwaitVerified(Ownership, Paused, Digests),
    /// COMMIT was made.
    AwaitResumed,
    /// What is left to send is sent, then the outcome is returned.
    Ending(Outcome),
    Ended,
}

/// The sender of a guest, which it has the right to run until COMMIT.
#[derive(Debug)]
pub struct Sender {
    hello: Hello,
    limits: Limits,
    phase: Phase,
    encoder: Encoder,
    decoder: Decoder,
    bucket: Bucket,
    report: Report,
    is_logging: bool,
    injected: Injected,
    /// With a defect: registers from before the guest was stopped.
    stale: Vec<Vec<u8>>,
}

impl Sender {
    /// Begins a migration of a running guest. `hello` describes it; the random number of its session is the caller's to draw.
    #[must_use]
    pub fn new(hello: Hello, limits: Limits) -> Self {
        let mut encoder = Encoder::sender();
        encoder.push(&Message::Hello(hello.clone()));
        Self {
            hello,
            limits,
            phase: Phase::AwaitAccept(Ownership::new()),
            decoder: Decoder::of_receiver(*encoder.check()),
            encoder,
            bucket: Bucket::new(limits.bandwidth),
            report: Report::default(),
            is_logging: false,
            injected: Injected::default(),
            stale: Vec::new(),
        }
    }

    /// Makes a mistake from now on.
    #[cfg(feature = "defects")]
    pub fn inject(&mut self, defect: Defect) {
        self.injected = Injected(Some(defect));
    }

    /// Returns the numbers so far.
    #[must_use]
    pub const fn report(&self) -> &Report {
        &self.report
    }

    /// Takes bytes of the receiver.
    pub fn received(&mut self, bytes: &[u8]) {
        self.decoder.feed(bytes);
    }

    /// Does what can be done now, and returns what the VMM does next. `now` is the time since any fixed moment.
    pub fn next<S: Source + ?Sized>(&mut self, guest: &mut S, now: Duration) -> Step {
        loop {
            self.read_messages(guest, now);
            if let Phase::Copying(_, None, copy) = &self.phase {
                self.report.left = copy.parts.iter().map(|part| part.end - part.start).sum();
                let delay = self.bucket.delay(now);
                if !delay.is_zero() && !self.injected.is(Defect::BandwidthUnlimited) {
                    return Step::Wait(delay);
                }
            }
            let bytes = self.encoder.take();
            if !bytes.is_empty() {
                self.report.sent += bytes.len() as u64;
                self.bucket.spend(now, bytes.len());
                return Step::Send(bytes);
            }
            match std::mem::replace(&mut self.phase, Phase::Ended) {
                Phase::Copying(ownership, paused, copy) => self.copy(guest, ownership, paused, copy, now),
                Phase::Ending(outcome) => return Step::Done(outcome),
                waiting => {
                    self.phase = waiting;
                    return Step::Receive;
                }
            }
        }
    }

    /// Ends a migration whose connection broke. The next [`Step`] is [`Step::Done`].
    pub fn disconnected<S: Source + ?Sized>(&mut self, guest: &mut S, cause: impl Display, now: Duration) {
        let mut reason = Reason::new(ReasonCode::Connection, cause);
        // What came before it broke still counts; but nothing is committed any more.
        if matches!(self.phase, Phase::AwaitResumed) {
            self.read_messages(guest, now);
        } else {
            while let Ok(Some(message)) = self.decoder.next() {
                if let Message::Abort(theirs) | Message::Refuse(theirs) = message {
                    reason = theirs;
                }
            }
        }
        self.end(guest, reason, false, now);
        let _ = self.encoder.take();
    }

    /// Ends the migration for a person's or a program's wish, and returns whether it does: after COMMIT it is too late.
    pub fn cancel<S: Source + ?Sized>(&mut self, guest: &mut S, cause: impl Display, now: Duration) -> bool {
        let can = !matches!(self.phase, Phase::AwaitResumed | Phase::Ending(_) | Phase::Ended);
        if can {
            self.end(guest, Reason::new(ReasonCode::Cancelled, cause), true, now);
        }
        can
    }

    /// Ends the migration before the guest has moved. `tell` the receiver, unless it is the one who ended it.
    fn end<S: Source + ?Sized>(&mut self, guest: &mut S, reason: Reason, tell: bool, now: Duration) {
        let (ownership, is_paused) = match std::mem::replace(&mut self.phase, Phase::Ended) {
            Phase::AwaitAccept(ownership) | Phase::AwaitAck(ownership, _) => (ownership, false),
            Phase::Copying(ownership, paused, _) => (ownership, paused.is_some()),
            Phase::AwaitVerified(ownership, _, _) => (ownership, true),
            Phase::AwaitResumed => {
                let outcome = self.undecided(guest, reason, now);
                self.phase = Phase::Ending(outcome);
                return;
            }
            ended @ (Phase::Ending(_) | Phase::Ended) => {
                self.phase = ended;
                return;
            }
        };
        let outcome = self.stay(guest, ownership, is_paused, reason.clone(), now);
        if tell {
            self.encoder.push(&Message::Abort(reason));
        }
        self.phase = Phase::Ending(outcome);
    }

    /// Returns the outcome after a COMMIT without an answer.
    fn undecided<S: Source + ?Sized>(&mut self, guest: &mut S, mut reason: Reason, now: Duration) -> Outcome {
        if self.injected.is(Defect::UndecidedTakenForMoved) {
            return Outcome::Moved;
        }
        if self.injected.is(Defect::ResumedAfterCommit) {
            return self.stay(guest, Ownership::new(), true, reason, now);
        }
        self.stop_logging(guest, &mut reason);
        Outcome::Undecided { reason, order: ByOrder::new() }
    }

    fn stop_logging<S: Source + ?Sized>(&mut self, guest: &mut S, reason: &mut Reason) {
        if std::mem::take(&mut self.is_logging)
            && !self.injected.is(Defect::LogLeftOn)
            && let Err(error) = guest.stop_logging()
        {
            reason.text.push_str(&format!("; and dirty logging stays on: {error}"));
        }
    }

    /// Lets the guest run on here.
    fn stay<S: Source + ?Sized>(
        &mut self,
        guest: &mut S,
        ownership: Ownership,
        is_paused: bool,
        mut reason: Reason,
        now: Duration,
    ) -> Outcome {
        self.stop_logging(guest, &mut reason);
        if !is_paused || self.injected.is(Defect::NotResumedOnFailure) {
            return Outcome::Stayed { reason };
        }
        match guest.resume(ownership) {
            Ok(()) => {
                self.report.resumed_at = Some(now);
                Outcome::Stayed { reason }
            }
            Err(error) => Outcome::Stopped { reason, error: error.to_string(), order: ByOrder::new() },
        }
    }
}
