//! Runs `as` and `objdump`, and parses the listing.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::spelling::spelling;

/// One line of a disassembly.
pub struct Line {
    /// The instruction word.
    pub word: u32,
    /// The instruction, spelled as in this crate.
    pub text: String,
}

/// Returns the lines of a section.
///
/// # Panics
/// If there is no such section, or if it does not have `len` lines.
pub fn section<'a>(sections: &'a BTreeMap<String, Vec<Line>>, name: &str, len: usize) -> &'a [Line] {
    let lines = sections.get(name).unwrap_or_else(|| panic!("objdump shows no section {name}"));
    assert_eq!(lines.len(), len, "objdump shows another number of instructions in {name}");
    lines
}

/// Assembles `source`, disassembles the object, and returns the lines by section. `name` is the name of the files.
pub fn assemble_and_disassemble(name: &str, source: &str) -> BTreeMap<String, Vec<Line>> {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (text, object) = (dir.join(name).with_extension("s"), dir.join(name).with_extension("o"));
    fs::write(&text, source).unwrap();
    run(Command::new(tool("GRANULE_AS")).arg("-o").args([&object, &text]));
    let listing = run(Command::new(tool("GRANULE_OBJDUMP")).args(["-D", "-z", "-M", "no-aliases"]).arg(&object));

    let mut sections: BTreeMap<String, Vec<Line>> = BTreeMap::new();
    let mut current = String::new();
    for line in listing.lines() {
        if let Some(name) = line.strip_prefix("Disassembly of section ") {
            current = name.trim_end_matches(':').to_owned();
        } else if let Some((address, word, text)) = columns(line) {
            let text = spelling(text, address);
            sections.entry(current.clone()).or_default().push(Line { word, text });
        }
    }
    sections
}

/// Returns the path of a program that a variable names.
pub fn tool(variable: &str) -> String {
    env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set; expected the path of a binutils program for aarch64; run `cargo xtask test`")
    })
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    // `as` warns about instructions that it considers unpredictable.
    let messages: Vec<&str> =
        errors.lines().filter(|line| !line.ends_with("Assembler messages:") && !is_expected(line)).collect();
    let accepted = output.status.success() && messages.is_empty();
    assert!(accepted, "{command:?} failed:\n{}", messages[..messages.len().min(40)].join("\n"));
    String::from_utf8(output.stdout).unwrap()
}

/// Returns whether a warning is expected.
fn is_expected(warning: &str) -> bool {
    // 1. The source is a list of instructions, so the prologue, main and epilogue of a memory copy are not in sequence.
    warning.contains("dependency sequence") || warning.contains("preceding ")
        // 2. `as` does not distinguish wzr as the status from sp as the base, which the pseudocode of STXR allows.
        || warning.contains("identical base and status registers") && warning.contains("wzr,") && warning.ends_with("[sp]'")
}

/// Splits `   8:\t14000002 \tb\t10 <.text+0x10>` into address, word and text.
fn columns(line: &str) -> Option<(u64, u32, &str)> {
    let (address, rest) = line.split_once(":\t")?;
    let (word, text) = rest.split_once('\t')?;
    let address = u64::from_str_radix(address.trim(), 16).ok()?;
    Some((address, u32::from_str_radix(word.trim(), 16).ok()?, text))
}
