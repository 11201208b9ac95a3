//! The command line of `granule`: what can be asked for, and the way from there to a run and its exit status.

mod collect;
mod debugger;
mod error;
mod exec;
mod explain;
mod fuzz;
mod inspect;
mod kill_matrix;
mod list;
mod matrix;
mod program;
mod rerun;
mod run;
mod snapshot;
mod source;
mod trace;

use std::process::ExitCode;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

use self::error::CliError;
use self::rerun::GivenOptions;
use crate::firmware;
use ::fuzz::contender::KnownErrata;
use ::fuzz::{campaign, replay};
use ::program::Program;
use kvm::open::ThisHost;
use machine::target::Opener;
use machine::{Deadline, Explain};
use nested::inner::{InnerOptions, Work};
use nested::machine_line;
use report::event::{Event, STREAM_VERSION, Sink};
use report::exit::Exit;
use saved::attempt::{Candidate, attempt};
use saved::convert::Origin;
use saved::restore::Then;
use saved::restoring::RestoringOpener;
use saved::save::Wanted;
use suite::GuestPolicy;

/// Proves that Arm's Memory Tagging Extension works through KVM.
#[derive(Debug, Parser)]
#[command(name = "granule", version, after_help = EXIT_STATUSES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_STATUSES: &str =
    "Exit status: 0 all passed, 1 something failed, 2 usage, 4 nothing could be checked here, 69 could not run";

/// What granule can do.
#[derive(Debug, Subcommand)]
enum Command {
    /// Run the suite, or some of its cases, and print a verdict for each promise
    Run(Box<run::Run>),
    /// Run random programs on a machine and on the model, and print what diverges
    Fuzz(Box<fuzz::Fuzz>),
    /// Show what a program does, instruction by instruction: registers, tags, checks and faults
    Trace(trace::Trace),
    /// Execute A64 code line by line at a prompt, and show what each line changed
    Inspect(Box<inspect::Inspect>),
    /// Run your own bare-metal image, and show the tag check faults that it takes, with the tags around
    Exec(exec::Exec),
    /// Run a program to a checkpoint, and save its guest, tags and all, into a file that debuggers open, too
    Save(snapshot::Save),
    /// Restore a saved guest into a new VM, let its program go on, and compare what it shows with the specification
    Restore(snapshot::Restore),
    /// Show what is in a saved guest's file
    Show(snapshot::Show),
    /// Compare two saved guests: registers, memory, tags
    Diff(snapshot::Diff),
    /// Check that a saved guest's file is whole
    Verify(snapshot::Verify),
    /// Explain a case, an instruction, a rule, an erratum or a defect, with its source and a trace
    Explain(explain::Explain),
    /// List cases: name, promise, and where the promise is written
    List(list::List),
    /// Break every rule of the specification in turn, and show which case notices
    KillMatrix(kill_matrix::KillMatrix),
    /// Put the results of several runs side by side
    Matrix(matrix::Matrix),
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    default_sigpipe();
    let matches = Cli::command().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let given = given_options(&matches);
    let result = match cli.command {
        Command::Run(run) => run.execute(&given).map(ExitCode::from),
        Command::Fuzz(fuzz) => fuzz.execute(given).map(ExitCode::from),
        Command::Trace(trace) => trace.execute().map(ExitCode::from),
        Command::Inspect(inspect) => inspect.execute().map(ExitCode::from),
        Command::Explain(explain) => explain.execute().map(ExitCode::from),
        Command::Exec(exec) => exec.execute(),
        Command::Save(save) => save.execute().map(ExitCode::from),
        Command::Restore(restore) => restore.execute(&given).map(ExitCode::from),
        Command::Show(show) => show.execute().map(ExitCode::from),
        Command::Diff(diff) => diff.execute().map(ExitCode::from),
        Command::Verify(verify) => verify.execute().map(ExitCode::from),
        Command::List(list) => list.execute().map(ExitCode::from),
        Command::KillMatrix(matrix) => matrix.execute().map(ExitCode::from),
        Command::Matrix(matrix) => matrix.execute().map(ExitCode::from),
    };
    match result {
        Ok(exit) => exit,
        Err(error @ CliError::Usage(_)) => {
            anstream::eprintln!("error: {error}");
            Exit::Usage.into()
        }
        Err(CliError::Source(mistake)) => {
            anstream::eprintln!("{mistake}");
            Exit::Usage.into()
        }
        Err(error @ (CliError::Output(_) | CliError::Broken(_))) => {
            anstream::eprintln!("error: {error}");
            Exit::Broken.into()
        }
    }
}

/// Returns the options that were given to the subcommand.
fn given_options(matches: &ArgMatches) -> GivenOptions {
    let command = Cli::command();
    let subcommand = matches.subcommand().and_then(|(name, matches)| Some((command.find_subcommand(name)?, matches)));
    subcommand.map(|(command, matches)| GivenOptions::of(command, matches)).unwrap_or_default()
}

/// Lets `work` run on what opens machines, or on one whose machines are restored at every checkpoint.
fn with_restores(options: &InnerOptions, opener: &dyn Opener, work: &mut dyn FnMut(&dyn Opener)) {
    match options.save_restore {
        Some(way) => work(&RestoringOpener { opener, way }),
        None => work(opener),
    }
}

/// Sends a file to the granule outside.
#[cfg(target_arch = "aarch64")]
fn send_parcel(bytes: &[u8]) -> Result<(), String> {
    nested::parcel::inside::send(bytes)
        .map_err(|error| format!("the file cannot be sent out of the inner Linux: {error}"))
}

/// No inner granule runs here.
#[cfg(not(target_arch = "aarch64"))]
fn send_parcel(_bytes: &[u8]) -> Result<(), String> {
    Err("there is no outside".to_owned())
}

/// Runs the suite for the granule outside; see [`nested::inner`]. That one knows the time, and closes the stream when
/// it is over.
pub fn inner_suite(options: &InnerOptions, sink: &mut dyn Sink) {
    sink.event(Event::Hello(STREAM_VERSION));
    let image = match firmware::image(options.firmware.clone()) {
        Ok(image) => image,
        Err(error) => return sink.event(error.into()),
    };
    let GuestPolicy { guest_timeout, fresh_vms, hazards } = options.guests;
    let host = ThisHost { image, guest_timeout, hazards };
    match &options.work {
        Work::Suite => {
            let suite = suite::Options {
                names: options.names.clone(),
                seed: options.seed,
                fresh_vms,
                deadline: Deadline::NEVER,
            };
            run::run_suite(&suite, &host, sink);
        }
        Work::Programs(programs) => with_restores(options, &host, &mut |opener| {
            replay::run(programs, opener, &options.emulator, options.seed, Deadline::NEVER, sink);
        }),
        Work::Save { program, checkpoint } => match program.parse::<Program>() {
            Ok(program) => {
                let wanted = Wanted { program: &program, checkpoint: *checkpoint };
                let origin = Origin::new(&options.emulator, &host.image);
                saved::save::save(wanted, &host, &origin, &mut send_parcel, sink);
            }
            Err(error) => sink.event(Event::Broken { reason: error.sentence(), remedy: String::new() }),
        },
        Work::Attempt => match serde_json::from_slice::<Vec<Candidate>>(options.file.as_deref().unwrap_or_default()) {
            Ok(candidates) => attempt(&candidates, &host, sink),
            Err(error) => sink.event(Event::Broken { reason: error.to_string(), remedy: String::new() }),
        },
        Work::Restore | Work::SaveAgain => {
            let origin = Origin::new(&options.emulator, &host.image);
            let mut send = send_parcel;
            let then = if options.work == Work::Restore { Then::GoOn } else { Then::SaveAgain(&mut send) };
            let file = options.file.as_deref().unwrap_or_default();
            saved::restore::restore(file, then, &host, &origin, Deadline::NEVER, sink);
        }
        Work::Machine => {
            if let Err(error) = machine_line::serve(&host) {
                let remedy = error.remedy().unwrap_or_default().into_owned();
                sink.event(Event::Broken { reason: error.reason(), remedy });
            }
        }
        Work::Fuzz(fuzz, avoid_known) => {
            let known = KnownErrata {
                avoided: *avoid_known,
                restores: options.save_restore.is_some(),
                around: options.emulator.clone(),
            };
            with_restores(options, &host, &mut |opener| campaign::run(fuzz, opener, &known, sink, &mut |_, _| ()));
        }
        Work::Trace(text) => match text.parse::<Program>() {
            Ok(program) => ::trace::beside::beside(&program, &host, &options.emulator, Deadline::NEVER, sink),
            Err(error) => sink.event(Event::Broken { reason: error.sentence(), remedy: String::new() }),
        },
    }
}

/// Ends silently, like other tools, when the reader of the output has gone (`granule list | head`).
#[expect(unsafe_code, reason = "std ignores SIGPIPE and has no way to say otherwise")]
fn default_sigpipe() {
    // SAFETY: no other thread is running yet, and the default action needs no handler.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(words: &[&str]) -> GivenOptions {
        given_options(&Cli::command().get_matches_from([&["granule"], words].concat()))
    }

    #[test]
    fn a_repetition_has_every_option_that_was_given() {
        let words = ["fuzz", "--known", "--via=tcg", "--seed", "7", "--seconds", "1", "--mem", "256", "--smp", "2"];
        let fuzz = given(&words);
        assert_eq!(fuzz.without(&fuzz::NOT_REPEATED), " --known --via tcg --mem 256 --smp 2");
        // `granule run` has no --known: a saved program needs none.
        let saved = given(&words).also_of(&fuzz::run_command());
        assert_eq!(saved.without(&fuzz::NOT_REPEATED), " --via tcg --mem 256 --smp 2");
        let run = given(&["run", "arch.*", "--kernel", "6.1", "--quiet", "--hazards", "--timeout", "5"]);
        assert_eq!(run.without(&run::NOT_REPEATED), " --kernel 6.1 --hazards --timeout 5");
    }

    #[test]
    fn options_that_are_not_repeated_exist() {
        let command = Cli::command();
        for (name, options) in [("run", &run::NOT_REPEATED[..]), ("fuzz", &fuzz::NOT_REPEATED)] {
            let command = command.find_subcommand(name).unwrap();
            for option in options {
                assert!(
                    command.get_arguments().any(|argument| argument.get_long() == Some(option)),
                    "{name} --{option}"
                );
            }
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    /// Commands that are xtask's own.
    const OF_XTASK: [&str; 4] = ["setup", "build", "test", "lint"];

    /// Lists the commands that a document names: in code within a sentence, or behind a prompt.
    fn named_commands(document: &str) -> Vec<&str> {
        let in_sentences = document.split('`').skip(1).step_by(2);
        let behind_prompts = document.lines().filter_map(|line| Some(line.split_once("$ ")?.1));
        let verb = |text| {
            let text: &str = text;
            let rest = text.trim_start_matches("./");
            let rest = rest.strip_prefix("cargo xtask ").or_else(|| rest.strip_prefix("granule "))?;
            rest.split(|letter: char| !letter.is_ascii_lowercase() && letter != '-').next()
        };
        in_sentences.chain(behind_prompts).filter_map(verb).filter(|verb| !verb.is_empty()).collect()
    }

    #[test]
    fn the_readme_names_only_commands_that_exist_here_and_in_xtask() {
        let command = Cli::command();
        let xtask = include_str!("../../../xtask/src/main.rs");
        let is_in_xtask = |verb: &str| xtask.contains(&format!("\n  {verb} "));
        let readme = include_str!("../../../README.md");
        let named = named_commands(readme);
        assert!(named.len() > 10, "{named:?}");
        for verb in named {
            let is_here = command.find_subcommand(verb).is_some();
            assert!(is_in_xtask(verb), "cargo xtask {verb}");
            assert!(is_here || OF_XTASK.contains(&verb), "granule {verb}");
        }
        for subcommand in command.get_subcommands() {
            assert!(is_in_xtask(subcommand.get_name()), "cargo xtask {}", subcommand.get_name());
        }
    }

    #[test]
    fn usage_errors_have_their_own_status() {
        for line in [
            &["granule"][..],
            &["granule", "run", "--seed", "x"],
            &["granule", "run", "--smp", "0"],
            &["granule", "go"],
        ] {
            assert_eq!(Cli::try_parse_from(line).unwrap_err().exit_code(), i32::from(Exit::Usage as u8), "{line:?}");
        }
    }
}
