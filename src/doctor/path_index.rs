//! Index of the paths of many instances: finds those that equal, contain or lie in a given path, without comparing the path
//! with each of them.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use crate::survey::SurveyedInstance;
use crate::survey::named_paths::PathPurpose;

/// Indexes of the paths of all instances of the doctor's report, with links followed. An instance is its index in the report.
#[derive(Debug, Default)]
pub(super) struct PathIndexes {
    /// The configs.
    pub(super) configs: PathIndex,
    /// The state folders.
    pub(super) states: PathIndex,
    /// The workspaces, those that no config names among them.
    pub(super) workspaces: PathIndex,
    /// The paths that configs name, by their purpose. A purpose for which no config names a path is absent.
    pub(super) named: BTreeMap<PathPurpose, PathIndex>,
}

impl PathIndexes {
    /// Adds the paths of an instance: its config and its state folder, links followed, and those that the survey found.
    pub(super) fn add_instance(
        &mut self,
        instance: usize,
        config: &Path,
        state: &Path,
        found: Option<&SurveyedInstance>,
    ) {
        self.configs.add(config, instance);
        self.states.add(state, instance);
        for workspace in found.into_iter().flat_map(|found| &found.workspaces) {
            self.workspaces.add(workspace, instance);
        }
        for named in found.into_iter().flat_map(|found| &found.named_paths) {
            let index = self.named.entry(named.purpose).or_default();
            index.add(&named.path, instance);
        }
    }
}

/// Index of paths, each of which belongs to an instance. An instance is a number, its place among all instances.
#[derive(Debug, Default)]
pub(super) struct PathIndex {
    places: HashMap<PathBuf, Place>,
}

/// Instances that have something to do with one path, in the order in which they were added.
#[derive(Debug, Default)]
struct Place {
    /// Instances that have this very path.
    at: Vec<usize>,
    /// Instances that have this path or a path within it.
    within: Vec<usize>,
}

impl PathIndex {
    /// Adds a path of an instance.
    pub(super) fn add(&mut self, path: &Path, instance: usize) {
        for part in path.ancestors() {
            let place = self.place(part);
            if place.within.last() != Some(&instance) {
                place.within.push(instance);
            }
        }
        self.place(path).at.push(instance);
    }

    /// Returns the place of a path, a new one where the index has none.
    fn place(&mut self, path: &Path) -> &mut Place {
        if !self.places.contains_key(path) {
            self.places.insert(path.to_owned(), Place::default());
        }
        self.places.get_mut(path).expect("the place was just added")
    }

    /// Returns the instances that have this very path.
    pub(super) fn at(&self, path: &Path) -> impl Iterator<Item = usize> {
        let place = self.places.get(path);
        place.into_iter().flat_map(|place| place.at.iter().copied())
    }

    /// Returns the instances that have this path or a path within it.
    pub(super) fn within(&self, path: &Path) -> impl Iterator<Item = usize> {
        let place = self.places.get(path);
        place.into_iter().flat_map(|place| place.within.iter().copied())
    }

    /// Returns the instances that have this path or a path that contains it.
    pub(super) fn around(&self, path: &Path) -> impl Iterator<Item = usize> {
        let parts = path.ancestors().take_while(|_| !self.places.is_empty());
        parts.flat_map(|part| self.at(part))
    }

    /// Returns the instances that have a path which overlaps this one: one of both contains the other, or they are equal.
    pub(super) fn overlapping(&self, path: &Path) -> impl Iterator<Item = usize> {
        self.within(path).chain(self.around(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the instances that a search found, each once, in ascending order.
    fn sorted(found: impl Iterator<Item = usize>) -> Vec<usize> {
        let mut found: Vec<_> = found.collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    #[test]
    fn search_finds_what_a_comparison_with_each_path_finds() {
        let paths = [
            "/", "/a", "/a/b", "/a/b/c", "/a/bc", "/ab", "/a/b/", "/a//b/d", "b",
        ];
        let mut index = PathIndex::default();
        for (instance, path) in paths.iter().enumerate() {
            index.add(path.as_ref(), instance);
        }
        for path in paths.iter().chain(&["/a/b/c/d", "/b", "/a/b/./c"]).map(Path::new) {
            let compared = |matches: &dyn Fn(&Path) -> bool| {
                let all = paths.iter().enumerate();
                let found = all.filter(|(_, other)| matches(other.as_ref()));
                found.map(|(instance, _)| instance).collect::<Vec<_>>()
            };
            let equal = compared(&|other| other == path);
            let within = compared(&|other| other.starts_with(path));
            let around = compared(&|other| path.starts_with(other));
            let overlapping = compared(&|other| path.starts_with(other) || other.starts_with(path));
            assert_eq!(sorted(index.at(path)), equal, "{path:?}");
            assert_eq!(sorted(index.within(path)), within, "{path:?}");
            assert_eq!(sorted(index.around(path)), around, "{path:?}");
            assert_eq!(sorted(index.overlapping(path)), overlapping, "{path:?}");
        }
    }
}
