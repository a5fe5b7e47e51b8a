//! An answer that grows while it is streamed, within bounds: every wire format puts its pieces into the same one.

use serde_json::Value;

use super::message::{ModelName, ModelReply, StopReason, TokenUsage, ToolCall};

/// Maximum length of an answer's text, and of the arguments of all its calls, in bytes.
const MAX_ANSWER_BYTES: usize = 1 << 20;
/// Maximum number of tools that one answer may call.
const MAX_CALLS: usize = 64;
/// Maximum length of the id and of the name of a call, in bytes. A longer one counts as none.
const MAX_NAME_BYTES: usize = 256;
/// Maximum length of what a provider wants back with a call, in bytes.
const MAX_SIGNATURE_BYTES: usize = 256 << 10;

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

/// A piece of a tool's call, as a provider sends it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CallPiece<'a> {
    /// The number that the provider gave the call.
    pub(super) index: u64,
    /// The id, where the piece has it.
    pub(super) id: Option<&'a str>,
    /// The name of the tool, where the piece has it.
    pub(super) name: Option<&'a str>,
    /// The next piece of the arguments.
    pub(super) arguments: &'a str,
    /// What the provider wants back with the call.
    pub(super) signature: Option<&'a str>,
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

    /// Adds a piece of a tool's call.
    pub(super) fn add_call(&mut self, piece: &CallPiece<'_>) -> Result<(), PieceFault> {
        self.argument_bytes += piece.arguments.len();
        if self.argument_bytes > MAX_ANSWER_BYTES {
            return Err(PieceFault::TooLarge);
        }
        // Some servers give every call the same number, and others repeat the id in each piece.
        let is_same = |call: &GrowingCall| {
            let is_other = |id: &str| !id.is_empty() && !call.id.is_empty() && id != call.id;
            call.index == piece.index && !piece.id.is_some_and(is_other)
        };
        let at = match self.calls.iter().rposition(is_same) {
            Some(at) => at,
            None if self.calls.len() == MAX_CALLS => return Err(PieceFault::TooLarge),
            None => {
                self.calls.push(GrowingCall {
                    index: piece.index,
                    ..GrowingCall::default()
                });
                self.calls.len() - 1
            }
        };
        let call = &mut self.calls[at];
        for (known, said) in [(&mut call.id, piece.id), (&mut call.name, piece.name)] {
            if let Some(said) = said.filter(|said| known.is_empty() && said.len() <= MAX_NAME_BYTES) {
                said.clone_into(known);
            }
        }
        call.arguments.push_str(piece.arguments);
        let signature = piece.signature.filter(|said| said.len() <= MAX_SIGNATURE_BYTES);
        if let Some(signature) = signature {
            call.signature = Some(signature.to_owned());
        }
        Ok(())
    }

    /// Returns the number of tools that are called so far.
    pub(super) fn call_count(&self) -> u64 {
        self.calls.len() as u64
    }

    /// Takes out the text that is new since the last time.
    pub(super) fn take_new_text(&mut self) -> Option<String> {
        let new = &self.text[self.taken..];
        let new = (!new.is_empty()).then(|| new.to_owned());
        self.taken = self.text.len();
        new
    }

    /// Returns the whole answer, once it is complete. Calls without a name are left out; without an id they get a new one.
    pub(super) fn finish(
        self,
        model: &ModelName,
        api: &'static str,
        new_id: impl Fn() -> String,
    ) -> ModelReply {
        let named = self.calls.into_iter().filter(|call| !call.name.is_empty());
        let calls: Vec<_> = named.map(|call| finished_call(call, &new_id)).collect();
        let stop = match self.stop.unwrap_or_default() {
            // Not every server says so.
            StopReason::Stop if !calls.is_empty() => StopReason::ToolUse,
            stop => stop,
        };
        ModelReply {
            model: model.clone(),
            api,
            text: self.text,
            calls,
            usage: self.usage,
            stop,
        }
    }
}

/// Returns a call of a tool whose arguments are complete. `serde_json` refuses those that are nested too deep.
fn finished_call(call: GrowingCall, new_id: impl Fn() -> String) -> ToolCall {
    let arguments = match call.arguments.trim() {
        "" => Value::Object(serde_json::Map::new()),
        text => serde_json::from_str(text).unwrap_or_default(),
    };
    ToolCall {
        id: if call.id.is_empty() { new_id() } else { call.id },
        name: call.name,
        arguments,
        signature: call.signature,
    }
}
