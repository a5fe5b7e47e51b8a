//! The config file of an instance, `openclaw.json`: read as JSON5, edited without losing comments or unknown keys, and
//! checked against the schemas of both OpenClaw releases.
//!
//! Nothing here writes: the text of a changed [`document::ConfigDocument`] is written by [`crate::apply`].

pub(crate) mod agent_id;
pub(crate) mod assign;
pub(crate) mod backup;
mod broken;
pub(crate) mod channels;
pub mod dialect;
pub(crate) mod diff;
pub mod document;
pub(crate) mod edit;
pub mod effective;
pub(crate) mod error;
pub(crate) mod include;
pub mod judge;
pub mod key_path;
mod load;
mod port;
mod reader;
pub mod release;
mod rewrite;
pub mod schema;
pub mod secrets;
pub(crate) mod variables;

pub(crate) use broken::broken_error;
pub(crate) use include::{effective, effective_or_own};
pub(crate) use load::{LoadedConfig, load, parse_bytes};
pub(crate) use port::base_port;
pub use reader::parse_value;
