//! How two snapshots differ.

mod contents;
mod find;
mod text;

use crate::register;
use crate::snapshot::{Slot, View};

/// One difference between two snapshots, the left one and the right one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// A field of the identity.
    Identity {
        /// Its name.
        field: &'static str,
        /// Its values.
        left: String,
        /// As on the left.
        right: String,
    },
    /// A memory slot, by its position.
    Slot {
        /// The position.
        index: usize,
        /// The slot, if there is one.
        left: Option<Slot>,
        /// As on the left.
        right: Option<Slot>,
    },
    /// A view, by its position.
    View {
        /// The position.
        index: usize,
        /// The view, if there is one.
        left: Option<View>,
        /// As on the left.
        right: Option<View>,
    },
    /// Bytes of memory in pages that follow one another.
    Memory {
        /// The guest-physical address of the first byte that differs.
        ipa: u64,
        /// The address after the last byte that differs.
        end: u64,
        /// How many bytes differ.
        count: u64,
        /// The first that differs.
        left: u8,
        /// As on the left.
        right: u8,
    },
    /// Tags of granules in pages that follow one another.
    Tags {
        /// The guest-physical address of the first granule whose tag differs.
        ipa: u64,
        /// The address after the last granule whose tag differs.
        end: u64,
        /// How many tags differ.
        count: u64,
        /// The first that differs.
        left: u8,
        /// As on the left.
        right: u8,
    },
    /// The number of vCPUs.
    Vcpus {
        /// How many.
        left: usize,
        /// As on the left.
        right: usize,
    },
    /// A register of a vCPU.
    Register {
        /// The vCPU's index.
        vcpu: usize,
        /// The register's id.
        id: u64,
        /// Its little-endian value, if it is listed.
        left: Option<Vec<u8>>,
        /// As on the left.
        right: Option<Vec<u8>>,
    },
    /// The order in which the registers of a vCPU are listed.
    RegisterOrder {
        /// The vCPU's index.
        vcpu: usize,
    },
    /// The MP state of a vCPU.
    MpState {
        /// The vCPU's index.
        vcpu: usize,
        /// `struct kvm_mp_state`.
        left: u32,
        /// As on the left.
        right: u32,
    },
    /// The pending events of a vCPU.
    Events {
        /// The vCPU's index.
        vcpu: usize,
        /// `struct kvm_vcpu_events`, if it was saved.
        left: Option<Vec<u8>>,
        /// As on the left.
        right: Option<Vec<u8>>,
    },
    /// What the VMM stored for itself.
    Application {
        /// Its name, if there is any.
        left: Option<String>,
        /// As on the left.
        right: Option<String>,
        /// The offset of the first byte that differs, if both have the same name.
        offset: Option<u64>,
    },
}

impl Difference {
    /// Returns whether only time has passed: a restored VM cannot keep these values.
    ///
    /// They are the counters, KVM_REG_ARM_TIMER_CNT and KVM_REG_ARM_PTIMER_CNT, and ISTATUS of their control registers, which
    /// KVM computes from the counter when it is read (arch/arm64/kvm/arch_timer.c, `read_timer_ctl`).
    #[must_use]
    pub fn is_clock(&self) -> bool {
        /// CNTV_CTL_EL0.ISTATUS.
        const ISTATUS: u8 = 1 << 2;
        let Self::Register { id, left: Some(left), right: Some(right), .. } = self else {
            return false;
        };
        match *id {
            register::TIMER_CNT | register::PTIMER_CNT => true,
            register::TIMER_CTL | register::PTIMER_CTL => {
                left.get(1..) == right.get(1..)
                    && left.first().zip(right.first()).is_some_and(|(left, right)| left ^ right == ISTATUS)
            }
            _ => false,
        }
    }
}
