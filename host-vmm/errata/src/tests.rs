//! The table is consistent, and each sign recognises failures that were recorded, and nothing that is only like them.

mod counterexamples;
mod recorded;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::*;

fn ids(environment: &Environment) -> Vec<&'static str> {
    in_effect(environment).map(|erratum| erratum.id).collect()
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errata")
}

#[test]
fn versions_have_the_errata_that_were_measured_on_them() {
    let linux = |version: &str, mode: &str| ids(&Environment::new("", version, mode));
    let qemu = |version: &str| ids(&Environment::new(&format!("QEMU {version}"), "", ""));
    let protected = "linux.protected-mode-tfsr";
    assert!(linux("6.12.117", "protected").contains(&protected));
    assert!(!linux("6.12.117", "VHE").contains(&protected));
    assert!(!linux("6.1.192", "protected").contains(&protected));
    assert!(!linux("7.2.13", "protected").contains(&protected));
    assert_eq!(qemu("7.2.22"), ["qemu.granules-of-a-page-share-a-tag"]);
    assert!(qemu("10.0.13").contains(&"qemu.sp-alignment"));
    assert!(qemu("10.0.13").contains(&"qemu.vector-list-end-unchecked"));
    assert!(!qemu("11.1.3").contains(&"qemu.vector-list-end-unchecked"));
    let zero_page = "linux.zero-page-flagged-tagged";
    assert!(linux("6.1.157", "VHE").contains(&zero_page));
    assert!(!linux("6.1.158", "VHE").contains(&zero_page));
    assert!(!linux("6.12.54", "VHE").contains(&zero_page));
    assert!(linux("6.13.0", "VHE").contains(&zero_page));
}

#[test]
fn an_erratum_has_a_name_of_its_own_versions_in_order_and_a_source() {
    let mut names = BTreeSet::new();
    for erratum in all() {
        let ordered = |range: &Versions| range.until.is_none_or(|until| range.since < until);
        assert!(names.insert(erratum.id), "{} is there twice", erratum.id);
        assert!(erratum.id.starts_with(&format!("{}.", erratum.product.name().to_lowercase())), "{}", erratum.id);
        assert!(!erratum.versions.is_empty() && erratum.versions.iter().all(ordered), "{}", erratum.id);
        assert!(!erratum.reference.is_empty() && !erratum.seen.is_empty(), "{}", erratum.id);
        assert!(!erratum.shows.ends_with('.') && !erratum.title.ends_with('.'), "{}", erratum.id);
        let excuses = erratum.can_excuse() && !erratum.cases.is_empty();
        assert!(!excuses || !erratum.signs.is_empty(), "{}: cases without a sign", erratum.id);
        let shown = !erratum.programs.is_empty();
        assert!(
            !shown || !erratum.signs.is_empty() && erratum.can_excuse(),
            "{}: a program without a sign",
            erratum.id
        );
    }
}

/// Each file in docs/errata/ belongs to an erratum, and each that an erratum names is there.
#[test]
fn programs_and_analyses_are_those_of_the_table() {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(directory()).unwrap() {
        found.insert(entry.unwrap().file_name().into_string().unwrap());
    }
    let mut named = BTreeSet::from(["notes.md".to_owned()]);
    for erratum in all() {
        named.extend(erratum.programs.iter().map(|name| format!("{name}.granule")));
        assert!(erratum.programs.iter().all(|name| name.starts_with(erratum.id)), "{}", erratum.id);
        if !erratum.analysis.is_empty() {
            named.insert(format!("{}.md", erratum.id));
        }
    }
    assert_eq!(found, named);
}

#[test]
fn every_instruction_that_a_row_names_exists() {
    let begins = |beginning: &str| {
        let mnemonic = beginning.split(' ').next().unwrap_or_default();
        isa::rows().iter().any(|row| row.mnemonic().starts_with(mnemonic))
    };
    for erratum in all() {
        for sign in erratum.signs {
            if let sign::Sign::Instruction(sign::InstructionSign { instructions, .. })
            | sign::Sign::TagsStored(instructions) = sign
            {
                assert!(instructions.iter().all(|name| begins(name)), "{}: {instructions:?}", erratum.id);
            }
        }
    }
}
