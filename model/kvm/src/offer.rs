//! What a guest is offered of what the host's CPU has, feature by feature and by kernel version.
//!
//! A kernel shows ID registers to its own processes, too (Documentation/arch/arm64/cpu-feature-registers.rst), and names
//! features in the auxiliary vector (Documentation/arch/arm64/elf_hwcaps.rst). What it shows there a guest has as well, unless
//! [`Offer`] says why not. A feature that a kernel does not know at all it shows to nobody.

use crate::contract::{Contract, Release, Rule};
use crate::host::Host;
use crate::kernel::RegisterId;
use crate::registers;

mutants::defects!();

/// Something that a VMM asks for when it makes a vCPU, and that KVM_CHECK_EXTENSION reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VcpuOption {
    /// KVM_ARM_VCPU_SVE, KVM_CAP_ARM_SVE.
    Sve,
    /// KVM_ARM_VCPU_PTRAUTH_ADDRESS, KVM_CAP_ARM_PTRAUTH_ADDRESS.
    AddressAuthentication,
    /// KVM_ARM_VCPU_PTRAUTH_GENERIC, KVM_CAP_ARM_PTRAUTH_GENERIC.
    GenericAuthentication,
}

/// Whether a guest has what processes have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// It has, in a VM with MTE if it is a feature of tags.
    AsShown,
    /// It has, and perhaps more: the kernel keeps the feature from processes on CPUs with an erratum (arch/arm64/kernel/cpufeature.c,
    /// user_feature_fixup()).
    AtLeast,
    /// It has where this rule holds.
    Under(Rule),
    /// A VMM may have it for its vCPUs.
    OnRequest(VcpuOption),
    /// It has not.
    Never,
}

/// A bit of the auxiliary vector: the entry, AT_HWCAP, AT_HWCAP2 or AT_HWCAP3; the bit; the least value of the field that it
/// stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hwcap {
    /// 0 for AT_HWCAP, 1 for AT_HWCAP2, 2 for AT_HWCAP3.
    pub entry: usize,
    /// The bit's number.
    pub bit: u32,
    /// The least value of the field.
    pub least: u64,
}

/// A field of an ID register that processes see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feature {
    /// The register's name.
    pub register_name: &'static str,
    /// The register.
    pub register: RegisterId,
    /// The field's name.
    pub name: &'static str,
    /// Where the field begins, of 4 bits.
    pub shift: u32,
    /// How the auxiliary vector names it.
    pub hwcaps: &'static [Hwcap],
    /// The first release that knows it.
    pub known: Release,
    /// Whether guests have it.
    pub offer: Offer,
}

const ALWAYS: Release = Release::new(5, 14, 0);

const PFR0: (&str, RegisterId) = ("ID_AA64PFR0_EL1", RegisterId::system(3, 0, 0, 4, 0));
const PFR1: (&str, RegisterId) = ("ID_AA64PFR1_EL1", RegisterId::ID_AA64PFR1_EL1);
const PFR2: (&str, RegisterId) = ("ID_AA64PFR2_EL1", RegisterId::ID_AA64PFR2_EL1);
const ISAR0: (&str, RegisterId) = ("ID_AA64ISAR0_EL1", RegisterId::system(3, 0, 0, 6, 0));
const ISAR1: (&str, RegisterId) = ("ID_AA64ISAR1_EL1", RegisterId::system(3, 0, 0, 6, 1));
const ISAR2: (&str, RegisterId) = ("ID_AA64ISAR2_EL1", RegisterId::system(3, 0, 0, 6, 2));
const MMFR0: (&str, RegisterId) = ("ID_AA64MMFR0_EL1", RegisterId::system(3, 0, 0, 7, 0));
const MMFR1: (&str, RegisterId) = ("ID_AA64MMFR1_EL1", RegisterId::system(3, 0, 0, 7, 1));
const MMFR2: (&str, RegisterId) = ("ID_AA64MMFR2_EL1", RegisterId::system(3, 0, 0, 7, 2));

/// A feature that guests have as soon as processes have it.
const fn field(
    (register, id): (&'static str, RegisterId),
    name: &'static str,
    shift: u32,
    hwcaps: &'static [Hwcap],
) -> Feature {
    Feature { register_name: register, register: id, name, shift, hwcaps, known: ALWAYS, offer: Offer::AsShown }
}

const fn known(feature: Feature, (major, minor): (u32, u32)) -> Feature {
    Feature { known: Release::new(major, minor, 0), ..feature }
}

const fn offered(feature: Feature, offer: Offer) -> Feature {
    Feature { offer, ..feature }
}

const ADDRESS: Offer = Offer::OnRequest(VcpuOption::AddressAuthentication);
const GENERIC: Offer = Offer::OnRequest(VcpuOption::GenericAuthentication);

const fn hwcap(entry: usize, bit: u32, least: u64) -> Hwcap {
    Hwcap { entry, bit, least }
}

/// What CPUs have besides what a guest reads: [`model_base::Features`] are a guest's.
const WITHHELD: &[(&str, &str, u64)] = &[("max", "SME", 1)];

/// The fields that processes see, by register; the release in which each became known where that is after 5.14, and what
/// guests have of it: arch/arm64/kernel/cpufeature.c, ftr_id_aa64*, and arm64_elf_hwcaps; arch/arm64/kvm/sys_regs.c.
///
/// Releases between those that were run are not all certain:
///
/// - Run and read are 6.1, 6.12, 7.2 and 7.3: arch/arm64/include/uapi/asm/hwcap.h and cpufeature.c agree with each row. So ECV, AFP,
///   RPRES, GPA3, APA3, SME and WFxT are 6.1's or older; RPRFM, CSSC, MOPS, BC and FPMR came from 6.2 to 6.12; GCS, MTEFAR,
///   MTESTOREONLY and LS64 from 6.13 to 7.2. The bits of AT_HWCAP2 and AT_HWCAP3, which are given out one after the other, have
///   the order of these rows.
/// - LS64: in the merge of the arm64 tree for 7.0, of 9 February 2026. MTEFAR and MTESTOREONLY: commit 7c7f55039b8d, of June 2025, and
///   so 6.17.
/// - Of all others the release within its bounds is not confirmed. It matters to nobody but a kernel between them.
pub const FEATURES: &[Feature] = &[
    field(PFR0, "AdvSIMD", 20, &[]),
    offered(field(PFR0, "SVE", 32, &[hwcap(0, 22, 1)]), Offer::OnRequest(VcpuOption::Sve)),
    field(PFR0, "DIT", 48, &[hwcap(0, 24, 1)]),
    field(PFR1, "BT", 0, &[hwcap(1, 17, 1)]),
    offered(field(PFR1, "SSBS", 4, &[hwcap(0, 28, 2)]), Offer::AtLeast),
    field(PFR1, "MTE", 8, &[hwcap(1, 18, 2), hwcap(1, 22, 3)]),
    offered(known(field(PFR1, "SME", 24, &[hwcap(1, 23, 1)]), (5, 19)), Offer::Never),
    offered(known(field(PFR1, "GCS", 44, &[hwcap(0, 32, 1)]), (6, 13)), Offer::Never),
    known(field(PFR2, "MTESTOREONLY", 4, &[hwcap(2, 1, 1)]), (6, 17)),
    known(field(PFR2, "MTEFAR", 8, &[hwcap(2, 0, 1)]), (6, 17)),
    offered(known(field(PFR2, "FPMR", 32, &[hwcap(1, 48, 1)]), (6, 9)), Offer::Under(Rule::FpmrOffered)),
    field(ISAR0, "AES", 4, &[hwcap(0, 3, 1), hwcap(0, 4, 2)]),
    field(ISAR0, "SHA1", 8, &[hwcap(0, 5, 1)]),
    field(ISAR0, "SHA2", 12, &[hwcap(0, 6, 1), hwcap(0, 21, 2)]),
    field(ISAR0, "CRC32", 16, &[hwcap(0, 7, 1)]),
    field(ISAR0, "Atomic", 20, &[hwcap(0, 8, 2)]),
    field(ISAR0, "RDM", 28, &[hwcap(0, 12, 1)]),
    field(ISAR0, "SHA3", 32, &[hwcap(0, 17, 1)]),
    field(ISAR0, "SM3", 36, &[hwcap(0, 18, 1)]),
    field(ISAR0, "SM4", 40, &[hwcap(0, 19, 1)]),
    field(ISAR0, "DP", 44, &[hwcap(0, 20, 1)]),
    field(ISAR0, "FHM", 48, &[hwcap(0, 23, 1)]),
    field(ISAR0, "TS", 52, &[hwcap(0, 27, 1), hwcap(1, 7, 2)]),
    field(ISAR0, "RNDR", 60, &[hwcap(1, 16, 1)]),
    field(ISAR1, "DPB", 0, &[hwcap(0, 16, 1), hwcap(1, 0, 2)]),
    offered(field(ISAR1, "APA", 4, &[hwcap(0, 30, 1)]), ADDRESS),
    offered(field(ISAR1, "API", 8, &[hwcap(0, 30, 1)]), ADDRESS),
    field(ISAR1, "JSCVT", 12, &[hwcap(0, 13, 1)]),
    field(ISAR1, "FCMA", 16, &[hwcap(0, 14, 1)]),
    field(ISAR1, "LRCPC", 20, &[hwcap(0, 15, 1), hwcap(0, 26, 2)]),
    offered(field(ISAR1, "GPA", 24, &[hwcap(0, 31, 1)]), GENERIC),
    offered(field(ISAR1, "GPI", 28, &[hwcap(0, 31, 1)]), GENERIC),
    field(ISAR1, "FRINTTS", 32, &[hwcap(1, 8, 1)]),
    field(ISAR1, "SB", 36, &[hwcap(0, 29, 1)]),
    field(ISAR1, "BF16", 44, &[hwcap(1, 14, 1)]),
    field(ISAR1, "DGH", 48, &[hwcap(1, 15, 1)]),
    field(ISAR1, "I8MM", 52, &[hwcap(1, 13, 1)]),
    known(field(ISAR1, "LS64", 60, &[hwcap(2, 3, 1)]), (7, 0)),
    known(field(ISAR2, "WFxT", 0, &[hwcap(1, 31, 2)]), (5, 19)),
    known(field(ISAR2, "RPRES", 4, &[hwcap(1, 21, 1)]), (5, 17)),
    offered(known(field(ISAR2, "GPA3", 8, &[hwcap(0, 31, 1)]), (5, 18)), GENERIC),
    offered(known(field(ISAR2, "APA3", 12, &[hwcap(0, 30, 1)]), (5, 18)), ADDRESS),
    offered(known(field(ISAR2, "MOPS", 16, &[hwcap(1, 43, 1)]), (6, 5)), Offer::Under(Rule::MopsOffered)),
    known(field(ISAR2, "BC", 20, &[hwcap(1, 44, 1)]), (6, 6)),
    known(field(ISAR2, "RPRFM", 48, &[hwcap(1, 35, 1)]), (6, 2)),
    known(field(ISAR2, "CSSC", 52, &[hwcap(1, 34, 1)]), (6, 2)),
    known(field(MMFR0, "ECV", 60, &[hwcap(1, 19, 1)]), (5, 16)),
    known(field(MMFR1, "AFP", 44, &[hwcap(1, 20, 1)]), (5, 17)),
    field(MMFR2, "AT", 32, &[hwcap(0, 25, 1)]),
];

#[mutants::rules]
impl Feature {
    /// Returns the field's value in its register.
    #[must_use]
    pub fn of(&self, register: u64) -> u64 {
        register >> self.shift & 0xf
    }

    /// Returns what a CPU of this name has of a field that guests are not shown.
    fn withheld(&self, cpu: &str) -> u64 {
        let row = WITHHELD.iter().find(|(name, field, _)| (*name, *field) == (cpu, self.name));
        row.map_or(0, |(_, _, value)| *value)
    }

    /// Returns what a guest with MTE has of a field of which processes read this value, unless its VMM asked for more.
    #[must_use]
    pub fn of_guest(&self, process: u64, contract: Contract) -> u64 {
        match self.offer {
            Offer::AsShown | Offer::AtLeast => process,
            Offer::Under(rule) if contract.holds(rule) => process,
            Offer::Under(_) | Offer::OnRequest(_) | Offer::Never => 0,
        }
    }
}

#[mutants::rules]
impl Host {
    /// Returns an ID register as a process of the host reads it: fields that the kernel does not know, or shows to no process,
    /// are 0.
    #[must_use]
    pub fn id_register(&self, id: RegisterId) -> u64 {
        let register = registers::of_features(id, &self.features);
        let shown = FEATURES.iter().filter(|feature| feature.register == id && feature.known <= self.release);
        let value = |feature: &Feature| feature.of(register).max(feature.withheld(self.features.name));
        shown.fold(0, |register, feature| register | value(feature) << feature.shift)
    }

    /// Returns AT_HWCAP, AT_HWCAP2 and AT_HWCAP3 of a process of the host, of which only the features listed here are modelled.
    #[must_use]
    pub fn hwcaps(&self) -> [u64; 3] {
        let mut entries = [0; 3];
        for feature in FEATURES {
            let value = feature.of(self.id_register(feature.register));
            for hwcap in feature.hwcaps.iter().filter(|hwcap| value >= hwcap.least) {
                entries[hwcap.entry] |= 1 << hwcap.bit;
            }
        }
        entries
    }

    /// Returns whether KVM_CHECK_EXTENSION reports an option of vCPUs.
    #[must_use]
    pub fn offers(&self, option: VcpuOption) -> bool {
        option.is_offered(|feature| self.id_register(feature.register))
    }
}

#[mutants::rules]
impl VcpuOption {
    /// Returns whether a kernel reports the option whose processes read these ID registers. There is authentication of
    /// addresses and of data, or none (arch/arm64/include/asm/kvm_host.h, kvm_has_full_ptr_auth()).
    #[must_use]
    pub fn is_offered(self, id_register: impl Fn(&Feature) -> u64) -> bool {
        let has = |option| {
            let of = FEATURES.iter().filter(|feature| feature.offer == Offer::OnRequest(option));
            of.into_iter().any(|feature| feature.of(id_register(feature)) != 0)
        };
        match self {
            Self::Sve => has(self),
            Self::AddressAuthentication | Self::GenericAuthentication => {
                has(Self::AddressAuthentication) && has(Self::GenericAuthentication)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(release: &str) -> Host {
        Host { release: release.parse().unwrap(), ..Host::default() }
    }

    #[test]
    fn features_of_tags_are_shown_to_processes_and_guests_by_the_same_releases() {
        for name in ["MTEFAR", "MTESTOREONLY"] {
            let feature = FEATURES.iter().find(|feature| feature.name == name).unwrap();
            for release in ["6.16.9", "6.17.0"] {
                let contract = Contract::for_release(release.parse().unwrap());
                assert_eq!(feature.known <= contract.release(), contract.holds(Rule::TagFarVisible), "{release}");
            }
        }
    }

    #[test]
    fn processes_see_what_the_kernel_knows() {
        assert_eq!(host("6.1").id_register(RegisterId::ID_AA64PFR1_EL1) >> 8 & 0xf, 3);
        assert_eq!(host("6.1").id_register(RegisterId::ID_AA64PFR2_EL1), 0);
        assert_eq!(host("7.2").id_register(RegisterId::ID_AA64PFR2_EL1), 0x110);
        // MTE and MTE3; MTE_FAR and MTE_STORE_ONLY; MOPS.
        assert_eq!(host("7.2").hwcaps()[1] >> 18 & 0b10001, 0b10001);
        assert_eq!([host("6.12").hwcaps()[2], host("7.2").hwcaps()[2]], [0, 0b11]);
        assert_eq!(["6.1", "6.12"].map(|release| host(release).hwcaps()[1] >> 43 & 1), [0, 1]);
    }

    #[test]
    fn fields_of_a_register_do_not_overlap() {
        for (number, one) in FEATURES.iter().enumerate() {
            let same = |other: &&Feature| (other.register, other.shift) == (one.register, one.shift);
            assert_eq!(FEATURES[..number].iter().find(same), None, "{}", one.name);
        }
    }
}
