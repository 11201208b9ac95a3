//! Tests of the model machine: the suite itself, on what it must pass and on what it must not.

use std::collections::BTreeMap;

use abi::doorbell::Doorbell;
use model::defect::{Defect, Injected};

use super::*;
use crate::event::{Event, Sink, Verdict};
use crate::machine::{El, Factory};
use crate::suite::{self, GuestPolicy, Options};

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
    let guests = GuestPolicy { fresh_vms, ..GuestPolicy::default() };
    let mut verdicts = Verdicts::default();
    suite::run_on_model(&Options { names, seed: 0x5eed, firmware: None, guests }, settings, &mut verdicts);
    verdicts.0
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
    let hidden = !kernel.starts_with('7') && (case.starts_with("arch.store-only.") || case == "elsewhere.qemu.mte-10");
    hidden || cpu != "max" && !case.starts_with("kvm.") && !case.starts_with("restore.")
}

/// The cases about what a kernel does not have, in alphabetical order.
fn lacking(kernel: &str) -> &'static [&'static str] {
    const NO_SHARED: &str = "kvm.backing.shared-guest";
    const NO_BUSY: [&str; 2] = ["kvm.dirty.ring-refuses-stores", "kvm.ioctl.dirty-logging"];
    const NO_LIMIT: &str = "kvm.ioctl.length-beyond-int-max";
    const NO_CLIDR: &str = "kvm.feature.clidr";
    const NO_MEMFD: &str = "kvm.backing.guest-memfd-first";
    const NO_HUGETLB: [&str; 3] =
        ["kvm.backing.hugetlb-guest", "kvm.backing.hugetlb-parts", "kvm.backing.hugetlb-touched"];
    match kernel {
        "5.14" => &[NO_MEMFD, NO_SHARED, NO_BUSY[0], NO_CLIDR, NO_BUSY[1], NO_LIMIT],
        // What it does instead of refusing a store while pages are logged was measured there, and is asked for.
        "6.1" => &[NO_MEMFD, NO_SHARED, NO_BUSY[0], NO_CLIDR, NO_LIMIT],
        "6.3" => &[NO_MEMFD, NO_BUSY[0], NO_BUSY[1], NO_LIMIT],
        "6.12.10" => &[NO_MEMFD],
        "6.12" | "6.12-16k" => &[NO_MEMFD, NO_HUGETLB[0], NO_HUGETLB[1], NO_HUGETLB[2]],
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
    model::kvm::defects().chain(DEFECTS.iter().copied()).find(|defect| defect.name == name).unwrap()
}

#[test]
fn an_erratum_explains_cases_that_exist() {
    for erratum in model::erratum::all() {
        for pattern in erratum.cases {
            let one = model::erratum::Erratum { cases: std::slice::from_ref(pattern), ..*erratum };
            assert!(suite::cases().any(|case| one.explains(case.name)), "{}: {pattern}", erratum.name);
        }
    }
}

#[test]
fn a_block_that_does_not_end_and_one_that_rings_falsely_are_errors() {
    let settings = Settings { budget: 1000, ..Settings::default() };
    let mut machine = ModelFactory::new(settings).boot(Config::default()).unwrap();
    let endless = Block::assemble("b .").unwrap();
    assert!(
        matches!(machine.start(0, &endless), Err(MachineError::Silent { cpu: 0, pc, .. }) if pc == map::code_va(0))
    );
    assert!(!machine.recycle().unwrap());
    let mut machine = ModelFactory::new(Settings::default()).boot(Config::default()).unwrap();
    let byte = Doorbell::Reply.byte(0).into();
    let rings = Block::assemble("strb w0, [x1]").unwrap().x(0, byte).x(1, map::UART_DR);
    assert!(matches!(machine.start(0, &rings), Err(MachineError::Misbehaved { cpu: 0, .. })));
    assert!(matches!(machine.start(1, &endless), Err(MachineError::BadRequest(_))));
}

/// What the real firmware keeps in guest memory goes back with a snapshot: kinds of pages, and the heap.
#[test]
fn a_restore_rolls_the_firmware_back() {
    let mut machine = ModelFactory::new(Settings::default()).boot(Config::default()).unwrap();
    let first = machine.heap_alloc(64, 16).unwrap();
    let snapshot = machine.save().unwrap();
    machine.set_pages(Window::Tagged, map::ARENA_BASE, map::GUEST_PAGE, PageKind::Unmapped).unwrap();
    assert!(machine.heap_free(first, 64, 16).unwrap());
    let load = Block::assemble("ldr x1, [x0]").unwrap().x(0, Window::Tagged.va(map::ARENA_BASE));
    let faults = |machine: &mut dyn Machine| match machine.start(0, &load).unwrap() {
        Outcome::Done(trace) => trace.faults.len(),
        Outcome::Checkpoint => panic!("no checkpoint was rung"),
    };
    assert_eq!(faults(&mut *machine), 1);
    machine.replace_by(&snapshot).unwrap();
    assert_eq!(faults(&mut *machine), 0);
    assert!(machine.heap_free(first, 64, 16).unwrap());
    // Twice from the same snapshot is the same again.
    machine.replace_by(&snapshot).unwrap();
    assert!(machine.heap_free(first, 64, 16).unwrap());
    assert!(!machine.heap_free(first, 64, 16).unwrap());
}

#[test]
fn vectors_survive_a_restore_amid_a_block() {
    let mut machine = ModelFactory::new(Settings::default()).boot(Config::default()).unwrap();
    let vectors = std::array::from_fn(|n| [n as u64, !(n as u64)]);
    let block = Block::assemble("strb w0, [x1]; nop").unwrap().at(El::El0).vectors(vectors);
    let block = block.x(0, Doorbell::Checkpoint.byte(0).into()).x(1, map::UART_DR);
    assert!(matches!(machine.start(0, &block).unwrap(), Outcome::Checkpoint));
    let snapshot = machine.save().unwrap();
    machine.replace_by(&snapshot).unwrap();
    match machine.resume(0).unwrap() {
        Outcome::Done(trace) => assert_eq!(trace.v.as_deref(), Some(&vectors)),
        Outcome::Checkpoint => panic!("the store to the doorbell happened twice"),
    }
}

#[test]
fn a_machine_that_is_handed_on_is_as_booted() {
    let mut machine = ModelFactory::new(Settings::default()).boot(Config::default()).unwrap();
    let pointer = Window::Tagged.va(map::ARENA_BASE) | 5 << 56;
    let block = Block::assemble("stg x0, [x0]; str x0, [x0]").unwrap().x(0, pointer).sys(SysReg::Gcr, 0xff);
    machine.start(0, &block).unwrap();
    machine.heap_alloc(64, 16).unwrap();
    assert!(machine.recycle().unwrap());
    let look = Block::assemble("ldg x1, [x0]; ldr x2, [x3]; mrs x4, gcr_el1").unwrap();
    let look = look.x(0, Window::Tagged.va(map::ARENA_BASE)).x(3, Window::Untagged.va(map::ARENA_BASE));
    match machine.start(0, &look).unwrap() {
        Outcome::Done(trace) => {
            assert_eq!((trace.x[1] >> 56, trace.x[2]), (0, 0));
            assert_eq!(trace.x[4], machine.boot_report(0).sys[SysReg::Gcr as usize]);
        }
        Outcome::Checkpoint => panic!("no checkpoint was rung"),
    }
    machine.write(map::FIRMWARE_BASE, &[1]).unwrap();
    assert!(!machine.recycle().unwrap());
}
