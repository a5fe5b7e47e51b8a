//! The whole story with a model: main is broken, its owner asks why, and repairs it with one tap.

use serde_json::json;

use super::home::{USUAL_WINDOW, give_model, proposes_repair};
use crate::bot::home::BotHome;
use crate::rescue::without_manager::BROKEN_CONFIG;
use crate::support::chat_model::{Answer, ChatModel};
use crate::support::gateway::{self, free_base};

#[test]
fn owner_asks_why_and_repairs_with_one_tap() {
    BotHome::each(|home| {
        home.watch();
        let model = ChatModel::start();
        give_model(home, &model, USUAL_WINDOW);
        let good = gateway::config(free_base());
        home.sandbox.write(".openclaw/openclaw.json", BROKEN_CONFIG);
        home.sandbox.write(".openclaw/openclaw.json.last-good", &good);
        let _rescue = home.start();
        model.push(Answer::call("call_1", "diagnose", json!({})));
        model.push(proposes_repair());
        model.push(Answer::text(&[
            "The config is broken. ",
            "Tap the button above to repair it.",
        ]));
        let plan = home.ask("neden çalışmıyor?", "Restore this earlier config");
        home.next("Tap the button above to repair it.");
        assert!(home.history().is_empty(), "nothing is done before the yes");
        let asked = model.wait_for_requests(3);
        assert_eq!(asked[0].last_text(), "neden çalışmıyor?");
        let diagnosis = asked[1].last_text();
        assert!(diagnosis.contains("Restore this earlier config"), "{diagnosis}");
        let shown = asked[2].last_text();
        assert!(shown.contains("Restore this earlier config"), "{shown}");
        let _spawned = home.spawned();
        home.press(&plan, "Yes, do it");
        home.next("Repaired: the default gateway is running and healthy.");
        assert_eq!(home.history().len(), 1);
    });
}
