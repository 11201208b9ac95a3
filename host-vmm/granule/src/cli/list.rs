//! `granule list`.

use std::io::Write;

use clap::Args;
use serde::Serialize;

use super::error::CliError;
use crate::documents;
use errata::Erratum;
use machine::need::Need;
use report::exit::Exit;
use suite::selection::Selection;
use suite::{self, Case};

/// Which cases to list.
#[derive(Debug, Args)]
pub struct List {
    /// Names, prefixes (`kvm.copy-tags`, `kvm.life.swap`), or globs (`*irg*`); all without
    cases: Vec<String>,

    /// Only cases that may be skipped for this reason, by its key (`host-no-swap`) or a part of it (`swap`)
    #[arg(long, value_name = "KEY")]
    need: Option<String>,

    /// Only cases that need this feature of the CPU, as Arm names it (`FEAT_SVE`) or without `FEAT_`
    #[arg(long, value_name = "FEATURE")]
    feature: Option<String>,

    /// Only cases whose source contains this text: a document, a register, a function
    #[arg(long, value_name = "TEXT")]
    source: Option<String>,

    /// Only cases that fail because of an erratum of this name, or with a name that begins so (`qemu`)
    #[arg(long, value_name = "ERRATUM")]
    erratum: Option<String>,

    /// How the cases are printed
    #[arg(long, value_enum, default_value_t = Format::Text, conflicts_with_all = ["documents", "errata"])]
    format: Format,

    /// Print what the kernel's documents say about MTE in VMs and which cases check it, as a page in Markdown
    #[arg(long, conflicts_with_all = ["cases", "need", "feature", "source", "erratum"])]
    documents: bool,

    /// Print the known defects of kernels and emulators as a page in Markdown
    #[arg(long, conflicts_with_all = ["cases", "documents", "need", "feature", "source", "erratum"])]
    errata: bool,
}

/// How cases are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Three lines a case
    Text,
    /// One JSON object a line
    Json,
}

/// A case as `--format json` prints it.
#[derive(Serialize)]
struct JsonCase {
    name: &'static str,
    claim: &'static str,
    source: &'static str,
    /// The keys of what it may be skipped for.
    needs: Vec<&'static str>,
    /// The features that it needs.
    features: Vec<&'static str>,
    /// The errata because of which it fails.
    errata: Vec<&'static str>,
}

impl List {
    /// Writes three lines a case, or one of the pages.
    ///
    /// # Errors
    ///
    /// When a pattern or a filter selects nothing, or the list cannot be written.
    pub fn execute(&self) -> Result<Exit, CliError> {
        if self.documents {
            anstream::stdout().lock().write_all(documents::render(&suite::infos()).as_bytes())?;
            return Ok(Exit::Passed);
        }
        if self.errata {
            anstream::stdout().lock().write_all(errata::page::render().as_bytes())?;
            return Ok(Exit::Passed);
        }
        let selection =
            Selection::new(&self.cases, suite::infos()).map_err(|error| CliError::Usage(error.to_string()))?;
        let names = selection.names();
        let of_names: Vec<&Case> = suite::cases().filter(|case| names.iter().any(|name| name == case.name)).collect();
        let cases: Vec<_> = of_names.iter().copied().filter(|case| self.keeps(case)).collect();
        if cases.is_empty() {
            return Err(CliError::Usage(self.nothing(&of_names)));
        }
        let bold = anstyle::Style::new().bold();
        let dim = anstyle::Style::new().dimmed();
        let mut out = anstream::stdout().lock();
        for case in cases {
            match self.format {
                Format::Text => {
                    writeln!(out, "{bold}{}{bold:#}\n    {}\n    {dim}{}{dim:#}", case.name, case.claim, case.cite)?;
                }
                Format::Json => {
                    serde_json::to_writer(&mut out, &json(case)).map_err(std::io::Error::from)?;
                    writeln!(out)?;
                }
            }
        }
        out.flush()?;
        Ok(Exit::Passed)
    }

    /// Returns whether a case is what all filters want.
    fn keeps(&self, case: &Case) -> bool {
        let wants = |filter: &Option<String>, has: &dyn Fn(&str) -> bool| filter.as_deref().is_none_or(has);
        wants(&self.need, &|key| case.all_needs().any(|need| need.key().contains(key)))
            && wants(&self.feature, &|name| features(case).iter().any(|feature| is_feature(feature, name)))
            && wants(&self.source, &|text| case.cite.to_lowercase().contains(&text.to_lowercase()))
            && wants(&self.erratum, &|name| errata_of(case).any(|erratum| erratum.id.starts_with(name)))
    }

    /// Says which filter keeps nothing, and what there is.
    fn nothing(&self, cases: &[&Case]) -> String {
        let mut known: Vec<&str> = match (&self.need, &self.feature, &self.erratum) {
            (Some(_), None, None) => cases.iter().flat_map(|case| case.all_needs()).map(Need::key).collect(),
            (None, Some(_), None) => cases.iter().flat_map(|case| features(case)).collect(),
            (None, None, Some(_)) => cases.iter().flat_map(|case| errata_of(case)).map(|erratum| erratum.id).collect(),
            _ => Vec::new(),
        };
        known.sort_unstable();
        known.dedup();
        match known.is_empty() {
            true => "no case is all of that; leave out a filter".to_owned(),
            false => format!("no case is that; among these cases there are {}", known.join(", ")),
        }
    }
}

fn json(case: &'static Case) -> JsonCase {
    let needs = case.all_needs().map(Need::key).collect();
    let errata = errata_of(case).map(|erratum| erratum.id).collect();
    JsonCase { name: case.name, claim: case.claim, source: case.cite, needs, features: features(case), errata }
}

fn features(case: &Case) -> Vec<&'static str> {
    case.all_needs().filter_map(Need::feature).collect()
}

fn is_feature(feature: &str, name: &str) -> bool {
    let bare = |text: &str| text.to_uppercase().trim_start_matches("FEAT_").to_owned();
    bare(feature) == bare(name)
}

fn errata_of(case: &Case) -> impl Iterator<Item = &'static Erratum> {
    errata::all().filter(|erratum| erratum.concerns_case(case.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> List {
        let (need, feature, source, erratum) = (None, None, None, None);
        let (cases, format) = (Vec::new(), Format::Text);
        List { cases, need, feature, source, erratum, format, documents: false, errata: false }
    }

    fn kept(list: &List) -> Vec<&'static str> {
        suite::cases().filter(|case| list.keeps(case)).map(|case| case.name).collect()
    }

    #[test]
    fn filters_keep_what_they_name_and_leave_out_the_rest() {
        let all = kept(&list()).len();
        assert_eq!(all, suite::cases().count());
        let swap = kept(&List { need: Some("host-no-swap".to_owned()), ..list() });
        assert!(swap.iter().any(|name| name.contains("swap")) && swap.len() < all / 4, "{swap:?}");
        let sve = kept(&List { feature: Some("sve".to_owned()), ..list() });
        assert!(
            sve.contains(&"arch.sve.check-load") && !sve.contains(&"arch.irg.el0") && sve.len() < all / 4,
            "{sve:?}"
        );
        let rgsr = kept(&List { source: Some("rgsr_el1".to_owned()), ..list() });
        assert!(!rgsr.is_empty() && rgsr.len() < all / 4, "{rgsr:?}");
        let cas = kept(&List { erratum: Some("qemu.cas-writes".to_owned()), ..list() });
        assert!(cas.contains(&"arch.access.cas-fault-is-of-a-read"), "{cas:?}");
        let both = List { erratum: Some("qemu".to_owned()), feature: Some("FEAT_SVE".to_owned()), ..list() };
        assert!(kept(&both).iter().all(|name| sve.contains(name)) && kept(&both).len() < sve.len());
    }

    #[test]
    fn what_keeps_nothing_is_answered_with_what_there_is() {
        let cases: Vec<_> = suite::cases().collect();
        let feature = List { feature: Some("FEAT_SVEE".to_owned()), ..list() };
        assert!(kept(&feature).is_empty() && feature.nothing(&cases).contains("FEAT_SVE"));
        let need = List { need: Some("host-no-swapp".to_owned()), ..list() };
        assert!(need.nothing(&cases).contains("host-no-swap"));
        let source = List { source: Some("nowhere".to_owned()), ..list() };
        assert_eq!(source.nothing(&cases), "no case is all of that; leave out a filter");
    }

    #[test]
    fn every_need_of_the_cpu_names_its_feature() {
        for need in suite::cases().flat_map(Case::all_needs).filter(|need| need.key().starts_with("cpu-")) {
            let without = matches!(need, Need::DcZva | Need::Aarch32 | Need::TagLine);
            assert_eq!(need.feature().is_none(), without, "{need:?}");
        }
    }
}
