//! The stand-in for Telegram: how it is called, long polling, offsets, conflicts, and every failure.

mod messages;
mod peer;

use std::sync::mpsc;

use serde_json::{Value, json};

use super::agent;
use crate::support::messenger::telegram::{TOKEN, Telegram};
use crate::support::messenger::{Failure, Messenger as _, OWNER, User};

/// Chat id of the owner.
const OWNER_CHAT: u32 = 4242;

/// Calls a method with JSON, and returns status and document; `None` where the connection broke.
fn try_call(url: &str, method: &str, parameters: &Value) -> Option<(u16, Value)> {
    let request = agent().post(format!("{url}/bot{TOKEN}/{method}"));
    let request = request.header("Content-Type", "application/json");
    let mut response = request.send(parameters.to_string()).ok()?;
    let body = response.body_mut().read_to_string().ok()?;
    Some((
        response.status().as_u16(),
        serde_json::from_str(&body).expect("JSON"),
    ))
}

/// Calls a method that succeeds, and returns its result.
#[track_caller]
fn call(telegram: &Telegram, method: &str, parameters: &Value) -> Value {
    let (status, mut answer) = try_call(&telegram.api(), method, parameters).expect("an answer");
    assert_eq!((status, &answer["ok"]), (200, &json!(true)), "{answer}");
    answer["result"].take()
}

/// Calls a method that is refused, and returns status and description.
#[track_caller]
fn refused(telegram: &Telegram, method: &str, parameters: &Value) -> (u16, String) {
    let (status, answer) = try_call(&telegram.api(), method, parameters).expect("an answer");
    assert_eq!(
        (&answer["ok"], &answer["error_code"]),
        (&json!(false), &json!(status))
    );
    (
        status,
        answer["description"].as_str().expect("a description").to_owned(),
    )
}

/// Polls in a thread, and returns the receiver of status and document.
fn poll(telegram: &Telegram, parameters: Value) -> mpsc::Receiver<Option<(u16, Value)>> {
    let (sender, receiver) = mpsc::channel();
    let url = telegram.api();
    std::thread::spawn(move || sender.send(try_call(&url, "getUpdates", &parameters)));
    receiver
}

/// Sends a text to the owner and returns the message.
#[track_caller]
fn send(telegram: &Telegram, text: &str) -> Value {
    call(
        telegram,
        "sendMessage",
        &json!({"chat_id": OWNER_CHAT, "text": text}),
    )
}

#[test]
fn methods_take_json_forms_and_queries_and_know_the_token() {
    let telegram = Telegram::start();
    let url = telegram.api();
    let get = |path: &str| {
        let mut response = agent().get(format!("{url}{path}")).call().expect("an answer");
        let body = response.body_mut().read_to_string().expect("a body");
        (
            response.status().as_u16(),
            serde_json::from_str::<Value>(&body).expect("JSON"),
        )
    };
    let (status, me) = get(&format!("/bot{TOKEN}/getMe"));
    assert_eq!((status, &me["result"]["is_bot"]), (200, &json!(true)));
    let (_, sent) = get(&format!(
        "/bot{TOKEN}/sendmessage?chat_id={OWNER_CHAT}&text=a%20b+c"
    ));
    assert_eq!(sent["result"]["text"], "a b c");

    let form = agent().post(format!("{url}/bot{TOKEN}/sendMessage"));
    let markup = json!({"inline_keyboard": [[{"text": "Go", "callback_data": "go"}]]}).to_string();
    let chat = OWNER_CHAT.to_string();
    let form = form.send_form([("chat_id", &*chat), ("text", "x & y"), ("reply_markup", &markup)]);
    assert_eq!(form.expect("an answer").status().as_u16(), 200);
    let seen = telegram.next_message("the form", &|seen| seen.text == "x & y");
    assert_eq!((seen.chat, seen.buttons), (chat, vec!["Go".to_owned()]));

    let (status, wrong) = get("/bot1:wrong/getMe");
    assert_eq!((status, &wrong["description"]), (401, &json!("Unauthorized")));
    let (status, unknown) = get(&format!("/bot{TOKEN}/getNothing"));
    assert_eq!(
        (status, &unknown["description"]),
        (404, &json!("Not Found: method not found"))
    );
    assert_eq!(get("/").0, 404);
    let names: Vec<_> = telegram.calls().into_iter().map(|call| call.method).collect();
    assert_eq!(
        names,
        ["getMe", "sendmessage", "sendMessage", "getMe", "getNothing"]
    );
}

#[test]
fn poll_returns_when_a_message_comes_and_the_offset_confirms_it() {
    let telegram = Telegram::start();
    let waiting = poll(&telegram, json!({"timeout": 30}));
    telegram.wait_until_connected();
    telegram.say(OWNER.speaking("tr"), "/durum all");
    let (status, answer) = waiting.recv().unwrap().unwrap();
    let update = &answer["result"][0];
    assert_eq!((status, &update["update_id"]), (200, &json!(1)));
    let message = &update["message"];
    assert_eq!(message["from"]["id"], OWNER_CHAT);
    assert_eq!(message["from"]["language_code"], "tr");
    assert_eq!(
        message["chat"],
        json!({"id": OWNER_CHAT, "type": "private", "first_name": "Ali", "username": "user_0"})
    );
    assert_eq!(
        message["entities"],
        json!([{"type": "bot_command", "offset": 0, "length": 6}])
    );

    telegram.say(User::stranger(7), "hello");
    let both = call(&telegram, "getUpdates", &json!({}));
    assert_eq!(both.as_array().unwrap().len(), 2, "nothing was confirmed");
    let first = call(&telegram, "getUpdates", &json!({"limit": 1}));
    assert_eq!(first.as_array().unwrap().len(), 1);
    let rest = call(&telegram, "getUpdates", &json!({"offset": 2}));
    assert_eq!(rest[0]["message"]["from"]["id"], OWNER_CHAT + 8);
    assert_eq!(
        call(&telegram, "getWebhookInfo", &json!({}))["pending_update_count"],
        1
    );
    telegram.say(OWNER, "last");
    let last = call(&telegram, "getUpdates", &json!({"offset": -1}));
    assert_eq!(last[0]["update_id"], 3);
    assert_eq!(call(&telegram, "getUpdates", &json!({"offset": 4})), json!([]));
    telegram.wait_until_confirmed();
    telegram.repeat_last();
    let again = call(&telegram, "getUpdates", &json!({"offset": 4}));
    assert_eq!(again[0]["update_id"], 3, "it is delivered whatever was confirmed");
    assert_eq!(
        call(&telegram, "getUpdates", &json!({"offset": 4})),
        json!([]),
        "once"
    );
}

#[test]
fn second_poll_ends_the_first_one() {
    let telegram = Telegram::start();
    let first = poll(&telegram, json!({"timeout": 30}));
    telegram.wait_until_connected();
    telegram.drop_connections();
    assert_eq!(first.recv().unwrap(), None, "dropped");

    let first = poll(&telegram, json!({"timeout": 30}));
    telegram.wait_until_connected();
    let calls = telegram.calls().len();
    let second = poll(&telegram, json!({"timeout": 30}));
    let (status, answer) = first.recv().unwrap().unwrap();
    assert_eq!(status, 409);
    assert_eq!(
        answer["description"],
        "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
    );
    assert_eq!(telegram.calls().len(), calls + 1);
    telegram.set_polled_elsewhere(true);
    assert_eq!(second.recv().unwrap().unwrap().0, 409);
    assert_eq!(refused(&telegram, "getUpdates", &json!({"timeout": 1})).0, 409);
    telegram.set_polled_elsewhere(false);
    let third = poll(&telegram, json!({"timeout": 30}));
    telegram.revoke();
    assert_eq!(third.recv().unwrap().unwrap().0, 401);
    assert_eq!(
        refused(&telegram, "getMe", &json!({})),
        (401, "Unauthorized".to_owned())
    );
}

#[test]
fn allowed_updates_decide_what_is_queued() {
    let telegram = Telegram::start();
    call(
        &telegram,
        "getUpdates",
        &json!({"allowed_updates": ["message", "edited_message"]}),
    );
    let sent = call(
        &telegram,
        "sendMessage",
        &json!({"chat_id": OWNER_CHAT, "text": "x", "reply_markup": {"inline_keyboard": [[{"text": "A", "callback_data": "a"}]]}}),
    );
    let message = telegram.next_message("x", &|seen| sent["message_id"] == seen.raw["message_id"]);
    telegram.press(OWNER, &message, "A");
    telegram.send_sticker(OWNER);
    telegram.say(OWNER, "first");
    telegram.edit_last(OWNER, "second");
    telegram.forward(OWNER, User::stranger(0), "/stop");
    telegram.say_in_group(OWNER, -100, "/status");
    let updates = call(&telegram, "getUpdates", &json!({"allowed_updates": []}));
    let updates = updates.as_array().unwrap();
    assert_eq!(updates.len(), 5, "no press: {updates:#?}");
    assert_eq!(updates[0]["message"]["sticker"]["emoji"], "👍");
    assert_eq!(updates[2]["edited_message"]["text"], "second");
    assert_eq!(
        updates[2]["edited_message"]["message_id"],
        updates[1]["message"]["message_id"]
    );
    assert_eq!(
        updates[3]["message"]["forward_origin"]["sender_user"]["id"],
        OWNER_CHAT + 1
    );
    assert_eq!(updates[4]["message"]["chat"]["type"], "supergroup");
    telegram.press(OWNER, &message, "A");
    let pressed = call(&telegram, "getUpdates", &json!({"offset": 6}));
    assert_eq!(pressed[0]["callback_query"]["data"], "a");
}

#[test]
fn planned_failures_hit_the_next_calls_and_end() {
    let telegram = Telegram::start();
    let text = json!({"chat_id": OWNER_CHAT, "text": "x"});
    telegram.fail_next(Failure::ServerError, 2);
    for _ in 0..2 {
        assert_eq!(
            refused(&telegram, "sendMessage", &text),
            (500, "Internal Server Error".to_owned())
        );
    }
    call(&telegram, "getMe", &json!({}));
    telegram.fail_next(Failure::RequestLost, 1);
    assert_eq!(try_call(&telegram.api(), "sendMessage", &text), None);
    assert_eq!(telegram.messages().len(), 0);
    telegram.fail_next(Failure::AnswerLost, 1);
    assert_eq!(try_call(&telegram.api(), "sendMessage", &text), None);
    assert_eq!(telegram.messages().len(), 1);

    telegram.fail("sendMessage", Failure::Held, 1);
    let (sender, receiver) = mpsc::channel();
    let url = telegram.api();
    std::thread::spawn(move || {
        sender.send(try_call(
            &url,
            "sendMessage",
            &json!({"chat_id": OWNER_CHAT, "text": "held"}),
        ))
    });
    telegram.wait_for_call("the held one", |call| call.parameters["text"] == "held");
    send(&telegram, "passes");
    assert!(telegram.messages().iter().all(|seen| seen.text != "held"));
    telegram.release();
    assert_eq!(receiver.recv().unwrap().unwrap().0, 200);
    telegram.next_message("the held one", &|seen| seen.text == "held");

    telegram.set_reachable(false);
    assert_eq!(try_call(&telegram.api(), "sendMessage", &text), None);
    telegram.set_reachable(true);
    send(&telegram, "back");
}

#[test]
fn rate_limit_counts_calls_that_come_too_early() {
    let telegram = Telegram::start();
    telegram.fail_next(Failure::RateLimited { seconds: 600 }, 1);
    let text = json!({"chat_id": OWNER_CHAT, "text": "x"});
    let (status, answer) = try_call(&telegram.api(), "sendMessage", &text).unwrap();
    assert_eq!((status, &answer["parameters"]["retry_after"]), (429, &json!(600)));
    assert_eq!(answer["description"], "Too Many Requests: retry after 600");
    assert_eq!(telegram.early_calls(), 0);
    assert_eq!(refused(&telegram, "sendMessage", &text).0, 429);
    assert_eq!(telegram.early_calls(), 1);
    call(&telegram, "getUpdates", &json!({}));
}
