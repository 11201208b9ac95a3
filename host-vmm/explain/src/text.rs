//! A document for people.

use std::io::{self, Write};

use anstyle::Style;

use super::Document;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// Writes a document.
///
/// # Errors
///
/// When it cannot be written.
pub fn write(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{BOLD}{}{BOLD:#} · {}\n  {}", document.topic, document.kind, document.meaning)?;
    for section in &document.sections {
        writeln!(out, "\n{BOLD}{}{BOLD:#}", section.heading)?;
        section.lines.iter().try_for_each(|line| writeln!(out, "{}", format!("  {line}").trim_end()))?;
        section.blocks.iter().try_for_each(|block| trace::write_block(block, out))?;
        if section.lines.is_empty() && section.blocks.is_empty() {
            writeln!(out, "  {DIM}nothing{DIM:#}")?;
        }
    }
    Ok(())
}
