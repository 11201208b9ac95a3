//! The VMM's own tags: which IRG draws in the VMM's process, on the thread that runs vCPUs.
//!
//! Documentation/arch/arm64/memory-tagging-extension.rst, PR_MTE_TAG_MASK: a process says which tags may be drawn, and
//! draws 0 if it says none. A guest's GCR_EL1 is its own (arch/arm64/kvm/hyp/include/hyp/sysreg-sr.h).

use crate::vm::Vm;

mutants::defects!();

#[mutants::rules]
impl Vm {
    /// Lets the VMM's own IRG draw only tags of `include`, a bit each.
    pub fn limit_host_tags(&mut self, include: u16) {
        self.host_include = include;
    }

    /// Returns the tags that the VMM's own IRG may draw: those that it said, or 0 if it said none.
    fn host_tags(&self) -> Vec<u8> {
        let include = self.host_include;
        if include == 0 { vec![0] } else { (0..16).filter(|tag| include >> tag & 1 != 0).collect() }
    }
}

impl Vm {
    /// Returns the tags that IRG draws in the VMM. Which of the permitted ones, and in which order, is nobody's promise.
    #[must_use]
    pub fn draw_host_tags(&self, count: usize) -> Vec<u8> {
        self.host_tags().into_iter().cycle().take(count).collect()
    }
}
