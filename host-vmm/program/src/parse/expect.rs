//! Reads `expect …`.

use super::super::error::{TextError, TextErrorKind};
use super::super::expectation::{Expectation, FAULT_KINDS, FIELDS, FaultPattern, Place, WidePlace};
use super::super::text::REGISTERS;
use super::super::{Event, MAX_WORDS, Run};
use super::event;
use super::line::{Line, list};
use super::register::{numbered, value, wide};

/// What such a line begins with.
pub const EXPECT: &str = "expect";

/// Reads an expectation, from behind the word `expect` to the end of the line. `run` is the block that it is about.
pub fn read(line: &mut Line<'_>, run: Option<&Run>) -> Result<Expectation, TextError> {
    let Some(word) = line.peek() else { return Err(line.expected(allowed())) };
    let of_block = !matches!(word.text, "tags" | "data");
    let nothing = Run::default();
    let run = match run {
        None if of_block => return Err(line.error(word.column, TextErrorKind::NothingToExpect)),
        run => run.unwrap_or(&nothing),
    };
    let expectation = match word.text {
        "tags" | "data" => match event::read(line)? {
            Some(Event::Tags { offset, tags }) => Expectation::Tags { offset, tags },
            Some(Event::Data { offset, bytes }) => Expectation::Data { offset, bytes },
            _ => return Err(line.expected(allowed())),
        },
        "no" => {
            line.take();
            line.keyword("fault")?;
            Expectation::NoFault
        }
        "fault" => {
            line.take();
            fault(line, run)?
        }
        "nzcv" => {
            line.take();
            flags(line)?
        }
        _ => register(line, run)?,
    };
    line.end()?;
    Ok(expectation)
}

/// Reads what an exception is like.
fn fault(line: &mut Line<'_>, run: &Run) -> Result<Expectation, TextError> {
    let kinds: Vec<_> = FAULT_KINDS.iter().map(|kind| kind.name).zip(0..).collect();
    let mut pattern = FaultPattern { kind: line.name("a kind of fault", &kinds)?, write: None, at: None, far: None };
    while let Some(word) = line.peek() {
        let twice = || Err(line.error(word.column, TextErrorKind::Twice { what: word.text.to_owned() }));
        match word.text {
            "read" | "write" if pattern.write.is_some() => return twice(),
            "at" if pattern.at.is_some() => return twice(),
            "far" if pattern.far.is_some() => return twice(),
            "read" | "write" => {
                pattern.write = Some(word.text == "write");
                line.take();
            }
            "at" => {
                line.take();
                // Below MAX_WORDS, so it fits.
                pattern.at = Some(line.bounded("number of the instruction", 0, MAX_WORDS as u64 - 1, 1)? as usize);
            }
            "far" => {
                line.take();
                pattern.far = Some(value(line, run.cpu)?);
            }
            _ => return Err(line.expected(list(["read", "write", "at", "far"].into_iter()))),
        }
    }
    Ok(Expectation::Fault(pattern))
}

/// Reads N, Z, C and V as four binary digits.
fn flags(line: &mut Line<'_>) -> Result<Expectation, TextError> {
    let expected = || line.expected("N, Z, C and V as four binary digits such as 0110");
    let word = line.peek().filter(|word| word.text.len() == 4).ok_or_else(expected)?;
    let value = u64::from_str_radix(word.text, 2).map_err(|_| expected())?;
    line.take();
    Ok(Expectation::Value { place: Place::Nzcv, value })
}

/// Reads the value of a register, or the tag of the pointer in it.
fn register(line: &mut Line<'_>, run: &Run) -> Result<Expectation, TextError> {
    let name = line.peek().map_or("", |word| word.text);
    if let Some(place) = wide_place(name) {
        return wide_register(line, run, place);
    }
    let Some(place) = place(name) else { return Err(unknown(line)) };
    line.take();
    let general = matches!(place, Place::X(_) | Place::Sp);
    if general && line.take_if("tag") {
        let tag = arch::Tag::truncate(line.bounded("tag", 0, 15, 1)? as u8);
        return Ok(Expectation::LogicalTag { place, tag });
    }
    if !line.take_if("=") {
        return Err(line.expected(if general { "`=` or `tag`" } else { "`=`" }));
    }
    let value = match place {
        Place::X(_) | Place::Sp => value(line, run.cpu)?,
        Place::Tco => line.bounded("tco", 0, 1, 1)?,
        Place::Field(index) => line.bounded("value of the field", 0, (1 << FIELDS[index].3) - 1, 1)?,
        _ => line.number("the value of the register")?,
    };
    Ok(Expectation::Value { place, value })
}

fn wide_register(line: &mut Line<'_>, run: &Run, place: WidePlace) -> Result<Expectation, TextError> {
    let begun = line.clone();
    line.take();
    line.keyword("=")?;
    let values = run.scalable.as_ref();
    let bytes = match place {
        WidePlace::V(_) if run.v.is_none() => {
            return Err(begun.expected("a register that the block shows: v0 to v31 need `simd=1` in its first line"));
        }
        WidePlace::V(_) => {
            let high = line.number("the upper half of the register")?;
            let low = line.number("the lower half of the register")?;
            [low, high].into_iter().flat_map(u64::to_le_bytes).collect()
        }
        WidePlace::Z(n) => wide(line, values.map(|values| values.z(n).len()))?,
        WidePlace::P(n) => wide(line, values.map(|values| values.p(n).len()))?,
        WidePlace::Ffr => wide(line, values.map(|values| values.ffr().len()))?,
    };
    Ok(Expectation::Wide { place, bytes })
}

fn wide_place(name: &str) -> Option<WidePlace> {
    if name == "ffr" {
        return Some(WidePlace::Ffr);
    }
    let vector = numbered(name, "v", 32).map(WidePlace::V).or_else(|| numbered(name, "z", 32).map(WidePlace::Z));
    vector.or_else(|| numbered(name, "p", 16).map(WidePlace::P))
}

fn place(name: &str) -> Option<Place> {
    match name {
        "sp" => return Some(Place::Sp),
        "tco" => return Some(Place::Tco),
        _ => {}
    }
    let general = numbered(name, "x", 31).map(Place::X);
    let register = || REGISTERS.iter().copied().find(|register| register.name() == name).map(Place::Register);
    let field = || FIELDS.iter().position(|(known, ..)| *known == name).map(Place::Field);
    general.or_else(register).or_else(field)
}

/// Makes the error for a word that nothing expected begins with.
fn unknown(line: &Line<'_>) -> TextError {
    let fixed = ["fault", "tags", "data", "nzcv", "tco", "sp", "ffr"].into_iter();
    let names =
        fixed.chain(REGISTERS.iter().map(|register| register.name())).chain(FIELDS.iter().map(|(name, ..)| *name));
    line.unknown("something to expect", names, None, allowed)
}

/// Lists what can be expected.
fn allowed() -> String {
    let fixed = ["no fault", "fault", "tags", "data", "nzcv", "tco", "x0` to `x30", "sp", "v0` to `v31", "z0` to `z31"];
    let fixed = fixed.into_iter().chain(["p0` to `p15", "ffr"]);
    list(fixed.chain(REGISTERS.iter().map(|register| register.name())).chain(FIELDS.iter().map(|(name, ..)| *name)))
}
