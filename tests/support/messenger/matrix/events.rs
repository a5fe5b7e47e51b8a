//! What the people of a bot see in their rooms: a thread for each of them syncs as that person.

use std::sync::Arc;

use serde_json::Value;

use super::proxy::Account;
use super::synapse::Synapse;
use crate::support::messenger::seen::Seen;
use crate::support::messenger::state::{Shared, State};

/// A private room with the bot, and the access token of its person.
#[derive(Clone, Debug)]
pub struct Room {
    pub id: String,
    pub token: String,
}

/// Enters what the bot does in a room until the test ends.
pub fn watch(shared: &Arc<Shared<Account>>, synapse: &'static Synapse, room: Room, bot: String) {
    let shared = shared.clone();
    std::thread::spawn(move || {
        let mut since = String::new();
        while !shared.change(|state| state.own.is_over) {
            let path = format!("/sync?timeout=5000&since={since}");
            let path = if since.is_empty() {
                "/sync?timeout=0"
            } else {
                &path
            };
            let synced = synapse.call(&room.token, "GET", path, &Value::Null);
            synced["next_batch"]
                .as_str()
                .expect("a position")
                .clone_into(&mut since);
            let events = synced["rooms"]["join"][&room.id]["timeline"]["events"].as_array();
            let of_bot = events
                .into_iter()
                .flatten()
                .filter(|event| event["sender"] == *bot);
            shared.change(|state| of_bot.for_each(|event| enter(state, &room, event)));
        }
    });
}

/// Enters an event of the bot: a message, an edit, a button that is added, or one that is taken away.
fn enter(state: &mut State<Account>, room: &Room, event: &Value) {
    let content = &event["content"];
    let relation = &content["m.relates_to"];
    let text = |field: &Value| field.as_str().unwrap_or_default().to_owned();
    let id = text(&event["event_id"]);
    let shown = match (event["type"].as_str(), relation["rel_type"].as_str()) {
        (Some("m.room.message"), Some("m.replace")) => {
            let old = state.own.shown.get(&text(&relation["event_id"]));
            old.cloned().map(|old| Seen {
                text: read(&content["m.new_content"]),
                alerts_all: alerts_all(content),
                ..old
            })
        }
        (Some("m.room.message"), _) => Some(Seen {
            id,
            chat: room.id.clone(),
            text: read(content),
            buttons: Vec::new(),
            is_edit: false,
            alerts_all: alerts_all(content),
            raw: event.clone(),
        }),
        (Some("m.reaction"), _) => {
            let [target, key] = ["event_id", "key"].map(|field| text(&relation[field]));
            state.own.reactions.insert(id, (target.clone(), key.clone()));
            state.own.shown.get(&target).cloned().map(|mut seen| {
                seen.buttons.push(key);
                seen
            })
        }
        (Some("m.room.redaction"), _) => {
            let redacted = event["redacts"]
                .as_str()
                .or(content["redacts"].as_str())
                .unwrap_or_default();
            let reaction = state.own.reactions.remove(redacted);
            reaction.and_then(|(target, key)| {
                let mut seen = state.own.shown.get(&target)?.clone();
                seen.buttons.retain(|button| *button != key);
                Some(seen)
            })
        }
        _ => None,
    };
    if let Some(mut seen) = shown {
        state.own.shown.insert(seen.id.clone(), seen.clone());
        seen.is_edit = event["event_id"] != *seen.id;
        state.seen.enter(seen);
    }
}

/// Returns whether a message alerts everybody in the room.
fn alerts_all(content: &Value) -> bool {
    content["m.mentions"]["room"] == true
}

/// Returns what people read of a message: its HTML where it has some, or its body.
fn read(content: &Value) -> String {
    let text = |field: &str| content[field].as_str().unwrap_or_default();
    match content["format"].as_str() {
        Some("org.matrix.custom.html") => read_html(text("formatted_body")),
        _ => text("body").to_owned(),
    }
}

/// Returns HTML without its tags.
fn read_html(html: &str) -> String {
    let mut shown = String::new();
    let mut rest = html;
    while let Some((before, after)) = rest.split_once('<') {
        shown.push_str(before);
        let (tag, after) = after.split_once('>').unwrap_or((after, ""));
        if matches!(tag, "br" | "br/" | "br /" | "/p" | "/li") {
            shown.push('\n');
        }
        rest = after;
    }
    shown.push_str(rest);
    let shown = shown
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"");
    let shown = shown.replace("&#39;", "'").replace("&amp;", "&");
    shown.trim_end().to_owned()
}
