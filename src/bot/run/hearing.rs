//! What an owner said to an account, understood: as a command, as a press of a button, or as a text for the agent.

use super::Account;
use crate::bot::channel::{Content, Heard};
use crate::bot::command::{self, MARK, Typed};
use crate::bot::mention::without_mention;
use crate::bot::short_command;
use crate::sync::spawn_blocking;

impl Account {
    /// Returns the command of a pressed button, with the name for which a key in it stands.
    async fn pressed_command(&self, command: &str) -> String {
        if !short_command::is_short(command) {
            return command.to_owned();
        }
        let (context, command) = (self.conversation.context.clone(), command.to_owned());
        let expanded = spawn_blocking(move || context.expand_command(&command));
        expanded.await.unwrap_or_default()
    }

    /// Returns the text that was said to the bot; `None` where it was said to others, or is no text.
    pub(super) fn text_for_bot(&self, heard: &Heard) -> Option<String> {
        let Content::Text(text) = &heard.content else {
            return None;
        };
        if heard.is_private || heard.is_addressed {
            return Some(text.clone());
        }
        without_mention(text, &self.state.get().bot_name.unwrap_or_default())
    }

    /// Reads what was said as a command, with the id of the message whose button was pressed. A press is shown as heard at
    /// once; that it could not be is no reason not to obey it.
    pub(super) async fn understand(&self, heard: &Heard) -> (Typed, Option<String>) {
        let name = self.state.get().bot_name.unwrap_or_default();
        match &heard.content {
            Content::Text(text) => {
                let typed = command::parse(text, &name);
                // Who names the bot need not write the mark: some programs take a slash for a command of their own.
                let is_unmarked = typed.command.is_none() && heard.is_addressed;
                let unmarked = is_unmarked.then(|| command::parse(&format!("{MARK}{text}"), &name));
                (unmarked.unwrap_or(typed), None)
            }
            Content::Chosen { text, press } => {
                let _ = self.messenger.acknowledge(press).await;
                (command::parse(text, &name), None)
            }
            Content::Press {
                command,
                message,
                press,
            } => {
                let _ = self.messenger.acknowledge(press).await;
                let typed = command::parse(&self.pressed_command(command).await, &name);
                // The words on a button are this program's.
                (Typed { lang: None, ..typed }, Some(message.clone()))
            }
            Content::Invitation | Content::Encrypted | Content::Other => {
                let (command, lang) = (None, None);
                (Typed { command, lang }, None)
            }
        }
    }
}
