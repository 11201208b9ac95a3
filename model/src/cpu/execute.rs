//! One instruction: from the program counter to the rule that its [`Op`] has.

use abi::map;
use arch::{Address, Arg, Args, FaultStatus, Op, Reg};
use isa::Feature;

use super::fault::{Exception, instruction_abort};
use super::program::{Decoded, DecodedInsn, Family, Program};
use super::state::{Core, Cpu, Env, Executed, Stop};
use super::tags::Data;
use super::translate::PageKinds;
use super::translate::Purpose;
use super::watch;
use model_base::Hypervisor;

mutants::defects!();

/// What happened to a CPU that was let run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An exception was taken; ELR_EL1, ESR_EL1, FAR_EL1 and SPSR_EL1 say which.
    Exception,
    /// A byte was stored to the UART's data register; the store waits to be completed.
    Doorbell {
        /// The byte.
        byte: u8,
    },
    /// The budget is used up.
    Exhausted,
    /// There is no memory behind an address that is mapped: a store or load of the VMM's.
    NoMemory(model_base::memory::NoMemory),
    /// Something that is not specified here.
    Unmodelled(&'static str),
}

/// Runs instructions until something happens, at most as many as the budget has, which is lessened.
///
/// `base` is the address of the first word of `program`. Elsewhere words are fetched from memory.
#[mutants::rules]
pub fn run(
    cpu: &mut Cpu,
    env: &mut Env<'_>,
    pages: &PageKinds,
    (base, program): (u64, &Program),
    budget: &mut u64,
) -> Event {
    let mut core = Core { cpu, env, pages };
    loop {
        if *budget == 0 {
            return Event::Exhausted;
        }
        *budget -= 1;
        watch::begin(&mut core, program);
        let event = core.step(base, program);
        watch::end(&mut core, program, event == Some(Event::Exception));
        if let Some(event) = event {
            return event;
        }
    }
}

/// Memory of the firmware, whose instructions are not specified here.
const FIRMWARE: std::ops::Range<u64> = map::FIRMWARE_BASE..map::SHARED_BASE;

/// An operand that an instruction had not when its rule was written.
const UNKNOWN_OPERANDS: Executed = Err(Stop::Unmodelled("operands that the model does not know"));

#[mutants::rules]
impl Core<'_, '_> {
    /// Executes the next instruction; returns what happened, if it is for others.
    fn step(&mut self, base: u64, program: &Program) -> Option<Event> {
        let index = self.cpu.pc.wrapping_sub(base) / 4;
        let executed = match program.fetch(index as usize, self.cpu) {
            Some(decoded) => self.aligned().and_then(|()| self.execute(decoded)),
            None => self.aligned().and_then(|()| self.fetch()).and_then(|decoded| self.execute(&decoded)),
        };
        Some(match executed {
            Ok(()) => {
                self.cpu.pc = self.cpu.pc.wrapping_add(4);
                return None;
            }
            Err(Stop::Exception(exception)) => {
                self.enter_exception(&exception);
                Event::Exception
            }
            Err(Stop::Doorbell { byte }) => {
                self.cpu.mmio = true;
                Event::Doorbell { byte }
            }
            Err(Stop::NoMemory(place)) => Event::NoMemory(place),
            Err(Stop::Unmodelled(what)) => Event::Unmodelled(what),
        })
    }

    /// Fetches a word that is not in the block.
    fn fetch(&mut self) -> Result<Decoded, Stop> {
        let (pc, el) = (self.cpu.pc, self.cpu.el);
        let place =
            self.translate(pc, Purpose::Fetch, el).map_err(|status: FaultStatus| instruction_abort(el, status, pc))?;
        if FIRMWARE.contains(&place.ipa) {
            return Err(Stop::Unmodelled("a branch into the firmware"));
        }
        let mut word = [0; 4];
        // Blocks cannot store to the code window, so nothing in it is UNKNOWN.
        self.env.bus.read(place.ipa, &mut word).map_err(Stop::NoMemory)?;
        Ok(Decoded::new(u32::from_le_bytes(word)))
    }

    fn execute(&mut self, decoded: &Decoded) -> Executed {
        match decoded {
            Decoded::DecodedInsn(known) => self.instruction(known),
            Decoded::Undefined => self.udf(),
            Decoded::Unknown => Err(Stop::Unmodelled("an instruction that the table does not have")),
        }
    }

    fn instruction(&mut self, known: &DecodedInsn) -> Executed {
        if let Some(feature) = known.feature {
            self.needs(feature)?;
        }
        let becomes_unknown = if self.cpu.x_unknown == 0 { None } else { self.tainted(known)? };
        self.permit_streaming(known)?;
        let DecodedInsn { op, args, size, family, .. } = known;
        match family {
            Family::Arithmetic => self.arithmetic(*op, args),
            Family::Authentication => self.authentication(*op, args),
            Family::Vector => self.vector_instruction(*op, args),
            Family::System => self.system_instruction(*op, args),
            Family::Memory => self.memory_instruction(*op, args, *size),
            Family::Tags => self.tag_instruction(*op, args),
            Family::Pointer => self.pointer_instruction(*op, args),
            Family::Scalable => self.scalable_instruction(*op, args, *size),
            Family::Matrix => self.matrix_instruction(*op, args, *size),
            Family::Copies => self.memory_operation(*op, args),
        }?;
        if let Some(register) = becomes_unknown {
            self.forget(register);
        }
        self.set_branch_type(*op);
        Ok(())
    }

    /// Refuses an instruction whose feature the CPU has not.
    ///
    /// KVM clears fields of ID registers whose features it knows nothing of. Where nothing traps such instructions the CPU
    /// executes them if it has them. What they do there is specified of GCS alone, whose registers are as after reset.
    fn needs(&mut self, feature: Feature) -> Executed {
        if self.env.features.has(feature) {
            return Ok(());
        }
        let untrapped = matches!(feature, Feature::The | Feature::Lsui | Feature::Lsfe | Feature::Gcs);
        let hidden = untrapped && self.env.platform.hypervisor == Hypervisor::Kvm && self.env.choices.choose(2) == 1;
        match hidden {
            true if feature == Feature::Gcs => Ok(()),
            true => Err(Stop::Unmodelled("a feature that the ID registers do not show")),
            false => Err(super::fault::undefined()),
        }
    }

    /// Loads and stores of registers and of vectors, exclusives, atomics.
    fn memory_instruction(&mut self, op: Op, args: &Args, size: Option<isa::Access>) -> Executed {
        if let Some(executed) = self.load_store(op, args, size) {
            return executed;
        }
        if let Some(executed) = self.vector_structures(op, args) {
            return executed;
        }
        let Some(size) = size else { return UNKNOWN_OPERANDS };
        match Self::exclusive_direction(op) {
            Some(true) => self.load_exclusive(op, args, size),
            Some(false) => self.store_exclusive(op, args, size),
            None if matches!(op, Op::Cas | Op::Casp | Op::Cast | Op::Caspt) => self.compare_and_swap(op, args, size),
            None if Self::is_atomic_operation(op) => self.atomic_operation(op, args, size),
            None if matches!(op, Op::Ldclrp | Op::Ldsetp | Op::Swpp) => self.atomic_pair(op, args),
            None if Self::is_float_atomic(op) => self.float_atomic(args, size),
            None if Self::is_read_check_write(op) => self.read_check_write(op, args, size),
            None if matches!(op, Op::Ld64b | Op::St64b | Op::St64bv | Op::St64bv0) => self.sixty_four_bytes(op, args),
            None if matches!(op, Op::Gcsstr | Op::Gcssttr) => self.control_stack_store(op, args),
            None if matches!(op, Op::Ldraa | Op::Ldrab) => self.load_authenticated(op, args),
            None => Err(Stop::Unmodelled("a memory access that the model does not know")),
        }
    }

    fn pointer_instruction(&mut self, op: Op, args: &Args) -> Executed {
        if self.env.features.mte == 0 {
            return Err(super::fault::undefined());
        }
        match (op, &**args) {
            (Op::Irg, &[Arg::Reg(rd), Arg::Reg(rn), Arg::Reg(rm)]) => self.irg(rd, rn, rm),
            (Op::Gmi, &[Arg::Reg(rd), Arg::Reg(rn), Arg::Reg(rm)]) => self.gmi(rd, rn, rm),
            (Op::Addg | Op::Subg, &[Arg::Reg(rd), Arg::Reg(rn), Arg::Imm(offset), Arg::Imm(steps)]) => {
                self.add_tag(op == Op::Subg, rd, rn, offset, steps as u8)
            }
            (_, &[Arg::Reg(rd), Arg::Reg(rn), Arg::Reg(rm)]) => self.subtract_pointers(op == Op::Subps, rd, rn, rm),
            _ => UNKNOWN_OPERANDS,
        }
    }

    fn tag_instruction(&mut self, op: Op, args: &Args) -> Executed {
        match **args {
            [Arg::Reg(rt), Arg::Address(address)] => self.tag_access_instruction(op, rt, address),
            [Arg::Reg(rt), Arg::Reg(rt2), Arg::Address(address)] => self.store_tag_pair(rt, rt2, address),
            _ => UNKNOWN_OPERANDS,
        }
    }

    fn tag_access_instruction(&mut self, op: Op, rt: Reg, address: Address) -> Executed {
        match op {
            Op::Stg => self.store_tag(rt, address, 1, Data::Kept),
            Op::Stzg => self.store_tag(rt, address, 1, Data::Zeroed),
            Op::St2g => self.store_tag(rt, address, 2, Data::Kept),
            Op::Stz2g => self.store_tag(rt, address, 2, Data::Zeroed),
            Op::Ldg => self.load_tag(rt, address),
            Op::Ldgm => self.load_tags(rt, address),
            Op::Stgm => self.store_tags(rt, address),
            _ => self.store_zero_tags(rt, address),
        }
    }

    /// Branches and the system.
    fn system_instruction(&mut self, op: Op, args: &Args) -> Executed {
        match (op, &**args) {
            (Op::B, &[Arg::PcOffset(distance)]) => self.branch(true, distance),
            (Op::Bl, &[Arg::PcOffset(distance)]) => self.call(distance),
            (Op::Br | Op::Ret, &[Arg::Reg(rn)]) => self.branch_to(rn, false),
            (Op::Blr, &[Arg::Reg(rn)]) => self.branch_to(rn, true),
            (Op::BCond, &[Arg::Condition(condition), Arg::PcOffset(distance)]) => {
                self.branch(condition.holds(self.cpu.nzcv), distance)
            }
            (Op::Cbz, &[Arg::Reg(rt), Arg::PcOffset(distance)]) => self.branch(self.get(rt) == 0, distance),
            (Op::Cbnz, &[Arg::Reg(rt), Arg::PcOffset(distance)]) => self.branch(self.get(rt) != 0, distance),
            (Op::Tbz | Op::Tbnz, &[Arg::Reg(rt), Arg::BitNumber(bit), Arg::PcOffset(distance)]) => {
                self.branch((self.get(rt) >> bit & 1 == 1) == (op == Op::Tbnz), distance)
            }
            (Op::Mrs, &[Arg::Reg(rt), Arg::SysReg(register)]) => self.mrs(rt, register),
            (Op::Msr, &[Arg::SysReg(register), Arg::Reg(rt)]) => self.msr(register, rt),
            (Op::MsrImm, &[Arg::Pstate(arch::PstateField::Tco), Arg::Imm(value)]) => self.set_tco(value & 1 == 1),
            (Op::Dsb, &[Arg::Barrier(option)]) => self.dsb(option),
            (Op::Isb, _) => self.isb(),
            (Op::Clrex, _) => self.clear_exclusive(),
            (Op::Hint, _) => self.hint(),
            // Prefetches are hints and never fault. Sb is a barrier against speculation alone.
            (Op::Dmb | Op::Nop | Op::Yield | Op::Sb | Op::Prfm | Op::Prfum, _) => Ok(()),
            (Op::Brk, &[Arg::Imm(immediate)]) => self.brk(immediate),
            (Op::Svc, &[Arg::Imm(immediate)]) => self.svc(immediate),
            (Op::Hvc, &[Arg::Imm(immediate)]) => self.hvc(immediate),
            (Op::Dc, &[Arg::DataCacheOp(operation), Arg::Reg(rt)]) => self.data_cache(operation, rt),
            (Op::Ic, &[Arg::InstructionCacheOp(operation)]) => self.instruction_cache(operation, Reg::XZR),
            (Op::Ic, &[Arg::InstructionCacheOp(operation), Arg::Reg(rt)]) => self.instruction_cache(operation, rt),
            _ => Err(Stop::Unmodelled("an instruction that the model does not know")),
        }
    }
}

#[mutants::rules]
impl From<Exception> for Event {
    fn from(_: Exception) -> Self {
        Self::Exception
    }
}
