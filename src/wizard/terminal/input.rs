//! Reads keys, and sets the modes of the terminal for it.
//!
//! From the first question on the terminal echoes nothing, between two questions too: a secret that is typed or pasted
//! too early appears nowhere. The modes are restored when the [`KeyReader`] is dropped, which a panic does too, and
//! from the signal handler through [`restore`].

#[cfg_attr(unix, path = "input/unix.rs")]
#[cfg_attr(windows, path = "input/windows.rs")]
mod system;

pub(super) use system::{
    KeyReader, has_line_within, pause, read_line, restore, set_idle_mode, set_question_mode, suspend,
};
