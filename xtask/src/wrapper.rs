//! Shell scripts that start a program of a private root.
//!
//! The loader is called by name instead of setting LD_LIBRARY_PATH, so that the program's
//! children (a compiler's `cc`, say) are not affected. Paths are relative to the script.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::failure::{Failure, Result};
use crate::host::Architecture;

/// Writes the script `bin/NAME` of an entry that is being staged; `$here` is its directory.
pub fn write(entry: &Path, name: &str, command: &str) -> Result<()> {
    let directory = entry.join("bin");
    fs::create_dir_all(&directory).map_err(|e| Failure::io("make", &directory, &e))?;
    let path = directory.join(name);
    let text = format!("#!/bin/sh\nhere=${{0%/*}}\nexec {}\n", command);
    fs::write(&path, text).map_err(|e| Failure::io("write", &path, &e))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).map_err(|e| Failure::io("make executable", &path, &e))
}

/// Returns the command that runs `usr/bin/NAME` of the entry's root with a loader and its libraries.
pub fn run_in_root(loader: &str, libraries: &[String], name: &str, arguments: &str) -> String {
    let path: Vec<String> = libraries.iter().map(|l| format!("$here/../root/{}", l)).collect();
    format!("{} --library-path \"{}\" \"$here/../root/usr/bin/{}\"{} \"$@\"", loader, path.join(":"), name, arguments)
}

/// Returns the loader of a root that has a libc of its own, as [`run_in_root`] wants it: its real file, because the usual
/// name is a link out of the root.
///
/// # Errors
/// There is none.
pub fn loader_in_root(root: &Path, architecture: &Architecture, libraries: &[String]) -> Result<String> {
    let name = Path::new(architecture.loader).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let candidates = libraries.iter().map(|directory| format!("{}/{}", directory, name));
    let is_file = |c: &String| root.join(c).symlink_metadata().map_or(false, |m| m.is_file());
    let found = candidates.into_iter().find(is_file).ok_or_else(|| {
        Failure::unavailable(format!("expected {} in the packages of a private root, found none", name))
    })?;
    Ok(format!("\"$here/../root/{}\"", found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_quotes_what_may_have_spaces() {
        let libraries = ["usr/lib/a".to_string(), "lib/a".to_string()];
        assert_eq!(
            run_in_root("/lib64/ld.so", &libraries, "tool", " -L x"),
            "/lib64/ld.so --library-path \"$here/../root/usr/lib/a:$here/../root/lib/a\" \"$here/../root/usr/bin/tool\" -L x \"$@\""
        );
    }
}
