//! Errata of Linux: its KVM, its memory management, its mode at EL2.

use super::erratum::{BLANK, Condition, Erratum, Evidence, Product, from, range, version};
use super::sign::{Numbers, Reaction, Sign, any_abort, instead};
use arch::FaultStatus;
use kvm_model::contract::Release;

/// The first release with the ioctl.
const FIRST: Release = version(5, 14, 0);

const LINUX: Erratum = Erratum { product: Product::Linux, ..BLANK };

const PROTECTED: &[Condition] = &[Condition::Mode("protected")];

/// Sets of tags: the tag 0; the tag that cases leave behind in memory before it changes hands; all others than 0.
const ZERO: u16 = 1;
const LEFT_BEHIND: u16 = 1 << 15;
const NOT_ZERO: u16 = !1;

/// What reset_unknown() fills a register with that no CPU has loaded yet.
const NEVER_LOADED: u64 = 0x1de7_ec7e_dbad_c0de;

/// EC 0, IL: an instruction that does not exist.
const UNDEFINED: u64 = 0x0200_0000;

/// Parts show tags of the memory's last owner.
const STALE: Sign = Sign::Tags { expected: ZERO, found: LEFT_BEHIND };

pub(super) const ALL: &[Erratum] = &[
    Erratum {
        id: "linux.protected-mode-tfsr",
        title: "TFSR_EL1 and TFSRE0_EL1 belong to nobody in protected mode",
        versions: &[range(version(6, 12, 0), version(7, 0, 0))],
        conditions: PROTECTED,
        shows: "TFSR_EL1 and TFSRE0_EL1 are neither saved nor restored: one vCPU's pending fault shows up in another",
        seen: "6.12.117 (Debian), in a VM with MTE that is not protected itself, under QEMU 10.0; not with \
               `kvm-arm.mode=nvhe` or VHE, not on 6.1.192, whose protected mode passes, and not between; 7.2.13 and 7.3-rc7 no \
               longer offer MTE in protected mode",
        reference: "arch/arm64/kvm/hyp/include/hyp/sysreg-sr.h; arch/arm64/kvm/hyp/nvhe/pkvm.c sets no KVM_ARCH_FLAG_MTE_ENABLED",
        cases: &[
            "restore.registers.two-vcpus",
            "restore.registers.mte-by-one-reg",
            "restore.mte.tfsr-*",
            "restore.sve.checks-go-on",
            "kvm.isolation.other-*",
            "kvm.isolation.pending-fault-stays",
            "kvm.race.faults-of-their-own",
            "kvm.reset.registers",
            "kvm.reset.cpu-on",
            "kvm.host.cpus-cycle",
            "kvm.host.suspend-*",
            "kvm.host.hibernation",
        ],
        signs: &[
            // The guest finds another vCPU's pending faults, or none; a VMM what it stored last, as into a VM that is handed on.
            Sign::Number {
                what: &[
                    "Tfsr of *",
                    "Tfsre0 of *",
                    "Tfsr with *",
                    "Tfsre0 with *",
                    "Tfsr that the guest reads",
                    "Tfsre0 that the guest reads",
                    "TFSR_EL1 of *",
                    "TFSRE0_EL1 of *",
                    "TFSR_EL1 as *",
                    "TFSRE0_EL1 as *",
                    "KVM_GET_ONE_REG of TFSR*",
                ],
                values: Numbers::Bits(0b11),
            },
            // Or, where nothing was stored, what a vCPU has before it ever runs.
            Sign::Number {
                what: &["KVM_GET_ONE_REG of TFSR*", "TFSR_EL1 of vCPU *", "TFSRE0_EL1 of vCPU *"],
                values: Numbers::Pairs(&[(1, NEVER_LOADED), (2, NEVER_LOADED)]),
            },
        ],
        disclosure: Some("Not reported upstream yet."),
        analysis: include_str!("../../../docs/errata/linux.protected-mode-tfsr.md"),
        ..LINUX
    },
    Erratum {
        id: "linux.protected-mode-cpu-online",
        title: "a CPU with SVE that comes online again in protected mode is a panic at EL2",
        versions: &[range(version(6, 1, 0), version(6, 12, 0))],
        conditions: &[
            Condition::Mode("protected"),
            Condition::Unseen("a CPU with SVE goes offline and comes online again"),
        ],
        shows: "CPTR_EL2.TZ of a CPU that comes online is set, so that the kernel's read of ZCR_EL1 is trapped; EL2 has no handler for it: \
                HYP panic",
        seen: "6.1.192 with `--append kvm-arm.mode=protected --smp 2 kvm.host.cpus-cycle`, and not with `--cpu max,sve=off,sme=off`; not \
               6.12.117. It does not concern tags. What is between was not measured",
        reference: "arch/arm64/kvm/hyp/nvhe/hyp-main.c, handle_trap(): BUG(); arch/arm64/kernel/cpufeature.c, check_local_cpu_capabilities()",
        ..LINUX
    },
    Erratum {
        id: "linux.protected-mode-mops",
        title: "memory copies and sets are offered in protected mode, and UNDEFINED",
        versions: &[range(version(6, 12, 0), version(7, 0, 0))],
        conditions: PROTECTED,
        shows: "ID_AA64ISAR2_EL1.MOPS offers memory copies and sets to the guest, and they are UNDEFINED",
        seen: "6.12.117",
        reference: "arch/arm64/kvm/hyp/nvhe/hyp-main.c, flush_hyp_vcpu(), does not copy hcrx_el2",
        cases: &["arch.copy.*"],
        signs: &[
            Sign::Instruction(instead(&["cpy", "set"], Reaction::Done, Reaction::Exception(UNDEFINED))),
            Sign::Instruction(instead(
                &["cpy", "set"],
                any_abort(&[FaultStatus::ALIGNMENT, FaultStatus::TAG_CHECK]),
                Reaction::Exception(UNDEFINED),
            )),
        ],
        analysis: include_str!("../../../docs/errata/linux.protected-mode-mops.md"),
        ..LINUX
    },
    Erratum {
        id: "linux.protected-mode-pauth",
        title: "pointer authentication is offered in protected mode, and its keys and instructions are UNDEFINED",
        versions: &[range(version(6, 12, 0), version(7, 0, 0))],
        conditions: PROTECTED,
        shows: "a vCPU takes KVM_ARM_VCPU_PTRAUTH_ADDRESS and ID_AA64ISAR1_EL1 shows the guest pointer authentication, and MSR and MRS of \
                its keys, PACGA, and PAC* and AUT* with an enabled key are UNDEFINED",
        seen: "6.12.117; not 6.1.192, which enables it lazily (read). 7.2 sets HCR_EL2.{API, APK} at EL2 (read); what is between was neither \
               run nor read",
        reference: "arch/arm64/kvm/arm.c, vcpu_set_pauth_traps() does nothing in protected mode, nor does hyp/nvhe/pkvm.c",
        cases: &["arch.pauth.*", "kvm.pauth.*", "restore.mid-block.signed-pointer*"],
        signs: &[
            // Each case signs once before anything else.
            Sign::Instruction(instead(&["pacia"], Reaction::Done, Reaction::Exception(UNDEFINED))),
        ],
        analysis: include_str!("../../../docs/errata/linux.protected-mode-pauth.md"),
        ..LINUX
    },
    Erratum {
        id: "linux.buffer-fault-deadlock",
        title: "storing tags locks the page, and then waits for the VMM",
        versions: &[from(version(6, 2, 0))],
        shows: "a store locks the page for tagging and then reads a tag buffer that may fault: who maps the page meanwhile spins, and \
                a buffer in that page, or mprotect(PROT_MTE) beside the store, is a deadlock",
        seen: "6.12.117, 7.2.13 and 7.3-rc7, on VHE; that it begins with 6.2 was read, not measured",
        reference: "arch/arm64/include/asm/mte.h, try_page_mte_tagging(); arch/arm64/kvm/guest.c, kvm_vm_ioctl_mte_copy_tags()",
        cases: &["kvm.hazard.*"],
        signs: &[Sign::Blocked],
        disclosure: Some("Not reported upstream yet; docs/upstream/ has a report, a reproducer and a patch."),
        analysis: include_str!("../../../docs/errata/linux.buffer-fault-deadlock.md"),
        ..LINUX
    },
    Erratum {
        id: "linux.split-overwrites-tag-flags",
        title: "the tags of a huge page that is split are lost, or are somebody else's",
        versions: &[from(version(6, 1, 0))],
        shows: "every part of a huge page that is split gets PG_mte_tagged as the first part has it: tags of the others are lost, or \
                those of their last owner show",
        seen: "6.1.192, 6.12.117, 7.2.13 and 7.3-rc7; the source was read in 6.12 and 7.3; kernels before 6.1 were neither run nor read",
        reference: "mm/huge_memory.c, __split_huge_page_tail(), later __split_folio_to_order()",
        cases: &["kvm.life.split-with-*", "kvm.part.*-with-*", "kvm.part.whole-huge-page-in-swap"],
        // What a former owner left behind is whatever it had.
        signs: &[Sign::Tags { expected: NOT_ZERO, found: ZERO }, Sign::Tags { expected: ZERO, found: NOT_ZERO }],
        disclosure: Some("Not reported upstream yet; docs/upstream/ has a report, a reproducer and a patch."),
        analysis: include_str!("../../../docs/errata/linux.split-overwrites-tag-flags.md"),
        ..LINUX
    },
    Erratum {
        id: "linux.hugetlb-store-exposes-stale-tags",
        title: "part of a hugetlb page shows the tags of its last owner, after a store to another part",
        versions: &[from(version(6, 13, 0))],
        shows: "storing the tags of one page of a hugetlb folio flags all of it as tagged: its other parts show stale tags",
        seen: "7.2.13 and 7.3-rc7; that it begins with 6.13 was read",
        reference: "arch/arm64/kvm/guest.c, kvm_vm_ioctl_mte_copy_tags(), clears no other part",
        cases: &["kvm.backing.hugetlb-parts"],
        signs: &[STALE],
        disclosure: Some("Not reported upstream yet; docs/upstream/ has a report, a reproducer and a patch."),
        analysis: include_str!("../../../docs/errata/linux.hugetlb-store-exposes-stale-tags.md"),
        ..LINUX
    },
    Erratum {
        id: "linux.hugetlb-logging-exposes-stale-tags",
        title: "part of a hugetlb page shows the tags of its last owner, after a touch of another part",
        versions: &[from(version(6, 13, 0))],
        shows: "a fault that maps one page of a hugetlb folio, as while dirty pages are logged, flags all of it as tagged: its other \
                parts show stale tags",
        seen: "7.2.13 and 7.3-rc7; that it begins with 6.13 was read",
        reference: "arch/arm64/kvm/mmu.c, sanitise_mte_tags(), clears as much as is mapped",
        cases: &["kvm.backing.hugetlb-touched"],
        signs: &[STALE],
        disclosure: Some("Not reported upstream yet; docs/upstream/ has a report, a reproducer and a patch."),
        analysis: include_str!("../../../docs/errata/linux.hugetlb-logging-exposes-stale-tags.md"),
        ..LINUX
    },
    Erratum {
        id: "linux.hugetlb-fetch-warns",
        title: "fetching tags of a new hugetlb page is a WARNING",
        versions: &[from(version(6, 13, 0))],
        conditions: &[Condition::Unseen("hugetlb memory and CONFIG_DEBUG_VM, which distributions do not set")],
        shows: "fetching tags of a folio that was never tagged is a VM_WARN_ON_ONCE",
        seen: "7.3-rc7 built with CONFIG_DEBUG_VM",
        reference: "arch/arm64/include/asm/mte.h, page_mte_tagged()",
        cases: &["kvm.backing.hugetlb"],
        analysis: include_str!("../../../docs/errata/linux.hugetlb-fetch-warns.md"),
        ..LINUX
    },
    Erratum {
        id: "linux.hugetlb-keeps-tags-of-last-owner",
        title: "pages of the huge page pool keep their tags when they are freed",
        versions: &[range(FIRST, version(6, 12, 17))],
        shows: "a page of the huge page pool keeps the flag of tagged pages when it is freed: its next owner sees the last one's tags",
        seen: "6.1.192; later releases up to 6.12.16 have the same arch_clear_hugepage_flags() and were not measured; 6.12.17 and \
               later 6.12 refuse hugetlb memory, 6.13 flags the folio",
        reference: "arch/arm64/include/asm/hugetlb.h, arch_clear_hugepage_flags()",
        cases: &["kvm.backing.hugetlb-parts", "kvm.backing.hugetlb-touched"],
        signs: &[STALE],
        analysis: include_str!("../../../docs/errata/linux.hugetlb-keeps-tags-of-last-owner.md"),
        ..LINUX
    },
    Erratum {
        id: "linux.aborted-access-completed-again",
        title: "an access that the VMM aborted is completed all the same, later",
        versions: &[range(version(6, 1, 0), version(7, 0, 0))],
        shows: "after an injected abort was taken with `immediate_exit`, the next KVM_RUN completes the access that was aborted, and \
                skips the first instruction of the guest's handler",
        seen: "6.1.192 and 6.12.117; not 7.2.13. What is between was not measured",
        reference: "arch/arm64/kvm/mmio.c, kvm_handle_mmio_return(), leaves mmio_needed set; arch/arm64/kvm/arm.c, \
                    kvm_arch_vcpu_ioctl_run(), leaves exit_reason KVM_EXIT_MMIO",
        cases: &["kvm.injection.ends-the-access"],
        signs: &[Sign::Number {
            what: &["PC when the vCPU is entered once more"],
            // The handler is at a multiple of 128 bytes.
            values: Numbers::Bits(1 << 2),
        }],
        analysis: include_str!("../../../docs/errata/linux.aborted-access-completed-again.md"),
        ..LINUX
    },
    Erratum {
        id: "linux.reset-keeps-injected-abort",
        title: "a vCPU that is initialised again takes the abort that was injected before",
        versions: &[range(version(6, 1, 0), version(7, 0, 0))],
        shows: "KVM_ARM_VCPU_INIT leaves an injected abort pending: the vCPU takes it instead of its first instruction",
        seen: "6.1.192 and 6.12.117; not 7.2.13 and 7.3-rc7, which take the abort when it is injected. What is between was not \
               measured",
        reference: "arch/arm64/kvm/reset.c, kvm_reset_vcpu(), leaves PENDING_EXCEPTION set",
        cases: &["kvm.reset.pending-abort"],
        signs: &[Sign::Number {
            what: &["PSTATE.TCO once the vCPU was entered, which an exception sets"],
            values: Numbers::Pairs(&[(0, 1)]),
        }],
        analysis: include_str!("../../../docs/errata/linux.reset-keeps-injected-abort.md"),
        ..LINUX
    },
    Erratum {
        id: "linux.reset-completes-access",
        title: "a vCPU that is initialised again skips its first instruction, for an access that it made before",
        versions: &[from(version(6, 1, 0))],
        shows: "KVM_ARM_VCPU_INIT leaves an access to a device to be completed: the next KVM_RUN moves the PC by an instruction",
        seen: "6.1.192, 6.12.117, 7.2.13 and 7.3-rc7; kernels before 6.1 were neither run nor read",
        reference: "arch/arm64/kvm/reset.c, kvm_reset_vcpu(), leaves mmio_needed set; arch/arm64/kvm/mmio.c, \
                    kvm_handle_mmio_return()",
        cases: &["kvm.reset.pending-store"],
        signs: &[Sign::Number {
            what: &["x1 after three instructions that add 1, before which the vCPU was put"],
            values: Numbers::Pairs(&[(3, 2)]),
        }],
        disclosure: Some("Not reported upstream yet."),
        analysis: include_str!("../../../docs/errata/linux.reset-completes-access.md"),
        ..LINUX
    },
    Erratum {
        id: "linux.el2-vcpu-hides-level-alone",
        title: "a vCPU with EL2 has the registers of tags, and an ID register that says that there are no tags",
        versions: &[from(version(7, 2, 0))],
        conditions: &[Condition::Mode("nested")],
        shows: "in a VM with MTE a vCPU with EL2 reads 0 in ID_AA64PFR1_EL1.MTE; MTE's four registers and GMID_EL1 are there for it and \
                for the VMM all the same, and ID_AA64PFR2_EL1.{MTEFAR, MTESTOREONLY} is as the CPU has it",
        seen: "7.2.13 and 7.3-rc7 with `kvm-arm.mode=nested`; ID_AA64PFR2_EL1 under QEMU 11.1. Earlier releases with KVM_CAP_ARM_EL2 \
               were neither run nor read",
        reference: "arch/arm64/kvm/nested.c, limit_nv_id_reg(); arch/arm64/kvm/sys_regs.c, mte_visibility(), asks for the VM's capability alone",
        cases: &["kvm.el2.*"],
        signs: &[
            Sign::Number {
                what: &["how often KVM_GET_REG_LIST has * of a vCPU with EL2", "whether a vCPU with EL2 can read *"],
                values: Numbers::Pairs(&[(0, 1)]),
            },
            Sign::Number {
                what: &["ID_AA64PFR2_EL1.{MTEFAR, MTESTOREONLY} where ID_AA64PFR1_EL1.MTE tells of no tags"],
                values: Numbers::Bits(0xff0),
            },
        ],
        disclosure: Some("Not reported upstream yet."),
        analysis: include_str!("../../../docs/errata/linux.el2-vcpu-hides-level-alone.md"),
        ..LINUX
    },
    Erratum {
        id: "linux.injected-abort-esr-extended",
        title: "ESR_EL1 of an abort that KVM injects has its upper half set",
        versions: &[range(version(6, 1, 0), version(6, 12, 0))],
        shows: "ESR_EL1 of an abort that the VMM injects has ones in bits 63:32, which are ISS2 and RES0",
        seen: "6.1.192; not 6.12.117. What is between was not measured, nor what is before: 5.19 made the register one of 64 bits",
        reference: "arch/arm64/kvm/inject_fault.c, inject_abt64(); arch/arm64/include/asm/esr.h, ESR_ELx_EC_DABT_LOW, an int in 6.1 \
                    and UL() in 6.12",
        cases: &["kvm.injection.instead-of-the-access"],
        signs: &[Sign::Number {
            what: &["ESR_EL1 of the injected exception"],
            values: Numbers::Pairs(&[(0x9600_0010, 0xffff_ffff_9600_0010)]),
        }],
        analysis: include_str!("../../../docs/errata/linux.injected-abort-esr-extended.md"),
        ..LINUX
    },
    Erratum {
        id: "linux.ctr-without-tag-lines",
        title: "a VMM does not see the line of tags that its guest sees",
        versions: &[from(version(5, 13, 0))],
        shows: "KVM_GET_ONE_REG gives 0 for CTR_EL0.TminLine, where the guest reads what the CPU has",
        seen: "6.1.192, 6.12.117, 7.2.13 and 7.3-rc7 with `-cpu neoverse-n2`",
        reference: "arch/arm64/kernel/cpufeature.c, ftr_ctr",
        cases: &["kvm.registers.tag-line"],
        signs: &[Sign::Number {
            what: &["CTR_EL0.TminLine of the guest"],
            values: Numbers::Pairs(&[(0, 0x4_0000_0000)]),
        }],
        analysis: include_str!("../../../docs/errata/linux.ctr-without-tag-lines.md"),
        ..LINUX
    },
    Erratum {
        id: "linux.shared-page-race",
        title: "two who tag a shared page for the first time clear each other's tags",
        versions: &[range(FIRST, version(6, 2, 0))],
        conditions: &[Condition::Unseen("two VMs, or a VM and a process, map the page shared")],
        shows: "two who tag a page at the same time for the first time clear each other's tags",
        evidence: Evidence::Fixed,
        seen: "nowhere: read",
        reference: "arch/arm64/kvm/mmu.c, sanitise_mte_tags(): the reason why shared memory was refused before 6.2",
        ..LINUX
    },
    Erratum {
        id: "linux.failed-store-stale-tags",
        title: "a store of tags that fails within a page leaves the tags of its last owner",
        versions: &[range(FIRST, version(6, 2, 0))],
        conditions: &[Condition::Unseen("the tag buffer faults within a page")],
        shows: "the page keeps the tags that were read so far, and others of its last owner",
        seen: "6.1.192",
        reference: "arch/arm64/kvm/guest.c, kvm_vm_ioctl_mte_copy_tags()",
        ..LINUX
    },
    Erratum {
        id: "linux.length-over-int-max",
        title: "a length above INT_MAX is taken",
        versions: &[range(FIRST, version(6, 4, 0))],
        shows: "a length above INT_MAX is taken, and the count returned is truncated to an int",
        evidence: Evidence::Fixed,
        seen: "nowhere: read; the case about the limit is skipped where there is none",
        reference: "arch/arm64/kvm/guest.c: lengths above INT_MAX cannot be represented in the return value",
        ..LINUX
    },
    Erratum {
        id: "linux.store-while-logging-not-logged",
        title: "tags stored while dirty pages are logged are not logged",
        versions: &[range(FIRST, version(6, 11, 0))],
        conditions: &[Condition::Unseen("dirty logging")],
        shows: "tags that the VMM stores are not in the dirty log, so a migration may lose them",
        seen: "6.1.192, where `kvm.ioctl.dirty-logging` expects it: that release promises no more",
        reference: "arch/arm64/kvm/guest.c: refused with EBUSY since",
        ..LINUX
    },
    Erratum {
        id: "linux.tags-lost-at-swap-in",
        title: "a page that comes back from swap has no tags",
        versions: &[range(FIRST, version(6, 1, 39)), range(version(6, 2, 0), version(6, 5, 0))],
        conditions: &[Condition::Unseen("the page was swapped out")],
        shows: "a page that comes back from swap has no tags",
        evidence: Evidence::Fixed,
        seen: "nowhere: read; fixed in 6.5 and, by the changelog, in 6.1.39. Other stable releases were not read",
        reference: "mm/memory.c, do_swap_page() and arch_swap_restore(); the fix is \"mm: call arch_swap_restore() from do_swap_page()\"",
        ..LINUX
    },
    Erratum {
        id: "linux.set-way-maintenance-mte",
        title: "maintenance of tags by set and way is UNDEFINED",
        versions: &[range(FIRST, version(6, 4, 0))],
        shows: "DC IGSW, IGDSW, CGSW, CGDSW, CIGSW and CIGDSW are UNDEFINED at EL1 of a VM with MTE: KVM traps them, and has no handler",
        seen: "6.1.192; not 6.12.117, 7.2.13 and 7.3-rc7. That it ends with 6.4 was read",
        reference: "arch/arm64/kvm/sys_regs.c, access_dcgsw(), came with 6.4",
        cases: &["kvm.feature.set-way-of-tags"],
        signs: &[Sign::Instruction(instead(
            &["dc igsw", "dc igdsw", "dc cgsw", "dc cgdsw", "dc cigsw", "dc cigdsw"],
            Reaction::Done,
            Reaction::Exception(UNDEFINED),
        ))],
        analysis: include_str!("../../../docs/errata/linux.set-way-maintenance-mte.md"),
        ..LINUX
    },
    Erratum {
        id: "linux.split-huge-page-loses-tags",
        title: "parts of a huge page that are full of zeros lose their tags when it is split",
        versions: &[range(version(6, 12, 0), version(6, 12, 54)), range(version(6, 13, 0), version(6, 18, 0))],
        conditions: &[Condition::Unseen("a transparent huge page with parts full of zeros is split")],
        shows: "parts that are all zero are replaced by the zero page, and their tags are lost",
        evidence: Evidence::Fixed,
        seen: "nowhere: read; fixed in 6.12.54",
        reference: "mm/huge_memory.c, try_to_map_unused_to_zeropage()",
        // Those that split a huge page of which a part is tagged and all zero.
        cases: &[
            "kvm.life.split",
            "kvm.life.collapse-and-split",
            "kvm.life.prot-mte-split",
            "kvm.part.paged-out",
            "kvm.part.discarded",
            "kvm.part.unmapped",
        ],
        ..LINUX
    },
    Erratum {
        id: "linux.zero-page-flagged-tagged",
        title: "the zero page is flagged as tagged",
        versions: &[
            range(FIRST, version(6, 1, 158)),
            range(version(6, 2, 0), version(6, 12, 54)),
            range(version(6, 13, 0), version(6, 18, 0)),
        ],
        shows: "the zero page is flagged as tagged, and a later user of it warns or reads its tags",
        evidence: Evidence::Fixed,
        seen: "nowhere: read; fixed in 6.12.54 and 6.1.158",
        reference: "arch/arm64/kernel/cpufeature.c, cpu_enable_mte()",
        cases: &["kvm.copy-tags.never-tagged-is-zero"],
        signs: &[Sign::Tags { expected: ZERO, found: NOT_ZERO }],
        ..LINUX
    },
    Erratum {
        id: "linux.mte-frac-claims-async",
        title: "a guest is told of asynchronous faults that its CPU has not",
        versions: &[range(FIRST, version(6, 16, 0))],
        conditions: &[Condition::Unseen("a CPU without asynchronous faults")],
        shows: "ID_AA64PFR1_EL1.MTE_frac reads 0 in the guest, which claims asynchronous faults that are not there",
        evidence: Evidence::Fixed,
        seen: "nowhere: read",
        reference: "arch/arm64/kvm/sys_regs.c, MTE_frac",
        cases: &["arch.mode.asynchronous-*"],
        ..LINUX
    },
    Erratum {
        id: "linux.zero-page-in-stage-2",
        title: "a guest that reads memory which nobody wrote has the zero page flagged as tagged",
        versions: &[
            range(version(6, 1, 158), version(6, 2, 0)),
            range(version(6, 12, 54), version(6, 13, 0)),
            range(version(6, 18, 0), version(6, 18, 38)),
            range(version(6, 19, 0), version(7, 1, 3)),
        ],
        shows: "the zero page is mapped to a guest with MTE, and flagged as tagged: no page is equal to it any more, so that huge pages \
                which are mostly zeros are not split, and KSM merges no page with it, until the host is booted again",
        seen: "6.1.192 and 6.12.117; not 7.2.13 and 7.3-rc7. It began with f620d66af316 (\"arm64: mte: Do not flag the zero page as \
               PG_mte_tagged\", 6.18), which 6.1.158 and 6.12.54 took, too; fixed by 2986a6257405 (\"KVM: arm64: Omit tag sync on stage-2 \
               mappings of the zero page\", which names that commit) in 7.1.3, and as 1fcca1260c6e in 6.18.38. 6.17.y was not looked up",
        reference: "arch/arm64/kvm/mmu.c, sanitise_mte_tags(); arch/arm64/kernel/mte.c, memcmp_pages()",
        cases: &["kvm.fresh.zero-page-untagged"],
        signs: &[Sign::Number { what: &["PG_mte_tagged of the zero page"], values: Numbers::Pairs(&[(0, 1)]) }],
        analysis: include_str!("../../../docs/errata/linux.zero-page-in-stage-2.md"),
        ..LINUX
    },
];
