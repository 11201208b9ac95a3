//! Converts the output of objdump to the spelling of this crate where it differs on purpose.

use arch::{DataCacheOp, InstructionCacheOp};

/// The hints of FEAT_PAuth.
const AUTHENTICATION: [(u32, &str); 13] = [
    (0x7, "xpaclri"),
    (0x8, "pacia1716"),
    (0xa, "pacib1716"),
    (0xc, "autia1716"),
    (0xe, "autib1716"),
    (0x18, "paciaz"),
    (0x19, "paciasp"),
    (0x1a, "pacibz"),
    (0x1b, "pacibsp"),
    (0x1c, "autiaz"),
    (0x1d, "autiasp"),
    (0x1e, "autibz"),
    (0x1f, "autibsp"),
];

/// Converts objdump's text of an instruction at `address`.
pub fn spelling(text: &str, address: u64) -> String {
    let text = text.split("//").next().unwrap_or(text).trim().replacen('\t', " ", 1);
    // 1. Hints, DC and IC. With -M no-aliases objdump shows the instructions they are aliases of.
    match text.as_str() {
        "hint #0x0" => return "nop".to_owned(),
        "hint #0x1" => return "yield".to_owned(),
        // The table has no name for it.
        "chkfeat x16" => return "hint #0x28".to_owned(),
        _ => {}
    }
    let authentication = |(number, _): &&(u32, &str)| text == format!("hint #{number:#x}");
    if let Some((_, name)) = AUTHENTICATION.iter().find(authentication) {
        return (*name).to_owned();
    }
    // SYS omits a register that is xzr; DC and IC by address do not.
    let with_register =
        |name: String, register: &str| format!("{name}, {}", if register.is_empty() { "xzr" } else { register });
    let data = DataCacheOp::ALL.iter().map(|operation| (operation.encoding(), format!("dc {operation}"), true));
    let instruction = InstructionCacheOp::all()
        .map(|operation| (operation.encoding(), format!("ic {operation}"), operation.takes_address()));
    for (encoding, name, takes_address) in data.chain(instruction) {
        let (op1, crn, crm, op2) = (encoding >> 11, encoding >> 7 & 0xf, encoding >> 3 & 0xf, encoding & 7);
        if let Some(rest) = text.strip_prefix(&format!("sys #{op1}, C{crn}, C{crm}, #{op2}")) {
            let register = rest.strip_prefix(", ").unwrap_or(rest);
            match (takes_address, register) {
                (true, _) => return with_register(name, register),
                (false, "") => return name,
                (false, _) => return text,
            }
        }
    }
    // 2. Targets. objdump shows an address and a symbol, this crate an offset: of ADRP from the page.
    if let Some((before, _symbol)) = text.split_once(" <") {
        let (before, target) = before.rsplit_once(' ').unwrap();
        let from = if before.starts_with("adrp ") { address & !0xfff } else { address };
        let distance = u64::from_str_radix(target, 16).unwrap().wrapping_sub(from).cast_signed();
        return format!("{before} .{distance:+}");
    }
    // 3. Lists of two registers and lists that wrap, which objdump shows as ranges.
    if let Some(listed) = listed(&text) {
        return listed;
    }
    // The zero register in `[z0.d, xzr]`, which objdump leaves out.
    let by_register = ["ldnt1", "stnt1", "ld1q", "st1q"].iter().any(|start| text.starts_with(start));
    let only_vector = |address: &str| address.starts_with('z') && !address.contains(',');
    if let Some((before, address)) = text.strip_suffix(']').and_then(|text| text.rsplit_once('['))
        && by_register
        && only_vector(address)
    {
        return format!("{before}[{address}, xzr]");
    }
    // 4. Writeback of LDRAA and LDRAB without an offset, which only these two show without `#0`.
    if let Some(address) = text.strip_suffix("]!").filter(|text| text.starts_with("ldra") && !text.contains('#')) {
        return format!("{address}, #0]!");
    }
    // 5. The prefetch operation of FEAT_PCDPHINT, which not all forms of PRFM have.
    text.replace("prfm ir,", "prfm #0x18,").replace("prfum ir,", "prfum #0x18,")
}

/// Writes `{v0.8b-v1.8b}` as `{v0.8b, v1.8b}`, and `{v30.8b-v0.8b}` as `{v30.8b, v31.8b, v0.8b}`.
fn listed(text: &str) -> Option<String> {
    let (before, list) = text.split_once('{')?;
    let (list, after) = list.split_once('}')?;
    let (first, last) = list.split_once('-')?;
    let letter = first.chars().next().filter(|letter| matches!(letter, 'v' | 'z'))?;
    let parts = |register: &str| {
        let (number, elements) = register.strip_prefix(letter)?.split_once('.')?;
        Some((number.parse::<u8>().ok()?, elements.to_owned()))
    };
    let ((first, elements), (last, _)) = (parts(first)?, parts(last)?);
    if last != first + 1 && last > first {
        return None;
    }
    let count = (last + 32 - first) % 32 + 1;
    let names: Vec<String> = (0..count).map(|n| format!("{letter}{}.{elements}", (first + n) % 32)).collect();
    Some(format!("{before}{{{}}}{after}", names.join(", ")))
}
