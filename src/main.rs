//! A doorknob: the outside world goes in, an exit code comes out.

use std::process::ExitCode;

fn main() -> ExitCode {
    openclaw::run(&openclaw::host::Host::from_process())
}
