//! Branches: where the program counter goes.
//!
//! Arm ARM C6.2 by instruction name; pseudocode `BranchTo`, `AArch64.BranchAddr`. A branch may leave the block; what happens
//! then is the firmware's matter.

use arch::{Op, Reg};

use super::fault::pc_alignment_fault;
use super::state::{Core, Executed};

mutants::defects!();

/// Bytes in an instruction.
const WORD: u64 = 4;

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

    /// The address that BL and BLR put into x30: of the next instruction.
    fn return_address(&self) -> u64 {
        self.cpu.pc.wrapping_add(WORD)
    }

    /// BL: branches and leaves the return address in x30.
    pub(super) fn call(&mut self, distance: i64) -> Executed {
        let link = self.return_address();
        self.set(Reg::LINK, link);
        self.branch(true, distance)
    }

    /// BR, RET and BLR: branches to the address in a register, which is read before x30 is written.
    pub(super) fn branch_to(&mut self, rn: Reg, links: bool) -> Executed {
        let target = self.branch_address(self.get(rn));
        let link = self.return_address();
        if links {
            self.set(Reg::LINK, link);
        }
        self.cpu.pc = target.wrapping_sub(WORD);
        Ok(())
    }

    /// PSTATE.BTYPE behind an instruction (pseudocode `BTypeNext`; no page of the firmware is guarded). What answers a call goes
    /// on with the PSTATE that the caller had.
    pub(super) fn set_branch_type(&mut self, op: Op) {
        self.cpu.btype = match op {
            _ if !self.env.features.has_branch_types() => 0,
            Op::Br => 0b01,
            Op::Blr => 0b10,
            Op::Hvc => self.cpu.btype,
            _ => 0,
        };
    }

    /// The address that a branch to a register leads to: where the top byte is ignored it becomes the sign of bit 55
    /// (pseudocode `AArch64.BranchAddr`). TCR_EL1.TBIDn is 0, so that it is ignored for instructions, too.
    fn branch_address(&self, target: u64) -> u64 {
        if self.tbi(target) { ((target << 8) as i64 >> 8) as u64 } else { target }
    }

    /// An instruction is at a multiple of 4 (pseudocode `AArch64.CheckPCAlignment`), which is looked at before it is
    /// fetched.
    pub(super) fn aligned(&self) -> Executed {
        let pc = self.cpu.pc;
        if pc.is_multiple_of(WORD) { Ok(()) } else { Err(pc_alignment_fault(pc)) }
    }
}
