//! The whole story: the config of main is broken, and its owner repairs it from a chat.

use serde_json::json;

use super::home::BotHome;
use crate::rescue::without_manager::BROKEN_CONFIG;
use crate::support::gateway::{self, Gateway, free_base, request};
use crate::support::messenger::OWNER;

#[test]
fn owner_repairs_a_gateway_whose_config_is_broken_from_the_chat() {
    BotHome::each(|home| {
        home.watch();
        let good = gateway::config(free_base());
        home.sandbox.write(".openclaw/openclaw.json", BROKEN_CONFIG);
        home.sandbox.write(".openclaw/openclaw.json.last-good", &good);
        let _rescue = home.start();
        let plan = home.ask("/repair", "Do it now?");
        assert!(plan.text.contains("Restore this earlier config"), "{plan:#?}");
        assert!(home.history().is_empty(), "nothing is done before the yes");
        let spawned = home.spawned();
        home.press(&plan, "Yes, do it");
        let done = home.next("Repaired: the default gateway is running and healthy.");
        assert!(
            done.is_edit && done.id == plan.id,
            "the plan becomes the result: {done:#?}"
        );
        assert!(
            done.buttons.is_empty() && done.text.contains("The replaced config is kept:"),
            "{done:#?}"
        );
        assert!(spawned.pid().is_some());
        let history = home.history();
        assert_eq!(
            (history.len(), &history[0]["outcome"]),
            (1, &json!("healthy")),
            "{history:#?}"
        );
        assert_eq!(history[0]["by"]["channel"], home.channel);
        let by = history[0]["by"]["person"].as_str().expect("a person").to_owned();
        assert!(by.contains(&home.messenger.id(OWNER)), "{by}");
        let told = home.ask("/history", "What was done lately");
        assert!(told.text.contains(&by), "{told:#?}");
        // The yes is good once.
        home.press(&plan, "Yes, do it");
        home.next("This plan is out of date.");
        assert_eq!(home.history().len(), 1);
    });
}

#[test]
fn turkish_word_is_answered_in_turkish_and_so_is_what_follows() {
    BotHome::each(|home| {
        let main = Gateway::start(&home.sandbox, "default");
        let _rescue = home.start();
        let plan = home.ask("/yenidenbaslat", "Şimdi yapılsın mı?");
        home.press(&plan, "Hayır");
        home.next("Hiçbir şey yapılmadı");
        let state = home.ask("/durum", "sağlıklı");
        assert!(state.text.contains(&main.port.to_string()), "{state:#?}");
        home.ask("merhaba", "Bu bir komut değil.");
    });
}

#[test]
fn plan_that_is_out_of_date_is_shown_anew_instead_of_being_carried_out() {
    let home = BotHome::telegram();
    let main = Gateway::start(&home.sandbox, "default");
    let port = main.port;
    let _rescue = home.start();
    let plan = home.ask("/config set logging.level debug", "it is not set now");
    let _ = home
        .sandbox
        .run(["config", "set", "logging.level", "warn"])
        .exits(0);
    home.press(&plan, "Yes, do it");
    let anew = home.next("it is warn now");
    assert!(home.history().is_empty());
    home.press(&anew, "Yes, do it");
    home.next("logging.level was set.");
    let set = home
        .sandbox
        .run(["config", "get", "logging.level"])
        .exits(0)
        .stdout;
    assert_eq!(set.trim(), "debug");
    assert_eq!(home.history()[0]["steps"], json!([["set-config", "done"]]));
    assert!(request(port, "GET", "/health", &[]).is_some());
}

#[test]
fn secret_is_neither_shown_nor_taken_from_a_chat() {
    let home = BotHome::telegram();
    let main = Gateway::start(&home.sandbox, "default");
    let _rescue = home.start();
    let shown = home.ask("/config get gateway", "gateway (default)");
    assert!(
        shown.text.contains("\"(hidden)\"") && !shown.text.contains("REDACTED"),
        "{shown:#?}"
    );
    home.ask("/yapilandirma oku gateway", "\"(gizli)\"");
    home.ask(
        "/config set gateway.auth.token abc",
        "A secret does not belong in a chat",
    );
    home.ask("/logs 50", "Last lines of the default gateway");
    for seen in home.messenger.messages() {
        assert!(!seen.raw.to_string().contains(gateway::TOKEN), "{seen:#?}");
    }
    drop(main);
}
