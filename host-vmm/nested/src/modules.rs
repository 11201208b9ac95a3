//! Kernel modules beside a kernel image: what the inner Linux needs besides its Image.
//!
//! `cargo xtask` keeps them as `modules/NAME.ko` or `modules/NAME.ko.xz` beside the Image. Without them the cases that
//! need what they give are skipped, with that reason.

use std::fs;
use std::path::Path;

/// The folder beside the image.
const FOLDER: &str = "modules";

/// Reads the modules beside a kernel image: name and contents, in the order of their names. One that cannot be read is
/// left out, like one that is not there.
#[must_use]
pub fn beside(kernel: &Path) -> Vec<(String, Vec<u8>)> {
    let Some(folder) = kernel.parent().map(|parent| parent.join(FOLDER)) else { return Vec::new() };
    let mut modules: Vec<(String, Vec<u8>)> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().into_string().ok()?, fs::read(entry.path()).ok()?)))
        .filter(|(name, _)| name.ends_with(".ko") || name.ends_with(".ko.xz"))
        .collect();
    modules.sort();
    modules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_modules_count_and_in_order() {
        let directory = tempfile::tempdir().unwrap();
        let kernel = directory.path().join("Image");
        assert_eq!(beside(&kernel), Vec::new());
        let folder = directory.path().join(FOLDER);
        fs::create_dir(&folder).unwrap();
        for name in ["b.ko.xz", "a.ko", "README"] {
            fs::write(folder.join(name), name).unwrap();
        }
        let names: Vec<String> = beside(&kernel).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a.ko", "b.ko.xz"]);
    }
}
