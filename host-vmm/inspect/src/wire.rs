//! A machine in another process: what is asked of it and what it answers, as data that can be sent.
//!
//! Programs are sent as their text, which says all of them; what was seen is sent as [`program::wire`] has it.

use std::collections::BTreeSet;

use abi::mailbox::BootReport;
use machine::MachineError;
use machine::capability::MachineKind;
use machine::target::{Host, Target};
use program::wire::Seen;
use serde::{Deserialize, Serialize};
use zerocopy::{FromBytes, IntoBytes};

use super::subject::Subject;

/// What is asked of a machine: see [`Subject`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Run a program, and look at these pages.
    Run {
        /// Its text.
        program: String,
        /// Offsets into the arena.
        pages: Vec<u64>,
    },
    /// Start a new machine.
    Restart,
    /// Save it.
    Save,
    /// Restore what was saved.
    Restore,
}

/// What a machine answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// It has booted.
    Booted(Box<Booted>),
    /// It ran a program.
    Ran(Box<Seen>),
    /// It did what was asked.
    Done,
    /// It did not.
    Failed(String),
    /// There is no machine.
    NotOpened {
        /// Whether there could be one here.
        available: bool,
        /// Why there is none.
        reason: String,
        /// What the user can do.
        remedy: String,
    },
}

/// What a machine is, of the kind `kvm`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Booted {
    kernel: String,
    kvm_mode: String,
    page_size: u64,
    boot: Vec<u8>,
}

impl Booted {
    /// Describes a target.
    #[must_use]
    pub fn of(target: &Target) -> Self {
        let Host { kernel, kvm_mode, .. } = target.host.clone();
        Self { kernel, kvm_mode, page_size: target.page_size, boot: target.boot.as_bytes().to_vec() }
    }

    /// Returns the target; `None` if the boot report is of another version.
    #[must_use]
    pub fn target(&self) -> Option<Target> {
        let (kind, boot) = (MachineKind::Kvm, BootReport::read_from_bytes(&self.boot).ok()?);
        let host = Host { kernel: self.kernel.clone(), kvm_mode: self.kvm_mode.clone(), ..Host::default() };
        Some(Target { kind, capabilities: kind.capabilities(), host, boot, page_size: self.page_size })
    }
}

/// Does what is asked of a machine.
pub fn answer(subject: &mut dyn Subject, request: &Request) -> Reply {
    let done = |result: Result<(), MachineError>| result.map(|()| Reply::Done);
    let reply = match request {
        Request::Run { program, pages } => match program.parse() {
            Ok(program) => {
                let pages: BTreeSet<u64> = pages.iter().copied().collect();
                subject.run(&program, &pages).map(|observation| Reply::Ran(Box::new(Seen::of(&observation))))
            }
            Err(error) => return Reply::Failed(format!("not a program: {error}")),
        },
        Request::Restart => done(subject.restart()),
        Request::Save => done(subject.save()),
        Request::Restore => done(subject.restore()),
    };
    reply.unwrap_or_else(|error| Reply::Failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::Local;
    use program::Program;

    fn local() -> Local {
        Local::open(&trace::model_of("max").unwrap()).unwrap()
    }

    #[test]
    fn what_was_seen_is_sent_whole() {
        let text = "granule program 1\ntags 0x20 3*4\nblock el=1 vl=32\n  x0 = tagged+0x20 tag 3\n  z1 = 0x1 0x2 0x3 0x4\ncode\n  str x0, [x0]\n  ldr x1, [x0, #64]\n  ptrue p0.b\nend\n";
        let plain = "granule program 1\nblock el=1 simd=1\n  v3 = 0x1 0x2\ncode\n  svc #1\nend\n";
        for text in [text, plain, "granule program 1\n"] {
            let program: Program = text.parse().unwrap();
            let mut expected = local().run(&program, &BTreeSet::from([0x5000])).unwrap();
            expected.memory.iter_mut().for_each(|extent| extent.unknown.clear());
            let request = Request::Run { program: text.to_owned(), pages: vec![0x5000] };
            let Reply::Ran(seen) = answer(&mut local(), &request) else { panic!("{text}") };
            assert_eq!(seen.observation(), Some(expected), "{text}");
        }
    }

    #[test]
    fn targets_are_sent_and_nonsense_is_rejected() {
        let local = local();
        let target = Booted::of(local.target()).target().unwrap();
        assert_eq!((target.mte(), target.page_size), (local.target().mte(), local.target().page_size));
        assert!(Booted { boot: vec![0; 3], ..Booted::of(local.target()) }.target().is_none());
    }

    #[test]
    fn a_machine_says_why_it_cannot() {
        let mut local = local();
        assert!(matches!(answer(&mut local, &Request::Restore), Reply::Failed(_)));
        assert_eq!(answer(&mut local, &Request::Save), Reply::Done);
        assert_eq!(answer(&mut local, &Request::Restore), Reply::Done);
        assert_eq!(answer(&mut local, &Request::Restart), Reply::Done);
        let wrong = Request::Run { program: "nonsense".to_owned(), pages: Vec::new() };
        assert!(matches!(answer(&mut local, &wrong), Reply::Failed(_)));
    }
}
