//! Finds the node engine, which is OpenClaw from npm, with its version, and builds the commands that run it for one
//! instance.
//!
//! An instance whose record names a release runs that one, from the folder where this program has installed it
//! ([`release`]); any other runs the OpenClaw of the host.
//!
//! The survey only reads files ([`find_package`]): the npm package of the command, or of the command that a wrapper script
//! names. A caller that is about to run the engine, or to say that there is none, also asks it for its version
//! ([`locate`]), because no file tells which release any other wrapper starts. The
//! engine gets the environment of one instance and nothing of another's ([`command_for_instance`]): OpenClaw obeys an
//! inherited path, port or token (docs/openclaw.md#leak-inherited-environment).

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::config::dialect;
use crate::config::effective::EffectiveConfig;
use crate::config::judge::ConfigJudge;
use crate::environment::{self, Environment};
use crate::error::{Error, Result};
use crate::host::process::CommandSpec;
use crate::host::{Host, read};
use crate::i18n::{Msg, msg};
use crate::instance::{Instance, InstanceContext};
use crate::ports::Port;
use crate::record::{Engine, Record, ReleaseVersion};
use crate::settings::RunOverrides;

pub(crate) mod node_range;
mod package;
pub(crate) mod release;

pub(crate) use package::{NodeEngine, PACKAGE_NAME};
pub(crate) use release::{HostNode, InstalledRelease, ReleaseStore};

/// Name of the file that describes an npm package.
const MANIFEST_FILE: &str = "package.json";
/// Maximum size of a wrapper script that is searched for the command of OpenClaw from npm, in bytes.
const MAX_SCRIPT_BYTES: u64 = 16 * 1024;
/// Maximum number of folders between the command of OpenClaw from npm and the folder of its npm package.
const MAX_PACKAGE_DEPTH: usize = 5;
/// Time limit of a query of OpenClaw from npm for its version: the early release needs more than three seconds for
/// the answer on an idle machine (docs/openclaw.md#measurements).
const VERSION_TIMEOUT: Duration = Duration::from_secs(20);
/// The first release of OpenClaw whose files and flags are known (docs/openclaw.md#sources-and-notation).
pub(crate) const OLDEST_RELEASE: &str = "2026.1.30";
/// A version below those of all releases of OpenClaw from npm, and above those of this program: it distinguishes the
/// two.
const VERSION_BEFORE_OPENCLAW: &str = "2000.1.1";
/// Names under which the command of OpenClaw from npm may be found on a search path.
const COMMAND_NAMES: &[&str] = if cfg!(windows) {
    &["openclaw.cmd", "openclaw.exe"]
} else {
    &["openclaw"]
};

/// Finds the OpenClaw from npm that runs an instance with this record, without starting a program: the release that the
/// record names, else that of the host.
pub(crate) fn find_for(host: &Host, env: &Environment, record: &Record) -> Option<NodeEngine> {
    match &record.release {
        Some(version) => ReleaseStore::of_host(host, env)
            .find(version)
            .map(|release| release.engine()),
        None => find_package(host, env),
    }
}

/// Locates the OpenClaw from npm that runs an instance with this record: the release that the record names with a Node that
/// runs it, else that of the host ([`locate`]). Fails, with the way out, where it or its Node is missing.
pub(crate) fn locate_for(context: InstanceContext<'_>, record: &Record) -> Result<NodeEngine> {
    let Some(version) = &record.release else {
        return locate(context.host, context.env);
    };
    let store = ReleaseStore::of_host(context.host, context.env);
    let release = store
        .find(version)
        .ok_or_else(|| release_missing(&store, version, &context.instance.command()))?;
    Ok(NodeEngine {
        node: Some(release.choose_node(context.host)?),
        ..release.engine()
    })
}

/// Returns the error about a release that the record of an instance names, and whose folder is gone.
fn release_missing(store: &ReleaseStore, version: &ReleaseVersion, command: &str) -> Error {
    let path = store.release_folder(version);
    let install = format!("openclaw engine install {version}");
    Error::blocked(msg!(
        "engine.release-gone",
        version = version,
        path = path.display()
    ))
    .hint(msg!("engine.install-it", command = install))
    .hint(msg!(
        "engine.use-native",
        command = format!("{command} engine use native")
    ))
}

/// Finds OpenClaw from npm by its npm package, without starting a program: the command that `OPENCLAW_NODE_CLI`
/// names, else the first `openclaw` on the search path that is not this program.
pub(crate) fn find_package(host: &Host, env: &Environment) -> Option<NodeEngine> {
    candidates(host, env)
        .into_iter()
        .find_map(|path| read_known_package(&path))
}

/// Returns the judge of configs for an instance with this record. OpenClaw from npm is searched only where it is the
/// engine.
pub(crate) fn config_judge(record: &Record, context: InstanceContext<'_>) -> ConfigJudge {
    judge_of_engine(record, context).with_include_roots(context.include_roots())
}

/// Returns the judge of this one config for an instance with this record, as [`config_judge`] does.
pub(crate) fn judge_for_config(
    record: &Record,
    context: InstanceContext<'_>,
    config: &EffectiveConfig,
) -> ConfigJudge {
    judge_of_engine(record, context).with_include_roots(context.include_roots_of(config))
}

fn judge_of_engine(record: &Record, context: InstanceContext<'_>) -> ConfigJudge {
    let node = match record.engine {
        Engine::Native => None,
        Engine::Node => find_for(context.host, context.env, record),
    };
    ConfigJudge::new(record.engine, node.as_ref().map(|node| node.version.as_str()))
}

/// Finds OpenClaw from npm by its npm package, and where a command belongs to no package, by asking the command for
/// its version. Fails, with the way out, where no engine is found or its release is too old.
pub(crate) fn locate(host: &Host, env: &Environment) -> Result<NodeEngine> {
    let found = candidates(host, env)
        .iter()
        .find_map(|path| read_known_package(path).or_else(|| query_version(host, path)));
    let Some(engine) = found else {
        let error = match &env.node_cli {
            Some(path) if path.is_file() => {
                Error::blocked(msg!("engine.unknown", path = path.display())).hint(msg!("engine.name-entry"))
            }
            Some(path) => Error::blocked(msg!("engine.no-file", path = path.display())),
            None => Error::blocked(msg!("engine.missing")).hint(msg!("engine.name-it")),
        };
        return Err(error.hint(msg!("engine.get")));
    };
    if dialect::is_newer(OLDEST_RELEASE, &engine.version) != Some(false) {
        return Err(Error::blocked(msg!(
            "engine.too-old",
            path = engine.path.display(),
            version = engine.version,
            oldest = OLDEST_RELEASE
        ))
        .hint(msg!("engine.get")));
    }
    Ok(engine)
}

/// Returns the commands that may be OpenClaw from npm, in the order in which they are tried. Links are resolved to
/// leave out this program.
fn candidates(host: &Host, env: &Environment) -> Vec<PathBuf> {
    let resolve = |path: &Path| read::canonicalize(path).ok().filter(|target| target.is_file());
    let own = host.program().and_then(resolve);
    let is_other = |path: &PathBuf| resolve(path).is_some_and(|target| Some(target) != own);
    if let Some(path) = &env.node_cli {
        return Some(path.clone()).filter(is_other).into_iter().collect();
    }
    let folders = host.search_path().into_iter();
    let paths = folders.flat_map(|folder| COMMAND_NAMES.iter().map(move |name| folder.join(name)));
    paths.filter(is_other).collect()
}

/// Reads the version of OpenClaw from the npm package to which a command belongs, or which a wrapper script starts.
fn read_known_package(path: &Path) -> Option<NodeEngine> {
    read_package(path).or_else(|| read_package_of_script(path))
}

/// Reads the version of OpenClaw from the npm package whose command a wrapper script names by an absolute path.
fn read_package_of_script(path: &Path) -> Option<NodeEngine> {
    let is_small = std::fs::metadata(path).is_ok_and(|meta| meta.len() <= MAX_SCRIPT_BYTES);
    let text = read::text(path)
        .ok()
        .filter(|text| is_small && text.starts_with("#!"))?;
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let mut words = lines.flat_map(|line| line.split(|c: char| c.is_whitespace() || "\"'=;".contains(c)));
    let package =
        words.find_map(|word| read_package(Path::new(word).is_absolute().then_some(Path::new(word))?))?;
    Some(NodeEngine {
        path: path.to_path_buf(),
        ..package
    })
}

/// Reads the version of OpenClaw from the `package.json` of the npm package to which a command belongs. Links are
/// followed.
fn read_package(path: &Path) -> Option<NodeEngine> {
    let real = read::canonicalize(path).ok()?;
    let mut folders = real.ancestors().skip(1).take(MAX_PACKAGE_DEPTH);
    let version = folders.find_map(|folder| {
        let manifest = read::text(&folder.join(MANIFEST_FILE)).ok()?;
        let manifest: Value = serde_json::from_str(&manifest).ok()?;
        let is_openclaw = manifest.get("name")?.as_str()? == PACKAGE_NAME;
        is_openclaw.then(|| Some(manifest.get("version")?.as_str()?.to_owned()))?
    })?;
    let path = path.to_path_buf();
    Some(NodeEngine {
        path,
        version,
        node: None,
    })
}

/// Runs a command that may be OpenClaw from npm to get its version. Returns `None` for a copy of this program, whose
/// versions are no releases of OpenClaw.
fn query_version(host: &Host, path: &Path) -> Option<NodeEngine> {
    let command = command(host, path, None, ["--version"]);
    let output = host.run(&command, VERSION_TIMEOUT).ok()?;
    let words = output.stdout.split_whitespace();
    let version = words
        .map(|word| word.trim_start_matches('v'))
        .find(|word| dialect::is_newer(VERSION_BEFORE_OPENCLAW, word) == Some(false))?;
    Some(NodeEngine {
        path: path.to_path_buf(),
        version: version.to_owned(),
        node: None,
    })
}

/// Builds the command that runs OpenClaw from npm with these arguments: through this Node, or through `node` where it is a
/// script that the system can't start directly.
pub(crate) fn command<S: AsRef<OsStr>>(
    host: &Host,
    path: &Path,
    node: Option<&Path>,
    args: impl IntoIterator<Item = S>,
) -> CommandSpec {
    let is_script = path
        .extension()
        .is_some_and(|extension| ["mjs", "cjs", "js"].iter().any(|script| extension == *script));
    if node.is_some() || (is_script && !host.is_executable(path)) {
        let of_host = || host.find_program("node").unwrap_or_else(|| "node".into());
        let node = node.map_or_else(of_host, Path::to_path_buf);
        let mut command = CommandSpec::new(node, [path]);
        command
            .args
            .extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        return command;
    }
    CommandSpec::new(path, args)
}

/// Builds the command that runs OpenClaw from npm for an instance, with `args` after the instance's profile, in the
/// environment of this instance alone.
pub(crate) fn command_for_instance<S: AsRef<OsStr>>(
    host: &Host,
    engine: &NodeEngine,
    instance: &Instance,
    port: Option<Port>,
    args: impl IntoIterator<Item = S>,
) -> CommandSpec {
    let named = (!instance.profile.is_default()).then(|| instance.profile.as_str());
    let profile = named.into_iter().flat_map(|name| ["--profile", name]);
    let mut command = command(host, &engine.path, engine.node.as_deref(), profile);
    command
        .args
        .extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
    let mut set = |name: &str, value: &OsStr| command.env.push((name.into(), value.to_owned()));
    set("OPENCLAW_STATE_DIR", instance.state_dir.as_os_str());
    set("OPENCLAW_CONFIG_PATH", instance.config_path.as_os_str());
    if let Some(name) = named {
        set("OPENCLAW_PROFILE", name.as_ref());
    }
    if let Some(port) = port {
        set("OPENCLAW_GATEWAY_PORT", port.to_string().as_ref());
    }
    if engine.node.is_some() {
        // A release of the instance's own changes by `openclaw engine` only; OpenClaw would update itself.
        set("OPENCLAW_NO_AUTO_UPDATE", "1".as_ref());
    }
    // The variables above override inherited ones; others of an instance must not be inherited.
    let inherited = environment::LEGACY_VARIABLES.iter().chain(&["OPENCLAW_PROFILE"]);
    let foreign = instance.ignored_variables.iter();
    command.env_removed = inherited.chain(foreign).map(Into::into).collect();
    if !instance.ignored_variables.is_empty() {
        command
            .env_removed
            .extend(environment::SERVICE_VARIABLES.iter().map(Into::into));
    }
    command
}

/// Builds the command with which OpenClaw from npm runs the gateway of an instance on a port. Fails where a secret of
/// the command line can't be passed on, because another one in the config would override it.
pub(crate) fn gateway_command(
    context: InstanceContext<'_>,
    engine: &NodeEngine,
    config: &Value,
    port: Port,
    overrides: &RunOverrides,
) -> Result<CommandSpec> {
    let mut args = vec!["gateway".to_owned(), "--port".to_owned(), port.to_string()];
    let mut add_flag = |name: &str, value: &str| args.extend([name.to_owned(), value.to_owned()]);
    if let Some(bind) = overrides.bind {
        add_flag("--bind", bind.name());
    }
    if let Some(auth) = overrides.auth {
        add_flag("--auth", auth.name());
    }
    if overrides.allow_unconfigured {
        args.push("--allow-unconfigured".to_owned());
    }
    let mut command = command_for_instance(context.host, engine, context.instance, Some(port), args);
    // Secrets are passed in the environment: every user of the host can read an argument list.
    for (secret, name, key, pointer) in [
        (
            &overrides.token,
            "OPENCLAW_GATEWAY_TOKEN",
            "gateway.auth.token",
            "/gateway/auth/token",
        ),
        (
            &overrides.password,
            "OPENCLAW_GATEWAY_PASSWORD",
            "gateway.auth.password",
            "/gateway/auth/password",
        ),
    ] {
        let Some(secret) = secret else { continue };
        let configured = config.pointer(pointer).filter(|value| !value.is_null());
        if configured.is_some_and(|value| value != secret.expose()) {
            return Err(
                Error::usage(msg!("engine.secret", key = key)).hint(msg!("engine.secret-way-out", key = key))
            );
        }
        command.env.push((name.into(), secret.expose().into()));
    }
    Ok(command)
}

/// Returns a notice where the config was last written by a newer release of OpenClaw than the installed one.
pub(crate) fn newer_config_notice(engine: &NodeEngine, instance: &Instance, config: &Value) -> Option<Msg> {
    let stamp = dialect::newer_stamp(config, &engine.version)?;
    Some(msg!(
        "engine.stamp",
        path = instance.config_path.display(),
        stamp = stamp,
        version = engine.version
    ))
}

#[cfg(all(test, unix))]
mod tests;
