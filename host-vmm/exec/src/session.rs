//! The loop that runs an image: what stops it, what of that is reported, and how it ends.
//!
//! # How faults are seen
//!
//! The image does not help. Where it sets VBAR_EL1 (the words `msr vbar_el1, xN` of its executable segments) are breakpoints; behind them
//! VBAR_EL1 is read, and the entries of synchronous exceptions get breakpoints. So do those of the VBAR_EL1 with which it begins: an
//! exception before it has vectors is an error, of whatever kind it is. VBAR_EL1 is also read a few times a second, in case that an
//! instruction which sets it was not found, since the image has moved itself or made code.
//!
//! At an entry all registers are those of the instruction that faulted, and ESR_EL1, FAR_EL1 and ELR_EL1 are exact. An exception that is not a
//! tag check fault passes without a word.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::rc::Rc;
use std::time::{Duration, Instant};

use arch::{ExceptionClass, Syndrome};
use machine::Deadline;
use machine::debuggee::{Debuggee, DebuggeeError, HostCalls, Register, Stop, SystemRegister};

use crate::console::SharedConsole;
use crate::image::Image;
use crate::report::{self, BreakReport, EndKind, Ended, Event, system};
use crate::semihosting::Semihosting;
use crate::vectors::{self, Vectors};

/// How often the vectors are read, at least.
const LOOK: Duration = Duration::from_millis(250);
/// A step takes no longer.
const STEP: Duration = Duration::from_secs(20);
/// Faults that are reported in full; more are counted.
pub const REPORTED: u64 = 32;
/// How often a breakpoint is reported before it is taken away.
pub const BREAKS: u32 = 32;
/// How often the same exception may be taken with the same registers.
pub const ENDLESS: u32 = 100;
/// `B .`
const BRANCH_TO_ITSELF: u32 = 0x1400_0000;
/// PSTATE.I and F.
const MASKED: u64 = 0b11 << 6;

/// What is to be reported.
#[derive(Clone, Debug)]
pub struct Options {
    /// Ranges whose tags are printed at the end, at breakpoints and at faults.
    pub tags: Vec<Range<u64>>,
    /// Addresses at which registers and tags are printed.
    pub breaks: Vec<u64>,
    /// What semihosting's SYS_GET_CMDLINE answers.
    pub arguments: String,
    /// When it is to be over.
    pub deadline: Deadline,
}

/// Where events go.
pub trait Sink {
    /// Takes an event.
    fn event(&mut self, event: Event);
}

impl<F: FnMut(Event)> Sink for F {
    fn event(&mut self, event: Event) {
        self(event);
    }
}

/// What is run, and how it is looked at.
pub struct Watched<'a> {
    /// The image.
    pub image: &'a Image,
    /// What is to be reported.
    pub options: &'a Options,
    /// The console that the back end prints to.
    pub console: &'a Rc<RefCell<SharedConsole>>,
}

/// Runs an image that is loaded, from where its vCPUs stand to its end.
///
/// # Errors
///
/// When the machine is lost.
pub fn run(debuggee: &mut dyn Debuggee, watched: &Watched<'_>, sink: &mut dyn Sink) -> Result<Ended, DebuggeeError> {
    let mut session = Session::new(debuggee, watched, sink);
    let (how, status) = session.run()?;
    session.end(how, status)
}

/// Reports the end of an image that something else has run.
///
/// # Errors
///
/// When the machine is lost.
pub fn finish(
    debuggee: &mut dyn Debuggee,
    watched: &Watched<'_>,
    (how, status): (EndKind, Option<u32>),
    sink: &mut dyn Sink,
) -> Result<Ended, DebuggeeError> {
    Session::new(debuggee, watched, sink).end(how, status)
}

/// An exception by all that decides what comes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Taken {
    cpu: usize,
    registers: Vec<u64>,
}

struct Session<'a> {
    debuggee: &'a mut dyn Debuggee,
    image: &'a Image,
    options: &'a Options,
    console: &'a Rc<RefCell<SharedConsole>>,
    sink: &'a mut dyn Sink,
    vectors: Vectors,
    writers: BTreeSet<u64>,
    calls: Semihosting,
    /// Addresses at which to report, and how often it was done.
    breaks: BTreeMap<u64, u32>,
    faults: u64,
    /// The last exception that could be endless, and how often it came.
    last: Option<(Taken, u32)>,
    /// Where the vCPUs stood before anything ran: one that still stands there is off.
    initial: BTreeMap<usize, u64>,
}

impl<'a> Session<'a> {
    fn new(debuggee: &'a mut dyn Debuggee, watched: &Watched<'a>, sink: &'a mut dyn Sink) -> Self {
        let Watched { image, options, console } = *watched;
        Self {
            debuggee,
            image,
            options,
            console,
            sink,
            vectors: Vectors::default(),
            writers: vectors::writers(image).into_iter().collect(),
            calls: Semihosting::of(image, &options.arguments, Rc::clone(console)),
            breaks: options.breaks.iter().map(|address| (*address, 0)).collect(),
            faults: 0,
            last: None,
            initial: BTreeMap::new(),
        }
    }

    fn run(&mut self) -> Result<(EndKind, Option<u32>), DebuggeeError> {
        let places: Vec<u64> =
            self.writers.iter().chain(self.calls.addresses()).chain(self.breaks.keys()).copied().collect();
        places.into_iter().try_for_each(|address| self.debuggee.set_breakpoint(address))?;
        for cpu in 0..self.debuggee.cpus() {
            let pc = self.debuggee.register(cpu, Register::Pc)?;
            self.initial.insert(cpu, pc);
            self.read_vectors(cpu)?;
        }
        let mut stop = None;
        loop {
            let now = match stop.take() {
                Some(stop) => stop,
                None => self.debuggee.resume(self.options.deadline.limits(LOOK))?,
            };
            let end = match now {
                Stop::Breakpoint { cpu } => match self.at_breakpoint(cpu)? {
                    Next::Ends(end, status) => Some((end, status)),
                    Next::Goes(next) => {
                        stop = next;
                        None
                    }
                },
                Stop::TimedOut if self.options.deadline.is_over() => Some((EndKind::TimedOut, None)),
                Stop::TimedOut => self.look()?.map(|end| (end, None)),
                Stop::Stepped | Stop::Exception { .. } => None,
                Stop::Off => Some((EndKind::Off, None)),
                Stop::Reset => Some((EndKind::Reset, None)),
                Stop::Exited { status } => Some((EndKind::Exited, Some(status))),
            };
            if let Some(end) = end {
                return Ok(end);
            }
        }
    }

    /// Looks at what has changed while nothing was seen, and whether anything can still come.
    fn look(&mut self) -> Result<Option<EndKind>, DebuggeeError> {
        let (mut on, mut parked) = (0, 0);
        for cpu in 0..self.debuggee.cpus() {
            self.read_vectors(cpu)?;
            let pc = self.debuggee.register(cpu, Register::Pc)?;
            if cpu != 0 && self.initial.get(&cpu) == Some(&pc) {
                continue;
            }
            on += 1;
            let masked = self.debuggee.register(cpu, Register::Pstate)? & MASKED == MASKED;
            parked += u32::from(masked && report::word(self.debuggee, cpu, pc)? == Some(BRANCH_TO_ITSELF));
        }
        Ok((on == parked).then_some(EndKind::Parked))
    }

    /// Watches the entries that VBAR_EL1 names.
    fn read_vectors(&mut self, cpu: usize) -> Result<(), DebuggeeError> {
        let base = system(self.debuggee, cpu, SystemRegister::VbarEl1)?;
        let (unused, new) = self.vectors.set(cpu, base);
        for address in unused {
            if !self.is_ours(address) {
                self.debuggee.clear_breakpoint(address)?;
            }
        }
        new.into_iter().try_for_each(|address| self.debuggee.set_breakpoint(address))
    }

    /// Returns whether a breakpoint is there for another reason than vectors.
    fn is_ours(&self, address: u64) -> bool {
        self.writers.contains(&address)
            || self.calls.addresses().contains(&address)
            || self.breaks.contains_key(&address)
    }

    fn at_breakpoint(&mut self, cpu: usize) -> Result<Next, DebuggeeError> {
        let pc = self.debuggee.register(cpu, Register::Pc)?;
        if self.breaks.contains_key(&pc) {
            self.report_break(cpu, pc)?;
        }
        if self.vectors.is_entry(cpu, pc)
            && let Some(end) = self.at_vector(cpu)?
        {
            return Ok(Next::Ends(end, None));
        }
        if self.calls.addresses().contains(&pc) {
            let status = self.calls.serve(self.debuggee, cpu)?;
            return Ok(status.map_or(Next::Goes(None), |status| Next::Ends(EndKind::Exited, Some(status))));
        }
        let stepped = self.debuggee.step(cpu, Instant::now() + STEP)?;
        if self.writers.contains(&pc) {
            self.read_vectors(cpu)?;
        }
        Ok(Next::Goes(Some(stepped).filter(|stop| stop.is_end())))
    }

    /// Looks at an exception. Returns the end that it is.
    fn at_vector(&mut self, cpu: usize) -> Result<Option<EndKind>, DebuggeeError> {
        let esr = Syndrome::from_bits(system(self.debuggee, cpu, SystemRegister::EsrEl1)?);
        let elr = system(self.debuggee, cpu, SystemRegister::ElrEl1)?;
        // Vectors at 0 are none: it is where VBAR_EL1 is before the image sets it, and no RAM is there.
        let nowhere = self.vectors.base(cpu) == Some(0);
        let again = self.times(cpu, esr, elr)?;
        if esr.is_tag_check_fault() {
            self.faults += 1;
        }
        if again == 1
            && (esr.is_tag_check_fault() && self.faults <= REPORTED || nowhere && !self.vectors.contains(cpu, elr))
        {
            let fault = report::fault(self.debuggee, cpu, self.image)?;
            self.sink.event(Event::Fault(Box::new(fault)));
            if nowhere {
                self.note("VBAR_EL1 is 0, so the image has no vectors: what it does from here on means nothing");
            }
            self.print_tags()?;
        }
        if self.faults == REPORTED + 1 && esr.is_tag_check_fault() {
            self.note("further tag check faults are counted and not shown");
        }
        Ok((again >= ENDLESS).then_some(EndKind::Endless))
    }

    /// Returns how often this exception was taken in a row, with all registers as they are now.
    fn times(&mut self, cpu: usize, esr: Syndrome, elr: u64) -> Result<u32, DebuggeeError> {
        // What is asked for may be asked for again and again.
        if matches!(esr.class(), ExceptionClass::SVC64 | ExceptionClass::HVC64) {
            self.last = None;
            return Ok(1);
        }
        let mut registers = vec![esr.bits(), elr, system(self.debuggee, cpu, SystemRegister::FarEl1)?];
        for register in (0..31).map(Register::X).chain([Register::Sp]) {
            registers.push(self.debuggee.register(cpu, register)?);
        }
        let taken = Taken { cpu, registers };
        let times = match self.last.take() {
            Some((last, times)) if last == taken => times + 1,
            _ => 1,
        };
        self.last = Some((taken, times));
        Ok(times)
    }

    fn report_break(&mut self, cpu: usize, pc: u64) -> Result<(), DebuggeeError> {
        let at = report::place(self.debuggee, cpu, pc, self.image)?;
        let registers = report::registers(self.debuggee, cpu)?;
        self.sink.event(Event::Break(Box::new(BreakReport { cpu, at, registers })));
        self.print_tags()?;
        let times = self.breaks.entry(pc).or_default();
        *times += 1;
        if *times == BREAKS {
            self.breaks.remove(&pc);
            if !self.is_ours(pc) && !self.vectors.is_entry(cpu, pc) {
                self.debuggee.clear_breakpoint(pc)?;
            }
            self.note(&format!("the breakpoint at {pc:#x} was reached {BREAKS} times, and is taken away"));
        }
        Ok(())
    }

    fn print_tags(&mut self) -> Result<(), DebuggeeError> {
        for range in &self.options.tags {
            let tags = report::tag_range(self.debuggee, range, self.image)?;
            self.sink.event(Event::Tags(tags));
        }
        Ok(())
    }

    fn note(&mut self, text: &str) {
        self.sink.event(Event::Note { text: text.to_owned() });
    }

    fn end(&mut self, how: EndKind, status: Option<u32>) -> Result<Ended, DebuggeeError> {
        let mut pending = false;
        for cpu in 0..self.debuggee.cpus() {
            for event in report::asynchronous(self.debuggee, cpu)? {
                pending = true;
                self.sink.event(event);
            }
        }
        self.print_tags()?;
        let printed = self.console.borrow().status();
        let ended = Ended { how, status: status.or(printed), faults: self.faults, pending };
        self.sink.event(Event::Ended(ended.clone()));
        Ok(ended)
    }
}

/// How it goes on behind a breakpoint.
enum Next {
    /// Not at all.
    Ends(EndKind, Option<u32>),
    /// With what came of the step over it, or by running on.
    Goes(Option<Stop>),
}

#[cfg(test)]
mod tests;
