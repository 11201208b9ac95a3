//! The VMM's own tags: which IRG draws in the VMM's process, on the thread that runs vCPUs.
//!
//! Documentation/arch/arm64/memory-tagging-extension.rst, PR_MTE_TAG_MASK: a process says which tags may be drawn, and
//! draws 0 if it says none. A guest's GCR_EL1 is its own (arch/arm64/kvm/hyp/include/hyp/sysreg-sr.h).

use super::Vm;

mutants::defects!();

#[mutants::rules]
impl Vm {
    /// Lets the VMM's own IRG draw only tags of `include`, a bit each.
    pub fn limit_host_tags(&mut self, include: u16) {
        self.host_include = include;
    }

    /// Returns the tags that IRG draws in the VMM; which of the permitted ones is not modelled.
    #[must_use]
    pub fn draw_host_tags(&self, count: usize) -> Vec<u8> {
        let include = self.host_include;
        let permitted: Vec<u8> = (0..16).filter(|tag| include >> tag & 1 != 0).collect();
        (0..count).map(|n| permitted.get(n % permitted.len().max(1)).copied().unwrap_or(0)).collect()
    }
}
