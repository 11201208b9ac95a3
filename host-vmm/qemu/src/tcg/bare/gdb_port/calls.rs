//! Calls of the guest to its host while a debugger has it: served in front of their instruction, and not shown to the debugger.
//!
//! A step that begins at a call ends behind it.

use std::ops::ControlFlow;
use std::time::Instant;

use machine::debuggee::{Debuggee, DebuggerEnd, Register, Stop};

use super::{GRACE, GdbPort, PortError};

impl GdbPort<'_> {
    /// Sets breakpoints at all calls that have none, or clears them.
    pub(super) fn watch_calls(&mut self, on: bool) -> Result<(), PortError> {
        let calls = self.board.calls.as_ref().map(|calls| calls.addresses().clone()).unwrap_or_default();
        for address in calls {
            match on {
                true => self.board.set_breakpoint(address)?,
                false => self.board.clear_breakpoint(address)?,
            }
        }
        Ok(())
    }

    /// Serves the call at which a vCPU has stopped that ran, and lets it run on; `None` if it is at none, or at one that has a breakpoint of
    /// the debugger's, or has come there by a step.
    pub(super) fn at_call(&mut self, cpu: usize) -> Result<Option<ControlFlow<DebuggerEnd>>, PortError> {
        let pc = self.board.register(cpu, Register::Pc)?;
        if self.is_shown(pc) || is_step(&self.resumed_by) {
            self.select_again()?;
            return Ok(None);
        }
        let Some(served) = self.serve_call(cpu, pc)? else {
            self.select_again()?;
            return Ok(None);
        };
        if served.is_continue() {
            self.select_again()?;
            let request = self.resumed_by.clone();
            self.forward(&request)?;
        }
        Ok(Some(served))
    }

    /// Serves the calls at which vCPUs stand that are about to run. Returns the answer to the debugger's request where that is all of it:
    /// the guest has ended, or the request was a step.
    pub(super) fn before_resume(&mut self, request: &[u8]) -> Result<Option<ControlFlow<DebuggerEnd>>, PortError> {
        self.watch_calls(true)?;
        let mut stepped = None;
        for cpu in 0..self.board.cpus() {
            if self.board.calls.is_none() {
                return Ok(None);
            }
            let pc = self.board.register(cpu, Register::Pc)?;
            match self.serve_call(cpu, pc)? {
                Some(ControlFlow::Break(end)) => return Ok(Some(ControlFlow::Break(end))),
                Some(ControlFlow::Continue(())) => stepped = Some(cpu),
                None => {}
            }
        }
        self.select_again()?;
        match stepped.filter(|_| is_step(request)) {
            Some(cpu) => {
                self.send(format!("T05thread:p01.{:02x};", cpu + 1).as_bytes())?;
                Ok(Some(ControlFlow::Continue(())))
            }
            None => Ok(None),
        }
    }

    /// Serves a call, if there is one.
    fn serve_call(&mut self, cpu: usize, pc: u64) -> Result<Option<ControlFlow<DebuggerEnd>>, PortError> {
        let Some(mut calls) = self.board.calls.take_if(|calls| calls.addresses().contains(&pc)) else {
            return Ok(None);
        };
        let served = calls.serve(self.board, cpu);
        self.board.calls = Some(calls);
        let Some(status) = served? else { return Ok(Some(ControlFlow::Continue(()))) };
        self.send(format!("W{:02x}", status & 0xff).as_bytes())?;
        Ok(Some(ControlFlow::Break(DebuggerEnd::Ended(Stop::Exited { status }))))
    }

    /// Returns whether the debugger itself has a breakpoint here.
    fn is_shown(&self, pc: u64) -> bool {
        let end = format!(",{pc:x},4");
        self.breakpoints.iter().any(|breakpoint| breakpoint.ends_with(end.as_bytes()))
    }

    /// Chooses the vCPU again that the debugger looks at.
    fn select_again(&mut self) -> Result<(), PortError> {
        if !self.selected.is_empty() {
            self.board.debugger.ask_bytes(&self.selected, Instant::now() + GRACE)?;
        }
        Ok(())
    }
}

/// Returns whether a request is to step: `vCont;s…` or `s`.
fn is_step(request: &[u8]) -> bool {
    request.starts_with(b"vCont;s") || request.starts_with(b"vCont;S") || matches!(request.first(), Some(b's' | b'S'))
}
