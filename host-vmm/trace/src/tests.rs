use machine::Deadline;

use super::{Access, Instruction, Trace, model_of, trace, write};

fn traced(settings: &str, code: &str) -> Trace {
    let text = format!(
        "granule program 1\ntags 0x20 3\nblock el=1\n{settings}  x0 = tagged+0x20 tag 3\n  x1 = tagged+0x20 tag 4\ncode\n{code}\nend\n"
    );
    trace(&text.parse().unwrap(), model_of("max").unwrap(), Deadline::NEVER).unwrap()
}

fn last(settings: &str, code: &str) -> Instruction {
    traced(settings, code).blocks.pop().unwrap().instructions.pop().unwrap()
}

fn rule(settings: &str, code: &str) -> (String, Option<bool>, String) {
    let found = last(settings, code);
    let [Access::Data { rule, matches, effect, .. }] = &found.accesses[..] else { panic!("{found:?}") };
    (rule.to_string(), *matches, effect.clone().unwrap_or_default().into_owned())
}

#[test]
fn each_access_says_by_which_rule_it_is_checked_or_not() {
    let none = "  sctlr_el1.tcf = none\n";
    for (settings, code, begins, matches, effect) in [
        ("", "str x2, [x0]", "checked", Some(true), ""),
        ("", "str x2, [x1]", "checked", Some(false), "a synchronous fault"),
        (none, "str x2, [x1]", "checked", Some(false), "no effect"),
        ("  sctlr_el1.tcf = async\n", "str x2, [x1]", "checked", Some(false), "recorded"),
        ("", "msr tco, #1; str x2, [x1]", "not checked: PSTATE.TCO", None, ""),
        ("  sctlr_el1.tcso = 1\n", "ldr x2, [x1]", "not checked: SCTLR_EL1.TCSO", None, ""),
        ("  sctlr_el1.ata = 0\n", "str x2, [x1]", "not checked: SCTLR_EL1.ATA", None, ""),
        ("  tcr_el1.tcma0 = 1\n", "bfc x1, #56, #4; str x2, [x1]", "not checked: TCR_EL1.TCMA", None, ""),
        ("  sp = tagged+0x20 tag 4\n", "str x2, [sp, #8]", "not checked: accesses of this instruction", None, ""),
        ("  x5 = untagged+0x20 tag 4\n", "str x2, [x5]", "not checked: the memory is not Tagged", None, ""),
    ] {
        let (rule, found, found_effect) = rule(settings, code);
        assert!(rule.starts_with(begins), "{settings}{code}: {rule}");
        assert_eq!(found, matches, "{settings}{code}");
        assert!(found_effect.starts_with(effect), "{settings}{code}: {found_effect}");
    }
}

#[test]
fn a_fault_shows_its_syndrome_and_the_tags_around() {
    let fault = last("", "str x2, [x1]").fault.unwrap();
    assert_eq!(fault.esr, 0x9600_0051);
    assert_eq!(fault.far.as_deref(), Some("tagged+0x20 tag 4"));
    let fields: Vec<_> = fault.fields.iter().map(|field| (&*field.name, field.value, field.meaning.as_str())).collect();
    assert!(fields.contains(&("WnR", 1, "write")) && fields.contains(&("CM", 0, "no cache maintenance")), "{fields:?}");
    assert_eq!((fields[0], fields.len()), (("EC", 0x25, "data abort, same EL"), 16));
    let it: Vec<_> = fault.around.iter().filter(|(.., is_it)| *is_it).collect();
    assert_eq!(it, [&("0x20".to_owned(), 3, true)]);
    assert!(fault.around.iter().any(|(granule, tag, _)| (granule.as_str(), *tag) == ("0x10", 0)));
}

#[test]
fn changes_and_tags_are_those_of_the_instruction() {
    let trace = traced("", "irg x3, x0; stg x3, [x3]; ldg x4, [x3]; adds x5, xzr, xzr; nop");
    let instructions = &trace.blocks[0].instructions;
    let names = |n: usize| instructions[n].changes.iter().map(|change| change.register.as_str()).collect::<Vec<_>>();
    assert_eq!(names(0), ["x3", "rgsr_el1"]);
    assert!(
        matches!(&instructions[1].accesses[..], [Access::TagStore { granule, before: Some(3), .. }] if granule == "0x20")
    );
    assert!(matches!(&instructions[2].accesses[..], [Access::TagLoad { granule, .. }] if granule == "0x20"));
    assert_eq!((names(2), names(3), names(4)), (vec!["x4"], vec!["nzcv"], vec![]));
    assert_eq!(instructions.len(), 5, "the word that ends a block is not shown");
}

#[test]
fn blocks_are_kept_apart_and_loops_are_shown_as_often_as_they_ran() {
    let text = "granule program 1\nblock el=1\n  x0 = 0x3\ncode\nagain: sub x0, x0, #1; cbnz x0, again\nend\nblock el=0\ncode\nnop\nend\nagain cpu=0\n";
    let trace = trace(&text.parse().unwrap(), model_of("max").unwrap(), Deadline::NEVER).unwrap();
    let lengths: Vec<_> = trace.blocks.iter().map(|block| (block.step, block.instructions.len())).collect();
    assert_eq!(lengths, [(0, 6), (1, 1), (2, 1)]);
}

#[test]
fn what_is_not_specified_ends_a_trace_with_what_came_before() {
    let trace = traced("", "nop; .inst 0x1e622820; nop");
    assert_eq!(trace.blocks[0].instructions.len(), 2);
    assert!(trace.stopped.is_some());
}

#[test]
fn the_text_shows_what_a_person_asks_for() {
    let mut text = Vec::new();
    write(&traced("", "irg x3, x0; str x2, [x1]"), &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    for part in ["irg x3, x0", "does not match", "FAR_EL1 tagged+0x20 tag 4", "DFSC 0x11 tag check fault"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_fault_names_the_rule_that_made_it() {
    for (settings, code, rule) in [
        ("", "str x2, [x1]", "the logical tag is not the allocation tag (AArch64.CheckTag), and SCTLR_EL1.TCF is 1"),
        ("  sctlr_el1.tcf = asymm\n", "ldr x2, [x1]", "and SCTLR_EL1.TCF is 3: synchronous for reads"),
        ("", "stg x0, [x0, #16]!; sub x0, x0, #8; stg x0, [x0]", "the address is not a multiple of"),
        ("", "mov x3, #1; str x2, [x3, #0]", "the translation tables have no entry for the address"),
        ("", "br x3", "the translation tables have no entry for the program counter"),
        ("  x3 = 0x2\n", "br x3", "the program counter is not a multiple of 4"),
        ("  sp = 0x8\n", "ldr x2, [sp]", "an address is made of a stack pointer"),
        ("", "brk #1", "BRK asks for the exception"),
        ("", ".inst 0", "no instruction has this encoding"),
        ("", "ld64b x8, [x0]", "the instruction is UNDEFINED on a CPU without FEAT_LS64"),
    ] {
        let fault = last(settings, code).fault.unwrap_or_else(|| panic!("{code}"));
        let found = fault.rule.as_deref().unwrap_or_default();
        assert!(found.contains(rule), "{code}: {found}");
    }
}

#[test]
fn fields_of_a_syndrome_cover_it() {
    for esr in [0x9600_0051, 0x8600_000f, 0x6232_1234, 0x5600_0003, 0xf200_ffff, 0x0200_0000, 0x6600_0001, 0x9fff_ffff]
    {
        let fields = crate::syndrome::fields(arch::Syndrome::from_bits(esr));
        let ones: u32 = fields.iter().map(|field| field.value.count_ones()).sum();
        let expected = u64::count_ones(esr);
        assert!(ones >= expected, "{esr:#x}: {fields:?}");
    }
}
