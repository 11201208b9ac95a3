//! When to enable MTE, and in which order to save and restore. Documentation only: the order is the VMM's to keep.
//!
//! # Enabling
//!
//! KVM_ENABLE_CAP with [`KVM_CAP_ARM_MTE`](crate::ioctl::KVM_CAP_ARM_MTE), flags 0, on the VM's file descriptor:
//!
//! 1. **before the first vCPU is created**: after that it is EINVAL. It is EINVAL, too, where the host has no MTE, and
//!    KVM_CHECK_EXTENSION returns 0 there. Enabling it twice is fine;
//! 2. **before memory slots are made**: a slot whose memory cannot have tags is refused only if MTE is enabled by then.
//!    Slots made before are not checked again, and KVM_RUN fails later, with EFAULT.
//!
//! A VM with MTE cannot have AArch32 vCPUs. Which memory can have tags changed with the kernel: private anonymous memory
//! always can; shared memory and memfds can from Linux 6.2 on; files and device memory cannot.
//!
//! # Saving
//!
//! 1. **Stop all vCPUs.** A copy of tags is no snapshot of one moment while the guest runs.
//! 2. **Complete pending MMIO** on each vCPU that left KVM_RUN with KVM_EXIT_MMIO: set `immediate_exit`, call KVM_RUN,
//!    and take EINTR for success (Documentation/virt/kvm/api.rst, "The kvm_run structure"). Until then the saved program
//!    counter is that of the access, and a load has not reached its register: the restored guest would access again.
//! 3. **Memory.**
//! 4. **Tags** of all memory slots: [`fetch`](crate::fetch) or [`fetch_packed`](crate::fetch_packed). Memory that was
//!    never touched has no tags and need not be asked for.
//! 5. **Registers**: everything of KVM_GET_REG_LIST, the four of [`register`](crate::register) among them.
//!
//! During a live migration tags travel with their page: after a page was taken from the dirty log, copy its data *and*
//! its tags. A tag store of the guest (STG) marks its page dirty, also if it changes no data.
//!
//! # Restoring
//!
//! 1. Enable MTE, create vCPUs and memory slots.
//! 2. **Memory** first. Tags belong to a page of physical memory: a page that is replaced later (mmap, MADV_DONTNEED,
//!    UFFDIO_COPY) has none.
//! 3. **Tags**: [`store`](crate::store) or [`store_packed`](crate::store_packed). Fresh memory reads as tag 0, so pages
//!    of zeros can be left out there.
//! 4. **Registers** last, before the first KVM_RUN.
//!
//! ```
//! use kvm_mte::fake::FakeVm;
//! use kvm_mte::register::{Register, Registers};
//!
//! # let mut vcpu = std::collections::BTreeMap::from(Register::ALL.map(|register| (register.id(), 0x10)));
//! # let mut new_vcpu = std::collections::BTreeMap::new();
//! let old = FakeVm::<1024>::new(0x4000_0000);
//! old.set_tag(0x4000_0ff0, 3);
//!
//! // Save: vCPUs are stopped, pending MMIO is completed, the memory was copied.
//! let mut tags = [0; 512];
//! kvm_mte::fetch_packed(&old, 0x4000_0000, &mut tags)?.complete()?;
//! let registers = Registers::read(|id| vcpu.get(&id).copied().ok_or("no such register"))?;
//!
//! // Restore into a VM whose memory is in place already.
//! let new = FakeVm::<1024>::new(0x4000_0000);
//! kvm_mte::store_packed(&new, 0x4000_0000, &tags)?.complete()?;
//! registers.write(|id, value| {
//!     new_vcpu.insert(id, value);
//!     Ok::<(), &str>(())
//! })?;
//! assert_eq!(new.tag(0x4000_0ff0), 3);
//! assert_eq!(vcpu, new_vcpu);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Dirty logging and EBUSY
//!
//! Since Linux 6.11 the kernel refuses to **store** tags with EBUSY while **any** memory slot of the VM has
//! KVM_MEM_LOG_DIRTY_PAGES, whichever slot the call is for, and even if its length is 0. Older kernels store, and the
//! page does not show in the dirty log: a migration that relies on the log loses those tags. Fetching is always allowed.
//!
//! So the destination of a migration stores tags before it turns dirty logging on (which it needs when it becomes a
//! source in turn), and a VMM that changes tags of a running guest during a migration turns logging off, stores, turns it
//! on again, and treats the pages as dirty itself.
//!
//! ```
//! use kvm_mte::{Copied, Errno, fake::FakeVm};
//!
//! let vm = FakeVm::<256>::new(0);
//! vm.set_dirty_logging(true);
//! assert_eq!(kvm_mte::store(&vm, 0, &[1; 256])?, Copied::Stopped { at: 0, cause: Errno::EBUSY });
//! kvm_mte::fetch(&vm, 0, &mut [0; 256])?.complete()?;
//!
//! vm.set_dirty_logging(false);
//! kvm_mte::store(&vm, 0, &[1; 256])?.complete()?;
//! # Ok::<(), kvm_mte::TagError>(())
//! ```
