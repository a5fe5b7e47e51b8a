//! The dialect of a config: the OpenClaw release for which it is written. The strict schemas of the releases refuse each
//! other's keys.

use serde_json::Value;

use super::document::find;
use super::key_path::KeyPath;

/// The schema that a config follows (docs/openclaw.md#config-dialects).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// The schema of OpenClaw 2026.1.30 and earlier releases.
    Early,
    /// The schema of OpenClaw 2026.9.6 and later releases.
    Late,
    /// The keys that both schemas accept, and no others.
    Common,
}

/// Version of the earlier OpenClaw release whose config schema is known.
pub(crate) const EARLY_VERSION: &str = "2026.1.30";
/// Version of the later OpenClaw release whose config schema is known.
pub(crate) const LATE_VERSION: &str = "2026.9.6";
/// Version of the newest OpenClaw release whose config schema is known.
pub(crate) const NEWEST_KNOWN_VERSION: &str = LATE_VERSION;

/// Config keys that one OpenClaw release alone knows, which reveal the dialect of a config
/// (docs/openclaw.md#config-dialects).
const REVEALING_KEYS: [(&str, Dialect); 8] = [
    ("meta.lastTouchedAt", Dialect::Early),
    ("canvasHost", Dialect::Early),
    ("browser.color", Dialect::Early),
    ("gateway.tailscale.resetOnExit", Dialect::Early),
    ("meta.migrations", Dialect::Late),
    ("agents.entries", Dialect::Late),
    ("gateway.customBindHost", Dialect::Late),
    ("wizard.securityAcknowledgedAt", Dialect::Late),
];

impl Dialect {
    /// Returns the config dialect of an OpenClaw release by its version; [`Self::Common`] for a release between the
    /// two that are known. `None` when the text is no version.
    pub(crate) fn from_version(version: &str) -> Option<Self> {
        let (year, month, _) = version_parts(version)?;
        Some(match (year, month) {
            (..2026, _) | (2026, ..=1) => Self::Early,
            (2026, 2..9) => Self::Common,
            _ => Self::Late,
        })
    }

    /// Returns the dialect in which a config is written: by keys that one release alone knows, else by the version that
    /// wrote it last. `None` when neither decides.
    pub(crate) fn from_config(config: &Value) -> Option<Self> {
        let has = |wanted| {
            REVEALING_KEYS.iter().any(|(path, dialect)| {
                *dialect == wanted && find(config, &KeyPath::keys(path.split('.'))).is_some()
            })
        };
        let late_auth = find(config, &KeyPath::keys(["gateway", "auth", "mode"]))
            .is_some_and(|mode| mode == "none" || mode == "trusted-proxy");
        match (has(Self::Early), has(Self::Late) || late_auth) {
            (true, false) => Some(Self::Early),
            (false, true) => Some(Self::Late),
            // With keys of both no release accepts the config; the version is the best that is left to go by.
            _ => Self::from_version(find(config, &KeyPath::keys(["meta", "lastTouchedVersion"]))?.as_str()?),
        }
    }

    /// Returns the config dialect of the OpenClaw on this host (`node_version`), else of the existing config. `None`
    /// when neither decides.
    pub(crate) fn decide(node_version: Option<&str>, existing: Option<&Value>) -> Option<Self> {
        node_version
            .and_then(Self::from_version)
            .or_else(|| existing.and_then(Self::from_config))
    }

    /// Returns the dialect in which to write a config: that of [`Self::decide`], else [`Self::Common`].
    pub(crate) fn choose(node_version: Option<&str>, existing: Option<&Value>) -> Self {
        Self::decide(node_version, existing).unwrap_or(Self::Common)
    }

    /// Returns the stable name of a config dialect, for `--json`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Early => "early",
            Self::Late => "late",
            Self::Common => "common",
        }
    }

    /// Returns whether a config of this dialect may set `gateway.auth.mode` to `none`.
    pub(crate) fn allows_auth_none(self) -> bool {
        self == Self::Late
    }

    /// Returns whether a config of this dialect may set `gateway.customBindHost`. The early release's own wizard
    /// writes it, and its reader then refuses the file.
    pub(crate) fn allows_custom_bind_host(self) -> bool {
        self == Self::Late
    }

    /// Returns the OpenClaw version to write to a config as `meta.lastTouchedVersion`: at most the version of
    /// OpenClaw on this host (`node_version`), which warns of a config that a newer release wrote.
    pub(crate) fn version_stamp(self, node_version: Option<&str>) -> &str {
        let own = match self {
            Self::Early | Self::Common => EARLY_VERSION,
            Self::Late => LATE_VERSION,
        };
        match node_version.and_then(version_parts) {
            Some(reader) if Some(reader) < version_parts(own) => node_version.unwrap_or(own),
            _ => own,
        }
    }
}

/// Returns whether an OpenClaw release is newer than another; `None` when a text is not a version.
pub(crate) fn is_newer(version: &str, than: &str) -> Option<bool> {
    Some(version_parts(version)? > version_parts(than)?)
}

/// Returns the version that wrote the config last when that is newer than `reader`, the version that is to read it.
pub(crate) fn newer_stamp<'c>(config: &'c Value, reader: &str) -> Option<&'c str> {
    let stamp = config.pointer("/meta/lastTouchedVersion")?.as_str()?;
    (is_newer(stamp, reader)?).then_some(stamp)
}

/// Returns the newer version of OpenClaw that wrote a config, as [`newer_stamp`] does, where a change of the config leaves
/// it: a changed key may have another meaning there. With a change of the version itself the user declares that an older
/// release is to read the config.
pub(crate) fn kept_newer_stamp<'c>(before: &'c Value, after: &Value, reader: &str) -> Option<&'c str> {
    newer_stamp(before, reader).filter(|stamp| newer_stamp(after, reader) == Some(stamp))
}

/// Parses the year, month and patch of an OpenClaw version such as `2026.1.30` or `v2026.1.30-2`.
pub(super) fn version_parts(version: &str) -> Option<(u32, u32, u32)> {
    let version = version.trim().trim_start_matches('v');
    let version = version.split(['-', '+']).next()?;
    let mut numbers = version.splitn(3, '.').map(|part| part.parse::<u32>().ok());
    Some((numbers.next()??, numbers.next()??, numbers.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_version_has_a_dialect() {
        for (version, dialect) in [
            ("2026.1.30", Some(Dialect::Early)),
            ("v2026.1.5-2", Some(Dialect::Early)),
            ("2025.12.1", Some(Dialect::Early)),
            ("2026.4.1", Some(Dialect::Common)),
            ("2026.9.6", Some(Dialect::Late)),
            ("2027.1.1", Some(Dialect::Late)),
            ("latest", None),
            ("2026.9", None),
        ] {
            assert_eq!(Dialect::from_version(version), dialect, "{version}");
        }
    }

    #[test]
    fn newer_version_is_kept_unless_the_change_replaces_it_by_a_known_one() {
        let config = |stamp: &str| json!({ "meta": { "lastTouchedVersion": stamp } });
        let newer = config("2031.1.1");
        assert_eq!(kept_newer_stamp(&newer, &newer, "2026.9.6"), Some("2031.1.1"));
        assert_eq!(kept_newer_stamp(&newer, &newer, "2031.1.1"), None);
        assert_eq!(kept_newer_stamp(&newer, &config("2026.9.6"), "2026.9.6"), None);
        assert_eq!(kept_newer_stamp(&config("2026.9.6"), &newer, "2026.9.6"), None);
    }

    #[test]
    fn keys_decide_the_dialect_of_a_config_before_its_version() {
        let early = json!({ "canvasHost": {}, "meta": { "lastTouchedVersion": "2026.9.6" } });
        assert_eq!(Dialect::from_config(&early), Some(Dialect::Early));
        let late = json!({ "gateway": { "auth": { "mode": "none" } } });
        assert_eq!(Dialect::from_config(&late), Some(Dialect::Late));
        assert_eq!(
            Dialect::from_config(&json!({ "meta": { "lastTouchedVersion": "2026.9.6" } })),
            Some(Dialect::Late)
        );
        assert_eq!(
            Dialect::from_config(&json!({ "gateway": { "port": 18789 } })),
            None
        );
        let both = json!({ "canvasHost": {}, "agents": { "entries": {} } });
        assert_eq!(Dialect::from_config(&both), None);
    }

    #[test]
    fn the_version_of_openclaw_decides_before_the_config() {
        let early = json!({ "canvasHost": {} });
        assert_eq!(Dialect::choose(Some("2026.9.6"), Some(&early)), Dialect::Late);
        assert_eq!(Dialect::choose(None, Some(&early)), Dialect::Early);
        assert_eq!(Dialect::choose(Some("?"), None), Dialect::Common);
    }

    #[test]
    fn version_stamp_is_never_newer_than_its_reader() {
        for (dialect, reader) in [
            (Dialect::Early, "2026.1.30"),
            (Dialect::Early, "2026.1.5"),
            (Dialect::Common, "2026.1.30"),
            (Dialect::Common, "2026.9.6"),
            (Dialect::Late, "2026.9.1"),
            (Dialect::Late, "2026.11.2"),
        ] {
            assert!(
                version_parts(dialect.version_stamp(Some(reader))) <= version_parts(reader),
                "{dialect:?} {reader}"
            );
        }
        assert_eq!(Dialect::Late.version_stamp(None), "2026.9.6");
    }
}
