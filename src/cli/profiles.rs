//! `openclaw profiles`: lists every instance on the host, removes one, and hands on to export, import, manifest and move.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::{Value, json};

use crate::apply::{self, InstancePaths};
use crate::environment::abbreviate_home;
use crate::error::{Error, Result};
use crate::i18n::{Msg, msg};
use crate::plan::ExistingPaths;
use crate::ports::BasePort;
use crate::profile::ProfileName;
use crate::report::PortsDocument;
use crate::survey::{ConfigHealth, Survey, SurveyedInstance};
use crate::ui::Table;
use crate::wizard::terminal::Terminal;
use crate::{plan, probe, report, service};

use super::Context;

mod export;
mod find;
mod import;
mod manifest;
mod move_instance;
mod receive;

use find::find_instance;

/// The arguments of `openclaw profiles`.
#[derive(Debug, Args)]
pub(crate) struct ProfilesArgs {
    #[command(subcommand)]
    pub(crate) command: Option<ProfilesCommand>,
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// The subcommands of `openclaw profiles`.
#[derive(Debug, Subcommand)]
pub(crate) enum ProfilesCommand {
    List,
    Remove {
        #[arg(value_name = "NAME")]
        name: String,
        #[arg(long)]
        workspace: bool,
        #[arg(long)]
        yes: bool,
        #[arg(long)]
        dry_run: bool,
    },
    Export {
        #[arg(value_name = "NAME")]
        name: String,
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[arg(long)]
        with_secrets: bool,
    },
    Import {
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[arg(long = "as", value_name = "NAME")]
        name: String,
        #[arg(long)]
        dry_run: bool,
    },
    Manifest(manifest::ManifestArgs),
    Move(move_instance::MoveArgs),
    Receive(receive::ReceiveArgs),
}

/// Runs `openclaw profiles ...`.
pub(super) fn run(context: &Context<'_>, args: &ProfilesArgs) -> Result<ExitCode> {
    match &args.command {
        None | Some(ProfilesCommand::List) => Ok(list(context)),
        Some(ProfilesCommand::Remove {
            name,
            workspace,
            yes,
            dry_run,
        }) => {
            let name = ProfileName::parse(name).map_err(|e| e.to_error(name))?;
            Removal {
                context,
                name,
                workspace: *workspace,
                yes: *yes,
                dry_run: *dry_run,
            }
            .run()
        }
        Some(ProfilesCommand::Export {
            name,
            file,
            with_secrets,
        }) => {
            let name = ProfileName::parse(name).map_err(|e| e.to_error(name))?;
            export::run(context, &name, file, *with_secrets)
        }
        Some(ProfilesCommand::Import { file, name, dry_run }) => {
            let name = ProfileName::parse(name).map_err(|e| e.to_error(name))?;
            import::run(context, file, &name, *dry_run)
        }
        Some(ProfilesCommand::Manifest(args)) => manifest::run(context, args),
        Some(ProfilesCommand::Move(args)) => move_instance::run(context, args),
        Some(ProfilesCommand::Receive(args)) => receive::run(context, args),
    }
}

/// Runs `openclaw profiles list`.
fn list(context: &Context<'_>) -> ExitCode {
    let (ui, survey) = (&context.ui, context.survey());
    if ui.is_json() {
        ui.print_json(&ListDocument::new(context, &survey));
        // The process ends now: what hundreds of instances have in memory is not given back piece by piece.
        std::mem::forget(survey);
        return ExitCode::SUCCESS;
    }
    if survey.instances.is_empty() {
        ui.print_line(&Msg::new("profiles.none"));
        return ExitCode::SUCCESS;
    }
    let heading = |name| ui.render(&Msg::new(name));
    let mut table = Table::new(vec![
        heading("profiles.name"),
        heading("profiles.port"),
        heading("profiles.health"),
        heading("profiles.state"),
        heading("profiles.workspace"),
    ]);
    for found in &survey.instances {
        let home = &context.env.home;
        table.add_row(vec![
            found.label.clone(),
            found
                .base
                .map_or_else(|| "-".to_owned(), |(family, _)| family.base().to_string()),
            ui.render(&config_health_msg(found)),
            abbreviate_home(home, &found.state_dir),
            found
                .workspaces
                .iter()
                .map(|path| abbreviate_home(home, path))
                .collect::<Vec<_>>()
                .join(", "),
        ]);
    }
    ui.print(&table.render(ui.width()));
    ExitCode::SUCCESS
}

/// Returns the sentence about the state of an instance's config file.
fn config_health_msg(found: &SurveyedInstance) -> Msg {
    match &found.config {
        ConfigHealth::Ok => msg!("profiles.ok"),
        ConfigHealth::Missing => msg!("profiles.missing"),
        ConfigHealth::Broken(fault) => fault.brief_msg(),
    }
}

/// The JSON document of `profiles`. It is written from what the survey found, without a copy: a host may have hundreds.
#[derive(Serialize)]
struct ListDocument<'a> {
    ok: bool,
    profiles: Vec<InstanceDocument<'a>>,
}

/// An instance as a part of the JSON document of `profiles`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InstanceDocument<'a> {
    name: &'a str,
    profile: Option<&'a str>,
    base_port: Option<BasePort>,
    port_source: Option<&'a str>,
    ports: Option<PortsDocument>,
    config: &'a str,
    config_path: &'a Path,
    config_fault: Option<Value>,
    state_dir: &'a Path,
    workspaces: &'a [PathBuf],
    service_file: Option<&'a Path>,
    running: Option<u32>,
}

impl<'a> ListDocument<'a> {
    fn new(context: &Context<'_>, survey: &'a Survey) -> Self {
        let document = |found| InstanceDocument::new(context, survey, found);
        Self {
            ok: true,
            profiles: survey.instances.iter().map(document).collect(),
        }
    }
}

impl<'a> InstanceDocument<'a> {
    fn new(context: &Context<'_>, survey: &Survey, found: &'a SurveyedInstance) -> Self {
        let (config, config_fault) = match &found.config {
            ConfigHealth::Ok => ("ok", None),
            ConfigHealth::Missing => ("missing", None),
            ConfigHealth::Broken(fault) => {
                let (line, column) = fault.position.unzip();
                let message = context.ui.render(&fault.why);
                (
                    "invalid",
                    Some(json!({ "line": line, "column": column, "message": message })),
                )
            }
        };
        Self {
            name: &found.label,
            profile: found.profile.as_ref().map(ProfileName::as_str),
            base_port: found.base.map(|(family, _)| family.base()),
            port_source: found.base.map(|(_, source)| source.name()),
            ports: found.base.map(|(family, _)| PortsDocument(family)),
            config,
            config_path: &found.config_path,
            config_fault,
            state_dir: &found.state_dir,
            workspaces: &found.workspaces,
            service_file: found.service.as_deref(),
            running: gateway_pid(survey, found),
        }
    }
}

/// Returns the process of the instance's gateway, where one listens on its port.
fn gateway_pid(survey: &Survey, found: &SurveyedInstance) -> Option<u32> {
    let owners = survey.listeners.iter().filter_map(|listener| listener.process());
    let own = owners.filter(|owner| owner.is_gateway && owner.instance.as_deref() == Some(&found.label));
    own.map(|owner| owner.pid).next()
}

/// Maximum time for a gateway to answer that it runs.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);

/// The inputs of a run of `openclaw profiles remove NAME`.
struct Removal<'a> {
    context: &'a Context<'a>,
    name: ProfileName,
    workspace: bool,
    yes: bool,
    dry_run: bool,
}

impl Removal<'_> {
    /// Plans the removal of a profile's instance, asks for consent, and applies the plan.
    fn run(&self) -> Result<ExitCode> {
        let (context, ui) = (self.context, &self.context.ui);
        let before = context.survey();
        // The names that are shown are those that the files get.
        let stamp = crate::time::file_stamp(&context.now());
        // Nobody is asked about a removal that is refused.
        let shown = self.plan(&before, &stamp)?;
        if self.dry_run {
            self.print_plan(&shown, true);
            return Ok(ExitCode::SUCCESS);
        }
        if !self.yes {
            let terminal = context.host.terminal();
            if !terminal.can_ask() {
                return Err(Error::usage(msg!("profiles.remove-unasked", profile = self.name)));
            }
            ui.eprint(&ui.render_plan(&shown, &context.env.home, false));
            if !Terminal::new(*ui).confirm(&msg!("profiles.remove-ask", profile = self.name), Some(false))? {
                return Err(Error::failed(msg!("profiles.remove-left", profile = self.name)));
            }
        }
        let lock = context.lock()?;
        let survey = context.survey();
        let plan = self.plan(&survey, &stamp)?;
        if plan != shown {
            return Err(Error::blocked(msg!(
                "profiles.remove-changed",
                profile = self.name
            )));
        }
        let others = survey.paths_of_others(&find_instance(&survey, &self.name)?.config_path);
        apply::apply(&lock, &plan, &others, &mut |_| {})?;
        if self.yes || ui.is_json() {
            self.print_plan(&plan, false);
        }
        if !ui.is_json() {
            ui.print_line(&msg!("profiles.removed", profile = self.name));
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Plans the removal of a profile's instance. `stamp` makes the new names unique.
    ///
    /// # Errors
    /// When there is no such instance, its gateway runs, or it has a service.
    fn plan(&self, survey: &Survey, stamp: &str) -> Result<plan::Plan> {
        let found = find_instance(survey, &self.name)?;
        self.refuse_running(survey, found)?;
        let registry = survey.registry();
        registry.require_valid(&abbreviate_home(&self.context.env.home, &registry.path))?;
        let entries = std::fs::read_dir(&found.state_dir).ok().map(|entries| {
            let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
            paths.sort();
            paths
        });
        let existing = ExistingPaths {
            state_entries: entries,
            outside: ExistingPaths::outside_candidates(found)
                .filter(|path| path.exists())
                .cloned()
                .collect(),
        };
        let plan = plan::remove(found, &existing, survey.registry(), self.workspace, stamp);
        let others = survey.paths_of_others(&found.config_path);
        apply::preflight(&plan, InstancePaths::of_others(&others).all())?;
        Ok(plan)
    }

    /// Refuses to remove an instance whose gateway runs, or that has a service, and names the command that helps.
    fn refuse_running(&self, survey: &Survey, found: &SurveyedInstance) -> Result<()> {
        let (profile, instance) = (&self.name, probe::instance_of(&self.context.env, found));
        let command = instance.command();
        let context = self.context.instance_context().with_instance(&instance);
        if let Some(running) = probe::find_running_gateway(context, survey, PROBE_TIMEOUT) {
            let error = Error::blocked(msg!(
                "profiles.remove-running",
                profile = profile,
                pid = running.pid
            ));
            return Err(if running.is_proved {
                error.hint(msg!("snapshot.stop-first", command = command))
            } else {
                error.hint(service::stop_hint())
            });
        }
        if let Some(service) = &found.service {
            let path = abbreviate_home(&self.context.env.home, service);
            let error = Error::blocked(msg!("profiles.remove-service", profile = profile, path = path));
            return Err(error.hint(msg!("profiles.uninstall-first", command = command)));
        }
        Ok(())
    }

    /// Prints the changes of the removal of an instance.
    fn print_plan(&self, plan: &plan::Plan, dry_run: bool) {
        let ui = &self.context.ui;
        if ui.is_json() {
            let changes = report::changes(plan);
            ui.print_json(
                &json!({ "ok": true, "profile": self.name.as_str(), "dryRun": dry_run, "changes": changes }),
            );
        } else {
            ui.print(&ui.render_plan(plan, &self.context.env.home, false));
        }
    }
}
