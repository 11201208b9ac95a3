//! Chapter: what a guest is offered, beside what a process of the host has. Less needs a reason, by the kernel's version.
//!
//! Other chapters are skipped where the guest lacks a feature; these say whether it lacks it rightly.

use kvm_model::offer::{FEATURES, Feature, Offer, VcpuOption};

use super::calls::{handed, succeeds, vm};
use case::expect::{equal, equal_hex};
use case::{Case, CaseContext, CaseResult};
use machine::capability::{Capability, HostFeatures};
use machine::need::Need;

const SHOWN: &str =
    "Documentation/arch/arm64/cpu-feature-registers.rst; arch/arm64/kvm/sys_regs.c, __kvm_read_sanitised_id_reg()";
const HWCAPS: &str = "Documentation/arch/arm64/elf_hwcaps.rst";

/// What the cases are about that have a name of their own.
const LEVEL: &[&str] = &["MTE"];
const STORE_ONLY: &[&str] = &["MTESTOREONLY"];
const TAGGED_FAR: &[&str] = &["MTEFAR"];
const ATOMICS: &[&str] = &["Atomic", "AT", "LRCPC"];
const MOPS: &[&str] = &["MOPS"];
const VECTORS: &[&str] = &["AdvSIMD", "SVE", "SME", "FPMR"];
const AUTHENTICATION: &[&str] = &["APA", "API", "APA3", "GPA", "GPI", "GPA3"];
const NAMED: [&[&str]; 7] = [LEVEL, STORE_ONLY, TAGGED_FAR, ATOMICS, MOPS, VECTORS, AUTHENTICATION];

pub const CASES: &[Case] = &[
    case("kvm.offer.level", "a guest has the level of MTE that the host's processes have", |b| offered(b, LEVEL)),
    case(
        "kvm.offer.store-only",
        "a guest has store-only tag checks where the host's processes have them, which is from Linux 6.17 on",
        |b| offered(b, STORE_ONLY),
    ),
    case(
        "kvm.offer.tagged-far",
        "a guest has the whole address of a tag check fault where the host's processes have it, which is from Linux 6.17 on",
        |b| offered(b, TAGGED_FAR),
    ),
    case("kvm.offer.atomics", "a guest has the atomics and the ordered loads that the host's processes have", |b| {
        offered(b, ATOMICS)
    }),
    case(
        "kvm.offer.mops",
        "a guest has memory copies and sets where the host's processes have them, from Linux 6.7 on",
        |b| offered(b, MOPS),
    ),
    case("kvm.offer.vectors", "KVM offers SVE where the host's processes have it; no guest has SME", |b| {
        offered(b, VECTORS)
    }),
    case(
        "kvm.offer.authentication",
        "KVM offers pointer authentication where the host's processes have that of addresses and that of data",
        |b| offered(b, AUTHENTICATION),
    ),
    case("kvm.offer.other-features", "a guest has the other features that the host's processes have", |b| {
        offered_if(b, |feature| NAMED.iter().all(|names| !names.contains(&feature.name)))
    }),
    Case::new(
        "kvm.offer.hwcaps",
        "the auxiliary vector of the host's processes names the features that their ID registers have",
        HWCAPS,
        hwcaps,
    )
    .needing(&[Need::Capability(Capability::HostFeatures)]),
];

const fn case(name: &'static str, claim: &'static str, run: fn(&mut CaseContext<'_>) -> CaseResult) -> Case {
    Case::new(name, claim, SHOWN, run).needing(&[Need::Capability(Capability::HostFeatures)])
}

fn offered(cx: &mut CaseContext<'_>, names: &[&str]) -> CaseResult {
    offered_if(cx, |feature| names.contains(&feature.name))
}

/// Compares what a guest reads of these features with what a process of the host does.
fn offered_if(cx: &mut CaseContext<'_>, wanted: impl Fn(&Feature) -> bool) -> CaseResult {
    let mut vm = vm(cx, 1)?;
    let cpu = succeeds("KVM_CREATE_VCPU", vm.add_vcpu())?;
    let contract = cx.target().contract();
    for feature in FEATURES.iter().filter(|feature| wanted(feature)) {
        let register = succeeds("KVM_GET_ONE_REG", vm.register(cpu, feature.register))?;
        let host = handed(Capability::HostFeatures, vm.host_features())?;
        let (guest, process) = (feature.of(register), field(host, feature)?);
        if feature.known > contract.release() && process == 0 {
            // What processes are not shown says nothing about guests.
            continue;
        }
        let (name, field) = (feature.register_name, feature.name);
        let mut expected = feature.of_guest(process, contract);
        if let Offer::OnRequest(option) = feature.offer {
            check_option(host, option)?;
            // Of what the VMM asks for the guest has all.
            expected = if guest == 0 { 0 } else { process };
        }
        if feature.offer == Offer::AtLeast && guest > expected {
            continue;
        }
        equal_hex(
            &format!("{name}.{field} of a guest, of which the host's processes read {process:#x}"),
            expected,
            guest,
        )?;
    }
    Ok(())
}

/// Reads a field as a process of the host does.
fn field(host: &dyn HostFeatures, feature: &Feature) -> Result<u64, case::CaseError> {
    let what = format!("MRS of {} in a process", feature.register_name);
    Ok(feature.of(succeeds(&what, host.host_id_register(feature.register))?))
}

fn check_option(host: &dyn HostFeatures, option: VcpuOption) -> CaseResult {
    let expected = option.is_offered(|feature| host.host_id_register(feature.register).unwrap_or(0));
    equal(&format!("whether KVM_CHECK_EXTENSION reports {option:?}"), &expected, &host.offers(option))
}

fn hwcaps(cx: &mut CaseContext<'_>) -> CaseResult {
    let mut vm = cx.bare()?;
    let host = handed(Capability::HostFeatures, vm.host_features())?;
    let entries = host.hwcaps();
    // A bit may stand for several fields, of which one is enough.
    for hwcap in FEATURES.iter().flat_map(|feature| feature.hwcaps) {
        let mut named = Vec::new();
        let mut expected = false;
        for feature in FEATURES {
            for other in feature.hwcaps.iter().filter(|other| (other.entry, other.bit) == (hwcap.entry, hwcap.bit)) {
                named.push(feature.name);
                expected |= field(host, feature)? >= other.least;
            }
        }
        let (entry, bit) = (["AT_HWCAP", "AT_HWCAP2", "AT_HWCAP3"][hwcap.entry], hwcap.bit);
        let found = entries[hwcap.entry] >> bit & 1 != 0;
        equal(&format!("bit {bit} of {entry}, which stands for {}", named.join(" or ")), &expected, &found)?;
    }
    Ok(())
}
