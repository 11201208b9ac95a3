//! The firmware's side of a mailbox. All accesses are volatile, because the host accesses the same memory.

use abi::boot::{BootBlock, HOST_MAGIC};
use abi::doorbell::Doorbell;
use abi::mailbox::{
    Block, BlockReply, BootReport, MAX_MESSAGE, MAX_TRAPS, MAX_WORDS, Mailbox, PanicRecord, SYS_REGS, Status, Trap,
};
use abi::map;

use crate::{cpu, scalable, uart};

/// The mailbox of one vCPU.
#[derive(Clone, Copy)]
pub struct CpuMailbox {
    cpu: usize,
}

/// Reads a field of a mailbox.
macro_rules! load {
    ($mailbox:expr, $($field:tt)+) => {{
        let record = $mailbox.record();
        // SAFETY: `record` points at MAILBOX_STRIDE mapped bytes, and a `Mailbox` is not larger (asserted in `abi`), so
        // the field is within that memory.
        #[expect(unsafe_code, reason = "memory shared with the host")]
        let field = unsafe { &raw const (*record).$($field)+ };
        // SAFETY: the field is mapped and aligned, and any bytes are a valid value: it consists of integers.
        #[expect(unsafe_code, reason = "memory shared with the host")]
        unsafe {
            field.read_volatile()
        }
    }};
}

/// Writes a field of a mailbox.
macro_rules! store {
    ($mailbox:expr, $value:expr => $($field:tt)+) => {{
        let (record, value) = ($mailbox.record(), $value);
        // SAFETY: as for `load`.
        #[expect(unsafe_code, reason = "memory shared with the host")]
        let field = unsafe { &raw mut (*record).$($field)+ };
        // SAFETY: the field is mapped writable and aligned, and no reference to it exists.
        #[expect(unsafe_code, reason = "memory shared with the host")]
        unsafe {
            field.write_volatile(value);
        }
    }};
}

impl CpuMailbox {
    /// Returns the mailbox of a vCPU; a number above the maximum stands for the last vCPU.
    pub fn of(cpu: usize) -> Self {
        Self { cpu: cpu.min(map::MAX_CPUS - 1) }
    }

    /// Returns the number of the vCPU.
    pub fn cpu(&self) -> usize {
        self.cpu
    }

    /// Returns the address of the mailbox, which is page-aligned.
    fn record(&self) -> *mut Mailbox {
        map::mailbox_ipa(self.cpu) as *mut Mailbox
    }

    /// Waits for a request with another number than `last`, and returns its number and kind.
    pub fn wait(&self, last: u32) -> (u32, u32) {
        loop {
            let request = load!(self, control.request);
            if request != last {
                cpu::barrier();
                return (request, load!(self, control.kind));
            }
            cpu::relax();
        }
    }

    /// Reads the arguments of a request other than `Run`.
    pub fn arguments(&self) -> [u64; 4] {
        load!(self, arguments)
    }

    /// Reads the block to run, without its instruction words: see [`Self::word`].
    pub fn block(&self) -> Block {
        load!(self, block)
    }

    /// Reads an instruction word of the block.
    ///
    /// # Panics
    /// If `index` is above `MAX_WORDS`.
    pub fn word(&self, index: usize) -> u32 {
        load!(self, words[index])
    }

    /// Records an exception of the block; without effect if `index` is not below `MAX_TRAPS`.
    pub fn record_trap(&self, index: usize, trap: Trap) {
        if index < MAX_TRAPS {
            store!(self, trap => traps[index]);
        }
    }

    /// Reads a recorded exception.
    pub fn trap(&self, index: usize) -> Trap {
        load!(self, traps[index.min(MAX_TRAPS - 1)])
    }

    /// Writes a block as a host would, to run at EL1 with tag checks. The self-test uses it.
    pub fn set_block(&self, x: [u64; 31], words: &[u32]) {
        for (i, word) in words.iter().enumerate().take(MAX_WORDS) {
            store!(self, *word => words[i]);
        }
        let words = words.len().min(MAX_WORDS) as u64;
        let block = Block {
            x,
            sp: 0,
            nzcv: 0,
            el: 1,
            tco: 0,
            sys_mask: 0,
            sys: [0; SYS_REGS],
            words,
            new_words: 1,
            simd: 0,
            vector_bytes: 0,
        };
        store!(self, block => block);
    }

    /// Reads the initial v0 to v31 of the block.
    pub fn vectors(&self) -> [[u64; 2]; 32] {
        load!(self, v)
    }

    /// Writes v0 to v31 after the block.
    pub fn set_reply_vectors(&self, vectors: [[u64; 2]; 32]) {
        store!(self, vectors => v_reply);
    }

    /// Loads the initial scalable registers of the block.
    ///
    /// # Panics
    /// If the CPU does not implement FEAT_SVE.
    pub fn load_scalable(&self) {
        assert!(scalable::is_implemented());
        // SAFETY: `record` points at MAILBOX_STRIDE mapped bytes, and a `Mailbox` is not larger.
        #[expect(unsafe_code, reason = "memory shared with the host")]
        let values = unsafe { &raw const (*self.record()).scalable };
        // SAFETY: the CPU has SVE, and the field is mapped; any bytes are valid.
        #[expect(unsafe_code, reason = "memory shared with the host")]
        unsafe {
            scalable::load(values);
        }
    }

    /// Stores the scalable registers after the block.
    ///
    /// # Panics
    /// If the CPU does not implement FEAT_SVE.
    pub fn store_scalable(&self) {
        assert!(scalable::is_implemented());
        // SAFETY: as for `load_scalable`.
        #[expect(unsafe_code, reason = "memory shared with the host")]
        let values = unsafe { &raw mut (*self.record()).scalable_reply };
        // SAFETY: the CPU has SVE, and the field is mapped writable, and no reference to it exists.
        #[expect(unsafe_code, reason = "memory shared with the host")]
        unsafe {
            scalable::store(values);
        }
    }

    /// Writes the reply to a block.
    pub fn set_reply(&self, reply: BlockReply) {
        store!(self, reply => reply);
    }

    /// Writes the results of a request other than `Run`.
    pub fn set_results(&self, results: [u64; 4]) {
        store!(self, results => results);
    }

    /// Writes the boot report.
    pub fn set_boot_report(&self, report: BootReport) {
        store!(self, report => boot);
    }

    /// Marks request `number` as complete and rings the doorbell.
    pub fn complete(&self, number: u32, status: Status) {
        store!(self, status as u32 => control.status);
        cpu::barrier();
        store!(self, number => control.reply);
        self.ring(Doorbell::Reply);
    }

    /// Writes the panic record, with the message truncated to `MAX_MESSAGE` bytes, and rings the doorbell.
    pub fn panic(&self, trap: Trap, x: [u64; 31], message: &[u8]) {
        let length = message.len().min(MAX_MESSAGE);
        let mut record = PanicRecord { trap, x, length: length as u64, message: [0; MAX_MESSAGE] };
        record.message[..length].copy_from_slice(&message[..length]);
        store!(self, record => panic);
        self.ring(Doorbell::Panic);
    }

    fn ring(&self, bell: Doorbell) {
        cpu::barrier();
        uart::store(bell.byte(self.cpu));
    }
}

/// Reads the boot block. Returns `None` if there is no host.
pub fn host() -> Option<BootBlock> {
    // SAFETY: the shared region is mapped and page-aligned, and any bytes are a valid `BootBlock`. The host writes it
    // before the first instruction only.
    #[expect(unsafe_code, reason = "memory shared with the host")]
    let block = unsafe { (map::SHARED_BASE as *const BootBlock).read_volatile() };
    (block.magic == HOST_MAGIC).then_some(block)
}
