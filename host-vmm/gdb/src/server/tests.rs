//! A debugger that is a few packets, and a guest that is a program of four instructions.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::thread;

use arch::Tag;
use machine::debuggee::{FloatRegister, Register, SystemRegister};

use super::*;

/// A guest whose PC counts up by 4, and which turns itself off at 0x1010.
#[derive(Default)]
struct Counter {
    pc: u64,
    breakpoints: Vec<u64>,
    /// Whether it loops instead.
    endless: bool,
}

/// Calls that end the guest with status 7, at these addresses.
#[derive(Default)]
struct Calls(BTreeSet<u64>);

impl HostCalls for Calls {
    fn addresses(&self) -> &BTreeSet<u64> {
        &self.0
    }

    fn serve(&mut self, board: &mut dyn Debuggee, cpu: usize) -> Result<Option<u32>, DebuggeeError> {
        let pc = board.register(cpu, Register::Pc)?;
        if pc == EXITS {
            return Ok(Some(7));
        }
        board.set_register(cpu, Register::Pc, pc + 4)?;
        Ok(None)
    }
}

/// The call that ends the guest.
const EXITS: u64 = 0x100c;
const START: u64 = 0x1000;
const END: u64 = 0x1010;

impl Debuggee for Counter {
    fn cpus(&self) -> usize {
        1
    }

    fn register(&mut self, _: usize, register: Register) -> Result<u64, DebuggeeError> {
        Ok(match register {
            Register::Pc => self.pc,
            Register::System(SystemRegister::GcrEl1) => 0x1_00ff,
            Register::X(n) => n.into(),
            _ => 0,
        })
    }

    fn set_register(&mut self, _: usize, register: Register, value: u64) -> Result<(), DebuggeeError> {
        match register {
            Register::Pc => self.pc = value,
            other => return Err(DebuggeeError::NoRegister(other)),
        }
        Ok(())
    }

    fn float_register(&mut self, _: usize, register: FloatRegister) -> Result<u128, DebuggeeError> {
        Ok(u128::from(register.number()))
    }

    fn read(&mut self, _: usize, va: u64, buffer: &mut [u8]) -> Result<(), DebuggeeError> {
        let inside = va >= START && va + buffer.len() as u64 <= 0x2000;
        buffer.fill(0xa5);
        if inside { Ok(()) } else { Err(DebuggeeError::Unmapped { va }) }
    }

    fn write(&mut self, _: usize, va: u64, _: &[u8]) -> Result<(), DebuggeeError> {
        Err(DebuggeeError::Unmapped { va })
    }

    fn tags(&mut self, _: usize, _: u64, tags: &mut [Tag]) -> Result<(), DebuggeeError> {
        tags.fill(Tag::truncate(9));
        Ok(())
    }

    fn set_tags(&mut self, _: usize, va: u64, _: &[Tag]) -> Result<(), DebuggeeError> {
        Err(DebuggeeError::NotTagged { va })
    }

    fn set_breakpoint(&mut self, va: u64) -> Result<(), DebuggeeError> {
        self.breakpoints.push(va);
        Ok(())
    }

    fn clear_breakpoint(&mut self, va: u64) -> Result<(), DebuggeeError> {
        self.breakpoints.retain(|address| *address != va);
        Ok(())
    }

    fn step(&mut self, _: usize, _: Instant) -> Result<Stop, DebuggeeError> {
        self.pc += 4;
        Ok(Stop::Stepped)
    }

    fn resume(&mut self, deadline: Instant) -> Result<Stop, DebuggeeError> {
        while Instant::now() < deadline {
            if self.breakpoints.contains(&self.pc) {
                return Ok(Stop::Breakpoint { cpu: 0 });
            }
            if self.pc == END && !self.endless {
                return Ok(Stop::Off);
            }
            self.pc += if self.endless { 0 } else { 4 };
        }
        Ok(Stop::TimedOut)
    }
}

/// The debugger's end of the connection.
struct Debugger(TcpStream);

impl Debugger {
    fn send(&mut self, body: &str) {
        Write::write_all(&mut self.0, &layer::packet(body)).unwrap();
    }

    /// Returns the body of the next packet, which is acknowledged, with its repetitions written out.
    fn receive(&mut self) -> String {
        let mut all = Vec::new();
        while all.len() < 4 || all[all.len() - 3] != b'#' {
            let mut byte = [0];
            self.0.read_exact(&mut byte).unwrap();
            if !(all.is_empty() && byte[0] == b'+') {
                all.push(byte[0]);
            }
        }
        Write::write_all(&mut self.0, b"+").unwrap();
        let mut body = String::new();
        let mut bytes = all[1..all.len() - 3].iter().copied().map(char::from);
        while let Some(c) = bytes.next() {
            match c {
                '*' => {
                    let count = bytes.next().unwrap() as usize - 29;
                    let last = body.chars().last().unwrap();
                    body.extend(std::iter::repeat_n(last, count));
                }
                other => body.push(other),
            }
        }
        body
    }

    fn ask(&mut self, body: &str) -> String {
        self.send(body);
        self.receive()
    }
}

const LIMIT: Duration = Duration::from_secs(60);

/// Runs a debugger against a guest. Returns how the session ended, and the guest.
fn session(mut guest: Counter, debugger: impl FnOnce(Debugger) + Send + 'static) -> (DebuggerEnd, Counter) {
    guest.pc = START;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let client = thread::spawn(move || debugger(Debugger(TcpStream::connect(address).unwrap())));
    let end = serve(&mut guest, Box::new(Calls::default()), &listener, Instant::now() + LIMIT).unwrap();
    client.join().unwrap();
    (end, guest)
}

#[test]
fn a_debugger_breaks_steps_reads_and_lets_run() {
    let (end, guest) = session(Counter::default(), |mut debugger| {
        let features = debugger.ask("qSupported:multiprocess+;swbreak+;memory-tagging+");
        assert!(features.contains("qXfer:features:read+") && features.ends_with(";memory-tagging+"), "{features}");
        assert!(debugger.ask("qXfer:features:read:target.xml:0,fff").starts_with("m<?xml"));
        assert_eq!(debugger.ask("Z0,1008,4"), "OK");
        assert!(debugger.ask("vCont;c").starts_with("T05"));
        assert_eq!(debugger.ask("p20"), "0810000000000000");
        assert_eq!(debugger.ask("pc086"), "ff00010000000000");
        // Of what was asked for, what there is.
        assert_eq!(debugger.ask("m1fff,4"), "a5");
        assert!(debugger.ask("m5000,4").starts_with('E'));
        assert_eq!(debugger.ask("qMemTags:1000,20:1"), "m0909");
        assert_eq!(debugger.ask("QMemTags:1000,10:1:01"), "E01");
        assert_eq!(debugger.ask("z0,1008,4"), "OK");
        assert!(debugger.ask("vCont;s").get(1..).is_some_and(|signal| signal.starts_with("05")));
        assert_eq!(debugger.ask("p20"), "0c10000000000000");
        assert_eq!(debugger.ask("vCont;c"), "W00");
    });
    assert_eq!((end, guest.pc, guest.breakpoints), (DebuggerEnd::Ended(Stop::Off), END, vec![]));
}

#[test]
fn all_registers_come_in_one_packet() {
    session(Counter::default(), |mut debugger| {
        let all = debugger.ask("g");
        assert_eq!(all.len(), 2 * (33 * 8 + 4 + 32 * 16 + 8));
        assert_eq!(&all[16..32], "0100000000000000");
        // FPSR is 66 and FPCR 67, in this order.
        assert!(all.ends_with("4200000043000000"), "{all}");
        debugger.send("k");
    });
}

#[test]
fn a_running_guest_is_interrupted() {
    let endless = Counter { endless: true, ..Counter::default() };
    let (end, guest) = session(endless, |mut debugger| {
        debugger.send("vCont;c");
        Write::write_all(&mut debugger.0, b"\x03").unwrap();
        assert!(debugger.receive().get(1..).is_some_and(|signal| signal.starts_with("02")));
        assert_eq!(debugger.ask("D"), "OK");
    });
    assert_eq!((end, guest.pc), (DebuggerEnd::Detached, START));
}

#[test]
fn a_debugger_that_vanishes_leaves_no_breakpoint() {
    let (end, guest) = session(Counter::default(), |mut debugger| {
        assert_eq!(debugger.ask("Z1,1008,4"), "OK");
        assert_eq!(debugger.ask("Z0,1008,4"), "OK");
        assert_eq!(debugger.ask("z0,1008,4"), "OK");
        assert!(debugger.ask("vCont;c").starts_with("T05"), "the other one is still there");
    });
    assert_eq!((end, guest.pc, guest.breakpoints), (DebuggerEnd::Detached, 0x1008, vec![]));
    assert_eq!(session(Counter::default(), |mut debugger| debugger.send("k")).0, DebuggerEnd::Killed);
}

#[test]
fn calls_to_the_host_are_served_and_not_shown() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let client = thread::spawn(move || {
        let mut debugger = Debugger(TcpStream::connect(address).unwrap());
        assert!(debugger.ask("vCont;s").get(1..).is_some_and(|signal| signal.starts_with("05")));
        assert_eq!(debugger.ask("p20"), "0410000000000000");
        // This step is the call, and the guest stands behind it.
        assert!(debugger.ask("vCont;s").get(1..).is_some_and(|signal| signal.starts_with("05")));
        assert_eq!(debugger.ask("p20"), "0810000000000000");
        assert_eq!(debugger.ask("vCont;c"), "W07");
    });
    let mut guest = Counter { pc: START, ..Counter::default() };
    let calls = Box::new(Calls([START + 4, EXITS].into()));
    let end = serve(&mut guest, calls, &listener, Instant::now() + LIMIT).unwrap();
    client.join().unwrap();
    assert_eq!((end, guest.breakpoints), (DebuggerEnd::Ended(Stop::Exited { status: 7 }), vec![]));
}

#[test]
fn nobody_comes() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let end = serve(&mut Counter::default(), Box::new(Calls::default()), &listener, Instant::now()).unwrap();
    assert_eq!(end, DebuggerEnd::Ended(Stop::TimedOut));
}
