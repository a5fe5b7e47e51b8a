//! The interface of the kinds of prompts.

use super::keys::Key;
use super::theme::{Frame, PromptTheme, TerminalSize};
use crate::wizard::question::Reply;

/// The effect of a key on a terminal prompt: go on, answered, or gone back.
pub(super) enum KeyOutcome {
    /// The prompt is drawn again.
    Pending,
    /// The question is answered, or the person went back.
    Answered(Reply),
}

/// A terminal prompt for one question as a pure state machine: a key goes in, a drawing comes out.
pub(super) trait Prompt {
    /// Handles a key that was pressed at a terminal prompt.
    fn handle_key(&mut self, key: &Key) -> KeyOutcome;

    /// Returns `true` if a key asks for the help of the question, and takes back what was typed for it. Where a text is typed,
    /// `?` may be a part of it.
    fn asks_for_help(&mut self, key: &Key) -> bool {
        *key == Key::Char('?')
    }

    /// Returns the drawing of a prompt's current state for a terminal of this size.
    fn render(&self, theme: &PromptTheme, size: TerminalSize) -> Frame;

    /// Returns the text that stays on the screen as the person's answer to a prompt.
    fn answer_text(&self, theme: &PromptTheme) -> String;
}
