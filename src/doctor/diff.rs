//! A plan as a unified diff with secrets hidden. The same plan always gives the same text, so that a dry run shows
//! what the run does.

use std::fmt::Write as _;
use std::path::Path;

use similar::TextDiff;

use crate::config::{self, secrets};
use crate::environment::abbreviate_home;
use crate::i18n::{Msg, msg, size_msg};
use crate::plan::{Change, Content, FileKind, FileWrite, Plan};
use crate::secret::SecretOrigin;

/// Number of unchanged lines that are shown around a change in the unified diff of the doctor's fixes.
const CONTEXT_LINES: usize = 2;

/// Renders the parts of the doctor's diff that are not text of a file, in the user's language.
pub(crate) struct DiffRenderer<'a> {
    /// Translates a sentence.
    pub(crate) translate: &'a dyn Fn(&Msg) -> String,
    /// Renders a change as one line.
    pub(crate) change_line: &'a dyn Fn(&Change) -> String,
}

/// Renders the file changes that fixes would make as a unified diff without colour, with `~` for the home folder.
pub(crate) fn unified(plan: &Plan, home: &Path, renderer: &DiffRenderer<'_>) -> String {
    let mut out = String::new();
    for change in &plan.changes {
        // Writing to a String never fails.
        let _ = match change {
            Change::MakeDir { .. } | Change::SetMode { .. } | Change::Rename { .. } => {
                writeln!(out, "{}", (renderer.change_line)(change))
            }
            Change::Write(write) => {
                let path = abbreviate_home(home, &write.path);
                let before = text_before(write, renderer);
                let after = write.content.redacted(|origin| renderer.hidden(origin));
                let from = if write.before.is_some() {
                    path.as_str()
                } else {
                    "/dev/null"
                };
                let diff = TextDiff::from_lines(&before, &after);
                write!(
                    out,
                    "{}",
                    diff.unified_diff()
                        .context_radius(CONTEXT_LINES)
                        .header(from, &path)
                )
            }
        };
    }
    out
}

impl DiffRenderer<'_> {
    /// Renders the placeholder that stands for a secret in the diff of a file change.
    fn hidden(&self, origin: SecretOrigin) -> String {
        let text = (self.translate)(&match origin {
            SecretOrigin::Generated => msg!("plan.generated"),
            SecretOrigin::Given => msg!("plan.given"),
            SecretOrigin::Kept => msg!("plan.kept"),
        });
        format!("<{text}>")
    }
}

/// Returns the text of a file before its change, with secrets hidden, for a diff. A broken config is not shown at
/// all, since nobody knows where its secrets are.
fn text_before(write: &FileWrite, renderer: &DiffRenderer<'_>) -> String {
    let Some(bytes) = &write.before else {
        return String::new();
    };
    if write.kind != FileKind::Config {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    match config::parse_bytes(bytes.clone()) {
        Ok(document) => {
            let pieces = secrets::redacted_pieces(&document, |_| SecretOrigin::Kept);
            Content::in_pieces(document.text(), pieces).redacted(|origin| renderer.hidden(origin))
        }
        Err(_) => {
            (renderer.translate)(&Msg::new("doctor.not-shown").with_msg("size", size_msg(bytes.len() as u64)))
                + "\n"
        }
    }
}
