//! A plan as a difference that a person or a program can read: unified texts, secrets hidden. The same
//! plan always gives the same text, so that a dry run shows what the run then does.

use std::fmt::Write as _;
use std::path::Path;

use similar::TextDiff;

use crate::config::{self, secrets};
use crate::plan::{Change, FileKind, FileWrite, Plan};
use crate::report::origin_name;
use crate::secret::{Origin, Piece};
use crate::situation::shown;

/// Lines around a change.
const CONTEXT: usize = 2;

/// The plan as text: no language, no colour, `~` for the home folder.
pub fn unified(plan: &Plan, home: &Path) -> String {
    let mut out = String::new();
    for change in &plan.changes {
        let path = shown(home, change.path());
        // Writing to a String never fails.
        let _ = match change {
            Change::MakeDir { .. } => writeln!(out, "new folder {path}\n+ mode 0700"),
            Change::SetMode { from, to, .. } => {
                writeln!(out, "mode of {path}\n- mode {from:04o}\n+ mode {to:04o}")
            }
            Change::MoveAside { to, .. } => {
                writeln!(out, "rename\n- {path}\n+ {}", shown(home, to))
            }
            Change::Write(write) => {
                let before = before(write);
                let after = write.content.shown(|origin| format!("<{}>", origin_name(origin)));
                let from = if write.before.is_some() {
                    path.as_str()
                } else {
                    "/dev/null"
                };
                let diff = TextDiff::from_lines(&before, &after);
                write!(
                    out,
                    "{}",
                    diff.unified_diff().context_radius(CONTEXT).header(from, &path)
                )
            }
        };
    }
    out
}

/// What stood in a file, fit to be shown: what can't be understood is not shown at all, since nobody
/// knows where its secrets are.
fn before(write: &FileWrite) -> String {
    let Some(bytes) = &write.before else {
        return String::new();
    };
    if write.kind != FileKind::Config {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    match config::of_bytes(bytes.clone()) {
        Ok(document) => match &secrets::pieces(&document, |_| Origin::Kept)[..] {
            [] => document.text().to_owned(),
            pieces => pieces.iter().map(piece).collect(),
        },
        Err(_) => format!("<{} bytes>\n", bytes.len()),
    }
}

fn piece(piece: &Piece) -> String {
    match piece {
        Piece::Text(text) => text.clone(),
        Piece::Hidden(origin) => format!("<{}>", origin_name(*origin)),
    }
}
