//! Runs `as` and `objdump`, and reads the listing.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::spelling::spelling;

/// One line of a disassembly.
pub struct Foreign {
    /// The instruction word.
    pub word: u32,
    /// What it is, spelt our way.
    pub text: String,
}

/// Returns the lines of a section, which must be `len`.
pub fn section<'a>(sections: &'a BTreeMap<String, Vec<Foreign>>, name: &str, len: usize) -> &'a [Foreign] {
    let lines = sections.get(name).unwrap_or_else(|| panic!("objdump shows no section {name}"));
    assert_eq!(lines.len(), len, "objdump shows another number of instructions in {name}");
    lines
}

/// Assembles `source` and disassembles the object, section by section. The files are called `name`.
pub fn through_binutils(name: &str, source: &str) -> BTreeMap<String, Vec<Foreign>> {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (text, object) = (dir.join(name).with_extension("s"), dir.join(name).with_extension("o"));
    fs::write(&text, source).unwrap();
    run(Command::new(tool("GRANULE_AS")).arg("-o").args([&object, &text]));
    let listing = run(Command::new(tool("GRANULE_OBJDUMP")).args(["-D", "-z", "-M", "no-aliases"]).arg(&object));

    let mut sections: BTreeMap<String, Vec<Foreign>> = BTreeMap::new();
    let mut current = String::new();
    for line in listing.lines() {
        if let Some(name) = line.strip_prefix("Disassembly of section ") {
            current = name.trim_end_matches(':').to_owned();
        } else if let Some((address, word, text)) = columns(line) {
            let text = spelling(text, address);
            sections.entry(current.clone()).or_default().push(Foreign { word, text });
        }
    }
    sections
}

fn tool(variable: &str) -> String {
    env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set: expected the path of a binutils program for aarch64; run `cargo xtask test`")
    })
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    // A warning counts: with one `as` says that it finds our text unpredictable.
    let complaints: Vec<&str> =
        errors.lines().filter(|line| !line.ends_with("Assembler messages:") && !is_beside_the_point(line)).collect();
    let agreed = output.status.success() && complaints.is_empty();
    assert!(agreed, "{command:?} complains:\n{}", complaints[..complaints.len().min(40)].join("\n"));
    String::from_utf8(output.stdout).unwrap()
}

/// Tells warnings that are not about the instruction from those that are.
fn is_beside_the_point(warning: &str) -> bool {
    // 1. A list of all instructions is no program: the parts of a memory copy don't follow each other.
    warning.contains("dependency sequence") || warning.contains("preceding ")
        // 2. `as` takes register 31 for one register, but the status goes to wzr and the base is sp: STXR's pseudocode
        //    makes an exception of it.
        || warning.contains("identical base and status registers") && warning.contains("wzr,") && warning.ends_with("[sp]'")
}

/// Splits `   8:\t14000002 \tb\t10 <.text+0x10>` into address, word and text.
fn columns(line: &str) -> Option<(u64, u32, &str)> {
    let (address, rest) = line.split_once(":\t")?;
    let (word, text) = rest.split_once('\t')?;
    let address = u64::from_str_radix(address.trim(), 16).ok()?;
    Some((address, u32::from_str_radix(word.trim(), 16).ok()?, text))
}
