//! A VMM that saves a guest with MTE and restores it into another VM.
//!
//! The guest tags sixteen granules with IRG and STG, stores to a doorbell, and is saved there. Then it reads its tags
//! back with LDG and draws one more tag, both in the VM where it was and in the one where it was restored. The two must
//! go on in the same way, and see the tags that the VMM fetched. It needs arm64 Linux 5.14 or later on a CPU with MTE:
//!
//! ```console
//! $ cargo run --example save_restore --features kvm-ioctls
//! ```

#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
mod guest;
#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
mod vmm;

#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    vmm::run()
}

#[cfg(not(all(target_os = "linux", target_arch = "aarch64")))]
fn main() -> std::process::ExitCode {
    eprintln!("this example needs arm64 Linux 5.14 or later, and a CPU with MTE; build it for aarch64");
    std::process::ExitCode::FAILURE
}
