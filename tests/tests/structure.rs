//! The structure that ARCHITECTURE.md promises: inside a package no import circle reaches across folders.
//!
//! A module and the folder of its own submodules are one place, and so are the files of one folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::visit::{self, Visit};
use syn::{Attribute, ItemMod, ItemUse, UseTree, Visibility};

/// A module's name: `["cli", "run"]` is `src/cli/run.rs`; none are `lib.rs` and `main.rs`.
type Module = Vec<String>;

/// Finds what one file imports from its own package.
struct Imports<'a> {
    modules: &'a BTreeSet<Module>,
    /// The file, and the modules inside it that are being looked at.
    here: Module,
    found: BTreeSet<Module>,
}

impl Imports<'_> {
    /// Notes a path as it is written, if it leads into this package.
    fn note(&mut self, path: &[String]) {
        let mut base = self.here.clone();
        let mut rest = path;
        match path.first().map(String::as_str) {
            Some("crate") => {
                base.clear();
                rest = &rest[1..];
            }
            Some("self") => rest = &rest[1..],
            Some("super") => {
                while rest.first().is_some_and(|segment| segment == "super") {
                    base.pop();
                    rest = &rest[1..];
                }
            }
            Some(first) if self.modules.contains(&[&base[..], &[first.to_owned()]].concat()) => {}
            _ => return,
        }
        base.extend_from_slice(rest);
        while !self.modules.contains(&base) {
            if base.pop().is_none() {
                return;
            }
        }
        self.found.insert(base);
    }

    fn note_tree(&mut self, path: &mut Vec<String>, tree: &UseTree) {
        match tree {
            UseTree::Path(part) => {
                path.push(part.ident.to_string());
                self.note_tree(path, &part.tree);
                path.pop();
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.note_tree(path, tree)),
            UseTree::Name(name) => self.note(&[&path[..], &[name.ident.to_string()]].concat()),
            UseTree::Rename(name) => self.note(&[&path[..], &[name.ident.to_string()]].concat()),
            UseTree::Glob(_) => self.note(path),
        }
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|condition| condition.is_ident("test"))
    })
}

impl<'ast> Visit<'ast> for Imports<'_> {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if !is_for_tests(&item.attrs) {
            self.note_tree(&mut Vec::new(), &item.tree);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if !is_for_tests(&item.attrs) {
            self.here.push(item.ident.to_string());
            visit::visit_item_mod(self, item);
            self.here.pop();
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() && path.segments.len() > 1 {
            self.note(&path.segments.iter().map(|segment| segment.ident.to_string()).collect::<Vec<_>>());
        }
        visit::visit_path(self, path);
    }

    // `pub(in crate::cpu)` imports nothing.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}
}

/// Returns the circles of these sources that reach across folders.
fn circles(sources: &BTreeMap<Module, String>) -> Vec<BTreeSet<Module>> {
    let modules: BTreeSet<Module> = sources.keys().cloned().collect();
    let mut reached: BTreeMap<&Module, BTreeSet<Module>> = BTreeMap::new();
    for (module, text) in sources {
        let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{}: {error}", module.join("::")));
        let mut imports = Imports { modules: &modules, here: module.clone(), found: BTreeSet::new() };
        imports.visit_file(&file);
        imports.found.remove(module);
        // Everything may ask the root, which re-exports.
        imports.found.remove(&Vec::new());
        reached.insert(module, imports.found);
    }
    // What a module reaches in any number of steps.
    loop {
        let mut grown = false;
        for module in &modules {
            let further: BTreeSet<Module> = reached[module].iter().flat_map(|next| reached[next].clone()).collect();
            let from_here = reached.get_mut(module).unwrap();
            let before = from_here.len();
            from_here.extend(further);
            grown |= from_here.len() > before;
        }
        if !grown {
            break;
        }
    }
    let circle = |module: &Module| -> BTreeSet<Module> {
        reached[module].iter().filter(|other| reached[*other].contains(module)).cloned().collect()
    };
    let found: BTreeSet<BTreeSet<Module>> = modules.iter().map(circle).collect();
    found.into_iter().filter(|circle| !circle.is_empty() && !is_one_place(circle)).collect()
}

/// Returns whether all of these are files of one folder, or a module and files of its folder.
fn is_one_place(circle: &BTreeSet<Module>) -> bool {
    let folder = |module: &Module| module[..module.len() - 1].to_vec();
    let Some(shortest) = circle.iter().min_by_key(|module| module.len()) else { return true };
    let beside = circle.iter().all(|module| folder(module) == folder(shortest));
    let below = circle.iter().all(|module| module == shortest || folder(module) == *shortest);
    beside || below
}

/// Reads a package's sources but for its tests.
fn sources(directory: &Path, module: &Module, found: &mut BTreeMap<Module, String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let inner = [&module[..], std::slice::from_ref(&name)].concat();
        if name == "tests" {
        } else if path.is_dir() {
            sources(&path, &inner, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let is_root = module.is_empty() && (name == "lib" || name == "main");
            found.insert(if is_root { Vec::new() } else { inner }, fs::read_to_string(&path).unwrap());
        }
    }
}

/// Lists the folders below this one that have a package.
fn packages(directory: &Path, found: &mut Vec<std::path::PathBuf>) {
    if directory.join("Cargo.toml").exists() && directory.join("src").exists() {
        found.push(directory.to_owned());
    }
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !path.is_symlink() && !name.starts_with('.') && !["src", "target"].contains(&name) {
            packages(&path, found);
        }
    }
}

#[test]
fn no_import_circle_reaches_across_folders() {
    let mut found = Vec::new();
    packages(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), &mut found);
    assert!(found.len() > 20, "{found:?}");
    for package in found {
        let mut files = BTreeMap::new();
        sources(&package.join("src"), &Vec::new(), &mut files);
        let circles = circles(&files);
        assert!(circles.is_empty(), "{}: {circles:?}", package.display());
    }
}

#[test]
fn circles_are_seen() {
    let circles = |files: &[(&str, &str)]| {
        let module = |name: &str| name.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
        circles(&files.iter().map(|(name, text)| (module(name), (*text).to_owned())).collect())
    };
    let root = ("", "mod a; mod b;");
    for (files, across) in [
        // Two files of one folder.
        (vec![root, ("a", "use crate::b::B;"), ("b", "use super::a;")], false),
        // A module and its own folder.
        (vec![root, ("a", "mod c; use self::c::C;"), ("a::c", "use super::A;")], false),
        // Only tests import back.
        (vec![root, ("a::c", "use crate::b::B;"), ("b", "#[cfg(test)] mod tests { use crate::a::c::C; }")], false),
        // Who may see a thing is no import.
        (vec![root, ("a::c", "use crate::b::B;"), ("b", "pub(in crate::a::c) struct B;")], false),
        (vec![root, ("a::c", "use crate::b::{self, B};"), ("b", "use crate::a::c::C;")], true),
        (vec![root, ("a::c", "use crate::b::B;"), ("b", "fn b() { crate::a::c::c(); }")], true),
        (vec![root, ("a::c", "use super::super::b::B;"), ("b", "use crate::a;"), ("a", "use c::C;")], true),
    ] {
        assert_eq!(!circles(&files).is_empty(), across, "{files:?}");
    }
}
