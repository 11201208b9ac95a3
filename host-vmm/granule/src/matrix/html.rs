//! The table as a page of its own, light or dark as the reader's system is.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Cell, Matrix};

const STYLE: &str = "
:root { color-scheme: light dark; font: 14px/1.45 system-ui, sans-serif; }
body { margin: 2rem; max-width: 90rem; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { padding: .2rem .5rem; border: 1px solid color-mix(in srgb, currentColor 18%, transparent); }
thead th { position: sticky; top: 0; background: Canvas; }
tbody th { text-align: left; font-weight: normal; font-family: ui-monospace, monospace; white-space: nowrap; }
td { text-align: center; }
td.passed { color: color-mix(in srgb, currentColor 45%, transparent); }
td.failed { background: #c0322b; color: #fff; font-weight: bold; }
td.known { background: #b8860b; color: #fff; }
td.skipped { background: color-mix(in srgb, currentColor 12%, transparent); }
";

/// Class, letter and explanation of a cell.
fn shown(cell: &Cell) -> (&'static str, &'static str, &str) {
    match cell {
        Cell::Passed => ("passed", "·", "passed"),
        Cell::Failed(why) => ("failed", "F", why),
        Cell::Known(why) => ("known", "k", why),
        Cell::Skipped(skip) => ("skipped", "s", &skip.reason),
        Cell::NotRun => ("not-run", "", "not run"),
    }
}

/// Makes the page with these cases.
#[must_use]
pub fn page(matrix: &Matrix, rows: &[&str]) -> String {
    let page: Markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { "granule: the matrix" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "granule: the matrix" }
                p { (rows.len()) " of " (matrix.rows().len()) " cases are shown; the others passed wherever they ran. Point at a cell for its reason." }
                ol {
                    @for column in &matrix.columns {
                        li {
                            strong { (column.name) }
                            @if !column.subject.is_empty() { ": " (column.subject) }
                            @if let Some(trouble) = &column.trouble { " — " em { (trouble) } }
                        }
                    }
                }
                table {
                    thead { tr {
                        th { "case" }
                        @for (number, column) in (1..).zip(&matrix.columns) { th title=(column.name) { (number) } }
                    } }
                    tbody { @for row in rows { tr {
                        th { (row) }
                        @for column in &matrix.columns {
                            @let (class, letter, why) = shown(column.cell(row));
                            td class=(class) title=(format!("{}: {why}", column.name)) { (letter) }
                        }
                    } } }
                }
                p { "· passed, F failed, k known (an erratum), s skipped" }
            }
        }
    };
    page.into_string()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{column, end};
    use super::*;
    use report::event::{Event, Skip, Verdict};

    #[test]
    fn reasons_cannot_break_the_page() {
        let events = [end("a", Verdict::Skipped(Skip::new("k", "<b> & \"c\""))), Event::Finished { micros: 1 }];
        let page = page(&Matrix { columns: vec![column("x", &events)] }, &["a"]);
        assert!(page.contains("&lt;b&gt; &amp; &quot;c&quot;") && !page.contains("<b>"));
    }
}
