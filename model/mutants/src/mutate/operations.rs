//! Which mutants an operation has, and the code that switches between them.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Arm, BinOp, Expr, ExprLit, Ident, Lit, LitInt, UnOp};

use super::patterns::{is_wildcard, names};
use super::{Texts, idents, text};
use crate::rewrite::{Rewriter, is_assignment};
use crate::tokens::Words;

fn left() -> Ident {
    Ident::new("left__", Span::mixed_site())
}

fn right() -> Ident {
    Ident::new("right__", Span::mixed_site())
}

/// The operators that stand in for an operator, or nothing where it has no mutants.
fn instead(op: &BinOp) -> (&'static str, Vec<BinOp>) {
    fn ops(list: &[&str]) -> Vec<BinOp> {
        list.iter().filter_map(|text| syn::parse_str(text).ok()).collect()
    }
    match op {
        BinOp::Eq(_) => ("comparison", ops(&["!="])),
        BinOp::Ne(_) => ("comparison", ops(&["=="])),
        BinOp::Lt(_) => ("comparison", ops(&["<=", ">="])),
        BinOp::Le(_) => ("comparison", ops(&["<", ">"])),
        BinOp::Gt(_) => ("comparison", ops(&[">=", "<="])),
        BinOp::Ge(_) => ("comparison", ops(&[">", "<"])),
        BinOp::Add(_) => ("arithmetic", ops(&["-"])),
        BinOp::Sub(_) => ("arithmetic", ops(&["+"])),
        BinOp::Mul(_) | BinOp::Div(_) => ("arithmetic", ops(&["+"])),
        BinOp::Rem(_) => ("arithmetic", ops(&["/"])),
        BinOp::BitAnd(_) => ("bits", ops(&["|"])),
        BinOp::BitOr(_) | BinOp::BitXor(_) => ("bits", ops(&["&"])),
        BinOp::Shl(_) => ("bits", ops(&[">>"])),
        BinOp::Shr(_) => ("bits", ops(&["<<"])),
        BinOp::AddAssign(_) => ("arithmetic", ops(&["-="])),
        BinOp::SubAssign(_) => ("arithmetic", ops(&["+="])),
        BinOp::BitAndAssign(_) => ("bits", ops(&["|="])),
        BinOp::BitOrAssign(_) | BinOp::BitXorAssign(_) => ("bits", ops(&["&="])),
        BinOp::ShlAssign(_) => ("bits", ops(&[">>="])),
        BinOp::ShrAssign(_) => ("bits", ops(&["<<="])),
        _ => ("", Vec::new()),
    }
}

/// Methods that take the same and return the same.
const METHODS: &[(&str, &str)] = &[
    ("checked_add", "checked_sub"),
    ("saturating_add", "saturating_sub"),
    ("min", "max"),
    ("any", "all"),
    ("is_some", "is_none"),
    ("is_ok", "is_err"),
    ("is_some_and", "is_none_or"),
];

fn other_method(name: &str) -> Option<&'static str> {
    METHODS.iter().find_map(|(a, b)| match name {
        _ if name == *a => Some(*b),
        _ if name == *b => Some(*a),
        _ => None,
    })
}

/// Returns whether an expression contains a `let` condition outside of closures and blocks.
fn has_let(expr: &Expr) -> bool {
    match expr {
        Expr::Let(_) => true,
        Expr::Binary(binary) => has_let(&binary.left) || has_let(&binary.right),
        Expr::Paren(paren) => has_let(&paren.expr),
        _ => false,
    }
}

impl Rewriter<'_, '_> {
    fn site(&mut self, kind: &'static str, span: Span, count: u32, texts: impl Fn() -> Vec<Texts>) -> TokenStream {
        self.mutator.as_deref_mut().map_or_else(|| quote!(0), |mutator| mutator.site(kind, span, count, texts))
    }

    /// Rewrites an expression so that its mutants can be switched.
    pub(crate) fn switchable(&mut self, expr: &mut Expr) {
        let original = expr.clone();
        match expr {
            Expr::Binary(binary) if !has_let(&original) => match binary.op {
                BinOp::And(_) | BinOp::Or(_) => self.logic(&original, expr),
                _ => self.operator(&original, expr),
            },
            Expr::Unary(unary) if matches!(unary.op, UnOp::Not(_) | UnOp::Neg(_)) => {
                self.children(expr);
                let Expr::Unary(unary) = &*expr else { return };
                let (op, operand) = (&unary.op, &unary.expr);
                let texts = || match &original {
                    Expr::Unary(unary) => vec![(text(&original), text(&unary.expr))],
                    _ => Vec::new(),
                };
                let kind = if matches!(op, UnOp::Not(_)) { "not" } else { "arithmetic" };
                // The sign of a number is part of it.
                if matches!(op, UnOp::Neg(_)) && matches!(**operand, Expr::Lit(_)) {
                    return;
                }
                let at = self.site(kind, original.span(), 1, texts);
                let left = left();
                *expr = Expr::Verbatim(quote!((match #operand { #left => if #at == 1 { #left } else { #op #left } })));
            }
            Expr::Lit(ExprLit { lit, .. }) => {
                if let Some(new) = self.constant_of(lit) {
                    *expr = Expr::Verbatim(new);
                }
            }
            Expr::MethodCall(_) => self.method(&original, expr),
            Expr::Match(_) => {
                self.match_arms(expr);
            }
            Expr::Macro(whole) if whole.mac.path.is_ident("matches") => {
                let at = self.site("comparison", original.span(), 1, || {
                    vec![(text(&original), format!("!{}", text(&original)))]
                });
                *expr = Expr::Verbatim(quote!(((#at == 1) != #original)));
            }
            _ => self.children(expr),
        }
    }

    /// `&&` and `||`: the other one, and either side alone.
    fn logic(&mut self, original: &Expr, expr: &mut Expr) {
        self.children(expr);
        let (Expr::Binary(binary), Expr::Binary(was)) = (&*expr, original) else { return };
        let and = matches!(binary.op, BinOp::And(_));
        let texts = || {
            let whole = text(original);
            let (a, b) = (text(&was.left), text(&was.right));
            let other = if and { "||" } else { "&&" };
            vec![(whole.clone(), format!("{a} {other} {b}")), (whole.clone(), a), (whole, b)]
        };
        let at = self.site("logic", was.op.span(), 3, texts);
        let (a, b, left) = (&binary.left, &binary.right, left());
        let asks = if and { quote!(asks_right_of_and) } else { quote!(asks_right_of_or) };
        *expr = Expr::Verbatim(quote!({
            let #left: bool = #a;
            if ::model_base::mutant::#asks(#at, #left) { #b } else { #left }
        }));
        *expr = Expr::Verbatim(quote!((#expr)));
    }

    fn operator(&mut self, original: &Expr, expr: &mut Expr) {
        self.children(expr);
        let (Expr::Binary(binary), Expr::Binary(was)) = (&*expr, original) else { return };
        let (kind, others) = instead(&binary.op);
        if others.is_empty() {
            return;
        }
        let texts = || {
            let mutant = |op: &BinOp| format!("{} {} {}", text(&was.left), op.to_token_stream(), text(&was.right));
            others.iter().map(|op| (text(original), mutant(op))).collect()
        };
        let at = self.site(kind, was.op.span(), others.len() as u32, texts);
        let (a, b, op) = (&binary.left, &binary.right, &binary.op);
        let (left, right) = (left(), right());
        let numbers = 1u32..;
        *expr = Expr::Verbatim(if is_assignment(op) {
            quote!((match #b { #right => match #at { #( #numbers => #a #others #right, )* _ => #a #op #right } }))
        } else if kind == "comparison" {
            quote!((match (&(#a), &(#b)) {
                (#left, #right) => match #at { #( #numbers => *#left #others *#right, )* _ => *#left #op *#right }
            }))
        } else {
            quote!((match (#a, #b) {
                (#left, #right) => match #at { #( #numbers => #left #others #right, )* _ => #left #op #right }
            }))
        });
    }

    /// One more, and one less; the other truth.
    fn constant_of(&mut self, lit: &Lit) -> Option<TokenStream> {
        match lit {
            Lit::Bool(value) => {
                let texts = || vec![(value.value.to_string(), (!value.value).to_string())];
                let at = self.site("constant", lit.span(), 1, texts);
                let flipped = !value.value;
                Some(quote!((if #at == 1 { #flipped } else { #lit })))
            }
            Lit::Int(int) => {
                let value: u128 = int.base10_parse().ok()?;
                let number = |value: u128| LitInt::new(&format!("{value}{}", int.suffix()), lit.span());
                let whole = [8, 16, 32, 64, 128].iter().any(|bits| value == u128::MAX >> (128 - bits));
                let mut others = Vec::new();
                if !whole {
                    others.push(number(value + 1));
                }
                if value > 0 {
                    others.push(number(value - 1));
                }
                let texts =
                    || others.iter().map(|other| (lit.to_token_stream().to_string(), other.to_string())).collect();
                let at = self.site("constant", lit.span(), others.len() as u32, texts);
                let numbers = 1u32..;
                Some(quote!((match #at { #( #numbers => #others, )* _ => #lit })))
            }
            _ => None,
        }
    }

    /// A method that does nearly the same.
    fn method(&mut self, original: &Expr, expr: &mut Expr) {
        self.children(expr);
        let (Expr::MethodCall(call), Expr::MethodCall(was)) = (&*expr, original) else { return };
        let name = call.method.to_string();
        if let ("wrapping_add" | "wrapping_sub", 1) = (name.as_str(), call.args.len()) {
            let other = if name == "wrapping_add" { "wrapping_sub" } else { "wrapping_add" };
            let at = self.site("method", was.method.span(), 1, || {
                vec![(text(original), text(original).replacen(&name, other, 1))]
            });
            let (receiver, method, argument, right) = (&call.receiver, &call.method, &call.args[0], right());
            // Not everything that has the one has the other, so the number is negated.
            *expr = Expr::Verbatim(quote!(#receiver.#method(match #argument {
                #right => if #at == 0 { #right } else { #right.wrapping_neg() }
            })));
            return;
        }
        // min and max of an iterator take nothing.
        let takes = usize::from(!name.starts_with("is_") || name.ends_with("_and") || name.ends_with("_or"));
        let Some(other) = other_method(&name).filter(|_| call.args.len() == takes) else { return };
        let texts = || vec![(text(original), text(original).replacen(&name, other, 1))];
        let at = self.site("method", was.method.span(), 1, texts);
        let (receiver, argument) = (&call.receiver, call.args.first());
        let (method, other) = (&call.method, Ident::new(other, call.method.span()));
        let (left, right) = (left(), right());
        if takes == 0 {
            *expr = Expr::Verbatim(quote!((match &(#receiver) {
                #left => if #at == 0 { #left.#method() } else { #left.#other() }
            })));
            return;
        }
        *expr = Expr::Verbatim(if matches!(name.as_str(), "any" | "all" | "is_some_and" | "is_none_or") {
            // A closure cannot be computed first: nothing would say what it takes.
            quote!((match #receiver {
                mut #left => {
                    let _ = &mut #left;
                    if #at == 0 { #left.#method(#argument) } else { #left.#other(#argument) }
                }
            }))
        } else {
            quote!((match (#receiver, #argument) {
                (#left, #right) => if #at == 0 { #left.#method(#right) } else { #left.#other(#right) }
            }))
        });
    }

    /// Each arm left out, or taken over by another.
    fn match_arms(&mut self, expr: &mut Expr) {
        let Expr::Match(whole) = &mut *expr else { return };
        let was: Vec<Arm> = whole.arms.clone();
        // A defect's arms come first, and are not touched.
        self.children(expr);
        let Expr::Match(whole) = &mut *expr else { return };
        let added = whole.arms.len() - was.len();
        let catches_all = was.last().is_some_and(|arm| arm.guard.is_none() && is_wildcard(&arm.pat));
        for (n, arm) in whole.arms[added..].iter_mut().enumerate() {
            let original = &was[n];
            let last = n + 1 == was.len();
            if catches_all {
                if last {
                    continue;
                }
                let same = was[n + 1..]
                    .iter()
                    .all(|later| Words::of(later.body.to_token_stream()) == Words::of(original.body.to_token_stream()));
                if same && original.guard.is_none() {
                    continue;
                }
                let at = self.site("arm", original.pat.span(), 1, || {
                    vec![(
                        format!("{} => {}", text(&original.pat), text(&original.body)),
                        "the arm is left out".to_owned(),
                    )]
                });
                let guard = match &arm.guard {
                    Some((_, guard)) => quote!(#at == 0 && (#guard)),
                    None => quote!(#at == 0),
                };
                arm.guard = Some((syn::token::If::default(), Box::new(Expr::Verbatim(guard))));
                continue;
            }
            // Without a default another arm's value takes its place, if that needs nothing of its pattern.
            let donors = (n + 1..was.len()).chain(0..n);
            let body = Words::of(original.body.to_token_stream());
            let Some(donor) = donors.map(|donor| &was[donor]).find(|donor| {
                let mut needs = idents(donor.body.to_token_stream()).into_iter();
                // Its names must be those of the arm that it stands in for.
                names(&donor.pat).is_empty()
                    && !needs.any(|name| names(&original.pat).contains(&name))
                    && Words::of(donor.body.to_token_stream()) != body
            }) else {
                continue;
            };
            let at = self.site("arm", original.pat.span(), 1, || {
                vec![(format!("{} => {}", text(&original.pat), text(&original.body)), text(&donor.body))]
            });
            let (body, other) = (&arm.body, &donor.body);
            let new = quote!(if #at == 0 { #body } else { #other });
            *arm.body = Expr::Verbatim(quote!({ #new }));
        }
    }

    /// A condition of an `if`, a `while` or an arm: the opposite.
    pub(crate) fn condition(&mut self, cond: &mut Expr) {
        let original = cond.clone();
        syn::visit_mut::VisitMut::visit_expr_mut(self, cond);
        // The opposite of these is among their own mutants.
        let own = match &original {
            Expr::Binary(binary) => !matches!(binary.op, BinOp::And(_) | BinOp::Or(_)),
            Expr::Unary(_) | Expr::Lit(_) | Expr::Macro(_) => true,
            _ => false,
        };
        if self.constant || self.mutator.is_none() || has_let(&original) || own {
            return;
        }
        let at =
            self.site("condition", original.span(), 1, || vec![(text(&original), format!("!({})", text(&original)))]);
        *cond = Expr::Verbatim(quote_spanned!(Span::mixed_site()=> ((#at == 1) != (#cond))));
    }
}
