//! Queries of npm's registry about the releases of OpenClaw and about Node.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::npm::{Npm, NpmFailure};
use crate::engine::node_range::{NodeRange, NodeVersion, parse_version};
use crate::engine::{OLDEST_RELEASE, PACKAGE_NAME};
use crate::error::{Error, Result};
use crate::i18n::msg;
use crate::record::ReleaseVersion;

/// Major version of Node that is installed with a release where its range has one: both known releases were tried with it.
const PREFERRED_NODE_MAJOR: u64 = 24;

/// The releases that the registry has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Published {
    /// The releases that this program can run, the newest first.
    pub(crate) versions: Vec<ReleaseVersion>,
    /// The names that point to one, such as `latest`.
    pub(crate) tags: BTreeMap<String, String>,
}

/// A release of OpenClaw as the registry describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PublishedRelease {
    /// The version.
    pub(super) version: ReleaseVersion,
    /// The hash of the package.
    pub(super) integrity: String,
    /// The range of versions of Node that it runs on; empty where it names none.
    pub(super) node_range: String,
}

/// The answer of npm to the query for a release.
#[derive(Deserialize)]
struct ReleaseAnswer {
    version: String,
    #[serde(rename = "dist.integrity")]
    integrity: Option<String>,
    #[serde(rename = "engines.node", default)]
    node_range: String,
}

impl Npm<'_> {
    /// Asks the registry about a package and returns its answer.
    fn view(&self, package: &str, fields: &[&str], missing: &dyn Fn() -> Error) -> Result<Value> {
        let args: Vec<_> = ["view", package]
            .iter()
            .chain(fields)
            .chain(&["--json"])
            .copied()
            .collect();
        let explain = |failure: &NpmFailure| match failure {
            NpmFailure::NotFound => missing(),
            failure => self.failure_error(failure),
        };
        let root = std::path::Path::new(if cfg!(windows) { "C:\\" } else { "/" });
        let answer = self.run(root, &args, false, &mut |_| {}, &explain)?;
        // npm prints nothing about a version that does not exist.
        if answer.trim().is_empty() {
            return Err(missing());
        }
        serde_json::from_str(&answer).map_err(|cause| self.odd_answer().because(cause))
    }

    fn odd_answer(&self) -> Error {
        Error::failed(msg!("engine.odd-answer", registry = self.registry()))
    }

    /// Returns the error about a failure of npm that is not about one release.
    pub(super) fn failure_error(&self, failure: &NpmFailure) -> Error {
        let registry = self.registry();
        match failure {
            NpmFailure::Unreachable => {
                Error::failed(msg!("engine.registry-unreachable", registry = registry))
                    .hint(msg!("engine.run-again"))
            }
            NpmFailure::DiskFull => Error::failed(msg!("engine.disk-full")).hint(msg!("engine.make-room")),
            NpmFailure::WrongContent => Error::failed(msg!("engine.wrong-content", registry = registry)),
            _ => Error::failed(msg!("engine.npm-failed")),
        }
    }

    /// Asks the registry for a release, by its version or by a name such as `latest`.
    pub(super) fn query_release(&self, wanted: &str) -> Result<PublishedRelease> {
        let missing = || {
            Error::failed(msg!(
                "engine.no-release",
                version = wanted,
                registry = self.registry()
            ))
            .hint(msg!("engine.see-remote"))
        };
        let fields = ["version", "dist.integrity", "engines.node"];
        let answer = self.view(&format!("{PACKAGE_NAME}@{wanted}"), &fields, &missing)?;
        let answer: ReleaseAnswer =
            serde_json::from_value(answer).map_err(|cause| self.odd_answer().because(cause))?;
        let version =
            ReleaseVersion::parse(&answer.version).map_err(|cause| self.odd_answer().because(cause))?;
        Ok(PublishedRelease {
            version,
            integrity: answer.integrity.ok_or_else(|| self.odd_answer())?,
            node_range: answer.node_range,
        })
    }

    /// Asks the registry for the newest version of a package with Node that lies in a range, of the preferred major version
    /// where there is one.
    pub(super) fn query_node(&self, package: &str, range: &str) -> Result<String> {
        let missing = || Error::failed(msg!("engine.no-node", package = package, range = range));
        let answer = self.view(package, &["versions"], &missing)?;
        let list = |value: &Value| value.as_str().map(str::to_owned);
        let versions: Vec<_> = match &answer {
            Value::Array(versions) => versions.iter().filter_map(list).collect(),
            one => list(one).into_iter().collect(),
        };
        newest_node(&versions, range).ok_or_else(missing)
    }
}

/// Returns the newest of these versions of Node in a range, of the preferred major version where there is one.
fn newest_node(versions: &[String], range: &str) -> Option<String> {
    let range = NodeRange::parse(range);
    let known = versions
        .iter()
        .filter_map(|text| Some((parse_version(text)?, text)));
    let fits = |version: NodeVersion| range.as_ref().is_none_or(|range| range.contains(version));
    let fitting = known.filter(|(version, _)| fits(*version));
    let newest = fitting.max_by_key(|(version, _)| (version.0 == PREFERRED_NODE_MAJOR, *version));
    newest.map(|(_, text)| text.clone())
}

/// Asks the registry which version a name such as `latest` means.
///
/// # Errors
/// Where the registry can't be asked, or has no such release.
pub(crate) fn resolve_version(npm: &Npm<'_>, wanted: &str) -> Result<ReleaseVersion> {
    npm.query_release(wanted).map(|release| release.version)
}

/// Asks the registry which releases of OpenClaw it has.
///
/// # Errors
/// Where the registry can't be asked.
pub(crate) fn published(npm: &Npm<'_>) -> Result<Published> {
    let missing = || {
        let registry = npm.registry();
        Error::failed(msg!(
            "engine.no-release",
            version = PACKAGE_NAME,
            registry = registry
        ))
    };
    let answer = npm.view(PACKAGE_NAME, &["versions", "dist-tags"], &missing)?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let versions = match &answer["versions"] {
        Value::Array(versions) => versions.iter().filter_map(text).collect(),
        one => text(one).into_iter().collect::<Vec<_>>(),
    };
    let versions = versions
        .into_iter()
        .filter_map(|text| ReleaseVersion::parse(&text).ok());
    let mut versions: Vec<_> = versions
        .filter(|version| version.as_str() == OLDEST_RELEASE || version.is_newer_than(OLDEST_RELEASE))
        .collect();
    // The registry lists them as they were published; the sort keeps that order for equal numbers.
    versions.reverse();
    versions.sort_by(|a, b| b.is_newer_than(a.as_str()).cmp(&a.is_newer_than(b.as_str())));
    let tags = answer["dist-tags"].as_object().into_iter().flatten();
    Ok(Published {
        versions,
        tags: tags
            .filter_map(|(name, version)| Some((name.clone(), text(version)?)))
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_of_the_preferred_major_version_is_chosen_where_the_range_has_one() {
        let versions = ["22.12.0", "24.16.0", "24.22.3", "25.1.0", "26.12.1"].map(str::to_owned);
        for (range, chosen) in [
            (">=24.16.0 <25 || >=26.1.0", Some("24.22.3")),
            (">=22.12.0", Some("24.22.3")),
            (">=26.1.0", Some("26.12.1")),
            ("^22", Some("22.12.0")),
            (">=30", None),
        ] {
            assert_eq!(newest_node(&versions, range).as_deref(), chosen, "{range}");
        }
    }
}
