//! What happens to this host as a whole: CPUs that go offline, suspend, swap that is emptied.
//!
//! Only the host of a nested run is treated so: it is the run's own, and this process is its first.

use std::fs;
use std::path::PathBuf;

use machine::need::Need;
use machine::{HostEvent, MachineError};

use super::swap;

/// CPUs, each with a file that says whether it is online (Documentation/core-api/cpu_hotplug.rst).
const CPUS: &str = "/sys/devices/system/cpu";
/// Where the host is suspended (Documentation/admin-guide/pm/sleep-states.rst).
const STATE: &str = "/sys/power/state";
/// When the clock is to wake the host, in seconds; + stands for from now on.
const ALARM: &str = "/sys/class/rtc/rtc0/wakealarm";

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

fn suspend() -> Result<(), MachineError> {
    let write = |path: &str, value: &str| {
        fs::write(path, value).map_err(|error| lacking(Need::Suspend, format!("{path} cannot be written: {error}")))
    };
    write(ALARM, "0")?;
    write(ALARM, "+1")?;
    write(STATE, "freeze")
}
