//! What happens to this host as a whole: CPUs that go offline, suspend, hibernation, swap that is emptied.
//!
//! Only the host of a nested run is treated so: it is the run's own, and this process is its first.

use std::fs;
use std::path::{Path, PathBuf};

use machine::need::Need;
use machine::{HostEvent, MachineError};
use rustix::thread::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};

use super::swap;

/// CPUs, each with a file that says whether it is online (Documentation/core-api/cpu_hotplug.rst).
const CPUS: &str = "/sys/devices/system/cpu";
/// Where the host is suspended (Documentation/admin-guide/pm/sleep-states.rst).
const STATE: &str = "/sys/power/state";
/// When the clock is to wake the host, in seconds; + stands for from now on.
const ALARM: &str = "/sys/class/rtc/rtc0/wakealarm";
/// How much of a suspend is tested, and for how many seconds (Documentation/power/basic-pm-debugging.rst).
const TEST: &str = "/sys/power/pm_test";
const TEST_DELAY: &str = "/sys/module/suspend/parameters/pm_test_delay";
/// How a hibernation ends, and how many bytes its image should have (Documentation/power/basic-pm-debugging.rst, interface.rst).
const DISK: &str = "/sys/power/disk";
const IMAGE_SIZE: &str = "/sys/power/image_size";

fn lacking(need: Need, reason: impl Into<String>) -> MachineError {
    need.unmet(reason).into()
}

/// Lets something happen to the host.
///
/// # Errors
///
/// `Lacking` when it cannot, or is not the run's own.
pub fn happen(event: HostEvent) -> Result<(), MachineError> {
    if std::process::id() != 1 {
        return Err(lacking(Need::OwnHost, "it changes the host: only in a nested run"));
    }
    match event {
        HostEvent::CycleCpus => cycle_cpus(),
        HostEvent::SuspendToIdle => suspend(),
        HostEvent::TestSuspend => test_suspend(),
        HostEvent::Hibernate => hibernate(),
        HostEvent::EmptySwap => swap::empty(),
        HostEvent::CompressSwap(on) => swap::compress(on),
    }
}

/// Lists the switches of the CPUs that can go offline.
fn switches() -> Vec<PathBuf> {
    let cpus = fs::read_dir(CPUS).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = cpus.map(|cpu| cpu.path().join("online")).filter(|switch| switch.is_file()).collect();
    found.retain(|switch| fs::read_to_string(switch).is_ok_and(|text| text.trim() == "1"));
    found.sort();
    found
}

fn cycle_cpus() -> Result<(), MachineError> {
    let switches = switches();
    if switches.len() < 2 {
        return Err(lacking(Need::SecondCpu, "this host has no second CPU that can go offline"));
    }
    for switch in switches {
        for value in ["0", "1"] {
            fs::write(&switch, value).map_err(|error| {
                lacking(Need::SecondCpu, format!("{value} cannot be written to {}: {error}", switch.display()))
            })?;
        }
    }
    Ok(())
}

/// Writes to a file of /sys; what lacks is what the write is for.
fn write(need: Need, path: &str, value: &str) -> Result<(), MachineError> {
    fs::write(path, value).map_err(|error| lacking(need, format!("{value} cannot be written to {path}: {error}")))
}

/// Suspends to idle. All CPUs stay online, and so this thread stays on its own: whether another one resumes it is left to
/// [`HostEvent::CycleCpus`].
fn suspend() -> Result<(), MachineError> {
    let all = sched_getaffinity(None).unwrap_or_default();
    let mut own = CpuSet::new();
    own.set(sched_getcpu());
    // Where it is refused the scheduler decides.
    let _ = sched_setaffinity(None, &own);
    let suspended = [(ALARM, "0"), (ALARM, "+1"), (STATE, "freeze")]
        .into_iter()
        .try_for_each(|(path, value)| write(Need::Suspend, path, value));
    let _ = sched_setaffinity(None, &all);
    suspended
}

/// Goes through a hibernation as far as the level `core`: no image is made.
fn test_suspend() -> Result<(), MachineError> {
    if !Path::new(TEST).exists() {
        return Err(lacking(Need::SuspendTest, "this kernel has no pm_test (CONFIG_PM_SLEEP_DEBUG)"));
    }
    for (path, value) in [(TEST_DELAY, "0"), (TEST, "core")] {
        write(Need::SuspendTest, path, value)?;
    }
    let tested = write(Need::SuspendTest, STATE, "disk");
    write(Need::SuspendTest, TEST, "none")?;
    tested
}

/// Writes an image, as small as can be, and resumes from it without a reboot.
fn hibernate() -> Result<(), MachineError> {
    if !fs::read_to_string(DISK).is_ok_and(|modes| modes.contains("test_resume")) {
        return Err(lacking(Need::Hibernation, "this kernel cannot be hibernated (CONFIG_HIBERNATION)"));
    }
    if swap::areas().is_empty() {
        return Err(lacking(Need::Hibernation, "this host has no swap to hibernate to"));
    }
    for (path, value) in [(IMAGE_SIZE, "0"), (DISK, "test_resume"), (STATE, "disk")] {
        write(Need::Hibernation, path, value)?;
    }
    Ok(())
}
