//! A gateway that is killed while it answers: no message is lost, and none is taken twice.

use serde_json::json;

use super::chat::{MAIN, Talk, call, client, send};
use crate::support::gateway;

/// The environment variable with the number of kills at random moments, for a long run by hand.
const KILLS: &str = "OPENCLAW_TEST_KILLS";
/// Number of kills where nobody asks for more.
const USUAL_KILLS: usize = 3;
/// Longest time from the request to the kill, in milliseconds: longer than the answer takes.
const LONGEST_WAIT: u64 = 120;

#[test]
fn gateway_killed_at_random_moments_loses_and_doubles_no_message() {
    let kills = std::env::var(KILLS).map_or(USUAL_KILLS, |kills| kills.parse().expect("a number"));
    let talk = Talk::new();
    let mut rescue = talk.start();
    for kill in 0..kills {
        let run = format!("kill-{kill}");
        let params = json!({ "sessionKey": MAIN, "message": run, "idempotencyKey": run });
        let mut lost = client(rescue.port, 3);
        send(&mut lost, "s", "chat.send", &params);
        // The moment is random by intent: each outcome is right, and none is expected.
        let wait = u64::from(std::process::id()).wrapping_add(kill as u64 * 7_919) % LONGEST_WAIT;
        std::thread::sleep(std::time::Duration::from_millis(wait));
        rescue.signal(rustix::process::Signal::KILL);
        let _ = rescue.exited();
        rescue = talk.start();
        let mut client = client(rescue.port, 3);
        call(&mut client, "again", "chat.send", &params);
        let answered = || {
            let status = call(&mut client, "once more", "chat.send", &params)["status"].clone();
            (status == "ok").then_some(())
        };
        gateway::wait_for("the answer", answered);
        let history = call(
            &mut client,
            "h",
            "chat.history",
            &json!({ "sessionKey": MAIN, "limit": 1000 }),
        );
        let messages = history["messages"].as_array().expect("messages");
        let roles: Vec<_> = messages
            .iter()
            .map(|message| message["role"].as_str().unwrap())
            .collect();
        let expected = ["user", "assistant"].repeat(kill + 1);
        assert_eq!(roles, expected, "kill {kill} after {wait} ms: {history:#}");
        let said = messages[2 * kill]["content"][0]["text"].clone();
        assert_eq!(said, run, "kill {kill} after {wait} ms");
    }
}
