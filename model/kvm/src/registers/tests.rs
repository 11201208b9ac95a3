//! Tests of the register table and of what can be read and written.

use super::*;
use crate::contract::Release;

fn vm(mte: bool) -> Vm {
    let mut vm = Vm::new(&Host::default());
    if mte {
        vm.enable_mte(0).unwrap();
    }
    vm.add_vcpu().unwrap();
    vm
}

fn with_lengths(vector_lengths: u16) -> Vm {
    let features = Features { vector_lengths, ..Features::MAX };
    let mut vm = Vm::new(&Host { features, ..Host::default() });
    vm.enable_mte(0).unwrap();
    vm.add_vcpu().unwrap();
    vm
}

fn read(vm: &Vm, id: RegisterId) -> Vec<u8> {
    let mut value = vec![0xee; id.size()];
    vm.read_register(0, id, &mut value).unwrap();
    value
}

#[test]
fn every_listed_register_is_listed_once_and_can_be_read_and_written_back() {
    for mut vm in [vm(false), vm(true), with_lengths(0)] {
        let list = vm.register_list();
        let mut unique = list.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), list.len());
        for id in list {
            let expected = if id == RegisterId::SVE_VLS { Err(Errno::EPERM) } else { Ok(()) };
            let value = read(&vm, id);
            assert_eq!(vm.write_register(0, id, &value), expected, "{id}");
        }
    }
}

#[test]
fn what_is_set_is_read_back_at_its_own_place_only() {
    for mut vm in [vm(true), with_lengths(0), with_lengths(0b1011)] {
        let (longest, constant) = (usize::from(vm.features().max_vector_bytes()), |id: &RegisterId| {
            *id == RegisterId::SVE_VLS || matches!(find(*id), Some(Found::Row(_, Place::Id(_))))
        });
        let writable: Vec<_> = vm.register_list().into_iter().filter(|id| !constant(id)).collect();
        let value = |n: usize, id: RegisterId| -> Vec<u8> {
            // PSTATE keeps the fields that the model has, ZCR_EL1 a length that there is, and SVE the lengths of the vCPU.
            let number = match id {
                RegisterId::PSTATE => 0x6200_03c4,
                RegisterId::ZCR_EL1 => 1,
                _ => 0x1000 + n as u64,
            };
            let bytes: Vec<u8> = number.to_le_bytes().into_iter().cycle().take(id.size()).collect();
            let kept = match id.size() {
                256 => longest,
                32 => longest / 8,
                size => size,
            };
            bytes.into_iter().enumerate().map(|(at, byte)| if at < kept { byte } else { 0 }).collect()
        };
        for (n, id) in writable.iter().enumerate() {
            vm.write_register(0, *id, &value(n, *id)).unwrap();
        }
        for (n, id) in writable.iter().enumerate() {
            assert_eq!(read(&vm, *id), value(n, *id), "{id}");
        }
    }
}

#[test]
fn the_four_registers_exist_with_the_capability_only() {
    let (mut with, mut without) = (vm(true), vm(false));
    for id in RegisterId::MTE {
        assert!(with.register_list().contains(&id));
        assert_eq!(with.register(0, id), Ok(0x1de7_ec7e_dbad_c0de), "{id}");
        assert!(!without.register_list().contains(&id));
        assert_eq!(without.register(0, id), Err(Errno::ENOENT));
        assert_eq!(without.set_register(0, id, 0), Err(Errno::ENOENT));
    }
    assert_eq!(with.register(0, RegisterId::ID_AA64PFR1_EL1).unwrap() >> 8 & 0xf, 3);
    assert_eq!(without.register(0, RegisterId::ID_AA64PFR1_EL1).unwrap() >> 8 & 0xf, 0);
    assert_eq!(with.set_register(0, RegisterId(0x6030_0000_0013_ffff), 0), Err(Errno::ENOENT));
}

#[test]
fn an_id_register_takes_only_what_it_is() {
    let id = RegisterId::ID_AA64PFR1_EL1;
    for (release, after_a_run) in [("6.1", Errno::EINVAL), ("6.12", Errno::EBUSY)] {
        let mut vm = Vm::new(&Host { release: release.parse().unwrap(), ..Host::default() });
        vm.enable_mte(0).unwrap();
        vm.add_vcpu().unwrap();
        let value = vm.register(0, id).unwrap();
        assert_eq!(vm.set_register(0, id, value & !0xf00), Err(Errno::EINVAL));
        vm.enter(0).unwrap();
        vm.leave(0);
        assert_eq!(vm.set_register(0, id, value & !0xf00), Err(after_a_run), "{release}");
        assert_eq!(vm.set_register(0, id, value), Ok(()));
        assert_eq!(vm.register(0, id), Ok(value));
    }
}

#[test]
fn mte_frac_is_shown_from_6_16_on() {
    let host = Features { pfr1: 0x21 | MTE_FRAC, ..Features::MAX };
    let on = |minor| Host { release: Release::new(6, minor, 0), features: host.clone(), ..Host::default() };
    let shown = |minor, mte| visible(&on(minor), mte).id_aa64pfr1();
    assert_eq!(shown(15, true) & (MTE_FRAC | 0xf00), 0x300);
    assert_eq!(shown(16, true) & (MTE_FRAC | 0xf00), MTE_FRAC | 0x300);
    assert_eq!(shown(16, false) & (MTE_FRAC | 0xf00), 0);
}

#[test]
fn vectors_are_128_bits() {
    let mut vm = Vm::new(&Host { features: Features { vector_lengths: 0, ..Features::MAX }, ..Host::default() });
    vm.add_vcpu().unwrap();
    let value = 0x0123_4567_89ab_cdef_u128 << 64 | 0xfedc;
    vm.set_register(0, RegisterId::v(31), value).unwrap();
    assert_eq!(vm.register(0, RegisterId::v(31)), Ok(value));
    assert_eq!(vm.enter(0).unwrap().0.v[31], [0xfedc, 0x0123_4567_89ab_cdef]);
}

#[test]
fn the_caches_of_a_guest_follow_from_what_they_need() {
    const IDC: u64 = 1 << 28;
    const DIC: u64 = 1 << 29;
    for (ctr, expected) in [(IDC | DIC, 0x4_0100_0004), (IDC, 0x10_0200_0021), (DIC, 0x4_0920_0002), (0, 0x4_0920_0003)]
    {
        assert_eq!(clidr(ctr, true), expected, "{ctr:#x}");
        assert_eq!(clidr(ctr, false), expected & 0xffff_ffff, "{ctr:#x}");
    }
    let on = |release: &str| Host { release: release.parse().unwrap(), ..Host::default() };
    assert_eq!(visible(&on("6.2"), true).clidr, Features::MAX.clidr);
    assert_eq!(visible(&on("6.12"), true).clidr, 0x4_0100_0004);
    let board = Host { hypervisor: Hypervisor::Board, ..on("6.12") };
    assert_eq!(visible(&board, false), Features::MAX);
}
