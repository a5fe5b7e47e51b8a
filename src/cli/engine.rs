//! `openclaw engine`: the releases of OpenClaw from npm on this host, and which one runs an instance's gateway.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Context;
use crate::engine::InstalledRelease;
use crate::environment::abbreviate_home;
use crate::error::{Error, Result};
use crate::i18n::{Msg, msg, size_msg};
use crate::record::{Engine, ReleaseVersion};
use crate::releases::{self, Installed, Npm, Published, StoreLock};
use crate::survey::Survey;
use crate::ui::Table;

mod choose;
mod history;
mod lookup;
mod pin;
mod rollback;
mod steps;
mod upgrade;
mod upgrade_all;

use lookup::{parse_version, store};

/// Maximum number of published releases that `engine list --remote` shows to a person.
const SHOWN_PUBLISHED: usize = 20;

/// The arguments of `openclaw engine`.
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct EngineArgs {
    #[command(subcommand)]
    pub(crate) command: EngineCommand,
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// The subcommands of `openclaw engine`.
#[derive(Debug, Subcommand)]
pub(crate) enum EngineCommand {
    List {
        #[arg(long)]
        remote: bool,
        #[arg(long, value_name = "URL")]
        registry: Option<String>,
    },
    Install {
        #[arg(value_name = "VERSION")]
        version: String,
        #[arg(long, value_name = "URL")]
        registry: Option<String>,
    },
    Use {
        #[arg(value_name = "ENGINE")]
        engine: String,
    },
    Remove {
        #[arg(value_name = "VERSION")]
        version: String,
        #[arg(long)]
        force: bool,
    },
    Upgrade(upgrade::UpgradeArgs),
    Pin {
        #[arg(long)]
        off: bool,
    },
    Rollback {
        #[arg(long)]
        yes: bool,
    },
    History,
}

impl EngineArgs {
    /// Returns `true` if the command is about one instance, and not about the releases on the host.
    pub(super) fn is_about_instance(&self) -> bool {
        use EngineCommand::{History, Pin, Rollback, Upgrade, Use};
        match &self.command {
            Upgrade(args) => !args.all,
            command => matches!(command, Use { .. } | Rollback { .. } | Pin { .. } | History),
        }
    }
}

/// Runs `openclaw engine ...`.
pub(super) fn run(context: &Context<'_>, args: &EngineArgs) -> Result<ExitCode> {
    match &args.command {
        EngineCommand::List { remote, registry } => list(context, *remote, registry.as_deref()),
        EngineCommand::Install { version, registry } => install(context, version, registry.as_deref()),
        EngineCommand::Use { engine } => choose::run(context, engine),
        EngineCommand::Remove { version, force } => remove(context, version, *force),
        EngineCommand::Upgrade(args) if args.all => upgrade_all::run(context, args),
        EngineCommand::Upgrade(args) => upgrade::run(context, args),
        EngineCommand::Pin { off } => pin::run(context, *off),
        EngineCommand::Rollback { yes } => rollback::run(context, *yes),
        EngineCommand::History => Ok(history::run(context)),
    }
}

/// Returns the labels of the instances whose gateway is this release; with `None`, of those that run the OpenClaw of the host.
fn users(survey: &Survey, version: Option<&ReleaseVersion>) -> Vec<String> {
    let runs =
        |record: &crate::record::Record| record.engine == Engine::Node && record.release.as_ref() == version;
    let instances = survey.instances.iter();
    let users = instances.filter(|instance| instance.record().is_some_and(runs));
    users.map(|instance| instance.label.clone()).collect()
}

/// Runs `openclaw engine list`.
fn list(context: &Context<'_>, remote: bool, registry: Option<&str>) -> Result<ExitCode> {
    let (ui, store) = (&context.ui, store(context));
    let published = if remote {
        let npm = Npm::find(context.host, &store, registry)?;
        let _waiting = ui.spinner(&msg!("engine.asking"));
        Some(releases::published(&npm)?)
    } else {
        None
    };
    let survey = context.survey();
    let installed = store.list();
    if ui.is_json() {
        print_list_document(context, &survey, &installed, published.as_ref());
        return Ok(ExitCode::SUCCESS);
    }
    print_installed(context, &survey, &installed);
    if let Some(published) = &published {
        print_published(context, &installed, published);
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the releases on the host as a table: those of this program, and the OpenClaw of the host.
fn print_installed(context: &Context<'_>, survey: &Survey, installed: &[InstalledRelease]) {
    let ui = &context.ui;
    if installed.is_empty() && survey.node.is_none() {
        ui.print_line(&Msg::new("engine.none"));
        return;
    }
    let headings = [
        msg!("engine.column-release"),
        msg!("engine.column-node"),
        msg!("engine.column-size"),
        msg!("engine.column-users"),
        msg!("engine.column-folder"),
    ];
    let mut table = Table::new(headings.iter().map(|heading| ui.render(heading)).collect());
    for release in installed {
        let receipt = &release.receipt;
        let node = receipt
            .node
            .as_ref()
            .map_or_else(|| "PATH".to_owned(), |node| node.version.clone());
        table.add_row(vec![
            receipt.version.to_string(),
            node,
            ui.render(&size_msg(receipt.bytes)),
            joined_or_dash(&users(survey, Some(&receipt.version))),
            abbreviate_home(&context.env.home, &release.folder),
        ]);
    }
    if let Some(node) = &survey.node {
        table.add_row(vec![
            node.version.clone(),
            "PATH".to_owned(),
            "-".to_owned(),
            joined_or_dash(&users(survey, None)),
            abbreviate_home(&context.env.home, &node.path),
        ]);
    }
    ui.print(&table.render(ui.width()));
}

fn joined_or_dash(words: &[String]) -> String {
    if words.is_empty() {
        "-".to_owned()
    } else {
        words.join(", ")
    }
}

/// Prints the newest releases that the registry has.
fn print_published(context: &Context<'_>, installed: &[InstalledRelease], published: &Published) {
    let ui = &context.ui;
    let is_installed = |version: &ReleaseVersion| installed.iter().any(|own| own.receipt.version == *version);
    ui.print_line(&msg!("engine.published", count = published.versions.len()));
    for version in published.versions.iter().take(SHOWN_PUBLISHED) {
        let tags = published
            .tags
            .iter()
            .filter(|(_, of)| of.as_str() == version.as_str());
        let mut words: Vec<_> = tags.map(|(name, _)| name.clone()).collect();
        if is_installed(version) {
            words.push(ui.render(&Msg::new("engine.installed-mark")));
        }
        let words = if words.is_empty() {
            String::new()
        } else {
            format!("  ({})", words.join(", "))
        };
        ui.print(&format!("  {version}{words}"));
    }
}

/// Prints the releases as a JSON document.
fn print_list_document(
    context: &Context<'_>,
    survey: &Survey,
    installed: &[InstalledRelease],
    published: Option<&Published>,
) {
    let releases: Vec<_> = installed
        .iter()
        .map(|release| release_document(release, &users(survey, Some(&release.receipt.version))))
        .collect();
    let host = survey.node.as_ref();
    let host =
        host.map(|node| json!({ "version": node.version, "path": node.path, "usedBy": users(survey, None) }));
    context.ui.print_json(&json!({
        "ok": true,
        "releases": releases,
        "host": host,
        "published": published.map(|published| json!({ "versions": published.versions, "tags": published.tags })),
    }));
}

/// Returns a release as a JSON document.
fn release_document(release: &InstalledRelease, users: &[String]) -> Value {
    let receipt = &release.receipt;
    json!({
        "version": receipt.version,
        "folder": release.folder,
        "integrity": receipt.integrity,
        "installedAt": receipt.installed_at,
        "packages": receipt.packages,
        "bytes": receipt.bytes,
        "nodeRange": receipt.node_range,
        "node": receipt.node,
        "overrides": receipt.overrides,
        "usedBy": users,
    })
}

/// Runs `openclaw engine install`.
fn install(context: &Context<'_>, wanted: &str, registry: Option<&str>) -> Result<ExitCode> {
    let installed = install_release(context, wanted, registry)?;
    let receipt = &installed.release.receipt;
    if context.ui.is_json() {
        let survey = context.survey();
        let mut document = release_document(&installed.release, &users(&survey, Some(&receipt.version)));
        document["ok"] = true.into();
        document["wasInstalled"] = installed.was_there.into();
        context.ui.print_json(&document);
        return Ok(ExitCode::SUCCESS);
    }
    let path = abbreviate_home(&context.env.home, &installed.release.folder);
    if installed.was_there {
        context.ui.print_line(&msg!(
            "engine.was-installed",
            version = receipt.version,
            path = path
        ));
    } else {
        context.ui.print_success(&msg!(
            "engine.installed",
            version = receipt.version,
            packages = receipt.packages,
            path = path
        ));
    }
    let command = format!("{} engine use {}", context.instance.command(), receipt.version);
    context.ui.print_note(&msg!("engine.use-it", command = command));
    Ok(ExitCode::SUCCESS)
}

/// Installs the release that an onboarding has chosen for its instance, and records it as the one that runs the gateway.
///
/// # Errors
/// Where it can't be installed, or refuses the config of the instance; the hints name the commands that go on from there.
pub(super) fn provide_release(context: &Context<'_>, wanted: &str) -> Result<()> {
    let command = context.instance.command();
    let go_on = |error: Error| {
        let install = format!("{command} engine install {wanted}");
        error.hint(msg!("engine.provide-later", install = install, command = command))
    };
    let installed = install_release(context, wanted, None).map_err(go_on)?;
    let receipt = &installed.release.receipt;
    choose::record_release(context, &receipt.version)?;
    if !context.ui.is_json() {
        let path = abbreviate_home(&context.env.home, &installed.release.folder);
        context.ui.print_success(&msg!(
            "engine.installed",
            version = receipt.version,
            packages = receipt.packages,
            path = path
        ));
    }
    Ok(())
}

/// Installs a release, with its progress on the terminal.
fn install_release(context: &Context<'_>, wanted: &str, registry: Option<&str>) -> Result<Installed> {
    let store = store(context);
    let npm = Npm::find(context.host, &store, registry)?;
    let lock = StoreLock::acquire(&store)?;
    steps::install_release(context, &lock, &npm, wanted)
}

/// Runs `openclaw engine remove`.
fn remove(context: &Context<'_>, typed: &str, force: bool) -> Result<ExitCode> {
    let (version, store) = (parse_version(typed)?, store(context));
    let folder = store.release_folder(&version);
    if !folder.exists() {
        return Err(
            Error::failed(msg!("engine.not-installed", version = version)).hint(msg!("engine.see-list"))
        );
    }
    let lock = StoreLock::acquire(&store)?;
    let users = users(&context.survey(), Some(&version));
    if let Some(first) = users.first() {
        let command = format!("openclaw --profile {first} engine use native");
        return Err(
            Error::blocked(msg!("engine.in-use", version = version, users = users.join(", ")))
                .hint(msg!("engine.use-native", command = command)),
        );
    }
    let needed = releases::history(&store).into_iter().find(|entry| {
        let last = releases::last_upgrade(&releases::history(&store), &entry.switch.config);
        last.is_some_and(|last| last == *entry && last.switch.from.release.as_ref() == Some(&version))
    });
    if let Some(entry) = needed.filter(|_| !force) {
        let profile = &entry.switch.profile;
        return Err(
            Error::failed(msg!("engine.needed", version = version, profile = profile)).hint(msg!(
                "engine.force-remove",
                command = format!("openclaw engine remove {version} --force")
            )),
        );
    }
    releases::remove(&lock, &store, &folder, &crate::time::file_stamp(&context.now()))?;
    if context.ui.is_json() {
        context
            .ui
            .print_json(&json!({ "ok": true, "version": version, "folder": folder }));
    } else {
        context
            .ui
            .print_success(&msg!("engine.removed", version = version));
    }
    Ok(ExitCode::SUCCESS)
}
