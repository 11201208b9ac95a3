//! Explains what a program showed that is not permitted.

use isa::Insn;
use report::failure::{Place, ProgramMismatch};

use super::block;
use crate::sign::{Sign, begins};

/// Returns whether signs explain everything in which a program differs.
pub(super) fn explains(signs: &[Sign], mismatch: &ProgramMismatch) -> bool {
    if !mismatch.complete || mismatch.blocks.is_empty() && mismatch.memory.is_empty() {
        return false;
    }
    let mut all = Vec::new();
    for block in &mismatch.blocks {
        let Some(effects) = block::effects(signs, block) else { return false };
        if !block.others.iter().all(|other| effects.include(other)) {
            return false;
        }
        all.push(effects);
    }
    let tag = stored_tag(signs, mismatch);
    mismatch.memory.iter().all(|difference| {
        let stored = matches!(difference.place, Place::Tag(_)) && tag == Some(&*difference.found);
        stored || all.iter().any(|effects| effects.include(difference))
    })
}

/// Returns the tag that instructions of a sign stored where they must not: the first one that differs.
fn stored_tag<'m>(signs: &[Sign], mismatch: &'m ProgramMismatch) -> Option<&'m str> {
    let is_one = |insn: Insn| {
        signs.iter().any(|sign| matches!(sign, Sign::TagsStored(instructions) if begins(insn, instructions)))
    };
    let found = mismatch.memory.iter().find(|difference| matches!(difference.place, Place::Tag(_)))?;
    mismatch.words.iter().filter_map(|word| Insn::decode(*word)).any(is_one).then_some(&*found.found)
}
