//! A home whose rescue gateway has a bot and a model.

use serde_json::{Value, json};

use crate::bot::home::BotHome;
use crate::support::Sandbox;
use crate::support::chat_model::{Answer, ChatModel};

/// The config of the rescue instance, below the home folder.
pub const RESCUE_CONFIG: &str = ".openclaw-rescue/openclaw.json";

/// Gives the rescue instance of a home a model, whose context window has this many tokens.
pub fn give_model(home: &BotHome, model: &ChatModel, window: u64) {
    give_model_to(&home.sandbox, model, window);
}

/// Gives the rescue instance of a sandbox a model.
pub fn give_model_to(sandbox: &Sandbox, model: &ChatModel, window: u64) {
    let mut config: Value = serde_json::from_str(&sandbox.read(RESCUE_CONFIG)).expect("JSON");
    let mut added = model.config();
    added["models"]["providers"]["stub"]["models"][0]["contextWindow"] = window.into();
    for (key, value) in added.as_object().expect("an object") {
        config[key] = value.clone();
    }
    sandbox.write(RESCUE_CONFIG, config.to_string());
}

/// The size of the context window that models usually have, in tokens.
pub const USUAL_WINDOW: u64 = 128_000;

/// An answer by which a model proposes to repair the default gateway.
pub fn proposes_repair() -> Answer {
    Answer::call("call_repair", "propose_change", json!({ "change": "repair" }))
}
