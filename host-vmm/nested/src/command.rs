//! QEMU's command line for a nested run.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use qemu::program::Qemu;

use super::Options;

/// The machine: EL2 for the inner KVM, tag storage, and the interrupt controller that KVM needs.
const MACHINE: &str = "virt,virtualization=on,mte=on,gic-version=3";

/// Kernel parameters of every run. A panic ends QEMU at once (`panic=-1` with `-no-reboot`), and an oops is
/// a panic, since a kernel that oopsed proves nothing. `printk.time` gives each message the stamp that
/// [`super::wire`] knows it by, and `earlycon` lets a kernel that dies early say why. The
/// crypto self-tests are two thirds of a boot's instructions. Making and destroying VMs waits for RCU, which a
/// single CPU would do for several ticks each time.
const PARAMETERS: &str =
    "console=ttyAMA0 earlycon panic=-1 oops=panic quiet printk.time=1 cryptomgr.notests rcupdate.rcu_expedited=1";

/// Parts of a stock kernel that KVM never uses, and whose start takes a tenth of the boot: a jitter random
/// generator, events for kprobes, BPF's view of a TCP algorithm. A kernel without them ignores the names.
const LEFT_OUT: &[&str] = &["jent_mod_init", "init_kprobe_trace", "bpf_tcp_ca_kfunc_init", "cubictcp_register"];

/// MiB that a kexec takes: two kernels and three initramfs.
const KEXEC_MIB: u32 = 384;

/// Returns the command line of a run.
#[must_use]
pub fn command(qemu: &Qemu, options: &Options, initramfs: &Path) -> Command {
    let mut command = Command::new(&qemu.program);
    command.args(["-M", MACHINE, "-cpu", &options.cpu]);
    let memory_mib = options.memory_mib + if options.behind_kexec { KEXEC_MIB } else { 0 };
    command.args(["-smp", &options.smp.to_string(), "-m", &memory_mib.to_string()]);
    command.args(numa(memory_mib));
    command.args(["-nodefaults", "-display", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot"]);
    command.args([OsString::from("-kernel"), options.kernel.clone().into()]);
    command.args([OsString::from("-initrd"), initramfs.into()]);
    command.args(["-append", &parameters(&options.append)]);
    command.args(options.parcel.iter().flat_map(|parcel| parcel.arguments()));
    command
}

/// Divides the memory into two nodes, so that pages have somewhere to be moved to. The CPUs are all in the first.
fn numa(memory_mib: u32) -> Vec<String> {
    let second = memory_mib / 4;
    let mut arguments = Vec::new();
    for (number, mib) in [memory_mib - second, second].into_iter().enumerate() {
        arguments.extend(["-object".to_owned(), format!("memory-backend-ram,id=node{number},size={mib}M")]);
        arguments.extend(["-numa".to_owned(), format!("node,nodeid={number},memdev=node{number}")]);
    }
    arguments
}

/// Joins the parameters of every run with the user's, which come last and so win.
fn parameters(append: &str) -> String {
    let left_out = LEFT_OUT.join(",");
    format!("{PARAMETERS} initcall_blacklist={left_out} {append}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_parameters_come_last() {
        let all = parameters("loglevel=7");
        assert!(all.starts_with("console=ttyAMA0 ") && all.ends_with(" loglevel=7"), "{all}");
    }
}
