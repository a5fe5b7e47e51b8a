//! The rooms of a bot: who is in them, which are private chats, and which can't be read.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::client::{HomeserverClient, RequestError, encode};
use crate::sync::lock;

/// Maximum number of members of a room that are remembered: in larger ones only their number matters.
const MAX_MEMBERS: usize = 32;
/// Maximum number of rooms whose members are remembered.
const MAX_ROOMS: usize = 256;
/// Maximum number of rooms in which the private chat with a person is looked for.
const MAX_SEARCHED: usize = 64;
/// The key of the bot's own note that a room was told that it can't be read.
const ENCRYPTED_NOTE: &str = "openclaw.encrypted";

/// The people in a room, or invited to it, by their ids, with their names.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Members {
    /// All of them.
    Few(HashMap<String, String>),
    /// Too many to be remembered.
    Many,
}

/// The people in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Room {
    members: Members,
}

impl Room {
    /// Reads the answer with the members of a room.
    fn parse(answer: &Value) -> Self {
        let events = answer["chunk"].as_array().map(Vec::as_slice).unwrap_or_default();
        let is_in =
            |event: &&Value| matches!(event["content"]["membership"].as_str(), Some("join" | "invite"));
        let member = |event: &Value| {
            let name = event["content"]["displayname"].as_str().unwrap_or_default();
            Some((event["state_key"].as_str()?.to_owned(), name.to_owned()))
        };
        let members: HashMap<_, _> = events.iter().filter(is_in).filter_map(member).collect();
        Self {
            members: if members.len() > MAX_MEMBERS {
                Members::Many
            } else {
                Members::Few(members)
            },
        }
    }

    /// Returns whether nobody but these two is in the room, or invited to it.
    pub(super) fn is_private(&self, bot: &str, person: &str) -> bool {
        match &self.members {
            Members::Few(members) => {
                members.len() == 2 && [bot, person].iter().all(|id| members.contains_key(*id))
            }
            Members::Many => false,
        }
    }

    /// Returns the name that a person has in the room.
    pub(super) fn name_of(&self, person: &str) -> &str {
        match &self.members {
            Members::Few(members) => members.get(person).map_or("", String::as_str),
            Members::Many => "",
        }
    }
}

/// The rooms of a bot.
#[derive(Debug)]
pub(super) struct Rooms {
    client: Arc<HomeserverClient>,
    known: Mutex<HashMap<String, Room>>,
}

impl Rooms {
    /// Creates the rooms of an account, of which nothing is known yet.
    pub(super) fn new(client: Arc<HomeserverClient>) -> Self {
        Self {
            client,
            known: Mutex::default(),
        }
    }

    /// Forgets who is in a room, because that changed. A room of many is not asked for its members again and again.
    pub(super) fn forget(&self, room: &str) {
        lock(&self.known).retain(|id, known| id != room || known.members == Members::Many);
    }

    /// Returns who is in a room.
    pub(super) async fn get(&self, room: &str) -> Result<Room, RequestError> {
        if let Some(known) = lock(&self.known).get(room) {
            return Ok(known.clone());
        }
        let path = format!("/v3/rooms/{}/members?not_membership=leave", encode(room));
        let found = match self.client.get(&path).await {
            Ok(answer) => Room::parse(&answer),
            Err(RequestError::TooLarge) => Room {
                members: Members::Many,
            },
            Err(error) => return Err(error),
        };
        let mut known = lock(&self.known);
        if known.len() >= MAX_ROOMS {
            known.clear();
        }
        known.insert(room.to_owned(), found.clone());
        Ok(found)
    }

    /// Returns whether a room is told for the first time that it can't be read, and notes that on the homeserver.
    pub(super) async fn note_encrypted(&self, bot: &str, room: &str) -> Result<bool, RequestError> {
        let path = format!(
            "/v3/user/{}/rooms/{}/account_data/{ENCRYPTED_NOTE}",
            encode(bot),
            encode(room)
        );
        match self.client.get(&path).await {
            Err(error) if error.is("M_NOT_FOUND") => {
                self.client.put(&path, &json!({ "told": true })).await?;
                Ok(true)
            }
            noted => noted.map(|_| false),
        }
    }

    /// Returns the private chat with a person: the room that both have for that, else any that is one, else a new one.
    pub(super) async fn private_chat(&self, bot: &str, person: &str) -> Result<String, RequestError> {
        let direct = self.direct_rooms(bot).await?;
        let of_person = direct[person].as_array().into_iter().flatten().rev();
        let of_person = of_person.filter_map(Value::as_str).take(MAX_SEARCHED);
        for room in of_person {
            if self.is_private_chat(bot, person, room).await? {
                return Ok(room.to_owned());
            }
        }
        let joined = self.client.get("/v3/joined_rooms").await?;
        let joined = joined["joined_rooms"].as_array().into_iter().flatten().rev();
        for room in joined.filter_map(Value::as_str).take(MAX_SEARCHED) {
            if self.is_private_chat(bot, person, room).await? {
                self.note_direct(bot, person, room).await?;
                return Ok(room.to_owned());
            }
        }
        let wanted = json!({ "preset": "trusted_private_chat", "is_direct": true, "invite": [person] });
        let made = self.client.post("/v3/createRoom", &wanted).await?;
        let room = made["room_id"].as_str().unwrap_or_default().to_owned();
        self.note_direct(bot, person, &room).await?;
        Ok(room)
    }

    /// Returns whether a room is a private chat with a person that the bot can read.
    async fn is_private_chat(&self, bot: &str, person: &str, room: &str) -> Result<bool, RequestError> {
        let is_private = match self.get(room).await {
            Ok(members) => members.is_private(bot, person),
            // It is in the list, but the bot is not in it any more.
            Err(RequestError::Refused(_)) => false,
            Err(error) => return Err(error),
        };
        Ok(is_private && !self.is_encrypted(room).await?)
    }

    async fn is_encrypted(&self, room: &str) -> Result<bool, RequestError> {
        let path = format!("/v3/rooms/{}/state/m.room.encryption", encode(room));
        match self.client.get(&path).await {
            Err(error) if error.is("M_NOT_FOUND") => Ok(false),
            found => found.map(|_| true),
        }
    }

    /// Accepts an invitation, and returns whether the room is a private chat with the person who invited.
    pub(super) async fn join(&self, bot: &str, person: &str, room: &str) -> Result<bool, RequestError> {
        self.client
            .post(&format!("/v3/rooms/{}/join", encode(room)), &json!({}))
            .await?;
        self.forget(room);
        let is_private = self.get(room).await?.is_private(bot, person);
        if is_private {
            self.note_direct(bot, person, room).await?;
        }
        Ok(is_private)
    }

    /// Leaves a room, or declines an invitation to it.
    pub(super) async fn leave(&self, room: &str) -> Result<(), RequestError> {
        self.forget(room);
        self.client
            .post(&format!("/v3/rooms/{}/leave", encode(room)), &json!({}))
            .await?;
        Ok(())
    }

    /// Notes on the homeserver that a room is the private chat with a person, as people's programs do.
    async fn note_direct(&self, bot: &str, person: &str, room: &str) -> Result<(), RequestError> {
        let mut direct = self.direct_rooms(bot).await?;
        let mut rooms = direct[person].as_array().cloned().unwrap_or_default();
        if rooms.iter().any(|known| known == room) {
            return Ok(());
        }
        rooms.push(room.into());
        direct[person] = rooms.into();
        self.client.put(&direct_path(bot), &direct).await?;
        Ok(())
    }

    /// Returns the private chats as the homeserver has them: lists of rooms by the ids of people.
    async fn direct_rooms(&self, bot: &str) -> Result<Value, RequestError> {
        match self.client.get(&direct_path(bot)).await {
            Ok(direct @ Value::Object(_)) => Ok(direct),
            Err(error) if !error.is("M_NOT_FOUND") => Err(error),
            _ => Ok(json!({})),
        }
    }
}

fn direct_path(bot: &str) -> String {
    format!("/v3/user/{}/account_data/m.direct", encode(bot))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(members: &[(&str, &str)]) -> Room {
        let event = |(id, membership): &(&str, &str)| json!({ "state_key": id, "content": { "membership": membership, "displayname": format!("N {id}") } });
        Room::parse(&json!({ "chunk": members.iter().map(event).collect::<Vec<_>>() }))
    }

    #[test]
    fn room_is_private_with_the_bot_and_one_person_only() {
        let both = [("@bot", "join"), ("@ali", "join")];
        assert!(room(&both).is_private("@bot", "@ali"));
        assert!(!room(&both).is_private("@bot", "@eve"));
        assert_eq!(room(&both).name_of("@ali"), "N @ali");
        assert!(room(&[both[0], both[1], ("@eve", "ban")]).is_private("@bot", "@ali"));
        for third in ["join", "invite"] {
            assert!(
                !room(&[both[0], both[1], ("@eve", third)]).is_private("@bot", "@ali"),
                "{third}"
            );
        }
        let ids: Vec<_> = (0..=MAX_MEMBERS).map(|number| format!("@{number}")).collect();
        let many: Vec<_> = ids.iter().map(|id| (id.as_str(), "join")).collect();
        assert_eq!(room(&many).members, Members::Many);
    }
}
