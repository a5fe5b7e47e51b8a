//! What a client of the gateway says, and who answers it.

use crate::bot::chat::{COMMAND_MARK, GATEWAY_CHANNEL, Origin, parse_command};
use crate::gateway::clients::ConnectedClient;
use crate::gateway::runs::RunSource;
use crate::gateway::state::GatewayState;
use crate::sessions::{ContentPart, SessionKey};

/// The words by which a client begins a session anew, as in OpenClaw.
const RESET_WORDS: [&str; 2] = ["/new", "/reset"];
/// The word by which a client stops the runs of a session, as in OpenClaw.
const STOP_WORD: &str = "/stop";

/// Something that a client of the gateway said.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    /// The id of the run that answers it, which is the idempotency key of the request.
    pub(crate) run: String,
    /// The key of the session.
    pub(crate) key: SessionKey,
    /// The text.
    pub(crate) text: String,
    /// The images.
    pub(crate) images: Vec<ContentPart>,
    /// The person, as plans and the history know it.
    pub(crate) person: Person,
    /// The way by which it came.
    pub(crate) source: RunSource,
}

/// The person at a client.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    /// The id: that of the device, where the client has proved one.
    pub(crate) id: String,
    /// The name.
    pub(crate) name: String,
}

/// The one who answers what a client said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answerer {
    /// The agent of the session.
    Agent,
    /// The bot.
    Bot,
    /// The session begins anew; then its agent answers the rest of the text, where there is one.
    Reset(String),
}

impl Person {
    /// Returns the person at a client.
    pub(crate) fn at(client: &ConnectedClient) -> Self {
        let id = client.device_id.clone();
        let id = id.unwrap_or_else(|| "operator".to_owned());
        let name = client.client.display_name.clone();
        Self {
            name: name.unwrap_or_else(|| id.clone()),
            id,
        }
    }
}

impl Said {
    /// Returns whether it asks to stop what is being answered in the session, rather than to stop a gateway.
    pub(crate) fn is_stop(&self, state: &GatewayState) -> bool {
        let text = self.text.trim();
        let is_word = text.eq_ignore_ascii_case(STOP_WORD);
        is_word && !state.runs.book.active_in(self.key.as_str()).is_empty()
    }

    /// Returns the texts and images as parts of a message.
    pub(super) fn parts(&self) -> Vec<ContentPart> {
        let text = (!self.text.is_empty()).then(|| ContentPart::Text(self.text.clone()));
        text.into_iter().chain(self.images.iter().cloned()).collect()
    }

    /// Returns who answers.
    pub(super) fn answerer(&self, state: &GatewayState) -> Answerer {
        let text = self.text.trim();
        let (first, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let has_model = || {
            let agents = state.agents.get();
            agents.is_some_and(|agents| agents.plan().has_model(&self.key))
        };
        if RESET_WORDS.iter().any(|word| first.eq_ignore_ascii_case(word)) {
            return Answerer::Reset(rest.trim().to_owned());
        }
        let is_command = text.starts_with(COMMAND_MARK) || parse_command(text).command.is_some();
        if !is_command && has_model() {
            Answerer::Agent
        } else {
            Answerer::Bot
        }
    }

    /// Returns where it was said.
    pub(super) fn origin(&self) -> Origin {
        Origin {
            channel: GATEWAY_CHANNEL,
            account: "default".to_owned(),
            chat: self.key.to_string(),
            community: None,
            is_private: true,
            message: self.run.clone(),
        }
    }
}
