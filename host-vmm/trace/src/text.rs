//! A trace for people.

use std::io::{self, Write};
use std::iter;

use anstyle::{AnsiColor, Style};

use super::beside::{Agreement, Beside, Difference};
use super::syndrome::is_telling;
use super::{Access, Block, Fault, Field, Instruction, Trace};

const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const ODD: Style = AnsiColor::Yellow.on_default();

/// The column at which what an instruction did begins, and that many blanks.
const COLUMN: usize = 32;

/// Writes a trace.
///
/// # Errors
///
/// When it cannot be written.
pub fn write(trace: &Trace, out: &mut dyn Write) -> io::Result<()> {
    match &trace.machine {
        None => writeln!(out, "{BOLD}granule trace{BOLD:#} · model: cpu {}", trace.cpu)?,
        Some(machine) => writeln!(
            out,
            "{BOLD}granule trace{BOLD:#} · model, and beside it {}\n{DIM}= as shown · ~ another permitted outcome · ≠ not permitted{DIM:#}",
            machine.name
        )?,
    }
    trace.blocks.iter().try_for_each(|one| block(one, trace.machine.as_ref(), out))?;
    if let Some(machine) = &trace.machine {
        end(machine, out)?;
    }
    match &trace.stopped {
        Some(why) => writeln!(out, "{BAD}stopped{BAD:#}: {why}"),
        None => Ok(()),
    }
}

/// Writes what an instruction did on the specification alone.
///
/// # Errors
///
/// When it cannot be written.
pub fn write_instruction(one: &Instruction, out: &mut dyn Write) -> io::Result<()> {
    instruction(one, None, out)
}

/// Writes a block.
///
/// # Errors
///
/// When it cannot be written.
pub fn write_block(one: &Block, out: &mut dyn Write) -> io::Result<()> {
    block(one, None, out)
}

fn block(block: &Block, machine: Option<&Beside>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", block.heading)?;
    block.settings.iter().try_for_each(|line| writeln!(out, "  {DIM}{line}{DIM:#}"))?;
    block.instructions.iter().try_for_each(|one| instruction(one, machine, out))
}

/// Writes what a machine showed at the end alone.
fn end(machine: &Beside, out: &mut dyn Write) -> io::Result<()> {
    if !machine.end.is_empty() {
        writeln!(out, "at the end")?;
        let line = |one| difference(one, machine, Agreement::Differs);
        machine.end.iter().try_for_each(|one| writeln!(out, "{:COLUMN$}{}", "", line(one)))?;
    }
    match &machine.stopped {
        Some(why) => writeln!(out, "{BAD}{} stopped{BAD:#}: {why}", via(machine)),
        None => Ok(()),
    }
}

/// Returns the machine's short name: `tcg`.
fn via(machine: &Beside) -> &str {
    machine.name.split(':').next().unwrap_or_default()
}

fn difference(one: &Difference, machine: &Beside, agreement: Agreement) -> String {
    let (word, style) = match agreement {
        Agreement::Differs => ("expected", BAD),
        Agreement::Same | Agreement::Permitted => ("shown is", ODD),
    };
    format!("{}: {word} {}, {style}{} has {}{style:#}", one.place, one.model, via(machine), one.machine)
}

fn instruction(one: &Instruction, machine: Option<&Beside>, out: &mut dyn Write) -> io::Result<()> {
    let place = one.index.map_or_else(String::new, |index| index.to_string());
    let mark = match one.machine.as_ref().map(|compared| compared.agreement) {
        None => " ".to_owned(),
        Some(Agreement::Same) => format!("{GOOD}={GOOD:#} "),
        Some(Agreement::Permitted) => format!("{ODD}~{ODD:#} "),
        Some(Agreement::Differs) => format!("{BAD}≠{BAD:#} "),
    };
    let marked = usize::from(one.machine.is_some());
    let mut head = format!("{place:>4} {mark}{:width$} ", one.text, width = COLUMN - 7 - marked);
    if 7 + marked + one.text.chars().count() > COLUMN {
        writeln!(out, "{}", head.trim_end())?;
        head.clear();
    }
    let mut lines = Vec::new();
    lines.extend(one.accesses.chunk_by(is_alike).map(accesses));
    lines.extend(
        one.changes
            .iter()
            .map(|change| format!("{} = {} {DIM}(was {}){DIM:#}", change.register, change.after, change.before)),
    );
    lines.extend(choices(one, machine));
    lines.extend(machine.zip(one.machine.as_ref()).into_iter().flat_map(|(machine, compared)| {
        compared.differences.iter().map(move |one| difference(one, machine, compared.agreement))
    }));
    if lines.is_empty() && one.fault.is_none() {
        return writeln!(out, "{}", head.trim_end());
    }
    for line in lines {
        begin(&mut head, out)?;
        writeln!(out, "{line}")?;
    }
    match &one.fault {
        Some(fault) => write_fault(fault, &head, COLUMN, out),
        None => Ok(()),
    }
}

/// Writes the beginning of a line: the instruction, before the first, and blanks before the others.
fn begin(head: &mut String, out: &mut dyn Write) -> io::Result<()> {
    match head.is_empty() {
        true => write!(out, "{:COLUMN$}", ""),
        false => write!(out, "{}", std::mem::take(head)),
    }
}

/// Says where the architecture leaves a choice, and which outcome is shown.
fn choices(one: &Instruction, machine: Option<&Beside>) -> Option<String> {
    if one.choices.is_empty() {
        return None;
    }
    let options: Vec<_> = one.choices.iter().map(|(taken, of)| format!("outcome {} of {of}", taken + 1)).collect();
    let options = options.join(", ");
    let takes_it = one.machine.as_ref().is_some_and(|compared| compared.agreement == Agreement::Same);
    let taken = match machine.filter(|_| takes_it) {
        Some(machine) => format!("{} took {options}, which is shown", via(machine)),
        None => format!("shown is {options}"),
    };
    Some(format!("{DIM}the architecture leaves a choice here: {taken}{DIM:#}"))
}

/// Returns whether two accesses differ in their addresses alone.
fn is_alike(one: &Access, other: &Access) -> bool {
    let without_address = |access: &Access| match access {
        Access::Data { pointer: _, bytes, read, write, logical, allocation, rule, matches, effect } => {
            Some((*bytes, *read, *write, *logical, allocation.clone(), rule.clone(), *matches, effect.clone()))
        }
        _ => None,
    };
    without_address(one).is_some() && without_address(one) == without_address(other)
}

/// Describes accesses that are alike: the elements of a vector, or one.
fn accesses(alike: &[Access]) -> String {
    let Some(first) = alike.first() else { return String::new() };
    match first {
        Access::Data { pointer, bytes, read, write, allocation, rule, matches, effect, .. } => {
            let verb = match (read, write) {
                (true, true) => "reads and writes",
                (false, true) => "writes",
                _ => "reads",
            };
            let tags: Vec<_> = allocation.iter().map(u8::to_string).collect();
            let found = match matches {
                Some(true) => format!(": allocation tag {}, {GOOD}matches{GOOD:#}", tags.join(", ")),
                Some(false) => {
                    let effect = effect.as_deref().unwrap_or_default();
                    format!(": allocation tag {}, {BAD}does not match{BAD:#}: {effect}", tags.join(", "))
                }
                None => String::new(),
            };
            let times = if alike.len() > 1 { format!("{} times ", alike.len()) } else { String::new() };
            let (unit, more) =
                (if *bytes == 1 { "byte" } else { "bytes" }, if alike.len() > 1 { " and on" } else { "" });
            format!("{verb} {times}{bytes} {unit} at {pointer}{more}, {rule}{found}")
        }
        Access::TagLoad { granule, tag } => format!("loads the tag of granule {granule}: {tag}"),
        Access::TagStore { granule, before: Some(before), tag } => {
            format!("stores the tag of granule {granule}: {tag} {DIM}(was {before}){DIM:#}")
        }
        Access::TagStore { granule, before: None, tag } => format!("stores the tag of granule {granule}: {tag}"),
    }
}

/// Writes an exception: what it is, its syndrome by fields, and the tags around. Its lines begin at this column, the first behind `head`.
///
/// # Errors
///
/// When it cannot be written.
pub fn write_fault(fault: &Fault, head: &str, column: usize, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{head:column$}{BAD}✗ {}{BAD:#}", fault.what)?;
    let telling = fault.fields.iter().filter(|field| is_telling(field));
    let field = |field: &Field| match (field.meaning.is_empty(), &*field.name) {
        (false, "EC" | "DFSC" | "IFSC") => format!("{} {:#04x} {}", field.name, field.value, field.meaning),
        (false, _) => format!("{} {} {}", field.name, field.value, field.meaning),
        (true, _) => format!("{} {:#x}", field.name, field.value),
    };
    let fields: Vec<_> = telling.map(field).collect();
    let blank = "";
    writeln!(out, "{blank:column$}  ESR_EL1 {:#010x}: {}", fault.esr, fields.join(" · "))?;
    if let Some(far) = &fault.far {
        writeln!(out, "{blank:column$}  FAR_EL1 {far}")?;
    }
    let parts = fault.rule.iter().flat_map(|rule| rule.split("; "));
    for (head, part) in iter::once("rule").chain(iter::repeat("")).zip(parts) {
        writeln!(out, "{blank:column$}  {head:8}{part}")?;
    }
    if fault.around.is_empty() {
        return Ok(());
    }
    write!(out, "{blank:column$}  tags   ")?;
    for (granule, tag, is_it) in &fault.around {
        match is_it {
            true => write!(out, " {BAD}[{granule}: {tag}]{BAD:#}")?,
            false => write!(out, " {DIM}{granule}:{DIM:#} {tag}")?,
        }
    }
    writeln!(out)
}
