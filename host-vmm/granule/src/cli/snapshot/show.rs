//! What is in a saved guest's file, for people.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use machine::registers::RegisterId;
use machine::tags::GRANULE;
use mte_snapshot::{Extent, Identity, Snapshot, Vcpu};
use saved::note::Standing;

/// Granules whose tags stand in a line.
const IN_A_LINE: usize = 16;
/// Lines of tags that are shown; there may be millions.
const LINES: usize = 64;
/// Registers in a line.
const COLUMNS: usize = 3;

/// Writes so many of something.
pub fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Writes all of a snapshot that a person may want to see.
///
/// # Errors
///
/// When it cannot be written.
pub fn write(snapshot: &Snapshot, out: &mut dyn Write) -> io::Result<()> {
    identity(&snapshot.identity, out)?;
    for slot in &snapshot.slots {
        let only = if slot.read_only { ", read only" } else { "" };
        writeln!(out, "slot      {:#x} + {} KiB{only}", slot.ipa, slot.bytes >> 10)?;
    }
    for extent in &snapshot.memory {
        let end = extent.ipa + extent.data.len() as u64;
        let tagged = extent.tags.iter().filter(|tag| **tag != 0).count();
        let tags = if tagged == 0 { String::new() } else { format!(", {} not 0", count(tagged, "tag")) };
        writeln!(out, "memory    {:#x} to {end:#x}, {} KiB{tags}", extent.ipa, extent.data.len() >> 10)?;
    }
    tags(&snapshot.memory, out)?;
    for (number, vcpu) in snapshot.vcpus.iter().enumerate() {
        registers(number, vcpu, out)?;
    }
    match Standing::of(snapshot) {
        Ok(standing) => {
            let (step, checkpoint) = (standing.progress.step + 1, standing.progress.checkpoint + 1);
            writeln!(out, "program   stands at checkpoint {checkpoint} of step {step}")?;
            standing.program.to_string().lines().try_for_each(|line| writeln!(out, "  {line}"))
        }
        Err(_) => snapshot.application.iter().try_for_each(|application| {
            let name = application.name.escape_debug();
            writeln!(out, "note      `{name}`, {}", count(application.bytes.len(), "byte"))
        }),
    }
}

/// Names where a guest was saved: kernel, emulator, CPU, pages.
pub fn place(identity: &Identity) -> String {
    let Identity { page_size, kernel, emulator, cpu, .. } = identity;
    let around = [emulator, cpu].into_iter().filter(|text| !text.is_empty());
    let around: String = around.map(|text| format!(" in {}", text.escape_debug())).collect();
    format!("Linux {}{around}, {} KiB pages", kernel.escape_debug(), page_size >> 10)
}

fn identity(identity: &Identity, out: &mut dyn Write) -> io::Result<()> {
    let Identity { mte, gmid, midr, guest, .. } = identity;
    writeln!(out, "saved on  {}", place(identity))?;
    writeln!(out, "CPU       MTE{mte}, GMID_EL1 {gmid:#x}, MIDR_EL1 {midr:#x}")?;
    let digest: String = guest.iter().map(|byte| format!("{byte:02x}")).collect();
    writeln!(out, "firmware  BLAKE3 {digest}")
}

/// Writes the tags, a line for each run of granules that has some; a tag that is not 0 in colour.
fn tags(memory: &[Extent], out: &mut dyn Write) -> io::Result<()> {
    let bold = Style::new().bold().fg_color(Some(AnsiColor::Cyan.into()));
    let lines = memory.iter().flat_map(|extent| {
        let lines = extent.tags.chunks(IN_A_LINE).zip(0u64..);
        lines.map(|(tags, number)| (extent.ipa + number * IN_A_LINE as u64 * GRANULE, tags))
    });
    let mut lines = lines.filter(|(_, tags)| tags.iter().any(|tag| *tag != 0));
    for (ipa, tags) in lines.by_ref().take(LINES) {
        write!(out, "tags      {ipa:#x}:")?;
        for tag in tags {
            let style = if *tag == 0 { Style::new() } else { bold };
            write!(out, " {style}{tag:x}{style:#}")?;
        }
        writeln!(out)?;
    }
    match lines.count() {
        0 => Ok(()),
        more => writeln!(out, "tags      {} more with tags", count(more, "line")),
    }
}

fn registers(number: usize, vcpu: &Vcpu, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "vCPU {number}    {}, MP state {}", count(vcpu.registers.len(), "register"), vcpu.mp_state)?;
    // Those that are 0, and vectors, which are long, are in the file and not here.
    let shown = vcpu.registers.iter().filter(|(_, value)| value.len() <= 8 && value.iter().any(|byte| *byte != 0));
    let texts: Vec<String> = shown
        .map(|(id, value)| {
            let digits: String = value.iter().rev().map(|byte| format!("{byte:02x}")).collect();
            format!("{} 0x{}", RegisterId(*id), digits.trim_start_matches('0'))
        })
        .collect();
    texts.chunks(COLUMNS).try_for_each(|line| {
        let line: String = line.iter().map(|text| format!("{text:<40}")).collect();
        writeln!(out, "  {}", line.trim_end())
    })
}
