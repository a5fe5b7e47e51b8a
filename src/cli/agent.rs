//! `openclaw agent`: says one thing to an agent of the running gateway and prints its answer.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Value, json};

use super::Context;
use super::duration::parse_time_limit;
use super::gateway::call::own_endpoint;
use crate::client::{self, GatewayEndpoint};
use crate::error::{Error, Result};
use crate::i18n::msg;
use crate::text::replace_unsafe;

/// The message that stands for standard input.
const STDIN: &str = "-";

/// The arguments of `openclaw agent`.
#[derive(Debug, Args)]
pub(crate) struct AgentArgs {
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) message: String,
    #[command(flatten)]
    pub(crate) session: SessionArgs,
    #[arg(long)]
    pub(crate) json: bool,
    #[arg(long, value_name = "MS", value_parser = parse_time_limit, default_value = "10m")]
    pub(crate) timeout: Duration,
}

/// The arguments that name a session of an agent.
#[derive(Debug, Args)]
pub(crate) struct SessionArgs {
    #[arg(long, visible_alias = "session-key", value_name = "KEY")]
    pub(crate) session: Option<String>,
    #[arg(long, value_name = "ID")]
    pub(crate) agent: Option<String>,
}

impl SessionArgs {
    /// Returns the key of the session: the gateway itself finds the default agent and the agent's main session.
    pub(super) fn key(&self) -> String {
        let session = self.session.as_deref().unwrap_or("main");
        match &self.agent {
            Some(agent) if !session.starts_with("agent:") => format!("agent:{agent}:{session}"),
            _ => session.to_owned(),
        }
    }
}

/// Runs `openclaw agent`.
pub(super) fn run(context: &Context<'_>, args: &AgentArgs) -> Result<ExitCode> {
    let deadline = Instant::now() + args.timeout;
    let message = if args.message == STDIN {
        let unread = |error| Error::usage(msg!("conversation.stdin")).because(error);
        context.host.stdin_text().map_err(unread)?
    } else {
        args.message.clone()
    };
    let endpoint = own_endpoint(context, args.timeout)?;
    let left = deadline.saturating_duration_since(Instant::now());
    let answer = ask(context, &endpoint, &args.session.key(), message.trim(), left)?;
    if context.ui.is_json() {
        context.ui.print_json(&answer);
    } else {
        print_answer(context, &answer);
    }
    Ok(ExitCode::SUCCESS)
}

/// Says something in a session and waits for the answer to `agent`.
pub(super) fn ask(
    context: &Context<'_>,
    endpoint: &GatewayEndpoint,
    session: &str,
    message: &str,
    limit: Duration,
) -> Result<Value> {
    let key: [u8; 16] = context.host.random();
    let params = json!({
        "message": message, "sessionKey": session, "idempotencyKey": hex::encode(key), "deliver": false,
    });
    client::call_for_result(endpoint, "agent", &params, limit)
}

/// Prints the texts of an answer to `agent`.
pub(super) fn print_answer(context: &Context<'_>, answer: &Value) {
    let payloads = answer.pointer("/result/payloads").and_then(Value::as_array);
    let texts = payloads
        .into_iter()
        .flatten()
        .filter_map(|payload| payload["text"].as_str());
    let texts: Vec<_> = texts
        .map(|text| replace_unsafe(text.trim_end().to_owned()))
        .collect();
    context.ui.print(&context.ui.fit_charset(texts.join("\n\n")));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_of_an_agent_has_its_name_in_the_key() {
        let key = |session: Option<&str>, agent: Option<&str>| {
            let args = SessionArgs {
                session: session.map(str::to_owned),
                agent: agent.map(str::to_owned),
            };
            args.key()
        };
        assert_eq!(key(None, None), "main");
        assert_eq!(key(Some("work"), None), "work");
        assert_eq!(key(None, Some("ops")), "agent:ops:main");
        assert_eq!(key(Some("work"), Some("ops")), "agent:ops:work");
        assert_eq!(key(Some("agent:x:y"), Some("ops")), "agent:x:y");
    }
}
