//! `openclaw chat` and `openclaw agent`: the real program, a real gateway, and a stand-in for the model.

mod conversation;
mod lines;

use serde_json::Value;

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
        let (sandbox, model) = (Sandbox::new(), ChatModel::start());
        let mut config: Value = serde_json::from_str(&gateway::config(free_base())).expect("JSON");
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
