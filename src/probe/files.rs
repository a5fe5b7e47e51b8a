//! Reads the settings of a gateway that a probe needs from the files of its instance: port, credentials, address, engine.

use std::net::IpAddr;
use std::path::Path;

use serde_json::Value;

use crate::config::channels::named_channels;
use crate::config::effective::EffectiveConfig;
use crate::config::schema::SchemaFinding;
use crate::config::secrets::without_url_credentials;
use crate::config::{self, LoadedConfig};
use crate::engine;
use crate::error::Error;
use crate::instance::InstanceContext;
use crate::ports::{Port, PortSource};
use crate::record::{Engine, Record};
use crate::settings::{ClientAuth, InstanceFiles};
use crate::survey::{ConfigHealth, SurveyedInstance};

/// The settings for reaching a gateway, and the state of its config, as the files of its instance have them.
#[derive(Debug)]
pub(super) struct GatewayFiles {
    /// The configured port; `None` where it can't be determined.
    pub(super) port: Option<Port>,
    /// The source from which the port comes.
    pub(super) port_source: PortSource,
    /// The credentials for the gateway, or the error where they can't be determined.
    pub(super) auth: Result<ClientAuth, Error>,
    /// The address that the gateway binds, where it binds a single one.
    pub(super) bind_address: Option<IpAddr>,
    /// The URL of the gateway on another host that the instance uses, without credentials; empty where the config has
    /// none, and `None` for an instance with a gateway of its own.
    pub(super) remote_url: Option<String>,
    /// The engine in the record.
    pub(super) engine: Engine,
    /// `true` where the config has a messaging channel that is switched on.
    pub(super) has_channels: bool,
    /// The state of the config file.
    pub(super) config: ConfigHealth,
    /// The values of a readable config that the engine refuses.
    pub(super) config_findings: Vec<SchemaFinding>,
}

impl GatewayFiles {
    /// Reads from the files of an instance how its gateway is reached, and the state of its config. `surveyed` is the
    /// instance as the survey found it.
    pub(super) fn read(context: InstanceContext<'_>, surveyed: Option<&SurveyedInstance>) -> Self {
        let instance = context.instance;
        // Files that a config includes are found from its own folder.
        let same_config = surveyed.filter(|surveyed| surveyed.config_path == instance.config_path);
        let (effective, config) = match same_config {
            Some(surveyed) => (surveyed.effective_config(), surveyed.config.clone()),
            None => read_config(&instance.config_path),
        };
        let same_record = surveyed.filter(|surveyed| surveyed.state_dir == instance.state_dir);
        let record = match same_record {
            Some(surveyed) => surveyed.record().cloned(),
            None => Record::read(&instance.record_path()).ok(),
        };
        let record = record.unwrap_or_default();
        let config_findings = match config {
            ConfigHealth::Ok => {
                let judge = engine::judge_for_config(&record, context, &effective);
                judge.refused(&effective)
            }
            ConfigHealth::Missing | ConfigHealth::Broken(_) => Vec::new(),
        };
        // No gateway runs with a config that is broken or refused: a gateway that runs nevertheless uses the last good
        // config, and accepts the token of that one.
        let is_usable = config_findings.is_empty() && !matches!(config, ConfigHealth::Broken(_));
        let last_good = || match config::load(&instance.last_good_path()) {
            LoadedConfig::Ok(last) => Some(last.value().clone()),
            LoadedConfig::Missing | LoadedConfig::Broken(_) => None,
        };
        let files = InstanceFiles {
            config: if is_usable {
                effective.value
            } else {
                last_good().unwrap_or(effective.value)
            },
            record,
        };
        let sources = files.sources(context.host, instance);
        let surveyed = surveyed.filter(|_| instance.env_port.is_none());
        let surveyed_base = surveyed.and_then(|surveyed| surveyed.base);
        let (port, port_source) = match surveyed_base {
            Some((family, source)) => (Some(family.base().into()), source),
            None => match sources.port(None) {
                Ok((port, source)) => (Some(port), source),
                Err(_) => (None, PortSource::Default),
            },
        };
        Self {
            port,
            port_source,
            auth: sources.client_auth(),
            bind_address: sources.bind(None).ok().and_then(|(_, address)| address),
            remote_url: remote_url(&files.config),
            engine: files.record.engine,
            has_channels: named_channels(&files.config).iter().any(|channel| channel.is_on),
            config,
            config_findings,
        }
    }
}

/// Reads the config of an instance that the survey did not find.
fn read_config(path: &Path) -> (EffectiveConfig, ConfigHealth) {
    let effective = match config::load(path) {
        LoadedConfig::Missing => return (Value::Null.into(), ConfigHealth::Missing),
        LoadedConfig::Broken(error) => Err(error),
        LoadedConfig::Ok(document) => config::effective(path, &document),
    };
    match effective {
        Ok(effective) => (effective, ConfigHealth::Ok),
        Err(error) => (Value::Null.into(), ConfigHealth::Broken(error)),
    }
}

/// Returns the URL of the gateway on another host that a config names, without credentials, where its mode is `remote`.
fn remote_url(config: &Value) -> Option<String> {
    let text = |pointer| config.pointer(pointer).and_then(Value::as_str);
    let is_remote = text("/gateway/mode") == Some("remote");
    is_remote.then(|| without_url_credentials(text("/gateway/remote/url").unwrap_or_default()))
}
