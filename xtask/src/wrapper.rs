//! Shell scripts that start a program of a private root.
//!
//! The loader is called by name instead of setting LD_LIBRARY_PATH, so that the program's
//! children (a compiler's `cc`, say) are not affected. Paths are relative to the script.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::failure::{Failure, Result};

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
