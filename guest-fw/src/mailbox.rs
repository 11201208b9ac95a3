//! The firmware's end of a mailbox. Volatile throughout: the host writes the other half.

use abi::boot::{BootBlock, HOST_MAGIC};
use abi::doorbell::Doorbell;
use abi::mailbox::{
    Block, BlockReply, BootReport, MAX_MESSAGE, MAX_TRAPS, MAX_WORDS, Mailbox, PanicRecord, SYS_REGS, Status, Trap,
};
use abi::map;

use crate::{cpu, uart};

/// One vCPU's mailbox.
#[derive(Clone, Copy)]
pub struct Post {
    cpu: usize,
}

/// Reads a field of a mailbox.
macro_rules! load {
    ($post:expr, $($field:tt)+) => {{
        // SAFETY: mailboxes are mapped, aligned, and hold plain integers; the host may change
        // them at any time, hence volatile.
        #[expect(unsafe_code, reason = "memory shared with the host")]
        unsafe { (&raw const (*$post.raw()).$($field)+).read_volatile() }
    }};
}

/// Writes a field of a mailbox.
macro_rules! store {
    ($post:expr, $value:expr => $($field:tt)+) => {{
        let value = $value;
        // SAFETY: as for `load`.
        #[expect(unsafe_code, reason = "memory shared with the host")]
        unsafe { (&raw mut (*$post.raw()).$($field)+).write_volatile(value) }
    }};
}

impl Post {
    /// Gives the mailbox of a vCPU; numbers past the map's are the last one's.
    pub fn of(cpu: usize) -> Self {
        Self { cpu: cpu.min(map::MAX_CPUS - 1) }
    }

    /// Which vCPU's this is.
    pub fn cpu(&self) -> usize {
        self.cpu
    }

    fn raw(&self) -> *mut Mailbox {
        map::mailbox_ipa(self.cpu) as *mut Mailbox
    }

    /// Waits for a request after number `last`; gives its number and kind.
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

    /// Gives the arguments of a request that is not a block.
    pub fn arguments(&self) -> [u64; 4] {
        load!(self, arguments)
    }

    /// Gives the block to run. Its words are read one by one with [`Self::word`].
    pub fn block(&self) -> Block {
        load!(self, block)
    }

    /// Gives one instruction word of the block; `index` is at most `MAX_WORDS`.
    pub fn word(&self, index: usize) -> u32 {
        load!(self, words[index])
    }

    /// Records an exception of the block, if there is room.
    pub fn record(&self, index: usize, trap: Trap) {
        if index < MAX_TRAPS {
            store!(self, trap => traps[index]);
        }
    }

    /// Gives an exception that was recorded.
    pub fn trap(&self, index: usize) -> Trap {
        load!(self, traps[index.min(MAX_TRAPS - 1)])
    }

    /// Files a block as a host would: to run at EL1 with checks on. Used without a host.
    pub fn place_block(&self, x: [u64; 31], words: &[u32]) {
        for (i, word) in words.iter().enumerate().take(MAX_WORDS) {
            store!(self, *word => words[i]);
        }
        let words = words.len().min(MAX_WORDS) as u64;
        let block =
            Block { x, sp: 0, nzcv: 0, el: 1, tco: 0, sys_mask: 0, sys: [0; SYS_REGS], words, new_words: 1, simd: 0 };
        store!(self, block => block);
    }

    /// Gives v0 to v31 as the block wants them.
    pub fn vectors(&self) -> [[u64; 2]; 32] {
        load!(self, v)
    }

    /// Files v0 to v31 after the block.
    pub fn reply_vectors(&self, vectors: [[u64; 2]; 32]) {
        store!(self, vectors => v_reply);
    }

    /// Files the block's reply.
    pub fn reply(&self, reply: BlockReply) {
        store!(self, reply => reply);
    }

    /// Files the results of a request that is not a block.
    pub fn results(&self, results: [u64; 4]) {
        store!(self, results => results);
    }

    /// Files what was found at boot.
    pub fn boot(&self, report: BootReport) {
        store!(self, report => boot);
    }

    /// Declares request `number` answered and rings for the host.
    pub fn answer(&self, number: u32, status: Status) {
        store!(self, status as u32 => control.status);
        cpu::barrier();
        store!(self, number => control.reply);
        self.ring(Doorbell::Reply);
    }

    /// Files the firmware's last words and rings for the host.
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

/// Reads the boot block: how many vCPUs the host has, `None` when no host left one.
pub fn host() -> Option<BootBlock> {
    // SAFETY: the shared region is mapped; the host wrote it before the first instruction.
    #[expect(unsafe_code, reason = "memory shared with the host")]
    let block = unsafe { (map::SHARED_BASE as *const BootBlock).read_volatile() };
    (block.magic == HOST_MAGIC).then_some(block)
}
