//! A machine inside a nested Linux that stays open: the inner granule takes requests from its console and answers there.
//!
//! Requests and answers are JSON ([`inspect::wire`]). QEMU, the kernel and the inner granule live as long as the [`RemoteMachine`].

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use board::remote::Line;
use inspect::subject::{Local, Subject};
use inspect::wire::{Booted, Reply, Request, answer};
use machine::MachineError;
use machine::target::{OpenError, Opener, Target};
use program::{Observation, Program};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::console_line::QemuLine;
use crate::inner::terminal_line::TerminalLine;
use crate::line_error::LineError;
use crate::{Options, TIMEOUT};

/// How long an answer may take: longer than the guest of the inner granule may.
const ANSWER: Duration = Duration::from_secs(30);
/// How long the inner granule waits for a request before it looks again.
const IDLE: Duration = Duration::from_secs(3600);

/// Answers requests from the console for as long as there is one. The inner granule calls it.
///
/// # Errors
///
/// When the console breaks.
pub fn serve(opener: &dyn Opener) -> Result<(), MachineError> {
    let mut line = TerminalLine::open().map_err(garbled)?;
    let mut local = match Local::open(opener) {
        Ok(local) => local,
        Err(OpenError::Unavailable { reason, remedy }) => {
            return send(&mut line, &Reply::NotOpened { available: false, reason, remedy });
        }
        Err(OpenError::Broken { reason, remedy }) => {
            return send(&mut line, &Reply::NotOpened { available: true, reason, remedy });
        }
    };
    send(&mut line, &Reply::Booted(Box::new(Booted::of(local.target()))))?;
    loop {
        if let Some(request) = receive::<Request>(&mut line, Instant::now() + IDLE)? {
            send(&mut line, &answer(&mut local, &request))?;
        }
    }
}

fn garbled(error: impl ToString) -> MachineError {
    MachineError::lost(LineError::Garbled(error.to_string()))
}

fn send(line: &mut dyn Line, message: &impl Serialize) -> Result<(), MachineError> {
    line.send(&serde_json::to_string(message).map_err(garbled)?)
}

fn receive<T: DeserializeOwned>(line: &mut dyn Line, until: Instant) -> Result<Option<T>, MachineError> {
    line.receive(until)?.map(|text| serde_json::from_str(&text).map_err(garbled)).transpose()
}

/// A machine in a nested Linux.
#[derive(Debug)]
pub struct RemoteMachine {
    line: QemuLine,
    target: Target,
}

impl RemoteMachine {
    /// Boots a nested Linux and a machine in it; returns the emulator's name and CPU, too.
    ///
    /// Call it on a thread that outlives the machine: QEMU dies with the thread that started it.
    ///
    /// # Errors
    ///
    /// When something is missing, or the machine does not boot.
    pub fn open(options: &Options) -> Result<(Self, String), OpenError> {
        let (mut line, emulator) = QemuLine::boot(options)?;
        let reply = receive(&mut line, options.deadline.limits(TIMEOUT)).map_err(|error| OpenError::broken(&error))?;
        let unexpected = |what: &str| OpenError::broken(&garbled(what));
        match reply {
            Some(Reply::Booted(booted)) => {
                let target = booted.target().ok_or_else(|| unexpected("the agent is of another version"))?;
                Ok((Self { line, target }, emulator))
            }
            Some(Reply::NotOpened { available: false, reason, remedy }) => {
                Err(OpenError::Unavailable { reason, remedy })
            }
            Some(Reply::NotOpened { reason, remedy, .. }) => Err(OpenError::Broken { reason, remedy }),
            Some(other) => Err(unexpected(&format!("{other:?} is no description of a machine"))),
            None => Err(unexpected("nothing came in time")),
        }
    }

    /// Asks for something.
    fn ask(&mut self, request: &Request) -> Result<Reply, MachineError> {
        send(&mut self.line, request)?;
        match receive(&mut self.line, Instant::now() + ANSWER)? {
            Some(Reply::Failed(reason)) => Err(MachineError::Unsupported(reason)),
            Some(reply) => Ok(reply),
            None => Err(garbled("no answer came in time")),
        }
    }

    fn order(&mut self, request: &Request) -> Result<(), MachineError> {
        self.ask(request).map(|_| ())
    }
}

impl Subject for RemoteMachine {
    fn target(&self) -> &Target {
        &self.target
    }

    fn run(&mut self, program: &Program, pages: &BTreeSet<u64>) -> Result<Observation, MachineError> {
        let request = Request::Run { program: program.to_string(), pages: pages.iter().copied().collect() };
        let seen = match self.ask(&request)? {
            Reply::Ran(seen) => seen.observation(),
            _ => None,
        };
        seen.ok_or_else(|| MachineError::Unsupported("the agent does not answer as expected".to_owned()))
    }

    fn restart(&mut self) -> Result<(), MachineError> {
        self.order(&Request::Restart)
    }

    fn save(&mut self) -> Result<(), MachineError> {
        self.order(&Request::Save)
    }

    fn restore(&mut self) -> Result<(), MachineError> {
        self.order(&Request::Restore)
    }
}
