//! Rewrites one function: puts the changes of defects where they belong and, if asked, makes every operation switchable.
//!
//! A place is compared with a change's text before anything in it is rewritten, and what a defect puts there is not
//! rewritten at all: mutants are made of the rules, not of the defects.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::visit_mut::{self, VisitMut};
use syn::{Block, Expr, FieldValue, Local, Pat, Stmt};

use crate::defect::{Change, Kind, Which, with_original};
use crate::mutate::{Mutator, is_promoted};
use crate::tokens::Words;

/// A change that concerns the function, and how many places it fits.
pub(crate) struct Pending<'a> {
    pub defect: u32,
    pub change: &'a Change,
    pub found: usize,
}

impl Pending<'_> {
    /// Counts a place that fits; returns whether it is to be changed.
    fn hit(&mut self) -> bool {
        self.found += 1;
        match self.change.which {
            Which::Only => self.found == 1,
            Which::Nth(n) => self.found == n,
            Which::All => true,
        }
    }

    /// What is wrong with the number of places that were found, if anything is.
    pub(crate) fn complaint(&self) -> Option<String> {
        let place = self.change.place();
        let function = &self.change.function;
        match (self.change.which, self.found) {
            (_, 0) => Some(format!("{function} does not contain {place}")),
            (Which::Only, n) if n > 1 => {
                Some(format!("{function} contains {place} {n} times: say which, as in `{function}[1]`"))
            }
            (Which::Nth(nth), n) if n < nth || nth == 0 => Some(format!("{function} contains {place} {n} times")),
            (Which::Nth(1), 1) => Some(format!("{function} contains {place} once: leave `[1]` out")),
            _ => None,
        }
    }
}

/// Rewrites the body of a function.
pub(crate) struct Rewriter<'a, 'c> {
    pub changes: &'a mut [Pending<'c>],
    pub mutator: Option<&'a mut Mutator>,
    /// Within a constant, where nothing but the bodies of closures runs at run time.
    pub constant: bool,
    /// Names that were declared without a value: a statement that gives them one cannot be left out.
    late: Vec<String>,
}

/// An expression that asks whether a defect is active.
pub(crate) fn active(defect: u32) -> TokenStream {
    quote!(::model_base::defect::is_active(#defect))
}

impl<'a, 'c> Rewriter<'a, 'c> {
    pub(crate) fn new(changes: &'a mut [Pending<'c>], mutator: Option<&'a mut Mutator>, constant: bool) -> Self {
        Self { changes, mutator, constant, late: Vec::new() }
    }

    /// Rewrites a function's block.
    pub(crate) fn function(&mut self, block: &mut Block, returns_unit: bool) {
        let mut first = TokenStream::new();
        for pending in self.changes.iter_mut() {
            if let Kind::First { insert } = &pending.change.kind
                && pending.hit()
            {
                let active = active(pending.defect);
                first.extend(quote!(if #active { #insert }));
            }
        }
        self.block(block, returns_unit);
        if !first.is_empty() {
            block.stmts.insert(0, Stmt::Expr(Expr::Verbatim(first), None));
        }
    }

    /// Lists the replacements that fit an expression.
    fn replacements(&mut self, expr: &Expr) -> Vec<(u32, TokenStream)> {
        if self.changes.is_empty() || self.constant {
            return Vec::new();
        }
        let words = Words::of(expr.to_token_stream());
        self.matching(|kind| match kind {
            Kind::Replace { expression, by } if *expression == words => Some(by),
            _ => None,
        })
    }

    fn matching(&mut self, fits: impl Fn(&Kind) -> Option<&TokenStream>) -> Vec<(u32, TokenStream)> {
        let fitting = self.changes.iter_mut().filter_map(|pending| {
            let by = fits(&pending.change.kind)?;
            pending.hit().then(|| (pending.defect, by.clone()))
        });
        fitting.collect()
    }

    /// Statements to insert at a statement: before it, and after it.
    fn insertions(&mut self, stmt: &Stmt) -> (Vec<Stmt>, Vec<Stmt>) {
        if self.changes.is_empty() {
            return (Vec::new(), Vec::new());
        }
        let whole = Words::of(stmt.to_token_stream());
        let short = match stmt {
            Stmt::Local(local) => bound_name(local).map(|name| Words::of(quote!(let #name))),
            _ => None,
        };
        let fits = |statement: &Words| *statement == whole || Some(statement) == short.as_ref();
        let before = self.matching(|kind| match kind {
            Kind::Before { statement, insert } if fits(statement) => Some(insert),
            _ => None,
        });
        let after = self.matching(|kind| match kind {
            Kind::After { statement, insert } if fits(statement) => Some(insert),
            _ => None,
        });
        let conditional = |list: Vec<(u32, TokenStream)>| {
            let one = |(defect, insert)| {
                let active = active(defect);
                Stmt::Expr(Expr::Verbatim(quote!(if #active { #insert })), None)
            };
            list.into_iter().map(one).collect()
        };
        (conditional(before), conditional(after))
    }

    fn arms(&mut self, scrutinee: &Expr) -> Vec<syn::Arm> {
        if self.changes.is_empty() {
            return Vec::new();
        }
        let words = Words::of(scrutinee.to_token_stream());
        let mut all = Vec::new();
        for pending in self.changes.iter_mut() {
            let Kind::Arms { scrutinee, arms } = &pending.change.kind else { continue };
            if *scrutinee == words && pending.hit() {
                for arm in arms {
                    let mut arm = arm.clone();
                    let active = active(pending.defect);
                    let guard = match &arm.guard {
                        Some((_, guard)) => quote!(#active && (#guard)),
                        None => active,
                    };
                    arm.guard = Some((syn::token::If::default(), Box::new(Expr::Verbatim(guard))));
                    arm.comma = Some(syn::token::Comma::default());
                    all.push(arm);
                }
            }
        }
        all
    }

    /// Rewrites a block; `unit` if the value of its last expression is `()`.
    pub(crate) fn block(&mut self, block: &mut Block, unit: bool) {
        self.late.extend(late_bindings(block));
        let count = block.stmts.len();
        let mut stmts = Vec::with_capacity(count);
        for (n, mut stmt) in std::mem::take(&mut block.stmts).into_iter().enumerate() {
            let (before, after) = self.insertions(&stmt);
            stmts.extend(before);
            let last = n + 1 == count;
            let original = stmt.clone();
            self.statement(&mut stmt);
            // By what it was: numbers must not depend on defects.
            let removable = unit || !last || matches!(original, Stmt::Expr(_, Some(_)));
            if removable && let Some(mutator) = self.mutator.as_deref_mut().filter(|_| !self.constant) {
                mutator.remove_statement(&original, &mut stmt, &self.late);
            }
            stmts.push(stmt);
            stmts.extend(after);
        }
        block.stmts = stmts;
    }

    fn statement(&mut self, stmt: &mut Stmt) {
        if let Stmt::Expr(expr, Some(_)) = stmt {
            let replacements = self.replacements(expr);
            let original = expr.to_token_stream();
            self.inner(expr);
            if !replacements.is_empty() {
                let mut all = quote!({ #expr; });
                for (defect, by) in replacements.into_iter().rev() {
                    let active = active(defect);
                    let by = with_original(&by, &original);
                    all = quote!({ if #active { #by; } else #all });
                }
                *stmt = Stmt::Expr(Expr::Verbatim(all), None);
            }
            return;
        }
        visit_mut::visit_stmt_mut(self, stmt);
    }

    /// Rewrites what is within an expression, and then the expression's own operation.
    fn inner(&mut self, expr: &mut Expr) {
        match self.mutator.is_some() && !self.constant {
            true => self.switchable(expr),
            false => self.children(expr),
        }
    }

    /// Rewrites what is within an expression.
    pub(crate) fn children(&mut self, expr: &mut Expr) {
        match expr {
            Expr::Match(whole) => {
                let arms = self.arms(&whole.expr);
                visit_mut::visit_expr_match_mut(self, whole);
                whole.arms.splice(0..0, arms);
            }
            Expr::Closure(closure) => {
                let constant = std::mem::take(&mut self.constant);
                self.visit_expr_mut(&mut closure.body);
                self.constant = constant;
            }
            // Neither a length nor a constant is computed at run time.
            Expr::Repeat(repeat) => self.visit_expr_mut(&mut repeat.expr),
            Expr::Const(_) => {}
            Expr::Reference(reference) if matches!(*reference.expr, Expr::Array(_)) && is_promoted(&reference.expr) => {
            }
            // A place stays one.
            Expr::Assign(assign) => self.visit_expr_mut(&mut assign.right),
            Expr::Binary(binary) if is_assignment(&binary.op) => self.visit_expr_mut(&mut binary.right),
            other => visit_mut::visit_expr_mut(self, other),
        }
    }
}

/// Returns whether an operator changes its left side.
pub(crate) fn is_assignment(op: &syn::BinOp) -> bool {
    use syn::BinOp::{
        AddAssign, BitAndAssign, BitOrAssign, BitXorAssign, DivAssign, MulAssign, RemAssign, ShlAssign, ShrAssign,
        SubAssign,
    };
    matches!(
        op,
        AddAssign(_)
            | SubAssign(_)
            | MulAssign(_)
            | DivAssign(_)
            | RemAssign(_)
            | BitXorAssign(_)
            | BitAndAssign(_)
            | BitOrAssign(_)
            | ShlAssign(_)
            | ShrAssign(_)
    )
}

/// Names that are declared without a value in a block.
fn late_bindings(block: &Block) -> Vec<String> {
    let late = block.stmts.iter().filter_map(|stmt| match stmt {
        Stmt::Local(local) if local.init.is_none() => bound_name(local).map(ToString::to_string),
        _ => None,
    });
    late.collect()
}

fn bound_name(local: &Local) -> Option<&syn::Ident> {
    match &local.pat {
        Pat::Ident(pat) => Some(&pat.ident),
        Pat::Type(typed) => match &*typed.pat {
            Pat::Ident(pat) => Some(&pat.ident),
            _ => None,
        },
        _ => None,
    }
}

/// Chooses between what the defects make of an expression and the expression itself.
fn choice(expr: &Expr, original: &TokenStream, replacements: Vec<(u32, TokenStream)>) -> Expr {
    let mut all = quote!(#expr);
    for (defect, by) in replacements.into_iter().rev() {
        let active = active(defect);
        let by = with_original(&by, original);
        // In brackets, as a statement may begin with it.
        all = quote!((if #active { #by } else { #all }));
    }
    Expr::Verbatim(all)
}

impl VisitMut for Rewriter<'_, '_> {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        let replacements = self.replacements(expr);
        let original = expr.to_token_stream();
        self.inner(expr);
        if !replacements.is_empty() {
            *expr = choice(expr, &original, replacements);
        }
    }

    fn visit_local_mut(&mut self, local: &mut Local) {
        let name = bound_name(local).cloned();
        let bindings = match name {
            Some(name) if !self.constant => self.matching(|kind| match kind {
                Kind::Let { name: changed, by } if *changed == name => Some(by),
                _ => None,
            }),
            _ => Vec::new(),
        };
        let Some(init) = &mut local.init else { return };
        let original = init.expr.to_token_stream();
        self.visit_expr_mut(&mut init.expr);
        if let Some((_, diverge)) = &mut init.diverge {
            self.visit_expr_mut(diverge);
        }
        if !bindings.is_empty() {
            *init.expr = choice(&init.expr, &original, bindings);
        }
    }

    fn visit_field_value_mut(&mut self, field: &mut FieldValue) {
        let short = field.colon_token.is_none();
        let before = field.expr.to_token_stream().to_string();
        self.visit_expr_mut(&mut field.expr);
        if short && field.expr.to_token_stream().to_string() != before {
            field.colon_token = Some(syn::token::Colon::default());
        }
    }

    fn visit_arm_mut(&mut self, arm: &mut syn::Arm) {
        if let Some((_, guard)) = &mut arm.guard {
            self.condition(guard);
        }
        self.visit_expr_mut(&mut arm.body);
    }

    fn visit_block_mut(&mut self, block: &mut Block) {
        self.block(block, false);
    }

    fn visit_expr_if_mut(&mut self, whole: &mut syn::ExprIf) {
        self.condition(&mut whole.cond);
        // Without an `else` its value is `()`.
        let unit = whole.else_branch.is_none();
        self.block(&mut whole.then_branch, unit);
        if let Some((_, other)) = &mut whole.else_branch {
            // What follows `else` must stay a block or an `if`.
            match &mut **other {
                Expr::Block(block) => self.block(&mut block.block, false),
                Expr::If(next) => self.visit_expr_if_mut(next),
                _ => {}
            }
        }
    }

    fn visit_expr_for_loop_mut(&mut self, whole: &mut syn::ExprForLoop) {
        self.visit_expr_mut(&mut whole.expr);
        self.block(&mut whole.body, true);
    }

    fn visit_expr_while_mut(&mut self, whole: &mut syn::ExprWhile) {
        self.condition(&mut whole.cond);
        self.block(&mut whole.body, true);
    }

    fn visit_expr_loop_mut(&mut self, whole: &mut syn::ExprLoop) {
        self.block(&mut whole.body, true);
    }

    // Nothing of these is computed at run time.
    fn visit_item_mut(&mut self, _: &mut syn::Item) {}
    fn visit_pat_mut(&mut self, _: &mut Pat) {}
    fn visit_type_mut(&mut self, _: &mut syn::Type) {}
    fn visit_generic_argument_mut(&mut self, _: &mut syn::GenericArgument) {}
    fn visit_attribute_mut(&mut self, _: &mut syn::Attribute) {}
}
