//! A machine inside a nested Linux that stays open: the inner granule takes requests from its console and answers there.
//!
//! A request is a line of JSON on the console's input, an answer an event on its output ([`super::wire`]). QEMU, the kernel and the
//! inner granule live as long as the [`Remote`].

use std::io::{self, BufRead};
use std::time::{Duration, Instant};

use inspect::subject::{Local, Subject};
use inspect::wire::{Booted, Reply, Request, answer};
use machine::MachineError;
use machine::target::{OpenError, Opener, Target};
use program::{Observation, Program};
use qemu::child::{Output, Subprocess};
use report::event::{Event, STREAM_VERSION, Sink};
use rustix::termios::{InputModes, LocalModes, OptionalActions, tcgetattr, tcsetattr};
use std::collections::BTreeSet;

use super::wire::{Decoder, Item};
use super::{Options, TIMEOUT, outer};

/// How long an answer may take: longer than the guest of the inner granule may.
const ANSWER: Duration = Duration::from_secs(30);
/// Lines of the console that are shown with an error.
const SHOWN: usize = 12;

/// Answers requests from the console until it ends. The inner granule calls it.
pub fn serve(opener: &dyn Opener, sink: &mut dyn Sink) {
    let mut local = match Local::open(opener) {
        Ok(local) => local,
        Err(error) => return sink.event(error.into()),
    };
    make_raw();
    send(&Reply::Booted(Box::new(Booted::of(local.target()))), sink);
    for line in io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        let reply = match serde_json::from_str::<Request>(&line) {
            Ok(request) => answer(&mut local, &request),
            Err(error) => Reply::Failed(format!("a request came damaged: {error}")),
        };
        send(&reply, sink);
    }
    sink.event(Event::Finished { micros: 0 });
}

fn send(reply: &Reply, sink: &mut dyn Sink) {
    // What is data can be written as JSON; were it not, the outer granule would miss an answer and say so.
    if let Ok(answer) = serde_json::to_value(reply) {
        sink.event(Event::Answer(answer));
    }
}

/// Lets lines of any length through, and sends none of them back.
fn make_raw() {
    let terminal = io::stdin();
    let Ok(mut settings) = tcgetattr(&terminal) else { return };
    settings.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN);
    settings.input_modes.remove(InputModes::ICRNL | InputModes::IXON);
    let _ = tcsetattr(&terminal, OptionalActions::Now, &settings);
}

/// A machine in a nested Linux.
pub struct Remote {
    console: Console,
    target: Target,
}

impl Remote {
    /// Boots a nested Linux and a machine in it; returns the emulator's name, too.
    ///
    /// Call it on a thread that outlives the machine: QEMU dies with the thread that started it.
    ///
    /// # Errors
    ///
    /// When something is missing, or the machine does not boot.
    pub fn open(options: &Options) -> Result<(Self, String), OpenError> {
        let started = outer::start(options, Subprocess::start_with_input);
        let (child, emulator) = started.map_err(|error| OpenError::broken(&error))?;
        let mut console = Console { child, decoder: Decoder::default(), lines: Vec::new() };
        let until = options.deadline.limits(TIMEOUT);
        let broken = |reason: String| OpenError::Broken { reason, remedy: String::new() };
        let reply = loop {
            match console.event(until).map_err(broken)? {
                Event::Hello(STREAM_VERSION) => {}
                Event::Hello(version) => {
                    let reason =
                        format!("the agent speaks version {version} of the event stream, expected {STREAM_VERSION}");
                    return Err(OpenError::Broken { reason, remedy: "build both from the same source".to_owned() });
                }
                Event::Unavailable { reason, remedy } => return Err(OpenError::Unavailable { reason, remedy }),
                Event::Broken { reason, remedy } => return Err(OpenError::Broken { reason, remedy }),
                Event::Answer(answer) => break serde_json::from_value(answer),
                _ => {}
            }
        };
        let target = match reply {
            Ok(Reply::Booted(booted)) => booted.target(),
            _ => None,
        };
        let target = target.ok_or_else(|| broken("the agent does not describe its machine as expected".to_owned()))?;
        Ok((Self { console, target }, emulator.name))
    }

    /// Asks for something.
    fn ask(&mut self, request: &Request) -> Result<Reply, MachineError> {
        let failed = |reason: String| MachineError::Unsupported(reason);
        let mut line = serde_json::to_string(request).map_err(|error| failed(error.to_string()))?;
        line.push('\n');
        let gone = |error: io::Error| failed(format!("the nested run has ended: {error}"));
        self.console.child.write(line.as_bytes()).map_err(gone)?;
        let until = Instant::now() + ANSWER;
        loop {
            match self.console.event(until).map_err(failed)? {
                Event::Answer(answer) => {
                    return match serde_json::from_value(answer).map_err(|error| failed(error.to_string()))? {
                        Reply::Failed(reason) => Err(failed(reason)),
                        reply => Ok(reply),
                    };
                }
                Event::Broken { reason, .. } => return Err(failed(reason)),
                _ => {}
            }
        }
    }

    fn order(&mut self, request: &Request) -> Result<(), MachineError> {
        self.ask(request).map(|_| ())
    }
}

impl Subject for Remote {
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

/// The console of a nested run.
struct Console {
    child: Subprocess,
    decoder: Decoder,
    /// Its last lines that are no events.
    lines: Vec<String>,
}

impl Console {
    /// Waits for the next event; says with the last lines why none comes.
    fn event(&mut self, until: Instant) -> Result<Event, String> {
        let mut buffer = vec![0; 16 << 10];
        loop {
            while let Some(item) = self.decoder.next_item() {
                match item {
                    Ok(Item::Event(event)) => return Ok(*event),
                    Ok(Item::Line(line)) => self.lines.push(line),
                    Err(error) => return Err(self.with_lines(&error.to_string())),
                }
            }
            let more = self.lines.len().saturating_sub(SHOWN);
            self.lines.drain(..more);
            match self.child.read(&mut buffer, until).map_err(|error| error.to_string())? {
                Output::Bytes(count) => self.decoder.push(&buffer[..count]),
                Output::Closed => return Err(self.with_lines("QEMU ended")),
                Output::TimedOut => return Err(self.with_lines("the nested run does not answer")),
            }
        }
    }

    fn with_lines(&self, reason: &str) -> String {
        match self.lines.is_empty() {
            true => reason.to_owned(),
            false => format!("{reason}; its console:\n{}", self.lines.join("\n")),
        }
    }
}
