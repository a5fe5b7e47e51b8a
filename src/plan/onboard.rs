//! The plan that sets an instance up, or brings it up to date: answers and situation in, changes out.
//!
//! What stands already and equals the answer is not touched: the same answers a second time plan no
//! change at all, not even a stamp.

use std::path::{Path, PathBuf};

use crate::answers::Answers;
use crate::error::{Error, Result};
use crate::i18n::{Lang, msg};
use crate::instance::Instance;
use crate::ports::PortFamily;
use crate::record::{RecordDocument, RecordError};
use crate::registry::RegistryEntry;
use crate::situation::Situation;

use super::config::Config;
use super::ground::{Ground, Standing, in_the_way};
use super::{Change, Content, FileKind, FileWrite, Plan, isolation, keys, reset, workspace};

/// What a plan is stamped with.
#[derive(Clone, Debug)]
pub struct Stamp {
    /// The time, as OpenClaw writes it: `2026-11-22T19:22:45.123Z`.
    pub now: String,
    /// Which command plans: `onboard`, `setup`.
    pub command: &'static str,
    /// The language of what is written for a person to read.
    pub lang: Lang,
}

/// The paths whose state the plan depends on.
pub fn targets(situation: &Situation<'_>, answers: &Answers) -> Vec<PathBuf> {
    let instance = &situation.instance;
    let place = workspace_of(situation, answers);
    let mut paths = vec![
        instance.state_dir.clone(),
        instance.config_path.clone(),
        instance.record_path(),
        instance.env_file(),
        instance.auth_profiles(),
        instance.sessions(),
        place.clone(),
    ];
    paths.extend(folder_of(&instance.config_path));
    paths.extend(folder_of(&instance.auth_profiles()));
    paths.extend(workspace::paths(&place));
    paths.extend(reset::paths(
        instance,
        &standing_workspace(situation),
        answers.existing,
    ));
    paths
}

/// The plan for these answers.
pub fn onboard(situation: &Situation<'_>, answers: &Answers, ground: &Ground, stamp: &Stamp) -> Result<Plan> {
    let instance = &situation.instance;
    isolation::instance(situation)?;
    let place = workspace_of(situation, answers);
    isolation::workspace(situation, &place)?;
    let registry = &situation.survey.registry;
    registry.require_valid(&situation.shown(&registry.path))?;

    let config = Config::of(situation, answers)?;
    let mut plan = Plan {
        notices: config.notices.clone(),
        ..Plan::default()
    };
    let aside = reset::paths(instance, &standing_workspace(situation), answers.existing);
    plan.changes.extend(reset::changes(
        instance,
        ground,
        &aside,
        &folder_stamp(&stamp.now),
    ));
    let gone = |path: &Path| aside.iter().any(|moved| path.starts_with(moved));
    // Anything else than a folder in its place is found and refused when the plan is checked.
    let missing = |path: &Path| *ground.at(path) != Standing::Folder || gone(path);
    let folder = |path: PathBuf| missing(&path).then_some(Change::MakeDir { path });

    plan.changes.extend(folder(instance.state_dir.clone()));
    plan.changes.extend(
        folder_of(&instance.config_path)
            .filter(|f| *f != instance.state_dir)
            .and_then(folder),
    );
    plan.changes.extend(folder(instance.sessions()));
    plan.changes.extend(folder(place.clone()));
    if answers.bootstrap && !config.skips_bootstrap() {
        let fresh;
        let ground = if gone(&place) {
            fresh = Ground::default();
            &fresh
        } else {
            ground
        };
        plan.changes
            .extend(workspace::changes(&place, ground, stamp.lang));
    }
    if let Some(write) = keys::write(instance, &without(ground, &gone, instance), answers)? {
        let folder = folder_of(&write.path)
            .and_then(folder)
            .filter(|make| !plan.changes.contains(make));
        plan.changes.extend(folder);
        plan.changes.push(Change::Write(write));
    }
    plan.changes
        .extend(record_write(situation, ground, config.ports, stamp)?);
    plan.changes
        .extend(registry_write(situation, &place, config.ports)?);
    let summary = config.summary(situation, answers, place);
    plan.changes.extend(config.write(situation, answers, stamp)?);
    plan.instance = Some(summary);
    Ok(plan)
}

/// The key files as they stand once a reset has moved them aside.
fn without(ground: &Ground, gone: &dyn Fn(&Path) -> bool, instance: &Instance) -> Ground {
    let paths = [instance.env_file(), instance.auth_profiles()];
    ground.only(paths.into_iter().filter(|path| !gone(path)))
}

/// The workspace to be: answered, standing, or the proposed one.
pub(super) fn workspace_of(situation: &Situation<'_>, answers: &Answers) -> PathBuf {
    answers
        .workspace
        .clone()
        .unwrap_or_else(|| standing_workspace(situation))
}

fn standing_workspace(situation: &Situation<'_>) -> PathBuf {
    let standing = situation
        .text("agents.defaults.workspace")
        .and_then(|typed| situation.path(typed));
    standing.unwrap_or_else(|| situation.instance.default_workspace())
}

fn folder_of(path: &Path) -> Option<PathBuf> {
    path.parent().map(Path::to_path_buf)
}

/// `2026-11-22T19:22:45.123Z` as part of a folder's name: `20261122T192245123Z`.
pub fn folder_stamp(now: &str) -> String {
    now.chars().filter(char::is_ascii_alphanumeric).collect()
}

fn record_write(
    situation: &Situation<'_>,
    ground: &Ground,
    ports: PortFamily,
    stamp: &Stamp,
) -> Result<Option<Change>> {
    let path = situation.instance.record_path();
    let before = match ground.at(&path) {
        Standing::Nothing => None,
        Standing::File(bytes) => Some(bytes.clone()),
        Standing::Folder | Standing::Else => return Err(in_the_way(&path)),
    };
    let mut record = RecordDocument::parse(before.as_deref().unwrap_or_default())
        .map_err(|error| RecordError::from(error).blocked(&path))?;
    let profile = situation.instance.profile.as_str();
    record.set_onboarded(profile, stamp.lang.code(), ports.base());
    Ok(whole(path, record.to_string(), before, FileKind::Record))
}

fn registry_write(situation: &Situation<'_>, workspace: &Path, ports: PortFamily) -> Result<Option<Change>> {
    let (instance, registry) = (&situation.instance, &situation.survey.registry);
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
        port: ports.base(),
    });
    Ok(whole(
        registry.path.clone(),
        text,
        registry.before.clone(),
        FileKind::Registry,
    ))
}

/// A file of ours that is written whole, unless it stands so already.
fn whole(path: PathBuf, text: String, before: Option<Vec<u8>>, kind: FileKind) -> Option<Change> {
    let stands = before.as_deref() == Some(text.as_bytes());
    (!stands).then(|| {
        Change::Write(FileWrite {
            path,
            content: Content::plain(text),
            before,
            backup: false,
            kind,
        })
    })
}
