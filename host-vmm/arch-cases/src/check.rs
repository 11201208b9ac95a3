//! Chapter: the tag check itself. Which accesses fault, where, and what they leave undone.

use abi::mailbox::PageKind;
use abi::map::{GUEST_PAGE, Window};

use case::address::{arena, pointer, pointer_at, tagged};
use case::expect::{
    Direction, TagCheckFault, equal_hex, fail_with, no_fault, one_exception, one_tag_check_fault, tag_check_syndrome,
};
use case::{Case, CaseContext, CaseError, CaseResult, Guest};
use machine::need::Need;
use machine::{Block, El, Trace};

pub const CASES: &[Case] = &[
    case(
        "arch.check.every-size",
        "a load or store of any size through a wrong tag faults, through the right one it does not",
        every_size,
    ),
    case("arch.check.every-tag", "of the sixteen logical tags exactly the granule's own passes", every_tag),
    case(
        "arch.check.faulting-store-stores-nothing",
        "a store that takes a synchronous tag check fault leaves memory and its base register as they were",
        store_nothing,
    ),
    case(
        "arch.check.faulting-load-loads-nothing",
        "a load that takes a synchronous tag check fault leaves its registers as they were",
        load_nothing,
    ),
    case(
        "arch.check.straddling-granules",
        "an access across two granules faults if either has another tag",
        straddling_granules,
    ),
    case(
        "arch.check.straddling-pages",
        "an access across two pages faults if the granule behind the page's end has another tag",
        straddling_pages,
    ),
    case("arch.check.upper-half", "addresses that TTBR1_EL1 translates are checked against the same tags", upper_half),
    case("arch.check.el0", "EL0 is checked like EL1, and its fault comes from a lower level", el0),
    case("arch.check.second-vcpu", "tags that one vCPU stores are those that another is checked against", second_vcpu),
    case(
        "arch.check.syndrome-upper-half",
        "bits 63:32 of ESR_EL1 are zero for a tag check fault: ISS2 tells of features that it does not touch",
        syndrome_upper_half,
    ),
    case(
        "arch.check.tagged-far",
        "with FEAT_MTE_TAGGED_FAR bits 63:60 of FAR_EL1 are those of the pointer, too",
        tagged_far,
    )
    .needing(&[Need::TaggedFar]),
    case(
        "arch.check.permission-first",
        "a store through a wrong tag to a read-only page takes a permission fault",
        permission_first,
    ),
];

const fn case(name: &'static str, claim: &'static str, run: fn(&mut CaseContext<'_>) -> CaseResult) -> Case {
    Case::new(name, claim, "DDI 0487 D10 tag checking, ESR_EL1", run)
}

/// An instruction on the address in x0, its direction, and bytes accessed.
type Access = (&'static str, Direction, u64);

/// One of each kind.
const ACCESSES: [Access; 24] = [
    ("ldrb w1, [x0]", Direction::Load, 1),
    ("ldrh w1, [x0]", Direction::Load, 2),
    ("ldr w1, [x0]", Direction::Load, 4),
    ("ldr x1, [x0]", Direction::Load, 8),
    ("ldp w1, w2, [x0]", Direction::Load, 8),
    ("ldp x1, x2, [x0]", Direction::Load, 16),
    ("ldurb w1, [x0, #0]", Direction::Load, 1),
    ("ldurh w1, [x0, #0]", Direction::Load, 2),
    ("ldur w1, [x0, #0]", Direction::Load, 4),
    ("ldur x1, [x0, #0]", Direction::Load, 8),
    ("ldr x1, [x0], #8", Direction::Load, 8),
    ("ldr x1, [x0, #0]!", Direction::Load, 8),
    ("strb w1, [x0]", Direction::Store, 1),
    ("strh w1, [x0]", Direction::Store, 2),
    ("str w1, [x0]", Direction::Store, 4),
    ("str x1, [x0]", Direction::Store, 8),
    ("stp w1, w2, [x0]", Direction::Store, 8),
    ("stp x1, x2, [x0]", Direction::Store, 16),
    ("sturb w1, [x0, #0]", Direction::Store, 1),
    ("sturh w1, [x0, #0]", Direction::Store, 2),
    ("stur w1, [x0, #0]", Direction::Store, 4),
    ("stur x1, [x0, #0]", Direction::Store, 8),
    ("str x1, [x0], #8", Direction::Store, 8),
    ("str x1, [x0, #0]!", Direction::Store, 8),
];

/// Runs accesses in one block, each by a base register of its own, from x4 on.
fn batch(guest: &mut Guest, accesses: &[Access], pointer: impl Fn(u64) -> u64) -> Result<Trace, CaseError> {
    let base = |i: usize| 4 + i;
    let text: String =
        accesses.iter().enumerate().map(|(i, (text, ..))| text.replace("x0", &format!("x{}", base(i))) + ";").collect();
    let mut block = Block::assemble(&text)?;
    for (i, (_, _, bytes)) in accesses.iter().enumerate() {
        block = block.x(base(i), pointer(*bytes));
    }
    guest.run(&block)
}

/// Expects each access of a batch to take one tag check fault, somewhere within its bytes. Which of them
/// FAR_EL1 shows is the CPU's choice where an access is part of two granules.
fn all_fault(guest: &Guest, accesses: &[Access], pointer: impl Fn(u64) -> u64, trace: &Trace) -> CaseResult {
    let indices: Vec<_> = trace.faults.iter().filter_map(|fault| fault.index).collect();
    if indices != (0..accesses.len()).collect::<Vec<_>>() {
        return fail_with(
            "a tag check fault of each access",
            format!("{} of them", accesses.len()),
            format!("at instructions {indices:?}"),
            guest.listing(),
        );
    }
    for (fault, (text, direction, bytes)) in trace.faults.iter().zip(accesses) {
        let syndrome = tag_check_syndrome(El::El1, *direction);
        equal_hex(&format!("ESR_EL1 of {text}"), syndrome.bits(), fault.esr.bits() & 0xffff_ffff)?;
        let first = pointer(*bytes);
        let known = !(0xf << 60);
        if (fault.far & known).wrapping_sub(first & known) >= *bytes {
            let expected = format!("{first:#x} to {:#x}", first + bytes - 1);
            return fail_with(format!("FAR_EL1 of {text}"), expected, format!("{:#x}", fault.far), guest.listing());
        }
    }
    Ok(())
}

fn every_size(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &[3, 7, 3])?;
    let trace = batch(&mut guest, &ACCESSES, |_| tagged(16, 7))?;
    no_fault(&guest, "accesses through the right tag", &trace)?;
    let wrong = |_| tagged(16, 3);
    let trace = batch(&mut guest, &ACCESSES, wrong)?;
    all_fault(&guest, &ACCESSES, wrong, &trace)
}

fn every_tag(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let granules: Vec<u8> = (0..16).collect();
    guest.store_tags(arena(0), &granules)?;
    let text: String = (0..16).map(|n| format!("ldr x20, [x{n}];")).collect();
    for offset in 0..16u8 {
        // x0 to x15 point to the granules 0 to 15, each with the tag of its neighbour at a distance.
        let x: Vec<u64> = (0..16).map(|n| tagged(u64::from(n) * 16, (n + offset) & 0xf)).collect();
        let trace = guest.exec(&text, &x)?;
        if offset == 0 {
            no_fault(&guest, "each granule through its own tag", &trace)?;
            continue;
        }
        let faulting: Vec<_> = trace
            .faults
            .iter()
            .filter(|fault| fault.esr.is_tag_check_fault())
            .filter_map(|fault| fault.index)
            .collect();
        let all: Vec<usize> = (0..16).collect();
        if faulting != all {
            let what = format!("loads through the granule's tag plus {offset}");
            return fail_with(what, "tag check faults at all 16", format!("{faulting:?}"), guest.listing());
        }
    }
    Ok(())
}

fn store_nothing(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let old = 0x1111_2222_3333_4444;
    for text in ["str x1, [x0]", "str x1, [x0], #8", "str x1, [x0, #8]!", "stp x1, x2, [x0], #16", "stur x1, [x0, #0]"]
    {
        guest.write(arena(0), &[old, old].map(u64::to_le_bytes).concat())?;
        guest.store_tags(arena(0), &[9, 9])?;
        let base = tagged(0, 8);
        let trace = guest.exec(text, &[base, !0, !0])?;
        if trace.faults.len() != 1 {
            return fail_with(text, "one exception", trace.faults.len(), guest.listing());
        }
        equal_hex(&format!("x0 after {text}"), base, trace.x[0])?;
        equal_hex(&format!("memory after {text}"), old, guest.read_u64(arena(0))?)?;
        equal_hex(&format!("memory behind it after {text}"), old, guest.read_u64(arena(8))?)?;
    }
    Ok(())
}

fn load_nothing(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &[9, 9])?;
    for text in ["ldr x1, [x0]", "ldr x1, [x0], #8", "ldr x1, [x0, #8]!", "ldp x1, x2, [x0, #16]!"] {
        let base = tagged(0, 8);
        let trace = guest.exec(text, &[base, 0xaaaa, 0xbbbb])?;
        if trace.faults.len() != 1 {
            return fail_with(text, "one exception", trace.faults.len(), guest.listing());
        }
        equal_hex(&format!("x0 after {text}"), base, trace.x[0])?;
        equal_hex(&format!("x1 after {text}"), 0xaaaa, trace.x[1])?;
        equal_hex(&format!("x2 after {text}"), 0xbbbb, trace.x[2])?;
    }
    Ok(())
}

/// Checks an edge at `edge`: the granules before it have tag `before`, those behind tag `behind`.
fn edge(guest: &mut Guest, edge: u64) -> CaseResult {
    // Half of each access lies on either side.
    let pointer = |bytes| tagged(edge - bytes / 2, 5);
    let wide: Vec<Access> = ACCESSES.into_iter().filter(|(_, _, bytes)| *bytes > 1).collect();
    for (before, behind) in [(5, 6), (6, 5), (6, 6)] {
        guest.store_tags(arena(edge - 16), &[before, behind])?;
        let trace = batch(guest, &wide, pointer)?;
        all_fault(guest, &wide, pointer, &trace)?;
    }
    guest.store_tags(arena(edge - 16), &[5, 5])?;
    let trace = batch(guest, &wide, pointer)?;
    no_fault(guest, "accesses across granules of one tag", &trace)
}

fn straddling_granules(cx: &mut CaseContext<'_>) -> CaseResult {
    edge(&mut cx.guest()?, 64)
}

fn straddling_pages(cx: &mut CaseContext<'_>) -> CaseResult {
    edge(&mut cx.guest()?, 16 * GUEST_PAGE)
}

fn upper_half(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &[4])?;
    let right = case::address::pointer_at(El::El1, true, 0, 4);
    let trace = guest.exec("ldr x1, [x0]; str x1, [x0]", &[right])?;
    no_fault(&guest, "the right tag", &trace)?;
    let wrong = case::address::pointer_at(El::El1, true, 0, 11);
    let trace = guest.exec("str x1, [x0]", &[wrong])?;
    let expected = TagCheckFault { el: El::El1, direction: Direction::Store, index: 0, pointer: wrong };
    one_tag_check_fault(&guest, "the wrong tag", expected, &trace)
}

fn el0(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &[4])?;
    let block =
        |tag| Ok::<_, CaseError>(Block::assemble("ldr x1, [x0]")?.at(El::El0).x(0, pointer(Window::TaggedEl0, 0, tag)));
    let trace = guest.run(&block(4)?)?;
    no_fault(&guest, "the right tag", &trace)?;
    let trace = guest.run(&block(12)?)?;
    let pointer = pointer(Window::TaggedEl0, 0, 12);
    let expected = TagCheckFault { el: El::El0, direction: Direction::Load, index: 0, pointer };
    one_tag_check_fault(&guest, "the wrong tag", expected, &trace)
}

fn second_vcpu(cx: &mut CaseContext<'_>) -> CaseResult {
    let config = machine::Config { cpus: 2, ..Default::default() };
    let mut guest = cx.guest_like(config)?;
    let pointer = tagged(0x5000, 13);
    let trace = guest.run_on(0, &Block::assemble("stg x0, [x0]; str x0, [x0]")?.x(0, pointer))?;
    no_fault(&guest, "the first vCPU", &trace)?;
    let trace = guest.run_on(1, &Block::assemble("ldr x1, [x0]; ldg x2, [x0]")?.x(0, pointer))?;
    no_fault(&guest, "the second vCPU", &trace)?;
    equal_hex("the data that the second vCPU reads", pointer, trace.x[1])?;
    case::expect::pointer_tag("the tag that the second vCPU reads", 13, trace.x[2])?;
    let trace = guest.run_on(1, &Block::assemble("stg x0, [x0]")?.x(0, tagged(0x5000, 2)))?;
    no_fault(&guest, "the second vCPU's STG", &trace)?;
    let trace = guest.run_on(0, &Block::assemble("ldr x1, [x0]")?.x(0, pointer))?;
    let expected = TagCheckFault { el: El::El1, direction: Direction::Load, index: 0, pointer };
    one_tag_check_fault(&guest, "the first vCPU's old pointer", expected, &trace)
}

fn permission_first(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &[1])?;
    guest.set_pages(Window::Tagged, arena(0), GUEST_PAGE, PageKind::ReadOnly)?;
    let trace = guest.exec("str x1, [x0]", &[tagged(0, 2)])?;
    match trace.faults.as_slice() {
        // Permission fault at level 3: DFSC 0b001111.
        [fault] => equal_hex("ESR_EL1", 0x9600_004f, fault.esr.bits() & 0xffff_ffff),
        other => fail_with("exceptions", "one permission fault", format!("{other:?}"), guest.listing()),
    }
}

fn syndrome_upper_half(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &[6])?;
    for el in [El::El0, El::El1] {
        for text in ["ldr x1, [x0]", "str x1, [x0]"] {
            let trace = guest.run(&Block::assemble(text)?.at(el).x(0, pointer_at(el, false, 0, 7)))?;
            let [fault] = trace.faults.as_slice() else {
                return fail_with(
                    format!("{text} at {el}"),
                    "a tag check fault",
                    format!("{:?}", trace.faults),
                    guest.listing(),
                );
            };
            equal_hex(&format!("ESR_EL1 bits 63:32 of {text} at {el}"), 0, fault.esr.bits() >> 32)?;
        }
    }
    Ok(())
}

fn tagged_far(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &[6])?;
    for el in [El::El0, El::El1] {
        for upper in [false, true] {
            for bits in [0, 0b0001, 0b1010, 0b1111] {
                let pointer = pointer_at(el, upper, 0, 7) & !(0xf << 60) | bits << 60;
                let trace = guest.run(&Block::assemble("ldr x1, [x0]")?.at(el).x(0, pointer))?;
                let what = format!("a load at {el} by {pointer:#x}");
                one_exception(&guest, &what, tag_check_syndrome(el, Direction::Load).bits(), &trace)?;
                equal_hex(&format!("FAR_EL1 of {what}"), pointer, trace.faults[0].far)?;
            }
        }
    }
    Ok(())
}
