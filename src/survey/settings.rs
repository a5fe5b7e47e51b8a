//! What a config says about ports, workspaces and tokens, and the small files beside it.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::config::{self, LoadedConfig, error::ConfigError, variables};
use crate::env_file;
use crate::environment::Environment;
use crate::host::read;
use crate::ports::{Claim, Port, Role, Span};
use crate::secret::Secret;

/// A config as it was read.
#[derive(Debug)]
pub(super) enum Reading {
    /// There is none.
    Missing,
    /// Its value, included files merged in.
    Ok(Value),
    /// It can't be used.
    Broken(ConfigError),
}

/// Reads a config.
pub(super) fn read(path: &Path) -> Reading {
    match config::load(path) {
        LoadedConfig::Missing => Reading::Missing,
        LoadedConfig::Ok(document) => {
            config::effective(path, &document).map_or_else(Reading::Broken, Reading::Ok)
        }
        LoadedConfig::Broken(fault) => Reading::Broken(fault),
    }
}

/// The port of a URL on this host; `None` where it is another host's, or has none of its own.
fn local_port(value: &Value) -> Option<Port> {
    let (_, rest) = value.as_str()?.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let address = authority
        .rsplit_once('@')
        .map_or(authority, |(_, address)| address);
    let (host, port) = address.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let local = host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.to_canonical().is_loopback() || ip.is_unspecified());
    port.parse().ok().filter(|_| local)
}

/// How many ports a pool has that starts where a key says.
const POOL: u16 = Role::CDP_OFFSETS.1 - Role::CDP_OFFSETS.0;

fn pool_from(first: u16, key: &str) -> Claim {
    let last = first.saturating_add(POOL);
    Claim::pinned(Span { first, last }, Role::CdpPool, key)
}

/// The ports that keys of a config set (docs/openclaw.md#port-keys), those of either release.
pub(super) fn pinned(config: &Value) -> Vec<Claim> {
    let mut claims = Vec::new();
    let browser = config.get("browser").unwrap_or(&Value::Null);
    let mut pin = |found: Option<Port>, role, key: &str| {
        claims.extend(found.map(|port| Claim::pinned(Span::one(port), role, key)));
        found
    };
    pin(
        config.pointer("/canvasHost/port").and_then(Port::from_json),
        Role::Canvas,
        "canvasHost.port",
    );
    pin(
        browser.get("cdpUrl").and_then(local_port),
        Role::Pinned,
        "browser.cdpUrl",
    );
    let control = [
        (
            browser.get("controlUrl").and_then(local_port),
            "browser.controlUrl",
        ),
        (
            browser.get("controlPort").and_then(Port::from_json),
            "browser.controlPort",
        ),
    ];
    for (found, key) in control {
        pin(found, Role::BrowserControl, key);
    }
    for (name, profile) in browser
        .get("profiles")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let key = |field: &str| format!("browser.profiles.{name}.{field}");
        pin(
            profile.get("cdpPort").and_then(Port::from_json),
            Role::Pinned,
            &key("cdpPort"),
        );
        pin(
            profile.get("cdpUrl").and_then(local_port),
            Role::Pinned,
            &key("cdpUrl"),
        );
    }
    // The pool follows a control port that is set: control + 9 and on.
    let offset = Role::CDP_OFFSETS.0 - 2;
    let pools = control
        .into_iter()
        .filter_map(|(found, key)| Some(pool_from(found?.get().checked_add(offset)?, key)));
    claims.extend(pools);
    let range = browser.get("cdpPortRangeStart").and_then(Port::from_json);
    claims.extend(range.map(|first| pool_from(first.get(), "browser.cdpPortRangeStart")));
    claims
}

/// The workspaces that a config names, as paths.
pub(super) fn workspaces(env: &Environment, state_dir: &Path, config: &Value) -> Vec<PathBuf> {
    let agents = config.get("agents").unwrap_or(&Value::Null);
    let default = agents.get("defaults");
    let list = agents.get("list").and_then(Value::as_array).into_iter().flatten();
    let entries = agents
        .get("entries")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(_, v)| v);
    let named = default
        .into_iter()
        .chain(list)
        .chain(entries)
        .filter_map(|agent| agent.get("workspace")?.as_str());
    let mut paths: Vec<_> = named
        .filter(|typed| !typed.trim().is_empty())
        .filter_map(|typed| env.expand(Some(state_dir), typed.trim()))
        .map(|path| read::canonicalize_existing(&path))
        .collect();
    paths.sort();
    paths.dedup();
    paths
}

/// The tokens of messaging channels: (key, value), those of the instance's `.env` and of token files among
/// them. One that is to be filled in from elsewhere is not known here.
pub(super) fn tokens(env: &Environment, state_dir: &Path, config: &Value) -> Vec<(String, Secret)> {
    const KEYS: [&str; 3] = ["botToken", "token", "appToken"];
    const FILE: &str = "tokenFile";
    let dotenv = state_dir.join(".env");
    let lookup = |name: &str| {
        env_file::variable(&dotenv, name).or_else(|| variables::variable_from_config(config, name))
    };
    let mut tokens = Vec::new();
    let mut take = |path: &str, account: &Value| {
        let typed = |key: &str| account.get(key)?.as_str();
        let set = KEYS.into_iter().filter_map(|key| {
            let filled = variables::substitute(typed(key)?, &lookup).ok()?;
            Some((key, filled))
        });
        let in_file = || read::text(&env.expand(Some(state_dir), typed(FILE)?.trim())?).ok();
        let all = set.chain(in_file().map(|text| (FILE, text)));
        let known = all.filter(|(_, value)| !value.trim().is_empty());
        tokens.extend(known.map(|(key, value)| (format!("{path}.{key}"), Secret::new(value.trim()))));
    };
    for (name, channel) in config
        .get("channels")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let path = format!("channels.{name}");
        take(&path, channel);
        for (account, value) in channel
            .get("accounts")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            take(&format!("{path}.accounts.{account}"), value);
        }
    }
    tokens
}
