//! The prompt: lines are edited, completed and coloured, and their history is kept.

use std::borrow::Cow;
use std::io::Write;
use std::path::PathBuf;

use ::inspect::complete::{self, Kind};
use ::inspect::{Inspector, Status, World};
use anstyle::{AnsiColor, Style};
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{ColorMode, CompletionType, Config, Context, Editor, Helper};

use super::PROMPT;
use crate::cli::error::CliError;
use report::exit::Exit;

/// Lines that are kept from one session to the next.
const KEPT: usize = 1000;

/// Asks for lines until the end of the input.
pub fn prompt(inspector: &mut Inspector, world: &mut dyn World, description: &str) -> Result<Exit, CliError> {
    let config = Config::builder().completion_type(CompletionType::List).max_history_size(KEPT);
    let colours = match anstream::AutoStream::choice(&std::io::stdout()) {
        anstream::ColorChoice::Never => ColorMode::Disabled,
        _ => ColorMode::Enabled,
    };
    let config = config.map_err(unreadable)?.auto_add_history(true).color_mode(colours).build();
    let mut editor: Editor<Line, FileHistory> = Editor::with_config(config).map_err(unreadable)?;
    editor.set_helper(Some(Line));
    let history = history();
    if let Some(path) = &history {
        // The first session has none to load.
        let _ = editor.load_history(path);
    }
    let bold = Style::new().bold();
    anstream::println!("{bold}granule inspect{bold:#} · {description} · `help` lists what can be asked");
    let mut exit = Exit::Passed;
    loop {
        let line = match editor.readline(PROMPT) {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(unreadable(error)),
        };
        let answer = inspector.line(&line, world);
        let mut out = anstream::stdout().lock();
        write!(out, "{}", answer.text)?;
        out.flush()?;
        match answer.status {
            Status::Quit => break,
            Status::Unmet => exit = Exit::Failed,
            Status::Done | Status::Failed => {}
        }
    }
    if let Some(path) = &history {
        let directory = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        let saved = directory.map_err(ReadlineError::from).and_then(|()| editor.append_history(path));
        if let Err(error) = saved {
            anstream::eprintln!("the history of lines cannot be kept in {}: {error}", path.display());
        }
    }
    Ok(exit)
}

fn unreadable(error: ReadlineError) -> CliError {
    CliError::Usage(format!("the terminal cannot be used: {error}; lines from standard input need none"))
}

/// Where the history is kept: the XDG Base Directory Specification's XDG_STATE_HOME.
fn history() -> Option<PathBuf> {
    let absolute = |path: PathBuf| Some(path).filter(|path| path.is_absolute());
    let named = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).and_then(absolute);
    let home = || Some(absolute(std::env::var_os("HOME")?.into())?.join(".local/state"));
    Some(named.or_else(home)?.join("granule/inspect-history"))
}

/// What the editor asks about a line.
struct Line;

impl Helper for Line {}
impl Validator for Line {}

impl Hinter for Line {
    type Hint = String;
}

impl Completer for Line {
    type Candidate = String;

    fn complete(&self, line: &str, end: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(complete::candidates(line, end))
    }
}

impl Highlighter for Line {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        let coloured = |(text, kind): (&str, Kind)| {
            let style = style(kind);
            format!("{style}{text}{style:#}")
        };
        Cow::Owned(complete::pieces(line).into_iter().map(coloured).collect())
    }

    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        let bold = Style::new().bold();
        Cow::Owned(format!("{bold}{prompt}{bold:#}"))
    }

    fn highlight_char(&self, _: &str, _: usize, _: CmdKind) -> bool {
        true
    }
}

fn style(kind: Kind) -> Style {
    match kind {
        Kind::Verb => AnsiColor::Magenta.on_default().bold(),
        Kind::Mnemonic => AnsiColor::Blue.on_default().bold(),
        Kind::Register => AnsiColor::Cyan.on_default(),
        Kind::Number => AnsiColor::Yellow.on_default(),
        Kind::Comment => Style::new().dimmed(),
        Kind::Other => Style::new(),
    }
}
