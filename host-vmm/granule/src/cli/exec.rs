//! `granule exec`: a developer's own bare-metal image, its console, and what it does to tags.

mod events;
mod kvm;
mod via;

use std::cell::RefCell;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use clap::{Args, ValueEnum};

use self::events::Output;
use self::via::{Board, OpenBoard, Via};
use super::debugger::listen;
use super::error::CliError;
use ::exec::console::{Console as _, SharedConsole};
use ::exec::image::Image;
use ::exec::place;
use ::exec::report::{EndKind, Ended, Event, STREAM_VERSION, Started};
use ::exec::semihosting::Semihosting;
use ::exec::session::{self, Options, Sink, Watched};
use machine::debuggee::{DebuggeeError, DebuggerEnd, Stop};
use machine::{Deadline, Explain, MachineError};
use report::exit::Exit;

/// The status when the time is over, as timeout(1) has it.
const TIMED_OUT: u8 = 124;

const STATUSES: &str = "Exit status: that which the image names by semihosting or with kvm-unit-tests' `EXIT: STATUS=`; \
if it names none, 1 after a tag check fault or where it hangs, else 0; 124 the time is over, 2 usage, 4 no MTE here, 69 could not run";

/// What to run, and on what.
#[derive(Debug, Args)]
#[command(after_help = STATUSES)]
pub struct Exec {
    /// An aarch64 bare-metal ELF file, a Linux `Image`, or a flat binary
    #[arg(value_name = "IMAGE")]
    image: PathBuf,

    /// The machine
    #[arg(long, value_enum, default_value_t = Via::Tcg)]
    via: Via,

    #[command(flatten)]
    board: Board,

    /// An ELF file with the image's symbols, if the image has none
    #[arg(long, value_name = "ELF")]
    symbols: Option<PathBuf>,

    /// Print the allocation tags of a range at the end, at breakpoints and at faults: FROM..TO, FROM+BYTES or a symbol; repeatable
    #[arg(long, value_name = "RANGE")]
    tags: Vec<String>,

    /// Print registers and tags whenever this symbol or address is reached, and go on; repeatable
    #[arg(long = "break", value_name = "SYMBOL|ADDR")]
    breaks: Vec<String>,

    /// Wait for gdb or lldb on this port of 127.0.0.1 before the first instruction; 0 takes a free one and prints it
    #[arg(long, value_name = "PORT", conflicts_with = "breaks")]
    gdb: Option<u16>,

    /// Stop it after so many seconds [default: never]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: Option<u64>,

    /// How events are printed: for people on standard error, beside the console; or all as JSON, one a line, on standard output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// How events are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people, on standard error; the console is standard input and output
    Text,
    /// One JSON object a line, the console, too
    Json,
}

impl Exec {
    /// Runs the image, and returns its exit status.
    ///
    /// # Errors
    ///
    /// When it cannot be run as the command line says.
    pub fn execute(&self) -> Result<ExitCode, CliError> {
        let file = read(&self.image)?;
        let mut image = Image::parse(&file, self.board.ram_bytes()).map_err(|error| usage(&self.image, &error))?;
        if let Some(path) = &self.symbols {
            image.take_symbols(&read(path)?).map_err(|error| usage(path, &error))?;
        }
        let options = self.options(&image)?;
        let output = Rc::new(RefCell::new(Output::new(self.format)));
        let console = SharedConsole::new(Box::new(events::Printer(Rc::clone(&output))));
        let printed = Rc::clone(&console);
        let print = Box::new(move |bytes: &[u8]| printed.borrow_mut().print(bytes));
        let listener = self.gdb.map(listen).transpose()?;
        let (mut board, machine) = match self.board.open(self.via, &image, &file, print) {
            Ok(opened) => opened,
            Err(error) => return not_run(&error),
        };
        let mut sink = |event| output.borrow_mut().event(event);
        sink(Event::Started(Started {
            version: STREAM_VERSION,
            image: self.image.display().to_string(),
            format: image.format.name(),
            entry: image.entry,
            machine,
        }));
        let watched = Watched { image: &image, options: &options, console: &console };
        match run(&mut board, listener.as_ref(), &watched, &mut sink) {
            Ok(ended) => Ok(status(&ended).into()),
            Err(DebuggeeError::Lost(error)) => not_run(&error),
            Err(error) => Err(CliError::Broken(error.to_string())),
        }
    }

    fn options(&self, image: &Image) -> Result<Options, CliError> {
        let wrong = |option: &str, error: place::PlaceError| CliError::Usage(format!("{option}: {error}"));
        let tags = self.tags.iter().map(|text| place::range(text, &image.symbols));
        let breaks = self.breaks.iter().map(|text| place::address(text, &image.symbols));
        Ok(Options {
            tags: tags.collect::<Result<_, _>>().map_err(|error| wrong("--tags", error))?,
            breaks: breaks.collect::<Result<_, _>>().map_err(|error| wrong("--break", error))?,
            arguments: self.board.arguments(&self.image),
            deadline: self.timeout.map_or(Deadline::NEVER, |seconds| Deadline::after(Duration::from_secs(seconds))),
        })
    }
}

/// Runs an image: in a debugger's hands while there is one, watched by granule before its end.
fn run(
    board: &mut OpenBoard,
    listener: Option<&(TcpListener, u16)>,
    watched: &Watched<'_>,
    sink: &mut dyn Sink,
) -> Result<Ended, DebuggeeError> {
    if let Some((listener, port)) = listener {
        let Watched { image, options, console } = watched;
        let calls = Box::new(Semihosting::of(image, &options.arguments, Rc::clone(console)));
        sink.event(Event::Waiting { port: *port });
        let end = match board.serve_gdb(listener, calls, watched.options.deadline.instant())? {
            DebuggerEnd::Detached => None,
            DebuggerEnd::Killed => Some((EndKind::Killed, None)),
            DebuggerEnd::Ended(Stop::Exited { status }) => Some((EndKind::Exited, Some(status))),
            DebuggerEnd::Ended(stop) => Some((EndKind::of(stop).unwrap_or(EndKind::TimedOut), None)),
        };
        if let Some(end) = end {
            return session::finish(board.debuggee(), watched, end, sink);
        }
    }
    session::run(board.debuggee(), watched, sink)
}

/// Returns the exit status of granule for the end of an image.
fn status(ended: &Ended) -> u8 {
    match (ended.how, ended.status) {
        (EndKind::TimedOut, _) => TIMED_OUT,
        // As exit(3) has it, and QEMU's own semihosting.
        (_, Some(status)) => status as u8,
        (EndKind::Parked | EndKind::Endless, None) => Exit::Failed as u8,
        (_, None) if ended.faults > 0 || ended.pending => Exit::Failed as u8,
        (_, None) => Exit::Passed as u8,
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    fs::read(path).map_err(|error| CliError::Usage(format!("{}: cannot be read: {error}", path.display())))
}

fn usage(path: &Path, error: &dyn std::error::Error) -> CliError {
    CliError::Usage(format!("{}: {error}", path.display()))
}

/// Says why nothing could be run, or why the run broke off.
fn not_run(error: &MachineError) -> Result<ExitCode, CliError> {
    if let MachineError::NoMte(_) = error {
        anstream::eprintln!("error: {}", error.sentence());
        return Ok(Exit::Unavailable.into());
    }
    Err(CliError::Broken(error.sentence()))
}
