//! The methods by which OpenClaw's clients and the dashboard talk to the bot: `chat.send`, `agent` and their kin
//! (docs/openclaw.md#chat-events).
//!
//! The bot answers commands. As in OpenClaw, a command makes no run of an agent: its answer is one `chat` event with the
//! state `final`, after `delta` events where a change tells its progress.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::call::MethodCall;
use super::method::Method;
use super::session_key::resolve_key;
use crate::agent::roster::session_key_rules;
use crate::agent::{Agents, Request, RunEnd};
use crate::bot::chat::{
    Asked, COMMAND_MARK, Counterpart, Message, Origin, PlainMessage, RequestedBy, Turn, parse_command,
};
use crate::error::Result;
use crate::gateway::chat_log::{Author, RunState};
use crate::gateway::protocol::event::GatewayEvent;
use crate::gateway::protocol::shape::{FrameField, FrameShape, TEXT, optional, required};
use crate::gateway::protocol::{ErrorResponse, MethodResult, OperatorScope};
use crate::gateway::state::GatewayState;
use crate::i18n::Lang;
use crate::sessions::{ContentPart, SessionKey};
use crate::sync::{lock, spawn_blocking};
use crate::time::unix_millis;

/// The methods about the conversation with the bot.
pub(super) const METHODS: &[Method] = &[
    Method::future("chat.send", OperatorScope::Write, |call| {
        std::future::ready(send(call)).boxed()
    })
    .with_params(SEND_PARAMS),
    Method::future("agent", OperatorScope::Write, |call| agent(call).boxed()).with_unchecked_params(),
    Method::future("agent.wait", OperatorScope::Write, |call| wait(call).boxed()).with_params(WAIT_PARAMS),
];

/// The parameters of the gateway's method `chat.send`.
const SEND_PARAMS: &[FrameField] = &[
    required("sessionKey", TEXT),
    required("message", FrameShape::Any),
    required("idempotencyKey", TEXT),
    optional("thinking", FrameShape::Any),
    optional("deliver", FrameShape::Bool),
    optional("attachments", FrameShape::Any),
    optional("timeoutMs", FrameShape::Whole(0)),
    optional("agentId", FrameShape::Any),
    optional("sessionId", FrameShape::Any),
    optional("originatingChannel", FrameShape::Any),
    optional("clientMessageId", FrameShape::Any),
];
/// The parameters of the gateway's method `agent.wait`.
const WAIT_PARAMS: &[FrameField] = &[
    required("runId", TEXT),
    optional("timeoutMs", FrameShape::Whole(0)),
];

/// Time that `agent.wait` waits where the client names none, as in OpenClaw.
const WAIT_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest time that `agent.wait` waits.
const MAX_WAIT: Duration = Duration::from_mins(10);
/// Interval at which `agent.wait` looks whether the run has ended.
const WAIT_INTERVAL: Duration = Duration::from_millis(50);

/// Answers the gateway's method `chat.send`: the turn is taken beside it.
fn send(call: MethodCall) -> MethodResult {
    let text = call.text("message").unwrap_or_default().trim().to_owned();
    if text.is_empty() {
        return Err(ErrorResponse::invalid_request("message or attachment required"));
    }
    let run = call.text("idempotencyKey").unwrap_or_default().to_owned();
    let status = match call.state.chat_log.begin(&run) {
        Some(RunState::Running) => "in_flight",
        Some(RunState::Ended) => "ok",
        None => {
            let bot = call.state.bot.get().cloned();
            let bot = bot.ok_or_else(|| ErrorResponse::unavailable("gateway starting; retry shortly"))?;
            let key = call.text("sessionKey").unwrap_or_default().to_owned();
            let turn = run_turn(call, run.clone(), key, text);
            bot.start(async move { drop(turn.await) });
            "started"
        }
    };
    Ok(json!({ "runId": run, "status": status }))
}

/// Answers the gateway's method `agent`: takes the turn, and answers with its text.
async fn agent(call: MethodCall) -> MethodResult {
    let missing = |key: &str| {
        ErrorResponse::invalid_request(format!(
            "invalid agent params: must have required property '{key}'"
        ))
    };
    let text = call
        .text("message")
        .ok_or_else(|| missing("message"))?
        .trim()
        .to_owned();
    let run = call
        .text("idempotencyKey")
        .ok_or_else(|| missing("idempotencyKey"))?
        .to_owned();
    let started = unix_millis(call.state.context.host.now());
    if let Some(state) = call.state.chat_log.begin(&run) {
        let status = if state == RunState::Ended {
            "ok"
        } else {
            "in_flight"
        };
        return Ok(json!({ "runId": run, "status": status }));
    }
    let key = call.text("sessionKey").unwrap_or("main").to_owned();
    let state = call.state.clone();
    let answer = run_turn(call, run.clone(), key, text).await;
    let took = unix_millis(state.context.host.now()).saturating_sub(started);
    Ok(json!({
        "runId": run,
        "status": "ok",
        "summary": "completed",
        "result": {
            "payloads": [{ "text": answer, "mediaUrl": null }],
            "meta": { "durationMs": took, "aborted": false },
        },
    }))
}

/// Answers the gateway's method `agent.wait`: waits for the end of a run.
async fn wait(call: MethodCall) -> MethodResult {
    let run = call.text("runId").unwrap_or_default();
    let limit = call.params.get("timeoutMs").and_then(Value::as_u64);
    let limit = limit.map_or(WAIT_TIMEOUT, Duration::from_millis).min(MAX_WAIT);
    let log = &call.state.chat_log;
    let ended = async {
        while log.run(run) == Some(RunState::Running) {
            tokio::time::sleep(WAIT_INTERVAL).await;
        }
        log.run(run)
    };
    let ended = tokio::time::timeout(limit, ended).await;
    let status = if ended == Ok(Some(RunState::Ended)) {
        "ok"
    } else {
        "timeout"
    };
    Ok(json!({ "runId": run, "status": status }))
}

/// Takes a turn of the conversation, tells it to all clients, and returns the answer.
async fn run_turn(call: MethodCall, run: String, typed_key: String, text: String) -> String {
    let state = call.state.clone();
    let key = resolve_key(&state, &typed_key).to_string();
    let typed = parse_command(&text);
    let lang = state.chat_log.language(typed.lang, state.lang);
    let person = call
        .client
        .device_id
        .clone()
        .unwrap_or_else(|| "operator".to_owned());
    let turn = Turn {
        asked: Asked {
            account: "gateway".to_owned(),
            chat: key.clone(),
            person: person.clone(),
        },
        text: text.clone(),
        origin: Origin {
            channel: "webchat",
            account: "default".to_owned(),
            chat: key.clone(),
            community: None,
            is_private: true,
            message: run.clone(),
        },
        typed,
        mark: COMMAND_MARK,
        lang,
        channel: "Gateway",
        by: RequestedBy {
            channel: "gateway".to_owned(),
            person: call.client.client.display_name.clone().unwrap_or(person),
        },
        pressed: None,
    };
    let session = SessionKey::resolve(&typed_key, &session_key_rules(&state.active().config));
    if let Some(agents) = state.agents.get()
        && turn.typed.command.is_none()
        && !text.starts_with(COMMAND_MARK)
        && agents.plan().has_model(&session)
    {
        return answer_with_agent(&state, agents, &turn, session, run).await;
    }
    add_to_log(&state, Author::User, &text).await;
    let answer = Arc::new(ChatAnswer {
        state: state.clone(),
        run: run.clone(),
        key,
        messages: Mutex::default(),
    });
    if let Some(bot) = state.bot.get() {
        bot.take_turn(&turn, answer.as_ref()).await;
    }
    let said = answer.current();
    add_to_log(&state, Author::Bot, &said.text).await;
    state.chat_log.end(&run);
    answer.broadcast("final", &said);
    said.text
}

/// Lets an agent answer a turn, and returns the text of the answer.
async fn answer_with_agent(
    state: &Arc<GatewayState>,
    agents: &Agents,
    turn: &Turn,
    session: SessionKey,
    run: String,
) -> String {
    let Some(bot) = state.bot.get() else {
        return String::new();
    };
    let plans = ChatAnswer {
        state: state.clone(),
        run: format!("plan-{run}"),
        key: session.as_str().to_owned(),
        messages: Mutex::default(),
    };
    let request = Request {
        run: run.clone(),
        key: session,
        idempotency_key: run.clone(),
        parts: vec![ContentPart::Text(turn.text.clone())],
        turn,
        desk: bot.desk(),
        other: &plans,
    };
    let end = agents.answer(&request, watch::channel(String::new()).0).await;
    state.chat_log.end(&run);
    match end {
        RunEnd::Replied { text, .. } | RunEnd::Repeated { text } => text,
        RunEnd::Failed(_) | RunEnd::Aborted => String::new(),
    }
}

/// Adds a message to the conversation, off the async thread.
async fn add_to_log(state: &Arc<GatewayState>, author: Author, text: &str) {
    let (state, text) = (state.clone(), text.to_owned());
    let at = unix_millis(state.context.host.now());
    let _ = spawn_blocking(move || state.chat_log.add(author, &text, at)).await;
}

/// The answer to one turn, as it grows.
struct ChatAnswer {
    state: Arc<GatewayState>,
    run: String,
    key: String,
    messages: Mutex<Vec<PlainMessage>>,
}

impl ChatAnswer {
    /// Returns everything that was said so far as one message.
    fn current(&self) -> PlainMessage {
        let messages = lock(&self.messages);
        let texts: Vec<_> = messages.iter().map(|message| message.text.as_str()).collect();
        PlainMessage {
            text: texts.join("\n\n"),
            buttons: messages
                .iter()
                .flat_map(|message| message.buttons.clone())
                .collect(),
        }
    }

    /// Sends an event with what was said to every client that may read. The buttons are an extra that OpenClaw's own
    /// clients pass over: the text says which words to send.
    fn broadcast(&self, chat_state: &str, said: &PlainMessage) {
        let buttons = said
            .buttons
            .iter()
            .map(|(label, command)| json!({ "label": label, "command": command }));
        let payload = json!({
            "runId": self.run,
            "sessionKey": self.key,
            "seq": 1,
            "state": chat_state,
            "message": {
                "role": "assistant",
                "content": [{ "type": "text", "text": said.text }],
                "timestamp": unix_millis(self.state.context.host.now()),
                "buttons": buttons.collect::<Vec<_>>(),
            },
        });
        self.state.clients.broadcast(GatewayEvent::Chat, &payload);
    }

    /// Renders a message off the async thread, and puts it in place of the message `id`, or behind the last one.
    async fn put(&self, id: Option<usize>, message: &Message, lang: Lang) -> Option<String> {
        let bot = self.state.bot.get()?;
        let rendered = bot.render_plain(message, lang).await;
        let at = {
            let mut messages = lock(&self.messages);
            if let Some(id) = id.filter(|id| *id < messages.len()) {
                messages[id] = rendered;
                id
            } else {
                messages.push(rendered);
                messages.len() - 1
            }
        };
        self.broadcast("delta", &self.current());
        Some(at.to_string())
    }
}

impl Counterpart for ChatAnswer {
    fn say<'a>(&'a self, message: &'a Message, lang: Lang) -> BoxFuture<'a, Option<String>> {
        self.put(None, message, lang).boxed()
    }

    fn replace<'a>(&'a self, id: &'a str, message: &'a Message, lang: Lang) -> BoxFuture<'a, ()> {
        self.put(id.parse().ok(), message, lang).map(drop).boxed()
    }

    // The client sends a request again with the same key where it got no answer; what was begun is in the history.
    fn begin(&self, _change: String) -> BoxFuture<'_, Result<()>> {
        async { Ok(()) }.boxed()
    }

    fn finish(&self) -> BoxFuture<'_, ()> {
        async {}.boxed()
    }
}
