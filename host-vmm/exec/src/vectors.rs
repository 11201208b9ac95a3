//! Which addresses are entries of synchronous exceptions, and what may change them.

use std::collections::BTreeMap;

use crate::image::Image;

/// The entries of synchronous exceptions: from EL1 with SP_EL0, from EL1 with SP_EL1, from EL0 in AArch64 and in AArch32 (Arm ARM,
/// "Exception vectors").
pub const SYNCHRONOUS: [u64; 4] = [0x000, 0x200, 0x400, 0x600];

/// `MSR VBAR_EL1, Xt` without its register.
const MSR_VBAR: u32 = 0xd518_c000;
const RT: u32 = 0x1f;

/// Returns the addresses of the instructions that set VBAR_EL1, as far as they can be seen in the file.
pub fn writers(image: &Image) -> Vec<u64> {
    image.addresses_of_words(|word| word & !RT == MSR_VBAR)
}

/// The vectors of each vCPU.
#[derive(Clone, Debug, Default)]
pub struct Vectors {
    bases: BTreeMap<usize, u64>,
}

impl Vectors {
    /// Takes a vCPU's VBAR_EL1. Returns which entries are watched no more, and which are from now on.
    pub fn set(&mut self, cpu: usize, base: u64) -> (Vec<u64>, Vec<u64>) {
        // Bits 10:0 are RES0.
        let base = base & !0x7ff;
        let old = self.bases.insert(cpu, base);
        if old == Some(base) {
            return (Vec::new(), Vec::new());
        }
        let others: Vec<u64> = self.bases.iter().filter(|(other, _)| **other != cpu).map(|(_, base)| *base).collect();
        let entries = |base: u64| SYNCHRONOUS.map(|offset| base.wrapping_add(offset));
        let unused = old.filter(|old| !others.contains(old)).map(entries);
        let new = (!others.contains(&base)).then(|| entries(base));
        (unused.into_iter().flatten().collect(), new.into_iter().flatten().collect())
    }

    /// Returns whether a vCPU that stands here has just taken a synchronous exception.
    #[must_use]
    pub fn is_entry(&self, cpu: usize, pc: u64) -> bool {
        self.bases.get(&cpu).is_some_and(|base| SYNCHRONOUS.contains(&pc.wrapping_sub(*base)))
    }

    /// Returns whether an address is within a vCPU's vectors.
    #[must_use]
    pub fn contains(&self, cpu: usize, pc: u64) -> bool {
        self.bases.get(&cpu).is_some_and(|base| pc.wrapping_sub(*base) < 0x800)
    }

    /// Returns where a vCPU's vectors are.
    #[must_use]
    pub fn base(&self, cpu: usize) -> Option<u64> {
        self.bases.get(&cpu).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_watched_while_any_vcpu_has_them() {
        let mut vectors = Vectors::default();
        assert_eq!(vectors.set(0, 0x1000), (vec![], vec![0x1000, 0x1200, 0x1400, 0x1600]));
        assert_eq!(vectors.set(1, 0x1000), (vec![], vec![]));
        assert_eq!(vectors.set(0, 0x1007), (vec![], vec![]), "bits 10:0 are RES0");
        assert_eq!(vectors.set(0, 0x2000), (vec![], vec![0x2000, 0x2200, 0x2400, 0x2600]));
        assert_eq!(vectors.set(1, 0x2000), (vec![0x1000, 0x1200, 0x1400, 0x1600], vec![]));
        assert!(vectors.is_entry(1, 0x2600) && !vectors.is_entry(1, 0x2080) && !vectors.is_entry(2, 0x2000));
        assert!(vectors.contains(0, 0x27ff) && !vectors.contains(0, 0x2800));
    }
}
