//! Mutants: small changes to the rules that a machine makes, each with a number, and code that makes one of them at run time.
//!
//! A site is an operation with one or more mutants, numbered one after the other. The code of a site asks
//! the crate's own `mutant::at(first, count)` which of them is active: 0 for none. Operands are computed once and where they stand,
//! so that a site costs its own code once, however deep operations are nested.

use std::collections::BTreeMap;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::{Expr, Stmt};

use crate::rewrite::is_assignment;

mod operations;
mod patterns;

pub(crate) use self::patterns::is_promoted;

/// One mutant, for the table.
pub(crate) struct Record {
    pub name: String,
    pub file: String,
    pub line: usize,
    pub function: String,
    pub kind: &'static str,
    pub original: String,
    pub mutated: String,
}

/// Numbers the mutants of a function.
pub(crate) struct Mutator {
    next: u32,
    file: String,
    function: String,
    /// How many of each kind the function has so far.
    kinds: BTreeMap<&'static str, u32>,
    /// The mutants, where their texts can be read.
    pub records: Option<Vec<Record>>,
}

/// How a mutant reads: what stands in the rule, and what stands there instead.
type Texts = (String, String);

impl Mutator {
    /// Numbers from `first` on; `listing` where the source is at hand.
    pub(crate) fn new(file: &str, function: &str, first: u32, listing: bool) -> Self {
        let records = listing.then(Vec::new);
        Self { next: first, file: file.to_owned(), function: function.to_owned(), kinds: BTreeMap::new(), records }
    }

    /// The number behind the last one.
    pub(crate) fn end(&self) -> u32 {
        self.next
    }

    /// Numbers the mutants of a site: an expression that says which of them is active.
    fn site(&mut self, kind: &'static str, span: Span, count: u32, texts: impl Fn() -> Vec<Texts>) -> TokenStream {
        let first = self.next;
        self.next += count;
        let before = self.kinds.entry(kind).or_default();
        let number = *before;
        *before += count;
        if let Some(records) = &mut self.records {
            let texts = texts();
            assert_eq!(texts.len() as u32, count, "a text for each mutant");
            for (n, (original, mutated)) in texts.into_iter().enumerate() {
                let (file, function) = (self.file.clone(), self.function.clone());
                records.push(Record {
                    name: format!("{file}:{function}:{kind}#{}", number + n as u32 + 1),
                    file,
                    line: span.start().line,
                    function,
                    kind,
                    original,
                    mutated,
                });
            }
        }
        quote!(crate::mutant::at(#first, #count))
    }

    /// Makes it possible to leave a statement out.
    pub(crate) fn remove_statement(&mut self, original: &Stmt, stmt: &mut Stmt, late: &[String]) {
        let removable = match original {
            Stmt::Expr(expr, semi) => match expr {
                Expr::Call(_) | Expr::MethodCall(_) | Expr::Assign(_) | Expr::Try(_) => true,
                Expr::Binary(binary) => is_assignment(&binary.op),
                Expr::ForLoop(_) | Expr::While(_) => true,
                Expr::If(whole) => semi.is_some() || whole.else_branch.is_none(),
                Expr::Continue(_) => semi.is_some(),
                _ => false,
            },
            _ => false,
        };
        let mentions = |name: &String| idents(original.to_token_stream()).contains(name);
        if !removable || late.iter().any(mentions) {
            return;
        }
        let texts = || vec![(text(original), String::new())];
        let at = self.site("statement", original.span(), 1, texts);
        *stmt = Stmt::Expr(Expr::Verbatim(quote!(if #at == 0 { #stmt })), None);
    }
}

fn idents(tokens: TokenStream) -> Vec<String> {
    let mut all = Vec::new();
    for token in tokens {
        match token {
            proc_macro2::TokenTree::Ident(ident) => all.push(ident.to_string()),
            proc_macro2::TokenTree::Group(group) => all.extend(idents(group.stream())),
            _ => {}
        }
    }
    all
}

/// The source text of something, on one line.
fn text(of: &(impl ToTokens + Spanned)) -> String {
    let text = of.span().source_text().unwrap_or_else(|| of.to_token_stream().to_string());
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
