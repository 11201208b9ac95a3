//! Chapter: save, destroy, restore into a new VM. Nothing may tell the guest that it happened.

use abi::doorbell::Doorbell;
use abi::mailbox::SysReg;
use abi::map::{UART_DR, Window};
use arch::{Exclude, Rgsr};

use case::address::{arena, pointer, pointer_at, tagged};
use case::expect::{
    Direction, TagCheckFault, bytes, equal, equal_hex, fail_with, no_fault, one_tag_check_fault, pointer_tag, tags,
};
use case::settings::{Mode, RRND, TF, rgsr, tfsr};
use case::{Case, CaseContext, CaseResult};
use machine::capability::Capability;
use machine::need::Need;
use machine::registers::RegisterId;
use machine::{Block, Config, El};

const CITE: &str =
    "Documentation/virt/kvm/api.rst 4.130 KVM_ARM_MTE_COPY_TAGS, 7.28 KVM_CAP_ARM_MTE: migration of tags and registers";

pub const CASES: &[Case] = &[
    case(
        "restore.registers.all",
        "after a restore every register that KVM lists has its value, and the list is the same",
        all_registers,
    )
    .needing(&[Need::Capability(Capability::Vm)]),
    case("restore.registers.stable-when-repeated", "three restores in a row change no register", repeated)
        .needing(&[Need::Capability(Capability::Vm)]),
    case("restore.registers.two-vcpus", "each vCPU gets its own GCR_EL1, RGSR_EL1 and TFSRs back", two_vcpus),
    case(
        "restore.memory.every-granule",
        "after a restore every granule has its tag and every byte its value",
        every_granule,
    ),
    case(
        "restore.memory.mutated-tags",
        "tags that the host changed in the saved state are those that the guest finds",
        mutated,
    ),
    case(
        "restore.mte.check-goes-on",
        "after a restore a wrong tag faults and the right one does not, at EL1 and at EL0",
        check_goes_on,
    ),
    case(
        "restore.mte.irg-sequence-continues",
        "after a restore IRG goes on exactly where it was (RRND = 0)",
        irg_continues,
    ),
    case("restore.mte.exclusions-hold", "after a restore the exclusions and RRND of GCR_EL1 hold", exclusions_hold),
    case(
        "restore.mte.tfsr-el1-pending",
        "a pending asynchronous fault in TFSR_EL1 survives, and the guest sees it afterwards",
        |b| pending(b, El::El1),
    ),
    case(
        "restore.mte.tfsr-el0-pending",
        "a pending asynchronous fault in TFSRE0_EL1 survives, and the guest sees it afterwards",
        |b| pending(b, El::El0),
    ),
    case(
        "restore.mid-block.live-registers",
        "a restore amid a block keeps general registers, stack pointer, flags, level, TCO, FPCR and FPSR",
        mid_block,
    ),
    case(
        "restore.mid-block.live-mte-state",
        "a restore amid a block keeps the generator, the mode and the tags in use",
        mid_block_mte,
    ),
];

const fn case(name: &'static str, claim: &'static str, run: fn(&mut CaseContext<'_>) -> CaseResult) -> Case {
    Case::new(name, claim, CITE, run)
}

fn every_granule(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    // Some at the start, two in a row, at the very end of the arena, and at the end of RAM; gaps between.
    let page = cx.target().page_size;
    let ram_end = abi::map::RAM_BASE + machine::DEFAULT_RAM;
    let places = [arena(0), arena(11 * page), arena(abi::map::ARENA_SIZE - page), ram_end - page];
    let mut saved = Vec::new();
    for ipa in places {
        let new = cx.random_tags((page / 16) as usize);
        let data: Vec<u8> = (0..page).map(|_| cx.random().u8(..)).collect();
        guest.write(ipa, &data)?;
        guest.store_tags(ipa, &new)?;
        saved.push((ipa, new, data));
    }
    // A page whose tags alone were touched, by the guest; in the arena also where pages have 64 KiB.
    let trace = guest.exec("stg x1, [x0]", &[tagged(20 * page, 0), tagged(0, 11)])?;
    no_fault(&guest, "STG to fresh memory", &trace)?;
    let mut only_tags = vec![0; (page / 16) as usize];
    only_tags[0] = 11;
    saved.push((arena(20 * page), only_tags, vec![0; page as usize]));
    let snapshot = guest.save_and_restore()?;
    // All that was saved, the firmware's own memory included; what was never touched is not in it.
    for extent in &snapshot.memory {
        let found = guest.fetch_tags(extent.ipa, extent.tags.len())?;
        tags("all that was saved", extent.ipa, &extent.tags, &found)?;
        let found = guest.read(extent.ipa, extent.data.len())?;
        bytes("all data that was saved", extent.ipa, &extent.data, &found)?;
    }
    for (ipa, wanted, data) in saved {
        let found = guest.fetch_tags(ipa, wanted.len())?;
        tags("after the restore", ipa, &wanted, &found)?;
        let found = guest.read(ipa, data.len())?;
        bytes("data after the restore", ipa, &data, &found)?;
    }
    Ok(())
}

fn all_registers(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let text = "msr gcr_el1, x0; msr rgsr_el1, x1; msr tfsr_el1, x2; msr tfsre0_el1, x2; isb";
    let trace = guest.exec(text, &[0x1_8421, rgsr(0x4711, 12), 3])?;
    no_fault(&guest, "setting MTE's registers", &trace)?;
    let snapshot = guest.save_and_restore()?;
    let restored = guest.vm()?.registers(0)?;
    let differences = snapshot.registers(0)?.differences(&restored);
    if !differences.is_empty() {
        return fail_with(
            "registers after a restore",
            "all as saved",
            format!("{} differ", differences.len()),
            differences,
        );
    }
    // They are in the list at all: a kernel that hides them would make the comparison empty.
    for id in RegisterId::MTE {
        if restored.get(id).is_none() {
            return fail_with("KVM_GET_REG_LIST", id, "not listed", Vec::new());
        }
    }
    Ok(())
}

fn check_goes_on(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &[6, 7])?;
    guest.save_and_restore()?;
    for (el, window) in [(El::El1, Window::Tagged), (El::El0, Window::TaggedEl0)] {
        let block =
            |tag| Ok::<_, case::CaseError>(Block::assemble("str x1, [x0]")?.at(el).x(0, pointer(window, 16, tag)));
        let trace = guest.run(&block(7)?)?;
        no_fault(&guest, &format!("the right tag at {el}"), &trace)?;
        let trace = guest.run(&block(6)?)?;
        let expected = TagCheckFault { el, direction: Direction::Store, index: 0, pointer: pointer(window, 16, 6) };
        one_tag_check_fault(&guest, &format!("the wrong tag at {el}"), expected, &trace)?;
    }
    Ok(())
}

fn irg_continues(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let start = rgsr(0x6a6a, 7);
    let mut model = Rgsr::from_bits(start);
    let text: String = (1..=20).map(|n| format!("irg x{n}, x0;")).collect();
    let mut block = Block::assemble(&text)?.x(0, tagged(0, 0)).sys(SysReg::Gcr, 0).sys(SysReg::Rgsr, start);
    for round in 0..2 {
        let trace = guest.run(&block)?;
        no_fault(&guest, "IRG", &trace)?;
        for n in 1..=20 {
            let expected = model.choose_random_tag(Exclude::NONE).value();
            pointer_tag(&format!("tag {n} after {round} restores"), expected, trace.x[n])?;
        }
        if round == 0 {
            guest.save_and_restore()?;
            block = Block::assemble(&text)?.x(0, tagged(0, 0));
        }
    }
    Ok(())
}

fn exclusions_hold(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let gcr = RRND | 0x0fff;
    let trace = guest.exec("msr gcr_el1, x0; isb", &[gcr])?;
    no_fault(&guest, "setting GCR_EL1", &trace)?;
    guest.save_and_restore()?;
    let text: String = (1..=20).map(|n| format!("irg x{n}, x0;")).collect();
    let trace = guest.exec(&(text + "mrs x21, gcr_el1"), &[tagged(0, 0)])?;
    equal_hex("GCR_EL1 after a restore", gcr, trace.x[21])?;
    for x in &trace.x[1..=20] {
        let tag = arch::TaggedPtr::new(*x).tag();
        if Exclude::from_bits(0x0fff).contains(tag) {
            return fail_with(
                format!("IRG with GCR_EL1 = {gcr:#x}"),
                "a tag that is not excluded",
                tag,
                guest.listing(),
            );
        }
    }
    Ok(())
}

/// Leaves a fault pending, of the upper half for EL1 and of the lower half for EL0, and looks again.
fn pending(cx: &mut CaseContext<'_>, el: El) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &[6])?;
    let upper = el == El::El1;
    let block = Block::assemble("str x1, [x0]")?
        .at(el)
        .x(0, pointer_at(el, upper, 0, 1))
        .sys(SysReg::Sctlr, guest.sctlr(el, Mode::Asynchronous))
        .sys(SysReg::Tfsr, 0)
        .sys(SysReg::Tfsre0, 0);
    let trace = guest.run(&block)?;
    no_fault(&guest, "an asynchronous fault", &trace)?;
    let expected = TF[usize::from(upper)];
    equal_hex("the pending fault before the save", expected, trace.sys(tfsr(el)))?;
    guest.save_and_restore()?;
    let trace = guest.exec("mrs x0, tfsr_el1; mrs x1, tfsre0_el1", &[])?;
    let seen = [trace.x[1], trace.x[0]];
    equal_hex(&format!("{:?} that the guest reads", tfsr(el)), expected, seen[el as usize])?;
    let other = if el == El::El1 { SysReg::Tfsre0 } else { SysReg::Tfsr };
    equal_hex(&format!("{other:?} of the other level"), 0, seen[1 - el as usize])
}

/// The text of a checkpoint: the program itself stores the doorbell's byte, from w28 to the address in x29.
pub(super) const CHECKPOINT: &str = "strb w28, [x29];";

/// Returns the block with the values that [`CHECKPOINT`] needs in its registers.
pub(super) fn with_checkpoint(block: Block) -> Block {
    block.x(28, Doorbell::Checkpoint.byte(0).into()).x(29, UART_DR)
}

/// FPCR.{DN, RMode} and FPSR.{QC, IXC}: fields that every CPU has, and that no other code sets.
const FPCR: u64 = 1 << 25 | 0b10 << 22;
const FPSR: u64 = 1 << 27 | 1 << 4;

fn mid_block(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    for el in [El::El1, El::El0] {
        let mut x = [0; 31];
        for value in &mut x {
            *value = cx.random().u64(..);
        }
        let sp = pointer_at(el, false, 0x100, 3);
        // The flags become 0b0110 before the checkpoint (equal values), and are read behind it.
        let text = format!(
            "msr fpcr, x23; msr fpsr, x24; subs xzr, x1, x1; msr tco, #1; {CHECKPOINT} mrs x26, tco; mrs x27, nzcv
             mov x25, sp; mrs x28, fpcr; mrs x29, fpsr"
        );
        (x[23], x[24]) = (FPCR, FPSR);
        let block = with_checkpoint(Block::assemble(&text)?.xs(x).at(el).sp(sp));
        guest.run_to_checkpoint(&block)?;
        guest.save_and_restore()?;
        let trace = guest.resume()?;
        no_fault(&guest, "the block around the checkpoint", &trace)?;
        for n in (0..25).chain([30]) {
            equal_hex(&format!("x{n} at {el} behind the restore"), x[n], trace.x[n])?;
        }
        equal_hex("SP", sp, trace.x[25])?;
        equal_hex("TCO", 1 << 25, trace.x[26])?;
        equal_hex("NZCV", 0b0110 << 28, trace.x[27])?;
        equal_hex("FPCR", FPCR, trace.x[28])?;
        equal_hex("FPSR", FPSR, trace.x[29])?;
        equal("the exception level", &(el as u64), &(trace.pstate >> 2 & 3))?;
    }
    Ok(())
}

fn mid_block_mte(cx: &mut CaseContext<'_>) -> CaseResult {
    /// Index of the BRK.
    const LAST: usize = 13;
    let mut guest = cx.guest()?;
    let start = rgsr(0x0ff0, 14);
    let mut model = Rgsr::from_bits(start);
    let sctlr = guest.sctlr(El::El1, Mode::Asynchronous);
    let text = format!(
        "irg x1, x0; stg x1, [x1]; str x1, [x1]; str x0, [x0, #16]; {CHECKPOINT} ldr x2, [x1]; irg x3, x0; mrs x4, rgsr_el1; dsb sy; isb; mrs x5, tfsr_el1; mrs x6, sctlr_el1; str x1, [x7]; brk #7"
    );
    // Offset 16 has tag 5, so the store by tag 0 is a pending fault when the checkpoint comes.
    guest.store_tags(arena(16), &[5])?;
    let block = with_checkpoint(Block::assemble(&text)?)
        .x(0, tagged(0, 0))
        .x(7, pointer_at(El::El1, true, 16, 5))
        .sys(SysReg::Sctlr, sctlr)
        .sys(SysReg::Gcr, 0x0001)
        .sys(SysReg::Rgsr, start)
        .sys(SysReg::Tfsr, 0);
    guest.run_to_checkpoint(&block)?;
    guest.save_and_restore()?;
    let trace = guest.resume()?;
    // The BRK at the end is recorded with its place, also by a host that did not start the block.
    let places: Vec<_> = trace.faults.iter().map(|fault| fault.index).collect();
    if places != [Some(LAST)] {
        return fail_with(
            "exceptions around the checkpoint",
            format!("one, at instruction {LAST}"),
            format!("{places:?}"),
            guest.listing(),
        );
    }
    let exclude = Exclude::from_bits(0x0001);
    pointer_tag("IRG before", model.choose_random_tag(exclude).value(), trace.x[1])?;
    equal_hex("data through the tagged pointer", trace.x[1], trace.x[2])?;
    pointer_tag("IRG behind", model.choose_random_tag(exclude).value(), trace.x[3])?;
    equal_hex("RGSR_EL1", model.bits(), trace.x[4])?;
    equal_hex("TFSR_EL1", TF[0], trace.x[5])?;
    equal_hex("SCTLR_EL1", sctlr, trace.x[6])
}

fn mutated(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    guest.store_tags(arena(0), &[2; 256])?;
    let mut snapshot = guest.machine().save()?;
    let Some(extent) = snapshot
        .memory
        .iter_mut()
        .find(|extent| (extent.ipa..extent.ipa + extent.data.len() as u64).contains(&arena(0)))
    else {
        return fail_with("the saved state", "the tagged page", "not there", Vec::new());
    };
    let first = ((arena(0) - extent.ipa) / 16) as usize;
    for (n, tag) in extent.tags[first..first + 256].iter_mut().enumerate() {
        *tag = (n as u8).wrapping_mul(5) & 0xf;
    }
    guest.machine().replace_by(&snapshot)?;
    for granule in [0u64, 1, 100, 255] {
        let wanted = (granule as u8).wrapping_mul(5) & 0xf;
        let trace =
            guest.exec("ldg x1, [x0]; str x1, [x2]", &[tagged(granule * 16, 0), 0, tagged(granule * 16, wanted)])?;
        no_fault(&guest, "a store by the changed tag", &trace)?;
        pointer_tag(&format!("LDG of granule {granule}"), wanted, trace.x[1])?;
        if wanted != 2 {
            let old = tagged(granule * 16, 2);
            let trace = guest.exec("str x1, [x0]", &[old])?;
            let expected = TagCheckFault { el: El::El1, direction: Direction::Store, index: 0, pointer: old };
            one_tag_check_fault(&guest, "a store by the old tag", expected, &trace)?;
        }
    }
    Ok(())
}

fn repeated(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let wanted = cx.random_tags(512);
    guest.store_tags(arena(0), &wanted)?;
    let first = guest.save_and_restore()?;
    for round in 2..=3 {
        let again = guest.save_and_restore()?;
        let differences = first.registers(0)?.differences(again.registers(0)?);
        if !differences.is_empty() {
            return fail_with(format!("registers saved in round {round}"), "as in round 1", "others", differences);
        }
    }
    let found = guest.fetch_tags(arena(0), wanted.len())?;
    tags("after three restores", arena(0), &wanted, &found)
}

/// Writes values of its own to each vCPU and reads them back after a restore.
fn two_vcpus(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest_like(Config { cpus: 2, ..Config::default() })?;
    let values = [[0x0_1111, rgsr(0x1111, 1), 1, 2], [0x1_2222, rgsr(0x2222, 2), 2, 3]];
    for (cpu, [gcr, rgsr, tfsr, tfsre0]) in values.into_iter().enumerate() {
        let block = Block::assemble("nop")?
            .sys(SysReg::Gcr, gcr)
            .sys(SysReg::Rgsr, rgsr)
            .sys(SysReg::Tfsr, tfsr)
            .sys(SysReg::Tfsre0, tfsre0);
        guest.run_on(cpu, &block)?;
    }
    guest.save_and_restore()?;
    for (cpu, wanted) in values.iter().enumerate() {
        let trace = guest.run_on(cpu, &Block::assemble("nop")?)?;
        for (register, value) in [SysReg::Gcr, SysReg::Rgsr, SysReg::Tfsr, SysReg::Tfsre0].into_iter().zip(wanted) {
            equal_hex(&format!("{register:?} of vCPU {cpu}"), *value, trace.sys(register))?;
        }
    }
    Ok(())
}
