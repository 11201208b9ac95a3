//! Branches: where the program counter goes.
//!
//! Arm ARM C6.2 by instruction name. A branch may leave the block; what happens then is the firmware's matter.

use super::state::{Core, Executed};

mutants::defects!();

#[mutants::rules]
impl Core<'_, '_> {
    /// Branches by `distance` bytes from this instruction if `taken`.
    ///
    /// The PC is moved on behind the instruction afterwards, so it is set four bytes short.
    pub(super) fn branch(&mut self, taken: bool, distance: i64) -> Executed {
        if taken {
            self.cpu.pc = self.cpu.pc.wrapping_add_signed(distance).wrapping_sub(4);
        }
        Ok(())
    }
}
