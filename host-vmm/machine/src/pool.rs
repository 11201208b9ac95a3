//! Machines that somebody is done with and the next may have.

use std::cell::RefCell;
use std::ops::DerefMut;
use std::rc::Rc;

use crate::config::Config;

use crate::error::MachineError;

use crate::machine::Machine;

/// A machine that users may hand on to each other: a `Box` of one.
pub type SharedMachine<M = Box<dyn Machine>> = Rc<RefCell<M>>;

/// The machines that were used last, one for each configuration.
///
/// Booting a VM costs more than most of what is done in it. The next user gets the same VM if the last one has dropped
/// it, and if nothing was done that [`Machine::recycle`] does not undo; else a new one is booted.
#[derive(Debug)]
pub struct Pool<M = Box<dyn Machine>> {
    last: Vec<(Config, SharedMachine<M>)>,
}

impl<M> Default for Pool<M> {
    fn default() -> Self {
        Self { last: Vec::new() }
    }
}

impl<M: DerefMut<Target: Machine>> Pool<M> {
    /// Adds a machine that has booted, or that was used before.
    pub fn put(&mut self, config: Config, machine: M) {
        self.last.retain(|(other, _)| *other != config);
        self.last.push((config, Rc::new(RefCell::new(machine))));
    }

    /// Forgets the machines: the next user gets a new one.
    pub fn clear(&mut self) {
        self.last.clear();
    }

    /// Takes a machine of this configuration, as after boot, out of the pool. Who is done with it may [`Self::put`] it back.
    ///
    /// # Errors
    ///
    /// As [`Self::take`].
    pub fn take_out(
        &mut self,
        config: Config,
        boot: impl FnOnce(Config) -> Result<M, MachineError>,
    ) -> Result<M, MachineError> {
        let place = self.last.iter().position(|(other, _)| *other == config);
        let unused = place.and_then(|place| Rc::into_inner(self.last.swap_remove(place).1));
        if let Some(mut machine) = unused.map(RefCell::into_inner)
            && machine.recycle()?
        {
            return Ok(machine);
        }
        boot(config)
    }

    /// Returns a machine of this configuration, as after boot, which stays in the pool.
    ///
    /// # Errors
    ///
    /// When none is left that can be used again, and none can be booted.
    pub fn take(
        &mut self,
        config: Config,
        boot: impl FnOnce(Config) -> Result<M, MachineError>,
    ) -> Result<SharedMachine<M>, MachineError> {
        let place = self.last.iter().position(|(other, _)| *other == config);
        let machine = match place.map(|place| self.last.swap_remove(place)) {
            Some((_, machine)) if Rc::strong_count(&machine) == 1 && machine.borrow_mut().recycle()? => machine,
            _ => Rc::new(RefCell::new(boot(config)?)),
        };
        self.last.push((config, Rc::clone(&machine)));
        Ok(machine)
    }
}
