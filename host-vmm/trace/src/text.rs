//! A trace for people.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::{Access, Fault, Instruction, Trace};

const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();

/// The column at which what an instruction did begins, and that many blanks.
const COLUMN: usize = 32;

/// Writes a trace.
///
/// # Errors
///
/// When it cannot be written.
pub fn write(trace: &Trace, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{BOLD}granule trace{BOLD:#} · model: cpu {}", trace.cpu)?;
    for block in &trace.blocks {
        writeln!(out, "{}", block.heading)?;
        block.settings.iter().try_for_each(|line| writeln!(out, "  {DIM}{line}{DIM:#}"))?;
        block.instructions.iter().try_for_each(|one| instruction(one, out))?;
    }
    match &trace.stopped {
        Some(why) => writeln!(out, "{BAD}stopped{BAD:#}: {why}"),
        None => Ok(()),
    }
}

fn instruction(one: &Instruction, out: &mut dyn Write) -> io::Result<()> {
    let place = one.index.map_or_else(String::new, |index| index.to_string());
    let mut head = format!("{place:>4}  {:width$} ", one.text, width = COLUMN - 7);
    if head.chars().count() > COLUMN {
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
    if !one.choices.is_empty() {
        let options: Vec<_> = one.choices.iter().map(|(taken, of)| format!("{} of {of}", taken + 1)).collect();
        lines.push(format!("{DIM}the architecture leaves a choice here: shown is {}{DIM:#}", options.join(", ")));
    }
    if lines.is_empty() && one.fault.is_none() {
        return writeln!(out, "{}", head.trim_end());
    }
    for line in lines {
        writeln!(out, "{head:COLUMN$}{line}")?;
        head.clear();
    }
    match &one.fault {
        Some(fault) => write_fault(fault, &head, COLUMN, out),
        None => Ok(()),
    }
}

/// Returns whether two accesses differ in their addresses alone.
fn is_alike(one: &Access, other: &Access) -> bool {
    let without_address = |access: &Access| match access {
        Access::Data { pointer: _, bytes, read, write, logical, allocation, rule, matches, effect } => {
            Some((*bytes, *read, *write, *logical, allocation.clone(), *rule, *matches, *effect))
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
                    let effect = effect.unwrap_or_default();
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
    let fields: Vec<_> = fault.fields.iter().map(|(name, value)| format!("{name} {value}")).collect();
    let blank = "";
    writeln!(out, "{blank:column$}  ESR_EL1 {:#010x}: {}", fault.esr, fields.join(" · "))?;
    if let Some(far) = &fault.far {
        writeln!(out, "{blank:column$}  FAR_EL1 {far}")?;
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
