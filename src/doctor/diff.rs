//! A plan as a difference that a person or a program can read: unified texts, secrets hidden. The same
//! plan always gives the same text, so that a dry run shows what the run then does.

use std::fmt::Write as _;
use std::path::Path;

use similar::TextDiff;

use crate::config::{self, secrets};
use crate::environment::abbreviate_home;
use crate::i18n::{Msg, msg};
use crate::plan::{Change, Content, FileKind, FileWrite, Plan};
use crate::secret::SecretOrigin;

/// Lines around a change.
const CONTEXT: usize = 2;

/// The user's words for what is no text of a file.
pub struct Words<'a> {
    /// A sentence.
    pub say: &'a dyn Fn(&Msg) -> String,
    /// A change as one line.
    pub change: &'a dyn Fn(&Change) -> String,
}

/// The plan as text: without colour, `~` for the home folder.
pub fn unified(plan: &Plan, home: &Path, words: &Words<'_>) -> String {
    let mut out = String::new();
    for change in &plan.changes {
        // Writing to a String never fails.
        let _ = match change {
            Change::MakeDir { .. } | Change::SetMode { .. } | Change::Rename { .. } => {
                writeln!(out, "{}", (words.change)(change))
            }
            Change::Write(write) => {
                let path = abbreviate_home(home, &write.path);
                let before = before(write, words);
                let after = write.content.redacted(|origin| words.hidden(origin));
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

impl Words<'_> {
    /// What stands in a secret's place.
    fn hidden(&self, origin: SecretOrigin) -> String {
        let said = (self.say)(&match origin {
            SecretOrigin::Generated => msg!("plan.generated"),
            SecretOrigin::Given => msg!("plan.given"),
            SecretOrigin::Kept => msg!("plan.kept"),
        });
        format!("<{said}>")
    }
}

/// What stood in a file, fit to be shown: what can't be understood is not shown at all, since nobody
/// knows where its secrets are.
fn before(write: &FileWrite, words: &Words<'_>) -> String {
    let Some(bytes) = &write.before else {
        return String::new();
    };
    if write.kind != FileKind::Config {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    match config::parse_bytes(bytes.clone()) {
        Ok(document) => {
            let pieces = secrets::pieces(&document, |_| SecretOrigin::Kept);
            Content::in_pieces(document.text(), pieces).redacted(|origin| words.hidden(origin))
        }
        Err(_) => (words.say)(&msg!("doctor.not-shown", bytes = bytes.len())) + "\n",
    }
}
