//! What happens to the pages behind guest memory while no vCPU runs: by the VMM's wish, or as the host's memory
//! management does under pressure.
//!
//! Data and tags must survive all of these, unless the event itself says that the page is replaced.

/// What the VMM's mapping permits (mprotect).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protection {
    /// PROT_NONE.
    None,
    /// PROT_READ.
    Read,
    /// PROT_READ | PROT_WRITE.
    ReadWrite,
    /// PROT_READ | PROT_WRITE | PROT_MTE: the VMM sees the tags, too.
    Tagged,
}

/// An event in the life of pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PageEvent {
    /// The pages are given back, and new ones come at the next access: MADV_DONTNEED. Data and tags are gone.
    Discard,
    /// The pages are written to swap and leave memory: MADV_PAGEOUT.
    PageOut,
    /// The pages move to other page frames: compaction.
    Migrate,
    /// Base pages become a transparent huge page: MADV_COLLAPSE.
    Collapse,
    /// A transparent huge page becomes base pages.
    Split,
    /// Transparent huge pages of which most parts are full of zeros become base pages: the shrinker of underused huge pages.
    ShrinkUnderused,
    /// Pages with equal contents may become one: MADV_MERGEABLE and a full scan of KSM.
    Merge,
    /// The VMM forks; the child lives until the VM is gone, so that the next write to each page copies it.
    Fork,
    /// The mapping moves to another address of the VMM, and the memory slot follows it: mremap.
    Remap,
    /// What the mapping permits changes: mprotect.
    Protect(Protection),
    /// Nothing is mapped there any more, under a slot that stays: munmap.
    Unmap,
    /// A hole is punched into the file behind the pages, as a balloon does with shared memory: MADV_REMOVE. Data and tags are
    /// gone for all who map it.
    Punch,
    /// A regular file is mapped there instead, under a slot that stays: mmap with MAP_FIXED.
    ReplaceByFile {
        /// MAP_SHARED, or MAP_PRIVATE.
        shared: bool,
    },
    /// The pages are given back, and at the next access to each a page full of this byte is served by userfaultfd.
    Serve(u8),
}
