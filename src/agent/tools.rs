//! The tools of an agent: few, and each bounded in time and in what it returns.
//!
//! Tools that look are free. A change of a gateway is only proposed: the owner sees the plan that the same command would show,
//! and the owner's yes carries it out, outside of the run. Whatever a tool returns is data; a log, a page or a file may say
//! what it wants, since no result leads to anything but a further proposal.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use crate::models::{ToolCall, ToolSpec};

mod arguments;
mod files;
mod gateways;
mod notes;
mod place;
mod tool;

use arguments::Arguments;
use tool::{MAX_RESULT_BYTES, Tool};

pub(super) use tool::ToolContext;

/// Time for which a tool may work. A survey of a busy host takes the longest.
const TIME_LIMIT: Duration = Duration::from_mins(1);
/// All tools, in the order in which a model is told about them.
const TABLES: [&[Tool]; 3] = [gateways::TOOLS, files::TOOLS, notes::TOOLS];

/// Returns the tools as a model is told about them.
pub(super) fn specs() -> Arc<[ToolSpec]> {
    static SPECS: LazyLock<Arc<[ToolSpec]>> = LazyLock::new(|| {
        let spec = |tool: &Tool| ToolSpec {
            name: tool.name,
            description: tool.description.to_owned(),
            parameters: serde_json::from_str(tool.parameters).unwrap_or_default(),
        };
        TABLES.into_iter().flatten().map(spec).collect()
    });
    SPECS.clone()
}

/// The outcome of a call of a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ToolOutcome {
    /// The text for the model, without secrets and not longer than a result may be.
    pub(super) text: String,
    /// `true` where the tool failed.
    pub(super) is_error: bool,
}

/// Calls a tool, for as long as one may work.
pub(super) async fn call(context: ToolContext<'_>, call: &ToolCall) -> ToolOutcome {
    let tool = TABLES.into_iter().flatten().find(|tool| tool.name == call.name);
    let result = match tool {
        None => Err(format!("there is no tool of the name {:?}", call.name)),
        Some(tool) => {
            let working = (tool.call)(context, Arguments::new(call.arguments.clone()));
            tokio::time::timeout(TIME_LIMIT, working)
                .await
                .unwrap_or_else(|_| Err(format!("no result within {} seconds", TIME_LIMIT.as_secs())))
        }
    };
    let is_error = result.is_err();
    let text = context.desk.redact(result.unwrap_or_else(|why| why)).await;
    ToolOutcome {
        text: cut(text),
        is_error,
    }
}

/// Cuts a result at the limit, and says so.
fn cut(text: String) -> String {
    if text.len() <= MAX_RESULT_BYTES {
        return text;
    }
    let kept = &text[..text.floor_char_boundary(MAX_RESULT_BYTES)];
    format!("{kept}\n[cut here: the result has {} bytes]", text.len())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_tool_has_a_name_of_its_own_and_a_schema() {
        let mut names = HashSet::new();
        for spec in specs().iter() {
            assert!(names.insert(spec.name), "{} twice", spec.name);
            assert_eq!(spec.parameters["type"], "object", "{}", spec.name);
            assert!(spec.parameters["properties"].is_object(), "{}", spec.name);
            assert!(spec.description.ends_with('.'), "{}", spec.name);
        }
    }

    #[test]
    fn long_result_is_cut_between_characters() {
        let text = cut("ş".repeat(MAX_RESULT_BYTES));
        assert!(text.len() < MAX_RESULT_BYTES + 100, "{}", text.len());
        assert!(text.ends_with("bytes]"));
        assert_eq!(cut("short".to_owned()), "short");
    }
}
