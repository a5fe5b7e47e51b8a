//! The files of an instance that go into an archive: its config with the files that it includes, and its state without
//! caches and logs, which can be had again, and without sockets and locks, which belong to one running process.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::ArchiveKind;
use super::staging_dirs::RESTORE_PREFIX;
use super::unpack::{MAX_FILES, MAX_MANIFEST_BYTES, MAX_UNPACKED_BYTES};
use crate::config::{self, LoadedConfig};
use crate::error::{Error, Result};
use crate::host::read::canonicalize_existing;
use crate::i18n::msg;
use crate::instance::Instance;

/// A file to be packed into an archive of an instance.
#[derive(Clone, Debug)]
pub(crate) struct ArchiveSource {
    /// Path in the archive.
    pub(crate) path: String,
    /// Path on the disk.
    pub(crate) file: PathBuf,
    /// The bytes to pack in place of those of the file.
    pub(crate) bytes: Option<Vec<u8>>,
}

/// The files of an instance that are to be packed into an archive.
#[derive(Clone, Debug, Default)]
pub(crate) struct FileSet {
    /// The files, in order of their paths in the archive.
    pub(crate) sources: Vec<ArchiveSource>,
    /// Paths that were left out because they are no regular file or their name is not Unicode.
    pub(crate) skipped: Vec<PathBuf>,
}

/// Names at the top of a state folder that are left out of archives: they are made anew, or belong to another program.
const LEFT_OUT_NAMES: [&str; 10] = [
    "logs",
    "log",
    "cache",
    "tmp",
    "aside",
    "gateway.lock",
    "gateway-stopped",
    "snapshots",
    "sandboxes",
    "node_modules",
];
/// Endings of file names that are left out of archives everywhere: caches of a browser, and sockets.
const CACHE_ENDINGS: [&str; 5] = [
    "Cache",
    "CacheStorage",
    "Crashpad",
    "component_crx_cache",
    ".sock",
];
/// Maximum number of bytes that an entry of an archive's manifest has beside its two names.
const MANIFEST_ENTRY_BYTES: u64 = 256;

/// Returns whether a file or folder at the top of a state folder is left out of archives.
fn is_left_out(name: &str) -> bool {
    let endings = [".lock", ".sock", ".tmp", ".pid"];
    LEFT_OUT_NAMES.contains(&name)
        || name == "workspace"
        || name.starts_with("workspace-")
        || name.contains(".aside-")
        || name.starts_with(RESTORE_PREFIX)
        || endings.iter().any(|ending| name.ends_with(ending))
}

impl FileSet {
    /// Collects the config and the state of an instance to pack them into an archive. `protected` are paths that are
    /// not its state: workspaces, and all paths of other instances.
    pub(crate) fn collect(instance: &Instance, protected: &[PathBuf]) -> Self {
        let mut set = Self::default();
        let config = &instance.config_path;
        if config.is_file() {
            set.sources.push(ArchiveSource {
                path: "config/openclaw.json".to_owned(),
                file: config.clone(),
                bytes: None,
            });
        }
        for (below, file) in included_files(config) {
            if !canonicalize_existing(&file).starts_with(canonicalize_existing(&instance.state_dir)) {
                set.add("include", &below, file);
            }
        }
        let protected: Vec<_> = protected.iter().map(|path| canonicalize_existing(path)).collect();
        let state = canonicalize_existing(&instance.state_dir);
        let config = canonicalize_existing(config);
        set.walk("state", &state, &state, &|path| {
            let is_at_top = path.parent() == Some(&*state);
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            path == config
                || (is_at_top && is_left_out(name))
                || protected.iter().any(|p| p == path)
                || is_cache(name)
        });
        set
    }

    /// Adds the files of an instance's workspace to the files to be archived.
    pub(crate) fn add_workspace(&mut self, workspace: &Path) {
        let root = canonicalize_existing(workspace);
        self.walk("workspace", &root, &root, &|path| {
            path.file_name().is_some_and(|name| name == "node_modules")
        });
    }

    /// Checks that an archive of these files of an instance will not be refused when it is read again.
    ///
    /// # Errors
    /// When there is too much; for an export, which may be read where case does not count, when two names are one there.
    pub(crate) fn check(&self, kind: ArchiveKind) -> Result<()> {
        let too_large = |bound: u64| Err(Error::failed(msg!("archive.too-much", bound = bound)));
        // The manifest is an entry too.
        if self.sources.len() as u64 >= MAX_FILES {
            return too_large(MAX_FILES);
        }
        let names = self
            .sources
            .iter()
            .map(|source| MANIFEST_ENTRY_BYTES + 2 * source.path.len() as u64);
        if names.sum::<u64>() > MAX_MANIFEST_BYTES {
            return too_large(MAX_MANIFEST_BYTES);
        }
        let sizes = self.sources.iter().map(|source| match &source.bytes {
            Some(bytes) => bytes.len() as u64,
            None => std::fs::metadata(&source.file).map_or(0, |meta| meta.len()),
        });
        // Every file has a header and padding besides.
        let padded: u64 = sizes.map(|size| size.saturating_add(1024)).sum();
        if padded > MAX_UNPACKED_BYTES - MAX_MANIFEST_BYTES {
            return too_large(MAX_UNPACKED_BYTES);
        }
        let mut names = BTreeSet::new();
        let duplicate = self
            .sources
            .iter()
            .find(|source| kind == ArchiveKind::Export && !names.insert(source.path.to_ascii_lowercase()));
        match duplicate {
            Some(source) => Err(Error::failed(msg!("archive.twins", path = source.file.display()))),
            None => Ok(()),
        }
    }

    /// Adds the files below a folder to the files to be archived. `top` is the top folder of their paths in the
    /// archive.
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

    /// Adds a file to the files to be archived; one whose path no archive can hold is skipped.
    fn add(&mut self, top: &str, below: &Path, file: PathBuf) {
        let parts: Option<Vec<&str>> = below.iter().map(|part| part.to_str()).collect();
        let path = parts.map(|parts| format!("{top}/{}", parts.join("/")));
        match path.filter(|path| super::entry_name::check(path).is_ok()) {
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
    CACHE_ENDINGS.iter().any(|ending| name.ends_with(ending)) || name.starts_with("Singleton")
}

/// Returns the files that a config includes from its own folder, with their paths below that folder.
fn included_files(config: &Path) -> Vec<(PathBuf, PathBuf)> {
    let folder = config.parent().unwrap_or(Path::new("/"));
    let mut found: Vec<(PathBuf, PathBuf)> = Vec::new();
    let mut ahead = vec![config.to_path_buf()];
    while let Some(path) = ahead.pop() {
        let LoadedConfig::Ok(document) = config::load(&path) else {
            continue;
        };
        let mut named = Vec::new();
        collect_includes(document.value(), &mut named);
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

/// Collects the names of the files that a value of an OpenClaw config includes with `$include`.
fn collect_includes(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(name) if key == "$include" => into.push(name.clone()),
                    Value::Array(names) if key == "$include" => {
                        into.extend(names.iter().filter_map(Value::as_str).map(str::to_owned));
                    }
                    value => collect_includes(value, into),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect_includes(value, into)),
        _ => {}
    }
}

/// Returns the paths to rename when an instance's state below `root` is replaced: the entries of `root`; of an entry
/// that holds a path of `stay`, its own entries. `stay` and the result are relative to `root`.
pub(crate) fn movable_entries(root: &Path, stay: &[PathBuf]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect_movable(root, Path::new(""), stay, &mut found);
    found.sort();
    found
}

fn collect_movable(root: &Path, below: &Path, stay: &[PathBuf], found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(root.join(below))
        .into_iter()
        .flatten()
        .flatten();
    for entry in entries {
        let path = below.join(entry.file_name());
        let is_at_top = below.as_os_str().is_empty();
        let left_out = is_at_top && entry.file_name().to_str().is_some_and(is_left_out);
        if left_out || stay.contains(&path) {
            continue;
        }
        if stay.iter().any(|stays| stays.starts_with(&path)) {
            collect_movable(root, &path, stay, found);
        } else {
            found.push(path);
        }
    }
}
