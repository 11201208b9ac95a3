//! Machines for one program after the other: each program finds one as after boot.

use std::ops::DerefMut;

use abi::map;

use machine::pool::Pool;
use machine::{Config, Factory, Machine, MachineError};
use program::{self, Observation, Program};

/// What a machine for programs looks like: with no more RAM than the firmware needs, since all of it is looked through when
/// the machine is saved.
#[must_use]
pub fn config(cpus: usize) -> Config {
    Config { cpus, ram: map::RAM_MIN, ..Config::default() }
}

/// Boots a machine.
type Boot<'f, M> = dyn Fn(Config) -> Result<M, MachineError> + 'f;

/// Machines of one factory, one for each count of vCPUs that programs needed so far.
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

    /// Takes a machine of the factory that has booted, so that the first program need not wait.
    pub fn take(&mut self, cpus: usize, machine: Box<dyn Machine>) {
        self.pool.put(config(cpus), machine);
    }

    /// Runs a program on a machine that is as after boot.
    ///
    /// # Errors
    ///
    /// When the machine cannot be had, or cannot do what the program asks.
    pub fn run(&mut self, program: &Program) -> Result<Observation, MachineError> {
        self.run_by(program, |machine| program::run::run(program, &mut **machine), |observation| observation)
    }
}

impl<'f, M: DerefMut<Target: Machine>> Session<'f, M> {
    /// Takes what boots machines.
    #[must_use]
    pub fn booting(boot: impl Fn(Config) -> Result<M, MachineError> + 'f) -> Self {
        Self { boot: Box::new(boot), pool: Pool::default() }
    }

    /// Runs a program by `run` on a machine that is as after boot; `observation` finds in its result what was seen.
    ///
    /// # Errors
    ///
    /// When the machine cannot be had, or as `run` does.
    pub fn run_by<T>(
        &mut self,
        program: &Program,
        run: impl FnOnce(&mut M) -> Result<T, MachineError>,
        observation: impl FnOnce(&T) -> &Observation,
    ) -> Result<T, MachineError> {
        let config = config(program.cpus());
        let result = match self.pool.take(config, |config| (self.boot)(config)) {
            Ok(machine) => run(&mut machine.borrow_mut()),
            Err(error) => Err(error),
        };
        // A machine whose block did not end, or that failed, is of no more use.
        if result.as_ref().map_or(true, |result| observation(result).endless.is_some()) {
            self.pool.discard(config);
        }
        result
    }
}
