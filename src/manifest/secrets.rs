//! The secrets of an instance, as variables in an env file: a manifest names them and has no value.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::note::NoteList;
use super::source::ManifestSource;
use crate::config::document;
use crate::config::key_path::{KeyPath, PathSegment};
use crate::config::secrets::{is_secret, secret_values};
use crate::config::variables::{has_variable, substitute};
use crate::i18n::msg;
use crate::record::Engine;
use crate::secret::Secret;

/// Name of the variable by which a gateway gets its token.
pub(super) const TOKEN_VARIABLE: &str = "OPENCLAW_GATEWAY_TOKEN";
/// Start of the names of variables that stand for secrets of a config.
const CONFIG_PREFIX: &str = "CONFIG";
/// Names of variables that a container has of its own, and starts of them: those of one instance on one host.
const OWN_VARIABLES: [&str; 5] = ["HOME", "PATH", "NODE_OPTIONS", "TZ", "USER"];
const OWN_PREFIXES: [&str; 2] = ["OPENCLAW_", "CLAWDBOT_"];

/// The variables in the env file of a container, by name. One without a value has to be filled in by a person.
#[derive(Clone, Debug, Default)]
pub(super) struct SecretVariables(BTreeMap<String, Option<Secret>>);

impl SecretVariables {
    /// Returns whether a variable is in the env file.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Returns the names of the variables in order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Returns the known values that are secrets by the name of their variable. Others, such as an address, may be anywhere.
    pub(super) fn secret_values(&self) -> impl Iterator<Item = &Secret> {
        let is_named_so = |name: &String| {
            let key = KeyPath::keys([name.as_str()]);
            name.starts_with(CONFIG_PREFIX) || is_secret(&key)
        };
        let known = self.0.iter().filter(move |(name, _)| is_named_so(name));
        known.filter_map(|(_, value)| value.as_ref())
    }

    /// Returns the text of the env file: one line for each variable, which Compose, Podman and kustomize all take as it is.
    /// `show` returns what is written for a value.
    pub(super) fn env_text(&self, show: impl Fn(&Secret) -> String) -> String {
        let lines = self.0.iter().map(|(name, value)| {
            let value = value.as_ref().map(&show).unwrap_or_default();
            format!("{name}={value}\n")
        });
        lines.collect()
    }

    /// Returns the value of a variable, where it is known.
    pub(super) fn value(&self, name: &str) -> Option<String> {
        Some(self.0.get(name)?.as_ref()?.expose().to_owned())
    }

    /// Sets a variable. A value of several lines fits into no env file: a person has to bring it some other way.
    pub(super) fn set(&mut self, name: &str, value: Option<String>, notes: &mut NoteList) {
        let value = value.filter(|value| !value.is_empty());
        let is_one_line = |value: &String| !value.contains(['\n', '\r', '\0']);
        match &value {
            Some(value) if !is_one_line(value) => {
                notes.missing("several-lines", msg!("manifest.several-lines", name = name));
            }
            Some(_) => {}
            None => notes.missing("variable", msg!("manifest.unset-variable", name = name)),
        }
        let value = value.filter(is_one_line).map(Secret::new);
        self.0.insert(name.to_owned(), value);
    }

    /// Adds the variables that the config itself sets (`env`), those of the `.env`, which count before them, and the keys in
    /// the store of API keys. The config loses its own: in them the gateway would take a reference for the value.
    pub(super) fn take_variables(
        &mut self,
        source: &ManifestSource<'_>,
        config: &mut Value,
        notes: &mut NoteList,
    ) {
        let mut found: BTreeMap<String, String> = BTreeMap::new();
        if source.engine == Engine::Node {
            let keys = source.stored_keys.iter();
            found.extend(keys.map(|(name, key)| ((*name).to_owned(), key.expose().to_owned())));
        }
        found.extend(take_env_section(config));
        found.extend(source.env_file.iter().cloned());
        found.retain(|_, value| !value.is_empty());
        for (name, value) in found {
            let is_own = OWN_VARIABLES.contains(&name.as_str())
                || OWN_PREFIXES.iter().any(|start| name.starts_with(start));
            if name == TOKEN_VARIABLE {
                // The token of the gateway is found by its own rules.
            } else if is_own || !is_variable_name(&name) {
                notes.left_out("variable", msg!("manifest.own-variable", name = name));
            } else {
                self.set(&name, Some(value), notes);
            }
        }
    }

    /// Replaces each secret of a config by a reference to a variable, and adds the variable.
    pub(super) fn take_config_secrets(&mut self, config: &mut Value, notes: &mut NoteList) {
        let found: Vec<(KeyPath, String)> = secret_values(config)
            .into_iter()
            .map(|(key, value)| {
                (
                    key,
                    value.as_str().map_or_else(|| value.to_string(), str::to_owned),
                )
            })
            .collect();
        for (key, text) in found {
            // A text such as `Bearer ${TOKEN}` is filled in: the gateway does not look into a variable's value.
            let value = if has_variable(&text) {
                substitute(&text, &|name| self.value(name)).ok()
            } else {
                substitute(&text, &|_| None).ok()
            };
            let name = self.free_name(&key);
            self.set(&name, value, notes);
            let _ = document::set(config, &key, format!("${{{name}}}").into());
        }
    }

    /// Adds the variables that texts of a config refer to and that are set nowhere.
    pub(super) fn add_referenced(&mut self, config: &Value, known: &[&str], notes: &mut NoteList) {
        let names = RefCell::new(Vec::new());
        visit_texts(config, &|text| {
            let note = |name: &str| {
                names.borrow_mut().push(name.to_owned());
                Some(String::new())
            };
            let _ = substitute(text, &note);
        });
        for name in names.into_inner() {
            if !self.has(&name) && !known.contains(&name.as_str()) {
                self.set(&name, None, notes);
            }
        }
    }

    /// Returns a name for the variable of a config's secret that no other has.
    fn free_name(&self, key: &KeyPath) -> String {
        let name = variable_name(key);
        let numbered = (2..).map(|number| format!("{name}_{number}"));
        let mut names = std::iter::once(name.clone()).chain(numbered);
        names.find(|name| !self.has(name)).unwrap_or(name)
    }
}

/// Calls a function with each text of a config, and with the id of each reference to the environment as if a text named it.
fn visit_texts(value: &Value, visit: &dyn Fn(&str)) {
    match value {
        Value::Object(map) => {
            if let Some(name) = environment_reference(map) {
                visit(&format!("${{{name}}}"));
            }
            map.values().for_each(|value| visit_texts(value, visit));
        }
        Value::Array(values) => values.iter().for_each(|value| visit_texts(value, visit)),
        Value::String(text) => visit(text),
        _ => {}
    }
}

/// Returns the variable that an object of a config refers to as `{source: "env", provider, id}`.
pub(super) fn environment_reference(map: &Map<String, Value>) -> Option<&str> {
    let is_reference = map.get("source")? == "env" && map.contains_key("provider");
    map.get("id")?.as_str().filter(|_| is_reference)
}

/// Removes the variables that a config sets (`env.NAME`, `env.vars.NAME`), and returns them. A blank one, and one that refers
/// to a variable, counts as unset (docs/openclaw.md#config-variables).
fn take_env_section(config: &mut Value) -> Vec<(String, String)> {
    let Some(env) = config.get_mut("env").and_then(Value::as_object_mut) else {
        return Vec::new();
    };
    let inner = env.remove("vars");
    let inner = inner
        .as_ref()
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    let (own, rest): (Map<_, _>, Map<_, _>) = std::mem::take(env)
        .into_iter()
        .partition(|(_, value)| !value.is_object());
    *env = rest;
    if env.is_empty()
        && let Some(config) = config.as_object_mut()
    {
        config.shift_remove("env");
    }
    let text = |(name, value): (String, Value)| {
        let text = match value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        (!text.trim().is_empty() && !has_variable(&text)).then_some((name, text))
    };
    inner.into_iter().chain(own).filter_map(text).collect()
}

/// Returns the variable that stands for the secret at a key of a config: `CONFIG_CHANNELS_TELEGRAM_BOT_TOKEN`.
fn variable_name(key: &KeyPath) -> String {
    let mut name = CONFIG_PREFIX.to_owned();
    for segment in key.segments() {
        name.push('_');
        match segment {
            PathSegment::Index(index) => name.push_str(&index.to_string()),
            PathSegment::Key(key) => {
                let mut was_lower = false;
                for c in key.chars() {
                    if c.is_ascii_uppercase() && was_lower {
                        name.push('_');
                    }
                    was_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
                    name.push(if c.is_ascii_alphanumeric() {
                        c.to_ascii_uppercase()
                    } else {
                        '_'
                    });
                }
            }
        }
    }
    name
}

/// Returns whether every container engine takes a text as the name of a variable.
fn is_variable_name(text: &str) -> bool {
    !text.starts_with(|c: char| c.is_ascii_digit())
        && !text.is_empty()
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
