//! Kernels whose calls and faults disturb each other: each defect changes what one step of a race does.

use machine::tags::GRANULE;
use machine::{Errno, HostStep, MachineError, PageEvent, Protection, StepResult, Vm as _};
use model_base::{defect::Injected, defects};

use crate::race_step::take;
use crate::vm::ModelVm;

defects! {
    TOUCH_CLEARS_AGAIN "race.second-touch-clears"
        "a vCPU that touches a page beside another one, which was first, clears the tags that are there by then";
    FETCH_STALE "race.flagged-before-cleared" "a page is flagged as tagged before its tags are cleared: a fetch beside the \
        guest's first touch gives those of its last owner";
    FETCH_TORN "race.fetch-torn" "a fetch beside the guest's tag stores gives tags that are neither old nor new";
    STORE_LOST "race.store-lost" "a store to pages that the guest touches meanwhile is lost";
    UNLOCKED "race.copies-not-serialised" "copies, and changes of slots, run beside each other: page by page, without slots_lock";
    DATA_LOST "race.data-lost" "data that the VMM writes beside the guest's first touch is lost";
    DISCARD_STALE "race.discard-stale" "a page that is given back beside the guest comes again with its old tags";
    EVENT_CLEARS "race.page-event-clears" "a page that moves, or goes to swap, while the guest tags it loses its tags";
    PROTECT_CLEARS "race.prot-mte-clears" "mprotect(PROT_MTE) beside the guest's first touch clears what the guest has stored";
    SHARER_CLEARS "race.sharer-clears" "another VM or a process that touches a shared page at the same time as the guest clears its tags";
    DIRTY_LOST "race.dirty-log-lost" "a page that the guest tags while the dirty log is taken is not in it, nor in the next one";
    SIGNAL_STOPS "race.signal-stops" "a signal stops a copy, which counts what was not copied";
    SIGNAL_FAILS "race.signal-is-efault" "a signal makes a copy fail with EFAULT";
}

/// Takes a step as a kernel with this defect does.
pub fn faulty_take(
    vm: &mut ModelVm,
    step: &HostStep,
    signals: bool,
    injected: Injected,
) -> Result<StepResult, MachineError> {
    let lost = |tags: &[u8]| Ok(StepResult::Copied(Ok(tags.len() as u64 * GRANULE), tags.to_vec()));
    match step {
        HostStep::Fetch { .. } | HostStep::Store { .. } if signals && injected.is(&SIGNAL_FAILS) => {
            Ok(StepResult::Copied(Err(Errno::EFAULT), Vec::new()))
        }
        HostStep::Store { tags, .. } if injected.is(&STORE_LOST) => lost(tags),
        HostStep::Store { ipa, tags } if signals && injected.is(&SIGNAL_STOPS) => {
            StepResult::store(vm, *ipa, &tags[..tags.len() / 2]);
            lost(tags)
        }
        HostStep::Write { .. } if injected.is(&DATA_LOST) => StepResult::done(Ok(())),
        HostStep::Event { event: PageEvent::Discard, .. } if injected.is(&DISCARD_STALE) => StepResult::done(Ok(())),
        step => {
            let result = take(vm, step)?;
            Ok(disturb(vm, step, result, injected))
        }
    }
}

/// Changes what was done, or what is said of it.
fn disturb(vm: &mut ModelVm, step: &HostStep, mut result: StepResult, injected: Injected) -> StepResult {
    match (step, &mut result) {
        (HostStep::Fetch { .. }, StepResult::Copied(_, tags)) if injected.is(&FETCH_STALE) => {
            tags.iter_mut().filter(|tag| **tag == 0).for_each(|tag| *tag = 0xd);
        }
        (HostStep::Fetch { .. }, StepResult::Copied(_, tags)) if injected.is(&FETCH_TORN) => {
            tags.iter_mut().for_each(|tag| *tag ^= 4);
        }
        (HostStep::TakeDirty { .. }, StepResult::Dirty(pages)) if injected.is(&DIRTY_LOST) => {
            pages.pop();
        }
        (HostStep::StoreElsewhere { ipa, .. } | HostStep::StoreMapped { ipa, .. }, _)
            if injected.is(&SHARER_CLEARS) =>
        {
            let page = vm.page_size();
            StepResult::store(vm, ipa - ipa % page, &vec![0; (page / GRANULE) as usize]);
        }
        (HostStep::Event { ipa, length, event }, _) if clears(*event, injected) => {
            StepResult::store(vm, *ipa, &vec![0; (length / GRANULE) as usize]);
        }
        _ => {}
    }
    result
}

fn clears(event: PageEvent, injected: Injected) -> bool {
    match event {
        PageEvent::PageOut | PageEvent::Migrate | PageEvent::Collapse => injected.is(&EVENT_CLEARS),
        PageEvent::Protect(Protection::Tagged) => injected.is(&PROTECT_CLEARS),
        _ => false,
    }
}

/// Takes a step apart into what happens at once in a kernel that does not serialise copies: pages.
pub fn parts(step: &HostStep, page: u64, injected: Injected) -> Vec<HostStep> {
    match step {
        HostStep::Fetch { ipa, length } if injected.is(&UNLOCKED) => {
            (0..length / page).map(|number| HostStep::Fetch { ipa: ipa + number * page, length: page }).collect()
        }
        HostStep::Store { ipa, tags } if injected.is(&UNLOCKED) => (0..)
            .zip(tags.chunks((page / GRANULE) as usize))
            .map(|(number, tags)| HostStep::Store { ipa: ipa + number * page, tags: tags.to_vec() })
            .collect(),
        step => vec![step.clone()],
    }
}

/// Does what the kernel does wrong before a block begins beside others that have run.
///
/// # Errors
///
/// What the kernel says.
pub fn before_a_later_block(vm: &ModelVm, injected: Injected) -> Result<(), MachineError> {
    if !injected.is(&TOUCH_CLEARS_AGAIN) {
        return Ok(());
    }
    // What sanitising a page again does to tags that are there.
    let tags = vec![0; (abi::map::ARENA_SIZE / GRANULE) as usize];
    match StepResult::store(vm, abi::map::ARENA_BASE, &tags) {
        StepResult::Copied(Err(errno), _) => Err(errno.into()),
        _ => Ok(()),
    }
}
