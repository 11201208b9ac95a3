//! The board's end.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use arch::Tag;
use machine::MachineError;
use machine::debuggee::{Debuggee, DebuggeeError, FloatRegister, Register};
use machine::target::OpenError;

use super::Line;
use super::message::{Bytes, Failure, Message, RemoteError, Request, of_tags};
use crate::console::Console;

/// How long to wait for a request before waiting again.
const IDLE: Duration = Duration::from_secs(3600);
/// Nothing that is asked for at once is longer.
const MOST: usize = 1 << 20;

/// The line, as the board's console uses it while the guest runs.
pub struct LineConsole<L> {
    line: L,
    input: VecDeque<u8>,
    broken: Option<MachineError>,
}

impl<L> std::fmt::Debug for LineConsole<L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LineConsole").field("broken", &self.broken).finish_non_exhaustive()
    }
}

impl<L: Line> LineConsole<L> {
    /// Shares a line between the board's console and [`serve`].
    #[must_use]
    pub fn new(line: L) -> Rc<RefCell<Self>> {
        Rc::new(RefCell::new(Self { line, input: VecDeque::new(), broken: None }))
    }

    fn send(&mut self, message: &Message) -> Result<(), MachineError> {
        let text = serde_json::to_string(message).map_err(|error| unexpected(error.to_string()))?;
        self.line.send(&text)
    }

    /// Receives a request that is no input.
    fn request(&mut self, until: Instant) -> Result<Option<Request>, MachineError> {
        while let Some(text) = self.line.receive(until)? {
            match serde_json::from_str(&text).map_err(|error| unexpected(format!("{error}: {text}")))? {
                Request::Input(Bytes(bytes)) => self.input.extend(bytes),
                other => return Ok(Some(other)),
            }
        }
        Ok(None)
    }
}

fn unexpected(what: String) -> MachineError {
    MachineError::lost(RemoteError::Unexpected(what))
}

impl<L: Line> Console for Rc<RefCell<LineConsole<L>>> {
    fn write(&mut self, bytes: &[u8]) {
        let mut line = self.borrow_mut();
        if let Err(error) = line.send(&Message::Console(Bytes(bytes.to_vec()))) {
            line.broken.get_or_insert(error);
        }
    }

    fn read(&mut self) -> Option<u8> {
        let mut line = self.borrow_mut();
        if line.input.is_empty() && line.broken.is_none() {
            match line.request(Instant::now()) {
                Ok(None) => {}
                // The debugger waits for the guest to stop, and asks for nothing meanwhile.
                Ok(Some(request)) => line.broken = Some(unexpected(format!("{request:?}"))),
                Err(error) => line.broken = Some(error),
            }
        }
        line.input.pop_front()
    }
}

/// Answers requests until the debugger is done. `board` is made with the line as its console, and comes with what it stands on; what
/// it failed with is told.
///
/// # Errors
///
/// When the line breaks.
pub fn serve<L: Line, D: Debuggee>(
    line: &Rc<RefCell<LineConsole<L>>>,
    board: Result<(D, String), OpenError>,
) -> Result<(), MachineError> {
    let (mut board, host) = match board {
        Ok(board) => board,
        Err(why) => return line.borrow_mut().send(&why.into()),
    };
    line.borrow_mut().send(&Message::Ready(host))?;
    loop {
        let request = line.borrow_mut().request(Instant::now() + IDLE)?;
        let message = match request {
            None => continue,
            Some(Request::End) => return Ok(()),
            Some(request) => answer(&mut board, request).unwrap_or_else(|error| Message::Failed(error.into())),
        };
        let mut line = line.borrow_mut();
        if let Some(error) = line.broken.take() {
            return Err(error);
        }
        line.send(&message)?;
    }
}

fn answer(board: &mut impl Debuggee, request: Request) -> Result<Message, DebuggeeError> {
    let after = |micros| {
        let now = Instant::now();
        now.checked_add(Duration::from_micros(micros)).unwrap_or(now + IDLE)
    };
    let done = |()| Message::Done;
    Ok(match request {
        Request::Cpus => Message::Value(board.cpus() as u128),
        Request::Register(cpu, number) => Message::Value(board.register(cpu, register(number)?)?.into()),
        Request::SetRegister(cpu, number, value) => board.set_register(cpu, register(number)?, value).map(done)?,
        Request::FloatRegister(cpu, number) => Message::Value(board.float_register(cpu, float_register(number)?)?),
        Request::SetFloatRegister(cpu, number, value) => {
            board.set_float_register(cpu, float_register(number)?, value).map(done)?
        }
        Request::Read(cpu, va, count) => {
            let mut bytes = vec![0; checked(count)?];
            board.read(cpu, va, &mut bytes)?;
            Message::Bytes(Bytes(bytes))
        }
        Request::Write(cpu, va, Bytes(bytes)) => board.write(cpu, va, &bytes).map(done)?,
        Request::Tags(cpu, va, count) => {
            let mut tags = vec![Tag::ZERO; checked(count)?];
            board.tags(cpu, va, &mut tags)?;
            Message::Bytes(of_tags(&tags))
        }
        Request::SetTags(cpu, va, Bytes(bytes)) => {
            let tags: Vec<Tag> = bytes.into_iter().map(Tag::truncate).collect();
            board.set_tags(cpu, va, &tags).map(done)?
        }
        Request::SetBreakpoint(va) => board.set_breakpoint(va).map(done)?,
        Request::ClearBreakpoint(va) => board.clear_breakpoint(va).map(done)?,
        Request::Step(cpu, micros) => Message::Stopped(board.step(cpu, after(micros))?.into()),
        Request::Resume(micros) => Message::Stopped(board.resume(after(micros))?.into()),
        Request::Input(_) | Request::End => Message::Failed(Failure::Lost(format!("{request:?} has no answer"))),
    })
}

fn register(number: u16) -> Result<Register, MachineError> {
    Register::from_number(number).ok_or_else(|| unexpected(format!("register {number}")))
}

fn float_register(number: u16) -> Result<FloatRegister, MachineError> {
    FloatRegister::from_number(number).ok_or_else(|| unexpected(format!("register {number}")))
}

fn checked(count: usize) -> Result<usize, MachineError> {
    if count <= MOST { Ok(count) } else { Err(unexpected(format!("a request for {count} bytes"))) }
}
