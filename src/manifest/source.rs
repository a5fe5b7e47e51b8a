//! The facts about an instance that a manifest needs, read from the host before anything is computed.

use std::path::PathBuf;

use serde_json::Value;

use super::image::ImageReference;
use crate::answers::Provider;
use crate::config::{self, LoadedConfig};
use crate::env_file;
use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::host::read::{self, ReadError};
use crate::i18n::msg;
use crate::instance::{Instance, RECORD_FILE};
use crate::plan;
use crate::ports::PortFamily;
use crate::probe;
use crate::profile::ProfileName;
use crate::record::{Engine, Record, ReleaseVersion};
use crate::secret::Secret;
use crate::survey::{Survey, SurveyedInstance};

/// Providers whose key is in the store of API keys on the host, with the variable that a container gets it by
/// (docs/openclaw.md#provider-keys).
const STORED_KEYS: [(Provider, &str); 4] = [
    (Provider::Anthropic, "ANTHROPIC_API_KEY"),
    (Provider::OpenAi, "OPENAI_API_KEY"),
    (Provider::OpenRouter, "OPENROUTER_API_KEY"),
    (Provider::Google, "GEMINI_API_KEY"),
];

/// An instance of this host, as a manifest needs to know it.
#[derive(Debug)]
pub(crate) struct ManifestSource<'a> {
    /// The instance in the survey.
    pub(super) found: &'a SurveyedInstance,
    /// The paths of the instance.
    pub(super) instance: Instance,
    /// The home folder.
    pub(super) home: PathBuf,
    /// The program that runs as its gateway.
    pub(super) engine: Engine,
    /// The release of OpenClaw that runs as its gateway; `None` for this program.
    pub(super) release: Option<String>,
    /// The image of the container.
    pub(super) image: ImageReference,
    /// The ports of the instance on this host.
    pub(super) ports: PortFamily,
    /// The record.
    pub(super) record: Record,
    /// The config with included files merged in.
    pub(super) config: Value,
    /// The variables in the `.env` of the state folder, in order.
    pub(super) env_file: Vec<(String, String)>,
    /// The keys in the store of API keys, each with its variable.
    pub(super) stored_keys: Vec<(&'static str, Secret)>,
    /// `true` if the store of API keys holds more than those.
    pub(super) has_other_credentials: bool,
    /// The files that a person has added to the service of the instance.
    pub(super) service_additions: Vec<PathBuf>,
    /// The instances of this host that watch the gateway, and would start it here again.
    pub(super) watchers: Vec<String>,
    /// The time zone of the host by its name, where it has one.
    pub(super) time_zone: Option<String>,
}

impl<'a> ManifestSource<'a> {
    /// Reads what a manifest needs to know of an instance. `image` replaces the image of its release.
    ///
    /// # Errors
    /// Where a file of the instance is missing or broken, its gateway is on another host, or nobody knows its release.
    pub(crate) fn read(
        host: &Host,
        env: &Environment,
        survey: &Survey,
        found: &'a SurveyedInstance,
        image: Option<&ImageReference>,
    ) -> Result<Self> {
        let instance = probe::instance_of(env, found);
        let config = read_config(&instance, found)?;
        let record = Record::read(&found.state_dir.join(RECORD_FILE))?;
        let Some((ports, _)) = found.base else {
            return Err(no_config(&instance, found));
        };
        let release = (record.engine == Engine::Node)
            .then(|| release_of(survey, &record, &instance))
            .transpose()?;
        let default_image = || {
            let of_this_program = ImageReference::of_this_program;
            release
                .as_deref()
                .map_or_else(of_this_program, ImageReference::of_release)
        };
        let (stored_keys, has_other_credentials) = read_stored_keys(&instance)?;
        Ok(Self {
            engine: record.engine,
            image: image.cloned().unwrap_or_else(default_image),
            env_file: read_env_file(&instance)?,
            service_additions: found.service_drop_ins(),
            watchers: watchers(survey, &instance.profile),
            time_zone: host.time_zone(),
            home: env.home.clone(),
            found,
            instance,
            release,
            ports,
            record,
            config,
            stored_keys,
            has_other_credentials,
        })
    }

    /// Returns the release of OpenClaw that runs as the gateway; `None` for this program.
    pub(crate) fn release(&self) -> Option<&str> {
        self.release.as_deref()
    }
}

/// Returns the config of an instance with included files merged in.
fn read_config(instance: &Instance, found: &SurveyedInstance) -> Result<Value> {
    match config::load(&instance.config_path) {
        LoadedConfig::Missing => Err(no_config(instance, found)),
        LoadedConfig::Broken(fault) => Err(config::broken_error(&instance.config_path, &fault)),
        LoadedConfig::Ok(document) => config::effective(&instance.config_path, &document)
            .map(|config| config.value)
            .map_err(|fault| config::broken_error(&instance.config_path, &fault)),
    }
}

/// Returns the error for an instance that has no config.
fn no_config(instance: &Instance, found: &SurveyedInstance) -> Error {
    let path = instance.config_path.display();
    Error::blocked(msg!("manifest.no-config", profile = found.label, path = path))
        .hint(msg!("manifest.no-config-way-out", command = instance.command()))
}

/// Returns the release of OpenClaw that runs an instance's gateway.
fn release_of(survey: &Survey, record: &Record, instance: &Instance) -> Result<String> {
    let of_host = || {
        let node = survey.node_for(Some(record))?;
        ReleaseVersion::parse(node.version.trim_start_matches('v')).ok()
    };
    let found = record.release.clone().or_else(of_host);
    found.map(|release| release.as_str().to_owned()).ok_or_else(|| {
        Error::blocked(msg!("manifest.no-release", profile = instance.profile))
            .hint(msg!("manifest.no-release-way-out", command = instance.command()))
    })
}

/// Returns the variables in the `.env` of an instance's state folder.
fn read_env_file(instance: &Instance) -> Result<Vec<(String, String)>> {
    let path = instance.env_file();
    match read::text(&path) {
        Ok(text) => Ok(env_file::assignments(&text)),
        Err(ReadError::Missing) => Ok(Vec::new()),
        Err(cause) => Err(Error::failed(msg!("manifest.unreadable", path = path.display())).because(cause)),
    }
}

/// Returns the keys in an instance's store of API keys, each with its variable, and whether it holds more than those.
fn read_stored_keys(instance: &Instance) -> Result<(Vec<(&'static str, Secret)>, bool)> {
    let path = instance.auth_profiles();
    let store = match read::text(&path) {
        Ok(text) => text,
        Err(ReadError::Missing) => return Ok((Vec::new(), false)),
        Err(cause) => {
            return Err(Error::failed(msg!("manifest.unreadable", path = path.display())).because(cause));
        }
    };
    let stored = |(provider, variable)| Some((variable, plan::stored_key(&store, provider)?));
    let keys: Vec<_> = STORED_KEYS.into_iter().filter_map(stored).collect();
    let value = config::parse_value(&store).unwrap_or_default();
    let profiles = value["profiles"].as_object().map_or(0, serde_json::Map::len);
    let has_more = profiles > keys.len();
    Ok((keys, has_more))
}

/// Returns the labels of the instances that watch the gateway of a profile.
fn watchers(survey: &Survey, profile: &ProfileName) -> Vec<String> {
    let is_watching = |found: &&SurveyedInstance| {
        let record = found.record();
        record.is_some_and(|record| record.rescue.watch.iter().any(|name| name == profile.as_str()))
    };
    let found = survey.instances.iter().filter(is_watching);
    found.map(|found| found.label.clone()).collect()
}
