//! `openclaw chat`: a conversation with an agent of the running gateway. In a terminal the answer is shown while it is written;
//! elsewhere, and for a screen reader, each line is a message and gets its whole answer.

use std::io::BufRead as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::Context;
use super::agent::{SessionArgs, ask, print_answer};
use super::duration::parse_time_limit;
use super::gateway::call::own_endpoint;
use crate::client::{self, GatewayEndpoint};
use crate::error::Result;
use crate::i18n::msg;
use crate::wizard::terminal::Terminal;

mod connection;
mod talk;

use connection::{GatewayTalk, SESSION_TIMEOUT};
use talk::Talk;

/// The arguments of `openclaw chat`.
#[derive(Debug, Args)]
pub(crate) struct ChatArgs {
    #[command(flatten)]
    pub(crate) session: SessionArgs,
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) history: u16,
    #[arg(long, value_name = "MS", value_parser = parse_time_limit, default_value = "10m")]
    pub(crate) timeout: Duration,
}

/// Runs `openclaw chat`.
pub(super) fn run(context: &Context<'_>, args: &ChatArgs) -> Result<ExitCode> {
    let endpoint = own_endpoint(context, SESSION_TIMEOUT)?;
    let streams = context.host.terminal();
    let is_terminal = streams.can_ask() && streams.stdout;
    if is_terminal && Terminal::can_show_live(context.ui) {
        converse(context, args, endpoint)?;
    } else {
        answer_lines(context, args, &endpoint)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Answers each line of standard input. A line that gets no answer is reported, and the next one is read.
fn answer_lines(context: &Context<'_>, args: &ChatArgs, endpoint: &GatewayEndpoint) -> Result<()> {
    if context.host.terminal().can_ask() {
        context.ui.eprint_paragraph(&msg!("conversation.lines"));
    }
    let mut last = Ok(());
    for line in std::io::stdin().lock().lines() {
        // A terminal or a pipe that breaks is the end of what is said.
        let Ok(line) = line else { break };
        if line.trim().is_empty() {
            continue;
        }
        last = match ask(context, endpoint, &args.session.key(), line.trim(), args.timeout) {
            Ok(answer) => {
                print_answer(context, &answer);
                Ok(())
            }
            Err(error) => {
                context.ui.print_rejection(&error);
                Err(error)
            }
        };
    }
    last
}

/// Holds a conversation in the terminal.
fn converse(context: &Context<'_>, args: &ChatArgs, endpoint: GatewayEndpoint) -> Result<()> {
    let params = json!({ "key": args.session.key() });
    // A session that does not exist yet has no other key.
    let resolved = client::call(&endpoint, "sessions.resolve", Some(&params), SESSION_TIMEOUT);
    let resolved = resolved
        .ok()
        .and_then(|answer| answer["key"].as_str().map(str::to_owned));
    let key = resolved.unwrap_or_else(|| args.session.key());
    let history = json!({ "sessionKey": key, "limit": args.history });
    let history = client::call(&endpoint, "chat.history", Some(&history), SESSION_TIMEOUT)?;
    let mut talk = Talk::new(key);
    talk.remember(
        history["messages"].as_array().map_or(&[][..], Vec::as_slice),
        args.history.into(),
    );
    let mut terminal = Terminal::new(context.ui);
    let mut counterpart = GatewayTalk::start(endpoint, talk, context.ui.lang())?;
    terminal.converse(&mut counterpart)
}
