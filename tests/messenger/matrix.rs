//! The homeserver and the proxy before it: what a bot on Matrix hears, and how its messages are seen.

use std::time::Instant;

use serde_json::{Value, json};

use super::agent;
use crate::support::gateway::WAIT_TIMEOUT;
use crate::support::messenger::matrix::Matrix;
use crate::support::messenger::{Failure, Messenger as _, OWNER, User};

/// A bot that calls the homeserver by hand.
struct Bot {
    url: String,
    token: String,
    since: String,
    transactions: u32,
}

impl Bot {
    /// Creates the bot from the channel's config.
    fn new(matrix: &Matrix) -> Self {
        let config = matrix.config(&[]);
        let text = |field: &str| config[field].as_str().expect("a text").to_owned();
        Self {
            url: text("homeserver"),
            token: text("accessToken"),
            since: String::new(),
            transactions: 0,
        }
    }

    /// Calls the client API; `None` where the connection broke.
    fn try_call(&self, method: &str, path: &str, content: &Value) -> Option<(u16, Value)> {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{}/_matrix/client/v3{path}", self.url));
        let request = request.header("Authorization", format!("Bearer {}", self.token));
        let body = if content.is_null() {
            String::new()
        } else {
            content.to_string()
        };
        let mut response = agent().run(request.body(body).expect("a request")).ok()?;
        let body = response.body_mut().read_to_string().ok()?;
        Some((
            response.status().as_u16(),
            serde_json::from_str(&body).expect("JSON"),
        ))
    }

    /// Calls the client API, which succeeds.
    #[track_caller]
    fn call(&self, method: &str, path: &str, content: &Value) -> Value {
        let (status, answer) = self.try_call(method, path, content).expect("an answer");
        assert_eq!(status, 200, "{method} {path}: {answer}");
        answer
    }

    /// Syncs until something comes that is not the bot's own, and returns the rooms with invitations and the events.
    ///
    /// # Panics
    /// Where nothing comes in time.
    #[track_caller]
    fn sync(&mut self) -> (Vec<String>, Vec<Value>) {
        let deadline = Instant::now() + WAIT_TIMEOUT;
        while Instant::now() < deadline {
            let path = match self.since.as_str() {
                "" => "/sync?timeout=0".to_owned(),
                since => format!("/sync?timeout=2000&since={since}"),
            };
            let synced = self.call("GET", &path, &Value::Null);
            synced["next_batch"]
                .as_str()
                .expect("a position")
                .clone_into(&mut self.since);
            let rooms = &synced["rooms"];
            let invitations: Vec<_> = rooms["invite"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(id, _)| id.clone())
                .collect();
            let joined = rooms["join"].as_object().into_iter().flatten();
            let events = joined
                .filter_map(|(_, room)| room["timeline"]["events"].as_array())
                .flatten();
            let is_wanted = |event: &&Value| {
                ["m.room.message", "m.reaction"]
                    .iter()
                    .any(|kind| event["type"] == *kind)
                    && !event["sender"].as_str().expect("an id").starts_with("@bot")
            };
            let events: Vec<_> = events.filter(is_wanted).cloned().collect();
            if !invitations.is_empty() || !events.is_empty() {
                return (invitations, events);
            }
        }
        panic!("nothing came");
    }

    /// Sends an event; `None` where the connection broke.
    fn send(&mut self, room: &str, kind: &str, content: &Value) -> Option<(u16, Value)> {
        self.transactions += 1;
        let path = format!("/rooms/{room}/send/{kind}/t{}", self.transactions);
        self.try_call("PUT", &path, content)
    }

    /// Sends an event, which succeeds, and returns its id.
    fn send_ok(&mut self, room: &str, kind: &str, content: &Value) -> String {
        let (status, sent) = self.send(room, kind, content).expect("an answer");
        assert_eq!(status, 200, "{sent}");
        sent["event_id"].as_str().expect("an id").to_owned()
    }
}

/// Returns the room that the bot and its owner share.
fn owner_room(matrix: &Matrix, bot: &Bot) -> String {
    let rooms = bot.call("GET", "/joined_rooms", &Value::Null);
    let rooms = rooms["joined_rooms"].as_array().expect("rooms");
    assert_eq!(rooms.len(), 1, "{}", matrix.id(OWNER));
    rooms[0].as_str().expect("an id").to_owned()
}

#[test]
fn bot_hears_its_owner_and_is_seen_with_edits_and_buttons() {
    let Some(matrix) = Matrix::start() else { return };
    let mut bot = Bot::new(&matrix);
    matrix.say(OWNER, "/status");
    let (_, events) = bot.sync();
    assert_eq!(
        (&events[0]["content"]["body"], &events[0]["sender"]),
        (&json!("/status"), &json!(matrix.id(OWNER)))
    );
    matrix.wait_until_connected();
    let room = owner_room(&matrix, &bot);
    let html = json!({
        "msgtype": "m.text", "body": "raw", "format": "org.matrix.custom.html",
        "formatted_body": "<p>a &lt; <b>b</b></p><pre><code>c</code></pre>"
    });
    let message = bot.send_ok(&room, "m.room.message", &html);
    let seen = matrix.next_message("the message", &|seen| !seen.is_edit);
    assert_eq!(
        (&seen.id, seen.chat.as_str(), seen.text.as_str()),
        (&message, room.as_str(), "a < b\nc")
    );
    let button = json!({"m.relates_to": {"rel_type": "m.annotation", "event_id": message, "key": "Repair"}});
    let reaction = bot.send_ok(&room, "m.reaction", &button);
    let seen = matrix.next_message("the button", &|seen| seen.buttons == ["Repair"]);
    for _ in 0..2 {
        matrix.press(OWNER, &seen, "Repair");
        let (_, events) = bot.sync();
        assert_eq!(events[0]["content"]["m.relates_to"]["key"], "Repair");
    }
    let edit = json!({
        "msgtype": "m.text", "body": "* done", "m.new_content": {"msgtype": "m.text", "body": "done"},
        "m.mentions": {"room": true}, "m.relates_to": {"rel_type": "m.replace", "event_id": message}
    });
    bot.send_ok(&room, "m.room.message", &edit);
    let seen = matrix.next_message("the edit", &|seen| seen.text == "done");
    assert_eq!((seen.id, seen.is_edit, seen.alerts_all), (message, true, true));
    bot.call("PUT", &format!("/rooms/{room}/redact/{reaction}/r1"), &json!({}));
    matrix.next_message("the button is gone", &|seen| seen.buttons.is_empty());
    matrix.edit_last(OWNER, "/stop");
    assert_eq!(bot.sync().1[0]["content"]["m.new_content"]["body"], "/stop");
    assert_eq!(matrix.messages().len(), 4);
}

#[test]
fn stranger_invites_the_bot_and_a_sync_can_be_repeated() {
    let Some(matrix) = Matrix::start() else { return };
    let mut bot = Bot::new(&matrix);
    matrix.say(OWNER, "first");
    bot.sync();
    let stranger = User::stranger(0);
    matrix.say(stranger, "let me in");
    let (invitations, _) = bot.sync();
    bot.call("POST", &format!("/rooms/{}/join", invitations[0]), &json!({}));
    let (_, events) = bot.sync();
    assert_eq!(
        (&events[0]["content"]["body"], &events[0]["sender"]),
        (&json!("let me in"), &json!(matrix.id(stranger)))
    );
    matrix.repeat_last();
    let (_, again) = bot.sync();
    assert_eq!(again[0]["event_id"], events[0]["event_id"]);
    let long = "x".repeat(matrix.text_limit());
    assert_eq!(matrix.text_length(&long), matrix.text_limit());
    let (status, refused) = bot
        .send(
            &invitations[0],
            "m.room.message",
            &json!({"msgtype": "m.text", "body": long}),
        )
        .unwrap();
    assert_eq!((status, &refused["errcode"]), (413, &json!("M_TOO_LARGE")));
    matrix.revoke();
    let (status, refused) = bot.try_call("GET", "/sync", &Value::Null).unwrap();
    assert_eq!((status, &refused["errcode"]), (401, &json!("M_UNKNOWN_TOKEN")));
}

#[test]
fn planned_failures_hit_messages_and_transactions_are_done_once() {
    let Some(matrix) = Matrix::start() else { return };
    let mut bot = Bot::new(&matrix);
    let room = owner_room(&matrix, &bot);
    let text = |text: &str| json!({"msgtype": "m.text", "body": text});
    matrix.fail_next(Failure::ServerError, 1);
    assert_eq!(bot.send(&room, "m.room.message", &text("a")).unwrap().0, 500);
    matrix.fail_next(Failure::AnswerLost, 1);
    assert_eq!(bot.send(&room, "m.room.message", &text("b")), None);
    bot.transactions -= 1;
    bot.send_ok(&room, "m.room.message", &text("b"));
    matrix.fail_next(Failure::Held, 1);
    matrix.release();
    bot.send_ok(&room, "m.room.message", &text("c"));
    matrix.next_message("the last one", &|seen| seen.text == "c");
    assert_eq!(
        matrix.messages().iter().filter(|seen| seen.text == "b").count(),
        1
    );
    matrix.fail_next(Failure::RateLimited { seconds: 600 }, 1);
    let (status, answer) = bot.send(&room, "m.room.message", &text("d")).unwrap();
    assert_eq!((status, &answer["retry_after_ms"]), (429, &json!(600_000)));
    assert_eq!(matrix.early_calls(), 0);
    assert_eq!(bot.send(&room, "m.room.message", &text("d")).unwrap().0, 429);
    assert_eq!(matrix.early_calls(), 1);
    let sends = |method: &str| matrix.calls().iter().filter(|call| call.method == method).count();
    assert_eq!(sends("PUT /rooms/{id}/send/m.room.message/{id}"), 6);
    matrix.drop_connections();
    matrix.set_reachable(false);
    assert_eq!(bot.try_call("GET", "/sync", &Value::Null), None);
}
