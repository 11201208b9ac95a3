//! The set of tags that IRG, ADDG and SUBG must not produce, and the walk around the others.

use core::fmt;

use crate::tag::Tag;

/// A set of excluded tags, one bit a tag: `GCR_EL1.Exclude`, bits 15:0 (Arm ARM, `GCR_EL1`).
///
/// The low 16 bits of IRG's optional `Xm` and of GMI's result have the same layout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Exclude(u16);

impl Exclude {
    /// Excludes nothing.
    pub const NONE: Self = Self(0);

    /// Excludes every tag; what is chosen then is tag 0.
    pub const ALL: Self = Self(u16::MAX);

    /// Makes the set from its 16 bits.
    #[must_use]
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// Returns the 16 bits of the set.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Tells whether `tag` is excluded.
    #[must_use]
    pub const fn contains(self, tag: Tag) -> bool {
        self.0 >> tag.value() & 1 == 1
    }

    /// Returns the set with `tag` added, as GMI computes it.
    #[must_use]
    pub const fn with(self, tag: Tag) -> Self {
        Self(self.0 | 1 << tag.value())
    }

    /// Returns the tags that either set excludes, as IRG combines `GCR_EL1.Exclude` with `Xm`.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Walks `offset` tags on from `tag` over those not excluded (Arm ARM, `AArch64.ChooseNonExcludedTag`).
    ///
    /// With offset 0 an excluded `tag` still moves to the next one that is not. With every tag excluded the result is
    /// tag 0. Offsets of the architecture are 0 to 15.
    #[must_use]
    pub const fn choose(self, tag: Tag, offset: u8) -> Tag {
        if self.0 == Self::ALL.0 {
            return Tag::ZERO;
        }
        if self.0 == Self::NONE.0 {
            // Most programs exclude nothing; the walk below would come to the same.
            return tag.wrapping_add(offset);
        }
        if offset == 0 {
            return self.skip(tag);
        }
        let mut tag = tag;
        let mut left = offset;
        while left != 0 {
            left -= 1;
            tag = self.skip(tag.wrapping_add(1));
        }
        tag
    }

    /// Moves `tag` up to the first one that is not excluded. One such tag must exist.
    const fn skip(self, mut tag: Tag) -> Tag {
        while self.contains(tag) {
            tag = tag.wrapping_add(1);
        }
        tag
    }
}

impl fmt::Display for Exclude {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#06x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// The same choice said differently: rank the allowed tags by their distance from the start, pick one.
    fn choose_by_rank(exclude: Exclude, start: Tag, offset: u8) -> Tag {
        let first = u8::from(offset != 0);
        let allowed: Vec<Tag> =
            (first..first + 16).map(|step| start.wrapping_add(step)).filter(|tag| !exclude.contains(*tag)).collect();
        if allowed.is_empty() {
            return Tag::ZERO;
        }
        allowed[usize::from(offset.saturating_sub(1)) % allowed.len()]
    }

    #[test]
    fn the_walk_agrees_with_ranking_the_allowed_tags() {
        // 97 is prime, so the masks sampled share no pattern; the ends are what the pseudocode singles out.
        for bits in (0..=u16::MAX).step_by(97).chain([u16::MAX, u16::MAX - 1, 0x7fff]) {
            let exclude = Exclude::from_bits(bits);
            for start in Tag::all() {
                for offset in 0..16 {
                    let chosen = exclude.choose(start, offset);
                    assert_eq!(chosen, choose_by_rank(exclude, start, offset), "{exclude} {start} {offset}");
                }
            }
        }
    }

    #[test]
    fn with_all_tags_excluded_the_choice_is_zero() {
        assert_eq!(Exclude::ALL.choose(Tag::truncate(9), 3), Tag::ZERO);
    }

    #[test]
    fn gmi_adds_a_bit_and_irg_unites() {
        let set = Exclude::NONE.with(Tag::ZERO).with(Tag::MAX);
        assert_eq!(set.bits(), 0x8001);
        assert_eq!(set.union(Exclude::from_bits(2)).bits(), 0x8003);
    }
}
