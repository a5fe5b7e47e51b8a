//! The agents as the answerer of a bot: what an owner says in a channel and what is no command goes to the agent of that
//! channel, and its answer is shown there while it grows.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::watch;

use super::agents::{Agents, Request};
use super::answer;
use super::event::RunEnd;
use crate::bot::chat::{COMMAND_MARK, Counterpart, Desk, Message, Respondent, Turn};
use crate::host;
use crate::i18n::msg;
use crate::sessions::ContentPart;

impl Respondent for Agents {
    fn takes(&self, turn: &Turn) -> bool {
        // What looks like a command and is none was mistyped.
        let is_text = !turn.text.trim().is_empty() && !turn.text.trim_start().starts_with(COMMAND_MARK);
        let plan = self.plan();
        is_text && plan.has_model(&plan.session_key(&turn.origin))
    }

    fn respond<'a>(
        &'a self,
        turn: &'a Turn,
        desk: &'a dyn Desk,
        other: &'a dyn Counterpart,
    ) -> BoxFuture<'a, ()> {
        async move {
            let origin = &turn.origin;
            let request = Request {
                run: host::random_uuid().to_string(),
                key: self.plan().session_key(origin),
                idempotency_key: format!("{}:{}:{}", origin.channel, origin.account, origin.message),
                parts: vec![ContentPart::Text(turn.text.clone())],
                turn,
                desk,
                other,
            };
            let (growth, grown) = watch::channel(String::new());
            let (end, shown) = tokio::join!(
                self.answer(&request, growth),
                answer::show(grown, other, turn.lang)
            );
            match (last_message(&end), shown) {
                (Some(_), Some(shown)) if is_shown(&end, &shown.text) => {}
                (Some(message), Some(shown)) => other.replace(&shown.id, &message, turn.lang).await,
                (Some(message), None) => {
                    if let Some(id) = other.say(&message, turn.lang).await {
                        other.keep_shown(&id).await;
                    }
                }
                (None, _) => {}
            }
            // Only now: a message that is not answered yet is answered by the next gateway.
            other.finish().await;
        }
        .boxed()
    }
}

/// Returns whether a text is the whole answer of a run.
fn is_shown(end: &RunEnd, shown: &str) -> bool {
    matches!(end, RunEnd::Replied { text, .. } if text == shown)
}

/// Returns what a channel shows at the end of a run; `None` where that is nothing.
fn last_message(end: &RunEnd) -> Option<Message> {
    match end {
        RunEnd::Replied { text, .. } | RunEnd::Repeated { text } if text.trim().is_empty() => None,
        RunEnd::Replied { text, .. } | RunEnd::Repeated { text } => Some(answer::message(text)),
        RunEnd::Failed(why) => Some(Message::text(msg!("agent.failed").with_msg("why", why.clone()))),
        RunEnd::Aborted => Some(Message::text(msg!("agent.aborted"))),
    }
}
