//! Gives a drawn instruction operands that make sense: base registers that are pointers, small offsets, branches that
//! lead forward and stay inside.

use arch::{Address, Arg, ExtendKind, Indexed, PostIndexed, Reg, RegClass, SysReg};
use fastrand::Rng;
use isa::Insn;

use super::profile::one_in;
use super::register_role::{BYTE, DOORBELL, LOOP, RegisterRole};
use super::{matrix, scalable};
use program::branch_target::{self, WORD};

/// How far a branch leads, in instructions.
const FARTHEST: usize = 6;
/// Offsets that are tried in this order, from a random one on; not each fits each instruction.
const OFFSETS: [i64; 16] = [0, 16, -16, 8, 32, -8, 1, 48, 64, -32, 15, -1, 4, 256, -256, 240];

/// The only register from which on eight are data.
const EIGHT: Reg = match Reg::new(8, RegClass::X) {
    Some(register) => register,
    None => Reg::XZR,
};

/// The classes of the registers of an instruction, in the order of its operands, addresses apart. What has no row here
/// has data registers only.
const ROLES: &[(&str, &[RegisterRole])] = &[
    ("irg", &[RegisterRole::Pointer, RegisterRole::Pointer, RegisterRole::Exclude]),
    ("gmi", &[RegisterRole::Data, RegisterRole::Pointer, RegisterRole::Data]),
    ("addg", &[RegisterRole::Pointer, RegisterRole::Pointer]),
    ("subg", &[RegisterRole::Pointer, RegisterRole::Pointer]),
    ("subp", &[RegisterRole::Data, RegisterRole::Pointer, RegisterRole::Pointer]),
    ("subps", &[RegisterRole::Data, RegisterRole::Pointer, RegisterRole::Pointer]),
    ("stg", &[RegisterRole::Pointer]),
    ("stzg", &[RegisterRole::Pointer]),
    ("st2g", &[RegisterRole::Pointer]),
    ("stz2g", &[RegisterRole::Pointer]),
    ("ldg", &[RegisterRole::Pointer]),
    ("dc", &[RegisterRole::Pointer]),
    ("ic", &[RegisterRole::Pointer]),
    ("xpaci", &[RegisterRole::Pointer]),
    ("xpacd", &[RegisterRole::Pointer]),
    ("pacda", &[RegisterRole::Pointer]),
    ("autda", &[RegisterRole::Pointer]),
    ("pacdb", &[RegisterRole::Pointer]),
    ("autdb", &[RegisterRole::Pointer]),
    ("pacdza", &[RegisterRole::Pointer]),
    ("pacdzb", &[RegisterRole::Pointer]),
    ("autdza", &[RegisterRole::Pointer]),
    ("autdzb", &[RegisterRole::Pointer]),
    ("prfm", &[]),
];

/// The class of the register that MSR moves into a system register.
const WRITTEN: [(SysReg, RegisterRole); 6] = [
    (SysReg::GcrEl1, RegisterRole::Exclude),
    (SysReg::RgsrEl1, RegisterRole::Seed),
    (SysReg::TfsrEl1, RegisterRole::Faults),
    (SysReg::Tfsre0El1, RegisterRole::Faults),
    (SysReg::Tco, RegisterRole::Flags),
    (SysReg::Nzcv, RegisterRole::Flags),
];

/// Returns an instruction at `index` of a block of `count` sensible operands; `None` when the draw was no good.
pub fn sensible(rng: &mut Rng, insn: Insn, index: usize, count: usize) -> Option<Insn> {
    if branch_target::distance(insn).is_some() {
        return aimed(rng, insn, index, count);
    }
    if matrix::is_of_matrix(insn) {
        return matrix::sensible(rng, insn);
    }
    if insn.op().is_scalable() {
        return scalable::sensible(rng, insn);
    }
    let mut args: Vec<Arg> = insn.args().to_vec();
    registers(rng, insn, &mut args);
    // Pairs of registers that must be neighbours stay as they were drawn.
    let made = with_address(rng, insn, args).or_else(|| with_address(rng, insn, insn.args().to_vec()));
    made.filter(|insn| !insn.args().iter().any(touches_reserved))
}

/// Returns a branch or a literal load a target: a branch leads forward.
fn aimed(rng: &mut Rng, insn: Insn, index: usize, count: usize) -> Option<Insn> {
    let mut args: Vec<Arg> = insn.args().to_vec();
    registers(rng, insn, &mut args);
    let distance = if branch_target::branches(insn) {
        rng.usize(1..=FARTHEST.min(count - index)) as i64 * WORD
    } else if insn.row().mnemonic() == "adrp" {
        rng.i64(-1..=1) << 12
    } else {
        let room = (count as i64 * WORD - branch_target::bytes_loaded(insn)) / WORD;
        (rng.i64(0..=room.max(0)) - index as i64) * WORD
    };
    for arg in &mut args {
        if matches!(arg, Arg::PcOffset(_)) {
            *arg = Arg::PcOffset(distance);
        }
    }
    insn.row().insn(&args).ok().filter(|insn| !insn.args().iter().any(touches_reserved))
}

/// Draws the registers that are operands of their own.
fn registers(rng: &mut Rng, insn: Insn, args: &mut [Arg]) {
    let mnemonic = insn.row().mnemonic();
    let moves_pointer = matches!(mnemonic, "add" | "sub") && args.iter().any(|arg| matches!(arg, Arg::Imm(_)));
    let roles = ROLES.iter().find(|(name, _)| *name == mnemonic).map(|(_, classes)| *classes);
    let written = args.iter().find_map(|arg| match arg {
        Arg::SysReg(register) if mnemonic == "msr" => WRITTEN.iter().find(|(known, _)| known == register),
        _ => None,
    });
    let small = one_in(rng, 2);
    let mut position = 0;
    for arg in args {
        match arg {
            Arg::Reg(register) => {
                let wide = register.class().width() == 64;
                let class = match (roles.and_then(|roles| roles.get(position)), written) {
                    (_, Some((_, class))) => *class,
                    (Some(class), _) => *class,
                    // Only small steps keep a pointer in the site.
                    (None, _) if moves_pointer && wide && small => RegisterRole::Pointer,
                    (None, _) => RegisterRole::Data,
                };
                position += 1;
                *register = if mnemonic == "ld64b" { EIGHT } else { chosen(rng, class, *register) };
            }
            Arg::Imm(value) if moves_pointer && small => *value &= 0x1f,
            Arg::Shift(shift) if moves_pointer && small => shift.amount = 0,
            _ => {}
        }
    }
}

/// Draws a register of a class; now and then the one with number 31.
fn chosen(rng: &mut Rng, class: RegisterRole, drawn: Reg) -> Reg {
    let last = Reg::new(Reg::INDEX_31, drawn.class());
    // What writes the stack pointer must leave a pointer there, so data never goes to it.
    let allowed = !drawn.class().has_sp() || class == RegisterRole::Pointer;
    if allowed && one_in(rng, 12) { last.unwrap_or(drawn) } else { class.draw(rng, drawn.class()).unwrap_or(drawn) }
}

/// Draws the address of an instruction, if it has one, and puts the operands together.
fn with_address(rng: &mut Rng, insn: Insn, mut args: Vec<Arg>) -> Option<Insn> {
    let Some(place) = args.iter().position(is_address) else { return insn.row().insn(&args).ok() };
    let base = if one_in(rng, 10) { Reg::SP } else { RegisterRole::Pointer.draw(rng, RegClass::XSp)? };
    match args[place] {
        Arg::Indexed(indexed) => {
            let wide = matches!(indexed.extend, ExtendKind::Uxtx | ExtendKind::Sxtx);
            let index = RegisterRole::Distance.draw(rng, if wide { RegClass::X } else { RegClass::W })?;
            args[place] = Arg::Indexed(Indexed { base, index, ..indexed });
        }
        Arg::PostIndexed(_) => {
            args[place] = Arg::PostIndexed(PostIndexed { base, index: RegisterRole::Distance.draw(rng, RegClass::X)? });
        }
        Arg::Address(address) => return offset(rng, insn, &mut args, place, Address { base, ..address }),
        _ => {}
    }
    insn.row().insn(&args).ok()
}

/// Draws an offset that fits.
fn offset(rng: &mut Rng, insn: Insn, args: &mut [Arg], place: usize, drawn: Address) -> Option<Insn> {
    let first = rng.usize(..OFFSETS.len());
    let tries = OFFSETS[first..].iter().take(3).copied();
    // What was drawn fits, if nothing else does.
    for offset in tries.chain([0, drawn.offset]) {
        args[place] = Arg::Address(Address { offset, ..drawn });
        if let Ok(made) = insn.row().insn(args) {
            return Some(made);
        }
    }
    None
}

fn is_address(arg: &Arg) -> bool {
    matches!(arg, Arg::Address(_) | Arg::Indexed(_) | Arg::PostIndexed(_))
}

/// Returns whether an operand is a register that only loops and checkpoints use.
fn touches_reserved(arg: &Arg) -> bool {
    let index = match arg {
        Arg::Reg(register) => register.index(),
        _ => return false,
    };
    [DOORBELL, BYTE, LOOP].contains(&index)
}
