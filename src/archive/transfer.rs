//! An instance for elsewhere: what is left out of an export, and what an import changes so that the copy
//! shares nothing with its original.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{ArchiveSource, FileSet, Manifest};
use crate::config;
use crate::config::document::{ConfigDocument, EditError};
use crate::config::key_path::KeyPath;
use crate::config::secrets::{self, REDACTED};
use crate::host::read;
use crate::instance::Instance;
use crate::plan::Content;
use crate::ports::{Port, PortFamily, Role};
use crate::secret::{Secret, SecretOrigin};

/// Parts of a state folder that hold secrets, below `state/`.
const SECRET: [&str; 5] = [
    "credentials/",
    "identity/",
    "devices/",
    "config-journal-fingerprint.key",
    "state/",
];

/// Whether a file of an archive holds secrets by its name, or by its place in the state.
fn holds_secrets(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let by_name =
        name == ".env" || name.starts_with(".env.") || [".key", ".pem"].iter().any(|end| name.ends_with(end));
    let Some(below) = path.strip_prefix("state/") else {
        return by_name;
    };
    by_name
        || SECRET
            .iter()
            .any(|start| below == *start || (start.ends_with('/') && below.starts_with(start)))
        || name == "auth-profiles.json"
        || name.contains(".json.bak")
        || name.ends_with(".last-good")
        || name.ends_with(".sqlite")
}

/// Takes the secrets out: files that hold them go, those in configs and other JSON are replaced by a mark.
pub fn remove_secrets(contents: &mut FileSet) {
    contents.sources.retain(|source| !holds_secrets(&source.path));
    let is_json = |path: &str| {
        let json = [".json", ".json5"].iter().any(|end| path.ends_with(end));
        json && !path.starts_with("workspace/")
    };
    let (json, mut kept): (Vec<_>, Vec<_>) = contents
        .sources
        .drain(..)
        .partition(|source| is_json(&source.path));
    for mut source in json {
        source.bytes = redacted(&source);
        // What claims to be JSON and can't be understood may hold anything.
        match source.bytes {
            Some(_) => kept.push(source),
            None => contents.skipped.push(source.file),
        }
    }
    kept.sort_by(|a, b| a.path.cmp(&b.path));
    contents.sources = kept;
}

fn redacted(source: &ArchiveSource) -> Option<Vec<u8>> {
    let bytes = read::bytes(&source.file).ok()?;
    let Ok(document) = config::parse_bytes(bytes.clone()) else {
        // A list, or a lone value.
        let text = String::from_utf8(bytes).ok()?;
        let value = config::parse_value(&text).ok()?;
        let shown = secrets::redact(&KeyPath::root(), &value);
        return Some(if shown == value { text } else { shown.to_string() }.into_bytes());
    };
    let pieces = secrets::pieces(&document, |_| SecretOrigin::Kept);
    let shown = Content::in_pieces(document.text(), pieces).redacted(|_| REDACTED.to_owned());
    Some(shown.into_bytes())
}

/// What an imported instance becomes.
#[derive(Debug)]
pub struct ImportTarget<'a> {
    /// What the archive says of the original.
    pub manifest: &'a Manifest,
    /// The new instance.
    pub instance: &'a Instance,
    /// Its ports.
    pub ports: PortFamily,
    /// Its gateway's token.
    pub token: &'a Secret,
}

impl ImportTarget<'_> {
    /// Rewrites a config for its new place. The keys that must be filled in again come back.
    pub fn rewrite_config(&self, document: &mut ConfigDocument) -> Result<Vec<KeyPath>, EditError> {
        let mut missing = Vec::new();
        hidden(document.value(), &KeyPath::root(), &mut missing);
        for path in missing.iter().rev() {
            document.unset(path)?;
        }
        let old = config::parse_value(document.text())
            .ok()
            .and_then(|value| crate::config::base_port(&value));
        let mut changes = Vec::new();
        self.strings(&document.value().clone(), &KeyPath::root(), &mut changes);
        self.pinned(document.value(), old, &mut changes);
        for (path, value) in changes {
            document.set(&path, value)?;
        }
        document.set(&KeyPath::keys(["gateway", "port"]), self.ports.base().into())?;
        document.set(&KeyPath::keys(["gateway", "auth", "mode"]), "token".into())?;
        document.unset(&KeyPath::keys(["gateway", "auth", "password"]))?;
        document.set(
            &KeyPath::keys(["gateway", "auth", "token"]),
            self.token.expose().into(),
        )?;
        let workspace = KeyPath::keys(["agents", "defaults", "workspace"]);
        document.set(
            &workspace,
            self.instance.default_workspace().display().to_string().into(),
        )?;
        let log = KeyPath::keys(["logging", "file"]);
        let outside = document
            .get(&log)
            .and_then(Value::as_str)
            .is_some_and(|path| !Path::new(path).starts_with(&self.instance.state_dir));
        if outside {
            document.unset(&log)?;
        }
        let own = ["gateway.auth.token", "gateway.auth.password"];
        missing.retain(|path| !own.contains(&path.to_string().as_str()));
        Ok(missing)
    }

    /// Paths of the original in any text of the config.
    fn strings(&self, value: &Value, path: &KeyPath, changes: &mut Vec<(KeyPath, Value)>) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    self.strings(value, &path.child(key), changes);
                }
            }
            Value::Array(values) => {
                for (at, value) in values.iter().enumerate() {
                    self.strings(value, &path.index(at), changes);
                }
            }
            Value::String(text) => {
                if let Some(moved) = self.moved(text) {
                    changes.push((path.clone(), moved.display().to_string().into()));
                }
            }
            _ => {}
        }
    }

    /// The new place of a path of the original.
    fn moved(&self, text: &str) -> Option<PathBuf> {
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

    /// Ports that keys pin and that lie in the original's span move along with it.
    fn pinned(&self, config: &Value, old: Option<Port>, changes: &mut Vec<(KeyPath, Value)>) {
        let Some(old) = old.and_then(PortFamily::new) else {
            return;
        };
        let moved = |value: &Value| self.ports.relocated(old, Port::from_json(value)?);
        let profiles = config.pointer("/browser/profiles").and_then(Value::as_object);
        for (name, profile) in profiles.into_iter().flatten() {
            if let Some(port) = profile.get("cdpPort").and_then(moved) {
                let path = KeyPath::keys(["browser", "profiles", name, "cdpPort"]);
                changes.push((path, port.into()));
            }
        }
        if config.pointer("/canvasHost/port").is_some() {
            let port = self.ports.port(Role::Canvas);
            changes.push((KeyPath::keys(["canvasHost", "port"]), port.into()));
        }
        // An address of a browser of the original is no address of the copy's.
        if config.pointer("/browser/cdpUrl").is_some() {
            let url = format!("http://127.0.0.1:{}", self.ports.cdp_pool().first);
            changes.push((KeyPath::keys(["browser", "cdpUrl"]), url.into()));
        }
    }
}

/// Where the mark of a secret that was left out stands.
fn hidden(value: &Value, path: &KeyPath, found: &mut Vec<KeyPath>) {
    match value {
        Value::Object(map) => map
            .iter()
            .for_each(|(key, value)| hidden(value, &path.child(key), found)),
        Value::Array(values) => {
            for (at, value) in values.iter().enumerate() {
                hidden(value, &path.index(at), found);
            }
        }
        Value::String(text) if text.contains(REDACTED) => found.push(path.clone()),
        _ => {}
    }
}

/// Files of an export that belong to the original alone: its keys as a device, what it paired, its record.
pub fn is_original_only(path: &str) -> bool {
    ["state/identity/", "state/devices/"]
        .iter()
        .any(|start| path.starts_with(start))
        || path == "state/instance.toml"
        || path.starts_with("state/openclaw.json")
}
