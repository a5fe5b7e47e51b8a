//! `openclaw.json` as a document: read as JSON5, edited without losing what is not ours, judged by the
//! rules of both OpenClaw releases.
//!
//! Nothing here writes: a changed [`document::ConfigDocument`] is text that [`crate::apply`] puts in place.

use std::path::Path;

use serde_json::Value;

use crate::host::read::{self, ReadError};

pub mod assign;
pub mod backup;
pub mod dialect;
pub mod diff;
pub mod document;
pub mod fault;
pub mod include;
pub mod key_path;
pub mod schema;
pub mod secrets;
pub mod variables;

mod reader;
mod rewrite;

use document::ConfigDocument;
use fault::ConfigError;

pub use include::effective;
pub use reader::value as parse_value;

/// What stands at a config's path.
#[derive(Clone, Debug)]
pub enum LoadedConfig {
    /// Nothing.
    Missing,
    /// A config that can be read. Its bytes are [`ConfigDocument::text`].
    Ok(ConfigDocument),
    /// Something that can't be used as a config.
    Broken(ConfigError),
}

/// Reads the config at a path, links followed.
pub fn load(path: &Path) -> LoadedConfig {
    match read::bytes(path) {
        Ok(bytes) => match parse_bytes(bytes) {
            Ok(document) => LoadedConfig::Ok(document),
            Err(fault) => LoadedConfig::Broken(fault),
        },
        Err(ReadError::Missing) => LoadedConfig::Missing,
        Err(error) => LoadedConfig::Broken(error.into()),
    }
}

/// A config from the bytes of its file.
pub fn parse_bytes(bytes: Vec<u8>) -> Result<ConfigDocument, ConfigError> {
    let text = String::from_utf8(bytes)
        .map_err(|e| ConfigError::not_text(e.as_bytes(), e.utf8_error().valid_up_to()))?;
    ConfigDocument::parse_owned(text)
}

/// `gateway.port`, where it is one: a whole number from 1 to 65535.
pub fn base_port(config: &Value) -> Option<u16> {
    port(config.pointer("/gateway/port")?)
}

/// A port, where the value is one.
pub fn port(value: &Value) -> Option<u16> {
    let number = value.as_u64().or_else(|| {
        let number = value.as_f64().filter(|n| n.fract() == 0.0)?;
        format!("{number}").parse().ok()
    })?;
    u16::try_from(number).ok().filter(|port| *port > 0)
}
