//! Opens QEMU without a kernel as a target.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use machine::Config;
use machine::target::{Host, OpenError, Opened, Opener};

use super::emulator::QemuConfig;
use super::factory::TcgFactory;
use crate::program::Qemu;

/// What QEMU emulates unless the user says otherwise: all that it can.
pub const CPU: &str = "max";

/// Which QEMU, what it emulates, and the firmware in it.
///
/// Open it on a thread that outlives its machines: QEMU dies with the thread that started it.
#[derive(Clone, Debug)]
pub struct Emulation {
    /// The QEMU program.
    pub qemu: PathBuf,
    /// QEMU's `-cpu`.
    pub cpu: String,
    /// When the run is to be over.
    pub deadline: Instant,
    /// The firmware: an ELF file's bytes.
    pub image: Vec<u8>,
    /// How long a guest may take for one request.
    pub guest_timeout: Duration,
}

impl Opener for Emulation {
    fn open(&self, config: Config) -> Result<Opened, OpenError> {
        let qemu = Qemu::probe(&self.qemu, self.deadline).map_err(|error| {
            let (reason, remedy) = crate::reason_and_remedy(&error.to_string());
            OpenError::Broken { reason, remedy }
        })?;
        let host = Host { emulator: format!("QEMU {}", qemu.version), cpu: self.cpu.clone(), ..Host::default() };
        let factory =
            TcgFactory::new(QemuConfig { qemu, cpu: self.cpu.clone() }, self.image.clone(), self.guest_timeout);
        Opened::boot(Box::new(factory), host, config)
    }
}
