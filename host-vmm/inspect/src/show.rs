//! What lines show, for people.

use std::fmt::Write as _;
use std::ops::Range;

use abi::mailbox::{BlockEnd, BootReport, SysReg};
use abi::map::ARENA_SIZE;
use anstyle::{AnsiColor, Style};
use arch::Tag;
use machine::El;
use program::compare::{Difference, Location};
use program::control::FIELDS;
use program::expectation::FIELDS as REGISTER_FIELDS;
use program::scalable;
use program::text::REGISTERS;
use program::value::{Hex, Value};

use super::memory::{GRANULE, Memory};
use super::ran::{Agreement, Ran};
use super::state::State;

const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const ODD: Style = AnsiColor::Yellow.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();

/// Granules in a row of tags, and bytes in it.
pub const ROW_GRANULES: u64 = 16;
/// Bytes of a row of tags.
pub const ROW: u64 = ROW_GRANULES * GRANULE;
/// Instructions of a line that are shown one by one; of more only what they left.
const MOST: usize = 40;
/// Changes that are listed.
const MOST_CHANGES: usize = 32;
/// The column in which what an instruction did begins.
const COLUMN: usize = 32;
/// How the keys of pointer authentication begin.
const KEY: &str = "ap";

/// Shows what a line of code did.
pub fn ran(ran: &Ran, after: &State, boot: &BootReport, name: &str) -> String {
    let mut text = Vec::new();
    let all = &ran.block.instructions;
    for one in all.iter().take(MOST) {
        // Nothing can fail that writes to a vector.
        let _ = trace::write_instruction(one, &mut text);
    }
    let mut text = String::from_utf8_lossy(&text).into_owned();
    if all.len() > MOST || ran.more {
        text += &format!("  {DIM}… and on; what the line changed:{DIM:#}\n");
        text += &changes(&ran.before, after, boot);
    } else {
        text += &late(ran, after);
    }
    match ran.trace.end {
        BlockEnd::Complete => {}
        BlockEnd::TooManyTraps => {
            text += &format!("  {BAD}stopped{BAD:#}: the line took {} exceptions\n", ran.trace.faults.len());
        }
        BlockEnd::Escaped => {
            text += &format!("  {BAD}stopped{BAD:#}: the line branched away, and the next one begins anew\n")
        }
    }
    text + &agreements(ran, name)
}

/// Shows how the inspected machine agrees with the architecture, if it does not, and how the others agree with it.
pub fn agreements(ran: &Ran, name: &str) -> String {
    let mut text = String::new();
    match &ran.inspected {
        None | Some(Agreement::Same | Agreement::Permitted(_)) => {}
        Some(other) => text += &agreement(name, other, "the architecture", name),
    }
    for (other, found) in &ran.beside {
        text += &agreement(other, found, name, other);
    }
    text
}

/// Shows what system registers became that no instruction had changed yet: at the end of a line, DSB and ISB make asynchronous
/// faults visible.
fn late(ran: &Ran, after: &State) -> String {
    let mut text = String::new();
    for register in REGISTERS {
        let name = register.name();
        let changes = ran.block.instructions.iter().rev().flat_map(|one| one.changes.iter().rev());
        let last = changes.clone().find(|change| change.register == name).map(|change| change.after.clone());
        let (was, now) = (ran.before.sys[*register as usize], after.sys[*register as usize]);
        let seen = last.unwrap_or_else(|| Hex(was).to_string());
        if Hex(now).to_string() != seen {
            let _ = writeln!(
                text,
                "{:COLUMN$}{name} = {} {DIM}(was {seen}){DIM:#}: shown by DSB and ISB at the line's end",
                "",
                register_value(*register, now)
            );
        }
    }
    text
}

/// Shows how a machine agrees.
fn agreement(name: &str, agreement: &Agreement, expected: &str, found: &str) -> String {
    let table = |differences: &[Difference]| {
        let mut text = String::new();
        for difference in differences.iter().take(MOST_CHANGES) {
            let (one, other) =
                (value_at(difference.place, &difference.expected), value_at(difference.place, &difference.found));
            let _ = writeln!(text, "    {}: {expected} {one} · {found} {other}", difference.place);
        }
        if differences.len() > MOST_CHANGES {
            let _ = writeln!(text, "    and {} more", differences.len() - MOST_CHANGES);
        }
        text
    };
    match agreement {
        Agreement::Same => format!("  {GOOD}={GOOD:#} {name} shows the same\n"),
        Agreement::Permitted(list) => format!(
            "  {ODD}~{ODD:#} {name} shows something else, which the architecture permits, too:\n{}",
            table(list)
        ),
        Agreement::Differs(list) => {
            format!("  {BAD}≠ {name} shows something that the architecture does not permit:{BAD:#}\n{}", table(list))
        }
        Agreement::Undecided(list) => format!(
            "  {ODD}?{ODD:#} {name} shows something else; the architecture permits more outcomes than could be tried:\n{}",
            table(list)
        ),
        Agreement::Failed(why) => format!("  {BAD}✗ {name} failed:{BAD:#} {why}\n"),
    }
}

/// Writes a value of a difference as people read it.
fn value_at(place: Location, text: &str) -> String {
    let number = text.strip_prefix("0x").and_then(|digits| u64::from_str_radix(digits, 16).ok());
    match (place, number) {
        (Location::X(_) | Location::Sp, Some(value)) => Value(value).to_string(),
        (Location::Sys(_) | Location::Data(_), Some(value)) => Hex(value).to_string(),
        (Location::Tag(_), Some(tag)) => format!("{tag:x}"),
        _ => text.to_owned(),
    }
}

/// Lists what differs between two states.
pub fn changes(before: &State, after: &State, boot: &BootReport) -> String {
    let mut lines = Vec::new();
    let mut compare = |name: String, old: String, new: String| {
        if old != new {
            lines.push(format!("  {name} = {new} {DIM}(was {old}){DIM:#}\n"));
        }
    };
    compare("el".to_owned(), level(before).to_string(), level(after).to_string());
    compare("tco".to_owned(), u8::from(before.run.tco).to_string(), u8::from(after.run.tco).to_string());
    compare("nzcv".to_owned(), format!("{:04b}", before.run.nzcv), format!("{:04b}", after.run.nzcv));
    for (n, (old, new)) in before.run.x.iter().zip(&after.run.x).enumerate() {
        compare(format!("x{n}"), Value(*old).to_string(), Value(*new).to_string());
    }
    compare("sp".to_owned(), Value(before.run.sp).to_string(), Value(after.run.sp).to_string());
    let both = vectors(before).into_iter().zip(vectors(after));
    both.for_each(|((name, old), (_, new))| compare(name, old, new));
    for register in REGISTERS {
        let value = |state: &State| register_value(*register, state.sys[*register as usize]);
        compare(register.name().to_owned(), value(before), value(after));
    }
    for (index, field) in FIELDS.iter().enumerate() {
        let value = |state: &State| field.values[usize::from(state.field(index, boot))].to_owned();
        compare(field.name.to_owned(), value(before), value(after));
    }
    let tags = before.memory.other_tags(&after.memory).into_iter();
    lines.extend(tags.map(|range| {
        let (old, new) = (before.memory.tags(range.clone()), after.memory.tags(range.clone()));
        format!("  tags {:#x}: {} {DIM}(was {}){DIM:#}\n", range.start, digits(&new), digits(&old))
    }));
    let data = before.memory.other_data(&after.memory).into_iter();
    lines.extend(data.map(|range| {
        let bytes = after.memory.bytes(range.start..range.end.min(range.start + GRANULE));
        let more = if range.end - range.start > GRANULE { " and on" } else { "" };
        format!("  data {:#x}: {}{more}\n", range.start, hex_bytes(&bytes))
    }));
    let more = lines.len().saturating_sub(MOST_CHANGES);
    lines.truncate(MOST_CHANGES);
    if more > 0 {
        lines.push(format!("  and {more} more\n"));
    }
    lines.concat()
}

/// Writes the vector registers that a session has.
fn vectors(state: &State) -> Vec<(String, String)> {
    if let Some(values) = &state.run.scalable {
        let z = (0..32).map(|n| (format!("z{n}"), scalable::text(values.z(n))));
        let p = (0..16).map(|n| (format!("p{n}"), scalable::text(values.p(n))));
        return z.chain(p).chain([("ffr".to_owned(), scalable::text(values.ffr()))]).collect();
    }
    let halves = |[low, high]: &[u64; 2]| format!("{} {}", Hex(*high), Hex(*low));
    let v = state.run.v.iter().flat_map(|v| v.iter().enumerate());
    v.map(|(n, value)| (format!("v{n}"), halves(value))).collect()
}

/// Returns the number of an exception level.
pub fn level(state: &State) -> u8 {
    if state.run.el == El::El0 { 0 } else { 1 }
}

/// Writes a system register, with its fields if it has some.
fn register_value(register: SysReg, value: u64) -> String {
    let fields = REGISTER_FIELDS.iter().filter(|(_, of, ..)| *of == register);
    let fields: Vec<_> = fields
        .map(|(name, _, shift, width)| {
            let name = name.split_once('.').map_or(*name, |(_, field)| field);
            match value >> shift & ((1 << width) - 1) {
                mask if name == "exclude" => format!("exclude {}", excluded(mask as u16)),
                value if *width > 1 => format!("{name} {value:#x}"),
                value => format!("{name} {value}"),
            }
        })
        .collect();
    if fields.is_empty() { Hex(value).to_string() } else { format!("{}: {}", Hex(value), fields.join(", ")) }
}

/// Lists the tags of a mask.
pub fn excluded(mask: u16) -> String {
    let tags: Vec<_> = (0..16).filter(|tag| mask >> tag & 1 == 1).map(|tag: u16| tag.to_string()).collect();
    if tags.is_empty() { "none".to_owned() } else { tags.join(" ") }
}

/// Shows the registers.
pub fn registers(state: &State, boot: &BootReport) -> String {
    let mut text =
        format!("  {BOLD}EL{}{BOLD:#} · tco {} · nzcv {:04b}\n", level(state), u8::from(state.run.tco), state.run.nzcv);
    for (n, value) in state.run.x.iter().enumerate().filter(|(_, value)| **value != 0) {
        let _ = writeln!(text, "  x{n} = {}", Value(*value));
    }
    let _ = writeln!(text, "  sp = {}", Value(state.run.sp));
    let zero = ["0x0 0x0", "0x0"];
    for (name, value) in vectors(state).iter().filter(|(_, value)| !zero.contains(&value.as_str())) {
        let _ = writeln!(text, "  {name} = {value}");
    }
    for register in REGISTERS {
        let value = state.sys[*register as usize];
        if value != 0 || !register.name().starts_with(KEY) {
            let _ = writeln!(text, "  {} = {}", register.name(), register_value(*register, value));
        }
    }
    for (index, field) in FIELDS.iter().enumerate() {
        let booted = (boot.sys[field.register as usize] & field.mask()) >> field.shift;
        let value = state.field(index, boot);
        if u64::from(value) != booted || field.name.ends_with(".tcf") || field.name.ends_with(".tcf0") {
            let _ = writeln!(text, "  {} = {}", field.name, field.values[usize::from(value)]);
        }
    }
    text
}

/// Writes tags, a hexadecimal digit each, several of the same as `tag*count`.
fn digits(tags: &[Tag]) -> String {
    let runs = tags.chunk_by(|a, b| a == b).map(|run| match run {
        [tag] => format!("{:x}", tag.value()),
        run => format!("{:x}*{}", run[0].value(), run.len()),
    });
    runs.collect::<Vec<_>>().join(" ")
}

fn hex_bytes(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

/// Shows a row of tags for each of these starts; `marked` is an offset whose granule stands out.
pub fn tag_rows(memory: &Memory, rows: impl Iterator<Item = u64>, marked: Option<u64>) -> String {
    let mut text = String::new();
    for start in rows {
        let _ = write!(text, "  {DIM}{start:#08x}{DIM:#} ");
        for granule in (start..(start + ROW).min(ARENA_SIZE)).step_by(GRANULE as usize) {
            let tag = memory.tag(granule).value();
            let is_it = marked.is_some_and(|at| at & !(GRANULE - 1) == granule);
            let _ = match (is_it, tag) {
                (true, _) => write!(text, "{BOLD}[{tag:x}]{BOLD:#}"),
                (false, 0) => write!(text, " {DIM}0{DIM:#} "),
                (false, _) => write!(text, " {BOLD}{tag:x}{BOLD:#} "),
            };
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

/// Shows bytes, a granule a row, with its tag.
pub fn bytes(memory: &Memory, range: Range<u64>) -> String {
    let mut text = String::new();
    for granule in range.step_by(GRANULE as usize) {
        let bytes = memory.bytes(granule..granule + GRANULE);
        let shown = |byte: &u8| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '.' };
        let letters: String = bytes.iter().map(shown).collect();
        let tag = memory.tag(granule).value();
        let _ =
            writeln!(text, "  {DIM}{granule:#08x}{DIM:#} tag {BOLD}{tag:x}{BOLD:#}  {}  {letters}", hex_bytes(&bytes));
    }
    text
}

/// Shows what tag check faults do.
pub fn modes(state: &State, boot: &BootReport) -> String {
    let mode = |name: &str| {
        let index = FIELDS.iter().position(|field| field.name == name).unwrap_or(0);
        FIELDS[index].values[usize::from(state.field(index, boot))]
    };
    format!("  EL1 {} · EL0 {}\n", mode("sctlr_el1.tcf"), mode("sctlr_el1.tcf0"))
}
