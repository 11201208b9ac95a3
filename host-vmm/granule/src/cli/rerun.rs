//! The command that shows a failure again, with the options of the user.

use clap::ArgMatches;

/// What stands before the case's name; whoever runs granule for the user says so here, such as `cargo xtask run`.
pub const RERUN: &str = "GRANULE_RERUN";

/// The options of a command as they stand on the command line, in that order.
#[derive(Debug, Default)]
pub struct GivenOptions(Vec<GivenOption>);

#[derive(Debug)]
struct GivenOption {
    /// Its place on the command line.
    index: usize,
    name: String,
    value: Option<String>,
}

impl GivenOptions {
    /// Collects the options that were given to `command`. What an environment variable gives is not an option.
    #[must_use]
    pub fn of(command: &clap::Command, matches: &ArgMatches) -> Self {
        let mut given = Vec::new();
        for argument in command.get_arguments() {
            let id = argument.get_id().as_str();
            let (Some(name), Some(clap::parser::ValueSource::CommandLine)) =
                (argument.get_long(), matches.value_source(id))
            else {
                continue;
            };
            let mut values = matches.get_raw(id).into_iter().flatten();
            for index in matches.indices_of(id).into_iter().flatten() {
                let value = if argument.get_action().takes_values() { values.next() } else { None };
                let value = value.map(|value| value.to_string_lossy().into_owned());
                given.push(GivenOption { index, name: name.to_owned(), value });
            }
        }
        given.sort_by_key(|option| option.index);
        Self(given)
    }

    /// Returns the options for a shell, each with a space before it, without those that are `left_out`.
    #[must_use]
    pub fn without(&self, left_out: &[&str]) -> String {
        let kept = self.0.iter().filter(|option| !left_out.contains(&option.name.as_str()));
        kept.fold(String::new(), |mut text, option| {
            text += &format!(" --{}", option.name);
            if let Some(value) = &option.value {
                text += &format!(" {}", quoted(value));
            }
            text
        })
    }

    /// Keeps the options that another command has too.
    #[must_use]
    pub fn also_of(mut self, command: &clap::Command) -> Self {
        self.0.retain(|option| command.get_arguments().any(|argument| argument.get_long() == Some(&option.name)));
        self
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
    use clap::{Arg, ArgAction, Command};

    use super::*;

    fn command() -> Command {
        Command::new("run")
            .arg(Arg::new("cases").num_args(0..))
            .arg(Arg::new("append").long("append").allow_hyphen_values(true))
            .arg(Arg::new("kernel").long("kernel").short('k'))
            .arg(Arg::new("known").long("known").action(ArgAction::SetTrue))
            .arg(Arg::new("more").long("more").action(ArgAction::Append))
            .arg(Arg::new("timeout").long("timeout").default_value("9"))
    }

    fn given(words: &[&str]) -> GivenOptions {
        GivenOptions::of(&command(), &command().get_matches_from([&["run"], words].concat()))
    }

    #[test]
    fn options_keep_their_order_and_defaults_and_cases_are_none() {
        let given = given(&["--known", "kvm.*", "--more=1", "-k", "6.1", "--more", "2", "--append", "--known"]);
        assert_eq!(given.without(&[]), " --known --more 1 --kernel 6.1 --more 2 --append --known");
        assert_eq!(given.without(&["more", "append"]), " --known --kernel 6.1");
        assert_eq!(
            given.also_of(&Command::new("x").arg(Arg::new("m").long("more"))).without(&[]),
            " --more 1 --more 2"
        );
        assert_eq!(self::given(&[]).without(&[]), "");
    }

    #[test]
    fn words_come_back_from_a_shell_as_they_were() {
        let word = "a b'c\"$d\\";
        let script = format!("printf '%s\\n'{}", given(&["--append", word, "--kernel="]).without(&[]));
        let output = std::process::Command::new("/bin/sh").args(["-c", &script]).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("--append\n{word}\n--kernel\n\n"));
        assert_eq!(quoted("max,pauth=off"), "max,pauth=off");
    }
}
