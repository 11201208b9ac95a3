//! ESR_EL1, field by field (Arm ARM, ESR_EL1 and its ISS encodings).

use arch::{ExceptionClass, Syndrome};

use super::Field;

/// A field of the instruction specific syndrome: its name, its lowest bit, how many bits, and what a value means.
struct Row(&'static str, u32, u32, fn(u64) -> &'static str);

const fn nothing(_: u64) -> &'static str {
    ""
}

/// Data aborts.
static DATA_ABORT: &[Row] = &[
    Row("ISV", 24, 1, |bit| if bit == 1 { "bits 23:14 describe the access" } else { "bits 23:14 do not describe it" }),
    Row("SAS", 22, 2, |size| ["a byte", "a halfword", "a word", "a doubleword"][size as usize & 3]),
    Row("SSE", 21, 1, |bit| if bit == 1 { "sign-extended" } else { "not sign-extended" }),
    Row("SRT", 16, 5, nothing),
    Row("SF", 15, 1, |bit| if bit == 1 { "a 64-bit register" } else { "a 32-bit register" }),
    Row("AR", 14, 1, |bit| if bit == 1 { "acquire or release" } else { "no acquire or release" }),
    Row("VNCR", 13, 1, nothing),
    Row("LST", 11, 2, nothing),
    Row("FnV", 10, 1, |bit| if bit == 1 { "FAR_EL1 is not valid" } else { "FAR_EL1 is valid" }),
    Row("EA", 9, 1, nothing),
    Row("CM", 8, 1, |bit| if bit == 1 { "cache maintenance" } else { "no cache maintenance" }),
    Row("S1PTW", 7, 1, |bit| if bit == 1 { "at stage 2, in a walk of stage 1" } else { "not in a walk of stage 1" }),
    Row("WnR", 6, 1, |bit| if bit == 1 { "write" } else { "read" }),
];

/// Instruction aborts.
static INSTRUCTION_ABORT: &[Row] = &[
    Row("SET", 11, 2, nothing),
    Row("FnV", 10, 1, |bit| if bit == 1 { "FAR_EL1 is not valid" } else { "FAR_EL1 is valid" }),
    Row("EA", 9, 1, nothing),
    Row("S1PTW", 7, 1, |bit| if bit == 1 { "at stage 2, in a walk of stage 1" } else { "not in a walk of stage 1" }),
];

/// MSR, MRS and system instructions.
static SYSTEM: &[Row] = &[
    Row("Op0", 20, 2, nothing),
    Row("Op2", 17, 3, nothing),
    Row("Op1", 14, 3, nothing),
    Row("CRn", 10, 4, nothing),
    Row("Rt", 5, 5, nothing),
    Row("CRm", 1, 4, nothing),
    Row("Direction", 0, 1, |bit| if bit == 1 { "a read (MRS)" } else { "a write (MSR, SYS)" }),
];

/// SVC, HVC and BRK.
static CALL: &[Row] = &[Row("imm16", 0, 16, nothing)];

/// All others whose ISS is not described here.
static OTHER: &[Row] = &[Row("ISS", 0, 25, nothing)];

fn rows(class: ExceptionClass) -> &'static [Row] {
    match class {
        class if class.is_data_abort() => DATA_ABORT,
        class if class.is_instruction_abort() => INSTRUCTION_ABORT,
        ExceptionClass::SYSTEM_TRAP => SYSTEM,
        ExceptionClass::SVC64 | ExceptionClass::HVC64 | ExceptionClass::BRK => CALL,
        _ => OTHER,
    }
}

/// Lists the fields of a syndrome, from the highest bit to the lowest. The order of those of a system instruction is that of the
/// register.
pub fn fields(esr: Syndrome) -> Vec<Field> {
    let field = |name: &'static str, value: u64, meaning: String| Field { name: name.into(), value, meaning };
    let bits = esr.bits();
    let class = esr.class();
    let length = if bits >> 25 & 1 == 1 { "a 32-bit instruction" } else { "a 16-bit instruction" };
    let mut fields = Vec::new();
    if bits >> 32 != 0 {
        fields.push(field("ISS2", bits >> 32 & 0xff_ffff, String::new()));
    }
    fields.push(field("EC", class.bits().into(), class.to_string()));
    fields.push(field("IL", bits >> 25 & 1, length.to_owned()));
    for Row(name, low, width, meaning) in rows(class) {
        let value = bits >> low & ((1 << width) - 1);
        fields.push(field(name, value, meaning(value).to_owned()));
    }
    if let Some(status) = esr.dfsc() {
        let name = if class.is_data_abort() { "DFSC" } else { "IFSC" };
        fields.push(field(name, status.bits().into(), status.to_string()));
    }
    fields
}

/// Returns whether a field is worth a place on a line: it is not 0, or its 0 means something that a person looks for.
pub fn is_telling(field: &Field) -> bool {
    match &*field.name {
        "EC" | "DFSC" | "IFSC" | "WnR" | "imm16" => true,
        "IL" => field.value == 0,
        _ => field.value != 0,
    }
}
