//! Files of an instance that an archive leaves out, with the reason for each: what is missing from an archive is named.

use std::path::PathBuf;

use super::ArchiveKind;
use super::staging_dirs::RESTORE_PREFIX;
use crate::i18n::{Msg, msg};

/// The reason why an archive leaves a file or folder out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LeftOutReason {
    /// A log, a cache, or something that a program makes anew when it is needed.
    Rebuilt,
    /// A lock, socket or temporary file of a process.
    Process,
    /// Something that was moved aside earlier, or a snapshot.
    Aside,
    /// A workspace or sandbox, which is the agent's work and no state.
    Workspace,
    /// A path of another instance.
    OtherInstance,
    /// A file of secrets.
    Secret,
    /// A database, which can't be searched for secrets.
    Database,
    /// A JSON file that can't be parsed, so that its secrets can't be found.
    Unparsable,
    /// A device, FIFO or socket.
    Special,
    /// A name that some system can't hold.
    Name,
    /// A link that leads out of the folder that is packed, or an included file that lies outside the config's folder.
    Outside,
}

impl LeftOutReason {
    /// Returns the name in JSON output.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rebuilt => "rebuilt",
            Self::Process => "process",
            Self::Aside => "aside",
            Self::Workspace => "workspace",
            Self::OtherInstance => "other-instance",
            Self::Secret => "secret",
            Self::Database => "database",
            Self::Unparsable => "unparsable",
            Self::Special => "special",
            Self::Name => "name",
            Self::Outside => "outside",
        }
    }

    /// Returns the sentence that names paths which were left out for this reason.
    pub(crate) fn msg(self, paths: &str) -> Msg {
        match self {
            Self::Rebuilt => msg!("archive.left-rebuilt", paths = paths),
            Self::Process => msg!("archive.left-process", paths = paths),
            Self::Aside => msg!("archive.left-aside", paths = paths),
            Self::Workspace => msg!("archive.left-workspace", paths = paths),
            Self::OtherInstance => msg!("archive.left-other", paths = paths),
            Self::Secret => msg!("archive.left-secret", paths = paths),
            Self::Database => msg!("archive.left-database", paths = paths),
            Self::Unparsable => msg!("archive.left-unparsable", paths = paths),
            Self::Special => msg!("archive.left-special", paths = paths),
            Self::Name => msg!("archive.left-name", paths = paths),
            Self::Outside => msg!("archive.left-outside", paths = paths),
        }
    }

    /// Returns whether the user is told about what an archive of this kind leaves out for this reason. Nobody misses
    /// locks and sockets, nor a cache in a snapshot, which is restored beside it.
    pub(crate) fn is_notable(self, kind: ArchiveKind) -> bool {
        match self {
            Self::Process => false,
            Self::Rebuilt | Self::Aside => kind == ArchiveKind::Export,
            _ => true,
        }
    }

    /// Returns whether the rules of archives leave nothing like it out: the file can't be packed.
    pub(crate) fn is_unexpected(self) -> bool {
        matches!(
            self,
            Self::Unparsable | Self::Special | Self::Name | Self::Outside
        )
    }
}

/// A file or folder that an archive leaves out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LeftOut {
    /// The reason.
    pub(crate) reason: LeftOutReason,
    /// The path on the disk.
    pub(crate) path: PathBuf,
}

/// Names at the top of a state folder that are left out of archives, with the reasons.
const LEFT_OUT_NAMES: [(&str, LeftOutReason); 13] = [
    ("logs", LeftOutReason::Rebuilt),
    ("log", LeftOutReason::Rebuilt),
    ("cache", LeftOutReason::Rebuilt),
    ("tmp", LeftOutReason::Rebuilt),
    ("node_modules", LeftOutReason::Rebuilt),
    // Links to the release's own folder, which it makes when it loads its skills: docs/openclaw.md#state-folder.
    ("plugin-skills", LeftOutReason::Rebuilt),
    ("gateway.lock", LeftOutReason::Process),
    ("gateway-stopped", LeftOutReason::Process),
    // The mark of a move, which says whose instance this one folder is.
    ("move.json", LeftOutReason::Process),
    ("aside", LeftOutReason::Aside),
    ("snapshots", LeftOutReason::Aside),
    ("sandboxes", LeftOutReason::Workspace),
    ("workspace", LeftOutReason::Workspace),
];
/// Endings of names at the top of a state folder that are left out of archives: files of a running process.
const PROCESS_ENDINGS: [&str; 4] = [".lock", SOCKET_ENDING, ".tmp", ".pid"];
/// Ending of the names of sockets, which are left out of archives everywhere.
const SOCKET_ENDING: &str = ".sock";
/// Endings of file names that are left out of archives everywhere: caches of a browser.
const CACHE_ENDINGS: [&str; 4] = ["Cache", "CacheStorage", "Crashpad", "component_crx_cache"];
/// Returns the reason for which a file or folder at the top of a state folder is left out of archives.
pub(super) fn reason_at_top(name: &str) -> Option<LeftOutReason> {
    let known = LEFT_OUT_NAMES.iter().find(|(known, _)| *known == name);
    if let Some((_, reason)) = known {
        Some(*reason)
    } else if name.starts_with("workspace-") {
        Some(LeftOutReason::Workspace)
    } else if name.contains(".aside-") || name.starts_with(RESTORE_PREFIX) {
        Some(LeftOutReason::Aside)
    } else if PROCESS_ENDINGS.iter().any(|ending| name.ends_with(ending)) {
        Some(LeftOutReason::Process)
    } else {
        None
    }
}

/// Returns the reason for which a file or folder of this name is left out of archives wherever it lies.
pub(super) fn reason_anywhere(name: &str) -> Option<LeftOutReason> {
    if CACHE_ENDINGS.iter().any(|ending| name.ends_with(ending)) {
        Some(LeftOutReason::Rebuilt)
    } else if name.starts_with("Singleton") || name.ends_with(SOCKET_ENDING) {
        Some(LeftOutReason::Process)
    } else {
        None
    }
}
