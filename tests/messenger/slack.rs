//! The stand-in for Slack: Socket Mode with its acknowledgements and retries, and the Web API.

use serde_json::{Value, json};

use super::{Client, agent};
use crate::support::messenger::slack::{APP_TOKEN, BOT_TOKEN, Slack};
use crate::support::messenger::{Failure, Messenger as _, OWNER, Seen, User};

/// Calls a method with a token and returns the status, the document, and the seconds to wait; `None` where the connection
/// broke.
fn request(slack: &Slack, token: &str, method: &str, parameters: &Value) -> Option<(u16, Value, String)> {
    let request = agent().post(format!("{}/{method}", slack.api()));
    let request = request.header("Authorization", format!("Bearer {token}"));
    let request = request.header("Content-Type", "application/json; charset=utf-8");
    let mut response = request.send(parameters.to_string()).ok()?;
    let wait = response
        .headers()
        .get("retry-after")
        .map(|wait| wait.to_str().expect("ASCII").to_owned());
    let body = response.body_mut().read_to_string().ok()?;
    let document = serde_json::from_str(&body).expect("JSON");
    Some((response.status().as_u16(), document, wait.unwrap_or_default()))
}

/// Calls a method as the bot and returns the answer.
#[track_caller]
fn call(slack: &Slack, method: &str, parameters: &Value) -> Value {
    let (status, answer, _) = request(slack, BOT_TOKEN, method, parameters).expect("an answer");
    assert_eq!((status, &answer["ok"]), (200, &json!(true)), "{answer}");
    answer
}

/// Calls a method as the bot and returns the name of the error.
#[track_caller]
fn refused(slack: &Slack, method: &str, parameters: &Value) -> String {
    let (status, answer, _) = request(slack, BOT_TOKEN, method, parameters).expect("an answer");
    assert_eq!((status, &answer["ok"]), (200, &json!(false)), "{answer}");
    answer["error"].as_str().expect("an error").to_owned()
}

/// Returns the id of the private channel with the owner.
fn owner_channel(slack: &Slack) -> Value {
    call(slack, "conversations.open", &json!({"users": slack.id(OWNER)}))["channel"]["id"].clone()
}

/// Sends a message to the owner and returns it as the owner sees it.
fn send(slack: &Slack, mut message: Value) -> Seen {
    message["channel"] = owner_channel(slack);
    let sent = call(slack, "chat.postMessage", &message);
    slack.next_message("it was sent", &|seen| sent["ts"] == seen.raw["ts"])
}

/// Returns a section and a row with one button.
fn blocks(text: &str, label: &str) -> Value {
    json!([
        {"type": "section", "text": {"type": "mrkdwn", "text": text}},
        {"type": "actions", "elements": [
            {"type": "button", "action_id": "a", "value": "v", "text": {"type": "plain_text", "text": label}}
        ]}
    ])
}

/// Opens a socket, up to the hello, and returns its URL, too.
fn connect(slack: &Slack) -> (Client, String) {
    let (_, opened, _) = request(slack, APP_TOKEN, "apps.connections.open", &Value::Null).expect("an answer");
    let url = opened["url"].as_str().expect("a URL").to_owned();
    let mut client = Client::connect(&url).expect("a WebSocket");
    assert_eq!(client.next().expect("a hello")["type"], "hello");
    (client, url)
}

/// Returns the next envelope and acknowledges it.
fn receive(client: &mut Client) -> Value {
    let envelope = client.next().expect("an envelope");
    client.send(&json!({"envelope_id": envelope["envelope_id"]}));
    envelope
}

#[test]
fn each_kind_of_token_opens_its_own_door() {
    let slack = Slack::start();
    assert_eq!(call(&slack, "auth.test", &Value::Null)["bot_id"], "B0RESCUEBOT");
    for (token, method, error) in [
        ("", "auth.test", "not_authed"),
        ("xoxb-other", "auth.test", "invalid_auth"),
        (APP_TOKEN, "auth.test", "not_allowed_token_type"),
        (BOT_TOKEN, "apps.connections.open", "not_allowed_token_type"),
        (BOT_TOKEN, "no.method", "unknown_method"),
    ] {
        assert_eq!(
            request(&slack, token, method, &Value::Null).unwrap().1["error"],
            error
        );
    }
    let (mut client, url) = connect(&slack);
    assert!(Client::connect(&url).is_none(), "a ticket is good once");
    slack.wait_until_connected();
    slack.revoke();
    assert_eq!(client.next().unwrap()["reason"], "link_disabled");
    assert_eq!(client.next(), Err(Some(1000)));
    assert_eq!(refused(&slack, "auth.test", &Value::Null), "token_revoked");
}

#[test]
fn envelopes_are_delivered_until_they_are_acknowledged() {
    let slack = Slack::start();
    slack.say(OWNER, "a < b & c");
    let (mut client, _) = connect(&slack);
    let first = client.next().unwrap();
    assert_eq!(
        (&first["type"], &first["retry_attempt"]),
        (&json!("events_api"), &json!(0))
    );
    let event = &first["payload"]["event"];
    assert_eq!(
        (&event["text"], &event["channel_type"]),
        (&json!("a &lt; b &amp; c"), &json!("im"))
    );
    assert_eq!(
        (&event["user"], &event["channel"]),
        (&json!(slack.id(OWNER)), &owner_channel(&slack))
    );
    slack.retry_unacknowledged();
    let again = receive(&mut client);
    assert_eq!(
        (&again["retry_attempt"], &again["retry_reason"]),
        (&json!(1), &json!("timeout"))
    );
    assert_eq!(again["payload"], first["payload"]);
    slack.wait_until_acknowledged();
    slack.repeat_last();
    assert_eq!(
        receive(&mut client)["payload"]["event_id"],
        first["payload"]["event_id"]
    );

    slack.edit_last(OWNER, "edited");
    assert_eq!(
        receive(&mut client)["payload"]["event"]["subtype"],
        "message_changed"
    );
    slack.say_in_group(User::stranger(0), "hello");
    assert_eq!(
        receive(&mut client)["payload"]["event"]["channel_type"],
        "channel"
    );
    send(&slack, json!({"text": "mine"}));
    assert_eq!(receive(&mut client)["payload"]["event"]["bot_id"], "B0RESCUEBOT");
    slack.wait_until_acknowledged();

    slack.ask_to_refresh();
    assert_eq!(client.next().unwrap()["reason"], "refresh_requested");
    assert_eq!(client.next(), Err(Some(1000)));
    let (mut client, _) = connect(&slack);
    slack.drop_connections();
    assert_eq!(client.next(), Err(None));
}

#[test]
fn commands_and_presses_come_in_envelopes_of_their_own() {
    let slack = Slack::start();
    let (mut client, _) = connect(&slack);
    slack.say(OWNER, "/status all");
    let envelope = client.next().unwrap();
    assert_eq!(
        (&envelope["type"], &envelope["accepts_response_payload"]),
        (&json!("slash_commands"), &json!(true))
    );
    let payload = &envelope["payload"];
    assert_eq!(
        (&payload["command"], &payload["text"]),
        (&json!("/status"), &json!("all"))
    );
    client.send(&json!({"envelope_id": envelope["envelope_id"], "payload": {"text": "all is well"}}));
    slack.next_message("the answer", &|seen| seen.text == "all is well");

    let message = send(&slack, json!({"text": "x", "blocks": blocks("x", "Repair")}));
    receive(&mut client);
    slack.press(OWNER, &message, "Repair");
    let envelope = receive(&mut client);
    let payload = &envelope["payload"];
    assert_eq!(
        (&envelope["type"], &payload["type"]),
        (&json!("interactive"), &json!("block_actions"))
    );
    assert_eq!(
        (&payload["user"]["id"], &payload["actions"][0]["value"]),
        (&json!(slack.id(OWNER)), &json!("v"))
    );
    assert_eq!(payload["container"]["message_ts"], message.raw["ts"]);
    slack.wait_until_acknowledged();
    slack.wait_for_call("the acknowledgement", |call| {
        call.parameters["envelope_id"] == envelope["envelope_id"]
    });
}

#[test]
fn messages_are_checked() {
    let slack = Slack::start();
    let channel = owner_channel(&slack);
    let long = "ş".repeat(slack.text_limit());
    assert_eq!(slack.text_length(&long), slack.text_limit());
    send(&slack, json!({"text": long}));
    for (message, error) in [
        (
            json!({"channel": channel, "text": long.clone() + "x"}),
            "msg_too_long",
        ),
        (json!({"channel": channel, "text": ""}), "no_text"),
        (json!({"channel": "C0NOWHERE", "text": "x"}), "channel_not_found"),
        (
            json!({"channel": channel, "blocks": blocks(&"x".repeat(3001), "A")}),
            "invalid_blocks",
        ),
        (
            json!({"channel": channel, "blocks": blocks("x", &"x".repeat(76))}),
            "invalid_blocks",
        ),
        (
            json!({"channel": channel, "blocks": [{"type": "other"}]}),
            "invalid_blocks",
        ),
        (
            json!({"channel": channel, "blocks": "x"}),
            "invalid_blocks_format",
        ),
    ] {
        assert_eq!(refused(&slack, "chat.postMessage", &message), error, "{message}");
    }
    assert_eq!(
        refused(&slack, "conversations.open", &json!({"users": "U0"})),
        "user_not_found"
    );
}

#[test]
fn people_see_messages_and_updates_without_markup() {
    let slack = Slack::start();
    let channel = owner_channel(&slack);
    let text = "*bold* a_b_c &lt;!channel&gt; ```\n*code* &amp;\n```";
    let seen = send(
        &slack,
        json!({"channel": slack.id(OWNER), "text": "x", "blocks": blocks(text, "A")}),
    );
    assert_eq!(seen.text, "bold a_b_c <!channel> *code* &");
    assert_eq!((seen.buttons, seen.alerts_all), (vec!["A".to_owned()], false));
    assert!(send(&slack, json!({"text": "<!channel> x"})).alerts_all);

    let update = |blocks: &Value| json!({"channel": channel, "ts": seen.id, "text": "y", "blocks": blocks});
    call(
        &slack,
        "chat.update",
        &json!({"channel": channel, "ts": seen.id, "text": "y"}),
    );
    let edited = slack.next_message("the edit", &|seen| seen.is_edit);
    assert_eq!(
        (edited.id, edited.buttons.len()),
        (seen.id.clone(), 1),
        "what is not named stays"
    );
    call(&slack, "chat.update", &update(&json!([])));
    let edited = slack.next_message("the edit", &|seen| seen.is_edit);
    assert_eq!((edited.text.as_str(), edited.buttons.len()), ("y", 0));
    let missing = json!({"channel": channel, "ts": "1.2", "text": "y"});
    assert_eq!(refused(&slack, "chat.update", &missing), "message_not_found");
    slack.say(OWNER, "theirs");
    let (mut client, _) = connect(&slack);
    let theirs = loop {
        let event = receive(&mut client)["payload"]["event"].take();
        if event["text"] == "theirs" {
            break event;
        }
    };
    let theirs = json!({"channel": channel, "ts": theirs["ts"], "text": "y"});
    assert_eq!(refused(&slack, "chat.update", &theirs), "cant_update_message");
}

#[test]
fn planned_failures_hit_messages_and_updates() {
    let slack = Slack::start();
    let message = json!({"channel": owner_channel(&slack), "text": "x"});
    let post = || request(&slack, BOT_TOKEN, "chat.postMessage", &message);
    slack.fail_next(Failure::ServerError, 1);
    assert_eq!(post().unwrap().0, 500);
    slack.fail_next(Failure::AnswerLost, 1);
    assert_eq!(post(), None);
    assert_eq!(slack.messages().len(), 1);
    let keyed = json!({"channel": owner_channel(&slack), "text": "keyed", "client_msg_id": "a1"});
    slack.fail_next(Failure::AnswerLost, 1);
    assert_eq!(request(&slack, BOT_TOKEN, "chat.postMessage", &keyed), None);
    let again = call(&slack, "chat.postMessage", &keyed);
    assert_eq!(slack.messages().len(), 2, "the same message is sent once");
    assert_eq!(again["ts"], slack.messages()[1].raw["ts"]);
    slack.fail_next(Failure::Held, 1);
    slack.release();
    assert_eq!(post().unwrap().0, 200, "released before it came");
    slack.fail_next(Failure::RateLimited { seconds: 600 }, 1);
    let (status, answer, wait) = post().unwrap();
    assert_eq!(
        (status, &answer["error"], wait.as_str()),
        (429, &json!("ratelimited"), "600")
    );
    assert_eq!(slack.early_calls(), 0);
    assert_eq!(post().unwrap().0, 429);
    assert_eq!(slack.early_calls(), 1);
    assert_eq!(
        slack
            .calls()
            .iter()
            .filter(|call| call.method == "chat.postMessage")
            .count(),
        7
    );
    slack.set_reachable(false);
    assert_eq!(post(), None);
}
