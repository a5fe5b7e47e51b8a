//! The room on disks that an upgrade takes: for the copy of a rehearsal, the snapshot, and for putting that back.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::host::{Host, pid};
use crate::i18n::{msg, size_msg};

/// Free space that is left on each disk for what the new release writes itself, in bytes.
const MARGIN_BYTES: u64 = 8 * 1024 * 1024;

/// A folder in which an upgrade writes, and how much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RoomPart {
    folder: PathBuf,
    bytes: u64,
}

/// The file system of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Disk {
    device: u64,
    free_bytes: u64,
}

/// The folders of an upgrade.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UpgradeFolders<'a> {
    /// The folder of the releases, where a rehearsal has its copy.
    pub(crate) store: &'a Path,
    /// The folder of the snapshots.
    pub(crate) snapshots: &'a Path,
    /// The state folder, beside which a snapshot is unpacked to be put back.
    pub(crate) state: &'a Path,
}

/// Returns the parts of an upgrade of an instance whose files have this size; each list is of one time, as a rehearsal ends
/// before the switch begins. `release_bytes` is the size of a release that is to be installed.
pub(crate) fn room_parts(
    folders: UpgradeFolders<'_>,
    size: u64,
    rehearses: bool,
    release_bytes: u64,
) -> [Vec<RoomPart>; 2] {
    let part = |folder: &Path, bytes: u64| RoomPart {
        folder: folder.to_path_buf(),
        bytes,
    };
    let copies = if rehearses { 2 } else { 0 };
    [
        // An archive, and the files that are unpacked from it.
        vec![part(folders.store, release_bytes + copies * size)],
        vec![
            part(folders.store, release_bytes),
            part(folders.snapshots, size),
            part(folders.state, size),
        ],
    ]
}

/// Checks that there is room for an upgrade.
///
/// # Errors
/// How much is needed where, and how much is free.
pub(crate) fn check_room(host: &Host, times: &[Vec<RoomPart>]) -> Result<()> {
    let disk = |folder: &Path| {
        let existing = folder.ancestors().find(|folder| folder.is_dir())?;
        Some(Disk {
            device: pid::file_id(existing)?.device(),
            free_bytes: host.file_system_space(existing)?.free_bytes,
        })
    };
    match times.iter().find_map(|parts| shortage(parts, &disk)) {
        None => Ok(()),
        Some((part, free)) => Err(Error::failed(
            msg!("engine.no-room", path = part.folder.display())
                .with_msg("needed", size_msg(part.bytes))
                .with_msg("free", size_msg(free)),
        )
        .hint(msg!("engine.clear-room"))),
    }
}

/// Returns the first disk without room for these parts: its folder with what all parts on it need, and what is free there. A
/// disk that the system tells nothing about has room.
fn shortage(parts: &[RoomPart], disk: &dyn Fn(&Path) -> Option<Disk>) -> Option<(RoomPart, u64)> {
    parts.iter().find_map(|first| {
        let of_first = disk(&first.folder)?;
        let on_it = parts
            .iter()
            .filter(|part| disk(&part.folder).is_some_and(|disk| disk.device == of_first.device));
        let needed = on_it.map(|part| part.bytes).sum::<u64>();
        let bytes = needed + MARGIN_BYTES;
        let folder = first.folder.clone();
        (bytes > of_first.free_bytes).then_some((RoomPart { folder, bytes }, of_first.free_bytes))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1024 * 1024;

    fn folders() -> UpgradeFolders<'static> {
        UpgradeFolders {
            store: Path::new("/home/engines"),
            snapshots: Path::new("/home/snapshots"),
            state: Path::new("/state"),
        }
    }

    /// Returns the disk of a folder, where `/state` is one of its own.
    fn two_disks(home_free: u64, state_free: u64) -> impl Fn(&Path) -> Option<Disk> {
        move |folder: &Path| {
            let is_state = folder.starts_with("/state");
            Some(Disk {
                device: u64::from(is_state),
                free_bytes: if is_state { state_free } else { home_free },
            })
        }
    }

    #[test]
    fn parts_on_one_disk_add_up_and_those_of_different_times_do_not() {
        let one_disk = |free_bytes: u64| {
            move |_: &Path| {
                Some(Disk {
                    device: 1,
                    free_bytes,
                })
            }
        };
        let times = room_parts(folders(), 10 * MB, true, 0);
        let short = |free: u64| times.iter().find_map(|parts| shortage(parts, &one_disk(free)));
        assert_eq!(short(28 * MB), None);
        let (part, free) = short(27 * MB).unwrap();
        assert_eq!((part.bytes, free), (28 * MB, 27 * MB));
    }

    #[test]
    fn disk_without_room_is_the_one_that_is_named() {
        let [rehearsal, switch] = room_parts(folders(), 10 * MB, true, 100 * MB);
        assert_eq!(shortage(&rehearsal, &two_disks(128 * MB, 0)), None);
        assert_eq!(shortage(&switch, &two_disks(118 * MB, 18 * MB)), None);
        let (part, _) = shortage(&switch, &two_disks(118 * MB, 17 * MB)).unwrap();
        assert_eq!(part.folder, Path::new("/state"));
        let (part, _) = shortage(&rehearsal, &two_disks(127 * MB, 0)).unwrap();
        assert_eq!(part.folder, Path::new("/home/engines"));
    }

    #[test]
    fn disk_that_is_not_known_has_room() {
        let [rehearsal, _] = room_parts(folders(), u64::MAX / 4, true, 0);
        assert_eq!(shortage(&rehearsal, &|_| None), None);
    }
}
