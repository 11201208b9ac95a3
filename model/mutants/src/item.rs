//! What `#[rules]` stands on: the functions in it, and rewriting each.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, ImplItem, Item, ReturnType, Type};

use crate::defect::Defect;
use crate::mutate::{Mutator, Record};
use crate::rewrite::{Pending, Rewriter};

/// What is known of the file that an item stands in.
pub(crate) struct Context<'a> {
    /// Its path below `src/`, without its extension.
    pub file: &'a str,
    pub defects: &'a [Defect],
    /// The number of a function's first mutant by the function's key, where mutants are to be switchable.
    pub numbers: Option<&'a dyn Fn(&str) -> u32>,
    /// The source is at hand: list the mutants.
    pub listing: bool,
}

/// What was found in an item.
#[derive(Default)]
pub(crate) struct Found {
    /// For each function that changes name: defect, change, the function, what is wrong with it.
    pub changes: Vec<(usize, usize, Option<String>)>,
    pub records: Vec<Record>,
    /// For each function its key, and how many mutants it has.
    pub mutants: Vec<(String, u32)>,
}

/// Returns whether `#[rules]` is among the attributes.
pub(crate) fn is_rules(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| attribute.path().segments.last().is_some_and(|last| last.ident == "rules"))
}

/// Rewrites all functions of an item.
pub(crate) fn rewrite(item: &mut Item, context: &Context<'_>) -> syn::Result<Found> {
    let mut found = Found::default();
    match item {
        Item::Fn(function) => {
            let name = function.sig.ident.to_string();
            let constant = function.sig.constness.is_some();
            let unit = matches!(function.sig.output, ReturnType::Default);
            let key = format!("{}/{name}", context.file);
            let names = Names { key, plain: name.clone(), qualified: None };
            body(&mut found, context, &names, constant, |rewriter| rewriter.function(&mut function.block, unit));
        }
        Item::Impl(whole) => {
            let this = type_name(&whole.self_ty)?;
            let of = whole.trait_.as_ref().map_or_else(String::new, |(_, path, _)| {
                crate::tokens::Words::of(quote::ToTokens::to_token_stream(path)).to_string()
            });
            for item in &mut whole.items {
                let ImplItem::Fn(function) = item else { continue };
                let name = function.sig.ident.to_string();
                let constant = function.sig.constness.is_some();
                let unit = matches!(function.sig.output, ReturnType::Default);
                let key = format!("{}/{this}/{of}/{name}", context.file);
                let names = Names { key, plain: name.clone(), qualified: Some(format!("{this}::{name}")) };
                body(&mut found, context, &names, constant, |rewriter| rewriter.function(&mut function.block, unit));
            }
        }
        Item::Const(constant) => {
            table(&mut found, context, &constant.ident.to_string(), &mut constant.expr);
        }
        Item::Static(constant) => {
            table(&mut found, context, &constant.ident.to_string(), &mut constant.expr);
        }
        other => return Err(syn::Error::new(other.span(), "`rules` stands on functions, `impl` blocks and tables")),
    }
    Ok(found)
}

struct Names {
    key: String,
    plain: String,
    qualified: Option<String>,
}

/// A constant: only the closures in it run at run time.
fn table(found: &mut Found, context: &Context<'_>, name: &str, expr: &mut Expr) {
    let names = Names { key: format!("{}/{name}", context.file), plain: name.to_owned(), qualified: None };
    let mut rewrite = |rewriter: &mut Rewriter<'_, '_>| {
        rewriter.constant = true;
        syn::visit_mut::VisitMut::visit_expr_mut(rewriter, expr);
    };
    body(found, context, &names, false, &mut rewrite);
}

fn body(
    found: &mut Found,
    context: &Context<'_>,
    names: &Names,
    constant: bool,
    mut rewrite: impl FnMut(&mut Rewriter<'_, '_>),
) {
    let (mut which, mut changes) = (Vec::new(), Vec::new());
    for (n, defect) in context.defects.iter().enumerate() {
        for (m, change) in defect.changes.iter().enumerate() {
            if change.function == names.plain || Some(&change.function) == names.qualified.as_ref() {
                which.push((n, m));
                changes.push(Pending { defect: defect.id(), change, found: 0 });
            }
        }
    }
    if constant {
        let why = |name: &str| Some(format!("{name} is a `const fn`, which cannot look at what is active"));
        found.changes.extend(which.into_iter().map(|(n, m)| (n, m, why(&names.plain))));
        return;
    }
    let function = names.qualified.as_ref().unwrap_or(&names.plain);
    let mut mutator =
        context.numbers.map(|first| Mutator::new(context.file, function, first(&names.key), context.listing));
    rewrite(&mut Rewriter::new(&mut changes, mutator.as_mut(), false));
    let complaints = changes.iter().map(Pending::complaint);
    found.changes.extend(which.into_iter().zip(complaints).map(|((n, m), complaint)| (n, m, complaint)));
    if let (Some(mutator), Some(first)) = (mutator, context.numbers) {
        found.mutants.push((names.key.clone(), mutator.end() - first(&names.key)));
        found.records.extend(mutator.records.unwrap_or_default());
    }
}

fn type_name(of: &Type) -> syn::Result<String> {
    match of {
        Type::Path(path) if path.path.segments.last().is_some() => {
            Ok(path.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default())
        }
        other => Err(syn::Error::new(other.span(), "`rules` needs a type that has a name")),
    }
}

/// An error at a place of the file that the macro was called in.
pub(crate) fn error(message: impl std::fmt::Display) -> syn::Error {
    syn::Error::new(Span::call_site(), message)
}
