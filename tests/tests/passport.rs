//! Whether a saved guest can be restored elsewhere: what two files predict, and what each kernel says when it is asked.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use granule_tests::environment::{self, AGENT, BIN, KERNEL_6_1, KERNEL_6_12, KERNEL_SID, QEMU, QEMU_SID};
use granule_tests::process::Process;
use report::exit::Exit;

/// Where guests are saved and restored: a name, the kernel, QEMU, and more arguments.
const CELLS: [(&str, &str, &str, &[&str]); 9] = [
    ("6.1", KERNEL_6_1, QEMU, &[]),
    ("6.12", KERNEL_6_12, QEMU, &[]),
    ("sid", KERNEL_SID, QEMU, &[]),
    ("sid-qemu-11", KERNEL_SID, QEMU_SID, &[]),
    ("6.12-qemu-11", KERNEL_6_12, QEMU_SID, &[]),
    ("6.12-pauth", KERNEL_6_12, QEMU, &["--cpu", "max"]),
    ("6.12-no-sve", KERNEL_6_12, QEMU, &["--cpu", "max,pauth=off,sve=off"]),
    ("6.12-sve-32", KERNEL_6_12, QEMU, &["--cpu", "max,pauth=off,sve-max-vq=2"]),
    ("6.12-48-bits", KERNEL_6_12, QEMU, &["--append", "arm64.nolva"]),
];

const PROGRAM: &str = "\
granule program 1
block el=1
  x0 = tagged+0x40 tag 9
  x10 = uart
  x11 = checkpoint
code
  stg x0, [x0]
  strb w11, [x10]
end
";

fn nested(command: &str, (_, kernel, qemu, more): (&str, &str, &str, &[&str])) -> Command {
    let mut granule = Command::new(environment::file(BIN));
    granule.args([command, "--via", "nested", "--qemu"]).arg(environment::file(qemu));
    granule.arg("--kernel").arg(environment::file(kernel)).arg("--agent").arg(environment::file(AGENT)).args(more);
    granule
}

/// Does something for each cell, two at a time.
fn two_at_a_time<T: Send>(work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let (work, middle) = (&work, CELLS.len() / 2);
    thread::scope(|scope| {
        let first = scope.spawn(move || (0..middle).map(work).collect::<Vec<_>>());
        let second: Vec<T> = (middle..CELLS.len()).map(work).collect();
        let mut all = first.join().expect("the first half is done");
        all.extend(second);
        all
    })
}

/// Returns the registers and fields that the lines about a file name.
fn named(lines: &str, file: &Path) -> BTreeSet<String> {
    let prefix = format!("{}: ", file.display());
    let lines = lines.lines().filter_map(|line| line.strip_prefix(&prefix));
    let obstacles = lines.filter(|line| !line.contains("can be restored"));
    // `vCPU 0: REGISTER: …`, or `FIELD: …`.
    obstacles
        .map(|line| {
            let vcpu = line.strip_prefix("vCPU 0: ").unwrap_or(line);
            vcpu.split(": ").next().unwrap_or_default().to_owned()
        })
        .collect()
}

#[test]
#[ignore = "needs QEMU and kernels; cargo xtask test runs it"]
fn what_two_files_predict_is_what_the_kernel_says() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let program = scratch.path().join("program.granule");
    fs::write(&program, PROGRAM).unwrap();
    let files: Vec<PathBuf> = CELLS.iter().map(|cell| scratch.path().join(format!("{}.core", cell.0))).collect();
    two_at_a_time(|number| {
        let (cell, file) = (CELLS[number], &files[number]);
        let ended = Process::start(nested("save", cell).arg(&program).arg(file)).end();
        assert_eq!(ended.status.code(), Some(Exit::Passed as i32), "{}: {ended}", cell.0);
    });
    let tried =
        two_at_a_time(|number| Process::start(nested("restore", CELLS[number]).arg("--try").args(&files)).end());
    let (mut possible, mut pairs, mut wrong) = (0, 0, Vec::new());
    for ((cell, there), tried) in CELLS.iter().zip(&files).zip(tried) {
        for (from, file) in CELLS.iter().zip(&files) {
            let mut show = Command::new(environment::file(BIN));
            let predicted = Process::start(show.arg("show").arg(file).arg("--restorable-on").arg(there)).end();
            let (expected, found) = (named(&predicted.stdout, file), named(&tried.stdout, file));
            pairs += 1;
            possible += usize::from(found.is_empty());
            if expected != found {
                let only = |one: &BTreeSet<String>, other: &BTreeSet<String>| {
                    one.difference(other).cloned().collect::<Vec<_>>().join(", ")
                };
                let (false_alarms, missed) = (only(&expected, &found), only(&found, &expected));
                wrong.push(format!("{} on {}: only predicted: {false_alarms}; only refused: {missed}", from.0, cell.0));
            }
        }
    }
    println!("{pairs} pairs, {possible} of them can be restored");
    assert!(wrong.is_empty(), "of {pairs} pairs:\n{}", wrong.join("\n"));
    assert!(possible >= CELLS.len() && possible < pairs, "{possible} of {pairs} can be restored");
}
