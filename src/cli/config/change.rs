//! A change of the config: it is made under the host-wide lock, on the file as it is at that moment, in one transaction.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use serde_json::Value;

use crate::apply::{self, HostLock};
use crate::cli::Context;
use crate::config::document::{ConfigDocument, EditError};
use crate::config::judge::ConfigJudge;
use crate::config::key_path::KeyPath;
use crate::config::release::Release;
use crate::config::{LoadedConfig, backup, broken_error, dialect, effective, load};
use crate::error::{Error, Result};
use crate::i18n::{Msg, msg};
use crate::plan::{self, Change, Plan};
use crate::ports::Port;
use crate::survey::{self, Survey};

/// Reads the config of the instance.
///
/// # Errors
/// When it is broken or missing; the hints name the commands that help.
pub(crate) fn read_config(context: &Context<'_>) -> Result<ConfigDocument> {
    let path = &context.instance.config_path;
    match load(path) {
        LoadedConfig::Ok(document) => Ok(document),
        LoadedConfig::Broken(fault) => Err(broken_error(path, &fault)),
        LoadedConfig::Missing => {
            let error = Error::failed(msg!("config.missing", path = path.display()));
            let hint = context.nearest_profile_hint(&context.survey());
            let error = hint.into_iter().fold(error, Error::hint);
            Err(error.hint(msg!("config.hint-make", command = context.instance.command())))
        }
    }
}

/// Returns the judge of configs for the release that `--release` names, else for the engine of the instance.
pub(super) fn choose_judge(
    context: &Context<'_>,
    survey: &Survey,
    release: Option<&str>,
) -> Result<ConfigJudge> {
    let Some(typed) = release else {
        return Ok(context.config_judge(survey));
    };
    let [early, late] = Release::ALL;
    let version = Release::parse_version(typed).ok_or_else(|| {
        Error::usage(msg!("config.not-a-release", typed = typed)).hint(msg!(
            "config.known-releases",
            early = early,
            late = late
        ))
    })?;
    Ok(ConfigJudge::for_version(&version))
}

/// Edits the instance's config under the host-wide lock. Returns the path of the backup, or `None` where nothing
/// changed.
pub(super) fn change_config(
    context: &Context<'_>,
    release: Option<&str>,
    edit: impl FnOnce(&mut ConfigDocument) -> Result<bool, EditError>,
) -> Result<Option<PathBuf>> {
    let lock = context.lock()?;
    let path = &context.instance.config_path;
    let before = read_config(context)?;
    let mut after = before.clone();
    if !edit(&mut after)? {
        return Ok(None);
    }
    let survey = context.survey();
    refuse_newer(context, &survey, &before, &after)?;
    let judge = choose_judge(context, &survey, release)?;
    refuse_new_findings(context, &judge, &before, &after)?;
    refuse_taken_port(context, &survey, &before, &after)?;
    let bytes = before.text().as_bytes().to_vec();
    apply_changes(
        context,
        &lock,
        &survey,
        vec![plan::config_write(path, &after, Some(bytes))],
    )?;
    Ok(Some(backup::backup_path(path, 1)))
}

/// Refuses to change a config that a newer release wrote, in which the changed key may have another meaning. Only its
/// version stamp may be changed: with that the user declares that an older release is to read it.
fn refuse_newer(
    context: &Context<'_>,
    survey: &Survey,
    before: &ConfigDocument,
    after: &ConfigDocument,
) -> Result<()> {
    let program = || context.host.program().map(|path| path.display().to_string());
    let (reader, reader_path) = match &survey.node {
        Some(node) => (node.version.as_str(), node.path.display().to_string()),
        None => (dialect::NEWEST_KNOWN_VERSION, program().unwrap_or_default()),
    };
    let Some(stamp) = dialect::newer_stamp(before.value(), reader) else {
        return Ok(());
    };
    if dialect::newer_stamp(after.value(), reader) != Some(stamp) {
        return Ok(());
    }
    let path = context.instance.config_path.display();
    let refused = msg!(
        "config.newer",
        path = path,
        stamp = stamp,
        version = reader,
        program = reader_path
    );
    let command = context.instance.command();
    Err(Error::blocked(refused).hint(msg!("config.newer-way-out", command = command, version = reader)))
}

/// Refuses a change of the config after which its schema check has a finding that it did not have before.
fn refuse_new_findings(
    context: &Context<'_>,
    judge: &ConfigJudge,
    before: &ConfigDocument,
    after: &ConfigDocument,
) -> Result<()> {
    let path = &context.instance.config_path;
    // A broken include does not block a change, which may be the one that repairs it.
    let whole =
        |document: &ConfigDocument| effective(path, document).unwrap_or_else(|_| document.value().clone());
    let findings = judge.new_findings(&whole(before), &whole(after));
    let Some(first) = findings.into_iter().next() else {
        return Ok(());
    };
    let what = Msg::new("config.refused")
        .with("path", first.path)
        .with_msg("why", first.why);
    Err(Error::blocked(what).hint(msg!("config.hint-validate", command = context.instance.command())))
}

/// Refuses a config's new base port, and new ports that its keys pin, by the rules that hold in the wizard too
/// (docs/design.md#port-rules).
pub(super) fn refuse_taken_port(
    context: &Context<'_>,
    survey: &Survey,
    before: &ConfigDocument,
    after: &ConfigDocument,
) -> Result<()> {
    survey::ports::refuse_claimed_pins(survey, &context.instance, before.value(), after.value())?;
    let key = KeyPath::keys(["gateway", "port"]);
    let port = |document: &ConfigDocument| document.get(&key).and_then(Port::from_json);
    let Some(new) = port(after).filter(|new| Some(*new) != port(before)) else {
        return Ok(());
    };
    let bind = after
        .get(&KeyPath::keys(["gateway", "bind"]))
        .and_then(Value::as_str);
    // Loopback is checked in any case.
    let addresses: &[IpAddr] = match bind {
        None | Some("loopback") => &[],
        Some(_) => &[
            IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        ],
    };
    let instance = &context.instance;
    let planner = survey.planner(&instance.profile, &instance.config_path);
    planner.check(new, addresses).accept(None).map(drop)
}

/// Applies changes of files of this instance, and prints the notices of the transaction.
pub(super) fn apply_changes(
    context: &Context<'_>,
    lock: &HostLock,
    survey: &Survey,
    changes: Vec<Change>,
) -> Result<()> {
    let others = survey.paths_of_others(&context.instance.config_path);
    let plan = Plan {
        instance: None,
        changes,
        notices: Vec::new(),
    };
    let applied = apply::apply(lock, &plan, &others, &mut |_| {})?;
    for notice in &applied.notices {
        context.ui.print_note(notice);
    }
    Ok(())
}
