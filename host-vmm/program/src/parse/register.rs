//! Reads the settings of a block: registers, fields of control registers, and what happens at checkpoints.

use abi::doorbell::Doorbell;
use abi::map;
use arch::{Reg, Tag};

use super::super::Run;
use super::super::control::{FIELDS, Field};
use super::super::error::{TextError, TextErrorKind};
use super::super::scalable;
use super::super::text::REGISTERS;
use super::super::value::{CHECKPOINT, Pointer, UART, UPPER, WINDOWS};
use super::event;
use super::hint;
use super::line::{Line, list, number};

/// Most checkpoints of a block at which something happens.
const MAX_CHECKPOINTS: u64 = 64;

/// What a setting sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Location {
    X(usize),
    Sp,
    V(usize),
    Z(usize),
    P(usize),
    Ffr,
    /// A place in [`FIELDS`].
    Field(usize),
    /// A place in [`REGISTERS`].
    Register(usize),
}

/// Reads settings, and remembers which were there.
#[derive(Debug, Default)]
pub struct Settings {
    seen: Vec<Location>,
}

impl Settings {
    /// Reads one setting.
    pub fn read(&mut self, line: &mut Line<'_>, run: &mut Run) -> Result<(), TextError> {
        if line.take_if("checkpoint") {
            return checkpoint(line, run);
        }
        let word = line.peek();
        let place = word.and_then(|word| place(word.text));
        let (Some(word), Some(place)) = (word, place) else { return Err(unknown(line)) };
        if self.seen.contains(&place) {
            return Err(line.error(word.column, TextErrorKind::Twice { what: word.text.to_owned() }));
        }
        self.seen.push(place);
        line.take();
        line.keyword("=")?;
        match place {
            Location::X(n) => run.x[n] = value(line, run.cpu)?,
            Location::Sp => run.sp = value(line, run.cpu)?,
            Location::Z(n) => {
                let bytes = wide(line, run.scalable.as_ref().map(|values| values.z(n).len()))?;
                run.scalable.iter_mut().for_each(|values| values.z_mut(n).copy_from_slice(&bytes));
            }
            Location::P(n) => {
                let bytes = wide(line, run.scalable.as_ref().map(|values| values.p(n).len()))?;
                run.scalable.iter_mut().for_each(|values| values.p_mut(n).copy_from_slice(&bytes));
            }
            Location::Ffr => {
                let begun = line.clone();
                let bytes = wide(line, run.scalable.as_ref().map(|values| values.ffr().len()))?;
                if !scalable::is_monotonic(&bytes) {
                    return Err(begun.expected("a value whose set bits are those from bit 0 on, such as 0xff"));
                }
                run.scalable.iter_mut().for_each(|values| values.ffr_mut().copy_from_slice(&bytes));
            }
            Location::V(_) if run.scalable.is_some() => {
                return Err(line.error(
                    word.column,
                    TextErrorKind::Expected {
                        expected: "`z0` to `z31`, whose first bytes are v0 to v31".to_owned(),
                        found: format!("`{}`", word.text),
                    },
                ));
            }
            Location::V(n) => {
                let high = line.number("the upper half of the register")?;
                let low = line.number("the lower half of the register")?;
                run.v.get_or_insert_with(|| Box::new([[0; 2]; 32]))[n] = [low, high];
            }
            Location::Field(index) => {
                let Field { name, values, .. } = &FIELDS[index];
                let values: Vec<_> = values.iter().copied().zip(0u8..).collect();
                run.controls.set(index, line.name(&format!("a value of {name}"), &values)?);
            }
            Location::Register(index) => {
                let register = REGISTERS[index];
                run.sys[register as usize] = Some(line.number(&format!("the value of {}", register.name()))?);
            }
        }
        Ok(())
    }
}

/// Makes the error for a line that is no setting.
fn unknown(line: &Line<'_>) -> TextError {
    let word = line.peek().map_or("", |word| word.text);
    let fields = |register: &str| {
        let of = |field: &&Field| field.name.split_once('.').is_some_and(|(of, _)| of == register);
        FIELDS.iter().filter(of).map(|field| field.name).collect::<Vec<_>>()
    };
    let own = fields(word.split('.').next().unwrap_or_default());
    let hint = match (Reg::parse(word), own.first()) {
        (Some(register), _) if register.is_zero() => Some("it is 0 always".to_owned()),
        (Some(register), _) if register.is_sp() => Some("it is part of `sp`".to_owned()),
        (Some(register), _) if register.class().width() == 32 => Some(format!("it is part of `x{}`", register.index())),
        (Some(register), _) => Some(format!("it is `x{}`", register.index())),
        (None, Some(first)) if !word.contains('.') => Some(format!("its fields are set one by one, such as `{first}`")),
        _ => hint::is_code(word).then(|| "instructions stand behind a line `code`".to_owned()),
    };
    let names = CODE_AND_REGISTERS.into_iter().chain(REGISTERS.iter().map(|register| register.name()));
    let names = names.chain(FIELDS.iter().map(|field| field.name));
    line.unknown("a setting", names, hint.as_deref(), || {
        // Of the fields, those of the register that is named, if it is.
        if own.is_empty() { allowed() } else { list(own.iter().copied()) }
    })
}

/// What is set or begun by its name alone.
const CODE_AND_REGISTERS: [&str; 4] = ["sp", "ffr", CHECKPOINT, "code"];

/// Returns what a setting may begin with.
fn allowed() -> String {
    let fixed = ["x0` to `x30", "sp", "v0` to `v31", "z0` to `z31", "p0` to `p15", "ffr", CHECKPOINT, "code"];
    let names = list(fixed.into_iter().chain(REGISTERS.iter().map(|register| register.name())));
    format!("{names}, or a field of sctlr_el1 or tcr_el1 such as `{}`", FIELDS[0].name)
}

/// Returns whether a word begins a setting.
pub fn is_setting(word: &str) -> bool {
    place(word).is_some()
}

/// Returns the number of a register such as `x7`, if it is below the limit.
pub fn numbered(name: &str, prefix: &str, limit: usize) -> Option<usize> {
    let digits = name.strip_prefix(prefix)?;
    let index: usize = digits.parse().ok()?;
    (index < limit && index.to_string() == digits).then_some(index)
}

/// Finds what a name stands for.
fn place(name: &str) -> Option<Location> {
    let numbered = |prefix, limit| numbered(name, prefix, limit);
    if let Some(n) = numbered("x", 31) {
        return Some(Location::X(n));
    }
    if let Some(n) = numbered("v", 32) {
        return Some(Location::V(n));
    }
    if let Some(n) = numbered("z", 32) {
        return Some(Location::Z(n));
    }
    if let Some(n) = numbered("p", 16) {
        return Some(Location::P(n));
    }
    if name == "ffr" {
        return Some(Location::Ffr);
    }
    if name == "sp" {
        return Some(Location::Sp);
    }
    let register = REGISTERS.iter().position(|register| register.name() == name).map(Location::Register);
    register.or_else(|| Field::by_name(name).map(Location::Field))
}

/// Reads the numbers of a scalable register of this many bytes, as [`scalable::text`] writes them.
pub fn wide(line: &mut Line<'_>, length: Option<usize>) -> Result<Vec<u8>, TextError> {
    const NUMBERS: &str = "numbers of 64 bits, the highest first, such as 0x1 or 0x0*3";
    let Some(length) = length else { return Err(line.expected("a block with `vl`, which says how long it is")) };
    let begun = line.clone();
    let mut numbers = Vec::new();
    while numbers.is_empty() || line.peek().is_some() {
        let Some(word) = line.peek() else { return Err(line.expected(NUMBERS)) };
        let (value, count) = word.text.split_once('*').unwrap_or((word.text, "1"));
        let count = number(count).filter(|count| (1..=length as u64).contains(count));
        let (Some(value), Some(count)) = (number(value), count) else { return Err(line.expected(NUMBERS)) };
        numbers.extend(std::iter::repeat_n(value, count as usize));
        line.take();
    }
    let fits = scalable::bytes(&numbers, length);
    fits.ok_or_else(|| begun.expected(format!("a value of {length} bytes at most")))
}

/// Reads `checkpoint N EVENT`.
fn checkpoint(line: &mut Line<'_>, run: &mut Run) -> Result<(), TextError> {
    let number = line.bounded("number of the checkpoint", 1, MAX_CHECKPOINTS, 1)? as usize;
    const ALLOWED: &str = "an event that needs no vCPU: `tags`, `data`, `fetch` or `save-restore`";
    // The firmware, which changes pages, waits in the block.
    if line.peek().is_some_and(|word| word.text == "pages") {
        return Err(line.expected(ALLOWED));
    }
    match event::read(line)? {
        Some(event) => {
            let needed = run.at_checkpoint.len().max(number);
            run.at_checkpoint.resize_with(needed, Vec::new);
            run.at_checkpoint[number - 1].push(event);
            Ok(())
        }
        None => Err(line.expected(ALLOWED)),
    }
}

/// Reads the value of a general register.
pub fn value(line: &mut Line<'_>, cpu: usize) -> Result<u64, TextError> {
    if line.take_if(UART) {
        return Ok(map::UART_DR);
    }
    if line.take_if(CHECKPOINT) {
        return Ok(Doorbell::Checkpoint.byte(cpu).into());
    }
    let Some(word) = line.peek() else { return Err(line.expected(VALUE)) };
    let Some((window, offset)) = word.text.split_once('+') else {
        let value = number(word.text).ok_or_else(|| line.expected(VALUE))?;
        line.take();
        return Ok(value);
    };
    let (window, upper) = window.strip_prefix(UPPER).map_or((window, false), |window| (window, true));
    let window = WINDOWS.iter().find(|(name, _)| *name == window).map(|(_, window)| *window);
    let (Some(window), Some(offset)) = (window, number(offset)) else { return Err(line.expected(VALUE)) };
    let max = map::ARENA_SIZE - 1;
    if offset > max {
        let kind = TextErrorKind::OutOfRange { what: "offset into the arena", value: offset, min: 0, max };
        return Err(line.error(word.column, kind));
    }
    line.take();
    line.keyword("tag")?;
    let tag = Tag::truncate(line.bounded("tag", 0, 15, 1)? as u8);
    Ok(Pointer { window, upper, offset, tag }.bits())
}

const VALUE: &str = "a value: a number below 2^64 such as 0x40, a pointer such as `tagged+0x40 tag 3` or \
                     `upper.untagged-el0+0x40 tag 15`, `uart` or `checkpoint`";
