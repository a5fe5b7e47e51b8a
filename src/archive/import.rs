//! Imports: the config of an export is rewritten so that the new instance shares nothing with its original.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Manifest;
use crate::config;
use crate::config::document::{ConfigDocument, EditError};
use crate::config::key_path::KeyPath;
use crate::config::variables;
use crate::instance::Instance;
use crate::ports::{Port, PortFamily, Role};
use crate::secret::REDACTED;
use crate::secret::Secret;
use crate::survey::named_paths::{PathPurpose, own_workspace, path_texts};

/// The new instance that the import of an exported instance makes.
#[derive(Debug)]
pub(crate) struct ImportTarget<'a> {
    /// The manifest of the archive, which describes the original.
    pub(crate) manifest: &'a Manifest,
    /// The new instance.
    pub(crate) instance: &'a Instance,
    /// The ports of the new instance.
    pub(crate) ports: PortFamily,
    /// The token of the new instance's gateway; `None` where it is the original, which has moved and keeps its own.
    pub(crate) token: Option<&'a Secret>,
}

impl ImportTarget<'_> {
    /// Rewrites the config of an exported instance for the new instance that is imported from it. Returns the keys
    /// whose secrets were left out of the export.
    ///
    /// # Errors
    /// When the text of the config can't be edited.
    pub(crate) fn rewrite_config(&self, document: &mut ConfigDocument) -> Result<Vec<KeyPath>, EditError> {
        let mut missing = Vec::new();
        collect_redacted(document.value(), &KeyPath::root(), &mut missing);
        for path in missing.iter().rev() {
            document.unset(path)?;
        }
        let old = config::parse_value(document.text())
            .ok()
            .and_then(|value| config::base_port(&value));
        let mut changes = Vec::new();
        self.move_paths(document.value(), &KeyPath::root(), &mut changes);
        self.move_pinned_ports(document.value(), old, &mut changes);
        for (path, value) in changes {
            document.set(&path, value)?;
        }
        document.set(&KeyPath::keys(["gateway", "port"]), self.ports.base().into())?;
        if let Some(token) = self.token {
            let key = |name| KeyPath::keys(["gateway", "auth", name]);
            document.set(&key("mode"), "token".into())?;
            document.unset(&key("password"))?;
            document.set(&key("token"), token.expose().into())?;
        }
        let workspace = KeyPath::keys(["agents", "defaults", "workspace"]);
        document.set(&workspace, config_text(&self.instance.default_workspace()))?;
        for (purpose, key) in self.outside_paths(document.value()) {
            if purpose == PathPurpose::Workspace {
                let own = own_workspace(self.instance, document.value(), &key);
                document.set(&key, config_text(&own))?;
            } else {
                document.unset(&key)?;
            }
        }
        let own = ["gateway.auth.token", "gateway.auth.password"];
        missing.retain(|path| !own.contains(&path.to_string().as_str()));
        Ok(missing)
    }

    /// Returns the keys of a config that name a file or folder outside of the new instance, which would be shared with the
    /// original. The gateway has places of its own where they are not set, except for the workspaces of agents.
    fn outside_paths(&self, config: &Value) -> Vec<(PathPurpose, KeyPath)> {
        let is_own = |text: &str| Path::new(text).starts_with(&self.instance.state_dir);
        let outside = path_texts(config).into_iter().filter(|(.., text)| !is_own(text));
        outside.map(|(purpose, key, _)| (purpose, key)).collect()
    }

    /// Adds a change for every text of an imported config that is a path of the original instance.
    fn move_paths(&self, value: &Value, path: &KeyPath, changes: &mut Vec<(KeyPath, Value)>) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    self.move_paths(value, &path.child(key), changes);
                }
            }
            Value::Array(values) => {
                for (at, value) in values.iter().enumerate() {
                    self.move_paths(value, &path.index(at), changes);
                }
            }
            Value::String(text) => {
                if let Some(moved) = self.moved_path(text) {
                    changes.push((path.clone(), config_text(&moved)));
                }
            }
            _ => {}
        }
    }

    /// Returns the new path for a file path of the original of an imported instance; `None` for any other text.
    fn moved_path(&self, text: &str) -> Option<PathBuf> {
        // Of the variables of the original only its home folder is known.
        let home = |name: &str| (name == "HOME").then(|| self.manifest.home.display().to_string());
        let text = variables::substitute(text, &home).ok()?;
        let typed = match text.strip_prefix("~/") {
            Some(below) => self.manifest.home.join(below),
            None => PathBuf::from(text),
        };
        if !typed.is_absolute() {
            return None;
        }
        if let Some(workspace) = &self.manifest.workspace
            && let Ok(below) = typed.strip_prefix(workspace)
        {
            return Some(self.instance.default_workspace().join(below));
        }
        let below = typed.strip_prefix(&self.manifest.state).ok()?;
        Some(self.instance.state_dir.join(below))
    }

    /// Adds a change for every key of an imported config that pins a port in the original's span: it moves along with
    /// the base port.
    fn move_pinned_ports(&self, config: &Value, old: Option<Port>, changes: &mut Vec<(KeyPath, Value)>) {
        let Some(old) = old.and_then(PortFamily::new) else {
            return;
        };
        let moved_port = |value: &Value| self.ports.relocated(old, Port::from_json(value)?);
        let profiles = config.pointer("/browser/profiles").and_then(Value::as_object);
        for (name, profile) in profiles.into_iter().flatten() {
            if let Some(port) = profile.get("cdpPort").and_then(moved_port) {
                let path = KeyPath::keys(["browser", "profiles", name, "cdpPort"]);
                changes.push((path, port.into()));
            }
        }
        if config.pointer("/canvasHost/port").is_some() {
            let port = self.ports.port(Role::Canvas);
            changes.push((KeyPath::keys(["canvasHost", "port"]), port.into()));
        }
        // The address of a browser of the original is not one of the copy's.
        if config.pointer("/browser/cdpUrl").is_some() {
            let url = format!("http://127.0.0.1:{}", self.ports.cdp_pool().first);
            changes.push((KeyPath::keys(["browser", "cdpUrl"]), url.into()));
        }
    }
}

/// Returns a path as the text of a config that stands for it.
fn config_text(path: &Path) -> Value {
    variables::escape(&path.display().to_string()).into()
}

/// Collects the keys of an imported config whose secrets were left out.
fn collect_redacted(value: &Value, path: &KeyPath, found: &mut Vec<KeyPath>) {
    match value {
        Value::Object(map) => map
            .iter()
            .for_each(|(key, value)| collect_redacted(value, &path.child(key), found)),
        Value::Array(values) => {
            for (at, value) in values.iter().enumerate() {
                collect_redacted(value, &path.index(at), found);
            }
        }
        Value::String(text) if text.contains(REDACTED) => found.push(path.clone()),
        _ => {}
    }
}

/// Returns whether a file of an export belongs to the original instance alone: its keys as a device, and what it paired.
pub(crate) fn is_identity(path: &str) -> bool {
    ["state/identity/", "state/devices/"]
        .iter()
        .any(|start| path.starts_with(start))
}

/// Returns whether an import writes a file of an export anew, or leaves out what belongs to the old one: `instance.toml`, the
/// config and its backups.
pub(crate) fn is_rewritten(path: &str) -> bool {
    path == "state/instance.toml" || path.starts_with("state/openclaw.json")
}
