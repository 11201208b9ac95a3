//! A nested run from outside: prepare, start, listen, give the verdict.

use std::borrow::Cow;
use std::io;
use std::time::{Duration, Instant};

use super::Options;
use super::agent::{self, AgentError};
use super::command;
use super::initramfs;
use super::inner::InnerOptions;
use super::kernel_image::{self, KernelError};
use super::modules;
use super::watch::{EmulatorInfo, EndReason, RunWatcher};
use super::wire::Decoder;
use machine::deadline::OutOfTime;
use machine::error::REPORT_IF_REPEATED;
use machine::{Deadline, Explain};
use qemu::child::{Output, Subprocess};
use qemu::end::{EndKind, Monitored, QemuEnd};
use qemu::memfd::MemFile;
use qemu::program::{Qemu, QemuError, refusal};
use report::event::Sink;

/// How long QEMU may take to end once it has closed its output.
const GRACE: Duration = Duration::from_secs(5);

/// Why a nested run cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum NestedError {
    /// The kernel.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// The agent.
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// QEMU.
    #[error(transparent)]
    Qemu(#[from] QemuError),
    /// The initramfs.
    #[error("the initramfs cannot be built in memory: {0}")]
    Initramfs(io::Error),
    /// Listening.
    #[error("QEMU's output cannot be read: {0}")]
    Listening(io::Error),
}

impl Explain for NestedError {
    fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Kernel(error) => error.remedy(),
            Self::Agent(error) => error.remedy(),
            Self::Qemu(error) => error.remedy(),
            Self::Initramfs(_) => Some("free some memory".into()),
            Self::Listening(_) => Some(REPORT_IF_REPEATED.into()),
        }
    }
}

/// Runs the selected cases in a nested Linux. Everything is told through the sink, errors too.
///
/// Call it on a thread that outlives the run: QEMU dies with the thread that started it.
pub fn run(options: &Options, sink: &mut dyn Sink) {
    let mut watch = RunWatcher::new(sink, &options.cases);
    if let Err(error) = prepare_and_listen(options, &mut watch) {
        let (reason, remedy) = (error.reason(), error.remedy().unwrap_or_default());
        match error {
            NestedError::Qemu(QemuError::NoMte) => watch.unavailable(&reason, &remedy),
            _ => watch.broken(&reason, &remedy),
        }
    }
}

/// QEMU with an inner Linux that has just begun to boot.
pub(crate) struct Booting {
    /// The process; its output is the console.
    pub child: Subprocess,
    /// What it is.
    pub emulator: EmulatorInfo,
}

/// Checks and packs everything, and starts QEMU.
pub(crate) fn boot(options: &Options, input: bool) -> Result<Booting, NestedError> {
    kernel_image::check(&options.kernel)?;
    let agent = agent::load(&agent::find(options.agent.as_deref())?)?;
    let qemu = Qemu::probe(&options.qemu, options.deadline.instant())?;
    let inner = InnerOptions {
        work: options.work.clone(),
        names: options.cases.iter().map(|case| case.name.clone()).collect(),
        seed: options.seed,
        guests: options.guests,
        save_restore: options.save_restore,
        emulator: format!("QEMU {}", qemu.version),
        board: options.board.clone(),
        firmware: None,
        file: None,
        kexec: false,
    };
    let modules = modules::beside(&options.kernel);
    let mut archive = initramfs::build(&agent, &inner, options, &modules).map_err(NestedError::Initramfs)?;
    if options.behind_kexec {
        let kernel = kernel_image::read(&options.kernel)?;
        let first = InnerOptions { kexec: true, ..inner };
        archive = initramfs::build_for_kexec(&agent, &first, &kernel, &archive).map_err(NestedError::Initramfs)?;
    }
    let memory = MemFile::new(&archive).map_err(NestedError::Initramfs)?;
    drop((agent, archive));

    let began = Instant::now();
    let command = command::command(&qemu, options, &memory.path());
    let parcel = options.parcel.as_ref().map(|parcel| parcel.descriptor());
    let inherited = [memory.descriptor()].into_iter().chain(parcel);
    let started =
        if input { Subprocess::start_with_input(command, inherited) } else { Subprocess::start(command, inherited) };
    let child = started.map_err(|source| QemuError::NotStarted { program: qemu.program.clone(), source })?;
    let emulator = EmulatorInfo { name: format!("QEMU {}", qemu.version), cpu: options.cpu.clone(), began };
    Ok(Booting { child, emulator })
}

fn prepare_and_listen(options: &Options, watch: &mut RunWatcher<'_>) -> Result<(), NestedError> {
    let Booting { child, emulator } = boot(options, false)?;
    watch.emulator(emulator);
    listen(child, options.deadline, watch)
}

/// Listens until the last event, the end of QEMU, or the deadline. The child is gone when this returns.
fn listen(mut child: Subprocess, deadline: Deadline, watch: &mut RunWatcher<'_>) -> Result<(), NestedError> {
    let end = deadline.instant();
    let mut decoder = Decoder::default();
    let mut buffer = vec![0; 64 << 10];
    let stop = loop {
        match child.read(&mut buffer, end).map_err(NestedError::Listening)? {
            Output::Bytes(count) => decoder.push(&buffer[..count]),
            Output::Closed => break None,
            Output::TimedOut => break Some(EndReason::Deadline(OutOfTime(deadline))),
        }
        while let Some(item) = decoder.next_item() {
            watch.item(item);
        }
        if watch.is_done() {
            return Ok(());
        }
        if deadline.is_over() {
            break Some(EndReason::Deadline(OutOfTime(deadline)));
        }
    };
    decoder.finish().into_iter().for_each(|line| watch.line(line));
    let stop = match stop {
        Some(stop) => stop,
        None => {
            let (status, errors) = child.end(Instant::now() + GRACE);
            let end = QemuEnd::of(status, errors, &Monitored::No);
            if !watch.has_output() && !end.errors.is_empty() && end.kind != EndKind::Killed {
                return Err(refusal(end.errors).into());
            }
            EndReason::Ended(end)
        }
    };
    watch.stop(&stop);
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use report::event::{CaseInfo, Event};
    use suite::GuestPolicy;

    pub(crate) fn options(directory: &std::path::Path) -> Options {
        Options {
            work: crate::inner::Work::Suite,
            qemu: "/nonexistent/qemu".into(),
            kernel: directory.join("kernel"),
            agent: Some(directory.join("agent")),
            cpu: "max".into(),
            append: String::new(),
            smp: 1,
            memory_mib: 512,
            deadline: Deadline::after(Duration::from_secs(20)),
            cases: vec![CaseInfo { name: "a.b.c".into(), claim: "c".into(), cite: "d".into() }],
            seed: 1,
            board: None,
            firmware: None,
            guests: GuestPolicy::default(),
            file: None,
            parcel: None,
            behind_kexec: false,
            save_restore: None,
        }
    }

    fn reason(options: &Options) -> String {
        let mut events = Vec::new();
        run(options, &mut events);
        match &events[..] {
            [Event::Hello(_), Event::Broken { reason, remedy }] if !remedy.is_empty() => reason.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_missing_part_is_reported() {
        let directory = tempfile::tempdir().unwrap();
        let options = options(directory.path());
        assert!(reason(&options).starts_with("kernel "));
        let mut image = vec![0; 64];
        image[56..60].copy_from_slice(b"ARM\x64");
        std::fs::write(&options.kernel, image).unwrap();
        assert!(reason(&options).starts_with("agent "));
        std::fs::write(options.agent.as_ref().unwrap(), agent::tests::program(183, 0)).unwrap();
        assert!(reason(&options).contains("/nonexistent/qemu"));
    }
}
