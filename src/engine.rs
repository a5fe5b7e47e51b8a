//! The node engine: OpenClaw from npm. Where it is, which release, and how it is called for an instance.
//!
//! The survey only reads files ([`find`]). Whoever is about to run it may also ask it for its version
//! ([`locate`]): a wrapper outside of its package says nowhere else which release it starts. What is
//! called gets the environment of one instance and nothing of another's ([`call`]): OpenClaw takes an
//! inherited path, port or token at its word (docs/openclaw.md#leak-inherited-environment).

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::config::dialect;
use crate::environment::{self, Environment};
use crate::error::{Error, Result};
use crate::host::process::CommandSpec;
use crate::host::{Host, read};
use crate::i18n::{Msg, msg};
use crate::instance::Instance;
use crate::settings::Wishes;

/// The package's file that names it.
const MANIFEST: &str = "package.json";
/// The package's name, and its command's.
const NAME: &str = "openclaw";
/// How far above its command a package's own folder may be.
const MAX_DEPTH: usize = 5;
/// How long it may take to say its version: the early release needs more than three seconds for it on
/// an idle machine (docs/openclaw.md#measurements).
const PATIENCE: Duration = Duration::from_secs(20);
/// The first release whose files and flags are known (docs/openclaw.md#sources-and-notation).
const OLDEST: &str = "2026.1.30";
/// What it is called on a search path.
const COMMANDS: &[&str] = if cfg!(windows) {
    &["openclaw.cmd", "openclaw.exe"]
} else {
    &["openclaw"]
};

/// OpenClaw from npm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeEngine {
    /// Its command.
    pub path: PathBuf,
    /// Its version, as its `package.json` has it or it says itself.
    pub version: String,
}

/// The one that `OPENCLAW_NODE_CLI` names, else the first on the search path that is not this program,
/// by what their packages say. Nothing is started.
pub fn find(host: &Host, env: &Environment) -> Option<NodeEngine> {
    candidates(host, env).into_iter().find_map(|path| packaged(&path))
}

/// The same, and where no package tells, what the command itself says when it is asked for its version.
/// One that is missing, or of no release that is known, is an error with the way out.
pub fn locate(host: &Host, env: &Environment) -> Result<NodeEngine> {
    let candidates = candidates(host, env);
    let found = candidates
        .iter()
        .find_map(|path| packaged(path).or_else(|| asked(host, path)));
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
    if dialect::is_newer(OLDEST, &engine.version) != Some(false) {
        return Err(Error::blocked(msg!(
            "engine.too-old",
            path = engine.path.display(),
            version = engine.version,
            oldest = OLDEST
        ))
        .hint(msg!("engine.get")));
    }
    Ok(engine)
}

/// The commands that may be it, in order. This program is none of them, by whatever links.
fn candidates(host: &Host, env: &Environment) -> Vec<PathBuf> {
    let real = |path: &Path| path.canonicalize().ok().filter(|real| real.is_file());
    let own = host.program().and_then(real);
    let is_other = |path: &PathBuf| real(path).is_some_and(|real| Some(real) != own);
    if let Some(path) = &env.node_cli {
        return Some(path.clone()).filter(is_other).into_iter().collect();
    }
    let folders = host.search_path().into_iter();
    let paths = folders.flat_map(|folder| COMMANDS.iter().map(move |name| folder.join(name)));
    paths.filter(is_other).collect()
}

/// The package that a command belongs to, links followed.
fn packaged(path: &Path) -> Option<NodeEngine> {
    let real = path.canonicalize().ok()?;
    let version = real.ancestors().skip(1).take(MAX_DEPTH).find_map(|folder| {
        let manifest: Value = serde_json::from_str(&read::text(&folder.join(MANIFEST)).ok()?).ok()?;
        let is_openclaw = manifest.get("name")?.as_str()? == NAME;
        is_openclaw.then(|| Some(manifest.get("version")?.as_str()?.to_owned()))?
    })?;
    let path = path.to_path_buf();
    Some(NodeEngine { path, version })
}

/// What a command says of its version. This program's own is none of OpenClaw's.
fn asked(host: &Host, path: &Path) -> Option<NodeEngine> {
    let ended = host.run(&command(host, path, ["--version"]), PATIENCE).ok()?;
    let said = ended.stdout.split_whitespace();
    let version = said
        .map(|word| word.trim_start_matches('v'))
        .find(|word| dialect::is_newer("2000.1.1", word) == Some(false))?;
    Some(NodeEngine {
        path: path.to_path_buf(),
        version: version.to_owned(),
    })
}

/// A call of a command as it is, or through `node` where it is a script that can't be started itself.
fn command<S: AsRef<OsStr>>(host: &Host, path: &Path, args: impl IntoIterator<Item = S>) -> CommandSpec {
    let is_script = path
        .extension()
        .is_some_and(|ending| ["mjs", "cjs", "js"].iter().any(|script| ending == *script));
    if is_script && !host.is_executable(path) {
        let node = host.find_program("node").unwrap_or_else(|| "node".into());
        let mut call = CommandSpec::new(node, [path]);
        call.args
            .extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        return call;
    }
    CommandSpec::new(path, args)
}

/// A call of the engine for an instance: `args` behind the profile, in the environment of this instance.
pub fn call<S: AsRef<OsStr>>(
    host: &Host,
    engine: &NodeEngine,
    instance: &Instance,
    port: Option<u16>,
    args: impl IntoIterator<Item = S>,
) -> CommandSpec {
    let named = (!instance.profile.is_default()).then(|| instance.profile.as_str());
    let profile = named.into_iter().flat_map(|name| ["--profile", name]);
    let mut call = command(host, &engine.path, profile);
    call.args
        .extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
    let state = instance.state_dir.as_os_str();
    let config = instance.config_path.as_os_str();
    let mut set = |name: &str, value: &OsStr| call.env.push((name.into(), value.to_owned()));
    set("OPENCLAW_STATE_DIR", state);
    set("OPENCLAW_CONFIG_PATH", config);
    if let Some(name) = named {
        set("OPENCLAW_PROFILE", name.as_ref());
    }
    if let Some(port) = port {
        set("OPENCLAW_GATEWAY_PORT", port.to_string().as_ref());
    }
    // What is set above goes before what is inherited; the rest of it must not come along.
    let inherited = environment::LEGACY.iter().chain(&["OPENCLAW_PROFILE"]);
    let foreign = instance.set_aside.iter();
    call.env_removed = inherited.chain(foreign).map(Into::into).collect();
    if !instance.set_aside.is_empty() {
        call.env_removed
            .extend(environment::OF_SERVICE.iter().map(Into::into));
    }
    call
}

/// The call that runs the instance's gateway on this port. Fails where a wish can't be passed on.
pub fn gateway(
    host: &Host,
    engine: &NodeEngine,
    instance: &Instance,
    config: &Value,
    port: u16,
    wishes: &Wishes,
) -> Result<CommandSpec> {
    let mut args = vec!["gateway".to_owned(), "--port".to_owned(), port.to_string()];
    let mut flag = |name: &str, value: &str| args.extend([name.to_owned(), value.to_owned()]);
    if let Some(bind) = wishes.bind {
        flag("--bind", bind.name());
    }
    if let Some(auth) = wishes.auth {
        flag("--auth", auth.name());
    }
    if wishes.allow_unconfigured {
        args.push("--allow-unconfigured".to_owned());
    }
    let mut call = call(host, engine, instance, Some(port), args);
    // Secrets travel in the environment: everybody on the host can read an argument list.
    for (secret, name, key, pointer) in [
        (
            &wishes.token,
            "OPENCLAW_GATEWAY_TOKEN",
            "gateway.auth.token",
            "/gateway/auth/token",
        ),
        (
            &wishes.password,
            "OPENCLAW_GATEWAY_PASSWORD",
            "gateway.auth.password",
            "/gateway/auth/password",
        ),
    ] {
        let Some(secret) = secret else { continue };
        let written = config.pointer(pointer).filter(|value| !value.is_null());
        if written.is_some_and(|value| value != secret.expose()) {
            return Err(
                Error::usage(msg!("engine.secret", key = key)).hint(msg!("engine.secret-way-out", key = key))
            );
        }
        call.env.push((name.into(), secret.expose().into()));
    }
    Ok(call)
}

/// What the user is told where a newer release than this one wrote the config last.
pub fn stamp(engine: &NodeEngine, instance: &Instance, config: &Value) -> Option<Msg> {
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
