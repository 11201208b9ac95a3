//! Takes lines and returns answers.

mod memory;
mod settings;

use machine::Explain;
use program::scalable::is_scalable_instruction;
use program::{Observation, Program, Run, Step, StepObservation, observation::StepOutcome};

use super::error::InspectError;
use super::memory::GRANULE;
use super::ran::{Agreement, Ran};
use super::read::{self, Line};
use super::script;
use super::session::{MODEL, Session};
use super::show;
use super::subject::Subject;
use super::verbs::{Action, VERBS, Verb};

/// Scripts that may be carried out within each other.
const DEPTH: usize = 8;

/// What is outside of a session: files, and other machines.
pub trait World {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// Why it cannot be read.
    fn read(&mut self, path: &str) -> Result<String, String>;

    /// Writes a new file.
    ///
    /// # Errors
    ///
    /// Why it cannot be written.
    fn write(&mut self, path: &str, text: &str) -> Result<(), String>;

    /// Explains something that has a name.
    ///
    /// # Errors
    ///
    /// Why nothing is known of it.
    fn explain(&mut self, topic: &str) -> Result<String, String>;

    /// Opens a machine by its name; returns the emulator around it, too, if there is one.
    ///
    /// # Errors
    ///
    /// Why it cannot be opened.
    fn open(&mut self, machine: &str) -> Result<(Box<dyn Subject>, String), String>;
}

/// A world without files and machines.
#[derive(Clone, Copy, Debug)]
pub struct Alone;

impl World for Alone {
    fn read(&mut self, path: &str) -> Result<String, String> {
        Err(format!("{path}: there are no files here"))
    }

    fn write(&mut self, path: &str, _text: &str) -> Result<(), String> {
        Err(format!("{path}: there are no files here"))
    }

    fn explain(&mut self, topic: &str) -> Result<String, String> {
        Err(format!("nothing is known of `{topic}` here"))
    }

    fn open(&mut self, machine: &str) -> Result<(Box<dyn Subject>, String), String> {
        Err(format!("there is no machine `{machine}` here"))
    }
}

/// What came of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It was carried out.
    Done,
    /// It was carried out, and something is not as it should be: an expectation, or a machine that does what is not permitted.
    Unmet,
    /// It could not be carried out; the session is as before.
    Failed,
    /// The session is over.
    Quit,
}

/// The answer to a line.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What is shown: lines with their ends, coloured; empty for nothing.
    pub text: String,
    /// What came of it.
    pub status: Status,
}

impl Answer {
    fn done(text: String) -> Self {
        Self { text, status: Status::Done }
    }
}

/// A session that takes lines.
pub struct Inspector {
    session: Session,
    /// The last block that ran, for expectations: what it was, what the specification has of it, and what was seen.
    last: Option<(Run, Observation, Observation)>,
    depth: usize,
}

impl Inspector {
    /// Begins a session on a machine that has booted, or with the name `model` on the specification of its CPU alone. `around` is the
    /// emulator around the machine's kernel, if there is one.
    ///
    /// # Errors
    ///
    /// When the specification has no such CPU.
    pub fn new(name: &str, subject: Box<dyn Subject>, around: &str) -> Result<Self, InspectError> {
        Ok(Self { session: Session::new(name, subject, around)?, last: None, depth: 0 })
    }

    /// The session.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Carries out a line.
    pub fn line(&mut self, line: &str, world: &mut dyn World) -> Answer {
        match self.try_line(line, world) {
            Ok(answer) => answer,
            Err(error) => {
                const BAD: anstyle::Style = anstyle::AnsiColor::Red.on_default().bold();
                Answer { text: format!("{BAD}error{BAD:#}: {}\n", error.sentence()), status: Status::Failed }
            }
        }
    }

    fn try_line(&mut self, line: &str, world: &mut dyn World) -> Result<Answer, InspectError> {
        let text = read::without_comments(line)?;
        match Line::of(&text) {
            Line::Nothing => Ok(Answer::done(String::new())),
            Line::Verb(verb, rest) => self.verb(verb, rest, world),
            Line::Settings(parts) => self.set(line.trim(), &parts),
            Line::Code(code) => self.code(code),
        }
    }

    fn set(&mut self, line: &str, parts: &[&str]) -> Result<Answer, InspectError> {
        if parts.iter().any(|part| read::is_scalable(part)) {
            self.session.widen()?;
        }
        let mut state = self.session.state().clone();
        parts.iter().try_for_each(|part| read::set(part, &mut state))?;
        Ok(self.changed(line, state))
    }

    /// Goes on with this state, and shows what changed.
    fn changed(&mut self, line: &str, state: super::state::State) -> Answer {
        let text = show::changes(self.session.state(), &state, self.session.boot());
        self.session.change(line, |own| *own = state);
        Answer::done(text)
    }

    fn code(&mut self, code: &str) -> Result<Answer, InspectError> {
        let words = read::code(code)?;
        if words.iter().copied().any(is_scalable_instruction) {
            self.session.widen()?;
        }
        let ran = self.session.run(code.trim(), &words)?;
        let text = show::ran(&ran, self.session.state(), self.session.boot(), self.session.name());
        let status = if is_permitted(&ran) { Status::Done } else { Status::Unmet };
        self.session.steps.extend(script::expectations(&ran, self.session.state()));
        self.last = Some((ran.run, ran.outcome.observation, ran.shown));
        Ok(Answer { text, status })
    }

    fn verb(&mut self, verb: &'static Verb, rest: &str, world: &mut dyn World) -> Result<Answer, InspectError> {
        let usage = || InspectError::Usage(format!("expected {}, found `{} {rest}`", verb.usage(), verb.name));
        let alone = ["regs", "save", "restore", "undo", "quit"].contains(&verb.name);
        if alone && !rest.is_empty() {
            return Err(InspectError::Usage(format!(
                "expected the end of the line behind `{}`, found `{rest}`",
                verb.name
            )));
        }
        match verb.action {
            Action::Tags => self.tags(rest),
            Action::Mem => self.mem(rest),
            Action::Regs => Ok(Answer::done(show::registers(self.session.state(), self.session.boot()))),
            Action::Mode => self.mode(rest).ok_or_else(usage),
            Action::El => self.el(rest).ok_or_else(usage),
            Action::Tco => self.tco(rest).ok_or_else(usage),
            Action::Exclude => self.exclude(rest),
            Action::Save => {
                self.session.save()?;
                Ok(Answer::done("  saved: memory, tags and registers of the VM\n".to_owned()))
            }
            Action::Restore => self.restore(),
            Action::Undo => {
                let (line, after) = self.session.undo()?;
                let text = show::changes(&after, self.session.state(), self.session.boot());
                self.last = None;
                Ok(Answer::done(format!("  undone: {line}\n{text}")))
            }
            Action::Against => self.against(rest, world),
            Action::Expect => self.expect(rest),
            Action::Explain if rest.is_empty() => Err(usage()),
            Action::Explain => world.explain(rest).map(Answer::done).map_err(InspectError::Outside),
            Action::Script => self.script(rest, world),
            Action::Help => help(rest),
            Action::Quit => Ok(Answer { text: String::new(), status: Status::Quit }),
        }
    }

    fn restore(&mut self) -> Result<Answer, InspectError> {
        let restored = self.session.restore("restore")?;
        self.last = None;
        let (state, boot) = (self.session.state(), self.session.boot());
        let mut text = "  restored into a new VM\n".to_owned();
        text += &show::changes(&restored.before, state, boot);
        let mut status = if is_permitted(&restored.ran) { Status::Done } else { Status::Unmet };
        let lost = show::changes(&restored.saved, state, boot);
        if !lost.is_empty() {
            text += &format!("  not as it was saved:\n{lost}");
            status = Status::Unmet;
        }
        text += &show::agreements(&restored.ran, self.session.name());
        Ok(Answer { text, status })
    }

    fn against(&mut self, rest: &str, world: &mut dyn World) -> Result<Answer, InspectError> {
        match rest {
            "" => {
                let list = self.session.beside();
                let none = "  no machine; `against tcg` adds one\n".to_owned();
                Ok(Answer::done(if list.is_empty() {
                    none
                } else {
                    list.iter().map(|one| format!("  {one}\n")).collect()
                }))
            }
            "none" => {
                self.session.leave_all();
                Ok(Answer::done(String::new()))
            }
            MODEL => Err(InspectError::Usage("every line is compared with the model already".to_owned())),
            name if self.session.has(name) => Err(InspectError::Usage(format!("`{name}` is in the session already"))),
            name => {
                let (subject, around) = world.open(name).map_err(InspectError::Outside)?;
                let description = self.session.add(name, subject, &around)?;
                Ok(Answer::done(format!("  beside it from now on: {description}\n")))
            }
        }
    }

    fn expect(&mut self, rest: &str) -> Result<Answer, InspectError> {
        let state = self.session.state();
        let expectation = read::expectation(&format!("expect {rest}"), state, self.last.is_some())?;
        let (run, model, shown) = self.last.clone().unwrap_or_default();
        let steps = vec![Step::Run(Box::new(run)), Step::Expect(expectation.clone())];
        let look = |mut observation: Observation| {
            let what = match &expectation {
                program::Expectation::Tags { offset, tags } => {
                    let range = *offset..offset + GRANULE * tags.len() as u64;
                    let tags = state.memory.tags(range).into_iter().map(arch::Tag::value).collect();
                    StepOutcome::Tags { offset: *offset, tags }
                }
                program::Expectation::Data { offset, bytes } => {
                    let range = *offset..offset + bytes.len() as u64;
                    let unknown = model.memory.iter().flat_map(|extent| &extent.unknown);
                    let unknown = unknown.into_iter().any(|part| part.start < range.end && range.start < part.end);
                    StepOutcome::Data { offset: *offset, bytes: state.memory.bytes(range), unknown }
                }
                _ => return observation,
            };
            let seen = StepObservation { step: 1, what, unknown: Vec::new(), unknown_x: 0, unknown_v: 0, unknown_p: 0 };
            observation.seen.push(seen);
            observation
        };
        let unmet = Program { steps }.unmet(&look(model.clone()), &look(shown));
        if let Some(unmet) = unmet.first() {
            let name = self.session.name();
            let found = match name == MODEL || unmet.model == unmet.machine {
                true => unmet.machine.clone(),
                false => format!("{} on {name}, {} on the model", unmet.machine, unmet.model),
            };
            let text = format!("  not met: expected {}, found {found}\n", unmet.expected);
            return Ok(Answer { text, status: Status::Unmet });
        }
        self.session.steps.push(Step::Expect(expectation));
        Ok(Answer::done("  met\n".to_owned()))
    }

    fn script(&mut self, rest: &str, world: &mut dyn World) -> Result<Answer, InspectError> {
        let words: Vec<_> = rest.split_whitespace().collect();
        match words[..] {
            ["save", path] => {
                let text = script::program(&self.session.steps);
                world.write(path, &text).map_err(InspectError::Outside)?;
                Ok(Answer::done(format!("  saved as {path}\n")))
            }
            [path] => {
                if self.depth == DEPTH {
                    return Err(InspectError::Usage(format!(
                        "scripts are {DEPTH} deep already: does one carry out itself?"
                    )));
                }
                let text = world.read(path).map_err(InspectError::Outside)?;
                self.depth += 1;
                let answer = self.lines(path, &text, world);
                self.depth -= 1;
                Ok(answer)
            }
            _ => Err(InspectError::Usage(
                "expected a file, such as `script lines.txt` or `script save seen.granule`".to_owned(),
            )),
        }
    }

    /// Carries out the lines of a file, to the first that fails.
    fn lines(&mut self, path: &str, text: &str, world: &mut dyn World) -> Answer {
        let mut answer = Answer::done(String::new());
        for (number, line) in (1..).zip(text.lines()) {
            let one = self.line(line, world);
            if !line.trim().is_empty() {
                answer.text += &format!("> {line}\n");
            }
            answer.text += &one.text;
            match one.status {
                Status::Done => {}
                Status::Unmet => answer.status = Status::Unmet,
                Status::Quit => break,
                Status::Failed => {
                    answer.text += &format!("  stopped in line {number} of {path}\n");
                    answer.status = Status::Failed;
                    break;
                }
            }
        }
        answer
    }
}

/// Returns whether every machine showed what is permitted.
fn is_permitted(ran: &Ran) -> bool {
    let all = ran.inspected.iter().chain(ran.beside.iter().map(|(_, agreement)| agreement));
    !all.into_iter().any(|agreement| matches!(agreement, Agreement::Differs(_) | Agreement::Failed(_)))
}

fn help(rest: &str) -> Result<Answer, InspectError> {
    const BOLD: anstyle::Style = anstyle::Style::new().bold();
    if rest.is_empty() {
        let mut text = format!(
            "  {BOLD}A64 code{BOLD:#}, several instructions with `;`, is executed, and what it changed is shown.\n  \
             {BOLD}x1 = tagged+0x20 tag 5{BOLD:#} sets a register or a field, as in a program: docs/programs.md.\n"
        );
        for verb in VERBS {
            text += &format!("  {BOLD}{:8}{BOLD:#} {}\n", verb.name, verb.summary);
        }
        return Ok(Answer::done(text));
    }
    let verb = Verb::named(rest).ok_or_else(|| {
        let names = VERBS.iter().map(|verb| verb.name);
        let meant = isa::suggest::closest(rest, names).map(|name| format!("; did you mean `{name}`?"));
        InspectError::Usage(format!("there is no verb `{rest}`{}", meant.unwrap_or_default()))
    })?;
    let details = if verb.details.is_empty() { String::new() } else { format!("  {}\n", verb.details) };
    Ok(Answer::done(format!("  {BOLD}{}{BOLD:#}\n  {}\n{details}", verb.usage(), verb.summary)))
}
