//! `openclaw profiles import`: a new instance from an archive, with ports, a token and paths of its own.
//!
//! The archive is read through before anything is written. All of the new state folder is then built beside
//! its place and gets its name by one rename, together with its entry in the registry.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::apply::{self, StagedFolders};
use crate::archive::{
    self, ArchiveError, ArchiveKind, ArchiveOrigin, CONFIG_ENTRY, Manifest, STATE_ENTRY, StagingDir, import,
};
use crate::cli::Context;
use crate::config;
use crate::config::document::ConfigDocument;
use crate::config::key_path::KeyPath;
use crate::error::{Error, Result};
use crate::host::read;
use crate::i18n::msg;
use crate::instance::{CONFIG_FILE, Instance, RECORD_FILE, shell_quote};
use crate::plan::{Change, Content, FileKind, FileWrite, Plan};
use crate::ports::PortFamily;
use crate::profile::ProfileName;
use crate::record::RecordDocument;
use crate::registry::RegistryEntry;
use crate::secret::Secret;
use crate::survey::{Survey, ports::suggest_probed};
use crate::ui::Ui;

/// Name of the folder, in the staging folder, in which the new state folder is built.
const STATE_DIR: &str = "state";
/// The file name that stands for standard input.
const STDIN: &str = "-";

/// Runs `openclaw profiles import FILE --as NAME`.
pub(super) fn run(context: &Context<'_>, file: &Path, name: &ProfileName, dry_run: bool) -> Result<ExitCode> {
    let path = match context.host.cwd() {
        Some(cwd) if file != Path::new(STDIN) => cwd.join(file),
        _ => file.to_path_buf(),
    };
    let instance = Instance::canonical(&context.env.home, name.clone());
    if dry_run {
        let manifest = if path == Path::new(STDIN) {
            verified(
                &path,
                archive::verify_stream(std::io::stdin().lock(), ArchiveOrigin::Untrusted),
            )?
        } else {
            verified(&path, archive::verify(&path, ArchiveOrigin::Untrusted))?
        };
        let survey = context.survey();
        refuse_taken(&survey, &instance)?;
        let ports = suggest_ports(context, &survey, &instance)?;
        print_report(context, &manifest, &instance, ports, &[], true);
        return Ok(ExitCode::SUCCESS);
    }
    let (staging, manifest) = unpack(context, &path, &instance)?;
    // From here on to the end of the switch nobody else writes on this host.
    let lock = context.lock()?;
    let survey = context.survey();
    refuse_taken(&survey, &instance)?;
    let registry = survey.registry();
    registry.require_valid(&registry.path.display().to_string())?;
    let ports = suggest_ports(context, &survey, &instance)?;
    let import = Import {
        context,
        manifest: &manifest,
        instance: &instance,
        survey: &survey,
        ports,
        staging: staging.path(),
        identity: ImportIdentity::New,
    };
    let missing = import.stage_identity(&path)?;
    let others = survey.paths_of_others(&instance.config_path);
    apply::apply(&lock, &import.plan(), &others, &mut |_| {})?;
    print_report(context, &manifest, &instance, ports, &missing, false);
    Ok(ExitCode::SUCCESS)
}

/// The identity of an instance that is made from an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ImportIdentity {
    /// A copy: with a token of its own, and without what the original paired.
    New,
    /// The original itself, which has left its host.
    Moved,
}

/// Verifies an archive and unpacks it beside the place of the new state folder, in the form of that folder. It takes as
/// long as the archive is large, and locks nobody out.
fn unpack(context: &Context<'_>, path: &Path, instance: &Instance) -> Result<(StagingDir, Manifest)> {
    let verify = |archive: &Path| verified(path, archive::verify(archive, ArchiveOrigin::Untrusted));
    // A file is refused before anything is written; a stream can be read only once.
    let manifest = (path != Path::new(STDIN)).then(|| verify(path)).transpose()?;
    let staging = make_staging(context, instance)?;
    let (archive, manifest) = if let Some(manifest) = manifest {
        (path.to_path_buf(), manifest)
    } else {
        let archive = stage_stream(&staging, std::io::stdin().lock())?;
        let manifest = verify(&archive)?;
        (archive, manifest)
    };
    archive::unpack(&archive, &manifest, &staging.path().join("archive"))?;
    arrange_state(&manifest, instance, staging.path(), ImportIdentity::New)?;
    Ok((staging, manifest))
}

/// Makes the folder in which the state folder of an instance that is not there yet is built.
fn make_staging(context: &Context<'_>, instance: &Instance) -> Result<StagingDir> {
    let lock = context.lock()?;
    refuse_taken(&context.survey(), instance)?;
    archive::remove_leftover_staging_dirs(&lock, &instance.state_dir);
    let stamp = crate::time::file_stamp(&context.now());
    StagingDir::for_import(&lock, &instance.state_dir, &stamp)
}

/// Writes an archive that is read from a stream into the staging folder, and returns its path.
fn stage_stream(staging: &StagingDir, stream: impl Read) -> Result<PathBuf> {
    let archive = staging.path().join("stdin.tar.gz");
    let mut bounded = stream.take(archive::MAX_UNPACKED_BYTES);
    apply::stage_file(&mut StagedFolders::default(), &archive, &mut bounded, false)?;
    Ok(archive)
}

/// Verifies the archive of a moved instance, which comes from another host, and unpacks it beside the place of the state folder,
/// in the form of that folder.
pub(super) fn unpack_moved(
    context: &Context<'_>,
    stream: impl Read,
    instance: &Instance,
) -> Result<(StagingDir, Manifest)> {
    let staging = make_staging(context, instance)?;
    let archive = stage_stream(&staging, stream)?;
    let manifest = verified(
        Path::new(STDIN),
        archive::verify(&archive, ArchiveOrigin::Untrusted),
    )?;
    archive::unpack(&archive, &manifest, &staging.path().join("archive"))?;
    apply::remove_file(&archive)?;
    arrange_state(&manifest, instance, staging.path(), ImportIdentity::Moved)?;
    Ok((staging, manifest))
}

/// Returns the manifest of a verified archive that is an export of an instance.
fn verified(path: &Path, manifest: Result<Manifest, ArchiveError>) -> Result<Manifest> {
    let manifest = manifest.map_err(|error| error.into_error(path))?;
    let has_config = manifest.files.values().any(|entry| entry.path == CONFIG_ENTRY);
    if manifest.kind == ArchiveKind::Export && has_config {
        Ok(manifest)
    } else {
        Err(Error::failed(msg!("archive.no-export", path = path.display())))
    }
}

/// Moves what was unpacked into the form of the new state folder, without what belongs to the original alone.
fn arrange_state(
    manifest: &Manifest,
    instance: &Instance,
    staging: &Path,
    identity: ImportIdentity,
) -> Result<()> {
    let (from, state) = (staging.join("archive"), staging.join(STATE_DIR));
    let workspace = instance.default_workspace();
    let workspace = workspace.file_name().unwrap_or_default();
    let files = manifest.files.values().map(|entry| &entry.path);
    let new_path = |path: &str| match path.split_once('/')? {
        (STATE_ENTRY, _) if identity == ImportIdentity::New && import::is_identity(path) => None,
        (STATE_ENTRY, _) if import::is_rewritten(path) => None,
        (STATE_ENTRY | "include", below) => Some(state.join(below)),
        ("workspace", below) => Some(state.join(workspace).join(below)),
        _ => None,
    };
    let mut folders = StagedFolders::default();
    for path in files.chain(manifest.links.keys()) {
        if let Some(to) = new_path(path) {
            apply::move_staged(&mut folders, &from.join(path), &to)?;
        }
    }
    for folder in manifest.folders.iter().filter_map(|path| new_path(path)) {
        folders.make(&folder)?;
    }
    Ok(())
}

/// Refuses to import to an instance profile that exists or whose state folder does.
pub(super) fn refuse_taken(survey: &Survey, instance: &Instance) -> Result<()> {
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
pub(super) fn suggest_ports(
    context: &Context<'_>,
    survey: &Survey,
    instance: &Instance,
) -> Result<PortFamily> {
    let mut planner = survey.planner(&instance.profile, &instance.config_path);
    suggest_probed(context.host, &mut planner, &[], 1, &|_, _| {})
        .ok()
        .and_then(|found| found.first().map(|suggestion| suggestion.family))
        .ok_or_else(|| Error::blocked(msg!("archive.no-ports")))
}

/// An import of an instance that is under way: the archive and the new instance that is made from it.
pub(super) struct Import<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) manifest: &'a Manifest,
    pub(super) instance: &'a Instance,
    pub(super) survey: &'a Survey,
    pub(super) ports: PortFamily,
    pub(super) staging: &'a Path,
    pub(super) identity: ImportIdentity,
}

impl Import<'_> {
    /// Returns the folder in which an imported instance's state folder is built.
    fn staged_state_dir(&self) -> PathBuf {
        self.staging.join(STATE_DIR)
    }

    /// Writes the config and the record of an imported instance. Returns the keys whose secrets have to be entered again.
    pub(super) fn stage_identity(&self, archive: &Path) -> Result<Vec<KeyPath>> {
        let from = self.staging.join("archive");
        let missing = self.stage_config(&from)?;
        let record = self.new_record(&from, archive)?.to_string();
        self.stage(RECORD_FILE, &record)?;
        apply::sync_staging(self.staging)?;
        Ok(missing)
    }

    pub(super) fn stage(&self, name: &str, text: &str) -> Result<()> {
        let path = self.staged_state_dir().join(name);
        apply::stage_file(&mut StagedFolders::default(), &path, &mut text.as_bytes(), false)
    }

    /// Returns the record (`instance.toml`) of an imported instance: the original's, with an identity and a base port
    /// of its own. A broken one is an error, as everywhere.
    fn new_record(&self, from: &Path, archive: &Path) -> Result<RecordDocument> {
        let inside = Path::new(STATE_ENTRY).join(RECORD_FILE);
        let profile = self.instance.profile.as_str();
        let mut record = RecordDocument::read_or_new(&from.join(&inside), profile).map_err(|error| {
            let place = format!("{}: {}", archive.display(), error.location(&inside));
            Error::blocked(msg!("record.broken", path = place))
                .because(error)
                .hint(msg!("archive.export-again"))
        })?;
        match self.identity {
            ImportIdentity::New => record.remove_host_bindings(),
            ImportIdentity::Moved => record.remove_browser_ports(),
        }
        record.set_onboarded(profile, self.context.ui.lang().code(), self.ports.base(), None);
        Ok(record)
    }

    /// Writes the rewritten config into the state folder of an imported instance. Returns the keys whose secrets have
    /// to be entered again.
    fn stage_config(&self, from: &Path) -> Result<Vec<KeyPath>> {
        let path = from.join(CONFIG_ENTRY);
        let bytes = read::bytes(&path).map_err(|cause| {
            Error::failed(msg!("archive.unreadable", path = path.display())).because(cause)
        })?;
        let mut document = config::parse_bytes(bytes).map_err(|error| config::broken_error(&path, &error))?;
        let token = Secret::token(self.context.host.random());
        let target = import::ImportTarget {
            manifest: self.manifest,
            instance: self.instance,
            ports: self.ports,
            token: (self.identity == ImportIdentity::New).then_some(&token),
        };
        let mut missing = target.rewrite_config(&mut document)?;
        missing.extend(self.remove_shared_tokens(&mut document)?);
        self.stage(CONFIG_FILE, document.text())?;
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
    pub(super) fn plan(&self) -> Plan {
        let instance = self.instance;
        let registry = self.survey.registry();
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
        if !manifest.secrets {
            ui.print_note(&msg!("archive.import-without-secrets"));
        }
        return;
    }
    ui.print_line(&msg!(
        "archive.imported",
        profile = instance.profile,
        port = ports.base(),
        files = manifest.files.len()
    ));
    print_next_steps(ui, manifest, instance, missing);
}

/// Says which secrets an imported instance lacks, and what to do next.
fn print_next_steps(ui: &Ui, manifest: &Manifest, instance: &Instance, missing: &[KeyPath]) {
    let command = instance.command();
    if !manifest.secrets {
        ui.print_note(&msg!("archive.import-without-secrets"));
    }
    ui.print_note(&msg!("archive.import-new-token"));
    for path in missing {
        let key = shell_quote(path.to_string().as_ref());
        ui.print_note(&msg!("archive.missing", command = command, key = key));
    }
    if !manifest.secrets {
        ui.print_note(&msg!("archive.import-add-key", command = command));
    }
    ui.print_note(&msg!("onboard.next-run", command = command));
}
