//! The receiver: takes a stream, stores memory, tags and registers in this order, verifies, and resumes on COMMIT.
//!
//! The machine calls the [`Target`] itself. A VMM's loop is that of the [sender](crate::sender), without a [`Wait`].
//!
//! [`Wait`]: crate::sender::Step::Wait

mod report;
mod store;
#[cfg(test)]
mod tests;

use std::fmt::Display;

pub use report::{Outcome, Report};

use crate::defect::{Defect, Injected};
use crate::frame::{Decoder, Encoder, VERSIONS};
use crate::guest::{ByOrder, Ownership, Paused, Target};
use crate::message::{Digests, Hello, Message, Mode, Reason, ReasonCode, Round};
use crate::{PageSet, digest};

/// What the VMM does next.
#[derive(Debug)]
pub enum Step {
    /// Send these bytes. If the connection cannot take them, call [`Receiver::disconnected`].
    Send(Vec<u8>),
    /// Wait for bytes of the sender, and pass them to [`Receiver::received`]; after a timeout call
    /// [`Receiver::disconnected`].
    Receive,
    /// The end. It is returned once. Close the connection only after the sender has, or some time later: closing it while bytes of
    /// the sender are unread would lose the last frame, which may be ABORT or RESUMED.
    Done(Outcome),
}

/// A round, and what is still to come of it.
#[derive(Debug)]
struct Incoming {
    round: Round,
    is_last: bool,
    left: u64,
    /// Pages come in ascending order: none below this one.
    next_page: u64,
}

/// Where the migration is. The order of frames is the order of these.
#[derive(Debug)]
enum Phase {
    AwaitHello,
    /// ROUND or STOP with this number.
    AwaitRound(u32),
    AwaitPages(Incoming),
    AwaitVm,
    AwaitVcpu(u32),
    AwaitStateDigest,
    AwaitCommit,
    Ending(Outcome),
    Ended,
}

/// The receiver of a guest.
#[derive(Debug)]
pub struct Receiver {
    phase: Phase,
    hello: Option<Hello>,
    paused: Paused,
    decoder: Decoder,
    encoder: Option<Encoder>,
    /// Pages that were written, and that have had tags.
    written: PageSet,
    tagged: PageSet,
    report: Report,
    injected: Injected,
}

impl Default for Receiver {
    fn default() -> Self {
        Self::new()
    }
}

impl Receiver {
    /// Waits for a guest.
    #[must_use]
    pub fn new() -> Self {
        Self {
            phase: Phase::AwaitHello,
            hello: None,
            paused: Paused::new(),
            decoder: Decoder::of_sender(),
            encoder: None,
            written: PageSet::default(),
            tagged: PageSet::default(),
            report: Report::default(),
            injected: Injected::default(),
        }
    }

    /// Makes a mistake from now on.
    #[cfg(feature = "defects")]
    pub fn inject(&mut self, defect: Defect) {
        self.injected = Injected(Some(defect));
        self.decoder.injected = self.injected;
    }

    /// Returns the numbers so far.
    #[must_use]
    pub const fn report(&self) -> &Report {
        &self.report
    }

    /// Returns what the guest is, once it was accepted.
    #[must_use]
    pub const fn hello(&self) -> Option<&Hello> {
        self.hello.as_ref()
    }

    /// Takes bytes of the sender.
    pub fn received(&mut self, bytes: &[u8]) {
        self.report.bytes += bytes.len() as u64;
        self.decoder.feed(bytes);
    }

    /// Does what can be done now, and returns what the VMM does next.
    pub fn next<T: Target + ?Sized>(&mut self, target: &mut T) -> Step {
        self.read_messages(target);
        let bytes = self.encoder.as_mut().map(Encoder::take).unwrap_or_default();
        if !bytes.is_empty() {
            return Step::Send(bytes);
        }
        match std::mem::replace(&mut self.phase, Phase::Ended) {
            Phase::Ending(outcome) => Step::Done(outcome),
            waiting => {
                self.phase = waiting;
                Step::Receive
            }
        }
    }

    /// Ends a migration whose connection broke. The next [`Step`] is [`Step::Done`].
    pub fn disconnected<T: Target + ?Sized>(&mut self, target: &mut T, cause: impl Display) {
        // A COMMIT that came before it broke is one: the sender does not run the guest any more.
        self.read_messages(target);
        let reason = Reason::new(ReasonCode::Connection, cause);
        match std::mem::replace(&mut self.phase, Phase::Ended) {
            Phase::AwaitCommit => {
                self.phase = Phase::Ending(self.held(target, reason));
            }
            phase => {
                self.phase = phase;
                self.end(target, reason, false);
            }
        }
        self.encoder = None;
    }

    /// Ends the migration for a person's or a program's wish, and returns whether it does: after COMMIT it is too late.
    pub fn cancel<T: Target + ?Sized>(&mut self, target: &mut T, cause: impl Display) -> bool {
        let can = !matches!(self.phase, Phase::Ending(_) | Phase::Ended);
        self.end(target, Reason::new(ReasonCode::Cancelled, cause), true);
        can
    }

    fn held<T: Target + ?Sized>(&self, target: &mut T, reason: Reason) -> Outcome {
        if self.injected.is(Defect::ResumedWithoutCommit) && target.resume(Ownership::new()).is_ok() {
            return Outcome::Resumed;
        }
        Outcome::Held { reason, order: ByOrder::new() }
    }

    /// Ends the migration: the guest never runs here. ABORT says so, and is sent after the VM was discarded.
    fn end<T: Target + ?Sized>(&mut self, target: &mut T, reason: Reason, tell: bool) {
        if matches!(self.phase, Phase::Ending(_) | Phase::Ended) {
            return;
        }
        if self.hello.is_some() && !self.injected.is(Defect::NotDiscarded) {
            target.discard();
        }
        if let (true, Some(encoder)) = (tell, &mut self.encoder) {
            encoder.push(&Message::Abort(reason.clone()));
        }
        self.phase = Phase::Ending(Outcome::Discarded { reason });
    }

    fn read_messages<T: Target + ?Sized>(&mut self, target: &mut T) {
        while !matches!(self.phase, Phase::Ending(_) | Phase::Ended) {
            let taken = match self.decoder.next() {
                Ok(None) => return,
                Ok(Some(message)) => self.take(target, message),
                Err(error) => Err(Reason::new(ReasonCode::Protocol, error)),
            };
            if let Err(reason) = taken {
                self.end(target, reason, true);
            }
        }
    }

    fn send(&mut self, message: &Message) {
        if let Some(encoder) = &mut self.encoder {
            encoder.push(message);
        }
    }

    fn take<T: Target + ?Sized>(&mut self, target: &mut T, message: Message) -> Result<(), Reason> {
        match (&mut self.phase, message) {
            (Phase::AwaitHello, Message::Hello(hello)) => self.greeted(target, hello),
            (Phase::AwaitHello, message) => Err(unexpected(&message, "HELLO")),
            (_, Message::Abort(reason)) => {
                self.end(target, reason, false);
                Ok(())
            }
            (Phase::AwaitRound(next), Message::Round(round)) => {
                let next = *next;
                self.begin(round, next, false)
            }
            (Phase::AwaitRound(next), Message::Stop(round)) => {
                let next = *next;
                self.begin(round, next, true)
            }
            (Phase::AwaitPages(incoming), Message::Pages(pages)) => {
                let range = pages.range();
                let is_next = range.start >= incoming.next_page && range.end - range.start <= incoming.left;
                let is_allowed = self.hello.as_ref().is_some_and(|hello| hello.has(&range));
                if !is_allowed || !is_next {
                    let text = format!("PAGES: pages {range:#x?} are not in a slot, or not among those still to come");
                    return Err(Reason::new(ReasonCode::Protocol, text));
                }
                incoming.next_page = range.end;
                incoming.left -= range.end - range.start;
                self.report.pages += range.end - range.start;
                self.store(target, &pages)?;
                self.end_of_round();
                Ok(())
            }
            (Phase::AwaitVm, Message::Vm(state)) => {
                if !self.injected.is(Defect::VmStateNotSet) {
                    let set = target.set_vm_state(&self.paused, &state);
                    set.map_err(|error| of_target("setting the VM's state", error))?;
                }
                self.phase = Phase::AwaitVcpu(0);
                Ok(())
            }
            (Phase::AwaitVcpu(next), Message::Vcpu { index, state }) if index == *next => {
                self.vcpu(target, index, &state)
            }
            (Phase::AwaitStateDigest, Message::StateDigest(theirs)) => self.verify(target, theirs),
            (Phase::AwaitCommit, Message::Commit) => {
                self.resume(target);
                Ok(())
            }
            (phase, message) => Err(unexpected(&message, phase.name())),
        }
    }

    fn greeted<T: Target + ?Sized>(&mut self, target: &mut T, hello: Hello) -> Result<(), Reason> {
        self.encoder = Some(Encoder::receiver(&self.decoder.check()));
        let version = self.decoder.common_version().ok_or_else(|| {
            let ((old, new), (oldest, newest)) = (VERSIONS, self.decoder.versions());
            Reason::new(ReasonCode::Version, format_args!("expected {old} to {new}, found {oldest} to {newest}"))
        });
        let prepared = version.and_then(|version| match hello.required {
            0 => target.prepare(&hello).map(|()| version),
            other => Err(Reason::new(ReasonCode::Feature, format_args!("required features {other:#x}: none is known"))),
        });
        match prepared {
            Ok(version) => {
                self.hello = Some(hello);
                self.send(&Message::Accept { version, features: 0 });
                self.phase = Phase::AwaitRound(1);
            }
            Err(reason) => {
                self.send(&Message::Refuse(reason.clone()));
                self.phase = Phase::Ending(Outcome::Discarded { reason });
            }
        }
        Ok(())
    }

    fn begin(&mut self, round: Round, next: u32, is_last: bool) -> Result<(), Reason> {
        let hands_over = self.hello.as_ref().is_some_and(|hello| hello.mode == Mode::HandOver);
        if round.number != next {
            let text = format!("round: expected number {next}, found {}", round.number);
            return Err(Reason::new(ReasonCode::Protocol, text));
        }
        if hands_over && (!is_last || round.pages > 0) {
            return Err(Reason::new(ReasonCode::Protocol, "round: expected no pages, since memory is handed over"));
        }
        self.report.rounds += 1;
        self.phase = Phase::AwaitPages(Incoming { round, is_last, left: round.pages, next_page: 0 });
        self.end_of_round();
        Ok(())
    }

    /// Goes on if nothing is left of the round.
    fn end_of_round(&mut self) {
        let Phase::AwaitPages(Incoming { round, is_last, left: 0, .. }) = self.phase else {
            return;
        };
        if is_last {
            self.phase = Phase::AwaitVm;
        } else {
            self.send(&Message::Ack(round));
            self.phase = Phase::AwaitRound(round.number.saturating_add(1));
        }
    }

    fn vcpu<T: Target + ?Sized>(&mut self, target: &mut T, index: u32, state: &[u8]) -> Result<(), Reason> {
        let to = if self.injected.is(Defect::VcpuIndexIgnored) { 0 } else { index };
        let set = target.set_vcpu(&self.paused, to, state);
        set.map_err(|error| of_target(&format!("setting vCPU {index}"), error))?;
        let vcpus = self.hello.as_ref().map_or(0, |hello| u32::from(hello.vcpus));
        self.phase = if index + 1 < vcpus { Phase::AwaitVcpu(index + 1) } else { Phase::AwaitStateDigest };
        Ok(())
    }

    /// Reads everything back and compares.
    fn verify<T: Target + ?Sized>(&mut self, target: &mut T, theirs: Digests) -> Result<(), Reason> {
        let Some(hello) = &self.hello else {
            return Err(Reason::new(ReasonCode::Protocol, "STATE_DIGEST before HELLO"));
        };
        if self.injected.is(Defect::ResumedBeforeVerify) {
            target.resume(Ownership::new()).map_err(|error| of_target("resuming", error))?;
        }
        let own = match self.injected.is(Defect::DigestsNotComputed) {
            true => theirs,
            false => digest::with(target, &self.paused, hello, self.injected)
                .map_err(|error| of_target("reading back", error))?,
        };
        self.report.digests = Some(own);
        let differences = theirs.differences(&own);
        if !differences.is_empty() && !self.injected.is(Defect::DigestsNotCompared) {
            let text = format!("digests of {} differ from the sender's", differences.join(", "));
            return Err(Reason::new(ReasonCode::Digest, text));
        }
        self.send(&Message::Verified(own));
        self.phase = Phase::AwaitCommit;
        if self.injected.is(Defect::ResumedBeforeCommit) {
            self.resume(target);
        }
        Ok(())
    }

    /// COMMIT came: the guest is ours.
    fn resume<T: Target + ?Sized>(&mut self, target: &mut T) {
        if self.injected.is(Defect::NotResumedOnCommit) {
            self.send(&Message::Resumed);
            self.phase = Phase::Ending(Outcome::Resumed);
            return;
        }
        match target.resume(Ownership::new()) {
            Ok(()) => {
                self.send(&Message::Resumed);
                self.phase = Phase::Ending(Outcome::Resumed);
            }
            Err(error) => self.end(target, Reason::new(ReasonCode::NotResumed, error), true),
        }
    }
}

impl Phase {
    /// Returns what is awaited.
    const fn name(&self) -> &'static str {
        match self {
            Self::AwaitHello => "HELLO",
            Self::AwaitRound(_) => "ROUND or STOP",
            Self::AwaitPages(_) => "PAGES",
            Self::AwaitVm => "VM",
            Self::AwaitVcpu(_) => "VCPU, the next one",
            Self::AwaitStateDigest => "STATE_DIGEST",
            Self::AwaitCommit => "COMMIT",
            Self::Ending(_) | Self::Ended => "nothing",
        }
    }
}

fn unexpected(message: &Message, expected: &str) -> Reason {
    let text = format!("frames: expected {expected}, found {}", message.kind().name());
    Reason::new(ReasonCode::Protocol, text)
}

fn of_target(what: &str, error: impl Display) -> Reason {
    Reason::new(ReasonCode::Guest, format_args!("{what}: {error}"))
}
