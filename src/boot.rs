//! From the files of an instance to what its gateway runs with: read, judged, with the last good config to
//! fall back on where the record says so.

use serde_json::Value;

use crate::apply;
use crate::config::{self, LoadedConfig, schema};
use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::host::{Host, read};
use crate::i18n::{Msg, msg};
use crate::instance::{Instance, InstanceContext};
use crate::record::{BootFallback, Engine, Record};
use crate::settings::{Settings, Sources, Wishes};

/// Where a gateway's config comes from, and how it is to be judged.
#[derive(Clone, Debug)]
pub struct Boot {
    /// The outside world.
    pub host: Host,
    /// What its environment wishes.
    pub env: Environment,
    /// Its paths.
    pub instance: Instance,
    /// Its record.
    pub record: Record,
    /// What the command line wishes; it stands for as long as the gateway runs.
    pub wishes: Wishes,
}

/// A config that a gateway can run with.
#[derive(Clone, Debug)]
pub struct Ready {
    /// The config with included files merged in, `${VAR}` not filled in.
    pub config: Value,
    /// What it comes to.
    pub settings: Settings,
    /// What is kept as the last good config: the file's text; where it includes others, all of it as one.
    /// `None` where there is no file.
    text: Option<String>,
}

/// What a gateway starts with.
#[derive(Clone, Debug)]
pub struct Start {
    /// The config.
    pub ready: Ready,
    /// Why it is not the one in the file.
    pub warning: Option<Msg>,
    /// What the one in the file came to, where nothing could be served with that.
    pub refused: Option<Settings>,
}

impl From<Ready> for Start {
    fn from(ready: Ready) -> Self {
        Self {
            ready,
            warning: None,
            refused: None,
        }
    }
}

impl Ready {
    /// Whether there is a file behind it.
    pub fn has_file(&self) -> bool {
        self.text.is_some()
    }
}

impl Boot {
    /// That of a gateway that somebody else starts: what this environment says of an instance is not its
    /// own (docs/design.md#environment-rules).
    pub fn of(context: InstanceContext<'_>) -> Result<Self> {
        let InstanceContext { host, env, instance } = context;
        Ok(Self {
            host: host.without_vars(&Environment::of_an_instance(host)),
            env: env.clone(),
            instance: instance.clone(),
            record: Record::read(&instance.record_path())?,
            wishes: Wishes::default(),
        })
    }

    /// The config as it stands in the file now, or why no gateway can run with it.
    pub fn read(&self) -> Result<Ready> {
        self.read_at(&self.instance.config_path)
    }

    /// The config to start with. A broken one blocks, unless the record says to start from the last good
    /// one and that can be used. A config that is gone is no broken one: nothing is started in its place.
    pub fn start(&self) -> Result<Start> {
        let error = match self.read() {
            Ok(ready) => return Ok(ready.into()),
            Err(error) => error,
        };
        let falls_back = self.record.gateway.boot_fallback == BootFallback::LastGood;
        if !falls_back || !self.instance.config_path.exists() {
            return Err(error);
        }
        let path = self.instance.last_good_path();
        match self.read_at(&path) {
            Ok(ready) if ready.has_file() => {
                let warning = Some(self.stand_in(error.msg));
                Ok(Start {
                    warning,
                    ..Start::from(ready)
                })
            }
            _ => Err(error.hint(msg!("gateway.no-last-good", path = path.display()))),
        }
    }

    /// That the last good config stands in for one that can't be used.
    pub fn stand_in(&self, why: Msg) -> Msg {
        Msg::new("gateway.from-last-good")
            .with("path", self.instance.last_good_path().display())
            .with_msg("why", why)
    }

    /// Keeps this config as the last good one. Nothing is written where it is kept already.
    pub fn keep(&self, ready: &Ready) -> Result<()> {
        let path = self.instance.last_good_path();
        let Some(text) = &ready.text else {
            return Ok(());
        };
        if read::bytes(&path).is_ok_and(|kept| kept == text.as_bytes()) {
            return Ok(());
        }
        apply::write_file(&path, text.as_bytes())
    }

    /// Loads another file than the config: an earlier one that may take its place.
    pub fn read_at(&self, path: &std::path::Path) -> Result<Ready> {
        let (config, text) = self.load_config(path)?;
        let sources = Sources {
            host: &self.host,
            instance: &self.instance,
            config: &config,
            record: &self.record,
        };
        let settings = sources.settings(&self.wishes)?;
        Ok(Ready {
            config,
            settings,
            text,
        })
    }

    /// Returns whether the config file itself is usable, or missing, so that an error of [`Self::read`] comes from
    /// other settings.
    pub fn is_config_usable(&self) -> bool {
        self.load_config(&self.instance.config_path).is_ok()
    }

    /// Loads a config file with included files merged in, and the text to keep as the last good config; `None` where
    /// there is no file.
    fn load_config(&self, path: &std::path::Path) -> Result<(Value, Option<String>)> {
        let document = match config::load(path) {
            LoadedConfig::Missing => return Ok((Value::Null, None)),
            LoadedConfig::Broken(fault) => return Err(config::broken_error(path, &fault)),
            LoadedConfig::Ok(document) => document,
        };
        let config =
            config::effective(path, &document).map_err(|fault| config::broken_error(path, &fault))?;
        self.judge(path, &config)?;
        let text = if config == *document.value() {
            document.text().to_owned()
        } else {
            format!("{config:#}\n")
        };
        Ok((config, Some(text)))
    }

    /// What no release of OpenClaw would take is refused here too: it would be started with a config that its
    /// user takes for another. Configs of either release are served.
    fn judge(&self, path: &std::path::Path, config: &Value) -> Result<()> {
        let findings = schema::refused_by_all(config);
        let count = findings.len();
        let Some(first) = findings.into_iter().next() else {
            return Ok(());
        };
        let what = Msg::new("gateway.invalid")
            .with("path", path.display())
            .with("key", first.path)
            .with_msg("why", first.why)
            .with("count", count);
        Err(Error::blocked(what).hint(msg!("config.hint-validate", command = self.instance.command())))
    }
}

/// Keeps the config of a gateway that was just seen well, where it does not do so itself: OpenClaw from npm
/// leaves none that could be put back. What can't be kept is missed by a later rescue only.
pub fn remember(context: InstanceContext<'_>) {
    let node = Boot::of(context).ok();
    let node = node.filter(|boot| boot.record.engine == Engine::Node);
    if let Some(boot) = node
        && let Ok(ready) = boot.read()
    {
        let _ = boot.keep(&ready);
    }
}

#[cfg(all(test, unix))]
#[expect(clippy::disallowed_methods, reason = "tests build their own world")]
mod tests {
    use super::*;
    use crate::profile::ProfileName;

    const GOOD: &str = "{ gateway: { mode: 'local', port: 19789, auth: { token: 'x' } } } // kept";

    struct Home(tempfile::TempDir);

    impl Home {
        fn new(config: &str) -> (Self, Boot) {
            let home = Self(tempfile::tempdir().unwrap());
            let instance = Instance::canonical(home.0.path(), ProfileName::parse("rescue").unwrap());
            std::fs::create_dir_all(&instance.state_dir).unwrap();
            std::fs::write(&instance.config_path, config).unwrap();
            let boot = Boot {
                host: Host::fixed(&[], [("PATH", "/nonexistent")]),
                env: Environment {
                    home: home.0.path().to_owned(),
                    ..Environment::default()
                },
                instance,
                record: Record::default(),
                wishes: Wishes::default(),
            };
            (home, boot)
        }
    }

    fn context(boot: &Boot) -> InstanceContext<'_> {
        InstanceContext {
            host: &boot.host,
            env: &boot.env,
            instance: &boot.instance,
        }
    }

    fn falling_back(mut boot: Boot) -> Boot {
        boot.record.gateway.boot_fallback = BootFallback::LastGood;
        boot
    }

    #[test]
    fn a_good_config_is_kept_as_it_was_written() {
        let (_home, boot) = Home::new(GOOD);
        let start = boot.start().unwrap();
        assert_eq!(start.warning, None);
        boot.keep(&start.ready).unwrap();
        assert_eq!(
            std::fs::read_to_string(boot.instance.last_good_path()).unwrap(),
            GOOD
        );
    }

    #[test]
    fn what_openclaw_from_npm_ran_well_with_is_kept_for_it() {
        let (_home, boot) = Home::new(GOOD);
        let kept = boot.instance.last_good_path();
        remember(context(&boot));
        assert!(!kept.exists(), "our own engine does so itself");
        std::fs::write(boot.instance.record_path(), "engine = 'node'").unwrap();
        remember(context(&boot));
        assert_eq!(std::fs::read_to_string(&kept).unwrap(), GOOD);
        std::fs::write(&boot.instance.config_path, "{ gateway").unwrap();
        remember(context(&boot));
        assert_eq!(std::fs::read_to_string(&kept).unwrap(), GOOD);
    }

    #[test]
    fn a_key_that_nobody_knows_blocks_and_is_named() {
        let (_home, boot) = Home::new("{ gateway: { mode: 'local', prot: 1, auth: { token: 'x' } } }");
        let error = boot.start().unwrap_err();
        assert_eq!(error.msg.key(), "gateway.invalid");
        let said = error.msg.render(crate::i18n::Lang::english());
        assert!(said.contains("gateway.prot"), "{said}");
    }

    #[test]
    fn configs_of_either_release_are_served_and_so_is_a_mixed_one() {
        for further in [
            "browser: { profiles: { x: { cdpPort: 18801, color: '#00AA00' } } }",
            "browser: { profiles: { x: { cdpPort: 18801 } } }",
            "canvasHost: { enabled: false }, agents: { entries: {} }",
        ] {
            let gateway = GOOD.trim_start_matches('{').replace("} // kept", "");
            let (_home, boot) = Home::new(&format!("{{ {gateway}, {further} }}"));
            let start = boot.start();
            assert!(start.is_ok(), "{further}: {start:?}");
        }
    }

    #[test]
    fn a_broken_config_is_stood_in_for_only_where_the_record_says_so() {
        let (_home, boot) = Home::new(GOOD);
        boot.keep(&boot.read().unwrap()).unwrap();
        std::fs::write(&boot.instance.config_path, "{ gateway").unwrap();
        assert_eq!(boot.start().unwrap_err().msg.key(), "config.broken");
        let boot = falling_back(boot);
        let start = boot.start().unwrap();
        assert_eq!(start.warning.unwrap().key(), "gateway.from-last-good");
        assert_eq!(start.ready.settings.port, 19789);
    }

    #[test]
    fn a_config_that_is_gone_is_not_stood_in_for() {
        let (_home, boot) = Home::new(GOOD);
        boot.keep(&boot.read().unwrap()).unwrap();
        std::fs::remove_file(&boot.instance.config_path).unwrap();
        let error = falling_back(boot).start().unwrap_err();
        assert_eq!(error.msg.key(), "settings.mode-unset");
    }

    #[test]
    fn without_a_good_one_the_fault_of_the_broken_one_stands() {
        let (_home, boot) = Home::new("{ gateway");
        let error = falling_back(boot).start().unwrap_err();
        assert_eq!(error.msg.key(), "config.broken");
        assert!(
            error
                .hints
                .iter()
                .any(|hint| hint.key() == "gateway.no-last-good")
        );
    }

    #[test]
    fn included_files_are_kept_with_it() {
        let (_home, boot) = Home::new("{ $include: 'base.json', gateway: { mode: 'local' } }");
        let base = boot.instance.state_dir.join("base.json");
        std::fs::write(
            &base,
            "{ gateway: { port: 20789, auth: { token: '${T}' } }, env: { vars: { T: 'y' } } }",
        )
        .unwrap();
        boot.keep(&boot.read().unwrap()).unwrap();
        std::fs::write(&base, "{ broken").unwrap();
        let start = falling_back(boot).start().unwrap();
        assert_eq!(start.ready.settings.port, 20789);
    }
}
