//! The entry point of the program: it passes the surroundings of the process to the library and returns its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    openclaw::run(&openclaw::host::Host::from_process())
}
