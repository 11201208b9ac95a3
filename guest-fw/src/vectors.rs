//! The exception vectors: includes `vectors.S` with the offsets and handlers that it uses.

use core::arch::global_asm;
use core::mem::offset_of;

use crate::frame::Frame;

/// The size of the stack on which the firmware reports its own exceptions, in bytes.
const PANIC_STACK_SIZE: usize = 4096;

/// The stack of the handler of the firmware's own exceptions. All vCPUs share it: the first panic is the one reported.
#[repr(C, align(16))]
struct PanicStack(core::cell::UnsafeCell<[u8; PANIC_STACK_SIZE]>);

// SAFETY: Rust code creates no reference to the contents; only `vectors.S` uses the address, as a stack pointer.
unsafe impl Sync for PanicStack {}

static PANIC_STACK: PanicStack = PanicStack(core::cell::UnsafeCell::new([0; PANIC_STACK_SIZE]));

global_asm!(
    include_str!("vectors.S"),
    X = const offset_of!(Frame, x),
    PC = const offset_of!(Frame, pc),
    CALLER_SP = const offset_of!(Frame, caller_sp),
    PANIC_STACK = sym PANIC_STACK,
    PANIC_STACK_SIZE = const PANIC_STACK_SIZE,
    BLOCK_EXCEPTION = sym crate::executor::block_exception,
    FIRMWARE_EXCEPTION = sym crate::panic::firmware_exception,
);
