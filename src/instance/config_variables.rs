//! The variables that the config of an instance refers to as `${NAME}`, and the paths that a config sets with them.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::config::variables::{self, MissingVariable};
use crate::env_file;
use crate::environment::Environment;
use crate::host::Host;

/// The sources of the variables that the config of one instance may refer to, in OpenClaw's order: the environment of
/// this run, the instance's `.env`, the config itself (docs/openclaw.md#config-variables).
#[derive(Clone, Copy)]
pub(crate) struct ConfigVariables<'a> {
    /// Access to the environment variables of this run; `None` where they do not count.
    host: Option<&'a Host>,
    /// State folder of the instance, which has the `.env`.
    state_dir: &'a Path,
    /// Value of the config, included files merged in.
    config: &'a Value,
}

impl<'a> ConfigVariables<'a> {
    /// Creates the sources of a config's variables from the environment, the `.env` of a state folder, and the config.
    pub(crate) fn new(host: &'a Host, state_dir: &'a Path, config: &'a Value) -> Self {
        Self {
            host: Some(host),
            ..Self::of_files(state_dir, config)
        }
    }

    /// Creates the sources of a config's variables from the `.env` of a state folder and the config alone: what holds for
    /// the instance wherever its gateway is started.
    pub(crate) fn of_files(state_dir: &'a Path, config: &'a Value) -> Self {
        Self {
            host: None,
            state_dir,
            config,
        }
    }

    /// Returns the value of a variable that a config refers to. One that names an instance is not inherited from the
    /// environment.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let inherited = self
            .host
            .filter(|_| !Environment::is_own_variable(name))
            .and_then(|host| host.var(name));
        inherited
            .map(str::to_owned)
            .or_else(|| env_file::variable(&self.state_dir.join(".env"), name))
            .or_else(|| variables::variable_from_config(self.config, name))
    }

    /// Returns the text of a config with its variables filled in.
    ///
    /// # Errors
    /// The first variable that is not set.
    pub(crate) fn substitute(&self, text: &str) -> Result<String, MissingVariable> {
        variables::substitute(text, &|name| self.get(name))
    }

    /// Returns the secret that a value of the config is or refers to: a text with `${VARIABLES}`, or a reference of
    /// OpenClaw 2026.9.6 to the environment (`{source: "env", id: "NAME"}`). References to other stores are OpenClaw's
    /// own and are not read.
    pub(crate) fn secret(&self, value: &Value) -> Option<String> {
        match value {
            Value::String(text) => self.substitute(text).ok(),
            Value::Object(reference) if reference.get("source")? == "env" => {
                self.get(reference.get("id")?.as_str()?)
            }
            _ => None,
        }
    }

    /// Returns the absolute path that a text of the config stands for, with its variables filled in and `~` expanded; `None`
    /// for a blank text and where a variable is not set. A relative path starts from the folder `base`.
    pub(crate) fn path(&self, env: &Environment, base: Option<&Path>, text: &str) -> Option<PathBuf> {
        let filled = self.substitute(text.trim()).ok()?;
        let filled = filled.trim();
        (!filled.is_empty()).then(|| env.expand(base, filled)).flatten()
    }
}
