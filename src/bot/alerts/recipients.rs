//! The recipients of alerts, and what each has got: which revision of each incident, and in which message.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::incident::Incident;

/// Maximum number of recipients that are remembered; those that are none any more give way.
const MAX_RECIPIENTS: usize = 64;
/// Minimum time between two messages about a gateway that fails again and again, to a recipient whose messages can't be
/// edited, in milliseconds.
const FLAPPING_INTERVAL: u64 = 60 * 1000;

/// Where alerts go: an owner on an account of a channel, or the webhook.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Address {
    /// An owner, by the name of the account and the id of the person.
    Owner {
        /// The account, such as `telegram.default`.
        account: String,
        /// The id of the person in the channel.
        person: String,
    },
    /// The webhook.
    Webhook,
}

impl Address {
    /// Returns the name by which the log tells where a message goes.
    pub(super) fn outlet(&self) -> &str {
        match self {
            Self::Owner { account, .. } => account,
            Self::Webhook => "webhook",
        }
    }
}

/// A message that was delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SentMessage {
    /// The chat.
    pub(crate) chat: String,
    /// The id of the message in the chat.
    pub(crate) id: String,
}

/// The way in which a revision is to be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// The revision that is delivered.
    pub(super) revision: u32,
    /// The number of the message.
    pub(super) notice: u32,
    /// The revision with which a new message was tried first: it may have been taken although its response was lost.
    pub(super) first_tried: u32,
    /// The message that is to be edited; `None` for a new one.
    pub(crate) edited: Option<SentMessage>,
    /// `true` where a new message may be sent: not in quiet hours.
    pub(crate) may_send: bool,
}

/// The last delivery of one incident to a recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Delivered {
    revision: u32,
    notice: u32,
    /// The time, in milliseconds since 1970.
    at: u64,
    message: Option<SentMessage>,
}

/// The first attempt to deliver a message that was not taken yet, as far as is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Attempt {
    revision: u32,
    notice: u32,
}

/// A recipient with what it has got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recipient {
    address: Address,
    /// The time since which it is one, in milliseconds since 1970. It is not told what was over by then.
    since: u64,
    /// The time of the last word that it got, in milliseconds since 1970.
    last_word: u64,
    /// The last delivery of each incident, by the incident's id.
    incidents: BTreeMap<u64, Delivered>,
    /// The first attempt since the last delivery of each incident, by the incident's id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    attempts: BTreeMap<u64, Attempt>,
}

impl Delivery {
    /// Returns whether a message that was tried before may show another state than the one that is delivered.
    pub(crate) fn may_show_another_state(&self) -> bool {
        self.first_tried != self.revision
    }
}

/// The recipients of alerts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Recipients(Vec<Recipient>);

impl Recipients {
    /// Takes over who is a recipient now. Returns whether there is a new one.
    pub(super) fn update(&mut self, addresses: &[Address], now: u64) -> bool {
        let mut has_new = false;
        for address in addresses {
            if self.find(address).is_none() {
                has_new = true;
                self.0.push(Recipient {
                    address: address.clone(),
                    since: now,
                    last_word: now,
                    incidents: BTreeMap::new(),
                    attempts: BTreeMap::new(),
                });
            }
        }
        let mut surplus = self.0.len().saturating_sub(MAX_RECIPIENTS);
        // One whose account does not work now may come back.
        self.0.retain(|known| {
            let stays = surplus == 0 || addresses.contains(&known.address);
            surplus -= usize::from(!stays);
            stays
        });
        self.0.truncate(MAX_RECIPIENTS);
        has_new
    }

    /// Returns how an incident is to be delivered to a recipient now; `None` where the recipient has got all of it, or is
    /// not to be told.
    pub(super) fn due(
        &self,
        address: &Address,
        incident: &Incident,
        now: u64,
        is_hushed: bool,
    ) -> Option<Delivery> {
        let recipient = self.find(address)?;
        if !incident.is_told {
            return None;
        }
        let Incident { revision, notice, .. } = *incident;
        let tried = recipient.attempts.get(&incident.id);
        let first_tried = |notice| {
            let tried = tried.filter(|tried| tried.notice == notice);
            tried.map_or(revision, |tried| tried.revision)
        };
        let new = Delivery {
            revision,
            notice,
            first_tried: first_tried(notice),
            edited: None,
            may_send: true,
        };
        let Some(last) = recipient.incidents.get(&incident.id) else {
            let concerns = incident.is_open() || incident.begun >= recipient.since;
            return (concerns && !is_hushed && !incident.is_hushed).then_some(new);
        };
        if last.notice < notice && incident.is_open() && !is_hushed {
            return Some(new);
        }
        if last.revision == revision {
            return None;
        }
        if last.message.is_some() {
            return Some(Delivery {
                notice: last.notice,
                first_tried: first_tried(last.notice),
                edited: last.message.clone(),
                may_send: !is_hushed,
                ..new
            });
        }
        let is_too_soon = incident.is_flapping() && now.saturating_sub(last.at) < FLAPPING_INTERVAL;
        (!is_hushed && !is_too_soon).then_some(new)
    }

    /// Notes that an incident is about to be delivered to a recipient. Returns whether that is the first attempt.
    pub(super) fn note_attempt(&mut self, address: &Address, id: u64, delivery: &Delivery) -> bool {
        let attempt = Attempt {
            revision: delivery.first_tried,
            notice: delivery.notice,
        };
        let recipient = self.find_mut(address);
        recipient.is_some_and(|recipient| recipient.attempts.insert(id, attempt.clone()) != Some(attempt))
    }

    /// Records that a recipient has got something of an incident, or does not take it: `message` is the message where it
    /// can be edited.
    pub(super) fn record(
        &mut self,
        address: &Address,
        id: u64,
        delivery: &Delivery,
        message: Option<SentMessage>,
        now: u64,
    ) {
        if let Some(recipient) = self.find_mut(address) {
            let delivered = Delivered {
                revision: delivery.revision,
                notice: delivery.notice,
                at: now,
                message,
            };
            recipient.incidents.insert(id, delivered);
            recipient.attempts.remove(&id);
        }
    }

    /// Returns whether a recipient has not got the word of this time.
    pub(super) fn lacks_word(&self, address: &Address, word: u64) -> bool {
        self.find(address)
            .is_some_and(|recipient| recipient.last_word < word && recipient.since < word)
    }

    /// Records that a recipient has got the word of this time.
    pub(super) fn record_word(&mut self, address: &Address, word: u64) {
        if let Some(recipient) = self.find_mut(address) {
            recipient.last_word = word;
        }
    }

    /// Forgets the incidents that are not known any more.
    pub(super) fn retain_incidents(&mut self, is_known: impl Fn(u64) -> bool) {
        for recipient in &mut self.0 {
            recipient.incidents.retain(|id, _| is_known(*id));
            recipient.attempts.retain(|id, _| is_known(*id));
        }
    }

    fn find(&self, address: &Address) -> Option<&Recipient> {
        self.0.iter().find(|known| known.address == *address)
    }

    fn find_mut(&mut self, address: &Address) -> Option<&mut Recipient> {
        self.0.iter_mut().find(|known| known.address == *address)
    }
}
