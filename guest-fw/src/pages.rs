//! Changes the mapping of pages in a window ([`abi::mailbox::Request::SetPages`]).

use abi::mailbox::{PageKind, Status};
use abi::map::{GUEST_PAGE, Window};
use guest_fw::{layout, tables};

use crate::cpu;

/// Maps the `bytes` bytes of memory at `ipa` as `kind` in `window`.
///
/// Memory type and permissions change together, so this follows break-before-make (DDI 0487, D8): all entries are
/// invalid, and invalidated in the TLBs, before they have their new values.
///
/// Returns [`Status::BadArgument`] if the window or the kind is unknown, if the range is empty, unaligned or larger than
/// the arena, or if one of its pages is not in the window.
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
        // SAFETY: `window_entry` returns indexes of an entry in `Tables`, which is at this address (linker script,
        // `layout::TABLES`) and mapped writable. An entry is a u64 that is written at once; the host has one vCPU at a
        // time execute such requests.
        #[expect(unsafe_code, reason = "the translation tables in use")]
        unsafe {
            entry.write_volatile(descriptor);
        }
    }
}
