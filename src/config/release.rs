//! The releases of OpenClaw whose config schemas are known, and which of the two is nearer to a version.

use std::fmt;

use super::dialect::{self, Dialect};

/// A release of OpenClaw whose config schema is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// OpenClaw 2026.1.30.
    Early,
    /// OpenClaw 2026.9.6.
    Late,
}

/// The relation of a version of OpenClaw to the known release by which its configs are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// The schema of the version is known, or is older than the known one.
    Known,
    /// The version may know keys that the release does not know: it lies between the two releases, or is newer than
    /// both.
    Nearest,
}

impl Release {
    /// Both OpenClaw releases whose config schema is known, the earlier one first.
    pub const ALL: [Self; 2] = [Self::Early, Self::Late];

    /// Returns the version of a known OpenClaw release.
    pub fn version(self) -> &'static str {
        match self {
            Self::Early => dialect::EARLY_VERSION,
            Self::Late => dialect::LATE_VERSION,
        }
    }

    /// Returns the dialect of configs that are written for an OpenClaw release.
    pub fn dialect(self) -> Dialect {
        match self {
            Self::Early => Dialect::Early,
            Self::Late => Dialect::Late,
        }
    }

    /// Parses the version of an OpenClaw release as typed: whole (`2026.9.6`), or of a known release without the year
    /// (`9.6`). Returns `None` for any other text.
    pub fn parse_version(typed: &str) -> Option<String> {
        let typed = typed.trim();
        let is_short = |release: &Self| {
            let year_and_rest = release.version().split_once('.');
            year_and_rest.is_some_and(|(_, rest)| rest == typed)
        };
        match Self::ALL.into_iter().find(is_short) {
            Some(release) => Some(release.version().to_owned()),
            None => dialect::version_parts(typed).map(|_| typed.to_owned()),
        }
    }

    /// Returns the known OpenClaw release that is nearer in time to a version, the later one where both are equally
    /// near; `None` where the text is not a version.
    pub fn nearest(version: &str) -> Option<(Self, Fit)> {
        let day = day_of(version)?;
        let [early, late] = Self::ALL.map(|release| day_of(release.version()).unwrap_or_default());
        let release = if day.abs_diff(early) < day.abs_diff(late) {
            Self::Early
        } else {
            Self::Late
        };
        let fit = if day <= early || day == late {
            Fit::Known
        } else {
            Fit::Nearest
        };
        Some((release, fit))
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.version())
    }
}

/// Returns a number of days that grows with an OpenClaw version: its last part is a day of the month, or counts the
/// releases of a month.
fn day_of(version: &str) -> Option<u32> {
    let (year, month, patch) = dialect::version_parts(version)?;
    let months = year.checked_mul(12)?.checked_add(month)?;
    months.checked_mul(31)?.checked_add(patch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_release_may_be_typed_without_its_year() {
        let parsed = |typed| Release::parse_version(typed);
        assert_eq!(parsed("9.6").as_deref(), Some("2026.9.6"));
        assert_eq!(parsed("1.30").as_deref(), Some("2026.1.30"));
        assert_eq!(parsed("v2026.4.1").as_deref(), Some("v2026.4.1"));
        for typed in ["9", "4.1", "latest", ""] {
            assert_eq!(parsed(typed), None, "{typed}");
        }
    }

    #[test]
    fn version_is_judged_by_the_release_that_is_nearer_in_time() {
        for (version, expected) in [
            ("2025.12.1", Some((Release::Early, Fit::Known))),
            ("2026.1.30", Some((Release::Early, Fit::Known))),
            ("v2026.1.30-2", Some((Release::Early, Fit::Known))),
            ("2026.2.1", Some((Release::Early, Fit::Nearest))),
            ("2026.5.1", Some((Release::Early, Fit::Nearest))),
            ("2026.6.10", Some((Release::Late, Fit::Nearest))),
            ("2026.9.5", Some((Release::Late, Fit::Nearest))),
            ("2026.9.6", Some((Release::Late, Fit::Known))),
            ("2026.11.2", Some((Release::Late, Fit::Nearest))),
            ("4294967295.1.1", None),
            ("latest", None),
        ] {
            assert_eq!(Release::nearest(version), expected, "{version}");
        }
    }
}
