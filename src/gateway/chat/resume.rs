//! What clients said to a gateway that ended before it answered: it is answered by the next one.

use std::sync::Arc;
use std::time::Duration;

use super::intake::{TakenIn, take_in};
use super::said::{Person, Said};
use super::turn::answer;
use crate::agent::roster;
use crate::gateway::runs::RunSource;
use crate::gateway::state::GatewayState;
use crate::sessions::{ContentPart, SessionMessage, SessionStore};
use crate::sync::spawn_blocking;
use crate::time::{millis, unix_millis};

/// Age from which a message that nobody has answered is left alone: an answer after hours would surprise.
const MAX_AGE: Duration = Duration::from_hours(1);
/// Maximum number of messages that are answered at the start of a gateway.
const MAX_MESSAGES: usize = 32;

/// Answers what clients said to an earlier process of this gateway, and what is not answered yet.
pub(crate) async fn answer_what_waits(state: &Arc<GatewayState>) {
    let work = state.clone();
    let waiting = spawn_blocking(move || unanswered(&work)).await;
    for said in waiting.unwrap_or_default() {
        let Some(bot) = state.bot.get() else { return };
        if let Ok(TakenIn::Begun) = take_in(state, &said).await {
            let state = state.clone();
            bot.start(async move { drop(answer(&state, &said).await) });
        }
    }
}

/// Returns what clients said lately and nobody has answered, the oldest first. Waits for the disk.
fn unanswered(state: &GatewayState) -> Vec<Said> {
    let now = unix_millis(state.context.host.now());
    let oldest = now.saturating_sub(millis(MAX_AGE));
    let agents = roster::agent_ids(&state.active().config);
    let sessions = agents.iter().flat_map(|agent| state.sessions.list(agent));
    let sessions = sessions.filter(|session| session.updated_at() >= oldest);
    let mut waiting: Vec<(u64, Said)> = Vec::new();
    for session in sessions {
        for (run, message) in SessionStore::transcript(&session).unanswered() {
            let SessionMessage::User { parts, timestamp, .. } = message else {
                continue;
            };
            if timestamp < oldest {
                continue;
            }
            let text = ContentPart::texts_of(&parts);
            let is_image = |part: &ContentPart| matches!(part, ContentPart::Image { .. });
            let said = Said {
                run,
                key: session.key.clone(),
                text,
                images: parts.into_iter().filter(is_image).collect(),
                person: Person {
                    id: "operator".to_owned(),
                    name: "operator".to_owned(),
                },
                source: RunSource::Chat,
            };
            waiting.push((timestamp, said));
        }
    }
    waiting.sort_by_key(|(timestamp, _)| *timestamp);
    waiting.truncate(MAX_MESSAGES);
    waiting.into_iter().map(|(_, said)| said).collect()
}
