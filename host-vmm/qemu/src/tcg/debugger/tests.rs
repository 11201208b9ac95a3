//! The gdb port against a scripted stub.

use std::thread::{self, JoinHandle};

use super::*;

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// Starts a stub that answers command after command; it gives the commands that it was sent, and ends with its list.
fn stub(answers: &[&str]) -> (UnixStream, JoinHandle<Vec<String>>) {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let answers: Vec<String> = answers.iter().map(ToString::to_string).collect();
    let stub = thread::spawn(move || {
        let (mut decoder, mut seen, mut buffer) = (Decoder::default(), Vec::new(), [0; 64]);
        let mut answers = answers.into_iter();
        'listening: while let Ok(count @ 1..) = theirs.read(&mut buffer) {
            decoder.push(&buffer[..count]);
            while let Some(item) = decoder.next_item().unwrap() {
                let Item::Packet(command) = item else { continue };
                seen.push(String::from_utf8(command).unwrap());
                let Some(answer) = answers.next() else { break 'listening };
                let mut bytes = vec![b'+'];
                packet::frame(answer.as_bytes(), &mut bytes);
                theirs.write_all(&bytes).unwrap();
            }
        }
        seen
    });
    (ours, stub)
}

fn plain(answers: &[&str]) -> (Debugger, JoinHandle<Vec<String>>) {
    let (socket, stub) = stub(answers);
    (Debugger { socket, decoder: Decoder::default(), has_tags: true }, stub)
}

#[test]
fn attaching_watches_the_uart_and_learns_whether_there_are_tags() {
    for (features, has_tags) in [
        ("PacketSize=1000;memory-tagging+;x+", true),
        ("PacketSize=1000", false),
        ("memory-tagging-", false),
        ("xmemory-tagging+", false),
    ] {
        let (socket, stub) = stub(&[features, "OK", "OK"]);
        let debugger = Debugger::attach(socket, soon()).unwrap();
        assert_eq!(debugger.has_tags(), has_tags, "{features}");
        drop(debugger);
        assert_eq!(stub.join().unwrap()[1..], ["Z2,9000000,4", "Z2,ffffff8009000000,4"]);
    }
    let (socket, _stub) = stub(&["", ""]);
    assert!(matches!(Debugger::attach(socket, soon()), Err(DebugError::Answer { .. })));
}

#[test]
fn each_stop_reason_is_distinguished() {
    let wait = |answer: &str| {
        let (mut debugger, _stub) = plain(&[answer]);
        debugger.continue_cpus([1]).unwrap();
        debugger.wait(soon())
    };
    assert_eq!(wait("T05thread:02;watch:9000000;").unwrap(), StopReason::Trapped(1));
    assert_eq!(wait("T05thread:p01.0a;").unwrap(), StopReason::Trapped(9));
    assert_eq!(wait("T02thread:01;").unwrap(), StopReason::Interrupted);
    assert_eq!(wait("T03thread:01;").unwrap(), StopReason::PoweredOff);
    for exit in ["W00", "X0f"] {
        assert!(matches!(wait(exit), Err(DebugError::Closed)), "{exit}");
    }
    for nonsense in ["", "T", "T0", "Tzz", "T05", "T05thread:;", "T05thread:00;", "T06thread:01;", "OK", "E01"] {
        assert!(matches!(wait(nonsense), Err(DebugError::Answer { .. })), "{nonsense}");
    }
}

#[test]
fn named_vcpus_continue_and_a_step_disables_watchpoints() {
    let (mut debugger, stub) = plain(&["T05thread:01;", "OK", "OK", "T05thread:01;", "OK", "OK"]);
    debugger.continue_cpus([0, 9]).unwrap();
    debugger.wait(soon()).unwrap();
    assert_eq!(debugger.step(0, soon()).unwrap(), StopReason::Trapped(0));
    drop(debugger);
    let off = ["z2,9000000,4", "z2,ffffff8009000000,4"];
    let on = ["Z2,9000000,4", "Z2,ffffff8009000000,4"];
    assert_eq!(stub.join().unwrap(), [&["vCont;c:1;c:a"], &off[..], &["vCont;s:1"], &on[..]].concat());
}

#[test]
fn polling_does_not_wait() {
    let (socket, mut theirs) = UnixStream::pair().unwrap();
    let mut debugger = Debugger { socket, decoder: Decoder::default(), has_tags: false };
    theirs.write_all(b"+$T02thr").unwrap();
    assert_eq!(debugger.poll_stop(soon()).unwrap(), None);
    theirs.write_all(b"ead:01;#04").unwrap();
    assert_eq!(debugger.poll_stop(soon()).unwrap(), Some(StopReason::Interrupted));
}

#[test]
fn a_wait_ends_at_the_deadline_and_when_qemu_exits() {
    let (socket, theirs) = UnixStream::pair().unwrap();
    let mut debugger = Debugger { socket, decoder: Decoder::default(), has_tags: false };
    assert!(matches!(debugger.wait(Instant::now() + Duration::from_millis(20)), Err(DebugError::Late)));
    drop(theirs);
    assert!(matches!(debugger.wait(soon()), Err(DebugError::Closed)));
    assert!(matches!(debugger.continue_cpus([0]), Err(DebugError::Closed)));
}

#[test]
fn the_pc_is_behind_32_registers_lowest_byte_first() {
    let registers = format!("{}{}5000000000", "11".repeat(32 * 8), "0000204000000000");
    let (mut debugger, stub) = plain(&["OK", &registers]);
    assert_eq!(debugger.pc(1, soon()).unwrap(), 0x4020_0000);
    drop(debugger);
    assert_eq!(stub.join().unwrap(), ["Hg2", "g"]);
    for nonsense in ["", "E14", "00", &registers[..33 * 16 - 1], &registers.replace("20", "xx")] {
        let (mut debugger, _stub) = plain(&["OK", nonsense]);
        assert!(matches!(debugger.pc(0, soon()), Err(DebugError::Answer { .. })), "{nonsense}");
    }
}

#[test]
fn tags_are_fetched_granule_by_granule_and_a_refusal_leaves_no_answer_behind() {
    let (mut debugger, stub) = plain(&["m0f", "m03", "m0a", "E03", "m01", "OK"]);
    let mut tags = [0xff; 2];
    assert_eq!(debugger.fetch_tags(0x1_4000_0ff0, &mut tags, soon()).unwrap(), TagTransfer::Complete);
    assert_eq!(tags, [15, 3]);
    assert_eq!(debugger.fetch_tags(0, &mut [0; 3], soon()).unwrap(), TagTransfer::NotTagged);
    debugger.select(0, soon()).unwrap();
    drop(debugger);
    assert_eq!(stub.join().unwrap()[..2], ["qMemTags:140000ff0,1:1", "qMemTags:140001000,1:1"]);
    for nonsense in ["m10", "m", "OK", "", "mzz"] {
        let (mut debugger, _stub) = plain(&[nonsense]);
        assert!(matches!(debugger.fetch_tags(0, &mut [0], soon()), Err(DebugError::Answer { .. })), "{nonsense}");
    }
}

#[test]
fn tags_are_stored_by_page_and_an_odd_granule_alone() {
    let (mut debugger, stub) = plain(&["OK", "OK", "OK", "E04"]);
    assert_eq!(debugger.store_tags(0xfd0, &[1, 2, 3, 4, 15], soon()).unwrap(), TagTransfer::Complete);
    assert_eq!(debugger.store_tags(0, &[1], soon()).unwrap(), TagTransfer::NotTagged);
    drop(debugger);
    let sent = stub.join().unwrap();
    assert_eq!(sent[..3], ["QMemTags:fd0,10:1:01", "QMemTags:fe0,20:1:0203", "QMemTags:1000,20:1:040f"]);
}
