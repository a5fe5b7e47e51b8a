//! The releases of OpenClaw from npm that this program has installed, each in a folder of its own, and the Node that runs
//! one. Only reads; `releases` installs and removes them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::node_range::{NodeRange, NodeVersion, parse_version};
use super::package::{NodeEngine, PACKAGE_NAME};
use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::host::process::CommandSpec;
use crate::host::{Host, read};
use crate::i18n::msg;
use crate::record::ReleaseVersion;
use crate::registry;

/// Name of the folder of the releases in the program's state home.
const STORE_FOLDER: &str = "engines";
/// Name of the file in the folder of a release that says what was installed there. It is written last.
pub(crate) const RECEIPT_FILE: &str = "release.json";
/// Name of the script in OpenClaw's npm package that runs it.
const ENTRY_FILE: &str = "openclaw.mjs";
/// Time limit of a query of Node for its version.
const NODE_TIMEOUT: Duration = Duration::from_secs(10);

/// The folder in which the releases of OpenClaw are installed, one folder each by version, for all instances of the user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReleaseStore {
    /// The folder, which need not exist.
    pub(crate) folder: PathBuf,
}

/// Receipt of an installed release of OpenClaw: the content of its `release.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReleaseReceipt {
    /// The version.
    pub(crate) version: ReleaseVersion,
    /// The hash of OpenClaw's own package, as the registry named it and npm checked it.
    pub(crate) integrity: String,
    /// The time of the installation.
    pub(crate) installed_at: String,
    /// Number of packages.
    pub(crate) packages: usize,
    /// Size of the files in bytes.
    pub(crate) bytes: u64,
    /// The range of versions of Node that the release runs on, as its package names it; empty where it names none.
    pub(crate) node_range: String,
    /// The Node that was installed with the release; `None` where that on the search path was new enough.
    pub(crate) node: Option<PrivateNode>,
    /// Packages that took the place of others, by the overrides file.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) overrides: BTreeMap<String, String>,
}

/// The Node that was installed with a release of OpenClaw, from npm's package for this system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PrivateNode {
    /// Name of the npm package.
    pub(crate) package: String,
    /// Version of Node.
    pub(crate) version: String,
}

/// A release of OpenClaw that is installed on this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InstalledRelease {
    /// The folder of the release.
    pub(crate) folder: PathBuf,
    /// The receipt of the installation.
    pub(crate) receipt: ReleaseReceipt,
}

impl ReleaseStore {
    /// Returns the folder of the releases of this user.
    pub(crate) fn of_host(host: &Host, env: &Environment) -> Self {
        Self::in_state_home(&registry::state_home(host, env))
    }

    /// Returns the folder of the releases in a state home.
    pub(crate) fn in_state_home(state_home: &Path) -> Self {
        Self {
            folder: state_home.join(STORE_FOLDER),
        }
    }

    /// Returns the folder of a release, which need not exist.
    pub(crate) fn release_folder(&self, version: &ReleaseVersion) -> PathBuf {
        self.folder.join(version.as_str())
    }

    /// Finds an installed release by its version; `None` where its folder is gone, or an installation was cut short in it.
    pub(crate) fn find(&self, version: &ReleaseVersion) -> Option<InstalledRelease> {
        let folder = self.release_folder(version);
        let receipt = read::text(&folder.join(RECEIPT_FILE)).ok()?;
        let receipt: ReleaseReceipt = serde_json::from_str(&receipt).ok()?;
        let release = InstalledRelease { folder, receipt };
        (release.receipt.version == *version && release.entry().is_file()).then_some(release)
    }

    /// Returns the installed releases, the newest first.
    pub(crate) fn list(&self) -> Vec<InstalledRelease> {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let versions = names.filter_map(|name| ReleaseVersion::parse(&name).ok());
        let mut found: Vec<_> = versions.filter_map(|version| self.find(&version)).collect();
        found.sort_by(|a, b| {
            let (a, b) = (&a.receipt.version, &b.receipt.version);
            let newer = b.is_newer_than(a.as_str()).cmp(&a.is_newer_than(b.as_str()));
            newer.then_with(|| b.as_str().cmp(a.as_str()))
        });
        found
    }
}

impl InstalledRelease {
    /// Returns the script that runs a release.
    pub(crate) fn entry(&self) -> PathBuf {
        self.package_folder(PACKAGE_NAME).join(ENTRY_FILE)
    }

    /// Returns the folder of an npm package of a release.
    pub(crate) fn package_folder(&self, name: &str) -> PathBuf {
        self.folder.join("node_modules").join(name)
    }

    /// Returns the program of the Node that was installed with a release; `None` where there is none, or it is gone.
    pub(crate) fn private_node(&self) -> Option<PathBuf> {
        let package = self.package_folder(&self.receipt.node.as_ref()?.package);
        let program = package
            .join("bin")
            .join(if cfg!(windows) { "node.exe" } else { "node" });
        program.is_file().then_some(program)
    }

    /// Returns a release as an engine, with the Node that was installed with it.
    pub(crate) fn engine(&self) -> NodeEngine {
        NodeEngine {
            path: self.entry(),
            version: self.receipt.version.to_string(),
            node: self.private_node(),
        }
    }

    /// Returns the Node that runs a release: the one that was installed with it, else the one on the search path.
    ///
    /// # Errors
    /// Where there is none, or it is too old for the release; the hint says how to get one.
    pub(crate) fn choose_node(&self, host: &Host) -> Result<PathBuf> {
        if let Some(program) = self.private_node() {
            return Ok(program);
        }
        let range = &self.receipt.node_range;
        let version = self.receipt.version.as_str();
        let error = match HostNode::find(host) {
            Some(node) if node.fits(range) => return Ok(node.path),
            Some(node) => msg!(
                "engine.node-too-old",
                version = version,
                range = range,
                node = node.version_text,
                path = node.path.display()
            ),
            None => msg!("engine.node-missing", version = version, range = range),
        };
        Err(Error::blocked(error).hint(msg!(
            "engine.install-it",
            command = format!("openclaw engine install {version}")
        )))
    }
}

/// The Node on the search path of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostNode {
    /// The program.
    pub(crate) path: PathBuf,
    /// The version as the program prints it, without the `v`.
    pub(crate) version_text: String,
    /// The version; `None` for one that no range can be compared with.
    version: Option<NodeVersion>,
}

impl HostNode {
    /// Finds Node on the search path and asks it for its version.
    pub(crate) fn find(host: &Host) -> Option<Self> {
        let path = host.find_program("node")?;
        let output = host
            .run(&CommandSpec::new(&path, ["--version"]), NODE_TIMEOUT)
            .ok()?;
        let text = output.stdout.trim().trim_start_matches('v');
        Some(Self {
            version: parse_version(text),
            version_text: text.to_owned(),
            path,
        })
    }

    /// Returns whether the Node of a host lies in a range of versions. One that can't be read is taken to fit: the release
    /// itself says what it misses.
    pub(crate) fn fits(&self, range: &str) -> bool {
        let range = NodeRange::parse(range);
        range
            .zip(self.version)
            .is_none_or(|(range, version)| range.contains(version))
    }
}
