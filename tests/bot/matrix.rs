//! What is special about Matrix: invitations, rooms of several people, rooms that can't be read, and positions.

use serde_json::{Value, json};

use super::home::BotHome;
use crate::support::gateway::{Gateway, wait_for};
use crate::support::messenger::matrix::Matrix;
use crate::support::messenger::{Messenger as _, OWNER, Seen, User};

/// The file with the position, below the home folder.
const INBOX: &str = ".openclaw-rescue/bot/matrix-default.json";

/// Changes the config of the channel.
fn configure(home: &BotHome<Matrix>, change: impl FnOnce(&mut Value)) {
    let mut channel = home.messenger.config(&[OWNER]);
    change(&mut channel);
    home.set_channel(&channel);
}

/// Says something in a room, and returns the answer there that contains a text.
fn ask_in(home: &BotHome<Matrix>, user: User, room: &str, words: &str, expected: &str) -> Seen {
    say_in(home, user, room, words);
    home.messenger.next_message(expected, &|seen| {
        seen.chat == room && seen.text.contains(expected)
    })
}

fn say_in(home: &BotHome<Matrix>, user: User, room: &str, words: &str) {
    let content = json!({ "msgtype": "m.text", "body": words });
    home.messenger.send_to(user, room, "m.room.message", &content);
}

/// Waits until the bot is in a room in this way: `join`, `leave`.
fn wait_for_membership(home: &BotHome<Matrix>, user: User, room: &str, membership: &str) {
    let path = format!("/rooms/{room}/state/m.room.member/{}", home.messenger.bot_id());
    wait_for("the bot has done so", || {
        let state = home.messenger.call_as(Some(user), "GET", &path, &Value::Null);
        (state["membership"] == membership).then_some(())
    });
}

fn id_of_owner(home: &BotHome<Matrix>) -> String {
    home.messenger.id(OWNER)
}

#[test]
fn invitation_is_accepted_from_people_who_may_speak_and_declined_otherwise() {
    let Some(home) = BotHome::matrix() else { return };
    configure(&home, |channel| channel["dm"]["policy"] = "allowlist".into());
    let _rescue = home.start();
    // What is said right after the invitation is heard, whenever the bot comes.
    let wish = json!({ "preset": "trusted_private_chat", "is_direct": true });
    let room = home.messenger.make_room(OWNER, wish);
    ask_in(&home, OWNER, &room, "!whoami", &id_of_owner(&home));
    let stranger = User::stranger(0);
    home.messenger.say(stranger, "let me in");
    let room = home.messenger.private_room(stranger);
    wait_for_membership(&home, stranger, &room, "leave");
    home.ask("!whoami", &id_of_owner(&home));
    assert!(home.messenger.messages().iter().all(|seen| seen.chat != room));
}

#[test]
fn stranger_who_invites_to_a_room_of_many_is_declined() {
    let Some(home) = BotHome::matrix() else { return };
    let _rescue = home.start();
    let stranger = User::stranger(0);
    let third = home.messenger.id(User::stranger(1));
    home.messenger.private_room(User::stranger(1));
    // One says that it is a room of many, the other one lies.
    for wish in [json!({}), json!({ "is_direct": true, "invite": [third] })] {
        let room = home.messenger.make_room(stranger, wish);
        wait_for_membership(&home, stranger, &room, "leave");
        assert!(home.messenger.messages().iter().all(|seen| seen.chat != room));
    }
}

#[test]
fn what_was_said_before_the_first_connection_is_not_obeyed() {
    let Some(home) = BotHome::matrix() else { return };
    home.messenger.say(OWNER, "!whoami");
    let _rescue = home.start();
    home.ask("!help", "!status");
    assert_eq!(home.messenger.messages().len(), 1);
}

#[test]
fn room_of_several_is_obeyed_where_it_is_listed() {
    let Some(home) = BotHome::matrix() else { return };
    let name = format!(
        "ops-{}",
        home.messenger.bot_id().trim_start_matches('@').replace(':', "-")
    );
    let alias = format!("#{name}:localhost");
    configure(&home, |channel| channel["groups"] = json!({ alias: {} }));
    let wish = json!({ "preset": "private_chat", "room_alias_name": name });
    let group = home.messenger.make_room(OWNER, wish);
    let _rescue = home.start();
    wait_for_membership(&home, OWNER, &group, "join");
    let stranger = User::stranger(0);
    let private = home.messenger.private_room(OWNER);
    home.messenger.private_room(stranger);
    for room in [&group, &private] {
        let (invite, join) = (format!("/rooms/{room}/invite"), format!("/rooms/{room}/join"));
        let who = json!({ "user_id": home.messenger.id(stranger) });
        home.messenger.call_as(Some(OWNER), "POST", &invite, &who);
        home.messenger.call_as(Some(stranger), "POST", &join, &json!({}));
    }
    let before = home.messenger.messages().len();
    say_in(&home, stranger, &group, "!whoami");
    say_in(&home, OWNER, &private, "!whoami");
    say_in(&home, OWNER, &group, "it is a fine day");
    ask_in(&home, OWNER, &group, "!whoami", &id_of_owner(&home));
    let told: Vec<_> = home.messenger.messages().split_off(before);
    assert_eq!(told.len(), 1, "{told:#?}");
}

#[test]
fn encrypted_room_is_told_once_that_it_can_not_be_read() {
    let Some(home) = BotHome::matrix() else { return };
    let rescue = home.start();
    let room = home.messenger.private_room(OWNER);
    let path = format!("/rooms/{room}/state/m.room.encryption");
    let algorithm = json!({ "algorithm": "m.megolm.v1.aes-sha2" });
    home.messenger.call_as(Some(OWNER), "PUT", &path, &algorithm);
    let secret = json!({
        "algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "x", "device_id": "D", "sender_key": "k", "session_id": "s",
    });
    home.messenger.send_to(OWNER, &room, "m.room.encrypted", &secret);
    home.messenger.send_to(OWNER, &room, "m.room.encrypted", &secret);
    home.next("encrypted");
    let _ = rescue.stop().with(0);
    home.messenger.send_to(OWNER, &room, "m.room.encrypted", &secret);
    let _rescue = home.start();
    home.ask("!whoami", &id_of_owner(&home));
    let told = home.messenger.messages();
    assert_eq!(
        told.iter().filter(|seen| seen.text.contains("encrypted")).count(),
        1,
        "{told:#?}"
    );
    // An alert does not go into a room that its owner can't write in.
    let _ = home
        .sandbox
        .run(["--profile", "rescue", "channels", "test", "matrix"])
        .exits(0);
    let rooms = home
        .messenger
        .call_as(Some(OWNER), "GET", "/sync?timeout=1", &Value::Null);
    assert_eq!(
        rooms["rooms"]["invite"].as_object().map(serde_json::Map::len),
        Some(1),
        "{rooms:#?}"
    );
}

#[test]
fn position_that_the_homeserver_does_not_know_is_forgotten() {
    let Some(home) = BotHome::matrix() else { return };
    let rescue = home.start();
    home.ask("!whoami", &id_of_owner(&home));
    let _ = rescue.stop().with(0);
    let mut inbox: Value = serde_json::from_str(&home.sandbox.read(INBOX)).expect("JSON");
    inbox["cursor"] = format!("{} of-another-time", home.messenger.bot_id()).into();
    home.sandbox.write(INBOX, inbox.to_string());
    home.messenger.drop_connections();
    let _rescue = home.start();
    wait_for("the bot hears again", || {
        home.messenger.say(OWNER, "!help");
        let told = home.messenger.messages();
        told.iter()
            .any(|seen| seen.text.contains("!status"))
            .then_some(())
    });
    assert!(home.log().contains("no longer know"), "{}", home.log());
}

#[test]
fn button_finds_its_command_after_a_restart_and_another_reaction_none() {
    let Some(home) = BotHome::matrix() else { return };
    let _main = Gateway::start(&home.sandbox, "default");
    let rescue = home.start();
    let plan = home.ask("!stop", "Do it now?");
    let plan = home.messenger.with_button(&plan, "No");
    let _ = rescue.stop().with(0);
    let _rescue = home.start();
    let room = home.messenger.private_room(OWNER);
    let thumb = json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": plan.id, "key": "👍" } });
    home.messenger.send_to(OWNER, &room, "m.reaction", &thumb);
    home.press(&plan, "No");
    let told = home.next("This plan is out of date.");
    assert!(
        told.is_edit && told.id == plan.id && told.buttons.is_empty(),
        "{told:#?}"
    );
}

#[test]
fn password_is_enough_and_makes_one_device() {
    let Some(home) = BotHome::matrix() else { return };
    configure(&home, |channel| {
        let channel = channel.as_object_mut().expect("an object");
        channel.remove("accessToken");
        channel.insert("password".to_owned(), "secret".into());
        channel.insert("deviceName".to_owned(), "Rescue".into());
    });
    for _ in 0..2 {
        let rescue = home.start();
        home.ask("!whoami", &id_of_owner(&home));
        let _ = rescue.stop().with(0);
    }
    let devices = home.messenger.call_as(None, "GET", "/devices", &Value::Null);
    let devices = devices["devices"].as_array().expect("devices").clone();
    let named = devices.iter().filter(|device| device["display_name"] == "Rescue");
    assert_eq!((named.count(), devices.len()), (1, 2), "{devices:#?}");
}

#[test]
fn command_before_much_else_is_answered_and_an_edited_message_is_not_obeyed() {
    let Some(home) = BotHome::matrix() else { return };
    let rescue = home.start();
    let first = home.ask("!whoami", &id_of_owner(&home));
    let _ = rescue.stop().with(0);
    let before = home.messenger.messages().len();
    home.messenger.say(OWNER, "!ports");
    let room = home.messenger.private_room(OWNER);
    for number in 0..60 {
        let relation =
            json!({ "rel_type": "m.annotation", "event_id": first.id, "key": format!("{number}") });
        home.messenger
            .send_to(OWNER, &room, "m.reaction", &json!({ "m.relates_to": relation }));
    }
    let _rescue = home.start();
    home.next("Ports of each gateway");
    home.messenger.edit_last(OWNER, "!whoami");
    home.next("That is not a command.");
    assert_eq!(home.messenger.messages().len(), before + 2);
}
