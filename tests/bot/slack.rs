//! What only Slack has: envelopes and their acknowledgements, connections that are replaced, and channels.

use serde_json::json;

use super::home::BotHome;
use crate::support::gateway::{Gateway, wait_for};
use crate::support::messenger::slack::GROUP_CHANNEL;
use crate::support::messenger::{Failure, Messenger as _, OWNER, User};

#[test]
fn connection_is_replaced_as_slack_asks_for_it_and_nothing_is_lost() {
    let home = BotHome::slack();
    let slack = &home.messenger;
    let _rescue = home.start();
    for _ in 0..3 {
        slack.ask_to_refresh();
        home.ask("/whoami", &slack.id(OWNER));
    }
    // An acknowledgement may have come too late for the connection that it belongs to.
    slack.retry_unacknowledged();
    slack.wait_until_acknowledged();
    let opened = slack
        .calls()
        .iter()
        .filter(|call| call.method == "apps.connections.open")
        .count();
    assert_eq!(opened, 4);
    let log = home.log();
    assert_eq!(
        log.matches("Slack (default)").count(),
        1,
        "it is connected and stays so: {log}"
    );
}

#[test]
fn envelope_is_acknowledged_once_it_is_recorded_and_a_retry_is_not_obeyed_again() {
    let home = BotHome::slack();
    let slack = &home.messenger;
    let _main = Gateway::start(&home.sandbox, "default");
    let rescue = home.start();
    let plan = home.ask("/snapshot", "Do it now?");
    home.press(&plan, "Yes, do it");
    home.next("A snapshot was taken.");
    slack.repeat_last();
    slack.wait_until_acknowledged();
    home.ask("/whoami", &slack.id(OWNER));
    assert_eq!(home.history().len(), 1);

    // Where the inbox can't be written, nothing is acknowledged and nothing is done.
    let _ = rescue.stop().with(0);
    let _ = std::fs::remove_dir_all(home.sandbox.home().join(".openclaw-rescue/bot"));
    home.sandbox
        .write(".openclaw-rescue/bot", "a file where the folder belongs");
    let _rescue = home.start();
    let before = slack.messages().len();
    slack.say(OWNER, "!help");
    wait_for("the failure is logged", || {
        home.log().contains("Can’t be reached").then_some(())
    });
    assert_eq!(slack.messages().len(), before);
    std::fs::remove_file(home.sandbox.home().join(".openclaw-rescue/bot")).expect("a file");
    slack.retry_unacknowledged();
    home.next("These are my commands.");
    slack.wait_until_acknowledged();
}

#[test]
fn edited_text_is_not_obeyed() {
    let home = BotHome::slack();
    let slack = &home.messenger;
    let _rescue = home.start();
    home.ask("hello", "That is not a command.");
    slack.edit_last(OWNER, "!snapshot");
    home.next("That is not a command.");
    home.ask("!whoami", &slack.id(OWNER));
    assert!(
        !slack
            .messages()
            .iter()
            .any(|seen| seen.text.contains("Do it now?"))
    );
}

#[test]
fn channel_is_listened_to_where_it_is_listed_and_a_mention_is_heard_once() {
    let home = BotHome::slack();
    let slack = &home.messenger;
    let rescue = home.start();
    slack.say_in_group(OWNER, "!whoami");
    slack.mention_in_group(OWNER, "whoami");
    slack.wait_until_acknowledged();
    home.ask("/help", "These are my commands.");
    assert_eq!(slack.messages().len(), 1, "{:#?}", slack.messages());
    let _ = rescue.stop().with(0);

    let mut listed = slack.config(&[OWNER]);
    listed["channels"] = json!({ GROUP_CHANNEL: {} });
    home.set_channel(&listed);
    let _rescue = home.start();
    slack.mention_in_group(OWNER, "whoami");
    let answer = home.next(&slack.id(OWNER));
    assert_eq!(answer.chat, GROUP_CHANNEL);
    slack.say_in_group(OWNER, "good morning");
    slack.mention_in_group(User::stranger(0), "status");
    slack.say_in_group(OWNER, "!help");
    home.next("These are my commands.");
    assert_eq!(slack.messages().len(), 3, "{:#?}", slack.messages());
}

#[test]
fn answer_whose_response_is_lost_is_sent_once() {
    let home = BotHome::slack();
    let slack = &home.messenger;
    let _rescue = home.start();
    slack.fail_next(Failure::AnswerLost, 1);
    home.ask("/whoami", &slack.id(OWNER));
    wait_for("the bot tries again", || {
        let calls = slack.calls();
        let tries = calls.iter().filter(|call| call.method == "chat.postMessage");
        (tries.count() == 2).then_some(())
    });
    home.ask("/help", "These are my commands.");
    assert_eq!(slack.messages().len(), 2, "{:#?}", slack.messages());
}
