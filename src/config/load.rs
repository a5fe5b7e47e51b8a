//! Reads a config from the disk.

use std::path::Path;

use super::document::ConfigDocument;
use super::error::ConfigError;
use crate::host::read::{self, ReadError};

/// The result of reading the config at a path.
#[derive(Clone, Debug)]
pub(crate) enum LoadedConfig {
    /// No file exists at the path.
    Missing,
    /// The file is a config. Its bytes are [`ConfigDocument::text`].
    Ok(ConfigDocument),
    /// The file can't be read or parsed as a config.
    Broken(ConfigError),
}

/// Reads the config at a path. Links are followed.
pub(crate) fn load(path: &Path) -> LoadedConfig {
    match read::bytes(path) {
        Ok(bytes) => match parse_bytes(bytes) {
            Ok(document) => LoadedConfig::Ok(document),
            Err(error) => LoadedConfig::Broken(error),
        },
        Err(ReadError::Missing) => LoadedConfig::Missing,
        Err(error) => LoadedConfig::Broken(error.into()),
    }
}

/// Parses the bytes of a config's file.
///
/// # Errors
/// When they are no UTF-8, no JSON5, or no object.
pub(crate) fn parse_bytes(bytes: Vec<u8>) -> Result<ConfigDocument, ConfigError> {
    let text = String::from_utf8(bytes)
        .map_err(|e| ConfigError::not_utf8(e.as_bytes(), e.utf8_error().valid_up_to()))?;
    ConfigDocument::parse_owned(text)
}
