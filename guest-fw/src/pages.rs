//! Changes what pages of a window are, when the host asks ([`abi::mailbox::Request::SetPages`]).

use abi::mailbox::{PageKind, Status};
use abi::map::{GUEST_PAGE, Window};
use guest_fw::{layout, tables};

use crate::cpu;

/// Makes the pages of `window` that show `bytes` bytes of memory from `ipa` on into `kind`.
///
/// Break before make (DDI 0487, D8): all entries become invalid and are forgotten by the TLBs
/// before they get their new value, since memory type and permissions change together.
pub fn set(window: u64, ipa: u64, bytes: u64, kind: u64) -> Status {
    let (Some(window), Some(kind)) = (Window::from_number(window), PageKind::from_number(kind)) else {
        return Status::BadArgument;
    };
    if !ipa.is_multiple_of(GUEST_PAGE) || !bytes.is_multiple_of(GUEST_PAGE) || bytes == 0 {
        return Status::BadArgument;
    }
    let Some(end) = ipa.checked_add(bytes) else {
        return Status::BadArgument;
    };
    let pages = || (ipa..end).step_by(GUEST_PAGE as usize);
    if end - ipa > abi::map::ARENA_SIZE || pages().any(|page| tables::window_entry(window, page).is_none()) {
        return Status::BadArgument;
    }
    for page in pages() {
        write_entry(window, page, 0);
    }
    cpu::flush_translations();
    for page in pages() {
        write_entry(window, page, tables::window_page(window, page, kind));
    }
    cpu::barrier();
    Status::Done
}

fn write_entry(window: Window, ipa: u64, descriptor: u64) {
    if let Some((table, index)) = tables::window_entry(window, ipa) {
        let entry = (layout::TABLES as *mut u64).wrapping_add(table * 512 + index);
        // SAFETY: `window_entry` gives entries of the tables, which are mapped writable at this
        // address; one vCPU at a time serves requests that change them.
        #[expect(unsafe_code, reason = "the live page tables")]
        unsafe {
            entry.write_volatile(descriptor);
        }
    }
}
