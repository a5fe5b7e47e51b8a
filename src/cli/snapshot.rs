//! `openclaw snapshot`: makes, lists and restores snapshots of one instance.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Context, left_out};
use crate::apply::HostLock;
use crate::archive::{ArchiveKind, Manifest, STATE_ENTRY, StagingDir};
use crate::config::{self, LoadedConfig};
use crate::environment::abbreviate_home;
use crate::error::{Error, ErrorReason, Result};
use crate::i18n::{Msg, msg, size_msg};
use crate::snapshot::{
    self, CreatedSnapshot, Snapshot, SnapshotInputs, SnapshotLock, SnapshotReason, SnapshotTarget,
};
use crate::survey::Survey;
use crate::survey::ports::{self, PortSettings};
use crate::ui::Table;
use crate::wizard::terminal::Terminal;
use crate::{apply, archive, probe, service};

/// The arguments of `openclaw snapshot`.
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct SnapshotArgs {
    #[command(subcommand)]
    pub(crate) command: SnapshotCommand,
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// The subcommands of `openclaw snapshot`.
#[derive(Debug, Subcommand)]
pub(crate) enum SnapshotCommand {
    Create,
    List,
    Restore {
        #[arg(value_name = "ID")]
        id: Option<String>,
        #[arg(long)]
        yes: bool,
    },
}

/// Maximum time for a gateway to answer that it runs.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);

/// Runs `openclaw snapshot ...`.
pub(super) fn run(context: &Context<'_>, args: &SnapshotArgs) -> Result<ExitCode> {
    match &args.command {
        SnapshotCommand::Create => create(context),
        SnapshotCommand::List => list(context),
        SnapshotCommand::Restore { id, yes } => restore(context, id.as_deref(), *yes),
    }
}

/// Returns the folder of the instance's snapshots.
fn snapshot_dir(context: &Context<'_>) -> PathBuf {
    let state_home = context.state_home();
    snapshot::snapshot_dir(&state_home, &context.env.home, &context.instance)
}

/// Reads what of the host a snapshot of the instance takes into account.
fn inputs(context: &Context<'_>, survey: &Survey) -> SnapshotInputs {
    SnapshotInputs::new(context.instance_context(), survey, &context.state_home())
}

/// Runs `openclaw snapshot create`.
fn create(context: &Context<'_>) -> Result<ExitCode> {
    // An interrupted change is completed first. Packing takes long, and needs the host's lock no more.
    remove_leftovers(context, &context.lock()?);
    let lock = SnapshotLock::acquire(&snapshot_dir(context))?;
    let survey = context.survey();
    let inputs = inputs(context, &survey);
    let created =
        inputs
            .target(&context.instance, &context.env.home)
            .create(&lock, SnapshotReason::Asked, None)?;
    let made = &created.snapshot;
    let ui = &context.ui;
    if ui.is_json() {
        ui.print_json(&json!({
            "ok": true,
            "id": made.id,
            "path": made.path,
            "bytes": made.bytes,
            "files": created.manifest.files.len(),
            "skipped": left_out::unexpected_paths(&created.left_out),
            "leftOut": left_out::document(&created.left_out),
            "pruned": pruned_ids(&created.pruned),
        }));
    } else {
        ui.print_line(&msg!(
            "snapshot.made",
            id = made.id,
            files = created.manifest.files.len(),
            path = abbreviate_home(&context.env.home, &made.path)
        ));
        left_out::print(context, ArchiveKind::Snapshot, &created.left_out);
        print_pruned(context, &created.pruned);
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the ids of the snapshots that were removed.
fn pruned_ids(pruned: &[Snapshot]) -> Vec<&str> {
    pruned.iter().map(|pruned| pruned.id.as_str()).collect()
}

/// Names the old automatic snapshots that were removed.
fn print_pruned(context: &Context<'_>, pruned: &[Snapshot]) {
    if !pruned.is_empty() {
        context.ui.print_note(&msg!(
            "snapshot.pruned",
            ids = pruned_ids(pruned).join(", "),
            kept = snapshot::KEPT_AUTOMATIC_SNAPSHOTS
        ));
    }
}

/// Runs `openclaw snapshot list`.
fn list(context: &Context<'_>) -> Result<ExitCode> {
    let found = snapshot::list(&snapshot_dir(context))?;
    let ui = &context.ui;
    if ui.is_json() {
        let rows: Vec<_> = found
            .iter()
            .map(|found| json!({ "id": found.id, "path": found.path, "bytes": found.bytes }))
            .collect();
        ui.print_json(&json!({ "ok": true, "snapshots": rows }));
    } else if found.is_empty() {
        ui.print_line(&msg!("snapshot.none", command = context.instance.command()));
    } else {
        let headings = [msg!("snapshot.id"), msg!("snapshot.taken"), msg!("snapshot.size")];
        let mut table = Table::new(headings.iter().map(|heading| ui.render(heading)).collect());
        for found in found {
            let taken = crate::time::stamp_for_person(&found.id).unwrap_or_else(|| "-".to_owned());
            let size = ui.render(&size_msg(found.bytes));
            table.add_row(vec![found.id, taken, size]);
        }
        ui.print(&table.render(ui.width()));
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the snapshot of an instance with this id, or the newest one.
fn find_snapshot(context: &Context<'_>, id: Option<&str>) -> Result<Snapshot> {
    let all = snapshot::list(&snapshot_dir(context))?;
    let command = context.instance.command();
    match id {
        None => all
            .into_iter()
            .next()
            .ok_or_else(|| Error::failed(msg!("snapshot.none", command = command))),
        Some(id) => all.into_iter().find(|found| found.id == id).ok_or_else(|| {
            Error::failed(msg!("snapshot.unknown", id = id))
                .hint(msg!("snapshot.see-list", command = command))
        }),
    }
}

/// Asks a person at the terminal to confirm the restore of a snapshot.
///
/// # Errors
/// When there is no terminal, or the person declines.
fn ask_consent(context: &Context<'_>, chosen: &Snapshot) -> Result<()> {
    let terminal = context.host.terminal();
    if !terminal.can_ask() {
        return Err(Error::usage(msg!("snapshot.unasked", id = chosen.id)));
    }
    let ask = msg!("snapshot.ask", id = chosen.id, profile = context.instance.profile);
    if Terminal::new(context.ui).confirm(&ask, Some(false))? {
        Ok(())
    } else {
        Err(Error::failed(msg!("snapshot.left")))
    }
}

/// Runs `openclaw snapshot restore`.
fn restore(context: &Context<'_>, id: Option<&str>, yes: bool) -> Result<ExitCode> {
    let chosen = find_snapshot(context, id)?;
    // Nobody is asked about a restore that is refused.
    refuse_running(context, &context.survey())?;
    if !yes {
        ask_consent(context, &chosen)?;
    }
    let snapshot_lock = SnapshotLock::acquire(&snapshot_dir(context))?;
    let (manifest, staging) = unpack(context, &chosen)?;
    // From here on to the end of the switch nobody else writes on this host.
    let lock = context.lock()?;
    let survey = context.survey();
    refuse_running(context, &survey)?;
    let inputs = inputs(context, &survey);
    let target = inputs.target(&context.instance, &context.env.home);
    refuse_taken_ports(context, &survey, &target, staging.path())?;
    // The present state becomes a snapshot first, so that a restore can be undone by a restore.
    let before = match target.create(&snapshot_lock, SnapshotReason::BeforeRestore, Some(&chosen.id)) {
        Ok(created) => Some(created),
        Err(error) if error.has_reason(ErrorReason::NothingToSnapshot) => None,
        Err(error) => return Err(error),
    };
    let plan = target.restore_plan(&manifest, staging.path())?;
    let applied = apply::apply(&lock, &plan, &inputs.others, &mut |_| {})?;
    for notice in applied.notices {
        context.ui.print_note(&notice);
    }
    print_restored(context, &chosen, &manifest, before.as_ref());
    Ok(ExitCode::SUCCESS)
}

/// Checks a snapshot and unpacks it beside the state. What would keep it from being restored is found before that.
fn unpack(context: &Context<'_>, chosen: &Snapshot) -> Result<(Manifest, StagingDir)> {
    let state = &context.instance.state_dir;
    let lock = context.lock()?;
    let survey = context.survey();
    refuse_running(context, &survey)?;
    remove_leftovers(context, &lock);
    let inputs = inputs(context, &survey);
    let manifest = inputs
        .target(&context.instance, &context.env.home)
        .verify(chosen)?;
    let staging = StagingDir::for_restore(&lock, state, &crate::time::file_stamp(&inputs.now))?;
    drop(lock);
    archive::unpack(&chosen.path, &manifest, staging.path())?;
    Ok((manifest, staging))
}

/// Reports a finished restore, and how to undo it.
fn print_restored(
    context: &Context<'_>,
    chosen: &Snapshot,
    manifest: &Manifest,
    before: Option<&CreatedSnapshot>,
) {
    let ui = &context.ui;
    if ui.is_json() {
        ui.print_json(&json!({
            "ok": true,
            "id": chosen.id,
            "files": manifest.files.len(),
            "before": before.map(|created| &created.snapshot.id),
            "pruned": pruned_ids(before.map_or(&[], |created| &created.pruned)),
        }));
        return;
    }
    ui.print_line(&msg!(
        "snapshot.restored",
        id = chosen.id,
        files = manifest.files.len()
    ));
    if let Some(created) = before {
        print_pruned(context, &created.pruned);
        ui.print_note(&msg!(
            "snapshot.undo",
            command = context.instance.command(),
            id = created.snapshot.id
        ));
    }
}

/// Refuses to restore a snapshot with a port that another instance, or another program, has got since.
fn refuse_taken_ports(
    context: &Context<'_>,
    survey: &Survey,
    target: &SnapshotTarget<'_>,
    staging: &Path,
) -> Result<()> {
    let instance = &context.instance;
    let present = match config::load(&instance.config_path) {
        LoadedConfig::Ok(document) => config::effective_or_own(&instance.config_path, &document).value,
        LoadedConfig::Missing | LoadedConfig::Broken(_) => Value::Null,
    };
    let staged = target.staged_config(staging);
    let before = PortSettings::read(&instance.state_dir, &present);
    let after = PortSettings::read(&staging.join(STATE_ENTRY), &staged);
    ports::refuse_taken_ports(survey, instance, &before, &after)
}

/// Removes the staging folders that killed runs of `snapshot` left.
fn remove_leftovers(context: &Context<'_>, lock: &HostLock) {
    archive::remove_leftover_staging_dirs(lock, &context.instance.state_dir);
}

/// Refuses to restore a snapshot while the instance's gateway runs: it would write its own memory over what is
/// restored.
fn refuse_running(context: &Context<'_>, survey: &Survey) -> Result<()> {
    let profile = &context.instance.profile;
    let Some(running) = probe::find_running_gateway(context.instance_context(), survey, PROBE_TIMEOUT) else {
        return Ok(());
    };
    let error = Error::blocked(msg!("snapshot.running", profile = profile, pid = running.pid));
    Err(if running.is_proved {
        error.hint(Msg::new("snapshot.stop-first").with("command", context.instance.command()))
    } else {
        error.hint(service::stop_hint())
    })
}
