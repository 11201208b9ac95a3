//! The reports for other projects under docs/upstream/: there is one for each defect that was measured and is not fixed
//! upstream, and its reproducer shows the defect, in the versions that the table of errata names and in no other.
//!
//! A reproducer of Linux is a C file that is the first process of a kernel in nested KVM; one of QEMU is a program for the
//! bare machine. Neither knows granule.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use errata::{Condition, Environment, Erratum, Evidence, Product};
use granule_tests::environment::{self, AS, CC, KERNEL_6_1, KERNEL_6_12, KERNEL_SID, QEMU, QEMU_SID};
use granule_tests::init::{initramfs, status_of};
use granule_tests::process::Process;

/// Exit statuses of reproducers: not reproduced, reproduced.
const NOT_REPRODUCED: u32 = 0;
const REPRODUCED: u32 = 1;

/// What has reports.
const PRODUCTS: [Product; 2] = [Product::Linux, Product::Qemu];

/// Folders that are named after no erratum, and what is in each beside the report: patches.
const EXTENSIONS: [(&str, &[&str]); 1] = [("gdbstub-memory-tags", &["memory-tags.patch", "register-order.patch"])];

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

/// Needs a debugger and two emulators.
const SAVED: &str = "qemu.saved-while-debugged";
/// What is shown by two emulators, of which the second loads what the first has saved: by a script.
const SCRIPTS: [&str; 2] = [SAVED, "qemu.saved-vectors-truncated"];

/// Returns the names of the report and of the reproducer in the folder of an erratum: as text for the kernel's mailing lists, as
/// Markdown for QEMU's tracker.
fn files(erratum: &Erratum) -> [&'static str; 2] {
    match erratum.product {
        Product::Linux => ["report.txt", "reproduce.c"],
        Product::Qemu if SCRIPTS.contains(&erratum.id) => ["report.md", "reproduce.sh"],
        Product::Qemu => ["report.md", "reproduce.S"],
    }
}

#[test]
fn each_open_erratum_has_its_report_and_nothing_else_is_there() {
    let errata: Vec<_> = PRODUCTS.into_iter().flat_map(to_report).collect();
    assert!(errata.len() >= 20, "{} errata", errata.len());
    let extensions = EXTENSIONS.into_iter().map(|(name, _)| name.to_owned());
    let expected: BTreeSet<_> = errata.iter().map(|erratum| erratum.id.to_owned()).chain(extensions).collect();
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap());
    let folders = entries.filter(|entry| entry.file_type().unwrap().is_dir());
    let found: BTreeSet<_> = folders.map(|entry| entry.file_name().into_string().unwrap()).collect();
    assert_eq!(found, expected, "folders of docs/upstream, and errata that are open");
    let page = fs::read_to_string(folder().join("README.md")).unwrap();
    for erratum in errata {
        let entries = fs::read_dir(folder().join(erratum.id)).unwrap().map(|entry| entry.unwrap());
        let mut found: BTreeSet<_> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
        if found.remove("fix.patch") {
            check_patch(&folder().join(erratum.id).join("fix.patch"));
            assert!(page.contains(&format!("({}/fix.patch)", erratum.id)), "no link to {}/fix.patch", erratum.id);
        }
        assert_eq!(found, files(erratum).map(str::to_owned).into(), "docs/upstream/{}", erratum.id);
        for file in files(erratum) {
            let link = format!("({}/{file})", erratum.id);
            assert!(page.contains(&link), "docs/upstream/README.md has no link {link}");
        }
    }
}

/// Checks that a file is as `git format-patch` makes it.
fn check_patch(path: &Path) {
    let patch = fs::read_to_string(path).unwrap();
    let is_patch = ["\nSubject: [PATCH] ", "\ndiff --git "].iter().all(|part| patch.contains(part));
    assert!(is_patch, "{} is none of git format-patch", path.display());
}

#[test]
fn each_extension_has_its_report_and_patches() {
    let page = fs::read_to_string(folder().join("README.md")).unwrap();
    for (name, patches) in EXTENSIONS {
        let entries = fs::read_dir(folder().join(name)).unwrap().map(|entry| entry.unwrap());
        let found: BTreeSet<_> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
        let expected = patches.iter().copied().chain(["report.md"]).map(str::to_owned).collect();
        assert_eq!(found, expected, "docs/upstream/{name}");
        patches.iter().for_each(|patch| check_patch(&folder().join(name).join(patch)));
        let report = fs::read_to_string(folder().join(name).join("report.md")).unwrap();
        for needed in ["This report has not been sent to anybody", "\n# "].into_iter().chain(patches.iter().copied()) {
            assert!(report.contains(needed), "{name}: no {needed:?}");
        }
        for file in found {
            assert!(page.contains(&format!("({name}/{file})")), "docs/upstream/README.md has no link to {name}/{file}");
        }
    }
}

/// Each report says that it was not sent, what its subject is, what belongs to it, and under what it was seen.
#[test]
fn each_report_says_where_it_was_seen() {
    for erratum in PRODUCTS.into_iter().flat_map(to_report) {
        let [report, reproducer] = files(erratum);
        let report = fs::read_to_string(folder().join(erratum.id).join(report)).unwrap();
        let subject = if erratum.product == Product::Linux { "\nSubject: " } else { "\n# " };
        assert!(report.contains(subject), "{}: no subject", erratum.id);
        let words: Vec<_> = report.split_whitespace().collect();
        let words = words.join(" ");
        for needed in ["This report has not been sent to anybody", reproducer, "not on hardware"] {
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

/// Returns how KVM has to run for an erratum, if that is not how it runs by itself.
fn needed_mode(erratum: &Erratum) -> Option<&'static str> {
    erratum.conditions.iter().find_map(|condition| match condition {
        Condition::Mode(mode) => Some(*mode),
        _ => None,
    })
}

/// Runs a program as the first process of a kernel, which is told how KVM has to run.
fn run_as_init(program: &Path, kernel: &str, cpu: &str, mode: Option<&str>) -> Reproduction {
    let scratch = tempfile::tempdir().unwrap();
    let archive = scratch.path().join("initramfs.cpio");
    fs::write(&archive, initramfs(&fs::read(program).unwrap())).unwrap();
    let mut command = Command::new(environment::file(QEMU));
    command.args(["-M", "virt,virtualization=on,mte=on,gic-version=3", "-cpu", cpu, "-m", "512", "-smp", "2"]);
    command.args(["-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot"]);
    command.arg("-kernel").arg(environment::file(kernel)).arg("-initrd").arg(&archive);
    let mode = mode.map_or(String::new(), |mode| format!(" kvm-arm.mode={mode}"));
    let parameters = format!("console=ttyAMA0 panic=-1 loglevel=6 cryptomgr.notests hugepages=2{mode}");
    command.args(["-append", &parameters]);
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
        let mode = needed_mode(erratum);
        let run = run_as_init(&program, kernel, cpu, mode);
        let (status, start) = match shows(&Environment::new("", &run.kernel, mode.unwrap_or("VHE")), erratum) {
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

/// Instructions that QEMU does right, in place of one that it does not: with them a reproducer must not show anything. So it
/// tells the two apart.
const CONTROLS: [(&str, &str, &str); 13] = [
    ("qemu.dc-zva-reads", "dc\tzva, x0", "str\tx1, [x0]"),
    ("qemu.cas-writes", "cas\tx1, x2, [x0]", "ldadd\tx1, x2, [x0]"),
    ("qemu.atomic-tag-check-first", "ldadd\tx1, x2, [x0]", "str\tx1, [x0]"),
    ("qemu.setg-without-ata", "setg", "set"),
    ("qemu.exclusive-load-alignment", "ldxr\tx1", "ldar\tx1"),
    ("qemu.tag-check-esr-extended", "ldr\tx1, [x0]", "nop"),
    // The source has the tag of its memory.
    ("qemu.store-only-copies", "orr\tx1, x0, x1", "mov\tx1, x0"),
    ("qemu.sb-keeps-branch-type", "sb\n", "isb\n"),
    ("qemu.pac-half-by-bit-63", "mov\tx20, #0x7f80000000000000", "mov\tx20, #0xff80000000000000"),
    ("qemu.pac-keeps-instruction-tag", "pacia\tx0, x1", "orr\tx0, x0, #0xf << 56"),
    ("qemu.exclusive-store-without-load", "mov\tx0, #-1", "mov\tx0, #-2"),
    ("qemu.exclusive-store-wider", "stxp\tw2, w3, w4, [x0]", "stlr\tx1, [x0]"),
    ("qemu.xpac-without-key", "xpaci\tx20", "ubfx\tx20, x20, #0, #39"),
];

/// Assembles and links a reproducer as its first comment says.
fn assemble(source: &str, scratch: &Path) -> PathBuf {
    let [text, object, program] = ["reproduce.S", "reproduce.o", "reproduce.elf"].map(|name| scratch.join(name));
    fs::write(&text, source).unwrap();
    let assembler = environment::file(AS);
    let linker = assembler.with_file_name("aarch64-linux-gnu-ld");
    let assembled = Process::start(Command::new(&assembler).arg("-o").args([&object, &text])).end();
    assert!(assembled.status.success(), "{assembled}");
    let mut command = Command::new(linker);
    command.arg("-Ttext=0x40100000").arg("-o").args([&program, &object]);
    let linked = Process::start(&mut command).end();
    assert!(linked.status.success(), "{linked}");
    program
}

/// Runs a reproducer with the options in its first comment, and returns what it prints.
fn run_bare(qemu: &Path, source: &str, scratch: &Path) -> String {
    let program = assemble(source, scratch);
    let options = source.split_once("qemu-system-aarch64 ").and_then(|(_, rest)| rest.split_once("reproduce.elf"));
    let (options, _) = options.expect("a command line in the first comment");
    // What continues it on the next line of the comment.
    let options = options.split_whitespace().filter(|word| !["\\", "*"].contains(word));
    let mut command = Command::new(qemu);
    command.args(options).arg(program);
    let ended = Process::start(&mut command).end();
    assert!(ended.status.success(), "{ended}");
    ended.stdout
}

fn version_of(qemu: &Path) -> Environment {
    let ended = Process::start(Command::new(qemu).arg("--version")).end();
    let version = ended.stdout.split_once("version ").and_then(|(_, rest)| rest.split([' ', '\n']).next());
    Environment::new(&format!("QEMU {}", version.expect("a version")), "", "")
}

/// Runs all reproducers of QEMU on one.
fn each_shows_what_the_table_says_of_qemu(variable: &str) {
    let qemu = environment::file(variable);
    let version = version_of(&qemu).version(Product::Qemu).expect("a version of QEMU");
    let scratch = tempfile::tempdir().unwrap();
    for erratum in to_report(Product::Qemu).filter(|erratum| !SCRIPTS.contains(&erratum.id)) {
        let source = fs::read_to_string(folder().join(erratum.id).join("reproduce.S")).unwrap();
        let printed = run_bare(&qemu, &source, scratch.path());
        let shown = printed.lines().any(|line| line.starts_with("reproduced: "));
        let not_shown = printed
            .lines()
            .any(|line| ["not reproduced: ", "cannot tell: "].iter().any(|start| line.starts_with(start)));
        assert!(shown != not_shown, "{}: {printed}", erratum.id);
        let looks_the_same =
            |other: &Erratum| other.id == erratum.id || other.cases.iter().any(|case| erratum.cases.contains(case));
        let expected =
            errata::all().any(|other| other.product == Product::Qemu && looks_the_same(other) && other.is_in(version));
        assert_eq!(shown, expected, "{} on QEMU {version}: {printed}", erratum.id);
    }
}

#[test]
#[ignore = "needs QEMU and an assembler; cargo xtask test runs it"]
fn reproducers_of_qemu_on_10() {
    each_shows_what_the_table_says_of_qemu(QEMU);
}

#[test]
#[ignore = "needs QEMU and an assembler; cargo xtask test runs it"]
fn reproducers_of_qemu_on_the_newest() {
    each_shows_what_the_table_says_of_qemu(QEMU_SID);
}

#[test]
#[ignore = "needs QEMU and an assembler; cargo xtask test runs it"]
fn reproducers_of_qemu_do_not_show_what_is_right() {
    let qemu = environment::file(QEMU_SID);
    let scratch = tempfile::tempdir().unwrap();
    for (id, wrong, right) in CONTROLS {
        let source = fs::read_to_string(folder().join(id).join("reproduce.S")).unwrap();
        assert!(source.contains(&format!("\t{wrong}")), "{id} has no {wrong}");
        let source = source.replace(&format!("\t{wrong}"), &format!("\t{right}"));
        let printed = run_bare(&qemu, &source, scratch.path());
        assert!(printed.lines().any(|line| line.starts_with("not reproduced: ")), "{id} with {right}: {printed}");
    }
}

#[test]
#[ignore = "needs QEMU; cargo xtask test runs it"]
fn what_is_lost_when_a_machine_is_saved() {
    for (variable, id) in [QEMU, QEMU_SID].into_iter().flat_map(|qemu| SCRIPTS.map(|id| (qemu, id))) {
        let qemu = environment::file(variable);
        // A port that is free now.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap().port();
        let mut command = Command::new("bash");
        command.arg(folder().join(id).join("reproduce.sh")).arg(&qemu).env("PORT", port.to_string());
        let ended = Process::start(&mut command).end();
        let erratum = to_report(Product::Qemu).find(|erratum| erratum.id == id).unwrap();
        let expected = if version_of(&qemu).has(erratum) { REPRODUCED } else { NOT_REPRODUCED };
        assert_eq!(ended.status.code(), i32::try_from(expected).ok(), "{ended}");
    }
}
