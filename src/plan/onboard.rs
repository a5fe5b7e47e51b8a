//! The plan that sets an instance up or brings it up to date.
//!
//! A file that already has the wanted content is not touched: the same answers a second time plan no change at
//! all, not even a new time stamp.

use std::path::{Path, PathBuf};

use crate::answers::{Answers, ChosenRelease};
use crate::error::{Error, Result};
use crate::i18n::msg;
use crate::ports::{Port, PortFamily};
use crate::record::{RecordDocument, RecordError};
use crate::registry::RegistryEntry;
use crate::time::file_stamp;

use super::config::ConfigPlan;
use super::disk::{DiskSnapshot, PathState, in_the_way};
use super::input::{PlanInput, PlanStamp};
use super::{Change, Content, FileKind, FileWrite, Plan, isolation, keys, reset, workspace};

/// Returns the paths that the plan for these answers of the wizard depends on: the caller reads them into a
/// [`DiskSnapshot`].
pub(crate) fn paths_to_read(input: &PlanInput<'_>, answers: &Answers) -> Vec<PathBuf> {
    let instance = &input.instance;
    let workspace = input.workspace(answers);
    let mut paths = vec![
        instance.state_dir.clone(),
        instance.config_path.clone(),
        instance.record_path(),
        instance.env_file(),
        instance.auth_profiles(),
        instance.sessions(),
        workspace.clone(),
    ];
    paths.extend(
        input
            .records_of_watched(answers)
            .into_iter()
            .map(|(_, path)| path),
    );
    paths.extend(parent(&instance.config_path));
    paths.extend(parent(&instance.auth_profiles()));
    paths.extend(workspace::paths(&workspace));
    paths.extend(reset::paths(
        instance,
        &input.current_workspace(),
        answers.existing,
    ));
    paths
}

/// Plans the files and folders of an instance with these answers of the wizard and this base port. `disk` holds the
/// state of [`paths_to_read`].
///
/// # Errors
/// Where the instance would share something with another one, where its port is refused, and where a file that
/// has to be changed is broken or not a file.
pub(crate) fn onboard(
    input: &PlanInput<'_>,
    answers: &Answers,
    base: Port,
    disk: &DiskSnapshot,
    stamp: &PlanStamp,
) -> Result<Plan> {
    if let Some(fault) = input.broken.as_ref().filter(|_| !answers.existing.is_reset()) {
        return Err(fault.blocked(&input.instance.config_path));
    }
    let workspace = input.workspace(answers);
    check_isolation(input, disk, &workspace)?;
    let config = ConfigPlan::new(input, answers, base)?;
    let moved = reset::paths(&input.instance, &input.current_workspace(), answers.existing);
    let mut builder = ChangeBuilder {
        input,
        disk,
        moved: &moved,
        changes: reset::changes(&input.instance, disk, &moved, &file_stamp(&stamp.now)),
    };
    builder.make_folders(&workspace);
    if answers.bootstrap && !config.skips_bootstrap() {
        builder.write_workspace(&workspace, stamp);
    }
    builder.write_keys(answers)?;
    let record = record_write(input, answers, disk, config.ports, stamp)?;
    let registry = registry_write(input, &workspace, config.ports)?;
    builder.changes.extend(record.into_iter().chain(registry));
    let mut plan = Plan {
        instance: Some(config.summary(input, answers, workspace)),
        notices: config
            .notices
            .iter()
            .cloned()
            .chain(input.timer_notice(answers, disk))
            .collect(),
        changes: builder.changes,
    };
    plan.changes.extend(config.into_write(input, answers, stamp)?);
    Ok(plan)
}

/// Checks that the planned instance shares no path with another one, and that the registry of instances can be
/// written.
fn check_isolation(input: &PlanInput<'_>, disk: &DiskSnapshot, workspace: &Path) -> Result<()> {
    isolation::check_instance(input)?;
    isolation::check_workspace(input, disk, workspace)?;
    let registry = &input.registry;
    registry.require_valid(&input.display_path(&registry.path))
}

/// A builder of an onboarding's planned changes of folders, workspace files and API keys, in the order in which they
/// are applied.
struct ChangeBuilder<'a> {
    input: &'a PlanInput<'a>,
    disk: &'a DiskSnapshot,
    /// The paths that a reset moves aside before anything else happens.
    moved: &'a [PathBuf],
    changes: Vec<Change>,
}

impl ChangeBuilder<'_> {
    /// Returns `true` if a path is gone once the planned reset has moved its paths aside.
    fn is_moved(&self, path: &Path) -> bool {
        self.moved.iter().any(|moved| path.starts_with(moved))
    }

    /// Plans to create a folder where there is none yet. Anything else in its place is found when the plan is
    /// checked.
    fn make_folder(&mut self, path: PathBuf) {
        if *self.disk.state(&path) != PathState::Folder || self.is_moved(&path) {
            let make = Change::MakeDir { path };
            if !self.changes.contains(&make) {
                self.changes.push(make);
            }
        }
    }

    /// Plans to create the missing folders of the instance.
    fn make_folders(&mut self, workspace: &Path) {
        let instance = &self.input.instance;
        self.make_folder(instance.state_dir.clone());
        if let Some(folder) = parent(&instance.config_path) {
            self.make_folder(folder);
        }
        self.make_folder(instance.sessions());
        self.make_folder(workspace.to_path_buf());
    }

    /// Plans to write the first files that the instance's workspace lacks.
    fn write_workspace(&mut self, workspace: &Path, stamp: &PlanStamp) {
        let nothing = DiskSnapshot::default();
        let disk = if self.is_moved(workspace) {
            &nothing
        } else {
            self.disk
        };
        self.changes
            .extend(workspace::changes(self.input, workspace, disk, stamp.lang));
    }

    /// Plans to write the file with the model provider's API key.
    fn write_keys(&mut self, answers: &Answers) -> Result<()> {
        let instance = &self.input.instance;
        let stores = [instance.env_file(), instance.auth_profiles()];
        let disk = self
            .disk
            .only(stores.into_iter().filter(|path| !self.is_moved(path)));
        if let Some(write) = keys::write(instance, &disk, answers)? {
            if let Some(folder) = parent(&write.path) {
                self.make_folder(folder);
            }
            self.changes.push(Change::Write(write));
        }
        Ok(())
    }
}

/// Returns the parent folder of a file or folder.
fn parent(path: &Path) -> Option<PathBuf> {
    path.parent().map(Path::to_path_buf)
}

/// Plans the write of an instance's record (`instance.toml`), unless it is up to date.
fn record_write(
    input: &PlanInput<'_>,
    answers: &Answers,
    disk: &DiskSnapshot,
    ports: PortFamily,
    stamp: &PlanStamp,
) -> Result<Option<Change>> {
    let path = input.instance.record_path();
    let before = match disk.state(&path) {
        PathState::Missing => None,
        PathState::File(bytes) => Some(bytes.clone()),
        PathState::Folder | PathState::Unreadable | PathState::Unreachable => return Err(in_the_way(&path)),
    };
    let mut record = RecordDocument::parse(before.as_deref().unwrap_or_default())
        .map_err(|error| RecordError::from(error).blocked(&path))?;
    let profile = input.instance.profile.as_str();
    let release = answers.release.as_ref().and_then(ChosenRelease::installed);
    let engine = answers.engine.map(|engine| (engine, release));
    record.set_onboarded(profile, stamp.lang.code(), ports.base(), engine);
    if answers.watch.is_some() {
        record.set_watched(&input.watched_with(answers));
    }
    Ok(write_unless_equal(
        path,
        record.to_string(),
        before,
        FileKind::Record,
    ))
}

/// Plans to write the instance's entry in the registry of instances, unless it is up to date.
fn registry_write(input: &PlanInput<'_>, workspace: &Path, ports: PortFamily) -> Result<Option<Change>> {
    let (instance, registry) = (&input.instance, input.registry);
    for path in [&instance.config_path, &instance.state_dir] {
        if path.to_str().is_none() {
            return Err(Error::usage(msg!(
                "isolation.workspace-unicode",
                path = path.display()
            )));
        }
    }
    let text = registry.with(&RegistryEntry {
        profile: instance.profile.to_string(),
        config: instance.config_path.clone(),
        state: instance.state_dir.clone(),
        workspace: workspace.to_path_buf(),
        port: ports.base().into(),
    });
    Ok(write_unless_equal(
        registry.path.clone(),
        text,
        registry.before.clone(),
        FileKind::Registry,
    ))
}

/// Plans to write a file of this program whole, unless it has this text already.
fn write_unless_equal(
    path: PathBuf,
    text: String,
    before: Option<Vec<u8>>,
    kind: FileKind,
) -> Option<Change> {
    let is_equal = before.as_deref() == Some(text.as_bytes());
    (!is_equal).then(|| {
        Change::Write(FileWrite {
            path,
            content: Content::plain(text),
            before,
            backup: false,
            kind,
        })
    })
}
