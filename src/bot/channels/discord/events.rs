//! The events of Discord that somebody said something: messages, presses of buttons, and commands of the menu.

use serde_json::Value;

use super::gateway::Event;
use crate::bot::channel::{Content, Heard};

/// The begin of Discord's time, in milliseconds since 1970 (<https://docs.discord.com/developers/reference#snowflakes>).
const EPOCH: u64 = 1_420_070_400_000;
/// The types of messages that a person writes: one by itself, and a reply.
const WRITTEN_TYPES: [u64; 2] = [0, 19];
/// The type of a reference to the message that was forwarded.
const FORWARD: u64 = 1;
/// The types of interactions: a command of the menu, and a press of a button.
const COMMAND: u64 = 2;
const BUTTON: u64 = 3;
/// The context of an interaction in a private chat of people, in which the bot is not.
const CHAT_OF_PEOPLE: u64 = 2;

/// Returns what an event says; `None` for one that no person said. `bot` is the id of the bot.
pub(super) fn heard(event: &Event, bot: &str) -> Option<Heard> {
    match event.name.as_str() {
        "MESSAGE_CREATE" => message(&event.data, bot),
        "INTERACTION_CREATE" => interaction(&event.data),
        _ => None,
    }
}

/// Returns what a message says. Messages of programs, this bot among them, are nobody's word.
fn message(message: &Value, bot: &str) -> Option<Heard> {
    let author = message.get("author")?;
    if author.get("bot") == Some(&Value::Bool(true)) || message.get("webhook_id").is_some() {
        return None;
    }
    let kind = number_at(message, "/type").unwrap_or_default();
    let is_own =
        WRITTEN_TYPES.contains(&kind) && number_at(message, "/message_reference/type") != Some(FORWARD);
    let typed = text_at(message, "/content").unwrap_or_default();
    let text = without_mention(typed, bot);
    let content = if is_own && !text.is_empty() {
        Content::Text(text.to_owned())
    } else {
        Content::Other
    };
    Some(Heard {
        is_addressed: text.len() < typed.trim().len(),
        ..said(message, author, content)?
    })
}

/// Returns what a press of a button or a command of the menu says.
fn interaction(interaction: &Value) -> Option<Heard> {
    let person = interaction
        .get("user")
        .or_else(|| interaction.pointer("/member/user"))?;
    let answer = format!(
        "{}/{}",
        text_at(interaction, "/id")?,
        text_at(interaction, "/token")?
    );
    let content = match number_at(interaction, "/type")? {
        COMMAND => {
            let value = text_at(interaction, "/data/options/0/value").unwrap_or_default();
            let text = format!("/{} {value}", text_at(interaction, "/data/name")?);
            let text = text.trim().to_owned();
            Content::Chosen {
                press: format!("{answer} {text}"),
                text,
            }
        }
        BUTTON => Content::Press {
            command: text_at(interaction, "/data/custom_id")?.to_owned(),
            message: text_at(interaction, "/message/id")?.to_owned(),
            press: answer,
        },
        _ => return None,
    };
    said(interaction, person, content)
}

/// Returns what a person said, by the fields that messages and interactions have alike.
fn said(event: &Value, person: &Value, content: Content) -> Option<Heard> {
    let id = text_at(event, "/id")?;
    let community = text_at(event, "/guild_id").map(str::to_owned);
    let name = text_at(person, "/global_name").or_else(|| text_at(person, "/username"));
    Some(Heard {
        id: id.to_owned(),
        at: (id.parse::<u64>().ok()? >> 22) + EPOCH,
        chat: text_at(event, "/channel_id")?.to_owned(),
        is_private: community.is_none() && number_at(event, "/context") != Some(CHAT_OF_PEOPLE),
        person: text_at(person, "/id")?.to_owned(),
        name: name.unwrap_or_default().to_owned(),
        language: text_at(event, "/locale").map(str::to_owned),
        content,
        community,
        receipt: None,
        is_addressed: false,
    })
}

/// Returns a text without the mention of the bot at its start, which Discord demands in servers to show the text.
fn without_mention<'a>(text: &'a str, bot: &str) -> &'a str {
    let text = text.trim();
    let rest = text.strip_prefix("<@").and_then(|text| text.split_once('>'));
    match rest {
        Some((id, rest)) if id.trim_start_matches('!') == bot => rest.trim_start(),
        _ => text,
    }
}

fn text_at<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer)?.as_str()
}

fn number_at(value: &Value, pointer: &str) -> Option<u64> {
    value.pointer(pointer)?.as_u64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const BOT: &str = "77";

    /// Returns what an event says whose usual fields are replaced by these.
    fn hear(name: &str, fields: &Value) -> Option<Heard> {
        let mut data = json!({
            "id": "175928847299117063", "channel_id": "5", "type": 0, "content": "/status",
            "author": {"id": "42", "username": "ali", "global_name": "Ali"},
        });
        data.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        let event = Event {
            name: name.to_owned(),
            data,
        };
        heard(&event, BOT)
    }

    #[test]
    fn message_of_a_person_is_heard_with_its_time() {
        let said = hear("MESSAGE_CREATE", &json!({})).unwrap();
        assert_eq!(
            (said.person.as_str(), said.name.as_str(), said.at, said.is_private),
            ("42", "Ali", 1_462_015_105_796, true)
        );
        assert_eq!(said.content, Content::Text("/status".to_owned()));
        let in_server = hear("MESSAGE_CREATE", &json!({"guild_id": "9"})).unwrap();
        assert_eq!(
            (in_server.is_private, in_server.community.as_deref()),
            (false, Some("9"))
        );
    }

    #[test]
    fn only_the_own_new_text_of_a_person_is_a_text() {
        let content = |fields: Value| hear("MESSAGE_CREATE", &fields).map(|heard| heard.content);
        let text = |text: &str| Some(Content::Text(text.to_owned()));
        assert_eq!(content(json!({"type": 19})), text("/status"));
        assert_eq!(content(json!({"content": "<@77> /stop"})), text("/stop"));
        assert_eq!(content(json!({"content": "<@!77>/stop"})), text("/stop"));
        assert_eq!(content(json!({"content": "<@78> /stop"})), text("<@78> /stop"));
        assert_eq!(content(json!({"content": ""})), Some(Content::Other));
        assert_eq!(content(json!({"type": 6})), Some(Content::Other));
        assert_eq!(
            content(json!({"message_reference": {"type": 1}})),
            Some(Content::Other)
        );
        assert_eq!(content(json!({"author": {"id": "77", "bot": true}})), None);
        assert_eq!(content(json!({"webhook_id": "3"})), None);
        assert_eq!(hear("MESSAGE_UPDATE", &json!({})), None);
    }

    #[test]
    fn presses_and_commands_of_the_menu_are_heard() {
        let user = json!({"id": "42", "username": "ali"});
        let press = json!({
            "type": 3, "token": "t", "user": user, "locale": "tr", "message": {"id": "6"},
            "data": {"custom_id": "/yes A"},
        });
        let heard = hear("INTERACTION_CREATE", &press).unwrap();
        let expected = Content::Press {
            command: "/yes A".to_owned(),
            press: "175928847299117063/t".to_owned(),
            message: "6".to_owned(),
        };
        assert_eq!((heard.content, heard.language.as_deref()), (expected, Some("tr")));
        let command = json!({
            "type": 2, "token": "t", "member": {"user": user}, "guild_id": "9",
            "data": {"name": "status", "options": [{"name": "text", "type": 3, "value": "all"}]},
        });
        let heard = hear("INTERACTION_CREATE", &command).unwrap();
        let expected = Content::Chosen {
            text: "/status all".to_owned(),
            press: "175928847299117063/t /status all".to_owned(),
        };
        assert_eq!((heard.content, heard.is_private), (expected, false));
        let elsewhere =
            json!({"type": 2, "token": "t", "user": user, "context": 2, "data": {"name": "status"}});
        assert!(!hear("INTERACTION_CREATE", &elsewhere).unwrap().is_private);
        assert_eq!(
            hear(
                "INTERACTION_CREATE",
                &json!({"type": 4, "token": "t", "user": user})
            ),
            None
        );
    }
}
