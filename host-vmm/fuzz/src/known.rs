//! Divergences that are known and reported: random programs stay away from them, or they would show nothing else.
//!
//! What is known of which version stands in the table of errata, with how a campaign gets past it; here that gets its
//! meaning for programs and for comparisons. `granule fuzz --known` leaves nothing out.

mod avoid_known;
mod instructions;
mod mask_known;

pub use avoid_known::avoid_known;
pub use instructions::{aligns_stack, shows};
pub use mask_known::mask_known;

#[cfg(test)]
mod tests {
    use errata::avoid::Avoided;
    use isa::Insn;

    use super::*;
    use crate::{Profile, generate};

    #[test]
    fn programs_avoid_known_divergences() {
        let everything = Avoided::everything();
        let (seed, profile) = (0x5eed, Profile { known: everything.clone().into(), ..Profile::default() });
        for number in 0..2000 {
            for run in generate::program(seed, number, &profile).runs() {
                let shown =
                    run.words.iter().filter_map(|word| Insn::decode(*word)).find(|insn| shows(&everything, *insn));
                assert_eq!(shown, None, "seed {seed:#x}, number {number}");
                assert_eq!(run.sp % 16, 0, "seed {seed:#x}, number {number}");
            }
        }
    }

    #[test]
    fn instructions_are_avoided_one_by_one() {
        for (text, shown) in [
            ("ld1 {v0.16b-v1.16b}, [x0]", false),
            ("ld1 {v0.16b-v2.16b}, [x0]", true),
            ("st1 {v0.8b-v3.8b}, [x0]", false),
            ("dc cvap, x0", true),
            ("dc cvac, x0", false),
            ("ldapur w0, [x1]", true),
            ("stlurh w0, [x1]", true),
            ("ldapur q0, [x1]", false),
            ("stlur d0, [x1]", false),
            ("ldapr w0, [x1]", false),
            // Its blocks enable a key instead.
            ("xpaclri", false),
            ("sb", true),
        ] {
            assert_eq!(shows(&Avoided::everything(), assembler::assemble(text).unwrap()[0]), shown, "{text}");
        }
    }
}
