//! The command that shows a failure again, as a user would type it.

/// What stands before the case's name; whoever runs granule for the user says so here, such as `cargo xtask run`.
pub const RERUN: &str = "GRANULE_RERUN";

/// The options of a run, collected as words.
#[derive(Debug, Default)]
pub struct CommandLine(String);

impl CommandLine {
    /// Adds an option if it was given.
    pub fn option(mut self, name: &str, value: Option<impl ToString>) -> Self {
        if let Some(value) = value {
            self.0.push_str(&format!(" {name} {}", quoted(&value.to_string())));
        }
        self
    }

    /// Adds an option without a value if it was given.
    pub fn flag(mut self, name: &str, given: bool) -> Self {
        if given {
            self.0.push_str(&format!(" {name}"));
        }
        self
    }

    /// Returns all, each with a space before it.
    pub fn finish(self) -> String {
        self.0
    }
}

/// Quotes a word for a POSIX shell, if it needs it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_arguments_round_trip_through_a_shell() {
        let word = "a b'c\"$d\\";
        let text = CommandLine::default()
            .option("--append", Some(word))
            .option("--cpu", None::<&str>)
            .option("--smp", Some(2))
            .finish();
        let script = format!("printf '%s\\n' {text}");
        let output = std::process::Command::new("/bin/sh").args(["-c", &script]).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("--append\n{word}\n--smp\n2\n"));
        assert_eq!(quoted("max,pauth=off"), "max,pauth=off");
        assert_eq!(quoted(""), "''");
    }
}
