//! The frames of runs, held against those that were recorded from both releases (docs/openclaw.md#chat-events).

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::gateway::clients::audience::Subscriptions;
use crate::gateway::clients::{AddressedEvent, ClientRegistration, Outbound};
use crate::gateway::protocol::Protocol;
use crate::gateway::test_support::connected_client;
use crate::i18n::msg;
use crate::models::{ModelName, TokenUsage, ToolCall};
use crate::sessions::{AssistantMessage, EntryPlace, SessionMessage};

const SESSION: &str = "agent:main:main";

fn run() -> RunInfo {
    RunInfo {
        id: "idem-1".to_owned(),
        agent: "main".to_owned(),
        session_key: SESSION.to_owned(),
        session_id: "s-1".to_owned(),
        started: 1000,
    }
}

fn place(number: usize) -> EntryPlace {
    EntryPlace {
        id: format!("0000000{number}"),
        number,
    }
}

fn began() -> RunEvent {
    RunEvent::Began {
        message: SessionMessage::user("hi there", Some("idem-1"), 1000),
        place: place(1),
    }
}

fn text(full: &str, delta: &str) -> RunEvent {
    RunEvent::Text {
        full: full.to_owned(),
        delta: delta.to_owned(),
    }
}

fn model() -> ModelName {
    ModelName::parse("stub/m1").unwrap()
}

fn replied(text: &str) -> RunEvent {
    RunEvent::Ended(RunEnd::Replied {
        text: text.to_owned(),
        model: model(),
        usage: TokenUsage::default(),
        tools: Vec::new(),
    })
}

/// Tells both versions of the protocol of events that are 200 ms apart, and returns each event in a line: its name, its
/// number in the run, and what it says.
fn lines(source: RunSource, events: &[RunEvent], protocol: Protocol) -> Vec<String> {
    let start = Instant::now();
    let (mut early, mut late) = (EarlyRun::default(), LateRun::new(source));
    let mut told = Vec::new();
    for (at, event) in (0_u64..).zip(events) {
        let now = Moment {
            millis: 1000 + 200 * at,
            instant: start + Duration::from_millis(200 * at),
        };
        let (run, lang) = (run(), Lang::english());
        told.extend(match protocol {
            Protocol::Three => early.events(&run, event, now, lang),
            Protocol::Four => late.events(&run, event, now, lang),
        });
    }
    told.iter().map(line).collect()
}

/// Describes an event in a line.
fn line(event: &AddressedEvent) -> String {
    let payload = &event.payload;
    let seq = payload["seq"]
        .as_u64()
        .map(|seq| format!(" {seq}"))
        .unwrap_or_default();
    let text = |pointer: &str| payload.pointer(pointer).and_then(Value::as_str);
    let parts = [
        text("/stream"),
        text("/state"),
        text("/phase"),
        text("/data/phase"),
        text("/data/delta"),
        text("/deltaText"),
        text("/message/content/0/text"),
        text("/errorMessage"),
        text("/stopReason"),
        text("/reason").and_then(|reason| reason.strip_prefix("agent.run.")),
        text("/message/role"),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    format!("{}{seq}: {}", event.event.name(), parts.join(" | "))
}

#[test]
fn answer_is_told_to_clients_of_version_3_as_recorded() {
    let events = [
        began(),
        RunEvent::Asked(model()),
        text("Hello", "Hello"),
        text("Hello from", " from"),
        replied("Hello from"),
    ];
    let told = lines(RunSource::Chat, &events, Protocol::Three);
    let expected = [
        "agent 1: lifecycle | start",
        "agent 2: assistant | Hello",
        "chat 2: delta | Hello | assistant",
        "agent 3: assistant |  from",
        "chat 3: delta | Hello from | assistant",
        "agent 4: lifecycle | end",
        "chat 4: final | Hello from | assistant",
    ];
    assert_eq!(told, expected);
}

#[test]
fn answer_is_told_to_clients_of_version_4_as_recorded() {
    let kept = RunEvent::Kept {
        message: SessionMessage::Assistant(AssistantMessage::injected("Hello from", 1)),
        place: place(2),
    };
    let events = [
        began(),
        RunEvent::Asked(model()),
        text("Hello", "Hello"),
        text("Hello from", " from"),
        kept,
        replied("Hello from"),
    ];
    let told = lines(RunSource::Chat, &events, Protocol::Four);
    let expected = [
        "sessions.changed: start | started",
        "session.message: hi there | user",
        "chat 1: status | preparing_workspace",
        "agent 1: run_status | preparing_workspace",
        "chat 2: status | preparing_context",
        "agent 2: run_status | preparing_context",
        "agent 3: lifecycle | start",
        "chat 4: status | starting_model",
        "agent 4: run_status | starting_model",
        "agent 5: lifecycle | model",
        "sessions.changed: model | model",
        "agent 6: assistant | Hello",
        "chat 6: delta | Hello | Hello | assistant",
        "agent 7: assistant |  from",
        "chat 7: delta |  from | Hello from | assistant",
        "agent 8: usage",
        "session.message: Hello from | assistant",
        "agent 9: lifecycle | finishing",
        "agent 10: lifecycle | model",
        "agent 11: lifecycle | end",
        "chat 11: final | Hello from | stop | assistant",
        "sessions.changed: end | ended",
    ];
    assert_eq!(told, expected);
    let by_agent = lines(RunSource::Agent, &events, Protocol::Four);
    assert!(
        by_agent.iter().all(|line| !line.contains("status")),
        "{by_agent:#?}"
    );
}

#[test]
fn failure_and_abort_are_told_in_both_versions() {
    let failed = [began(), RunEvent::Ended(RunEnd::Failed(msg!("bot.panicked")))];
    let why = msg!("bot.panicked").render(Lang::english());
    for protocol in [Protocol::Three, Protocol::Four] {
        let told = lines(RunSource::Chat, &failed, protocol);
        let error = format!("error | {why}");
        assert!(
            told.iter()
                .any(|line| line.starts_with("chat") && line.contains(&error)),
            "{told:#?}"
        );
        assert!(
            told.iter().any(|line| line.ends_with("lifecycle | error")),
            "{told:#?}"
        );
        let aborted = [began(), text("Hel", "Hel"), RunEvent::Ended(RunEnd::Aborted)];
        let told = lines(RunSource::Agent, &aborted, protocol);
        let place = |part: &str| told.iter().position(|line| line.contains(part));
        assert!(place("aborted | rpc") < place("lifecycle | end"), "{told:#?}");
    }
    let silent = lines(RunSource::Chat, &[began(), replied(" ")], Protocol::Three);
    assert_eq!(silent.last().unwrap(), "chat 2: final");
}

#[test]
fn tools_are_told_to_clients_of_version_4_with_that_capability() {
    let call = ToolCall {
        id: "call_1".to_owned(),
        name: "read".to_owned(),
        arguments: json!({"path": "AGENTS.md"}),
        signature: None,
    };
    let ended = RunEvent::ToolEnded {
        call: call.clone(),
        text: "# AGENTS".to_owned(),
        is_error: false,
    };
    let events = [began(), RunEvent::ToolBegan(call), ended, replied("Done.")];
    let told = lines(RunSource::Agent, &events, Protocol::Four);
    let tools: Vec<_> = told
        .iter()
        .filter(|line| line.contains("tool |") || line.contains("item |"))
        .collect();
    let expected = [
        "agent 2: item | start",
        "agent 3: tool | start",
        "agent 4: tool | result",
        "agent 5: item | end",
    ];
    assert_eq!(tools, expected);
    let early = lines(RunSource::Chat, &events, Protocol::Three);
    // The number of the end jumps by two for a tool, as in the release.
    assert_eq!(early[1], "agent 4: lifecycle | end");
}

#[tokio::test]
async fn each_client_counts_its_own_events_and_gets_what_it_subscribed_to() {
    let clients: Arc<Clients> = Arc::default();
    let scopes = ["operator.read"];
    let mut early = clients.register(connected_client(Protocol::Three, &scopes));
    let mut late = clients.register(connected_client(Protocol::Four, &scopes));
    let mut stranger = clients.register(connected_client(Protocol::Four, &[]));
    clients.subscribe(late.client.conn_id, |own: &mut Subscriptions| {
        own.add_session(SESSION);
    });
    let runs = Arc::new(Runs::new(clients.clone(), Lang::english()));
    for event in [began(), replied("Hello")] {
        runs.note(&run(), &event);
    }
    let frames = |registration: &mut ClientRegistration| {
        let mut frames = Vec::new();
        while let Ok(Outbound::Frame(frame)) = registration.outbound.try_recv() {
            frames.push(serde_json::from_slice::<Value>(&frame).unwrap());
        }
        frames
    };
    let seqs = |frames: &[Value]| {
        frames
            .iter()
            .map(|frame| frame["seq"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    let told = frames(&mut early);
    assert_eq!(seqs(&told), [1, 2, 3]);
    let told = frames(&mut late);
    let names: Vec<_> = told
        .iter()
        .map(|frame| frame["event"].as_str().unwrap())
        .collect();
    assert_eq!(names[0], "session.message");
    assert!(!names.contains(&"sessions.changed"));
    assert_eq!(seqs(&told), (1..=told.len() as u64).collect::<Vec<_>>());
    assert!(frames(&mut stranger).is_empty());
    assert!(!runs.book.is_running("idem-1") && runs.book.state("idem-1").is_some());
}
