//! The program `granule`: a command line, or PID 1 of the Linux that such a command line booted.

use std::process::ExitCode;

use granule_cli::cli;
use nested::inner;

fn main() -> ExitCode {
    if inner::is_inner() {
        inner::run(cli::inner_suite);
    }
    cli::main()
}
