//! The files of a manifest.

/// A file of a manifest.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ManifestFile {
    /// The name of the file in its folder.
    pub(crate) name: String,
    /// The text of the file.
    pub(crate) text: String,
    /// The text of an env file without its values; `None` where the file holds no secret.
    pub(crate) redacted: Option<String>,
}

impl ManifestFile {
    /// Creates a file of a manifest that holds no secret.
    pub(super) fn plain(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            text: text.into(),
            redacted: None,
        }
    }

    /// Returns whether a file of a manifest holds secrets, so that nobody but its owner may read it and no screen shows it.
    pub(crate) fn holds_secrets(&self) -> bool {
        self.redacted.is_some()
    }

    /// Returns the text of a manifest's file for a screen: an env file without its values.
    pub(crate) fn shown_text(&self) -> &str {
        self.redacted.as_deref().unwrap_or(&self.text)
    }
}
