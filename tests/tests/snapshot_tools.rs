//! Stock tools on a snapshot: readelf, gdb and lldb find the registers, the memory, and every tag of 1 MiB.
//!
//! The snapshot is made here, so no VM is needed. What a guest's snapshot looks like is in docs/snapshot.md.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use granule_tests::environment::{self, AS, GDB, LLDB};
use granule_tests::process::{ExitedProcess, Process};
use kvm_mte::register::{Register, system_register};
use mte_snapshot::{Extent, Identity, Slot, Snapshot, Vcpu, View, file};
use tempfile::TempDir;

const PAGE: usize = 4096;
/// The firmware's arena: where a program under test has its tagged memory.
const ARENA: u64 = 0x4060_0000;
/// 1 MiB, and a little more: lldb does not show the last granule of a segment.
const ARENA_BYTES: usize = (1 << 20) + 4 * PAGE;
/// The window in which EL1 sees it tagged.
const TAGGED: u64 = 0x1_4060_0000;
/// The window in which EL1 sees it untagged.
const UNTAGGED: u64 = 0x3_4060_0000;
/// The page of the arena that has tags, but no data.
const EMPTY_PAGE: usize = 7;
/// Memory that no window shows and that has no tags.
const TEXT: u64 = 0x4020_0000;

/// The ids of core registers (arch/arm64/include/uapi/asm/kvm.h).
fn core(byte: u64) -> u64 {
    0x6030_0000_0010_0000 + byte / 4
}

/// A generator of pseudo-random numbers: xorshift64.
struct Random(u64);

impl Random {
    /// Seeds it from the clock, and prints the seed.
    fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
        let seed = now.as_nanos() as u64 | 1;
        println!("seed {seed:#x}");
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// Returns a vCPU at EL1h in the arena, with synchronous checks and tags 1 to 15 for IRG.
fn vcpu(index: u64) -> Vcpu {
    let mut registers: Vec<(u64, u64)> = (0..31).map(|n| (core(8 * n), index << 32 | n)).collect();
    registers.extend([
        (core(248), 0x1111_0000),
        (core(256), TAGGED + 0x40),
        // PSTATE: EL1h, interrupts masked. Then SP_EL1.
        (core(264), 0x3c5),
        (core(272), 0x4050_0000 + index),
        // SCTLR_EL1.TCF, TCR_EL1.T0SZ, T1SZ and TBI, GCR_EL1.Exclude.
        (system_register(3, 0, 1, 0, 0), 1 << 40),
        (system_register(3, 0, 2, 0, 2), 25 | 25 << 16 | 0b11 << 37),
        (Register::RgsrEl1.id(), 0),
        (Register::GcrEl1.id(), 1),
        (Register::TfsrEl1.id(), 0),
        (Register::Tfsre0El1.id(), 0),
    ]);
    let registers = registers.into_iter().map(|(id, value)| (id, value.to_le_bytes().to_vec())).collect();
    Vcpu { registers, mp_state: 0, events: Some(vec![0; 64]) }
}

/// Adds v0 to v31, each byte of which is the register's number.
fn add_vectors(vcpu: &mut Vcpu) {
    vcpu.registers.extend((0..32).map(|n| (0x6040_0000_0010_0054 + 4 * n, vec![n as u8; 16])));
}

/// Adds SVE with vectors of 16, 32 and 64 bytes, of which ZCR_EL1 permits 32, and keys of pointer authentication.
fn add_sve_and_keys(vcpu: &mut Vcpu) {
    let z = |n: u64| (0x6080_0000_0015_0000 | n << 5, (0..256).map(|at| (at as u8 & 31) + n as u8).collect());
    let p = |n: u64| (0x6050_0000_0015_0400 | n << 5, vec![0x10 + n as u8; 32]);
    let mut lengths = vec![0; 64];
    lengths[0] = 0b1011;
    vcpu.registers.extend((0..32).map(z));
    vcpu.registers.extend((0..16).map(p));
    vcpu.registers.extend([
        (0x6050_0000_0015_0600, vec![0xff; 32]),
        (0x6060_0000_0015_ffff, lengths),
        (0x6020_0000_0010_00d4, vec![0x10, 0, 0, 0]),
        (system_register(3, 0, 1, 2, 0), 1u64.to_le_bytes().to_vec()),
        (system_register(3, 0, 2, 1, 0), 0x1234u64.to_le_bytes().to_vec()),
    ]);
}

/// Returns a snapshot whose arena has random data and tags.
fn snapshot(random: &mut Random) -> Snapshot {
    let mut data: Vec<u8> = (0..ARENA_BYTES / 8).flat_map(|_| random.next().to_le_bytes()).collect();
    data[EMPTY_PAGE * PAGE..][..PAGE].fill(0);
    let tags = (0..ARENA_BYTES / 16).map(|_| (random.next() >> 40) as u8 & 15).collect();
    let window = |va, tagged| View { va, ipa: ARENA, bytes: ARENA_BYTES as u64, tagged };
    let kernel = "6.12.95".to_owned();
    Snapshot {
        identity: Identity { page_size: 4096, mte: 3, gmid: 6, kernel, ..Identity::default() },
        slots: vec![Slot { ipa: 0x4000_0000, bytes: 64 << 20, read_only: false }],
        memory: vec![
            Extent { ipa: TEXT, data: vec![0xd5; PAGE], tags: vec![0; PAGE / 16] },
            Extent { ipa: ARENA, data, tags },
        ],
        views: vec![window(TAGGED, true), window(UNTAGGED, false)],
        vcpus: vec![vcpu(0), vcpu(1)],
        application: None,
    }
}

fn save(directory: &TempDir, snapshot: &Snapshot) -> PathBuf {
    let path = directory.path().join("vm.core");
    file::save(&path, snapshot).expect("a saved snapshot");
    path
}

/// Returns readelf: set-up fetches it with the assembler, but makes scripts only for what most tests run.
fn readelf() -> Command {
    const TOOLS: [&str; 2] = ["aarch64-linux-gnu-as", "aarch64-linux-gnu-readelf"];
    let assembler = environment::file(AS);
    let beside = assembler.with_file_name(TOOLS[1]);
    if beside.is_file() {
        return Command::new(beside);
    }
    let script = std::fs::read_to_string(&assembler).expect("the script that runs the assembler");
    assert!(script.starts_with("#!/bin/sh\n") && script.contains(TOOLS[0]), "{script}");
    let mut command = Command::new("sh");
    command.args(["-c", &script.replace(TOOLS[0], TOOLS[1])]).arg(assembler);
    command
}

fn gdb(core: &Path, commands: &[&str]) -> ExitedProcess {
    let mut command = Command::new(environment::file(GDB));
    command.args(["-q", "-nx", "-batch", "-ex", "set width 0", "-ex", "set height 0", "-ex"]);
    command.arg(format!("core-file {}", core.display()));
    for text in commands {
        command.args(["-ex", text]);
    }
    Process::start(&mut command).end()
}

fn lldb(core: &Path, commands: &[&str]) -> ExitedProcess {
    let mut command = Command::new(environment::file(LLDB));
    command.args(["--no-lldbinit", "--batch", "--core"]).arg(core);
    for text in commands {
        command.args(["-o", text]);
    }
    Process::start(&mut command).end()
}

fn hex(text: &str) -> u64 {
    u64::from_str_radix(text.trim_start_matches("0x"), 16).unwrap_or_else(|_| panic!("a number: {text}"))
}

/// Compares the tags of the arena with what a debugger shows: address and tag of each granule that is `there`.
fn compare_tags(shown: &[(u64, u64)], snapshot: &Snapshot, there: impl Fn(u64) -> bool) {
    let tags = snapshot.memory[1].tags.iter().zip((TAGGED..).step_by(16));
    let expected = tags.filter(|(_, address)| there(*address)).map(|(tag, address)| (address, u64::from(*tag)));
    let expected: Vec<_> = expected.collect();
    assert_eq!(shown.len(), expected.len());
    for (shown, expected) in shown.iter().zip(expected) {
        assert_eq!(*shown, expected, "address and tag");
    }
}

#[test]
#[ignore = "needs binutils; cargo xtask test runs it"]
fn readelf_shows_segments_and_notes_without_a_warning() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let mut snapshot = snapshot(&mut Random::new());
    snapshot.vcpus.iter_mut().for_each(add_sve_and_keys);
    let shown = Process::start(readelf().arg("-hlnW").arg(save(&scratch, &snapshot))).end();
    assert_eq!((shown.status.code(), shown.stderr.as_str()), (Some(0), ""), "{shown}");
    shown.expect_in_order(&["CORE (Core file)", "AArch64", "NOTE ", "LOAD ", "AARCH64_MEMTAG"]);
    let vcpu = ["NT_PRSTATUS", "NT_FPREGSET", "NT_ARM_SVE", "NT_ARM_PAC_MASK", "NT_ARM_TAGGED_ADDR_CTRL"];
    shown.expect_in_order(&[&vcpu[..2], &["NT_AUXV"], &vcpu[2..], &vcpu].concat());
    let own = shown.stdout.lines().filter(|line| line.trim_start().starts_with("granule "));
    let types: Vec<_> = own.filter_map(|line| line.split("type: (").nth(1)?.get(..10)).collect();
    assert_eq!(types, ["0x6d746501", "0x6d746502", "0x6d746503", "0x6d746504", "0x6d746504"]);

    // More program headers than e_phnum can count.
    let view = |n: u64| View { va: 0x10_0000_0000 + n * PAGE as u64, ipa: TEXT, bytes: PAGE as u64, tagged: false };
    snapshot.views = (0..0x1_0000).map(view).collect();
    let shown = Process::start(readelf().arg("-hW").arg(save(&scratch, &snapshot))).end();
    assert_eq!((shown.status.code(), shown.stderr.as_str()), (Some(0), ""), "{shown}");
    // The notes, the views, the text, and three parts of the arena with their tags.
    shown.expect_in_order(&["Number of program headers:", "65535 (65544)", "Number of section headers:", "1"]);
}

#[test]
#[ignore = "needs gdb; cargo xtask test runs it"]
fn gdb_shows_registers_memory_and_every_tag() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let mut snapshot = snapshot(&mut Random::new());
    snapshot.vcpus.iter_mut().for_each(add_vectors);
    let core = save(&scratch, &snapshot);
    let tag = u64::from(snapshot.memory[1].tags[3]);
    let pointer = |tag: u64| TAGGED + 0x30 + (tag << 56);
    let good = format!("memory-tag check {:#x}", pointer(tag));
    let bad = format!("memory-tag check {:#x}", pointer(tag ^ 1));
    let allocated = format!("memory-tag print-allocation-tag {:#x}", TAGGED + 0x30);
    let untagged = format!("memory-tag print-allocation-tag {UNTAGGED:#x}");
    let empty = format!("x/2gx {:#x}", TAGGED + (EMPTY_PAGE * PAGE) as u64);
    let text = format!("x/2xw {TEXT:#x}");
    let shown = gdb(
        &core,
        &[
            "info threads",
            "print/x $x5",
            "print/x $sp",
            "print/x $pc",
            "print/x $cpsr & 15",
            "print/x $tag_ctl",
            "print/x $v3.b.u[15]",
            &good,
            &bad,
            &allocated,
            &untagged,
            &empty,
            &text,
            "thread 2",
            "print/x $x5",
            "print/x $sp",
        ],
    );
    let own_tag = format!("$7 = {tag:#x}\n");
    shown.expect_in_order(&[
        "* 1    LWP 1",
        "  2    LWP 2",
        "$1 = 0x5\n",
        "$2 = 0x40500000\n",
        "$3 = 0x140600040\n",
        "$4 = 0x5\n",
        // Tags 1 to 15, synchronous, tagged addresses.
        "$5 = 0x7fff3\n",
        "$6 = 0x3\n",
        &format!("Memory tags for address {:#x} match ({tag:#x}).\n", pointer(tag)),
        &format!("Logical tag ({:#x}) does not match the allocation tag ({tag:#x})", tag ^ 1),
        &own_tag,
        "0x140607000:\t0x0000000000000000\t0x0000000000000000\n",
        "0x40200000:\t0xd5d5d5d5\t0xd5d5d5d5\n",
        "[Switching to thread 2 (LWP 2)]",
        "$8 = 0x100000005\n",
        "$9 = 0x40500001\n",
    ]);
    assert_eq!(shown.stderr, format!("Address {UNTAGGED:#x} not in a region mapped with a memory tagging flag.\n"));
    let (mut tags, mut data) = (Vec::new(), Vec::new());
    let shown = gdb(&core, &[&format!("x/{}xgm {TAGGED:#x}", ARENA_BYTES / 8)]);
    for line in shown.stdout.lines() {
        if let Some((tag, range)) =
            line.strip_prefix("<Allocation Tag ").and_then(|line| line.split_once(" for range ["))
        {
            tags.push((hex(range.split_once(',').expect("a range").0), hex(tag)));
        } else if line.starts_with("0x140") && line.split('\t').count() == 3 && !tags.is_empty() {
            data.extend(line.split('\t').skip(1).flat_map(|word| hex(word).to_le_bytes()));
        }
    }
    compare_tags(&tags, &snapshot, |_| true);
    assert!(data == snapshot.memory[1].data, "the arena's data, as gdb shows it");
}

#[test]
#[ignore = "needs lldb; cargo xtask test runs it"]
fn lldb_shows_registers_memory_and_every_tag() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let mut snapshot = snapshot(&mut Random::new());
    snapshot.vcpus.iter_mut().for_each(add_vectors);
    let core = save(&scratch, &snapshot);
    let words = format!("x/2gx {TAGGED:#x}");
    let regions = [TAGGED, UNTAGGED, TEXT].map(|address| format!("memory region {address:#x}"));
    let shown = lldb(
        &core,
        &[
            "thread list",
            "register read x5 sp pc",
            "register read v3",
            &words,
            &regions[0],
            &regions[1],
            &regions[2],
            "thread select 2",
            "register read x5 sp",
        ],
    );
    let word = |at: usize| {
        let bytes = snapshot.memory[1].data[at..at + 8].try_into().expect("eight bytes");
        format!("{:#018x}", u64::from_le_bytes(bytes))
    };
    shown.expect_in_order(&[
        "thread #1: tid = 1, 0x0000000140600040",
        "thread #2: tid = 2",
        "x5 = 0x0000000000000005\n",
        "sp = 0x0000000040500000\n",
        "pc = 0x0000000140600040\n",
        "v3 = {0x03 0x03 0x03",
        &format!("0x140600000: {} {}\n", word(0), word(8)),
        "[0x0000000140600000-0x0000000140607000) rw-\nmemory tagging: enabled\n",
        "[0x0000000340600000-0x0000000340607000) rw-\n",
        "[0x0000000040200000-0x0000000040201000) rw-\n",
        "x5 = 0x0000000100000005\n",
        "sp = 0x0000000040500001\n",
    ]);
    assert_eq!(shown.stdout.matches("memory tagging: enabled").count(), 1, "{shown}");
    let range = |line: &str| {
        let (range, tag) = line.strip_prefix('[')?.split_once("): ")?;
        Some((hex(range.split_once(',')?.0), hex(tag.split(' ').next()?)))
    };
    // A range must be within one segment: up to the page without data, that page, and the rest. lldb 16 refuses what ends where
    // the segment ends (`ProcessElfCore::ReadMemoryTags`), so the last granules are left out.
    let borders = [0, EMPTY_PAGE * PAGE, (EMPTY_PAGE + 1) * PAGE, ARENA_BYTES].map(|at| TAGGED + at as u64);
    let read = |pair: &[u64]| format!("memory tag read {:#x} {:#x}", pair[0], pair[1] - 16);
    let reads: Vec<_> = borders.windows(2).map(read).collect();
    let shown = lldb(&core, &reads.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(shown.stderr, "");
    let tags: Vec<(u64, u64)> = shown.stdout.lines().filter_map(range).collect();
    assert!(tags.len() >= (1 << 20) / 16);
    compare_tags(&tags, &snapshot, |address| !borders.contains(&(address + 16)));
    let last = lldb(&core, &[&format!("memory tag read {:#x}", borders[1] - 16)]);
    assert_eq!(last.stderr, "error: No tag segment that covers this range.\n", "lldb shows it now: leave nothing out");
}

#[test]
#[ignore = "needs gdb and lldb; cargo xtask test runs it"]
fn debuggers_show_vectors_at_their_length_and_strip_codes_of_pointers() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let mut snapshot = snapshot(&mut Random::new());
    snapshot.vcpus.iter_mut().for_each(add_sve_and_keys);
    let core = save(&scratch, &snapshot);
    let shown = gdb(
        &core,
        &[
            "print $vg",
            "print/x $z2.b.u[31]",
            "print/x $p15[0]",
            "print/x $ffr[3]",
            "print/x $v2.b.u[15]",
            "print/x $pauth_dmask",
        ],
    );
    let mask = "= 0x7fff8000000000\n";
    shown.expect_in_order(&["= 4\n", "= 0x21\n", "= 0x1f\n", "= 0xff\n", "= 0x11\n", mask]);
    // FPSR is lldb's alone: gdb 13 reads it where the predicates end, and not at the next quadword (SVE_PT_SVE_FPSR_OFFSET).
    let registers = ["vg", "z2", "p15", "fpsr", "data_mask"].map(|register| format!("register read {register}"));
    let shown = lldb(&core, &registers.each_ref().map(String::as_str));
    shown.expect_in_order(&[
        "vg = 0x0000000000000004\n",
        "z2 = {0x02 0x03",
        "0x20 0x21}\n",
        "p15 = {0x1f 0x1f 0x1f 0x1f}\n",
        "fpsr = 0x00000010\n",
        "= 0x007fff8000000000\n",
    ]);
}
