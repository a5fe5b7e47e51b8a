//! The lock file of npm: every package that it is about to install, where it comes from, and its hash.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::engine::PACKAGE_NAME;

/// Start of the path of an installed package in a lock file.
const MODULES: &str = "node_modules/";

/// Name of the processor of this program, as npm and the packages of Node call it.
const NODE_CPU: &str = if cfg!(target_arch = "x86_64") {
    "x64"
} else if cfg!(target_arch = "aarch64") {
    "arm64"
} else if cfg!(target_arch = "x86") {
    "ia32"
} else {
    "arm"
};

/// The packages of a release, as npm has resolved them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct LockFile {
    packages: BTreeMap<String, LockedPackage>,
}

/// A package in a lock file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct LockedPackage {
    resolved: Option<String>,
    integrity: Option<String>,
    /// `true` if the archive of another package brings it.
    in_bundle: bool,
    /// The systems that the package is for.
    os: Names,
    /// The processors that the package is for.
    cpu: Names,
}

/// One name or a list of names; packages have both.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Names {
    One(String),
    All(Vec<String>),
}

impl Default for Names {
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

impl Names {
    /// Returns whether a package that names these is for the one that this host has.
    fn fit(&self, own: &str) -> bool {
        match self {
            Self::One(name) => name == own,
            Self::All(names) => names.is_empty() || names.iter().any(|name| name == own),
        }
    }
}

impl LockFile {
    /// Parses a lock file; `None` where it is not one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Returns the packages with their paths, without the one that names the others.
    fn installed(&self) -> impl Iterator<Item = (&str, &LockedPackage)> {
        let packages = self
            .packages
            .iter()
            .map(|(path, package)| (path.as_str(), package));
        packages.filter(|(path, _)| path.starts_with(MODULES))
    }

    /// Returns the packages that no registry answers for: one without a hash, or from another place than a registry. Each is
    /// named with where it comes from.
    pub(super) fn unchecked(&self) -> Vec<(String, String)> {
        let is_checked = |package: &LockedPackage| {
            let resolved = package.resolved.as_deref().unwrap_or_default();
            let is_fetched = resolved.starts_with("https://") || resolved.starts_with("http://");
            package.in_bundle || (is_fetched && package.integrity.is_some())
        };
        let unchecked = self.installed().filter(|(_, package)| !is_checked(package));
        unchecked
            .map(|(path, package)| {
                let from = package.resolved.clone().unwrap_or_else(|| "-".to_owned());
                (path.trim_start_matches(MODULES).to_owned(), from)
            })
            .collect()
    }

    /// Returns the hash of OpenClaw's own package.
    pub(super) fn integrity(&self) -> Option<&str> {
        self.packages
            .get(&format!("{MODULES}{PACKAGE_NAME}"))?
            .integrity
            .as_deref()
    }

    /// Returns the number of packages that are fetched on this system.
    pub(super) fn count(&self) -> usize {
        let system = if cfg!(windows) {
            "win32"
        } else if cfg!(target_os = "macos") {
            "darwin"
        } else {
            "linux"
        };
        let cpu = NODE_CPU;
        let is_fetched =
            |package: &LockedPackage| !package.in_bundle && package.os.fit(system) && package.cpu.fit(cpu);
        self.installed()
            .filter(|(_, package)| is_fetched(package))
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_that_no_registry_answers_for_is_found() {
        let lock = LockFile::parse(
            r#"{"packages": {
                "": {"dependencies": {"openclaw": "2026.9.6"}},
                "node_modules/openclaw": {"resolved": "https://r/openclaw.tgz", "integrity": "sha512-a"},
                "node_modules/openclaw/node_modules/b": {"inBundle": true},
                "node_modules/git": {"resolved": "git+ssh://git@github.com/a/b.git#1"},
                "node_modules/bare": {"resolved": "https://r/bare.tgz"},
                "node_modules/other-system": {"resolved": "https://r/x.tgz", "integrity": "sha512-b", "os": "aix"}
            }}"#,
        )
        .unwrap();
        assert_eq!(lock.integrity(), Some("sha512-a"));
        let names: Vec<_> = lock.unchecked().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["bare", "git"]);
        assert_eq!(lock.count(), 3);
    }
}
