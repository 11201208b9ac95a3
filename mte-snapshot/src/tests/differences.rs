//! Differences are found, named, and told apart from the passing of time.

use super::{GRANULES, PAGE, sample, u64_value};
use crate::difference::Difference;
use crate::register;
use crate::snapshot::{Extent, Snapshot};

/// Returns the differences of the sample and a changed one, as text; those of clocks have a `*`.
fn differences(change: impl FnOnce(&mut Snapshot)) -> Vec<String> {
    let (left, mut right) = (sample(), sample());
    change(&mut right);
    let text = |difference: Difference| format!("{}{difference}", if difference.is_clock() { "*" } else { "" });
    left.differences(&right).into_iter().map(text).collect()
}

fn set(snapshot: &mut Snapshot, id: u64, value: u64) {
    let registers = &mut snapshot.vcpus[0].registers;
    registers.retain(|(other, _)| *other != id);
    registers.push((id, u64_value(value)));
}

#[test]
fn equal_states_have_none_however_their_memory_is_cut() {
    assert_eq!(differences(|_| ()), [""; 0]);
    let cut = |s: &mut Snapshot| {
        let extent = &mut s.memory[0];
        let tail = Extent {
            ipa: extent.ipa + PAGE as u64,
            data: extent.data.split_off(PAGE),
            tags: extent.tags.split_off(GRANULES),
        };
        s.memory.push(tail);
        s.memory.push(Extent { ipa: 0x4200_0000, data: vec![0; PAGE], tags: vec![0; GRANULES] });
    };
    assert_eq!(differences(cut), [""; 0]);
}

#[test]
fn memory_and_tags_are_ranges() {
    let change = |s: &mut Snapshot| {
        let memory = &mut s.memory[0];
        memory.data[PAGE - 1] = 0xff;
        memory.data[PAGE + 5] = 0xff;
        memory.tags[GRANULES + 1] = 0;
        s.memory.push(Extent { ipa: 0x4100_0000, data: vec![3; PAGE], tags: vec![0; GRANULES] });
    };
    assert_eq!(
        differences(change),
        [
            "memory: 2 bytes from 0x40600fff to 0x40601005, first 0x7b became 0xff",
            "memory: 4096 bytes from 0x41000000 to 0x41000fff, first 0x00 became 0x03",
            "tags: 1 granules from 0x40601010 to 0x4060101f, first 0x7 became 0x0",
        ]
    );
}

#[test]
fn registers_are_named() {
    let change = |s: &mut Snapshot| {
        s.vcpus[0].registers[3].1 = u64_value(4);
        s.vcpus[0].registers.remove(2);
        s.vcpus[0].registers.push((register::ZCR_EL1, u64_value(1)));
        s.vcpus[0].mp_state = 5;
        s.vcpus[0].events = None;
    };
    let events: String = (0..64).map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        differences(change),
        [
            "vcpus[0].x2: 0x0000000100000002 is gone".to_owned(),
            "vcpus[0].x3: 0x0000000100000003 became 0x0000000000000004".to_owned(),
            "vcpus[0].S3_0_C1_C2_0: 0x0000000000000001 is new".to_owned(),
            "vcpus[0].mp_state: 0 became 5".to_owned(),
            format!("vcpus[0].events: {events} is gone"),
        ]
    );
    assert_eq!(differences(|s| s.vcpus[0].registers.swap(0, 1)), ["vcpus[0].registers: listed in another order"]);
    assert_eq!(differences(|s| s.vcpus.clear()), ["vcpus: 1 became 0"]);
}

#[test]
fn only_clocks_are_clocks() {
    let counter = |s: &mut Snapshot| s.vcpus[0].registers[41].1 = u64_value(2_000_000);
    assert_eq!(differences(counter), ["*vcpus[0].KVM_REG_ARM_TIMER_CNT: 0x00000000000f4240 became 0x00000000001e8480"]);
    let control = |left, right| {
        let (mut before, mut after) = (sample(), sample());
        set(&mut before, register::TIMER_CTL, left);
        set(&mut after, register::TIMER_CTL, right);
        let differences = before.differences(&after);
        assert_eq!(differences.len(), 1);
        differences[0].is_clock()
    };
    assert!(control(0b001, 0b101), "ISTATUS");
    assert!(!control(0b001, 0b111), "IMASK, too");
    assert!(!control(0b001, 0x105));
    assert!(!differences(|s| set(s, register::PTIMER_CNT, 1))[0].starts_with('*'), "it was not listed before");
}

#[test]
fn all_other_fields_are_compared() {
    let change = |s: &mut Snapshot| {
        s.identity.page_size = 16384;
        s.identity.mte = 2;
        s.identity.gmid = 4;
        s.identity.midr = 1;
        s.identity.kernel = "7.2".to_owned();
        s.identity.emulator = String::new();
        s.identity.cpu = "neoverse-n2".to_owned();
        s.identity.guest = [1; 32];
        s.slots[0].bytes = 0x1000;
        s.slots.pop();
        s.views[1].tagged = true;
        s.application = None;
    };
    assert_eq!(
        differences(change),
        [
            "identity.page_size: 4096 became 16384",
            "identity.mte: 3 became 2",
            "identity.gmid: 0x6 became 0x4",
            "identity.midr: 0xf0510 became 0x1",
            "identity.kernel: \"6.12.95\" became \"7.2\"",
            "identity.emulator: \"QEMU 10.0.13\" became \"\"",
            "identity.cpu: \"max\" became \"neoverse-n2\"",
            &format!("identity.guest: {} became {}", "5a".repeat(32), "01".repeat(32)),
            "slots[0]: 0x4000000 bytes at 0x40000000, writable became 0x1000 bytes at 0x40000000, writable",
            "slots[1]: 0x2000 bytes at 0x10000000, read-only is gone",
            "views[1]: 0x100000 bytes at 0x340600000 of 0x40600000, untagged became 0x100000 bytes at 0x340600000 of \
             0x40600000, tagged",
            "application: test 1 is gone",
        ]
    );
    let bytes = |bytes: Vec<u8>| move |s: &mut Snapshot| s.application.as_mut().unwrap().bytes = bytes;
    assert_eq!(differences(bytes(vec![1, 9, 3])), ["application: the bytes of \"test 1\" differ from byte 1 on"]);
    assert_eq!(differences(bytes(vec![1, 2, 3, 4])), ["application: the bytes of \"test 1\" differ from byte 3 on"]);
}
