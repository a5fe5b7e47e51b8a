//! Tests of the texts of alerts.

use serde_json::json;

use super::*;
use crate::bot::alerts::incident::{Incident, Upgrade};
use crate::bot::alerts::recipients::Delivery;
use crate::bot::alerts::texts::{incident_message, word_message};
use crate::bot::alerts::webhook::body;
use crate::bot::markup::{Markup, MessageFormat};
use crate::bot::message::Message;
use crate::i18n::Lang;

fn text(message: &Message, code: &str) -> String {
    let format = MessageFormat {
        markup: Markup::Plain,
        max_length: 4096,
    };
    let lang = Lang::from_code(code).unwrap();
    let buttons: Vec<_> = message
        .buttons
        .iter()
        .map(|button| format!("[{} {}]", button.label.render(lang), button.command))
        .collect();
    let text = format.render(message, lang, &str::to_owned).concat();
    format!("{text}\n{}", buttons.join(""))
}

/// Returns an incident that an owner ended from a chat.
fn repaired() -> Incident {
    let mut book = AlertBook::open(None, START);
    book.observe(seen(Happening::Lost, START));
    book.observe(seen(Happening::InVain, START + MINUTE));
    let mut recovered = seen(Happening::Recovered, START + 2 * MINUTE);
    recovered.change = Some(PastChange {
        by: Author::Chat(RequestedBy {
            channel: "telegram".to_owned(),
            person: "Ali (42)".to_owned(),
        }),
        steps: entry(START, StepKind::RestoreConfig, RepairOutcome::Healthy).steps,
    });
    book.observe(recovered);
    book.update_recipients(&[owner("42")], START);
    book.tick(START + 2 * MINUTE, PATIENCE, false);
    let Some(Due::Incident(incident, _)) = book.due(&owner("42"), START + 2 * MINUTE, false) else {
        panic!("nothing is due");
    };
    *incident
}

#[test]
fn alert_about_another_host_has_the_command_that_repairs_from_here_and_no_button() {
    let mut book = AlertBook::open(None, START);
    let mut lost = seen(Happening::Lost, START);
    "default@box".clone_into(&mut lost.profile);
    book.observe(lost);
    book.update_recipients(&[owner("42")], START);
    book.tick(START + MINUTE, PATIENCE, false);
    let Some(Due::Incident(incident, _)) = book.due(&owner("42"), START + MINUTE, false) else {
        panic!("nothing is due");
    };
    let shown = text(&incident_message(&incident, Lang::english()), "en");
    assert!(shown.contains("openclaw --host box rescue default"), "{shown}");
    assert!(!shown.contains('['), "{shown}");
}

#[test]
fn message_says_what_happened_when_and_why_and_what_was_changed() {
    let incident = repaired();
    assert_eq!(
        text(&incident_message(&incident, Lang::english()), "en"),
        "The default gateway is healthy again.\n\
         From 2023-11-14 22:13:20 UTC to 2023-11-14 22:15:20 UTC: 2 min 0 s\n\
         Cause: It is not running: it was killed or crashed.\n\
         • 22:13:20 UTC – down\n\
         • 22:14:20 UTC – repair failed\n\
         • 22:15:20 UTC – repaired by Ali (42), telegram\n\
         • Tried: restore an earlier config – helped\n"
    );
    let turkish = Lang::from_code("tr").unwrap();
    let shown = text(&incident_message(&incident, turkish), "tr");
    assert!(
        shown.starts_with("default gateway’i yeniden sağlıklı.\n"),
        "{shown}"
    );
    assert!(shown.contains("onaran: Ali (42), telegram"), "{shown}");
}

#[test]
fn gateway_that_is_not_well_has_buttons_that_help() {
    let mut book = AlertBook::open(None, START);
    book.observe(seen(Happening::Lost, START));
    let down = book.open_incident("default").unwrap();
    let shown = text(&incident_message(down, Lang::english()), "en");
    assert!(
        shown.ends_with("[Repair /repair default][Log /logs default][Mute 1 h /mute 1h]"),
        "{shown}"
    );
    book.observe(seen(Happening::Stopped, START + SECOND));
    let stopped = book.open_incident("default").unwrap();
    let shown = text(&incident_message(stopped, Lang::english()), "en");
    assert!(
        shown.contains("[Start /start default]") && !shown.contains("Repair"),
        "{shown}"
    );
}

/// Returns a book in which the default gateway was upgraded.
fn upgraded() -> AlertBook {
    let mut book = AlertBook::open(None, START);
    book.update_recipients(&[owner("42")], START);
    let mut seen = seen(Happening::Upgraded, START + MINUTE);
    seen.upgrade = Some(Upgrade {
        from: "node 2026.1.30".to_owned(),
        to: "node 2026.9.6".to_owned(),
    });
    assert!(book.observe(seen));
    book.tick(START + MINUTE, PATIENCE, false);
    book
}

#[test]
fn other_version_is_told_with_the_one_before_and_is_no_outage() {
    let mut book = upgraded();
    let Some(Due::Incident(incident, _)) = book.due(&owner("42"), START + MINUTE, false) else {
        panic!("nothing is due");
    };
    assert_eq!(
        text(&incident_message(&incident, Lang::english()), "en"),
        "The default gateway runs another version.\nnode 2026.1.30 → node 2026.9.6\n\
         Noticed: 2023-11-14 22:14:20 UTC\n[Status /status default]"
    );
    assert_eq!(book.open_incident("default"), None);
    book.write_word(1, START);
    book.write_word(2, START + 24 * 60 * MINUTE);
    book.record(
        &owner("42"),
        &Due::Incident(
            incident,
            Delivery {
                revision: 1,
                notice: 0,
                first_tried: 1,
                edited: None,
                may_send: true,
            },
        ),
        None,
        START + MINUTE,
    );
    let Some(Due::Word(word)) = book.due(&owner("42"), START + 24 * 60 * MINUTE, false) else {
        panic!("no word");
    };
    let shown = text(&word_message(&word, Lang::english()), "en");
    assert!(
        shown.starts_with("All watched gateways are healthy, since 2023-11-14 22:13:20 UTC."),
        "{shown}"
    );
    assert!(
        shown.contains("version: node 2026.1.30 → node 2026.9.6"),
        "{shown}"
    );
}

#[test]
fn upgrade_within_an_outage_leaves_the_outage_open() {
    let mut book = upgraded();
    book.observe(seen(Happening::Lost, START + 2 * MINUTE));
    let mut seen_upgrade = seen(Happening::Upgraded, START + 3 * MINUTE);
    seen_upgrade.upgrade = Some(Upgrade {
        from: "a".to_owned(),
        to: "b".to_owned(),
    });
    book.observe(seen_upgrade);
    assert!(book.open_incident("default").is_some());
    book.observe(seen(Happening::Recovered, START + 4 * MINUTE));
    assert_eq!(book.open_incident("default"), None);
}

#[test]
fn word_says_since_when_all_is_well_or_what_is_not() {
    let mut book = AlertBook::open(None, START);
    book.update_recipients(&[owner("42")], START);
    book.write_word(1, START);
    let word = |book: &mut AlertBook, day: i64| {
        let now = START + u64::try_from(day).unwrap() * 24 * 60 * MINUTE;
        book.write_word(day + 1, now);
        let Some(Due::Word(word)) = book.due(&owner("42"), now, false) else {
            panic!("no word");
        };
        text(&word_message(&word, Lang::english()), "en")
    };
    assert_eq!(
        word(&mut book, 1),
        "All watched gateways are healthy, since 2023-11-14 22:13:20 UTC.\nNo outages since 2023-11-14 22:13:20 UTC.\n"
    );
    book.observe(seen(Happening::Lost, START + 25 * 60 * MINUTE));
    assert_eq!(
        word(&mut book, 2),
        "Not every watched gateway is up.\nIncidents since 2023-11-15 22:13:20 UTC: 1\n\
         • default: down since 2023-11-15 23:13:20 UTC. It is not running: it was killed or crashed.\n"
    );
}

#[test]
fn webhook_gets_json_that_ntfy_publishes_without_secrets() {
    let delivery = Delivery {
        revision: 1,
        notice: 0,
        first_tried: 1,
        edited: None,
        may_send: true,
    };
    let due = Due::Incident(Box::new(repaired()), delivery);
    let posted = body(&due, Some("mine"), Lang::english(), &|text| {
        text.replace("Ali", "[hidden]")
    });
    let message = posted["message"].as_str().unwrap();
    assert!(
        message.starts_with("From 2023-11-14") && message.contains("[hidden] (42)"),
        "{message}"
    );
    let mut rest = posted.clone();
    rest.as_object_mut().unwrap().remove("message");
    assert_eq!(
        rest,
        json!({
            "topic": "mine",
            "title": "The default gateway is healthy again.",
            "priority": 3,
            "tags": ["white_check_mark"],
            "event": "recovered",
            "profile": "default",
            "at": "2023-11-14T22:15:20Z",
        })
    );
}
