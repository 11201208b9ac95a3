//! What a rule becomes, and which changes are refused.

use quote::ToTokens;
use syn::Item;

use crate::defect::File;
use crate::item::{self, Context, Found};
use crate::tokens::Words;

/// Rewrites an item with defects; mutants are numbered from 1 on if asked.
fn rewrite(source: &str, defects: &str, mutants: bool) -> (String, Found) {
    let mut item: Item = syn::parse_str(source).unwrap();
    let File(defects) = syn::parse_str(defects).unwrap();
    let first = |_: &str| 1;
    let numbers: Option<&dyn Fn(&str) -> u32> = if mutants { Some(&first) } else { None };
    let context = Context { file: "rules", defects: &defects, numbers, listing: mutants };
    let found = item::rewrite(&mut item, &context).unwrap();
    (Words::of(item.to_token_stream()).to_string(), found)
}

fn changed(source: &str, change: &str) -> String {
    let (text, found) = rewrite(source, &format!("\"a.b\" \"c\" {{ {change} }}"), false);
    for (_, _, complaint) in &found.changes {
        assert_eq!(complaint.as_deref(), None);
    }
    assert_eq!(found.changes.len(), 1);
    let id = words(&format!("::model_base::defect::is_active({}u32)", crate::defect::id("a.b")));
    text.replace(&id, "ACTIVE")
}

fn complaint(source: &str, change: &str) -> Option<String> {
    let (_, found) = rewrite(source, &format!("\"a.b\" \"c\" {{ {change} }}"), false);
    found.changes.into_iter().find_map(|(_, _, complaint)| complaint)
}

fn words(text: &str) -> String {
    Words::of(text.parse().unwrap()).to_string()
}

#[test]
fn an_expression_a_statement_and_a_binding_are_replaced() {
    let source = "fn f(x: u8) -> u8 { g(x); let y = x + 1; y }";
    assert_eq!(
        changed(source, "f: x + 1 => original * 2;"),
        words("fn f(x: u8) -> u8 { g(x); let y = (if ACTIVE { (x + 1) * 2 } else { x + 1 }); y }")
    );
    assert_eq!(
        changed(source, "f: let y => 3;"),
        words("fn f(x: u8) -> u8 { g(x); let y = (if ACTIVE { 3 } else { x + 1 }); y }")
    );
    assert_eq!(
        changed(source, "f: g(x) => ;"),
        words("fn f(x: u8) -> u8 { { if ACTIVE { ; } else { g(x); } } let y = x + 1; y }")
    );
}

#[test]
fn statements_and_arms_are_inserted() {
    let source = "fn f(x: u8) -> u8 { let y = x; match y { 0 => 1, _ => 2 } }";
    assert_eq!(
        changed(source, "f: insert first => { return 3; };"),
        words("fn f(x: u8) -> u8 { if ACTIVE { return 3; } let y = x; match y { 0 => 1, _ => 2 } }")
    );
    assert_eq!(
        changed(source, "f: insert after let y => { return 3; };"),
        words("fn f(x: u8) -> u8 { let y = x; if ACTIVE { return 3; } match y { 0 => 1, _ => 2 } }")
    );
    assert_eq!(
        changed(source, "f: arms of y => { 1 if x > 0 => 5 };"),
        words("fn f(x: u8) -> u8 { let y = x; match y { 1 if ACTIVE && (x > 0) => 5, 0 => 1, _ => 2 } }")
    );
}

#[test]
fn a_change_that_fits_nowhere_or_twice_is_refused() {
    let source = "impl T { fn f(x: u8) -> u8 { x + x } const fn g() -> u8 { 1 } }";
    assert_eq!(complaint(source, "f: y => 1;").unwrap(), "f does not contain the expression `y`");
    assert_eq!(
        complaint(source, "f: x => 1;").unwrap(),
        "f contains the expression `x` 2 times: say which, as in `f[1]`"
    );
    assert_eq!(complaint(source, "T::f[2]: x => 1;"), None);
    assert_eq!(complaint(source, "f[3]: x => 1;").unwrap(), "f contains the expression `x` 2 times");
    assert_eq!(complaint(source, "f[all]: x => 1;"), None);
    assert_eq!(
        complaint(source, "f[1]: x + x => 1;").unwrap(),
        "f contains the expression `x + x` once: leave `[1]` out"
    );
    assert!(complaint(source, "g: 1 => 2;").unwrap().contains("const fn"));
    // Another file's function is nobody's here.
    assert!(rewrite(source, "\"a.b\" \"c\" { h: x => 1; }", false).1.changes.is_empty());
}

#[test]
fn only_closures_of_a_table_are_changed() {
    let source = "const T: &[fn(u8) -> u8] = &[|x| x + N, |x| x - N];";
    assert_eq!(
        changed(source, "T: x + N => 0;"),
        words("const T: &[fn(u8) -> u8] = &[|x| (if ACTIVE { 0 } else { x + N }), |x| x - N];")
    );
    assert!(complaint("const T: u8 = 1 + N;", "T: 1 + N => 0;").is_some());
}

#[test]
fn the_text_of_a_declaration_must_be_whole() {
    for text in ["\"a.b\" \"c\" { f: x => 1 }", "\"a.b\" \"c\" { f: => 1; }", "\"a.b\" { f: x => 1; }", "a \"c\" {}"] {
        assert!(syn::parse_str::<File>(text).is_err(), "{text}");
    }
    let File(defects) = syn::parse_str("also \"a.b\" { f: x => 1; }").unwrap();
    assert_eq!((defects[0].name.as_str(), &defects[0].what), ("a.b", &None));
}

fn mutants(source: &str) -> Vec<(String, String)> {
    let (_, found) = rewrite(source, "", true);
    let total: u32 = found.mutants.iter().map(|(_, count)| count).sum();
    assert_eq!(total as usize, found.records.len());
    found
        .records
        .into_iter()
        .map(|record| (record.name, format!("{} -> {}", record.original, record.mutated)))
        .collect()
}

#[test]
fn each_operation_has_its_mutants() {
    let all = mutants("fn f(x: u8, y: bool) { if x < 3 && y { g(x); } }");
    let all: Vec<_> = all.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    assert_eq!(
        all,
        [
            ("rules:f:constant#1", "3 -> 4"),
            ("rules:f:constant#2", "3 -> 2"),
            ("rules:f:comparison#1", "x < 3 -> x <= 3"),
            ("rules:f:comparison#2", "x < 3 -> x >= 3"),
            ("rules:f:logic#1", "x < 3 && y -> x < 3 || y"),
            ("rules:f:logic#2", "x < 3 && y -> x < 3"),
            ("rules:f:logic#3", "x < 3 && y -> y"),
            ("rules:f:condition#1", "x < 3 && y -> !(x < 3 && y)"),
            ("rules:f:statement#1", "g(x); -> "),
            ("rules:f:statement#2", "if x < 3 && y { g(x); } -> "),
        ]
    );
}

#[test]
fn what_is_not_computed_at_run_time_has_none() {
    for source in [
        "const fn f() -> u8 { 1 + 2 }",
        "const N: u8 = 1 + 2;",
        "fn f() { const N: u8 = 1; let _: [u8; 3] = [N; 3]; }",
        "fn f(x: u8) -> bool { if let 1..=3 = x { A } else { B } }",
    ] {
        assert_eq!(mutants(source), [], "{source}");
    }
}

#[test]
fn arms_are_left_out_where_another_catches_all_and_swapped_else() {
    let arms = |source: &str| mutants(source).into_iter().filter(|(name, _)| name.contains(":arm#")).count();
    assert_eq!(arms("fn f(x: u8) -> u8 { match x { 0 => a, N => b, _ => c } }"), 2);
    assert_eq!(arms("fn f(x: T) -> u8 { match x { T::A => a, T::B => b } }"), 2);
    // An arm that does as the default does is no different without it, and a value that needs its pattern's names stays.
    assert_eq!(arms("fn f(x: u8) -> u8 { match x { 0 => c, _ => c } }"), 0);
    assert_eq!(arms("fn f(x: T) -> u8 { match x { T::A(n) => n, T::B(m) => m } }"), 0);
}

#[test]
fn what_a_defect_puts_in_is_not_mutated() {
    let (text, found) = rewrite("fn f(x: u8) -> u8 { x }", "\"a.b\" \"c\" { f: x => x + 1; }", true);
    assert!(found.records.is_empty() && !text.contains("mutant"), "{text}");
}

#[test]
fn defects_do_not_move_the_numbers_of_mutants() {
    let source = "fn f(x: u8, y: bool) { if y { g(x); } else { h(x, 1); } }";
    let count = |defects: &str| rewrite(source, defects, true).1.mutants[0].1;
    assert_eq!(count("\"a.b\" \"c\" { f: g(x) => ; f: h(x, 1) => g(x); }"), count(""));
}
