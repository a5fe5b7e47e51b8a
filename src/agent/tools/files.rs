//! The tools about files below the agent's workspace: read, list, write and edit.
//!
//! The files that say what the agent is (`AGENTS.md`, `SOUL.md` and their kin) can be read and not written: what somebody
//! smuggled into a conversation would else be an instruction in all that follow.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

use futures_util::FutureExt as _;

use super::arguments::Arguments;
use super::place;
use super::tool::{MAX_RESULT_BYTES, Tool, ToolContext, ToolResult};
use crate::agent::prompt::OWN_FILES;
use crate::apply;
use crate::host::read;
use crate::i18n::Lang;
use crate::sync::spawn_blocking;

/// The tools about files.
pub(super) const TOOLS: &[Tool] = &[
    Tool {
        name: "read",
        description: "Reads a text file of the workspace, from a line on.",
        parameters: r#"{"type":"object","required":["path"],"properties":{
            "path":{"type":"string","description":"Relative to the workspace."},
            "first_line":{"type":"integer","minimum":1}}}"#,
        call: |context, arguments| on_thread(context, arguments, read_file).boxed(),
    },
    Tool {
        name: "list",
        description: "Lists a folder of the workspace; without a path, the workspace itself.",
        parameters: r#"{"type":"object","properties":{"path":{"type":"string"}}}"#,
        call: |context, arguments| on_thread(context, arguments, list).boxed(),
    },
    Tool {
        name: "write",
        description: "Writes a text file of the workspace, in place of what it held.",
        parameters: r#"{"type":"object","required":["path","content"],"properties":{
            "path":{"type":"string"},"content":{"type":"string"}}}"#,
        call: |context, arguments| on_thread(context, arguments, write).boxed(),
    },
    Tool {
        name: "edit",
        description: "Replaces a text that occurs once in a file of the workspace by another.",
        parameters: r#"{"type":"object","required":["path","old","new"],"properties":{
            "path":{"type":"string"},"old":{"type":"string"},"new":{"type":"string"}}}"#,
        call: |context, arguments| on_thread(context, arguments, edit).boxed(),
    },
];

/// Maximum size of a file that is read or written, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;
/// Maximum number of entries of a folder that are listed.
const MAX_ENTRIES: usize = 200;
/// The further files of a workspace that tell an agent of OpenClaw what to do.
const OPENCLAW_FILES: [&str; 2] = ["HEARTBEAT.md", "BOOTSTRAP.md"];

/// Runs a tool that waits for files on a thread that may wait.
async fn on_thread(
    context: ToolContext<'_>,
    arguments: Arguments,
    work: fn(&Path, &Arguments) -> ToolResult,
) -> ToolResult {
    let workspace = context.workspace.to_owned();
    let done = spawn_blocking(move || work(&workspace, &arguments)).await;
    done.unwrap_or_else(|_| Err("the tool broke down".to_owned()))
}

fn read_file(workspace: &Path, arguments: &Arguments) -> ToolResult {
    let text = text_of(workspace, &arguments.needed("path")?)?;
    let first = arguments.number("first_line").unwrap_or(1).max(1);
    let skipped = usize::try_from(first - 1).unwrap_or(usize::MAX);
    let mut shown = String::new();
    for line in text.split_inclusive('\n').skip(skipped) {
        if shown.len() + line.len() > MAX_RESULT_BYTES && !shown.is_empty() {
            let next = skipped + shown.lines().count() + 1;
            let _ = write!(shown, "[more from line {next} on]");
            break;
        }
        shown.push_str(line);
    }
    Ok(shown)
}

fn list(workspace: &Path, arguments: &Arguments) -> ToolResult {
    let folder = place::find(workspace, &arguments.text("path").unwrap_or_default())?;
    let entries = std::fs::read_dir(&folder).map_err(|error| error.to_string())?;
    let mut names: Vec<_> = entries
        .filter_map(Result::ok)
        .map(|entry| {
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let name = crate::text::sanitize(&entry.file_name().to_string_lossy());
            format!("{name}{}", if is_folder { "/" } else { "" })
        })
        .collect();
    names.sort();
    let surplus = names.len().saturating_sub(MAX_ENTRIES);
    names.truncate(MAX_ENTRIES);
    if surplus > 0 {
        names.push(format!("[{surplus} more]"));
    }
    Ok(names.join("\n"))
}

fn write(workspace: &Path, arguments: &Arguments) -> ToolResult {
    let typed = arguments.needed("path")?;
    let content = arguments.text("content").unwrap_or_default();
    put(workspace, &typed, &content)?;
    Ok(format!("{typed} has {} bytes now.", content.len()))
}

fn edit(workspace: &Path, arguments: &Arguments) -> ToolResult {
    let (typed, old) = (arguments.needed("path")?, arguments.needed("old")?);
    let text = text_of(workspace, &typed)?;
    match text.matches(&old).count() {
        1 => {}
        count => return Err(format!("the old text occurs {count} times in {typed}")),
    }
    let new = arguments.text("new").unwrap_or_default();
    put(workspace, &typed, &text.replacen(&old, &new, 1))?;
    Ok(format!("{typed} is edited."))
}

/// Reads a text file of the workspace.
fn text_of(workspace: &Path, typed: &str) -> Result<String, String> {
    let path = place::find(workspace, typed)?;
    let file = read::open(&path).map_err(|error| format!("{typed}: {error}"))?;
    let mut bytes = Vec::new();
    let limited = file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes);
    limited.map_err(|error| format!("{typed}: {error}"))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(format!("{typed} is larger than {MAX_FILE_BYTES} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| format!("{typed} is no text"))
}

/// Writes a text file of the workspace.
fn put(workspace: &Path, typed: &str, content: &str) -> Result<(), String> {
    let path = place::find(workspace, typed)?;
    let is_own = path.parent() == Some(workspace)
        && path.file_name().is_some_and(|name| {
            let mut own_files = OWN_FILES.iter().chain(&OPENCLAW_FILES);
            own_files.any(|own| name.to_string_lossy().eq_ignore_ascii_case(own))
        });
    if is_own {
        return Err(format!(
            "{typed} says what you are, and is written by the owner alone; keep notes with the tool note"
        ));
    }
    if content.len() as u64 > MAX_FILE_BYTES {
        return Err(format!("more than {MAX_FILE_BYTES} bytes are not written"));
    }
    let written = apply::write_file(&path, content.as_bytes());
    written.map_err(|error| error.msg.render(Lang::english()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "tests make their own files")]

    use serde_json::json;

    use super::*;

    fn with(value: serde_json::Value) -> Arguments {
        Arguments::new(value)
    }

    #[test]
    fn file_is_written_read_edited_and_listed() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = folder.path();
        write(
            workspace,
            &with(json!({"path": "a/b.md", "content": "one\ntwo\nthree\n"})),
        )
        .unwrap();
        let edited = edit(
            workspace,
            &with(json!({"path": "a/b.md", "old": "two", "new": "2"})),
        );
        assert!(edited.is_ok(), "{edited:?}");
        let read = read_file(workspace, &with(json!({"path": "a/b.md", "first_line": 2})));
        assert_eq!(read.as_deref(), Ok("2\nthree\n"));
        assert_eq!(list(workspace, &with(json!({}))).as_deref(), Ok("a/"));
        assert_eq!(
            list(workspace, &with(json!({"path": "a"}))).as_deref(),
            Ok("b.md")
        );
        let again = edit(workspace, &with(json!({"path": "a/b.md", "old": "e", "new": ""})));
        assert!(again.unwrap_err().contains("3 times"));
    }

    #[test]
    fn long_file_is_read_in_parts() {
        let folder = tempfile::tempdir().unwrap();
        let line = format!("{}\n", "x".repeat(999));
        std::fs::write(folder.path().join("long"), line.repeat(40)).unwrap();
        let first = read_file(folder.path(), &with(json!({"path": "long"}))).unwrap();
        assert!(first.ends_with("[more from line 17 on]"), "{first:.40}");
        let rest = read_file(folder.path(), &with(json!({"path": "long", "first_line": 33}))).unwrap();
        assert_eq!(rest, line.repeat(8));
    }

    #[test]
    fn files_that_say_what_the_agent_is_are_not_written() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["AGENTS.md", "agents.md", "./SOUL.md", "USER.md"] {
            let refused = write(folder.path(), &with(json!({"path": path, "content": "obey"})));
            assert!(refused.unwrap_err().contains("owner alone"), "{path}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_no_text_or_too_large_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("b"), [0xff, 0xfe]).unwrap();
        std::fs::write(folder.path().join("l"), vec![b'x'; (1 << 20) + 1]).unwrap();
        for path in ["b", "l", "missing"] {
            assert!(
                read_file(folder.path(), &with(json!({"path": path}))).is_err(),
                "{path}"
            );
        }
    }
}
