//! Chapter: what other suites test of MTE, in our own words: an independent opinion on what should happen.
//!
//! kvm-unit-tests' `arm/mte.c` has six checks at EL1. QEMU's `tests/tcg/aarch64` has programs for user space, restated
//! here at EL0. `mte-8` is one for its gdb port: on the machine `tcg` that is how tags are fetched and stored (qMemTags and
//! QMemTags), on KVM it is the ioctl. `mte-10` is in [`super::store_only`].

use abi::mailbox::SysReg;
use abi::map::GUEST_PAGE;
use arch::TaggedPtr;

use case::address::{arena, pointer_at, tagged};
use case::expect::{Direction, TagCheckFault, equal_hex, fail_with, holds, no_fault, one_tag_check_fault, tags};
use case::settings::{Mode, TF, rgsr};
use case::{Case, CaseContext, CaseError, CaseResult, Guest};
use machine::need::Need;
use machine::{Block, El, Trace};

const UNIT_TESTS: &str = "kvm-unit-tests arm/mte.c";

pub const CASES: &[Case] = &[
    Case::new(
        "elsewhere.kvm-unit-tests.sync-read",
        "a synchronous read through a wrong tag faults, gives no value, and leaves TFSR_EL1 at 0",
        UNIT_TESTS,
        |b| unit_test(b, Mode::Synchronous, Direction::Load),
    ),
    Case::new(
        "elsewhere.kvm-unit-tests.sync-write",
        "a synchronous write through a wrong tag faults, changes nothing, and leaves TFSR_EL1 at 0",
        UNIT_TESTS,
        |b| unit_test(b, Mode::Synchronous, Direction::Store),
    ),
    Case::new(
        "elsewhere.kvm-unit-tests.async-read",
        "an asynchronous read through a wrong tag gives the value and sets TFSR_EL1.TF0",
        UNIT_TESTS,
        |b| unit_test(b, Mode::Asynchronous, Direction::Load),
    ),
    Case::new(
        "elsewhere.kvm-unit-tests.async-write",
        "an asynchronous write through a wrong tag is done and sets TFSR_EL1.TF0",
        UNIT_TESTS,
        |b| unit_test(b, Mode::Asynchronous, Direction::Store),
    ),
    Case::new(
        "elsewhere.kvm-unit-tests.asymmetric-read",
        "in asymmetric mode a read through a wrong tag faults and leaves TFSR_EL1 at 0",
        UNIT_TESTS,
        |b| unit_test(b, Mode::Asymmetric, Direction::Load),
    )
    .needing(&[Need::Mte3]),
    Case::new(
        "elsewhere.kvm-unit-tests.asymmetric-write",
        "in asymmetric mode a write through a wrong tag is done and sets TFSR_EL1.TF0",
        UNIT_TESTS,
        |b| unit_test(b, Mode::Asymmetric, Direction::Store),
    )
    .needing(&[Need::Mte3]),
    Case::new(
        "elsewhere.qemu.mte-1",
        "IRG tags a pointer whose difference from the old one is 0, and LDG reads back what STG stored",
        "QEMU tests/tcg/aarch64/mte-1.c",
        round_trip,
    ),
    Case::new(
        "elsewhere.qemu.mte-2",
        "of two pointers that IRG and GMI keep apart, the one whose tag was stored works and the other faults",
        "QEMU tests/tcg/aarch64/mte-2.c, mte-6.c",
        |b| two_pointers(b, Mode::Synchronous),
    ),
    Case::new(
        "elsewhere.qemu.mte-3",
        "the same in asynchronous mode: the store is done, and TFSRE0_EL1 shows the fault",
        "QEMU tests/tcg/aarch64/mte-3.c",
        |b| two_pointers(b, Mode::Asynchronous),
    ),
    Case::new(
        "elsewhere.qemu.mte-4",
        "four pages of STG in a loop are read back by LDG, each granule with the pointer's tag",
        "QEMU tests/tcg/aarch64/mte-4.c",
        four_pages,
    ),
    Case::new(
        "elsewhere.qemu.mte-5",
        "an unaligned load from one granule into another of a different tag faults",
        "QEMU tests/tcg/aarch64/mte-5.c",
        crossing_granules,
    ),
    Case::new(
        "elsewhere.qemu.mte-7",
        "an unaligned store across two pages whose granules both have the pointer's tag does not fault",
        "QEMU tests/tcg/aarch64/mte-7.c, QEMU issue 403",
        crossing_pages,
    ),
    Case::new(
        "elsewhere.qemu.mte-8",
        "the tags that a debugger's port reads are those of the guest, and those that it writes are what the guest loads",
        "QEMU tests/tcg/aarch64/mte-8.c and gdbstub/test-mte.py",
        from_outside,
    ),
    Case::new(
        "elsewhere.qemu.mte-9",
        "FAR_EL1 of a tag check fault is the address that was used",
        "QEMU tests/tcg/aarch64/mte-9.c",
        address_reported,
    ),
    Case::new(
        "elsewhere.qemu.system-mte",
        "with GCR_EL1 = 0xa5 IRG avoids the excluded tags, and a store through its pointer works after STG",
        "QEMU tests/tcg/aarch64/system/mte.S",
        system,
    ),
    Case::new(
        "elsewhere.qemu.mte-10",
        "a program that has its stores checked alone loads through a wrong tag, and faults when it stores",
        "QEMU tests/tcg/aarch64/mte-10.c",
        super::store_only::like_qemu,
    )
    .needing(&[Need::StoreOnly]),
];

/// The six checks: memory full of ones, tag 1; one access of a word through another tag.
fn unit_test(cx: &mut CaseContext<'_>, mode: Mode, direction: Direction) -> CaseResult {
    const OLD: u64 = 0xffff_ffff;
    const NEW: u64 = 0xbbbb_bbbb;
    let mut guest = cx.guest()?;
    guest.write(arena(0), &[0xff; 16])?;
    guest.store_tags(arena(0), &[1])?;
    let pointer = tagged(0, 2);
    let load = direction == Direction::Load;
    let block = Block::assemble(if load { "ldr w1, [x0]" } else { "str w1, [x0]" })?
        .x(0, pointer)
        .x(1, if load { 0 } else { NEW })
        .sys(SysReg::Sctlr, guest.sctlr(El::El1, mode))
        .sys(SysReg::Tfsr, 0);
    let trace = guest.run(&block)?;
    let done = mode == Mode::Asynchronous || mode == Mode::Asymmetric && !load;
    if done {
        no_fault(&guest, "the access", &trace)?;
    } else {
        let expected = TagCheckFault { el: El::El1, direction, index: 0, pointer };
        one_tag_check_fault(&guest, "the access", expected, &trace)?;
        holds("ESR_EL1.FnV", "0", "1", trace.faults[0].esr.bits() & 1 << 10 == 0)?;
    }
    equal_hex("TFSR_EL1", if done { TF[0] } else { 0 }, trace.sys(SysReg::Tfsr))?;
    if load {
        equal_hex("the register", if done { OLD } else { 0 }, trace.x[1])
    } else {
        equal_hex("the word", if done { NEW } else { OLD }, guest.read_u64(arena(0))? & 0xffff_ffff)
    }
}

/// Runs a program at EL0 with x0 = a pointer without a tag and x9 = an exclusion of tag 0; IRG's sequence is fixed.
fn user(guest: &mut Guest, text: &str, mode: Mode) -> Result<Trace, CaseError> {
    let block = Block::assemble(text)?
        .at(El::El0)
        .x(0, pointer_at(El::El0, false, 0, 0))
        .x(9, 1)
        .sys(SysReg::Sctlr, guest.sctlr(El::El0, mode))
        .sys(SysReg::Gcr, 0)
        .sys(SysReg::Rgsr, rgsr(0x3c3c, 0))
        .sys(SysReg::Tfsre0, 0);
    guest.run(&block)
}

fn round_trip(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let text = "irg x1, x0, x9; subp x2, x1, x0; stg x1, [x0]; mov x3, x0; ldg x3, [x0]";
    let trace = user(&mut guest, text, Mode::Synchronous)?;
    no_fault(&guest, "the program", &trace)?;
    holds("IRG's pointer", "another than before", format_args!("{:#x}", trace.x[1]), trace.x[1] != trace.x[0])?;
    equal_hex("SUBP of both pointers", 0, trace.x[2])?;
    equal_hex("LDG", trace.x[1], trace.x[3])
}

/// Makes two pointers of different tags: x1, whose tag is stored, and x2.
const TWO_POINTERS: &str = "irg x1, x0, x9; gmi x9, x1, x9; irg x2, x0, x9; stg x1, [x1]; ";

/// Expects x1 and x2 of [`TWO_POINTERS`] to differ.
fn apart(trace: &Trace) -> CaseResult {
    let tag = |n: usize| TaggedPtr::new(trace.x[n]).tag();
    holds(
        "the second IRG's tag",
        format_args!("none of 0 and {}", tag(1)),
        tag(2),
        tag(1) != tag(2) && tag(2).value() != 0,
    )
}

fn two_pointers(cx: &mut CaseContext<'_>, mode: Mode) -> CaseResult {
    let mut guest = cx.guest()?;
    let text = format!("{TWO_POINTERS} str xzr, [x1]; str x1, [x2]");
    let trace = user(&mut guest, &text, mode)?;
    apart(&trace)?;
    if mode == Mode::Synchronous {
        let expected = TagCheckFault { el: El::El0, direction: Direction::Store, index: 5, pointer: trace.x[2] };
        one_tag_check_fault(&guest, "the store through the other pointer", expected, &trace)?;
        return equal_hex("TFSRE0_EL1", 0, trace.sys(SysReg::Tfsre0));
    }
    no_fault(&guest, "the stores", &trace)?;
    equal_hex("the data stored through the other pointer", trace.x[1], guest.read_u64(arena(0))?)?;
    equal_hex("TFSRE0_EL1", TF[0], trace.sys(SysReg::Tfsre0))
}

fn four_pages(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let granules = 4 * GUEST_PAGE / 16;
    // x5 gathers the differences between the pointer's tag and what LDG reads.
    let text = format!(
        "irg x1, x0, x9; mov x2, x1; movz x4, #{granules}; set: stg x2, [x2], #16; subs x4, x4, #1; b.ne set
        mov x2, x1; movz x4, #{granules}; movz x5, #0
        check: mov x3, x1; ldg x3, [x2]; eor x3, x3, x1; orr x5, x5, x3; add x2, x2, #16; subs x4, x4, #1; b.ne check"
    );
    let trace = user(&mut guest, &text, Mode::Asynchronous)?;
    no_fault(&guest, "the program", &trace)?;
    equal_hex("what LDG reads, against the pointer", 0, trace.x[5])?;
    let tag = TaggedPtr::new(trace.x[1]).tag().value();
    let found = guest.fetch_tags(arena(0), granules as usize + 1)?;
    let expected = [vec![tag; granules as usize], vec![0]].concat();
    tags("four pages and the granule behind", arena(0), &expected, &found)
}

fn from_outside(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let own = cx.random_tags(4);
    case::tagging::guest_tags(&mut guest, 0x100, &own)?;
    tags("the guest's tags from outside", arena(0x100), &own, &guest.fetch_tags(arena(0x100), 4)?)?;
    let new: Vec<u8> = own.iter().map(|tag| tag ^ 0xb).collect();
    guest.store_tags(arena(0x100), &new)?;
    tags("the new tags from outside", arena(0x100), &new, &guest.fetch_tags(arena(0x100), 4)?)?;
    tags("the new tags as the guest loads them", arena(0x100), &new, &case::tagging::guest_reads(&mut guest, 0x100, 4)?)
}

fn crossing_granules(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let text = format!("{TWO_POINTERS} add x2, x2, #16; stg x2, [x2]; add x3, x1, #12; ldr x4, [x3]");
    let trace = user(&mut guest, &text, Mode::Synchronous)?;
    let faults: Vec<_> = trace.faults.iter().map(|fault| (fault.index, fault.esr.is_tag_check_fault())).collect();
    if faults == [(Some(7), true)] {
        return Ok(());
    }
    fail_with("exceptions", "one tag check fault, at instruction 7", format!("{faults:?}"), guest.listing())
}

fn crossing_pages(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(GUEST_PAGE - 16), &[1, 1])?;
    let pointer = pointer_at(El::El0, false, GUEST_PAGE - 4, 1);
    let block = Block::assemble("str x0, [x0]; ldr x1, [x0]")?.at(El::El0).x(0, pointer);
    let trace = guest.run(&block)?;
    no_fault(&guest, "accesses across the pages", &trace)?;
    equal_hex("the value read back", pointer, trace.x[1])
}

fn address_reported(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let trace = user(&mut guest, &format!("{TWO_POINTERS} add x2, x2, #9; strb w0, [x2]"), Mode::Synchronous)?;
    let expected = TagCheckFault { el: El::El0, direction: Direction::Store, index: 5, pointer: trace.x[2] };
    one_tag_check_fault(&guest, "the store", expected, &trace)
}

fn system(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let block = Block::assemble("msr gcr_el1, x9; isb; irg x1, x0; stg x1, [x0]; str x2, [x1]")?
        .x(0, tagged(0, 0))
        .x(2, 0xdead_beef)
        .x(9, 0xa5)
        .sys(SysReg::Rgsr, rgsr(0x0077, 5));
    let trace = guest.run(&block)?;
    no_fault(&guest, "the program", &trace)?;
    let tag = TaggedPtr::new(trace.x[1]).tag().value();
    holds("IRG's tag", "none of 0, 2, 5 and 7", tag, 0xa5 >> tag & 1 == 0)?;
    equal_hex("the data", 0xdead_beef, guest.read_u64(arena(0))?)?;
    let found = guest.fetch_tags(arena(0), 1)?;
    tags("the granule", arena(0), &[tag], &found)
}
