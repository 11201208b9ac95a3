//! The machine that the command line names, for commands that run programs instead of cases.

use std::time::{Duration, Instant};

use super::emulation::Emulation;
use super::{Via, modelled, no_kernel};
use crate::cli::CliError;
use crate::event::{CaseInfo, Sink};
use crate::fuzz::campaign::{self, Options};
use crate::fuzz::contender::{Contender, Kind};
use crate::fuzz::{known, replay};
use crate::nested;
use crate::nested::inner::Work;
use crate::suite::{self, GuestPolicy};

/// A machine and its options.
#[derive(Clone, Copy, Debug)]
pub struct Machine<'a> {
    /// Which machine.
    pub via: Via,
    /// The options of an emulated one.
    pub emulation: &'a Emulation,
    /// How long a guest may take for one request.
    pub patience: Duration,
    /// How long all may take.
    pub timeout: Duration,
    /// Whether random programs stay away from known divergences.
    pub avoid_known: bool,
}

impl Machine<'_> {
    /// Refuses options that mean nothing on this machine.
    ///
    /// # Errors
    ///
    /// When one was given, or one is missing.
    pub fn check(&self) -> Result<(), CliError> {
        match self.via {
            Via::Kvm => self.emulation.refuse(),
            Via::Tcg => self.emulation.refuse_all_but(&["--qemu", "--cpu"]),
            Via::Model => modelled::settings(self.emulation).map(drop),
            Via::Nested => self.emulation.kernel.is_some().then_some(()).ok_or_else(no_kernel),
        }
    }

    /// Runs a campaign of random programs.
    ///
    /// # Errors
    ///
    /// As [`Self::check`].
    pub fn fuzz(
        &self,
        options: &Options,
        firmware: Option<Vec<u8>>,
        sink: &mut dyn Sink,
        progress: &mut dyn FnMut(u64, usize),
    ) -> Result<(), CliError> {
        match self.contender(firmware.clone())? {
            Some(contender) => campaign::run(options, &contender, sink, progress),
            None => self.in_qemu(Work::Fuzz(*options, self.avoid_known), Vec::new(), options.seed, firmware, sink)?,
        }
        Ok(())
    }

    /// Runs programs, each as a case.
    ///
    /// # Errors
    ///
    /// As [`Self::check`].
    pub fn replay(
        &self,
        programs: &[replay::Named],
        seed: u64,
        firmware: Option<Vec<u8>>,
        sink: &mut dyn Sink,
    ) -> Result<(), CliError> {
        match self.contender(firmware.clone())? {
            Some(contender) => replay::run(programs, &contender, seed, sink),
            None => {
                let cases = programs.iter().map(replay::Named::info).collect();
                self.in_qemu(Work::Programs(programs.to_vec()), cases, seed, firmware, sink)?;
            }
        }
        Ok(())
    }

    /// Gives the machine; `None` for the one that is inside QEMU.
    fn contender(&self, firmware: Option<Vec<u8>>) -> Result<Option<Contender>, CliError> {
        let kind = match self.via {
            Via::Nested => return Ok(None),
            Via::Kvm => Kind::Kvm,
            Via::Model => {
                let mut settings = modelled::settings(self.emulation)?;
                settings.patience = self.patience;
                Kind::Model(Box::new(settings))
            }
            Via::Tcg => Kind::Tcg {
                qemu: self.emulation.qemu.clone().unwrap_or_else(|| nested::QEMU.into()),
                cpu: self.emulation.cpu.clone().unwrap_or_else(|| suite::TCG_CPU.to_owned()),
            },
        };
        let deadline = Instant::now() + self.timeout;
        // What is known of QEMU is known of its KVM guests too; of hardware nothing is.
        let known = if self.via == Via::Tcg && self.avoid_known { known::QEMU } else { &[] };
        Ok(Some(Contender { kind, firmware, patience: self.patience, deadline, known }))
    }

    fn in_qemu(
        &self,
        work: Work,
        cases: Vec<CaseInfo>,
        seed: u64,
        firmware: Option<Vec<u8>>,
        sink: &mut dyn Sink,
    ) -> Result<(), CliError> {
        let emulation = self.emulation;
        let options = nested::Options {
            qemu: emulation.qemu.clone().unwrap_or_else(|| nested::QEMU.into()),
            kernel: emulation.kernel.clone().ok_or_else(no_kernel)?,
            agent: emulation.agent.clone(),
            cpu: emulation.cpu.clone().unwrap_or_else(|| nested::CPU.to_owned()),
            append: emulation.append.clone().unwrap_or_default(),
            smp: emulation.smp.unwrap_or(nested::SMP),
            memory_mib: emulation.mem.unwrap_or(nested::MEMORY_MIB),
            timeout: self.timeout,
            cases,
            work,
            seed,
            firmware,
            guests: GuestPolicy { patience: self.patience, ..GuestPolicy::default() },
        };
        nested::run(&options, sink);
        Ok(())
    }
}
