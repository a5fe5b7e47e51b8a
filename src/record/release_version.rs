//! The version of a release of OpenClaw, as an `instance.toml` and a command line name it. It is also the name of a folder.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Maximum number of characters of a version of OpenClaw; none that was published has more than 20.
const MAX_VERSION_CHARS: usize = 64;

/// The version of a release of OpenClaw from npm, such as `2026.9.6` or `2026.9.6-beta.1`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct ReleaseVersion(String);

/// The reason why a text is no version of OpenClaw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a version of OpenClaw such as \"2026.9.6\"")]
pub(crate) struct ReleaseVersionError;

impl ReleaseVersion {
    /// Parses the version of a release of OpenClaw: three numbers, then perhaps `-` and what comes before a release. Nothing
    /// that could lead out of a folder is one.
    pub(crate) fn parse(text: &str) -> Result<Self, ReleaseVersionError> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        let starts_with_digit = text.starts_with(|c: char| c.is_ascii_digit());
        let is_version = numbers(text).is_some();
        if starts_with_digit && text.len() <= MAX_VERSION_CHARS && text.chars().all(is_plain) && is_version {
            Ok(Self(text.to_owned()))
        } else {
            Err(ReleaseVersionError)
        }
    }

    /// Returns the version of a release of OpenClaw as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether a release of OpenClaw is newer than another.
    pub(crate) fn is_newer_than(&self, other: &str) -> bool {
        numbers(&self.0) > numbers(other)
    }
}

/// Returns the year, month and patch of a version of OpenClaw, whatever follows them.
fn numbers(text: &str) -> Option<[u32; 3]> {
    let numbered = text.split('-').next()?;
    let numbers: Vec<u32> = numbered
        .split('.')
        .map(|part| part.parse().ok())
        .collect::<Option<_>>()?;
    numbers.try_into().ok()
}

impl fmt::Display for ReleaseVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for ReleaseVersion {
    type Error = ReleaseVersionError;

    fn try_from(text: String) -> Result<Self, ReleaseVersionError> {
        Self::parse(&text)
    }
}

impl From<ReleaseVersion> for String {
    fn from(version: ReleaseVersion) -> Self {
        version.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_could_lead_out_of_a_folder_is_no_version() {
        for text in ["2026.9.6", "2026.1.30-2", "2026.9.6-beta.1"] {
            assert_eq!(ReleaseVersion::parse(text).unwrap().as_str(), text);
        }
        for text in [
            "",
            "2026.9",
            "v2026.9.6",
            "../2026.9.6",
            "2026.9.6-/../x",
            "latest",
            "-2026.9.6",
        ] {
            assert_eq!(ReleaseVersion::parse(text), Err(ReleaseVersionError), "{text}");
        }
    }
}
