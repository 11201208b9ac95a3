//! Somebody's image on this Linux's KVM, for the debugger outside.

use std::rc::Rc;

use board::kvm_board::{Config, KvmBoard};
use board::remote::{LineConsole, serve};
use exec::image::Image;
use machine::target::OpenError;

use super::terminal_line::TerminalLine;
use super::{BoardOptions, broken};
use crate::program_of;

/// Serves a board until nobody asks any more. Errors become a closing event.
pub fn run(options: &BoardOptions, image: &[u8]) {
    let line = match TerminalLine::open() {
        Ok(line) => LineConsole::new(line),
        Err(error) => return broken(&format!("the console of the inner Linux cannot be read: {error}")),
    };
    let board = make(options, image, Box::new(Rc::clone(&line)));
    if let Err(error) = serve(&line, board) {
        broken(&error.to_string());
    }
}

fn make(
    options: &BoardOptions,
    image: &[u8],
    console: Box<dyn board::console::Console>,
) -> Result<(KvmBoard, String), OpenError> {
    let memory = u64::from(options.memory_mib) << 20;
    let host = kvm::probe::host()
        .map_err(|missing| OpenError::Unavailable { reason: missing.reason, remedy: missing.remedy })?;
    let image = Image::parse(image, memory).map_err(|error| OpenError::Broken {
        reason: error.to_string(),
        remedy: machine::error::REPORT_IF_REPEATED.to_owned(),
    })?;
    let config = Config { memory, arguments: &options.arguments };
    let board =
        KvmBoard::new(&host, &program_of(&image), config, console).map_err(|error| OpenError::broken(&error))?;
    Ok((board, format!("Linux {}, {}", host.kernel, host.mode)))
}
