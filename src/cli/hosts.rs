//! `openclaw hosts`: the user's other hosts: adds, lists, removes and checks them.
//!
//! With `--json` each prints one document.
//!
//! - `hosts list`: `ok`, `hosts`, each `{name, address, program}`.
//! - `hosts add`, `hosts check`: `ok`, `hosts`, each with `name`, `address`, `ok`, `code` and `message` (null where `ok`),
//!   `version`, `installed`, `milliseconds`; `sharedTokens`, each a list of `{host, instance, key}`, where `host` is null for
//!   this one.
//! - `hosts fingerprints`: `ok`, `fingerprints`, each `{instance, key, fingerprint}`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::Context;
use crate::apply;
use crate::error::{Error, Result};
use crate::hosts::{HostList, HostName, RemoteHost, SshAddress};
use crate::i18n::msg;
use crate::ui::Table;

mod check;
mod tokens;

pub(super) use check::print_fault;

/// The arguments of `openclaw hosts`.
#[derive(Debug, Args)]
pub(crate) struct HostsArgs {
    #[command(subcommand)]
    pub(crate) command: Option<HostsCommand>,
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// The subcommands of `openclaw hosts`.
#[derive(Debug, Subcommand)]
pub(crate) enum HostsCommand {
    List,
    Add {
        #[arg(value_name = "NAME")]
        name: String,
        #[arg(value_name = "ADDRESS")]
        address: String,
        #[arg(long, value_name = "PATH")]
        program: Option<String>,
        #[arg(long)]
        no_check: bool,
    },
    Remove {
        #[arg(value_name = "NAME")]
        name: String,
    },
    Check {
        #[arg(value_name = "NAME")]
        names: Vec<String>,
    },
    Fingerprints,
}

/// Runs `openclaw hosts ...`.
pub(super) fn run(context: &Context<'_>, args: &HostsArgs) -> Result<ExitCode> {
    match &args.command {
        None | Some(HostsCommand::List) => list(context),
        Some(HostsCommand::Add {
            name,
            address,
            program,
            no_check,
        }) => {
            let host = RemoteHost {
                name: HostName::parse(name)?,
                address: SshAddress::parse(address)?,
                program: program.clone(),
            };
            add(context, host, !no_check)
        }
        Some(HostsCommand::Remove { name }) => remove(context, &HostName::parse(name)?),
        Some(HostsCommand::Check { names }) => {
            let list = HostList::read(&context.state_home())?;
            let names = names.iter().map(|name| HostName::parse(name));
            let chosen = names.map(|name| list.find(&name?).cloned());
            let chosen = chosen.collect::<Result<Vec<_>>>()?;
            let hosts = if chosen.is_empty() { list.hosts } else { chosen };
            Ok(check::run(context, &hosts))
        }
        Some(HostsCommand::Fingerprints) => tokens::print_fingerprints(context),
    }
}

/// Runs `openclaw hosts list`.
fn list(context: &Context<'_>) -> Result<ExitCode> {
    let ui = &context.ui;
    let list = HostList::read(&context.state_home())?;
    if ui.is_json() {
        let hosts: Vec<_> = list.hosts.iter().map(RemoteHost::document).collect();
        ui.print_json(&json!({ "ok": true, "hosts": hosts }));
    } else if list.hosts.is_empty() {
        ui.print_line(&msg!("hosts.none"));
    } else {
        let headings = [
            msg!("hosts.heading-host"),
            msg!("hosts.heading-address"),
            msg!("hosts.heading-program"),
        ];
        let mut table = Table::new(headings.iter().map(|heading| ui.render(heading)).collect());
        for host in &list.hosts {
            let program = host.program.clone().unwrap_or_else(|| "openclaw".to_owned());
            table.add_row(vec![host.name.to_string(), host.address.to_string(), program]);
        }
        ui.print(&table.render(ui.width()));
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs `openclaw hosts add`: puts the host into the list, and asks it for its version.
///
/// # Errors
/// Exit 1 where the name belongs to another address.
fn add(context: &Context<'_>, host: RemoteHost, must_check: bool) -> Result<ExitCode> {
    let lock = context.lock()?;
    let list = HostList::read(&context.state_home())?;
    let known = list.hosts.iter().find(|known| known.name == host.name);
    if let Some(known) = known.filter(|known| known.address != host.address) {
        let msg = msg!("hosts.taken", host = known.name, address = known.address);
        return Err(Error::failed(msg).hint(msg!("hosts.remove-it", host = known.name)));
    }
    if known != Some(&host) {
        apply::write_file(list.path(), list.with(&host).as_bytes())?;
    }
    drop(lock);
    if !context.ui.is_json() {
        context
            .ui
            .print_success(&msg!("hosts.added", host = host.name, address = host.address));
    }
    if must_check {
        return Ok(check::run(context, &[host]));
    }
    if context.ui.is_json() {
        context
            .ui
            .print_json(&json!({ "ok": true, "hosts": [host.document()] }));
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs `openclaw hosts remove`. Nothing is done on the host itself.
///
/// # Errors
/// Exit 1 where there is no such host.
fn remove(context: &Context<'_>, name: &HostName) -> Result<ExitCode> {
    let lock = context.lock()?;
    let list = HostList::read(&context.state_home())?;
    let host = list.find(name)?;
    context.ssh().disconnect(host);
    apply::write_file(list.path(), list.without(name).as_bytes())?;
    drop(lock);
    if context.ui.is_json() {
        context
            .ui
            .print_json(&json!({ "ok": true, "hosts": [host.document()] }));
    } else {
        context.ui.print_success(&msg!("hosts.removed", host = name));
    }
    Ok(ExitCode::SUCCESS)
}
