//! Tests of the capability and of how vCPUs are entered and left.

use super::*;
use crate::host::Mode;
use crate::kernel::RegisterId;
use model_base::memory::Bus;

const RAM: u64 = 0x4000_0000;

fn vm(release: &str) -> Vm {
    Vm::new(&Host { release: release.parse().unwrap(), ..Host::default() })
}

#[test]
fn the_capability_takes_no_flags_no_vcpu_and_can_be_enabled_twice() {
    let mut vm = vm("6.12");
    assert_eq!(vm.enable_mte(1), Err(Errno::EINVAL));
    assert_eq!(vm.enable_mte(1 << 31), Err(Errno::EINVAL));
    assert!(!vm.has_mte());
    assert_eq!((vm.enable_mte(0), vm.enable_mte(0)), (Ok(()), Ok(())));
    assert_eq!(vm.features().mte, 3);
    let mut late = Vm::new(vm.host());
    assert_eq!(late.add_vcpu(), Ok(0));
    assert_eq!(late.enable_mte(0), Err(Errno::EINVAL));
    assert!(!late.has_mte() && late.has_mte_capability());
}

#[test]
fn hosts_that_offer_no_mte_refuse_the_capability() {
    let offers = |release: &str, mode, mte| {
        let features = Features::MAX.with_mte(mte);
        let host = Host { release: release.parse().unwrap(), mode, features, ..Host::default() };
        let offered = host.offers_mte();
        assert_eq!(Vm::new(&host).enable_mte(0).is_ok(), offered, "{release} {mode:?} {mte}");
        offered
    };
    assert!(offers("5.14", Mode::Vhe, 2));
    assert!(!offers("5.13", Mode::Vhe, 2));
    assert!(!offers("6.12", Mode::Vhe, 1));
    assert!(offers("6.12", Mode::Protected, 3));
    assert!(!offers("7.2", Mode::Protected, 3));
    assert!(offers("7.2", Mode::Nvhe, 3));
}

#[test]
fn a_slot_is_refused_by_what_the_vm_is_when_it_is_made() {
    let mut early = vm("6.1");
    early.add_memory(RAM, 0x1000, Backing::Shared, Access::ReadWrite).unwrap();
    early.enable_mte(0).unwrap();
    assert_eq!(early.add_memory(RAM + 0x1000, 0x1000, Backing::Shared, Access::ReadWrite), Err(Errno::EINVAL));
    assert_eq!(early.add_memory(RAM, 0x1000, Backing::Anonymous, Access::ReadWrite), Err(Errno::EEXIST));
    early.add_vcpu().unwrap();
    // The slot made before is found out when the guest touches it.
    let (_, bus, _) = early.enter(0).unwrap();
    assert!(bus.read(RAM, &mut [0]).is_err());
    let mut later = vm("6.2");
    later.enable_mte(0).unwrap();
    assert_eq!(later.add_memory(RAM, 0x1000, Backing::Shared, Access::ReadWrite), Ok(()));
}

#[test]
fn what_a_cpu_does_not_implement_vanishes_when_the_vcpu_runs() {
    let mut vm = vm("6.12");
    vm.enable_mte(0).unwrap();
    vm.add_vcpu().unwrap();
    for (id, implemented) in RegisterId::MTE.into_iter().zip([0x00ff_ffff_ffff_ff0f, 0x1_ffff, 3, 3]) {
        vm.set_register(0, id, u128::from(u64::MAX)).unwrap();
        assert_eq!(vm.register(0, id), Ok(u128::from(u64::MAX)), "{id}");
        vm.enter(0).unwrap();
        vm.leave(0);
        assert_eq!(vm.register(0, id), Ok(implemented), "{id}");
    }
}

#[test]
fn a_waiting_store_to_a_device_has_its_own_pc_until_it_is_completed() {
    let mut vm = vm("6.12");
    vm.add_vcpu().unwrap();
    let (cpu, ..) = vm.enter(0).unwrap();
    (cpu.pc, cpu.mmio) = (0x1000, true);
    vm.leave(0);
    assert_eq!(vm.register(0, RegisterId::PC), Ok(0x1000));
    vm.complete_mmio(0);
    vm.complete_mmio(0);
    assert_eq!(vm.register(0, RegisterId::PC), Ok(0x1004));
}

#[test]
fn each_vcpu_has_registers_of_its_own() {
    let mut vm = vm("6.12");
    vm.enable_mte(0).unwrap();
    for cpu in 0..2 {
        vm.add_vcpu().unwrap();
        vm.set_register(cpu, RegisterId::GCR_EL1, 0x10 + cpu as u128).unwrap();
    }
    for cpu in 0..2 {
        assert_eq!(vm.enter(cpu).unwrap().0.sys.gcr, 0x10 + cpu as u64);
        vm.leave(cpu);
    }
    assert!(vm.enter(2).is_none());
    assert_eq!(vm.register(2, RegisterId::PC), Err(Errno::ENOENT));
}
