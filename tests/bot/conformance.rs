//! What every channel must do alike.

use super::home::BotHome;
use crate::support::gateway::{Gateway, wait_for};
use crate::support::messenger::{Failure, OWNER, User};

#[test]
fn owner_is_answered_and_a_plan_is_edited_when_a_button_is_pressed() {
    BotHome::each(|home| {
        let _main = Gateway::start(&home.sandbox, "default");
        let _rescue = home.start();
        let state = home.ask("/status", "The default gateway is running and healthy.");
        assert!(!state.is_edit);
        let plan = home.ask("/stop", "Do it now?");
        home.press(&plan, "No");
        let left = home.next("Nothing was done.");
        assert!(left.is_edit && left.id == plan.id, "{left:#?}");
    });
}

#[test]
fn stranger_gets_one_code_and_nothing_else_and_three_strangers_at_most_do() {
    BotHome::each(|home| {
        let _rescue = home.start();
        let first = User::stranger(0);
        home.messenger.say(first, "/status");
        let code = home.next("openclaw pairing approve");
        assert!(code.text.contains(&home.messenger.id(first)), "{code:#?}");
        for number in 0..20 {
            home.messenger.say(User::stranger(number), "/status all");
            home.messenger.say(User::stranger(number), "/repair");
        }
        // What the owner says last is answered last: everything before has been dealt with.
        home.ask("/whoami", &home.messenger.id(OWNER));
        let to_strangers: Vec<_> = home
            .messenger
            .messages()
            .into_iter()
            .filter(|seen| seen.chat != code.chat || seen.text.contains("openclaw pairing approve"))
            .filter(|seen| seen.text.contains("pairing"))
            .collect();
        assert!(to_strangers.len() <= 3, "{to_strangers:#?}");
        for seen in to_strangers {
            for name in ["default", "rescue", "0.2"] {
                assert!(!seen.text.contains(name), "{seen:#?}");
            }
        }
    });
}

#[test]
fn long_answer_is_split_and_text_of_others_is_shown_as_it_is() {
    BotHome::each(|home| {
        let odd = "<b>*bold*</b> `code` &amp; /repair _x_ [a](b) @everyone";
        let line = |number| {
            serde_json::json!({
                "timestamp": "2026-11-29T10:00:00Z", "level": "WARN",
                "fields": { "message": format!("{number} {odd} {}", "x".repeat(200)) },
            })
            .to_string()
        };
        let lines: Vec<_> = (0..60).map(line).collect();
        home.sandbox.write(
            ".openclaw/openclaw.json",
            crate::support::gateway::config(crate::support::gateway::free_base()),
        );
        home.sandbox
            .write(".openclaw/logs/openclaw.2026-11-29.log", lines.join("\n"));
        let _rescue = home.start();
        let first = home.ask("/logs 50", "Last lines of the default gateway");
        assert!(first.text.contains(odd), "{}", first.text);
        // Of a log that is too long for the channel the newest line is shown, and that others are left out.
        home.next(&format!("59 {odd}"));
        let parts = home.messenger.messages();
        assert!(parts.len() > 2, "{parts:#?}");
        let is_whole = parts.iter().any(|part| part.text.contains(&format!("10 {odd}")));
        let is_cut = first.text.contains("Earlier lines that are left out: ");
        assert!(is_cut != is_whole, "{}", first.text);
        for part in parts {
            assert!(home.messenger.text_length(&part.text) <= home.messenger.text_limit());
        }
        assert!(home.history().is_empty(), "a line of a log is no command");
    });
}

#[test]
fn bot_answers_again_after_lost_connections_pauses_and_failures() {
    BotHome::each(|home| {
        let _main = Gateway::start(&home.sandbox, "default");
        let _rescue = home.start();
        home.ask("/whoami", &home.messenger.id(OWNER));
        home.messenger.drop_connections();
        home.ask("/status", "healthy");
        home.messenger.fail_next(Failure::RateLimited { seconds: 1 }, 1);
        home.ask("/ports", "Ports of each gateway");
        home.messenger.fail_next(Failure::ServerError, 1);
        home.ask("/status all", "Gateways on this host");
    });
}

#[test]
fn press_that_is_delivered_twice_is_obeyed_once() {
    BotHome::each(|home| {
        let _main = Gateway::start(&home.sandbox, "default");
        let _rescue = home.start();
        let plan = home.ask("/snapshot", "Do it now?");
        home.press(&plan, "Yes, do it");
        home.messenger.repeat_last();
        home.next("A snapshot was taken.");
        home.ask("/whoami", &home.messenger.id(OWNER));
        assert_eq!(home.history().len(), 1);
    });
}

#[test]
fn refused_token_is_told_in_the_log_and_the_gateway_goes_on() {
    BotHome::each(|home| {
        let rescue = home.start();
        home.messenger.revoke();
        home.messenger.drop_connections();
        wait_for("the refusal is logged", || {
            home.log().contains("The token is refused").then_some(())
        });
        assert!(rescue.health().is_some());
        let _ = rescue.stop().with(0);
    });
}

#[test]
fn what_is_said_while_the_bot_is_away_is_answered_after_its_return() {
    BotHome::each(|home| {
        let rescue = home.start();
        // A channel may know what is said only from the first session of the bot on.
        home.ask("/ports", "Ports of each gateway");
        let _ = rescue.stop().with(0);
        home.messenger.say(OWNER, "/whoami");
        let _rescue = home.start();
        home.next(&home.messenger.id(OWNER));
    });
}

#[test]
fn account_is_started_and_ended_with_the_config() {
    BotHome::each(|home| {
        let channel = home.messenger.config(&[OWNER]);
        let mut off = channel.clone();
        off["enabled"] = false.into();
        home.set_channel(&off);
        let _rescue = Gateway::start(&home.sandbox, "rescue");
        home.set_channel(&channel);
        home.messenger.wait_until_connected();
        home.ask("/whoami", &home.messenger.id(OWNER));
    });
}
