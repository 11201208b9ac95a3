//! A port for gdb or lldb, for every command that lets a debugger in.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};

use super::error::CliError;
use machine::debuggee::{Debuggee, DebuggeeError, HostCalls};

/// Listens for a debugger of this machine; 0 takes a free port. Returns the port, too.
///
/// # Errors
///
/// When the port cannot be had.
pub fn listen(port: u16) -> Result<(TcpListener, u16), CliError> {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .and_then(|listener| listener.local_addr().map(|address| (listener, address.port())));
    bound.map_err(|error| {
        CliError::Usage(format!("--gdb {port}: the port cannot be taken: {error}; 0 takes a free one"))
    })
}

/// A guest that calls nobody.
#[derive(Debug, Default)]
pub struct NoCalls(BTreeSet<u64>);

impl HostCalls for NoCalls {
    fn addresses(&self) -> &BTreeSet<u64> {
        &self.0
    }

    fn serve(&mut self, _debuggee: &mut dyn Debuggee, _cpu: usize) -> Result<Option<u32>, DebuggeeError> {
        Ok(None)
    }
}
