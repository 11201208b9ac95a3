//! Draws rows of the instruction table: first a group, by its weight, then a row of it.
//!
//! Groups follow from the rows, so a new row is drawn without a word here. What no program of the fuzzer may contain is
//! one list ([`is_excluded`]).

use std::sync::OnceLock;

use arch::{Arg, DataCacheOp, SysReg};
use fastrand::Rng;
use isa::{Insn, Row, rows};

use super::matrix;
use super::profile::{Profile, one_in, weighted};
use program::branch_target;

/// Instructions that are drawn about as often as each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Tags in pointers and in memory.
    Tags,
    /// Loads and stores of general registers.
    Memory,
    /// Exclusives and atomics.
    Atomics,
    /// Loads and stores of SIMD registers.
    Simd,
    /// Arithmetic, comparison and moves of vectors.
    Vectors,
    /// Arithmetic and logic.
    Arithmetic,
    /// Barriers, system registers, calls.
    System,
    /// Branches.
    Branches,
    /// Loads and stores of SVE.
    Scalable,
    /// What SVE does between them.
    ScalableData,
    /// Loads and stores of ZA, and of several vectors by a counter.
    Matrix,
    /// What SME does between them.
    MatrixData,
    /// Memory copies and sets: drawn as triples only.
    Copies,
}

/// How often each group is drawn, of 100 times.
const WEIGHTS: [(u32, Group); 12] = [
    (32, Group::Tags),
    (26, Group::Memory),
    (8, Group::Atomics),
    (6, Group::Simd),
    (3, Group::Vectors),
    (9, Group::Arithmetic),
    (6, Group::System),
    (3, Group::Branches),
    (4, Group::Scalable),
    (1, Group::ScalableData),
    (1, Group::Matrix),
    (1, Group::MatrixData),
];

/// How often each group is drawn where programs are to be about SVE.
const SCALABLE_WEIGHTS: [(u32, Group); 6] = [
    (60, Group::Scalable),
    (20, Group::ScalableData),
    (8, Group::Tags),
    (4, Group::Memory),
    (4, Group::System),
    (4, Group::Simd),
];

/// How often each group is drawn in streaming mode.
const MATRIX_WEIGHTS: [(u32, Group); 9] = [
    (45, Group::Matrix),
    (15, Group::MatrixData),
    (15, Group::Scalable),
    (8, Group::ScalableData),
    (6, Group::Tags),
    (3, Group::Memory),
    (3, Group::System),
    (4, Group::Simd),
    (1, Group::Vectors),
];

const TAGS: [&str; 19] = [
    "irg", "gmi", "addg", "subg", "subp", "subps", "stg", "stzg", "st2g", "stz2g", "stgp", "ldg", "ldgm", "stgm",
    "stzgm", "dc", "ic", "add", "sub",
];
const SYSTEM: [&str; 12] = ["mrs", "msr", "dsb", "dmb", "isb", "sb", "nop", "yield", "hint", "brk", "svc", "clrex"];
const ATOMICS: [&str; 33] = [
    "ldadd", "ldclr", "ldeor", "ldset", "ldsmax", "ldsmin", "ldumax", "ldumin", "swp", "cas", "ldx", "ldax", "stx",
    "stlx", "ldar", "stlr", "ldapr", "ldapu", "stlur", "stlu", "ldlar", "stllr", "ldtx", "ldatx", "sttx", "stltx",
    "ldtadd", "ldtclr", "ldtset", "ldiapp", "stilp", "rcw", "gcs",
];

/// Returns which group a row belongs to.
fn group(row: &Row) -> Group {
    let mnemonic = row.mnemonic();
    let example = example(row);
    let is = |arg: fn(&Arg) -> bool| example.is_some_and(|insn| insn.args().iter().any(arg));
    if example.is_some_and(matrix::is_of_matrix) {
        if example.is_some_and(|insn| insn.access().is_some()) { Group::Matrix } else { Group::MatrixData }
    } else if example.is_some_and(|insn| insn.op().is_scalable()) {
        let accesses = is(|arg| matches!(arg, Arg::Address(_) | Arg::Indexed(_) | Arg::ScalableAddress(_)));
        if accesses { Group::Scalable } else { Group::ScalableData }
    } else if mnemonic.starts_with("cpy") || mnemonic.starts_with("set") {
        Group::Copies
    } else if example.is_some_and(branch_target::branches) {
        Group::Branches
    } else if is(is_simd) {
        let accesses = example.is_some_and(|insn| insn.access().is_some());
        if accesses { Group::Simd } else { Group::Vectors }
    } else if TAGS.contains(&mnemonic) && !is(|arg| matches!(arg, Arg::Shift(_) | Arg::Extend(_)))
        || matches!(mnemonic, "add" | "sub") && row.bits() >> 23 & 0x3f == 0x22
    {
        Group::Tags
    } else if SYSTEM.contains(&mnemonic) {
        Group::System
    } else if ATOMICS.iter().any(|prefix| mnemonic.starts_with(prefix)) {
        Group::Atomics
    } else if mnemonic.starts_with("ld") || mnemonic.starts_with("st") || mnemonic.starts_with("prf") {
        Group::Memory
    } else {
        Group::Arithmetic
    }
}

/// Returns whether an operand is a SIMD&FP register or several of them.
pub fn is_simd(arg: &Arg) -> bool {
    matches!(arg, Arg::Simd(_) | Arg::VectorList(_) | Arg::LaneList(_) | Arg::Vector(_) | Arg::VectorElement(_))
}

/// Returns some instruction of a row.
pub fn example(row: &Row) -> Option<Insn> {
    let row = rows().iter().find(|known| std::ptr::eq(*known, row))?;
    (0..64u32).find_map(|n| row.fill(n.wrapping_mul(0x9e37_79b9)))
}

/// The rows of each group.
fn table() -> &'static [(Group, Vec<&'static Row>)] {
    static TABLE: OnceLock<Vec<(Group, Vec<&'static Row>)>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let grouped: Vec<_> = rows().iter().map(|row| (group(row), row)).collect();
        let all = WEIGHTS.map(|(_, group)| group).into_iter().chain([Group::Copies]);
        let of = |wanted| grouped.iter().filter(|(group, _)| *group == wanted).map(|(_, row)| *row).collect();
        all.map(|group| (group, of(group))).collect()
    })
}

/// Lists the rows of a group.
pub fn rows_of(wanted: Group) -> &'static [&'static Row] {
    table().iter().find(|(group, _)| *group == wanted).map_or(&[], |(_, rows)| rows)
}

/// Instructions that name a register or an operation by a number of many bits, of which few name any.
const SPARSE: [&str; 4] = ["mrs", "msr", "dc", "ic"];

/// For each such row, what fits.
fn sparse() -> &'static [(&'static Row, Vec<Insn>)] {
    static TABLE: OnceLock<Vec<(&'static Row, Vec<Insn>)>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let rows = rows().iter().filter(|row| SPARSE.contains(&row.mnemonic()));
        let fit = |row: &'static Row| row.samples().into_iter().filter(|insn| !is_excluded(*insn)).collect();
        rows.map(|row| (row, fit(row))).collect()
    })
}

/// One draw in so many of a row whose feature the CPU lacks is kept: the instruction is UNDEFINED.
const LACKING: u32 = 8;

/// Draws an instruction with any operands, in a block about SME or another one.
pub fn instruction(rng: &mut Rng, profile: &Profile, about_matrix: bool) -> Option<Insn> {
    let group = if about_matrix {
        weighted(rng, &MATRIX_WEIGHTS)
    } else if profile.scalable {
        weighted(rng, &SCALABLE_WEIGHTS)
    } else {
        weighted(rng, &WEIGHTS)
    };
    if matches!(group, Group::Scalable | Group::ScalableData) && profile.vector_lengths == 0 {
        return None;
    }
    let rows = rows_of(group);
    let row = *rows.get(rng.usize(..rows.len().max(1)))?;
    if row.feature().is_some_and(|feature| profile.lacking.contains(&feature)) && !one_in(rng, LACKING) {
        return None;
    }
    if let Some((_, fit)) = sparse().iter().find(|(known, _)| std::ptr::eq(*known, row)) {
        return fit.get(rng.usize(..fit.len().max(1))).copied();
    }
    row.fill(rng.u32(..)).filter(|insn| !is_excluded(*insn))
}

/// System registers that programs write or read: what they hold is the program's. The others belong to the firmware,
/// or say what CPU this is.
const REGISTERS: [SysReg; 9] = [
    SysReg::GcrEl1,
    SysReg::RgsrEl1,
    SysReg::TfsrEl1,
    SysReg::Tfsre0El1,
    SysReg::Tco,
    SysReg::Nzcv,
    SysReg::Fpcr,
    SysReg::Fpsr,
    SysReg::Svcr,
];

/// Returns whether an instruction may not be drawn by itself: what a call does depends on x0 (`safety.rs`), where a branch leads
/// on its register (`code.rs`), its result says
/// what CPU this is, or it may lose data.
#[must_use]
pub fn is_excluded(insn: Insn) -> bool {
    matches!(insn.row().mnemonic(), "hvc" | "br" | "blr" | "ret")
        || insn.args().iter().any(|arg| match arg {
            Arg::SysReg(register) => !REGISTERS.contains(register),
            // Without a clean, a line that was written may be lost; by set and way, any line.
            Arg::DataCacheOp(operation) => {
                operation.is_by_set_way()
                    || matches!(operation, DataCacheOp::Ivac | DataCacheOp::Igvac | DataCacheOp::Igdvac)
            }
            _ => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use isa::Feature;

    #[test]
    fn every_row_is_in_a_group_and_most_can_be_drawn() {
        let count: usize = table().iter().map(|(_, rows)| rows.len()).sum();
        assert_eq!(count, rows().len());
        for (group, rows) in table() {
            assert!(!rows.is_empty() || *group == Group::Copies || *group == Group::Simd, "{group:?}");
        }
        let hvc = assembler::assemble("hvc #0").unwrap()[0];
        assert!(is_excluded(hvc) && is_excluded(assembler::assemble("mrs x0, ctr_el0").unwrap()[0]));
        assert!(!is_excluded(assembler::assemble("msr gcr_el1, x0").unwrap()[0]));
    }

    #[test]
    fn every_register_and_operation_that_fits_is_drawn() {
        let mut rng = Rng::with_seed(0x5eed);
        let drawn: Vec<_> = (0..60_000).filter_map(|_| instruction(&mut rng, &Profile::default(), false)).collect();
        let has = |wanted: Arg| drawn.iter().any(|insn| insn.args().contains(&wanted));
        for register in REGISTERS {
            assert!(has(Arg::SysReg(register)), "{register}");
        }
        for operation in [DataCacheOp::Zva, DataCacheOp::Gva, DataCacheOp::Gzva, DataCacheOp::Civac] {
            assert!(has(Arg::DataCacheOp(operation)), "{operation}");
        }
    }

    #[test]
    fn instructions_that_the_cpu_lacks_are_seldom() {
        let count = |lacking: &[Feature]| {
            let mut rng = Rng::with_seed(0x5eed);
            let drawn = (0..60_000).filter_map(|_| {
                instruction(&mut rng, &Profile { lacking: lacking.to_vec(), ..Profile::default() }, false)
            });
            drawn.filter(|insn| insn.row().feature().is_some()).count()
        };
        let (all, few) = (count(&[]), count(Feature::ALL));
        assert!(few > 0 && few * 4 < all, "{few} of {all}");
    }

    #[test]
    fn groups_are_what_they_are_called() {
        for (text, wanted) in [
            ("irg x0, x1", Group::Tags),
            ("dc gva, x0", Group::Tags),
            ("add x0, x1, #16", Group::Tags),
            ("add x0, x1, x2", Group::Arithmetic),
            ("ldr x0, [x1]", Group::Memory),
            ("stp x0, x1, [x2], #16", Group::Memory),
            ("cbz x0, .+8", Group::Branches),
            ("msr tco, #1", Group::System),
            ("hint #40", Group::System),
            ("ld1 {v0.16b}, [x1]", Group::Simd),
            ("ld1b {z0.b}, p0/z, [x1]", Group::Scalable),
            ("prfb pldl1keep, p0, [x1]", Group::Scalable),
            ("ptrue p0.b", Group::ScalableData),
            ("add z0.b, z1.b, z2.b", Group::ScalableData),
            ("ldr za[w12, 0], [x1]", Group::Matrix),
            ("ld1b {z0.b, z8.b}, pn8/z, [x1]", Group::Matrix),
            ("smstart", Group::MatrixData),
            ("ptrue pn8.b", Group::MatrixData),
            ("cmeq v0.16b, v1.16b, v2.16b", Group::Vectors),
            ("fmov d0, x1", Group::Vectors),
            ("ccmp x0, x1, #0, eq", Group::Arithmetic),
            ("rcwcas x0, x1, [x2]", Group::Atomics),
            ("ldtxr x0, [x1]", Group::Atomics),
            ("ld64b x8, [x1]", Group::Memory),
            ("ldfadd s0, s1, [x1]", Group::Simd),
        ] {
            assert_eq!(group(assembler::assemble(text).unwrap()[0].row()), wanted, "{text}");
        }
    }
}
