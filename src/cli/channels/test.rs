//! `openclaw channels test`: sends one line to the owners of a bot, through the running gateway, else directly.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::args::AccountArgs;
use super::lookup;
use crate::bot::account::DEFAULT_ACCOUNT;
use crate::bot::channel::ChannelType;
use crate::bot::direct::DirectAccount;
use crate::cli::Context;
use crate::cli::gateway::call::endpoint_of;
use crate::cli::status::DEFAULT_TIMEOUT;
use crate::client::{self, GatewayEndpoint};
use crate::error::{Error, ErrorKind, Result};
use crate::i18n::{Msg, msg};
use crate::probe;
use crate::ui::ReportOutcome;

/// A function that sends the line to an owner.
type SendLine<'a> = dyn Fn(&str) -> Result<()> + 'a;

/// Runs `openclaw channels test`.
pub(super) fn run(context: &Context<'_>, args: &AccountArgs) -> Result<ExitCode> {
    let channel = lookup::find_channel(&args.channel)?;
    let name = args.account.as_deref().unwrap_or(DEFAULT_ACCOUNT);
    let config = lookup::load_config(context)?;
    let account = DirectAccount::find(context.instance_context(), &config, channel, name)?;
    let account = account
        .ok_or_else(|| Error::failed(msg!("channels.no-account", name = channel.name, account = name)))?;
    let owners = account.owners(&config);
    if owners.is_empty() {
        let command = context.instance.command();
        return Err(Error::failed(msg!("channels.nobody")).hint(msg!(
            "channels.no-owner-yet",
            command = command,
            channel = channel.name
        )));
    }
    let text = msg!("channels.test-text", profile = context.instance.profile);
    let (probed, auth) = probe::probe_for_client(context.instance_context(), DEFAULT_TIMEOUT);
    let through_gateway = probed.is_running();
    let send: Box<SendLine<'_>> = if through_gateway {
        let endpoint = endpoint_of(context, probed, auth)?;
        let text = context.ui.render(&text);
        let name = name.to_owned();
        Box::new(move |owner| send_through(context, &endpoint, channel, &name, owner, &text))
    } else {
        Box::new(|owner| account.send(owner, text.clone(), context.ui.lang()))
    };
    let results: Vec<_> = owners.iter().map(|owner| (owner, send(owner))).collect();
    Ok(print_results(context, channel, through_gateway, &results))
}

/// Sends a text to an owner through the running gateway.
fn send_through(
    context: &Context<'_>,
    endpoint: &GatewayEndpoint,
    channel: &ChannelType,
    account: &str,
    owner: &str,
    text: &str,
) -> Result<()> {
    let key: [u8; 16] = context.host.random();
    let params = json!({
        "channel": channel.name, "accountId": account, "to": owner, "message": text,
        "idempotencyKey": hex::encode(key),
    });
    client::call(endpoint, "send", Some(&params), DEFAULT_TIMEOUT).map(drop)
}

/// Prints to whom the line was sent, and why to nobody else.
fn print_results(
    context: &Context<'_>,
    channel: &ChannelType,
    through_gateway: bool,
    results: &[(&String, Result<()>)],
) -> ExitCode {
    let ui = &context.ui;
    let outcome = if results.iter().all(|(_, sent)| sent.is_ok()) {
        ReportOutcome::Fine
    } else {
        ReportOutcome::Problem(ErrorKind::Failure, "channels.not-sent")
    };
    if ui.is_json() {
        let each = results.iter().map(|(owner, sent)| {
            let error: Value = sent.as_ref().err().map(|error| ui.render(&error.msg)).into();
            json!({"id": owner, "sent": sent.is_ok(), "error": error})
        });
        let document = json!({
            "ok": outcome == ReportOutcome::Fine, "channel": channel.name, "throughGateway": through_gateway,
            "owners": each.collect::<Vec<_>>(),
        });
        ui.print_report(outcome, document);
        return outcome.exit_code();
    }
    for (owner, sent) in results {
        match sent {
            Ok(()) => ui.print_line(&msg!("channels.sent", channel = channel.label, id = owner)),
            Err(error) => {
                let line = Msg::new("channels.not-sent").with("channel", channel.label);
                ui.print_line(&line.with("id", owner).with_msg("why", error.msg.clone()));
            }
        }
    }
    outcome.exit_code()
}
