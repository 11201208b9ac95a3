//! One debugger, from its connection to its end.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use gdbstub::common::Signal;
use gdbstub::conn::Connection;
use gdbstub::stub::state_machine::GdbStubStateMachine;
use gdbstub::stub::{DisconnectReason, GdbStub, GdbStubError, SingleThreadStopReason};
use machine::debuggee::{Debuggee, DebuggeeError, DebuggerEnd, HostCalls, Stop};
use machine::{Explain, MachineError};

use crate::layer::{self, Incoming, Splitter};
use crate::target::{CPU, Guest};

/// How often to look whether a debugger has come.
const WAIT: Duration = Duration::from_millis(20);

/// Why a session ended otherwise than a debugger ends it.
#[derive(Debug, thiserror::Error)]
enum SessionError {
    /// The socket.
    #[error("no debugger can be taken: {0}")]
    Listening(io::Error),
}

impl Explain for SessionError {
    fn remedy(&self) -> Option<std::borrow::Cow<'static, str>> {
        Some("name another port with --gdb".into())
    }
}

/// What the stub says, until it is sent.
#[derive(Debug, Default)]
struct Outgoing(Vec<u8>);

impl Connection for Outgoing {
    type Error = std::convert::Infallible;

    fn write(&mut self, byte: u8) -> Result<(), Self::Error> {
        self.0.push(byte);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

type StubError = GdbStubError<DebuggeeError, std::convert::Infallible>;
/// How a session ends.
type End = Result<DebuggerEnd, DebuggeeError>;
type Stub<'a> = GdbStubStateMachine<'static, Guest<'a>, Outgoing>;

/// Waits for a debugger, and serves it until it goes away or the guest is off. Calls of the guest to its host are served in front of their
/// instructions, and the debugger does not see them.
///
/// # Errors
///
/// When the machine is lost, or no connection can be taken.
pub fn serve(
    board: &mut dyn Debuggee,
    calls: Box<dyn HostCalls>,
    listener: &TcpListener,
    deadline: Instant,
) -> Result<DebuggerEnd, DebuggeeError> {
    let client = accept(listener, deadline).map_err(|error| MachineError::lost(SessionError::Listening(error)))?;
    let Some(client) = client else { return Ok(DebuggerEnd::Ended(Stop::TimedOut)) };
    let mut guest = Guest::new(board, calls)?;
    let mut session = Session { client, splitter: Splitter::default(), acknowledges: true, deadline };
    let end = session.run(&mut guest);
    guest.clear_breakpoints()?;
    end
}

/// Takes a connection. `None` when none came in time.
fn accept(listener: &TcpListener, deadline: Instant) -> io::Result<Option<TcpStream>> {
    listener.set_nonblocking(true)?;
    loop {
        match listener.accept() {
            Ok((client, _)) => {
                client.set_nonblocking(false)?;
                client.set_nodelay(true)?;
                return Ok(Some(client));
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if Instant::now() >= deadline {
                    return Ok(None);
                }
                std::thread::sleep(WAIT);
            }
            Err(error) => return Err(error),
        }
    }
}

/// What came from the debugger.
enum Received {
    Bytes(Vec<u8>),
    Nothing,
    Closed,
}

struct Session {
    client: TcpStream,
    splitter: Splitter,
    /// Whether packets are acknowledged.
    acknowledges: bool,
    deadline: Instant,
}

impl Session {
    fn run(&mut self, guest: &mut Guest<'_>) -> Result<DebuggerEnd, DebuggeeError> {
        let stub = GdbStub::new(Outgoing::default());
        let mut stub = match stub.run_state_machine(guest) {
            Ok(stub) => stub,
            Err(error) => return ended_by(error),
        };
        let mut last = Stop::TimedOut;
        loop {
            if self.send(&mut stub).is_err() {
                return Ok(DebuggerEnd::Detached);
            }
            if Instant::now() >= self.deadline {
                return Ok(DebuggerEnd::Ended(Stop::TimedOut));
            }
            let next = match stub {
                GdbStubStateMachine::Disconnected(stub) => {
                    return Ok(match stub.get_reason() {
                        DisconnectReason::TargetExited(_) | DisconnectReason::TargetTerminated(_) => {
                            DebuggerEnd::Ended(last)
                        }
                        DisconnectReason::Kill => DebuggerEnd::Killed,
                        DisconnectReason::Disconnect => DebuggerEnd::Detached,
                    });
                }
                GdbStubStateMachine::CtrlCInterrupt(stub) => interrupt(stub.into(), guest).map_err(ended_by),
                GdbStubStateMachine::Running(stub) => match self.receive(Duration::ZERO) {
                    Received::Bytes(bytes) => self.hand_on(stub.into(), guest, &bytes),
                    Received::Closed => return Ok(DebuggerEnd::Detached),
                    Received::Nothing => match guest.run(self.deadline)? {
                        None => Ok(stub.into()),
                        Some((stop, reason)) => {
                            last = stop;
                            stub.report_stop(guest, reason).map_err(ended_by)
                        }
                    },
                },
                GdbStubStateMachine::Idle(stub) => {
                    match self.receive(self.deadline.saturating_duration_since(Instant::now())) {
                        Received::Bytes(bytes) => self.hand_on(stub.into(), guest, &bytes),
                        Received::Closed => return Ok(DebuggerEnd::Detached),
                        Received::Nothing => Ok(stub.into()),
                    }
                }
            };
            stub = match next {
                Ok(stub) => stub,
                Err(end) => return end,
            };
        }
    }

    /// Sends what the stub has said.
    fn send(&mut self, stub: &mut Stub<'_>) -> io::Result<()> {
        let bytes = std::mem::take(outgoing(stub));
        Write::write_all(&mut self.client, &bytes)
    }

    /// Receives what there is, waiting for so long at most.
    fn receive(&mut self, wait: Duration) -> Received {
        let mut bytes = vec![0; 4096];
        // No time at all is no timeout to the system.
        let timed = if wait.is_zero() {
            self.client.set_nonblocking(true)
        } else {
            self.client.set_nonblocking(false).and_then(|()| self.client.set_read_timeout(Some(wait)))
        };
        let read = timed.and_then(|()| self.client.read(&mut bytes));
        // Writes wait.
        let restored = self.client.set_nonblocking(false);
        match (read, restored) {
            (Ok(0), _) | (_, Err(_)) => Received::Closed,
            (Ok(count), Ok(())) => {
                bytes.truncate(count);
                Received::Bytes(bytes)
            }
            (Err(error), Ok(()))
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) =>
            {
                Received::Nothing
            }
            (Err(_), Ok(())) => Received::Closed,
        }
    }

    /// Hands to the stub what is for it, and answers the rest.
    fn hand_on<'a>(&mut self, mut stub: Stub<'a>, guest: &mut Guest<'a>, bytes: &[u8]) -> Result<Stub<'a>, End> {
        for byte in bytes {
            match self.splitter.push(*byte) {
                None => {}
                Some(Incoming::Stub(packet)) => stub = feed(stub, guest, &packet).map_err(ended_by)?,
                Some(Incoming::Features(packet)) => {
                    let said = std::mem::take(outgoing(&mut stub));
                    stub = feed(stub, guest, &packet).map_err(ended_by)?;
                    layer::complete_features(outgoing(&mut stub));
                    outgoing(&mut stub).splice(0..0, said);
                }
                Some(Incoming::NoAcknowledgements(packet)) => {
                    stub = feed(stub, guest, &packet).map_err(ended_by)?;
                    self.acknowledges = false;
                }
                Some(Incoming::Request(request)) => {
                    let answer = layer::answer(guest.board(), CPU, &request).map_err(Err)?;
                    let out = outgoing(&mut stub);
                    out.extend(self.acknowledges.then_some(b'+'));
                    out.extend(layer::packet(&answer));
                }
            }
        }
        Ok(stub)
    }
}

/// Lets the stub take bytes.
fn feed<'a>(mut stub: Stub<'a>, guest: &mut Guest<'a>, bytes: &[u8]) -> Result<Stub<'a>, StubError> {
    for byte in bytes {
        let fed = match stub {
            GdbStubStateMachine::Idle(stub) => stub.incoming_data(guest, *byte)?,
            GdbStubStateMachine::Running(stub) => stub.incoming_data(guest, *byte)?,
            other => other,
        };
        stub = interrupt(fed, guest)?;
    }
    Ok(stub)
}

/// Answers an interrupt at once: while the debugger is listened to, the guest stands.
fn interrupt<'a>(stub: Stub<'a>, guest: &mut Guest<'a>) -> Result<Stub<'a>, StubError> {
    match stub {
        GdbStubStateMachine::CtrlCInterrupt(stub) => {
            stub.interrupt_handled(guest, Some(SingleThreadStopReason::Signal(Signal::SIGINT)))
        }
        other => Ok(other),
    }
}

/// Returns what the stub has said, and not yet sent.
fn outgoing<'s>(stub: &'s mut Stub<'_>) -> &'s mut Vec<u8> {
    let connection = match stub {
        GdbStubStateMachine::Idle(stub) => stub.borrow_conn(),
        GdbStubStateMachine::Running(stub) => stub.borrow_conn(),
        GdbStubStateMachine::CtrlCInterrupt(stub) => stub.borrow_conn(),
        GdbStubStateMachine::Disconnected(stub) => stub.borrow_conn(),
    };
    &mut connection.0
}

/// The end of a session by an error: of the machine, or of a debugger that says what cannot be understood.
fn ended_by(error: StubError) -> End {
    match error.into_target_error() {
        Some(error) => Err(error),
        None => Ok(DebuggerEnd::Detached),
    }
}

#[cfg(test)]
mod tests;
