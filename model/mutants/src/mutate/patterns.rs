//! What patterns match and bind, and what the compiler keeps for ever.

use syn::{Expr, Pat};

/// Returns whether a pattern matches everything.
pub(super) fn is_wildcard(pat: &Pat) -> bool {
    match pat {
        Pat::Wild(_) => true,
        // A name in lower case binds; others are constants and variants.
        Pat::Ident(ident) => {
            ident.subpat.is_none() && ident.ident.to_string().starts_with(|first: char| first.is_lowercase())
        }
        _ => false,
    }
}

/// The names that a pattern binds.
pub(super) fn names(pat: &Pat) -> Vec<String> {
    struct Names(Vec<String>);
    impl<'ast> syn::visit::Visit<'ast> for Names {
        fn visit_pat_ident(&mut self, ident: &'ast syn::PatIdent) {
            let name = ident.ident.to_string();
            if name.starts_with(|first: char| first.is_lowercase()) {
                self.0.push(name);
            }
            syn::visit::visit_pat_ident(self, ident);
        }
    }
    let mut names = Names(Vec::new());
    syn::visit::Visit::visit_pat(&mut names, pat);
    names.0
}

/// Returns whether an expression is a constant that the compiler keeps for ever if a reference is taken to it.
pub(crate) fn is_promoted(expr: &Expr) -> bool {
    match expr {
        Expr::Lit(_) | Expr::Path(_) => true,
        Expr::Array(array) => array.elems.iter().all(is_promoted),
        Expr::Tuple(tuple) => tuple.elems.iter().all(is_promoted),
        Expr::Unary(unary) => is_promoted(&unary.expr),
        Expr::Reference(reference) => is_promoted(&reference.expr),
        _ => false,
    }
}
