//! The suite on the model: what it must pass, and what it must not.

use std::collections::BTreeMap;

use machine::capability::{Capability, MachineKind};
use machine::need::Need;
use machine::target::Opener;
use machine::{Config, Deadline};
use model_base::defect::{Defect, Injected};
use modelled::Settings;
use report::event::{Event, Sink, Verdict};
use suite::Options;

/// Verdicts by case.
#[derive(Default)]
struct Verdicts(BTreeMap<String, Verdict>);

impl Sink for Verdicts {
    fn event(&mut self, event: Event) {
        match event {
            Event::End { name, verdict, .. } => drop(self.0.insert(name, verdict)),
            Event::Broken { reason, .. } | Event::Unavailable { reason, .. } => panic!("{reason}"),
            _ => {}
        }
    }
}

fn run(settings: Settings, names: &[&str], fresh_vms: bool) -> BTreeMap<String, Verdict> {
    let all = suite::cases().map(|case| case.name);
    let names = all.filter(|name| names.is_empty() || names.contains(name)).map(str::to_owned).collect();
    let mut verdicts = Verdicts::default();
    let opened = settings.open(Config::default()).unwrap();
    suite::run_on(&Options { names, seed: 0x5eed, fresh_vms, deadline: Deadline::NEVER }, opened, &mut verdicts);
    verdicts.0
}

/// A case that uses a capability declares it, and one that declares it uses it: where a machine that should have it does not
/// hand it out, those cases fail, and no other verdict changes.
#[test]
fn a_capability_that_is_not_handed_out_fails_the_cases_that_declare_it_and_no_others() {
    // A kernel of which no capability's case is skipped.
    let newest = || Settings::default().kernel("7.2").unwrap();
    let whole = run(newest(), &[], false);
    for capability in MachineKind::Model.capabilities().iter() {
        if matches!(capability, Capability::Vm | Capability::UnknownMemory) {
            continue;
        }
        let capabilities = MachineKind::Model.capabilities().without(capability);
        let settings = Settings { capabilities, ..newest() };
        let declares = |name: &str| {
            let case = suite::cases().find(|case| case.name == name);
            case.is_some_and(|case| case.needs.contains(&Need::Capability(capability)))
        };
        for noticed in [true, false] {
            let mut opened = settings.open(Config::default()).unwrap();
            if !noticed {
                // As if the machine that was asked had it, so that each case finds out for itself.
                opened.target.capabilities = MachineKind::Model.capabilities();
            }
            let names = suite::cases().map(|case| case.name.to_owned()).collect();
            let mut verdicts = Verdicts::default();
            suite::run_on(
                &Options { names, seed: 0x5eed, fresh_vms: false, deadline: Deadline::NEVER },
                opened,
                &mut verdicts,
            );
            let mut declared = 0;
            for (name, verdict) in &verdicts.0 {
                if declares(name) {
                    declared += 1;
                    assert!(matches!(verdict, Verdict::Failed(_)), "{name} without {capability}: {verdict:?}");
                } else {
                    assert_eq!(verdict, &whole[name], "{name} without {capability}");
                }
            }
            assert!(declared > 0, "no case needs {capability}");
        }
    }
}

fn failures(verdicts: &BTreeMap<String, Verdict>) -> Vec<String> {
    let failed = verdicts.iter().filter(|(_, verdict)| matches!(verdict, Verdict::Failed(_)));
    failed.map(|(name, verdict)| format!("{name}: {verdict:?}")).collect()
}

/// A case that may be skipped on a CPU that has less than all features, or on one that has no lines of tags. Kernels before
/// 6.17 keep one of the features from guests.
fn optional(kernel: &str, cpu: &str, case: &str) -> bool {
    if case == "kvm.registers.tag-line" {
        return cpu == "max";
    }
    // KVM has no SME for guests; `max-sme` is for the model without a kernel.
    if case.starts_with("arch.sme.") && case != "arch.sme.as-identified" {
        return true;
    }
    // A nested run's `max` has no pointer authentication.
    let signs = ["arch.pauth.", "kvm.pauth.", "restore.mid-block.signed-pointer"];
    if ["arch.code.signing-instructions", "arch.code.strip-keeps-tag", "arch.feature.authenticated-loads"]
        .contains(&case)
        || signs.iter().any(|prefix| case.starts_with(prefix))
    {
        return cpu != "neoverse-n2";
    }
    // What no CPU has but the one that has everything.
    if case.starts_with("arch.feature.") || case.starts_with("arch.extended.") {
        return cpu != "everything" && case != "arch.feature.undefined-without";
    }
    // Guests have memory copies and sets from 6.7 on.
    if case.starts_with("arch.copy.") && ["5.14", "6.1", "6.3"].contains(&kernel) {
        return true;
    }
    // Whether there are vCPUs with EL2 is for the kernel's parameters to say.
    if case.starts_with("kvm.el2.") {
        return true;
    }
    if case == "kvm.registers.fewer-features" {
        return !kernel.starts_with('7') || cpu != "max";
    }
    let hidden = !kernel.starts_with('7')
        && (case.starts_with("arch.store-only.")
            || ["arch.check.tagged-far", "arch.sve-elements.store-only", "elsewhere.qemu.mte-10"].contains(&case));
    hidden || cpu != "max" && !case.starts_with("kvm.") && !case.starts_with("restore.")
}

/// The cases about what a kernel does not have, in alphabetical order.
fn lacking(kernel: &str) -> &'static [&'static str] {
    const NO_SHARED: &str = "kvm.backing.shared-guest";
    const NO_BUSY: [&str; 2] = ["kvm.dirty.ring-refuses-stores", "kvm.ioctl.dirty-logging"];
    const DISCARDED: &str = "kvm.fresh.discarded-shared";
    const NO_CLIDR: &str = "kvm.feature.clidr";
    const NO_MEMFD: &str = "kvm.backing.guest-memfd-first";
    const NO_HUGETLB: [&str; 4] = [
        "kvm.backing.hugetlb-guest",
        "kvm.backing.hugetlb-parts",
        "kvm.backing.hugetlb-touched",
        "kvm.part.hugetlb-fork",
    ];
    /// Those about parts of shared memory, and about others who have it.
    const SHARED: [&str; 10] = [
        "kvm.host.swapoff-shared",
        "kvm.part.punched",
        "kvm.part.punched-with-untagged-first",
        "kvm.part.shared-in-swap",
        "kvm.race.two-vms-store-first",
        "kvm.race.two-vms-touch-first",
        "kvm.race.vm-and-process-touch-first",
        "kvm.sharing.new-memory",
        "kvm.sharing.two-vms",
        "kvm.sharing.vm-and-process",
    ];
    const NO_MASKS: &str = "kvm.registers.writable-masks";
    match kernel {
        "5.14" => &[
            NO_MEMFD, NO_SHARED, NO_BUSY[0], NO_CLIDR, DISCARDED, SHARED[0], NO_BUSY[1], SHARED[1], SHARED[2],
            SHARED[3], SHARED[4], SHARED[5], SHARED[6], NO_MASKS, SHARED[7], SHARED[8], SHARED[9],
        ],
        // What it does instead of refusing a store while pages are logged was measured there, and is asked for.
        "6.1" => &[
            NO_MEMFD, NO_SHARED, NO_BUSY[0], NO_CLIDR, DISCARDED, SHARED[0], SHARED[1], SHARED[2], SHARED[3],
            SHARED[4], SHARED[5], SHARED[6], NO_MASKS, SHARED[7], SHARED[8], SHARED[9],
        ],
        "6.3" => &[NO_MEMFD, NO_BUSY[0], NO_BUSY[1], NO_MASKS],
        "6.12.10" => &[NO_MEMFD],
        "6.12" | "6.12-16k" => &[NO_MEMFD, NO_HUGETLB[0], NO_HUGETLB[1], NO_HUGETLB[2], NO_HUGETLB[3]],
        _ => &[],
    }
}

/// What a kernel or a CPU does not have is skipped, and nothing else.
#[test]
fn the_suite_passes_on_every_kernel_and_cpu_that_is_modelled() {
    for kernel in ["5.14", "6.1", "6.3", "6.12", "6.12.10", "7.2", "6.12-16k", "7.2-64k"] {
        for cpu in ["max", "neoverse-n2"] {
            let settings = Settings::default().kernel(kernel).unwrap().cpu(cpu).unwrap();
            let verdicts = run(settings, &[], false);
            assert_eq!(failures(&verdicts), [""; 0], "{kernel} on {cpu}");
            assert_eq!(verdicts.len(), suite::cases().count());
            // The kernel's promises are never skipped for want of a CPU's feature.
            let skipped = verdicts.iter().filter(|(_, verdict)| matches!(verdict, Verdict::Skipped(_)));
            let needed = |name: &&str| !optional(kernel, cpu, name);
            let skipped: Vec<_> = skipped.map(|(name, _)| name.as_str()).filter(needed).collect();
            assert_eq!(skipped, lacking(kernel), "{kernel} on {cpu}");
        }
    }
}

#[test]
fn new_vms_for_each_case_change_nothing() {
    let settings = Settings::default;
    assert_eq!(run(settings(), &[], true), run(settings(), &[], false));
}

/// The kill matrix does this for every defect; here one of each kind shows that defects reach the suite at all.
#[test]
fn a_defect_of_the_kernel_or_of_the_vmm_turns_a_case_red() {
    for (name, case) in [
        ("copy-tags.counts-tags", "kvm.ioctl.full-count"),
        ("tag-transfer.high-bits-kept", "kvm.ioctl.high-bits-ignored"),
        ("capability.flags-accepted", "kvm.capability.flags"),
        ("one-reg.id-writable", "kvm.registers.id-is-fixed"),
        ("vcpu-switch.tfsr", "restore.registers.two-vcpus"),
        ("vmm.tags-last-granule-lost", "restore.memory.every-granule"),
        ("vmm.mmio-not-completed", "restore.mid-block.live-registers"),
    ] {
        let injected = Injected::only(defect(name));
        let _active = injected.activate();
        let verdicts = run(Settings { injected, ..Settings::default() }, &[case], false);
        assert!(matches!(verdicts.get(case), Some(Verdict::Failed(_))), "{name}: {verdicts:?}");
    }
}

fn defect(name: &str) -> &'static Defect {
    kvm_model::catalogue::all().chain(modelled::DEFECTS.iter().copied()).find(|defect| defect.name == name).unwrap()
}

#[test]
fn an_erratum_explains_cases_that_exist() {
    for erratum in errata::all() {
        for pattern in erratum.cases {
            let one = errata::Erratum { cases: std::slice::from_ref(pattern), ..*erratum };
            assert!(suite::cases().any(|case| one.concerns_case(case.name)), "{}: {pattern}", erratum.id);
        }
    }
}
