//! The bot over the WebSocket: as OpenClaw's clients talk to it in both protocols, and in the dashboard.

use serde_json::{Value, json};

use super::home::BotHome;
use crate::dashboard::browser::{PageUnderTest, run_with_browser};
use crate::dashboard::config;
use crate::gateway::session::Client;
use crate::support::Sandbox;
use crate::support::gateway::{Gateway, command, free_base};
use crate::support::messenger::User;

/// Sends a command by `chat.send`, and returns the payload of the final event.
pub fn ask(client: &mut Client, run: &str, message: &str) -> Value {
    let params = json!({ "sessionKey": "agent:main:main", "message": message, "idempotencyKey": run });
    client.send(json!({ "type": "req", "id": run, "method": "chat.send", "params": params }).to_string());
    loop {
        let frame = client.next_frame();
        if frame["event"] == "chat"
            && frame["payload"]["runId"] == run
            && frame["payload"]["state"] == "final"
        {
            return frame["payload"].clone();
        }
    }
}

fn call(client: &mut Client, id: &str, method: &str, params: &Value) -> Value {
    client.send(json!({ "type": "req", "id": id, "method": method, "params": params }).to_string());
    client.response(id)["payload"].clone()
}

#[test]
fn clients_of_both_protocols_get_answers_plans_and_their_results() {
    let home = BotHome::telegram();
    let _main = Gateway::start(&home.sandbox, "default");
    let rescue = Gateway::start(&home.sandbox, "rescue");
    for protocol in [3, 4] {
        let mut client = Client::accepted(rescue.port, protocol);
        let answer = ask(&mut client, &format!("status-{protocol}"), "/status");
        let text = answer["message"]["content"][0]["text"].as_str().unwrap();
        assert!(
            text.starts_with("The default gateway is running and healthy."),
            "{text}"
        );
        assert_eq!(answer["sessionKey"], "agent:main:main");
        let plan = ask(&mut client, &format!("plan-{protocol}"), "/snapshot");
        let yes = plan["message"]["buttons"][0]["command"]
            .as_str()
            .unwrap()
            .to_owned();
        let text = plan["message"]["content"][0]["text"].as_str().unwrap();
        assert!(text.contains(&format!("Yes, do it: send {yes}")), "{text}");
        let done = ask(&mut client, &format!("yes-{protocol}"), &yes);
        assert!(
            done["message"]["content"][0]["text"]
                .as_str()
                .unwrap()
                .contains("A snapshot was taken."),
            "{done:#}"
        );
        // The same key again is the same request.
        let params =
            json!({ "sessionKey": "main", "message": yes, "idempotencyKey": format!("yes-{protocol}") });
        assert_eq!(call(&mut client, "again", "chat.send", &params)["status"], "ok");
        let history = call(
            &mut client,
            "history",
            "chat.history",
            &json!({ "sessionKey": "main" }),
        );
        let messages = history["messages"].as_array().unwrap();
        assert_eq!(messages.last().unwrap()["role"], "assistant");
        let sessions = call(&mut client, "sessions", "sessions.list", &json!({}));
        assert_eq!(sessions["sessions"][0]["key"], "agent:main:main");
        let params = json!({ "message": "/whoami", "sessionKey": "main", "idempotencyKey": format!("agent-{protocol}") });
        assert_eq!(call(&mut client, "agent", "agent", &params)["status"], "accepted");
        let answer = client.response("agent")["payload"].clone();
        assert!(
            answer["result"]["payloads"][0]["text"]
                .as_str()
                .unwrap()
                .contains("user id"),
            "{answer:#}"
        );
    }
    let history = home.history();
    assert_eq!(history.len(), 2, "one for each protocol: {history:#?}");
    assert_eq!(history[0]["by"]["channel"], "gateway");
}

#[test]
fn protocol_tells_the_channels_and_who_asks_to_be_paired() {
    let home = BotHome::telegram();
    let rescue = home.start();
    let stranger = User::stranger(0);
    home.messenger.say(stranger, "hello");
    let code = home.next("openclaw pairing approve");
    for protocol in [3, 4] {
        let mut client = Client::accepted(rescue.port, protocol);
        let status = call(&mut client, "status", "status", &json!({}));
        assert_eq!(
            status["channelSummary"],
            json!(["Telegram: configured", "  - default (dm:pairing, token:config)"])
        );
        let list = call(&mut client, "pairing", "channels.pairing.list", &json!({}));
        let account = &list["accounts"][0];
        assert_eq!(
            (
                &account["channel"],
                &account["channelLabel"],
                &account["accountId"]
            ),
            (&json!("telegram"), &json!("Telegram"), &json!("default"))
        );
        let requests = list["requests"].as_array().unwrap();
        assert_eq!(requests.len(), 1, "{list:#}");
        assert_eq!(requests[0]["senderId"], home.messenger.id(stranger));
        assert_eq!(requests[0]["accountId"], "default");
        assert_eq!(
            list["limits"],
            json!({ "pendingPerAccount": 3, "ttlMs": 3_600_000 })
        );
        let word = code.text.split_whitespace().last().unwrap();
        assert!(!list.to_string().contains(word), "{list:#}");
    }
}

#[test]
fn dashboard_shows_the_conversation_and_its_buttons() {
    run_with_browser(async {
        let sandbox = Sandbox::new();
        let port = free_base();
        sandbox.write(".openclaw-rescue/openclaw.json", config(port));
        let _gateway = Gateway::launch(command(&sandbox, "rescue", &[]), port);
        let page = PageUnderTest::on_port(port, None).await;
        page.sign_in().await;
        page.evaluate("document.getElementById('words').value = '/snapshot rescue'; document.getElementById('say').requestSubmit()")
            .await;
        page.wait_until("document.querySelectorAll('#messages button').length === 2")
            .await;
        page.evaluate("document.querySelector('#messages button').click()")
            .await;
        page.wait_until("document.getElementById('messages').innerText.includes('A snapshot was taken.')")
            .await;
        page.browser.reload().await;
        page.wait_until("document.getElementById('messages').innerText.includes('A snapshot was taken.')")
            .await;
        assert_eq!(
            page.evaluate("document.querySelectorAll('#messages button').length")
                .await,
            0
        );
        assert_eq!(page.errors(), Vec::<String>::new());
    });
}
