//! The stream of one direction: a preamble, then frames, each with a check that depends on all before it.
//!
//! | preamble, 16 bytes | |
//! |---|---|
//! | 0 | magic number: [`SENDER_MAGIC`] or [`RECEIVER_MAGIC`] |
//! | 8 | oldest version, 2 bytes |
//! | 10 | newest version, 2 bytes |
//! | 12 | reserved, 4 bytes |
//!
//! | frame | |
//! |---|---|
//! | 0 | bytes of the payload, 4 bytes |
//! | 4 | type, 2 bytes |
//! | 6 | reserved, 2 bytes |
//! | 8 | payload |
//! | 8 + length | check, 16 bytes |
//!
//! The check is BLAKE2b with 16 bytes of the check before it, the header and the payload. The first one goes on from the
//! digest of the preamble; at the receiver, of its preamble and the check of HELLO. So one number covers the whole stream: a frame
//! that was altered, lost, repeated, moved, or taken from another migration is noticed where it stands.

use blake2::digest::consts::U16;
use blake2::{Blake2b, Digest as _};

use crate::defect::{Defect, Injected};
use crate::guest::Ownership;
use crate::message::layout::{decode, encode};
use crate::message::{MAX_PAYLOAD, Message, Type, WireError};

/// What the sender's direction begins with. As in a PNG file, a connection that changes line ends or strips bit 7 is noticed.
pub const SENDER_MAGIC: [u8; 8] = *b"\x89MTEsnd\n";
/// What the receiver's direction begins with.
pub const RECEIVER_MAGIC: [u8; 8] = *b"\x89MTErcv\n";

/// The oldest and the newest version of the protocol that this crate has.
pub const VERSIONS: (u16, u16) = (1, 1);

const PREAMBLE: usize = 16;
const HEADER: usize = 8;
const CHECK: usize = size_of::<Check>();

/// Bytes of a frame but for its payload.
pub const FRAMING: usize = HEADER + CHECK;

/// The check of a frame: BLAKE2b with 16 bytes.
type Check = [u8; 16];

/// Returns the digest of a preamble, from which the checks of a direction's frames go on.
fn first_check(preamble: &[u8], other: Option<&Check>) -> Check {
    let hash = Blake2b::<U16>::new_with_prefix(preamble);
    other.map_or(hash.clone(), |other| hash.chain_update(other)).finalize().into()
}

/// Returns the check of a frame: of the check before it, its header and its payload.
fn next_check(before: &Check, header: &[u8], payload: &[u8]) -> Check {
    Blake2b::<U16>::new_with_prefix(before).chain_update(header).chain_update(payload).finalize().into()
}

fn preamble(magic: [u8; 8]) -> [u8; PREAMBLE] {
    let mut preamble = [0; PREAMBLE];
    preamble[..8].copy_from_slice(&magic);
    preamble[8..10].copy_from_slice(&VERSIONS.0.to_le_bytes());
    preamble[10..12].copy_from_slice(&VERSIONS.1.to_le_bytes());
    preamble
}

/// Makes the bytes of one direction.
#[derive(Debug)]
pub(crate) struct Encoder {
    check: Check,
    bytes: Vec<u8>,
}

impl Encoder {
    pub(crate) fn sender() -> Self {
        let bytes = preamble(SENDER_MAGIC).to_vec();
        Self { check: first_check(&bytes, None), bytes }
    }

    /// Begins the receiver's direction, which answers the HELLO with this check.
    pub(crate) fn receiver(hello: &Check) -> Self {
        let bytes = preamble(RECEIVER_MAGIC).to_vec();
        Self { check: first_check(&bytes, Some(hello)), bytes }
    }

    /// Adds a frame, and returns its bytes but for the payload's fields: header and check.
    pub(crate) fn push(&mut self, message: &Message) {
        debug_assert!(*message != Message::Commit, "COMMIT takes the ownership: use commit()");
        self.add(message);
    }

    /// Adds COMMIT: the guest is the other side's from here on.
    pub(crate) fn commit(&mut self, _: Ownership) {
        self.add(&Message::Commit);
    }

    fn add(&mut self, message: &Message) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; HEADER]);
        encode(message, &mut self.bytes);
        let payload = self.bytes.len() - start - HEADER;
        self.bytes[start..start + 4].copy_from_slice(&(payload as u32).to_le_bytes());
        self.bytes[start + 4..start + 6].copy_from_slice(&(message.kind() as u16).to_le_bytes());
        let (header, payload) = self.bytes[start..].split_at(HEADER);
        self.check = next_check(&self.check, header, payload);
        self.bytes.extend_from_slice(&self.check);
    }

    /// Returns what was added since the last call.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// Returns the check of the last frame.
    pub(crate) const fn check(&self) -> &Check {
        &self.check
    }
}

/// Takes the bytes of one direction apart, in pieces of any size.
#[derive(Debug)]
pub struct Decoder {
    magic: [u8; 8],
    /// Of the other direction, which this one answers.
    answers: Option<Check>,
    /// Set once the preamble was read.
    check: Option<Check>,
    versions: (u16, u16),
    bytes: Vec<u8>,
    /// Bytes that were taken apart.
    done: usize,
    pub(crate) injected: Injected,
}

impl Decoder {
    /// Reads what a sender sends.
    #[must_use]
    pub fn of_sender() -> Self {
        Self::new(SENDER_MAGIC, None)
    }

    pub(crate) fn of_receiver(hello: Check) -> Self {
        Self::new(RECEIVER_MAGIC, Some(hello))
    }

    fn new(magic: [u8; 8], answers: Option<Check>) -> Self {
        let injected = Injected::default();
        Self { magic, answers, check: None, versions: (0, 0), bytes: Vec::new(), done: 0, injected }
    }

    /// Adds bytes that came. No more than a frame is kept if [`next`](Self::next) is called until it returns `None`.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.bytes.drain(..std::mem::take(&mut self.done));
        self.bytes.extend_from_slice(bytes);
    }

    /// Returns the next message, or `None` if more bytes are needed.
    ///
    /// # Errors
    /// The stream is not one of this protocol, or was altered. Nothing after that can be relied upon.
    #[expect(clippy::should_implement_trait, reason = "an iterator would end where bytes are lacking")]
    pub fn next(&mut self) -> Result<Option<Message>, WireError> {
        let check = match self.check {
            Some(check) => check,
            None => match self.read_preamble()? {
                Some(check) => check,
                None => return Ok(None),
            },
        };
        let rest = &self.bytes[self.done..];
        let Some((header, rest)) = rest.split_first_chunk::<HEADER>() else {
            return Ok(None);
        };
        let [l0, l1, l2, l3, t0, t1, reserved @ ..] = *header;
        let (length, number) = (u32::from_le_bytes([l0, l1, l2, l3]) as usize, u16::from_le_bytes([t0, t1]));
        let kind = Type::from_number(number).ok_or(WireError::UnknownType { found: number })?;
        if reserved != [0; 2] {
            let found = u16::from_le_bytes(reserved).into();
            return Err(WireError::BadField { kind: kind.name(), field: "reserved", found });
        }
        if length > MAX_PAYLOAD {
            return Err(WireError::TooLong { limit: MAX_PAYLOAD, found: length });
        }
        let Some((payload, rest)) = rest.split_at_checked(length) else {
            return Ok(None);
        };
        let Some(found) = rest.first_chunk::<CHECK>() else {
            return Ok(None);
        };
        let expected = next_check(&check, header, payload);
        if *found != expected && !self.injected.is(Defect::ChecksIgnored) {
            return Err(WireError::Check { kind: kind.name(), expected, found: *found });
        }
        let message = decode(kind, payload, self.injected)?;
        self.check = Some(*found);
        self.done += FRAMING + length;
        Ok(Some(message))
    }

    fn read_preamble(&mut self) -> Result<Option<Check>, WireError> {
        let Some(preamble) = self.bytes.first_chunk::<PREAMBLE>() else {
            return Ok(None);
        };
        let [found @ .., o0, o1, n0, n1, r0, r1, r2, r3] = *preamble;
        if found != self.magic {
            return Err(WireError::Magic { expected: self.magic, found });
        }
        if [r0, r1, r2, r3] != [0; 4] {
            let found = u32::from_le_bytes([r0, r1, r2, r3]).into();
            return Err(WireError::BadField { kind: "preamble", field: "reserved", found });
        }
        self.versions = (u16::from_le_bytes([o0, o1]), u16::from_le_bytes([n0, n1]));
        self.check = Some(first_check(preamble, self.answers.as_ref()));
        self.done = PREAMBLE;
        Ok(self.check)
    }

    /// Returns the newest version that both sides have, once the preamble was read.
    #[must_use]
    pub fn common_version(&self) -> Option<u16> {
        let (oldest, newest) = (self.versions.0.max(VERSIONS.0), self.versions.1.min(VERSIONS.1));
        (oldest <= newest).then_some(newest)
    }

    /// Returns the oldest and the newest version of the other side; 0 before the preamble was read.
    #[must_use]
    pub const fn versions(&self) -> (u16, u16) {
        self.versions
    }

    /// Returns the check of the last frame.
    pub(crate) fn check(&self) -> Check {
        self.check.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
