//! Chapter: DC ZVA, which is a store and therefore checked, unlike its siblings that store tags.

use abi::map::GUEST_PAGE;

use super::stores::zero_block;
use case::address::{arena, tagged};
use case::expect::{Direction, bytes, fail_with, no_fault, one_exception, tag_check_syndrome, tags};
use case::{Case, CaseContext, CaseResult};
use machine::El;
use machine::need::Need;
use machine::tags::GRANULE;

const CITE: &str = "DDI 0487 DC ZVA, DCZID_EL0; D10 tag checked accesses";

pub const CASES: &[Case] = &[
    Case::new(
        "arch.zero.whole-block",
        "DC ZVA zeroes the block around its address, nothing else, and leaves tags alone",
        CITE,
        whole_block,
    )
    .needing(&[Need::DcZva]),
    Case::new(
        "arch.zero.checked",
        "DC ZVA takes a tag check fault whichever granule of its block has another tag, and zeroes none from that one on",
        CITE,
        checked,
    )
    .needing(&[Need::DcZva]),
    Case::new(
        "arch.zero.is-a-write",
        "a tag check fault of DC ZVA is one of a write: ESR_EL1.WnR is 1",
        "DDI 0487 ESR_EL1.WnR, DC ZVA",
        is_a_write,
    )
    .needing(&[Need::DcZva]),
];

fn whole_block(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let block = zero_block(cx)?;
    let (size, granules) = (3 * block, (3 * block / GRANULE) as usize);
    guest.store_tags(arena(0), &vec![4; granules])?;
    for at in [block, block + 1, 2 * block - 1] {
        let mut expected = vec![0xaa; size as usize];
        guest.write(arena(0), &expected)?;
        let trace = guest.exec("dc zva, x0", &[tagged(at, 4)])?;
        no_fault(&guest, "DC ZVA by the right tag", &trace)?;
        expected[block as usize..2 * block as usize].fill(0);
        bytes(&format!("data after DC ZVA at {at:#x}"), arena(0), &expected, &guest.read(arena(0), size as usize)?)?;
    }
    // Without checks its tag is nobody's business, and it stores none.
    let trace = guest.exec("msr tco, #1; dc zva, x0", &[tagged(0, 11)])?;
    no_fault(&guest, "DC ZVA with TCO", &trace)?;
    tags("tags after DC ZVA", arena(0), &vec![4; granules], &guest.fetch_tags(arena(0), granules)?)
}

fn checked(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let block = zero_block(cx)?;
    let granules = (block / GRANULE) as usize;
    let start = GUEST_PAGE;
    let data = vec![0xaa; block as usize];
    for wrong in [0, granules / 2, granules - 1] {
        let mut stored = vec![4; granules];
        stored[wrong] = 5;
        guest.write(arena(start), &data)?;
        guest.store_tags(arena(start), &stored)?;
        let trace = guest.exec("dc zva, x0", &[tagged(start, 4)])?;
        match trace.faults.as_slice() {
            [fault] if fault.esr.is_tag_check_fault() => {}
            other => {
                let what = format!("DC ZVA over a block whose granule {wrong} has another tag");
                return fail_with(what, "one tag check fault", format!("{other:?}"), guest.listing());
            }
        }
        // A CPU may go granule by granule, so those below may be zeros (pseudocode AArch64.DataMemZero).
        let found = guest.read(arena(start), data.len())?;
        let below = wrong * GRANULE as usize;
        let expected: Vec<u8> = found[..below]
            .chunks(GRANULE as usize)
            .flat_map(|granule| [if granule == [0; GRANULE as usize] { 0 } else { 0xaa }; GRANULE as usize])
            .chain(data[below..].iter().copied())
            .collect();
        bytes("data after the fault", arena(start), &expected, &found)?;
    }
    Ok(())
}

fn is_a_write(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &vec![4; (zero_block(cx)? / GRANULE) as usize])?;
    let trace = guest.exec("dc zva, x0", &[tagged(0, 5)])?;
    one_exception(&guest, "DC ZVA by a wrong tag", tag_check_syndrome(El::El1, Direction::Store).bits(), &trace)
}
