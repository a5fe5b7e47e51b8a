//! The parts that only Discord has: sessions of the gateway, nonces, commands of the menu, servers with channels.

use serde_json::{Value, json};

use super::home::BotHome;
use crate::support::gateway::wait_for;
use crate::support::messenger::discord::Discord;
use crate::support::messenger::state::Call;
use crate::support::messenger::{Failure, Messenger as _, OWNER, Seen, User};

/// Returns the id of the owner, which the answer to `/whoami` has.
fn owner(home: &BotHome<Discord>) -> String {
    home.messenger.id(OWNER)
}

/// Returns how often the bot did something at the gateway.
fn count(home: &BotHome<Discord>, opcode: u64) -> usize {
    let is_it = |call: &&Call| call.method == "gateway" && call.parameters["op"] == opcode;
    home.messenger.calls().iter().filter(is_it).count()
}

#[test]
fn message_whose_answer_is_lost_is_sent_once() {
    let home = BotHome::discord();
    let _rescue = home.start();
    home.messenger.fail_next(Failure::AnswerLost, 1);
    home.ask("/whoami", &owner(&home));
    let nonces = || -> Vec<Value> {
        let calls = home.messenger.calls().into_iter();
        let sent = calls.filter(|call| call.method == "POST /channels/{id}/messages");
        sent.map(|mut call| call.parameters["nonce"].take()).collect()
    };
    let nonces = wait_for("it is sent again", || {
        Some(nonces()).filter(|sent| sent.len() > 1)
    });
    assert!(nonces[0].is_string() && nonces[0] == nonces[1], "{nonces:?}");
    home.ask("/ports", "Ports of each gateway");
    let is_answer = |seen: &&Seen| seen.text.contains(&owner(&home));
    assert_eq!(home.messenger.messages().iter().filter(is_answer).count(), 1);
}

#[test]
fn session_is_resumed_after_everything_that_does_not_end_it() {
    let home = BotHome::discord();
    let _rescue = home.start();
    home.ask("/whoami", &owner(&home));
    let breaks: [fn(&Discord); 4] = [
        Discord::ask_to_reconnect,
        |discord| discord.invalidate_session(true),
        |discord| discord.close(4000),
        |discord| discord.close(4009),
    ];
    for (number, end) in breaks.iter().enumerate() {
        end(&home.messenger);
        home.messenger.say(OWNER, "/whoami");
        home.next(&owner(&home));
        assert_eq!((count(&home, 2), count(&home, 6)), (1, number + 1));
    }
    home.messenger.ask_for_heartbeat();
    wait_for("the heartbeat", || (count(&home, 1) > 0).then_some(()));
    home.ask("/whoami", &owner(&home));
}

#[test]
fn connection_that_answers_no_heartbeat_is_made_anew() {
    let home = BotHome::discord();
    home.messenger.set_heartbeat_interval(300);
    let _rescue = home.start();
    home.ask("/whoami", &owner(&home));
    home.messenger.ignore_heartbeats();
    wait_for("the session is resumed", || (count(&home, 6) > 0).then_some(()));
    home.ask("/whoami", &owner(&home));
    assert_eq!(count(&home, 2), 1);
}

#[test]
fn session_that_is_lost_is_told_in_the_log_and_a_new_one_begins() {
    let home = BotHome::discord();
    let rescue = home.start();
    home.ask("/whoami", &owner(&home));
    home.messenger.invalidate_session(false);
    wait_for("the loss is logged", || {
        home.log()
            .contains("no longer know where the bot stopped reading")
            .then_some(())
    });
    home.messenger.wait_until_connected();
    home.ask("/whoami", &owner(&home));
    assert_eq!((count(&home, 2), count(&home, 6)), (2, 0));
    // A position that the gateway does not know after a restart.
    let _ = rescue.stop().with(0);
    let path = ".openclaw-rescue/bot/discord-default.json";
    let mut inbox: Value = serde_json::from_str(&home.sandbox.read(path)).expect("JSON");
    let cursor = inbox["cursor"].as_str().expect("a position").to_owned();
    let (session, rest) = cursor.split_once(' ').expect("a session");
    inbox["cursor"] = json!(format!("{} {rest}", "0".repeat(session.len())));
    home.sandbox.write(path, inbox.to_string());
    let _rescue = home.start();
    home.ask("/whoami", &owner(&home));
    assert_eq!((count(&home, 2), count(&home, 6)), (3, 1));
}

#[test]
fn command_of_the_menu_is_acknowledged_and_answered_in_the_language_of_the_person() {
    let home = BotHome::discord();
    let _rescue = home.start();
    let owner_in_turkish = OWNER.speaking("tr");
    home.messenger.choose(owner_in_turkish, "ports", "");
    home.next("Ports of each gateway");
    home.messenger.choose(owner_in_turkish, "status", "nowhere");
    home.next("There is no profile nowhere here.");
    let answers = home.messenger.calls();
    let answers: Vec<_> = answers
        .iter()
        .filter(|call| call.method.starts_with("POST /interactions/"))
        .map(|call| {
            (
                &call.parameters["data"]["content"],
                &call.parameters["data"]["flags"],
            )
        })
        .collect();
    assert_eq!(
        answers,
        [
            (&json!("/ports"), &json!(64)),
            (&json!("/status nowhere"), &json!(64))
        ]
    );
    // Nothing of it is told to a stranger.
    home.messenger.choose(User::stranger(0), "status", "");
    let code = home.next("openclaw pairing approve");
    assert!(code.text.contains(&home.messenger.id(User::stranger(0))));
    assert_eq!(count_interactions(&home), 2);
}

/// Returns how many presses and commands of the menu the bot has acknowledged.
fn count_interactions(home: &BotHome<Discord>) -> usize {
    let calls = home.messenger.calls();
    let is_answer = |call: &&Call| call.method.starts_with("POST /interactions/");
    calls.iter().filter(is_answer).count()
}

#[test]
fn owner_is_heard_in_a_server_only_where_it_is_listed() {
    let home = BotHome::discord();
    let rescue = home.start();
    home.messenger.say_in_group(OWNER, "<@198622483471925248> /ports");
    home.ask("/whoami", &owner(&home));
    let _ = rescue.stop().with(0);
    let is_ports = |seen: &Seen| seen.text.contains("Ports of each gateway");
    assert!(!home.messenger.messages().iter().any(is_ports));

    home.listen_in_group();
    let _rescue = home.start();
    home.messenger.say_in_group(OWNER, "hello");
    home.messenger.say_in_group(User::stranger(0), "/ports");
    home.messenger.say_in_group(OWNER, "<@198622483471925248> /ports");
    let told = home.next("Ports of each gateway");
    assert_eq!(told.chat, "290926798999357250");
    let in_server = |seen: &&Seen| seen.chat == told.chat;
    assert_eq!(home.messenger.messages().iter().filter(in_server).count(), 1);
}

#[test]
fn intent_that_discord_refuses_is_told_in_the_log() {
    let home = BotHome::discord();
    home.messenger.allow_content_intent(false);
    let mut channel = home.messenger.config(&[OWNER]);
    channel["guilds"] = json!({"41771983423143937": {}});
    channel["intents"] = json!({"messageContent": true});
    home.set_channel(&channel);
    let _rescue = crate::support::gateway::Gateway::start(&home.sandbox, "rescue");
    wait_for("the refusal is logged", || {
        home.log().contains("Message Content Intent").then_some(())
    });
}

#[test]
fn rate_limit_is_waited_for() {
    let home = BotHome::discord();
    let _rescue = home.start();
    home.ask("/whoami", &owner(&home));
    home.messenger.fail_next(Failure::RateLimited { seconds: 2 }, 1);
    home.messenger.say(OWNER, "/whoami");
    home.messenger.say(OWNER, "/ports");
    home.next("Ports of each gateway");
    assert_eq!(home.messenger.early_calls(), 0);
}
