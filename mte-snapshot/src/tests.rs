//! Tests of the whole format.

mod corruption;
mod differences;
mod files;
mod layout;
mod properties;
mod rejections;
mod round_trip;

use kvm_mte::register::{Register, system_register};

use crate::register;
use crate::snapshot::{Application, Extent, Identity, Slot, Snapshot, Vcpu, View};

const PAGE: usize = 4096;
/// Granules of a page.
const GRANULES: usize = 256;

fn u64_value(value: u64) -> Vec<u8> {
    value.to_le_bytes().to_vec()
}

/// Returns a vCPU with core registers, tag registers and pointer authentication.
fn vcpu(seed: u64) -> Vcpu {
    let mut registers: Vec<(u64, Vec<u8>)> = (0..31).map(|n| (register::x(n), u64_value(seed << 32 | n))).collect();
    registers.extend([
        (register::SP_EL0, u64_value(0x4070_0000)),
        (register::PC, u64_value(0x1_4060_0000)),
        (register::PSTATE, u64_value(0x3c4)),
        (register::SP_EL1, u64_value(0x4080_0000)),
        (register::v(0), vec![seed as u8; 16]),
        (register::FPSR, vec![1, 0, 0, 8]),
        (register::APIAKEYLO_EL1, u64_value(seed)),
        (register::SCTLR_EL1, u64_value(1 << 40)),
        (register::TCR_EL1, u64_value(25 | 25 << 16 | 0b11 << 37)),
        (system_register(3, 0, 0, 4, 1), u64_value(3 << 8)),
        (register::TIMER_CNT, u64_value(1_000_000)),
        (0x6020_0000_0011_0000, vec![7, 0, 0, 0]),
    ]);
    registers.extend(Register::ALL.map(|register| (register.id(), u64_value(0))));
    Vcpu { registers, mp_state: 0, events: Some((0..64).collect()) }
}

/// Returns a page whose every byte is not 0.
fn data(seed: usize) -> Vec<u8> {
    (0..PAGE).map(|at| ((at * 7 + at / 251 + seed) % 255) as u8 + 1).collect()
}

/// Returns the tags of a page, some of them 0.
fn tags(seed: usize) -> Vec<u8> {
    (0..GRANULES).map(|at| ((at * 5 + at / 16 + seed) % 16) as u8).collect()
}

/// Returns a small snapshot with all that the format has: a page with data, one with both, one with tags alone.
fn sample() -> Snapshot {
    let pages = [(data(1), vec![0; GRANULES]), (data(2), tags(2)), (vec![0; PAGE], tags(3))];
    Snapshot {
        identity: Identity {
            page_size: 4096,
            mte: 3,
            gmid: 6,
            midr: 0x000f_0510,
            kernel: "6.12.95".to_owned(),
            emulator: "QEMU 10.0.13".to_owned(),
            cpu: "max".to_owned(),
            guest: [0x5a; 32],
        },
        slots: vec![
            Slot { ipa: 0x4000_0000, bytes: 64 << 20, read_only: false },
            Slot { ipa: 0x1000_0000, bytes: 2 * PAGE as u64, read_only: true },
        ],
        memory: vec![Extent {
            ipa: 0x4060_0000,
            data: pages.iter().flat_map(|(data, _)| data.clone()).collect(),
            tags: pages.iter().flat_map(|(_, tags)| tags.clone()).collect(),
        }],
        views: vec![
            View { va: 0x1_4060_0000, ipa: 0x4060_0000, bytes: 1 << 20, tagged: true },
            View { va: 0x3_4060_0000, ipa: 0x4060_0000, bytes: 1 << 20, tagged: false },
        ],
        vcpus: vec![vcpu(1)],
        application: Some(Application { name: "test 1".to_owned(), bytes: vec![1, 2, 3] }),
    }
}
