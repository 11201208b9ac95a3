//! Both ends of a line in one process, with a board that is a few arrays.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use arch::Tag;
use machine::MachineError;
use machine::debuggee::{Debuggee, DebuggeeError, FloatRegister, Register, Stop, SystemRegister};
use machine::target::OpenError;

use super::*;
use crate::console::Console;

struct Channel(Sender<String>, Receiver<String>);

impl Line for Channel {
    fn send(&mut self, text: &str) -> Result<(), MachineError> {
        assert!(!text.bytes().any(|byte| byte < 0x20), "{text:?}");
        // The other end may have gone already: that is what it hears next.
        let _ = self.0.send(text.to_owned());
        Ok(())
    }

    fn receive(&mut self, until: Instant) -> Result<Option<String>, MachineError> {
        match self.1.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(text) => Ok(Some(text)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(MachineError::Unsupported("the other end is gone".to_owned())),
        }
    }
}

/// A board that answers with what it was given, and whose guest sends back what it gets.
struct Echo {
    console: Box<dyn Console>,
    registers: Vec<(u16, u128)>,
    memory: Vec<u8>,
    tags: Vec<Tag>,
    breakpoints: Vec<u64>,
}

impl Echo {
    fn get(&self, number: u16) -> u128 {
        self.registers.iter().rfind(|(other, _)| *other == number).map_or(0, |(_, value)| *value)
    }
}

impl Debuggee for Echo {
    fn cpus(&self) -> usize {
        3
    }

    fn register(&mut self, _: usize, register: Register) -> Result<u64, DebuggeeError> {
        match register {
            Register::System(SystemRegister::VbarEl1) => Err(DebuggeeError::NoRegister(register)),
            other => Ok(self.get(other.number()) as u64),
        }
    }

    fn set_register(&mut self, _: usize, register: Register, value: u64) -> Result<(), DebuggeeError> {
        self.registers.push((register.number(), value.into()));
        Ok(())
    }

    fn float_register(&mut self, _: usize, register: FloatRegister) -> Result<u128, DebuggeeError> {
        Ok(self.get(register.number()))
    }

    fn set_float_register(&mut self, _: usize, register: FloatRegister, value: u128) -> Result<(), DebuggeeError> {
        self.registers.push((register.number(), value));
        Ok(())
    }

    fn read(&mut self, _: usize, va: u64, buffer: &mut [u8]) -> Result<(), DebuggeeError> {
        let bytes = self.memory.get(va as usize..va as usize + buffer.len());
        buffer.copy_from_slice(bytes.ok_or(DebuggeeError::Unmapped { va })?);
        Ok(())
    }

    fn write(&mut self, _: usize, va: u64, bytes: &[u8]) -> Result<(), DebuggeeError> {
        self.memory[va as usize..va as usize + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn tags(&mut self, _: usize, va: u64, tags: &mut [Tag]) -> Result<(), DebuggeeError> {
        if va >= 0x100 {
            return Err(DebuggeeError::NotTagged { va });
        }
        tags.copy_from_slice(&self.tags[..tags.len()]);
        Ok(())
    }

    fn set_tags(&mut self, _: usize, _: u64, tags: &[Tag]) -> Result<(), DebuggeeError> {
        self.tags = tags.to_vec();
        Ok(())
    }

    fn set_breakpoint(&mut self, va: u64) -> Result<(), DebuggeeError> {
        self.breakpoints.push(va);
        Ok(())
    }

    fn clear_breakpoint(&mut self, va: u64) -> Result<(), DebuggeeError> {
        self.breakpoints.retain(|address| *address != va);
        Ok(())
    }

    fn step(&mut self, cpu: usize, _: Instant) -> Result<Stop, DebuggeeError> {
        Ok(if self.breakpoints.is_empty() { Stop::Stepped } else { Stop::Breakpoint { cpu } })
    }

    fn resume(&mut self, deadline: Instant) -> Result<Stop, DebuggeeError> {
        while Instant::now() < deadline {
            let bytes: Vec<u8> = std::iter::from_fn(|| self.console.read()).collect();
            self.console.write(&bytes);
            if bytes.last() == Some(&0xff) {
                return Ok(Stop::Exited { status: 3 });
            }
        }
        Ok(Stop::TimedOut)
    }
}

/// A console that types everything at once.
#[derive(Clone, Default)]
struct Typist(Rc<RefCell<(Vec<u8>, Vec<u8>)>>);

impl Console for Typist {
    fn write(&mut self, bytes: &[u8]) {
        self.0.borrow_mut().1.extend(bytes);
    }

    fn read(&mut self) -> Option<u8> {
        self.0.borrow_mut().0.pop()
    }
}

const LIMIT: Duration = Duration::from_secs(60);

/// Runs a test at the debugger's end of a line.
fn connected(
    board: impl FnOnce(Box<dyn Console>) -> Result<Echo, OpenError> + Send + 'static,
    test: impl FnOnce(Channel),
) {
    let ((to_board, from_debugger), (to_debugger, from_board)) = (channel(), channel());
    let server = std::thread::spawn(move || {
        let line = LineConsole::new(Channel(to_debugger, from_debugger));
        let board = board(Box::new(Rc::clone(&line)));
        serve(&line, board.map(|board| (board, "a host".to_owned()))).map_err(|error| error.to_string())
    });
    test(Channel(to_board, from_board));
    server.join().unwrap().unwrap();
}

fn echo(console: Box<dyn Console>) -> Result<Echo, OpenError> {
    Ok(Echo {
        console,
        registers: Vec::new(),
        memory: (0..=255).collect(),
        tags: vec![Tag::MAX; 4],
        breakpoints: Vec::new(),
    })
}

fn with_echo(test: impl FnOnce(&mut Remote<Channel>, &Typist)) {
    connected(echo, |line| {
        let console = Typist::default();
        let mut remote = Remote::connect(line, Box::new(console.clone()), LIMIT).unwrap();
        test(&mut remote, &console);
        remote.end().unwrap();
    });
}

#[test]
fn what_is_written_is_read_back() {
    with_echo(|board, _| {
        assert_eq!((board.cpus(), board.host()), (3, "a host"));
        for register in [Register::X(30), Register::Sp, Register::Pc, Register::System(SystemRegister::GcrEl1)] {
            board.set_register(0, register, u64::MAX - u64::from(register.number())).unwrap();
            assert_eq!(board.register(0, register).unwrap(), u64::MAX - u64::from(register.number()));
        }
        for register in [FloatRegister::V(31), FloatRegister::Fpcr] {
            board.set_float_register(0, register, u128::MAX - 1).unwrap();
            assert_eq!(board.float_register(0, register).unwrap(), u128::MAX - 1);
        }
        let all: Vec<u8> = (0..=255).rev().collect();
        let mut found = vec![0; 256];
        board.read(0, 0, &mut found).unwrap();
        assert_eq!(found, (0..=255).collect::<Vec<_>>());
        board.write(0, 0, &all).unwrap();
        board.read(0, 0, &mut found).unwrap();
        assert_eq!(found, all);
        let tags = [3, 0, 15].map(Tag::truncate);
        board.set_tags(0, 0x40, &tags).unwrap();
        let mut found = [Tag::ZERO; 3];
        board.tags(0, 0x40, &mut found).unwrap();
        assert_eq!(found, tags);
    });
}

#[test]
fn stops_and_errors_arrive_as_they_were() {
    with_echo(|board, _| {
        let soon = || Instant::now() + LIMIT;
        assert_eq!(board.step(1, soon()).unwrap(), Stop::Stepped);
        board.set_breakpoint(8).unwrap();
        assert_eq!(board.step(1, soon()).unwrap(), Stop::Breakpoint { cpu: 1 });
        board.clear_breakpoint(8).unwrap();
        assert_eq!(board.step(1, soon()).unwrap(), Stop::Stepped);
        assert_eq!(board.resume(Instant::now()).unwrap(), Stop::TimedOut);
        assert!(matches!(board.read(0, 0x1000, &mut [0]), Err(DebuggeeError::Unmapped { va: 0x1000 })));
        assert!(matches!(board.tags(0, 0x100, &mut [Tag::ZERO]), Err(DebuggeeError::NotTagged { va: 0x100 })));
        let vbar = Register::System(SystemRegister::VbarEl1);
        assert!(matches!(board.register(0, vbar), Err(DebuggeeError::NoRegister(register)) if register == vbar));
    });
}

#[test]
fn the_console_carries_every_byte_both_ways_while_the_guest_runs() {
    with_echo(|board, console| {
        console.0.borrow_mut().0 = (0..=255).rev().collect();
        assert_eq!(board.resume(Instant::now() + LIMIT).unwrap(), Stop::Exited { status: 3 });
        assert_eq!(console.0.borrow().1, (0..=255).collect::<Vec<_>>());
    });
}

#[test]
fn a_board_that_is_not_there_says_why() {
    let why = OpenError::Unavailable { reason: "no /dev/kvm".to_owned(), remedy: "load it".to_owned() };
    let expected = why.clone();
    connected(
        |_| Err(why),
        |line| {
            let refused = Remote::connect(line, Box::new(Typist::default()), LIMIT);
            assert_eq!(refused.err(), Some(expected));
        },
    );
}

#[test]
fn a_board_that_goes_away_is_an_error_and_not_a_hang() {
    let (sender, receiver) = channel();
    drop(sender);
    let gone = Remote::connect(Channel(channel().0, receiver), Box::new(Typist::default()), LIMIT);
    assert!(matches!(gone, Err(OpenError::Broken { reason, .. }) if reason == "the other end is gone"));
}
