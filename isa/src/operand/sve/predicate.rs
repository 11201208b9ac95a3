//! Predicate registers.

use alloc::string::ToString;
use alloc::vec::Vec;

use arch::{Arg, Predicate, PredicateForm, SimdWidth};

use crate::error::OperandError;
use crate::operand::Operand;
use crate::operand::sve::vector::Element;

/// What an operand's register may be followed by.
#[derive(Clone, Copy, Debug)]
enum Form {
    Plain,
    Zeroing,
    Merging,
    /// Bit 4 says whether it merges or zeroes.
    Either,
    Elements(Element),
}

/// A predicate register, three or four bits at bit `shift`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PredicateRegister {
    shift: u32,
    bits: u32,
    form: Form,
    /// It must be the same register as another operand, which has the bits.
    tied: bool,
}

const fn register(shift: u32, bits: u32, form: Form) -> PredicateRegister {
    PredicateRegister { shift, bits, form, tied: false }
}

const BYTES: Form = Form::Elements(Element::Fixed(SimdWidth::B));

/// The governing predicate of a load or of a comparison: p0 to p7.
pub(crate) const PG_Z: PredicateRegister = register(10, 3, Form::Zeroing);
/// The governing predicate of a move to or from ZA: p0 to p7.
pub(crate) const PG_M: PredicateRegister = register(10, 3, Form::Merging);
/// The governing predicate of a store, a prefetch or a reduction: p0 to p7.
pub(crate) const PG: PredicateRegister = register(10, 3, Form::Plain);
/// The governing predicate of an operation on predicates or of SEL: p0 to p15.
pub(crate) const PG4: PredicateRegister = register(10, 4, Form::Plain);
pub(crate) const PG4_Z: PredicateRegister = register(10, 4, Form::Zeroing);
pub(crate) const PG4_EITHER: PredicateRegister = register(10, 4, Form::Either);
pub(crate) const PT: PredicateRegister = register(0, 4, Form::Plain);
pub(crate) const PD_T: PredicateRegister = register(0, 4, Form::Elements(Element::Owner));
pub(crate) const PD_B: PredicateRegister = register(0, 4, BYTES);
pub(crate) const PN_B: PredicateRegister = register(5, 4, BYTES);
pub(crate) const PN_T: PredicateRegister = register(5, 4, Form::Elements(Element::Owner));
pub(crate) const PM_B: PredicateRegister = register(16, 4, BYTES);
/// The last operand of BRKN, which is the first.
pub(crate) const PDM_B: PredicateRegister = PredicateRegister { tied: true, ..PD_B };
/// A governing predicate where Pn is otherwise: of RDFFR.
pub(crate) const PG5_Z: PredicateRegister = register(5, 4, Form::Zeroing);

impl PredicateRegister {
    const EITHER: u32 = 1 << 4;

    pub(crate) const fn mask(self) -> u32 {
        let form = match self.form {
            Form::Either => Self::EITHER,
            Form::Elements(element) => element.mask(),
            Form::Plain | Form::Zeroing | Form::Merging => 0,
        };
        if self.tied { 0 } else { ((1 << self.bits) - 1) << self.shift | form }
    }

    fn form(self, word: u32) -> Option<PredicateForm> {
        Some(match self.form {
            Form::Plain => PredicateForm::Plain,
            Form::Either if word & Self::EITHER != 0 => PredicateForm::Merging,
            Form::Zeroing | Form::Either => PredicateForm::Zeroing,
            Form::Merging => PredicateForm::Merging,
            Form::Elements(element) => PredicateForm::Elements(element.read(word)?),
        })
    }
}

impl Operand for PredicateRegister {
    fn expects(&self) -> &'static str {
        match (self.form, self.bits) {
            _ if self.tied => "the predicate that is the first operand",
            (Form::Plain, 3) => "a predicate p0 to p7",
            (Form::Plain, _) => "a predicate p0 to p15",
            (Form::Zeroing, 3) => "a predicate p0/z to p7/z",
            (Form::Zeroing, _) => "a predicate p0/z to p15/z",
            (Form::Merging, _) => "a predicate p0/m to p7/m",
            (Form::Either, _) => "a predicate p0/z to p15/z or p0/m to p15/m",
            (Form::Elements(Element::Fixed(_)), _) => "a predicate p0.b to p15.b",
            (Form::Elements(_), _) => "a predicate such as p0.b or p0.d",
        }
    }

    fn decode(&self, word: u32) -> Option<Arg> {
        let index = word >> self.shift & ((1 << self.bits) - 1);
        Predicate::new(index as u8, self.form(word)?).map(Arg::Predicate)
    }

    fn encode(&self, arg: Arg) -> Result<u32, OperandError> {
        let wrong = || self.wrong_kind(&arg.to_string());
        let Arg::Predicate(predicate) = arg else { return Err(wrong()) };
        let form = match (self.form, predicate.form()) {
            (Form::Plain, PredicateForm::Plain) => Some(0),
            (Form::Zeroing | Form::Either, PredicateForm::Zeroing) => Some(0),
            (Form::Merging, PredicateForm::Merging) => Some(0),
            (Form::Either, PredicateForm::Merging) => Some(Self::EITHER),
            (Form::Elements(element), PredicateForm::Elements(found)) => element.write(Some(found)),
            _ => None,
        };
        let index = u32::from(predicate.index());
        match form {
            Some(_) if self.tied => Ok(0),
            Some(form) if index >> self.bits == 0 => Ok(index << self.shift | form),
            _ => Err(wrong()),
        }
    }

    fn check(&self, word: u32, arg: Arg) -> Result<(), OperandError> {
        if self.decode(word) == Some(arg) { Ok(()) } else { Err(self.wrong_kind(&arg.to_string())) }
    }

    fn samples(&self) -> Vec<Arg> {
        let forms: Vec<PredicateForm> = match self.form {
            Form::Elements(element) => element.all().into_iter().flatten().map(PredicateForm::Elements).collect(),
            _ => [0, Self::EITHER & self.mask()].into_iter().filter_map(|word| self.form(word)).collect(),
        };
        if self.tied {
            return Vec::new();
        }
        let last = (1 << self.bits) - 1;
        let of = |index| forms.iter().filter_map(move |form| Predicate::new(index, *form));
        [0, 1, last].into_iter().flat_map(of).map(Arg::Predicate).collect()
    }
}
