//! Reads the keys of a config that matter to a survey: ports and channel tokens.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use crate::config::document::ConfigDocument;
use crate::config::effective::EffectiveConfig;
use crate::config::{self, LoadedConfig, error::ConfigError};
use crate::environment::Environment;
use crate::host::read;
use crate::instance::ConfigVariables;
use crate::ports::{Claim, Port, Role, Span};
use crate::secret::Secret;
use crate::url::{ServerUrl, host_ip, is_loopback_host};

/// A config file as it was read, and with included files merged in.
pub(crate) struct ReadConfig {
    /// The text and the value of the file.
    pub(crate) document: ConfigDocument,
    /// The value with included files merged in.
    pub(crate) effective: EffectiveConfig,
}

impl fmt::Debug for ReadConfig {
    /// A config holds secrets, so that it is not written into a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadConfig").finish_non_exhaustive()
    }
}

/// Result of reading a config file.
#[derive(Debug)]
pub(super) enum ConfigReading {
    /// The config file does not exist.
    Missing,
    /// The file was read and is valid.
    Ok(Arc<ReadConfig>),
    /// The file can't be read or isn't valid.
    Broken(ConfigError),
}

impl ConfigReading {
    /// Returns the value of a valid config, included files merged in.
    pub(super) fn value(&self) -> Option<&Value> {
        match self {
            Self::Ok(config) => Some(&config.effective.value),
            Self::Missing | Self::Broken(_) => None,
        }
    }
}

/// Reads a config file and merges the files that it includes.
pub(super) fn read_config(path: &Path) -> ConfigReading {
    match config::load(path) {
        LoadedConfig::Missing => ConfigReading::Missing,
        LoadedConfig::Ok(document) => {
            let effective = config::effective(path, &document);
            effective.map_or_else(ConfigReading::Broken, |effective| {
                ConfigReading::Ok(Arc::new(ReadConfig { document, effective }))
            })
        }
        LoadedConfig::Broken(fault) => ConfigReading::Broken(fault),
    }
}

/// Returns the port of a URL on this host, or `None` for a URL of another host or without a port.
fn local_port(value: &Value) -> Option<Port> {
    let url = ServerUrl::parse(value.as_str()?)?;
    let is_local = is_loopback_host(url.host()) || host_ip(url.host()).is_some_and(|ip| ip.is_unspecified());
    url.port().and_then(Port::new).filter(|_| is_local)
}

/// Distance from the first to the last port of a CDP pool.
const CDP_POOL_EXTENT: u16 = Role::CDP_OFFSETS.1 - Role::CDP_OFFSETS.0;

/// Returns the claim of a pool of browser debugging (CDP) ports whose first port a key of the config sets.
fn cdp_pool_claim(first: u16, key: &str) -> Claim {
    let last = first.saturating_add(CDP_POOL_EXTENT);
    Claim::pinned(Span { first, last }, Role::CdpPool, key)
}

/// Returns the claims of the ports that keys of a config set (docs/openclaw.md#port-keys), in any release.
pub(super) fn pinned_port_claims(config: &Value) -> Vec<Claim> {
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
    // The CDP pool moves with a control port that is set: it begins 9 ports above it.
    let offset = Role::CDP_OFFSETS.0 - 2;
    let pools = control
        .into_iter()
        .filter_map(|(found, key)| Some(cdp_pool_claim(found?.get().checked_add(offset)?, key)));
    claims.extend(pools);
    let range = browser.get("cdpPortRangeStart").and_then(Port::from_json);
    claims.extend(range.map(|first| cdp_pool_claim(first.get(), "browser.cdpPortRangeStart")));
    claims
}

/// Returns the tokens of messaging channels as (key, value). Variables are filled in from the instance's `.env` and the
/// config itself, and token files are read; a token that comes from elsewhere is left out.
pub(super) fn channel_tokens(env: &Environment, state_dir: &Path, config: &Value) -> Vec<(String, Secret)> {
    const TOKEN_KEYS: [&str; 4] = ["botToken", "token", "appToken", "accessToken"];
    const TOKEN_FILE_KEY: &str = "tokenFile";
    let variables = ConfigVariables::of_files(state_dir, config);
    let mut tokens = Vec::new();
    let mut add_tokens = |path: &str, account: &Value| {
        let typed = |key: &str| account.get(key)?.as_str();
        let set = TOKEN_KEYS.into_iter().filter_map(|key| {
            let filled = variables.substitute(typed(key)?).ok()?;
            Some((key, filled))
        });
        let in_file = || read::text(&variables.path(env, Some(state_dir), typed(TOKEN_FILE_KEY)?)?).ok();
        let all = set.chain(in_file().map(|text| (TOKEN_FILE_KEY, text)));
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
        add_tokens(&path, channel);
        for (account, value) in channel
            .get("accounts")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            add_tokens(&format!("{path}.accounts.{account}"), value);
        }
    }
    tokens
}
