//! A gateway that is killed while its agent answers: each question is in the transcript once, and is answered.

use std::io::Write as _;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use super::home::{USUAL_WINDOW, give_model};
use crate::bot::home::BotHome;
use crate::support::chat_model::ChatModel;
use crate::support::gateway::wait_for;
use crate::support::messenger::OWNER;

/// The environment variable with the number of kills at random moments, for a long run by hand.
const KILLS: &str = "OPENCLAW_TEST_KILLS";
/// The inbox of the bot, below the home folder.
const INBOX: &str = ".openclaw-rescue/bot/telegram-default.json";
/// Number of kills at random moments where nobody asks for more.
const USUAL_KILLS: usize = 2;
/// Longest time from the question to the kill, in milliseconds: longer than an answer takes.
const LONGEST_WAIT: u64 = 80;

/// Returns the texts of the people in the transcripts of the rescue instance's agent.
fn questions(home: &BotHome) -> Vec<String> {
    let folder = home.sandbox.path(".openclaw-rescue/agents/main/sessions");
    let files = std::fs::read_dir(folder).into_iter().flatten();
    let mut texts = Vec::new();
    for path in files.map(|entry| entry.expect("a file").path()) {
        if path.extension().is_none_or(|extension| extension != "jsonl") {
            continue;
        }
        let text = std::fs::read_to_string(path).expect("a transcript");
        let entries = text
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let of_people = entries.filter(|entry| entry["message"]["role"] == "user");
        texts.extend(of_people.map(|entry| entry["message"]["content"].to_string()));
    }
    texts
}

#[test]
fn question_is_answered_once_although_the_gateway_is_killed_at_a_random_moment() {
    let kills = std::env::var(KILLS).map_or(USUAL_KILLS, |kills| kills.parse().expect("a number"));
    let home = BotHome::telegram();
    let model = ChatModel::start();
    model.echo();
    give_model(&home, &model, USUAL_WINDOW);
    let mut gateway = home.start();
    let mut doubled = 0;
    for kill in 0..kills {
        let question = format!("question {kill}?");
        home.messenger.say(OWNER, &question);
        // The moment is random by intent: whenever it is, the question is answered.
        let wait = u64::from(std::process::id()).wrapping_add(kill as u64 * 7_919) % LONGEST_WAIT;
        std::thread::sleep(Duration::from_millis(wait));
        gateway.signal(Signal::KILL);
        let _ = gateway.exited();
        gateway = home.start();
        let answer = format!("You said: {question}");
        home.next(&answer);
        wait_for("nothing waits for an answer", || {
            home.sandbox.read(INBOX).contains("\"waiting\":[]").then_some(())
        });
        let told = questions(&home);
        let count = told
            .iter()
            .filter(|text| text.contains(&format!("\"{question}\"")))
            .count();
        assert_eq!(count, 1, "{question}: {told:#?}");
        let all = home.messenger.messages();
        let messages = all.iter().filter(|seen| seen.text == answer && !seen.is_edit);
        doubled += messages.count().saturating_sub(1);
    }
    let report = format!("killed: {kills}, shown twice: {doubled}\n");
    std::io::stderr().write_all(report.as_bytes()).expect("a report");
}
