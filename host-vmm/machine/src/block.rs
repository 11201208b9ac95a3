//! A block: instructions, and everything the CPU holds when they begin.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;

use abi::mailbox::{self, SYS_REGS, SysReg};
use assembler::ParseError;
use isa::Insn;

use crate::scalable::ScalableState;

/// v0 to v31, the lower half of each first.
pub type Vectors = [[u64; 2]; 32];

/// The exception level that a block runs at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum El {
    /// Like an application.
    El0 = 0,
    /// Like a kernel.
    El1 = 1,
}

impl fmt::Display for El {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EL{}", *self as u8)
    }
}

/// Instructions with their initial state. Registers that are not set are 0.
///
/// ```
/// use machine::{Block, El};
///
/// let block = Block::assemble("irg x1, x0; stg x1, [x1]")?.x(0, 0x1_4060_0000).at(El::El0);
/// assert_eq!(block.words(), [0x9adf_1001, 0xd920_0821]);
/// assert_eq!(block.listing()[1], "   1  stg x1, [x1]");
///
/// let error = Block::assemble("irg x1, x0\nstg x1, [x1, #8]").unwrap_err();
/// assert_eq!(error.line, 2);
/// # Ok::<(), assembler::ParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Block {
    words: Vec<u32>,
    x: [u64; 31],
    sp: u64,
    nzcv: u8,
    el: El,
    tco: bool,
    sys: [Option<u64>; SYS_REGS],
    v: Option<Box<Vectors>>,
    scalable: Option<ScalableState>,
}

/// Most texts of which a thread keeps the words.
const MOST_ASSEMBLED: usize = 1 << 12;

thread_local! {
    /// The words of texts: a case that is run once for each defect assembles the same ones each time.
    static ASSEMBLED: RefCell<HashMap<String, Vec<u32>>> = RefCell::default();
}

impl Block {
    /// Assembles a block, to run at EL1 with checks on.
    ///
    /// # Errors
    ///
    /// Where the text is not A64 as `isa` knows it: line, column and what is allowed.
    pub fn assemble(text: &str) -> Result<Self, ParseError> {
        if let Some(words) = ASSEMBLED.with_borrow(|assembled| assembled.get(text).cloned()) {
            return Ok(Self::new(words));
        }
        let words: Vec<u32> = assembler::assemble(text)?.into_iter().map(Insn::encode).collect();
        ASSEMBLED.with_borrow_mut(|assembled| {
            if assembled.len() < MOST_ASSEMBLED {
                assembled.insert(text.to_owned(), words.clone());
            }
        });
        Ok(Self::new(words))
    }

    /// Takes instruction words as they are.
    #[must_use]
    pub fn new(words: Vec<u32>) -> Self {
        Self {
            words,
            x: [0; 31],
            sp: 0,
            nzcv: 0,
            el: El::El1,
            tco: false,
            sys: [None; SYS_REGS],
            v: None,
            scalable: None,
        }
    }

    /// Sets a general register, 0 to 30.
    #[must_use]
    pub fn x(mut self, n: usize, value: u64) -> Self {
        if let Some(x) = self.x.get_mut(n) {
            *x = value;
        }
        self
    }

    /// Sets all general registers.
    #[must_use]
    pub fn xs(mut self, values: [u64; 31]) -> Self {
        self.x = values;
        self
    }

    /// Sets the stack pointer that the block sees.
    #[must_use]
    pub fn sp(mut self, value: u64) -> Self {
        self.sp = value;
        self
    }

    /// Sets the flags: N, Z, C, V from bit 3 to bit 0.
    #[must_use]
    pub fn nzcv(mut self, flags: u8) -> Self {
        self.nzcv = flags & 0xf;
        self
    }

    /// Chooses the exception level.
    #[must_use]
    pub fn at(mut self, el: El) -> Self {
        self.el = el;
        self
    }

    /// Starts with PSTATE.TCO set.
    #[must_use]
    pub fn tco(mut self) -> Self {
        self.tco = true;
        self
    }

    /// Writes a system register before the block begins.
    #[must_use]
    pub fn sys(mut self, register: SysReg, value: u64) -> Self {
        self.sys[register as usize] = Some(value);
        self
    }

    /// Sets v0 to v31, and asks for what they hold at the end; without this they stay in the CPU as they are.
    #[must_use]
    pub fn vectors(mut self, values: Vectors) -> Self {
        self.v = Some(Box::new(values));
        self.scalable = None;
        self
    }

    /// Sets z0 to z31, p0 to p15, FFR and the vector length, and asks for what they hold at the end; without this they stay in
    /// the CPU as they are. v0 to v31 are the first 16 bytes of z0 to z31, so this takes the place of [`Self::vectors`].
    #[must_use]
    pub fn scalable(mut self, values: ScalableState) -> Self {
        self.scalable = Some(values);
        self.v = None;
        self
    }

    /// What the scalable registers are to hold, if the block says.
    #[must_use]
    pub fn initial_scalable(&self) -> Option<&ScalableState> {
        self.scalable.as_ref()
    }

    /// What v0 to v31 are to hold, if the block says.
    #[must_use]
    pub fn initial_vectors(&self) -> Option<&Vectors> {
        self.v.as_deref()
    }

    /// The exception level.
    #[must_use]
    pub fn el(&self) -> El {
        self.el
    }

    /// The instruction words.
    #[must_use]
    pub fn words(&self) -> &[u32] {
        &self.words
    }

    /// Returns the record that the mailbox takes; `new_words` unless the vCPU's last block had the same.
    #[must_use]
    pub fn record(&self, new_words: bool) -> mailbox::Block {
        let mut sys_mask = 0;
        let mut sys = [0; SYS_REGS];
        for register in SysReg::ALL {
            if let Some(value) = self.sys[register as usize] {
                sys_mask |= register.bit();
                sys[register as usize] = value;
            }
        }
        mailbox::Block {
            x: self.x,
            sp: self.sp,
            nzcv: u64::from(self.nzcv) << 28,
            el: self.el as u64,
            tco: u64::from(self.tco),
            sys_mask,
            sys,
            words: self.words.len() as u64,
            new_words: u64::from(new_words),
            simd: u64::from(self.v.is_some()),
            vector_bytes: self.scalable.as_ref().map_or(0, |values| values.vector_bytes().into()),
        }
    }

    /// Prints the block as a listing, one numbered instruction a line.
    #[must_use]
    pub fn listing(&self) -> Vec<String> {
        let instruction =
            |word: u32| Insn::decode(word).map_or_else(|| format!(".inst {word:#010x}"), |i| i.to_string());
        self.words.iter().enumerate().map(|(i, word)| format!("{i:4}  {}", instruction(*word))).collect()
    }
}
