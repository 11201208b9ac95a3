//! Two VMMs and a connection that breaks: one migration, and what must hold after it.

use std::time::Duration;

use fastrand::Rng;
use mte_migration::Guest as _;
use mte_migration::defect::{Defect, Place};
use mte_migration::message::{Digests, ReasonCode};
use mte_migration::receiver::{self, Receiver};
use mte_migration::sender::{self, Limits, Sender};

use crate::compare::{digests, equal};
use crate::guest::{FakeGuest, Fault};

/// What happens to a migration. Positions are in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disturbance {
    Nothing,
    /// The sender's direction breaks here, and with it the connection.
    CutForward(usize),
    CutBackward(usize),
    FlipForward(usize),
    FlipBackward(usize),
    Target(Fault),
    /// A target whose memory is wrong, and a receiver that does not compare digests.
    CarelessReceiver,
    /// A sender that loses a frame.
    FrameLost,
    /// A person ends it after so many turns.
    CancelSender(u32),
    CancelReceiver(u32),
    /// A system call fails after so many that do not.
    SourceFails(u32),
    TargetFails(u32),
}

/// One direction of the connection.
#[derive(Debug, Default)]
struct Pipe {
    queue: Vec<u8>,
    /// Bytes that were put in.
    sent: usize,
    cut: Option<usize>,
    flip: Option<usize>,
    /// All bytes, as they were put in.
    record: Vec<u8>,
}

impl Pipe {
    fn send(&mut self, bytes: &[u8]) {
        self.record.extend_from_slice(bytes);
        let arrives = self.cut.map_or(bytes.len(), |cut| cut.saturating_sub(self.sent).min(bytes.len()));
        let end = self.queue.len();
        self.queue.extend_from_slice(&bytes[..arrives]);
        if let Some(byte) = self.flip.and_then(|flip| self.queue.get_mut(end + flip.checked_sub(self.sent)?)) {
            *byte ^= 0x10;
            self.flip = None;
        }
        self.sent += bytes.len();
    }

    fn is_broken(&self) -> bool {
        self.cut.is_some_and(|cut| self.sent >= cut)
    }

    fn receive(&mut self, rng: &mut Rng) -> Vec<u8> {
        let all = self.queue.len();
        let count = match rng.u8(..4) {
            0 => all,
            1 => rng.usize(..=all),
            2 => rng.usize(..=all.min(5000)),
            _ => rng.usize(..=all.min(40)),
        };
        self.queue.drain(..count).collect()
    }
}

/// A migration that ended as it must.
#[derive(Debug)]
pub struct Ended {
    pub forward: Vec<u8>,
    pub backward: Vec<u8>,
    pub rounds: u32,
    /// The receiver's.
    pub digests: Option<Digests>,
    /// Set if the guest moved.
    pub moved: bool,
    pub undecided: bool,
    pub held: bool,
}

pub struct World<'a> {
    pub source: &'a mut FakeGuest,
    pub target: &'a mut FakeGuest,
    pub layout: mte_migration::message::Hello,
    pub limits: Limits,
    pub seed: u64,
    pub disturbance: Disturbance,
    pub defect: Option<Defect>,
}

struct Run<'a> {
    world: World<'a>,
    rng: Rng,
    sender: Sender,
    receiver: Receiver,
    forward: Pipe,
    backward: Pipe,
    now: Duration,
    sent_while_running: usize,
    sent: Option<sender::Outcome>,
    received: Option<receiver::Outcome>,
    first_reason: Option<ReasonCode>,
}

impl World<'_> {
    /// Migrates, and returns what is wrong with how it ended.
    pub fn migrate(self) -> Result<Ended, String> {
        let mut sender = Sender::new(self.layout.clone(), self.limits);
        let mut receiver = Receiver::new();
        let place = self.defect.map(Defect::place);
        match self.disturbance {
            Disturbance::CarelessReceiver => receiver.inject(Defect::DigestsNotCompared),
            Disturbance::FrameLost => sender.inject(Defect::LastFrameLost),
            _ => {}
        }
        if let Some(defect) = self.defect {
            if matches!(place, Some(Place::Sender | Place::Both)) {
                sender.inject(defect);
            }
            if matches!(place, Some(Place::Receiver | Place::Both)) {
                receiver.inject(defect);
            }
        }
        self.target.fault = match self.disturbance {
            Disturbance::Target(fault) => Some(fault),
            Disturbance::CarelessReceiver => Some(Fault::Memory),
            _ => None,
        };
        for guest in [&mut *self.source, &mut *self.target] {
            guest.defect = self.defect.filter(|_| place == Some(Place::Vmm));
            guest.at_stop = None;
        }
        match self.disturbance {
            Disturbance::SourceFails(after) => self.source.fails_after = Some(after),
            Disturbance::TargetFails(after) => self.target.fails_after = Some(after),
            _ => {}
        }
        let (mut forward, mut backward) = (Pipe::default(), Pipe::default());
        match self.disturbance {
            Disturbance::CutForward(at) => forward.cut = Some(at),
            Disturbance::CutBackward(at) => backward.cut = Some(at),
            Disturbance::FlipForward(at) => forward.flip = Some(at),
            Disturbance::FlipBackward(at) => backward.flip = Some(at),
            _ => {}
        }
        let run = Run {
            rng: Rng::with_seed(self.seed),
            world: self,
            sender,
            receiver,
            forward,
            backward,
            now: Duration::ZERO,
            sent_while_running: 0,
            sent: None,
            received: None,
            first_reason: None,
        };
        run.finish()
    }
}

impl Run<'_> {
    fn finish(mut self) -> Result<Ended, String> {
        for turn in 0..20_000 {
            self.now += Duration::from_micros(10);
            self.world.source.run(1);
            let idle_before = self.forward.queue.len() + self.backward.queue.len();
            let is_sending = self.turn_of_sender()?;
            let is_answering = self.turn_of_receiver();
            match self.world.disturbance {
                Disturbance::CancelSender(at) if at == turn => {
                    self.sender.cancel(self.world.source, "a test", self.now);
                }
                Disturbance::CancelReceiver(at) if at == turn => {
                    self.receiver.cancel(self.world.target, "a test");
                }
                _ => {}
            }
            self.break_connection(idle_before == 0 && !is_sending && !is_answering);
            if self.sent.is_some() && self.received.is_some() {
                return self.check();
            }
        }
        Err("the migration does not end".to_owned())
    }

    /// Returns whether it does anything but wait for the receiver.
    fn turn_of_sender(&mut self) -> Result<bool, String> {
        if self.sent.is_some() {
            return Ok(false);
        }
        let bytes = self.backward.receive(&mut self.rng);
        self.sender.received(&bytes);
        let was_running = self.world.source.is_running;
        match self.sender.next(self.world.source, self.now) {
            sender::Step::Send(bytes) => {
                if was_running && self.world.source.is_running {
                    self.check_bandwidth(bytes.len())?;
                }
                self.now += Duration::from_nanos(bytes.len() as u64 * 10);
                self.forward.send(&bytes);
            }
            sender::Step::Wait(time) => self.now += time,
            sender::Step::Receive => return Ok(!bytes.is_empty()),
            sender::Step::Done(outcome) => self.sent = Some(outcome),
        }
        Ok(true)
    }

    /// Before this frame, no more than the limit permits and one frame may have been sent.
    fn check_bandwidth(&mut self, bytes: usize) -> Result<(), String> {
        // An ABORT does not wait.
        let is_alone = self.world.disturbance == Disturbance::Nothing;
        if let Some(limit) = self.world.limits.bandwidth.filter(|_| is_alone) {
            let permitted = limit as f64 * self.now.as_secs_f64();
            if self.sent_while_running as f64 > permitted + 100.0 {
                return Err(format!("{} bytes were sent after {:?}", self.sent_while_running, self.now));
            }
        }
        self.sent_while_running += bytes;
        Ok(())
    }

    fn turn_of_receiver(&mut self) -> bool {
        if self.received.is_some() {
            return false;
        }
        let bytes = self.forward.receive(&mut self.rng);
        self.receiver.received(&bytes);
        match self.receiver.next(self.world.target) {
            receiver::Step::Send(bytes) => self.backward.send(&bytes),
            receiver::Step::Receive => return !bytes.is_empty(),
            receiver::Step::Done(outcome) => {
                if let receiver::Outcome::Discarded { reason } | receiver::Outcome::Held { reason, .. } = &outcome {
                    self.first_reason.get_or_insert(reason.code);
                }
                self.received = Some(outcome);
            }
        }
        true
    }

    /// Tells each side that the connection broke, once all that arrives has arrived: it was cut, the other side has closed it,
    /// or both wait for the other, which ends with a timeout.
    fn break_connection(&mut self, is_idle: bool) {
        let is_cut = self.forward.is_broken() || self.backward.is_broken();
        if is_cut && self.rng.bool() {
            // What was on its way may be lost, too.
            self.backward.queue.truncate(self.rng.usize(..=self.backward.queue.len()));
            self.forward.queue.truncate(self.rng.usize(..=self.forward.queue.len()));
        }
        let is_over = is_cut || is_idle;
        let closed_by_receiver = self.received.is_some() && self.backward.queue.is_empty();
        let closed_by_sender = self.sent.is_some() && self.forward.queue.is_empty();
        if self.sent.is_none() && (closed_by_receiver || (is_over && self.backward.queue.is_empty() && self.rng.bool()))
        {
            self.sender.disconnected(self.world.source, "the test cuts it", self.now);
        }
        if self.received.is_none()
            && (closed_by_sender || (is_over && self.forward.queue.is_empty() && self.rng.bool()))
        {
            self.receiver.disconnected(self.world.target, "the test cuts it");
        }
    }

    fn check(mut self) -> Result<Ended, String> {
        let (Some(sent), Some(received)) = (self.sent.take(), self.received.take()) else {
            return Err("not at the end".to_owned());
        };
        let what = format!("sender {sent:?}, receiver {received:?}");
        let checked = self.check_ownership(&sent, &received).and_then(|()| self.check_expected(&sent, &received));
        checked.and_then(|()| self.check_state(&sent)).map_err(|error| format!("{error}: {what}"))?;
        let ended = Ended {
            rounds: self.sender.report().rounds,
            digests: self.receiver.report().digests,
            moved: matches!(sent, sender::Outcome::Moved),
            undecided: matches!(sent, sender::Outcome::Undecided { .. }),
            held: matches!(received, receiver::Outcome::Held { .. }),
            forward: self.forward.record,
            backward: self.backward.record,
        };
        // Whoever ordered it: a stopped guest can be resumed at the sender.
        if let sender::Outcome::Undecided { order, .. } | sender::Outcome::Stopped { order, .. } = sent
            && !self.world.target.is_running
        {
            self.world.source.resume(order.ordered())?;
            if self.world.source.at_stop != self.world.source.at_resume {
                return Err("the sender's guest changed while it was stopped".to_owned());
            }
        }
        Ok(ended)
    }

    /// The guest runs in one place, or can be resumed at the sender, and the reports say so.
    fn check_ownership(&self, sent: &sender::Outcome, received: &receiver::Outcome) -> Result<(), String> {
        let (here, there) = (self.world.source.is_running, self.world.target.is_running);
        if here && there {
            return Err("both sides run the guest".to_owned());
        }
        let is_as_reported = match sent {
            sender::Outcome::Moved => !here && there,
            sender::Outcome::Stayed { .. } => here && !there,
            sender::Outcome::Undecided { .. } => !here,
            sender::Outcome::Stopped { .. } => !here && !there,
        };
        if !is_as_reported {
            return Err(format!("the sender's report is wrong: here {here}, there {there}"));
        }
        let target = &self.world.target;
        let is_as_reported = match received {
            receiver::Outcome::Resumed => there,
            receiver::Outcome::Discarded { .. } => !there && (target.is_discarded || self.receiver.hello().is_none()),
            receiver::Outcome::Held { .. } => !there && !target.is_discarded,
        };
        if !is_as_reported {
            return Err("the receiver's report is wrong".to_owned());
        }
        if let Some(violation) = self.world.source.violations.iter().chain(&target.violations).next() {
            return Err((*violation).to_owned());
        }
        Ok(())
    }

    /// What this disturbance leads to, and nothing else.
    fn check_expected(&self, sent: &sender::Outcome, received: &receiver::Outcome) -> Result<(), String> {
        let moved = matches!(sent, sender::Outcome::Moved) && matches!(received, receiver::Outcome::Resumed);
        let code = match sent {
            sender::Outcome::Stayed { reason }
            | sender::Outcome::Undecided { reason, .. }
            | sender::Outcome::Stopped { reason, .. } => Some(reason.code),
            sender::Outcome::Moved => None,
        };
        let stayed_for =
            |expected: ReasonCode| matches!(sent, sender::Outcome::Stayed { .. }) && code == Some(expected);
        let is_expected = match self.world.disturbance {
            Disturbance::Nothing => moved,
            Disturbance::CutForward(_) | Disturbance::CutBackward(_) => {
                code.is_none_or(|code| code == ReasonCode::Connection)
            }
            Disturbance::FlipForward(at) => {
                let codes = [ReasonCode::Protocol, ReasonCode::Connection];
                self.forward.sent <= at || (!moved && self.first_reason.is_some_and(|code| codes.contains(&code)))
            }
            Disturbance::FlipBackward(at) => self.backward.sent <= at || !matches!(sent, sender::Outcome::Moved),
            Disturbance::Target(Fault::Memory | Fault::Tag) => {
                stayed_for(ReasonCode::Digest)
                    && self.first_reason == Some(ReasonCode::Digest)
                    && self.by_receiver(received)
            }
            Disturbance::Target(Fault::Resume) => stayed_for(ReasonCode::NotResumed),
            Disturbance::Target(Fault::Identity) => stayed_for(ReasonCode::Identity),
            Disturbance::CarelessReceiver => stayed_for(ReasonCode::Digest),
            Disturbance::FrameLost => stayed_for(ReasonCode::Protocol) || stayed_for(ReasonCode::Connection),
            Disturbance::CancelSender(_) => moved || stayed_for(ReasonCode::Cancelled),
            Disturbance::CancelReceiver(_) if self.receiver.hello().is_none() => stayed_for(ReasonCode::Connection),
            Disturbance::CancelReceiver(_) => moved || stayed_for(ReasonCode::Cancelled),
            Disturbance::SourceFails(_) | Disturbance::TargetFails(_) => moved || stayed_for(ReasonCode::Guest),
        };
        if !is_expected {
            return Err(format!("{:?} does not lead to this", self.world.disturbance));
        }
        let report = self.sender.report();
        if report.rounds > self.world.limits.rounds + 1 {
            return Err(format!("{} rounds, the limit is {}", report.rounds, self.world.limits.rounds));
        }
        if !matches!(sent, sender::Outcome::Moved) && self.world.source.is_logging {
            return Err("dirty logging stays on".to_owned());
        }
        Ok(())
    }

    /// Whether the receiver noticed by itself that its memory is wrong.
    fn by_receiver(&self, received: &receiver::Outcome) -> bool {
        matches!(received, receiver::Outcome::Discarded { reason } if reason.text.contains("from the sender's"))
    }

    /// Memory, tags and registers are those of the moment when the guest was stopped.
    fn check_state(&self, sent: &sender::Outcome) -> Result<(), String> {
        let (source, target) = (&self.world.source, &self.world.target);
        let stopped = source.at_stop.as_ref();
        if target.is_running {
            let (Some(stopped), Some(resumed)) = (stopped, &target.at_resume) else {
                return Err("the target runs a guest that was not stopped".to_owned());
            };
            equal(stopped, resumed)?;
            let digests = digests(stopped);
            for side in [self.sender.report().digests, self.receiver.report().digests] {
                if side.map(|of| [of.memory, of.tags, of.registers]) != Some(digests) {
                    return Err("the digests are not those of the guest".to_owned());
                }
            }
        }
        if let (sender::Outcome::Stayed { .. }, Some(stopped), Some(resumed)) = (sent, stopped, &source.at_resume) {
            equal(stopped, resumed)?;
        }
        Ok(())
    }
}
