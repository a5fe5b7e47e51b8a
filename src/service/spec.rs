//! Builds the [`ServiceSpec`] of an instance from the host: the path of this program and the search path.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::host::{Host, read};
use crate::i18n::{Msg, msg};
use crate::installation::PACKAGE_NAME;
use crate::instance::{Instance, InstanceContext};
use crate::ports::Port;
use crate::record::{Engine, Record};
use crate::service_files::ServiceSpec;

/// Name of the folder in which npx keeps the packages that it fetched to run them once.
const NPX_CACHE_DIR: &str = "_npx";
/// The command search path (`PATH`) of a service, fixed so that it does not depend on the shell of the installation.
const SEARCH_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Builds the specification of the service that runs the gateway of an instance on a port. Fails where this program's
/// own path is unknown, or a path can't be written to a service file.
pub(super) fn build(
    context: InstanceContext<'_>,
    port: Port,
    record: &Record,
    has_timer: bool,
) -> Result<ServiceSpec> {
    let InstanceContext { host, env, instance } = context;
    let program = program_path(host).ok_or_else(|| Error::failed(msg!("service.no-program")))?;
    let engine = record.engine;
    // A release of the instance's own is found by the record.
    let uses_host = engine == Engine::Node && record.release.is_none();
    let node_cli = env.node_cli.clone().filter(|_| uses_host);
    for path in [&program, &instance.state_dir, &instance.config_path]
        .into_iter()
        .chain(&node_cli)
    {
        // A line break would end a line in the file of every manager, and a path that is not Unicode can't be written.
        if path
            .to_str()
            .is_none_or(|text| text.chars().any(char::is_control))
        {
            return Err(Error::blocked(msg!("service.odd-path", path = path.display())));
        }
    }
    Ok(ServiceSpec {
        profile: instance.profile.clone(),
        program,
        port,
        engine,
        state_dir: instance.state_dir.clone(),
        config_path: instance.config_path.clone(),
        search_path: search_path(host, engine),
        node_cli,
        has_timer,
    })
}

/// Returns a notice where a service would start this program from the cache of npx, which npm may empty.
pub(super) fn npx_notice(spec: &ServiceSpec, instance: &Instance) -> Option<Msg> {
    let mut parts = spec.program.components();
    parts.find(|part| part.as_os_str() == NPX_CACHE_DIR)?;
    let command = instance.command().replacen("openclaw", PACKAGE_NAME, 1);
    Some(msg!(
        "service.npx-cache",
        path = spec.program.display(),
        command = format!("npm install -g {PACKAGE_NAME} && {command} gateway install --force")
    ))
}

/// Returns the path of this program for a service file. Where the program was called through a symbolic link to it
/// (`~/.local/bin/openclaw`), returns the link: the target may no longer exist after an update. A link beside the program's
/// name of its own is left for that: `openclaw` may be npm's some day, `openclaw-rs` may not.
fn program_path(host: &Host) -> Option<PathBuf> {
    let running = host.program()?;
    let text = running.to_string_lossy();
    // Linux appends this where the file of a running program was replaced.
    let running = text
        .strip_suffix(" (deleted)")
        .map_or_else(|| running.to_path_buf(), PathBuf::from);
    let called = Path::new(host.args().first()?);
    let called = match called.components().count() {
        1 => called.to_str().and_then(|name| host.find_program(name)),
        _ => Some(called.to_path_buf()),
    };
    let leads_here = |link: &PathBuf| {
        link.is_absolute() && read::canonicalize(link).ok().is_some_and(|real| real == running)
    };
    let is_second_name = |link: &PathBuf| {
        running.file_name().is_some_and(|name| name == PACKAGE_NAME) && link.parent() == running.parent()
    };
    called
        .filter(|link| leads_here(link) && !is_second_name(link))
        .or_else(|| running.is_absolute().then_some(running))
}

/// Returns the command search path (`PATH`) of a service; with the node engine, the folder in which `node` is found
/// now comes first.
fn search_path(host: &Host, engine: Engine) -> String {
    let node = (engine == Engine::Node)
        .then(|| host.find_program("node"))
        .flatten();
    let folder = node.and_then(|node| Some(node.parent()?.to_str()?.to_owned()));
    match folder {
        Some(folder) if !SEARCH_PATH.split(':').any(|known| known == folder) => {
            format!("{folder}:{SEARCH_PATH}")
        }
        _ => SEARCH_PATH.to_owned(),
    }
}
