//! An incident: a time in which a watched gateway was not well, with everything that happened in it.

use serde::{Deserialize, Serialize};

use super::sentence::Sentence;
use crate::rescue::history::RequestedBy;
use crate::rescue::record::{Recorded, StepKind, StepResultKind};
use crate::rescue::watch::WatchEvent;

/// Maximum number of events that an incident keeps; the oldest give way.
const MAX_EVENTS: usize = 10;
/// Maximum number of steps of the last repair that an incident keeps.
const MAX_STEPS: usize = 8;
/// Number of outages of a gateway within [`FLAPPING_WINDOW`] that are one incident.
const FLAPPING_OUTAGES: usize = 3;
/// Time within which the outages of a gateway are counted, in milliseconds.
const FLAPPING_WINDOW: u64 = 15 * 60 * 1000;
/// Time that an outage of a flapping gateway lasts before its owners are told anew, in milliseconds: the edits of a message
/// ring no phone.
const FLAPPING_PATIENCE: u64 = 2 * 60 * 1000;

/// A change in the state of a watched gateway, without its particulars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Happening {
    /// The gateway was well when the watcher began.
    Watching,
    /// The gateway is not well any more.
    Lost,
    /// A repair begins.
    Repairing,
    /// The gateway was repaired.
    Repaired,
    /// The gateway is well without a repair of the watcher.
    Recovered,
    /// The repair was in vain.
    InVain,
    /// Somebody stopped the gateway.
    Stopped,
    /// The gateway can't be watched.
    Absent,
    /// The gateway is another version than when it was seen last.
    Upgraded,
}

impl Happening {
    /// Returns what an event of a watcher is.
    pub(crate) fn of(event: &WatchEvent) -> Self {
        match event {
            WatchEvent::Watching => Self::Watching,
            WatchEvent::Lost(_) => Self::Lost,
            WatchEvent::Recovered => Self::Recovered,
            WatchEvent::Repairing => Self::Repairing,
            WatchEvent::Repaired => Self::Repaired,
            WatchEvent::InVain(_) => Self::InVain,
            WatchEvent::Stopped => Self::Stopped,
            WatchEvent::Absent(_) => Self::Absent,
            WatchEvent::Upgraded { .. } => Self::Upgraded,
        }
    }

    /// Returns whether the gateway is well after it.
    pub(crate) fn is_good(self) -> bool {
        matches!(
            self,
            Self::Watching | Self::Repaired | Self::Recovered | Self::Upgraded
        )
    }

    /// Returns whether it begins an outage.
    fn begins_outage(self) -> bool {
        matches!(self, Self::Lost | Self::Stopped | Self::Absent)
    }
}

/// An event of a watcher, with what the history of repairs says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Observation {
    /// The profile of the gateway.
    pub(crate) profile: String,
    /// The time, in milliseconds since 1970.
    pub(crate) at: u64,
    /// The kind of event.
    pub(crate) what: Happening,
    /// The cause, where it is known.
    pub(crate) why: Option<Sentence>,
    /// The change that brought it about, where there was one.
    pub(crate) change: Option<PastChange>,
    /// The versions, where the gateway is another one than before.
    pub(crate) upgrade: Option<Upgrade>,
    /// The command that helps on the host, where nobody hears a button.
    pub(crate) by_hand: Option<String>,
}

/// The change of a gateway's version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Upgrade {
    /// The engine and its version before.
    pub(crate) from: String,
    /// The engine and its version now.
    pub(crate) to: String,
}

/// A repair or another change, as the history has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PastChange {
    /// The author.
    pub(crate) by: Author,
    /// The steps, each with its result.
    pub(crate) steps: Vec<PastStep>,
}

/// A step of a past repair with its result.
pub(crate) type PastStep = (Recorded<StepKind>, Recorded<StepResultKind>);

/// The author of a change: a person, a watcher, or somebody on the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Author {
    /// A watcher by itself.
    Watcher,
    /// Somebody on the host.
    Host,
    /// A person in a chat.
    Chat(RequestedBy),
}

/// An event of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IncidentEvent {
    /// The time, in milliseconds since 1970.
    pub(crate) at: u64,
    /// The kind of event.
    pub(crate) what: Happening,
    /// The author, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) by: Option<Author>,
    /// The number of times that it happened, one after the other.
    pub(crate) count: u32,
}

/// A time in which a watched gateway was not well, or the change of its version. Several outages shortly after one another are
/// one incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Incident {
    /// The number by which the incident is told from all others.
    pub(crate) id: u64,
    /// The profile of the gateway.
    pub(crate) profile: String,
    /// The events, the oldest first.
    pub(crate) events: Vec<IncidentEvent>,
    /// The number of events that were left out.
    pub(crate) left_out: u32,
    /// The time at which each outage began, in milliseconds since 1970; the oldest ones are forgotten.
    outages: Vec<u64>,
    /// The number of outages.
    pub(crate) outage_count: u32,
    /// The time at which the first outage began, in milliseconds since 1970.
    pub(crate) begun: u64,
    /// The time since which the gateway is well; `None` while it is not.
    pub(crate) ended: Option<u64>,
    /// The cause of the last outage.
    pub(crate) cause: Option<Sentence>,
    /// The reason why the last repair was in vain, where it is another than the cause.
    pub(crate) obstacle: Option<Sentence>,
    /// The steps of the last repair.
    pub(crate) steps: Vec<PastStep>,
    /// The versions, where the incident is the change of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) upgrade: Option<Upgrade>,
    /// The command that helps on the host, where nobody hears a button.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) by_hand: Option<String>,
    /// The number of the present state of what is told of the incident.
    pub(crate) revision: u32,
    /// The number of messages in which the incident is told, the earlier ones being too old to ring a phone.
    pub(crate) notice: u32,
    /// `true` once the owners are to be told: not of an outage that is waited out.
    pub(crate) is_told: bool,
    /// `true` while the owners must not be disturbed with it.
    pub(crate) is_hushed: bool,
    /// `true` once the owners were told anew of the present outage of a flapping gateway.
    is_told_anew: bool,
}

impl Incident {
    /// Begins an incident.
    pub(super) fn begin(id: u64, observation: Observation) -> Self {
        let mut incident = Self {
            id,
            profile: observation.profile.clone(),
            events: Vec::new(),
            left_out: 0,
            outages: Vec::new(),
            outage_count: 0,
            begun: observation.at,
            ended: None,
            cause: None,
            obstacle: None,
            steps: Vec::new(),
            upgrade: observation.upgrade.clone(),
            by_hand: observation.by_hand.clone(),
            revision: 0,
            notice: 0,
            is_told: false,
            is_hushed: false,
            is_told_anew: false,
        };
        incident.add(observation);
        incident
    }

    /// Returns whether the gateway was not well in it: it is not only the change of a version.
    pub(crate) fn is_outage(&self) -> bool {
        self.upgrade.is_none()
    }

    /// Returns whether the gateway is not well.
    pub(crate) fn is_open(&self) -> bool {
        self.ended.is_none()
    }

    /// Returns the last change of the gateway's state.
    pub(crate) fn state(&self) -> Happening {
        self.events.last().map_or(Happening::Watching, |event| event.what)
    }

    /// Returns the time at which the last outage began, in milliseconds since 1970.
    pub(crate) fn last_outage(&self) -> u64 {
        self.outages.last().copied().unwrap_or(self.begun)
    }

    /// Returns whether the gateway fails again and again.
    pub(crate) fn is_flapping(&self) -> bool {
        self.outage_count as usize >= FLAPPING_OUTAGES
    }

    /// Returns whether an outage that begins now is a part of this incident, which is over: because the gateway fails
    /// again and again. `earlier` is the number of outages in earlier incidents of the gateway that count.
    pub(super) fn continues_with(&self, now: u64, earlier: usize) -> bool {
        let is_recent = |at: u64| now.saturating_sub(at) < FLAPPING_WINDOW;
        if self.is_flapping() {
            return self.ended.is_some_and(is_recent);
        }
        self.recent_outages(now) + earlier + 1 >= FLAPPING_OUTAGES
    }

    /// Returns the number of outages that began lately.
    pub(super) fn recent_outages(&self, now: u64) -> usize {
        let is_recent = |at: &&u64| now.saturating_sub(**at) < FLAPPING_WINDOW;
        self.outages.iter().filter(is_recent).count()
    }

    /// Counts the outages of an earlier incident that this one continues.
    pub(super) fn continue_from(&mut self, earlier: usize, begun: u64) {
        self.outage_count += u32::try_from(earlier).unwrap_or_default();
        self.begun = self.begun.min(begun);
    }

    /// Adds an observation. Returns whether there is anything new in it.
    pub(super) fn add(&mut self, observation: Observation) -> bool {
        let Observation {
            at,
            what,
            why,
            change,
            ..
        } = observation;
        let is_same = what == self.state() && self.is_open();
        let is_known_outage = self.is_open()
            && what == Happening::Lost
            && matches!(self.state(), Happening::Repairing | Happening::InVain);
        // A repair that is tried again and again is one event with a count.
        let is_next_try = what == Happening::Repairing && self.state() == Happening::InVain;
        let has_new_cause = what.begins_outage() && why.is_some() && why != self.cause;
        if (is_same && what != Happening::InVain || is_known_outage || is_next_try) && !has_new_cause {
            return false;
        }
        if what.begins_outage() && !is_same && !is_known_outage {
            self.begin_outage(at, what);
        }
        match what {
            Happening::InVain => self.obstacle = why.filter(|why| self.cause.as_ref() != Some(why)),
            _ => self.cause = why.or_else(|| self.cause.take()),
        }
        let by = change.as_ref().map(|change| change.by.clone());
        if let Some(change) = change {
            self.steps = change.steps;
            self.steps.truncate(MAX_STEPS);
        }
        self.ended = what.is_good().then_some(at);
        match self.events.last_mut() {
            Some(last) if is_same && what == Happening::InVain => last.count += 1,
            _ if is_same || is_known_outage => {}
            _ => self.events.push(IncidentEvent {
                at,
                what,
                by,
                count: 1,
            }),
        }
        if self.events.len() > MAX_EVENTS {
            self.events.remove(0);
            self.left_out += 1;
        }
        self.revision += 1;
        true
    }

    /// Begins an outage.
    fn begin_outage(&mut self, at: u64, what: Happening) {
        self.cause = None;
        self.obstacle = None;
        self.steps.clear();
        self.is_told_anew = false;
        // That somebody stops the gateway in an outage is no outage more.
        if self.outages.is_empty() || what == Happening::Lost || !self.is_open() {
            self.outages.push(at);
            self.outage_count += 1;
        }
        if self.outages.len() > FLAPPING_OUTAGES {
            self.outages.remove(0);
        }
    }

    /// Decides who is told of the incident by the time that it lasts. `is_hushed` is whether nobody must be disturbed
    /// now. Returns whether anything was decided.
    pub(super) fn tick(&mut self, now: u64, patience: u64, is_hushed: bool) -> bool {
        let before = (self.is_told, self.is_hushed, self.notice);
        let lasted = now.saturating_sub(self.last_outage());
        if !self.is_told {
            let is_waited_out = |event: &IncidentEvent| {
                matches!(
                    event.what,
                    Happening::Lost | Happening::Recovered | Happening::Watching
                )
            };
            self.is_told = !self.events.iter().all(is_waited_out)
                || self.is_flapping()
                || (self.is_open() && lasted >= patience);
            self.is_hushed = self.is_told && is_hushed;
        }
        if self.is_open() && !is_hushed {
            self.is_hushed = false;
        }
        let is_lasting = self.state() == Happening::InVain || lasted >= FLAPPING_PATIENCE;
        if self.is_flapping() && self.is_open() && is_lasting && !self.is_told_anew {
            self.is_told_anew = true;
            self.notice += 1;
        }
        before != (self.is_told, self.is_hushed, self.notice)
    }

    /// Returns the time at which [`Self::tick`] may decide something, in milliseconds since 1970.
    pub(super) fn next_tick(&self, patience: u64) -> Option<u64> {
        let wait = match (self.is_told, self.is_flapping() && !self.is_told_anew) {
            (false, _) => patience,
            (true, true) => FLAPPING_PATIENCE,
            (true, false) => return None,
        };
        self.is_open().then(|| self.last_outage().saturating_add(wait))
    }
}
