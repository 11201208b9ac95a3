//! Races on /dev/kvm: every vCPU that has a block and every thread of the VMM is a thread, and all start at the same moment.
//!
//! Requests are filed before anything runs; a vCPU that does not come back is stopped by a watchdog of its own thread.

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use super::KvmBackend;
use super::service::serve;
use crate::vcpu::Vcpu;
use crate::vm::{KvmVm, kernel};
use crate::watchdog::Watchdog;
use machine::mailbox::{MailboxClient, Notification};
use machine::{HostStep, MachineError, Race, RaceReport, RequestError, StepResult};

/// How long after the last signal the next one comes, where signals are wanted.
const BETWEEN_SIGNALS: Duration = Duration::from_micros(50);

impl KvmBackend {
    /// Runs a race; see [`machine::capability::Races`].
    pub(super) fn run_race(&mut self, race: &Race) -> Result<RaceReport, MachineError> {
        for (cpu, block) in &race.blocks {
            self.mailboxes[*cpu].run(&mut self.vm, block)?;
        }
        let mut vcpus = self.vm.take_vcpus();
        let report = run(race, &self.vm, &mut vcpus, &self.mailboxes, self.guest_timeout);
        self.vm.put_vcpus(vcpus);
        let threads = report?;
        let trace = |(cpu, _): &(usize, _)| self.mailboxes[*cpu].trace(&self.vm);
        Ok(RaceReport { traces: race.blocks.iter().map(trace).collect::<Result<_, _>>()?, threads })
    }
}

fn watchdog() -> Result<Watchdog, MachineError> {
    Watchdog::new().map_err(|errno| kernel("timer_create", errno))
}

/// Runs all that takes part, and returns what the threads of the VMM saw.
fn run(
    race: &Race,
    vm: &KvmVm,
    vcpus: &mut [Vcpu],
    mailboxes: &[MailboxClient],
    guest_timeout: Duration,
) -> Result<Vec<Vec<StepResult>>, MachineError> {
    let start = &Barrier::new(race.blocks.len() + race.threads.len());
    let lost = || MachineError::from(RequestError::ThreadPanicked { thread: "a thread of the race" });
    thread::scope(|scope| {
        let wanted = vcpus.iter_mut().enumerate().filter(|(cpu, _)| race.blocks.iter().any(|(other, _)| other == cpu));
        let guest: Vec<_> = wanted
            .map(|(cpu, vcpu)| {
                scope.spawn(move || {
                    let watchdog = watchdog();
                    start.wait();
                    match serve(vcpu, vm, &mailboxes[cpu], cpu, (&watchdog?, guest_timeout))? {
                        Notification::Reply => mailboxes[cpu].status(vm).map(|_| ()),
                        Notification::Checkpoint => Err(mailboxes[cpu].misbehaved("rang a checkpoint in a race")),
                    }
                })
            })
            .collect();
        let host: Vec<_> = race
            .threads
            .iter()
            .map(|steps| {
                scope.spawn(move || {
                    let watchdog = watchdog();
                    start.wait();
                    let watchdog = watchdog?;
                    let _signals = race.signals.then(|| watchdog.fire_every(BETWEEN_SIGNALS));
                    (0..race.rounds.max(1)).flat_map(|_| steps).map(|step| take(vm, step)).collect()
                })
            })
            .collect();
        let threads: Vec<Result<_, _>> = host.into_iter().map(|thread| thread.join().map_err(|_| lost())?).collect();
        // What a vCPU says comes first: it may be why a thread of the VMM failed.
        guest.into_iter().try_for_each(|thread| thread.join().map_err(|_| lost())?)?;
        threads.into_iter().collect()
    })
}

/// Takes one step of the VMM.
fn take(vm: &KvmVm, step: &HostStep) -> Result<StepResult, MachineError> {
    match step {
        HostStep::Fetch { ipa, length } => Ok(StepResult::fetch(vm, *ipa, *length)),
        HostStep::Store { ipa, tags } => Ok(StepResult::store(vm, *ipa, tags)),
        HostStep::Write { ipa, bytes } => StepResult::done(vm.write_concurrently(*ipa, bytes)),
        HostStep::Event { ipa, length, event } => StepResult::done(vm.page_event_concurrently(*ipa, *length, *event)),
        HostStep::MoveSlot { ipa, to } => StepResult::done(vm.move_slot_and_back(*ipa, *to)),
        HostStep::ReplaceSlot { ipa } => StepResult::done(vm.replace_slot_concurrently(*ipa)),
        HostStep::FetchElsewhere { ipa, length } => Ok(StepResult::fetch(other(vm)?, *ipa, *length)),
        HostStep::StoreElsewhere { ipa, tags } => Ok(StepResult::store(other(vm)?, *ipa, tags)),
        HostStep::StoreMapped { ipa, tags } => StepResult::done(vm.store_mapped_concurrently(*ipa, tags)),
        HostStep::TakeDirty { ipa } => vm.dirty_pages(*ipa).map(StepResult::Dirty),
    }
}

fn other(vm: &KvmVm) -> Result<&KvmVm, MachineError> {
    vm.other().ok_or_else(|| kernel("finding the other VM", machine::Errno::ENOENT))
}
