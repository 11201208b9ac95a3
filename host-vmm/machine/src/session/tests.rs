//! A session over a back end that does nothing but remember: what may be asked when, and what hinders handing on.

use abi::mailbox::{BootReport, Request};
use abi::map;
use zerocopy::FromZeros;

use super::*;
use crate::trace::Trace;

/// Answers every request with success, and each block as the script says.
#[derive(Default)]
struct Script {
    outcomes: Vec<Result<Outcome, MachineError>>,
    calls: Vec<GuestCall>,
    changed: bool,
    cleared: usize,
}

impl Backend for Script {
    fn run(&mut self, _cpu: usize, _turn: RunReason<'_>, _guest: &GuestState) -> Result<Outcome, MachineError> {
        self.outcomes.remove(0)
    }

    fn call(&mut self, call: GuestCall, _guest: &GuestState) -> Result<(Status, [u64; 4]), MachineError> {
        self.calls.push(call);
        Ok((Status::Done, [0; 4]))
    }

    fn read(&self, _ipa: u64, _buffer: &mut [u8]) -> Result<(), MachineError> {
        Ok(())
    }

    fn write(&mut self, _ipa: u64, _bytes: &[u8]) -> Result<(), MachineError> {
        Ok(())
    }

    fn fetch_tags(&mut self, _ipa: u64, _tags: &mut [u8], _guest: &GuestState) -> Result<(), MachineError> {
        Ok(())
    }

    fn store_tags(&mut self, _ipa: u64, _tags: &[u8], _guest: &GuestState) -> Result<(), MachineError> {
        Ok(())
    }

    fn page_size(&self) -> u64 {
        4096
    }

    fn is_changed(&self) -> bool {
        self.changed
    }

    fn clear(&mut self, _config: Config, _boot: &[BootReport]) -> Result<(), MachineError> {
        self.cleared += 1;
        Ok(())
    }

    fn save(&mut self, config: Config) -> Result<Snapshot, MachineError> {
        let guest = GuestState::new(config.cpus);
        Ok(Snapshot { config, memory: Vec::new(), cpus: Vec::new(), emulated: None, guest })
    }

    fn replace_by(&mut self, _snapshot: &Snapshot) -> Result<(), MachineError> {
        self.changed = false;
        Ok(())
    }

    fn vm(&mut self) -> Option<&mut (dyn Vm + 'static)> {
        None
    }

    fn has_races(&self) -> bool {
        false
    }

    fn race(&mut self, _race: &Race) -> Result<RaceReport, MachineError> {
        Ok(RaceReport::default())
    }

    fn unknown_memory(&self) -> Option<&dyn UnknownMemory> {
        None
    }
}

fn done() -> Result<Outcome, MachineError> {
    let trace = Trace {
        x: [0; 31],
        sp: 0,
        pstate: 0,
        sys: [0; abi::mailbox::SYS_REGS],
        v: None,
        scalable: None,
        faults: Vec::new(),
        end: abi::mailbox::BlockEnd::Complete,
    };
    Ok(Outcome::Done(Box::new(trace)))
}

fn session(outcomes: impl IntoIterator<Item = Result<Outcome, MachineError>>) -> Session<Script> {
    let backend = Script { outcomes: outcomes.into_iter().collect(), ..Script::default() };
    let config = Config { cpus: 2, ..Config::default() };
    Session::new(backend, config, vec![BootReport::new_zeroed(); 2])
}

fn block() -> Block {
    Block::new(vec![0xd503_201f])
}

fn bad_request<T>(result: Result<T, MachineError>) -> bool {
    matches!(result, Err(MachineError::Request(_)))
}

#[test]
fn a_vcpu_that_waits_in_a_block_is_only_resumed() {
    let mut session = session([Ok(Outcome::Checkpoint), done()]);
    assert!(bad_request(session.resume(0)));
    session.start(0, &block()).unwrap();
    assert!(bad_request(session.start(0, &block())));
    assert!(bad_request(session.heap_alloc(16, 16)));
    assert!(bad_request(session.race(&Race { blocks: vec![(0, block())], ..Race::default() })));
    assert!(!session.recycle().unwrap());
    session.resume(0).unwrap();
    assert!(bad_request(session.resume(0)));
    session.heap_alloc(16, 16).unwrap();
}

#[test]
fn a_request_that_cannot_be_is_refused_before_it_reaches_the_guest() {
    let mut session = session([]);
    assert!(bad_request(session.start(2, &block())));
    assert!(bad_request(session.resume(2)));
    assert!(bad_request(session.start(0, &Block::new(Vec::new()))));
    assert!(bad_request(session.start(0, &Block::new(vec![0; MAX_WORDS + 1]))));
    assert!(session.recycle().unwrap(), "nothing happened to it");
}

#[test]
fn what_the_guest_must_undo_is_undone_once_before_the_machine_is_handed_on() {
    let mut session = session([]);
    session.set_pages(Window::Tagged, map::ARENA_BASE, map::GUEST_PAGE, PageKind::Unmapped).unwrap();
    session.heap_alloc(16, 16).unwrap();
    session.backend.calls.clear();
    assert!(session.recycle().unwrap());
    let requests = |session: &Session<Script>| -> Vec<Request> {
        session.backend.calls.iter().map(|call| call.record().0).collect()
    };
    assert_eq!(requests(&session), [Request::SetPages, Request::HeapReset]);
    assert!(session.recycle().unwrap());
    assert_eq!((requests(&session).len(), session.backend.cleared), (2, 2));
}

#[test]
fn what_only_a_new_machine_undoes_hinders_handing_on() {
    let mut failed = session([Err(MachineError::Storm { cpu: 0, exits: 1 })]);
    failed.start(0, &block()).unwrap_err();
    assert!(!failed.recycle().unwrap());

    let mut changed = session([]);
    changed.backend.changed = true;
    assert!(!changed.recycle().unwrap());

    let mut shared = session([]);
    shared.config.backing = Backing::Shared;
    assert!(!shared.recycle().unwrap());
    assert_eq!(shared.backend.cleared, 0);
}

#[test]
fn a_restored_guest_is_where_it_was_saved() {
    let mut session = session([Ok(Outcome::Checkpoint), done(), done()]);
    session.start(0, &block()).unwrap();
    let amid = session.save().unwrap();
    session.resume(0).unwrap();
    session.backend.changed = true;
    let changed = session.save().unwrap();
    session.replace_by(&amid).unwrap();
    session.resume(0).unwrap();
    assert!(session.recycle().unwrap());
    session.replace_by(&changed).unwrap();
    assert!(!session.recycle().unwrap(), "the change is in the saved memory");
    let other = Snapshot { config: Config::default(), ..amid };
    assert!(bad_request(session.replace_by(&other)));
}
