//! All integration tests in one binary, a module per verb: they run the real program in a sandbox.

#![expect(clippy::disallowed_methods, reason = "tests build their own world")]
#![allow(unreachable_pub, reason = "modules of one binary")]

mod support;
#[cfg(target_os = "linux")]
mod terminal;
