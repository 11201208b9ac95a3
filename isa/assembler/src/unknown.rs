//! What to say about a mnemonic that the table lacks: why, and what to write instead.

use alloc::format;
use alloc::string::ToString;

use crate::error::ParseErrorKind;
use arch::{Condition, Reg};
use isa::suggest::closest;

/// The mnemonics of A64 that GNU as 2.47 knows and the table lacks; the test `binutils` compares them.
static LACKING: &str = include_str!("unknown/lacking.txt");

/// Instructions that no block may have, and why.
const UNSUPPORTED: [(&str, &str); 17] = [
    ("wfi", NEVER_WOKEN),
    ("wfe", NEVER_WOKEN),
    ("wfit", NEVER_WOKEN),
    ("wfet", NEVER_WOKEN),
    ("eret", RETURNS),
    ("eretaa", RETURNS),
    ("eretab", RETURNS),
    ("smc", "it calls EL3, which no machine here has; hvc calls the hypervisor"),
    ("hlt", "it calls a debugger, and a block has none; brk is an exception that the trace shows"),
    ("dcps1", DEBUG_STATE),
    ("dcps2", DEBUG_STATE),
    ("dcps3", DEBUG_STATE),
    ("drps", DEBUG_STATE),
    ("tlbi", "the translation tables are the firmware's, which invalidates what it changes"),
    ("at", "its result is in PAR_EL1, which is no register of a block"),
    ("sys", "its operations have names, such as dc gva and ic ivau"),
    ("sysl", "its operations have names, such as dc gva and ic ivau"),
];

const NEVER_WOKEN: &str = "it waits for an interrupt or an event, and nothing sends one to a block";
const RETURNS: &str = "it leaves the block for the address in ELR_EL1, which is the firmware's";
const DEBUG_STATE: &str = "it is for Debug state, in which no block runs";

/// Mnemonics of A32 and of other architectures, and what A64 has instead.
const FOREIGN: [(&str, &str); 41] = [
    ("push", "use `str x0, [sp, #-16]!`, or stp for two registers"),
    ("pop", "use `ldr x0, [sp], #16`, or ldp for two registers"),
    ("ldm", LOAD_PAIR),
    ("ldmia", LOAD_PAIR),
    ("ldmfd", LOAD_PAIR),
    ("ldmdb", LOAD_PAIR),
    ("ldrd", LOAD_PAIR),
    ("stm", STORE_PAIR),
    ("stmia", STORE_PAIR),
    ("stmfd", STORE_PAIR),
    ("stmdb", STORE_PAIR),
    ("strd", STORE_PAIR),
    ("ldrex", "use ldxr"),
    ("strex", "use stxr"),
    ("bx", "use br, or ret"),
    ("blx", "use blr"),
    ("bal", "use b"),
    ("swi", "use svc"),
    ("bkpt", "use brk"),
    ("rsb", "use sub, with the operands the other way round"),
    ("rsbs", "use subs, with the operands the other way round"),
    ("rsc", "use sbc, with the operands the other way round"),
    ("teq", "use eor and cbz"),
    ("mrc", "use mrs"),
    ("mcr", "use msr"),
    ("movw", "use movz"),
    ("cpsid", "the firmware masks interrupts"),
    ("cpsie", "the firmware masks interrupts"),
    ("jmp", "use b, or br for a register"),
    ("call", "use bl, or blr for a register"),
    ("lea", "use adr"),
    ("la", "use adr"),
    ("li", "use mov"),
    ("mv", "use mov"),
    ("lw", "use ldr"),
    ("sw", "use str"),
    ("xor", "use eor"),
    ("inc", "use `add x0, x0, #1`"),
    ("dec", "use `sub x0, x0, #1`"),
    ("cmpxchg", "use cas"),
    ("mfence", "use dmb"),
];

const LOAD_PAIR: &str = "use ldp, which loads two registers";
const STORE_PAIR: &str = "use stp, which stores two registers";
const WIDTH: &str = "its instructions are of one width: leave out `.w` or `.n`";
const CONDITIONAL: &str = "only branches, selections and comparisons have conditions: use `b.eq`, csel or ccmp";

/// Returns the error for a mnemonic that is none of `known`, the instructions of the table and the aliases.
pub(crate) fn mnemonic(name: &str, known: &[&'static str]) -> ParseErrorKind {
    let mnemonic = name.to_string();
    if name.starts_with('.') {
        return ParseErrorKind::UnknownDirective { directive: mnemonic };
    }
    if Reg::parse(name).is_some() {
        return ParseErrorKind::Syntax { expected: "an instruction", found: format!("the register `{name}`") };
    }
    let find = |table: &[(&str, &'static str)]| {
        table.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, text)| *text)
    };
    if let Some(reason) = find(&UNSUPPORTED) {
        return ParseErrorKind::Unsupported { mnemonic, reason };
    }
    if let Some(instead) = find(&FOREIGN) {
        return ParseErrorKind::Foreign { mnemonic, instead };
    }
    // `bc.eq` and `b.eq` are listed without their condition.
    let stem = name.split('.').next().unwrap_or(name);
    if LACKING.split_ascii_whitespace().any(|lacking| lacking.eq_ignore_ascii_case(stem)) {
        return ParseErrorKind::NotInTable { mnemonic };
    }
    let parts = name.len().checked_sub(2).and_then(|end| name.split_at_checked(end));
    let has = |base: &str| known.iter().any(|known| known.eq_ignore_ascii_case(base));
    if let Some((base, ".w" | ".n")) = parts
        && has(base)
    {
        return ParseErrorKind::Foreign { mnemonic, instead: WIDTH };
    }
    if parts.is_some_and(|(base, condition)| Condition::by_name(condition).is_some() && has(base)) {
        return ParseErrorKind::Foreign { mnemonic, instead: CONDITIONAL };
    }
    ParseErrorKind::UnknownInstruction { mnemonic, suggestion: closest(name, known.iter().copied()) }
}
