//! `logs.tail`: the end of this gateway's own log, or what was added since the last look. The lines have
//! the form of OpenClaw's logger, which is the one that its command line and its pages know how to show.

use serde_json::{Value, json};

use super::Call;
use crate::gateway::protocol::shape::{Key, Shape, optional};
use crate::gateway::protocol::{Fault, Reply};
use crate::logs::{self, LogLine, LogSlice};

/// Its parameters.
pub(super) const PART: &[Key] = &[
    optional("cursor", Shape::Whole(0)),
    optional("limit", Shape::Whole(1)),
    optional("maxBytes", Shape::Whole(1)),
];
/// As many lines at most, and as many where nothing is said, as the reference has it.
const LINES: (u64, u64) = (5000, 500);
/// As many bytes at most, and as many where nothing is said, as the reference has it.
const BYTES: (u64, u64) = (1_000_000, 250_000);

pub(super) async fn tail(call: Call) -> Reply {
    let number = |name: &str| call.params.get(name).and_then(Value::as_u64);
    let within = |name: &str, (most, usual): (u64, u64)| number(name).unwrap_or(usual).min(most);
    let (cursor, bytes) = (number("cursor"), within("maxBytes", BYTES));
    let count = usize::try_from(within("limit", LINES)).unwrap_or(usize::MAX);
    let folder = call.shared.instance.logs();
    let read = move || {
        let Some(file) = logs::log_files(&folder).pop() else {
            return Ok((folder, LogSlice::default()));
        };
        logs::read_from(&file, cursor, count, bytes).map(|slice| (file, slice))
    };
    let read = tokio::task::spawn_blocking(read).await;
    let unread = || Fault::unavailable("log can not be read");
    let (file, slice) = read.ok().and_then(Result::ok).ok_or_else(unread)?;
    Ok(json!({
        "file": file.display().to_string(),
        "cursor": slice.cursor,
        "size": slice.size,
        "lines": slice.lines.iter().map(|line| said(line)).collect::<Vec<_>>(),
        "truncated": slice.truncated,
        "reset": slice.reset,
    }))
}

/// A line of ours as OpenClaw's logger would have written it; any other as it stands.
fn said(raw: &str) -> String {
    let line = LogLine::parse(raw);
    if line.time.is_empty() || line.level.is_empty() {
        return raw.to_owned();
    }
    json!({
        "0": line.message,
        "_meta": {
            "name": json!({"subsystem": "gateway"}).to_string(),
            "logLevelName": line.level,
            "date": line.time,
        },
        "time": line.time,
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::methods::answer;
    use crate::gateway::protocol::Protocol;
    use crate::gateway::session::stand::{Stand, caller};

    #[tokio::test]
    async fn the_log_is_told_part_by_part_in_openclaws_own_form() {
        let stand = Stand::new();
        let ask = |params: Value| {
            let call = stand.call(caller(Protocol::Four, &["operator.read"]));
            answer("logs.tail", Call { params, ..call })
        };
        let none = ask(json!({})).await.unwrap();
        assert_eq!((&none["lines"], &none["cursor"]), (&json!([]), &json!(0)));
        let line = |time: &str, words: &str| {
            format!(
                r#"{{"timestamp":"{time}","level":"WARN","message":"{words}","code":"x.y","target":"t"}}"#
            ) + "\n"
        };
        let path = stand.shared.instance.logs().join("openclaw.2026-11-22.log");
        let first = line("2026-11-22T10:00:00Z", "one");
        crate::apply::write_file(&path, first.as_bytes()).unwrap();
        let told = ask(json!({"limit": 5})).await.unwrap();
        assert_eq!(told["file"], path.display().to_string());
        let said: Value = serde_json::from_str(told["lines"][0].as_str().unwrap()).unwrap();
        assert_eq!(
            (&said["0"], &said["_meta"]["logLevelName"], &said["time"]),
            (&json!("one"), &json!("WARN"), &json!("2026-11-22T10:00:00Z"))
        );
        let further = first + &line("2026-11-22T10:00:01Z", "two") + "plain\n";
        crate::apply::write_file(&path, further.as_bytes()).unwrap();
        let told = ask(json!({"cursor": told["cursor"]})).await.unwrap();
        let lines = told["lines"].as_array().unwrap();
        assert_eq!((lines.len(), &lines[1]), (2, &json!("plain")));
        assert_eq!((&told["reset"], &told["cursor"]), (&json!(false), &told["size"]));
        assert!(ask(json!({"limit": 0})).await.is_err());
    }
}
