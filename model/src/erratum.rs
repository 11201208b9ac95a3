//! Errata: known defects of kernels and emulators, as data.
//!
//! An erratum says in which versions something breaks a promise, what that looks like, where it was reported or read,
//! and which cases it explains. It is not a permission: what such a case shows is reported, as known. An erratum that
//! leaves nothing to rely on defeats a run instead: its cases fail like any other.

use crate::contract::Release;

/// What has the defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Product {
    /// The Linux kernel that is the host of VMs.
    Linux,
    /// QEMU as the emulator of the host or of the machine.
    Qemu,
}

/// How it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Evidence {
    /// granule showed it.
    Measured,
    /// Its fix, and what that says.
    Fixed,
    /// The source was read; nobody has shown it.
    Believed,
}

/// Versions, from the first to the one that has it no more. Of Linux with its stable releases; of QEMU major, minor and
/// micro.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    /// The first version that has it.
    pub since: Release,
    /// The first that has it no more; `None` while the newest known one has it.
    pub until: Option<Release>,
}

/// A known defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erratum {
    /// `product.what-is-wrong`.
    pub name: &'static str,
    /// What has it.
    pub product: Product,
    /// In which versions. One that was fixed in several series has a range for each.
    pub versions: &'static [Versions],
    /// What must be so besides; empty if nothing.
    pub only_if: &'static str,
    /// What goes wrong, as a sentence without its full stop.
    pub shows: &'static str,
    /// Whether so much goes wrong that a run proves nothing: its cases are failures, not known ones.
    pub defeats: bool,
    /// How it is known.
    pub evidence: Evidence,
    /// Where it was reported, fixed or read.
    pub source: &'static str,
    /// The cases that fail because of it, as names with `*` for any text; empty where no case looks.
    pub cases: &'static [&'static str],
}

const fn version(major: u32, minor: u32, patch: u32) -> Release {
    Release::new(major, minor, patch)
}

const fn from(since: Release) -> Versions {
    Versions { since, until: None }
}

const fn range(since: Release, until: Release) -> Versions {
    Versions { since, until: Some(until) }
}

/// The first release with the ioctl.
const FIRST: Release = version(5, 14, 0);

/// All of them.
pub const ERRATA: &[Erratum] = &[
    Erratum {
        name: "linux.protected-mode-tfsr",
        product: Product::Linux,
        versions: &[range(version(6, 12, 0), version(7, 0, 0))],
        only_if: "kvm-arm.mode=protected",
        shows: "TFSR_EL1 and TFSRE0_EL1 are neither saved nor restored: one vCPU's pending fault shows up in another",
        defeats: false,
        evidence: Evidence::Measured,
        source: "docs/errata.md; measured on 6.12.117, not on 6.1.192, and not between; arch/arm64/kvm/hyp/nvhe/pkvm.c sets no KVM_ARCH_FLAG_MTE_ENABLED",
        cases: &[
            "restore.registers.two-vcpus",
            "restore.registers.mte-by-one-reg",
            "kvm.isolation.other-*",
            "kvm.isolation.pending-fault-stays",
            "kvm.race.faults-of-their-own",
        ],
    },
    Erratum {
        name: "linux.protected-mode-mops",
        product: Product::Linux,
        versions: &[range(version(6, 12, 0), version(7, 0, 0))],
        only_if: "kvm-arm.mode=protected",
        shows: "ID_AA64ISAR2_EL1.MOPS offers memory copies and sets to the guest, and they are UNDEFINED",
        defeats: false,
        evidence: Evidence::Measured,
        source: "docs/errata.md; measured on 6.12.117; arch/arm64/kvm/hyp/nvhe/hyp-main.c, flush_hyp_vcpu(), does not copy hcrx_el2",
        cases: &["arch.copy.*"],
    },
    Erratum {
        name: "qemu.granules-of-a-page-share-a-tag",
        product: Product::Qemu,
        versions: &[range(version(7, 2, 0), version(8, 0, 0))],
        only_if: "",
        shows: "the page offset is not applied to the address of a tag: all granules of a page have one",
        defeats: true,
        evidence: Evidence::Measured,
        source: "docs/errata.md; measured on 7.2.22, fixed in 8.0",
        cases: &["arch.*", "kvm.copy-tags.*", "heap.*", "restore.*"],
    },
    Erratum {
        name: "qemu.dc-zva-reads",
        product: Product::Qemu,
        versions: &[from(version(8, 0, 0))],
        only_if: "",
        shows: "a tag check fault of DC ZVA is that of a read: ESR_EL1.WnR is 0, and asymmetric mode makes it synchronous",
        defeats: false,
        evidence: Evidence::Measured,
        source: "docs/errata.md; measured on 10.0.13; target/arm/tcg/translate-a64.c builds the descriptor of ARM_CP_DC_ZVA without WRITE",
        cases: &["arch.zero.is-a-write"],
    },
    Erratum {
        name: "qemu.cas-writes",
        product: Product::Qemu,
        versions: &[from(version(8, 0, 0))],
        only_if: "",
        shows: "a tag check fault of CAS or CASP is that of a write: ESR_EL1.WnR is 1, and asymmetric mode makes it asynchronous",
        defeats: false,
        evidence: Evidence::Measured,
        source: "docs/errata.md; measured on 10.0.13; target/arm/tcg/translate-a64.c, gen_compare_and_swap() and gen_compare_and_swap_pair() check a write",
        cases: &["arch.access.cas-fault-is-of-a-read"],
    },
    Erratum {
        name: "qemu.sp-alignment",
        product: Product::Qemu,
        versions: &[from(version(8, 0, 0))],
        only_if: "",
        shows: "a misaligned stack pointer is no fault, whatever SCTLR_EL1.SA and SA0 say",
        defeats: false,
        evidence: Evidence::Measured,
        source: "docs/errata.md; measured on 10.0.13; target/arm/tcg/translate-a64.c, gen_check_sp_alignment() leaves it out on purpose",
        cases: &["arch.plain.sp-alignment"],
    },
    Erratum {
        name: "qemu.device-alignment",
        product: Product::Qemu,
        versions: &[from(version(8, 0, 0))],
        only_if: "",
        shows: "an unaligned access to Device memory is no fault if it stays within 16 bytes",
        defeats: false,
        evidence: Evidence::Measured,
        source: "docs/errata.md; measured on 10.0.13; target/arm/ptw.c looks at the atomicity of an access, which FEAT_LSE2 makes that of a byte",
        cases: &["arch.plain.device-alignment"],
    },
    Erratum {
        name: "qemu.device-permission-first",
        product: Product::Qemu,
        versions: &[from(version(8, 0, 0))],
        only_if: "",
        shows: "an unaligned access to Device memory without permission takes the permission fault, although the alignment fault has priority",
        defeats: false,
        evidence: Evidence::Measured,
        source: "docs/errata.md; measured on 10.0.13 and 11.1.3; Arm ARM, pseudocode AArch64.S1Translate",
        cases: &[],
    },
    Erratum {
        name: "qemu.ldapur-stlur-unchecked",
        product: Product::Qemu,
        versions: &[from(version(8, 0, 0))],
        only_if: "",
        shows: "LDAPUR, STLUR and their kin are not tag checked",
        defeats: false,
        evidence: Evidence::Measured,
        source: "docs/errata.md; measured on 10.0.13 and 11.1.3; target/arm/tcg/translate-a64.c, trans_LDAPR_i() and trans_STLR_i()",
        cases: &[],
    },
    Erratum {
        name: "qemu.exclusive-load-alignment",
        product: Product::Qemu,
        versions: &[from(version(8, 1, 0))],
        only_if: "",
        shows: "an alignment fault of LDXR, LDXP and their kin is that of a write: ESR_EL1.WnR is 1",
        defeats: false,
        evidence: Evidence::Measured,
        source: "docs/errata.md; measured on 10.0.13 and 11.1.3; target/arm/tcg/translate-a64.c, check_atomic_align()",
        cases: &[],
    },
    Erratum {
        name: "qemu.exclusive-store-alignment",
        product: Product::Qemu,
        versions: &[from(version(8, 1, 0))],
        only_if: "one CPU",
        shows: "an alignment fault of STXP and STLXP that are not tag checked is that of a read: ESR_EL1.WnR is 0",
        defeats: false,
        evidence: Evidence::Measured,
        source: "docs/errata.md; measured on 10.0.13 and 11.1.3; tcg/tcg-op-ldst.c, tcg_gen_nonatomic_cmpxchg_i128()",
        cases: &[],
    },
    Erratum {
        name: "qemu.atomic-abort-writes",
        product: Product::Qemu,
        versions: &[from(version(8, 0, 0))],
        only_if: "",
        shows: "an alignment, translation or permission fault of an atomic that could not even read is that of a write",
        defeats: false,
        evidence: Evidence::Measured,
        source: "docs/errata.md; measured on 10.0.13; target/arm/tcg/translate-a64.c, check_atomic_align(), and accel/tcg/cputlb.c, atomic_mmu_lookup()",
        cases: &["arch.access.atomic-abort-is-of-a-read"],
    },
    Erratum {
        name: "qemu.vector-list-end-unchecked",
        product: Product::Qemu,
        versions: &[range(version(8, 2, 0), version(10, 1, 0))],
        only_if: "",
        shows: "of LD1 and ST1 of 48 or 64 bytes only the first 16 or 32 are tag checked",
        defeats: false,
        evidence: Evidence::Measured,
        source: "docs/errata.md; measured on 10.0.13, not on 11.1.3; target/arm/internals.h, MTEDESC.SIZEM1: fixed for 10.1",
        cases: &[],
    },
    Erratum {
        name: "qemu.vector-list-aligned-as-a-whole",
        product: Product::Qemu,
        versions: &[range(version(8, 0, 0), version(11, 1, 0))],
        only_if: "two CPUs or more",
        shows: "LD1 and ST1 of Device memory are alignment faults unless the address is a multiple of 8 bytes, whatever an element has",
        defeats: false,
        evidence: Evidence::Measured,
        source: "docs/errata.md; measured on 10.0.13, not on 11.1.3, and not between; target/arm/tcg/translate-a64.c, trans_ST_mult()",
        cases: &[],
    },
    Erratum {
        name: "qemu.store-only-atomics",
        product: Product::Qemu,
        versions: &[from(version(11, 0, 0))],
        only_if: "",
        shows: "with store-only tag checks LDADD, SWP and their kin are not checked at all",
        defeats: false,
        evidence: Evidence::Measured,
        source: "docs/errata.md; measured on 11.1.3; target/arm/tcg/translate-a64.c, do_atomic_ld() checks a read",
        cases: &["arch.store-only.atomic"],
    },
    Erratum {
        name: "qemu.atomic-tag-check-first",
        product: Product::Qemu,
        versions: &[from(version(8, 0, 0))],
        only_if: "",
        shows: "LDADD, SWP and their kin on a read-only page take the fault of a wrong tag, not the permission fault",
        defeats: false,
        evidence: Evidence::Measured,
        source: "docs/errata.md; measured on 10.0.13 and 11.1.3; target/arm/tcg/translate-a64.c, do_atomic_ld() checks a read",
        cases: &[],
    },
    Erratum {
        name: "qemu.setg-without-ata",
        product: Product::Qemu,
        versions: &[from(version(8, 2, 0))],
        only_if: "",
        shows: "SETGP, SETGM and SETGE at EL1 store tags although SCTLR_EL1.ATA is 0",
        defeats: false,
        evidence: Evidence::Measured,
        source: "docs/errata.md; measured on 10.0.13 and 11.1.3; target/arm/tcg/translate-a64.c, do_SET(), and mte_mops_set_tags()",
        cases: &[],
    },
    Erratum {
        name: "qemu.dc-cvap-fault",
        product: Product::Qemu,
        versions: &[from(version(8, 0, 0))],
        only_if: "",
        shows: "a fault of DC CVAP or DC CVADP is that of a load from the cache line's start: ESR_EL1.CM and WnR are 0",
        defeats: false,
        evidence: Evidence::Measured,
        source: "docs/errata.md; measured on 10.0.13 and 11.1.3; target/arm/helper.c, dccvap_writefn()",
        cases: &[],
    },
    Erratum {
        name: "linux.shared-page-race",
        product: Product::Linux,
        versions: &[range(FIRST, version(6, 2, 0))],
        only_if: "two VMs, or a VM and a process, map the page shared",
        shows: "two who tag a page at the same time for the first time clear each other's tags",
        defeats: false,
        evidence: Evidence::Fixed,
        source: "arch/arm64/kvm/mmu.c, sanitise_mte_tags(): the reason why shared memory was refused before 6.2",
        cases: &[],
    },
    Erratum {
        name: "linux.failed-store-stale-tags",
        product: Product::Linux,
        versions: &[range(FIRST, version(6, 2, 0))],
        only_if: "the tag buffer faults within a page",
        shows: "the page keeps the tags that were read so far, and others of its last owner",
        defeats: false,
        evidence: Evidence::Measured,
        source: "arch/arm64/kvm/guest.c, kvm_vm_ioctl_mte_copy_tags(); measured on 6.1.192",
        cases: &[],
    },
    Erratum {
        name: "linux.length-over-int-max",
        product: Product::Linux,
        versions: &[range(FIRST, version(6, 4, 0))],
        only_if: "",
        shows: "a length above INT_MAX is taken, and the count returned is truncated to an int",
        defeats: false,
        evidence: Evidence::Fixed,
        source: "arch/arm64/kvm/guest.c: lengths above INT_MAX cannot be represented in the return value",
        cases: &["kvm.ioctl.length-beyond-int-max"],
    },
    Erratum {
        name: "linux.store-while-logging-not-logged",
        product: Product::Linux,
        versions: &[range(FIRST, version(6, 11, 0))],
        only_if: "dirty logging",
        shows: "tags that the VMM stores are not in the dirty log, so a migration may lose them",
        defeats: false,
        evidence: Evidence::Measured,
        source: "arch/arm64/kvm/guest.c: refused with EBUSY since; measured on 6.1.192",
        cases: &["kvm.ioctl.dirty-logging"],
    },
    Erratum {
        name: "linux.tags-lost-at-swap-in",
        product: Product::Linux,
        versions: &[range(FIRST, version(6, 5, 0))],
        only_if: "the page was swapped out",
        shows: "a page that comes back from swap has no tags",
        defeats: false,
        evidence: Evidence::Fixed,
        source: "mm/memory.c, do_swap_page() and arch_swap_restore()",
        cases: &[],
    },
    Erratum {
        name: "linux.set-way-maintenance-mte",
        product: Product::Linux,
        versions: &[range(FIRST, version(6, 4, 0))],
        only_if: "",
        shows: "DC IGSW, CGSW and CIGSW are not trapped like the others by set and way",
        defeats: false,
        evidence: Evidence::Fixed,
        source: "arch/arm64/kvm/sys_regs.c, access_dcgsw(): fixes for 6.4",
        cases: &[],
    },
    Erratum {
        name: "linux.split-huge-page-loses-tags",
        product: Product::Linux,
        versions: &[range(version(6, 12, 0), version(6, 12, 54)), range(version(6, 13, 0), version(6, 18, 0))],
        only_if: "a transparent huge page with parts full of zeros is split",
        shows: "parts that are all zero are replaced by the zero page, and their tags are lost",
        defeats: false,
        evidence: Evidence::Fixed,
        source: "mm/huge_memory.c, try_to_map_unused_to_zeropage(): fixed in 6.12.54",
        cases: &["kvm.copy-tags.huge-pages", "kvm.copy-tags.identity-over-ram"],
    },
    Erratum {
        name: "linux.split-overwrites-tag-flags",
        product: Product::Linux,
        versions: &[from(version(6, 1, 0))],
        only_if: "",
        shows: "every part of a huge page that is split gets PG_mte_tagged as the first part has it: tags of the others are lost, or \
                those of their last owner show",
        defeats: false,
        evidence: Evidence::Measured,
        source: "docs/errata.md; measured on 6.1.192, 6.12.117, 7.2.13 and 7.3-rc7; mm/huge_memory.c, __split_huge_page_tail(), later \
                 __split_folio_to_order()",
        cases: &["kvm.life.split-with-*"],
    },
    Erratum {
        name: "linux.zero-page-flagged-tagged",
        product: Product::Linux,
        versions: &[
            range(FIRST, version(6, 1, 158)),
            range(version(6, 2, 0), version(6, 12, 54)),
            range(version(6, 13, 0), version(6, 18, 0)),
        ],
        only_if: "",
        shows: "the zero page is flagged as tagged, and a later user of it warns or reads its tags",
        defeats: false,
        evidence: Evidence::Fixed,
        source: "arch/arm64/kernel/cpufeature.c, cpu_enable_mte(): fixed in 6.12.54 and 6.1.158",
        cases: &["kvm.copy-tags.never-tagged-is-zero"],
    },
    Erratum {
        name: "linux.mte-frac-claims-async",
        product: Product::Linux,
        versions: &[range(FIRST, version(6, 16, 0))],
        only_if: "a CPU without asynchronous faults",
        shows: "ID_AA64PFR1_EL1.MTE_frac reads 0 in the guest, which claims asynchronous faults that are not there",
        defeats: false,
        evidence: Evidence::Fixed,
        source: "arch/arm64/kvm/sys_regs.c, MTE_frac",
        cases: &["arch.mode.asynchronous-*"],
    },
    Erratum {
        name: "linux.zero-page-in-stage-2",
        product: Product::Linux,
        versions: &[range(FIRST, version(7, 1, 3))],
        only_if: "a read-only slot, or a page that the guest only reads",
        shows: "the zero page is mapped to a guest with MTE",
        defeats: false,
        evidence: Evidence::Fixed,
        source: "arch/arm64/kvm/mmu.c: fixed in 7.1.3",
        cases: &[],
    },
    Erratum {
        name: "linux.hugetlb-keeps-tags-of-last-owner",
        product: Product::Linux,
        versions: &[range(FIRST, version(6, 12, 17))],
        only_if: "",
        shows: "a page of the huge page pool keeps the flag of tagged pages when it is freed: its next owner sees the last one's tags",
        defeats: false,
        evidence: Evidence::Measured,
        source: "docs/errata.md; measured on 6.1.192; later releases up to 6.12.16 have the same arch_clear_hugepage_flags(), and were not measured",
        cases: &["kvm.backing.hugetlb-parts", "kvm.backing.hugetlb-touched"],
    },
    Erratum {
        name: "linux.hugetlb-fetch-warns",
        product: Product::Linux,
        versions: &[from(version(6, 13, 0))],
        only_if: "hugetlb memory, CONFIG_DEBUG_VM",
        shows: "fetching tags of a folio that was never tagged is a VM_WARN_ON_ONCE",
        defeats: false,
        evidence: Evidence::Measured,
        source: "docs/errata.md; measured on 7.3-rc7 built with CONFIG_DEBUG_VM; arch/arm64/include/asm/mte.h, page_mte_tagged()",
        cases: &["kvm.backing.hugetlb"],
    },
    Erratum {
        name: "linux.hugetlb-store-exposes-stale-tags",
        product: Product::Linux,
        versions: &[from(version(6, 13, 0))],
        only_if: "",
        shows: "storing the tags of one page of a hugetlb folio flags all of it as tagged: its other parts show stale tags",
        defeats: false,
        evidence: Evidence::Measured,
        source: "docs/errata.md; measured on 7.2.13 and 7.3-rc7; arch/arm64/kvm/guest.c, kvm_vm_ioctl_mte_copy_tags(), clears no other part",
        cases: &["kvm.backing.hugetlb-parts"],
    },
    Erratum {
        name: "linux.hugetlb-logging-exposes-stale-tags",
        product: Product::Linux,
        versions: &[from(version(6, 13, 0))],
        only_if: "",
        shows: "a fault that maps one page of a hugetlb folio, as while dirty pages are logged, flags all of it as tagged: its other parts show stale tags",
        defeats: false,
        evidence: Evidence::Measured,
        source: "docs/errata.md; arch/arm64/kvm/mmu.c, sanitise_mte_tags(), clears as much as is mapped",
        cases: &["kvm.backing.hugetlb-touched"],
    },
    Erratum {
        name: "linux.buffer-fault-deadlock",
        product: Product::Linux,
        versions: &[from(version(6, 2, 0))],
        only_if: "",
        shows: "a store locks the page for tagging and then reads a tag buffer that may fault: who maps the page meanwhile spins, and \
                a buffer in that page, or mprotect(PROT_MTE) beside the store, is a deadlock",
        defeats: false,
        evidence: Evidence::Measured,
        source: "docs/errata.md; measured on 6.12.117, 7.2.13 and 7.3-rc7; arch/arm64/include/asm/mte.h, try_page_mte_tagging()",
        cases: &["kvm.hazard.*"],
    },
    Erratum {
        name: "linux.ctr-without-tag-lines",
        product: Product::Linux,
        versions: &[from(version(5, 13, 0))],
        only_if: "",
        shows: "KVM_GET_ONE_REG gives 0 for CTR_EL0.TminLine, where the guest reads what the CPU has",
        defeats: false,
        evidence: Evidence::Measured,
        source: "docs/errata.md; measured on 6.1.192, 6.12.117 and 7.3-rc7 with neoverse-n2; arch/arm64/kernel/cpufeature.c, ftr_ctr",
        cases: &["kvm.registers.tag-line"],
    },
];

impl Erratum {
    /// Tells whether a version has it.
    #[must_use]
    pub fn concerns(&self, product: Product, version: Release) -> bool {
        let has = |range: &Versions| range.since <= version && range.until.is_none_or(|until| version < until);
        self.product == product && self.versions.iter().any(has)
    }

    /// Tells whether it explains that a case fails.
    #[must_use]
    pub fn explains(&self, case: &str) -> bool {
        self.cases.iter().any(|glob| matches(glob, case))
    }
}

/// Lists what is known about a version.
pub fn of(product: Product, version: Release) -> impl Iterator<Item = &'static Erratum> {
    ERRATA.iter().filter(move |erratum| erratum.concerns(product, version))
}

/// Compares a name with a pattern in which `*` stands for any text.
fn matches(glob: &str, name: &str) -> bool {
    let Some((start, rest)) = glob.split_once('*') else { return glob == name };
    let Some(name) = name.strip_prefix(start) else { return false };
    (0..=name.len()).filter(|at| name.is_char_boundary(*at)).any(|at| matches(rest, &name[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(product: Product, version: &str) -> Vec<&'static str> {
        of(product, version.parse().unwrap()).map(|erratum| erratum.name).collect()
    }

    #[test]
    fn versions_have_the_errata_that_were_measured_on_them() {
        let protected = "linux.protected-mode-tfsr";
        assert!(names(Product::Linux, "6.12.117").contains(&protected));
        assert!(!names(Product::Linux, "6.1.192").contains(&protected));
        assert!(!names(Product::Linux, "7.2.13").contains(&protected));
        assert_eq!(names(Product::Qemu, "7.2.22"), ["qemu.granules-of-a-page-share-a-tag"]);
        assert!(names(Product::Qemu, "10.0.13").contains(&"qemu.sp-alignment"));
        assert!(names(Product::Qemu, "10.0.13").contains(&"qemu.vector-list-end-unchecked"));
        assert!(!names(Product::Qemu, "11.1.3").contains(&"qemu.vector-list-end-unchecked"));
        assert!(names(Product::Linux, "6.1.157").contains(&"linux.zero-page-flagged-tagged"));
        assert!(!names(Product::Linux, "6.1.158").contains(&"linux.zero-page-flagged-tagged"));
        assert!(!names(Product::Linux, "6.12.54").contains(&"linux.zero-page-flagged-tagged"));
        assert!(names(Product::Linux, "6.13.0").contains(&"linux.zero-page-flagged-tagged"));
    }

    #[test]
    fn a_star_stands_for_any_text_and_nothing_else_does() {
        for (glob, name, matched) in [
            ("arch.*", "arch.irg", true),
            ("arch.*", "xarch.irg", false),
            ("*irg*", "arch.irg", true),
            ("restore.mte.tfsr-*", "restore.mte.tfsr-el0-pending", true),
            ("restore", "restore.mte", false),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxcyyb", false),
        ] {
            assert_eq!(matches(glob, name), matched, "{glob} and {name}");
        }
    }

    #[test]
    fn an_erratum_has_versions_in_order_and_a_source() {
        for erratum in ERRATA {
            let ordered = |range: &Versions| range.until.is_none_or(|until| range.since < until);
            assert!(!erratum.versions.is_empty() && erratum.versions.iter().all(ordered), "{}", erratum.name);
            assert!(!erratum.source.is_empty() && !erratum.shows.ends_with('.'), "{}", erratum.name);
        }
    }
}
