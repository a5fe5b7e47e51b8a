//! The events of a run, from its begin to its end, as an agent tells them to whoever watches it.
//!
//! The agent knows neither the gateway's protocol nor its clients: a gateway watches every run, whichever channel it came
//! from, and makes frames of the events.

use crate::i18n::Msg;
use crate::models::{ModelName, TokenUsage, ToolCall};
use crate::sessions::{EntryPlace, SessionMessage};

/// A run that is being answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RunInfo {
    /// The id: for a client's request its idempotency key.
    pub(crate) id: String,
    /// The id of the agent that answers.
    pub(crate) agent: String,
    /// The key of the session.
    pub(crate) session_key: String,
    /// The id of the session's transcript.
    pub(crate) session_id: String,
    /// The time at which it began, in milliseconds since 1970.
    pub(crate) started: u64,
}

/// Something that happens in a run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RunEvent {
    /// The message of the person is in the transcript, with this id there, and the answer begins.
    Began {
        /// The message.
        message: SessionMessage,
        /// The place of the message in the transcript; empty where it was there already.
        place: EntryPlace,
    },
    /// An answer or the result of a tool is in the transcript.
    Kept {
        /// The message.
        message: SessionMessage,
        /// The place of the message in the transcript.
        place: EntryPlace,
    },
    /// A model is asked.
    Asked(ModelName),
    /// The answer has grown.
    Text {
        /// The whole text so far.
        full: String,
        /// The end of the text that is new.
        delta: String,
    },
    /// A tool begins.
    ToolBegan(ToolCall),
    /// A tool has ended.
    ToolEnded {
        /// The call.
        call: ToolCall,
        /// The result, or the reason why there is none.
        text: String,
        /// `true` where the tool failed.
        is_error: bool,
    },
    /// The next model in line takes over, with the sentence that says why.
    Switched(Msg),
    /// The run has ended.
    Ended(RunEnd),
}

/// The end of a run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RunEnd {
    /// The run was answered.
    Replied {
        /// The text of the answer.
        text: String,
        /// The model that answered last.
        model: ModelName,
        /// The tokens that all requests used.
        usage: TokenUsage,
        /// The names of the tools that worked, in the order of their first call.
        tools: Vec<String>,
    },
    /// The same request was answered before, with this text. Nothing was done again.
    Repeated {
        /// The text of the answer.
        text: String,
    },
    /// The run failed, with the sentence that says why.
    Failed(Msg),
    /// Somebody stopped it.
    Aborted,
}

/// A watcher of all runs of an instance's agents.
pub(crate) trait RunObserver: Send + Sync {
    /// Takes note of an event. Never waits.
    fn note(&self, run: &RunInfo, event: &RunEvent);
}
