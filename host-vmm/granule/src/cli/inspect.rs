//! `granule inspect`: a prompt, or lines from standard input.

mod terminal;

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ::inspect::session::MODEL;
use ::inspect::subject::{self, Local, Subject};
use ::inspect::{Inspector, Status, World};
use clap::{Args, ValueEnum};

use super::error::CliError;
use super::run::{Checked, Emulation, Machine, Opening, Via};
use machine::target::OpenError;
use machine::{Deadline, Explain};
use nested::machine_line::RemoteMachine;
use report::exit::Exit;
use suite::GuestPolicy;

/// How long a guest may take for one line: a person waits.
const GUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Where lines run.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub struct Inspect {
    /// A file of lines to carry out, instead of a prompt or the lines of standard input
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Where lines run
    #[arg(long, value_enum, default_value_t = Via::Model)]
    via: Via,
    /// Print each line before its answer where there is no prompt
    #[arg(long)]
    echo: bool,
    /// Guest firmware, an ELF file, instead of the one built in
    #[arg(long, value_name = "PATH")]
    firmware: Option<PathBuf>,
    #[command(flatten)]
    emulation: Emulation,
}

const AFTER: &str = "Without a terminal, lines come from standard input. A line that cannot be carried out ends the session with status 1; an \
                     expectation that is not met, and a machine that shows what the architecture does not permit, are status 1 in the end.";

impl Inspect {
    /// Opens the machine and carries out lines.
    ///
    /// # Errors
    ///
    /// When options make no sense, the file cannot be read, or answers cannot be written.
    pub fn execute(&self) -> Result<Exit, CliError> {
        let mut world = Outside { options: self };
        let (subject, around) = match world.machine(self.via)? {
            Ok(opened) => opened,
            Err(error) => return Ok(explain(&error)),
        };
        let description = subject::description(self.via.name(), subject.target());
        let inspector = Inspector::new(self.via.name(), subject, &around);
        let mut inspector = inspector.map_err(|error| CliError::Usage(error.sentence()))?;
        if let Some(path) = &self.file {
            let text = std::fs::read_to_string(path)
                .map_err(|error| CliError::Usage(format!("{}: cannot be read: {error}", path.display())))?;
            return self.lines(&mut inspector, &mut world, text.lines().map(|line| Ok(line.to_owned())));
        }
        if io::stdin().is_terminal() && io::stdout().is_terminal() {
            return terminal::prompt(&mut inspector, &mut world, &description);
        }
        self.lines(&mut inspector, &mut world, io::stdin().lock().lines())
    }

    /// Carries out lines to the first that cannot be.
    fn lines(
        &self,
        inspector: &mut Inspector,
        world: &mut Outside<'_>,
        lines: impl Iterator<Item = io::Result<String>>,
    ) -> Result<Exit, CliError> {
        let mut exit = Exit::Passed;
        let mut out = anstream::stdout().lock();
        for (number, line) in (1..).zip(lines) {
            let line = line.map_err(|error| CliError::Usage(format!("line {number} cannot be read: {error}")))?;
            if self.echo {
                writeln!(out, "{PROMPT}{line}")?;
            }
            let answer = inspector.line(&line, world);
            if answer.status == Status::Failed {
                out.flush()?;
                anstream::eprint!("line {number}: {}", answer.text);
                return Ok(Exit::Failed);
            }
            write!(out, "{}", answer.text)?;
            out.flush()?;
            match answer.status {
                Status::Quit => break,
                Status::Unmet => exit = Exit::Failed,
                Status::Done | Status::Failed => {}
            }
        }
        Ok(exit)
    }
}

/// What stands before a line.
const PROMPT: &str = "> ";

/// Files, and the machines of the command line.
struct Outside<'a> {
    options: &'a Inspect,
}

type OpenedSubject = (Box<dyn Subject>, String);

impl Outside<'_> {
    /// Opens a machine.
    fn machine(&self, via: Via) -> Result<Result<OpenedSubject, OpenError>, CliError> {
        let useful: &[&str] = match via {
            Via::Model => &["--kernel", "--cpu"],
            Via::Tcg => &["--qemu", "--cpu"],
            Via::Kvm => &[],
            Via::Nested => &["--kernel", "--qemu", "--agent", "--cpu", "--append", "--smp", "--mem"],
        };
        let emulation = self.options.emulation.only(useful);
        let machine = Machine {
            via,
            emulation: &emulation,
            firmware: self.options.firmware.as_deref().filter(|_: &&Path| via != Via::Model),
            guests: GuestPolicy { guest_timeout: GUEST_TIMEOUT, ..GuestPolicy::default() },
            deadline: Deadline::NEVER,
            avoid_known: false,
            smp: nested::SMP,
            save_restore: None,
        };
        Ok(open(&machine.check()?))
    }
}

/// Opens a machine in this process or in a nested run.
fn open(machine: &Checked<'_>) -> Result<OpenedSubject, OpenError> {
    Ok(match machine.opening()? {
        Opening::Here(opener) => (Box::new(Local::open(&*opener)?), String::new()),
        Opening::Nested(options) => {
            let (remote, emulator) = RemoteMachine::open(&options)?;
            (Box::new(remote), emulator)
        }
    })
}

impl World for Outside<'_> {
    fn read(&mut self, path: &str) -> Result<String, String> {
        std::fs::read_to_string(path).map_err(|error| format!("{path}: cannot be read: {error}"))
    }

    fn write(&mut self, path: &str, text: &str) -> Result<(), String> {
        let file = std::fs::File::create_new(path);
        let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|error| format!("{path}: cannot be written: {error}"))
    }

    fn explain(&mut self, topic: &str) -> Result<String, String> {
        let document = ::explain::explain(topic).map_err(|error| error.to_string())?;
        let mut text = Vec::new();
        ::explain::write(&document, &mut text).map_err(|error| error.to_string())?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    fn open(&mut self, machine: &str) -> Result<OpenedSubject, String> {
        let via = Via::value_variants().iter().find(|via| via.name() == machine && machine != MODEL);
        let names: Vec<_> = Via::value_variants().iter().map(|via| via.name()).collect();
        let via = via.ok_or_else(|| format!("there is no machine `{machine}`; there are {}", names.join(", ")))?;
        match self.machine(*via) {
            Ok(opened) => opened.map_err(|error| error.sentence()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// Prints why there is no machine, and returns the status that says so.
fn explain(error: &OpenError) -> Exit {
    let bold = anstyle::Style::new().bold();
    let (what, exit) = match error {
        OpenError::Unavailable { .. } => ("nothing could be checked here", Exit::Unavailable),
        OpenError::Broken { .. } => ("could not run", Exit::Broken),
    };
    anstream::eprintln!("{bold}{what}{bold:#}: {}", error.reason());
    if let Some(remedy) = error.remedy() {
        anstream::eprintln!("{bold}what to do{bold:#}: {remedy}");
    }
    exit
}
