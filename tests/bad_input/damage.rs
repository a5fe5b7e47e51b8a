//! The kinds of bad input that a file can be replaced by.

use std::fmt::{Display, Formatter, Result};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use super::files::File;

/// Number of bytes between two places at which a file is cut off.
const CUT_STEP: usize = 10;
/// Number of bytes of the large file: over every limit of this program.
const LARGE_BYTES: usize = 10 * 1024 * 1024;
/// Number of nested lists in the deep file.
const DEPTH: usize = 10_000;

/// A kind of bad input in the place of a file.
#[derive(Clone, Debug)]
pub(super) enum Damage {
    Absent,
    Empty,
    ByteOrderMark,
    NotUtf8,
    /// The file as it is, which nobody may read or write. Root may in any case.
    NoPermission,
    /// The first bytes of the file, so many.
    CutAt(usize),
    /// The file with another value in the place of one, by the number of that place.
    WrongType(usize, &'static str),
    Large,
    Deep,
    Fifo,
    Folder,
    DanglingLink,
    /// A link to the file of the default instance.
    LinkToOtherInstance,
}

impl Display for Damage {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::CutAt(bytes) => write!(f, "cut at {bytes}"),
            Self::WrongType(place, value) => write!(f, "value {place} replaced by {value}"),
            other => write!(f, "{other:?}"),
        }
    }
}

impl Damage {
    /// Returns every kind of bad input for a file.
    pub(super) fn all(file: &File) -> Vec<Self> {
        let mut all = vec![
            Self::Absent,
            Self::Empty,
            Self::ByteOrderMark,
            Self::NotUtf8,
            Self::Large,
            Self::Deep,
            Self::Fifo,
            Self::Folder,
            Self::DanglingLink,
            Self::LinkToOtherInstance,
        ];
        let length = file.text().len();
        all.extend((CUT_STEP..length).step_by(CUT_STEP).map(Self::CutAt));
        let places = values(&file.text()).len();
        let kinds = ["7", "[1]", "\"\\u0007 x\"", "true"];
        all.extend((0..places).map(|place| Self::WrongType(place, kinds[place % kinds.len()])));
        all
    }

    /// Returns whether no reader can get anything out of the file, whatever it holds.
    pub(super) fn is_unreadable(&self, file: &File) -> bool {
        match self {
            // Elsewhere that is just a long line.
            Self::Deep => file.is_document(),
            _ => matches!(
                self,
                Self::NotUtf8 | Self::Fifo | Self::Folder | Self::NoPermission
            ),
        }
    }

    /// Returns whether only the commands that read the file are tried.
    pub(super) fn is_one_of_many(&self) -> bool {
        matches!(self, Self::CutAt(_) | Self::WrongType(..))
    }

    /// Returns the bytes of the damaged file; `None` where something else than a regular file takes its place.
    pub(super) fn bytes(&self, file: &File) -> Option<Vec<u8>> {
        let text = file.text();
        Some(match self {
            Self::Empty => Vec::new(),
            Self::NoPermission => text.into_bytes(),
            Self::ByteOrderMark => ["\u{feff}", &text].concat().into_bytes(),
            Self::NotUtf8 => {
                let mut bytes = text.into_bytes();
                let middle = bytes.len() / 2;
                bytes.insert(middle, 0xff);
                bytes
            }
            Self::CutAt(length) => text.into_bytes()[..*length].to_vec(),
            Self::WrongType(place, value) => {
                let (from, to) = values(&text)[*place];
                [&text[..from], value, &text[to..]].concat().into_bytes()
            }
            Self::Large => {
                let mut bytes = text.into_bytes();
                bytes.resize(LARGE_BYTES, b'\n');
                bytes
            }
            Self::Deep => file.deep(&"[".repeat(DEPTH), &"]".repeat(DEPTH)).into_bytes(),
            Self::Absent | Self::Fifo | Self::Folder | Self::DanglingLink | Self::LinkToOtherInstance => {
                return None;
            }
        })
    }

    /// Puts what is no regular file in the place of a file. Nothing is there before.
    pub(super) fn put_instead(&self, path: &Path, other: &Path) {
        match self {
            Self::Fifo => {
                let made = Command::new("mkfifo").arg(path).status().expect("mkfifo");
                assert!(made.success());
            }
            Self::Folder => std::fs::create_dir(path).expect("a folder"),
            Self::DanglingLink => symlink("/nowhere/at/all", path).expect("a link"),
            Self::LinkToOtherInstance => symlink(other, path).expect("a link"),
            _ => {}
        }
    }
}

/// Returns the places of the values in a text: quoted strings, numbers and words after a colon or an equals sign.
fn values(text: &str) -> Vec<(usize, usize)> {
    let mut places = Vec::new();
    let mut at = 0;
    while let Some(found) = text[at..].find([':', '=']) {
        let from = at + found + 1;
        let from = from + text[from..].len() - text[from..].trim_start_matches(' ').len();
        at = from;
        let rest = &text[from..];
        let length = match rest.strip_prefix('"') {
            Some(string) => string.find('"').map_or(0, |end| end + 2),
            None => rest.find([',', '\n', '}', ']']).unwrap_or(rest.len()),
        };
        let is_container = rest.starts_with(['{', '[', '\n']);
        if length > 0 && !is_container {
            places.push((from, from + length));
            at = from + length;
        }
    }
    places
}
