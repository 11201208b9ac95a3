//! A block's instructions, decoded once: loops would otherwise spend their time decoding.

use std::cell::Cell;
use std::rc::Rc;

use arch::{Args, Op};
use isa::{Access, Feature, Insn};
use pauth::KeyName;

use super::sme::legal::is_legal;
use super::state::Cpu;
use super::system_registers::{TCF_SHIFT, TCF0_SHIFT};

/// An instruction of the table: operands, what it moves, and which file has its rule.
#[derive(Clone, Copy, Debug)]
pub(super) struct DecodedInsn {
    pub op: Op,
    pub args: Args,
    pub size: Option<Access>,
    /// Without it the instruction is UNDEFINED.
    pub feature: Option<Feature>,
    pub family: Family,
    /// It is legal in streaming mode, or of SVE or SME, where its operands count, too.
    pub streams: bool,
}

/// The instructions whose rules stand together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// `pointer.rs`.
    Pointer,
    /// `tags.rs` and `tag_blocks.rs`.
    Tags,
    /// `load_store.rs`, `structures.rs`, `exclusive.rs`, `atomic.rs`, `float_atomic.rs`, `read_check_write.rs`,
    /// `sixty_four.rs`, `control_stack.rs`.
    Memory,
    /// `copy.rs`.
    Copies,
    /// `branch.rs`, `system.rs`, `cache.rs`.
    System,
    /// `authentication.rs`.
    Authentication,
    /// `vector.rs`.
    Vector,
    /// `sve.rs`.
    Scalable,
    /// `sme.rs`.
    Matrix,
    /// `arithmetic.rs` and `integer.rs`.
    Arithmetic,
}

#[mutants::rules]
impl Family {
    fn of(op: Op, accesses: bool) -> Self {
        match op {
            Op::Irg | Op::Gmi | Op::Addg | Op::Subg | Op::Subp | Op::Subps => Self::Pointer,
            Op::Stg | Op::Stzg | Op::St2g | Op::Stz2g | Op::Stgp | Op::Ldg | Op::Ldgm | Op::Stgm | Op::Stzgm => {
                Self::Tags
            }
            _ if op.is_scalable() => Self::Scalable,
            _ if op.is_matrix() => Self::Matrix,
            _ if accesses => Self::Memory,
            Op::Cpyp | Op::Cpym | Op::Cpye | Op::Cpyfp | Op::Cpyfm | Op::Cpyfe => Self::Copies,
            Op::Setp | Op::Setm | Op::Sete | Op::Setgp | Op::Setgm | Op::Setge => Self::Copies,
            _ if KeyName::of(op).is_some() => Self::Authentication,
            Op::Xpaci | Op::Xpacd | Op::Xpaclri | Op::Pacga => Self::Authentication,
            Op::Bl | Op::Br | Op::Blr | Op::Ret => Self::System,
            Op::B | Op::BCond | Op::Cbz | Op::Cbnz | Op::Tbz | Op::Tbnz | Op::Mrs | Op::Msr | Op::MsrImm => {
                Self::System
            }
            Op::Dsb | Op::Isb | Op::Dmb | Op::Sb | Op::Clrex | Op::Nop | Op::Yield | Op::Prfm | Op::Prfum => {
                Self::System
            }
            Op::Brk | Op::Svc | Op::Hvc | Op::Hint | Op::Dc | Op::Ic => Self::System,
            Op::AddVec
            | Op::SubVec
            | Op::MulVec
            | Op::AndVec
            | Op::BicVec
            | Op::OrrVec
            | Op::OrnVec
            | Op::EorVec
            | Op::Bsl
            | Op::Bit
            | Op::Bif
            | Op::CmeqVec
            | Op::CmgtVec
            | Op::CmgeVec
            | Op::Cmhi
            | Op::Cmhs
            | Op::Cmtst
            | Op::CmeqZero
            | Op::CmgtZero
            | Op::CmgeZero
            | Op::CmleZero
            | Op::CmltZero
            | Op::SmaxVec
            | Op::SminVec
            | Op::UmaxVec
            | Op::UminVec
            | Op::Smaxp
            | Op::Sminp
            | Op::Umaxp
            | Op::Uminp
            | Op::AddpVec
            | Op::AddpScalar
            | Op::Addv
            | Op::Smaxv
            | Op::Sminv
            | Op::Umaxv
            | Op::Uminv
            | Op::Uaddlv
            | Op::Uzp1
            | Op::Uzp2
            | Op::Zip1
            | Op::Zip2
            | Op::Trn1
            | Op::Trn2
            | Op::Ext
            | Op::NotVec
            | Op::Cnt
            | Op::RbitVec
            | Op::Rev16Vec
            | Op::Rev32Vec
            | Op::Rev64Vec
            | Op::ClzVec
            | Op::ClsVec
            | Op::AbsVec
            | Op::NegVec
            | Op::Xtn
            | Op::Shrn
            | Op::Ushll
            | Op::ShlVec
            | Op::Ushr
            | Op::Sshr
            | Op::Movi
            | Op::Mvni
            | Op::OrrVecImm
            | Op::BicVecImm
            | Op::DupGeneral
            | Op::DupElement
            | Op::Umov
            | Op::Smov
            | Op::InsGeneral
            | Op::InsElement
            | Op::Fmov => Self::Vector,
            _ => Self::Arithmetic,
        }
    }
}

/// A decoded word.
#[derive(Clone, Copy, Debug)]
pub(super) enum Decoded {
    /// An instruction of the table.
    DecodedInsn(DecodedInsn),
    /// UDF, which is UNDEFINED for good (Arm ARM C6.2, UDF).
    Undefined,
    /// Not in the table.
    Unknown,
}

#[mutants::rules]
impl Decoded {
    pub(super) fn new(word: u32) -> Self {
        match Insn::decode(word) {
            Some(insn) => {
                let (op, size) = (insn.op(), insn.access());
                let (feature, family) = (insn.row().feature(), Family::of(op, size.is_some()));
                let streams = is_legal(word);
                Self::DecodedInsn(DecodedInsn { op, args: insn.args(), size, feature, family, streams })
            }
            None if word >> 16 == 0 => Self::Undefined,
            None => Self::Unknown,
        }
    }
}

/// The words of a block and what they mean. Clones share both.
#[derive(Clone, Debug, Default)]
pub struct Program(Rc<Listing>);

#[derive(Debug, Default)]
struct Listing {
    words: Vec<u32>,
    decoded: Vec<Decoded>,
    /// Where each was executed, as [`Program::take_executed`] says it.
    executed: Vec<Cell<u8>>,
}

#[mutants::rules]
impl Program {
    /// Decodes words.
    #[must_use]
    pub fn new(words: &[u32]) -> Self {
        let decoded = words.iter().copied().map(Decoded::new).collect();
        Self(Rc::new(Listing { words: words.to_vec(), decoded, executed: vec![Cell::default(); words.len()] }))
    }

    /// The words.
    #[must_use]
    pub fn words(&self) -> &[u32] {
        &self.0.words
    }
}

/// What was executed, which campaigns count: no rule.
impl Program {
    /// Returns the instruction of a word, which the CPU is about to execute.
    pub(super) fn fetch(&self, index: usize, cpu: &Cpu) -> Option<&Decoded> {
        let decoded = self.0.decoded.get(index)?;
        let shift = if cpu.el == 0 { TCF0_SHIFT } else { TCF_SHIFT };
        let executed = &self.0.executed[index];
        executed.set(executed.get() | 1 << (4 * cpu.el + (cpu.sys.sctlr >> shift & 0b11) as u8));
        Some(decoded)
    }

    /// Returns for each word where it was executed since the last call: bit `4 * el + mode` for each exception level and
    /// value of SCTLR_EL1.TCF, at EL0 of TCF0.
    #[must_use]
    pub fn take_executed(&self) -> Vec<u8> {
        self.0.executed.iter().map(Cell::take).collect()
    }
}
