//! The sentences, as data.

use super::Coverage::{By, Not, Otherwise};
use super::{Coverage, Section, Sentence};

const fn says(text: &'static str, checked: Coverage) -> Sentence {
    Sentence { text, checked }
}

const API: &str = "Documentation/virt/kvm/api.rst";
const MTE: &str = "Documentation/arch/arm64/memory-tagging-extension.rst";

/// All sections, in the order of the page.
pub const SECTIONS: &[Section] = &[
    Section {
        document: API,
        heading: "KVM_ARM_MTE_COPY_TAGS",
        sentences: &[
            says("Capability: KVM_CAP_ARM_MTE", By(&["kvm.ioctl.vm-without-mte"])),
            says(
                "Returns: number of bytes copied, < 0 on error (-EINVAL for incorrect arguments, …",
                By(&["kvm.ioctl.full-count", "kvm.ioctl.un*", "kvm.ioctl.reserved-fields"]),
            ),
            says(
                "… -EFAULT if memory cannot be accessed).",
                By(&["kvm.ioctl.hole-first", "kvm.ioctl.no-mapping", "kvm.ioctl.buffer-unmapped"]),
            ),
            says(
                "Copies Memory Tagging Extension (MTE) tags to/from guest tag memory.",
                By(&["kvm.copy-tags.fetch-equals-guest", "kvm.copy-tags.every-granule", "kvm.ioctl.vms-are-separate"]),
            ),
            says(
                "The guest_ipa and length fields must be PAGE_SIZE aligned.",
                By(&["kvm.ioctl.unaligned-address", "kvm.ioctl.unaligned-length"]),
            ),
            says("length must not be bigger than 2^31 - PAGE_SIZE bytes.", By(&["kvm.ioctl.length-beyond-int-max"])),
            says(
                "The addr field must point to a buffer which the tags will be copied to or from.",
                By(&["kvm.ioctl.buffer-unmapped", "kvm.ioctl.buffer-ends-early"]),
            ),
            says(
                "flags specifies the direction of copy, either KVM_ARM_TAGS_TO_GUEST or KVM_ARM_TAGS_FROM_GUEST.",
                By(&["kvm.ioctl.unknown-flags", "kvm.copy-tags.one-granule"]),
            ),
            says(
                "The size of the buffer to store the tags is (length / 16) bytes (granules in MTE are 16 bytes long).",
                By(&["kvm.ioctl.full-count", "kvm.ioctl.buffer-ends-early"]),
            ),
            says(
                "Each byte contains a single tag value.",
                By(&["kvm.copy-tags.every-granule", "kvm.ioctl.high-bits-ignored"]),
            ),
            says("This matches the format of PTRACE_PEEKMTETAGS and PTRACE_POKEMTETAGS.", By(&["kvm.debugger.*"])),
            says(
                "If an error occurs before any data is copied then a negative error code is returned.",
                By(&["kvm.ioctl.hole-first", "kvm.ioctl.buffer-unmapped"]),
            ),
            says(
                "If some tags have been copied before an error occurs then the number of bytes successfully copied is \
                 returned.",
                By(&[
                    "kvm.ioctl.partial-count",
                    "kvm.ioctl.transport-names-the-hole",
                    "kvm.stop.*",
                    "kvm.race.signals",
                ]),
            ),
            says("If the call completes successfully then length is returned.", By(&["kvm.ioctl.full-count"])),
        ],
    },
    Section {
        document: API,
        heading: "KVM_CAP_ARM_MTE",
        sentences: &[
            says(
                "This capability indicates that KVM (and the hardware) supports exposing the Memory Tagging Extensions (MTE) to \
                 the guest.",
                Otherwise("each run begins with it; tests/tests/exit_statuses.rs and the matrix have hosts without"),
            ),
            says(
                "It must also be enabled by the VMM before creating any VCPUs to allow the guest access.",
                By(&["kvm.capability.*", "kvm.feature.no-*", "kvm.feature.registers-undefined"]),
            ),
            says(
                "Note that MTE is only available to a guest running in AArch64 mode and enabling this capability will cause \
                 attempts to create AArch32 VCPUs to fail.",
                By(&["kvm.feature.aarch32*"]),
            ),
            says(
                "When enabled the guest is able to access tags associated with any memory given to the guest.",
                By(&[
                    "kvm.copy-tags.identity-over-ram",
                    "kvm.backing.*",
                    "kvm.feature.slots-before",
                    "kvm.registers.*",
                ]),
            ),
            says(
                "KVM will ensure that the tags are maintained during swap …",
                By(&["kvm.life.swap*", "kvm.part.*", "kvm.host.swapoff*", "kvm.host.zswap"]),
            ),
            says("… or hibernation of the host;", By(&["kvm.host.hibernation", "kvm.host.suspend-test"])),
            says(
                "however the VMM needs to manually save/restore the tags as appropriate if the VM is migrated.",
                By(&["restore"]),
            ),
            says(
                "When this capability is enabled all memory in memslots must be mapped as MAP_ANONYMOUS or with a RAM-based file \
                 mapping (tmpfs, memfd), attempts to create a memslot with an invalid mmap will result in an -EINVAL return.",
                By(&["kvm.backing.*", "kvm.replaced.*", "kvm.late.*"]),
            ),
            says(
                "guest_memfd, even though it is an anonymous file, is not supported with MTE. Attempting to create a memslot \
                 backed by guest_memfd when the MTE capability is enabled, …",
                By(&["kvm.backing.guest-memfd"]),
            ),
            says(
                "… or attempting to enable the MTE capability after guest_memfd-backed memslots have been created, will \
                 result in an -EINVAL return.",
                By(&["kvm.backing.guest-memfd-first"]),
            ),
            says(
                "When enabled the VMM may make use of the KVM_ARM_MTE_COPY_TAGS ioctl to perform a bulk copy of tags to/from \
                 the guest.",
                By(&["kvm.copy-tags"]),
            ),
        ],
    },
    Section {
        document: API,
        heading: "KVM_ARM_VCPU_INIT",
        sentences: &[
            says(
                "Userspace can call this function multiple times for a given vcpu, including after the vcpu has been run. This \
                 will reset the vcpu to its initial state.",
                By(&["kvm.reset.*"]),
            ),
            says(
                "All calls to this function after the initial call must use the same target and same set of feature flags, \
                 otherwise EINVAL will be returned.",
                Not("the features are no features of tags"),
            ),
        ],
    },
    Section {
        document: API,
        heading: "KVM_ARM_VCPU_INIT: KVM_ARM_VCPU_SVE",
        sentences: &[
            says(
                "KVM_REG_ARM64_SVE_VLS may be read using KVM_GET_ONE_REG: the initial value of this pseudo-register indicates the \
                 best set of vector lengths possible for a vcpu on this host.",
                By(&["kvm.sve.lengths-of-guest"]),
            ),
            says(
                "Before KVM_ARM_VCPU_FINALIZE(KVM_ARM_VCPU_SVE): KVM_RUN and KVM_GET_REG_LIST are not available; …",
                By(&["kvm.sve.before-finalize"]),
            ),
            says(
                "… KVM_GET_ONE_REG and KVM_SET_ONE_REG cannot be used to access the scalable architectural SVE registers …",
                By(&["kvm.sve.before-finalize"]),
            ),
            says(
                "… KVM_REG_ARM64_SVE_VLS may optionally be written using KVM_SET_ONE_REG, to modify the set of vector lengths \
                 available for the vcpu.",
                By(&["kvm.sve.fewer-lengths", "kvm.sve.lengths-refused"]),
            ),
            says(
                "After KVM_ARM_VCPU_FINALIZE(KVM_ARM_VCPU_SVE): the KVM_REG_ARM64_SVE_VLS pseudo-register is immutable, and can no \
                 longer be written using KVM_SET_ONE_REG.",
                By(&["kvm.sve.after-finalize"]),
            ),
        ],
    },
    Section {
        document: API,
        heading: "KVM_ARM_GET_REG_WRITABLE_MASKS",
        sentences: &[says(
            "This ioctl copies the writable masks for a selected range of registers to userspace.",
            By(&["kvm.registers.writable-masks", "kvm.registers.fewer-features"]),
        )],
    },
    Section {
        document: API,
        heading: "KVM_GET_DIRTY_LOG",
        sentences: &[says(
            "Given a memory slot, return a bitmap containing any pages dirtied since the last call to this ioctl.",
            By(&["kvm.dirty.*"]),
        )],
    },
    Section {
        document: MTE,
        heading: "Introduction",
        sentences: &[
            says(
                "MTE … allows software to access a 4-bit allocation tag for each 16-byte granule in the physical address \
                 space.",
                By(&["arch.tag-store.*", "kvm.copy-tags.every-granule"]),
            ),
            says(
                "Such memory range must be mapped with the Normal-Tagged memory attribute.",
                By(&["arch.unchecked.*", "kvm.feature.no-checks"]),
            ),
            says(
                "A CPU with MTE enabled will compare the logical tag against the allocation tag and potentially raise an \
                 exception on mismatch, subject to system registers configuration.",
                By(&["arch.check.*", "arch.mode.*"]),
            ),
        ],
    },
    Section {
        document: MTE,
        heading: "PROT_MTE",
        sentences: &[
            says(
                "The allocation tag is set to 0 when such pages are first mapped in the user address space …",
                By(&["kvm.fresh.*"]),
            ),
            says("… and preserved on copy-on-write.", By(&["kvm.life.fork*"])),
            says(
                "MAP_SHARED is supported and the allocation tags can be shared between processes.",
                By(&["kvm.copy-tags.shared-memory", "kvm.sharing.*"]),
            ),
            says(
                "PROT_MTE is only supported on MAP_ANONYMOUS and RAM-based file mappings (tmpfs, memfd).",
                Not("of a mapping without a VM; slots have the same rule, see KVM_CAP_ARM_MTE"),
            ),
            says(
                "The PROT_MTE flag (and corresponding memory type) cannot be cleared by mprotect().",
                Not("of a mapping without a VM"),
            ),
            says(
                "madvise() memory ranges with MADV_DONTNEED and MADV_FREE may have the allocation tags cleared (set to 0) at any \
                 point after the system call.",
                By(&["kvm.fresh.*"]),
            ),
        ],
    },
    Section {
        document: MTE,
        heading: "Tag Check Faults",
        sentences: &[
            says(
                "Ignore - … Synchronous - The kernel raises a SIGSEGV … Asynchronous … Asymmetric …",
                Not("of a process's own mode; a guest's modes are its own, see arch.mode"),
            ),
            says(
                "Kernel accesses to the user address space (e.g. read() system call) are not checked if the user thread tag \
                 checking mode is PR_MTE_TCF_NONE …",
                Not("granule's tag buffers are memory without PROT_MTE, but for those of kvm.hazard"),
            ),
        ],
    },
    Section {
        document: MTE,
        heading: "Excluding Tags in the IRG, ADDG and SUBG instructions",
        sentences: &[
            says(
                "A user thread can enable specific tags in the randomly generated set using … \
                 prctl(PR_SET_TAGGED_ADDR_CTRL, …",
                By(&["kvm.isolation.*"]),
            ),
            says(
                "An include mask of 0 (exclusion mask 0xffff) results in the CPU always generating tag 0.",
                By(&["arch.irg.*", "kvm.isolation.*", "kvm.race.generators-of-their-own"]),
            ),
        ],
    },
    Section {
        document: MTE,
        heading: "Initial process state",
        sentences: &[says(
            "On fork(), the new process inherits the parent's configuration and memory map attributes …",
            By(&["kvm.life.fork*"]),
        )],
    },
    Section {
        document: MTE,
        heading: "The ptrace() interface",
        sentences: &[
            says(
                "PTRACE_PEEKMTETAGS and PTRACE_POKEMTETAGS allow a tracer to read the tags from or set the tags to a tracee's \
                 address space.",
                By(&["kvm.debugger.*"]),
            ),
            says(
                "0 - tags were copied, the tracer's iov_len was updated to the number of tags transferred. This may be \
                 smaller than the requested iov_len …",
                By(&["kvm.debugger.*"]),
            ),
            says(
                "-EIO - the tracee's address range cannot be accessed … or does not have valid tags (not mapped with the \
                 PROT_MTE flag) and no tags copied.",
                By(&["kvm.debugger.*"]),
            ),
        ],
    },
    Section {
        document: MTE,
        heading: "Core dump support",
        sentences: &[says(
            "The allocation tags for user memory mapped with PROT_MTE are dumped in the core file as additional \
             PT_AARCH64_MEMTAG_MTE segments.",
            Not("of the VMM's own core; a VMM need not map guest memory with PROT_MTE"),
        )],
    },
];
