//! Chapter: the VM feature. What a VM with MTE is refused, and what a guest without it has.
//!
//! Without the capability KVM leaves HCR_EL2.ATA at 0. The CPU's instructions are still there: they have no access to
//! tags. Its registers are UNDEFINED.

use abi::mailbox::SysReg;

use super::calls::{BASE, granules, handed, peek, refused, returns, store, succeeds};
use case::address::{arena, tagged};
use case::expect::{equal, equal_hex, fail_with, no_fault, pointer_tag, tags};
use case::{Case, CaseContext, CaseError, CaseResult, Guest};
use machine::capability::{Aarch32Vcpus, Capability};
use machine::need::Need;
use machine::registers::RegisterId;
use machine::{Access, Backing, Block, Config, Errno, Trace, Vm};

const CAPABILITY: &str = "Documentation/virt/kvm/api.rst, KVM_CAP_ARM_MTE";
const HIDDEN: &str =
    "arch/arm64/include/asm/kvm_emulate.h, HCR_ATA; Arm ARM, HCR_EL2.ATA and AArch64.AllocationTagAccessIsEnabled()";
const SET_WAY: &str = "arch/arm64/kvm/sys_regs.c, access_dcgsw(), since Linux 6.4; Arm ARM, HCR_EL2.TSW: maintenance by set and way is trapped";
const TRAPPED: &str = "arch/arm64/kvm/sys_regs.c, mte_visibility(); Arm ARM, HCR_EL2.ATA";

pub const CASES: &[Case] = &[
    Case::new(
        "kvm.feature.aarch32-refused",
        "a vCPU that starts in AArch32 is refused in a VM with MTE: EINVAL",
        CAPABILITY,
        |b| {
            let mut vm = b.bare()?;
            succeeds("KVM_ENABLE_CAP of KVM_CAP_ARM_MTE", vm.enable_mte(0))?;
            refused(
                "KVM_ARM_VCPU_INIT with KVM_ARM_VCPU_EL1_32BIT",
                Errno::EINVAL,
                aarch32(&mut *vm)?.add_vcpu_aarch32(),
            )
        },
    )
    .needing(&[Need::Capability(Capability::Aarch32Vcpus), Need::Aarch32]),
    Case::new(
        "kvm.feature.aarch32-first",
        "once a vCPU in AArch32 exists the capability is refused: EINVAL",
        CAPABILITY,
        |b| {
            let mut vm = b.bare()?;
            succeeds("KVM_ARM_VCPU_INIT with KVM_ARM_VCPU_EL1_32BIT", aarch32(&mut *vm)?.add_vcpu_aarch32())?;
            refused("KVM_ENABLE_CAP of KVM_CAP_ARM_MTE afterwards", Errno::EINVAL, vm.enable_mte(0))
        },
    )
    .needing(&[Need::Capability(Capability::Aarch32Vcpus), Need::Aarch32]),
    Case::new(
        "kvm.feature.slots-before",
        "memory that was given to the VM before the capability has tags after it",
        CAPABILITY,
        slots_before,
    ),
    Case::new(
        "kvm.feature.id-register",
        "ID_AA64PFR1_EL1 and PFR2 are the same for the guest and for KVM_GET_ONE_REG, and tell of tags only in a VM with MTE",
        "arch/arm64/kvm/sys_regs.c, read_id_reg() and __kvm_read_sanitised_id_reg()",
        id_register,
    ),
    Case::new(
        "kvm.feature.no-tags-stored",
        "without the capability tag stores of the guest do nothing, and none is UNDEFINED",
        HIDDEN,
        no_tags_stored,
    ),
    Case::new(
        "kvm.feature.no-tags-loaded",
        "without the capability LDG gives tag 0 and LDGM 0",
        HIDDEN,
        no_tags_loaded,
    ),
    Case::new(
        "kvm.feature.no-tags-drawn",
        "without the capability IRG, ADDG and SUBG give tag 0; addresses, GMI and SUBP are as ever",
        HIDDEN,
        no_tags_drawn,
    ),
    Case::new(
        "kvm.feature.no-checks",
        "without the capability no access is tag checked, whatever the pointer's tag",
        HIDDEN,
        no_checks,
    ),
    Case::new(
        "kvm.feature.tco-kept",
        "without the capability PSTATE.TCO can be written and read: HCR_EL2.ATA does not hide it",
        "Arm ARM, HCR_EL2.ATA and C6.2 MSR (immediate), MSR (register), MRS of TCO",
        tco_kept,
    ),
    Case::new(
        "kvm.feature.registers-undefined",
        "without the capability the guest's accesses to MTE's four registers are UNDEFINED",
        TRAPPED,
        registers_undefined,
    ),
    Case::new(
        "kvm.feature.gmid",
        "without the capability GMID_EL1 is UNDEFINED from Linux 7.0 on; before, it shows what the CPU has",
        "arch/arm64/kvm/sys_regs.c, HCR_EL2.TID5",
        gmid,
    ),
    Case::new(
        "kvm.feature.clidr",
        "CLIDR_EL1 has the fewest caches that CTR_EL0 allows, and tags at the level of coherence if the VM has the capability",
        "arch/arm64/kvm/sys_regs.c, reset_clidr(); Arm ARM, CLIDR_EL1, CTR_EL0.{IDC, DIC}",
        clidr,
    )
    .needing(&[Need::ClidrOfGuest]),
    Case::new(
        "kvm.feature.set-way-of-tags",
        "DC IGSW, IGDSW, CGSW, CGDSW, CIGSW and CIGDSW at EL1 take no exception in a VM with MTE, and tags stay",
        SET_WAY,
        set_way_of_tags,
    ),
    Case::new(
        "kvm.feature.set-way-without-mte",
        "DC IGSW, IGDSW, CGSW, CGDSW, CIGSW and CIGDSW are UNDEFINED in a VM without MTE",
        SET_WAY,
        set_way_without_mte,
    ),
    Case::new(
        "kvm.feature.shared-memory",
        "without the capability a guest may have shared memory, in every release",
        "arch/arm64/kvm/mmu.c, user_mem_abort(): asked of VMs with MTE alone",
        shared_memory,
    ),
    Case::new(
        "kvm.feature.side-by-side",
        "of two VMs that take turns on a CPU the one with MTE keeps its tags and registers, the other has none",
        TRAPPED,
        side_by_side,
    ),
];

fn aarch32(vm: &mut dyn Vm) -> Result<&mut (dyn Aarch32Vcpus + 'static), CaseError> {
    handed(Capability::Aarch32Vcpus, vm.aarch32_vcpus())
}

fn slots_before(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut vm = cx.bare()?;
    let page = vm.page_size();
    succeeds("a slot", vm.add_memory(BASE, page, Backing::Anonymous, Access::ReadWrite))?;
    vm.write(BASE, &[0x42; 64])?;
    succeeds("KVM_ENABLE_CAP of KVM_CAP_ARM_MTE", vm.enable_mte(0))?;
    let mut wanted = cx.random_tags(granules(page));
    returns("a store", Ok(page), store(&*vm, BASE, page, &mut wanted))?;
    tags("tags that were stored", BASE, &wanted, &peek(&*vm, BASE, 1)?)
}

fn without(cx: &mut CaseContext<'_>) -> Result<Guest, CaseError> {
    let mut guest = cx.guest_like(Config { mte: false, ..Config::default() })?;
    // The firmware found no tags. A guest that does not believe it maps memory as Tagged and switches access on.
    let mair = guest.boot().mair & !(0xff << TAGGED_SHIFT) | NORMAL_TAGGED << TAGGED_SHIFT;
    succeeds("KVM_SET_ONE_REG of MAIR_EL1", guest.vm()?.set_register(0, RegisterId::MAIR_EL1, mair))?;
    Ok(guest)
}

/// MAIR_EL1: Normal memory with tags; attribute 1 is that of the tagged windows (guest-fw/src/tables.rs).
const NORMAL_TAGGED: u64 = 0xf0;
const TAGGED_SHIFT: u64 = 8;
/// SCTLR_EL1.{ATA, ATA0}, and TCF and TCF0 for synchronous faults.
const TAGS_ON: u64 = 0b11 << 42 | 0b01 << 40 | 0b01 << 38;

fn id_register(cx: &mut CaseContext<'_>) -> CaseResult {
    use kvm_model::contract::Rule;
    /// ID_AA64PFR1_EL1.MTE_frac, and ID_AA64PFR2_EL1.{MTEFAR, MTESTOREONLY, MTEPERM}.
    const MTE_FRAC: u64 = 0xf << 40;
    const OF_TAGS: u64 = 0xfff;
    const PFR2: RegisterId = RegisterId::system(3, 0, 0, 4, 2);
    let contract = cx.target().contract();
    for mte in [true, false] {
        let mut guest = cx.guest_like(Config { mte, ..Config::default() })?;
        let trace = guest.exec("mrs x1, id_aa64pfr1_el1", &[])?;
        no_fault(&guest, "MRS", &trace)?;
        let pfr1 = succeeds("KVM_GET_ONE_REG", guest.vm()?.register(0, RegisterId::ID_AA64PFR1_EL1))?;
        equal_hex(&format!("ID_AA64PFR1_EL1 with MTE {mte}"), pfr1, trace.x[1])?;
        let pfr2 = succeeds("KVM_GET_ONE_REG", guest.vm()?.register(0, PFR2))?;
        equal_hex(&format!("ID_AA64PFR2_EL1 with MTE {mte}"), pfr2, guest.boot().pfr2)?;
        let level = if mte { u64::from(cx.target().mte()) } else { 0 };
        equal("ID_AA64PFR1_EL1.MTE", &level, &(pfr1 >> 8 & 0xf))?;
        if !mte || !contract.holds(Rule::MteFracVisible) {
            equal_hex(&format!("ID_AA64PFR1_EL1.MTE_frac with MTE {mte}"), 0, pfr1 & MTE_FRAC)?;
        }
        if !mte || !contract.holds(Rule::TagFarVisible) {
            equal_hex(&format!("the fields of ID_AA64PFR2_EL1 with MTE {mte}"), 0, pfr2 & OF_TAGS)?;
        }
    }
    Ok(())
}

fn clidr(cx: &mut CaseContext<'_>) -> CaseResult {
    /// CTR_EL0.IDC and DIC: what need not be cleaned or invalidated to the point of unification.
    const CTR: [u64; 2] = [1 << 28, 1 << 29];
    if !cx.target().contract().holds(kvm_model::contract::Rule::ClidrTellsTags) {
        return Err(Need::ClidrOfGuest.unmet("CLIDR_EL1 is the host's before Linux 6.3").into());
    }
    for mte in [true, false] {
        let mut guest = cx.guest_like(Config { mte, ..Config::default() })?;
        let ctr = succeeds("KVM_GET_ONE_REG of CTR_EL0", guest.vm()?.register(0, RegisterId::CTR_EL0))?;
        let value = succeeds("KVM_GET_ONE_REG of CLIDR_EL1", guest.vm()?.register(0, RegisterId::CLIDR_EL1))?;
        let [idc, dic] = CTR.map(|bit| ctr & bit != 0);
        let caches = match (idc, dic) {
            (true, true) => Caches { ctype: [0b100, 0], coherence: 1, unification: 0 },
            (true, false) => Caches { ctype: [0b001, 0b100], coherence: 2, unification: 0 },
            (false, true) => Caches { ctype: [0b010, 0], coherence: 1, unification: 1 },
            (false, false) => Caches { ctype: [0b011, 0], coherence: 1, unification: 1 },
        };
        equal_hex(&format!("CLIDR_EL1 of a VM with MTE {mte}, where CTR_EL0 is {ctr:#x}"), caches.clidr(mte), value)?;
    }
    Ok(())
}

/// The caches that CLIDR_EL1 tells of.
struct Caches {
    /// Ctype1 and Ctype2: 0b001 is a cache for instructions, 0b010 one for data, 0b011 both, 0b100 one for either.
    ctype: [u64; 2],
    /// LoC.
    coherence: u64,
    /// LoUIS and LoUU.
    unification: u64,
}

impl Caches {
    /// Returns CLIDR_EL1. A Ttype of 0b10 stands for a cache with tags and data in its lines.
    fn clidr(&self, tags: bool) -> u64 {
        let ttype = if tags { 0b10 << (31 + 2 * self.coherence) } else { 0 };
        let levels = self.unification << 21 | self.coherence << 24 | self.unification << 27;
        self.ctype[0] | self.ctype[1] << 3 | levels | ttype
    }
}

/// Runs text without the capability, x0 a pointer to a page with data, x1 to x3 numbers.
fn run(guest: &mut Guest, text: &str) -> Result<Trace, CaseError> {
    let sctlr = guest.booted(SysReg::Sctlr) | TAGS_ON;
    let block = Block::assemble(text)?.x(0, tagged(0, 5)).x(1, 0x55).x(2, 3).x(3, 7).sys(SysReg::Sctlr, sctlr);
    let trace = guest.run(&block)?;
    no_fault(guest, text, &trace)?;
    Ok(trace)
}

fn no_tags_stored(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = without(cx)?;
    for text in ["stg x0, [x0]", "st2g x0, [x0]", "stgm x1, [x0]", "dc gva, x0"] {
        run(&mut guest, text)?;
    }
    // Those that store data, too, still do.
    for (text, expected) in [("stzg x0, [x0]", [0, 0]), ("stgp x1, x2, [x0]", [0x55, 3]), ("stz2g x0, [x0]", [0, 0])] {
        guest.write(arena(0), &[0xff; 32])?;
        run(&mut guest, text)?;
        for (word, value) in (0..).zip(expected) {
            equal_hex(&format!("word {word} after {text}"), value, guest.read_u64(arena(8 * word))?)?;
        }
    }
    guest.write(arena(0), &[0xff; 16])?;
    run(&mut guest, "dc gzva, x0")?;
    equal_hex("the data after DC GZVA", 0, guest.read_u64(arena(0))?)?;
    let trace = run(&mut guest, "stg x0, [x0]; movz x1, #0; ldg x1, [x0]")?;
    equal_hex("the tag that LDG finds afterwards", 0, trace.x[1] >> 56)
}

fn no_tags_loaded(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = without(cx)?;
    let trace = run(&mut guest, "orr x1, x1, x0; stg x0, [x0]; ldg x1, [x0]; stgm x2, [x0]; ldgm x2, [x0]")?;
    equal_hex("the tag that LDG put into a register that had tag 5", 0, trace.x[1] >> 56 & 0xf)?;
    equal_hex("what LDGM loads", 0, trace.x[2])
}

fn no_tags_drawn(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = without(cx)?;
    let trace =
        run(&mut guest, "irg x4, x0; addg x5, x0, #16, #1; subg x6, x0, #16, #2; gmi x7, x0, xzr; subp x8, x0, x0")?;
    let plain = tagged(0, 0);
    equal_hex("IRG", plain, trace.x[4])?;
    equal_hex("GMI", 1 << 5, trace.x[7])?;
    equal_hex("SUBP", 0, trace.x[8])?;
    // The sum is one of addresses all the same.
    equal_hex("ADDG", plain + 16, trace.x[5])?;
    equal_hex("SUBG", plain - 16, trace.x[6])
}

fn no_checks(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = without(cx)?;
    let trace = run(&mut guest, "stg x0, [x0]; eor x4, x0, #0xf00000000000000; str x3, [x4]; ldr x5, [x4]")?;
    equal_hex("data through another tag", 7, trace.x[5])
}

fn tco_kept(cx: &mut CaseContext<'_>) -> CaseResult {
    const TCO: u64 = 1 << 25;
    let mut guest = without(cx)?;
    let trace = run(
        &mut guest,
        "msr tco, #1; mrs x4, tco; msr tco, xzr; mrs x5, tco; orr x6, xzr, #0x2000000; msr tco, x6; mrs x7, tco",
    )?;
    for (register, value) in [(4, TCO), (5, 0), (7, TCO)] {
        equal_hex(&format!("TCO as x{register} shows it"), value, trace.x[register])?;
    }
    equal_hex("PSTATE.TCO at the end", TCO, trace.pstate & TCO)
}

/// Expects an exception that says nothing about what was tried: class 0.
fn undefined(guest: &Guest, text: &str, trace: &Trace) -> CaseResult {
    match trace.faults.as_slice() {
        [fault] => equal_hex(&format!("ESR_EL1 of {text}"), 0x0200_0000, fault.esr.bits()),
        other => fail_with(text, "one exception", format!("{other:?}"), guest.listing()),
    }
}

fn registers_undefined(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = without(cx)?;
    for name in ["gcr_el1", "rgsr_el1", "tfsr_el1", "tfsre0_el1"] {
        for text in [format!("mrs x1, {name}"), format!("msr {name}, x1")] {
            let trace = guest.exec(&text, &[0, 0])?;
            undefined(&guest, &text, &trace)?;
        }
    }
    Ok(())
}

fn gmid(cx: &mut CaseContext<'_>) -> CaseResult {
    /// Class 0x18: a trapped MRS; what a CPU with FEAT_IDST reports of an ID register that it has not.
    const TRAPPED_MRS: u64 = 0x18;
    let mut guest = without(cx)?;
    // The firmware must not read it, and reports 0 instead (`abi::mailbox::BootReport`).
    equal_hex("GMID_EL1 in the boot report", 0, guest.boot().gmid)?;
    let trace = guest.exec("mrs x1, gmid_el1", &[0, 0])?;
    if !cx.target().contract().holds(kvm_model::contract::Rule::GmidTrappedWithoutMte) {
        no_fault(&guest, "MRS of GMID_EL1", &trace)?;
        return equal("bytes that one LDGM covers", &cx.target().tag_block(), &(4 << (trace.x[1] & 0xf)));
    }
    match trace.faults.as_slice() {
        [fault] if matches!(fault.esr.bits() >> 26, 0 | TRAPPED_MRS) => Ok(()),
        other => {
            fail_with("MRS of GMID_EL1", "one exception, of class 0 or 0x18", format!("{other:?}"), guest.listing())
        }
    }
}

/// Maintenance of tags by set and way.
const SET_WAY_OPERATIONS: [&str; 6] = ["igsw", "igdsw", "cgsw", "cgdsw", "cigsw", "cigdsw"];

fn set_way_of_tags(cx: &mut CaseContext<'_>) -> CaseResult {
    const TAG: u8 = 5;
    let mut guest = cx.guest()?;
    for operation in SET_WAY_OPERATIONS {
        guest.store_tags(arena(0), &[TAG])?;
        // Level 1, set 0, way 0.
        let trace = guest.exec(&format!("dc {operation}, x1; ldg x0, [x0]"), &[tagged(0, 0), 0])?;
        no_fault(&guest, &format!("DC {operation}"), &trace)?;
        pointer_tag(&format!("the tag after DC {operation}"), TAG, trace.x[0])?;
    }
    Ok(())
}

fn set_way_without_mte(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest_like(Config { mte: false, ..Config::default() })?;
    for operation in SET_WAY_OPERATIONS {
        let text = format!("dc {operation}, x0");
        let trace = guest.exec(&text, &[0])?;
        undefined(&guest, &text, &trace)?;
    }
    Ok(())
}

fn shared_memory(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest_like(Config { mte: false, backing: Backing::Shared, ..Config::default() })?;
    let trace = guest.exec("str x1, [x0]; ldr x2, [x0]", &[tagged(0, 0), 7, 0])?;
    no_fault(&guest, "accesses to shared memory", &trace)?;
    equal_hex("the data", 7, trace.x[2])
}

fn side_by_side(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut with = cx.guest()?;
    let mut without = without(cx)?;
    let gcr = with.booted(SysReg::Gcr) ^ 0x5a5a;
    let trace = with.exec("msr gcr_el1, x1; stg x0, [x0]", &[tagged(0, 5), gcr])?;
    no_fault(&with, "MSR and STG in the VM with MTE", &trace)?;
    for _ in 0..2 {
        let text = "mrs x1, gcr_el1";
        let trace = without.exec(text, &[0, 0])?;
        undefined(&without, text, &trace)?;
        run(&mut without, "stg x0, [x0]")?;
        let trace = with.exec("mrs x1, gcr_el1; ldg x2, [x0]; str x3, [x0]", &[tagged(0, 5), 0, 0, 1])?;
        no_fault(&with, "the VM with MTE", &trace)?;
        equal_hex("GCR_EL1", gcr, trace.x[1])?;
        equal_hex("the tag", 5, trace.x[2] >> 56)?;
    }
    Ok(())
}
