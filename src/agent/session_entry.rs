//! The entry of a session in `sessions.json`, as far as runs have to do with it: where the conversation takes place, which
//! model somebody chose for it, and what the last run used.

use serde_json::{Value, json};

use super::event::RunEnd;
use super::roster::Agent;
use crate::bot::chat::{GATEWAY_CHANNEL, Origin};
use crate::models::ModelName;
use crate::sessions::{Session, SessionFields};

/// Returns the models that a session is answered by, in order: the one that was chosen for it, then those of its agent.
pub(super) fn models(session: &Session, agent: &Agent) -> Vec<ModelName> {
    let chosen = session
        .text("modelOverride")
        .zip(session.text("providerOverride"))
        .map(|(id, provider)| ModelName {
            provider: provider.to_owned(),
            id: id.to_owned(),
        });
    let mut models: Vec<ModelName> = Vec::new();
    for model in chosen.into_iter().chain(agent.model_names()) {
        if !models.contains(&model) {
            models.push(model);
        }
    }
    models
}

/// Notes in the fields of a session how a run of it ended.
pub(super) fn note_end(fields: &mut SessionFields, end: &RunEnd) {
    let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    set("abortedLastRun", (*end == RunEnd::Aborted).into());
    if let RunEnd::Replied { model, usage, .. } = end {
        set("systemSent", true.into());
        set("modelProvider", model.provider.as_str().into());
        set("model", model.id.as_str().into());
        set("inputTokens", usage.input.into());
        set("outputTokens", usage.output.into());
        let context = usage.input + usage.cache_read + usage.cache_write;
        set("totalTokens", context.into());
    }
}

/// Returns the fields of a session's entry that tell where the conversation takes place.
pub(super) fn origin_fields(origin: &Origin) -> SessionFields {
    let chat_type = if origin.is_private { "direct" } else { "group" };
    let mut fields = channel_fields(origin.channel, chat_type);
    if origin.channel != GATEWAY_CHANNEL {
        let to = format!("{}:{}", origin.channel, origin.chat);
        fields["origin"]["accountId"] = origin.account.as_str().into();
        fields["deliveryContext"]["to"] = to.as_str().into();
        fields["deliveryContext"]["accountId"] = origin.account.as_str().into();
        fields["lastTo"] = to.into();
    }
    fields.as_object().cloned().unwrap_or_default()
}

/// Returns the fields of the entry of a session with a client of the gateway.
pub(crate) fn gateway_fields() -> SessionFields {
    let fields = channel_fields(GATEWAY_CHANNEL, "direct");
    fields.as_object().cloned().unwrap_or_default()
}

/// Returns the fields of a session's entry that tell the channel and the type of the chat.
fn channel_fields(channel: &str, chat_type: &str) -> Value {
    json!({
        "chatType": chat_type,
        "origin": { "provider": channel, "surface": channel, "chatType": chat_type },
        "deliveryContext": { "channel": channel },
        "lastChannel": channel,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::models::TokenUsage;
    use crate::sessions::{SessionKey, SessionStore};

    #[test]
    fn chosen_model_is_asked_before_those_of_the_agent() {
        let fields = json!({"providerOverride": "a", "modelOverride": "x/y", "sessionId": "s"});
        let store = SessionStore::new(Path::new("/s"));
        let key = SessionKey::of_agent("main", "main");
        let session = store.absent(&key, fields.as_object().cloned().unwrap());
        let agent = Agent {
            id: "main".to_owned(),
            name: None,
            workspace: "/w".into(),
            models: ["b/z", "a/x/y", "bad"].map(str::to_owned).to_vec(),
        };
        let names: Vec<_> = models(&session, &agent).iter().map(ToString::to_string).collect();
        assert_eq!(names, ["a/x/y", "b/z"]);
    }

    #[test]
    fn last_run_is_noted_in_the_entry() {
        let mut fields = SessionFields::new();
        let end = RunEnd::Replied {
            text: "Hello".to_owned(),
            model: ModelName::parse("stub/m1").unwrap(),
            usage: TokenUsage {
                input: 90,
                output: 5,
                cache_read: 10,
                cache_write: 0,
            },
            tools: Vec::new(),
        };
        note_end(&mut fields, &end);
        let expected = json!({
            "abortedLastRun": false, "systemSent": true, "modelProvider": "stub", "model": "m1",
            "inputTokens": 90, "outputTokens": 5, "totalTokens": 100,
        });
        assert_eq!(Value::Object(fields), expected);
    }
}
