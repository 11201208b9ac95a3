//! The stamp of a cache entry: its contents, and a cheap check that it is still whole.
//!
//! A stamp lists the recipe that made the entry, facts about it (versions), and every file of
//! some size with its length, its modification time and a checksum. Checking costs one `stat` a
//! file; contents are read only when a time differs (a cache that was copied, or a file that was
//! tampered with). Packages were verified by apt before they were unpacked: the checksum here is
//! about damage, not about attackers.

use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};

/// The file's name inside an entry.
pub const FILE_NAME: &str = "stamp";
/// Files smaller than this are not listed, except executable ones.
const LISTED_FROM: u64 = 4096;

/// The contents of a stamp.
#[derive(Debug, Default, PartialEq)]
pub struct Stamp {
    /// The recipe and its revision; an entry of another revision is not used.
    pub recipe: String,
    /// Facts: a key and its value, such as `version` and `6.12.117`.
    pub facts: Vec<(String, String)>,
    files: Vec<Listed>,
}

#[derive(Debug, PartialEq)]
struct Listed {
    length: u64,
    modified: String,
    sum: u64,
    path: PathBuf,
}

impl Stamp {
    /// Creates a stamp of the directory as it is now.
    pub fn of(directory: &Path, recipe: &str, facts: Vec<(String, String)>) -> Result<Stamp> {
        let mut files = Vec::new();
        list(directory, Path::new(""), &mut files)?;
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Stamp { recipe: recipe.to_string(), facts, files })
    }

    /// Returns the value of a fact.
    pub fn fact(&self, key: &str) -> Option<&str> {
        self.facts.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    /// Writes the stamp's text form.
    pub fn to_text(&self) -> String {
        let mut text = format!("granule-cache 1\nrecipe {}\n", self.recipe);
        for (key, value) in &self.facts {
            text.push_str(&format!("fact {} {}\n", key, value));
        }
        for f in &self.files {
            text.push_str(&format!("file {} {} {:016x} {}\n", f.length, f.modified, f.sum, f.path.display()));
        }
        text.push_str("end\n");
        text
    }

    /// Reads the text form; `None` when it is not complete.
    pub fn parse(text: &str) -> Option<Stamp> {
        let mut lines = text.lines();
        if lines.next() != Some("granule-cache 1") {
            return None;
        }
        let mut stamp = Stamp::default();
        for line in lines {
            let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
            match kind {
                "recipe" => stamp.recipe = rest.to_string(),
                "fact" => {
                    let (key, value) = rest.split_once(' ')?;
                    stamp.facts.push((key.to_string(), value.to_string()));
                }
                "file" => {
                    let mut parts = rest.splitn(4, ' ');
                    stamp.files.push(Listed {
                        length: parts.next()?.parse().ok()?,
                        modified: parts.next()?.to_string(),
                        sum: u64::from_str_radix(parts.next()?, 16).ok()?,
                        path: PathBuf::from(parts.next()?),
                    });
                }
                "end" => return Some(stamp),
                _ => return None,
            }
        }
        None
    }

    /// Checks every listed file; `Err` names the first damaged one, and the damage.
    pub fn check(&self, directory: &Path) -> std::result::Result<(), String> {
        for listed in &self.files {
            let path = directory.join(&listed.path);
            let shown = listed.path.display();
            let data = fs::metadata(&path).map_err(|e| format!("{}: {}", shown, e))?;
            if data.len() != listed.length {
                return Err(format!("{} has {} bytes, expected {}", shown, data.len(), listed.length));
            }
            if modified(&data) != listed.modified {
                let found = sum(&path).map_err(|e| format!("{}: {}", shown, e))?;
                if found != listed.sum {
                    return Err(format!("{} was changed after it was unpacked", shown));
                }
            }
        }
        Ok(())
    }
}

fn modified(data: &fs::Metadata) -> String {
    format!("{}.{:09}", data.mtime(), data.mtime_nsec())
}

fn list(directory: &Path, below: &Path, files: &mut Vec<Listed>) -> Result<()> {
    let here = directory.join(below);
    let entries = fs::read_dir(&here).map_err(|e| Failure::io("list", &here, &e))?;
    for entry in entries {
        let entry = entry.map_err(|e| Failure::io("list", &here, &e))?;
        let path = below.join(entry.file_name());
        let data = entry.metadata().map_err(|e| Failure::io("look at", &entry.path(), &e))?;
        if data.is_dir() {
            list(directory, &path, files)?;
        } else if data.is_file() && (data.len() >= LISTED_FROM || data.mode() & 0o100 != 0) {
            let full = directory.join(&path);
            let sum = sum(&full).map_err(|e| Failure::io("read", &full, &e))?;
            files.push(Listed { length: data.len(), modified: modified(&data), sum, path });
        }
    }
    Ok(())
}

/// Folds a file into 64 bits: multiply and rotate by words, as fast as the disk.
fn sum(path: &Path) -> std::io::Result<u64> {
    let mut file = fs::File::open(path)?;
    let mut buffer = vec![0u8; 1 << 18];
    let mut state: u64 = 0xcbf2_9ce4_8422_2325;
    loop {
        let mut filled = 0;
        while filled < buffer.len() {
            match file.read(&mut buffer[filled..])? {
                0 => break,
                n => filled += n,
            }
        }
        for chunk in buffer[..filled].chunks(8) {
            let mut word = [0u8; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            state = (state ^ u64::from_le_bytes(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
        }
        if filled < buffer.len() {
            return Ok(state);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let directory = std::env::temp_dir().join(format!("xtask-stamp-{}-{}", name, std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(directory.join("root/bin")).expect("scratch directory");
        fs::write(directory.join("root/bin/tool"), vec![7u8; 10_000]).expect("scratch file");
        fs::write(directory.join("root/small"), b"not listed").expect("scratch file");
        directory
    }

    #[test]
    fn text_form_is_read_back_and_a_cut_one_is_refused() {
        let directory = scratch("text");
        let facts = vec![("version".to_string(), "6.12.117 (x)".to_string())];
        let stamp = Stamp::of(&directory, "kernel 1", facts).expect("stamp");
        let text = stamp.to_text();
        assert_eq!(Stamp::parse(&text).as_ref(), Some(&stamp));
        assert_eq!(stamp.fact("version"), Some("6.12.117 (x)"));
        assert_eq!(stamp.files.len(), 1);
        assert_eq!(Stamp::parse(&text[..text.len() - 4]), None);
        fs::remove_dir_all(directory).expect("clean up");
    }

    #[test]
    fn a_changed_or_shortened_file_is_found_and_a_touched_one_is_not_refused() {
        let directory = scratch("damage");
        let stamp = Stamp::of(&directory, "kernel 1", Vec::new()).expect("stamp");
        assert_eq!(stamp.check(&directory), Ok(()));
        let file = directory.join("root/bin/tool");
        fs::write(&file, vec![7u8; 10_000]).expect("same contents, new time");
        assert_eq!(stamp.check(&directory), Ok(()));
        let mut contents = vec![7u8; 10_000];
        contents[9_999] = 8;
        fs::write(&file, contents).expect("one byte differs");
        assert!(stamp.check(&directory).is_err());
        fs::write(&file, b"short").expect("truncated");
        let found = stamp.check(&directory).expect_err("it is shorter");
        assert!(found.ends_with("has 5 bytes, expected 10000"), "{}", found);
        fs::remove_dir_all(directory).expect("clean up");
    }
}
