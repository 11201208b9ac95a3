//! Machines that a case is done with and the next may have.

use std::cell::RefCell;
use std::rc::Rc;

use machine::{Config, Factory, Machine, MachineError};

/// A machine that cases may hand on to each other.
pub type SharedMachine = Rc<RefCell<Box<dyn Machine>>>;

/// The machines that the last cases had, one for each configuration.
///
/// Booting a VM costs more than most cases. The next case gets the same VM if the last one is done
/// with it, and if it can show that nothing outside the arena changed; its memory is given back to the
/// kernel in between. See [`Machine::recycle`].
#[derive(Default)]
pub struct Pool {
    last: Vec<(Config, SharedMachine)>,
}

impl Pool {
    /// Begins with a machine that was booted to look at the target.
    #[must_use]
    pub fn with(machine: Box<dyn Machine>) -> Self {
        Self { last: vec![(Config::default(), Rc::new(RefCell::new(machine)))] }
    }

    /// Forgets the machines: the next case gets a new VM.
    pub fn clear(&mut self) {
        self.last.clear();
    }

    /// Returns a machine of this configuration, as after boot.
    ///
    /// # Errors
    ///
    /// When none is left that can be used again, and none can be booted.
    pub fn take(&mut self, factory: &dyn Factory, config: Config) -> Result<SharedMachine, MachineError> {
        let place = self.last.iter().position(|(other, _)| *other == config);
        let machine = match place.map(|place| self.last.swap_remove(place)) {
            Some((_, machine)) if Rc::strong_count(&machine) == 1 && machine.borrow_mut().recycle()? => machine,
            _ => Rc::new(RefCell::new(factory.boot(config)?)),
        };
        self.last.push((config, Rc::clone(&machine)));
        Ok(machine)
    }
}
