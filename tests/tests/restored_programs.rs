//! Programs whose guests are saved and restored at every checkpoint, in memory and through a file: they show what they show without.

use std::process::Command;

use granule_tests::environment::{self, AGENT, BIN, KERNEL_6_12, QEMU};
use granule_tests::process::{ExitedProcess, Process};
use report::exit::Exit;

const SEED: &str = "0x5a7e";

fn fuzz(via: &str, way: &str, programs: &str) -> ExitedProcess {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let mut granule = Command::new(environment::file(BIN));
    granule.arg("fuzz").arg("--save").arg(scratch.path());
    granule.args(["--via", via, "--save-restore", way, "--programs", programs, "--seed", SEED, "--jobs", "1"]);
    if via != "model" {
        granule.arg("--qemu").arg(environment::file(QEMU));
    }
    if via == "nested" {
        granule.arg("--kernel").arg(environment::file(KERNEL_6_12)).arg("--agent").arg(environment::file(AGENT));
    }
    Process::start(&mut granule).end()
}

#[test]
#[ignore = "needs QEMU and a kernel; cargo xtask test runs it"]
fn nothing_changes_by_it() {
    for (via, way, programs) in
        [("model", "memory", "4000"), ("tcg", "memory", "150"), ("nested", "memory", "150"), ("nested", "file", "150")]
    {
        let ended = fuzz(via, way, programs);
        assert_eq!(ended.status.code(), Some(Exit::Passed as i32), "{via}, {way}: {ended}");
    }
}

#[test]
#[ignore = "needs granule and QEMU; cargo xtask test runs it"]
fn what_has_no_snapshot_has_none_in_a_file() {
    for via in ["model", "tcg"] {
        let ended = fuzz(via, "file", "1");
        assert_eq!(ended.status.code(), Some(Exit::Usage as i32), "{via}: {ended}");
    }
    let mut granule = Command::new(environment::file(BIN));
    let cases = Process::start(granule.args(["run", "--via", "model", "--save-restore", "memory"])).end();
    assert_eq!(cases.status.code(), Some(Exit::Usage as i32), "{cases}");
}
