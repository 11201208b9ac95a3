//! The bytes of each payload.

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::{
    Digests, Hello, MAX_IDENTITY, MAX_PAGE, MAX_SLOTS, MAX_STATE, MAX_TEXT, MAX_VCPUS, Message, Mode, Pages, Reason,
    ReasonCode, Round,
};
use crate::PAGE;
use crate::defect::Injected;
use crate::tags::TagsError;

/// Declares the types of frames.
macro_rules! types {
    ($($(#[doc = $doc:literal])+ $name:ident = $number:literal $text:literal,)+) => {
        /// The type of a frame.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Type {
            $($(#[doc = $doc])+ $name = $number,)+
        }

        impl Type {
            pub(crate) const fn from_number(number: u16) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)+
                    _ => None,
                }
            }

            /// Returns the name, as docs/migration-protocol.md has it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

types! {
    /// What the guest is.
    Hello = 1 "HELLO",
    /// The receiver takes it.
    Accept = 2 "ACCEPT",
    /// The receiver does not take it.
    Refuse = 3 "REFUSE",
    /// A round begins.
    Round = 4 "ROUND",
    /// Data and tags.
    Pages = 5 "PAGES",
    /// A round is stored.
    Ack = 6 "ACK",
    /// The last round begins.
    Stop = 7 "STOP",
    /// The VM's state.
    Vm = 8 "VM",
    /// A vCPU's state.
    Vcpu = 9 "VCPU",
    /// The sender's digests.
    StateDigest = 10 "STATE_DIGEST",
    /// The receiver's digests.
    Verified = 11 "VERIFIED",
    /// The guest changes hands.
    Commit = 12 "COMMIT",
    /// The guest runs at the receiver.
    Resumed = 13 "RESUMED",
    /// The migration ends.
    Abort = 14 "ABORT",
}

/// Why bytes are not a stream of this protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// The stream begins with something else.
    #[error("preamble: expected the magic number {expected:02x?}, found {found:02x?}")]
    Magic {
        /// What the other side begins with.
        expected: [u8; 8],
        /// What came.
        found: [u8; 8],
    },
    /// The type of a frame is none of this version.
    #[error("frame type: expected 1 to 14, found {found}")]
    UnknownType {
        /// The number.
        found: u16,
    },
    /// A payload is longer than any of its type.
    #[error("length of a frame: expected at most {limit:#x} bytes, found {found:#x}")]
    TooLong {
        /// The largest payload.
        limit: usize,
        /// What the header says.
        found: usize,
    },
    /// A frame was altered, lost, repeated or moved.
    #[error("check of a {kind} frame: expected {expected:02x?}, found {found:02x?}; the stream was altered")]
    Check {
        /// The type that its header names.
        kind: &'static str,
        /// Computed here.
        expected: [u8; 16],
        /// What came.
        found: [u8; 16],
    },
    /// A payload is shorter or longer than its fields say.
    #[error("{kind}: the payload's length does not agree with its fields")]
    BadLength {
        /// The frame's type.
        kind: &'static str,
    },
    /// A field has a value that it must not have.
    #[error("{kind}: field {field}: {found:#x} is not allowed")]
    BadField {
        /// The frame's type.
        kind: &'static str,
        /// The field's name.
        field: &'static str,
        /// Its value.
        found: u64,
    },
    /// The tags of a PAGES frame.
    #[error("PAGES: {0}")]
    Tags(#[from] TagsError),
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct HelloHead {
    session: [u8; 16],
    page_size: U32,
    mode: U16,
    vcpus: U16,
    required: U64,
    optional: U64,
    slots: U32,
    identity: U32,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct SlotEntry {
    first: U64,
    pages: U64,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct AcceptBody {
    version: U16,
    reserved: [u8; 6],
    features: U64,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RoundBody {
    number: U32,
    reserved: U32,
    pages: U64,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct ReasonHead {
    code: U16,
    reserved: U16,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct VcpuHead {
    index: U32,
    reserved: U32,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct DigestsBody {
    memory: [u8; 32],
    tags: [u8; 32],
    registers: [u8; 32],
}

// docs/migration-protocol.md has these sizes.
const _: () = assert!(
    size_of::<HelloHead>() == 48
        && size_of::<SlotEntry>() == 16
        && size_of::<AcceptBody>() == 16
        && size_of::<RoundBody>() == 16
        && size_of::<ReasonHead>() == 4
        && size_of::<VcpuHead>() == 8
        && size_of::<DigestsBody>() == 96
);

/// Splits a payload into its head and the rest.
pub(super) fn head<T: FromBytes + KnownLayout + Immutable + Unaligned>(
    kind: Type,
    payload: &[u8],
) -> Result<(&T, &[u8]), WireError> {
    T::ref_from_prefix(payload).map_err(|_| WireError::BadLength { kind: kind.name() })
}

/// Takes a payload that is nothing but its head.
fn body<T: FromBytes + KnownLayout + Immutable + Unaligned>(kind: Type, payload: &[u8]) -> Result<&T, WireError> {
    T::ref_from_bytes(payload).map_err(|_| WireError::BadLength { kind: kind.name() })
}

/// Rejects a field's value.
pub(super) fn allow(kind: Type, field: &'static str, found: u64, allowed: bool) -> Result<(), WireError> {
    if allowed { Ok(()) } else { Err(WireError::BadField { kind: kind.name(), field, found }) }
}

/// Encodes a message.
pub(crate) fn encode(message: &Message, payload: &mut Vec<u8>) {
    match message {
        Message::Hello(hello) => encode_hello(hello, payload),
        Message::Accept { version, features } => {
            let body = AcceptBody { version: (*version).into(), reserved: [0; 6], features: (*features).into() };
            payload.extend_from_slice(body.as_bytes());
        }
        Message::Refuse(reason) | Message::Abort(reason) => {
            let code = reason.code.number().into();
            payload.extend_from_slice(ReasonHead { code, reserved: 0.into() }.as_bytes());
            payload.extend_from_slice(cut(&reason.text).as_bytes());
        }
        Message::Round(round) | Message::Stop(round) | Message::Ack(round) => {
            let body = RoundBody { number: round.number.into(), reserved: 0.into(), pages: round.pages.into() };
            payload.extend_from_slice(body.as_bytes());
        }
        Message::Pages(pages) => pages.encode(payload),
        Message::Vm(state) => payload.extend_from_slice(state),
        Message::Vcpu { index, state } => {
            payload.extend_from_slice(VcpuHead { index: (*index).into(), reserved: 0.into() }.as_bytes());
            payload.extend_from_slice(state);
        }
        Message::StateDigest(digests) | Message::Verified(digests) => {
            let Digests { memory, tags, registers } = *digests;
            payload.extend_from_slice(DigestsBody { memory, tags, registers }.as_bytes());
        }
        Message::Commit | Message::Resumed => {}
    }
}

/// Cuts a text to what a reason may have.
fn cut(text: &str) -> &str {
    let end = (0..=MAX_TEXT.min(text.len())).rfind(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

fn encode_hello(hello: &Hello, payload: &mut Vec<u8>) {
    let head = HelloHead {
        session: hello.session,
        page_size: hello.page_size.into(),
        mode: match hello.mode {
            Mode::PreCopy => 0,
            Mode::HandOver => 1,
        }
        .into(),
        vcpus: hello.vcpus.into(),
        required: hello.required.into(),
        optional: hello.optional.into(),
        slots: (hello.slots.len() as u32).into(),
        identity: (hello.identity.len() as u32).into(),
    };
    payload.extend_from_slice(head.as_bytes());
    for slot in &hello.slots {
        let entry = SlotEntry { first: slot.start.into(), pages: (slot.end - slot.start).into() };
        payload.extend_from_slice(entry.as_bytes());
    }
    payload.extend_from_slice(&hello.identity);
}

/// Decodes a payload.
pub(crate) fn decode(kind: Type, payload: &[u8], injected: Injected) -> Result<Message, WireError> {
    let empty = |message| {
        let length = WireError::BadLength { kind: kind.name() };
        if payload.is_empty() { Ok(message) } else { Err(length) }
    };
    Ok(match kind {
        Type::Hello => Message::Hello(decode_hello(payload)?),
        Type::Accept => {
            let accept: &AcceptBody = body(kind, payload)?;
            allow(kind, "reserved", 1, accept.reserved == [0; 6])?;
            Message::Accept { version: accept.version.get(), features: accept.features.get() }
        }
        Type::Refuse => Message::Refuse(decode_reason(kind, payload)?),
        Type::Abort => Message::Abort(decode_reason(kind, payload)?),
        Type::Round => Message::Round(decode_round(kind, payload)?),
        Type::Stop => Message::Stop(decode_round(kind, payload)?),
        Type::Ack => Message::Ack(decode_round(kind, payload)?),
        Type::Pages => Message::Pages(Pages::decode(payload, injected)?),
        Type::Vm => {
            allow(kind, "length", payload.len() as u64, payload.len() <= MAX_STATE)?;
            Message::Vm(payload.to_vec())
        }
        Type::Vcpu => {
            let (vcpu, state): (&VcpuHead, _) = head(kind, payload)?;
            allow(kind, "reserved", vcpu.reserved.get().into(), vcpu.reserved.get() == 0)?;
            allow(kind, "length", state.len() as u64, state.len() <= MAX_STATE)?;
            Message::Vcpu { index: vcpu.index.get(), state: state.to_vec() }
        }
        Type::StateDigest => Message::StateDigest(decode_digests(kind, payload)?),
        Type::Verified => Message::Verified(decode_digests(kind, payload)?),
        Type::Commit => empty(Message::Commit)?,
        Type::Resumed => empty(Message::Resumed)?,
    })
}

fn decode_round(kind: Type, payload: &[u8]) -> Result<Round, WireError> {
    let round: &RoundBody = body(kind, payload)?;
    allow(kind, "reserved", round.reserved.get().into(), round.reserved.get() == 0)?;
    Ok(Round { number: round.number.get(), pages: round.pages.get() })
}

fn decode_digests(kind: Type, payload: &[u8]) -> Result<Digests, WireError> {
    let DigestsBody { memory, tags, registers } = *body(kind, payload)?;
    Ok(Digests { memory, tags, registers })
}

/// Decodes a reason. Its text is for people, so bytes that are not UTF-8 are replaced, and control characters too.
fn decode_reason(kind: Type, payload: &[u8]) -> Result<Reason, WireError> {
    let (reason, text): (&ReasonHead, _) = head(kind, payload)?;
    allow(kind, "reserved", reason.reserved.get().into(), reason.reserved.get() == 0)?;
    allow(kind, "length", text.len() as u64, text.len() <= MAX_TEXT)?;
    let text = String::from_utf8_lossy(text).replace(char::is_control, "\u{fffd}");
    Ok(Reason { code: ReasonCode::from_number(reason.code.get()), text })
}

fn decode_hello(payload: &[u8]) -> Result<Hello, WireError> {
    const KIND: Type = Type::Hello;
    let (hello, rest): (&HelloHead, _) = head(KIND, payload)?;
    let (slots, identity) = (hello.slots.get() as usize, hello.identity.get() as usize);
    allow(KIND, "slots", slots as u64, (1..=MAX_SLOTS).contains(&slots))?;
    allow(KIND, "identity", identity as u64, identity <= MAX_IDENTITY)?;
    let vcpus = hello.vcpus.get();
    allow(KIND, "vcpus", vcpus.into(), (1..=MAX_VCPUS).contains(&vcpus))?;
    let page_size = hello.page_size.get();
    allow(KIND, "page_size", page_size.into(), [0x1000, 0x4000, 0x1_0000].contains(&page_size))?;
    let mode = match hello.mode.get() {
        0 => Mode::PreCopy,
        1 => Mode::HandOver,
        other => return Err(WireError::BadField { kind: KIND.name(), field: "mode", found: other.into() }),
    };
    let Ok((entries, rest)) = <[SlotEntry]>::ref_from_prefix_with_elems(rest, slots) else {
        return Err(WireError::BadLength { kind: KIND.name() });
    };
    if rest.len() != identity {
        return Err(WireError::BadLength { kind: KIND.name() });
    }
    let unit = u64::from(page_size) / PAGE as u64;
    let mut end = 0;
    let mut slots = Vec::with_capacity(entries.len());
    for entry in entries {
        let (first, pages) = (entry.first.get(), entry.pages.get());
        let is_free = first >= end && first % unit == 0 && first < MAX_PAGE;
        allow(KIND, "slot first", first, is_free)?;
        allow(KIND, "slot pages", pages, pages > 0 && pages % unit == 0 && pages <= MAX_PAGE - first)?;
        end = first + pages;
        slots.push(first..end);
    }
    Ok(Hello {
        session: hello.session,
        page_size,
        mode,
        vcpus,
        required: hello.required.get(),
        optional: hello.optional.get(),
        slots,
        identity: rest.to_vec(),
    })
}
