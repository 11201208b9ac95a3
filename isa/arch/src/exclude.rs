//! The set of tags that IRG, ADDG and SUBG must not generate, and the choice among the others.

use core::fmt;

use crate::tag::Tag;

/// A set of excluded tags, one bit per tag: `GCR_EL1.Exclude`, bits 15:0 (Arm ARM, `GCR_EL1`).
///
/// The low 16 bits of the `Xm` operand of IRG and of the result of GMI have the same layout.
///
/// ```
/// use arch::{Exclude, Tag};
/// let exclude = Exclude::NONE.with(Tag::ZERO).with(Tag::MAX);
/// assert_eq!(exclude.bits(), 0x8001);
/// // From tag 14, one tag on: 15 and 0 are excluded.
/// assert_eq!(exclude.choose_non_excluded_tag(Tag::truncate(14), 1), Tag::truncate(1));
/// assert_eq!(Exclude::ALL.choose_non_excluded_tag(Tag::truncate(14), 1), Tag::ZERO);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Exclude(u16);

impl Exclude {
    /// The empty set.
    pub const NONE: Self = Self(0);

    /// The set of all tags. The choice is then tag 0.
    pub const ALL: Self = Self(u16::MAX);

    /// Creates the set from its 16 bits.
    #[must_use]
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// Returns the 16 bits of the set.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Returns whether `tag` is excluded.
    #[must_use]
    pub const fn contains(self, tag: Tag) -> bool {
        self.0 >> tag.value() & 1 == 1
    }

    /// Returns the set with `tag` added, as GMI does (Arm ARM C6.2, GMI).
    #[must_use]
    pub const fn with(self, tag: Tag) -> Self {
        Self(self.0 | 1 << tag.value())
    }

    /// Returns the union of two sets, as IRG combines `GCR_EL1.Exclude` with `Xm` (Arm ARM C6.2, IRG).
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns the tag `offset` steps after `tag`, counting only tags that are not excluded (Arm ARM,
    /// `AArch64.ChooseNonExcludedTag`).
    ///
    /// With offset 0, an excluded `tag` still moves to the next one that is not excluded. If all tags are excluded the
    /// result is tag 0. The architecture uses offsets 0 to 15.
    #[must_use]
    pub const fn choose_non_excluded_tag(self, tag: Tag, offset: u8) -> Tag {
        if self.0 == Self::ALL.0 {
            return Tag::ZERO;
        }
        if self.0 == Self::NONE.0 {
            // The common case; the loop below would return the same.
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

    /// Returns the first tag from `tag` on that is not excluded. There must be one.
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

    /// Computes the same choice another way: ranks the allowed tags by their distance from the start and picks one.
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
    fn the_choice_agrees_with_ranking_the_allowed_tags() {
        // 97 is prime, so the sampled masks have no common pattern. The pseudocode has a special case for all ones.
        for bits in (0..=u16::MAX).step_by(97).chain([u16::MAX, u16::MAX - 1, 0x7fff]) {
            let exclude = Exclude::from_bits(bits);
            for start in Tag::all() {
                for offset in 0..16 {
                    let chosen = exclude.choose_non_excluded_tag(start, offset);
                    assert_eq!(chosen, choose_by_rank(exclude, start, offset), "{exclude} {start} {offset}");
                }
            }
        }
    }

    #[test]
    fn with_all_tags_excluded_the_choice_is_zero() {
        assert_eq!(Exclude::ALL.choose_non_excluded_tag(Tag::truncate(9), 3), Tag::ZERO);
    }

    #[test]
    fn with_sets_a_bit_and_union_combines() {
        let set = Exclude::NONE.with(Tag::ZERO).with(Tag::MAX);
        assert_eq!(set.bits(), 0x8001);
        assert_eq!(set.union(Exclude::from_bits(2)).bits(), 0x8003);
    }
}
