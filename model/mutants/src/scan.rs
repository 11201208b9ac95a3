//! Reads the sources of the crate that is compiled, to check changes and to number mutants across files.
//!
//! `#[rules]` sees one item at a time. What needs more than that is read from the disk: a change that no item wants,
//! and the numbers of the mutants, which are counted over all files in alphabetical order. The compiler loads this crate
//! once, so files are read once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use syn::Item;

use crate::defect::{Defect, File};
use crate::item::{self, Context};
use crate::mutate::Record;

/// Where something of the crate stands.
pub(crate) struct Place {
    /// `CARGO_MANIFEST_DIR/src`.
    root: PathBuf,
    /// Below it.
    pub relative: PathBuf,
}

impl Place {
    /// The place of the macro's caller.
    pub(crate) fn of_caller() -> Result<Self, String> {
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR").ok_or("CARGO_MANIFEST_DIR is not set")?;
        let file = proc_macro::Span::call_site().local_file().ok_or("the compiler does not know the file")?;
        let absolute = std::env::current_dir().map_err(|error| error.to_string())?.join(&file);
        let root = Path::new(&manifest).join("src");
        let relative = absolute
            .strip_prefix(&root)
            .map_err(|_| format!("{} is not below {}", absolute.display(), root.display()))?;
        Ok(Self { relative: relative.to_owned(), root })
    }

    /// The name of the file in the names of mutants.
    pub(crate) fn name(&self) -> String {
        name(&self.root, &self.relative)
    }

    fn source(&self) -> PathBuf {
        self.root.join(&self.relative)
    }

    fn declarations(&self) -> PathBuf {
        self.source().with_extension("defects")
    }

    /// The defects declared beside the file; none if there is no such file.
    pub(crate) fn defects(&self) -> Result<Vec<Defect>, String> {
        let path = self.declarations();
        let Ok(text) = std::fs::read_to_string(&path) else { return Ok(Vec::new()) };
        let file: File = syn::parse_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(file.0)
    }

    /// Checks that every change beside the file fits exactly one function.
    pub(crate) fn check(&self) -> Result<(), Vec<String>> {
        readable(|| {
            let path = self.declarations();
            let wrong = |error: String| vec![error];
            let text = std::fs::read_to_string(&path).map_err(|error| wrong(format!("{}: {error}", path.display())))?;
            let shown = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let File(defects) = syn::parse_str(&text).map_err(|error| {
                let at = error.span().start();
                wrong(format!("{shown}:{}: {error}", at.line))
            })?;
            let items = rules(&self.source()).map_err(wrong)?;
            let name = self.name();
            let context = Context { file: &name, defects: &defects, numbers: None, listing: false };
            let mut fits: BTreeMap<(usize, usize), Vec<Option<String>>> = BTreeMap::new();
            for mut item in items {
                let found = item::rewrite(&mut item, &context).map_err(|error| wrong(error.to_string()))?;
                for (n, m, complaint) in found.changes {
                    fits.entry((n, m)).or_default().push(complaint);
                }
            }
            let mut complaints = Vec::new();
            for (n, defect) in defects.iter().enumerate() {
                for (m, change) in defect.changes.iter().enumerate() {
                    let function = &change.function;
                    let complaint = match fits.get(&(n, m)).map(Vec::as_slice) {
                        None | Some([]) => Some(format!("no function under #[rules] is called {function}")),
                        Some([one]) => one.clone(),
                        Some(_) => Some(format!("several functions are called {function}: write Type::{function}")),
                    };
                    let line = change.span.start().line;
                    complaints.extend(complaint.map(|what| format!("{shown}:{line}: {}: {what}", defect.name)));
                }
            }
            if complaints.is_empty() { Ok(()) } else { Err(complaints) }
        })
    }
}

/// Returns how mutants call a file: its path below `src`, and before it the folder of its package unless that is `model`
/// itself. `model/kvm/src/vm.rs` is `kvm/vm`.
fn name(root: &Path, relative: &Path) -> String {
    let package = root.parent().and_then(Path::file_name).filter(|folder| *folder != "model");
    let path = Path::new(package.unwrap_or_default()).join(relative).with_extension("");
    path.to_string_lossy().replace('\\', "/")
}

/// Reads sources so that the places and texts of their pieces are known, which the compiler's own tokens do not tell
/// of another file.
fn readable<T>(read: impl FnOnce() -> T) -> T {
    proc_macro2::fallback::force();
    let result = read();
    proc_macro2::fallback::unforce();
    result
}

/// The items of a file that are rules.
fn rules(path: &Path) -> Result<Vec<Item>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let file = syn::parse_file(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    let is_rule = |item: &Item| {
        item::is_rules(match item {
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            Item::Const(item) => &item.attrs,
            Item::Static(item) => &item.attrs,
            _ => &[],
        })
    };
    Ok(file.items.into_iter().filter(is_rule).collect())
}

/// The numbers of all mutants of the crate.
pub(crate) struct Numbers {
    /// The first of each function.
    first: BTreeMap<String, u32>,
    /// In the order of their numbers, from 1 on.
    pub records: Vec<Record>,
}

impl Numbers {
    /// Reads all sources, the first time.
    pub(crate) fn of_crate() -> Result<&'static Self, String> {
        static NUMBERS: OnceLock<Result<Numbers, String>> = OnceLock::new();
        NUMBERS.get_or_init(|| readable(Self::read)).as_ref().map_err(Clone::clone)
    }

    fn read() -> Result<Self, String> {
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR").ok_or("CARGO_MANIFEST_DIR is not set")?;
        let root = Path::new(&manifest).join("src");
        let mut files = Vec::new();
        list(&root, &mut files).map_err(|error| format!("{}: {error}", root.display()))?;
        files.sort();
        let mut numbers = Self { first: BTreeMap::new(), records: Vec::new() };
        for path in files {
            let file = name(&root, path.strip_prefix(&root).unwrap_or(&path));
            for mut item in rules(&path)? {
                let begin = numbers.records.len() as u32 + 1;
                // An item's functions follow each other, so the first one's number says all.
                let mut found = count(&mut item.clone(), &file).map_err(|error| format!("{file}: {error}"))?;
                let mut next = begin;
                for (key, mutants) in found.mutants.drain(..) {
                    if numbers.first.insert(key.clone(), next).is_some() {
                        return Err(format!("{key}: two functions of this name"));
                    }
                    next += mutants;
                }
                let first = |key: &str| numbers.first.get(key).copied().unwrap_or(0);
                let context = Context { file: &file, defects: &[], numbers: Some(&first), listing: true };
                let found = item::rewrite(&mut item, &context).map_err(|error| format!("{file}: {error}"))?;
                numbers.records.extend(found.records);
            }
        }
        Ok(numbers)
    }

    /// The number of a function's first mutant.
    pub(crate) fn first(&self, key: &str) -> u32 {
        self.first.get(key).copied().unwrap_or(0)
    }
}

fn count(item: &mut Item, file: &str) -> syn::Result<item::Found> {
    item::rewrite(item, &Context { file, defects: &[], numbers: Some(&|_| 1), listing: false })
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            list(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}
