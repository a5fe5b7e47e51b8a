//! The book of alerts: the incidents of the watched gateways, and what each recipient has got of them. Pure.
//!
//! ```text
//! watcher's event ──► observe ──► incident, revision n ──► due ──► delivery ──► record
//!                                   (tick: by time)        (per recipient: revision < n?)
//! ```
//!
//! A revision that a recipient has not got stays due, so that nothing is lost while there is no internet. An outage that is over
//! within the watcher's patience is not told, three within a quarter of an hour are one incident, and what began and ended
//! in quiet hours stays untold. All of it is bounded in number and size.

use serde::{Deserialize, Serialize};

use super::incident::{Happening, Incident, Observation, Upgrade};
use super::recipients::{Address, Delivery, Recipients, SentMessage};
use super::sentence::Sentence;

/// Maximum number of incidents that are kept; the oldest gives way.
const MAX_INCIDENTS: usize = 50;
/// Maximum number of incidents that a word lists.
const MAX_LISTED: usize = 15;

/// The incidents, and what each recipient has got of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct AlertBook {
    version: u32,
    /// The incidents, the oldest first.
    incidents: Vec<Incident>,
    recipients: Recipients,
    /// The time since which the book is kept, in milliseconds since 1970.
    since: u64,
    /// The last word.
    word: Option<Word>,
    /// The day, counted from 1970, for which the last word was due.
    word_day: Option<i64>,
}

/// A word about the time since the last one, whether anything happened or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Word {
    /// The time of the word, in milliseconds since 1970.
    pub(crate) at: u64,
    /// The beginning of the time that it is about.
    pub(crate) since: u64,
    /// The time since which all gateways are well; `None` where one is not.
    pub(crate) well_since: Option<u64>,
    /// The incidents, the oldest first.
    pub(crate) incidents: Vec<PastIncident>,
    /// The number of incidents that are left out.
    pub(crate) left_out: usize,
}

/// An incident as a word lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PastIncident {
    /// The profile of the gateway.
    pub(crate) profile: String,
    /// The beginning, in milliseconds since 1970.
    pub(crate) begun: u64,
    /// The end; `None` where the gateway is still not well.
    pub(crate) ended: Option<u64>,
    /// The number of outages.
    pub(crate) outage_count: u32,
    /// The cause.
    pub(crate) cause: Option<Sentence>,
    /// The versions, where it was the change of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) upgrade: Option<Upgrade>,
}

/// Something that a recipient is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// An incident, in a new message or in place of an earlier state of it.
    Incident(Box<Incident>, Delivery),
    /// A word.
    Word(Word),
}

impl Due {
    /// Returns the name by which a message about it to one recipient is told from all others, however often it is tried.
    pub(crate) fn key(&self, address: &Address) -> String {
        match self {
            Self::Incident(incident, delivery) => {
                let Delivery {
                    first_tried, notice, ..
                } = delivery;
                format!("{address:?} incident {} {notice} {first_tried}", incident.id)
            }
            Self::Word(word) => format!("{address:?} word {}", word.at),
        }
    }
}

impl AlertBook {
    /// Begins a new book at a time, or goes on with one that was kept.
    pub(crate) fn open(kept: Option<Self>, now: u64) -> Self {
        let mut book = kept.unwrap_or_default();
        book.version = 1;
        if book.since == 0 {
            book.since = now;
        }
        book
    }

    /// Returns the incident of a gateway that is going on.
    pub(crate) fn open_incident(&self, profile: &str) -> Option<&Incident> {
        let last = self
            .incidents
            .iter()
            .rfind(|incident| incident.profile == profile && incident.is_outage());
        last.filter(|incident| incident.is_open())
    }

    /// Enters an event of a watcher. Returns whether there is anything new in it.
    pub(crate) fn observe(&mut self, observation: Observation) -> bool {
        let Observation { at, what, .. } = observation;
        let mut of_profile: Vec<_> = self
            .incidents
            .iter_mut()
            .filter(|incident| incident.profile == observation.profile && incident.is_outage())
            .collect();
        let last = of_profile.pop().filter(|_| what != Happening::Upgraded);
        if let Some(last) = last {
            if last.is_open() {
                return last.add(observation);
            }
            if what == Happening::Lost {
                let earlier = of_profile.pop();
                let count = earlier.as_ref().map_or(0, |earlier| earlier.recent_outages(at));
                if last.continues_with(at, count) {
                    if let Some(earlier) = earlier.filter(|_| count > 0 && !last.is_flapping()) {
                        last.continue_from(count, earlier.begun);
                    }
                    return last.add(observation);
                }
            }
        }
        if what.is_good() && what != Happening::Upgraded {
            return false;
        }
        let newest = self.incidents.iter().map(|incident| incident.id).max();
        let id = newest.map_or(at, |newest| at.max(newest + 1));
        self.incidents.push(Incident::begin(id, observation));
        self.forget_surplus();
        true
    }

    /// Forgets the oldest incidents where there are too many.
    fn forget_surplus(&mut self) {
        let surplus = self.incidents.len().saturating_sub(MAX_INCIDENTS);
        self.incidents.drain(..surplus);
        let incidents = &self.incidents;
        self.recipients
            .retain_incidents(|id| incidents.iter().any(|incident| incident.id == id));
    }

    /// Decides who is told of what by the time that has passed. Returns whether anything was decided.
    pub(crate) fn tick(&mut self, now: u64, patience: u64, is_hushed: bool) -> bool {
        let mut is_changed = false;
        for incident in &mut self.incidents {
            is_changed |= incident.tick(now, patience, is_hushed);
        }
        is_changed
    }

    /// Returns the time at which [`Self::tick`] may decide something, in milliseconds since 1970.
    pub(crate) fn next_tick(&self, patience: u64) -> Option<u64> {
        self.incidents
            .iter()
            .filter_map(|incident| incident.next_tick(patience))
            .min()
    }

    /// Writes a word where one is due for this day and was not written. The first day of a book has none. Returns whether
    /// anything was changed.
    pub(crate) fn write_word(&mut self, day: i64, now: u64) -> bool {
        let Some(last_day) = self.word_day.replace(day) else {
            return true;
        };
        if last_day >= day {
            self.word_day = Some(last_day);
            return false;
        }
        let since = self.word.as_ref().map_or(self.since, |word| word.at);
        let recent = self
            .incidents
            .iter()
            .filter(|incident| incident.ended.is_none_or(|ended| ended >= since));
        let count = recent.clone().count();
        let listed = recent
            .skip(count.saturating_sub(MAX_LISTED))
            .map(|incident| PastIncident {
                profile: incident.profile.clone(),
                begun: incident.begun,
                ended: incident.ended,
                outage_count: incident.outage_count,
                cause: incident.cause.clone(),
                upgrade: incident.upgrade.clone(),
            });
        self.word = Some(Word {
            at: now,
            since,
            well_since: self.well_since(),
            incidents: listed.collect(),
            left_out: count.saturating_sub(MAX_LISTED),
        });
        true
    }

    /// Returns the time since which all gateways are well; `None` where one is not.
    fn well_since(&self) -> Option<u64> {
        let outages = self.incidents.iter().filter(|incident| incident.is_outage());
        let mut ends = outages.map(|incident| incident.ended);
        ends.try_fold(self.since, |latest, ended| Some(latest.max(ended?)))
    }

    /// Takes over who is a recipient now. Returns whether there is a new one.
    pub(crate) fn update_recipients(&mut self, addresses: &[Address], now: u64) -> bool {
        self.recipients.update(addresses, now)
    }

    /// Returns what a recipient is to be told next; `None` where there is nothing, or nobody must be disturbed now.
    pub(crate) fn due(&self, address: &Address, now: u64, is_hushed: bool) -> Option<Due> {
        let incident = self.incidents.iter().find_map(|incident| {
            let delivery = self.recipients.due(address, incident, now, is_hushed)?;
            Some(Due::Incident(Box::new(incident.clone()), delivery))
        });
        let word = || {
            let word = self.word.as_ref().filter(|_| !is_hushed)?;
            self.recipients
                .lacks_word(address, word.at)
                .then(|| Due::Word(word.clone()))
        };
        incident.or_else(word)
    }

    /// Notes that a recipient is about to be told something: the book is written before that is done, so that the next try
    /// knows of this one whatever happens. Returns whether there is anything new in it.
    pub(crate) fn note_attempt(&mut self, address: &Address, due: &Due) -> bool {
        match due {
            Due::Incident(incident, delivery) => self.recipients.note_attempt(address, incident.id, delivery),
            // What is said in a word never changes.
            Due::Word(_) => false,
        }
    }

    /// Records that a recipient has got something, or does not take it: `message` is the message where it can be edited.
    pub(crate) fn record(&mut self, address: &Address, due: &Due, message: Option<SentMessage>, now: u64) {
        match due {
            Due::Incident(incident, delivery) => {
                // It may have been forgotten meanwhile.
                if self.incidents.iter().any(|known| known.id == incident.id) {
                    self.recipients
                        .record(address, incident.id, delivery, message, now);
                }
            }
            Due::Word(word) => self.recipients.record_word(address, word.at),
        }
    }
}
