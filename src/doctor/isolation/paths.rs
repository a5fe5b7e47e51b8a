//! Checks that no file or folder which the config of an instance names is another instance's too.

use std::cell::LazyCell;
use std::path::Path;

use super::super::check::Problem;
use super::super::fix::Fix;
use super::super::host_report::{HostReport, InstanceReport};
use super::super::originality::instance_to_change;
use super::super::path_index::PathIndex;
use crate::config::key_path::KeyPath;
use crate::config::variables;
use crate::host::read::canonicalize_existing;
use crate::i18n::{Msg, msg};
use crate::instance::shell_quote;
use crate::survey::named_paths::{NamedPath, PathPurpose, own_workspace};

/// The kind of paths that two instances must not both have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Collision {
    /// Equal paths.
    Equal,
    /// Equal paths, or one within the other.
    Overlap,
}

impl Collision {
    /// Returns `true` if two instances must not have these two paths.
    fn is_between(self, one: &Path, other: &Path) -> bool {
        match self {
            Self::Equal => one == other,
            Self::Overlap => overlap(one, other),
        }
    }

    /// Returns the instances with a path that another instance must not have beside this one.
    fn search(self, index: &PathIndex, path: &Path) -> Vec<usize> {
        match self {
            Self::Equal => index.at(path).collect(),
            Self::Overlap => index.overlapping(path).collect(),
        }
    }
}

/// Returns `true` if two paths are equal or one contains the other.
pub(super) fn overlap(one: &Path, other: &Path) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

/// A path of an instance that another instance has too.
struct SharedPath<'r, 'a> {
    named: &'r NamedPath,
    other: &'r InstanceReport<'a>,
    /// The path of the other instance; `None` where the path only lies in the state folder of that instance.
    theirs: Option<&'r NamedPath>,
}

/// Returns the paths that the config of an instance names for one purpose.
fn paths_for<'r>(own: &'r InstanceReport<'_>, purpose: PathPurpose) -> impl Iterator<Item = &'r NamedPath> {
    let all = own.named_paths().iter();
    all.filter(move |named| named.purpose == purpose)
}

/// Returns the instance in whose state folder a path of another instance is, where their state folders are apart.
fn holder_of<'r, 'a>(
    report: &'r HostReport<'a>,
    own: &InstanceReport<'_>,
    path: &Path,
) -> Option<&'r InstanceReport<'a>> {
    let is_apart = |other: &InstanceReport<'_>| !overlap(&own.resolved.state, &other.resolved.state);
    report.first_other(own, report.paths.states.around(path), is_apart)
}

/// Returns the paths of an instance for one purpose that another instance has for that purpose too, or that lie in the
/// state folder of another instance.
fn shared_paths<'r, 'a>(
    report: &'r HostReport<'a>,
    own: &'r InstanceReport<'a>,
    purpose: PathPurpose,
    collision: Collision,
) -> Vec<SharedPath<'r, 'a>> {
    let shared = paths_for(own, purpose).filter_map(|named| {
        let with_theirs = || {
            let index = report.paths.named.get(&purpose)?;
            let other = report.first_to_compare(own, collision.search(index, &named.path))?;
            let mut theirs = paths_for(other, purpose);
            let theirs = theirs.find(|theirs| collision.is_between(&named.path, &theirs.path))?;
            Some((other, Some(theirs)))
        };
        let within = || Some((holder_of(report, own, &named.path)?, None));
        let (other, theirs) = with_theirs().or_else(within)?;
        Some(SharedPath { named, other, theirs })
    });
    shared.collect()
}

/// Reports shared paths that an instance does without: the gateway has a place of its own where the key is not set.
fn unset_shared(
    report: &HostReport<'_>,
    own: &InstanceReport<'_>,
    purpose: PathPurpose,
    collision: Collision,
    describe: fn(&str, &KeyPath, &str) -> Msg,
) -> Vec<Problem> {
    let mut problems: Vec<Problem> = Vec::new();
    for shared in shared_paths(report, own, purpose, collision) {
        let path = report.display_path(&shared.named.path);
        let msg = describe(&path, &shared.named.key, &shared.other.label);
        let changes = shared
            .theirs
            .map_or(own, |_| instance_to_change(report, own, shared.other));
        // What holds keys, sessions or logins is left to a person.
        let is_fixable = matches!(purpose, PathPurpose::Log | PathPurpose::Canvas);
        let problem = if is_fixable && changes.index == own.index {
            let fix = Fix::SetKey {
                config: own.instance.config_path.clone(),
                key: shared.named.key.clone(),
                value: None,
            };
            Problem::fixable(own, msg, fix)
        } else {
            Problem::new(msg, unset_command(&shared, own, changes))
        };
        // One key may name a path for each of several agents.
        let is_known = |known: &Problem| known.fix == problem.fix && known.remedy == problem.remedy;
        if !problems.iter().any(is_known) {
            problems.push(problem);
        }
    }
    problems
}

/// Returns the command that removes the key of a shared path from the config of the instance that is to change.
fn unset_command(
    shared: &SharedPath<'_, '_>,
    own: &InstanceReport<'_>,
    changes: &InstanceReport<'_>,
) -> String {
    let theirs = shared.theirs.filter(|_| changes.index != own.index);
    let key = theirs.map_or(&shared.named.key, |theirs| &theirs.key);
    format!("{} config unset {}", changes.command, quoted_key(key))
}

/// Returns a key path as one word of a shell command.
fn quoted_key(key: &KeyPath) -> String {
    shell_quote(Path::new(&key.to_string()))
}

/// Reports two gateways that keep the keys and the model settings of an agent in one folder.
pub(super) fn agent_dir(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    unset_shared(
        report,
        own,
        PathPurpose::AgentDir,
        Collision::Overlap,
        |path, key, holder| msg!("doctor.isolation-agent", path = path, key = key, holder = holder),
    )
}

/// Reports two gateways that keep their chat sessions in one file.
pub(super) fn session_store(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    unset_shared(
        report,
        own,
        PathPurpose::SessionStore,
        Collision::Overlap,
        |path, _, holder| msg!("doctor.isolation-sessions", path = path, holder = holder),
    )
}

/// Reports two gateways that write one log file.
pub(super) fn log(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    unset_shared(
        report,
        own,
        PathPurpose::Log,
        Collision::Equal,
        |path, _, holder| msg!("doctor.isolation-log", path = path, holder = holder),
    )
}

/// Reports two gateways that serve one canvas folder.
pub(super) fn canvas(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    unset_shared(
        report,
        own,
        PathPurpose::Canvas,
        Collision::Overlap,
        |path, _, holder| msg!("doctor.isolation-canvas", path = path, holder = holder),
    )
}

/// Reports a workspace or a canvas folder that holds a file or folder which another instance uses for another purpose: its
/// agents may change it, or the gateway serves it. Other paths of two instances are compared within one purpose only.
pub(super) fn exposed(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let open = [PathPurpose::Workspace, PathPurpose::Canvas];
    let mine = open.into_iter().flat_map(|purpose| paths_for(own, purpose));
    let problem = |named: &NamedPath| {
        let indexes = report.paths.named.iter();
        let of_others = indexes.filter(|(purpose, _)| **purpose != named.purpose);
        let within = of_others.flat_map(|(_, index)| index.within(&named.path));
        let holder = report.first_other(own, within, |_| true)?;
        let mut held = holder.named_paths().iter();
        let theirs =
            held.find(|theirs| theirs.purpose != named.purpose && theirs.path.starts_with(&named.path))?;
        let msg = msg!(
            "doctor.isolation-exposed",
            path = report.display_path(&named.path),
            holder = holder.label,
            theirs = format!("{} ({})", report.display_path(&theirs.path), theirs.key)
        );
        Some(Problem::new(
            msg,
            format!("{} config unset {}", own.command, quoted_key(&named.key)),
        ))
    };
    mine.filter_map(problem).collect()
}

/// Reports two gateways that write any other file or folder which their configs name.
pub(super) fn data(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    unset_shared(
        report,
        own,
        PathPurpose::Data,
        Collision::Overlap,
        |path, key, holder| msg!("doctor.isolation-data", path = path, key = key, holder = holder),
    )
}

/// Reports browsers of two instances with one folder of logins and cookies. Nothing is repaired unasked: the logins are in
/// that folder.
pub(super) fn browser(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let shared = shared_paths(report, own, PathPurpose::BrowserData, Collision::Overlap).into_iter();
    let problem = |shared: SharedPath<'_, '_>| {
        let path = report.display_path(&shared.named.path);
        let msg = msg!(
            "doctor.isolation-browser",
            path = path,
            holder = shared.other.label
        );
        let changes = shared
            .theirs
            .map_or(own, |_| instance_to_change(report, own, shared.other));
        Problem::new(msg, unset_command(&shared, own, changes))
    };
    shared.map(problem).collect()
}

/// Reports two instances with one workspace, or a workspace inside another instance.
pub(super) fn workspace(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let Some(mine) = own.found.map(|found| &found.workspaces) else {
        return Vec::new();
    };
    // A workspace that an early release of OpenClaw made in the default's folder under this name belongs here.
    let legacy = LazyCell::new(|| {
        let path = own.instance.legacy_workspace(&report.home)?;
        Some(canonicalize_existing(&path))
    });
    let mut problems = Vec::new();
    for path in mine {
        let sharing = || {
            let other = report.first_to_compare(own, report.paths.workspaces.overlapping(path))?;
            let mut theirs = other.found?.workspaces.iter();
            Some((other, Some(theirs.find(|their| overlap(path, their))?)))
        };
        let within = || {
            let holder = holder_of(report, own, path)?;
            (legacy.as_ref() != Some(path)).then_some((holder, None))
        };
        let Some((other, their_path)) = sharing().or_else(within) else {
            continue;
        };
        let msg = msg!(
            "doctor.isolation-workspace",
            path = report.display_path(path),
            holder = other.label
        );
        let changes = their_path.map_or(own, |_| instance_to_change(report, own, other));
        let changed_path = their_path.filter(|_| changes.index != own.index);
        let changed_path = changed_path.unwrap_or(path);
        problems.push(Problem::new(
            msg,
            separate_workspace_command(changes, changed_path),
        ));
    }
    problems
}

/// Returns the command that gives an instance a workspace of its own in place of this one: it sets the key that names
/// the workspace, or the one of all agents where none does.
fn separate_workspace_command(own: &InstanceReport<'_>, workspace: &Path) -> String {
    let named = paths_for(own, PathPurpose::Workspace).find(|named| named.path == workspace);
    let default = KeyPath::keys(["agents", "defaults", "workspace"]);
    let key = named.map_or(&default, |named| &named.key);
    let proposed = own_workspace(&own.instance, &own.config, key);
    let proposed = variables::escape(&proposed.display().to_string());
    let proposed = shell_quote(Path::new(&proposed));
    format!("{} config set {} {proposed}", own.command, quoted_key(key))
}
