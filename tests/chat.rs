//! `openclaw chat`, `openclaw agent` and `/v1/chat/completions`: the real program, a real gateway, and a stand-in for the model.

mod completions;
mod conversation;
mod lines;

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::chat_model::ChatModel;
use crate::support::gateway::{self, Gateway, free_base};

/// A home whose default instance has a model.
struct ChatHome {
    sandbox: Sandbox,
    model: ChatModel,
}

impl ChatHome {
    fn new() -> Self {
        Self::with(&json!({}))
    }

    /// Creates a home whose config has these keys of the gateway besides.
    fn with(further: &Value) -> Self {
        let (sandbox, model) = (Sandbox::new(), ChatModel::start());
        let mut config: Value = serde_json::from_str(&gateway::config(free_base())).expect("JSON");
        for (key, value) in further.as_object().expect("an object") {
            config["gateway"][key] = value.clone();
        }
        for (key, value) in model.config().as_object().expect("an object") {
            config[key] = value.clone();
        }
        sandbox.write(".openclaw/openclaw.json", config.to_string());
        Self { sandbox, model }
    }

    fn start(&self) -> Gateway {
        Gateway::start(&self.sandbox, "default")
    }
}
