use super::*;

fn text(topic: &str) -> String {
    let mut text = Vec::new();
    write(&explain(topic).unwrap_or_else(|error| panic!("{error}")), &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn topics_of_one_kind_have_different_names_and_each_is_explained() {
    let mut seen = std::collections::BTreeSet::new();
    for (name, kind) in topics() {
        assert!(seen.insert((name, kind as u8)), "{name} twice");
    }
    // Defects and cases are many; some of each kind, and all rules and errata.
    let some = topics().enumerate().filter(|(n, (_, kind))| matches!(kind, Kind::Rule | Kind::Erratum) || n % 29 == 0);
    for (_, (name, kind)) in some {
        let document = explain(name).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(document.kind, kind, "{name}");
        assert!(!document.meaning.is_empty() && !document.sections.is_empty(), "{name}");
    }
}

#[test]
fn every_rule_has_a_program_that_comes_to_its_end_and_shows_something() {
    for rule in RULES {
        let blocks = rules::blocks(rule).unwrap_or_else(|| panic!("{}", rule.name));
        let shows = blocks[0].instructions.iter().any(|one| !one.accesses.is_empty() || !one.changes.is_empty());
        assert!(shows, "{}", rule.name);
        assert!(
            rule.also.iter().all(|also| explain(also).is_ok_and(|found| found.topic == rule.name)),
            "{}",
            rule.name
        );
    }
}

#[test]
fn an_instruction_says_whether_and_by_which_rule_its_accesses_are_checked() {
    for (topic, parts) in [
        (
            "str",
            &[
                "writes data, checked",
                "by the stack pointer: writes data, not checked: accesses of this instruction",
                "✗ data abort",
            ][..],
        ),
        ("stg", &["allocation tags, which are not checked", "stores the tag of granule"]),
        ("irg", &["none", "rgsr_el1"]),
        ("swpp", &["FEAT_LSE128"]),
        ("ldapur", &["reads data, checked"]),
    ] {
        let text = text(topic);
        for part in parts {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
    assert!(!text("add").contains("checked"), "{}", text("add"));
}

#[test]
fn a_case_shows_its_promise_needs_errata_and_first_blocks() {
    let text = text("arch.access.cas-fault-is-of-a-read");
    for part in ["DDI 0487", "qemu.cas-writes", "cas", "✗ data abort"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn an_erratum_shows_its_program_and_its_report() {
    let text = text("qemu.cas-writes");
    for part in ["docs/errata/qemu.cas-writes.granule", "docs/upstream/qemu.cas-writes", "Versions", "✗ data abort"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let open = errata::all().filter(|erratum| !erratum.programs.is_empty());
    for erratum in open {
        let document = explain(erratum.id).unwrap();
        let programs = document.sections.iter().filter(|section| section.heading.ends_with("on the specification"));
        assert_eq!(programs.count(), erratum.programs.len(), "{}", erratum.id);
    }
}

#[test]
fn an_unknown_topic_is_answered_with_what_may_be_meant() {
    assert_eq!(explain("ldapurr").unwrap_err().near.as_deref(), Some("ldapur"));
    assert_eq!(explain("qemu.cas-write").unwrap_err().near.as_deref(), Some("qemu.cas-writes"));
    let within = explain("arch.irg").unwrap_err();
    assert!(within.near.is_none() && within.within.iter().all(|name| name.contains("arch.irg")), "{within}");
    assert!(explain("zzzzzzzzz").unwrap_err().to_string().ends_with("`granule list` shows the cases"));
}
