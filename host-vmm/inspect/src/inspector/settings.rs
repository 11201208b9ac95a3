//! Verbs that show or set what the next lines begin with.

use machine::El;
use program::control::FIELDS;
use program::value::Pointer;

use super::{Answer, Inspector};
use crate::error::InspectError;
use crate::{read, show};

impl Inspector {
    pub(super) fn mode(&mut self, rest: &str) -> Option<Answer> {
        if rest.is_empty() {
            return Some(Answer::done(show::modes(self.session.state(), self.session.boot())));
        }
        let words: Vec<_> = rest.split_whitespace().collect();
        let (fields, mode): (&[&str], &str) = match words[..] {
            [mode] => (&["sctlr_el1.tcf", "sctlr_el1.tcf0"], mode),
            ["el1", mode] => (&["sctlr_el1.tcf"], mode),
            ["el0", mode] => (&["sctlr_el1.tcf0"], mode),
            _ => return None,
        };
        let mut state = self.session.state().clone();
        for name in fields {
            let index = FIELDS.iter().position(|field| field.name == *name)?;
            let value = FIELDS[index].values.iter().position(|value| *value == mode)?;
            state.run.controls.set(index, value as u8);
        }
        let text = show::modes(&state, self.session.boot());
        self.session.change(&format!("mode {rest}"), |own| *own = state);
        Some(Answer::done(text))
    }

    pub(super) fn el(&mut self, rest: &str) -> Option<Answer> {
        let el = match rest {
            "" => return Some(Answer::done(format!("  EL{}\n", show::level(self.session.state())))),
            "0" => El::El0,
            "1" => El::El1,
            _ => return None,
        };
        let mut state = self.session.state().clone();
        state.run.el = el;
        let mut text = format!("  EL{rest}\n");
        let x = state.run.x.iter().enumerate();
        let first = x.filter_map(|(n, value)| Some((n, Pointer::from_bits(*value)?))).find(|(_, pointer)| {
            !program::value::WINDOWS.iter().any(|(name, window)| name.ends_with("-el0") && *window == pointer.window)
        });
        if let (El::El0, Some((n, pointer))) = (el, first) {
            let text_of = pointer.to_string();
            let own = text_of.replacen("tagged+", "tagged-el0+", 1);
            text += &format!("  x{n} is {text_of}, which EL0 cannot access; for EL0 it is `x{n} = {own}`\n");
        }
        self.session.change(&format!("el {rest}"), |own| *own = state);
        Some(Answer::done(text))
    }

    pub(super) fn tco(&mut self, rest: &str) -> Option<Answer> {
        let tco = match rest {
            "" => self.session.state().run.tco,
            "0" => false,
            "1" => true,
            _ => return None,
        };
        self.session.change(&format!("tco {rest}"), |state| state.run.tco = tco);
        Some(Answer::done(format!("  tco {}\n", u8::from(tco))))
    }

    pub(super) fn exclude(&mut self, rest: &str) -> Result<Answer, InspectError> {
        use abi::mailbox::SysReg::Gcr;
        const EXCLUDE: u64 = 0xffff;
        let mut state = self.session.state().clone();
        if !rest.is_empty() {
            let mask = read::value(rest)?;
            if mask > EXCLUDE {
                return Err(InspectError::Usage(format!(
                    "expected a mask of 16 bits, a bit for each tag, found {mask:#x}"
                )));
            }
            let gcr = state.sys[Gcr as usize] & !EXCLUDE | mask;
            state.set(Gcr, gcr);
        }
        let gcr = state.sys[Gcr as usize];
        let text = format!("  gcr_el1 = {gcr:#x}: exclude {}\n", show::excluded((gcr & EXCLUDE) as u16));
        if !rest.is_empty() {
            self.session.change(&format!("exclude {rest}"), |own| *own = state);
        }
        Ok(Answer::done(text))
    }
}
