//! One question, and a conversation without a terminal.

use super::ChatHome;
use crate::support::chat_model::{Answer, USUAL_TEXT};

#[test]
fn agent_prints_the_answer_and_a_document() {
    let home = ChatHome::new();
    let _gateway = home.start();
    home.model.push(Answer::text(&["One\u{1b}[2J\n", "two"]));
    let ran = home.sandbox.run(["agent", "--message", "count"]).exits(0);
    assert_eq!(ran.stdout, "One [2J\ntwo\n");
    let ran = home
        .sandbox
        .run(["agent", "-m", "again", "--session", "work", "--json"])
        .exits(0);
    let answer = ran.json();
    assert_eq!(answer["result"]["payloads"][0]["text"], USUAL_TEXT);
    assert_eq!(answer["result"]["meta"]["agentMeta"]["model"], "m1");
    let asked = home.model.wait_for_requests(2);
    let said: Vec<_> = asked[1]
        .messages()
        .iter()
        .filter(|message| message["role"] == "user")
        .collect();
    assert_eq!(said.len(), 1, "another session: {said:?}");
}

#[test]
fn agent_tells_why_there_is_no_answer() {
    let home = ChatHome::new();
    let ran = home.sandbox.run(["agent", "--message", "hi"]);
    assert_ne!(ran.code, 0, "{ran:?}");
    let _gateway = home.start();
    home.model.push(Answer::error(401, "Incorrect API key provided"));
    let ran = home.sandbox.run(["agent", "--message", "hi"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("Incorrect API key provided"), "{ran:?}");
}

#[test]
fn each_line_of_standard_input_gets_its_answer() {
    let home = ChatHome::new();
    let _gateway = home.start();
    home.model.push(Answer::text(&["first"]));
    home.model.push(Answer::text(&["second"]));
    let ran = home.sandbox.run_with_input(["chat"], "one\n\ntwo\n").exits(0);
    assert_eq!(ran.stdout, "first\nsecond\n");
    let ran = home
        .sandbox
        .run_with_input(["agent", "--message", "-"], "a question\nof two lines\n")
        .exits(0);
    assert_eq!(ran.stdout.trim(), USUAL_TEXT);
    let asked = home.model.wait_for_requests(3);
    assert!(
        asked[2].last_text().starts_with("a question\nof two lines"),
        "{asked:?}"
    );
}
