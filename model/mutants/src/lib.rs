//! Rules stay rules: what breaks them stands beside them or is made by a machine, and is put in at compile time.
//!
//! `#[mutants::rules]` stands on the functions, `impl` blocks and tables that are rules of the specification. It does two things.
//!
//! - It makes the changes that the file `<name>.defects` beside `<name>.rs` declares, each of them only when the defect is
//!   active in the thread. A change that fits no place, or several, is a compile error.
//! - With the feature `switchable` it gives every operation of the rules a number, by which it can be made to go wrong at
//!   run time. Without the feature this adds nothing.
//!
//! The code that it makes uses `::model_base::defect` and `::model_base::mutant`, and of the crate that it is in `crate::catalogue` and
//! `crate::mutant::at`, which knows where the crate's numbers begin among all.

#![forbid(unsafe_code)]

mod defect;
mod item;
mod mutate;
mod rewrite;
mod scan;
#[cfg(test)]
mod tests;
mod tokens;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::Item;

use crate::item::Context;
use crate::scan::{Numbers, Place};

/// Rewrites the rules in an item.
#[proc_macro_attribute]
pub fn rules(_: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let result = syn::parse::<Item>(item).and_then(rewritten);
    result.unwrap_or_else(|error| error.to_compile_error()).into()
}

fn rewritten(mut item: Item) -> syn::Result<TokenStream> {
    let place = Place::of_caller().map_err(item::error)?;
    let numbers = if cfg!(feature = "switchable") { Some(Numbers::of_crate().map_err(item::error)?) } else { None };
    let defects = place.defects().map_err(item::error)?;
    let first = |key: &str| numbers.map_or(0, |numbers| numbers.first(key));
    let first: Option<&dyn Fn(&str) -> u32> = if numbers.is_some() { Some(&first) } else { None };
    let file = place.name();
    let context = Context { file: &file, defects: &defects, numbers: first, listing: false };
    // What does not fit is said by `defects!`, which knows the whole file.
    item::rewrite(&mut item, &context)?;
    let allowed = if cfg!(feature = "switchable") {
        quote!(#[allow(
            warnings,
            arithmetic_overflow,
            overflowing_literals,
            unconditional_panic,
            clippy::all,
            reason = "mutants are wrong on purpose"
        )])
    } else {
        quote!(#[allow(unused_parens, unused_braces, reason = "defects are put into the rules")])
    };
    let item = item.to_token_stream();
    Ok(quote!(#allowed #item))
}

/// Declares the defects of the file beside the caller's as `DEFECTS`.
#[proc_macro]
pub fn defects(_: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let result = Place::of_caller().map_err(|error| vec![error]).and_then(|place| declared(&place));
    result
        .unwrap_or_else(|errors| errors.into_iter().map(|error| item::error(error).to_compile_error()).collect())
        .into()
}

fn declared(place: &Place) -> Result<TokenStream, Vec<String>> {
    place.check()?;
    let defects = place.defects().map_err(|error| vec![error])?;
    let new = defects.iter().filter_map(|defect| {
        let (name, what) = (&defect.name, defect.what.as_ref()?);
        Some(quote!(&::model_base::defect::Defect::new(#name, #what)))
    });
    let mut other = defects.iter().filter(|defect| defect.what.is_none()).map(|defect| &defect.name).peekable();
    let test = other.peek().is_some().then(|| {
        quote! {
            #[cfg(test)]
            #[test]
            fn defects_that_are_declared_elsewhere_exist() {
                for name in [#( #other ),*] {
                    assert!(crate::catalogue::named(name).is_some(), "{name}");
                }
            }
        }
    });
    let file = place.relative.with_extension("defects");
    let file = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(quote! {
        // The compiler is to look again when the declarations change.
        const _: &[u8] = include_bytes!(#file);
        /// The defects of this module's rules.
        pub static DEFECTS: &[&::model_base::defect::Defect] = &[#( #new ),*];
        #test
    })
}

/// Lists the mutants of all rules of the crate, in the order of their numbers.
#[proc_macro]
pub fn table(_: proc_macro::TokenStream) -> proc_macro::TokenStream {
    match Numbers::of_crate() {
        Err(error) => item::error(error).to_compile_error().into(),
        Ok(numbers) => {
            let rows = numbers.records.iter().map(|record| {
                let mutate::Record { name, file, line, function, kind, original, mutated } = record;
                let line = *line as u32;
                quote!(::model_base::mutant::Mutant {
                    name: #name, file: #file, line: #line, function: #function, kind: #kind, original: #original, mutated: #mutated
                })
            });
            quote!(&[#( #rows ),*]).into()
        }
    }
}
