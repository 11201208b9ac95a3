//! Draws what the CPU holds when a random block begins: registers by class, control fields, tag registers.

use abi::doorbell::Doorbell;
use abi::mailbox::SysReg;
use abi::map;
use fastrand::Rng;

use super::generate::repeated;
use super::profile::{Profile, one_in, weighted};
use super::register_role::{BYTE, DOORBELL, LOOP, RegisterRole};
use super::test_area::TestArea;
use machine::El;
use program::Run;
use program::control::Field;

/// GCR_EL1.RRND: IRG chooses as the CPU likes.
const RRND: u64 = 1 << 16;
/// Most rounds of a loop.
const ROUNDS: u64 = 3;

/// Draws the general registers and the stack pointer. `any_tag` keeps RRND set, also where the block writes GCR_EL1:
/// what the generator's state is after it is UNKNOWN (Arm ARM, RGSR_EL1).
pub fn general(rng: &mut Rng, test_area: &TestArea, any_tag: bool, run: &mut Run) {
    for class in RegisterRole::ALL {
        for register in class.registers() {
            run.x[usize::from(*register)] = value(rng, class, test_area, run.el);
        }
    }
    for register in RegisterRole::Exclude.registers().iter().filter(|_| any_tag) {
        run.x[usize::from(*register)] |= RRND;
    }
    run.x[usize::from(DOORBELL)] = map::UART_DR;
    run.x[usize::from(BYTE)] = Doorbell::Checkpoint.byte(run.cpu).into();
    run.x[usize::from(LOOP)] = rng.u64(1..=ROUNDS);
    run.sp = test_area.stack(rng, run.el);
}

/// Draws a value for a register of a class.
fn value(rng: &mut Rng, class: RegisterRole, test_area: &TestArea, el: El) -> u64 {
    match class {
        RegisterRole::Pointer => test_area.pointer(rng, el),
        RegisterRole::Data => match rng.u32(..8) {
            0 => 0,
            1 => u64::MAX,
            2 => rng.u64(..256),
            3 => test_area.pointer(rng, el),
            4 => repeated(test_area.any_tag(rng)),
            5 => 1 << rng.u32(..64),
            _ => rng.u64(..),
        },
        RegisterRole::Exclude => exclude(rng),
        RegisterRole::Seed => seed(rng),
        RegisterRole::Faults => rng.u64(..4),
        RegisterRole::Flags => rng.u64(..16) << 28 | rng.u64(..2) << 25,
        RegisterRole::Distance => {
            weighted(rng, &[(3, 0), (4, 16), (2, 8), (2, 32), (1, 1), (2, -16i64), (1, -8), (1, 64)]) as u64
        }
        RegisterRole::Count => weighted(rng, &[(2, 16), (2, 32), (1, 0), (1, 1), (1, 8), (1, 15), (1, 48), (1, 17)]),
    }
}

/// Draws a mask of tags that are not to be chosen.
fn exclude(rng: &mut Rng) -> u64 {
    match rng.u32(..8) {
        0..2 => 0,
        2 => 0x0001,
        3 => 0xffff,
        4 => !(1 << rng.u32(..16)) & 0xffff,
        5 => 0x8001,
        _ => rng.u64(..1 << 16),
    }
}

/// Draws a state of the generator; from seed 0 it never moves.
fn seed(rng: &mut Rng) -> u64 {
    let seed = if one_in(rng, 16) { 0 } else { rng.u64(..1 << 16) };
    seed << 8 | rng.u64(..16)
}

/// Half of a key, before it differs from the others.
const KEY: u64 = 0x5eed_0f0a_12b3_4c00;

/// Draws control fields, tag registers and keys. `any_tag` sets RRND.
pub fn control(rng: &mut Rng, profile: &Profile, any_tag: bool, run: &mut Run) {
    run.sys[SysReg::Gcr as usize] = Some(exclude(rng) | if any_tag { RRND } else { 0 });
    run.sys[SysReg::Rgsr as usize] = Some(seed(rng));
    for register in [SysReg::Tfsr, SysReg::Tfsre0] {
        let value = if one_in(rng, 12) { rng.u64(..4) } else { 0 };
        run.sys[register as usize] = Some(value);
    }
    if profile.keys && one_in(rng, 2) {
        // Few, so that blocks that follow each other agree now and then.
        for half in SysReg::KEYS {
            run.sys[half as usize] = Some(weighted(rng, &[(1, 0), (3, KEY)]) ^ half as u64);
        }
    }
    let mut set = |name: &str, value: u8| {
        if let Some(field) = Field::by_name(name) {
            run.controls.set(field, value);
        }
    };
    for name in ["sctlr_el1.tcf", "sctlr_el1.tcf0"] {
        // none, sync, async, asymm
        let mode = weighted(rng, &[(5, 1), (1, 0), (3, 2), (if profile.asymmetric { 2 } else { 0 }, 3)]);
        set(name, mode);
    }
    for (name, value, rare) in RARE {
        let there = match *name {
            "sctlr_el1.mscen" => profile.mops,
            "sctlr_el1.tcso0" | "sctlr_el1.tcso" => profile.store_only,
            "tcr_el1.mtx0" | "tcr_el1.mtx1" => profile.extended_checks,
            "sctlr_el1.enia" | "sctlr_el1.enib" | "sctlr_el1.enda" | "sctlr_el1.endb" => profile.keys,
            _ => true,
        };
        if there && one_in(rng, *rare) {
            set(name, *value);
        }
    }
}

/// One-bit fields, the value that is not boot's, and once in how many blocks they have it.
const RARE: &[(&str, u8, u32)] = &[
    ("sctlr_el1.ata", 0, 24),
    ("sctlr_el1.ata0", 0, 24),
    ("sctlr_el1.itfsb", 1, 24),
    ("sctlr_el1.a", 1, 24),
    ("sctlr_el1.sa", 0, 32),
    ("sctlr_el1.sa0", 0, 32),
    ("sctlr_el1.dze", 0, 32),
    ("sctlr_el1.uct", 0, 32),
    ("sctlr_el1.uci", 0, 32),
    ("sctlr_el1.mscen", 0, 32),
    ("sctlr_el1.enia", 1, 6),
    ("sctlr_el1.enib", 1, 6),
    ("sctlr_el1.enda", 1, 3),
    ("sctlr_el1.endb", 1, 3),
    ("sctlr_el1.tcso0", 1, 16),
    ("sctlr_el1.tcso", 1, 16),
    ("tcr_el1.mtx0", 1, 16),
    ("tcr_el1.mtx1", 1, 16),
    ("tcr_el1.tbi0", 0, 32),
    ("tcr_el1.tbi1", 0, 32),
    ("tcr_el1.tcma0", 1, 10),
    ("tcr_el1.tcma1", 1, 10),
];

#[cfg(test)]
mod tests {
    use super::*;
    use program::control::FIELDS;

    #[test]
    fn every_control_field_is_drawn() {
        let drawn = |name: &str| name.starts_with("sctlr_el1.tcf") || RARE.iter().any(|(known, ..)| *known == name);
        for field in FIELDS {
            assert!(drawn(field.name), "{}", field.name);
        }
        assert!(RARE.iter().all(|(name, ..)| Field::by_name(name).is_some()));
    }
}
