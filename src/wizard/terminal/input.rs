//! Keys from the keyboard, and the modes of the terminal while they are awaited.
//!
//! From the first question on the terminal echoes nothing, also between two questions: a secret that was
//! typed or pasted too early is shown by nobody. The modes come back when the [`Input`] is dropped, which
//! a panic does too, and from the handler of signals through [`restore`].

#[cfg_attr(unix, path = "input/unix.rs")]
#[cfg_attr(windows, path = "input/windows.rs")]
mod system;

pub(super) use system::{Input, line, listen, rest, restore};
