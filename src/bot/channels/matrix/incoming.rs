//! Messages to an account of Matrix: the answers of its homeserver as what was said to the bot.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::json;

use super::Matrix;
use super::client::{RequestError, encode};
use super::sync::{self, Invitation, Page, RoomEvent, RoomNews, Said, Synced};
use crate::bot::channel::{Batch, ChannelError, Content, Heard};
use crate::sync::lock;

/// Time for which the homeserver holds a request for news open while there are none.
const POLL_TIME: Duration = Duration::from_secs(30);
/// Number of events that are asked for at once where some are missing.
const PAGE_SIZE: usize = 40;
/// Maximum number of pages of missing events in one room.
const MAX_PAGES: usize = 5;
/// Maximum number of messages that are looked up, in one batch, because of a reaction to them: people may react to anything.
const MAX_LOOKUPS: usize = 8;
/// Maximum number of messages of one batch of which people are told that they were read.
const MAX_RECEIPTS: usize = 8;

impl Matrix {
    /// Waits for what was said after a position.
    pub(super) async fn receive_batch(&self, cursor: Option<&str>) -> Result<Batch, ChannelError> {
        let bot = self.id().await?;
        let known = cursor.and_then(|cursor| cursor.split_once(' '));
        let since = known.filter(|(id, _)| *id == bot).map(|(_, since)| since);
        let asked = Instant::now();
        let synced = self.sync(bot, since).await?;
        let mut heard: Vec<_> = synced
            .invitations
            .into_iter()
            .filter_map(|invitation| self.invited(invitation, &synced.next))
            .collect();
        let mut lookups = 0;
        for news in synced.rooms {
            let room = news.room.clone();
            if news.has_new_members {
                self.rooms.forget(&room);
            }
            for event in self.events(bot, news, since).await? {
                heard.extend(self.heard(bot, &room, event, &mut lookups).await?);
            }
        }
        *lock(&self.last_contact) = asked;
        Ok(Batch {
            heard,
            cursor: Some(format!("{bot} {}", synced.next)),
        })
    }

    /// Tells the people in private chats what was read, and the homeserver, so that it counts no unread messages. Nobody
    /// waits for that.
    pub(super) fn send_receipts(&self, batch: &Batch) {
        for (room, event) in last_said(&batch.heard) {
            let path = format!("/v3/rooms/{}/receipt/m.read/{}", encode(room), encode(event));
            let client = self.client.clone();
            tokio::spawn(async move { client.post(&path, &json!({})).await });
        }
    }

    /// Asks for what is new since a position. A homeserver holds this open while there is nothing.
    async fn sync(&self, bot: &str, since: Option<&str>) -> Result<Synced, ChannelError> {
        let held_open = since.map_or(Duration::ZERO, |_| POLL_TIME);
        let path = |max_events| {
            let filter = encode(&sync::filter(bot, max_events));
            let since = since
                .map(|since| format!("&since={}", encode(since)))
                .unwrap_or_default();
            format!(
                "/v3/sync?timeout={}&filter={filter}{since}",
                held_open.as_millis()
            )
        };
        let mut answer = self.client.get_held(&path(sync::MAX_EVENTS), held_open).await;
        if matches!(answer, Err(RequestError::TooLarge)) {
            answer = self.client.get_held(&path(1), held_open).await;
        }
        match answer {
            Err(RequestError::Refused(refusal)) if since.is_some() && refusal.status == 400 => {
                Err(ChannelError::LostPosition)
            }
            answer => Synced::parse(&answer?, bot)
                .ok_or_else(|| ChannelError::Unreachable("sync without a position".to_owned())),
        }
    }

    /// Returns what was said in a room between two positions, as far as that may be asked for, the oldest first.
    async fn missed(
        &self,
        bot: &str,
        room: &str,
        gap: String,
        since: &str,
    ) -> Result<Vec<RoomEvent>, RequestError> {
        let filter = encode(&sync::timeline_filter(bot, PAGE_SIZE).to_string());
        let (path, to) = (format!("/v3/rooms/{}/messages", encode(room)), encode(since));
        let mut from = gap;
        let mut missed = Vec::new();
        for _ in 0..MAX_PAGES {
            let position = encode(&from);
            let path = format!("{path}?dir=b&from={position}&to={to}&limit={PAGE_SIZE}&filter={filter}");
            let answer = self.client.get(&path).await?;
            let mut events = answer["chunk"].as_array().cloned().unwrap_or_default();
            events.reverse();
            let page = Page::parse(&events, bot);
            missed.splice(..0, page.events);
            match answer["end"].as_str() {
                Some(end) if !page.begins_with_invitation && end != from => end.clone_into(&mut from),
                _ => break,
            }
        }
        Ok(missed)
    }

    /// Returns everything that was said in a room and may be heard.
    async fn events(
        &self,
        bot: &str,
        news: RoomNews,
        since: Option<&str>,
    ) -> Result<Vec<RoomEvent>, RequestError> {
        let RoomNews {
            room,
            mut events,
            gap,
            ..
        } = news;
        let Some(since) = since else {
            let contact = lock(&self.last_contact).elapsed();
            events.retain(|event| event.age.is_some_and(|age| age <= contact));
            return Ok(events);
        };
        if let Some(gap) = gap {
            match self.missed(bot, &room, gap, since).await {
                Ok(missed) => {
                    events.splice(..0, missed);
                }
                // The bot is not in the room any more.
                Err(RequestError::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(events)
    }

    /// Returns an event as something that was said to the bot; `None` for one that was not.
    async fn heard(
        &self,
        bot: &str,
        room: &str,
        event: RoomEvent,
        lookups: &mut usize,
    ) -> Result<Option<Heard>, RequestError> {
        let people = match self.rooms.get(room).await {
            // The bot is not in the room any more.
            Err(RequestError::Refused(_)) => return Ok(None),
            people => people?,
        };
        let is_private = people.is_private(bot, &event.person);
        let content = match event.said {
            Said::Text(text) => Content::Text(text),
            Said::Other => Content::Other,
            Said::Encrypted if is_private && self.rooms.note_encrypted(bot, room).await? => {
                Content::Encrypted
            }
            Said::Encrypted => return Ok(None),
            Said::Reaction { message, key } => {
                if !self.keyboards.knows(room, &message) {
                    *lookups += 1;
                }
                if *lookups > MAX_LOOKUPS {
                    return Ok(None);
                }
                // Most reactions are no button.
                let Some(command) = self.keyboards.command(bot, room, &message, &key).await? else {
                    return Ok(None);
                };
                Content::Press {
                    command,
                    press: event.id.clone(),
                    message,
                }
            }
        };
        Ok(Some(Heard {
            id: event.id,
            at: event.at,
            chat: room.to_owned(),
            is_private,
            name: people.name_of(&event.person).to_owned(),
            person: event.person,
            language: None,
            content,
            community: self.listed_name(room),
            receipt: None,
            is_addressed: false,
        }))
    }

    /// Returns an invitation as something that was said to the bot; `None` for one that the config does not want.
    fn invited(&self, invitation: Invitation, position: &str) -> Option<Heard> {
        let name = self.listed_name(&invitation.room);
        self.invitations
            .accepts(&invitation.room, name.as_deref())
            .then(|| Heard {
                // It has no id of its own, and the same person may invite again.
                id: format!("{} {position}", invitation.room),
                at: 0,
                chat: invitation.room,
                is_private: invitation.is_direct,
                person: invitation.person,
                name: invitation.name,
                language: None,
                content: Content::Invitation,
                community: name,
                receipt: None,
                is_addressed: false,
            })
    }
}

/// Returns the last of what was said in each private chat, of a bounded number of them, with the id of the chat.
fn last_said(heard: &[Heard]) -> HashMap<&str, &str> {
    let is_said = |heard: &&Heard| heard.is_private && heard.content != Content::Invitation;
    let said = heard
        .iter()
        .filter(is_said)
        .map(|heard| (heard.chat.as_str(), heard.id.as_str()));
    said.rev()
        .take(MAX_RECEIPTS)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .collect()
}
