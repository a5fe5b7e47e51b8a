//! The judgement of a config: whether the gateway that is to read it would start with it.
//!
//! Every command that says whether a config is valid asks a [`ConfigJudge`], so that all of them say the same: `config
//! validate`, `config set` and `config unset`, the end of the wizard, `doctor`, `status`, and the start and the reload of
//! a gateway. The judge depends on what reads the config ([`ConfigReader`]): this program's own gateway serves configs
//! of both known releases, while OpenClaw from npm refuses what its own strict schema does not know.

use std::cmp::Ordering;

use serde_json::Value;

use super::dialect::Dialect;
use super::document::find;
use super::effective::{EffectiveConfig, IncludeRoot};
use super::release::{Fit, Release};
use super::schema::{self, SchemaFinding, Violation};
use crate::i18n::{Msg, msg};
use crate::record::Engine;

/// The gateway that reads a config: this program's own, or OpenClaw from npm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigReader {
    /// This program's own gateway.
    Native,
    /// OpenClaw from npm, of this version; `None` where the version is not known.
    OpenClaw(Option<String>),
}

/// Judges configs by what one reader, a native gateway or OpenClaw from npm, accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigJudge {
    reader: ConfigReader,
    /// Folders besides the config's own from which OpenClaw lets a config include files.
    include_roots: Vec<IncludeRoot>,
}

/// The judgement of a config: what its reader refuses, and what can't be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The rules by which the config was judged.
    pub basis: Basis,
    /// The reasons for which the reader refuses the config; empty where it accepts it.
    pub refused: Vec<SchemaFinding>,
    /// The channels and plugins that the config names and that do not come with the reader. They are refused only
    /// where nothing installed on the host brings them, which the config does not tell.
    pub not_installed: Vec<SchemaFinding>,
    /// The keys that the known releases lack, in a config for another version. They are not refused.
    pub unjudged: Option<UnjudgedKeys>,
    /// The known releases that would refuse the config although the reader accepts it, each with its reasons.
    pub other_releases: Vec<(Release, Vec<SchemaFinding>)>,
}

/// The keys of a config that can't be judged as valid or invalid, because a version of OpenClaw whose schema is not
/// known may have them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnjudgedKeys {
    /// The version that wrote the config, or is to read it.
    pub version: String,
    /// The known release that is nearest to that version, and does not have the keys.
    pub nearest: Release,
    /// The keys.
    pub findings: Vec<SchemaFinding>,
}

/// The rules by which a config was judged as valid or invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Basis {
    /// The rules of this program's own gateway: what one of the known releases accepts.
    Native,
    /// The rules of a known release.
    Release(Release),
    /// The rules of the known release that is nearest to this version.
    Nearest(Release, String),
}

impl ConfigJudge {
    /// Returns the judge of configs for an instance whose gateway is this engine. `node_version` is the version of
    /// OpenClaw on this host.
    pub(crate) fn new(engine: Engine, node_version: Option<&str>) -> Self {
        match engine {
            Engine::Native => Self::native(),
            Engine::Node => Self::of(ConfigReader::OpenClaw(node_version.map(str::to_owned))),
        }
    }

    fn of(reader: ConfigReader) -> Self {
        Self {
            reader,
            include_roots: Vec::new(),
        }
    }

    /// Returns the judge of configs for this program's own gateway.
    pub fn native() -> Self {
        Self::of(ConfigReader::Native)
    }

    /// Returns the judge of configs for a version of OpenClaw.
    pub fn for_version(version: &str) -> Self {
        Self::of(ConfigReader::OpenClaw(Some(version.to_owned())))
    }

    /// Returns the judge of configs where OpenClaw may include files from these folders too.
    #[must_use]
    pub(crate) fn with_include_roots(self, include_roots: Vec<IncludeRoot>) -> Self {
        Self {
            include_roots,
            ..self
        }
    }

    /// Judges what the reader of a config would refuse.
    pub fn judge(&self, config: &EffectiveConfig) -> Verdict {
        let findings = Release::ALL.map(|release| (release, self.check(config, release)));
        self.verdict(&config.value, findings)
    }

    /// Returns what the reader of a config would refuse: [`Verdict::refused`] alone, for which a config that is valid is
    /// often checked against one release only.
    pub fn refused(&self, config: &EffectiveConfig) -> Vec<SchemaFinding> {
        if self.reader != ConfigReader::Native {
            return self.judge(config).refused;
        }
        // What one release accepts is served. The one that wrote the config is the likelier one.
        let [early, late] = Release::ALL;
        let is_early = Dialect::from_config(&config.value) == Some(Dialect::Early);
        let (first, second) = if is_early { (early, late) } else { (late, early) };
        let of_first = self.check(config, first);
        if of_first.is_empty() {
            return of_first;
        }
        let mut findings = [(first, of_first), (second, self.check(config, second))];
        findings.sort_by_key(|(release, _)| *release != early);
        self.verdict(&config.value, findings).refused
    }

    /// Returns what a release does not accept in a config, and the included files that it does not read.
    fn check(&self, config: &EffectiveConfig, release: Release) -> Vec<SchemaFinding> {
        let mut findings = schema::included::check(config, &self.include_roots, release);
        findings.extend(schema::check(&config.value, release));
        findings
    }

    /// Judges a config by what each release does not accept in it.
    fn verdict(&self, config: &Value, findings: [(Release, Vec<SchemaFinding>); 2]) -> Verdict {
        let basis = self.basis(config, &findings);
        let mut refused = match &basis {
            Basis::Native => refused_by_all(config, &findings),
            Basis::Release(release) | Basis::Nearest(release, _) => findings_of(&findings, *release),
        };
        let is_missing_plugin = |finding: &mut SchemaFinding| finding.violation == Violation::NotInstalled;
        let not_installed: Vec<_> = refused.extract_if(.., is_missing_plugin).collect();
        let version = match &basis {
            Basis::Native => written_by(config),
            Basis::Release(_) => None,
            Basis::Nearest(_, version) => Some(version.as_str()),
        };
        let unjudged = version.and_then(|version| take_unjudged(version, &mut refused));
        let is_basis = |release: Release| match &basis {
            Basis::Native => false,
            Basis::Release(own) | Basis::Nearest(own, _) => *own == release,
        };
        let others = findings.into_iter().filter_map(|(release, mut findings)| {
            // What does not come with either release is said once.
            findings.retain(|finding| !not_installed.iter().any(|known| known.is_same_place(finding)));
            (!is_basis(release) && !findings.is_empty()).then_some((release, findings))
        });
        Verdict {
            other_releases: others.collect(),
            basis,
            refused,
            not_installed,
            unjudged,
        }
    }

    /// Returns what the reader of a config would refuse after an edit and did not refuse before it: a value that was
    /// invalid already must not prevent the correction of another one. An invalid value that is replaced by another
    /// invalid value is refused.
    pub fn new_findings(&self, before: &EffectiveConfig, after: &EffectiveConfig) -> Vec<SchemaFinding> {
        self.judge_change(before, after).refused
    }

    /// Judges a config after an edit as [`Self::judge`] does, without what was refused or not installed before the edit
    /// already ([`Self::new_findings`]).
    pub(crate) fn judge_change(&self, before: &EffectiveConfig, after: &EffectiveConfig) -> Verdict {
        let (old, mut new) = (self.judge(before), self.judge(after));
        let is_new = |finding: &SchemaFinding, old: &[SchemaFinding]| {
            let is_missing_key = finding.violation == Violation::MissingKey;
            let is_unchanged =
                is_missing_key || find(&before.value, &finding.path) == find(&after.value, &finding.path);
            !(is_unchanged && old.contains(finding))
        };
        new.refused.retain(|finding| is_new(finding, &old.refused));
        // A channel is not new where another of its keys changes.
        new.not_installed
            .retain(|finding| !old.not_installed.contains(finding));
        new
    }

    /// Returns the rules by which a config is judged.
    fn basis(&self, config: &Value, findings: &[(Release, Vec<SchemaFinding>); 2]) -> Basis {
        let version = match &self.reader {
            ConfigReader::Native => return Basis::Native,
            ConfigReader::OpenClaw(version) => version.as_deref().or_else(|| written_by(config)),
        };
        let nearest = version.and_then(|version| Some((version, Release::nearest(version)?)));
        match nearest {
            Some((_, (release, Fit::Known))) => Basis::Release(release),
            Some((version, (release, Fit::Nearest))) => Basis::Nearest(release, version.to_owned()),
            None => Basis::Release(best_fit(config, findings)),
        }
    }
}

impl Verdict {
    /// Returns whether the gateway that reads a config accepts it.
    pub fn is_accepted(&self) -> bool {
        self.refused.is_empty()
    }
}

impl Basis {
    /// Returns the stable name of the rules by which a config was judged, for `--json`: that of the config's dialect.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Native => Dialect::Common.name(),
            Self::Release(release) | Self::Nearest(release, _) => release.dialect().name(),
        }
    }

    /// Returns the sentence that says by which rules a config was judged.
    pub fn msg(&self) -> Msg {
        match self {
            Self::Native => {
                let [early, late] = Release::ALL;
                msg!("config.judged-native", early = early, late = late)
            }
            Self::Release(release) => msg!("config.judged-release", release = release),
            Self::Nearest(release, version) => {
                msg!("config.judged-nearest", release = release, version = version)
            }
        }
    }
}

/// Returns the version of OpenClaw that wrote a config last.
fn written_by(config: &Value) -> Option<&str> {
    config.pointer("/meta/lastTouchedVersion")?.as_str()
}

fn findings_of(findings: &[(Release, Vec<SchemaFinding>); 2], release: Release) -> Vec<SchemaFinding> {
    let found = findings.iter().find(|(of, _)| *of == release);
    found.map_or_else(Vec::new, |(_, findings)| findings.clone())
}

/// Returns the OpenClaw release that refuses less of a config; where both refuse as much, the one that wrote it.
fn best_fit(config: &Value, findings: &[(Release, Vec<SchemaFinding>); 2]) -> Release {
    let [(_, early), (_, late)] = findings;
    match early.len().cmp(&late.len()) {
        Ordering::Less => Release::Early,
        Ordering::Equal if Dialect::from_config(config) == Some(Dialect::Early) => Release::Early,
        Ordering::Equal | Ordering::Greater => Release::Late,
    }
}

/// Returns what both known OpenClaw releases refuse in a config: a gateway that serves configs of both refuses this
/// alone. A key that one of them knows, or that one of them does not require, is accepted. The findings are those of
/// the release that the config fits best.
fn refused_by_all(config: &Value, findings: &[(Release, Vec<SchemaFinding>); 2]) -> Vec<SchemaFinding> {
    let fitting = best_fit(config, findings);
    let [(_, early), (_, late)] = findings;
    let other = if fitting == Release::Early { late } else { early };
    let refused = findings_of(findings, fitting).into_iter();
    let refused = refused.filter(|finding| other.iter().any(|other| finding.is_about_same_key(other)));
    refused.collect()
}

/// Moves the unknown config keys out of the findings where this version of OpenClaw may have them: the schema of a
/// version between the known releases, or after them, is not known.
fn take_unjudged(version: &str, findings: &mut Vec<SchemaFinding>) -> Option<UnjudgedKeys> {
    let (nearest, Fit::Nearest) = Release::nearest(version)? else {
        return None;
    };
    let is_value = |finding: &SchemaFinding| finding.violation != Violation::UnknownKey;
    let (values, keys): (Vec<_>, Vec<_>) = std::mem::take(findings).into_iter().partition(is_value);
    *findings = values;
    (!keys.is_empty()).then(|| UnjudgedKeys {
        version: version.to_owned(),
        nearest,
        findings: keys,
    })
}

#[cfg(test)]
mod tests;
