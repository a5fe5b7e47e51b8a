//! `openclaw engine upgrade`: takes an instance to another release, after a rehearsal on a copy.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::lookup::{no_instance, record_write, store};
use super::steps::{install_release, recover, run_switch};
use crate::cli::Context;
use crate::config::document::ConfigDocument;
use crate::config::judge::ConfigJudge;
use crate::config::key_path::KeyPath;
use crate::config::schema::Violation;
use crate::config::{self, LoadedConfig};
use crate::engine::{self, InstalledRelease, ReleaseStore};
use crate::error::{Error, Result};
use crate::host::{self, read};
use crate::i18n::{duration_msg, msg, size_msg};
use crate::plan::{self, Change};
use crate::ports::Port;
use crate::record::{Engine, Record, ReleaseVersion};
use crate::releases::{
    self, EngineChoice, Npm, Rehearsal, Rehearsed, RunMode, StoreLock, Switch, SwitchChange, SwitchEntry,
    SwitchJournal, SwitchKind, UpgradeFolders,
};
use crate::snapshot::SnapshotInputs;
use crate::survey::ports::suggest_probed;
use crate::time::unix_millis;
use crate::wizard::terminal::Terminal;

/// Free space that an upgrade needs for a release that is not installed yet, in bytes.
const RELEASE_BYTES: u64 = 1 << 30;

/// The arguments of `openclaw engine upgrade`.
#[derive(Debug, Args)]
pub(crate) struct UpgradeArgs {
    #[arg(value_name = "VERSION")]
    pub(crate) version: Option<String>,
    #[arg(long)]
    pub(crate) all: bool,
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[arg(long)]
    pub(crate) no_rehearsal: bool,
    #[arg(long)]
    pub(crate) accept_errors: bool,
    #[arg(long)]
    pub(crate) yes: bool,
    #[arg(long, value_name = "URL")]
    pub(crate) registry: Option<String>,
}

/// Plan of an upgrade: its releases, and the config as the new one is to read it.
struct UpgradePlan {
    from: EngineChoice,
    /// The version that runs now.
    from_version: String,
    to: ReleaseVersion,
    /// The config as the new release is to read it, and as it is.
    document: ConfigDocument,
    config_before: Option<Vec<u8>>,
    /// The keys that the new release does not know, which are removed.
    removed: Vec<KeyPath>,
    is_installed: bool,
}

/// An upgrade that was made, or rehearsed.
pub(super) struct Upgraded {
    plan: UpgradePlan,
    rehearsed: Option<Rehearsed>,
    /// The switch; `None` where only the rehearsal was wanted.
    entry: Option<SwitchEntry>,
}

/// Runs `openclaw engine upgrade`.
pub(super) fn run(context: &Context<'_>, args: &UpgradeArgs) -> Result<ExitCode> {
    let upgraded = upgrade(context, args)?;
    if context.ui.is_json() {
        context.ui.print_json(&upgraded.document(context));
    } else {
        upgraded.print(context);
    }
    Ok(ExitCode::SUCCESS)
}

/// Upgrades an instance, or rehearses that.
///
/// # Errors
/// Where there is nothing to upgrade to, nobody agrees, the rehearsal or the upgrade fails. Everything is as it was then.
pub(super) fn upgrade(context: &Context<'_>, args: &UpgradeArgs) -> Result<Upgraded> {
    let (store, state_home) = (store(context), context.state_home());
    let lock = StoreLock::acquire(&store)?;
    let switch = Switch::new(context.instance_context(), &store, &state_home);
    recover(context, switch)?;
    let npm = Npm::find(context.host, &store, args.registry.as_deref());
    let plan = UpgradePlan::make(context, args, &store, npm.as_ref().ok())?;
    let mode = RunMode::of(switch.context)?;
    let was_running = mode != RunMode::Stopped;
    plan.check_room(context, &store, !args.no_rehearsal, args.dry_run)?;
    if !context.ui.is_json() {
        plan.print(context, was_running);
    }
    if !(args.yes || args.dry_run) {
        ask(context, &plan)?;
    }
    let release = match store
        .find(&plan.to)
        .filter(|release| release.choose_node(context.host).is_ok())
    {
        Some(release) => release,
        None => install_release(context, &lock, &npm?, plan.to.as_str())?.release,
    };
    let rehearsed = if args.no_rehearsal {
        None
    } else {
        Some(rehearse(context, &store, &release, &plan)?)
    };
    if args.dry_run {
        return Ok(Upgraded {
            plan,
            rehearsed,
            entry: None,
        });
    }
    let to = plan.to_choice();
    let mut changes = vec![record_write(context, &to)?];
    changes.extend(plan.config_change(context));
    let journal = SwitchJournal {
        at: unix_millis(context.host.now()),
        profile: context.instance.profile.to_string(),
        config: context.instance.config_path.clone(),
        kind: SwitchKind::Upgrade,
        from: plan.from.clone(),
        to,
        was_running,
        in_background: mode == RunMode::Background,
        before: None,
    };
    let switch = Switch {
        accepts_errors: args.accept_errors,
        ..switch
    };
    let entry = run_switch(context, switch, journal, &SwitchChange::Files(changes))?;
    Ok(Upgraded {
        plan,
        rehearsed,
        entry: Some(entry),
    })
}

impl UpgradePlan {
    /// Plans the upgrade. Only reads, and asks the registry where a version is not installed.
    fn make(
        context: &Context<'_>,
        args: &UpgradeArgs,
        store: &ReleaseStore,
        npm: Option<&Npm<'_>>,
    ) -> Result<Self> {
        let instance = &context.instance;
        let record = Record::read(&instance.record_path())?;
        if record.engine != Engine::Node {
            return Err(
                Error::failed(msg!("engine.native-has-none", profile = instance.profile)).hint(msg!(
                    "engine.use-it",
                    command = format!("{} engine use VERSION", instance.command())
                )),
            );
        }
        refuse_pinned(context, &record)?;
        let from_version = engine::locate_for(context.instance_context(), &record)?.version;
        let typed = args.version.as_deref().unwrap_or("latest");
        let installed = ReleaseVersion::parse(typed)
            .ok()
            .filter(|version| store.find(version).is_some());
        let is_installed = installed.is_some();
        let to = match (installed, npm) {
            (Some(version), _) => version,
            (None, Some(npm)) => {
                let _waiting = context.ui.spinner(&msg!("engine.asking"));
                releases::resolve_version(npm, typed)?
            }
            (None, None) => {
                return Err(Error::failed(msg!("engine.no-npm")).hint(msg!("engine.get-npm")));
            }
        };
        refuse_version(context, &record, &from_version, &to)?;
        let config_before = read::bytes(&instance.config_path).ok();
        let document = match config::load(&instance.config_path) {
            LoadedConfig::Ok(document) => document,
            LoadedConfig::Broken(error) => return Err(config::broken_error(&instance.config_path, &error)),
            LoadedConfig::Missing => return Err(no_instance(context)),
        };
        let (document, removed) = convert(context, document, &to)?;
        Ok(Self {
            from: EngineChoice::of(&record),
            from_version,
            is_installed: is_installed || store.find(&to).is_some(),
            to,
            document,
            config_before,
            removed,
        })
    }

    fn to_choice(&self) -> EngineChoice {
        EngineChoice {
            engine: Engine::Node,
            release: Some(self.to.clone()),
        }
    }

    /// Returns the change of the config; `None` where the new release reads it as it is.
    fn config_change(&self, context: &Context<'_>) -> Option<Change> {
        let path = &context.instance.config_path;
        let before = self.config_before.clone();
        (!self.removed.is_empty()).then(|| plan::config_write(path, &self.document, before))
    }

    /// Checks that there is room for the upgrade, or for its rehearsal alone.
    fn check_room(
        &self,
        context: &Context<'_>,
        store: &ReleaseStore,
        rehearses: bool,
        dry_run: bool,
    ) -> Result<()> {
        let (instance, survey) = (&context.instance, context.survey());
        let inputs = SnapshotInputs::new(context.instance_context(), &survey, &context.state_home());
        let size = inputs.target(instance, &context.env.home).size()?;
        let folders = UpgradeFolders {
            store: &store.folder,
            snapshots: &inputs.folder,
            state: &instance.state_dir,
        };
        let release_bytes = if self.is_installed { 0 } else { RELEASE_BYTES };
        let times = releases::room_parts(folders, size, rehearses, release_bytes);
        releases::check_room(context.host, if dry_run { &times[..1] } else { &times })
    }

    /// Prints the plan.
    fn print(&self, context: &Context<'_>, was_running: bool) {
        let ui = &context.ui;
        let profile = &context.instance.profile;
        ui.print_line(&msg!(
            "engine.plan",
            profile = profile,
            from = self.from_version,
            to = self.to
        ));
        if !self.is_installed {
            ui.print_detail(&msg!("engine.plan-download").with_msg("size", size_msg(RELEASE_BYTES)));
        }
        if let Some(space) = host::file_system_space(&context.instance.state_dir) {
            ui.print_detail(&msg!("engine.plan-disk").with_msg("free", size_msg(space.free_bytes)));
        }
        if !self.removed.is_empty() {
            let keys: Vec<_> = self.removed.iter().map(KeyPath::to_string).collect();
            ui.print_detail(&msg!(
                "engine.plan-keys",
                version = self.to,
                keys = keys.join(", ")
            ));
        }
        ui.print_detail(&if was_running {
            msg!("engine.plan-downtime")
        } else {
            msg!("engine.plan-stopped")
        });
    }
}

impl Upgraded {
    /// Prints what became of the upgrade, or what its rehearsal has shown.
    pub(super) fn print(&self, context: &Context<'_>) {
        let (ui, plan) = (&context.ui, &self.plan);
        if let Some(rehearsed) = self.rehearsed {
            ui.print_success(
                &msg!("engine.rehearsed", version = plan.to)
                    .with_msg("time", duration_msg(rehearsed.start_time)),
            );
        }
        let (profile, command) = (&context.instance.profile, context.instance.command());
        let Some(entry) = &self.entry else {
            ui.print_line(&msg!(
                "engine.dry-run",
                profile = profile,
                version = plan.from_version
            ));
            return;
        };
        match entry.downtime.map(Duration::from_millis) {
            Some(time) => ui.print_success(
                &msg!("engine.upgraded", profile = profile, version = plan.to)
                    .with_msg("downtime", duration_msg(time)),
            ),
            None => ui.print_success(&msg!(
                "engine.upgraded-stopped",
                profile = profile,
                version = plan.to
            )),
        }
        ui.print_note(&msg!("engine.roll-back-it", command = command));
    }

    /// Returns the upgrade as a JSON document.
    pub(super) fn document(&self, context: &Context<'_>) -> Value {
        let plan = &self.plan;
        let keys: Vec<_> = plan.removed.iter().map(KeyPath::to_string).collect();
        json!({
            "ok": true,
            "profile": context.instance.profile.as_str(),
            "from": plan.from_version,
            "to": plan.to,
            "dryRun": self.entry.is_none(),
            "removedKeys": keys,
            "rehearsal": self.rehearsed.map(|rehearsed| json!({
                "startMs": crate::time::millis(rehearsed.start_time),
                "bytes": rehearsed.bytes,
            })),
            "switch": self.entry,
        })
    }
}

/// Refuses to upgrade an instance whose release is pinned.
fn refuse_pinned(context: &Context<'_>, record: &Record) -> Result<()> {
    if !record.pinned {
        return Ok(());
    }
    let (profile, command) = (&context.instance.profile, context.instance.command());
    Err(Error::failed(msg!("engine.pinned", profile = profile)).hint(msg!("engine.unpin", command = command)))
}

/// Refuses a version to which there is no upgrade: the one that runs, or an older one.
fn refuse_version(
    context: &Context<'_>,
    record: &Record,
    from_version: &str,
    to: &ReleaseVersion,
) -> Result<()> {
    let profile = &context.instance.profile;
    if record.release.as_ref() == Some(to) {
        return Err(Error::failed(msg!(
            "engine.runs-it",
            profile = profile,
            version = to
        )));
    }
    let is_older = to.as_str() != from_version && !to.is_newer_than(from_version);
    if is_older {
        let command = format!("{} engine rollback", context.instance.command());
        return Err(
            Error::failed(msg!("engine.older", version = to, runs = from_version))
                .hint(msg!("engine.roll-back-it", command = command)),
        );
    }
    Ok(())
}

/// Returns the config as the new release is to read it, and the keys that were removed because it does not know them.
///
/// # Errors
/// Where it refuses anything else, or a key that is in an included file.
fn convert(
    context: &Context<'_>,
    mut document: ConfigDocument,
    to: &ReleaseVersion,
) -> Result<(ConfigDocument, Vec<KeyPath>)> {
    let path = &context.instance.config_path;
    let judge =
        ConfigJudge::for_version(to.as_str()).with_include_roots(context.instance_context().include_roots());
    let mut removed = Vec::new();
    loop {
        let effective =
            config::effective(path, &document).map_err(|error| config::broken_error(path, &error))?;
        let Some(finding) = judge.refused(&effective).into_iter().next() else {
            return Ok((document, removed));
        };
        let is_unknown = finding.violation == Violation::UnknownKey;
        if is_unknown && document.unset(&finding.path).unwrap_or_default() {
            removed.push(finding.path);
            continue;
        }
        let refused = msg!(
            "engine.config-refused",
            version = to,
            key = finding.path,
            path = path.display()
        );
        return Err(Error::blocked(refused.with_msg("why", finding.why)));
    }
}

/// Asks a person for consent to an upgrade.
fn ask(context: &Context<'_>, plan: &UpgradePlan) -> Result<()> {
    let terminal = context.host.terminal();
    if !terminal.can_ask() || context.ui.is_json() {
        return Err(Error::usage(msg!(
            "engine.upgrade-unasked",
            command = context.instance.command()
        )));
    }
    let ask = msg!(
        "engine.upgrade-ask",
        profile = context.instance.profile,
        version = plan.to
    );
    if Terminal::new(context.ui).confirm(&ask, Some(true))? {
        Ok(())
    } else {
        Err(Error::failed(msg!("engine.left")))
    }
}

/// Rehearses the upgrade on a copy.
fn rehearse(
    context: &Context<'_>,
    store: &ReleaseStore,
    release: &InstalledRelease,
    plan: &UpgradePlan,
) -> Result<Rehearsed> {
    let _waiting = context.ui.spinner(&msg!("engine.rehearsing", version = plan.to));
    let (instance, survey) = (&context.instance, context.survey());
    // It is nobody's: the ports of the instance itself are taken too.
    let mut planner = survey.planner(&instance.profile, &store.folder.join("rehearsal.json"));
    let suggested = suggest_probed(context.host, &mut planner, &[], 1, &|_, _| {});
    let suggested = suggested.ok().and_then(|suggested| suggested.into_iter().next());
    let port = suggested.and_then(|suggested| Port::new(suggested.family.base().get()));
    let inputs = SnapshotInputs::new(context.instance_context(), &survey, &context.state_home());
    let path = &instance.config_path;
    let config = config::effective(path, &plan.document)
        .map_err(|error| config::broken_error(path, &error))?
        .value;
    Rehearsal {
        context: context.instance_context(),
        inputs: &inputs,
        store,
        release,
        config: &config,
        port: port.ok_or_else(|| Error::blocked(msg!("engine.no-ports")))?,
    }
    .run()
}
