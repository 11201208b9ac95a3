//! Machines for one program after the other: each program finds one as after boot.

use abi::map;

use machine::{Config, Factory, Machine, MachineError};
use program::{self, Observation, Program};

/// What a machine for programs looks like: with no more RAM than the firmware needs, since all of it is looked through when
/// the machine is saved.
#[must_use]
pub fn config(cpus: usize) -> Config {
    Config { cpus, ram: map::RAM_MIN, ..Config::default() }
}

/// Machines of one factory, one for each count of vCPUs that programs needed so far.
pub struct Session<'f> {
    factory: &'f dyn Factory,
    /// By count of vCPUs; not recycled yet.
    machines: Vec<(usize, Box<dyn Machine>)>,
}

impl<'f> Session<'f> {
    /// Takes the factory.
    #[must_use]
    pub fn new(factory: &'f dyn Factory) -> Self {
        Self { factory, machines: Vec::new() }
    }

    /// Takes a machine of the factory for a later program: one that has just booted, or on which all programs did what is
    /// specified.
    pub fn take(&mut self, cpus: usize, machine: Box<dyn Machine>) {
        self.machines.push((cpus, machine));
    }

    /// Runs a program on a machine that is as after boot; returns the machine, too, which may be handed on with
    /// [`Self::take`] if the program has left nothing behind.
    ///
    /// # Errors
    ///
    /// When the machine cannot be had, or cannot do what the program asks.
    pub fn run(&mut self, program: &Program) -> Result<(Observation, Box<dyn Machine>), MachineError> {
        let mut machine = self.machine(program.cpus())?;
        Ok((program::run::run(program, &mut *machine)?, machine))
    }

    /// Returns a machine that is as after boot.
    fn machine(&mut self, cpus: usize) -> Result<Box<dyn Machine>, MachineError> {
        if let Some(at) = self.machines.iter().position(|(has, _)| *has == cpus) {
            let (_, mut machine) = self.machines.swap_remove(at);
            if machine.recycle()? {
                return Ok(machine);
            }
        }
        self.factory.boot(config(cpus))
    }
}
