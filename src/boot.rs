//! Loads the config with which a gateway runs: reads and validates it, and falls back on the last good config where the
//! record allows that.

use std::path::Path;
use std::time::SystemTime;

use serde_json::Value;

use crate::apply;
use crate::config::effective::EffectiveConfig;
use crate::config::judge::ConfigJudge;
use crate::config::schema::Violation;
use crate::config::{self, LoadedConfig};
use crate::engine;
use crate::environment::Environment;
use crate::error::{Error, ErrorReason, Result};
use crate::host::read;
use crate::i18n::{Msg, msg};
use crate::instance::{InstanceContext, OwnedInstanceContext};
use crate::record::{BootFallback, Engine, Record};
use crate::settings::{RunOverrides, SettingSources, Settings};

/// Loads the config with which the gateway of one instance runs, from its file or from the last good one.
#[derive(Clone, Debug)]
pub(crate) struct ConfigLoader {
    /// The instance, with the environment that its gateway has.
    pub(crate) context: OwnedInstanceContext,
    /// The record of the instance.
    pub(crate) record: Record,
    /// The settings of the command line, which override those of the config for as long as the gateway runs.
    pub(crate) overrides: RunOverrides,
    /// The judge of the configs.
    pub(crate) judge: ConfigJudge,
}

/// A config that a gateway can run with.
#[derive(Clone, Debug)]
pub(crate) struct UsableConfig {
    /// The config with included files merged in. `${VAR}` is not substituted.
    pub(crate) config: Value,
    /// The settings that result from the config, the record, the environment and the command line.
    pub(crate) settings: Settings,
    /// The text to keep as the last good config: that of the file, or of all files as one where it includes others.
    /// `None` where there is no file.
    text: Option<String>,
}

/// The config with which a gateway starts, and the warning where it is not the config in the file.
#[derive(Clone, Debug)]
pub(crate) struct StartConfig {
    /// The config of the gateway, with the settings that result from it.
    pub(crate) usable: UsableConfig,
    /// The warning that this is not the config in the file, with the reason; `None` where it is that config.
    pub(crate) warning: Option<Msg>,
    /// The settings of the config in the file, where the gateway could not listen with them.
    pub(crate) refused: Option<Settings>,
}

impl From<UsableConfig> for StartConfig {
    fn from(usable: UsableConfig) -> Self {
        Self {
            usable,
            warning: None,
            refused: None,
        }
    }
}

impl UsableConfig {
    /// Returns whether the config with which a gateway runs comes from a file.
    pub(crate) fn has_file(&self) -> bool {
        self.text.is_some()
    }
}

impl ConfigLoader {
    /// Returns the config loader for a gateway that is not started from this environment, so that the variables of an
    /// instance in the environment do not apply to it (docs/design.md#environment-rules). Fails where the record is
    /// broken.
    pub(crate) fn for_other_gateway(context: InstanceContext<'_>) -> Result<Self> {
        let host = context
            .host
            .without_vars(&Environment::inherited_instance_variables(context.host));
        Self::for_gateway(InstanceContext {
            host: &host,
            ..context
        })
    }

    /// Returns the config loader for the gateway of an instance that is started from this environment, with the engine
    /// of its record. Fails where the record is broken.
    pub(crate) fn for_gateway(context: InstanceContext<'_>) -> Result<Self> {
        let record = Record::read(&context.instance.record_path())?;
        Ok(Self {
            judge: engine::config_judge(&record, context),
            context: context.to_owned(),
            record,
            overrides: RunOverrides::default(),
        })
    }

    /// Loads the config with which the gateway of an instance runs. Fails where no gateway can run with it, with the
    /// reason.
    pub(crate) fn load(&self) -> Result<UsableConfig> {
        self.load_from(&self.context.instance.config_path)
    }

    /// Loads the config for the start of a gateway. A broken config is an error, unless the record says to start with the
    /// last good config and that is usable. A missing config is not broken: there is no fallback for it.
    pub(crate) fn load_for_start(&self) -> Result<StartConfig> {
        let error = match self.load() {
            Ok(usable) => return Ok(usable.into()),
            Err(error) => error,
        };
        let falls_back = self.record.gateway.boot_fallback == BootFallback::LastGood;
        if !falls_back || !self.context.instance.config_path.exists() {
            return Err(error);
        }
        let path = self.context.instance.last_good_path();
        match self.load_from(&path) {
            Ok(usable) if usable.has_file() => {
                let warning = Some(self.last_good_warning(error.msg));
                Ok(StartConfig {
                    warning,
                    ..StartConfig::from(usable)
                })
            }
            _ => Err(error.hint(msg!("gateway.no-last-good", path = path.display()))),
        }
    }

    /// Returns the warning that a gateway runs with the last good config, because of the reason `why`.
    pub(crate) fn last_good_warning(&self, why: Msg) -> Msg {
        Msg::new("gateway.from-last-good")
            .with("path", self.context.instance.last_good_path().display())
            .with_msg("why", why)
    }

    /// Saves the config of a gateway as the last good one, to start with when the config file is broken. Writes
    /// nothing where it is saved already, or comes from no file.
    pub(crate) fn save_last_good(&self, usable: &UsableConfig) -> Result<()> {
        let path = self.context.instance.last_good_path();
        let Some(text) = &usable.text else {
            return Ok(());
        };
        if read::bytes(&path).is_ok_and(|saved| saved == text.as_bytes()) {
            return Ok(());
        }
        apply::write_state_file(&self.context.instance.state_dir, &path, text.as_bytes())
    }

    /// Loads the config of an instance from another file than its own: an earlier config that may replace it.
    pub(crate) fn load_from(&self, path: &Path) -> Result<UsableConfig> {
        let (config, text) = self.load_file(path)?;
        let sources = SettingSources {
            host: &self.context.host,
            instance: &self.context.instance,
            config: &config,
            record: &self.record,
            may_have_env_file: true,
        };
        let settings = sources.settings(&self.overrides)?;
        Ok(UsableConfig {
            config,
            settings,
            text,
        })
    }

    /// Returns whether the config file of an instance itself is usable, or missing, so that an error of
    /// [`Self::load`] comes from other settings.
    pub(crate) fn is_config_usable(&self) -> bool {
        self.load_file(&self.context.instance.config_path).is_ok()
    }

    /// Loads a config file with included files merged in, and the text to keep as the last good config; `None` where
    /// there is no file.
    fn load_file(&self, path: &Path) -> Result<(Value, Option<String>)> {
        let document = match config::load(path) {
            LoadedConfig::Missing => return Ok((Value::Null, None)),
            LoadedConfig::Broken(error) => return Err(config::broken_error(path, &error)),
            LoadedConfig::Ok(document) => document,
        };
        let config =
            config::effective(path, &document).map_err(|error| config::broken_error(path, &error))?;
        self.refuse_invalid(path, &config)?;
        let config = config.value;
        let text = if config == *document.value() {
            document.text().to_owned()
        } else {
            format!("{config:#}\n")
        };
        Ok((config, Some(text)))
    }

    /// Fails for a config that the engine's config judge refuses: its gateway would run with other settings than its
    /// user believes.
    fn refuse_invalid(&self, path: &Path, config: &EffectiveConfig) -> Result<()> {
        let findings = self.judge.refused(config);
        let count = findings.len();
        let is_about_includes = findings
            .iter()
            .all(|finding| finding.violation == Violation::RefusedInclude);
        let Some(first) = findings.into_iter().next() else {
            return Ok(());
        };
        let invalid = Msg::new("gateway.invalid")
            .with("path", path.display())
            .with("key", first.path)
            .with_msg("why", first.why)
            .with("count", count);
        let command = self.context.instance.command();
        let error = Error::blocked(invalid).hint(msg!("config.hint-validate", command = command));
        Err(if is_about_includes {
            error.with_reason(ErrorReason::IncludeRefused)
        } else {
            error
        })
    }
}

/// Saves the config with which OpenClaw from npm is about to be started as the last good one, where none is saved yet: a
/// config that its release accepts is better than none, in case the file is broken before anybody finds the gateway
/// healthy. A failure is ignored: only a later repair would need the file.
pub(crate) fn save_first_config(context: InstanceContext<'_>) {
    if !context.instance.last_good_path().exists()
        && let Ok(loader) = ConfigLoader::for_other_gateway(context)
        && let Ok(usable) = loader.load()
    {
        let _ = loader.save_last_good(&usable);
    }
}

/// Saves the config of a gateway that was just found healthy as the last good one, where its engine is OpenClaw from
/// npm, which keeps no config that could be restored. A failure is ignored: only a later repair would need the file.
pub(crate) fn save_last_good_of_node_engine(context: InstanceContext<'_>) {
    let loader = ConfigLoader::for_other_gateway(context).ok();
    let node = loader.filter(|loader| loader.record.engine == Engine::Node);
    if let Some(loader) = node
        && let Ok(usable) = loader.load()
    {
        let _ = loader.save_last_good(&usable);
    }
}

/// Saves the config with which OpenClaw from npm was started at the time `started`, and was just found healthy, as the
/// last good one. A config that was changed since may not be the one that it runs with, and is not saved.
pub(crate) fn save_config_of_healthy_start(context: InstanceContext<'_>, started: Option<SystemTime>) {
    let (config, saved) = (&context.instance.config_path, context.instance.last_good_path());
    let changed = std::fs::metadata(config).and_then(|meta| meta.modified()).ok();
    let is_unchanged = started
        .zip(changed)
        .is_some_and(|(started, changed)| changed < started);
    // Most configs include no file, and are saved already.
    let is_saved = || read::bytes(config).ok() == read::bytes(&saved).ok();
    if !saved.exists() || (is_unchanged && !is_saved()) {
        save_last_good_of_node_engine(context);
    }
}

#[cfg(all(test, unix))]
#[expect(clippy::disallowed_methods, reason = "the tests make their own files")]
mod tests {
    use super::*;
    use crate::host::Host;
    use crate::instance::Instance;
    use crate::profile::ProfileName;

    const GOOD: &str = "{ gateway: { mode: 'local', port: 19789, auth: { token: 'x' } } } // kept";

    /// Creates a home folder with a config of the profile `rescue`, and the config loader for that instance, for
    /// tests.
    fn home_with(config: &str) -> (tempfile::TempDir, ConfigLoader) {
        let home = tempfile::tempdir().unwrap();
        let instance = Instance::canonical(home.path(), ProfileName::parse("rescue").unwrap());
        std::fs::create_dir_all(&instance.state_dir).unwrap();
        std::fs::write(&instance.config_path, config).unwrap();
        let context = OwnedInstanceContext {
            host: Host::fixed(&[], [("PATH", "/nonexistent")]),
            env: Environment {
                home: home.path().to_owned(),
                ..Environment::default()
            },
            instance,
        };
        let loader = ConfigLoader {
            context,
            record: Record::default(),
            overrides: RunOverrides::default(),
            judge: ConfigJudge::native(),
        };
        (home, loader)
    }

    fn with_fallback(mut loader: ConfigLoader) -> ConfigLoader {
        loader.record.gateway.boot_fallback = BootFallback::LastGood;
        loader
    }

    #[test]
    fn valid_config_is_saved_byte_for_byte() {
        let (_home, loader) = home_with(GOOD);
        let start = loader.load_for_start().unwrap();
        assert_eq!(start.warning, None);
        loader.save_last_good(&start.usable).unwrap();
        assert_eq!(
            std::fs::read_to_string(loader.context.instance.last_good_path()).unwrap(),
            GOOD
        );
    }

    #[test]
    fn config_of_a_healthy_node_engine_is_saved() {
        let (_home, loader) = home_with(GOOD);
        let saved = loader.context.instance.last_good_path();
        save_last_good_of_node_engine(loader.context.borrowed());
        assert!(!saved.exists(), "our own engine saves its config itself");
        std::fs::write(loader.context.instance.record_path(), "engine = 'node'").unwrap();
        save_last_good_of_node_engine(loader.context.borrowed());
        assert_eq!(std::fs::read_to_string(&saved).unwrap(), GOOD);
        std::fs::write(&loader.context.instance.config_path, "{ gateway").unwrap();
        save_last_good_of_node_engine(loader.context.borrowed());
        assert_eq!(std::fs::read_to_string(&saved).unwrap(), GOOD);
    }

    #[test]
    fn first_config_is_saved_before_a_start_and_replaces_none() {
        let (_home, loader) = home_with("{ broken");
        let saved = loader.context.instance.last_good_path();
        save_first_config(loader.context.borrowed());
        assert!(!saved.exists(), "no gateway starts from it");
        std::fs::write(&loader.context.instance.config_path, GOOD).unwrap();
        save_first_config(loader.context.borrowed());
        assert_eq!(std::fs::read_to_string(&saved).unwrap(), GOOD);
        std::fs::write(&loader.context.instance.config_path, GOOD.replace("kept", "new")).unwrap();
        save_first_config(loader.context.borrowed());
        assert_eq!(
            std::fs::read_to_string(&saved).unwrap(),
            GOOD,
            "a healthy start may have used it"
        );
    }

    #[test]
    fn config_that_a_healthy_start_used_replaces_the_saved_one() {
        let (_home, loader) = home_with(GOOD);
        let (context, saved) = (
            loader.context.borrowed(),
            loader.context.instance.last_good_path(),
        );
        std::fs::write(loader.context.instance.record_path(), "engine = 'node'").unwrap();
        let first = GOOD.replace("kept", "first");
        std::fs::write(&saved, &first).unwrap();
        let hour = std::time::Duration::from_hours(1);
        save_config_of_healthy_start(context, Some(SystemTime::now() - hour));
        assert_eq!(
            std::fs::read_to_string(&saved).unwrap(),
            first,
            "it was changed since"
        );
        save_config_of_healthy_start(context, None);
        assert_eq!(std::fs::read_to_string(&saved).unwrap(), first);
        save_config_of_healthy_start(context, Some(SystemTime::now() + hour));
        assert_eq!(std::fs::read_to_string(&saved).unwrap(), GOOD);
    }

    #[test]
    fn unknown_key_is_refused_and_named() {
        let (_home, loader) = home_with("{ gateway: { mode: 'local', prot: 1, auth: { token: 'x' } } }");
        let error = loader.load_for_start().unwrap_err();
        assert_eq!(error.msg.key(), "gateway.invalid");
        let message = error.msg.render(crate::i18n::Lang::english());
        assert!(message.contains("gateway.prot"), "{message}");
    }

    #[test]
    fn configs_of_either_release_and_mixed_ones_are_accepted() {
        for further in [
            "browser: { profiles: { x: { cdpPort: 18801, color: '#00AA00' } } }",
            "browser: { profiles: { x: { cdpPort: 18801 } } }",
            "canvasHost: { enabled: false }, agents: { entries: {} }",
        ] {
            let gateway = GOOD.trim_start_matches('{').replace("} // kept", "");
            let (_home, loader) = home_with(&format!("{{ {gateway}, {further} }}"));
            let start = loader.load_for_start();
            assert!(start.is_ok(), "{further}: {start:?}");
        }
    }

    #[test]
    fn broken_config_falls_back_only_where_the_record_says_so() {
        let (_home, loader) = home_with(GOOD);
        loader.save_last_good(&loader.load().unwrap()).unwrap();
        std::fs::write(&loader.context.instance.config_path, "{ gateway").unwrap();
        assert_eq!(loader.load_for_start().unwrap_err().msg.key(), "config.broken");
        let loader = with_fallback(loader);
        let start = loader.load_for_start().unwrap();
        assert_eq!(start.warning.unwrap().key(), "gateway.from-last-good");
        assert_eq!(start.usable.settings.port, 19789);
    }

    #[test]
    fn missing_config_does_not_fall_back() {
        let (_home, loader) = home_with(GOOD);
        loader.save_last_good(&loader.load().unwrap()).unwrap();
        std::fs::remove_file(&loader.context.instance.config_path).unwrap();
        let error = with_fallback(loader).load_for_start().unwrap_err();
        assert_eq!(error.msg.key(), "settings.mode-unset");
    }

    #[test]
    fn without_a_last_good_config_the_error_of_the_broken_one_is_returned() {
        let (_home, loader) = home_with("{ gateway");
        let error = with_fallback(loader).load_for_start().unwrap_err();
        assert_eq!(error.msg.key(), "config.broken");
        assert!(
            error
                .hints
                .iter()
                .any(|hint| hint.key() == "gateway.no-last-good")
        );
    }

    #[test]
    fn included_files_are_saved_with_the_config() {
        let (_home, loader) = home_with("{ $include: 'base.json', gateway: { mode: 'local' } }");
        let base = loader.context.instance.state_dir.join("base.json");
        std::fs::write(
            &base,
            "{ gateway: { port: 20789, auth: { token: '${T}' } }, env: { vars: { T: 'y' } } }",
        )
        .unwrap();
        loader.save_last_good(&loader.load().unwrap()).unwrap();
        std::fs::write(&base, "{ broken").unwrap();
        let start = with_fallback(loader).load_for_start().unwrap();
        assert_eq!(start.usable.settings.port, 20789);
    }
}
