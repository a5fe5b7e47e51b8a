//! The stand-in for Discord: sessions of the gateway, the events they get, and the HTTP API.

use serde_json::{Value, json};

use super::{Client, agent};
use crate::support::messenger::discord::{Discord, TOKEN};
use crate::support::messenger::{Failure, Messenger as _, OWNER, Seen, User};

/// Intents for private messages.
const PRIVATE: u64 = 1 << 12;
/// Intents for private messages and those in servers, without their content.
const BOTH: u64 = PRIVATE | 1 << 9;

/// Makes a request and returns the status, the document, and the seconds to wait; `None` where the connection broke.
fn request(discord: &Discord, method: &str, path: &str, document: &Value) -> Option<(u16, Value, String)> {
    let builder = http::Request::builder().method(method).uri(discord.api() + path);
    let builder = builder.header("Authorization", format!("Bot {TOKEN}"));
    let builder = builder.header("Content-Type", "application/json");
    let body = if document.is_null() {
        String::new()
    } else {
        document.to_string()
    };
    let mut response = agent().run(builder.body(body).expect("a request")).ok()?;
    let wait = response
        .headers()
        .get("retry-after")
        .map(|wait| wait.to_str().expect("ASCII").to_owned());
    let body = response.body_mut().read_to_string().ok()?;
    let document = serde_json::from_str(&body).unwrap_or_default();
    Some((response.status().as_u16(), document, wait.unwrap_or_default()))
}

/// Makes a request and returns the status and the code of the refusal.
#[track_caller]
fn refused(discord: &Discord, method: &str, path: &str, document: &Value) -> (u16, u64) {
    let (status, answer, _) = request(discord, method, path, document).expect("an answer");
    (
        status,
        answer["code"]
            .as_u64()
            .unwrap_or_else(|| panic!("no code: {answer}")),
    )
}

/// Returns the path of the messages in the private channel with the owner.
fn messages_path(discord: &Discord) -> String {
    let recipient = json!({"recipient_id": discord.id(OWNER)});
    let (status, channel, _) =
        request(discord, "POST", "/users/@me/channels", &recipient).expect("an answer");
    assert_eq!((status, &channel["type"]), (200, &json!(1)));
    format!("/channels/{}/messages", channel["id"].as_str().expect("an id"))
}

/// Sends a message to the owner and returns it as the owner sees it.
fn send(discord: &Discord, document: &Value) -> Seen {
    let (status, sent, _) = request(discord, "POST", &messages_path(discord), document).expect("an answer");
    assert_eq!(status, 200, "{sent}");
    discord.next_message("it was sent", &|seen| sent["id"] == seen.raw["id"])
}

/// Returns a row with one button.
fn button(id: &str, label: &str) -> Value {
    json!([{"type": 1, "components": [{"type": 2, "style": 1, "label": label, "custom_id": id}]}])
}

/// Connects to the gateway as the API says, up to the hello.
fn connect(discord: &Discord) -> Client {
    let (_, gateway, _) = request(discord, "GET", "/gateway/bot", &Value::Null).expect("an answer");
    let url = gateway["url"].as_str().expect("a URL");
    let mut client = Client::connect(&format!("{url}/?v=10&encoding=json")).expect("a WebSocket");
    let hello = client.next().expect("a hello");
    assert_eq!(
        (&hello["op"], &hello["d"]["heartbeat_interval"]),
        (&json!(10), &json!(41_250))
    );
    client
}

/// Returns the payload that begins a session.
fn identify(intents: u64) -> Value {
    let properties = json!({"os": "linux", "browser": "test", "device": "test"});
    json!({"op": 2, "d": {"token": TOKEN, "intents": intents, "properties": properties}})
}

/// Begins a session and returns its connection and the data of `READY`.
fn begin(discord: &Discord, intents: u64) -> (Client, Value) {
    let mut client = connect(discord);
    client.send(&identify(intents));
    let ready = client.next().expect("an event");
    assert_eq!((&ready["t"], &ready["s"]), (&json!("READY"), &json!(1)));
    (client, ready["d"].clone())
}

/// Returns the payload that continues a session.
fn resume(ready: &Value, number: u64) -> Value {
    json!({"op": 6, "d": {"token": TOKEN, "session_id": ready["session_id"], "seq": number}})
}

/// Connects to where a session is resumed.
fn reconnect(ready: &Value) -> Client {
    let url = ready["resume_gateway_url"].as_str().expect("a URL");
    let mut client = Client::connect(&format!("{url}?v=10&encoding=json")).expect("a WebSocket");
    client.next().expect("a hello");
    client
}

#[test]
fn gateway_closes_with_the_documented_codes() {
    let discord = Discord::start();
    let mut wrong_token = identify(PRIVATE);
    wrong_token["d"]["token"] = json!("other");
    let mut without_properties = identify(PRIVATE);
    without_properties["d"]["properties"] = Value::Null;
    for (payload, code) in [
        (json!("no payload"), 4001),
        (json!({"op": 99}), 4001),
        (json!({"op": 3, "d": {}}), 4003),
        (wrong_token, 4004),
        (without_properties, 4002),
        (identify(1 << 40), 4013),
    ] {
        let mut client = connect(&discord);
        client.send(&payload);
        assert_eq!(client.next(), Err(Some(code)), "{payload}");
    }
    discord.allow_content_intent(false);
    let mut client = connect(&discord);
    client.send(&identify(1 << 15));
    assert_eq!(client.next(), Err(Some(4014)));
    let (mut client, _) = begin(&discord, PRIVATE);
    client.send(&identify(PRIVATE));
    assert_eq!(client.next(), Err(Some(4005)));
    let url = discord
        .api()
        .replace("http", "ws")
        .replace("/api/v10", "/?v=6&encoding=json");
    assert_eq!(
        Client::connect(&url).expect("a WebSocket").next(),
        Err(Some(4012))
    );
}

#[test]
fn session_hears_what_it_asked_for_and_its_own_messages() {
    let discord = Discord::start();
    discord.say(OWNER, "before any session");
    let (mut client, ready) = begin(&discord, BOTH);
    assert_eq!(ready["user"]["bot"], true);
    discord.wait_until_connected();
    discord.say(OWNER, "/status");
    let event = client.next().unwrap();
    assert_eq!(
        (&event["op"], &event["s"], &event["t"]),
        (&json!(0), &json!(2), &json!("MESSAGE_CREATE"))
    );
    assert_eq!(
        (&event["d"]["content"], &event["d"]["author"]["id"]),
        (&json!("/status"), &json!(discord.id(OWNER)))
    );
    discord.say_in_group(User::stranger(0), "in a server");
    let event = client.next().unwrap();
    assert_eq!(
        (&event["d"]["content"], event["d"]["guild_id"].is_string()),
        (&json!(""), true)
    );
    discord.edit_last(OWNER, "/stop");
    let event = client.next().unwrap();
    assert_eq!(
        (&event["t"], &event["d"]["content"]),
        (&json!("MESSAGE_UPDATE"), &json!("/stop"))
    );
    discord.repeat_last();
    assert_eq!(client.next().unwrap()["d"], event["d"]);
    send(&discord, &json!({"content": "mine"}));
    assert_eq!(client.next().unwrap()["d"]["author"]["bot"], true);

    let (mut deaf, _) = begin(&discord, 0);
    discord.say(OWNER, "not heard");
    let message = send(&discord, &json!({"content": "x", "components": button("a", "A")}));
    discord.press(OWNER.speaking("tr"), &message, "A");
    let event = deaf.next().unwrap();
    assert_eq!(
        (&event["t"], &event["d"]["locale"]),
        (&json!("INTERACTION_CREATE"), &json!("tr"))
    );
}

#[test]
fn heartbeats_are_answered_and_their_end_closes_the_connection() {
    let discord = Discord::start();
    let (mut client, _) = begin(&discord, PRIVATE);
    client.send(&json!({"op": 1, "d": 1}));
    assert_eq!(client.next().unwrap(), json!({"op": 11}));
    discord.ask_for_heartbeat();
    assert_eq!(client.next().unwrap()["op"], 1);
    discord.ignore_heartbeats();
    client.send(&json!({"op": 1, "d": 1}));
    discord.wait_for_call("two heartbeats", |call| call.parameters["op"] == 1);
    discord.ask_to_reconnect();
    assert_eq!(client.next().unwrap()["op"], 7, "the heartbeat was not answered");
    discord.set_heartbeat_interval(1);
    let mut client = Client::connect(
        &discord
            .api()
            .replace("http", "ws")
            .replace("/api/v10", "/?v=10&encoding=json"),
    )
    .expect("a WebSocket");
    assert_eq!(client.next().unwrap()["d"]["heartbeat_interval"], 1);
    assert_eq!(client.next(), Err(Some(4009)));
}

#[test]
fn session_is_resumed_with_what_it_missed_until_it_ends() {
    let discord = Discord::start();
    let (mut client, ready) = begin(&discord, PRIVATE);
    discord.say(OWNER, "one");
    assert_eq!(client.next().unwrap()["s"], 2);
    discord.drop_connections();
    assert_eq!(client.next(), Err(None));
    discord.say(OWNER, "two");
    let mut client = reconnect(&ready);
    client.send(&resume(&ready, 1));
    let heard: Vec<Value> = (0..3).map(|_| client.next().unwrap()).collect();
    assert_eq!(
        (&heard[0]["d"]["content"], &heard[1]["d"]["content"]),
        (&json!("one"), &json!("two"))
    );
    assert_eq!((&heard[2]["t"], &heard[2]["s"]), (&json!("RESUMED"), &json!(4)));
    discord.wait_until_connected();
    discord.wait_for_call("the other URL", |call| {
        call.parameters
            .as_str()
            .is_some_and(|url| url.starts_with("/resume"))
    });
    discord.close(4000);
    assert_eq!(client.next(), Err(Some(4000)));

    let mut client = reconnect(&ready);
    client.send(&resume(&ready, 99));
    assert_eq!(client.next(), Err(Some(4007)));
    let mut client = reconnect(&ready);
    client.send(&resume(&ready, 4));
    assert_eq!(client.next().unwrap()["t"], "RESUMED");
    discord.invalidate_session(true);
    assert_eq!(client.next().unwrap(), json!({"op": 9, "d": true}));
    client.close(1000);
    let mut client = reconnect(&ready);
    client.send(&resume(&ready, 4));
    assert_eq!(
        client.next().unwrap(),
        json!({"op": 9, "d": false}),
        "1000 ended it"
    );
    client.send(&identify(PRIVATE));
    assert_eq!(client.next().unwrap()["t"], "READY");
    discord.invalidate_session(false);
    assert_eq!(client.next().unwrap(), json!({"op": 9, "d": false}));
    client.send(&identify(PRIVATE));
    assert_eq!(client.next().unwrap()["t"], "READY");
    discord.revoke();
    assert_eq!(client.next(), Err(Some(4004)));
    assert_eq!(refused(&discord, "GET", "/users/@me", &Value::Null), (401, 0));
}

#[test]
fn messages_are_checked() {
    let discord = Discord::start();
    let path = messages_path(&discord);
    let long = "ş".repeat(discord.text_limit());
    assert_eq!(discord.text_length(&long), discord.text_limit());
    send(&discord, &json!({"content": long}));
    for (document, expected) in [
        (json!({"content": long.clone() + "x"}), (400, 50035)),
        (json!({"content": " "}), (400, 50006)),
        (
            json!({"content": "x", "components": button("", "A")}),
            (400, 50035),
        ),
        (
            json!({"content": "x", "components": button(&"x".repeat(101), "A")}),
            (400, 50035),
        ),
        (
            json!({"content": "x", "components": button("a", &"x".repeat(81))}),
            (400, 50035),
        ),
        (
            json!({"content": "x", "components": [{"type": 1, "components": []}]}),
            (400, 50035),
        ),
    ] {
        assert_eq!(
            refused(&discord, "POST", &path, &document),
            expected,
            "{document}"
        );
    }
}

#[test]
fn people_see_messages_and_edits_without_markup() {
    let discord = Discord::start();
    let path = messages_path(&discord);
    let seen = send(
        &discord,
        &json!({"content": "**bold** a\\*b\\* snake_case ```\n**code**\n```", "components": button("a", "A")}),
    );
    assert_eq!(
        (seen.text.as_str(), seen.buttons),
        ("bold a*b* snake_case **code**", vec!["A".to_owned()])
    );
    let edit = format!("{path}/{}", seen.id);
    assert_eq!(
        request(&discord, "PATCH", &edit, &json!({"content": "y"}))
            .unwrap()
            .0,
        200
    );
    let seen = discord.next_message("the edit", &|seen| seen.is_edit);
    assert_eq!(
        (seen.text.as_str(), seen.buttons.len()),
        ("y", 1),
        "what is not named stays"
    );
    assert_eq!(
        request(&discord, "PATCH", &edit, &json!({"components": []}))
            .unwrap()
            .0,
        200
    );
    assert_eq!(
        discord
            .next_message("the edit", &|seen| seen.is_edit)
            .buttons
            .len(),
        0
    );
    assert_eq!(
        refused(&discord, "PATCH", &format!("{path}/1"), &json!({"content": "y"})),
        (404, 10008)
    );
    assert_eq!(
        refused(&discord, "POST", "/channels/1/messages", &json!({"content": "y"})),
        (404, 10003)
    );
    assert_eq!(refused(&discord, "GET", "/nowhere", &Value::Null), (404, 0));
    assert_eq!(
        request(
            &discord,
            "POST",
            &path.replace("messages", "typing"),
            &Value::Null
        )
        .unwrap()
        .0,
        204
    );
}

#[test]
fn everyone_is_alerted_unless_the_call_forbids_it() {
    let discord = Discord::start();
    assert!(send(&discord, &json!({"content": "@everyone"})).alerts_all);
    assert!(
        !send(
            &discord,
            &json!({"content": "@everyone", "allowed_mentions": {"parse": []}})
        )
        .alerts_all
    );
}

#[test]
fn presses_are_answered_once() {
    let discord = Discord::start();
    let (mut client, _) = begin(&discord, PRIVATE);
    let message = send(
        &discord,
        &json!({"content": "x", "components": button("repair", "Repair")}),
    );
    client.next().unwrap();
    let mut press = || {
        discord.press(OWNER, &message, "Repair");
        let press = client.next().unwrap()["d"].clone();
        assert_eq!(
            (&press["type"], &press["data"]["custom_id"]),
            (&json!(3), &json!("repair"))
        );
        let [id, token] = ["id", "token"].map(|field| press[field].as_str().unwrap().to_owned());
        format!("/interactions/{id}/{token}/callback")
    };
    let path = press();
    assert_eq!(
        refused(&discord, "POST", &path, &json!({"type": 1})),
        (400, 50035)
    );
    assert_eq!(
        request(&discord, "POST", &path, &json!({"type": 6})).unwrap().0,
        204
    );
    assert_eq!(
        refused(&discord, "POST", &path, &json!({"type": 6})),
        (400, 40060)
    );
    let path = press();
    discord.expire_presses();
    assert_eq!(
        refused(&discord, "POST", &path, &json!({"type": 6})),
        (404, 10062)
    );
    let path = press();
    let update = json!({"type": 7, "data": {"content": "done", "components": []}});
    assert_eq!(request(&discord, "POST", &path, &update).unwrap().0, 204);
    let seen = discord.next_message("the edit", &|seen| seen.is_edit);
    assert_eq!(
        (seen.id, seen.text.as_str(), seen.buttons.len()),
        (message.id.clone(), "done", 0)
    );
}

#[test]
fn planned_failures_hit_messages_and_edits() {
    let discord = Discord::start();
    let path = messages_path(&discord);
    let text = json!({"content": "x"});
    discord.fail_next(Failure::ServerError, 1);
    assert_eq!(refused(&discord, "POST", &path, &text), (500, 0));
    discord.fail_next(Failure::RequestLost, 1);
    assert_eq!(request(&discord, "POST", &path, &text), None);
    assert_eq!(discord.messages().len(), 0);
    discord.fail_next(Failure::Held, 1);
    std::thread::scope(|scope| {
        let held = scope.spawn(|| request(&discord, "POST", &path, &json!({"content": "held"})));
        discord.wait_for_call("the held one", |call| call.parameters["content"] == "held");
        assert_eq!(discord.messages().len(), 0);
        discord.release();
        assert_eq!(held.join().unwrap().unwrap().0, 200);
    });
    discord.fail_next(Failure::RateLimited { seconds: 600 }, 1);
    let (status, answer, wait) = request(&discord, "POST", &path, &text).unwrap();
    assert_eq!(
        (status, &answer["retry_after"], wait.as_str()),
        (429, &json!(600.0), "600")
    );
    assert_eq!(discord.early_calls(), 0);
    assert_eq!(
        request(&discord, "PATCH", &format!("{path}/1234567890123456789"), &text)
            .unwrap()
            .0,
        429
    );
    assert_eq!(discord.early_calls(), 1);
    assert_eq!(
        discord
            .calls()
            .iter()
            .filter(|call| call.method == "POST /channels/{id}/messages")
            .count(),
        4
    );
    discord.set_reachable(false);
    assert_eq!(request(&discord, "GET", "/users/@me", &Value::Null), None);
}
