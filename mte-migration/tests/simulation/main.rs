//! Migrations of a simulated guest, there and back, with a connection that breaks anywhere: it runs in one place afterwards, or
//! can be resumed at the sender, and no byte, tag or register is lost. With each defect, some migration shows it.

mod compare;
mod guest;
mod recorded;
mod socket;
mod world;

use std::time::Duration;

use fastrand::Rng;
use guest::{FakeGuest, Fault};
use mte_migration::defect::{Defect, Place};
use mte_migration::message::{Hello, Mode};
use mte_migration::sender::Limits;
use world::{Disturbance, Ended, World};

/// The seed of all tests here. Each migration has its own, which a failure names.
const SEED: u64 = 0x5eed;

fn limits(rng: &mut Rng) -> Limits {
    Limits {
        rounds: rng.u32(1..6),
        downtime: Duration::from_micros([0, 20, 10_000][rng.usize(..3)]),
        bandwidth: rng.bool().then(|| rng.u64(1_000_000..100_000_000)),
    }
}

/// A guest that has run for a while.
fn running(layout: &Hello, seed: u64) -> FakeGuest {
    let mut guest = FakeGuest::new(layout, seed);
    let order = Rng::with_seed(seed).u32(5..60);
    guest.start();
    guest.run(order);
    guest
}

/// One migration in six hands the memory over.
fn mode(seed: u64) -> Mode {
    if seed % 6 == 5 { Mode::HandOver } else { Mode::PreCopy }
}

/// Migrates a guest that has run for a while, into a new VM.
fn once(seed: u64, disturbance: Disturbance, defect: Option<Defect>) -> Result<Ended, String> {
    let mut rng = Rng::with_seed(seed);
    let layout = Hello { mode: mode(seed), ..guest::layout(&mut rng) };
    let mut source = running(&layout, rng.u64(..));
    let mut target = FakeGuest::new(&layout, rng.u64(..));
    if layout.mode == Mode::HandOver {
        target.share_memory(&source);
    }
    target.is_logging = rng.bool();
    let limits = limits(&mut rng);
    let world =
        World { source: &mut source, target: &mut target, layout, limits, seed: rng.u64(..), disturbance, defect };
    world.migrate().map_err(|error| format!("seed {seed:#x}, {disturbance:?}: {error}"))
}

/// Disturbances of each kind, at places that the seed draws.
fn disturbances(seed: u64, clean: &Ended) -> Vec<Disturbance> {
    let mut rng = Rng::with_seed(seed);
    let (forward, backward) = (clean.forward.len(), clean.backward.len());
    // The last frames are where ownership changes hands.
    let late = forward.saturating_sub(rng.usize(1..400));
    vec![
        Disturbance::CutForward(rng.usize(1..forward)),
        Disturbance::CutForward(late),
        Disturbance::CutForward(forward - 1),
        Disturbance::CutBackward(rng.usize(1..backward)),
        Disturbance::CutBackward(backward - 1),
        Disturbance::CutBackward(backward.saturating_sub(rng.usize(1..200))),
        Disturbance::FlipForward(rng.usize(..forward)),
        Disturbance::FlipBackward(rng.usize(..backward)),
        Disturbance::Target(Fault::Memory),
        Disturbance::Target(Fault::Tag),
        Disturbance::Target(Fault::Resume),
        Disturbance::Target(Fault::Identity),
        Disturbance::CarelessReceiver,
        Disturbance::FrameLost,
        Disturbance::CancelSender(rng.u32(..60)),
        Disturbance::CancelReceiver(rng.u32(..60)),
        Disturbance::SourceFails(rng.u32(..80)),
        Disturbance::TargetFails(rng.u32(..60)),
    ]
}

/// Migrations of all kinds. Returns their number, or what the first wrong one shows.
fn campaign(defect: Option<Defect>, seeds: u64) -> Result<u32, String> {
    let mut migrations = 0;
    for index in 0..seeds {
        let seed = SEED + index;
        let clean = once(seed, Disturbance::Nothing, defect)?;
        migrations += 1;
        let place = defect.map(Defect::place);
        for disturbance in disturbances(seed, &clean) {
            // One side makes one mistake, and memory that is handed over is neither sent nor stored.
            let is_handed_over = mode(seed) == Mode::HandOver;
            let is_taken = match disturbance {
                Disturbance::CarelessReceiver
                | Disturbance::FrameLost
                | Disturbance::Target(Fault::Memory | Fault::Tag)
                    if is_handed_over =>
                {
                    true
                }
                Disturbance::CarelessReceiver => matches!(place, Some(Place::Receiver | Place::Both)),
                Disturbance::FrameLost => matches!(place, Some(Place::Sender | Place::Both)),
                _ => false,
            };
            if is_taken {
                continue;
            }
            once(seed, disturbance, defect)?;
            migrations += 1;
        }
    }
    Ok(migrations)
}

#[test]
fn without_a_defect_nothing_is_noticed() {
    let migrations = campaign(None, 40).unwrap_or_else(|error| panic!("{error}"));
    println!("{migrations} migrations, seed {SEED:#x}");
    assert!(migrations > 40 * 18);
}

#[test]
fn every_defect_is_noticed() {
    assert!(Defect::ALL.len() >= 40);
    let mut survivors = Vec::new();
    for defect in Defect::ALL {
        match campaign(Some(*defect), 60) {
            Ok(_) => survivors.push(*defect),
            Err(shown) => println!("{defect:?}: {shown}"),
        }
    }
    println!("{} defects", Defect::ALL.len());
    assert_eq!(survivors, [], "of {}", Defect::ALL.len());
}

#[test]
fn there_and_back_many_times() {
    let mut rng = Rng::with_seed(SEED);
    let (mut migrations, mut rounds) = (0, 0);
    for _ in 0..10 {
        let layout = guest::layout(&mut rng);
        let mut guest = running(&layout, rng.u64(..));
        for hop in 0..50 {
            let seed = rng.u64(..);
            let mut target = FakeGuest::new(&layout, seed);
            target.is_logging = rng.bool();
            let limits = limits(&mut rng);
            let disturbance = Disturbance::Nothing;
            let world = World {
                source: &mut guest,
                target: &mut target,
                layout: layout.clone(),
                limits,
                seed,
                disturbance,
                defect: None,
            };
            rounds += world.migrate().unwrap_or_else(|error| panic!("hop {hop}, seed {seed:#x}: {error}")).rounds;
            guest = target;
            migrations += 1;
        }
    }
    println!("{migrations} migrations, {rounds} rounds, seed {SEED:#x}");
}

/// Returns the ends of all frames of a direction.
fn frame_ends(stream: &[u8]) -> Vec<usize> {
    let mut ends = vec![16];
    while let Some(header) = stream.get(ends[ends.len() - 1]..).and_then(|rest| rest.first_chunk::<4>()) {
        ends.push(ends[ends.len() - 1] + 24 + u32::from_le_bytes(*header) as usize);
    }
    ends
}

#[test]
fn the_connection_may_break_at_every_frame_and_within() {
    let (mut cuts, mut undecided, mut held) = (0, 0, 0);
    for seed in [SEED, SEED + 1, SEED + 4] {
        let clean = once(seed, Disturbance::Nothing, None).unwrap_or_else(|error| panic!("{error}"));
        assert!(clean.moved);
        let mut places = Vec::new();
        for end in frame_ends(&clean.forward) {
            places.extend([end - 1, end, end + 1, end + 9].map(Disturbance::CutForward));
        }
        for end in frame_ends(&clean.backward) {
            places.extend([end - 1, end, end + 1, end + 9].map(Disturbance::CutBackward));
        }
        for place in places {
            let ended = once(seed, place, None).unwrap_or_else(|error| panic!("{error}"));
            cuts += 1;
            undecided += u32::from(ended.undecided);
            held += u32::from(ended.held);
        }
    }
    println!("{cuts} cuts: {undecided} undecided at the sender, {held} held at the receiver");
    assert!(undecided > 0 && held > 0, "the window of COMMIT was met");
}

#[test]
fn a_lost_commit_leaves_the_guest_to_a_persons_order() {
    // COMMIT is lost: the sender does not know, and the receiver has a guest that it may not run.
    let clean = once(SEED, Disturbance::Nothing, None).unwrap_or_else(|error| panic!("{error}"));
    let ended =
        once(SEED, Disturbance::CutForward(clean.forward.len() - 1), None).unwrap_or_else(|error| panic!("{error}"));
    assert!(ended.undecided && ended.held && !ended.moved);
}
