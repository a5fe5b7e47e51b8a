//! What the bot tells its owners unasked: that a watched gateway is down, and what becomes of it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use axum::Json;
use axum::Router;
use axum::routing::post;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::home::BotHome;
use crate::rescue::without_manager::BROKEN_CONFIG;
use crate::support::gateway::{self, Gateway, free_base, wait_for};
use crate::support::messenger::server::Server;
use crate::support::messenger::{Failure, OWNER, Seen};

/// Lets the rescue gateway watch the default instance without patience, with these lines in `[rescue.alerts]`.
fn watch(home: &BotHome, alerts: &str) {
    let record = format!(
        "version = 1\nprofile = 'rescue'\n[rescue]\nwatch = ['default']\ninterval = 1\npatience = 0\n\
         [rescue.alerts]\n{alerts}\n"
    );
    home.sandbox.write(".openclaw-rescue/instance.toml", record);
}

/// Returns the messages and edits that tell that the default gateway is down or was.
fn alerts(home: &BotHome) -> Vec<Seen> {
    let mut all = home.messenger.messages();
    all.retain(|seen| seen.text.starts_with("The default gateway is "));
    all
}

/// Returns the file of alerts.
fn kept(home: &BotHome) -> Option<Value> {
    let text = std::fs::read(home.sandbox.path(".openclaw-rescue/bot/alerts.json")).ok()?;
    serde_json::from_slice(&text).ok()
}

#[test]
fn killed_gateway_is_told_in_one_message_that_says_what_became_of_it() {
    BotHome::each(|home| {
        watch(home, "");
        let main = Gateway::start(&home.sandbox, "default");
        let _rescue = home.start();
        home.ask("/status", "The default gateway is running and healthy.");
        let spawned = home.spawned();
        main.signal(Signal::KILL);
        let down = home.next("The default gateway is down");
        let down = home.messenger.with_button(&down, "Mute 1 h");
        assert!(down.buttons == ["Repair", "Log", "Mute 1 h"], "{down:#?}");
        let well = home.next("The default gateway is healthy again.");
        assert!(
            well.is_edit && well.id == down.id && well.buttons.is_empty(),
            "{well:#?}"
        );
        for words in ["Cause: ", "– down", "– repaired", "Tried: start"] {
            assert!(well.text.contains(words), "{words}: {well:#?}");
        }
        assert!(spawned.pid().is_some());
        let _ = main.exited();
    });
}

#[test]
fn repair_from_the_alert_is_told_as_one_and_not_as_a_recovery() {
    let home = BotHome::telegram();
    watch(&home, "");
    home.sandbox.write(".openclaw/openclaw.json", BROKEN_CONFIG);
    home.sandbox
        .write(".openclaw/openclaw.json.last-good", gateway::config(free_base()));
    home.sandbox.write(
        ".openclaw-rescue/bot/pauses.json",
        json!({ "repairs": u64::MAX }).to_string(),
    );
    let _rescue = home.start();
    let down = home.next("The default gateway is down.");
    home.press(&down, "Repair");
    let plan = home.next("Do it now?");
    let _spawned = home.spawned();
    home.press(&plan, "Yes, do it");
    let well = home.messenger.next_message("the end of the incident", &|seen| {
        seen.id == down.id && seen.text.contains("healthy again")
    });
    let by = format!(
        "repaired by {}",
        home.history()[0]["by"]["person"].as_str().unwrap()
    );
    assert!(well.text.contains(&by), "{by}: {well:#?}");
    assert!(
        well.text.contains("Tried: restore an earlier config – helped"),
        "{well:#?}"
    );
    assert!(!well.text.contains("without a repair"), "{well:#?}");
}

#[test]
fn alert_that_a_kill_of_the_bot_cut_short_is_sent_once_by_the_next_run() {
    let home = BotHome::telegram();
    watch(&home, "");
    let main = Gateway::start(&home.sandbox, "default");
    let rescue = home.start();
    home.ask("/watch off", "I don’t repair automatically");
    home.messenger.fail_next(Failure::Held, 1);
    main.signal(Signal::KILL);
    let incident = wait_for("the outage is written down", || {
        kept(&home)?["incidents"].get(0).cloned()
    });
    rescue.signal(Signal::KILL);
    let _ = (rescue.exited(), main.exited());
    home.messenger.release();
    let _rescue = home.start();
    home.next("The default gateway is down.");
    home.ask("/whoami", &home.messenger.id(OWNER));
    assert_eq!(alerts(&home).len(), 1, "{:#?}", alerts(&home));
    let told = kept(&home).unwrap()["incidents"][0].clone();
    assert_eq!(told["begun"], incident["begun"], "with the time of the event");
}

#[test]
fn alert_whose_answer_is_lost_is_one_message_where_the_channel_can_know_it_again() {
    BotHome::each(|home| {
        watch(home, "");
        let main = Gateway::start(&home.sandbox, "default");
        let _rescue = home.start();
        home.ask("/whoami", &home.messenger.id(OWNER));
        let spawned = home.spawned();
        home.messenger.fail_next(Failure::AnswerLost, 1);
        main.signal(Signal::KILL);
        home.next("The default gateway is healthy again.");
        let ids: BTreeSet<_> = alerts(home).into_iter().map(|seen| seen.id).collect();
        // Telegram has no key by which it could.
        let count = if home.channel == "telegram" { 2 } else { 1 };
        assert_eq!(ids.len(), count, "{}: {:#?}", home.channel, alerts(home));
        assert!(spawned.pid().is_some());
        let _ = main.exited();
    });
}

#[test]
fn webhook_gets_what_it_missed_and_its_url_is_shown_nowhere() {
    let home = BotHome::telegram();
    let posts = Arc::new(Mutex::new(Vec::<Value>::new()));
    let received = posts.clone();
    let server = Server::start(|_| {
        Router::new().route(
            "/",
            post(move |Json(body): Json<Value>| async move {
                received.lock().unwrap().push(body);
            }),
        )
    });
    server.set_reachable(false);
    let url = format!("http://{}/?auth=hunter2", server.address());
    watch(&home, &format!("webhook = '{url}'\ntopic = 'mine'"));
    let main = Gateway::start(&home.sandbox, "default");
    let _rescue = home.start();
    home.ask("/watch off", "I don’t repair automatically");
    main.signal(Signal::KILL);
    let _ = main.exited();
    wait_for("the failure is logged", || {
        home.log()
            .contains("webhook: an alert could not be sent")
            .then_some(())
    });
    server.set_reachable(true);
    let body = wait_for("the webhook is called", || posts.lock().unwrap().first().cloned());
    assert_eq!(
        (
            &body["topic"],
            &body["event"],
            &body["profile"],
            &body["priority"]
        ),
        (&json!("mine"), &json!("lost"), &json!("default"), &json!(4)),
        "{body:#}"
    );
    assert_eq!(body["title"], "The default gateway is down.");
    assert!(body["message"].as_str().unwrap().contains("Cause: "), "{body:#}");
    let shown = format!("{}{:?}", home.log(), kept(&home));
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn other_version_of_a_gateway_is_told_with_the_one_before() {
    let home = BotHome::telegram();
    watch(&home, "");
    let _main = Gateway::start(&home.sandbox, "default");
    let rescue = home.start();
    let versions = ".openclaw-rescue/watched-versions.json";
    wait_for("the version is written down", || {
        home.sandbox.path(versions).exists().then_some(())
    });
    home.ask("/whoami", &home.messenger.id(OWNER));
    let _ = rescue.stop().with(0);
    home.sandbox
        .write(versions, json!({ "default": "native 0.0.1" }).to_string());
    let _rescue = home.start();
    let told = home.next("The default gateway runs another version.");
    assert!(told.text.contains("native 0.0.1 → native "), "{told:#?}");
    assert_eq!(told.buttons, ["Status"], "{told:#?}");
    assert!(alerts(&home).is_empty(), "it is no outage");
}

#[test]
fn quiet_hours_are_those_of_the_local_time() {
    let mut home = BotHome::telegram();
    // Ten minutes around now, three hours and a half to the east of Greenwich.
    let minutes = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() / 60 + 210;
    let clock = |minute: u64| format!("{:02}:{:02}", minute / 60 % 24, minute % 60);
    home.sandbox = home.sandbox.var("TZ", "EAST-3:30");
    watch(
        &home,
        &format!("quiet = '{}-{}'", clock(minutes - 5), clock(minutes + 5)),
    );
    let main = Gateway::start(&home.sandbox, "default");
    let _rescue = home.start();
    home.ask("/watch off", "I don’t repair automatically");
    main.signal(Signal::KILL);
    let _ = main.exited();
    wait_for("the outage is held back", || {
        (kept(&home)?["incidents"][0]["isHushed"] == true).then_some(())
    });
    home.ask("/whoami", &home.messenger.id(OWNER));
    assert!(alerts(&home).is_empty(), "{:#?}", alerts(&home));
}
