//! Chapter: the tagged heap. What memory tagging is for: misuse of an object is caught.

use isa::TaggedPtr;

use case::expect::{Direction, TagCheckFault, equal, fail, fail_with, holds, no_fault, one_tag_check_fault};
use case::settings::rgsr;
use case::{Case, CaseContext, CaseError, CaseResult, Guest};
use machine::El;
use machine::tags::GRANULE;
use report::event::Failure;

pub const CASES: &[Case] = &[
    case(
        "heap.misuse.overflow",
        "a store one byte behind an object's last granule faults, and the tags around it show why",
        overflow,
    ),
    case("heap.misuse.underflow", "a load right before an object faults", underflow),
    case(
        "heap.misuse.use-after-free",
        "a pointer to a freed object faults, also when its memory is used again",
        use_after_free,
    ),
    case(
        "heap.misuse.double-free",
        "the heap refuses to free an object twice, and a pointer with another tag",
        double_free,
    ),
    case("heap.objects.separate-tags", "no object has a tag of its neighbours, over many sizes", separate),
    case("heap.objects.keep-the-generator", "the heap leaves GCR_EL1 and RGSR_EL1 as the program had them", generator),
];

const CITE: &str = "guest-fw/src/heap.rs; DDI 0487 D10 about memory tagging";

const fn case(name: &'static str, claim: &'static str, run: fn(&mut CaseContext<'_>) -> CaseResult) -> Case {
    Case::new(name, claim, CITE, run)
}

/// Allocates, or fails the case.
fn allocate(guest: &mut Guest, bytes: u64) -> Result<u64, CaseError> {
    match guest.machine().heap_alloc(bytes, 16)? {
        0 => fail(format!("allocating {bytes} bytes"), "a pointer", "no room"),
        pointer => Ok(pointer),
    }
}

/// The tags around an address, as a report shows them: a line a granule, the one meant marked.
fn tags_around(guest: &mut Guest, pointer: u64) -> Result<Vec<String>, CaseError> {
    let ipa = abi::map::ipa_of(pointer) & !(GRANULE - 1);
    let start = (ipa - 3 * GRANULE).max(abi::map::HEAP_BASE);
    let found = guest.fetch_tags(start, 7)?;
    let mut lines = vec![format!("pointer {pointer:#018x}, tag {}", TaggedPtr::new(pointer).tag())];
    for (n, tag) in (0u64..).zip(found) {
        let at = start + n * GRANULE;
        lines.push(format!("{} {at:#x}  tag {tag:#x}", if at == ipa { "=>" } else { "  " }));
    }
    Ok(lines)
}

/// Expects one tag check fault of a misuse; the report of anything else shows the tags around it.
fn caught(guest: &mut Guest, what: &str, text: &str, direction: Direction, pointer: u64) -> CaseResult {
    let trace = guest.exec(text, &[pointer])?;
    let expected = TagCheckFault { el: El::El1, direction, index: 0, pointer };
    match one_tag_check_fault(guest, what, expected, &trace) {
        Err(CaseError::Failed(failure)) => {
            let detail = tags_around(guest, pointer)?.into_iter().chain(failure.detail).collect();
            Err(CaseError::Failed(Box::new(Failure { detail, ..*failure })))
        }
        other => other,
    }
}

fn overflow(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    for bytes in [16, 48, 64, 200, 4096] {
        let first = allocate(&mut guest, bytes)?;
        let second = allocate(&mut guest, bytes)?;
        let size = bytes.next_multiple_of(GRANULE);
        let text = "strb w1, [x0]; strb w1, [x2]";
        let trace = guest.exec(text, &[first + size - 1, 0, second + size - 1])?;
        no_fault(&guest, &format!("the last byte of {bytes}"), &trace)?;
        for object in [first, second] {
            caught(&mut guest, &format!("the byte behind {bytes}"), "strb w1, [x0]", Direction::Store, object + size)?;
        }
    }
    Ok(())
}

fn underflow(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    allocate(&mut guest, 32)?;
    for bytes in [16, 32, 112] {
        let object = allocate(&mut guest, bytes)?;
        caught(&mut guest, &format!("the byte before {bytes}"), "ldrb w1, [x0]", Direction::Load, object - 1)?;
    }
    Ok(())
}

fn use_after_free(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    for bytes in [16, 80, 1024] {
        let object = allocate(&mut guest, bytes)?;
        let trace = guest.exec("str x0, [x0]", &[object])?;
        no_fault(&guest, "a store to a live object", &trace)?;
        equal("freeing a live object", &true, &guest.machine().heap_free(object, bytes, 16)?)?;
        caught(&mut guest, &format!("a load from {bytes} freed bytes"), "ldr x1, [x0]", Direction::Load, object)?;
        let again = allocate(&mut guest, bytes)?;
        holds(
            "the memory of a freed object",
            "is used again",
            format_args!("{again:#x}"),
            abi::map::ipa_of(again) == abi::map::ipa_of(object),
        )?;
        let trace = guest.exec("str x0, [x0]", &[again])?;
        no_fault(&guest, "a store to the new object", &trace)?;
    }
    Ok(())
}

fn double_free(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let object = allocate(&mut guest, 64)?;
    let other_tag = object ^ 1 << 56;
    equal("freeing through another tag", &false, &guest.machine().heap_free(other_tag, 64, 16)?)?;
    equal("freeing a pointer into the middle", &false, &guest.machine().heap_free(object + 64, 64, 16)?)?;
    equal("freeing once", &true, &guest.machine().heap_free(object, 64, 16)?)?;
    equal("freeing twice", &false, &guest.machine().heap_free(object, 64, 16)?)
}

fn separate(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    for _ in 0..24 {
        let bytes = cx.random().u64(1..600);
        let object = allocate(&mut guest, bytes)?;
        let size = bytes.next_multiple_of(GRANULE);
        let ipa = abi::map::ipa_of(object);
        let tag = TaggedPtr::new(object).tag().value();
        let granules = (size / GRANULE) as usize;
        let inside = guest.fetch_tags(ipa, granules)?;
        case::expect::tags(&format!("an object of {bytes} bytes"), ipa, &vec![tag; granules], &inside)?;
        let behind = guest.fetch_tags(ipa + size, 1)?[0];
        if behind == tag {
            let detail = tags_around(&mut guest, object + size)?;
            return fail_with(
                "the granule behind an object",
                format!("a tag other than {tag:#x}"),
                format!("{behind:#x}"),
                detail,
            );
        }
    }
    Ok(())
}

fn generator(cx: &mut CaseContext<'_>) -> CaseResult {
    use abi::mailbox::SysReg;
    let mut guest = cx.guest()?;
    let block = machine::Block::assemble("irg x1, x0")?.sys(SysReg::Gcr, 0x10).sys(SysReg::Rgsr, rgsr(0x1234, 5));
    let before = guest.run(&block)?;
    let object = allocate(&mut guest, 100)?;
    guest.machine().heap_free(object, 100, 16)?;
    let after = guest.exec("nop", &[])?;
    for register in [SysReg::Gcr, SysReg::Rgsr] {
        case::expect::equal_hex(&format!("{register:?}"), before.sys(register), after.sys(register))?;
    }
    Ok(())
}
