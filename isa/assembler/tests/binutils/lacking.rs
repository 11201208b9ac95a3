//! The mnemonics that are said to be A64 and not in the table, against `as`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::listing::tool;

/// The mnemonics that the table lacks, as the assembler has them.
const LACKING: &str = include_str!("../../src/unknown/lacking.txt");

/// The one that `as` knows with a condition alone.
const WITH_CONDITION: &str = "bc";

#[test]
#[ignore = "needs binutils for aarch64; cargo xtask test runs it"]
fn as_knows_each_mnemonic_that_the_table_lacks() {
    let names: Vec<_> = LACKING.split_ascii_whitespace().filter(|name| *name != WITH_CONDITION).collect();
    let text = Path::new(env!("CARGO_TARGET_TMPDIR")).join("lacking.s");
    fs::write(&text, names.iter().fold(String::new(), |text, name| text + name + " x0\n") + "frobnicate x0\n").unwrap();
    let output =
        Command::new(tool("GRANULE_AS")).args(["-march=armv9-a", "-o", "/dev/null"]).arg(&text).output().unwrap();
    let messages = String::from_utf8(output.stderr).unwrap();
    let unknown: BTreeSet<_> = messages
        .lines()
        .filter_map(|line| Some(line.split_once("unknown mnemonic `")?.1.split_once('\'')?.0))
        .collect();
    assert_eq!(unknown, BTreeSet::from(["frobnicate"]));
}
