//! Paths of this host, and where they are in a container.

use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use crate::config::key_path::{KeyPath, PathSegment};
use crate::config::variables::{substitute, variable_from_config};
use crate::instance::Instance;
use crate::manifest::layout::{CONTAINER_HOME, CONTAINER_STATE};
use crate::manifest::source::ManifestSource;
use crate::profile::ProfileName;
use crate::survey::named_paths::{PathPurpose, own_workspace, path_texts};

/// Endings of keys that name a file or a folder. Others, such as `basePath`, name a part of a URL.
const PATH_ENDINGS: [&str; 9] = [
    "File",
    "Dir",
    "certPath",
    "keyPath",
    "caPath",
    "filePath",
    "executablePath",
    "cliPath",
    "dbPath",
];

/// Where the folders of an instance are in its container.
pub(in crate::manifest) struct PathMap<'a> {
    source: &'a ManifestSource<'a>,
    /// The instance in the container.
    inside: Instance,
    /// Workspaces outside of the state folder, each with its path in the container.
    workspaces: Vec<(PathBuf, String)>,
}

/// The changes of a config that bring its paths into a container.
#[derive(Debug, Default)]
pub(super) struct PathMoves {
    /// Keys with their new paths.
    pub(super) set: Vec<(KeyPath, String)>,
    /// Keys that are removed, with the paths that they had: the gateway has a place of its own for them.
    pub(super) unset: Vec<(KeyPath, PathBuf)>,
    /// Keys whose paths are those of other files of this host.
    pub(super) foreign: Vec<(KeyPath, String)>,
}

impl<'a> PathMap<'a> {
    /// Determines where the workspaces of an instance are in its container.
    pub(in crate::manifest) fn new(source: &'a ManifestSource<'a>) -> Self {
        let mut map = Self {
            inside: Instance::canonical(Path::new(CONTAINER_HOME), ProfileName::default_profile()),
            source,
            workspaces: Vec::new(),
        };
        let config = &source.config;
        let texts = path_texts(config).into_iter();
        for (_, key, text) in texts.filter(|(purpose, ..)| *purpose == PathPurpose::Workspace) {
            if let Some(path) = map.absolute(text)
                && map.inside_path(&path).is_none()
            {
                let inside = container_text(&own_workspace(&map.inside, config, &key));
                map.workspaces.push((path, inside));
            }
        }
        if config.pointer("/agents/defaults/workspace").is_none() {
            let mut implied = source.found.workspaces.iter();
            let outside = implied.find(|path| map.inside_path(path).is_none()).cloned();
            map.workspaces
                .extend(outside.map(|path| (path, container_text(&map.inside.default_workspace()))));
        }
        map
    }

    /// Returns the workspaces that lie outside of the state folder, each with its path in the container.
    pub(in crate::manifest) fn workspaces(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.workspaces
            .iter()
            .map(|(path, inside)| (path.as_path(), inside.as_str()))
    }

    /// Returns the path of the default workspace in the container.
    fn default_workspace(&self) -> String {
        let first = self.source.found.workspaces.first();
        let inside = first.and_then(|path| self.inside_path(path));
        inside.unwrap_or_else(|| container_text(&self.inside.default_workspace()))
    }

    /// Returns the absolute path that a text of the config stands for; `None` where it stands for none, or a variable in it is
    /// not known.
    fn absolute(&self, text: &str) -> Option<PathBuf> {
        let home = self.source.home.to_str()?;
        let lookup = |name: &str| {
            if name == "HOME" {
                return Some(home.to_owned());
            }
            let mut assignments = self.source.env_file.iter().rev();
            let assigned = assignments.find(|(assigned, _)| assigned == name);
            let assigned = assigned.map(|(_, value)| value.clone());
            assigned.or_else(|| variable_from_config(&self.source.config, name))
        };
        let text = substitute(text.trim(), &lookup).ok()?;
        let path = match text.strip_prefix('~') {
            Some("") => self.source.home.clone(),
            Some(below) => self.source.home.join(below.strip_prefix('/')?),
            None => PathBuf::from(&text),
        };
        path.is_absolute().then_some(path)
    }

    /// Returns where a path of this host is in the container; `None` where it is not.
    fn inside_path(&self, path: &Path) -> Option<String> {
        let found = self.source.found;
        let below_workspace = self.workspaces.iter().find_map(|(workspace, inside)| {
            let below = path.strip_prefix(workspace).ok()?;
            Some(Path::new(inside).join(below))
        });
        let below_state = || {
            let states = [&found.state_dir, &found.real_state];
            let below = states
                .into_iter()
                .find_map(|state| path.strip_prefix(state).ok())?;
            Some(Path::new(CONTAINER_STATE).join(below))
        };
        below_workspace
            .or_else(below_state)
            .map(|path| container_text(&path))
    }

    /// Determines the changes that bring the paths of a config into the container.
    pub(super) fn moves(&self, config: &Value) -> PathMoves {
        let mut moves = PathMoves::default();
        let known = path_texts(config);
        for (purpose, key, text) in &known {
            let Some(path) = self.absolute(text) else {
                continue;
            };
            if let Some(inside) = self.inside_path(&path) {
                moves.set.push((key.clone(), inside));
            } else if *purpose == PathPurpose::Workspace {
                let inside = container_text(&own_workspace(&self.inside, config, key));
                moves.set.push((key.clone(), inside));
            } else {
                moves.unset.push((key.clone(), path));
            }
        }
        let is_known = |key: &KeyPath| known.iter().any(|(_, known, _)| known == key);
        for (key, text) in texts(config).into_iter().filter(|(key, _)| !is_known(key)) {
            let Some(path) = self.absolute(text) else {
                continue;
            };
            if let Some(inside) = self.inside_path(&path) {
                moves.set.push((key, inside));
            } else if path.starts_with(&self.source.home) || names_path(&key) {
                moves.foreign.push((key, text.to_owned()));
            }
        }
        if config.pointer("/agents/defaults/workspace").is_none() {
            let key = KeyPath::keys(["agents", "defaults", "workspace"]);
            moves.set.push((key, self.default_workspace()));
        }
        moves
    }
}

/// Returns whether the name of a key says that its value is a path.
fn names_path(key: &KeyPath) -> bool {
    let last = key.segments().iter().rev().find_map(PathSegment::as_key);
    last.is_some_and(|key| PATH_ENDINGS.iter().any(|ending| key.ends_with(ending)))
}

/// Returns the texts of a config with their keys.
pub(super) fn texts(config: &Value) -> Vec<(KeyPath, &str)> {
    let mut found = Vec::new();
    find_texts(config, &KeyPath::root(), &mut found);
    found
}

fn find_texts<'v>(value: &'v Value, at: &KeyPath, found: &mut Vec<(KeyPath, &'v str)>) {
    match value {
        Value::Object(map) => map
            .iter()
            .for_each(|(key, value)| find_texts(value, &at.child(key), found)),
        Value::Array(values) => values
            .iter()
            .enumerate()
            .for_each(|(index, value)| find_texts(value, &at.index(index), found)),
        Value::String(text) => found.push((at.clone(), text)),
        _ => {}
    }
}

/// Returns an absolute path as a container writes it, with `/` on every host.
pub(super) fn container_text(path: &Path) -> String {
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(part) => Some(format!("/{}", part.to_string_lossy())),
        _ => None,
    });
    parts.collect()
}
