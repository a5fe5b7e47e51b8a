//! The buttons of messages: the bot reacts to its own message once for each button, with the label as the key. A person
//! presses one by reacting with the same key, which is a tap on it in most programs.
//!
//! The commands of the buttons are part of the message, so that a press finds its command after a restart, and that of a
//! button that is gone.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::client::{HomeserverClient, RequestError, encode};
use crate::bot::channel::RenderedMessage;
use crate::bot::markup;
use crate::sync::lock;

/// The key of the buttons in a message: pairs of label and command.
const BUTTONS_KEY: &str = "openclaw.buttons";
/// Number of messages whose buttons are remembered. Those of others are asked for.
const MAX_KEYBOARDS: usize = 64;

/// The buttons of one message, as they are and as they were.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Keyboard {
    /// The ids of the room and of the message.
    place: (String, String),
    /// The label and the command of each button that the message has or had, the latest first.
    commands: Vec<(String, String)>,
    /// The reactions of the bot by which the buttons are shown, with their keys.
    reactions: Vec<(String, String)>,
}

/// The buttons of the messages of a bot.
#[derive(Debug)]
pub(super) struct Keyboards {
    client: Arc<HomeserverClient>,
    recent: Mutex<VecDeque<Keyboard>>,
}

/// Returns the content of a message.
pub(super) fn content(message: &RenderedMessage) -> Value {
    let mut content = json!({
        "msgtype": "m.text",
        "body": markup::strip_html(&message.text),
        "format": "org.matrix.custom.html",
        "formatted_body": message.text,
        // Nobody is called by a name or an `@room` in a text of somebody else.
        "m.mentions": {},
    });
    if !message.buttons.is_empty() {
        content[BUTTONS_KEY] = json!(message.buttons);
    }
    content
}

/// Returns the content of an edit of a message.
pub(super) fn edited_content(id: &str, message: &RenderedMessage) -> Value {
    let new = content(message);
    json!({
        "msgtype": "m.text",
        "body": format!("* {}", new["body"].as_str().unwrap_or_default()),
        "m.new_content": new,
        "m.mentions": {},
        "m.relates_to": { "rel_type": "m.replace", "event_id": id },
    })
}

impl Keyboard {
    /// Reads the buttons of a message of the bot from its event and its reactions; `None` for a message of somebody else.
    fn parse(bot: &str, (room, message): (&str, &str), event: &Value, reactions: &Value) -> Option<Self> {
        if event["sender"] != bot {
            return None;
        }
        let edited = event
            .pointer("/unsigned/m.relations/m.replace")
            .filter(|edit| edit["sender"] == bot);
        let edited = edited.and_then(|edit| edit.pointer("/content/m.new_content"));
        let buttons = |content: &Value| -> Vec<(String, String)> {
            serde_json::from_value(content[BUTTONS_KEY].clone()).unwrap_or_default()
        };
        let of_bot = |reaction: &&Value| reaction["sender"] == bot;
        let reaction = |reaction: &Value| {
            let key = reaction.pointer("/content/m.relates_to/key")?.as_str()?;
            Some((key.to_owned(), reaction["event_id"].as_str()?.to_owned()))
        };
        let reactions = reactions["chunk"].as_array().into_iter().flatten();
        Some(Self {
            place: (room.to_owned(), message.to_owned()),
            commands: edited
                .into_iter()
                .chain([&event["content"]])
                .flat_map(buttons)
                .collect(),
            reactions: reactions.filter(of_bot).filter_map(reaction).collect(),
        })
    }

    /// Returns the command of the button with a label.
    fn command(&self, label: &str) -> Option<&str> {
        let mut commands = self.commands.iter();
        commands
            .find(|(known, _)| known == label)
            .map(|(_, command)| command.as_str())
    }
}

impl Keyboards {
    /// Creates the buttons of an account, of which nothing is known yet.
    pub(super) fn new(client: Arc<HomeserverClient>) -> Self {
        Self {
            client,
            recent: Mutex::default(),
        }
    }

    /// Returns whether the buttons of a message are remembered.
    pub(super) fn knows(&self, room: &str, message: &str) -> bool {
        self.remembered(room, message).is_some()
    }

    fn remembered(&self, room: &str, message: &str) -> Option<Keyboard> {
        let recent = lock(&self.recent);
        let mut recent = recent.iter().rev();
        recent
            .find(|known| known.place.0 == room && known.place.1 == message)
            .cloned()
    }

    /// Returns the command of a button of a message; `None` where the message is not the bot's, or never had that button.
    pub(super) async fn command(
        &self,
        bot: &str,
        room: &str,
        message: &str,
        label: &str,
    ) -> Result<Option<String>, RequestError> {
        let keyboard = match self.get(bot, room, message).await {
            Err(RequestError::Refused(_)) => return Ok(None),
            keyboard => keyboard?,
        };
        Ok(keyboard.and_then(|keyboard| keyboard.command(label).map(str::to_owned)))
    }

    /// Removes the buttons that a message is not to have any more.
    pub(super) async fn remove_others(
        &self,
        bot: &str,
        room: &str,
        message: &str,
        wanted: &[(String, String)],
    ) -> Result<(), RequestError> {
        let Some(mut keyboard) = self.get(bot, room, message).await? else {
            return Ok(());
        };
        let is_wanted = |key: &str| wanted.iter().any(|(label, _)| label == key);
        while let Some(at) = keyboard.reactions.iter().position(|(key, _)| !is_wanted(key)) {
            let reaction = encode(&keyboard.reactions[at].1);
            let path = format!("/v3/rooms/{}/redact/{reaction}/{reaction}", encode(room));
            self.client.put(&path, &json!({})).await?;
            keyboard.reactions.remove(at);
            self.remember(keyboard.clone());
        }
        Ok(())
    }

    /// Shows the buttons of a message that was just sent, or edited by an event with this id.
    pub(super) async fn show(
        &self,
        bot: &str,
        room: &str,
        (message, event): (&str, &str),
        buttons: &[(String, String)],
    ) -> Result<(), RequestError> {
        let mut keyboard = if message == event {
            Keyboard {
                place: (room.to_owned(), message.to_owned()),
                ..Keyboard::default()
            }
        } else {
            self.get(bot, room, message).await?.unwrap_or_default()
        };
        keyboard
            .commands
            .retain(|(label, _)| buttons.iter().all(|(shown, _)| shown != label));
        keyboard.commands.splice(..0, buttons.iter().cloned());
        self.remember(keyboard.clone());
        for (index, (label, _)) in buttons.iter().enumerate() {
            if keyboard.reactions.iter().any(|(key, _)| key == label) {
                continue;
            }
            let relation = json!({ "rel_type": "m.annotation", "event_id": message, "key": label });
            let path = format!(
                "/v3/rooms/{}/send/m.reaction/{}-{index}",
                encode(room),
                encode(event)
            );
            match self.client.put(&path, &json!({ "m.relates_to": relation })).await {
                Ok(sent) => {
                    let id = sent["event_id"].as_str().unwrap_or_default().to_owned();
                    keyboard.reactions.push((label.clone(), id));
                    self.remember(keyboard.clone());
                }
                Err(error) if error.is("M_DUPLICATE_ANNOTATION") => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Returns the buttons of a message of the bot; `None` for a message of somebody else.
    async fn get(&self, bot: &str, room: &str, message: &str) -> Result<Option<Keyboard>, RequestError> {
        if let Some(known) = self.remembered(room, message) {
            return Ok(Some(known));
        }
        let (in_room, id) = (encode(room), encode(message));
        let event = self
            .client
            .get(&format!("/v3/rooms/{in_room}/event/{id}"))
            .await?;
        // The first ones are the bot's own.
        let reactions = format!("/v1/rooms/{in_room}/relations/{id}/m.annotation/m.reaction?dir=f&limit=50");
        let reactions = self.client.get(&reactions).await?;
        let found = Keyboard::parse(bot, (room, message), &event, &reactions);
        if let Some(found) = &found {
            self.remember(found.clone());
        }
        Ok(found)
    }

    fn remember(&self, keyboard: Keyboard) {
        let mut recent = lock(&self.recent);
        recent.retain(|known| known.place != keyboard.place);
        recent.push_back(keyboard);
        let surplus = recent.len().saturating_sub(MAX_KEYBOARDS);
        recent.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(label: &str, command: &str) -> (String, String) {
        (label.to_owned(), command.to_owned())
    }

    #[test]
    fn command_of_a_button_is_found_again_in_the_message_and_only_in_the_bots_own() {
        let message = |label: &str, command: &str| RenderedMessage {
            text: "<b>a</b> &lt;b&gt;<br>c".to_owned(),
            buttons: vec![pair(label, command)],
            ..RenderedMessage::default()
        };
        let sent = content(&message("Yes", "/yes 1"));
        assert_eq!(sent["body"], "a <b>\nc");
        let edit = edited_content("$1", &message("Undo", "/rollback"));
        let event = json!({
            "sender": "@bot", "content": sent,
            "unsigned": { "m.relations": { "m.replace": { "sender": "@bot", "content": edit } } },
        });
        let reaction = |sender: &str, key: &str| json!({ "sender": sender, "event_id": format!("${key}"), "content": { "m.relates_to": { "key": key } } });
        let reactions = json!({ "chunk": [reaction("@bot", "Undo"), reaction("@ali", "Yes")] });
        let keyboard = Keyboard::parse("@bot", ("!a", "$1"), &event, &reactions).unwrap();
        assert_eq!(keyboard.command("Undo"), Some("/rollback"));
        assert_eq!(keyboard.command("Yes"), Some("/yes 1"), "it had that button");
        assert_eq!(keyboard.command("👍"), None);
        assert_eq!(keyboard.reactions, [pair("Undo", "$Undo")]);
        assert_eq!(Keyboard::parse("@eve", ("!a", "$1"), &event, &reactions), None);
    }
}
