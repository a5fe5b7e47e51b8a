//! Conversations with an agent over the WebSocket, in both versions of the protocol, with a stand-in for a model.

use serde_json::{Value, json};

use super::session::{Client, connect_request};
use crate::support::Sandbox;
use crate::support::chat_model::{Answer, ChatModel, Piece, USUAL_TEXT};
use crate::support::gateway::{self, Gateway, TOKEN};

/// The key of the main session.
pub const MAIN: &str = "agent:main:main";

/// A gateway with an agent whose model is the stand-in.
pub struct Talk {
    pub sandbox: Sandbox,
    pub model: ChatModel,
}

impl Talk {
    pub fn new() -> Self {
        let talk = Self {
            sandbox: Sandbox::new(),
            model: ChatModel::start(),
        };
        gateway::configure(&talk.sandbox, "rescue");
        let path = talk.sandbox.home().join(".openclaw-rescue/openclaw.json");
        let text = std::fs::read_to_string(&path).expect("a config");
        let mut config: Value = serde_json::from_str(&text).expect("JSON");
        for (key, value) in talk.model.config().as_object().expect("an object") {
            config[key] = value.clone();
        }
        std::fs::write(&path, config.to_string()).expect("a config");
        talk
    }

    pub fn start(&self) -> Gateway {
        Gateway::start(&self.sandbox, "rescue")
    }

    /// Returns the lines of the transcript of the main session.
    fn transcript(&self) -> Vec<Value> {
        let folder = self.sandbox.home().join(".openclaw-rescue/agents/main/sessions");
        let index = std::fs::read_to_string(folder.join("sessions.json")).expect("the sessions");
        let index: Value = serde_json::from_str(&index).expect("JSON");
        let id = index[MAIN]["sessionId"].as_str().expect("an id");
        let text = std::fs::read_to_string(folder.join(format!("{id}.jsonl"))).expect("a transcript");
        text.lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }
}

/// Connects a client with the capabilities of OpenClaw's own.
pub fn client(port: u16, protocol: u64) -> Client {
    let mut client = Client::connect(port);
    let mut request = connect_request(protocol);
    request["params"]["caps"] = json!(["tool-events", "approvals"]);
    request["params"]["scopes"] = json!(["operator.admin", "operator.read", "operator.write"]);
    request["params"]["client"] = json!({
        "id": "gateway-client", "version": "1", "platform": "linux", "mode": "backend",
    });
    request["params"]["auth"] = json!({ "token": TOKEN });
    client.send(request.to_string());
    assert_eq!(client.response("1")["ok"], true);
    client
}

pub fn send(client: &mut Client, id: &str, method: &str, params: &Value) {
    client.send(json!({ "type": "req", "id": id, "method": method, "params": params }).to_string());
}

/// Calls a method, and returns its payload or its error.
pub fn call(client: &mut Client, id: &str, method: &str, params: &Value) -> Value {
    send(client, id, method, params);
    let frame = client.response(id);
    let key = if frame["ok"] == true { "payload" } else { "error" };
    frame[key].clone()
}

/// Says something in the main session, and returns every frame up to the end of the run.
pub fn say(client: &mut Client, run: &str, text: &str) -> Vec<Value> {
    let params = json!({ "sessionKey": MAIN, "message": text, "idempotencyKey": run });
    send(client, run, "chat.send", &params);
    frames_until_end(client, run)
}

/// Returns every frame up to the end of a run.
fn frames_until_end(client: &mut Client, run: &str) -> Vec<Value> {
    let mut frames = Vec::new();
    let deadline = std::time::Instant::now() + gateway::WAIT_TIMEOUT;
    loop {
        let is_in_time = std::time::Instant::now() < deadline;
        assert!(is_in_time, "waited in vain for the end of {run}: {frames:#?}");
        let frame = client.next_frame();
        let state = frame["payload"]["state"].as_str().unwrap_or_default();
        let is_end = frame["event"] == "chat"
            && frame["payload"]["runId"] == run
            && ["final", "error", "aborted"].contains(&state);
        frames.push(frame);
        if is_end {
            return frames;
        }
    }
}

fn last_text(frames: &[Value]) -> &str {
    let payload = &frames.last().expect("a frame")["payload"];
    payload["message"]["content"][0]["text"]
        .as_str()
        .unwrap_or_default()
}

/// Requires that the methods about sessions show the main session with the usual answer.
fn assert_main_session_is_shown(client: &mut Client, protocol: u64) {
    let history = call(client, "h", "chat.history", &json!({ "sessionKey": MAIN }));
    let messages = history["messages"].as_array().expect("messages");
    let last = messages.last().expect("an answer");
    assert_eq!(
        (
            &last["role"],
            &last["api"],
            &last["provider"],
            &last["usage"]["totalTokens"]
        ),
        (
            &json!("assistant"),
            &json!("openai-completions"),
            &json!("stub"),
            &json!(105)
        )
    );
    assert_eq!(last["__openclaw"]["seq"].is_u64(), protocol == 4, "{last:#}");
    let listed = call(
        client,
        "l",
        "sessions.list",
        &json!({ "includeLastMessage": true }),
    );
    let session = &listed["sessions"][0];
    assert_eq!(
        (&session["key"], &session["model"], &session["lastMessagePreview"]),
        (&json!(MAIN), &json!("m1"), &json!(USUAL_TEXT))
    );
    let preview = call(client, "p", "sessions.preview", &json!({ "keys": ["main"] }));
    assert_eq!(
        preview["previews"][0]["items"][0],
        json!({ "role": "user", "text": "hi there" })
    );
}

#[test]
fn message_is_answered_in_frames_of_both_releases_and_kept_as_openclaw_keeps_it() {
    let talk = Talk::new();
    let rescue = talk.start();
    for protocol in [3, 4] {
        let mut client = client(rescue.port, protocol);
        let run = format!("idem-{protocol}");
        let frames = say(&mut client, &run, "hi there");
        assert_eq!(frames[0]["payload"], json!({ "runId": run, "status": "started" }));
        assert_eq!(last_text(&frames), USUAL_TEXT);
        let seqs: Vec<_> = frames.iter().filter_map(|frame| frame["seq"].as_u64()).collect();
        assert!(seqs.windows(2).all(|pair| pair[1] == pair[0] + 1), "{seqs:?}");
        let deltas: Vec<_> = frames
            .iter()
            .filter(|frame| frame["payload"]["stream"] == "assistant")
            .filter_map(|frame| frame["payload"]["data"]["delta"].as_str())
            .collect();
        assert_eq!(deltas.concat(), USUAL_TEXT);
        // The same key again is the same request.
        let again = call(
            &mut client,
            "again",
            "chat.send",
            &json!({ "sessionKey": "main", "message": "hi there", "idempotencyKey": run }),
        );
        assert_eq!(again, json!({ "runId": run, "status": "ok" }));
        assert_main_session_is_shown(&mut client, protocol);
    }
    assert_eq!(talk.model.requests().len(), 2);
    let kinds: Vec<_> = talk
        .transcript()
        .iter()
        .map(|entry| entry["type"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        kinds,
        [
            "session",
            "message",
            "model_change",
            "message",
            "message",
            "message"
        ]
    );
}

/// Requires that a run whose answer does not end is aborted, and that its clients are told before the call is answered.
fn assert_run_is_aborted(talk: &Talk, client: &mut Client, run: &str) {
    let stuck = Answer::Pieces(vec![Piece::Text("Hel".to_owned()), Piece::Held]);
    talk.model.push(stuck);
    send(
        client,
        "4",
        "chat.send",
        &json!({ "sessionKey": MAIN, "message": run, "idempotencyKey": run }),
    );
    loop {
        let frame = client.next_frame();
        if frame["payload"]["state"] == "delta" {
            break;
        }
    }
    send(
        client,
        "5",
        "chat.abort",
        &json!({ "sessionKey": MAIN, "runId": run }),
    );
    let aborted = frames_until_end(client, run);
    let payload = &aborted.last().unwrap()["payload"];
    assert_eq!(
        (&payload["state"], &payload["stopReason"]),
        (&json!("aborted"), &json!("rpc"))
    );
    assert!(aborted.iter().all(|frame| frame["type"] != "res"), "{aborted:#?}");
    let answer = client.response("5")["payload"].clone();
    assert_eq!(answer, json!({ "ok": true, "aborted": true, "runIds": [run] }));
    let none = call(client, "6", "chat.abort", &json!({ "sessionKey": MAIN }));
    assert_eq!(none, json!({ "ok": true, "aborted": false, "runIds": [] }));
}

#[test]
fn second_message_waits_for_the_first_and_a_run_is_aborted_with_its_frames_before_the_answer() {
    let talk = Talk::new();
    let rescue = talk.start();
    for (round, protocol) in [3, 4].into_iter().enumerate() {
        let mut client = client(rescue.port, protocol);
        let held = Piece::Held;
        let first = Answer::Pieces(vec![
            Piece::Text("Hel".to_owned()),
            held,
            Piece::Text("lo".to_owned()),
        ]);
        talk.model.push(first);
        let (one, two) = (format!("one-{protocol}"), format!("two-{protocol}"));
        let params = |run: &str| json!({ "sessionKey": MAIN, "message": run, "idempotencyKey": run });
        assert_eq!(
            call(&mut client, "1", "chat.send", &params(&one))["status"],
            "started"
        );
        assert_eq!(
            call(&mut client, "2", "chat.send", &params(&one))["status"],
            "in_flight"
        );
        assert_eq!(
            call(&mut client, "3", "chat.send", &params(&two))["status"],
            "started"
        );
        // Both are in the history at once.
        let history = call(&mut client, "h", "chat.history", &json!({ "sessionKey": MAIN })).to_string();
        assert!(history.contains(&one) && history.contains(&two), "{history}");
        talk.model.release();
        assert_eq!(last_text(&frames_until_end(&mut client, &one)), "Hello");
        assert_eq!(last_text(&frames_until_end(&mut client, &two)), USUAL_TEXT);
        assert_run_is_aborted(&talk, &mut client, &format!("stop-{protocol}"));
        // Nobody takes the next release but the next answer.
        talk.model.wait_for_abandoned(round + 1);
    }
}

#[test]
fn agent_answers_twice_under_one_id_and_its_end_is_waited_for() {
    let talk = Talk::new();
    let rescue = talk.start();
    for protocol in [3, 4] {
        let mut client = client(rescue.port, protocol);
        let run = format!("agent-{protocol}");
        let params = json!({ "message": "hello agent", "sessionKey": MAIN, "idempotencyKey": run });
        send(&mut client, "a", "agent", &params);
        let accepted = client.response("a")["payload"].clone();
        assert_eq!(accepted["status"], "accepted", "{accepted}");
        assert_eq!(accepted["agentId"].is_string(), protocol == 4);
        let done = client.response("a")["payload"].clone();
        assert_eq!(
            (&done["status"], &done["summary"]),
            (&json!("ok"), &json!("completed"))
        );
        assert_eq!(done["result"]["payloads"][0]["text"], USUAL_TEXT);
        let meta = &done["result"]["meta"]["agentMeta"];
        assert_eq!(
            (&meta["model"], &meta["usage"]["total"]),
            (&json!("m1"), &json!(105))
        );
        let waited = call(&mut client, "w", "agent.wait", &json!({ "runId": run }));
        assert_eq!(waited["status"], "ok", "{waited}");
        let unknown = call(
            &mut client,
            "u",
            "agent.wait",
            &json!({ "runId": "x", "timeoutMs": 1 }),
        );
        assert_eq!(unknown, json!({ "runId": "x", "status": "timeout" }));
        let missing = call(&mut client, "m", "agent", &json!({ "message": "x" }));
        assert_eq!(
            missing["message"],
            "invalid agent params: must have required property 'idempotencyKey'"
        );
    }
}

#[test]
fn error_of_the_model_is_told_to_clients_of_both_versions_and_kept() {
    let talk = Talk::new();
    let rescue = talk.start();
    for protocol in [3, 4] {
        talk.model.push(Answer::error(400, "the request is not liked"));
        let mut client = client(rescue.port, protocol);
        let frames = say(&mut client, &format!("bad-{protocol}"), "hi");
        let payload = &frames.last().unwrap()["payload"];
        assert_eq!(payload["state"], "error", "{payload}");
        assert!(!payload["errorMessage"].as_str().unwrap().is_empty());
        let history = call(&mut client, "h", "chat.history", &json!({ "sessionKey": MAIN }));
        let last = history["messages"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(last["stopReason"], "error", "{last}");
        assert!(last["errorMessage"].is_string(), "{last}");
    }
}

/// Returns the id of the main session.
fn session_id(client: &mut Client) -> Value {
    call(client, "i", "sessions.describe", &json!({ "key": MAIN }))["session"]["sessionId"].clone()
}

/// Requires that the main session is reset by a method and by a word, and that another session is deleted.
fn assert_session_begins_anew_and_is_deleted(talk: &Talk, client: &mut Client, protocol: u64) {
    let before = session_id(client);
    let reset = call(client, "r", "sessions.reset", &json!({ "key": MAIN }));
    assert_eq!(reset["key"], MAIN);
    let after = session_id(client);
    assert_ne!(before, after);
    let history = call(client, "h", "chat.history", &json!({ "sessionKey": MAIN }));
    assert_eq!(history["messages"], json!([]));
    // The old transcript stays.
    let folder = talk.sandbox.home().join(".openclaw-rescue/agents/main/sessions");
    assert!(
        folder
            .join(format!("{}.jsonl", before.as_str().unwrap()))
            .is_file()
    );
    let frames = say(client, &format!("new-{protocol}"), "/new");
    assert_eq!(last_text(&frames), "A new conversation begins.");
    assert_ne!(session_id(client), after);
    let main = call(client, "d", "sessions.delete", &json!({ "key": MAIN }));
    assert!(
        main["message"]
            .as_str()
            .unwrap()
            .starts_with("Cannot delete the main session")
    );
    let other = json!({ "sessionKey": "nope:x", "message": "hi", "idempotencyKey": format!("o-{protocol}") });
    send(client, "o", "chat.send", &other);
    frames_until_end(client, &format!("o-{protocol}"));
    let deleted = call(client, "x", "sessions.delete", &json!({ "key": "nope:x" }));
    assert_eq!(
        (&deleted["key"], &deleted["deleted"]),
        (&json!("agent:main:nope:x"), &json!(true))
    );
    assert_eq!(deleted["archived"].as_array().unwrap().len(), 1);
}

#[test]
fn sessions_are_reset_patched_compacted_injected_and_deleted() {
    let talk = Talk::new();
    let rescue = talk.start();
    for protocol in [3, 4] {
        let mut client = client(rescue.port, protocol);
        say(&mut client, &format!("first-{protocol}"), "hi");
        let patched = call(
            &mut client,
            "p",
            "sessions.patch",
            &json!({ "key": "main", "label": "L" }),
        );
        assert_eq!(
            (&patched["ok"], &patched["entry"]["label"]),
            (&json!(true), &json!("L"))
        );
        let bad = call(
            &mut client,
            "b",
            "sessions.patch",
            &json!({ "key": MAIN, "thinkingLevel": "much" }),
        );
        assert!(
            bad["message"].as_str().unwrap().contains("thinkingLevel"),
            "{bad}"
        );
        let compacted = call(&mut client, "c", "sessions.compact", &json!({ "key": MAIN }));
        assert_eq!(compacted["compacted"], false, "{compacted}");
        let inject = json!({ "sessionKey": MAIN, "message": "injected note", "label": "lbl" });
        send(&mut client, "n", "chat.inject", &inject);
        let mut frames = std::iter::repeat_with(|| client.next_frame());
        let is_about_it = |frame: &Value| frame["event"] == "chat" || frame["id"] == "n";
        let event = frames.find(is_about_it).expect("an event");
        let text = &event["payload"]["message"]["content"][0]["text"];
        assert_eq!(*text, "[lbl]\n\ninjected note", "{event}");
        assert_eq!(client.response("n")["payload"]["ok"], true);
        assert_session_begins_anew_and_is_deleted(&talk, &mut client, protocol);
    }
}

#[test]
fn subscribers_of_version_4_get_messages_and_changes_of_sessions() {
    let talk = Talk::new();
    let rescue = talk.start();
    let mut client = client(rescue.port, 4);
    let subscribed = call(
        &mut client,
        "s",
        "sessions.messages.subscribe",
        &json!({ "key": "main" }),
    );
    assert_eq!(subscribed["subscribed"], true);
    call(&mut client, "l", "sessions.subscribe", &json!({}));
    let frames = say(&mut client, "sub-1", "hi");
    let names: Vec<_> = frames
        .iter()
        .filter_map(|frame| frame["event"].as_str())
        .collect();
    let count = |name: &str| names.iter().filter(|own| **own == name).count();
    assert_eq!(count("session.message"), 2, "{names:?}");
    assert!(count("sessions.changed") >= 2, "{names:?}");
    let message = frames
        .iter()
        .find(|frame| frame["event"] == "session.message")
        .unwrap();
    assert_eq!(message["payload"]["message"]["idempotencyKey"], "sub-1:user");
    assert_eq!(message["payload"]["messageSeq"], 1);
}

#[test]
fn image_of_a_client_reaches_the_model() {
    let talk = Talk::new();
    let rescue = talk.start();
    let mut client = client(rescue.port, 3);
    let png =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    let params = json!({
        "sessionKey": MAIN, "message": "what is it?", "idempotencyKey": "img",
        "attachments": [{ "type": "image", "mimeType": "image/png", "fileName": "a.png", "content": png }],
    });
    send(&mut client, "i", "chat.send", &params);
    frames_until_end(&mut client, "img");
    let request = talk.model.requests().pop().unwrap();
    let url = format!("data:image/png;base64,{png}");
    assert!(request.body.to_string().contains(&url), "{}", request.body);
}
