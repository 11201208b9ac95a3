//! Chapter: the tagged heap. What memory tagging is for: misuse of an object is caught.

use abi::map::{ARENA_BASE, GUEST_PAGE, HEAP_BASE, HEAP_SIZE, RAM_MIN, Window, ipa_of};
use arch::TaggedPtr;

use case::expect::{
    Direction, TagCheckFault, equal, equal_hex, fail, fail_with, holds, no_fault, one_tag_check_fault, pointer_tag,
    rejected_by_firmware,
};
use case::settings::rgsr;
use case::{Case, CaseContext, CaseError, CaseResult, Guest};
use machine::capability::Capability;
use machine::need::Need;
use machine::tags::GRANULE;
use machine::{Config, El};
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
    case(
        "heap.objects.tags-of-neighbours",
        "an object has neither the tag that its memory had before nor those of the granules next to it, whichever they are",
        tags_of_neighbours,
    ),
    case("heap.objects.keep-the-generator", "the heap leaves GCR_EL1 and RGSR_EL1 as the program had them", generator),
    case("heap.objects.aligned", "an object is aligned as was asked for, and at least to a granule", aligned),
    case(
        "heap.objects.joined",
        "objects do not overlap, and when all are freed, in any order, the heap is as large as before",
        joined,
    ),
    case("heap.objects.gone-with-the-guest", "the heap of a new guest has no object of the last one", new_guest),
    case(
        "heap.objects.restored",
        "a restored VM has the objects of the saved one: others get other memory, and each is freed once",
        restored,
    ),
    case(
        "heap.objects.untagged-without-mte",
        "in a VM without the capability the pointers of the heap have tag 0, and objects can be used and freed",
        without_mte,
    )
    .needing(&[Need::Capability(Capability::Vm)]),
    case(
        "heap.requests.bad-arguments",
        "the heap rejects objects that are empty or larger than itself, and alignments that are no power of two or above a page",
        bad_arguments,
    ),
    case(
        "heap.requests.foreign-pointers",
        "the heap frees nothing before its first allocation, nothing outside of it and nothing unaligned",
        foreign_pointers,
    ),
];

const CITE: &str = "guest-fw/src/heap.rs; DDI 0487 D10 about memory tagging";

const fn case(name: &'static str, claim: &'static str, run: fn(&mut CaseContext<'_>) -> CaseResult) -> Case {
    Case::new(name, claim, CITE, run)
}

/// Allocates, or fails the case.
fn allocate(guest: &mut Guest, bytes: u64) -> Result<u64, CaseError> {
    allocate_at(guest, bytes, GRANULE)
}

/// Allocates at a multiple of `align`, or fails the case.
fn allocate_at(guest: &mut Guest, bytes: u64, align: u64) -> Result<u64, CaseError> {
    match guest.machine().heap_alloc(bytes, align)? {
        0 => fail(format!("allocating {bytes} bytes at a multiple of {align}"), "a pointer", "no room"),
        pointer => Ok(pointer),
    }
}

/// The tags around an address, as a report shows them: a line a granule, the one meant marked.
fn tags_around(guest: &mut Guest, pointer: u64) -> Result<Vec<String>, CaseError> {
    let ipa = ipa_of(pointer) & !(GRANULE - 1);
    let start = (ipa - 3 * GRANULE).max(HEAP_BASE);
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
            ipa_of(again) == ipa_of(object),
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
        let ipa = ipa_of(object);
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
        equal_hex(&format!("{register:?}"), before.sys(register), after.sys(register))?;
    }
    Ok(())
}

/// The first byte behind the heap.
const HEAP_END: u64 = HEAP_BASE + HEAP_SIZE;

fn tags_of_neighbours(cx: &mut CaseContext<'_>) -> CaseResult {
    const GRANULES: usize = 4;
    const BYTES: u64 = GRANULES as u64 * GRANULE;
    let mut guest = cx.guest()?;
    // The middle one of three has granules of the heap on both sides.
    let mut objects = [allocate(&mut guest, BYTES)?, allocate(&mut guest, BYTES)?, allocate(&mut guest, BYTES)?];
    objects.sort_by_key(|object| ipa_of(*object));
    let mut object = objects[1];
    let ipa = ipa_of(object);
    for (place, which) in ["the granule before", "its memory", "the granule behind"].into_iter().enumerate() {
        for tag in 0..16 {
            equal("freeing an object", &true, &guest.machine().heap_free(object, BYTES, GRANULE)?)?;
            let mut found = [[0; 1].as_slice(), &[0; GRANULES], &[0; 1]].map(<[u8]>::to_vec);
            found[place].fill(tag);
            guest.store_tags(ipa - GRANULE, &found.concat())?;
            object = allocate(&mut guest, BYTES)?;
            equal_hex("the address of an object in memory that was just freed", ipa, ipa_of(object))?;
            let new = TaggedPtr::new(object).tag().value();
            let detail = tags_around(&mut guest, object)?;
            if new == tag || new == 0 {
                let expected = format!("neither 0 nor {tag}");
                return fail_with(format!("the tag of an object where {which} had {tag}"), expected, new, detail);
            }
        }
    }
    Ok(())
}

fn aligned(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let mut objects = Vec::new();
    for (bytes, align) in [(16, 16), (16, GUEST_PAGE), (1, 1), (48, 64), (5000, 2048), (16, 256), (200, GUEST_PAGE)] {
        let object = allocate_at(&mut guest, bytes, align)?;
        let multiple = ipa_of(object).is_multiple_of(align.max(GRANULE));
        let what = format!("the address of {bytes} bytes");
        holds(&what, format_args!("a multiple of {align}"), format_args!("{object:#x}"), multiple)?;
        objects.push((object, bytes, align));
    }
    for (object, bytes, align) in objects {
        equal("freeing an aligned object", &true, &guest.machine().heap_free(object, bytes, align)?)?;
    }
    Ok(())
}

/// Returns the largest sizes that fill the heap: powers of two, each at a multiple of itself; the largest first.
fn largest_sizes() -> Vec<u64> {
    let (mut sizes, mut at) = (Vec::new(), HEAP_BASE);
    while at < HEAP_END {
        let size = (1 << at.trailing_zeros()).min(1 << (HEAP_END - at).ilog2());
        sizes.push(size);
        at += size;
    }
    sizes.sort_unstable_by_key(|size| std::cmp::Reverse(*size));
    sizes
}

/// Fills the heap with objects of these sizes; returns each with its size.
fn fill(guest: &mut Guest, sizes: &[u64]) -> Result<Vec<(u64, u64)>, CaseError> {
    let mut objects = Vec::new();
    for size in sizes {
        objects.push((allocate(guest, *size)?, *size));
    }
    equal_hex("allocating from a heap that is full", 0, guest.machine().heap_alloc(GRANULE, GRANULE)?)?;
    let mut places: Vec<_> = objects.iter().map(|(object, size)| ipa_of(*object)..ipa_of(*object) + size).collect();
    places.sort_by_key(|place| place.start);
    let free = places.iter().zip(&places[1..]).all(|(place, next)| place.end <= next.start);
    let inside = places.first().is_some_and(|first| first.start >= HEAP_BASE)
        && places.last().is_some_and(|last| last.end <= HEAP_END);
    holds("the objects of a full heap", "apart, in the heap", format_args!("{places:#x?}"), free && inside)?;
    Ok(objects)
}

fn joined(cx: &mut CaseContext<'_>) -> CaseResult {
    /// Objects of one size that fill the heap.
    const PIECES: usize = 16;
    let whole = largest_sizes();
    // No RAM is behind the heap.
    let mut guest = cx.guest_like(Config { ram: RAM_MIN, ..Config::default() })?;
    let every_other: Vec<usize> = (0..PIECES).step_by(2).chain((1..PIECES).step_by(2)).collect();
    let mut random: Vec<usize> = (0..PIECES).collect();
    cx.random().shuffle(&mut random);
    for order in [every_other, random] {
        for (object, size) in fill(&mut guest, &whole)? {
            equal(&format!("freeing {size} bytes"), &true, &guest.machine().heap_free(object, size, GRANULE)?)?;
        }
        let mut pieces = fill(&mut guest, &[HEAP_SIZE / PIECES as u64; PIECES])?;
        pieces.sort_by_key(|(object, _)| ipa_of(*object));
        for (object, size) in order.into_iter().map(|place| pieces[place]) {
            equal("freeing a piece of the heap", &true, &guest.machine().heap_free(object, size, GRANULE)?)?;
        }
    }
    fill(&mut guest, &whole)?;
    Ok(())
}

fn new_guest(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let objects = fill(&mut guest, &largest_sizes())?;
    drop(guest);
    let mut guest = cx.guest()?;
    for (object, size) in objects {
        equal("freeing another guest's object", &false, &guest.machine().heap_free(object, size, GRANULE)?)?;
    }
    fill(&mut guest, &largest_sizes())?;
    Ok(())
}

fn restored(cx: &mut CaseContext<'_>) -> CaseResult {
    const BYTES: u64 = 64;
    let mut guest = cx.guest()?;
    let mut objects = vec![allocate(&mut guest, BYTES)?, allocate(&mut guest, BYTES)?];
    guest.save_and_restore()?;
    objects.push(allocate(&mut guest, BYTES)?);
    let text = "str x0, [x0]; str x1, [x1]; str x2, [x2]";
    let trace = guest.exec(text, &objects)?;
    no_fault(&guest, "a store to each object", &trace)?;
    for object in &objects {
        equal_hex("what was stored to an object", *object, guest.read_u64(ipa_of(*object))?)?;
        equal("freeing an object", &true, &guest.machine().heap_free(*object, BYTES, GRANULE)?)?;
        equal("freeing it twice", &false, &guest.machine().heap_free(*object, BYTES, GRANULE)?)?;
    }
    Ok(())
}

fn without_mte(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest_like(Config { mte: false, ..Config::default() })?;
    for bytes in [16, 200, GUEST_PAGE] {
        let objects = [allocate(&mut guest, bytes)?, allocate(&mut guest, bytes)?];
        for object in objects {
            pointer_tag(&format!("a pointer to {bytes} bytes"), 0, object)?;
        }
        let trace = guest.exec("str x0, [x0]; str x1, [x1]", &objects)?;
        no_fault(&guest, "a store to each object", &trace)?;
        for object in objects {
            equal_hex("what was stored to an object", object, guest.read_u64(ipa_of(object))?)?;
            equal("freeing an object", &true, &guest.machine().heap_free(object, bytes, GRANULE)?)?;
        }
    }
    Ok(())
}

fn bad_arguments(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    // As much as the heap has is accepted, but there is no room: the heap begins at no multiple of its size.
    equal_hex("allocating as much as the heap has", 0, guest.machine().heap_alloc(HEAP_SIZE, 16)?)?;
    let object = allocate_at(&mut guest, 1, 1)?;
    for (bytes, align) in [
        (0, 16),
        (HEAP_SIZE + 1, 16),
        (u64::MAX, 16),
        (16, 2 * GUEST_PAGE),
        (16, 1 << 63),
        (16, 0),
        (16, 3),
        (16, 24),
        (16, GUEST_PAGE - 1),
    ] {
        let what = format!("{bytes:#x} bytes at a multiple of {align:#x}");
        rejected_by_firmware(&format!("allocating {what}"), guest.machine().heap_alloc(bytes, align))?;
        rejected_by_firmware(&format!("freeing {what}"), guest.machine().heap_free(object, bytes, align))?;
    }
    equal("freeing the object", &true, &guest.machine().heap_free(object, 1, 1)?)
}

fn foreign_pointers(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    // All memory has tag 0, so it is not the tag for which a pointer is refused.
    let first = Window::Tagged.va(HEAP_BASE);
    equal("freeing before the first allocation", &false, &guest.machine().heap_free(first, 16, 16)?)?;
    let objects = [allocate(&mut guest, 16)?, allocate(&mut guest, 16)?];
    let Some(object) = objects.into_iter().find(|object| !ipa_of(*object).is_multiple_of(GUEST_PAGE)) else {
        return fail("two objects of a granule", "no more than one at the start of a page", format!("{objects:#x?}"));
    };
    for (what, pointer, bytes, align) in [
        ("memory of the arena", Window::Tagged.va(ARENA_BASE), 16, 16),
        ("the granule before the heap", first - GRANULE, 16, 16),
        ("the granule behind the heap", Window::Tagged.va(HEAP_END), 16, 16),
        ("a granule at the heap's end and one behind it", Window::Tagged.va(HEAP_END - GRANULE), 32, 16),
        ("half an object", object + 8, 16, 16),
        ("an object as one with a page's alignment", object, 16, GUEST_PAGE),
    ] {
        equal(&format!("freeing {what}"), &false, &guest.machine().heap_free(pointer, bytes, align)?)?;
    }
    equal("freeing an object", &true, &guest.machine().heap_free(object, 16, 16)?)
}
