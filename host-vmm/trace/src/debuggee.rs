//! The specification in a debugger's hands: a program runs on the model, and stands between its instructions.
//!
//! The model runs in a thread of its own and is called back there ([`watch::visit`]); [`ModelDebuggee`] sends it what is to be looked at
//! or changed. When it is dropped, the program goes on alone.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Instant;

use abi::mailbox::SysReg;
use abi::map::{self, GUEST_PAGE};
use arch::{GRANULE_BYTES, Tag};
use machine::debuggee::{Debuggee, DebuggeeError, FloatRegister, Register, Stop, SystemRegister};
use machine::{Deadline, Explain, MachineError};
use model::cpu::watch::{self, Standing};
use modelled::Settings;
use program::Program;

use super::Trace;

/// Bytes that share a tag.
const GRANULE: u64 = GRANULE_BYTES as u64;

/// The one vCPU.
const CPU: usize = 0;
const BREAKPOINT: Stop = Stop::Breakpoint { cpu: CPU };

/// Something to do where the model stands.
type Look = Box<dyn FnOnce(&mut Standing<'_, '_, '_>) + Send>;

/// What the model is told while it stands.
enum Order {
    Look(Look),
    Go(Go),
}

/// How it is to go on.
#[derive(Clone, Debug)]
struct Go {
    stepping: bool,
    breakpoints: Arc<BTreeSet<u64>>,
    deadline: Instant,
}

/// The model's end of the line.
struct Seat {
    orders: Receiver<Order>,
    stops: SyncSender<Stop>,
    /// How it goes now; `None` before the first instruction.
    going: Option<Go>,
    /// Nobody looks any more.
    alone: bool,
}

impl Seat {
    fn visit(&mut self, standing: &mut Standing<'_, '_, '_>) {
        if self.alone {
            return;
        }
        let mut stop = self.stop(standing);
        while let Some(reason) = stop.take() {
            self.alone = self.stops.send(reason).is_err();
            while !self.alone {
                match self.orders.recv() {
                    Ok(Order::Look(look)) => look(standing),
                    Ok(Order::Go(go)) => {
                        // A breakpoint where it stands stops it at once, unless this is a step; an exception is left behind.
                        let stays = !go.stepping && !standing.excepted() && go.breakpoints.contains(&standing.cpu().pc);
                        stop = stays.then_some(BREAKPOINT);
                        self.going = Some(go);
                        break;
                    }
                    Err(_) => self.alone = true,
                }
            }
        }
    }

    /// Returns why it stops here, if it does.
    fn stop(&self, standing: &mut Standing<'_, '_, '_>) -> Option<Stop> {
        let Some(go) = &self.going else { return Some(Stop::Stepped) };
        if standing.excepted() {
            (!is_end(standing)).then_some(Stop::Exception { cpu: CPU })
        } else if go.stepping {
            Some(Stop::Stepped)
        } else if go.breakpoints.contains(&standing.cpu().pc) {
            Some(BREAKPOINT)
        } else {
            (Instant::now() >= go.deadline).then_some(Stop::TimedOut)
        }
    }
}

/// Whether this is the instruction that ends a block.
fn is_end(standing: &mut Standing<'_, '_, '_>) -> bool {
    let end = standing.block().words().len().saturating_sub(1) as u64;
    standing.cpu().pc == map::code_va(standing.number()) + 4 * end
}

/// What a program did, or why it could not be run.
pub type Finished = Result<Trace, MachineError>;

/// A program that runs on the specification and stands between two instructions. Its one vCPU is that whose block runs, and has no vectors:
/// an exception stops it ([`Stop::Exception`]), and it goes on behind the instruction.
#[derive(Debug)]
pub struct ModelDebuggee {
    orders: SyncSender<Order>,
    stops: Receiver<Stop>,
    thread: JoinHandle<Finished>,
    breakpoints: Arc<BTreeSet<u64>>,
    ended: bool,
}

/// The thread of the model has ended, and not by its program.
#[derive(Debug, thiserror::Error)]
#[error("the specification broke off")]
struct Gone;

impl Explain for Gone {
    fn remedy(&self) -> Option<std::borrow::Cow<'static, str>> {
        Some(machine::error::REPORT_IF_REPEATED.into())
    }
}

fn gone() -> DebuggeeError {
    MachineError::lost(Gone).into()
}

impl ModelDebuggee {
    /// Starts a program, which comes to stand in front of its first instruction.
    ///
    /// # Errors
    ///
    /// When there can be no such thread.
    pub fn start(program: Program, settings: Settings) -> Result<Self, std::io::Error> {
        let (orders, seat_orders) = sync_channel(0);
        let (seat_stops, stops) = sync_channel(0);
        let thread = std::thread::Builder::new().name("specification".to_owned()).spawn(move || {
            let mut seat = Seat { orders: seat_orders, stops: seat_stops, going: None, alone: false };
            watch::visit(Box::new(move |standing| seat.visit(standing)), || {
                super::trace(&program, settings, Deadline::NEVER)
            })
        })?;
        let ended = stops.recv().is_err();
        Ok(Self { orders, stops, thread, breakpoints: Arc::default(), ended })
    }

    /// Lets the program run to its end, and returns what it did.
    ///
    /// # Errors
    ///
    /// When the specification cannot run it.
    pub fn finish(self) -> Finished {
        let Self { orders, stops, thread, .. } = self;
        drop((orders, stops));
        thread.join().unwrap_or_else(|_| Err(MachineError::lost(Gone)))
    }

    /// Does something where the program stands, or stood last.
    fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&mut Standing<'_, '_, '_>) -> T + Send + 'static,
    ) -> Result<T, DebuggeeError> {
        let (answer, answered) = sync_channel(1);
        let look: Look = Box::new(move |standing| {
            // Nobody waits for it if the debuggee has gone meanwhile.
            let _ = answer.send(look(standing));
        });
        self.orders.send(Order::Look(look)).map_err(|_| gone())?;
        answered.recv().map_err(|_| gone())
    }

    fn go(&mut self, stepping: bool, deadline: Instant) -> Result<Stop, DebuggeeError> {
        if self.ended {
            return Ok(Stop::Off);
        }
        let go = Go { stepping, breakpoints: Arc::clone(&self.breakpoints), deadline };
        self.orders.send(Order::Go(go)).map_err(|_| gone())?;
        match self.stops.recv() {
            Ok(stop) => Ok(stop),
            Err(_) => {
                self.ended = true;
                Ok(Stop::Off)
            }
        }
    }
}

/// The parts of a range, a page at most each: address and place among the bytes.
fn pages(va: u64, bytes: u64) -> impl Iterator<Item = (u64, Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = va.wrapping_add(done);
        let part = (GUEST_PAGE - at % GUEST_PAGE).min(bytes - done);
        let range = done as usize..(done + part) as usize;
        done += part;
        (part > 0).then_some((at, range))
    })
}

fn of_block(register: SystemRegister) -> Option<SysReg> {
    Some(match register {
        SystemRegister::SctlrEl1 => SysReg::Sctlr,
        SystemRegister::TcrEl1 => SysReg::Tcr,
        SystemRegister::TfsrEl1 => SysReg::Tfsr,
        SystemRegister::Tfsre0El1 => SysReg::Tfsre0,
        SystemRegister::GcrEl1 => SysReg::Gcr,
        SystemRegister::RgsrEl1 => SysReg::Rgsr,
        _ => return None,
    })
}

fn read_register(standing: &mut Standing<'_, '_, '_>, register: Register) -> Option<u64> {
    let cpu = standing.cpu();
    Some(match register {
        Register::X(n) => *cpu.x.get(usize::from(n))?,
        Register::Sp => cpu.sp,
        Register::Pc => cpu.pc,
        Register::Pstate => cpu.pstate(),
        Register::System(SystemRegister::EsrEl1) => cpu.sys.esr,
        Register::System(SystemRegister::FarEl1) => cpu.sys.far,
        Register::System(SystemRegister::ElrEl1) => cpu.sys.elr,
        Register::System(SystemRegister::SpsrEl1) => cpu.sys.spsr,
        Register::System(other) => cpu.sys.program()[of_block(other)? as usize],
    })
}

fn write_register(standing: &mut Standing<'_, '_, '_>, register: Register, value: u64) -> Option<()> {
    if let Register::System(system) = register
        && let Some(register) = of_block(system)
    {
        return standing.write(register, value).ok();
    }
    let excepted = standing.excepted();
    let cpu = standing.cpu();
    match register {
        Register::X(n) => *cpu.x.get_mut(usize::from(n))? = value,
        Register::Sp => cpu.sp = value,
        // The executor knows where it goes on from ELR_EL1 and SPSR_EL1.
        Register::Pc | Register::Pstate if excepted => return None,
        Register::Pc => cpu.pc = value,
        Register::Pstate => cpu.set_pstate(value),
        // What the exception has left, and the model would not look at.
        Register::System(_) => return None,
    }
    Some(())
}

impl Debuggee for ModelDebuggee {
    fn cpus(&self) -> usize {
        1
    }

    fn register(&mut self, _cpu: usize, register: Register) -> Result<u64, DebuggeeError> {
        let value = self.look(move |standing| read_register(standing, register))?;
        value.ok_or(DebuggeeError::NoRegister(register))
    }

    fn set_register(&mut self, _cpu: usize, register: Register, value: u64) -> Result<(), DebuggeeError> {
        let written = self.look(move |standing| write_register(standing, register, value))?;
        written.ok_or(DebuggeeError::NoRegister(register))
    }

    fn float_register(&mut self, _cpu: usize, register: FloatRegister) -> Result<u128, DebuggeeError> {
        self.look(move |standing| {
            let cpu = standing.cpu();
            match register {
                FloatRegister::V(n) => {
                    let [low, high] = cpu.v[usize::from(n) % cpu.v.len()];
                    u128::from(high) << 64 | u128::from(low)
                }
                FloatRegister::Fpsr => cpu.fpsr.into(),
                FloatRegister::Fpcr => cpu.fpcr.into(),
            }
        })
    }

    fn set_float_register(&mut self, _cpu: usize, register: FloatRegister, value: u128) -> Result<(), DebuggeeError> {
        self.look(move |standing| {
            let cpu = standing.cpu();
            match register {
                FloatRegister::V(n) => {
                    let count = cpu.v.len();
                    cpu.v[usize::from(n) % count] = [value as u64, (value >> 64) as u64];
                }
                FloatRegister::Fpsr => cpu.fpsr = value as u64,
                FloatRegister::Fpcr => cpu.fpcr = value as u64,
            }
        })
    }

    fn read(&mut self, _cpu: usize, va: u64, buffer: &mut [u8]) -> Result<(), DebuggeeError> {
        let mut bytes = vec![0; buffer.len()];
        let read = self.look(move |standing| {
            for (at, range) in pages(va, bytes.len() as u64) {
                let (ipa, _) = standing.place(at)?;
                standing.read(ipa, &mut bytes[range]).ok()?;
            }
            Some(bytes)
        })?;
        buffer.copy_from_slice(&read.ok_or(DebuggeeError::Unmapped { va })?);
        Ok(())
    }

    fn write(&mut self, _cpu: usize, va: u64, bytes: &[u8]) -> Result<(), DebuggeeError> {
        let bytes = bytes.to_vec();
        let written = self.look(move |standing| {
            for (at, range) in pages(va, bytes.len() as u64) {
                let (ipa, _) = standing.place(at).filter(|(ipa, _)| !is_code(*ipa))?;
                standing.write_memory(ipa, &bytes[range]).ok()?;
            }
            Some(())
        })?;
        written.ok_or(DebuggeeError::Unmapped { va })
    }

    fn tags(&mut self, _cpu: usize, va: u64, tags: &mut [Tag]) -> Result<(), DebuggeeError> {
        let (va, count) = (va & !(GRANULE - 1), tags.len() as u64);
        let read = self.look(move |standing| -> Result<Vec<Tag>, DebuggeeError> {
            let granules = (0..count).map(|n| va.wrapping_add(n * GRANULE));
            granules.map(|at| tagged(standing, at).and_then(|ipa| tag_error(at, standing.tag(ipa)))).collect()
        })?;
        let read = read?;
        tags.copy_from_slice(&read);
        Ok(())
    }

    fn set_tags(&mut self, _cpu: usize, va: u64, tags: &[Tag]) -> Result<(), DebuggeeError> {
        let (va, tags) = (va & !(GRANULE - 1), tags.to_vec());
        self.look(move |standing| {
            for (n, tag) in tags.into_iter().enumerate() {
                let at = va.wrapping_add(n as u64 * GRANULE);
                let ipa = tagged(standing, at)?;
                tag_error(at, standing.set_tag(ipa, tag))?;
            }
            Ok(())
        })?
    }

    fn set_breakpoint(&mut self, va: u64) -> Result<(), DebuggeeError> {
        Arc::make_mut(&mut self.breakpoints).insert(va);
        Ok(())
    }

    fn clear_breakpoint(&mut self, va: u64) -> Result<(), DebuggeeError> {
        Arc::make_mut(&mut self.breakpoints).remove(&va);
        Ok(())
    }

    fn step(&mut self, _cpu: usize, deadline: Instant) -> Result<Stop, DebuggeeError> {
        self.go(true, deadline)
    }

    fn resume(&mut self, deadline: Instant) -> Result<Stop, DebuggeeError> {
        self.go(false, deadline)
    }
}

/// Whether the words of a block are here: the model has decoded them already.
fn is_code(ipa: u64) -> bool {
    let end = map::CODE_BASE + map::CODE_STRIDE * map::MAX_CPUS as u64;
    (map::CODE_BASE..end).contains(&ipa)
}

/// Returns where a granule is that has a tag.
fn tagged(standing: &Standing<'_, '_, '_>, va: u64) -> Result<u64, DebuggeeError> {
    match standing.place(va) {
        Some((ipa, true)) => Ok(ipa),
        Some((_, false)) => Err(DebuggeeError::NotTagged { va }),
        None => Err(DebuggeeError::Unmapped { va }),
    }
}

fn tag_error<T>(va: u64, result: Result<T, model_base::memory::NoMemory>) -> Result<T, DebuggeeError> {
    result.map_err(|_| DebuggeeError::Unmapped { va })
}

#[cfg(test)]
mod tests;
