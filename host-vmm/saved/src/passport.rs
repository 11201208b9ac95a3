//! Whether a saved guest could be restored elsewhere, from what two files say alone: its own, and one of any guest that was saved there.
//!
//! The rules are KVM's: which registers it lists, and which values it takes. `granule restore --try` asks the kernel itself.

use mte_snapshot::{Snapshot, Vcpu};

use super::error::SavedError;
use super::note::{Standing, WritableBits};
use kvm_model::contract::Release;
use machine::registers::RegisterId;

/// Something that forbids it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: saved {saved}, there {there}; {rule}")]
pub struct Obstacle {
    /// The field, or the register and the vCPU.
    pub what: String,
    /// What was saved.
    pub saved: String,
    /// What there is.
    pub there: String,
    /// Why that forbids it.
    pub rule: &'static str,
}

/// What KVM lets a VMM do with a register.
enum Rule {
    /// Any value will do.
    Any,
    /// It is what it is.
    Fixed,
    /// It can be lower, such as the version of PSCI.
    NotAbove,
    /// Bits can be cleared.
    Subset,
    /// In these bits each field of four bits can be lower, or each bit where fields are smaller; the others are what they are.
    Fields(u64),
    /// These bits can be anything, and the others are what they are.
    Bits(u64),
}

/// A register's rule as text.
impl Rule {
    const fn text(&self) -> &'static str {
        match self {
            Self::Any => "",
            Self::Fixed | Self::Bits(_) => "it cannot be changed",
            Self::NotAbove => "it can only be lower",
            Self::Subset => "bits can only be cleared",
            Self::Fields(_) => "fields that can be changed can only be lower",
        }
    }

    fn permits(&self, saved: u64, there: u64) -> bool {
        match self {
            Self::Any => true,
            Self::Fixed => saved == there,
            Self::NotAbove => saved <= there,
            Self::Subset => saved & !there == 0,
            Self::Bits(writable) => (saved ^ there) & !writable == 0,
            Self::Fields(writable) => (0..u64::BITS).step_by(4).all(|shift| {
                let field = |value: u64| value >> shift & 0xf;
                let (writable, saved, there) = (field(*writable), field(saved), field(there));
                match writable {
                    0xf => saved <= there,
                    bits => (saved ^ there) & !bits == 0 && saved & !there == 0,
                }
            }),
        }
    }
}

/// ID_AA64PFR0_EL1.CSV2 and CSV3, which can be lowered since long before KVM tells what can.
const CSV: u64 = 0xff << 56;
const ID_AA64PFR0_EL1: RegisterId = RegisterId::system(3, 0, 0, 4, 0);
const MPIDR_EL1: RegisterId = RegisterId::system(3, 0, 0, 0, 5);
/// ID_PFR1_EL1, of AArch32.
const ID_PFR1_EL1: RegisterId = RegisterId::system(3, 0, 0, 1, 1);
const ID_AA64MMFR2_EL1: RegisterId = RegisterId::system(3, 0, 0, 7, 2);
const ID_AA64ZFR0_EL1: RegisterId = RegisterId::system(3, 0, 0, 4, 4);
/// MIDR_EL1, REVIDR_EL1 and AIDR_EL1.
const IMPLEMENTATION: [RegisterId; 3] =
    [RegisterId::system(3, 0, 0, 0, 0), RegisterId::system(3, 0, 0, 0, 6), RegisterId::system(3, 1, 0, 0, 7)];
/// Classes of registers, bits 27:16 of an id (arch/arm64/include/uapi/asm/kvm.h).
const DEMUX: u64 = 0x11;
const FIRMWARE: u64 = 0x14;
const FIRMWARE_BITMAP: u64 = 0x16;

/// Returns the rule of a register where the kernel reports these bits as writable, if it reports any.
///
/// Sources: Documentation/virt/kvm/api.rst, KVM_ARM_GET_REG_WRITABLE_MASKS; Documentation/virt/kvm/arm/fw-pseudo-registers.rst;
/// arch/arm64/kvm/sys_regs.c, arm64_check_features(), and set_id_reg() of kernels that have no such call.
fn rule(id: RegisterId, writable: Option<&WritableBits>) -> Rule {
    let class = id.0 >> 16 & 0xfff;
    match (class, writable) {
        (FIRMWARE, _) => Rule::NotAbove,
        (FIRMWARE_BITMAP, _) => Rule::Subset,
        (DEMUX, None) => Rule::Fixed,
        _ if !is_feature(id) => Rule::Any,
        // Who made the CPU can be changed only by a VM with KVM_CAP_ARM_WRITABLE_IMP_ID_REGS, which is not asked for.
        _ if IMPLEMENTATION.contains(&id) => Rule::Fixed,
        // set_clidr() takes what makes sense.
        (_, Some(writable)) if id == RegisterId::CLIDR_EL1 => Rule::Bits(writable.of(id.0)),
        (_, Some(writable)) => Rule::Fields(writable.of(id.0)),
        (_, None) if id == ID_AA64PFR0_EL1 => Rule::Fields(CSV),
        (_, None) => Rule::Fixed,
    }
}

/// Returns whether a register says what the CPU has: those that KVM_ARM_GET_REG_WRITABLE_MASKS is about.
pub(super) fn is_feature(id: RegisterId) -> bool {
    let is_system = id.0 & !0xffff == RegisterId::system(0, 0, 0, 0, 0).0;
    let (op0, op1, crn, crm) = (id.0 >> 14 & 3, id.0 >> 11 & 7, id.0 >> 7 & 0xf, id.0 >> 3 & 0xf);
    is_system && op0 == 3 && [0, 1, 3].contains(&op1) && crn == 0 && crm < 8 && id != MPIDR_EL1
}

/// Lists what forbids to restore a guest where another one was saved: nothing, if it can be.
///
/// # Errors
///
/// When one is not the guest of a program, whose note says what KVM lets be changed.
pub fn obstacles(saved: &Snapshot, there: &Snapshot) -> Result<Vec<Obstacle>, SavedError> {
    Standing::of(saved)?;
    let standing = Standing::of(there)?;
    let mut found = Vec::new();
    let (own, other) = (&saved.identity, &there.identity);
    let mut field = |what: &str, saved: String, there: String| {
        if saved != there {
            let rule = "it must be the same";
            found.push(Obstacle { what: what.to_owned(), saved, there, rule });
        }
    };
    field("the host's page size in bytes", own.page_size.to_string(), other.page_size.to_string());
    field("ID_AA64PFR1_EL1.MTE", own.mte.to_string(), other.mte.to_string());
    field("GMID_EL1", format!("{:#x}", own.gmid), format!("{:#x}", other.gmid));
    let Some(vcpu) = there.vcpus.first() else { return Ok(found) };
    let place = Place { vcpu, writable: standing.writable.as_ref(), release: other.kernel.parse().ok() };
    for (number, own) in saved.vcpus.iter().enumerate() {
        registers(number, own, &place, &mut found);
    }
    Ok(found)
}

/// What is known of KVM elsewhere.
struct Place<'a> {
    /// A vCPU as it makes them.
    vcpu: &'a Vcpu,
    /// What it lets be changed, if it tells.
    writable: Option<&'a WritableBits>,
    release: Option<Release>,
}

fn registers(number: usize, saved: &Vcpu, place: &Place<'_>, found: &mut Vec<Obstacle>) {
    let Place { vcpu: there, writable, release } = *place;
    let lengths = |vcpu: &Vcpu| value_of(vcpu, RegisterId::SVE_VLS).map(<[u8]>::to_vec);
    let (own, other) = (lengths(saved), lengths(there));
    if let Some(own) = &own
        && !other.as_ref().is_some_and(|other| can_be_limited_to(other, own))
    {
        let what = format!("vCPU {number}: {}", RegisterId::SVE_VLS);
        let there = other.map_or_else(|| "none".to_owned(), |other| hex(&other));
        let rule = "they are those of the CPU up to a longest one";
        found.push(Obstacle { what, saved: hex(own), there, rule });
        return;
    }
    // A vCPU can be made without SVE, and then it has v0 to v31.
    let plain = own.is_none() && other.is_some();
    let is_vector = |id| plain && (0..32).any(|n| id == RegisterId::v(n));
    let all = saved.registers.iter().map(|(id, value)| (RegisterId(*id), value));
    for (id, value) in all.filter(|(id, _)| *id != RegisterId::SVE_VLS && !is_vector(*id)) {
        let obstacle = |there: String, rule| {
            let (what, saved) = (format!("vCPU {number}: {id}"), hex(value));
            Obstacle { what, saved, there, rule }
        };
        let Some(other) = value_of(there, id) else {
            found.push(obstacle("none".to_owned(), "KVM does not list it there"));
            continue;
        };
        if is_hidden(id, saved, release) {
            found.push(obstacle(hex(other), "KVM has it there only with its field of ID_AA64MMFR3_EL1"));
            continue;
        }
        let rule = rule(id, writable);
        let (Some(own), Some(limit)) = (number_of(value), number_of(other)) else { continue };
        let ignored = if writable.is_some() { ignored_bits(id, limit) } else { 0 };
        let without = if plain { sve_bits(id) } else { 0 };
        if !rule.permits(own & !ignored, limit & !(ignored | without)) {
            found.push(obstacle(hex(other), rule.text()));
        }
    }
}

/// Registers of stage 1 that belong to a field of ID_AA64MMFR3_EL1: TCR2_EL1 to TCRX, PIRE0_EL1 and PIR_EL1 to S1PIE.
const WITH_MMFR3: [(RegisterId, u32); 3] = [
    (RegisterId::system(3, 0, 2, 0, 3), 0),
    (RegisterId::system(3, 0, 10, 2, 2), 8),
    (RegisterId::system(3, 0, 10, 2, 3), 8),
];
const ID_AA64MMFR3_EL1: RegisterId = RegisterId::system(3, 0, 0, 7, 3);
/// Since then KVM hides them without it (arch/arm64/kvm/sys_regs.c, tcr2_visibility() and s1pie_visibility()).
const HIDES: Release = Release::new(6, 13, 0);

/// Returns whether KVM has no such register once the ID registers of the saved vCPU are written.
fn is_hidden(id: RegisterId, saved: &Vcpu, there: Option<Release>) -> bool {
    let field = WITH_MMFR3.iter().find(|(other, _)| *other == id).map(|(_, shift)| *shift);
    let mmfr3 = || value_of(saved, ID_AA64MMFR3_EL1).and_then(number_of).unwrap_or(0);
    field.is_some_and(|shift| there.is_some_and(|there| there >= HIDES) && mmfr3() >> shift & 0xf == 0)
}

/// Returns the bits of a register that KVM takes whatever they are, although there they are `limit`: whether there is a GIC's system register
/// interface, which it decides when a vCPU first runs (arch/arm64/kvm/sys_regs.c, kvm_finalize_sys_regs()), and what it showed by mistake once
/// and hides now: nested virtualization (set_id_aa64mmfr2_el1()) and MPAM (set_id_aa64pfr0_el1() and set_id_aa64pfr1_el1()).
fn ignored_bits(id: RegisterId, limit: u64) -> u64 {
    let hidden = |field: u64| if limit & field == 0 { field } else { 0 };
    match id {
        ID_AA64PFR0_EL1 => 0xf << 24 | hidden(0xf << 40),
        RegisterId::ID_AA64PFR1_EL1 => hidden(0xf << 16),
        ID_PFR1_EL1 => 0xf << 28,
        ID_AA64MMFR2_EL1 => hidden(0xf << 24),
        _ => 0,
    }
}

/// Returns the bits of a register that are 0 in a vCPU without SVE.
fn sve_bits(id: RegisterId) -> u64 {
    match id {
        ID_AA64PFR0_EL1 => 0xf << 32,
        ID_AA64ZFR0_EL1 => !0,
        _ => 0,
    }
}

fn value_of(vcpu: &Vcpu, id: RegisterId) -> Option<&[u8]> {
    vcpu.registers.iter().find(|(other, _)| *other == id.0).map(|(_, value)| &value[..])
}

/// Returns whether a CPU of these vector lengths can be limited to those: all that it has, up to a longest one (arch/arm64/kvm/guest.c,
/// set_sve_vls()).
fn can_be_limited_to(lengths: &[u8], wanted: &[u8]) -> bool {
    let bits = |bytes: &[u8]| -> Vec<bool> {
        bytes.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1)).collect()
    };
    let (lengths, wanted) = (bits(lengths), bits(wanted));
    let longest = wanted.iter().rposition(|has| *has);
    longest.is_some_and(|longest| lengths.get(..=longest) == wanted.get(..=longest))
}

/// Returns a value of up to 64 bits.
fn number_of(value: &[u8]) -> Option<u64> {
    let mut bytes = [0; 8];
    bytes.get_mut(..value.len())?.copy_from_slice(value);
    Some(u64::from_le_bytes(bytes))
}

fn hex(value: &[u8]) -> String {
    let digits: String = value.iter().rev().map(|byte| format!("{byte:02x}")).collect();
    let short = digits.trim_start_matches('0');
    format!("0x{}", if short.is_empty() { "0" } else { short })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_those_of_kvm() {
        let bits = WritableBits::new(vec![(ID_AA64PFR0_EL1.0, 0xff)]);
        let with = |id, saved, there| rule(id, Some(&bits)).permits(saved, there);
        let without = |id, saved, there| rule(id, None).permits(saved, there);
        assert!(with(ID_AA64PFR0_EL1, 0x111, 0x112) && !with(ID_AA64PFR0_EL1, 0x112, 0x111));
        assert!(!with(ID_AA64PFR0_EL1, 0x011, 0x111), "it cannot be changed");
        assert!(Rule::Fields(0b0101).permits(0b0010, 0b0111) && !Rule::Fields(0b0101).permits(0b0000, 0b0010));
        assert!(!Rule::Fields(0b0101).permits(0b0100, 0b0001), "fields of one bit");
        assert!(without(ID_AA64PFR0_EL1, 0x01 << 56, 0x11 << 56) && !without(ID_AA64PFR0_EL1, 0x111, 0x112));
        assert!(with(MPIDR_EL1, 5, 0) && without(RegisterId::TFSR_EL1, 1, 0));
        assert!(with(RegisterId::PSCI_VERSION, 0x1_0000, 0x1_0003) && !with(RegisterId::PSCI_VERSION, 2, 1));
        let bitmap = RegisterId(0x6030_0000_0016_0000);
        assert!(with(bitmap, 1, 3) && !with(bitmap, 4, 3));
        let ccsidr = RegisterId(0x6020_0000_0011_0000);
        assert!(with(ccsidr, 1, 2) && !without(ccsidr, 1, 2));
        assert!(!with(RegisterId::CTR_EL0, 1, 2) && !without(RegisterId::CLIDR_EL1, 1, 2));
    }

    #[test]
    fn vector_lengths_can_be_cut_off_at_the_end() {
        assert!(can_be_limited_to(&[0b1011, 1], &[0b0011, 0]) && can_be_limited_to(&[0b1011], &[0b1011]));
        assert!(!can_be_limited_to(&[0b1011], &[0b1001]) && !can_be_limited_to(&[0b0011], &[0b1011]));
        assert!(!can_be_limited_to(&[0b0011], &[0]));
    }

    #[test]
    fn values_are_shown_as_numbers() {
        assert_eq!(hex(&[0x34, 0x12, 0]), "0x1234");
        assert_eq!(hex(&[0; 8]), "0x0");
    }
}
