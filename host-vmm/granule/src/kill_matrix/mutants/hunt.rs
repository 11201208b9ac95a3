//! The hunt for survivors: fresh programs are drawn until one tells a mutant from the specification, made smaller as long as
//! it does, and checked in below `model/corpus`, where every later run replays it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use std::{fs, io};

use fuzz::judge::Verdict;
use fuzz::shrink::shrink;
use machine::Deadline;
use model_base::mutant;
use program::Program;
use report::failure::FailureKind;

use super::corpus::{FOUND, Models, Prepared, Replay, generated};
use super::variants::VARIANTS;
use super::{fuel, quietly};

/// How often a program that reaches a mutant fails to kill it before chance decides whether another one is tried.
const EAGER: u32 = 2000;
/// Outcomes of a program that is not put off.
const FEW: usize = 6;
/// How long a program is made smaller.
const SHRINKING: Duration = Duration::from_secs(20);

/// A program that was found.
#[derive(Debug)]
pub struct Found {
    /// The names of the mutants that it kills.
    pub kills: Vec<&'static str>,
    /// Where it was written to.
    pub path: PathBuf,
}

/// A hunt.
struct Hunt<'h> {
    /// For each number how many programs have reached it in vain; `u32::MAX` once it is dead or where it is not hunted.
    tried: Vec<AtomicU32>,
    alive: AtomicUsize,
    next: AtomicU64,
    seed: u64,
    deadline: Deadline,
    found: &'h (dyn Fn(&Found) + Sync),
}

/// Draws programs of a seed until `deadline` on `jobs` threads, for the mutants of these numbers; `found` hears of each
/// program that kills some of them. Returns how many programs were drawn, and the mutants that live on, each with how many
/// programs have reached it.
///
/// # Errors
///
/// When a program cannot be written.
pub fn hunt(
    numbers: &[u32],
    seed: u64,
    jobs: usize,
    deadline: Deadline,
    found: &(dyn Fn(&Found) + Sync),
) -> io::Result<(u64, Vec<(&'static str, u32)>)> {
    super::silence();
    let tried = (0..=kvm_model::mutant::COUNT as u32).map(|number| numbers.contains(&number));
    let tried = tried.map(|hunted| AtomicU32::new(if hunted { 0 } else { u32::MAX })).collect();
    let alive = AtomicUsize::new(numbers.len());
    let hunt = Hunt { tried, alive, next: AtomicU64::new(0), seed, deadline, found };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..jobs.max(1)).map(|_| scope.spawn(|| hunt.work())).collect();
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or(Ok(())))
    })?;
    let left = numbers.iter().map(|number| (*number as usize, hunt.tried[*number as usize].load(Ordering::Relaxed)));
    let left = left.filter(|(_, tried)| *tried != u32::MAX);
    Ok((
        hunt.next.into_inner(),
        left.map(|(number, tried)| (kvm_model::mutant::numbered(number as u32).name, tried)).collect(),
    ))
}

impl Hunt<'_> {
    fn work(&self) -> io::Result<()> {
        let models = Models::new();
        let mut rng = fastrand::Rng::with_seed(self.seed);
        while self.alive.load(Ordering::Relaxed) > 0 && !self.deadline.is_over() {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            // Most programs are for the first model, and most are bent.
            let model = if number.is_multiple_of(2) { 0 } else { number as usize / 2 % VARIANTS.len() };
            let (_, prepared) = generated(self.seed, number, model, !number.is_multiple_of(8));
            self.program(&models, prepared, &mut rng)?;
        }
        Ok(())
    }

    /// Tries a program on all mutants that it reaches.
    fn program(&self, models: &Models, prepared: Prepared, rng: &mut fastrand::Rng) -> io::Result<()> {
        if !is_printable(prepared.program()) {
            return Ok(());
        }
        let mut replay = Replay::on(models);
        let (prepared, reached, cost) = mutant::recorded(|| prepared.observed(&mut replay));
        // Each mutant costs as much as the program has outcomes.
        if prepared.outcomes() > FEW && rng.u32(..16) != 0 {
            return Ok(());
        }
        let wanted = |tried: u32, rng: &mut fastrand::Rng| {
            tried < EAGER || tried != u32::MAX && rng.u32(..tried / EAGER + 1) == 0
        };
        let mut killed = Vec::new();
        for (number, _) in reached.iter().enumerate().filter(|(_, reached)| **reached) {
            let tried = &self.tried[number];
            if wanted(tried.load(Ordering::Relaxed), rng) {
                if kills_alone(models, &prepared, number as u32, cost, &mut replay) {
                    // Another thread may have been quicker.
                    if tried.swap(u32::MAX, Ordering::Relaxed) != u32::MAX {
                        killed.push(number as u32);
                    }
                } else {
                    let _ = tried.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tried| tried.checked_add(1));
                }
            }
        }
        if killed.is_empty() {
            return Ok(());
        }
        self.alive.fetch_sub(killed.len(), Ordering::Relaxed);
        let program = self.smaller(models, &prepared, &killed, cost);
        self.write(&prepared, &program, &killed)
    }

    /// Makes a program smaller as long as it kills all of these.
    fn smaller(&self, models: &Models, prepared: &Prepared, killed: &[u32], cost: u64) -> Program {
        let killer = || Verdict::Failed(String::new(), FailureKind::MachineLost);
        let mut judge = |program: &Program, _: Deadline| {
            // A machine that was left by a mutant is not to be used for another program.
            let mut replay = Replay::on(models);
            let candidate = prepared.with(program.clone());
            let permitted = || Verdict::Permitted(Vec::new());
            let Ok(candidate) = quietly(|| candidate.observed(&mut replay)) else { return permitted() };
            let all = is_printable(program)
                && killed.iter().all(|number| {
                    let mut replay = Replay::on(models);
                    kills(&candidate, *number, cost, &mut replay)
                });
            if all { killer() } else { permitted() }
        };
        let deadline = Deadline::after(SHRINKING);
        shrink(prepared.program().clone(), killer(), deadline, &mut judge).program
    }

    fn write(&self, prepared: &Prepared, program: &Program, killed: &[u32]) -> io::Result<()> {
        let kills: Vec<_> = killed.iter().map(|number| kvm_model::mutant::numbered(*number).name).collect();
        let folder = PathBuf::from(FOUND).join(prepared.variant());
        fs::create_dir_all(&folder)?;
        let path = folder.join(format!("{}.granule", kills[0].replace("::", ".").replace(['/', ':', '#'], "-")));
        let text = program.to_string();
        let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
        let comments: String = kills.iter().map(|name| format!("// {name}\n")).collect();
        fs::write(&path, format!("{first}\n{comments}{rest}"))?;
        (self.found)(&Found { kills, path });
        Ok(())
    }
}

/// Returns whether a program is the same when it is printed and read.
fn is_printable(program: &Program) -> bool {
    program.to_string().parse().is_ok_and(|read: Program| read == *program)
}

fn kills(prepared: &Prepared, number: u32, cost: u64, replay: &mut Replay<'_>) -> bool {
    quietly(|| {
        let _active = mutant::activate(number, fuel(cost));
        prepared.notices(replay)
    })
    .unwrap_or(true)
}

/// Returns whether a program kills a mutant, and not what another one has left in the machine.
fn kills_alone<'m>(models: &'m Models, prepared: &Prepared, number: u32, cost: u64, replay: &mut Replay<'m>) -> bool {
    if !kills(prepared, number, cost, replay) {
        return false;
    }
    *replay = Replay::on(models);
    if kills(prepared, 0, cost, replay) {
        return false;
    }
    let killed = kills(prepared, number, cost, replay);
    *replay = Replay::on(models);
    killed
}
