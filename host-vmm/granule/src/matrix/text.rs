//! The table for a terminal: a letter for each cell, and below it what the letters stand for.

use std::fmt::Write;

use super::{Cell, Matrix};

/// The letter of a cell.
fn letter(cell: &Cell) -> char {
    match cell {
        Cell::Passed => '·',
        Cell::Failed(_) => 'F',
        Cell::Known(_) => 'k',
        Cell::Skipped(_) => 's',
        Cell::NotRun => ' ',
    }
}

/// Makes the table of these cases.
#[must_use]
pub fn table(matrix: &Matrix, rows: &[&str]) -> String {
    let mut text = String::new();
    for (number, column) in (1..).zip(&matrix.columns) {
        let counts = [
            ("passed", column.count(|cell| *cell == Cell::Passed)),
            ("failed", column.count(|cell| matches!(cell, Cell::Failed(_)))),
            ("known", column.count(|cell| matches!(cell, Cell::Known(_)))),
            ("skipped", column.count(|cell| matches!(cell, Cell::Skipped(_)))),
        ];
        let counts: Vec<String> =
            counts.iter().filter(|(_, count)| *count > 0).map(|(what, count)| format!("{count} {what}")).collect();
        let _ = writeln!(text, "{number:3}  {:<22} {}", column.name, counts.join(", "));
        if !column.subject.is_empty() {
            let _ = writeln!(text, "     {}", column.subject);
        }
        if let Some(trouble) = &column.trouble {
            let _ = writeln!(text, "     nothing more: {trouble}");
        }
    }
    let width = rows.iter().map(|row| row.len()).max().unwrap_or(0);
    let numbers: Vec<String> = (1..=matrix.columns.len()).map(|number| format!("{number:3}")).collect();
    let _ = writeln!(text, "\n{:width$} {}", "", numbers.concat());
    for row in rows {
        let letters: Vec<String> =
            matrix.columns.iter().map(|column| format!("  {}", letter(column.cell(row)))).collect();
        let _ = writeln!(text, "{row:width$} {}", letters.concat().trim_end());
    }
    let _ = writeln!(text, "\n· passed   F failed   k known (an erratum)   s skipped");
    reasons(&mut text, matrix, rows);
    text
}

/// Prints once for each reason what the letters other than `·` stand for.
fn reasons(text: &mut String, matrix: &Matrix, rows: &[&str]) {
    let mut reasons: Vec<(char, &str, Vec<usize>)> = Vec::new();
    for row in rows {
        for (number, column) in (1..).zip(&matrix.columns) {
            let cell = column.cell(row);
            let why = match cell {
                Cell::Failed(why) | Cell::Known(why) => why,
                Cell::Skipped(skip) => &skip.reason,
                Cell::Passed | Cell::NotRun => continue,
            };
            match reasons.iter_mut().find(|(kind, reason, _)| *kind == letter(cell) && reason == why) {
                Some((.., numbers)) if numbers.contains(&number) => {}
                Some((.., numbers)) => numbers.push(number),
                None => reasons.push((letter(cell), why, vec![number])),
            }
        }
    }
    reasons.sort_by_key(|(kind, ..)| *kind);
    for (kind, reason, numbers) in reasons {
        let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
        let _ = writeln!(text, "{kind}  {reason} ({})", numbers.join(", "));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{column, end};
    use super::*;
    use report::event::{Event, Skip, Verdict};

    /// What a person sees of a cell is its letter and its reason, once.
    #[test]
    fn each_reason_is_listed_once() {
        let skipped = || end("a", Verdict::Skipped(Skip::new("host-no-swap", "no swap")));
        let finished = Event::Finished { micros: 1 };
        let columns = ["x", "y"].map(|name| column(name, &[skipped(), finished.clone()])).to_vec();
        let text = table(&Matrix { columns }, &["a"]);
        assert_eq!(text.matches("no swap").count(), 1);
        assert!(text.contains("(1, 2)"), "{text}");
    }
}
