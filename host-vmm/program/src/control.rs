//! The fields of SCTLR_EL1 and TCR_EL1 that a program may set, as one table.
//!
//! The other fields belong to the firmware, which would not survive their change (Arm ARM, SCTLR_EL1, TCR_EL1).

use abi::mailbox::SysReg;

/// A field that a program may set.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// `register.field`, in lower case.
    pub name: &'static str,
    /// Which register it is in.
    pub register: SysReg,
    /// Its lowest bit.
    pub shift: u32,
    /// Its values, by name; a one-bit field has `0` and `1`.
    pub values: &'static [&'static str],
}

const BIT: &[&str] = &["0", "1"];
/// SCTLR_EL1.TCF and TCF0: what a tag check fault does.
pub const MODES: &[&str] = &["none", "sync", "async", "asymm"];

const fn field(name: &'static str, register: SysReg, shift: u32, values: &'static [&'static str]) -> Field {
    Field { name, register, shift, values }
}

/// All fields, in the order in which they are printed.
pub static FIELDS: &[Field] = &[
    field("sctlr_el1.tcf", SysReg::Sctlr, 40, MODES),
    field("sctlr_el1.tcf0", SysReg::Sctlr, 38, MODES),
    field("sctlr_el1.ata", SysReg::Sctlr, 43, BIT),
    field("sctlr_el1.ata0", SysReg::Sctlr, 42, BIT),
    field("sctlr_el1.itfsb", SysReg::Sctlr, 37, BIT),
    field("sctlr_el1.a", SysReg::Sctlr, 1, BIT),
    field("sctlr_el1.sa", SysReg::Sctlr, 3, BIT),
    field("sctlr_el1.sa0", SysReg::Sctlr, 4, BIT),
    field("sctlr_el1.dze", SysReg::Sctlr, 14, BIT),
    field("sctlr_el1.uct", SysReg::Sctlr, 15, BIT),
    field("sctlr_el1.uci", SysReg::Sctlr, 26, BIT),
    field("sctlr_el1.mscen", SysReg::Sctlr, 33, BIT),
    field("sctlr_el1.enia", SysReg::Sctlr, 31, BIT),
    field("sctlr_el1.enib", SysReg::Sctlr, 30, BIT),
    field("sctlr_el1.enda", SysReg::Sctlr, 27, BIT),
    field("sctlr_el1.endb", SysReg::Sctlr, 13, BIT),
    field("sctlr_el1.tcso0", SysReg::Sctlr, 58, BIT),
    field("sctlr_el1.tcso", SysReg::Sctlr, 59, BIT),
    field("tcr_el1.tbi0", SysReg::Tcr, 37, BIT),
    field("tcr_el1.tbi1", SysReg::Tcr, 38, BIT),
    field("tcr_el1.tcma0", SysReg::Tcr, 57, BIT),
    field("tcr_el1.tcma1", SysReg::Tcr, 58, BIT),
    field("tcr_el1.mtx0", SysReg::Tcr, 60, BIT),
    field("tcr_el1.mtx1", SysReg::Tcr, 61, BIT),
];

const COUNT: usize = 24;
const _: () = assert!(FIELDS.len() == COUNT);

impl Field {
    /// Returns the bits of the register that are the field.
    #[must_use]
    pub const fn mask(&self) -> u64 {
        (self.values.len() as u64 - 1) << self.shift
    }

    /// Finds a field by its name; returns its place in [`FIELDS`].
    #[must_use]
    pub fn by_name(name: &str) -> Option<usize> {
        FIELDS.iter().position(|field| field.name == name)
    }
}

/// Values of fields; those that are not set are as after boot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Controls([Option<u8>; COUNT]);

impl Controls {
    /// Sets a field, by its place in [`FIELDS`], to a value, by its place in [`Field::values`]; what is out of range
    /// is ignored.
    pub fn set(&mut self, field: usize, value: u8) {
        if FIELDS.get(field).is_some_and(|known| usize::from(value) < known.values.len()) {
            self.0[field] = Some(value);
        }
    }

    /// Returns the value of a field, by its place in [`FIELDS`]; `None`: as after boot.
    #[must_use]
    pub fn get(&self, field: usize) -> Option<u8> {
        self.0.get(field).copied().flatten()
    }

    /// Leaves a field as after boot.
    pub fn clear(&mut self, field: usize) {
        if let Some(slot) = self.0.get_mut(field) {
            *slot = None;
        }
    }

    /// Lists the fields that are set, with their places in [`FIELDS`].
    pub fn iter(&self) -> impl Iterator<Item = (usize, &'static Field, u8)> {
        self.0.into_iter().enumerate().filter_map(|(index, value)| Some((index, &FIELDS[index], value?)))
    }

    /// Returns the value of a register that had `booted` after boot; `None` when none of its fields is set.
    #[must_use]
    pub fn apply(&self, register: SysReg, booted: u64) -> Option<u64> {
        let mut fields = self.iter().filter(|(_, field, _)| field.register == register).peekable();
        fields.peek()?;
        Some(fields.fold(booted, |bits, (_, field, value)| bits & !field.mask() | u64::from(value) << field.shift))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_a_register_do_not_share_bits() {
        for register in SysReg::ALL {
            let bits: u32 =
                FIELDS.iter().filter(|field| field.register == register).map(|field| field.mask().count_ones()).sum();
            let all =
                FIELDS.iter().filter(|field| field.register == register).fold(0, |mask, field| mask | field.mask());
            assert_eq!(bits, all.count_ones(), "{register:?}");
        }
    }

    #[test]
    fn a_register_keeps_what_no_field_of_it_says() {
        let mut controls = Controls::default();
        assert_eq!(controls.apply(SysReg::Sctlr, 5), None);
        controls.set(0, 2);
        controls.set(5, 0);
        assert_eq!(controls.apply(SysReg::Sctlr, 1 << 40 | 0b111), Some(2 << 40 | 0b101));
        assert_eq!(controls.apply(SysReg::Tcr, 5), None);
        controls.set(3, 2);
        assert_eq!(controls.iter().count(), 2, "a bit has no third value");
    }
}
