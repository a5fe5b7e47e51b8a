//! An answer that grows while it is streamed, within bounds: every wire format puts its pieces into the same one.

use serde_json::Value;

use super::message::{ModelName, ModelReply, StopReason, TokenUsage, ToolCall};

/// Maximum length of an answer's text, and of the arguments of all its calls, in bytes.
const MAX_ANSWER_BYTES: usize = 1 << 20;
/// Maximum number of tools that one answer may call.
const MAX_CALLS: usize = 64;

/// The reason why a piece of an answer can't be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PieceFault {
    /// It is not in the provider's format.
    Malformed,
    /// The answer is larger than any that is wanted.
    TooLarge,
    /// It is an error that the provider reports in the middle of its answer.
    Reported(Value),
}

/// A call of a tool whose arguments are still on their way.
#[derive(Clone, Debug, Default)]
struct GrowingCall {
    /// The number that the provider gave it.
    index: u64,
    id: String,
    name: String,
    arguments: String,
    signature: Option<String>,
}

/// An answer that grows while it is streamed.
#[derive(Clone, Debug, Default)]
pub(super) struct GrowingReply {
    text: String,
    /// The length of the text that was taken out already.
    taken: usize,
    calls: Vec<GrowingCall>,
    argument_bytes: usize,
    /// The tokens that were used, as far as they are known.
    pub(super) usage: TokenUsage,
    /// The reason why the answer ends, once it does.
    pub(super) stop: Option<StopReason>,
    /// `true` once the provider has said that nothing more comes.
    pub(super) is_complete: bool,
}

impl GrowingReply {
    /// Adds a piece of text.
    pub(super) fn add_text(&mut self, text: &str) -> Result<(), PieceFault> {
        if self.text.len() + text.len() > MAX_ANSWER_BYTES {
            return Err(PieceFault::TooLarge);
        }
        self.text.push_str(text);
        Ok(())
    }

    /// Adds a piece of a tool's call: the number that the provider gave it, its id and name where they are known, and a piece of
    /// the arguments.
    pub(super) fn add_call(
        &mut self,
        index: u64,
        id: Option<&str>,
        name: Option<&str>,
        arguments: &str,
    ) -> Result<(), PieceFault> {
        self.argument_bytes += arguments.len();
        if self.argument_bytes > MAX_ANSWER_BYTES {
            return Err(PieceFault::TooLarge);
        }
        let at = match self.calls.iter().position(|call| call.index == index) {
            Some(at) => at,
            None if self.calls.len() == MAX_CALLS => return Err(PieceFault::TooLarge),
            None => {
                self.calls.push(GrowingCall {
                    index,
                    ..GrowingCall::default()
                });
                self.calls.len() - 1
            }
        };
        let call = &mut self.calls[at];
        // Some servers repeat id and name in each piece.
        for (known, said) in [(&mut call.id, id), (&mut call.name, name)] {
            if let Some(said) = said.filter(|said| known.is_empty() && said.len() <= 256) {
                said.clone_into(known);
            }
        }
        call.arguments.push_str(arguments);
        Ok(())
    }

    /// Takes out the text that is new since the last time.
    pub(super) fn take_new_text(&mut self) -> Option<String> {
        let new = &self.text[self.taken..];
        let new = (!new.is_empty()).then(|| new.to_owned());
        self.taken = self.text.len();
        new
    }

    /// Returns the whole answer, once it is complete. Calls without a name are left out; without an id they get one.
    pub(super) fn finish(self, model: &ModelName) -> ModelReply {
        let named = self.calls.into_iter().filter(|call| !call.name.is_empty());
        let calls: Vec<_> = named
            .enumerate()
            .map(|(at, call)| finished_call(at, call))
            .collect();
        let stop = match self.stop.unwrap_or_default() {
            // Not every server says so.
            StopReason::Stop if !calls.is_empty() => StopReason::ToolUse,
            stop => stop,
        };
        ModelReply {
            model: model.clone(),
            text: self.text,
            calls,
            usage: self.usage,
            stop,
        }
    }
}

/// Returns a call of a tool whose arguments are complete.
fn finished_call(at: usize, call: GrowingCall) -> ToolCall {
    let arguments = match call.arguments.trim() {
        "" => Value::Object(serde_json::Map::new()),
        text => serde_json::from_str(text).unwrap_or_default(),
    };
    ToolCall {
        id: if call.id.is_empty() {
            format!("call_{at}")
        } else {
            call.id
        },
        name: call.name,
        arguments,
        signature: call.signature,
    }
}
