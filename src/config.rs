//! The config file of an instance, `openclaw.json`: read as JSON5, edited without losing comments or unknown keys, and
//! checked against the schemas of both OpenClaw releases.
//!
//! Nothing here writes: the text of a changed [`document::ConfigDocument`] is written by [`crate::apply`].

pub mod assign;
pub mod backup;
mod broken;
pub mod dialect;
pub mod diff;
pub mod document;
pub mod error;
pub mod include;
pub mod judge;
pub mod key_path;
mod load;
mod port;
mod reader;
pub mod release;
mod rewrite;
pub mod schema;
pub mod secrets;
pub mod variables;

pub use broken::broken_error;
pub use include::effective;
pub use load::{LoadedConfig, load, parse_bytes};
pub use port::base_port;
pub use reader::parse_value;
