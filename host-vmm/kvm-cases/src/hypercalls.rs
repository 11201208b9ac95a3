//! Chapter: what KVM answers to HVC, by the SMC Calling Convention (Arm DEN 0028) and PSCI (DEN 0022).
//!
//! Only functions are called that have no effect. What holds whoever answers is in `arch_cases`.

use super::calls::succeeds;
use case::expect::{equal_hex, holds, no_fault};
use case::smccc::{NOT_SUPPORTED, PSCI_VERSION, SMCCC_VERSION, UNALLOCATED, call, gives};
use case::{Case, CaseContext, CaseResult};
use machine::Config;
use machine::registers::RegisterId;

const PSCI: &str = "Arm DEN 0022; arch/arm64/kvm/psci.c; Documentation/virt/kvm/arm/fw-pseudo-registers.rst";
const KVM: &str = "arch/arm64/kvm/hypercalls.c, kvm_smccc_call_handler(); Arm DEN 0028";

pub const CASES: &[Case] = &[
    Case::new(
        "kvm.hypercall.results",
        "a call with one result leaves 0 in x1 to x3, and nothing of the host's",
        "include/kvm/arm_hypercalls.h, smccc_set_retval()",
        results,
    ),
    Case::new(
        "kvm.hypercall.function-is-w0",
        "neither the upper half of x0 nor the immediate of HVC matters",
        "include/kvm/arm_hypercalls.h, smccc_get_function(); Arm DEN 0028, the function identifier is passed in w0",
        function_is_w0,
    ),
    Case::new(
        "kvm.hypercall.smccc",
        "SMCCC_VERSION is 1.1, and SMCCC_ARCH_FEATURES says one of the permitted things of each workaround",
        KVM,
        smccc,
    ),
    Case::new(
        "kvm.hypercall.psci-version",
        "PSCI_VERSION is that of the kernel's release, up to 1.3, and what KVM_REG_ARM_PSCI_VERSION says",
        PSCI,
        psci_version,
    ),
    Case::new(
        "kvm.hypercall.psci-features",
        "PSCI_FEATURES knows the functions that there are and no others, and no trusted OS is there to migrate",
        PSCI,
        psci_features,
    ),
    Case::new(
        "kvm.hypercall.affinity-info",
        "AFFINITY_INFO says of each vCPU that it is on, and of no other",
        "arch/arm64/kvm/psci.c, kvm_psci_vcpu_affinity_info(); Arm DEN 0022 AFFINITY_INFO",
        affinity_info,
    ),
];

const SMCCC_ARCH_FEATURES: u64 = 0x8000_0001;
const AFFINITY_INFO: [u64; 2] = [0x8400_0004, 0xc400_0004];
const MIGRATE: u64 = 0x8400_0005;
const MIGRATE_INFO_TYPE: u64 = 0x8400_0006;
const PSCI_FEATURES: u64 = 0x8400_000a;

const ON: u64 = 0;
/// INVALID_PARAMETERS of PSCI.
const INVALID_PARAMETERS: u64 = -2i64 as u64;

fn results(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    for function in [SMCCC_VERSION, PSCI_VERSION, MIGRATE_INFO_TYPE, UNALLOCATED] {
        let trace = call(&mut guest, &[function, 0x1111, 0x2222, 0x3333])?;
        for n in 1..4 {
            equal_hex(&format!("x{n} behind HVC with x0 = {function:#x}"), 0, trace.x[n])?;
        }
    }
    Ok(())
}

fn function_is_w0(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    for (upper, text) in [(0, "hvc #1"), (0, "hvc #0xffff"), (1, "hvc #0"), (0xffff_ffff, "hvc #0x8000")] {
        let trace = guest.exec(text, &[upper << 32 | MIGRATE_INFO_TYPE])?;
        no_fault(&guest, text, &trace)?;
        equal_hex(&format!("x0 of MIGRATE_INFO_TYPE by {text} with {upper:#x} above it"), 2, trace.x[0])?;
    }
    Ok(())
}

fn smccc(cx: &mut CaseContext<'_>) -> CaseResult {
    /// Not there, there, and not needed: by SMCCC_ARCH_WORKAROUND_2 (0x7fff) as -2, by the others as 1.
    const WORKAROUNDS: [(u64, &[i64]); 3] =
        [(0x8000_8000, &[-1, 0, 1]), (0x8000_7fff, &[-1, 0, 1, -2]), (0x8000_3fff, &[-1, 0, 1])];
    let mut guest = cx.guest()?;
    gives(&mut guest, "SMCCC_VERSION", &[SMCCC_VERSION], 0x1_0001)?;
    gives(&mut guest, "SMCCC_ARCH_FEATURES of nothing", &[SMCCC_ARCH_FEATURES, 0x8000_0040], NOT_SUPPORTED)?;
    for (workaround, permitted) in WORKAROUNDS {
        let found = call(&mut guest, &[SMCCC_ARCH_FEATURES, workaround])?.x[0].cast_signed();
        let what = format!("SMCCC_ARCH_FEATURES of {workaround:#x}");
        holds(&what, format!("one of {permitted:?}"), found, permitted.contains(&found))?;
    }
    Ok(())
}

fn psci_version(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut guest = cx.guest()?;
    let told =
        succeeds("KVM_GET_ONE_REG of KVM_REG_ARM_PSCI_VERSION", guest.vm()?.register(0, RegisterId::PSCI_VERSION))?;
    gives(&mut guest, "PSCI_VERSION", &[PSCI_VERSION], told)?;
    // include/kvm/arm_psci.h, KVM_ARM_PSCI_LATEST.
    let minor = match cx.target().kernel_version() {
        version if version < (5, 18) => 0,
        version if version < (6, 13) => 1,
        _ => 3,
    };
    equal_hex("PSCI_VERSION", 1 << 16 | minor, told)
}

fn psci_features(cx: &mut CaseContext<'_>) -> CaseResult {
    /// CPU_OFF, CPU_ON, SYSTEM_OFF, SYSTEM_RESET: what every VM needs.
    const NEEDED: [u64; 4] = [0x8400_0002, 0xc400_0003, 0x8400_0008, 0x8400_0009];
    let mut guest = cx.guest()?;
    for function in NEEDED.into_iter().chain(AFFINITY_INFO).chain([PSCI_VERSION, PSCI_FEATURES, SMCCC_VERSION]) {
        gives(&mut guest, &format!("PSCI_FEATURES of {function:#x}"), &[PSCI_FEATURES, function], 0)?;
    }
    for function in [MIGRATE, UNALLOCATED, SMCCC_ARCH_FEATURES] {
        gives(&mut guest, &format!("PSCI_FEATURES of {function:#x}"), &[PSCI_FEATURES, function], NOT_SUPPORTED)?;
    }
    gives(&mut guest, "MIGRATE", &[MIGRATE], NOT_SUPPORTED)?;
    gives(&mut guest, "MIGRATE_INFO_TYPE", &[MIGRATE_INFO_TYPE], 2)
}

fn affinity_info(cx: &mut CaseContext<'_>) -> CaseResult {
    const CPUS: u64 = 3;
    let mut guest = cx.guest_like(Config { cpus: CPUS as usize, ..Config::default() })?;
    for function in AFFINITY_INFO {
        let mut says = |affinity: u64, level: u64, expected| {
            let what = format!("AFFINITY_INFO of {affinity:#x} at level {level}");
            gives(&mut guest, &what, &[function, affinity, level], expected)
        };
        for affinity in 0..CPUS {
            says(affinity, 0, ON)?;
        }
        says(CPUS, 0, INVALID_PARAMETERS)?;
        says(0x1_0000, 0, INVALID_PARAMETERS)?;
        // Whatever the fields are that do not count.
        says(0xff, 1, ON)?;
        says(0, 4, INVALID_PARAMETERS)?;
        // Bit 31 of MPIDR_EL1 is not part of an affinity.
        says(1 << 31, 0, INVALID_PARAMETERS)?;
    }
    Ok(())
}
