//! Rules of the architecture about memory tagging: in words of our own, with the register, instruction or pseudocode function where
//! each is written, and a program that shows it.

use machine::Deadline;
use program::Program;

use crate::{Document, Kind, Section};

/// A rule.
#[derive(Debug)]
pub struct Rule {
    /// What it is called here: the name of the field or pseudocode function that it is about, in small letters.
    pub name: &'static str,
    /// Other names.
    pub also: &'static [&'static str],
    /// What it says, without its full stop.
    pub meaning: &'static str,
    /// Where it is written in DDI 0487.
    pub source: &'static str,
    /// A block's settings and code that show it, each line separate. Granule 0x20 has tag 3.
    program: &'static str,
    /// What breaks programs that do not know it.
    pub pitfall: &'static str,
}

const fn rule(
    name: &'static str,
    also: &'static [&'static str],
    meaning: &'static str,
    source: &'static str,
    program: &'static str,
    pitfall: &'static str,
) -> Rule {
    Rule { name, also, meaning, source, program, pitfall }
}

/// The rules.
pub static RULES: &[Rule] = &[
    rule(
        "tag-check",
        &["aarch64.checktag", "checktag", "tag check"],
        "a checked access compares the logical tag, bits 59:56 of the address, with the allocation tag of every granule that it touches",
        "AArch64.CheckTag; D10, Tag Checked memory accesses",
        "  x0 = tagged+0x20 tag 3\n  x1 = tagged+0x20 tag 4\ncode\n  ldr x2, [x0]\n  ldr x2, [x1]",
        "an access of several granules faults when only one of them has another tag",
    ),
    rule(
        "unchecked",
        &["aarch64.accessistagchecked", "accessistagchecked"],
        "an access is not checked if PSTATE.TCO is 1, SCTLR_EL1.ATA is 0, TCR_EL1.TBI is 0 for its half, TCMA exempts its tag, its memory is not Tagged, or its \
         base is the stack pointer with an immediate offset",
        "AArch64.AccessIsTagChecked",
        "  x1 = untagged+0x20 tag 4\n  sp = tagged+0x20 tag 4\ncode\n  ldr x2, [x1]\n  ldr x2, [sp, #8]\n  ldr x2, [sp, #8]!",
        "the stack pointer with writeback is checked",
    ),
    rule(
        "tco",
        &["pstate.tco"],
        "while PSTATE.TCO is 1 no access is checked; taking an exception sets it",
        "PSTATE.TCO; AArch64.TakeException",
        "  x1 = tagged+0x20 tag 4\ncode\n  msr tco, #1\n  str x2, [x1]\n  msr tco, #0\n  str x2, [x1]",
        "handlers that access tagged memory must clear it themselves",
    ),
    rule(
        "tcf",
        &["sctlr_el1.tcf", "aarch64.effectivetcf", "aarch64.tagcheckfault"],
        "SCTLR_EL1.TCF, and TCF0 for EL0, say what a failed check does: nothing, a synchronous exception, a bit in TFSR_EL1, or an exception for reads and the bit for \
         writes",
        "SCTLR_EL1.TCF, TCF0; AArch64.TagCheckFault",
        "  sctlr_el1.tcf = asymm\n  x1 = tagged+0x20 tag 4\ncode\n  str x2, [x1]\n  ldr x2, [x1]\n  dsb sy\n  isb\n  mrs x3, tfsr_el1",
        "with 1, synchronous, the access does not happen; with 2, asynchronous, it does",
    ),
    rule(
        "tfsr",
        &["tfsr_el1", "tfsre0_el1"],
        "asynchronous faults set TFSR_EL1.TF0, or TF1 for addresses with bit 55, and at EL0 those of TFSRE0_EL1; nothing but a write clears them",
        "TFSR_EL1, TFSRE0_EL1; AArch64.ReportTagCheckFault",
        "  sctlr_el1.tcf = async\n  x1 = tagged+0x20 tag 4\ncode\n  str x2, [x1]\n  dsb sy\n  isb\n  mrs x3, tfsr_el1",
        "a read before DSB and ISB may not see the bit yet",
    ),
    rule(
        "ata",
        &["sctlr_el1.ata", "sctlr_el1.ata0", "aarch64.allocationtagaccessisenabled"],
        "with SCTLR_EL1.ATA 0, or ATA0 for EL0, nothing is checked, tags read as 0, stores of tags are ignored and IRG returns tag 0",
        "SCTLR_EL1.ATA, ATA0; AArch64.AllocationTagAccessIsEnabled",
        "  sctlr_el1.ata = 0\n  x1 = tagged+0x20 tag 4\ncode\n  str x2, [x1]\n  stg x1, [x1]\n  ldg x3, [x1]\n  irg x4, x1",
        "stores of tags are lost without an exception",
    ),
    rule(
        "tbi",
        &["tcr_el1.tbi0", "tcr_el1.tbi1", "addresstop"],
        "with TCR_EL1.TBI0 1, or TBI1 for the upper half, bits 63:56 are no part of the address; without, a tagged pointer is not an address of its half",
        "TCR_EL1.TBI0, TBI1; AddrTop",
        "  x1 = tagged+0x20 tag 3\ncode\n  ldr x2, [x1]",
        "tags need TBI: without it a pointer with a tag takes a translation fault",
    ),
    rule(
        "tcma",
        &["tcr_el1.tcma0", "tcr_el1.tcma1", "effectivetcma"],
        "with TCR_EL1.TCMA0 1 accesses with logical tag 0 in the lower half are not checked, with TCMA1 those with tag 15 in the upper half",
        "TCR_EL1.TCMA0, TCMA1; EffectiveTCMA",
        "  tcr_el1.tcma0 = 1\n  x1 = tagged+0x20 tag 0\n  x2 = tagged+0x20 tag 4\ncode\n  ldr x3, [x1]\n  ldr x3, [x2]",
        "it is how a kernel lets untagged pointers be used with tagged memory",
    ),
    rule(
        "untagged",
        &["mair_el1", "normal-tagged", "untagged memory"],
        "memory has allocation tags only where its attribute is Normal-Tagged (MAIR_EL1 0xf0); elsewhere accesses are not checked, tags read as 0 and stores of tags \
         are ignored",
        "MAIR_EL1; AArch64.AccessIsTagChecked",
        "  x1 = untagged+0x20 tag 4\ncode\n  str x2, [x1]\n  stg x1, [x1]\n  ldg x1, [x1]",
        "mapping memory again without the attribute hides its tags, and does not change them",
    ),
    rule(
        "stack-pointer",
        &["sp", "sp-immediate"],
        "loads and stores whose base is the stack pointer, with an immediate offset or none and without writeback, are not checked",
        "the instructions' operational pseudocode: tagchecked = wback || n != 31",
        "  sp = tagged+0x20 tag 4\n  x1 = 0x8\ncode\n  ldr x2, [sp, #8]\n  ldr x2, [sp, x1]",
        "an offset in a register is checked",
    ),
    rule(
        "tcso",
        &["sctlr_el1.tcso", "sctlr_el1.tcso0", "store-only", "storeonlytagcheckingenabled"],
        "with SCTLR_EL1.TCSO 1, or TCSO0 for EL0, only stores are checked (FEAT_MTE_STORE_ONLY)",
        "SCTLR_EL1.TCSO, TCSO0; StoreOnlyTagCheckingEnabled",
        "  sctlr_el1.tcso = 1\n  x1 = tagged+0x20 tag 4\ncode\n  ldr x2, [x1]\n  str x2, [x1]",
        "an atomic is a store",
    ),
    rule(
        "exclude",
        &["gcr_el1.exclude", "gcr_el1", "aarch64.choosenonexcludedtag", "choosenonexcludedtag"],
        "IRG, ADDG and SUBG pass over the tags whose bits are set in GCR_EL1.Exclude, IRG over those in its mask, too; if all are excluded the tag is 0",
        "GCR_EL1.Exclude; AArch64.ChooseNonExcludedTag",
        "  gcr_el1 = 0xfffe\n  x0 = tagged+0x20 tag 3\n  x1 = 0x1\ncode\n  irg x2, x0\n  irg x3, x0, x1\n  addg x4, x0, #0, #1",
        "ADDG steps from tag to tag among those that are left, and does not add",
    ),
    rule(
        "rgsr",
        &["rgsr_el1", "gcr_el1.rrnd", "rrnd", "aarch64.randomtag"],
        "with GCR_EL1.RRND 0, IRG shifts the 16-bit generator in RGSR_EL1.SEED four times, and keeps the tag in RGSR_EL1.TAG; with RRND 1 the CPU may draw tags in its \
         own way",
        "RGSR_EL1; GCR_EL1.RRND; AArch64.RandomTag",
        "  rgsr_el1 = 0x100\n  x0 = tagged+0x20 tag 3\ncode\n  irg x1, x0\n  irg x2, x0\n  mrs x3, rgsr_el1",
        "tags of RRND 0 can be told in advance",
    ),
    rule(
        "tag-alignment",
        &["alignment", "aarch64.checkalignment"],
        "addresses of STG, STZG, ST2G, STZ2G and STGP must be multiples of a granule, 16 bytes, or there is an alignment fault; LDG aligns its address",
        "C6.2 STG, LDG; AArch64.CheckAlignment",
        "  x1 = tagged+0x28 tag 4\ncode\n  stg x1, [x1]\n  ldg x2, [x1]",
        "it does not depend on SCTLR_EL1.A",
    ),
    rule(
        "far",
        &["far_el1", "tagged-far"],
        "FAR_EL1 of a tag check fault has bits 59:56 of the address, with which tags can be compared; bits 63:60 are UNKNOWN without FEAT_MTE_TAGGED_FAR",
        "FAR_EL1",
        "  x1 = tagged+0x20 tag 4\ncode\n  ldr x2, [x1]",
        "of a fault in the midst of an access it is the first byte in a granule with another tag, or the beginning of the access",
    ),
    rule(
        "tag-block",
        &["gmid_el1", "gmid_el1.bs"],
        "LDGM, STGM and STZGM work on aligned blocks of 4 << GMID_EL1.BS bytes, a tag in four bits of the register for each granule, and are UNDEFINED at EL0",
        "GMID_EL1.BS; C6.2 LDGM, STGM, STZGM",
        "  x1 = tagged+0x100 tag 0\n  x2 = 0x7654\ncode\n  stgm x2, [x1]\n  ldgm x3, [x1]\n  mrs x4, gmid_el1",
        "the block's size differs between CPUs",
    ),
    rule(
        "dc-gva",
        &["dc gva", "dc gzva", "dczid_el0"],
        "DC GVA stores the address's logical tag to all granules of a block of 4 << DCZID_EL0.BS bytes, DC GZVA zeros their data, too; neither is checked; DC ZVA is a \
         write that is",
        "C5.3 DC GVA, DC GZVA, DC ZVA",
        "  x1 = tagged+0x40 tag 4\n  x2 = tagged+0x40 tag 5\ncode\n  dc gva, x1\n  dc zva, x1\n  dc zva, x2",
        "the address need not be aligned: the block around it is meant",
    ),
];

/// Explains a rule; `None` if none has this name.
pub fn document(name: &str) -> Option<Document> {
    let rule = RULES.iter().find(|rule| rule.name == name || rule.also.contains(&name))?;
    let mut sections = vec![Section::line("source", format!("DDI 0487: {}", rule.source))];
    sections.push(Section::line("note", rule.pitfall));
    if let Some(blocks) = blocks(rule) {
        sections.push(Section::blocks("an example, where granule 0x20 has tag 3", blocks));
    }
    Some(Document { topic: rule.name.to_owned(), kind: Kind::Rule, meaning: rule.meaning.to_owned(), sections })
}

/// Runs a rule's program on the specification.
pub(crate) fn blocks(rule: &Rule) -> Option<Vec<trace::Block>> {
    let text = format!("granule program 1\ntags 0x20 3\nblock el=1\n{}\nend\n", rule.program);
    let program: Program = text.parse().ok()?;
    let traced = trace::trace(&program, trace::model_of("everything")?, Deadline::NEVER).ok()?;
    traced.stopped.is_none().then_some(traced.blocks)
}
