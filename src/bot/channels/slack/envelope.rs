//! The envelopes of Socket Mode: who said what in them, and in which chat.

use serde_json::Value;

use crate::bot::channel::{Content, Heard};

/// Beginning of the ids of the bot's buttons.
pub(super) const ACTION_PREFIX: &str = "command-";
/// The user of Slack itself.
const SLACKBOT: &str = "USLACKBOT";

/// Reads envelopes for one bot.
pub(super) struct Reader<'a> {
    /// The user id of the bot.
    pub(super) bot_user: &'a str,
    /// The slash command that stands for the bot, such as `/openclaw`.
    pub(super) slash_command: &'a str,
}

impl Reader<'_> {
    /// Returns what an envelope says; `None` for one in which nobody says anything to the bot.
    pub(super) fn heard(&self, envelope: &Value) -> Option<Heard> {
        let payload = &envelope["payload"];
        let mut heard = match envelope["type"].as_str()? {
            "events_api" => self.event(payload),
            "slash_commands" => self.slash_command(payload),
            "interactive" => press(payload),
            _ => None,
        }?;
        heard.receipt = Some(envelope["envelope_id"].as_str()?.to_owned());
        Some(heard)
    }

    /// Reads an event: a message or its change. A message that mentions the bot comes twice, with the same time stamp.
    fn event(&self, payload: &Value) -> Option<Heard> {
        let event = &payload["event"];
        let is_edit = event["subtype"] == "message_changed";
        let message = if is_edit { &event["message"] } else { event };
        let channel = event["channel"].as_str()?;
        let time = message["ts"].as_str()?;
        let person = message["user"].as_str()?;
        let is_of_bot = message["bot_id"].is_string() || person == self.bot_user || person == SLACKBOT;
        let is_message = matches!(event["type"].as_str(), Some("message" | "app_mention"));
        if is_of_bot || !is_message {
            return None;
        }
        let id = message_id(channel, time);
        let (id, (content, is_addressed)) = match event["subtype"].as_str() {
            None => (id, self.content(message)),
            // Slack changes a message itself to show the page that a link leads to.
            Some("message_changed") if message["text"] != event["previous_message"]["text"] => {
                let change = event["event_ts"].as_str().unwrap_or_default();
                (format!("{id}/edit/{change}"), (Content::Other, false))
            }
            Some("file_share" | "me_message" | "thread_broadcast") => (id, (Content::Other, false)),
            Some(_) => return None,
        };
        let is_private = event["channel_type"] == "im";
        Some(Heard {
            id,
            at: milliseconds(time),
            chat: if is_private { person } else { channel }.to_owned(),
            is_private,
            person: person.to_owned(),
            name: String::new(),
            language: None,
            community: text(&payload["team_id"]),
            receipt: None,
            is_addressed,
            content,
        })
    }

    /// Returns the content of a new message, and whether it mentions the bot at its start.
    fn content(&self, message: &Value) -> (Content, bool) {
        let typed = message["text"].as_str().unwrap_or_default().trim();
        let mention = format!("<@{}>", self.bot_user);
        let rest = typed.strip_prefix(&mention).map(str::trim_start);
        let text = rest.unwrap_or(typed);
        let has_files = message["files"].as_array().is_some_and(|files| !files.is_empty());
        let content = if text.is_empty() || has_files {
            Content::Other
        } else {
            Content::Text(plain_text(text))
        };
        (content, rest.is_some())
    }

    /// Reads a slash command. Typed in a private chat, whoever that is with, it is answered in the one with the bot.
    fn slash_command(&self, payload: &Value) -> Option<Heard> {
        let (channel, person) = (payload["channel_id"].as_str()?, payload["user_id"].as_str()?);
        let is_private = payload["channel_name"] == "directmessage";
        let (command, words) = (payload["command"].as_str()?, payload["text"].as_str()?);
        let command = if command == self.slash_command {
            "/openclaw"
        } else {
            command
        };
        Some(Heard {
            id: format!("command/{}", payload["trigger_id"].as_str()?),
            at: 0,
            chat: if is_private { person } else { channel }.to_owned(),
            is_private,
            person: person.to_owned(),
            name: text(&payload["user_name"]).unwrap_or_default(),
            language: None,
            community: text(&payload["team_id"]),
            receipt: None,
            is_addressed: false,
            content: Content::Text(plain_text(format!("{command} {words}").trim_end())),
        })
    }
}

/// Reads the press of a button of the bot.
fn press(payload: &Value) -> Option<Heard> {
    let action = payload["actions"].get(0)?;
    if payload["type"] != "block_actions" || !action["action_id"].as_str()?.starts_with(ACTION_PREFIX) {
        return None;
    }
    let (channel, person) = (
        payload["channel"]["id"].as_str()?,
        payload["user"]["id"].as_str()?,
    );
    let (message, time) = (
        payload["container"]["message_ts"].as_str()?,
        action["action_ts"].as_str()?,
    );
    let is_private = payload["channel"]["name"] == "directmessage";
    let message = message_id(channel, message);
    let id = format!("{message}/press/{person}/{time}");
    Some(Heard {
        at: milliseconds(time),
        chat: if is_private { person } else { channel }.to_owned(),
        is_private,
        person: person.to_owned(),
        name: text(&payload["user"]["username"]).unwrap_or_default(),
        language: None,
        community: text(&payload["team"]["id"]),
        receipt: None,
        is_addressed: false,
        content: Content::Press {
            command: action["value"].as_str()?.to_owned(),
            press: id.clone(),
            message,
        },
        id,
    })
}

/// Returns the id of a message: its channel and the time stamp that tells it from others there.
pub(super) fn message_id(channel: &str, time: &str) -> String {
    format!("{channel}/{time}")
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// Returns the milliseconds since 1970 of a time stamp, which are seconds with a fraction that counts messages.
fn milliseconds(time: &str) -> u64 {
    let seconds = time.split('.').next().unwrap_or_default();
    seconds.parse::<u64>().unwrap_or_default().saturating_mul(1000)
}

/// Returns a text as its writer typed it: Slack escapes three characters, and writes links and mentions in angle brackets
/// (<https://docs.slack.dev/messaging/formatting-message-text>).
fn plain_text(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        plain.push_str(before);
        let Some((inside, after)) = after.split_once('>') else {
            plain.push('<');
            rest = after;
            continue;
        };
        let (target, label) = inside.split_once('|').unwrap_or((inside, ""));
        let (mark, target) = match target.chars().next() {
            Some('@' | '!') => ("@", &target[1..]),
            Some('#') => ("#", &target[1..]),
            _ => ("", target),
        };
        let shown = if label.is_empty() { target } else { label };
        plain.push_str(mark);
        plain.push_str(shown.strip_prefix(mark).unwrap_or(shown));
        rest = after;
    }
    plain.push_str(rest);
    plain
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const READER: Reader<'static> = Reader {
        bot_user: "UBOT",
        slash_command: "/rescue",
    };

    fn envelope(kind: &str, payload: &Value) -> Value {
        json!({ "envelope_id": "e1", "type": kind, "payload": payload })
    }

    /// Reads a private message of a person with further fields.
    fn message(fields: &Value) -> Option<Heard> {
        let mut event = json!({
            "type": "message", "user": "U1", "text": "/repair", "ts": "1700000000.000001", "channel": "D1",
            "channel_type": "im",
        });
        event
            .as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        READER.heard(&envelope(
            "events_api",
            &json!({ "team_id": "T1", "event": event }),
        ))
    }

    #[test]
    fn only_the_own_new_text_of_a_person_is_a_text() {
        let heard = message(&json!({})).unwrap();
        assert_eq!(heard.content, Content::Text("/repair".to_owned()));
        assert_eq!(
            (heard.chat.as_str(), heard.is_private, heard.receipt.as_deref()),
            ("U1", true, Some("e1"))
        );
        assert_eq!(heard.at, 1_700_000_000_000);
        for subtype in ["file_share", "me_message", "thread_broadcast"] {
            let heard = message(&json!({ "subtype": subtype })).unwrap();
            assert_eq!(heard.content, Content::Other, "{subtype}");
        }
        assert_eq!(message(&json!({ "text": "" })).unwrap().content, Content::Other);
        assert_eq!(
            message(&json!({ "files": [{}] })).unwrap().content,
            Content::Other
        );
        for fields in [
            json!({ "bot_id": "B1" }),
            json!({ "user": "UBOT" }),
            json!({ "user": "USLACKBOT" }),
            json!({ "user": null }),
            json!({ "subtype": "bot_message" }),
            json!({ "subtype": "message_deleted" }),
            json!({ "subtype": "channel_join" }),
            json!({ "type": "reaction_added" }),
        ] {
            assert_eq!(message(&fields), None, "{fields}");
        }
    }

    #[test]
    fn changed_text_is_no_text_and_a_link_that_slack_shows_is_nothing() {
        let changed = |before: &str, user: &str| {
            message(&json!({
                "subtype": "message_changed", "event_ts": "1700000009.000001", "user": null, "ts": "1700000009.000001",
                "message": { "user": user, "text": "/repair", "ts": "1700000000.000001" },
                "previous_message": { "text": before },
            }))
        };
        let heard = changed("hello", "U1").unwrap();
        assert_eq!(heard.content, Content::Other);
        assert_ne!(heard.id, message(&json!({})).unwrap().id);
        assert_eq!(changed("/repair", "U1"), None);
        assert_eq!(changed("hello", "UBOT"), None);
    }

    #[test]
    fn mention_in_a_channel_addresses_the_bot_and_comes_once() {
        let fields = json!({ "channel": "C1", "channel_type": "channel", "text": "<@UBOT> status all" });
        let seen = message(&fields).unwrap();
        assert_eq!(seen.content, Content::Text("status all".to_owned()));
        assert!(seen.is_addressed);
        assert_eq!((seen.chat.as_str(), seen.is_private), ("C1", false));
        let mut mention = fields.clone();
        mention["type"] = "app_mention".into();
        mention["channel_type"] = Value::Null;
        assert_eq!(message(&mention).unwrap(), seen);
        let other = json!({ "text": "<@UOTHER> /repair" });
        assert_eq!(
            message(&other).unwrap().content,
            Content::Text("@UOTHER /repair".to_owned())
        );
    }

    #[test]
    fn slash_command_in_a_chat_of_two_people_is_answered_by_the_bot_alone() {
        let mut payload = json!({
            "command": "/rescue", "text": "logs &amp; 5", "user_id": "U1", "user_name": "ali", "channel_id": "D9",
            "channel_name": "directmessage", "team_id": "T1", "trigger_id": "1.2",
        });
        let heard = READER.heard(&envelope("slash_commands", &payload)).unwrap();
        assert_eq!(heard.content, Content::Text("/openclaw logs & 5".to_owned()));
        assert_eq!((heard.chat.as_str(), heard.is_private), ("U1", true));
        payload["channel_name"] = "general".into();
        payload["command"] = "/status".into();
        payload["text"] = "".into();
        let heard = READER.heard(&envelope("slash_commands", &payload)).unwrap();
        assert_eq!(heard.content, Content::Text("/status".to_owned()));
        assert_eq!((heard.chat.as_str(), heard.is_private), ("D9", false));
    }

    #[test]
    fn press_of_a_button_of_the_bot_is_its_command() {
        let mut payload = json!({
            "type": "block_actions", "team": { "id": "T1" }, "user": { "id": "U1", "username": "ali" },
            "channel": { "id": "D1", "name": "directmessage" },
            "container": { "message_ts": "1700000000.000001", "channel_id": "D1" },
            "actions": [{ "action_id": "command-0", "value": "/yes A", "action_ts": "1700000001.000001" }],
        });
        let heard = READER.heard(&envelope("interactive", &payload)).unwrap();
        let Content::Press { command, message, .. } = &heard.content else {
            panic!("{heard:?}")
        };
        assert_eq!(
            (command.as_str(), message.as_str()),
            ("/yes A", "D1/1700000000.000001")
        );
        assert_eq!(heard.chat, "U1");
        payload["actions"][0]["action_id"] = "other".into();
        assert_eq!(READER.heard(&envelope("interactive", &payload)), None);
        payload["type"] = "shortcut".into();
        assert_eq!(READER.heard(&envelope("interactive", &payload)), None);
    }

    #[test]
    fn text_is_read_as_it_was_typed() {
        for (sent, typed) in [
            ("a &lt;b&gt; &amp;amp;", "a <b> &amp;"),
            ("<https://a.b/c> <http://a.b|a.b>", "https://a.b/c a.b"),
            ("<@U1> <@U1|ali> <#C1|general> <!here>", "@U1 @ali #general @here"),
            ("<mailto:a@b.c|a@b.c> < x", "a@b.c < x"),
        ] {
            assert_eq!(plain_text(sent), typed);
        }
    }
}
