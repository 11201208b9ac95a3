//! The description of the target: core and floating-point registers as gdbstub_arch has them, the system registers that matter to
//! tags and exceptions, and what makes gdb ask for tags.

use std::fmt::Write;

use gdbstub::arch::Arch as _;
use gdbstub_arch::aarch64::AArch64;
use machine::debuggee::{FloatRegister, SystemRegister};
use machine::debugger_needs::TAG_CONTROL;

/// Where gdbstub_arch's description of all system registers begins; no guest shows all of them.
const ALL_SYSTEM_REGISTERS: &str = "<feature name=\"org.rust.gdb.arm.sys.regs\">";
/// The number of `tag_ctl`: behind gdb's own.
pub const TAG_CONTROL_NUMBER: u16 = FloatRegister::Fpcr.number() + 1;

/// Returns the description, as XML.
#[must_use]
pub fn xml() -> String {
    let theirs = AArch64::target_description_xml().unwrap_or_default();
    let core = theirs.split(ALL_SYSTEM_REGISTERS).next().unwrap_or_default();
    let core = core.replacen("</architecture>", "</architecture><osabi>GNU/Linux</osabi>", 1);
    let mut xml = format!("<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\">{core}");
    xml.push_str("<feature name=\"org.gnu.gdb.aarch64.mte\">");
    register(&mut xml, TAG_CONTROL, TAG_CONTROL_NUMBER);
    xml.push_str("</feature><feature name=\"granule.aarch64.system\">");
    for system in SystemRegister::ALL {
        register(&mut xml, system.name(), system.encoding());
    }
    xml.push_str("</feature></target>");
    xml
}

fn register(xml: &mut String, name: &str, number: u16) {
    // A string takes all that is written to it.
    let _ = write!(
        xml,
        "<reg name=\"{name}\" bitsize=\"64\" type=\"uint64\" regnum=\"{number}\" group=\"system\" save-restore=\"no\"/>"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_has_what_debuggers_look_for_once() {
        let xml = xml();
        for part in [
            "<architecture>aarch64</architecture><osabi>GNU/Linux</osabi>",
            "org.gnu.gdb.aarch64.core",
            "org.gnu.gdb.aarch64.fpu",
            "<feature name=\"org.gnu.gdb.aarch64.mte\"><reg name=\"tag_ctl\"",
            "<reg name=\"gcr_el1\" bitsize=\"64\" type=\"uint64\" regnum=\"49286\"",
            "<reg name=\"pc\"",
            "<reg name=\"v31\"",
        ] {
            assert_eq!(xml.matches(part).count(), 1, "{part}");
        }
        assert!(xml.ends_with("</feature></target>") && !xml.contains("sys.regs"));
    }
}
