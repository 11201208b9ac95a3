//! Machines for one program after the other: each program finds one as after boot.

use std::collections::BTreeSet;
use std::ops::DerefMut;

use abi::map;

use machine::pool::Pool;
use machine::{Config, Factory, Machine, MachineError, TagCarrier};
use program::run::Tags;
use program::{self, Observation, Program};

/// What a machine for programs looks like: with no more RAM than the firmware needs, since all of it is looked through when
/// the machine is saved.
#[must_use]
pub fn config(cpus: usize) -> Config {
    Config { cpus, ram: map::RAM_MIN, tag_carrier: TagCarrier::Guest, ..Config::default() }
}

/// Boots a machine.
type Boot<'f, M> = dyn Fn(Config) -> Result<M, MachineError> + 'f;

/// Machines of one kind, one for each count of vCPUs that programs needed so far.
pub struct Session<'f, M = Box<dyn Machine>> {
    boot: Box<Boot<'f, M>>,
    pool: Pool<M>,
}

impl<'f> Session<'f> {
    /// Takes the factory.
    #[must_use]
    pub fn new(factory: &'f dyn Factory) -> Self {
        Self::booting(|config| factory.boot(config))
    }

    /// Runs a program on a machine that is as after boot, and looks at `pages` and `tags` besides; returns the machine, too, which may be handed on with
    /// [`Self::take`] if the program has left nothing behind.
    ///
    /// # Errors
    ///
    /// When the machine cannot be had, or cannot do what the program asks.
    pub fn run(
        &mut self,
        program: &Program,
        pages: &BTreeSet<u64>,
        tags: Tags,
    ) -> Result<(Observation, Box<dyn Machine>), MachineError> {
        let mut machine = self.machine(program)?;
        Ok((program::run::run(program, &mut *machine, pages, tags)?, machine))
    }
}

impl<'f, M: DerefMut<Target: Machine>> Session<'f, M> {
    /// Takes what boots machines.
    #[must_use]
    pub fn booting(boot: impl Fn(Config) -> Result<M, MachineError> + 'f) -> Self {
        Self { boot: Box::new(boot), pool: Pool::default() }
    }

    /// Takes a machine for a later program: one that has just booted, or on which all programs did what is specified.
    pub fn take(&mut self, cpus: usize, machine: M) {
        self.pool.put(config(cpus), machine);
    }

    /// Returns a machine for a program, as after boot.
    ///
    /// # Errors
    ///
    /// When none can be had.
    pub fn machine(&mut self, program: &Program) -> Result<M, MachineError> {
        self.pool.take_out(config(program.cpus()), |config| (self.boot)(config))
    }
}
