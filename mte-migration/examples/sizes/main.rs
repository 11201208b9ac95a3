//! Prints what the tags of five patterns take, in bytes a page: packed, in Linux's proposed MTE_COMP, and on the wire.
//!
//! `cargo run -p mte-migration --example sizes`

mod mte_comp;
mod patterns;
mod table;

fn main() -> Result<(), mte_migration::tags::TagsError> {
    println!("bytes of tags a page of 4 KiB; {} pages a pattern, seed {:#x}", patterns::PAGES, patterns::SEED);
    println!("| pattern | packed | MTE_COMP | untagged pages free | inline only | on the wire |");
    println!("|---|---|---|---|---|---|");
    for row in table::rows()? {
        println!("{row}");
    }
    Ok(())
}
