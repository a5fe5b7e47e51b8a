//! The files of an instance that go into an archive: its config with the files that it includes, and its state without
//! what can be had again (caches, logs) and what belongs to one running process (sockets, locks). Everything that is left
//! out is named, and a file or folder that can't be read is an error: an archive is whole or none.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{FileType, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use super::includes::included_files;
use super::left_out::{LeftOut, LeftOutReason, reason_anywhere, reason_at_top};
use super::listing::{is_executable, link_metadata, list, metadata, unreadable};
use super::sqlite::{COMPANION_ENDINGS, is_database};
use super::unpack::{MAX_FILES, MAX_MANIFEST_BYTES, MAX_UNPACKED_BYTES};
use super::{CONFIG_ENTRY, STATE_ENTRY, entry_name, link};
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
    /// The bytes to be packed.
    pub(crate) content: SourceContent,
    /// True when the owner may execute the file.
    pub(crate) is_executable: bool,
}

/// The bytes of a file to be packed into an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SourceContent {
    /// The content of the file.
    File,
    /// The content of the file, which is a SQLite database, and that of its log.
    Database,
    /// These bytes in place of the file's.
    Bytes(Vec<u8>),
}

/// The files, links and empty folders of an instance that are to be packed into an archive.
#[derive(Clone, Debug, Default)]
pub(crate) struct FileSet {
    /// The files, in order of their paths in the archive.
    pub(crate) sources: Vec<ArchiveSource>,
    /// The targets of symbolic links by their paths in the archive.
    pub(crate) links: BTreeMap<String, String>,
    /// The folders of which the archive holds nothing else.
    pub(crate) empty_folders: BTreeSet<String>,
    /// The files and folders that the archive leaves out.
    pub(crate) left_out: Vec<LeftOut>,
}

/// The paths in an instance's state folder that are no part of its state and are left out of its archives.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Exclusions<'a> {
    /// The workspaces of the instance.
    pub(crate) workspaces: &'a [PathBuf],
    /// The paths of other instances.
    pub(crate) others: &'a [PathBuf],
    /// The archive that is being written.
    pub(crate) archive: Option<&'a Path>,
}

/// Maximum number of bytes that an entry of an archive's manifest has beside its two names.
const MANIFEST_ENTRY_BYTES: u64 = 256;

impl FileSet {
    /// Collects the config and the state of an instance to pack them into an archive.
    ///
    /// # Errors
    /// When a file or folder can't be looked at or listed.
    pub(crate) fn collect(instance: &Instance, exclusions: Exclusions<'_>) -> Result<Self> {
        let mut set = Self::default();
        let config = &instance.config_path;
        let folder = config.parent().unwrap_or(Path::new("/"));
        if let Some(meta) = metadata(config)?.filter(Metadata::is_file) {
            set.add_file(CONFIG_ENTRY.to_owned(), config.clone(), &meta)?;
        }
        let state = canonicalize_existing(&instance.state_dir);
        for file in included_files(config)? {
            if canonicalize_existing(&file).starts_with(&state) {
                continue;
            }
            let below = file.strip_prefix(folder);
            match below.ok().filter(|below| below.iter().all(|part| part != "..")) {
                Some(below) => {
                    if let Some(meta) = metadata(&file)? {
                        set.add_below("include", below, file.clone(), &meta)?;
                    }
                }
                None => set.leave_out(LeftOutReason::Outside, file),
            }
        }
        let real = |paths: &[PathBuf]| -> Vec<PathBuf> {
            paths.iter().map(|path| canonicalize_existing(path)).collect()
        };
        let (workspaces, others) = (real(exclusions.workspaces), real(exclusions.others));
        let archive = exclusions.archive.map(canonicalize_existing);
        // Both may lie in the state: a config that is a link, and what it leads to. They are packed as the config.
        let config_link = canonicalize_existing(folder).join(config.file_name().unwrap_or_default());
        let config = canonicalize_existing(config);
        let judge = |path: &Path| {
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            let is_at_top = path.parent() == Some(&*state);
            let is_path = |known: &PathBuf| known == path;
            if *path == config || *path == config_link || archive.as_deref() == Some(path) {
                Verdict::Skip
            } else if workspaces.iter().any(is_path) {
                Verdict::LeaveOut(LeftOutReason::Workspace)
            } else if others.iter().any(is_path) {
                Verdict::LeaveOut(LeftOutReason::OtherInstance)
            } else {
                let at_top = is_at_top.then(|| reason_at_top(name)).flatten();
                let reason = at_top.or_else(|| reason_anywhere(name));
                reason.map_or(Verdict::Pack, Verdict::LeaveOut)
            }
        };
        set.walk(STATE_ENTRY, &state, &state, &judge)?;
        Ok(set)
    }

    /// Adds the files of an instance's workspace to the files to be archived. `archive` is the path of the archive that
    /// is being written.
    ///
    /// # Errors
    /// When a file or folder can't be looked at or listed.
    pub(crate) fn add_workspace(&mut self, workspace: &Path, archive: Option<&Path>) -> Result<()> {
        let root = canonicalize_existing(workspace);
        let archive = archive.map(canonicalize_existing);
        let judge = |path: &Path| {
            if archive.as_deref() == Some(path) {
                Verdict::Skip
            } else if path.file_name().is_some_and(|name| name == "node_modules") {
                Verdict::LeaveOut(LeftOutReason::Rebuilt)
            } else {
                Verdict::Pack
            }
        };
        self.left_out
            .retain(|left| !(left.reason == LeftOutReason::Workspace && left.path == root));
        self.walk("workspace", &root, &root, &judge)
    }

    /// Checks that an archive of these files of an instance will not be refused when it is read again.
    ///
    /// # Errors
    /// When there is too much, or a file can't be looked at.
    pub(crate) fn check_bounds(&self) -> Result<()> {
        let too_large = |bound: u64| Err(Error::failed(msg!("archive.too-much", bound = bound)));
        let extra = self.links.keys().chain(&self.empty_folders);
        // The manifest is an entry too.
        if (self.sources.len() + extra.clone().count()) as u64 >= MAX_FILES {
            return too_large(MAX_FILES);
        }
        let paths = self.sources.iter().map(|source| &source.path).chain(extra);
        let names = paths.map(|path| MANIFEST_ENTRY_BYTES + 2 * path.len() as u64);
        let targets = self.links.values().map(|target| target.len() as u64);
        if names.chain(targets).sum::<u64>() > MAX_MANIFEST_BYTES {
            return too_large(MAX_MANIFEST_BYTES);
        }
        if self.padded_size()? > MAX_UNPACKED_BYTES - MAX_MANIFEST_BYTES {
            return too_large(MAX_UNPACKED_BYTES);
        }
        Ok(())
    }

    /// Returns the size of these files in an archive that is not compressed, in bytes.
    ///
    /// # Errors
    /// When a file can't be looked at.
    pub(crate) fn padded_size(&self) -> Result<u64> {
        let mut padded: u64 = 0;
        for source in &self.sources {
            let size = match &source.content {
                SourceContent::Bytes(bytes) => bytes.len() as u64,
                _ => metadata(&source.file)?.map_or(0, |meta| meta.len()),
            };
            // Every file has a header and padding besides.
            padded = padded.saturating_add(size).saturating_add(1024);
        }
        Ok(padded)
    }

    /// Returns the files whose path is that of another file where case does not count.
    pub(crate) fn case_collisions(&self) -> Vec<&Path> {
        let mut names = BTreeSet::new();
        let sources = self.sources.iter();
        sources
            .filter(|source| !names.insert(source.path.to_ascii_lowercase()))
            .map(|source| source.file.as_path())
            .collect()
    }

    /// Adds the files, links and empty folders below a folder to the files to be archived. `top` is the top folder of
    /// their paths in the archive.
    fn walk(
        &mut self,
        top: &str,
        root: &Path,
        folder: &Path,
        judge: &dyn Fn(&Path) -> Verdict,
    ) -> Result<()> {
        for path in list(folder)? {
            match judge(&path) {
                Verdict::Skip => continue,
                Verdict::LeaveOut(reason) => {
                    self.left_out.push(LeftOut { reason, path });
                    continue;
                }
                Verdict::Pack => {}
            }
            if self.sources.len() as u64 > MAX_FILES {
                return Ok(());
            }
            let Some(meta) = link_metadata(&path)? else {
                continue;
            };
            let below = path.strip_prefix(root).unwrap_or(&path).to_path_buf();
            if meta.is_dir() {
                let count = self.entry_count();
                self.walk(top, root, &path, judge)?;
                if self.entry_count() == count {
                    self.add_empty_folder(top, &below, path);
                }
            } else if meta.is_file() {
                self.add_below(top, &below, path, &meta)?;
            } else {
                self.add_special(top, root, &below, path, meta.file_type())?;
            }
        }
        Ok(())
    }

    fn entry_count(&self) -> usize {
        self.sources.len() + self.links.len() + self.empty_folders.len()
    }

    fn leave_out(&mut self, reason: LeftOutReason, path: PathBuf) {
        self.left_out.push(LeftOut { reason, path });
    }

    /// Adds a file below a top folder to the files to be archived; one whose path no archive can hold is left out.
    fn add_below(&mut self, top: &str, below: &Path, file: PathBuf, meta: &Metadata) -> Result<()> {
        match archive_path(top, below) {
            Some(path) => self.add_file(path, file, meta)?,
            None => self.leave_out(LeftOutReason::Name, file),
        }
        Ok(())
    }

    /// Adds a file to the files to be archived. The files that belong to a database are packed with it.
    fn add_file(&mut self, path: String, file: PathBuf, meta: &Metadata) -> Result<()> {
        if belongs_to_database(&file)? {
            if file.as_os_str().as_encoded_bytes().ends_with(b"-shm") {
                self.leave_out(LeftOutReason::Process, file);
            }
            return Ok(());
        }
        let content = match is_database(&file) {
            Ok(true) => SourceContent::Database,
            Ok(false) => SourceContent::File,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(cause) => return Err(unreadable(&file, cause)),
        };
        self.sources.push(ArchiveSource {
            path,
            file,
            content,
            is_executable: is_executable(meta),
        });
        Ok(())
    }

    fn add_empty_folder(&mut self, top: &str, below: &Path, folder: PathBuf) {
        match archive_path(top, below) {
            Some(path) => {
                self.empty_folders.insert(path);
            }
            None => self.leave_out(LeftOutReason::Name, folder),
        }
    }

    /// Adds a symbolic link that stays inside `root` to the files to be archived; leaves out any other special file.
    fn add_special(
        &mut self,
        top: &str,
        root: &Path,
        below: &Path,
        path: PathBuf,
        kind: FileType,
    ) -> Result<()> {
        if !kind.is_symlink() {
            self.leave_out(LeftOutReason::Special, path);
            return Ok(());
        }
        let target = link::portable_target(&path, root).map_err(|cause| unreadable(&path, cause))?;
        match (archive_path(top, below), target) {
            (Some(name), Some(target)) => {
                self.links.insert(name, target);
            }
            (None, _) => self.leave_out(LeftOutReason::Name, path),
            (_, None) => self.leave_out(LeftOutReason::Outside, path),
        }
        Ok(())
    }
}

/// A decision about a path below an instance's folders: whether it goes into an archive.
enum Verdict {
    Pack,
    LeaveOut(LeftOutReason),
    /// The path is packed elsewhere, or is the archive itself.
    Skip,
}

/// Returns the path in an archive of a path below a top folder; `None` where no archive can hold it.
fn archive_path(top: &str, below: &Path) -> Option<String> {
    let parts: Option<Vec<&str>> = below.iter().map(|part| part.to_str()).collect();
    let path = format!("{top}/{}", parts?.join("/"));
    entry_name::check(&path).is_ok().then_some(path)
}

/// Returns whether a file is the log or journal of a database beside it.
fn belongs_to_database(file: &Path) -> Result<bool> {
    let text = file.to_str().unwrap_or_default();
    for database in COMPANION_ENDINGS
        .iter()
        .filter_map(|ending| text.strip_suffix(ending))
    {
        match is_database(Path::new(database)) {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(cause) => return Err(unreadable(Path::new(database), cause)),
        }
    }
    Ok(false)
}
