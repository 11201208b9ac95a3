//! The text of a `.defects` file: which defects there are, and how each changes the rules.
//!
//! ```text
//! "check.never" "no access is tag checked" {
//!     is_checked: access.checked => false;
//! }
//! ```
//!
//! A defect has a name, a sentence and changes. A change names a function, what stands in it, and what the defect makes
//! of it. All forms are in `model/README.md`.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::{Arm, LitInt, LitStr, Token, braced, bracketed};

use crate::tokens::Words;

/// A declared defect.
pub(crate) struct Defect {
    pub name: String,
    /// What goes wrong; `None` where the defect is declared in another file.
    pub what: Option<String>,
    pub changes: Vec<Change>,
}

impl Defect {
    /// The number by which generated code knows the defect.
    pub(crate) fn id(&self) -> u32 {
        id(&self.name)
    }
}

/// FNV-1a, as in the crate that uses it.
pub(crate) fn id(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// One change that a defect makes to a function.
pub(crate) struct Change {
    /// `function` or `Type::function`.
    pub function: String,
    pub which: Which,
    pub kind: Kind,
    /// Where it stands in its file.
    pub span: Span,
}

/// Which of several equal places.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// There must be one only.
    Only,
    /// From 1 on, in the order of the text.
    Nth(usize),
    All,
}

/// What is changed.
pub(crate) enum Kind {
    /// An expression; `original` in the replacement stands for it.
    Replace { expression: Words, by: TokenStream },
    /// What a `let` binds a name to.
    Let { name: Ident, by: TokenStream },
    /// Statements before one.
    Before { statement: Words, insert: TokenStream },
    /// Statements after one.
    After { statement: Words, insert: TokenStream },
    /// Statements before all others of a function.
    First { insert: TokenStream },
    /// Arms before all others of a `match`.
    Arms { scrutinee: Words, arms: Vec<Arm> },
}

impl Change {
    /// Describes the place for a message.
    pub(crate) fn place(&self) -> String {
        match &self.kind {
            Kind::Replace { expression, .. } => format!("the expression `{expression}`"),
            Kind::Let { name, .. } => format!("`let {name}`"),
            Kind::Before { statement, .. } | Kind::After { statement, .. } => format!("the statement `{statement}`"),
            Kind::First { .. } => "the function's start".to_owned(),
            Kind::Arms { scrutinee, .. } => format!("`match {scrutinee}`"),
        }
    }
}

/// All defects of a file.
pub(crate) struct File(pub Vec<Defect>);

impl Parse for File {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut defects = Vec::new();
        while !input.is_empty() {
            defects.push(input.parse()?);
        }
        Ok(Self(defects))
    }
}

impl Parse for Defect {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let elsewhere = word(input, "also");
        if elsewhere {
            input.parse::<Ident>()?;
        }
        let name = input.parse::<LitStr>()?.value();
        let what = if elsewhere { None } else { Some(input.parse::<LitStr>()?.value()) };
        let content;
        braced!(content in input);
        let mut changes = Vec::new();
        while !content.is_empty() {
            changes.push(content.parse()?);
        }
        Ok(Self { name, what, changes })
    }
}

impl Parse for Change {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let first: Ident = input.parse()?;
        let span = first.span();
        let mut function = first.to_string();
        while input.peek(Token![::]) {
            input.parse::<Token![::]>()?;
            function = format!("{function}::{}", input.parse::<Ident>()?);
        }
        let which = if input.peek(syn::token::Bracket) {
            let content;
            bracketed!(content in input);
            if word(&content, "all") {
                content.parse::<Ident>()?;
                Which::All
            } else {
                Which::Nth(content.parse::<LitInt>()?.base10_parse()?)
            }
        } else {
            Which::Only
        };
        input.parse::<Token![:]>()?;
        let mut left = Vec::new();
        while !input.peek(Token![=>]) {
            if input.is_empty() {
                return Err(input.error("expected `=>` and what the defect makes of it"));
            }
            left.push(input.parse::<TokenTree>()?);
        }
        input.parse::<Token![=>]>()?;
        let mut right = TokenStream::new();
        while !input.peek(Token![;]) {
            right.extend([input.parse::<TokenTree>()?]);
        }
        input.parse::<Token![;]>()?;
        let kind = Kind::of(&left, right).map_err(|message| syn::Error::new(span, message))?;
        Ok(Self { function, which, kind, span })
    }
}

fn word(input: ParseStream<'_>, expected: &str) -> bool {
    input.fork().parse::<Ident>().is_ok_and(|ident| ident == expected)
}

impl Kind {
    fn of(left: &[TokenTree], right: TokenStream) -> Result<Self, String> {
        let is = |n: usize, word: &str| matches!(left.get(n), Some(TokenTree::Ident(ident)) if ident == word);
        let rest = |from: usize| Words::of(left[from..].iter().cloned().collect());
        if is(0, "insert") && is(1, "first") && left.len() == 2 {
            return Ok(Self::First { insert: statements(right)? });
        }
        if is(0, "insert") && is(1, "before") {
            return Ok(Self::Before { statement: rest(2), insert: statements(right)? });
        }
        if is(0, "insert") && is(1, "after") {
            return Ok(Self::After { statement: rest(2), insert: statements(right)? });
        }
        if is(0, "arms") && is(1, "of") {
            let arms = |input: ParseStream<'_>| {
                let content;
                braced!(content in input);
                let mut arms = Vec::new();
                while !content.is_empty() {
                    arms.push(content.parse::<Arm>()?);
                }
                Ok(arms)
            };
            let arms = syn::parse::Parser::parse2(arms, right).map_err(|error| format!("arms: {error}"))?;
            return Ok(Self::Arms { scrutinee: rest(2), arms });
        }
        if let ([TokenTree::Ident(word), TokenTree::Ident(name)], true) = (left, is(0, "let")) {
            let _ = word;
            return Ok(Self::Let { name: name.clone(), by: right });
        }
        let expression = rest(0);
        if expression.is_empty() {
            return Err("expected an expression before `=>`".to_owned());
        }
        Ok(Self::Replace { expression, by: right })
    }
}

/// The statements within braces.
fn statements(tokens: TokenStream) -> Result<TokenStream, String> {
    let mut tokens = tokens.into_iter();
    match (tokens.next(), tokens.next()) {
        (Some(TokenTree::Group(group)), None) if group.delimiter() == proc_macro2::Delimiter::Brace => {
            Ok(group.stream())
        }
        _ => Err("expected statements in braces".to_owned()),
    }
}

/// Puts the original expression where the replacement says `original`.
pub(crate) fn with_original(by: &TokenStream, original: &TokenStream) -> TokenStream {
    by.clone()
        .into_iter()
        .map(|token| match token {
            TokenTree::Ident(ident) if ident == "original" => quote!((#original)),
            TokenTree::Group(group) => {
                let mut new = proc_macro2::Group::new(group.delimiter(), with_original(&group.stream(), original));
                new.set_span(group.span());
                TokenTree::Group(new).into()
            }
            other => other.into(),
        })
        .collect()
}
