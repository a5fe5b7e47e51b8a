//! The texts of alerts: the message about an incident, and the word about the time since the last one.

use super::book::{PastIncident, Word};
use super::incident::{Author, Happening, Incident, IncidentEvent, Upgrade};
use crate::bot::commands::look::past_step_msg;
use crate::bot::message::{Line, Message};
use crate::i18n::{Lang, Msg, duration_msg, msg};
use crate::time::{format_for_person, from_unix_millis};

/// Characters of a formatted time that are its day.
const DAY_LENGTH: usize = "2026-11-22".len();

/// Returns the message about an incident in a language.
pub(crate) fn incident_message(incident: &Incident, lang: Lang) -> Message {
    if let Some(upgrade) = &incident.upgrade {
        return upgrade_message(incident, upgrade);
    }
    let mut message = Message::heading(incident_heading(incident)).line(Line::Text(time_msg(incident)));
    let mut text = |msg: Msg| message.lines.push(Line::Text(msg));
    if let Some(cause) = &incident.cause {
        text(Msg::new("bot.alert-cause").with_msg("why", cause.msg(lang)));
    }
    if let Some(obstacle) = incident.obstacle.as_ref().filter(|_| incident.is_open()) {
        text(Msg::new("bot.alert-obstacle").with_msg("why", obstacle.msg(lang)));
    }
    if incident.left_out > 0 {
        text(msg!("bot.alert-left-out", count = incident.left_out));
    }
    let day = day_of(incident.begun);
    let events = incident
        .events
        .iter()
        .map(|event| Line::Item(event_msg(event, &day)));
    let steps = incident.steps.iter().map(|step| Line::Item(past_step_msg(step)));
    with_buttons(message.lines(events).lines(steps), incident)
}

/// Returns the message about another version of a gateway.
fn upgrade_message(incident: &Incident, upgrade: &Upgrade) -> Message {
    let profile = &incident.profile;
    let Upgrade { from, to } = upgrade;
    Message::heading(incident_heading(incident))
        .line(Line::Text(msg!("bot.alert-versions", from = from, to = to)))
        .line(Line::Text(msg!(
            "bot.alert-upgrade-seen",
            when = for_person(incident.begun)
        )))
        .button(msg!("bot.button-status"), format!("/status {profile}"))
}

/// Returns the sentence that says how the gateway is.
pub(crate) fn incident_heading(incident: &Incident) -> Msg {
    let profile = &incident.profile;
    let is_flapping = incident.is_flapping();
    match incident.state() {
        Happening::Stopped => msg!("bot.alert-stopped", profile = profile),
        Happening::Upgraded => msg!("bot.alert-upgraded", profile = profile),
        Happening::Absent => msg!("bot.alert-absent", profile = profile),
        Happening::InVain => msg!("bot.alert-in-vain", profile = profile),
        state if state.is_good() && is_flapping => msg!("bot.alert-flapped", profile = profile),
        state if state.is_good() => msg!("bot.alert-healthy", profile = profile),
        _ if is_flapping => msg!("bot.alert-flapping", profile = profile),
        Happening::Repairing => msg!("bot.alert-repairing", profile = profile),
        _ => msg!("bot.alert-down", profile = profile),
    }
}

/// Returns the sentence about the time of an incident.
fn time_msg(incident: &Incident) -> Msg {
    let begun = for_person(incident.begun);
    match incident.ended {
        _ if incident.is_flapping() => {
            msg!("bot.alert-outages", when = begun, count = incident.outage_count)
        }
        Some(ended) => msg!("bot.alert-lasted", begun = begun, ended = for_person(ended))
            .with_msg("time", duration_between(incident.begun, ended)),
        None => msg!("bot.alert-since", when = begun),
    }
}

/// Returns the line about an event; the day of its time is left out where it is `day`.
fn event_msg(event: &IncidentEvent, day: &str) -> Msg {
    let mut when = for_person(event.at);
    if when.starts_with(day) {
        when.drain(..=DAY_LENGTH);
    }
    Msg::new("bot.alert-event")
        .with("when", when)
        .with_msg("what", happening_msg(event))
}

/// Returns what happened, as a part of a sentence.
fn happening_msg(event: &IncidentEvent) -> Msg {
    let by = |author: &Author, key: &'static str| Msg::new(key).with_msg("by", author_msg(author));
    match (event.what, &event.by) {
        // The watcher's own repairs are the usual ones.
        (Happening::Repaired, None | Some(Author::Watcher)) => msg!("bot.alert-event-repaired"),
        (Happening::Lost, _) => msg!("bot.alert-event-lost"),
        (Happening::Repairing, _) => msg!("bot.alert-event-repairing"),
        (Happening::Repaired | Happening::Recovered | Happening::Watching, Some(author)) => {
            by(author, "bot.alert-event-repaired-by")
        }
        (Happening::Recovered, None) => msg!("bot.alert-event-recovered"),
        (Happening::Watching, None) => msg!("bot.alert-event-watching"),
        (Happening::Upgraded, _) => msg!("bot.alert-event-upgraded"),
        (Happening::InVain, _) if event.count > 1 => {
            msg!("bot.alert-event-in-vain-again", count = event.count)
        }
        (Happening::InVain, _) => msg!("bot.alert-event-in-vain"),
        (Happening::Stopped, Some(author)) => by(author, "bot.alert-event-stopped-by"),
        (Happening::Stopped, None) => msg!("bot.alert-event-stopped"),
        (Happening::Absent, _) => msg!("bot.alert-event-absent"),
    }
}

/// Returns who made a change, as a part of a sentence.
fn author_msg(author: &Author) -> Msg {
    match author {
        Author::Watcher => msg!("bot.alert-by-watcher"),
        Author::Host => msg!("bot.alert-by-host"),
        Author::Chat(by) => msg!("bot.said", text = format!("{}, {}", by.person, by.channel)),
    }
}

/// Adds the buttons that help with a gateway that is not well.
fn with_buttons(message: Message, incident: &Incident) -> Message {
    let name = &incident.profile;
    if !incident.is_open() {
        return message;
    }
    if let Some(command) = &incident.by_hand {
        return message
            .line(Line::Text(msg!("bot.alert-by-hand")))
            .line(Line::Quote(command.clone()));
    }
    if let Some((profile, host)) = name.split_once('@') {
        // The bot has no buttons for what is on other hosts.
        let command = format!("openclaw --host {host} rescue {profile}");
        return message
            .line(Line::Text(msg!("bot.alert-from-here")))
            .line(Line::Quote(command));
    }
    let message = match incident.state() {
        Happening::Absent => return message.button(msg!("bot.button-mute"), "/mute 1h"),
        Happening::Stopped => message.button(msg!("bot.button-start"), format!("/start {name}")),
        _ => message.button(msg!("bot.button-repair"), format!("/repair {name}")),
    };
    message
        .button(msg!("bot.button-logs"), format!("/logs {name}"))
        .button(msg!("bot.button-mute"), "/mute 1h")
}

/// Returns the message of a word in a language.
pub(crate) fn word_message(word: &Word, lang: Lang) -> Message {
    let heading = match word.well_since {
        Some(since) => msg!("bot.alert-word-well", when = for_person(since)),
        None => msg!("bot.alert-word-unwell"),
    };
    let message = Message::heading(heading);
    let since = for_person(word.since);
    if word.incidents.is_empty() {
        return message.line(Line::Text(msg!("bot.alert-word-none", when = since)));
    }
    let count = word.incidents.len() + word.left_out;
    let listed = word.incidents.iter().map(|past| Line::Item(past_msg(past, lang)));
    message
        .line(Line::Text(msg!(
            "bot.alert-word-incidents",
            when = since,
            count = count
        )))
        .lines(listed)
}

/// Returns the line about an incident in a word.
fn past_msg(past: &PastIncident, lang: Lang) -> Msg {
    let (profile, begun) = (&past.profile, for_person(past.begun));
    if let Some(Upgrade { from, to }) = &past.upgrade {
        let upgraded = msg!("bot.alert-word-upgraded", profile = profile, begun = begun);
        return upgraded.with("from", from).with("to", to);
    }
    let what = match past.ended {
        None => msg!("bot.alert-word-open", profile = profile, begun = begun),
        Some(_) if past.outage_count > 1 => msg!(
            "bot.alert-word-outages",
            profile = profile,
            begun = begun,
            count = past.outage_count
        ),
        Some(ended) => msg!("bot.alert-word-ended", profile = profile, begun = begun)
            .with_msg("time", duration_between(past.begun, ended)),
    };
    match &past.cause {
        Some(cause) => Msg::new("bot.alert-word-because")
            .with_msg("what", what)
            .with_msg("why", cause.msg(lang)),
        None => what,
    }
}

fn for_person(at: u64) -> String {
    format_for_person(from_unix_millis(at))
}

/// Returns the day of a time as [`for_person`] formats it.
fn day_of(at: u64) -> String {
    let mut day = for_person(at);
    day.truncate(DAY_LENGTH);
    day
}

fn duration_between(begun: u64, ended: u64) -> Msg {
    duration_msg(std::time::Duration::from_millis(ended.saturating_sub(begun)))
}
