//! Tests of the alerts: the book with a clock of their own, what recipients read, and the task with recipients that fail.

mod sending;
mod texts;

use super::book::{AlertBook, Due};
use super::history::{Behind, behind};
use super::incident::{Author, Happening, Observation, PastChange};
use super::recipients::{Address, SentMessage};
use super::sentence::Sentence;
use crate::i18n::msg;
use crate::rescue::history::{History, HistoryEntry, RepairOutcome, RequestedBy};
use crate::rescue::record::{CauseKind, Recorded, StepKind, StepResultKind};
use std::time::Duration;

/// A time of the tests, in milliseconds since 1970.
const START: u64 = 1_700_000_000_000;
const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const PATIENCE: u64 = 30 * SECOND;

fn owner(person: &str) -> Address {
    Address::Owner {
        account: "telegram.default".to_owned(),
        person: person.to_owned(),
    }
}

fn seen(what: Happening, at: u64) -> Observation {
    let why = (what == Happening::Lost).then(|| Sentence::new(&msg!("rescue.cause-killed"), &str::to_owned));
    Observation {
        profile: "default".to_owned(),
        at,
        what,
        why,
        change: None,
        upgrade: None,
        by_hand: None,
    }
}

/// A book with recipients, and a number for each message that was sent.
struct Told {
    book: AlertBook,
    recipients: Vec<Address>,
    sent: u32,
}

impl Told {
    fn new(recipients: &[Address]) -> Self {
        let mut told = Self {
            book: AlertBook::open(None, START),
            recipients: recipients.to_vec(),
            sent: 0,
        };
        told.book.update_recipients(recipients, START);
        told
    }

    /// Lets time pass and tells everybody what is due, who can be told: `new 1` is a new message and `edit 1` an edit of
    /// it, each with the incident's last event.
    fn tell(&mut self, now: u64, is_hushed: bool) -> Vec<String> {
        self.book.tick(now, PATIENCE, is_hushed);
        let mut lines = Vec::new();
        for address in self.recipients.clone() {
            while let Some(due) = self.book.due(&address, now, is_hushed) {
                let (line, message) = match &due {
                    Due::Incident(incident, delivery) => {
                        let message = delivery.edited.clone().unwrap_or_else(|| {
                            self.sent += 1;
                            SentMessage {
                                chat: "42".to_owned(),
                                id: self.sent.to_string(),
                            }
                        });
                        let how = if delivery.edited.is_some() { "edit" } else { "new" };
                        (
                            format!("{how} {} {:?}", message.id, incident.state()),
                            Some(message),
                        )
                    }
                    Due::Word(word) => (format!("word of {} incidents", word.incidents.len()), None),
                };
                let message = message.filter(|_| address != Address::Webhook);
                self.book.record(&address, &due, message, now);
                lines.push(line);
            }
        }
        lines
    }

    fn see(&mut self, what: Happening, at: u64) -> Vec<String> {
        self.book.observe(seen(what, at));
        self.tell(at, false)
    }
}

#[test]
fn incident_is_one_message_for_each_recipient_and_is_edited() {
    let mut told = Told::new(&[owner("42"), owner("7"), Address::Webhook]);
    assert!(told.see(Happening::Lost, START).is_empty(), "within the patience");
    assert_eq!(
        told.see(Happening::Repairing, START + PATIENCE),
        ["new 1 Repairing", "new 2 Repairing", "new 3 Repairing"]
    );
    assert_eq!(
        told.see(Happening::Repaired, START + PATIENCE + SECOND),
        ["edit 1 Repaired", "edit 2 Repaired", "new 4 Repaired"]
    );
    assert!(told.tell(START + MINUTE, false).is_empty());
}

#[test]
fn alert_that_is_tried_again_keeps_its_key_until_it_is_taken() {
    let mut told = Told::new(&[owner("42"), Address::Webhook]);
    told.book.observe(seen(Happening::Lost, START));
    told.book.tick(START + PATIENCE, PATIENCE, false);
    let due = |book: &AlertBook, address: &Address| book.due(address, START + MINUTE, false).unwrap();
    let may_differ =
        |due: &Due| matches!(due, Due::Incident(_, delivery) if delivery.may_show_another_state());
    for address in [owner("42"), Address::Webhook] {
        let first = due(&told.book, &address);
        assert!(told.book.note_attempt(&address, &first) && !may_differ(&first));
        assert!(!told.book.note_attempt(&address, &first), "nothing is new in it");
    }
    let keys = [owner("42"), Address::Webhook].map(|address| due(&told.book, &address).key(&address));
    assert_ne!(keys[0], keys[1]);
    // A later state, and a later run of the bot.
    told.book.observe(seen(Happening::InVain, START + PATIENCE));
    let kept = serde_json::to_string(&told.book).unwrap();
    told.book = AlertBook::open(Some(serde_json::from_str(&kept).unwrap()), START + MINUTE);
    for (address, key) in [owner("42"), Address::Webhook].into_iter().zip(keys) {
        let again = due(&told.book, &address);
        assert!(again.key(&address) == key && may_differ(&again), "{again:?}");
        told.book.record(&address, &again, None, START + MINUTE);
    }
    told.book.observe(seen(Happening::Repaired, START + MINUTE));
    let next = due(&told.book, &owner("42"));
    assert!(!may_differ(&next), "{next:?}");
}

#[test]
fn outage_that_is_over_within_the_patience_is_not_told_and_a_lasting_one_is() {
    let mut told = Told::new(&[owner("42")]);
    assert!(told.see(Happening::Lost, START).is_empty());
    assert_eq!(told.book.next_tick(PATIENCE), Some(START + PATIENCE));
    assert!(told.see(Happening::Recovered, START + 10 * SECOND).is_empty());
    assert!(told.tell(START + 10 * MINUTE, false).is_empty());
    // Repairs are paused: no event comes, and the time alone tells.
    assert!(told.see(Happening::Lost, START + 30 * MINUTE).is_empty());
    assert_eq!(told.tell(START + 30 * MINUTE + PATIENCE, false), ["new 1 Lost"]);
    assert_eq!(told.book.next_tick(PATIENCE), None);
}

#[test]
fn three_outages_within_a_quarter_of_an_hour_are_one_message_with_a_count() {
    let mut told = Told::new(&[owner("42")]);
    let fail = |told: &mut Told, minute: u64| {
        let at = START + minute * MINUTE;
        let mut lines = told.see(Happening::Lost, at);
        lines.extend(told.see(Happening::Repairing, at + PATIENCE));
        lines.extend(told.see(Happening::Repaired, at + PATIENCE + SECOND));
        lines
    };
    assert_eq!(fail(&mut told, 0), ["new 1 Repairing", "edit 1 Repaired"]);
    assert_eq!(fail(&mut told, 4), ["new 2 Repairing", "edit 2 Repaired"]);
    assert_eq!(
        fail(&mut told, 8),
        ["edit 2 Lost", "edit 2 Repairing", "edit 2 Repaired"]
    );
    assert_eq!(fail(&mut told, 20).len(), 3, "it still fails again and again");
    let due = told.book.open_incident("default");
    assert!(due.is_none());
    told.book.observe(seen(Happening::Lost, START + 22 * MINUTE));
    let incident = told.book.open_incident("default").unwrap();
    assert_eq!(
        (incident.outage_count, incident.begun, incident.is_flapping()),
        (5, START, true)
    );
    // An edit rings no phone: an outage that lasts is told anew.
    assert_eq!(told.tell(START + 22 * MINUTE, false), ["edit 2 Lost"]);
    assert_eq!(told.tell(START + 24 * MINUTE, false), ["new 3 Lost"]);
    assert_eq!(
        told.see(Happening::InVain, START + 25 * MINUTE),
        ["edit 3 InVain"]
    );
    assert_eq!(
        told.see(Happening::Recovered, START + 26 * MINUTE),
        ["edit 3 Recovered"]
    );
    // After a quiet quarter of an hour the next one is a new incident.
    assert_eq!(fail(&mut told, 60), ["new 4 Repairing", "edit 4 Repaired"]);
}

#[test]
fn repeated_tries_are_one_event_with_a_count() {
    let mut told = Told::new(&[owner("42")]);
    told.see(Happening::Lost, START);
    told.see(Happening::Repairing, START + MINUTE);
    told.see(Happening::InVain, START + 2 * MINUTE);
    for minute in [7, 12, 17] {
        assert!(told.see(Happening::Repairing, START + minute * MINUTE).is_empty());
        assert_eq!(
            told.see(Happening::InVain, START + minute * MINUTE + SECOND),
            ["edit 1 InVain"]
        );
    }
    let incident = told.book.open_incident("default").unwrap();
    let counts: Vec<_> = incident.events.iter().map(|event| event.count).collect();
    assert_eq!(counts, [1, 1, 4]);
}

#[test]
fn restart_of_the_bot_tells_nothing_twice_and_closes_what_is_well_again() {
    let mut told = Told::new(&[owner("42")]);
    told.see(Happening::Lost, START);
    told.see(Happening::Repairing, START + PATIENCE);
    told.see(Happening::InVain, START + MINUTE);
    let kept = serde_json::to_string(&told.book).unwrap();
    let mut told = Told {
        book: AlertBook::open(serde_json::from_str(&kept).ok(), START + 2 * MINUTE),
        ..told
    };
    assert!(told.see(Happening::Lost, START + 2 * MINUTE).is_empty());
    assert_eq!(
        told.see(Happening::Watching, START + 3 * MINUTE),
        ["edit 1 Watching"]
    );
    for minute in [10, 20] {
        let said = told.see(Happening::Stopped, START + minute * MINUTE);
        assert_eq!(said.is_empty(), minute == 20, "{said:?}");
    }
}

#[test]
fn nothing_new_is_sent_in_quiet_hours_and_what_is_open_is_sent_at_their_end() {
    let mut told = Told::new(&[owner("42"), Address::Webhook]);
    told.see(Happening::Lost, START);
    assert_eq!(told.see(Happening::Repairing, START + PATIENCE).len(), 2);
    // The message that was there is kept true, and no phone rings.
    told.book.observe(seen(Happening::Repaired, START + MINUTE));
    assert_eq!(told.tell(START + MINUTE, true), ["edit 1 Repaired"]);
    for (begun, ended) in [(60, Some(61)), (90, None)] {
        told.book.observe(seen(Happening::Lost, START + begun * MINUTE));
        told.book
            .observe(seen(Happening::Repairing, START + begun * MINUTE + PATIENCE));
        assert!(told.tell(START + begun * MINUTE + PATIENCE, true).is_empty());
        if let Some(ended) = ended {
            told.book
                .observe(seen(Happening::Repaired, START + ended * MINUTE));
            assert!(told.tell(START + ended * MINUTE, true).is_empty());
        }
    }
    assert_eq!(
        told.tell(START + 120 * MINUTE, false),
        ["new 3 Repairing", "new 4 Repaired", "new 5 Repairing"],
        "of the outage that was over, nothing; the webhook gets the end that it lacks"
    );
}

#[test]
fn what_was_not_delivered_is_sent_late_after_a_restart_too() {
    let mut told = Told::new(&[]);
    told.recipients = vec![owner("42")];
    told.book.update_recipients(&[owner("42")], START);
    for (what, after) in [
        (Happening::Lost, 0),
        (Happening::Repairing, PATIENCE),
        (Happening::Repaired, MINUTE),
    ] {
        told.book.observe(seen(what, START + after));
        told.book.tick(START + after, PATIENCE, false);
    }
    let kept = serde_json::to_string(&told.book).unwrap();
    told.book = AlertBook::open(serde_json::from_str(&kept).ok(), START + 60 * MINUTE);
    assert_eq!(told.tell(START + 60 * MINUTE, false), ["new 1 Repaired"]);
    // Who becomes an owner now is not told of what is over.
    told.recipients = vec![owner("42"), owner("8")];
    told.book
        .update_recipients(&told.recipients.clone(), START + 61 * MINUTE);
    assert!(told.tell(START + 61 * MINUTE, false).is_empty());
}

#[test]
fn book_is_bounded_in_number_and_size() {
    let mut told = Told::new(&[owner("42"), Address::Webhook]);
    let long = Sentence::new(&msg!("bot.said", text = "ğ".repeat(10_000)), &str::to_owned);
    for number in 0..500 {
        let at = START + number * 60 * MINUTE;
        let mut lost = seen(Happening::Lost, at);
        lost.why = Some(long.clone());
        told.book.observe(lost);
        for try_number in 1..20 {
            told.see(Happening::Repairing, at + try_number * MINUTE);
            told.see(Happening::InVain, at + try_number * MINUTE);
            told.see(Happening::Stopped, at + try_number * MINUTE);
        }
        told.see(Happening::Recovered, at + 30 * MINUTE);
        let people: Vec<_> = (0..3)
            .map(|person| owner(&format!("{number}-{person}")))
            .collect();
        told.book.update_recipients(&people, at);
    }
    let size = serde_json::to_string(&told.book).unwrap().len();
    assert!(size < 200_000, "{size}");
}

#[test]
fn word_comes_once_a_day_and_lists_what_was_not_told_too() {
    let mut told = Told::new(&[owner("42")]);
    let day = 24 * 60 * MINUTE;
    assert!(told.book.write_word(1, START));
    assert!(told.tell(START, false).is_empty(), "the first day has none");
    told.see(Happening::Lost, START + SECOND);
    told.see(Happening::Recovered, START + 2 * SECOND);
    assert!(told.book.write_word(2, START + day));
    assert!(!told.book.write_word(2, START + day + MINUTE));
    assert!(told.tell(START + day, true).is_empty(), "quiet");
    assert_eq!(told.tell(START + day, false), ["word of 1 incidents"]);
    assert!(told.book.write_word(3, START + 2 * day));
    // The clock is set back.
    assert!(!told.book.write_word(2, START + 2 * day));
    assert_eq!(told.tell(START + 2 * day, false), ["word of 0 incidents"]);
}

fn entry(at: u64, step: StepKind, outcome: RepairOutcome) -> HistoryEntry {
    HistoryEntry {
        at,
        rescuer: "rescue".to_owned(),
        target: "default".to_owned(),
        watched: false,
        causes: vec![Recorded::Known(CauseKind::Killed)],
        steps: vec![(Recorded::Known(step), Recorded::Known(StepResultKind::Helped))],
        outcome,
        by: Some(RequestedBy {
            channel: "telegram".to_owned(),
            person: "Ali (42)".to_owned(),
        }),
        drill: false,
    }
}

#[test]
fn repair_of_an_owner_is_found_in_the_history() {
    let dir = tempfile::tempdir().unwrap();
    let lag = Duration::from_secs(6);
    let mut history = History::read(dir.path());
    let ask = |history: &History, what| behind(history, "default", what, START + MINUTE, START, lag);
    assert_eq!(ask(&history, Happening::Recovered), Behind::Nothing);
    history
        .entries
        .push(entry(START - MINUTE, StepKind::Restart, RepairOutcome::Healthy));
    assert_eq!(
        ask(&history, Happening::Recovered),
        Behind::Nothing,
        "before the outage"
    );
    // A restart that an owner asks for is what begins the outage.
    history
        .entries
        .push(entry(START - 5 * SECOND, StepKind::Restart, RepairOutcome::Begun));
    assert_eq!(ask(&history, Happening::Recovered), Behind::Unfinished);
    history.entries[1].outcome = RepairOutcome::Healthy;
    let Behind::Change(PastChange {
        by: Author::Chat(by), ..
    }) = ask(&history, Happening::Recovered)
    else {
        panic!("no change");
    };
    assert_eq!(by.person, "Ali (42)");
    history.entries[1].outcome = RepairOutcome::InVain;
    assert_eq!(ask(&history, Happening::Recovered), Behind::Nothing);
    assert_eq!(ask(&history, Happening::Stopped), Behind::Nothing);
    history
        .entries
        .push(entry(START, StepKind::Stop, RepairOutcome::Begun));
    assert!(matches!(ask(&history, Happening::Stopped), Behind::Change(_)));
    history
        .entries
        .push(entry(START + SECOND, StepKind::Snapshot, RepairOutcome::Done));
    assert_eq!(
        ask(&history, Happening::Recovered),
        Behind::Nothing,
        "a snapshot repairs nothing"
    );
}
