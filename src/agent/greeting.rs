//! The first sentence of an agent, by which whoever set it up sees that its model answers.

use std::time::Duration;

use serde_json::Value;

use super::roster::Roster;
use crate::i18n::Lang;
use crate::instance::OwnedInstanceContext;
use crate::models::{ModelError, ModelMessage, ModelRequest, Models, Part};
use crate::verify::Task;

/// Maximum number of tokens of the sentence, with what a model may think before it.
const MAX_TOKENS: u32 = 1024;
/// Time in which the sentence has to be there: a model on this host may be loaded first.
pub(crate) const GREETING_TIMEOUT: Duration = Duration::from_mins(1);

/// The first sentence of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Greeting {
    /// The model that said it, as `provider/model`.
    pub(crate) model: String,
    /// The sentence, as the model said it.
    pub(crate) text: String,
}

/// Asks the model of the default agent for one sentence in this language; `None` where the config names no model.
pub(crate) fn ask_for_greeting(
    context: OwnedInstanceContext,
    config: Value,
    lang: Lang,
) -> Option<Task<Result<Greeting, ModelError>>> {
    let roster = Roster::new(context.borrowed(), &config);
    let agent = roster.default_agent();
    let chain: Vec<_> = agent.model_names().collect();
    if chain.is_empty() {
        return None;
    }
    let request = ModelRequest {
        agent: agent.id.clone(),
        system: format!(
            "You were just set up as a personal assistant. Answer with one short sentence, in the language with the code {}.",
            lang.code()
        ),
        messages: vec![ModelMessage::User(vec![Part::Text("Are you there?".to_owned())])],
        max_output_tokens: Some(MAX_TOKENS),
        ..ModelRequest::default()
    };
    Some(Task::start(move || async move {
        let models = Models::new(context);
        models.apply(&config);
        let reply = models.ask(&chain, &request, &mut |_| {}).await?;
        Ok(Greeting {
            model: reply.model.to_string(),
            text: reply.text,
        })
    }))
}
