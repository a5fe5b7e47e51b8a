//! The last look before anything is written: does the disk still look as the plan took it to, and
//! does every path really lie where it seems to?
//!
//! A plan is made from names. A link in a state folder, or above it, can make such a name lead into
//! another instance, and no instance may ever write there. What is found here also says where
//! [`super::script`] puts its temporary files.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::fault::{During as _, IoFailure, Operation};
use super::place::{Found, LastLink, Place, locate};
use super::system;
use crate::error::{Error, Result};
use crate::host::read::{self, ReadError};
use crate::i18n::{Msg, msg};
use crate::plan::{Change, FileKind, FileWrite, Plan};

/// How many old versions of a file are kept (docs/openclaw.md#config-backups).
const RING: usize = 5;

/// A change with the places that it touches, links followed.
pub(super) enum Target<'a> {
    Folder {
        place: Place,
    },
    File {
        write: &'a FileWrite,
        place: Place,
        ring: Vec<Place>,
    },
    Move {
        from: PathBuf,
        to: Place,
    },
    Mode {
        path: PathBuf,
        from: u32,
        to: u32,
    },
}

/// What the look found.
pub(super) struct Sight<'a> {
    /// One for each change, in the plan's order.
    pub(super) targets: Vec<Target<'a>>,
    /// What is not wrong enough to stop.
    pub(super) notices: Vec<Msg>,
}

/// Checks, reading only, that a plan can be carried out as it was meant.
///
/// `others` are the state folders, workspaces and configs of the other instances, as the survey knows
/// them. Refused as a breach of isolation: a path that *is* one of them, one that links lead into one
/// of them, and moving aside a folder that holds one of them. A path that lies in one of them by its
/// very name (`~/.openclaw/rescue.json` of the manual way) was judged when the plan was made.
///
/// A file that is not as it was when the plan was made is `apply.stale`.
pub fn preflight(plan: &Plan, others: &[PathBuf]) -> Result<()> {
    look(plan, others).map(drop)
}

pub(super) fn look<'a>(plan: &'a Plan, others: &[PathBuf]) -> Result<Sight<'a>> {
    let others = Others::locate(others);
    let mut sight = Sight {
        targets: Vec::new(),
        notices: Vec::new(),
    };
    let mut gone = Vec::new();
    let mut written = BTreeSet::new();
    let mut judged = BTreeSet::new();
    for change in &plan.changes {
        let target = match change {
            Change::MakeDir { path } => {
                let place = find(path, LastLink::Follow, &gone)?;
                others.keep_out(path, &place.real)?;
                if !matches!(place.found, Found::Nothing | Found::Folder) {
                    return Err(in_the_way(
                        msg!("apply.not-a-folder", path = path.display()),
                        path,
                    ));
                }
                Target::Folder { place }
            }
            Change::Write(write) => {
                let (place, ring) = file(write, &others, &gone)?;
                if !written.insert(place.real.clone()) {
                    return Err(Error::blocked(msg!("apply.twice", path = write.path.display())));
                }
                if matches!(write.kind, FileKind::Config | FileKind::Record)
                    // A folder that is still to be made will be ours alone.
                    && place.real.parent() == Some(&*place.anchor)
                    && judged.insert(place.anchor.clone())
                {
                    sight.notices.extend(open_folder(&place.anchor));
                }
                Target::File { write, place, ring }
            }
            Change::Rename { path, to } => {
                let from = find(path, LastLink::Keep, &gone)?;
                let to = aside(path, &from, to, &others, &gone)?;
                gone.push(from.real.clone());
                Target::Move { from: from.real, to }
            }
            Change::SetMode { path, from, to } => Target::Mode {
                path: mode(path, *from, &others, &gone)?,
                from: *from,
                to: *to,
            },
        };
        sight.targets.push(target);
    }
    Ok(sight)
}

/// A file to be written: it is as the plan saw it, and so is its ring of backups.
fn file(write: &FileWrite, others: &Others, gone: &[PathBuf]) -> Result<(Place, Vec<Place>)> {
    let path = &write.path;
    let place = find(path, LastLink::Follow, gone)?;
    others.keep_out(path, &place.real)?;
    let now = match &place.found {
        Found::Nothing => None,
        Found::File(_) => match read::bytes(&place.real) {
            Ok(bytes) => Some(bytes),
            Err(ReadError::Io(cause)) => {
                return Err(IoFailure {
                    operation: Operation::Look,
                    path: path.clone(),
                    cause,
                }
                .told());
            }
            Err(_) => return Err(stale(path)),
        },
        _ => return Err(in_the_way(msg!("apply.not-a-file", path = path.display()), path)),
    };
    if now != write.before {
        return Err(stale(path));
    }
    let mut ring = Vec::new();
    if write.backup && now.is_some() {
        for name in ring_names(path) {
            let place = find(&name, LastLink::Keep, gone)?;
            others.keep_out(&name, &place.real)?;
            if !matches!(place.found, Found::Nothing | Found::File(_)) {
                return Err(in_the_way(msg!("apply.not-a-file", path = name.display()), &name));
            }
            ring.push(place);
        }
    }
    Ok((place, ring))
}

/// `.bak`, `.bak.1` ... `.bak.4` beside the file, as OpenClaw names them.
fn ring_names(path: &Path) -> impl Iterator<Item = PathBuf> {
    (0..RING).map(move |age| {
        let mut name = OsString::from(path);
        name.push(".bak");
        if age > 0 {
            name.push(format!(".{age}"));
        }
        PathBuf::from(name)
    })
}

/// Where something is moved to: a free name on the same file system.
fn aside(path: &Path, from: &Place, to: &Path, others: &Others, gone: &[PathBuf]) -> Result<Place> {
    others.keep_out(path, &from.real)?;
    others.keep_whole(path, &from.real)?;
    if matches!(from.found, Found::Nothing) {
        return Err(stale(path));
    }
    let place = find(to, LastLink::Keep, gone)?;
    others.keep_out(to, &place.real)?;
    if !matches!(place.found, Found::Nothing) {
        return Err(in_the_way(msg!("apply.name-taken", path = to.display()), to));
    }
    let meta = |path: &Path| std::fs::symlink_metadata(path).during(Operation::Look, path);
    if !system::same_device(&meta(&from.real)?, &meta(&place.anchor)?) {
        return Err(Error::blocked(msg!(
            "apply.other-device",
            path = path.display(),
            to = to.display()
        ))
        .hint(msg!("apply.one-file-system")));
    }
    Ok(place)
}

/// What gets another mode: a file or a folder of this instance that has the mode that the plan saw.
fn mode(path: &Path, from: u32, others: &Others, gone: &[PathBuf]) -> Result<PathBuf> {
    let place = find(path, LastLink::Keep, gone)?;
    others.keep_out(path, &place.real)?;
    if !matches!(place.found, Found::File(_) | Found::Folder) {
        return Err(stale(path));
    }
    match system::mode_of(&place.real).during(Operation::Look, path)? {
        now if now == from => Ok(place.real),
        _ => Err(stale(path)),
    }
}

fn find(path: &Path, last: LastLink, gone: &[PathBuf]) -> Result<Place> {
    if !path.is_absolute() {
        return Err(Error::usage(msg!("apply.not-absolute", path = path.display())));
    }
    Ok(locate(path, last, gone).during(Operation::Look, path)?)
}

/// A folder of an instance that lets others in was so before us, and its owner may want it so.
fn open_folder(path: &Path) -> Option<Msg> {
    let mode = system::open_to_others(&std::fs::metadata(path).ok()?)?;
    Some(msg!("apply.open-folder", path = path.display(), mode = mode))
}

fn stale(path: &Path) -> Error {
    Error::failed(msg!("apply.stale", path = path.display())).hint(msg!("apply.run-again"))
}

fn in_the_way(msg: Msg, path: &Path) -> Error {
    Error::blocked(msg).hint(msg!("apply.move-away", path = path.display()))
}

/// What belongs to other instances: as it is named, and as it lies without links.
struct Others(Vec<(PathBuf, PathBuf)>);

impl Others {
    fn locate(paths: &[PathBuf]) -> Self {
        let located = paths.iter().map(|path| {
            // What can't be looked into can't be led into either: its name stands for it.
            let real = locate(path, LastLink::Follow, &[]).map_or_else(|_| path.clone(), |place| place.real);
            (path.clone(), real)
        });
        Self(located.collect())
    }

    /// Refuses a place that is another instance's, or that links lead into one.
    fn keep_out(&self, named: &Path, real: &Path) -> Result<()> {
        for (theirs, theirs_real) in &self.0 {
            let openly = named.starts_with(theirs) || named.starts_with(theirs_real);
            if real == theirs_real || (real.starts_with(theirs_real) && !openly) {
                return Err(Error::blocked(msg!(
                    "apply.isolation",
                    path = named.display(),
                    other = theirs.display()
                ))
                .hint(msg!("apply.isolation-real", real = real.display())));
            }
        }
        Ok(())
    }

    /// Refuses to move a folder in which another instance lives.
    fn keep_whole(&self, named: &Path, real: &Path) -> Result<()> {
        match self.0.iter().find(|(_, theirs)| theirs.starts_with(real)) {
            Some((theirs, _)) => Err(Error::blocked(msg!(
                "apply.holds-another",
                path = named.display(),
                other = theirs.display()
            ))),
            None => Ok(()),
        }
    }
}
