//! The reports for other projects under docs/upstream/: there is one for each defect that was measured and is not fixed
//! upstream, and its reproducer shows the defect, in the versions that the table of errata names and in no other.
//!
//! A reproducer of Linux is a C file that is the first process of a kernel in nested KVM; one of QEMU is a program for the
//! bare machine. Neither knows granule.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use errata::{Environment, Erratum, Evidence, Product};
use granule_tests::environment::{self, CC, KERNEL_6_1, KERNEL_6_12, KERNEL_SID, QEMU};
use granule_tests::init::{initramfs, status_of};
use granule_tests::process::Process;

/// Exit statuses of reproducers: not reproduced, reproduced.
const NOT_REPRODUCED: u32 = 0;
const REPRODUCED: u32 = 1;

/// What has reports.
const PRODUCTS: [Product; 1] = [Product::Linux];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/upstream")
}

/// Lists the errata that upstream does not know how to be fixed: measured, and in the newest version.
fn to_report(product: Product) -> impl Iterator<Item = &'static Erratum> {
    errata::all().filter(move |erratum| {
        let is_open = erratum.versions.iter().any(|range| range.until.is_none());
        erratum.product == product && erratum.evidence == Evidence::Measured && is_open
    })
}

/// Returns the reproducer's name in the folder of an erratum.
fn reproducer(product: Product) -> &'static str {
    match product {
        Product::Linux => "reproduce.c",
        Product::Qemu => "reproduce.S",
    }
}

#[test]
fn each_open_erratum_has_its_report_and_nothing_else_is_there() {
    let mut expected = BTreeSet::new();
    for product in PRODUCTS {
        for erratum in to_report(product) {
            expected.insert(erratum.id.to_owned());
            for name in ["report.txt", reproducer(product)] {
                let path = folder().join(erratum.id).join(name);
                assert!(path.is_file(), "there is no {}", path.display());
            }
        }
    }
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap());
    let found: BTreeSet<_> = entries
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    assert_eq!(found, expected, "folders of docs/upstream, and errata that are open");
    let page = fs::read_to_string(folder().join("README.md")).unwrap();
    for id in expected {
        assert!(
            page.contains(&format!("({id}/report.txt)")),
            "docs/upstream/README.md does not link to {id}/report.txt"
        );
        for entry in fs::read_dir(folder().join(&id)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let known = ["report.txt", "reproduce.c", "reproduce.S", "fix.patch"].contains(&name.as_str());
            assert!(known, "docs/upstream/{id}/{name} is no part of a report");
        }
    }
}

/// Each report has the headings that a reader looks for, and says under what it was seen.
#[test]
fn each_report_says_where_it_was_seen() {
    for erratum in PRODUCTS.into_iter().flat_map(to_report) {
        let report = fs::read_to_string(folder().join(erratum.id).join("report.txt")).unwrap();
        let words: Vec<_> = report.split_whitespace().collect();
        let words = words.join(" ");
        for needed in ["This report has not been sent to anybody", " Subject: ", "reproduce.", "not on hardware"] {
            assert!(words.contains(needed), "{}: no {needed:?}", erratum.id);
        }
    }
}

/// What one run of a reproducer came to.
struct Reproduction {
    lines: Vec<String>,
    /// The kernel's release, as its first message says.
    kernel: String,
}

/// Runs a program as the first process of a kernel.
fn run_as_init(program: &Path, kernel: &str, cpu: &str) -> Reproduction {
    let scratch = tempfile::tempdir().unwrap();
    let archive = scratch.path().join("initramfs.cpio");
    fs::write(&archive, initramfs(&fs::read(program).unwrap())).unwrap();
    let mut command = Command::new(environment::file(QEMU));
    command.args(["-M", "virt,virtualization=on,mte=on,gic-version=3", "-cpu", cpu, "-m", "512", "-smp", "2"]);
    command.args(["-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot"]);
    command.arg("-kernel").arg(environment::file(kernel)).arg("-initrd").arg(&archive);
    command.args(["-append", "console=ttyAMA0 panic=-1 loglevel=6 cryptomgr.notests hugepages=2"]);
    let ended = Process::start(&mut command).end();
    assert!(ended.status.success(), "{ended}");
    let lines: Vec<String> = ended.stdout.lines().map(|line| line.trim_end().to_owned()).collect();
    let kernel = lines.iter().find_map(|line| line.split_once("Linux version ")?.1.split(' ').next());
    let kernel = kernel.unwrap_or_else(|| panic!("no version in {lines:#?}")).to_owned();
    Reproduction { lines, kernel }
}

/// Compiles a reproducer as its first comment says, without any warning.
fn compile(source: &Path, scratch: &Path) -> PathBuf {
    let program = scratch.join("reproduce");
    let mut command = Command::new(environment::file(CC));
    command.args(["-O2", "-static", "-Wall", "-Wextra", "-Werror", "-o"]).arg(&program).arg(source);
    let ended = Process::start(&mut command).end();
    assert!(ended.status.success(), "{}: {ended}", source.display());
    program
}

/// Returns whether a stock kernel of this environment shows it: it has the erratum, or another one that looks the same. One
/// that needs another build of the kernel does not count.
fn shows(environment: &Environment, erratum: &Erratum) -> bool {
    let looks_the_same = |other: &Erratum| other.cases.iter().any(|case| erratum.cases.contains(case));
    errata::all().any(|other| looks_the_same(other) && other.can_excuse() && environment.has(other))
}

/// Runs all reproducers of Linux on a kernel.
fn each_shows_what_the_table_says(kernel: &str) {
    let scratch = tempfile::tempdir().unwrap();
    for erratum in to_report(Product::Linux) {
        let program = compile(&folder().join(erratum.id).join("reproduce.c"), scratch.path());
        // The one CPU of QEMU's whose cache lines of tags are known.
        let cpu = if erratum.id == "linux.ctr-without-tag-lines" { "neoverse-n2" } else { "max,pauth=off" };
        let run = run_as_init(&program, kernel, cpu);
        let (status, start) = match shows(&Environment::new("", &run.kernel, "VHE"), erratum) {
            true => (REPRODUCED, "reproduced: "),
            false => (NOT_REPRODUCED, "not reproduced: "),
        };
        let lines = &run.lines;
        assert_eq!(status_of(lines), Some(status << 8), "{} on {}: {lines:#?}", erratum.id, run.kernel);
        assert!(lines.iter().any(|line| line.starts_with(start)), "{} on {}: {lines:#?}", erratum.id, run.kernel);
    }
}

#[test]
#[ignore = "needs QEMU, a kernel and a C compiler; cargo xtask test runs it"]
fn reproducers_of_linux_on_6_1() {
    each_shows_what_the_table_says(KERNEL_6_1);
}

#[test]
#[ignore = "needs QEMU, a kernel and a C compiler; cargo xtask test runs it"]
fn reproducers_of_linux_on_6_12() {
    each_shows_what_the_table_says(KERNEL_6_12);
}

#[test]
#[ignore = "needs QEMU, a kernel and a C compiler; cargo xtask test runs it"]
fn reproducers_of_linux_on_the_newest_kernel() {
    each_shows_what_the_table_says(KERNEL_SID);
}
