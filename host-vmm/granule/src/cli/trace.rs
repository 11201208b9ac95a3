//! `granule trace`.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::debugger::{NoCalls, listen};
use super::error::CliError;
use super::run::{Emulation, Machine, Via};
use super::source::Source;
use ::trace::debuggee::{Finished, ModelDebuggee};
use machine::debuggee::{DebuggeeError, DebuggerEnd};
use machine::{Deadline, Explain};
use model_base::Features;
use modelled::Settings;
use program::Program;
use report::exit::Exit;
use suite::GuestPolicy;

use super::collect::Collected;

/// How long a program may take on the specification.
const LIMIT: Duration = Duration::from_secs(10);
/// General registers that point to memory where only code is given, and how far apart.
const POINTERS: usize = 8;
const APART: usize = 0x100;

/// What to trace.
#[derive(Debug, Args)]
pub struct Trace {
    /// A program (docs/programs.md), or `-` for standard input
    #[arg(value_name = "FILE", required_unless_present = "code", conflicts_with = "code")]
    file: Option<PathBuf>,

    /// A64 code, with `;` between instructions: at EL1, x0 to x7 point to tagged+0x0, tagged+0x100, … with tag 0
    #[arg(short = 'e', long = "code", value_name = "CODE")]
    code: Option<String>,

    /// The machine whose state is shown beside the specification's
    #[arg(long, value_enum, default_value_t = Via::Model)]
    via: Via,

    /// Guest firmware, an ELF file, instead of the one built in
    #[arg(long, value_name = "PATH")]
    firmware: Option<PathBuf>,

    /// Let gdb or lldb step through the program on the specification: wait for it on this port of 127.0.0.1; 0 takes a free one and prints it
    #[arg(long, value_name = "PORT")]
    gdb: Option<u16>,

    /// How the trace is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    #[command(flatten)]
    emulation: Emulation,
}

/// How a trace is printed.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// As one JSON object
    Json,
}

impl Trace {
    /// Writes what the program does on the specification, and on the machine if one is named.
    ///
    /// # Errors
    ///
    /// When there is no such file or CPU, it is no program, or the trace cannot be written.
    pub fn execute(&self) -> Result<Exit, CliError> {
        let program = self.program()?;
        if self.via != Via::Model {
            if self.gdb.is_some() {
                let exec = "`granule exec IMAGE --gdb PORT` has debuggers for an image on the machines";
                return Err(CliError::Usage(format!(
                    "--gdb debugs a program on the specification, without --via; {exec}"
                )));
            }
            return self.beside(&program);
        }
        self.emulation.refuse_all_but(&["--cpu"])?;
        let cpu = self.emulation.cpu.as_deref().unwrap_or(qemu::tcg::CPU);
        let settings = ::trace::model_of(cpu).ok_or_else(|| {
            let names: Vec<_> = Features::ALL.iter().map(|features| features.name).collect();
            CliError::Usage(format!("the model has no CPU `{cpu}`; it has {}", names.join(", ")))
        })?;
        let traced = match self.gdb {
            Some(port) => match self.debug(port, program, settings)? {
                Some(traced) => traced,
                None => return Ok(Exit::Passed),
            },
            None => ::trace::trace(&program, settings, Deadline::after(LIMIT)),
        };
        let traced = traced.map_err(|error| CliError::Usage(error.sentence()))?;
        self.write(&traced)?;
        Ok(if traced.stopped.is_some() { Exit::Failed } else { Exit::Passed })
    }

    /// Lets a debugger run the program. Returns what it did, unless the debugger has killed it.
    fn debug(&self, port: u16, program: Program, settings: Settings) -> Result<Option<Finished>, CliError> {
        let (listener, port) = listen(port)?;
        let broken = |error: DebuggeeError| CliError::Broken(error.to_string());
        let mut debuggee = ModelDebuggee::start(program, settings)?;
        match self.format {
            Format::Text => anstream::eprintln!(
                "waiting for a debugger: gdb-multiarch -ex 'target remote :{port}', or lldb -o 'gdb-remote {port}'"
            ),
            Format::Json => {
                anstream::println!("{}", serde_json::json!({ "event": "waiting", "port": port }));
                std::io::stdout().flush()?;
            }
        }
        let end = gdb::serve(&mut debuggee, Box::new(NoCalls::default()), &listener, Deadline::NEVER.instant());
        Ok((end.map_err(broken)? != DebuggerEnd::Killed).then(|| debuggee.finish()))
    }

    /// Runs the program on the machine, too.
    fn beside(&self, program: &Program) -> Result<Exit, CliError> {
        let deadline = Deadline::after(nested::TIMEOUT);
        let guests = GuestPolicy { guest_timeout: machine::GUEST_TIMEOUT, fresh_vms: false, hazards: false };
        let machine = Machine {
            via: self.via,
            emulation: &self.emulation,
            firmware: self.firmware.as_deref(),
            guests,
            deadline,
            avoid_known: false,
            smp: nested::SMP,
            save_restore: None,
        };
        let mut collected = Collected::default();
        machine.check()?.trace(program, &mut collected);
        let name = collected.machine(self.via);
        let Some(mut traced) =
            collected.answer.take().and_then(|answer| serde_json::from_value::<::trace::Trace>(answer).ok())
        else {
            return Ok(collected.unanswered());
        };
        let Some(machine) = &mut traced.machine else { return Ok(Exit::Broken) };
        machine.name = name;
        let fails = traced.fails();
        self.write(&traced)?;
        Ok(if fails { Exit::Failed } else { Exit::Passed })
    }

    fn write(&self, traced: &::trace::Trace) -> Result<(), CliError> {
        let mut out = anstream::stdout().lock();
        match self.format {
            Format::Text => ::trace::write(traced, &mut out)?,
            Format::Json => {
                serde_json::to_writer(&mut out, traced).map_err(std::io::Error::from)?;
                writeln!(out)?;
            }
        }
        out.flush()?;
        Ok(())
    }

    fn program(&self) -> Result<Program, CliError> {
        if let Some(path) = &self.file {
            return Source::read(path)?.parse();
        }
        let settings: String = (0..POINTERS).map(|n| format!("  x{n} = tagged+{:#x} tag 0\n", APART * n)).collect();
        let code = Source { name: "-e".into(), text: self.code.clone().unwrap_or_default() };
        code.parse_within(&format!("granule program 1\nblock el=1\n{settings}code\n"), "\nend\n")
    }
}
