//! What a machine is compared with: something that shows what a program does, and which choices it made on the way.

use abi::mailbox::SysReg;
use model::choice::Choices;

use super::session::Session;
use crate::machine::MachineError;
use crate::machine::model::ModelFactory;
use crate::program::observation::What;
use crate::program::{Observation, Program};

/// Shows what a program does, one permitted outcome at a time.
pub trait Reference {
    /// Runs a program with these answers to the architecture's choices; gives what was seen, and all choices that
    /// were made.
    ///
    /// # Errors
    ///
    /// When the program is not covered.
    fn observe(&mut self, program: &Program, choices: Choices) -> Result<(Observation, Choices), MachineError>;
}

/// The model.
pub struct ModelReference<'f> {
    factory: &'f ModelFactory,
    session: Session<'f>,
}

impl<'f> ModelReference<'f> {
    /// Takes the model.
    #[must_use]
    pub fn new(factory: &'f ModelFactory) -> Self {
        Self { factory, session: Session::new(factory) }
    }
}

impl Reference for ModelReference<'_> {
    fn observe(&mut self, program: &Program, choices: Choices) -> Result<(Observation, Choices), MachineError> {
        self.factory.set_choices(choices);
        self.factory.take_unknown();
        let mut observation = self.session.run(program)?;
        let unknown = self.factory.take_unknown();
        let blocks = observation.seen.iter_mut().filter(|seen| matches!(seen.what, What::Block(_)));
        for (block, unknown) in blocks.zip(unknown) {
            if unknown.rgsr {
                block.unknown.push(SysReg::Rgsr);
            }
            block.unknown_v |= unknown.v;
        }
        Ok((observation, self.factory.set_choices(Choices::default())))
    }
}
