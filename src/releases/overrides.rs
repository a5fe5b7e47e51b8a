//! The overrides file: which packages npm installs in place of others for a release. A release that names a package which is
//! gone from where it names it can be installed again that way.
//!
//! ```toml
//! [releases."2026.1.30"]
//! scripts = false                 # true runs the scripts of the packages
//! [releases."2026.1.30".packages]
//! "@whiskeysockets/libsignal-node" = "npm:libsignal@2.0.1"
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::engine::ReleaseStore;
use crate::error::{Error, Result};
use crate::host::read::{self, ReadError};
use crate::i18n::msg;
use crate::record::ReleaseVersion;
use crate::toml_document;

/// Name of the overrides file, in the folder of the releases.
const OVERRIDES_FILE: &str = "overrides.toml";
/// Packages that releases named by a repository that is gone: a part of its address, the name of the package, and the
/// package of the registry with the same content.
const KNOWN_SUBSTITUTES: [(&str, &str, &str); 1] = [(
    "whiskeysockets/libsignal-node",
    "@whiskeysockets/libsignal-node",
    "npm:libsignal@2.0.1",
)];

/// Overrides of one release of OpenClaw, as the file of the user names them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ReleaseOverrides {
    /// `true` if the scripts of the packages are run. They may do whatever the user may.
    pub(super) scripts: bool,
    /// The package that is installed in place of another, by the name of the package.
    pub(super) packages: BTreeMap<String, String>,
}

/// The content of the overrides file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct OverridesFile {
    releases: BTreeMap<String, ReleaseOverrides>,
}

/// Returns the path of the overrides file, which need not exist.
pub(super) fn path(store: &ReleaseStore) -> PathBuf {
    store.folder.join(OVERRIDES_FILE)
}

/// Reads what the overrides file says about a release; nothing where there is no file.
///
/// # Errors
/// Where the file can't be read or understood.
pub(super) fn read(store: &ReleaseStore, version: &ReleaseVersion) -> Result<ReleaseOverrides> {
    let path = path(store);
    let bytes = match read::bytes(&path) {
        Ok(bytes) => bytes,
        Err(ReadError::Missing) => return Ok(ReleaseOverrides::default()),
        Err(error) => {
            return Err(
                Error::blocked(msg!("engine.overrides-broken", path = path.display())).because(error),
            );
        }
    };
    let mut file: OverridesFile = toml_document::parse(&bytes).map_err(|error| {
        Error::blocked(msg!("engine.overrides-broken", path = error.location(&path))).because(error)
    })?;
    Ok(file.releases.remove(version.as_str()).unwrap_or_default())
}

/// Returns the error about a repository that a release names and that can't be read, with the way out.
pub(super) fn gone_error(file: &Path, version: &ReleaseVersion, repository: &str) -> Error {
    let known = KNOWN_SUBSTITUTES
        .iter()
        .find(|(address, _, _)| repository.contains(address));
    let (name, package) = known.map_or(("NAME", "npm:NAME@VERSION"), |(_, name, package)| {
        (*name, *package)
    });
    Error::failed(msg!(
        "engine.repository-gone",
        version = version,
        url = repository
    ))
    .hint(msg!(
        "engine.override-it",
        path = file.display(),
        table = format!("[releases.\"{version}\".packages]"),
        line = format!("\"{name}\" = \"{package}\"")
    ))
}
