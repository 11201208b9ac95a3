//! Puts the minimal programs of docs/errata/ and the names of the folders of docs/upstream/ into the package.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?).join("../../docs");
    let mut text = String::from("static PROGRAMS: &[(&str, &str)] = &[\n");
    for path in entries(&root.join("errata"))?.iter().filter(|path| path.extension().is_some_and(|it| it == "granule"))
    {
        let _ = writeln!(text, "    ({:?}, include_str!({:?})),", stem(path), path);
    }
    text += "];\nstatic REPORTS: &[&str] = &[\n";
    for path in entries(&root.join("upstream"))?.iter().filter(|path| path.is_dir()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let _ = writeln!(text, "    {name:?},");
    }
    text += "];\n";
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("OUT_DIR is not set"))?;
    fs::write(Path::new(&out).join("documents.rs"), text)
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Lists a folder in a fixed order; cargo runs this again when something is added or taken away.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    println!("cargo:rerun-if-changed={}", folder.display());
    let mut paths: Vec<_> =
        fs::read_dir(folder)?.map(|entry| entry?.path().canonicalize()).collect::<io::Result<_>>()?;
    paths.sort();
    Ok(paths)
}
