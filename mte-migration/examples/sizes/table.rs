//! The patterns' sizes as rows of a table.

use mte_migration::message::Pages;
use mte_migration::tags::TagsError;
use mte_migration::{PAGE, PAGES_PER_FRAME, TAGS};

use crate::mte_comp;
use crate::patterns::{PATTERNS, Pattern, SEED};

/// Returns the bytes of tags in frames of pages.
pub fn on_the_wire(tags: &[u8]) -> Result<usize, TagsError> {
    let mut bytes = 0;
    for tags in tags.chunks(PAGES_PER_FRAME * TAGS) {
        bytes += Pages::new(0, &vec![0; tags.len() / TAGS * PAGE], tags)?.sizes().1;
    }
    Ok(bytes)
}

/// Makes a row for each pattern, in bytes a page.
pub fn rows() -> Result<Vec<String>, TagsError> {
    let row = |Pattern { name, make }: &Pattern| {
        let tags = make(&mut fastrand::Rng::with_seed(SEED));
        let pages = tags.as_chunks::<TAGS>().0;
        let a_page = |bytes: usize| bytes as f64 / pages.len() as f64;
        let sum = |of: fn(&[u8; TAGS]) -> usize| a_page(pages.iter().map(of).sum());
        let columns = [
            sum(|_| TAGS / 2),
            sum(mte_comp::bytes),
            sum(mte_comp::bytes_if_tagged),
            sum(mte_comp::bytes_inline_only),
            a_page(on_the_wire(&tags)?),
        ];
        Ok(format!("| {name} | {} |", columns.map(|bytes| format!("{bytes:.2}")).join(" | ")))
    };
    PATTERNS.iter().map(row).collect()
}
