//! The limits of an agent: how long a conversation may be, how often a model is asked, what a day may cost.

use serde_json::json;

use super::home::{USUAL_WINDOW, give_model};
use crate::bot::home::BotHome;
use crate::support::chat_model::{Answer, ChatModel, Piece};

#[test]
fn conversation_that_fills_the_window_becomes_a_summary() {
    let home = BotHome::telegram();
    let model = ChatModel::start();
    // The instructions fill a part of it, too.
    give_model(&home, &model, 4_300);
    let _rescue = home.start();
    for (word, answer) in [("one", "first answer"), ("two", "second answer")] {
        model.push(Answer::text(&[answer]));
        home.ask(&format!("{word} {}", "x".repeat(3_000)), answer);
    }
    let before = model.requests().len();
    model.push(Answer::text(&["Ali wants one and two."]));
    model.push(Answer::text(&["third answer"]));
    home.ask(&format!("three {}", "x".repeat(3_000)), "third answer");
    let asked = model.wait_for_requests(before + 2);
    let last = asked.last().expect("a request");
    let told = last.body["messages"].to_string();
    assert!(told.contains("Ali wants one and two."), "{told}");
    assert!(told.contains("three xxx") && !told.contains("one xxx"), "{told}");
    assert!(asked[before].body["messages"].to_string().contains("one xxx"));
    // The summary stays for what is said later.
    model.push(Answer::text(&["fourth answer"]));
    home.ask("four", "fourth answer");
    let asked = model.wait_for_requests(before + 3);
    assert!(
        asked.last().unwrap().body["messages"]
            .to_string()
            .contains("Ali wants one and two.")
    );
}

#[test]
fn model_that_calls_tools_without_end_is_stopped_and_the_owner_is_told() {
    let home = BotHome::telegram();
    let model = ChatModel::start();
    give_model(&home, &model, USUAL_WINDOW);
    let _rescue = home.start();
    for number in 0..40 {
        model.push(Answer::call(&format!("call_{number}"), "history", json!({})));
    }
    home.ask(
        "are you there?",
        "The agent was stopped: it asked its model 25 times",
    );
    assert_eq!(model.requests().len(), 25);
}

#[test]
fn tokens_of_a_day_are_bounded_across_a_restart() {
    let home = BotHome::telegram();
    let model = ChatModel::start();
    give_model(&home, &model, USUAL_WINDOW);
    home.sandbox.write(
        ".openclaw-rescue/instance.toml",
        "version = 1\nprofile = 'rescue'\n[agent]\ntokensPerDay = 1\n",
    );
    let rescue = home.start();
    home.ask("hello", "Hello from the stub.");
    home.ask("hello again", "have used their 1 tokens for today");
    drop(rescue);
    let _rescue = home.start();
    home.ask("and now?", "have used their 1 tokens for today");
    assert_eq!(model.requests().len(), 1);
}

#[test]
fn model_that_breaks_off_is_told_and_the_next_question_is_answered() {
    let home = BotHome::telegram();
    let model = ChatModel::start();
    give_model(&home, &model, USUAL_WINDOW);
    let _rescue = home.start();
    let half = Piece::Text("Half of".to_owned());
    model.push(Answer::Pieces(vec![half, Piece::Held, Piece::Cut]));
    home.ask("one?", "Half of");
    model.release();
    home.next("No answer: ");
    // Tried again where nothing was said yet.
    model.push(Answer::Broken);
    home.ask("two?", "Hello from the stub.");
    let asked = model.requests();
    assert_eq!(asked.len(), 3);
    assert_eq!(asked[1].last_text(), asked[2].last_text());
}
