//! Opens QEMU without a kernel as a target.

use std::path::PathBuf;
use std::time::Duration;

use machine::target::{Host, OpenError, Opened, Opener};
use machine::{Config, Deadline};

use super::emulator::QemuConfig;
use super::factory::TcgFactory;
use crate::program::Qemu;

/// What QEMU emulates unless the user says otherwise: all that it can.
pub const CPU: &str = "max";

/// How long QEMU may take to say its version.
const ANSWER: Duration = Duration::from_secs(60);

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
    pub deadline: Deadline,
    /// The firmware: an ELF file's bytes.
    pub image: Vec<u8>,
    /// How long a guest may take for one request.
    pub guest_timeout: Duration,
}

impl Opener for Emulation {
    fn open(&self, config: Config) -> Result<Opened, OpenError> {
        let limit = self.deadline.limits(ANSWER);
        let qemu = Qemu::probe(&self.qemu, limit).map_err(|error| OpenError::broken(&error))?;
        let host = Host { emulator: format!("QEMU {}", qemu.version), cpu: self.cpu.clone(), ..Host::default() };
        let qemu_config = QemuConfig { qemu, cpu: self.cpu.clone() };
        let factory = TcgFactory::new(qemu_config, self.image.clone(), self.guest_timeout, self.deadline);
        Opened::boot(Box::new(factory), host, config)
    }
}
