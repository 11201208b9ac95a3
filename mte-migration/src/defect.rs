//! Mistakes that can be switched on with the feature `defects`, to see that a test notices them.
//!
//! Those of the protocol are built into this crate: give one to `Sender::inject` or `Receiver::inject`. Those of a VMM are for
//! implementations of [`Source`](crate::Source) and [`Target`](crate::Target) to make; the simulated guest of this crate's
//! tests does.

/// Declares the mistakes, each with what is done wrong.
macro_rules! defects {
    ($($(#[doc = $doc:literal])+ $name:ident $place:ident,)+) => {
        /// A mistake.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Defect {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Defect {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// Returns who makes the mistake.
            #[must_use]
            pub const fn place(self) -> Place {
                match self {
                    $(Self::$name => Place::$place,)+
                }
            }
        }
    };
}

/// Who makes a mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The sender, in this crate.
    Sender,
    /// The receiver, in this crate.
    Receiver,
    /// Both sides, in this crate: each is consistent with the other.
    Both,
    /// The VMM's implementation of [`Source`](crate::Source) or [`Target`](crate::Target).
    Vmm,
}

defects! {
    /// The first run of a page is one granule too long.
    RunOneTooLong Sender,
    /// A page with uniform tags is sent as an untagged one.
    UniformTakenForUntagged Sender,
    /// The tags of a frame's last page are sent as none.
    LastPageTagsLost Sender,
    /// Each page has the tags of the one before it in its frame.
    TagsOfNeighbour Sender,
    /// The tags of a frame are sent in the first round only.
    TagsInFirstRoundOnly Sender,
    /// Pages that were dirtied between the last round and the stop are sent without tags.
    FinalRoundWithoutTags Sender,
    /// A page of zeros with tags is left out of the round's frames.
    TaggedZeroPageLeftOut Sender,
    /// A page of zeros is left out, also if it had data before.
    ZeroPageLeftOut Sender,
    /// The bit that says which page has data is that of the next page.
    DataBitmapOffByOne Sender,
    /// The last page of each range of dirty pages is left out.
    RangeEndLeftOut Sender,
    /// The number of a page is sent with 32 bits.
    PageNumberTruncated Sender,
    /// The last frame of a round is not sent.
    LastFrameLost Sender,
    /// The second round's dirty pages are taken from the log and not sent.
    RoundSkipped Sender,
    /// The dirty log is turned on after the first round.
    LogStartedLate Sender,
    /// The dirty log is not read again once the vCPUs are stopped.
    LogNotReadAfterPause Sender,
    /// The pages that were taken from the log before the vCPUs were stopped are not sent.
    LogReadBeforePauseLost Sender,
    /// The dirty log stays on after a migration that failed.
    LogLeftOn Sender,
    /// Registers are those from before the vCPUs were stopped: TFSR_EL1 is stale.
    RegistersBeforePause Sender,
    /// Registers are sent before the last pages.
    RegistersBeforeLastPages Sender,
    /// The last vCPU's registers are not sent.
    LastVcpuLost Sender,
    /// The state of the VM as a whole is sent as empty.
    VmStateLost Sender,
    /// COMMIT is sent without waiting for VERIFIED.
    CommitBeforeVerified Sender,
    /// The digests in VERIFIED are not compared.
    VerifiedDigestsIgnored Sender,
    /// The sender resumes the guest if the connection breaks after COMMIT: both may run it.
    ResumedAfterCommit Sender,
    /// The sender reports that the guest has moved if the connection breaks after COMMIT: none may run it.
    UndecidedTakenForMoved Sender,
    /// The sender leaves the guest stopped if the connection breaks before COMMIT.
    NotResumedOnFailure Sender,
    /// ABORT is ignored.
    AbortIgnored Sender,
    /// An ACK that comes right after the last frame of its round is rejected.
    EarlyAckRejected Sender,
    /// The bound on rounds is ignored.
    RoundsUnbounded Sender,
    /// The bandwidth limit is ignored.
    BandwidthUnlimited Sender,
    /// The last run of a page is not filled.
    LastRunLost Receiver,
    /// The two tags of a packed byte are swapped.
    NibblesSwapped Receiver,
    /// Tags are stored before the data of their page.
    TagsBeforeData Receiver,
    /// Tags are stored before a page of zeros is cleared, and only there.
    TagsBeforeClear Receiver,
    /// A page without data is not cleared.
    ZeroPageNotCleared Receiver,
    /// A page without tags is not stored: its tags from an earlier round stay.
    UntaggedPageNotStored Receiver,
    /// A page that came before is not written again: the older copy wins.
    OlderCopyWins Receiver,
    /// Only the first host page of a frame gets tags.
    FirstPageTagsOnly Receiver,
    /// All registers go to vCPU 0.
    VcpuIndexIgnored Receiver,
    /// The state of the VM as a whole is not set.
    VmStateNotSet Receiver,
    /// The digests that the sender announces are returned, whatever the memory holds.
    DigestsNotComputed Receiver,
    /// Digests that differ are not noticed.
    DigestsNotCompared Receiver,
    /// The guest runs before its digests are verified.
    ResumedBeforeVerify Receiver,
    /// The guest runs once it is verified, without waiting for COMMIT.
    ResumedBeforeCommit Receiver,
    /// The guest runs if the connection breaks before COMMIT.
    ResumedWithoutCommit Receiver,
    /// COMMIT is answered, and the guest does not run.
    NotResumedOnCommit Receiver,
    /// The VM of a migration that failed is kept.
    NotDiscarded Receiver,
    /// Checks of frames are not compared.
    ChecksIgnored Receiver,
    /// Digests leave tags out.
    DigestWithoutTags Both,
    /// Digests leave out the numbers of pages.
    DigestWithoutPageNumbers Both,
    /// The digest of tags leaves out pages of zeros.
    DigestOfTagsWithDataOnly Both,
    /// The digest leaves out the last page of each range.
    DigestWithoutRangeEnd Both,
    /// A store of tags is not in the dirty log.
    TagStoreNotDirty Vmm,
    /// The dirty log is cleared after the pages were read, not before.
    LogClearedAfterRead Vmm,
    /// A full dirty ring loses what comes after.
    DirtyRingOverflow Vmm,
    /// Dirty pages of the last slot are not read.
    LastSlotNotRead Vmm,
    /// Only the first 4 KiB of a dirty host page are reported.
    HostPageTakenForPage Vmm,
    /// A short count of KVM_ARM_MTE_COPY_TAGS is taken for a full one.
    ShortCountIgnored Vmm,
    /// The highest bit of each tag is lost.
    TagsMasked Vmm,
    /// The target stores tags while it logs dirty pages, and fails with EBUSY.
    TargetLogsDirtyPages Vmm,
    /// EBUSY of the store of tags is ignored.
    EbusyIgnored Vmm,
    /// A page of zeros is not cleared.
    ClearDoesNothing Vmm,
    /// One vCPU runs on after all were stopped.
    VcpuRunsOn Vmm,
    /// TFSR_EL1 is not among the registers.
    TfsrNotSaved Vmm,
    /// RGSR_EL1 is not restored.
    RgsrNotRestored Vmm,
    /// A guest that ran is reported as not resumed.
    ResumeErrorAfterRun Vmm,
}

/// The mistake that a machine makes, if any.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Injected(#[cfg(feature = "defects")] pub(crate) Option<Defect>);

impl Injected {
    #[cfg(feature = "defects")]
    pub(crate) fn is(self, defect: Defect) -> bool {
        self.0 == Some(defect)
    }

    #[cfg(not(feature = "defects"))]
    #[expect(clippy::unused_self, reason = "without the feature there is nothing to look at")]
    pub(crate) const fn is(self, _: Defect) -> bool {
        false
    }
}
