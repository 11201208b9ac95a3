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

    /// Takes a machine of the factory that has booted, so that the first program need not wait.
    pub fn take(&mut self, cpus: usize, machine: Box<dyn Machine>) {
        self.machines.push((cpus, machine));
    }

    /// Runs a program on a machine that is as after boot.
    ///
    /// # Errors
    ///
    /// When the machine cannot be had, or cannot do what the program asks.
    pub fn run(&mut self, program: &Program) -> Result<Observation, MachineError> {
        let cpus = program.cpus();
        let mut machine = self.machine(cpus)?;
        let observation = program::run::run(program, &mut *machine)?;
        // A machine whose block did not end, or that failed, is of no more use.
        if observation.endless.is_none() {
            self.machines.push((cpus, machine));
        }
        Ok(observation)
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
