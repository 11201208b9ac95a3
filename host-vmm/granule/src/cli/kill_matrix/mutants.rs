//! What `granule kill-matrix` prints of machine-made mutants.

use std::io::Write;

use serde::Serialize;

use crate::kill_matrix::mutants::{Account, Argued, Death, Fate, Fates, Found};

/// A mutant as `--format json` prints it, one a line.
#[derive(Serialize)]
struct JsonRow<'a> {
    mutant: &'a str,
    line: u32,
    original: &'a str,
    mutated: &'a str,
    /// `noticed`, `panicked` or `endless`; absent where it survives.
    #[serde(skip_serializing_if = "Option::is_none")]
    killed: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'a str>,
    tests: usize,
}

const fn word(death: Death) -> &'static str {
    match death {
        Death::Noticed => "noticed",
        Death::Panicked => "panicked",
        Death::Endless => "endless",
    }
}

/// Prints a mutant's fate on a line.
pub(super) fn json(out: &mut impl Write, fate: &Fate) -> std::io::Result<()> {
    let mutant = fate.mutant;
    let line = JsonRow {
        mutant: mutant.name,
        line: mutant.line,
        original: mutant.original,
        mutated: mutant.mutated,
        killed: fate.killed.as_ref().map(|(death, _)| word(*death)),
        by: fate.killed.as_ref().map(|(_, by)| by.as_str()),
        tests: fate.tests,
    };
    serde_json::to_writer(&mut *out, &line)?;
    writeln!(out)?;
    out.flush()
}

/// Prints the survivors that nobody argues, the gaps, and the score.
pub(super) fn text(out: &mut impl Write, fates: &Fates, account: &Account<'_>) -> std::io::Result<()> {
    let red = anstyle::Style::new().fg_color(Some(anstyle::AnsiColor::Red.into()));
    for (fate, argued) in &account.survivors {
        let word = match argued {
            Argued::Equivalent => continue,
            Argued::Gap => "gap",
            Argued::Unlisted => "survivor",
        };
        let mutant = fate.mutant;
        let mutated = if mutant.mutated.is_empty() { "nothing" } else { mutant.mutated };
        writeln!(
            out,
            "{red}{word}{red:#} {} (line {}): `{}` became `{mutated}`; none of {} tests notices",
            mutant.name, mutant.line, mutant.original, fate.tests
        )?;
    }
    for name in &account.stale {
        writeln!(out, "{red}stale{red:#} {name}: model/survivors.txt names no survivor by it")?;
    }
    let died = |how| {
        let by = |fate: &&Fate| matches!(&fate.killed, Some((death, _)) if *death == how);
        fates.fates.iter().filter(by).count()
    };
    writeln!(
        out,
        "{} mutants, {} tests: {} noticed, {} panicked, {} endless; {} survived: {} argued equivalent, {} known gaps, {} not \
         explained",
        account.tried,
        fates.tests,
        died(Death::Noticed),
        died(Death::Panicked),
        died(Death::Endless),
        account.survivors.len(),
        account.count(Argued::Equivalent),
        account.count(Argued::Gap),
        account.count(Argued::Unlisted),
    )?;
    writeln!(
        out,
        "{:.2} % of those not argued equivalent killed in {:.1} s",
        account.score(),
        fates.elapsed.as_secs_f64()
    )
}

/// Prints a program that a hunt found.
pub(super) fn found(found: &Found) {
    anstream::println!("found {}: kills {}", found.path.display(), found.kills.join(", "));
}

/// Prints what a hunt was worth: how many programs of a seed it drew, and which mutants live on.
pub(super) fn hunted(
    out: &mut impl Write,
    seed: u64,
    programs: u64,
    left: &[(&'static str, u32)],
) -> std::io::Result<()> {
    for (name, programs) in left {
        writeln!(out, "lives on after {programs} programs that reach it: {name}")?;
    }
    writeln!(out, "{programs} programs of seed {seed:#x} drawn; {} mutants live on", left.len())
}
