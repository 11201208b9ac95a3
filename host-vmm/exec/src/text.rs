//! What was seen, for people.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use crate::report::{BreakReport, CodePlace, EndKind, Ended, Event, FaultReport, NamedValue, TagRange};

const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();

/// Granules in a line of tags, and registers in one of registers.
const GRANULES: usize = 16;
const REGISTERS: usize = 4;
/// Bytes that share a tag.
const GRANULE: u64 = arch::GRANULE_BYTES as u64;

/// Writes an event, each of its lines behind `granule: ` or blanks. What the image prints is not for this.
///
/// # Errors
///
/// When it cannot be written.
pub fn write(event: &Event, out: &mut dyn Write) -> io::Result<()> {
    match event {
        Event::Console { .. } => Ok(()),
        Event::Started(started) => {
            let (image, format, entry) = (&started.image, started.format, started.entry);
            writeln!(out, "{BOLD}granule exec{BOLD:#} · {image}: {format}, entry {entry:#x} · {}", started.machine)
        }
        Event::Waiting { port } => writeln!(
            out,
            "waiting for a debugger: gdb-multiarch IMAGE -ex 'target remote :{port}', or lldb IMAGE -o 'gdb-remote {port}'"
        ),
        Event::Fault(report) => fault(report, out),
        Event::Break(report) => breakpoint(report, out),
        Event::Tags(range) => tags(range, out),
        Event::Asynchronous { cpu, register, value, meaning } => writeln!(
            out,
            "{BAD}✗ cpu {cpu}: asynchronous tag check fault{BAD:#}: {} is {value:#x}, {meaning}; which instruction it was is not recorded",
            register.to_uppercase()
        ),
        Event::Note { text } => writeln!(out, "{WARNING}note{WARNING:#}: {text}"),
        Event::Ended(ended) => end(ended, out),
    }
}

fn at(place: &CodePlace) -> String {
    let symbol = place.symbol.as_ref().map(|symbol| format!(" <{symbol}>")).unwrap_or_default();
    let instruction = place.instruction.as_deref().unwrap_or("cannot be read");
    let line = place.line.as_ref().map(|line| format!(", {line}")).unwrap_or_default();
    format!("{:#x}{symbol}{line}: {instruction}", place.pc)
}

fn fault(report: &FaultReport, out: &mut dyn Write) -> io::Result<()> {
    trace::write_fault(&report.fault, &format!("cpu {}", report.cpu), 6, out)?;
    writeln!(out, "        at      {}, EL{}", at(&report.at), report.el)?;
    if let Some(symbol) = &report.symbol {
        writeln!(out, "        address in <{symbol}>")?;
    }
    registers(&report.registers, out)
}

fn breakpoint(report: &BreakReport, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "cpu {} {BOLD}breakpoint{BOLD:#} at {}", report.cpu, at(&report.at))?;
    registers(&report.registers, out)
}

/// Writes registers; those that are 0 are left out.
fn registers(list: &[NamedValue], out: &mut dyn Write) -> io::Result<()> {
    let shown: Vec<_> = list.iter().filter(|register| register.value != 0).collect();
    for line in shown.chunks(REGISTERS) {
        write!(out, "       ")?;
        for NamedValue { name, value } in line {
            write!(out, " {DIM}{name:>10}{DIM:#} {value:016x}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn tags(range: &TagRange, out: &mut dyn Write) -> io::Result<()> {
    let symbol = range.symbol.as_ref().map(|symbol| format!(" <{symbol}>")).unwrap_or_default();
    let end = range.start + range.tags.len() as u64 * GRANULE;
    writeln!(out, "tags of {:#x}..{end:#x}{symbol}", range.start)?;
    for (place, line) in range.tags.chunks(GRANULES).enumerate() {
        let start = range.start + (place * GRANULES) as u64 * GRANULE;
        write!(out, "  {DIM}{start:#012x}{DIM:#} ")?;
        for tag in line {
            match tag {
                Some(0) => write!(out, " {DIM}0{DIM:#}")?,
                Some(tag) => {
                    let colour = colour(*tag);
                    write!(out, " {colour}{tag:x}{colour:#}")?;
                }
                None => write!(out, " {DIM}-{DIM:#}")?,
            }
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Returns the colour of a tag: equal tags look equal.
fn colour(tag: u8) -> Style {
    const COLOURS: [AnsiColor; 6] =
        [AnsiColor::Cyan, AnsiColor::Green, AnsiColor::Yellow, AnsiColor::Magenta, AnsiColor::Blue, AnsiColor::Red];
    COLOURS[usize::from(tag) % COLOURS.len()].on_default()
}

fn end(ended: &Ended, out: &mut dyn Write) -> io::Result<()> {
    let how = match ended.how {
        EndKind::Off => "turned itself off",
        EndKind::Reset => "asked for a reset",
        EndKind::Exited => "ended",
        EndKind::TimedOut => "was stopped: the time is over (--timeout)",
        EndKind::Parked => "stands in a branch to itself with interrupts masked, for good",
        EndKind::Killed => "was ended by the debugger",
        EndKind::Endless => "was stopped: it takes the same exception with the same registers again and again",
    };
    let status = ended.status.map(|status| format!(" with status {status}")).unwrap_or_default();
    let faults = match ended.faults {
        0 if ended.pending => format!("{BAD}an asynchronous tag check fault{BAD:#}"),
        0 => "no tag check fault was taken".to_owned(),
        1 => format!("{BAD}1 tag check fault{BAD:#}"),
        count => format!("{BAD}{count} tag check faults{BAD:#}"),
    };
    writeln!(out, "{BOLD}granule exec{BOLD:#} · the image {how}{status} · {faults}")
}
