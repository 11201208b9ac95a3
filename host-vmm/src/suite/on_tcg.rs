//! The suite on the `tcg` machine: finds QEMU and the firmware, and says what is missing.

use std::path::PathBuf;
use std::time::Instant;

use super::facts::Subject;
use super::{Options, not_started, run_booted};
use crate::event::{Event, STREAM_VERSION, Sink};
use crate::firmware;
use crate::machine::tcg::{Choice, TcgFactory};
use crate::machine::{Config, Factory, MachineError};
use crate::nested::qemu::Qemu;

/// What QEMU emulates unless the user says otherwise: all that it can.
pub const CPU: &str = "max";

/// Which QEMU, and what it emulates.
#[derive(Clone, Debug)]
pub struct TcgOptions {
    /// The QEMU program.
    pub qemu: PathBuf,
    /// QEMU's `-cpu`.
    pub cpu: String,
    /// When the run is to be over.
    pub deadline: Instant,
}

/// Runs the selected cases on QEMU without a kernel. Everything is told through the sink, errors too.
///
/// Call it on a thread that outlives the run: QEMU dies with the thread that started it.
pub fn run_on_tcg(options: &Options, emulation: &TcgOptions, sink: &mut dyn Sink) {
    sink.event(Event::Hello(STREAM_VERSION));
    let broken = |error: &dyn std::error::Error| {
        let message = error.to_string();
        let (reason, remedy) = message.rsplit_once("; ").unwrap_or((&message, ""));
        Event::Broken { reason: reason.to_owned(), remedy: remedy.to_owned() }
    };
    let image = match options.firmware.clone().map_or_else(|| firmware::embedded().map(<[u8]>::to_vec), Ok) {
        Ok(image) => image,
        Err(error) => return sink.event(broken(&error)),
    };
    let qemu = match Qemu::probe(&emulation.qemu, emulation.deadline) {
        Ok(qemu) => qemu,
        Err(error) => return sink.event(broken(&error)),
    };
    let emulator = format!("QEMU {}", qemu.version);
    let cpu = emulation.cpu.clone();
    let factory = TcgFactory::new(Choice { qemu, cpu: cpu.clone() }, image, options.guests.patience);
    let began = Instant::now();
    let machine = match factory.boot(Config::default()) {
        Ok(machine) => machine,
        Err(error) => return sink.event(not_started(error)),
    };
    let level = machine.boot_report(0).pfr1 >> 8 & 0xf;
    if level < 2 {
        let reason = format!("the CPU named with --cpu has no allocation tags (ID_AA64PFR1_EL1.MTE is {level})");
        return sink.event(not_started(MachineError::NoMte(reason)));
    }
    let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    sink.event(Event::Booted { emulator, cpu: cpu.clone(), micros });
    run_booted(options, &factory, machine, &Subject { cpu, ..Subject::default() }, sink);
}
