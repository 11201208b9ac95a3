//! The scalable registers between a block and its host: the first 16 bytes of z0 to z31 are v0 to v31.

use abi::mailbox::Scalable;

use super::state::{Cpu, Vectors};

mutants::defects!();

#[mutants::rules]
impl Cpu {
    /// Loads v0 to v31 as LDP of Q registers does: z0 to z31 are 0 above (Arm ARM, pseudocode function V).
    pub fn set_vectors(&mut self, values: &Vectors) {
        self.v = *values;
        self.v_unknown = 0;
        if let Some(held) = &mut self.scalable {
            held.z.iter_mut().for_each(|z| z.fill(0));
        }
    }

    /// Clears what is above a vector register that an instruction other than of SVE wrote (pseudocode function `V`).
    pub(super) fn clear_above(&mut self, index: u8) {
        if let Some(held) = &mut self.scalable {
            held.z[usize::from(index)].fill(0);
        }
    }

    /// Loads z0 to z31, p0 to p15 and FFR, of which as many bytes are there as the vector length says.
    pub fn set_scalable(&mut self, values: &Scalable, vector_bytes: u16) {
        let mut held = Box::new(Scalable::ZERO);
        let (bytes, predicate) = (usize::from(vector_bytes), usize::from(vector_bytes) / 8);
        for (v, (held, value)) in self.v.iter_mut().zip(held.z.iter_mut().zip(&values.z)) {
            held[..bytes].copy_from_slice(&value[..bytes]);
            *v = halves(value);
        }
        for (held, value) in held.p.iter_mut().zip(&values.p) {
            held[..predicate].copy_from_slice(&value[..predicate]);
        }
        held.ffr[..predicate].copy_from_slice(&values.ffr[..predicate]);
        self.scalable = Some(held);
        self.vector_bytes = vector_bytes;
        self.v_unknown = 0;
        self.p_unknown = 0;
    }

    /// Returns what holds p0 to p15, FFR, and z0 to z31 from their byte 16 on.
    pub fn held_scalable(&mut self) -> &mut Scalable {
        self.scalable.get_or_insert_with(|| Box::new(Scalable::ZERO))
    }

    /// Takes the first bytes of one of z0 to z31, 16 at least, whatever the vector length is; the others stay.
    pub fn hold_z(&mut self, n: usize, bytes: &[u8]) {
        let z = &mut self.held_scalable().z[n];
        z[..bytes.len()].copy_from_slice(bytes);
        self.v[n] = halves(z);
        self.v_unknown &= !(1 << n);
    }

    /// Returns all bytes of one of z0 to z31.
    #[must_use]
    pub fn z(&self, n: usize) -> [u8; Scalable::MAX_BYTES] {
        let mut z = self.scalable.as_ref().map_or([0; Scalable::MAX_BYTES], |held| held.z[n]);
        z[..8].copy_from_slice(&self.v[n][0].to_le_bytes());
        z[8..16].copy_from_slice(&self.v[n][1].to_le_bytes());
        z
    }

    /// Returns z0 to z31, p0 to p15 and FFR; what is above the vector length is 0.
    #[must_use]
    pub fn scalable(&self) -> Box<Scalable> {
        let mut values = self.scalable.clone().unwrap_or_else(|| Box::new(Scalable::ZERO));
        for (z, v) in values.z.iter_mut().zip(&self.v) {
            z[..8].copy_from_slice(&v[0].to_le_bytes());
            z[8..16].copy_from_slice(&v[1].to_le_bytes());
        }
        values
    }
}

/// Returns the first 16 bytes of a register as v0 to v31 have them.
fn halves(z: &[u8; Scalable::MAX_BYTES]) -> [u64; 2] {
    let half = |at: usize| u64::from_le_bytes(std::array::from_fn(|byte| z[at + byte]));
    [half(0), half(8)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use model_base::Features;

    #[test]
    fn a_vector_is_the_first_bytes_of_its_scalable_register() {
        let mut cpu = Cpu::new(&Features::MAX);
        assert_eq!((cpu.vector_bytes, cpu.scalable()), (256, Box::new(Scalable::ZERO)));
        let mut values = Scalable::ZERO;
        values.z[3] = std::array::from_fn(|byte| byte as u8);
        values.p[15] = [0xff; 32];
        values.ffr = [0x0f; 32];
        cpu.set_scalable(&values, 48);
        assert_eq!(cpu.v[3], [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908]);
        cpu.v[3][1] = 0;
        let after = cpu.scalable();
        assert_eq!(after.z[3][..18], [0, 1, 2, 3, 4, 5, 6, 7, 0, 0, 0, 0, 0, 0, 0, 0, 16, 17]);
        assert_eq!((after.z[3][47], after.z[3][48]), (47, 0));
        assert_eq!((after.p[15][5], after.p[15][6], after.ffr[5], after.ffr[6]), (0xff, 0, 0x0f, 0));
    }
}
