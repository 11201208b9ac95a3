//! Memory copies and sets: CPY*, CPYF*, SET*, SETG*.
//!
//! Arm ARM C6.2 by instruction name; pseudocode `MemCpyParametersIllformedE` and its kin. How much each of the
//! three instructions of a sequence does, and in which of two formats it leaves its registers, is the CPU's
//! choice. Specified is what QEMU does (target/arm/tcg/helper-a64.c): option A; the prologue goes to the end of the
//! page, the main part leaves less than a page to the epilogue. After a whole sequence every CPU agrees on
//! memory and registers, the flags apart.

use arch::{Arg, CopyOptions, ExceptionClass, Op, Reg, SetOptions, TaggedPtr};

use super::access::Access;
use super::fault::{exception, undefined};
use super::state::{Core, Executed, Stop};
use super::system_registers::MSCEN;
use super::translate::Place;

use super::copy_overlap::{Direction, Overlap};

mutants::defects!();

/// The two upper bits of ESR_EL1.EC of a memory copy or set exception, and it whole.
const MEMORY_OPERATION: u8 = 0x27;
const PAGE: u64 = abi::map::GUEST_PAGE;
const GRANULE: u64 = arch::GRANULE_BYTES as u64;
/// The bits of an address that CPYP compares, and the most that it copies.
pub(super) const ADDRESS: u64 = u64::MAX >> 8;
const MOST_COPIED: u64 = ADDRESS >> 1;
/// NZCV of a sequence in option B; option A has none.
const OPTION_B: u8 = 0b0010;

/// Which of the three instructions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Prologue,
    Main,
    Epilogue,
}

/// What kind of sequence.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sequence {
    Copy,
    CopyForwards,
    Set,
    SetTags,
}

#[mutants::rules]
fn stage(op: Op) -> Option<(Sequence, Stage)> {
    use Sequence::{Copy, CopyForwards, Set, SetTags};
    use Stage::{Epilogue, Main, Prologue};
    Some(match op {
        Op::Cpyp => (Copy, Prologue),
        Op::Cpym => (Copy, Main),
        Op::Cpye => (Copy, Epilogue),
        Op::Cpyfp => (CopyForwards, Prologue),
        Op::Cpyfm => (CopyForwards, Main),
        Op::Cpyfe => (CopyForwards, Epilogue),
        Op::Setp => (Set, Prologue),
        Op::Setm => (Set, Main),
        Op::Sete => (Set, Epilogue),
        Op::Setgp => (SetTags, Prologue),
        Op::Setgm => (SetTags, Main),
        Op::Setge => (SetTags, Epilogue),
        _ => return None,
    })
}

/// Registers of a sequence: destination, source (an address or a byte), bytes left.
#[derive(Clone, Copy)]
struct Registers {
    rd: Reg,
    rs: Reg,
    rn: Reg,
    /// The options as ESR_EL1 shows them.
    options: u8,
}

/// What a copy does next: from, to, bytes; `backwards` if the addresses are those of the last byte.
#[derive(Clone, Copy)]
struct Chunk {
    to: u64,
    from: u64,
    bytes: u64,
    backwards: bool,
}

#[mutants::rules]
impl Chunk {
    fn lowest(self, va: u64) -> u64 {
        if self.backwards { va.wrapping_sub(self.bytes - 1) } else { va }
    }
}

/// Bytes from `va` on to the end of a block of `unit` bytes, backwards if asked.
#[mutants::rules]
fn room(va: u64, unit: u64, backwards: bool) -> u64 {
    if backwards { va % unit + 1 } else { unit - va % unit }
}

#[mutants::rules]
impl Core<'_, '_> {
    /// Executes an instruction of a sequence.
    pub(super) fn memory_operation(&mut self, op: Op, args: &[Arg]) -> Executed {
        let Some((sequence, stage)) = stage(op) else { return Err(UNKNOWN) };
        if !self.env.features.mops || (self.cpu.el == 0 && self.cpu.sys.sctlr & MSCEN == 0) {
            return Err(undefined());
        }
        if sequence == Sequence::SetTags && self.env.features.mte == 0 {
            return Err(undefined());
        }
        match *args {
            [Arg::CopyOptions(options), Arg::UpdatedAddress(rd), Arg::UpdatedAddress(rs), Arg::UpdatedSize(rn)] => {
                self.copy(sequence, stage, Registers { rd, rs, rn, options: options.bits() }, options)
            }
            [Arg::SetOptions(options), Arg::UpdatedAddress(rd), Arg::UpdatedSize(rn), Arg::Reg(rs)] => {
                self.fill(sequence, stage, Registers { rd, rs, rn, options: options.bits() }, options)
            }
            _ => Err(UNKNOWN),
        }
    }

    fn bytewise(&self, unprivileged: bool, write: bool, checked: bool) -> Access {
        let access = self.plain(!write, 1, checked);
        if unprivileged { self.unprivileged(access) } else { access }
    }

    /// A sequence whose registers are not in this CPU's format, or that has too much left for its epilogue (Arm
    /// ARM, ESR_EL1, ISS encoding for a Memory Copy and Memory Set instructions exception).
    fn ill_formed(&self, sequence: Sequence, stage: Stage, wrong_option: bool, registers: Registers) -> Stop {
        let set = matches!(sequence, Sequence::Set | Sequence::SetTags);
        let iss = u32::from(set) << 24
            | u32::from(sequence == Sequence::SetTags) << 23
            | u32::from(registers.options) << 19
            | u32::from(stage == Stage::Epilogue) << 18
            | u32::from(wrong_option) << 17
            | 1 << 16
            | u32::from(registers.rd.index()) << 10
            | u32::from(registers.rs.index()) << 5
            | u32::from(registers.rn.index());
        exception(ExceptionClass::from_bits(MEMORY_OPERATION), iss)
    }

    fn fill(&mut self, sequence: Sequence, stage: Stage, registers: Registers, options: SetOptions) -> Executed {
        let Registers { rd, rs, rn, .. } = registers;
        let tags = sequence == Sequence::SetTags;
        let (mut to, mut left) = (self.get(rd), self.get(rn));
        if stage == Stage::Prologue {
            // Only what is negative is saturated: a size that is no multiple of 16 stays one.
            let most = i64::MAX as u64 & if tags { !(GRANULE - 1) } else { u64::MAX };
            if left > i64::MAX as u64 {
                left = most;
            }
        } else {
            if left == 0 {
                return Ok(());
            }
            if self.cpu.nzcv & OPTION_B != 0 {
                return Err(self.ill_formed(sequence, stage, true, registers));
            }
            (to, left) = (to.wrapping_add(left), left.wrapping_neg());
            if stage == Stage::Epilogue && left >= PAGE {
                return Err(self.ill_formed(sequence, stage, false, registers));
            }
        }
        let access = Access { tags, ..self.bytewise(options.writes_unprivileged(), true, !tags) };
        let misaligned = left % GRANULE != 0 || (left != 0 && to % GRANULE != 0);
        if tags && misaligned {
            // Behind the prologue the register is the end, which the pseudocode reports and QEMU does not.
            let register = self.get(rd);
            let far = if to != register && self.env.choices.choose(2) == 1 { register } else { to };
            return Err(self.alignment_fault(far, access));
        }
        let byte = self.get(rs) as u8;
        let mut now = match stage {
            Stage::Prologue => left.min(room(to, PAGE, false)),
            Stage::Main => left & !(PAGE - 1),
            Stage::Epilogue => left,
        };
        let begun = [rd, rn].map(|register| (register, self.get(register)));
        while now > 0 {
            if stage == Stage::Prologue {
                self.set(rd, to);
                self.set(rn, left);
            }
            let bytes = now.min(room(to, GRANULE, false));
            let data = [byte; GRANULE as usize];
            if let Err(stop) = self.fill_granule(to, &data[..bytes as usize], tags, access) {
                self.forget_progress(stage, &begun);
                return Err(stop);
            }
            (to, left, now) = (to.wrapping_add(bytes), left - bytes, now - bytes);
            if stage != Stage::Prologue {
                self.set(rn, left.wrapping_neg());
            }
        }
        if stage == Stage::Prologue {
            self.set(rd, to.wrapping_add(left));
            self.set(rn, left.wrapping_neg());
            self.cpu.nzcv = 0;
        }
        Ok(())
    }

    fn fill_granule(&mut self, to: u64, data: &[u8], tags: bool, access: Access) -> Executed {
        self.store(to, data, access)?;
        if tags {
            let place = self.place(to, Access { tags: false, ..access })?;
            self.tags_can_be_stored(to, place, access.checks_as)?;
            self.write_tag_as(place, TaggedPtr::new(to).tag(), access.checks_as)?;
        }
        Ok(())
    }

    fn copy(&mut self, sequence: Sequence, stage: Stage, registers: Registers, options: CopyOptions) -> Executed {
        let Registers { rd, rs, rn, .. } = registers;
        let mut left = self.get(rn);
        let (mut to, mut from) = (self.get(rd), self.get(rs));
        let mut overlap = self.overlap_of_stage_before(stage, [to, from]);
        let (direction, backwards) = if stage == Stage::Prologue {
            let mut direction = Direction::Forwards;
            if sequence == Sequence::Copy {
                direction = Direction::of(from, to, left.min(MOST_COPIED));
            }
            let backwards = sequence == Sequence::Copy && Self::overlaps(from, to, &mut left);
            if sequence == Sequence::CopyForwards {
                left = left.min(i64::MAX as u64);
            }
            (direction, backwards)
        } else {
            if left == 0 {
                return Ok(());
            }
            if self.cpu.nzcv & OPTION_B != 0 {
                return Err(self.ill_formed(sequence, stage, true, registers));
            }
            let backwards = sequence == Sequence::Copy && left.cast_signed() > 0;
            if !backwards {
                (to, from) = (to.wrapping_add(left), from.wrapping_add(left));
                left = left.wrapping_neg();
            }
            if stage == Stage::Epilogue && left >= PAGE {
                return Err(self.ill_formed(sequence, stage, false, registers));
            }
            (if backwards { Direction::Backwards } else { Direction::Forwards }, backwards)
        };
        if backwards {
            to = to.wrapping_add(left).wrapping_sub(1);
            from = from.wrapping_add(left).wrapping_sub(1);
        }
        let room = |va, unit| room(va, unit, backwards);
        let prologue = left.min(room(to, PAGE)).min(room(from, PAGE));
        let mut now = if stage == Stage::Prologue { prologue } else { left };
        let kept = if stage == Stage::Main { PAGE } else { 1 };
        let begun = [rd, rs, rn].map(|register| (register, self.get(register)));
        while now >= kept {
            let bytes = now.min(room(to, GRANULE)).min(room(from, GRANULE));
            let chunk = Chunk { to, from, bytes, backwards };
            self.show_copy(stage, registers, chunk, left);
            if let Err(stop) = self.copy_chunk(chunk, (left, direction), &mut overlap, options) {
                self.forget_progress(stage, &begun);
                // Behind a prologue that faulted the registers are no longer those of this copy.
                self.cpu.copying = overlap
                    .filter(|_| stage != Stage::Prologue)
                    .map(|overlap| overlap.seen_by([self.get(rd), self.get(rs)]));
                return Err(stop);
            }
            (left, now) = (left - bytes, now - bytes);
            let step = if backwards { bytes.wrapping_neg() } else { bytes };
            (to, from) = (to.wrapping_add(step), from.wrapping_add(step));
        }
        if backwards {
            self.set(rn, left);
        } else {
            if stage == Stage::Prologue {
                self.set(rd, to.wrapping_add(left));
                self.set(rs, from.wrapping_add(left));
            }
            self.set(rn, left.wrapping_neg());
        }
        if stage == Stage::Prologue {
            self.cpu.nzcv = 0;
        }
        self.cpu.copying = overlap.map(|overlap| overlap.seen_by([self.get(rd), self.get(rs)]));
        Ok(())
    }

    /// A prologue that faults may have left its registers alone: the pseudocode writes them at its end.
    fn forget_progress(&mut self, stage: Stage, begun: &[(Reg, u64)]) {
        let moved = begun.iter().any(|(register, value)| self.get(*register) != *value);
        if stage == Stage::Prologue && moved && self.env.choices.choose(2) == 1 {
            begun.iter().for_each(|(register, value)| self.set(*register, *value));
        }
    }

    /// Puts into the registers how far a copy has come, as they are seen if its next chunk faults.
    fn show_copy(&mut self, stage: Stage, registers: Registers, chunk: Chunk, left: u64) {
        let Registers { rd, rs, rn, .. } = registers;
        match (stage, chunk.backwards) {
            (Stage::Prologue, false) => {
                self.set(rd, chunk.to);
                self.set(rs, chunk.from);
                self.set(rn, left);
            }
            (_, true) => self.set(rn, left),
            (_, false) => self.set(rn, left.wrapping_neg()),
        }
    }

    /// Returns whether CPYP must go backwards: the destination begins within the source. Caps what is left.
    fn overlaps(from: u64, to: u64, left: &mut u64) -> bool {
        *left = (*left).min(MOST_COPIED);
        let end = from.wrapping_add(*left) & ADDRESS;
        let (from, to) = (from & ADDRESS, to & ADDRESS);
        from < to && end > to
    }

    /// Copies bytes that lie within one granule at either end, of `left` that are to be copied. The source is checked
    /// first. `overlap` is what is known of the copy so far, and then of this chunk, too.
    fn copy_chunk(
        &mut self,
        chunk: Chunk,
        (left, direction): (u64, Direction),
        overlap: &mut Option<Overlap>,
        options: CopyOptions,
    ) -> Executed {
        let source = self.bytewise(options.reads_unprivileged(), false, true);
        let destination = self.bytewise(options.writes_unprivileged(), true, true);
        // A fault is reported at the byte that comes first, which backwards is the last one.
        let source_place = match self.check_byte(chunk.from, source) {
            Ok(place) => place,
            // Which of two accesses is refused first is the CPU's choice, if the source has another fault than its tag.
            Err(stop) => {
                if !stop.is_tag_check_fault() && self.env.choices.choose(2) == 1 {
                    self.check_byte(chunk.to, destination)?;
                }
                return Err(stop);
            }
        };
        let destination_place = self.check_byte(chunk.to, destination)?;
        let back = if chunk.backwards { left - 1 } else { 0 };
        let starts = [source_place.ipa, destination_place.ipa].map(|ipa| ipa.wrapping_sub(back));
        *overlap = overlap.or_else(|| Overlap::of(direction, starts, left));
        let unknown = overlap.map_or(0, |overlap| overlap.unknown(chunk.lowest(source_place.ipa), chunk.bytes));
        let (from, to) = (chunk.lowest(chunk.from), chunk.lowest(chunk.to));
        let mut data = [0; GRANULE as usize];
        let data = &mut data[..chunk.bytes as usize];
        let unknown = unknown | self.load(from, data, Access { checked: false, ..source })?;
        self.store(to, data, Access { checked: false, unknown, ..destination })?;
        Ok(())
    }

    /// Checks one byte's granule.
    fn check_byte(&mut self, va: u64, access: Access) -> Result<Place, Stop> {
        let place = self.place(va, access)?;
        self.check(&[(va, place, 1)], access)?;
        Ok(place)
    }
}

const UNKNOWN: Stop = Stop::Unmodelled("a memory copy or set that the model does not know");
