//! The host's end of a mailbox against a guest that lies.

use abi::mailbox::{MAX_TRAPS, SysReg};

use super::*;

/// The mailbox of vCPU 1, and nothing else.
struct Page(Vec<u8>);

impl Page {
    fn new() -> Self {
        Self(vec![0; size_of::<Mailbox>()])
    }

    fn put(&mut self, offset: usize, bytes: &[u8]) {
        self.0[offset..offset + bytes.len()].copy_from_slice(bytes);
    }

    fn get(&self, offset: usize) -> u32 {
        u32::from_le_bytes(self.0[offset..offset + 4].try_into().unwrap())
    }

    /// Answers the last request.
    fn answer(&mut self, status: u32) {
        let request = self.get(offset_of!(Mailbox, control.request));
        self.put(offset_of!(Mailbox, control.reply), &request.to_le_bytes());
        self.put(offset_of!(Mailbox, control.status), &status.to_le_bytes());
    }
}

impl Memory for Page {
    fn read(&self, ipa: u64, buffer: &mut [u8]) -> Result<(), MachineError> {
        let at = (ipa - map::mailbox_ipa(1)) as usize;
        buffer.copy_from_slice(&self.0[at..at + buffer.len()]);
        Ok(())
    }

    fn write(&mut self, ipa: u64, bytes: &[u8]) -> Result<(), MachineError> {
        self.put((ipa - map::mailbox_ipa(1)) as usize, bytes);
        Ok(())
    }
}

fn block() -> Block {
    Block::assemble("movz x0, #1; nop").unwrap()
}

/// A block that was filed and answered.
fn answered() -> (MailboxClient, Page) {
    let (mut mailbox, mut page) = (MailboxClient::of(1), Page::new());
    mailbox.run(&mut page, &block()).unwrap();
    page.answer(Status::Done as u32);
    (mailbox, page)
}

#[test]
fn a_block_is_filed_with_its_words_and_the_same_words_only_once() {
    let (mut mailbox, mut page) = (MailboxClient::of(1), Page::new());
    let new_words = offset_of!(Mailbox, block) + offset_of!(abi::mailbox::Block, new_words);
    for (number, new) in [(1, 1), (2, 0)] {
        mailbox.run(&mut page, &block().sys(SysReg::Gcr, 7)).unwrap();
        assert_eq!(page.get(offset_of!(Mailbox, control.request)), number);
        assert_eq!(page.get(offset_of!(Mailbox, control.kind)), Request::Run as u32);
        assert_eq!(page.get(new_words), new);
    }
    assert_eq!(page.get(offset_of!(Mailbox, words)), block().words()[0]);
    mailbox.run(&mut page, &Block::assemble("nop").unwrap()).unwrap();
    assert_eq!(page.get(new_words), 1);
}

#[test]
fn a_block_of_no_length_or_too_long_is_never_filed() {
    let (mut mailbox, mut page) = (MailboxClient::of(1), Page::new());
    for count in [0, MAX_WORDS + 1] {
        let refused = mailbox.run(&mut page, &Block::new(vec![0; count]));
        assert!(matches!(refused, Err(MachineError::Request(RequestError::WordCount { .. }))));
    }
    assert!(page.0.iter().all(|byte| *byte == 0));
    mailbox.run(&mut page, &Block::new(vec![0; MAX_WORDS])).unwrap();
}

#[test]
fn an_answer_to_another_request_or_without_a_meaning_is_misbehaviour() {
    let (mut mailbox, mut page) = answered();
    assert_eq!(mailbox.status(&page).unwrap(), Status::Done);
    page.answer(77);
    assert!(matches!(mailbox.status(&page), Err(MachineError::Misbehaved { cpu: 1, .. })));
    mailbox.call(&mut page, Request::HeapReset, [0; 4]).unwrap();
    assert!(matches!(mailbox.status(&page), Err(MachineError::Misbehaved { .. })));
    page.answer(Status::BadFree as u32);
    assert_eq!(mailbox.status(&page).unwrap(), Status::BadFree);
}

#[test]
fn doorbells_of_other_vcpus_are_errors() {
    let (mailbox, mut page) = answered();
    assert_eq!(mailbox.decode_doorbell(&page, b'x').unwrap(), None);
    assert_eq!(mailbox.decode_doorbell(&page, Doorbell::Reply.byte(1)).unwrap(), Some(Notification::Reply));
    assert_eq!(mailbox.decode_doorbell(&page, Doorbell::Checkpoint.byte(1)).unwrap(), Some(Notification::Checkpoint));
    assert!(matches!(
        mailbox.decode_doorbell(&page, Doorbell::Reply.byte(0)),
        Err(MachineError::Misbehaved { cpu: 1, .. })
    ));
    let panic = offset_of!(Mailbox, panic);
    page.put(panic + offset_of!(PanicRecord, length), &u64::MAX.to_le_bytes());
    page.put(panic + offset_of!(PanicRecord, message), b"last\x1bwords");
    match mailbox.decode_doorbell(&page, Doorbell::Panic.byte(1)) {
        Err(MachineError::Panicked { cpu: 1, message }) => assert_eq!(message, "last\\u{1b}words"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn counts_are_capped_and_indices_checked() {
    let (mailbox, mut page) = answered();
    let traps = offset_of!(Mailbox, reply) + offset_of!(BlockReply, traps);
    let first = offset_of!(Mailbox, traps);
    for (pc, index) in [
        (map::code_va(1), Some(0)),
        (map::code_va(1) + 4, Some(1)),
        (map::code_va(1) + 8, None),
        (map::code_va(1) - 4, None),
        (u64::MAX, None),
    ] {
        page.put(traps, &1u64.to_le_bytes());
        page.put(first, &pc.to_le_bytes());
        assert_eq!(mailbox.trace(&page).unwrap().faults[0].index, index, "{pc:#x}");
    }
    for count in [MAX_TRAPS as u64 + 1, u64::MAX] {
        page.put(traps, &count.to_le_bytes());
        assert!(matches!(mailbox.trace(&page), Err(MachineError::Misbehaved { .. })));
    }
    page.put(traps, &(MAX_TRAPS as u64).to_le_bytes());
    assert_eq!(mailbox.trace(&page).unwrap().faults.len(), MAX_TRAPS);
    page.put(offset_of!(Mailbox, reply) + offset_of!(BlockReply, end), &9u64.to_le_bytes());
    assert!(matches!(mailbox.trace(&page), Err(MachineError::Misbehaved { .. })));
}

#[test]
fn a_firmware_of_another_version_is_an_error() {
    let (mailbox, mut page) = answered();
    assert!(matches!(mailbox.boot_report(&page), Err(MachineError::Misbehaved { .. })));
    page.put(offset_of!(Mailbox, boot), &abi::ABI_VERSION.to_le_bytes());
    assert_eq!(mailbox.boot_report(&page).unwrap().version, abi::ABI_VERSION);
}

#[test]
fn vectors_are_read_for_a_block_that_set_them_only() {
    let (mut mailbox, mut page) = answered();
    assert!(mailbox.trace(&page).unwrap().v.is_none());
    mailbox.run(&mut page, &block().vectors([[1, 2]; 32])).unwrap();
    page.answer(0);
    page.put(offset_of!(Mailbox, v_reply), &7u64.to_le_bytes());
    assert_eq!(mailbox.trace(&page).unwrap().v.unwrap()[0], [7, 0]);
}

#[test]
fn a_mailbox_goes_on_from_what_guest_memory_has() {
    let (mut mailbox, mut page) = answered();
    let new_words = offset_of!(Mailbox, block) + offset_of!(abi::mailbox::Block, new_words);
    let mut restored = MailboxClient::restored(1, &page).unwrap();
    assert_eq!((restored.status(&page).unwrap(), restored.trace(&page).is_ok()), (Status::Done, true));
    mailbox.run(&mut page, &block()).unwrap();
    assert_eq!((page.get(new_words), mailbox.request), (0, 2));
    page.answer(Status::Done as u32);
    restored.run(&mut page, &block()).unwrap();
    assert_eq!((page.get(new_words), restored.request), (1, 2), "the same words are sent once more");
    page.put(
        offset_of!(Mailbox, block) + offset_of!(abi::mailbox::Block, words),
        &(MAX_WORDS as u64 + 1).to_le_bytes(),
    );
    assert!(MailboxClient::restored(1, &page).is_err());
}
