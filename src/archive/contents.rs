//! What of an instance goes into an archive: its config with what that includes, its state without what
//! can be had again (caches, logs) or belongs to one running process (sockets, locks).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::ArchiveKind;
use super::unpack::{MAX_BYTES, MAX_FILES, MAX_MANIFEST};
use crate::config::{self, LoadedConfig};
use crate::error::{Error, Result};
use crate::host::read::canonicalize_existing;
use crate::i18n::msg;
use crate::instance::Instance;

/// A file to be packed.
#[derive(Clone, Debug)]
pub struct ArchiveSource {
    /// Its path in the archive.
    pub path: String,
    /// Where it lies.
    pub file: PathBuf,
    /// What stands for its bytes.
    pub bytes: Option<Vec<u8>>,
}

/// The files of an instance.
#[derive(Clone, Debug, Default)]
pub struct FileSet {
    /// In order of their paths.
    pub sources: Vec<ArchiveSource>,
    /// What was left out because it is no file or its name is no text.
    pub skipped: Vec<PathBuf>,
}

/// Folders and files at the top of a state folder that are not kept: made anew, or another one's.
const TOP: [&str; 9] = [
    "logs",
    "log",
    "cache",
    "tmp",
    "aside",
    "gateway.lock",
    "snapshots",
    "sandboxes",
    "node_modules",
];
/// Folders that a browser fills again, and sockets, by the ends of their names.
const CACHES: [&str; 5] = [
    "Cache",
    "CacheStorage",
    "Crashpad",
    "component_crx_cache",
    ".sock",
];
/// More than an entry of a manifest has beside its two names, in bytes.
const ENTRY: u64 = 256;

/// Whether an entry at the top of a state folder is left out.
pub(super) fn is_left_out(name: &str) -> bool {
    let ends = [".lock", ".sock", ".tmp", ".pid"];
    TOP.contains(&name)
        || name == "workspace"
        || name.starts_with("workspace-")
        || name.contains(".aside-")
        || name.starts_with(super::leftover::RESTORE)
        || ends.iter().any(|end| name.ends_with(end))
}

impl FileSet {
    /// Looks for the files of an instance. `protected` are paths that are not its state: workspaces, and all
    /// of other instances.
    pub fn of(instance: &Instance, protected: &[PathBuf]) -> Self {
        let mut contents = Self::default();
        let config = &instance.config_path;
        if config.is_file() {
            contents.sources.push(ArchiveSource {
                path: "config/openclaw.json".to_owned(),
                file: config.clone(),
                bytes: None,
            });
        }
        for (below, file) in includes(config) {
            if !canonicalize_existing(&file).starts_with(canonicalize_existing(&instance.state_dir)) {
                contents.add("include", &below, file);
            }
        }
        let protected: Vec<_> = protected.iter().map(|path| canonicalize_existing(path)).collect();
        let state = canonicalize_existing(&instance.state_dir);
        let config = canonicalize_existing(config);
        contents.walk("state", &state, &state, &|path| {
            let top = path.parent() == Some(&*state);
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            path == config
                || (top && is_left_out(name))
                || protected.iter().any(|p| p == path)
                || is_cache(name)
        });
        contents
    }

    /// Adds the files of a workspace.
    pub fn add_workspace(&mut self, workspace: &Path) {
        let root = canonicalize_existing(workspace);
        self.walk("workspace", &root, &root, &|path| {
            path.file_name().is_some_and(|name| name == "node_modules")
        });
    }

    /// Refuses what would be refused when it is read again: too much, or for an export, which may be read
    /// where case does not count, two names that are one there.
    pub fn check(&self, kind: ArchiveKind) -> Result<()> {
        let too_much = |bound: u64| Err(Error::failed(msg!("archive.too-much", bound = bound)));
        // The manifest is an entry too.
        if self.sources.len() as u64 >= MAX_FILES {
            return too_much(MAX_FILES);
        }
        let names = self
            .sources
            .iter()
            .map(|source| ENTRY + 2 * source.path.len() as u64);
        if names.sum::<u64>() > MAX_MANIFEST {
            return too_much(MAX_MANIFEST);
        }
        let sizes = self.sources.iter().map(|source| match &source.bytes {
            Some(bytes) => bytes.len() as u64,
            None => std::fs::metadata(&source.file).map_or(0, |meta| meta.len()),
        });
        // As much again as any header and padding.
        let padded: u64 = sizes.map(|size| size.saturating_add(1024)).sum();
        if padded > MAX_BYTES - MAX_MANIFEST {
            return too_much(MAX_BYTES);
        }
        let mut names = BTreeSet::new();
        let twin = self
            .sources
            .iter()
            .find(|source| kind == ArchiveKind::Export && !names.insert(source.path.to_ascii_lowercase()));
        match twin {
            Some(twin) => Err(Error::failed(msg!("archive.twins", path = twin.file.display()))),
            None => Ok(()),
        }
    }

    fn walk(&mut self, top: &str, root: &Path, folder: &Path, skip: &dyn Fn(&Path) -> bool) {
        let mut entries: Vec<_> = std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect();
        entries.sort();
        for path in entries {
            let Ok(meta) = std::fs::symlink_metadata(&path) else {
                continue;
            };
            if skip(&path) || self.sources.len() as u64 > MAX_FILES {
                continue;
            }
            if meta.is_dir() {
                self.walk(top, root, &path, skip);
            } else if meta.is_file() {
                let below = path.strip_prefix(root).unwrap_or(&path).to_path_buf();
                self.add(top, &below, path);
            } else {
                self.skipped.push(path);
            }
        }
    }

    fn add(&mut self, top: &str, below: &Path, file: PathBuf) {
        let parts: Option<Vec<&str>> = below.iter().map(|part| part.to_str()).collect();
        let path = parts.map(|parts| format!("{top}/{}", parts.join("/")));
        match path.filter(|path| super::name::check(path).is_ok()) {
            Some(path) => self.sources.push(ArchiveSource {
                path,
                file,
                bytes: None,
            }),
            None => self.skipped.push(file),
        }
    }
}

fn is_cache(name: &str) -> bool {
    CACHES.iter().any(|end| name.ends_with(end)) || name.starts_with("Singleton")
}

/// The files that a config includes from its own folder, with their paths below it.
fn includes(config: &Path) -> Vec<(PathBuf, PathBuf)> {
    let folder = config.parent().unwrap_or(Path::new("/"));
    let mut found: Vec<(PathBuf, PathBuf)> = Vec::new();
    let mut ahead = vec![config.to_path_buf()];
    while let Some(path) = ahead.pop() {
        let LoadedConfig::Ok(document) = config::load(&path) else {
            continue;
        };
        let mut named = Vec::new();
        collect(document.value(), &mut named);
        for name in named {
            let file = path.parent().unwrap_or(folder).join(name);
            let below = file.strip_prefix(folder).map(Path::to_path_buf);
            let known = found.iter().any(|(_, known)| *known == file);
            if let (Ok(below), false, true) = (below, known, file.is_file()) {
                ahead.push(file.clone());
                found.push((below, file));
            }
        }
    }
    found
}

fn collect(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(name) if key == "$include" => into.push(name.clone()),
                    Value::Array(names) if key == "$include" => {
                        into.extend(names.iter().filter_map(Value::as_str).map(str::to_owned));
                    }
                    value => collect(value, into),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, into)),
        _ => {}
    }
}

/// What is moved as one when the state below `root` is replaced: its entries, but where a path that must
/// stay lies in one of them, that one's own entries. `stay` and the result are relative to `root`.
pub fn movable_entries(root: &Path, stay: &[PathBuf]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    split(root, Path::new(""), stay, &mut found);
    found.sort();
    found
}

fn split(root: &Path, below: &Path, stay: &[PathBuf], found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(root.join(below))
        .into_iter()
        .flatten()
        .flatten();
    for entry in entries {
        let path = below.join(entry.file_name());
        let top = below.as_os_str().is_empty();
        let left_out = top && entry.file_name().to_str().is_some_and(is_left_out);
        if left_out || stay.contains(&path) {
            continue;
        }
        if stay.iter().any(|stays| stays.starts_with(&path)) {
            split(root, &path, stay, found);
        } else {
            found.push(path);
        }
    }
}
