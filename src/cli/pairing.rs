//! `openclaw pairing`: strangers who asked a bot to know them, and those who were approved.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Context;
use super::channels::lookup::{find_channel, load_config};
use crate::bot::channel::ChannelType;
use crate::bot::channels::CHANNELS;
use crate::bot::pairing::{PairingRequest, PairingStore};
use crate::bot::report;
use crate::config::release::Release;
use crate::engine;
use crate::error::{Error, Result};
use crate::i18n::{Msg, msg};
use crate::record::{Engine, Record};
use crate::text::sanitize;
use crate::time::{format_for_person, format_millis};
use crate::ui::Table;

/// The arguments of `openclaw pairing`.
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct PairingArgs {
    #[command(subcommand)]
    pub(crate) command: PairingCommand,
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// The subcommands of `openclaw pairing`.
#[derive(Debug, Subcommand)]
pub(crate) enum PairingCommand {
    List {
        #[arg(value_name = "CHANNEL")]
        channel: Option<String>,
    },
    Approve {
        #[arg(value_name = "CHANNEL")]
        channel: String,
        #[arg(value_name = "CODE")]
        code: String,
    },
    Revoke {
        #[arg(value_name = "CHANNEL")]
        channel: String,
        #[arg(value_name = "ID", allow_hyphen_values = true)]
        id: String,
    },
}

/// Runs `openclaw pairing ...`. The files are read by a running gateway at each message, so that it need not be asked.
pub(super) fn run(context: &Context<'_>, args: &PairingArgs) -> Result<ExitCode> {
    refuse_database(context)?;
    match &args.command {
        PairingCommand::List { channel } => list(context, channel.as_deref()),
        PairingCommand::Approve { channel, code } => approve(context, channel, code),
        PairingCommand::Revoke { channel, id } => revoke(context, channel, id),
    }
}

/// Refuses an instance whose engine keeps pairings in a database of its own: a release of OpenClaw from npm that is nearer
/// to 2026.9.6 than to 2026.1.30.
fn refuse_database(context: &Context<'_>) -> Result<()> {
    let record = Record::read(&context.instance.record_path())?;
    if record.engine != Engine::Node {
        return Ok(());
    }
    let node = engine::locate_for(context.instance_context(), &record)?;
    if matches!(Release::nearest(&node.version), Some((Release::Early, _))) {
        return Ok(());
    }
    let command = format!(
        "{} --profile {} pairing",
        node.path.display(),
        context.instance.profile
    );
    Err(Error::failed(msg!("pairing.in-database", version = node.version))
        .hint(msg!("pairing.own-command", command = command)))
}

fn store(context: &Context<'_>, channel: &ChannelType) -> PairingStore {
    PairingStore::new(&context.instance.state_dir, channel.name)
}

/// Runs `openclaw pairing list`.
fn list(context: &Context<'_>, channel: Option<&str>) -> Result<ExitCode> {
    let channels: Vec<_> = match channel {
        Some(channel) => vec![find_channel(channel)?],
        None => CHANNELS.iter().collect(),
    };
    let now = context.host.now();
    let requests: Vec<_> = channels
        .iter()
        .flat_map(|channel| {
            let requests = store(context, channel).requests(now).into_iter();
            requests.map(|request| (channel.name, request))
        })
        .collect();
    let paired: Vec<_> = channels
        .iter()
        .map(|channel| (*channel, store(context, channel).paired()))
        .filter(|(_, ids)| !ids.is_empty())
        .collect();
    let ui = &context.ui;
    if ui.is_json() {
        let requests: Vec<_> = requests
            .iter()
            .map(|(channel, request)| request_document(channel, request))
            .collect();
        let ids = paired
            .iter()
            .flat_map(|(channel, ids)| ids.iter().map(|id| json!({"channel": channel.name, "id": id})));
        let ids: Vec<_> = ids.collect();
        ui.print_json(&json!({"ok": true, "requests": requests, "paired": ids}));
        return Ok(ExitCode::SUCCESS);
    }
    if requests.is_empty() {
        ui.print_line(&msg!("pairing.none"));
    } else {
        print_requests(context, &requests);
    }
    for (channel, ids) in paired {
        let line = msg!("pairing.paired", channel = channel.label, ids = ids.join(", "));
        ui.print_detail(&line);
    }
    Ok(ExitCode::SUCCESS)
}

fn request_document(channel: &str, request: &PairingRequest) -> Value {
    json!({
        "channel": channel,
        "id": request.id,
        "code": request.code,
        "name": request.name,
        "createdAt": format_millis(request.created),
        "expiresAt": format_millis(request.expires()),
    })
}

fn print_requests(context: &Context<'_>, requests: &[(&str, PairingRequest)]) {
    let ui = &context.ui;
    let headings = [
        msg!("pairing.code"),
        msg!("channels.channel"),
        msg!("pairing.id"),
        msg!("pairing.name"),
        msg!("pairing.good-until"),
    ];
    let mut table = Table::new(headings.iter().map(|heading| ui.render(heading)).collect());
    for (channel, request) in requests {
        table.add_row(vec![
            sanitize(&request.code),
            (*channel).to_owned(),
            sanitize(&request.id),
            sanitize(&request.name),
            format_for_person(request.expires()),
        ]);
    }
    ui.print(&table.render(ui.width()));
}

/// Runs `openclaw pairing approve`.
fn approve(context: &Context<'_>, channel: &str, code: &str) -> Result<ExitCode> {
    let channel = find_channel(channel)?;
    let approved = store(context, channel).approve(code, context.host.now())?;
    let Some(request) = approved else {
        let command = context.instance.command();
        return Err(
            Error::failed(msg!("pairing.unknown-code", channel = channel.label))
                .hint(msg!("pairing.see-list", command = command)),
        );
    };
    let is_owner = is_owner(context, channel, &request.id);
    let ui = &context.ui;
    if ui.is_json() {
        ui.print_json(&json!({
            "ok": true, "channel": channel.name, "id": request.id, "name": request.name, "owner": is_owner,
        }));
        return Ok(ExitCode::SUCCESS);
    }
    ui.print_line(&msg!("pairing.approved", channel = channel.name, id = request.id));
    if is_owner == Some(false) {
        ui.print_note(&msg!("pairing.not-an-owner", channel = channel.name));
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs `openclaw pairing revoke`.
fn revoke(context: &Context<'_>, channel: &str, id: &str) -> Result<ExitCode> {
    let channel = find_channel(channel)?;
    let was_paired = store(context, channel).revoke(id)?;
    let is_still_owner = is_owner(context, channel, id) == Some(true);
    let in_config = |msg: Msg| msg.with("channel", channel.name).with("id", id);
    if !was_paired {
        let error = Error::failed(msg!("pairing.not-paired", channel = channel.label, id = id));
        return Err(if is_still_owner {
            error.hint(in_config(Msg::new("pairing.in-config")))
        } else {
            error
        });
    }
    let ui = &context.ui;
    if ui.is_json() {
        ui.print_json(&json!({"ok": true, "channel": channel.name, "id": id, "owner": is_still_owner}));
        return Ok(ExitCode::SUCCESS);
    }
    ui.print_line(&msg!("pairing.revoked", channel = channel.name, id = id));
    if is_still_owner {
        ui.print_note(&in_config(Msg::new("pairing.in-config")));
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns whether a person may command the bot of a channel, by the config and the pairing as they are now; `None` where
/// there is no such config.
fn is_owner(context: &Context<'_>, channel: &'static ChannelType, id: &str) -> Option<bool> {
    let config = load_config(context).ok()?;
    report::is_owner(context.instance_context(), &config, channel, id)
}
