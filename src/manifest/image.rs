//! The image of a container, pinned to one version.

use std::sync::LazyLock;

use regex_lite::Regex;

/// Repository of the images of OpenClaw, with one tag for each release.
const OPENCLAW_REPOSITORY: &str = "ghcr.io/openclaw/openclaw";
/// Repository of the image of this program, which `packaging/Containerfile` builds. No server hosts it.
const NATIVE_REPOSITORY: &str = "localhost/openclaw-rs";

/// The pattern of an image reference: a name in lower case, perhaps behind a server, then a tag, a digest, or both.
static REFERENCE: LazyLock<Regex> = LazyLock::new(|| {
    let part = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*";
    let server = r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?/";
    let pattern = format!(
        r"^(?:{server})?{part}(?:/{part})*(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}}))?(?P<digest>@sha256:[0-9a-f]{{64}})?$"
    );
    Regex::new(&pattern).expect("a valid pattern")
});

/// The reference of a container's image, with a tag that is not `latest`, or a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ImageReference {
    /// The reference.
    pub(crate) text: String,
    /// `true` for an image that has to be built on the host, since no server has it.
    pub(super) is_local: bool,
}

impl ImageReference {
    /// Parses the reference of an image as typed; `None` where it is none, or names no version.
    pub(crate) fn parse(typed: &str) -> Option<Self> {
        let found = REFERENCE.captures(typed)?;
        let has_tag = found.name("tag").is_some_and(|tag| tag.as_str() != "latest");
        (has_tag || found.name("digest").is_some()).then(|| Self {
            text: typed.to_owned(),
            is_local: false,
        })
    }

    /// Returns the image of a release of OpenClaw.
    pub(super) fn of_release(version: &str) -> Self {
        Self {
            text: format!("{OPENCLAW_REPOSITORY}:{version}"),
            is_local: false,
        }
    }

    /// Returns the image of this version of this program.
    pub(super) fn of_this_program() -> Self {
        Self {
            text: format!("{NATIVE_REPOSITORY}:{}", env!("CARGO_PKG_VERSION")),
            is_local: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_without_a_version_is_no_reference() {
        let digest = format!("a/b@sha256:{}", "0".repeat(64));
        for typed in [
            "openclaw:1",
            "localhost:5000/a/b:2026.9.6-slim",
            "ghcr.io/a/b:1",
            &digest,
        ] {
            assert_eq!(ImageReference::parse(typed).expect(typed).text, typed);
        }
        for typed in [
            "openclaw",
            "openclaw:latest",
            "localhost:5000/openclaw",
            "a:",
            "A:1",
            "a b:1",
            "a:1\nb",
            "a:1@sha256:12",
            "",
        ] {
            assert_eq!(ImageReference::parse(typed), None, "{typed}");
        }
    }
}
