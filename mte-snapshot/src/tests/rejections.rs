//! Invalid fields are rejected by name.

use kvm_mte::register::Register;

use super::{GRANULES, PAGE, sample, u64_value};
use crate::register;
use crate::snapshot::{Application, Extent, Slot, Snapshot, View};

/// Encodes the sample with a change. Returns the error's text.
fn rejected(change: impl FnOnce(&mut Snapshot)) -> String {
    let mut snapshot = sample();
    change(&mut snapshot);
    snapshot.encode().expect_err("an invalid field").to_string()
}

fn page(ipa: u64) -> Extent {
    Extent { ipa, data: vec![1; PAGE], tags: vec![0; GRANULES] }
}

#[test]
fn identity() {
    assert_eq!(
        rejected(|s| s.identity.page_size = 8192),
        "identity.page_size: expected 4096, 16384 or 65536, found 8192"
    );
    assert_eq!(rejected(|s| s.identity.mte = 16), "identity.mte: expected a field of four bits, found 16");
    assert_eq!(
        rejected(|s| s.identity.cpu = "x".repeat(4096)),
        "identity.cpu.len(): expected at most 4095, found 4096"
    );
}

#[test]
fn slots() {
    let slot = |ipa, bytes| move |s: &mut Snapshot| s.slots[1] = Slot { ipa, bytes, read_only: false };
    assert_eq!(rejected(slot(0x800, 4096)), "slots[1].ipa: expected a multiple of 4096, found 0x800");
    assert_eq!(rejected(slot(0, 0)), "slots[1].bytes: expected a multiple of 4096 that is not 0, found 0x0");
    assert_eq!(rejected(slot(0, 8)), "slots[1].bytes: expected a multiple of 4096 that is not 0, found 0x8");
    assert_eq!(
        rejected(slot(!0xfff, 8192)),
        "slots[1].bytes: expected an end in the address space, found 0x2000 bytes from 0xfffffffffffff000"
    );
    assert_eq!(
        rejected(slot(0x43ff_f000, 4096)),
        "slots[1].ipa: expected an address after 0x43ffffff, the end of slots[0], found 0x43fff000"
    );
    assert_eq!(
        rejected(|s| s.identity.page_size = 16384),
        "slots[1].bytes: expected a multiple of 16384 that is not 0, found 0x2000"
    );
}

#[test]
fn memory() {
    let extent = |extent: Extent| move |s: &mut Snapshot| s.memory.push(extent);
    assert_eq!(rejected(extent(page(0x4000_0010))), "memory[1].ipa: expected a multiple of 4096, found 0x40000010");
    assert_eq!(
        rejected(extent(page(0x2000_0000))),
        "memory[1]: expected a range within one slot, found 0x1000 bytes from 0x20000000"
    );
    let wide = Extent { data: vec![1; 2 * PAGE], tags: vec![0; 2 * GRANULES], ..page(0x43ff_f000) };
    assert_eq!(
        rejected(extent(wide)),
        "memory[1]: expected a range within one slot, found 0x2000 bytes from 0x43fff000"
    );
    assert_eq!(
        rejected(extent(page(0x4060_2000))),
        "memory[1].ipa: expected an address after 0x40602fff, the end of memory[0], found 0x40602000"
    );
    assert_eq!(
        rejected(extent(Extent { data: vec![1; 16], tags: vec![0], ..page(0x4000_0000) })),
        "memory[1].bytes: expected a multiple of 4096 that is not 0, found 0x10"
    );
    assert_eq!(
        rejected(|s| s.memory[0].tags.truncate(5)),
        "memory[0].tags.len(): expected 768, one for each granule of the data, found 5"
    );
    assert_eq!(rejected(|s| s.memory[0].tags[3] = 16), "memory[0].tags[3]: expected a tag of four bits, found 16");
}

#[test]
fn views() {
    let view = |va, bytes| move |s: &mut Snapshot| s.views[1] = View { va, ipa: 0x4060_0000, bytes, tagged: false };
    assert_eq!(rejected(view(8, 4096)), "views[1].va: expected a multiple of 4096, found 0x8");
    assert_eq!(rejected(view(0, 0)), "views[1].bytes: expected a multiple of 4096 that is not 0, found 0x0");
    assert_eq!(
        rejected(view(0x0a00_0000_0000_0000, 4096)),
        "views[1].va: expected addresses whose bits 63:56 are copies of bit 55, found 0x1000 bytes from 0xa00000000000000"
    );
    assert_eq!(
        rejected(view(0x007f_ffff_ffff_f000, 8192)),
        "views[1].va: expected addresses whose bits 63:56 are copies of bit 55, found 0x2000 bytes from 0x7ffffffffff000"
    );
    assert_eq!(
        rejected(view(0x1_4060_1000, 4096)),
        "views[1].va: expected an address after 0x1406fffff, the end of views[0], found 0x140601000"
    );
    assert_eq!(rejected(|s| s.views[0].ipa = 1), "views[0].ipa: expected a multiple of 4096, found 0x1");
}

#[test]
fn registers() {
    let push = |id, bytes| move |s: &mut Snapshot| s.vcpus[0].registers.push((id, vec![0; bytes]));
    assert_eq!(
        rejected(push(0x6030_0000_0017_0000, 8)),
        "vcpus[0].registers[47]: expected a register of a known class (KVM_REG_ARM_CORE, KVM_REG_ARM_DEMUX, \
         KVM_REG_ARM64_SYSREG, KVM_REG_ARM_FW, KVM_REG_ARM64_SVE, KVM_REG_ARM_FW_FEAT_BMAP), found class 0x17, in \
         0x6030000000170000"
    );
    assert_eq!(
        rejected(push(0x4030_0000_0010_0000, 8)),
        "vcpus[0].registers[47]: expected an id of arm64, found 0x4030000000100000"
    );
    assert_eq!(
        rejected(push(register::ZCR_EL1, 4)),
        "vcpus[0].registers[47]: expected a value of 8 bytes for 0x603000000013c090, found 4 bytes"
    );
    assert_eq!(
        rejected(push(register::PC, 8)),
        "vcpus[0].registers[47]: expected each register once, found 0x6030000000100040 again"
    );
    assert_eq!(rejected(|s| s.vcpus[0].events = Some(vec![0; 60])), "vcpus[0].events: expected 64 bytes, found 60");
    let many = |s: &mut Snapshot| s.vcpus[0].registers = (0..65537).map(|n| (n, Vec::new())).collect();
    assert_eq!(rejected(many), "vcpus[0].registers.len(): expected at most 65536, found 65537");
    assert_eq!(rejected(|s| s.vcpus = vec![s.vcpus[0].clone(); 513]), "vcpus.len(): expected at most 512, found 513");
}

#[test]
fn what_contradicts_the_level_of_mte() {
    assert_eq!(
        rejected(|s| s.vcpus[0].registers.retain(|(id, _)| *id != Register::TfsrEl1.id())),
        "vcpus[0].registers: expected TFSR_EL1 listed, since identity.mte is 3, found it is missing"
    );
    assert_eq!(
        rejected(|s| s.identity.mte = 2),
        "vcpus[0].registers: expected ID_AA64PFR1_EL1.MTE 2, as identity.mte, found 3"
    );
    let without_tags = |s: &mut Snapshot| {
        s.identity.mte = 1;
        s.views[0].tagged = false;
        s.memory[0].tags.fill(0);
        for (id, value) in &mut s.vcpus[0].registers {
            if *id == register::ID_AA64PFR1_EL1 {
                *value = u64_value(1 << 8);
            }
        }
    };
    assert_eq!(
        rejected(without_tags),
        "vcpus[0].registers: expected RGSR_EL1 missing, since identity.mte is 1, found it is listed"
    );
    let without_vcpus = |change: fn(&mut Snapshot)| {
        rejected(|s| {
            s.vcpus.clear();
            s.identity.mte = 0;
            change(s);
        })
    };
    assert_eq!(without_vcpus(|_| ()), "views[0].tagged: expected false, since identity.mte is below 2, found true");
    assert_eq!(
        without_vcpus(|s| s.views.clear()),
        "memory[0].tags[256]: expected 0, since identity.mte is below 2, found 2"
    );
}

#[test]
fn application() {
    let name = "x".repeat(4096);
    assert_eq!(
        rejected(|s| s.application = Some(Application { name, bytes: Vec::new() })),
        "application.name.len(): expected at most 4095, found 4096"
    );
}
