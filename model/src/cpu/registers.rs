//! General registers as operands name them: 32 or 64 bits, zero register or stack pointer.

use arch::Reg;

use super::state::Core;

#[mutants::rules]
impl Core<'_, '_> {
    /// Reads a register; 32-bit names give the lower half.
    pub(super) fn get(&self, register: Reg) -> u64 {
        let value = match register.index() {
            Reg::INDEX_31 if register.is_sp() => self.cpu.sp,
            Reg::INDEX_31 => 0,
            index => self.cpu.x[usize::from(index)],
        };
        if register.class().width() == 32 { value & 0xffff_ffff } else { value }
    }

    /// Writes a register, which is known from then on; 32-bit names clear the upper half.
    pub(super) fn set(&mut self, register: Reg, value: u64) {
        let value = if register.class().width() == 32 { value & 0xffff_ffff } else { value };
        match register.index() {
            Reg::INDEX_31 if !register.is_sp() => return,
            Reg::INDEX_31 => self.cpu.sp = value,
            index => self.cpu.x[usize::from(index)] = value,
        }
        self.cpu.x_unknown &= !(1 << register.index());
    }
}
