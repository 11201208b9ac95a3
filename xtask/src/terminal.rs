//! Terminals: whether stderr is one, and lines without its colours.

use std::fs;

/// Returns whether stderr is a terminal. (The standard library has this since 1.70.)
pub fn is_stderr() -> bool {
    fs::read_link("/proc/self/fd/2").map_or(false, |to| to.starts_with("/dev/pts") || to.starts_with("/dev/tty"))
}

/// Removes escape sequences for colours.
pub fn plain(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        text.push_str(before);
        rest = after.split_once(|c: char| c.is_ascii_alphabetic()).map_or("", |(_, tail)| tail);
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_removed() {
        assert_eq!(plain("\u{1b}[1m\u{1b}[92m  Finished\u{1b}[0m x"), "  Finished x");
        assert_eq!(plain("test result: ok"), "test result: ok");
        assert_eq!(plain("cut \u{1b}[3"), "cut ");
    }
}
