//! What a guest finds in its RAM before its first instruction: the firmware, and the boot block that says who the host is.

use abi::boot::{BootBlock, HOST_MAGIC};
use abi::map;
use zerocopy::IntoBytes;

use super::error::MachineError;
use super::firmware::Firmware;
use super::mailbox::Memory;

/// Who starts the vCPUs after the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartedBy {
    /// The host, each at the firmware's entry.
    Host,
    /// The firmware, by PSCI CPU_ON.
    Firmware,
}

/// Writes the firmware's segments and the boot block of a VM with `cpus` vCPUs.
///
/// # Errors
///
/// When guest memory cannot be written.
pub fn write(
    memory: &mut dyn Memory,
    firmware: &Firmware<'_>,
    cpus: usize,
    others: StartedBy,
) -> Result<(), MachineError> {
    for segment in &firmware.segments {
        memory.write(segment.ipa, segment.data)?;
    }
    let block = BootBlock {
        magic: HOST_MAGIC,
        version: abi::ABI_VERSION,
        cpus: cpus as u32,
        start_others: u32::from(others == StartedBy::Firmware),
        reserved: 0,
    };
    memory.write(map::SHARED_BASE, block.as_bytes())
}
