//! The notes of owner "granule": the parts of a snapshot that a core file has no place for.
//!
//! Each is a record of fixed layout with tables or strings behind it, all little-endian. docs/snapshot.md specifies them.

use std::mem::offset_of;

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::check::EVENTS;
use crate::error::DecodeError;
use crate::note::Note;
use crate::reader::Reader;
use crate::register;
use crate::snapshot::{Application, Identity, Slot, Snapshot, Vcpu, View};

/// The owner of the notes.
pub(crate) const OWNER: &str = "granule";

// Types that Linux does not use: GNU BFD looks at the type of a core file's note, whoever owns it.
const IDENTITY: u32 = 0x6d74_6501;
const SLOTS: u32 = 0x6d74_6502;
const VIEWS: u32 = 0x6d74_6503;
const VCPU: u32 = 0x6d74_6504;
const APPLICATION: u32 = 0x6d74_6505;

/// IDENTITY. The strings follow, in this order, in UTF-8 without a NUL.
#[derive(FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned)]
#[repr(C)]
struct IdentityRecord {
    page_size: U64,
    gmid: U64,
    midr: U64,
    guest: [u8; 32],
    mte: U32,
    kernel_bytes: U32,
    emulator_bytes: U32,
    cpu_bytes: U32,
}

/// An element of SLOTS.
#[derive(FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned)]
#[repr(C)]
struct SlotRecord {
    ipa: U64,
    bytes: U64,
    flags: U32,
    zero: U32,
}

/// An element of VIEWS.
#[derive(FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned)]
#[repr(C)]
struct ViewRecord {
    va: U64,
    ipa: U64,
    bytes: U64,
    flags: U32,
    zero: U32,
}

/// VCPU. `struct kvm_vcpu_events` follows if the flag says so, then the registers.
#[derive(FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned)]
#[repr(C)]
struct VcpuRecord {
    index: U32,
    mp_state: U32,
    flags: U32,
    registers: U32,
}

/// APPLICATION. The name follows, in UTF-8 without a NUL, then its bytes.
#[derive(FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned)]
#[repr(C)]
struct ApplicationRecord {
    name_bytes: U32,
    zero: U32,
    bytes: U64,
}

/// SlotRecord::flags: the slot is read-only.
const READ_ONLY: u32 = 1;
/// ViewRecord::flags: the view is tagged.
const TAGGED: u32 = 1;
/// VcpuRecord::flags: there are events.
const HAS_EVENTS: u32 = 1;
/// Values of registers are padded to this.
const VALUE_ALIGN: usize = 8;

// docs/snapshot.md, "Notes of owner granule". Whatever changes here changes the format: raise seal::VERSION.
const _: () = {
    assert!(size_of::<IdentityRecord>() == 72);
    assert!(offset_of!(IdentityRecord, gmid) == 8);
    assert!(offset_of!(IdentityRecord, midr) == 16);
    assert!(offset_of!(IdentityRecord, guest) == 24);
    assert!(offset_of!(IdentityRecord, mte) == 56);
    assert!(offset_of!(IdentityRecord, kernel_bytes) == 60);
    assert!(offset_of!(IdentityRecord, emulator_bytes) == 64);
    assert!(offset_of!(IdentityRecord, cpu_bytes) == 68);
    assert!(size_of::<SlotRecord>() == 24);
    assert!(offset_of!(SlotRecord, bytes) == 8);
    assert!(offset_of!(SlotRecord, flags) == 16);
    assert!(size_of::<ViewRecord>() == 32);
    assert!(offset_of!(ViewRecord, ipa) == 8);
    assert!(offset_of!(ViewRecord, bytes) == 16);
    assert!(offset_of!(ViewRecord, flags) == 24);
    assert!(size_of::<VcpuRecord>() == 16);
    assert!(offset_of!(VcpuRecord, mp_state) == 4);
    assert!(offset_of!(VcpuRecord, flags) == 8);
    assert!(offset_of!(VcpuRecord, registers) == 12);
    assert!(size_of::<ApplicationRecord>() == 16);
    assert!(offset_of!(ApplicationRecord, bytes) == 8);
    assert!(EVENTS == 64);
};

/// Returns the notes of a valid snapshot.
pub(crate) fn encode(snapshot: &Snapshot) -> Vec<Note> {
    let note = |kind, bytes| Note { owner: OWNER, kind, bytes };
    let mut notes = vec![
        note(IDENTITY, identity(&snapshot.identity)),
        note(SLOTS, snapshot.slots.iter().flat_map(slot).collect()),
        note(VIEWS, snapshot.views.iter().flat_map(view).collect()),
    ];
    notes.extend((0..).zip(&snapshot.vcpus).map(|(index, state)| note(VCPU, vcpu(index, state))));
    notes.extend(snapshot.application.iter().map(|stored| note(APPLICATION, application(stored))));
    notes
}

/// Returns the length of a string or table, which `check` has limited.
fn length(bytes: &[u8]) -> U32 {
    U32::new(bytes.len() as u32)
}

fn identity(identity: &Identity) -> Vec<u8> {
    let strings = [&identity.kernel, &identity.emulator, &identity.cpu].map(|string| string.as_bytes());
    let [kernel_bytes, emulator_bytes, cpu_bytes] = strings.map(length);
    let record = IdentityRecord {
        page_size: identity.page_size.into(),
        gmid: identity.gmid.into(),
        midr: identity.midr.into(),
        guest: identity.guest,
        mte: u32::from(identity.mte).into(),
        kernel_bytes,
        emulator_bytes,
        cpu_bytes,
    };
    [record.as_bytes(), &strings.concat()].concat()
}

fn slot(slot: &Slot) -> Vec<u8> {
    let flags = if slot.read_only { READ_ONLY } else { 0 };
    SlotRecord { ipa: slot.ipa.into(), bytes: slot.bytes.into(), flags: flags.into(), zero: 0.into() }
        .as_bytes()
        .to_vec()
}

fn view(view: &View) -> Vec<u8> {
    let flags = if view.tagged { TAGGED } else { 0 };
    let (va, ipa, bytes) = (view.va.into(), view.ipa.into(), view.bytes.into());
    ViewRecord { va, ipa, bytes, flags: flags.into(), zero: 0.into() }.as_bytes().to_vec()
}

fn vcpu(index: u32, vcpu: &Vcpu) -> Vec<u8> {
    let flags = if vcpu.events.is_some() { HAS_EVENTS } else { 0 };
    let registers = vcpu.registers.len() as u32;
    let record = VcpuRecord {
        index: index.into(),
        mp_state: vcpu.mp_state.into(),
        flags: flags.into(),
        registers: registers.into(),
    };
    let mut bytes = record.as_bytes().to_vec();
    bytes.extend(vcpu.events.iter().flatten());
    for (id, value) in &vcpu.registers {
        bytes.extend_from_slice(&id.to_le_bytes());
        bytes.extend_from_slice(value);
        bytes.resize(bytes.len().next_multiple_of(VALUE_ALIGN), 0);
    }
    bytes
}

fn application(application: &Application) -> Vec<u8> {
    let name = application.name.as_bytes();
    let bytes = application.bytes.len() as u64;
    let record = ApplicationRecord { name_bytes: length(name), zero: 0.into(), bytes: bytes.into() };
    [record.as_bytes(), name, &application.bytes].concat()
}

/// Decodes everything but the memory.
///
/// # Errors
///
/// When a note is malformed, unknown or missing. That reserved fields are 0, and that no note is longer, there twice or out of
/// order, is found by encoding them again.
pub(crate) fn decode(notes: &[(u32, &[u8])]) -> Result<Snapshot, DecodeError> {
    let mut snapshot = Snapshot::default();
    let mut seen = [false; 3];
    for (kind, bytes) in notes {
        let reader = &mut Reader::new(note_name(*kind), bytes);
        match *kind {
            IDENTITY => snapshot.identity = read_identity(reader)?,
            SLOTS => snapshot.slots = reader.table()?.iter().map(read_slot).collect(),
            VIEWS => snapshot.views = reader.table()?.iter().map(read_view).collect(),
            VCPU => snapshot.vcpus.push(read_vcpu(reader)?),
            APPLICATION => snapshot.application = Some(read_application(reader)?),
            _ => return Err(reader.malformed("one of format version 1", format_args!("type {kind:#x}"))),
        }
        if let Some(seen) = seen.get_mut(kind.wrapping_sub(IDENTITY) as usize) {
            *seen = true;
        }
    }
    match seen.iter().position(|seen| !seen) {
        Some(missing) => Err(Reader::new(note_name(IDENTITY + missing as u32), &[]).malformed("it", "none")),
        None => Ok(snapshot),
    }
}

fn note_name(kind: u32) -> &'static str {
    match kind {
        IDENTITY => "note IDENTITY",
        SLOTS => "note SLOTS",
        VIEWS => "note VIEWS",
        VCPU => "note VCPU",
        APPLICATION => "note APPLICATION",
        _ => "note of owner granule",
    }
}

fn read_identity(reader: &mut Reader<'_>) -> Result<Identity, DecodeError> {
    let record: &IdentityRecord = reader.record()?;
    let mte = record.mte.get();
    let mte = u8::try_from(mte).map_err(|_| reader.malformed("a field of four bits in mte", mte))?;
    Ok(Identity {
        page_size: record.page_size.get(),
        mte,
        gmid: record.gmid.get(),
        midr: record.midr.get(),
        kernel: reader.string(record.kernel_bytes.get())?,
        emulator: reader.string(record.emulator_bytes.get())?,
        cpu: reader.string(record.cpu_bytes.get())?,
        guest: record.guest,
    })
}

fn read_slot(record: &SlotRecord) -> Slot {
    Slot { ipa: record.ipa.get(), bytes: record.bytes.get(), read_only: record.flags.get() == READ_ONLY }
}

fn read_view(record: &ViewRecord) -> View {
    let tagged = record.flags.get() == TAGGED;
    View { va: record.va.get(), ipa: record.ipa.get(), bytes: record.bytes.get(), tagged }
}

fn read_vcpu(reader: &mut Reader<'_>) -> Result<Vcpu, DecodeError> {
    let record: &VcpuRecord = reader.record()?;
    let events = match record.flags.get() {
        HAS_EVENTS => Some(reader.bytes(EVENTS as u64)?.to_vec()),
        _ => None,
    };
    let mut registers = Vec::new();
    for _ in 0..record.registers.get() {
        let id = reader.record::<U64>()?.get();
        let size = register::size(id).map_err(|_| reader.malformed("an id of arm64", format_args!("{id:#x}")))?;
        let value = reader.bytes(size.next_multiple_of(VALUE_ALIGN) as u64)?;
        registers.push((id, value[..size].to_vec()));
    }
    Ok(Vcpu { registers, mp_state: record.mp_state.get(), events })
}

fn read_application(reader: &mut Reader<'_>) -> Result<Application, DecodeError> {
    let record: &ApplicationRecord = reader.record()?;
    let name = reader.string(record.name_bytes.get())?;
    Ok(Application { name, bytes: reader.bytes(record.bytes.get())?.to_vec() })
}
