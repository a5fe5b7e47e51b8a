//! `openclaw profiles import`: a new instance from an archive, with ports, a token and paths of its own.
//!
//! The archive is read through before anything is written. All of the new state folder is then built beside
//! its place and gets its name by one rename, together with its entry in the registry.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::apply;
use crate::archive::{self, ArchiveKind, Manifest, import};
use crate::cli::Context;
use crate::config;
use crate::config::document::ConfigDocument;
use crate::config::key_path::KeyPath;
use crate::error::{Error, Result};
use crate::host::read;
use crate::i18n::msg;
use crate::instance::{CONFIG_FILE, Instance, RECORD_FILE};
use crate::plan::{self, Change, Content, FileKind, FileWrite, Plan};
use crate::ports::PortFamily;
use crate::profile::ProfileName;
use crate::record::RecordDocument;
use crate::registry::RegistryEntry;
use crate::secret::Secret;
use crate::survey::{Survey, ports::suggest_probed};

/// Runs `openclaw profiles import FILE --as NAME`.
pub(super) fn run(context: &Context<'_>, file: &Path, name: &ProfileName, dry_run: bool) -> Result<ExitCode> {
    let path = match context.host.cwd() {
        Some(cwd) => cwd.join(file),
        None => file.to_path_buf(),
    };
    let manifest =
        archive::verify(&path, archive::ArchiveOrigin::Untrusted).map_err(|error| error.into_error(&path))?;
    let has_config = manifest
        .files
        .values()
        .any(|entry| entry.path == "config/openclaw.json");
    if manifest.kind != ArchiveKind::Export || !has_config {
        return Err(Error::failed(msg!("archive.no-export", path = path.display())));
    }
    let instance = Instance::canonical(&context.env.home, name.clone());
    if dry_run {
        let survey = context.survey();
        refuse_taken(&survey, &instance)?;
        let ports = suggest_ports(context, &survey, &instance)?;
        print_report(context, &manifest, &instance, ports, &[], true);
        return Ok(ExitCode::SUCCESS);
    }
    let lock = context.lock()?;
    let survey = context.survey();
    refuse_taken(&survey, &instance)?;
    let registry = &survey.registry;
    registry.require_valid(&registry.path.display().to_string())?;
    let ports = suggest_ports(context, &survey, &instance)?;
    for left in archive::leftover_staging_dirs(&instance.state_dir) {
        apply::remove_staging(&left);
    }
    let stamp = plan::folder_stamp(&context.now());
    let staging = archive::import_staging_dir(&instance.state_dir, &stamp);
    let import = Import {
        context,
        manifest: &manifest,
        instance: &instance,
        survey: &survey,
        ports,
        staging: &staging,
    };
    let imported = archive::unpack(&path, &manifest, &staging.join("archive"))
        .and_then(|()| import.stage_state(&path))
        .and_then(|missing| {
            let others = survey.paths_of_others(&instance.config_path);
            apply::apply(&lock, &import.plan(), &others, &mut |_| {}).map(|_| missing)
        });
    apply::remove_staging(&staging);
    print_report(context, &manifest, &instance, ports, &imported?, false);
    Ok(ExitCode::SUCCESS)
}

/// Refuses to import to an instance profile that exists or whose state folder does.
fn refuse_taken(survey: &Survey, instance: &Instance) -> Result<()> {
    let known = survey
        .instances
        .iter()
        .any(|found| found.profile.as_ref() == Some(&instance.profile));
    if known || instance.state_dir.symlink_metadata().is_ok() {
        let path = instance.state_dir.display();
        return Err(Error::usage(msg!(
            "archive.taken",
            profile = instance.profile,
            path = path
        )));
    }
    Ok(())
}

/// Returns the first port family that is free for the imported instance.
fn suggest_ports(context: &Context<'_>, survey: &Survey, instance: &Instance) -> Result<PortFamily> {
    let mut planner = survey.planner(&instance.profile, &instance.config_path);
    suggest_probed(context.host, &mut planner, &[], 1, &|_, _| {})
        .ok()
        .and_then(|found| found.first().map(|suggestion| suggestion.family))
        .ok_or_else(|| Error::blocked(msg!("archive.no-ports")))
}

/// An import of an instance that is under way: the archive and the new instance that is made from it.
struct Import<'a> {
    context: &'a Context<'a>,
    manifest: &'a Manifest,
    instance: &'a Instance,
    survey: &'a Survey,
    ports: PortFamily,
    staging: &'a Path,
}

impl Import<'_> {
    /// Returns the folder in which an imported instance's state folder is built.
    fn staged_state_dir(&self) -> PathBuf {
        self.staging.join("state")
    }

    /// Builds the state folder of an imported instance under a temporary name. Returns the keys whose secrets have to
    /// be entered again.
    fn stage_state(&self, archive: &Path) -> Result<Vec<KeyPath>> {
        let from = self.staging.join("archive");
        let workspace = self.instance.default_workspace();
        let workspace = workspace.file_name().unwrap_or_default();
        for entry in self.manifest.files.values() {
            let to = match entry.path.split_once('/') {
                Some(("state", _)) if import::is_original_only(&entry.path) => continue,
                Some(("state" | "include", below)) => self.staged_state_dir().join(below),
                Some(("workspace", below)) => self.staged_state_dir().join(workspace).join(below),
                _ => continue,
            };
            let mut file = read::open(&from.join(&entry.path)).map_err(|cause| {
                Error::failed(msg!("archive.unreadable", path = from.display())).because(cause)
            })?;
            apply::stage_file(&to, &mut file)?;
        }
        let missing = self.stage_config(&from)?;
        let record = self.new_record(&from, archive)?.to_string();
        apply::stage_file(&self.staged_state_dir().join(RECORD_FILE), &mut record.as_bytes())?;
        Ok(missing)
    }

    /// Returns the record (`instance.toml`) of an imported instance: the original's, with an identity and a base port
    /// of its own. A broken one is an error, as everywhere.
    fn new_record(&self, from: &Path, archive: &Path) -> Result<RecordDocument> {
        let inside = Path::new("state").join(RECORD_FILE);
        let profile = self.instance.profile.as_str();
        let mut record = RecordDocument::read_or_new(&from.join(&inside), profile).map_err(|error| {
            let place = format!("{}: {}", archive.display(), error.location(&inside));
            Error::blocked(msg!("record.broken", path = place))
                .because(error)
                .hint(msg!("archive.export-again"))
        })?;
        record.remove_host_bindings();
        record.set_onboarded(profile, self.context.ui.lang().code(), self.ports.base());
        Ok(record)
    }

    /// Writes the rewritten config into the state folder of an imported instance. Returns the keys whose secrets have
    /// to be entered again.
    fn stage_config(&self, from: &Path) -> Result<Vec<KeyPath>> {
        let path = from.join("config").join(CONFIG_FILE);
        let bytes = read::bytes(&path).map_err(|cause| {
            Error::failed(msg!("archive.unreadable", path = path.display())).because(cause)
        })?;
        let mut document = config::parse_bytes(bytes).map_err(|error| config::broken_error(&path, &error))?;
        let token = Secret::token(self.context.host.random());
        let target = import::ImportTarget {
            manifest: self.manifest,
            instance: self.instance,
            ports: self.ports,
            token: &token,
        };
        let mut missing = target.rewrite_config(&mut document)?;
        missing.extend(self.remove_shared_tokens(&mut document)?);
        apply::stage_file(
            &self.staged_state_dir().join(CONFIG_FILE),
            &mut document.text().as_bytes(),
        )?;
        Ok(missing)
    }

    /// Removes from an imported config the channel tokens that an instance of this host has already, and returns
    /// their keys: two bots on one token take each other's messages.
    fn remove_shared_tokens(&self, document: &mut ConfigDocument) -> Result<Vec<KeyPath>> {
        let known: Vec<&Secret> = self
            .survey
            .instances
            .iter()
            .flat_map(|found| found.tokens.iter().map(|(_, token)| token))
            .collect();
        let mut shared = Vec::new();
        let channels = KeyPath::keys(["channels"]);
        if let Some(value) = document.get(&channels) {
            collect_known_secrets(value, &channels, &known, &mut shared);
        }
        for path in &shared {
            document.unset(path)?;
        }
        Ok(shared)
    }

    /// Returns the plan of an import that gives the new state folder its name and the registry its entry.
    fn plan(&self) -> Plan {
        let instance = self.instance;
        let registry = &self.survey.registry;
        let entry = RegistryEntry {
            profile: instance.profile.to_string(),
            config: instance.config_path.clone(),
            state: instance.state_dir.clone(),
            workspace: instance.default_workspace(),
            port: self.ports.base().into(),
        };
        let changes = vec![
            Change::Write(FileWrite {
                path: registry.path.clone(),
                content: Content::plain(registry.with(&entry)),
                before: registry.before.clone(),
                backup: false,
                kind: FileKind::Registry,
            }),
            Change::Rename {
                path: self.staged_state_dir(),
                to: instance.state_dir.clone(),
            },
        ];
        Plan {
            changes,
            ..Plan::default()
        }
    }
}

/// Collects the config keys whose value is one of the known secrets.
fn collect_known_secrets(value: &Value, path: &KeyPath, known: &[&Secret], found: &mut Vec<KeyPath>) {
    match value {
        Value::Object(map) => map
            .iter()
            .for_each(|(key, value)| collect_known_secrets(value, &path.child(key), known, found)),
        Value::String(text) if known.iter().any(|token| token.expose() == text.trim()) => {
            found.push(path.clone());
        }
        _ => {}
    }
}

/// Reports a finished import, or what one would do.
fn print_report(
    context: &Context<'_>,
    manifest: &Manifest,
    instance: &Instance,
    ports: PortFamily,
    missing: &[KeyPath],
    dry_run: bool,
) {
    let ui = &context.ui;
    if ui.is_json() {
        ui.print_json(&json!({
            "ok": true,
            "profile": instance.profile.as_str(),
            "from": manifest.profile,
            "stateDir": instance.state_dir,
            "config": instance.config_path,
            "basePort": ports.base(),
            "files": manifest.files.len(),
            "missing": missing.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "dryRun": dry_run,
        }));
        return;
    }
    if dry_run {
        ui.print_line(&msg!(
            "archive.would-import",
            profile = instance.profile,
            port = ports.base(),
            files = manifest.files.len()
        ));
        return;
    }
    ui.print_line(&msg!(
        "archive.imported",
        profile = instance.profile,
        port = ports.base(),
        files = manifest.files.len()
    ));
    for path in missing {
        ui.print_note(&msg!(
            "archive.missing",
            command = instance.command(),
            path = path
        ));
    }
}
