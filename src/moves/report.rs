//! What the receiving host writes to the sending one over standard output: lines of JSON, whose texts are made safe.

use serde_json::{Value, json};

use crate::ports::Port;
use crate::text::sanitize_document;

/// A word of the receiving host about a move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MoveReport {
    /// A tick of the lease, which is to be answered.
    Tick(u64),
    /// The archive is wanted.
    Ready,
    /// The instance is unpacked, and its gateway starts.
    Starting,
    /// The gateway is healthy, on this port.
    Healthy(Option<Port>),
    /// The gateway is there to stay, whatever follows.
    Kept,
    /// The gateway runs as it will run from now on; where it could not be made so, with the reason.
    Settled(Option<String>),
    /// The move failed there, and nothing of it is left.
    Failed(MoveFailure),
}

/// The reason why the receiving host refused a move, as it says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MoveFailure {
    /// The stable name of the reason.
    pub(crate) code: String,
    /// The sentence.
    pub(crate) message: String,
    /// The ways out.
    pub(crate) hints: Vec<String>,
}

impl MoveFailure {
    /// Reads the reason from a document of an error; `None` where the document is of something else.
    pub(crate) fn parse(document: &Value) -> Option<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let hints = document["hints"].as_array().into_iter().flatten();
        (document["ok"] == Value::Bool(false)).then(|| Self {
            code: text(&document["code"]).unwrap_or_default(),
            message: text(&document["message"]).unwrap_or_default(),
            hints: hints.filter_map(text).take(5).collect(),
        })
    }
}

impl MoveReport {
    /// Returns the line that says this.
    pub(super) fn line(&self) -> String {
        let document = match self {
            Self::Tick(number) => json!({ "tick": number }),
            Self::Ready => json!({ "state": "ready" }),
            Self::Starting => json!({ "state": "starting" }),
            Self::Healthy(port) => json!({ "state": "healthy", "port": port }),
            Self::Kept => json!({ "state": "kept" }),
            Self::Settled(fault) => json!({ "state": "settled", "fault": fault }),
            Self::Failed(failure) => json!({
                "ok": false, "state": "failed", "code": failure.code, "message": failure.message,
                "hints": failure.hints,
            }),
        };
        format!("{document}\n")
    }

    /// Reads a line. `None` where it says nothing of the kind, such as a greeting of the shell there.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let document: Value = serde_json::from_str(line).ok()?;
        let document = sanitize_document(document);
        if let Some(number) = document["tick"].as_u64() {
            return Some(Self::Tick(number));
        }
        match document["state"].as_str() {
            Some("ready") => Some(Self::Ready),
            Some("starting") => Some(Self::Starting),
            Some("healthy") => Some(Self::Healthy(Port::from_json(&document["port"]))),
            Some("kept") => Some(Self::Kept),
            Some("settled") => Some(Self::Settled(document["fault"].as_str().map(str::to_owned))),
            // An error of the command line there has no state.
            _ => MoveFailure::parse(&document).map(Self::Failed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_is_read_as_it_was_written_and_its_texts_are_safe() {
        let failure = MoveFailure {
            code: "ports.taken".to_owned(),
            message: "taken".to_owned(),
            hints: vec!["elsewhere".to_owned()],
        };
        for report in [
            MoveReport::Tick(7),
            MoveReport::Ready,
            MoveReport::Starting,
            MoveReport::Healthy(Some(Port::known(18_789))),
            MoveReport::Kept,
            MoveReport::Settled(None),
            MoveReport::Settled(Some("no manager".to_owned())),
            MoveReport::Failed(failure),
        ] {
            assert_eq!(MoveReport::parse(&report.line()), Some(report));
        }
        let hostile = MoveReport::parse("{\"ok\":false,\"message\":\"\\u001b[2Jgone\"}");
        assert!(matches!(hostile, Some(MoveReport::Failed(failure)) if !failure.message.contains('\u{1b}')));
        for line in ["Welcome!", "[]", "{\"state\":\"elsewhere\"}", "{\"tick\":-1}"] {
            assert_eq!(MoveReport::parse(line), None, "{line}");
        }
    }
}
