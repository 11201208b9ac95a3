//! Reads a line: which of its kinds it is, with the grammar of programs for all that programs have.

use program::{Expectation, Program, Run, Step, TextError};

use super::error::InspectError;
use super::state::State;
use super::verbs::{VERBS, Verb};

/// What a line is.
pub enum Line<'a> {
    /// Nothing, or a comment.
    Nothing,
    /// A verb, and what follows it.
    Verb(&'static Verb, &'a str),
    /// Settings, with `;` between them.
    Settings(Vec<&'a str>),
    /// Instructions.
    Code(&'a str),
}

impl<'a> Line<'a> {
    /// Tells what a line without comments is.
    pub fn of(text: &'a str) -> Self {
        let text = text.trim();
        let (first, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        if text.is_empty() {
            return Self::Nothing;
        }
        if let Some(verb) = Verb::named(first) {
            return Self::Verb(verb, rest.trim());
        }
        let parts: Vec<_> = text.split(';').map(str::trim).filter(|part| !part.is_empty()).collect();
        match parts.first() {
            Some(first) if set_name(first).is_some() => Self::Settings(parts),
            _ => Self::Code(text),
        }
    }
}

/// Takes comments out of a line.
pub fn without_comments(line: &str) -> Result<String, InspectError> {
    let text = assembler::without_comments(line).map_err(|error| TextError {
        line: 1,
        column: error.column,
        kind: program::error::Instruction(error.kind).into(),
    })?;
    Ok(text.into_owned())
}

/// Returns the name of what a part of a line sets, if it sets something.
fn set_name(part: &str) -> Option<&str> {
    let name = part.split_once('=')?.0.trim();
    (!name.is_empty() && !name.contains(char::is_whitespace)).then_some(name)
}

/// The attributes of a block that shows the vector registers that a session has.
fn vectors(state: &State) -> String {
    state.run.scalable.as_ref().map_or_else(|| "simd=1".to_owned(), |values| format!("vl={}", values.vector_bytes()))
}

/// Reads a text as a program, one line of which is the user's.
fn parsed(before: &str, line: &str, after: &str) -> Result<Program, InspectError> {
    let text = format!("{before}{line}\n{after}");
    let own = before.lines().count() + 1;
    text.parse().map_err(|error: TextError| {
        let column = if error.line == own { error.column } else { 1 };
        TextError { line: 1, column, ..error }.into()
    })
}

fn only_run(program: Program) -> Option<Run> {
    program.steps.into_iter().find_map(|step| match step {
        Step::Run(run) => Some(*run),
        _ => None,
    })
}

/// Reads instructions.
pub fn code(text: &str) -> Result<Vec<u32>, InspectError> {
    let first = text.split(|c: char| c.is_whitespace() || c == ';').next().unwrap_or_default();
    let verb = isa::suggest::closest(first, VERBS.iter().map(|verb| verb.name));
    if let Some(verb) = verb.filter(|_| !program::parse::is_code(first)) {
        return Err(InspectError::Usage(format!(
            "`{first}` is neither an instruction nor a verb; did you mean `{verb}`?"
        )));
    }
    let program = parsed("granule program 1\nblock el=1\ncode\n", text, "end\n")?;
    Ok(only_run(program).map(|run| run.words).unwrap_or_default())
}

/// Returns whether a setting is of a register that only blocks with a vector length have.
pub fn is_scalable(part: &str) -> bool {
    set_name(part).is_some_and(|name| name == "ffr" || name.starts_with(['z', 'p']) && name[1..].parse::<u8>().is_ok())
}

/// Reads a setting, and sets what it says.
pub fn set(part: &str, state: &mut State) -> Result<(), InspectError> {
    let Some(name) = set_name(part) else {
        return Err(InspectError::Usage(format!("expected a setting such as `x1 = 0x20`, found `{part}`")));
    };
    if ["nzcv", "tco"].contains(&name) {
        let program = parsed("granule program 1\n", &format!("block {part}"), "code\nnop\nend\n")?;
        let Some(run) = only_run(program) else { return Ok(()) };
        (state.run.nzcv, state.run.tco) =
            if name == "nzcv" { (run.nzcv, state.run.tco) } else { (state.run.nzcv, run.tco) };
        return Ok(());
    }
    let head = format!("granule program 1\nblock {}\n", vectors(state));
    let Some(run) = only_run(parsed(&head, part, "code\nnop\nend\n")?) else { return Ok(()) };
    for register in program::text::REGISTERS {
        if let Some(value) = run.sys[*register as usize] {
            state.set(*register, value);
        }
    }
    for (index, _, value) in run.controls.iter() {
        state.run.controls.set(index, value);
    }
    let number = |prefix: char| name.strip_prefix(prefix).and_then(|digits| digits.parse::<usize>().ok());
    if name == "sp" {
        state.run.sp = run.sp;
    } else if let Some(n) = number('x') {
        state.run.x[n] = run.x[n];
    } else if let (Some(n), Some(own), Some(new)) = (number('v'), &mut state.run.v, &run.v) {
        own[n] = new[n];
    } else if let (Some(own), Some(new)) = (&mut state.run.scalable, &run.scalable) {
        match (number('z'), number('p')) {
            (Some(n), _) => own.z_mut(n).copy_from_slice(new.z(n)),
            (_, Some(n)) => own.p_mut(n).copy_from_slice(new.p(n)),
            _ if name == "ffr" => own.ffr_mut().copy_from_slice(new.ffr()),
            _ => {}
        }
    }
    Ok(())
}

/// Reads what should be seen of the last block; `line` is from the word `expect` on.
pub fn expectation(line: &str, state: &State, has_run: bool) -> Result<Expectation, InspectError> {
    let block = format!("block {}\ncode\nnop\nend\n", vectors(state));
    let head = format!("granule program 1\n{}", if has_run { &block } else { "" });
    let program = parsed(&head, line, "")?;
    program
        .steps
        .into_iter()
        .find_map(|step| match step {
            Step::Expect(expectation) => Some(expectation),
            _ => None,
        })
        .ok_or_else(|| InspectError::Usage("expected something to expect".to_owned()))
}

/// Reads an event of a program.
pub fn event(text: &str) -> Result<program::Event, InspectError> {
    let program = parsed("granule program 1\n", text, "")?;
    let found = program.steps.into_iter().find_map(|step| match step {
        Step::Event(event) => Some(event),
        _ => None,
    });
    found.ok_or_else(|| InspectError::Usage("expected an event".to_owned()))
}

/// Reads the value of a general register.
pub fn value(text: &str) -> Result<u64, InspectError> {
    let setting = format!("x0 = {text}");
    let head = "granule program 1\nblock el=1\n";
    let program = parsed(head, &setting, "code\nnop\nend\n")?;
    Ok(only_run(program).map_or(0, |run| run.x[0]))
}
