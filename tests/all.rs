//! All integration tests in one binary, a module per verb: they run the real program in a sandbox.

#![expect(clippy::disallowed_methods, reason = "tests build their own world")]

mod support;
