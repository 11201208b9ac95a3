//! The steps of a migration that goes well.

use super::{Copy, Duration, Measured, Outcome, Ownership, Paused, Phase, Sender, Source};
use crate::bits::is_zero;
use crate::defect::Defect;
use crate::digest;
use crate::frame::VERSIONS;
use crate::message::{Digests, Message, Mode, Pages, Reason, ReasonCode, Round};
use crate::{PAGE, PAGES_PER_FRAME, PageSet, TAGS};

/// A guest's error as a reason.
fn of_guest(what: &str, error: impl std::fmt::Display) -> Reason {
    Reason::new(ReasonCode::Guest, format_args!("{what}: {error}"))
}

impl Sender {
    /// Takes what came from the receiver.
    pub(super) fn read_messages<S: Source + ?Sized>(&mut self, guest: &mut S, now: Duration) {
        while !matches!(self.phase, Phase::Ending(_) | Phase::Ended) {
            match self.decoder.next() {
                Ok(None) => return,
                Ok(Some(message)) => self.take(guest, message, now),
                Err(error) => self.end(guest, Reason::new(ReasonCode::Protocol, error), true, now),
            }
        }
    }

    fn take<S: Source + ?Sized>(&mut self, guest: &mut S, message: Message, now: Duration) {
        match (std::mem::replace(&mut self.phase, Phase::Ended), message) {
            (phase, Message::Abort(_)) if self.injected.is(Defect::AbortIgnored) => self.phase = phase,
            // The receiver has given up the guest for good before it sent this: see `Guest::resume`.
            (Phase::AwaitResumed, Message::Abort(reason)) => {
                let outcome = self.stay(guest, Ownership::new(), true, reason, now);
                self.phase = Phase::Ending(outcome);
            }
            (Phase::AwaitResumed, Message::Resumed) => {
                self.report.resumed_at = Some(now);
                self.phase = Phase::Ending(Outcome::Moved);
            }
            (Phase::AwaitAccept(ownership), Message::Refuse(reason)) => {
                let outcome = self.stay(guest, ownership, false, reason, now);
                self.phase = Phase::Ending(outcome);
            }
            (Phase::AwaitAccept(ownership), Message::Accept { version, features }) => {
                self.phase = Phase::AwaitAccept(ownership);
                self.accepted(guest, version, features, now);
            }
            (Phase::AwaitAck(ownership, copy), Message::Ack(round)) if round == copy.round => {
                self.acknowledged(guest, ownership, copy, now);
            }
            // The receiver was faster than the step after the round's last frame.
            (Phase::Copying(ownership, None, copy), Message::Ack(round))
                if round == copy.round && copy.parts.is_empty() && !self.injected.is(Defect::EarlyAckRejected) =>
            {
                self.acknowledged(guest, ownership, copy, now);
            }
            (Phase::AwaitVerified(ownership, paused, own), Message::Verified(theirs)) => {
                let differences = own.differences(&theirs);
                if differences.is_empty() || self.injected.is(Defect::VerifiedDigestsIgnored) {
                    self.encoder.commit(ownership);
                    self.phase = Phase::AwaitResumed;
                } else {
                    self.phase = Phase::AwaitVerified(ownership, paused, own);
                    let text = format!("digests of {} differ at the receiver", differences.join(", "));
                    self.end(guest, Reason::new(ReasonCode::Digest, text), true, now);
                }
            }
            (phase, Message::Abort(reason)) => {
                self.phase = phase;
                self.end(guest, reason, false, now);
            }
            (phase, message) => {
                self.phase = phase;
                let text = format!("a {} frame came when it may not", message.kind().name());
                self.end(guest, Reason::new(ReasonCode::Protocol, text), true, now);
            }
        }
    }

    /// Begins with the first round, or stops the guest at once if its memory need not be copied.
    fn accepted<S: Source + ?Sized>(&mut self, guest: &mut S, version: u16, features: u64, now: Duration) {
        let is_offered = (VERSIONS.0..=VERSIONS.1).contains(&version) && features & !self.hello.optional == 0;
        let begun = match (is_offered, self.hello.mode) {
            (false, _) => {
                let text = format!("ACCEPT has version {version} and features {features:#x}, which were not offered");
                Err(Reason::new(ReasonCode::Protocol, text))
            }
            (true, Mode::HandOver) => self.stop(guest, 1, PageSet::default(), now),
            (true, Mode::PreCopy) => self.first_round(guest, now),
        };
        if let Err(reason) = begun {
            self.end(guest, reason, true, now);
        }
    }

    /// The log is turned on before the first page is read: what changes after that is in it.
    fn first_round<S: Source + ?Sized>(&mut self, guest: &mut S, now: Duration) -> Result<(), Reason> {
        if !self.injected.is(Defect::LogStartedLate) {
            self.start_logging(guest)?;
        }
        let all = guest.populated().map_err(|error| of_guest("pages in use", error))?;
        self.begin(1, all, None, now)
    }

    fn start_logging<S: Source + ?Sized>(&mut self, guest: &mut S) -> Result<(), Reason> {
        self.is_logging = true;
        guest.start_logging().map_err(|error| of_guest("turning dirty logging on", error))
    }

    /// Begins a round. The phase must have the ownership.
    fn begin(&mut self, number: u32, set: PageSet, paused: Option<Paused>, now: Duration) -> Result<(), Reason> {
        let mut parts = set.parts(&self.hello.slots, PAGES_PER_FRAME as u64);
        if self.injected.is(Defect::RangeEndLeftOut) {
            parts.iter_mut().for_each(|part| part.end -= 1);
            parts.retain(|part| !part.is_empty());
        }
        let pages = parts.iter().map(|part| part.end - part.start).sum();
        let is_whole = parts.iter().all(|part| self.hello.has(part)) || self.injected.is(Defect::RangeEndLeftOut);
        if !is_whole || (pages != set.len() && !self.injected.is(Defect::RangeEndLeftOut)) {
            let text = "dirty pages: expected whole host pages of slots, found others";
            return Err(Reason::new(ReasonCode::Guest, text));
        }
        let round = Round { number, pages };
        self.encoder.push(&if paused.is_some() { Message::Stop(round) } else { Message::Round(round) });
        self.report.rounds += 1;
        let copy = Copy { round, parts: parts.into(), started: now, bytes_before: self.report.sent };
        self.phase = match std::mem::replace(&mut self.phase, Phase::Ended) {
            Phase::AwaitAccept(ownership) | Phase::Copying(ownership, ..) | Phase::AwaitAck(ownership, _) => {
                Phase::Copying(ownership, paused, copy)
            }
            other => other,
        };
        Ok(())
    }

    /// Sends the next pages of a round, or what follows it.
    pub(super) fn copy<S: Source + ?Sized>(
        &mut self,
        guest: &mut S,
        ownership: Ownership,
        paused: Option<Paused>,
        mut copy: Copy,
        now: Duration,
    ) {
        if let Some(part) = copy.parts.pop_front() {
            let (is_last, round) = (copy.parts.is_empty(), copy.round.number);
            let is_stopped = paused.is_some();
            self.phase = Phase::Copying(ownership, paused, copy);
            match self.pages(guest, part.start, (part.end - part.start) as usize, is_stopped, round) {
                Ok(_) if is_last && self.injected.is(Defect::LastFrameLost) => {}
                Ok(pages) => self.push_pages(pages),
                Err(reason) => self.end(guest, reason, true, now),
            }
            return;
        }
        let Some(paused) = paused else {
            self.phase = Phase::AwaitAck(ownership, copy);
            return;
        };
        match self.push_state(guest, &paused) {
            Ok(digests) if self.injected.is(Defect::CommitBeforeVerified) => {
                self.report.digests = Some(digests);
                self.encoder.commit(ownership);
                self.phase = Phase::AwaitResumed;
            }
            Ok(digests) => {
                self.report.digests = Some(digests);
                self.phase = Phase::AwaitVerified(ownership, paused, digests);
            }
            Err(reason) => {
                self.phase = Phase::Copying(ownership, Some(paused), copy);
                self.end(guest, reason, true, now);
            }
        }
    }

    /// Reads consecutive pages and their tags.
    fn pages<S: Source + ?Sized>(
        &self,
        guest: &mut S,
        first: u64,
        count: usize,
        is_stopped: bool,
        round: u32,
    ) -> Result<Pages, Reason> {
        let (mut data, mut tags) = (vec![0; count * PAGE], vec![0; count * TAGS]);
        guest.read(first, &mut data).map_err(|error| of_guest("reading memory", error))?;
        guest.fetch_tags(first, &mut tags).map_err(|error| of_guest("fetching tags", error))?;
        self.lose_tags(&data, &mut tags, is_stopped, round);
        let first = if self.injected.is(Defect::PageNumberTruncated) { u64::from(first as u32) } else { first };
        Pages::with(first, &data, &tags, self.injected).map_err(|error| of_guest("tags", error))
    }

    /// Makes the mistakes that lose tags.
    fn lose_tags(&self, data: &[u8], tags: &mut [u8], is_stopped: bool, round: u32) {
        let is_lost = (self.injected.is(Defect::FinalRoundWithoutTags) && is_stopped)
            || (self.injected.is(Defect::TagsInFirstRoundOnly) && round > 1);
        if is_lost {
            tags.fill(0);
        }
        if self.injected.is(Defect::TagsOfNeighbour) {
            tags.copy_within(..tags.len() - TAGS, TAGS);
        }
        if self.injected.is(Defect::TaggedZeroPageLeftOut) {
            for (data, tags) in data.as_chunks::<PAGE>().0.iter().zip(tags.as_chunks_mut::<TAGS>().0) {
                if is_zero(data) {
                    tags.fill(0);
                }
            }
        }
    }

    fn push_pages(&mut self, pages: Pages) {
        let (data, tags) = pages.sizes();
        let (data, tags) = (data as u64, tags as u64);
        self.report.pages += pages.range().end - pages.range().start;
        self.report.data += data;
        self.report.tags += tags;
        if self.injected.is(Defect::ZeroPageLeftOut) && data == 0 && tags == 0 {
            return;
        }
        self.encoder.push(&Message::Pages(pages));
    }

    /// A round is stored at the receiver: another one, or the stop?
    fn acknowledged<S: Source + ?Sized>(&mut self, guest: &mut S, ownership: Ownership, copy: Copy, now: Duration) {
        let time = now.saturating_sub(copy.started);
        let measured = Measured { pages: copy.round.pages, bytes: self.report.sent - copy.bytes_before, time };
        self.report.bandwidth = measured.bandwidth();
        let number = copy.round.number;
        self.phase = Phase::AwaitAck(ownership, copy);
        if let Err(reason) = self.another_round(guest, number, measured, now) {
            self.end(guest, reason, true, now);
        }
    }

    fn another_round<S: Source + ?Sized>(
        &mut self,
        guest: &mut S,
        number: u32,
        measured: Measured,
        now: Duration,
    ) -> Result<(), Reason> {
        if !self.is_logging {
            self.start_logging(guest)?;
        }
        let mut dirty = guest.take_dirty().map_err(|error| of_guest("reading the dirty log", error))?;
        let is_bound_reached = number >= self.limits.rounds && !self.injected.is(Defect::RoundsUnbounded);
        if is_bound_reached || measured.time_for(dirty.len()) <= self.limits.downtime {
            return self.stop(guest, number + 1, dirty, now);
        }
        if self.injected.is(Defect::RoundSkipped) && number == 1 {
            dirty = PageSet::default();
        }
        self.begin(number + 1, dirty, None, now)
    }

    /// Stops the guest. Pages that were dirtied until it stopped are in the log, and only now in all of it.
    fn stop<S: Source + ?Sized>(
        &mut self,
        guest: &mut S,
        number: u32,
        mut dirty: PageSet,
        now: Duration,
    ) -> Result<(), Reason> {
        if self.injected.is(Defect::RegistersBeforePause) {
            self.stale = self.states(guest, &Paused::new())?;
        }
        guest.pause().map_err(|error| of_guest("stopping the vCPUs", error))?;
        self.report.paused_at = Some(now);
        if self.injected.is(Defect::LogReadBeforePauseLost) {
            dirty = PageSet::default();
        }
        if self.hello.mode == Mode::PreCopy && !self.injected.is(Defect::LogNotReadAfterPause) {
            match guest.take_dirty() {
                Ok(rest) => dirty.union(&rest),
                Err(error) => return Err(self.of_stopped(of_guest("reading the dirty log", error))),
            }
        }
        self.report.dirty_at_stop = dirty.len();
        if self.injected.is(Defect::RegistersBeforeLastPages) {
            self.push_state(guest, &Paused::new())?;
        }
        self.begin(number, dirty, Some(Paused::new()), now).map_err(|reason| self.of_stopped(reason))
    }

    /// Makes the phase that of a stopped guest, for a failure between the stop and the last round.
    fn of_stopped(&mut self, reason: Reason) -> Reason {
        self.phase = match std::mem::replace(&mut self.phase, Phase::Ended) {
            Phase::AwaitAccept(ownership) | Phase::AwaitAck(ownership, _) => {
                let round = Round { number: 0, pages: 0 };
                let copy = Copy { round, parts: [].into(), started: Duration::ZERO, bytes_before: 0 };
                Phase::Copying(ownership, Some(Paused::new()), copy)
            }
            other => other,
        };
        reason
    }

    /// Reads the states of the VM and of all vCPUs.
    fn states<S: Source + ?Sized>(&self, guest: &mut S, paused: &Paused) -> Result<Vec<Vec<u8>>, Reason> {
        let mut states = vec![guest.vm_state(paused).map_err(|error| of_guest("reading the VM's state", error))?];
        for index in 0..self.hello.vcpus.into() {
            let state = guest.vcpu(paused, index);
            states.push(state.map_err(|error| of_guest(&format!("reading vCPU {index}"), error))?);
        }
        Ok(states)
    }

    /// Sends the states and the digests of the stopped guest.
    fn push_state<S: Source + ?Sized>(&mut self, guest: &mut S, paused: &Paused) -> Result<Digests, Reason> {
        let mut states = match std::mem::take(&mut self.stale) {
            stale if stale.is_empty() => self.states(guest, paused)?,
            stale => stale,
        };
        if self.injected.is(Defect::VmStateLost) {
            states[0].clear();
        }
        if self.injected.is(Defect::LastVcpuLost) {
            states.pop();
        }
        let mut frames = states.into_iter();
        let digests =
            digest::with(guest, paused, &self.hello, self.injected).map_err(|error| of_guest("digests", error))?;
        let mut push = |message: Message, bytes: usize| {
            self.report.registers += bytes as u64;
            self.encoder.push(&message);
        };
        if let Some(state) = frames.next() {
            let bytes = state.len();
            push(Message::Vm(state), bytes);
        }
        for (index, state) in (0..).zip(frames) {
            let bytes = state.len();
            push(Message::Vcpu { index, state }, bytes);
        }
        self.encoder.push(&Message::StateDigest(digests));
        Ok(digests)
    }
}
