//! The paths of the instances of a host, which no plan of another instance may touch.
//!
//! They are resolved once for all plans that are checked at one moment, and what lies in one of them is found by the folders
//! that it lies in: the doctor checks the fixes of each instance against all others.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use foldhash::fast::RandomState;

use super::resolve::{LastLink, resolve};
use crate::error::{Error, ErrorReason, Result};
use crate::host::read::PathResolver;
use crate::i18n::msg;
use crate::sync::map_portions;

/// The state folders, workspaces, configs and other named paths of instances, their links resolved.
#[derive(Debug)]
pub(crate) struct InstancePaths {
    paths: Vec<InstancePath>,
    /// Positions in `paths` by the path without links.
    by_real: HashMap<PathBuf, Vec<usize>, RandomState>,
}

#[derive(Debug)]
struct InstancePath {
    /// Number of the instance.
    owner: usize,
    /// Path as the survey names it, which may lead through links.
    named: PathBuf,
    /// Path without links.
    real: PathBuf,
}

/// The paths of all instances but one, which the plans of that one must not touch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OtherPaths<'a> {
    known: &'a InstancePaths,
    own: Option<usize>,
}

impl InstancePaths {
    /// Resolves the links of paths, each given with the number of its instance.
    pub(crate) fn resolve<'p>(paths: impl IntoIterator<Item = (usize, &'p PathBuf)>) -> Self {
        // Links can't lead into what can't be looked into: its name stands for it.
        let follow = |path: &Path| {
            resolve(path, LastLink::Follow).map_or_else(|_| path.to_path_buf(), |other| other.real)
        };
        let resolve = |portion: &[(usize, &PathBuf)]| {
            let mut links = PathResolver::with_links_followed_by(follow);
            let resolved = portion.iter().map(|(owner, path)| InstancePath {
                owner: *owner,
                named: (*path).clone(),
                real: links.resolve(path).real,
            });
            resolved.collect()
        };
        let paths: Vec<_> = paths.into_iter().collect();
        let paths = map_portions(&paths, resolve);
        let mut by_real: HashMap<_, Vec<_>, _> = HashMap::default();
        for (at, path) in paths.iter().enumerate() {
            by_real.entry(path.real.clone()).or_default().push(at);
        }
        Self { paths, by_real }
    }

    /// Resolves the links of paths of which none is the planned instance's.
    pub(crate) fn of_others(paths: &[PathBuf]) -> Self {
        Self::resolve(paths.iter().map(|path| (0, path)))
    }

    /// Returns the paths of all instances but the one with this number; of all where `None` is given.
    pub(crate) fn but_of(&self, own: Option<usize>) -> OtherPaths<'_> {
        OtherPaths { known: self, own }
    }

    /// Returns the paths of all instances.
    pub(crate) fn all(&self) -> OtherPaths<'_> {
        self.but_of(None)
    }
}

impl OtherPaths<'_> {
    fn is_others(&self, path: &InstancePath) -> bool {
        Some(path.owner) != self.own
    }

    /// Refuses a file path of a plan that is another instance's, or that links lead into one.
    ///
    /// # Errors
    /// `apply.isolation` for such a path.
    pub(super) fn keep_out(&self, named: &Path, real: &Path) -> Result<()> {
        let is_entered = |other: &InstancePath| {
            let is_open = named.starts_with(&other.named) || named.starts_with(&other.real);
            self.is_others(other) && (real == other.real || !is_open)
        };
        let around = real
            .ancestors()
            .filter_map(|folder| self.known.by_real.get(folder));
        let entered = around.flatten().filter(|at| is_entered(&self.known.paths[**at]));
        let Some(first) = entered.min() else {
            return Ok(());
        };
        let error = Error::blocked(msg!(
            "apply.isolation",
            path = named.display(),
            other = self.known.paths[*first].named.display()
        ));
        Err(error
            .hint(msg!("apply.isolation-real", real = real.display()))
            .with_reason(ErrorReason::OtherInstance))
    }

    /// Refuses to rename a folder in which another instance lives.
    ///
    /// # Errors
    /// `apply.holds-another` for such a folder.
    pub(super) fn keep_whole(&self, named: &Path, real: &Path) -> Result<()> {
        let mut others = self.known.paths.iter().filter(|path| self.is_others(path));
        match others.find(|other| other.real.starts_with(real)) {
            Some(other) => Err(Error::blocked(msg!(
                "apply.holds-another",
                path = named.display(),
                other = other.named.display()
            ))
            .with_reason(ErrorReason::OtherInstance)),
            None => Ok(()),
        }
    }
}
