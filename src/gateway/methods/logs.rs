//! `logs.tail`: the end of this gateway's own log, or the lines added since the last call. They have the form
//! of OpenClaw's logger, the one that its command line and its pages can show.

use serde_json::{Value, json};

use super::call::MethodCall;
use crate::gateway::protocol::shape::{FrameField, FrameShape, optional};
use crate::gateway::protocol::{ErrorResponse, MethodResult};
use crate::logs::{self, LogLine, LogSlice};
use crate::sync::spawn_blocking;

/// The parameters of the gateway's method `logs.tail`.
pub(super) const TAIL_PARAMS: &[FrameField] = &[
    optional("cursor", FrameShape::Whole(0)),
    optional("limit", FrameShape::Whole(1)),
    optional("maxBytes", FrameShape::Whole(1)),
];
/// A limit on an answer to the gateway's method `logs.tail` that the caller may set: its maximum and its default.
struct Limit {
    max: u64,
    default: u64,
}

/// Number of lines of the gateway's log in one answer to its method `logs.tail`, at most and by default, as in
/// OpenClaw.
const LINE_LIMIT: Limit = Limit {
    max: 5000,
    default: 500,
};
/// Number of bytes of the gateway's log read for one answer to its method `logs.tail`, at most and by default, as in
/// OpenClaw.
const BYTE_LIMIT: Limit = Limit {
    max: 1_000_000,
    default: 250_000,
};

/// Answers the gateway's method `logs.tail`, which returns the last lines of the gateway's own log or those added
/// since a cursor.
pub(super) async fn tail(call: MethodCall) -> MethodResult {
    let number = |name: &str| call.params.get(name).and_then(Value::as_u64);
    let limited = |name: &str, limit: Limit| number(name).unwrap_or(limit.default).min(limit.max);
    let (cursor, bytes) = (number("cursor"), limited("maxBytes", BYTE_LIMIT));
    let count = usize::try_from(limited("limit", LINE_LIMIT)).unwrap_or(usize::MAX);
    let folder = call.state.context.instance.logs();
    let read = move || {
        let Some(file) = logs::log_files(&folder).pop() else {
            return Ok((folder, LogSlice::default()));
        };
        logs::read_from(&file, cursor, count, bytes).map(|slice| (file, slice))
    };
    let read = spawn_blocking(read).await;
    let unread = || ErrorResponse::unavailable("log cannot be read");
    let (file, slice) = read.ok().and_then(Result::ok).ok_or_else(unread)?;
    Ok(json!({
        "file": file.display().to_string(),
        "cursor": slice.cursor,
        "size": slice.size,
        "lines": slice.lines.iter().map(|line| to_openclaw_line(line)).collect::<Vec<_>>(),
        "truncated": slice.truncated,
        "reset": slice.reset,
    }))
}

/// Converts a line of the gateway's own log to the form of OpenClaw's logger. Any other line is returned as it is.
fn to_openclaw_line(raw: &str) -> String {
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
    use crate::gateway::protocol::Protocol;
    use crate::gateway::test_support::{TestGateway, connected_client};

    #[tokio::test]
    async fn log_is_returned_part_by_part_in_the_form_of_openclaws_logger() {
        let gateway = TestGateway::new();
        let ask = |params: Value| {
            let reader = connected_client(Protocol::Four, &["operator.read"]);
            gateway.call(reader, "logs.tail", params)
        };
        let none = ask(json!({})).await.unwrap();
        assert_eq!((&none["lines"], &none["cursor"]), (&json!([]), &json!(0)));
        let line = |time: &str, message: &str| {
            format!(
                r#"{{"timestamp":"{time}","level":"WARN","message":"{message}","code":"x.y","target":"t"}}"#
            ) + "\n"
        };
        let path = gateway
            .state
            .context
            .instance
            .logs()
            .join("openclaw.2026-11-22.log");
        let first = line("2026-11-22T10:00:00Z", "one");
        crate::apply::write_file(&path, first.as_bytes()).unwrap();
        let answer = ask(json!({"limit": 5})).await.unwrap();
        assert_eq!(answer["file"], path.display().to_string());
        let first_line: Value = serde_json::from_str(answer["lines"][0].as_str().unwrap()).unwrap();
        assert_eq!(
            (
                &first_line["0"],
                &first_line["_meta"]["logLevelName"],
                &first_line["time"]
            ),
            (&json!("one"), &json!("WARN"), &json!("2026-11-22T10:00:00Z"))
        );
        let further = first + &line("2026-11-22T10:00:01Z", "two") + "plain\n";
        crate::apply::write_file(&path, further.as_bytes()).unwrap();
        let answer = ask(json!({"cursor": answer["cursor"]})).await.unwrap();
        let lines = answer["lines"].as_array().unwrap();
        assert_eq!((lines.len(), &lines[1]), (2, &json!("plain")));
        assert_eq!(
            (&answer["reset"], &answer["cursor"]),
            (&json!(false), &answer["size"])
        );
        assert!(ask(json!({"limit": 0})).await.is_err());
    }
}
