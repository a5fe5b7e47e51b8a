//! The config of an instance, rewritten for the inside of a container.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::format::ManifestFormat;
use super::names::service_name;
use super::note::NoteList;
use super::probes::is_at_least;
use super::secrets::{SecretVariables, TOKEN_VARIABLE, environment_reference};
use super::source::ManifestSource;
use crate::config::document;
use crate::config::key_path::KeyPath;
use crate::config::variables::substitute;
use crate::error::{Error, Result};
use crate::i18n::{Msg, msg};
use crate::ports::DEFAULT_BASE;
use crate::url::{ServerUrl, is_loopback_host};

mod paths;

pub(super) use paths::PathMap;

/// First release of OpenClaw that serves its page beyond loopback only with `gateway.controlUi.allowedOrigins`.
const FIRST_WITH_ORIGINS: &str = "2026.2.24";

/// The config of an instance under way from its host into a container.
pub(super) struct ConfigRewrite<'a> {
    pub(super) source: &'a ManifestSource<'a>,
    pub(super) format: ManifestFormat,
    pub(super) config: Value,
    pub(super) secrets: SecretVariables,
    pub(super) notes: NoteList,
}

impl<'a> ConfigRewrite<'a> {
    /// Rewrites the config of an instance.
    ///
    /// # Errors
    /// Where the instance is the client of a gateway on another host.
    pub(super) fn run(source: &'a ManifestSource<'a>, format: ManifestFormat) -> Result<Self> {
        let mut rewrite = Self {
            source,
            format,
            config: source.config.clone(),
            secrets: SecretVariables::default(),
            notes: NoteList::default(),
        };
        if !rewrite.config.is_object() {
            rewrite.config = json!({});
        }
        rewrite.refuse_remote()?;
        let Self {
            config,
            secrets,
            notes,
            ..
        } = &mut rewrite;
        secrets.take_variables(source, config, notes);
        rewrite.set_gateway();
        let Self {
            config,
            secrets,
            notes,
            ..
        } = &mut rewrite;
        secrets.take_config_secrets(config, notes);
        rewrite.move_paths();
        rewrite.move_servers();
        rewrite.leave_browser();
        rewrite.note_references();
        let Self {
            config,
            secrets,
            notes,
            ..
        } = &mut rewrite;
        secrets.add_referenced(config, &[TOKEN_VARIABLE, "HOME"], notes);
        Ok(rewrite)
    }

    fn refuse_remote(&self) -> Result<()> {
        if self
            .config
            .pointer("/gateway/mode")
            .is_none_or(|mode| mode != "remote")
        {
            return Ok(());
        }
        Err(
            Error::blocked(msg!("manifest.remote", profile = self.source.found.label)).hint(msg!(
                "manifest.remote-way-out",
                command = self.source.instance.command()
            )),
        )
    }

    /// Sets a value of the config. Objects on the way are made; any other value there is replaced.
    fn set(&mut self, key: &str, value: Value) {
        let path = KeyPath::keys(key.split('.'));
        for count in 1..path.segments().len() {
            let above = path.prefix(count);
            if document::find(&self.config, &above).is_some_and(|value| !value.is_object()) {
                let _ = document::set(&mut self.config, &above, json!({}));
            }
        }
        let _ = document::set(&mut self.config, &path, value);
    }

    /// Returns the object at a JSON pointer of the config, where there is one.
    fn object(&mut self, pointer: &str) -> Option<&mut Map<String, Value>> {
        self.config.pointer_mut(pointer)?.as_object_mut()
    }

    /// Sets what a gateway in a container needs: every address of the container, the port that is published, a credential
    /// from outside, and the origin of the published page.
    fn set_gateway(&mut self) {
        let (was_bind, was_port) = (self.text("/gateway/bind"), self.source.ports.base());
        self.set("gateway.mode", "local".into());
        self.set("gateway.bind", "lan".into());
        self.set("gateway.port", DEFAULT_BASE.get().into());
        if let Some(gateway) = self.object("/gateway") {
            gateway.shift_remove("customBindHost");
        }
        let was_bind = was_bind.unwrap_or_else(|| "loopback".to_owned());
        let key = match self.format {
            ManifestFormat::Compose | ManifestFormat::Quadlet => "manifest.bind",
            ManifestFormat::Kubernetes => "manifest.bind-cluster",
        };
        let msg = Msg::new(key).with("bind", was_bind).with("port", was_port);
        self.notes.changed("bind", msg.with("inside", DEFAULT_BASE.get()));
        let is_exposed = self
            .text("/gateway/tailscale/mode")
            .is_some_and(|mode| mode != "off");
        if is_exposed {
            self.set("gateway.tailscale.mode", "off".into());
            self.notes.left_out("tailscale", msg!("manifest.tailscale"));
        }
        self.set_credential();
        self.allow_origins();
    }

    /// Returns the text at a JSON pointer of the config.
    fn text(&self, pointer: &str) -> Option<String> {
        Some(self.config.pointer(pointer)?.as_str()?.to_owned())
    }

    /// Takes the token out of the config, to be passed by its variable. A password stays a secret of the config; any other
    /// way to sign in is for loopback or a proxy of this host, and becomes a token.
    fn set_credential(&mut self) {
        let mode = self.text("/gateway/auth/mode");
        let has_password = self.config.pointer("/gateway/auth/password").is_some();
        let has_token = self.config.pointer("/gateway/auth/token").is_some();
        if mode.as_deref() == Some("password") || (mode.is_none() && has_password && !has_token) {
            self.set("gateway.auth.mode", "password".into());
            return;
        }
        if let Some(mode) = mode.filter(|mode| mode != "token") {
            self.notes.changed("auth", msg!("manifest.auth", mode = mode));
        }
        self.set("gateway.auth.mode", "token".into());
        let token = self
            .object("/gateway/auth")
            .and_then(|auth| auth.shift_remove("token"));
        let in_env_file = || {
            let mut assignments = self.source.env_file.iter().rev();
            let (_, value) = assignments.find(|(name, _)| name == TOKEN_VARIABLE)?;
            Some(value.clone())
        };
        let lookup = |name: &str| {
            if name == TOKEN_VARIABLE {
                in_env_file()
            } else {
                self.secrets.value(name)
            }
        };
        let token = match token {
            Some(Value::String(text)) => substitute(text.trim(), &lookup).ok(),
            Some(Value::Object(map)) => environment_reference(&map).and_then(lookup),
            _ => None,
        };
        let token = token.filter(|token| !token.is_empty()).or_else(in_env_file);
        self.secrets.set(TOKEN_VARIABLE, token, &mut self.notes);
    }

    /// Lets the page of the published port use the gateway: it has another port than the gateway inside. This program's gateway
    /// lets it without being told, but wants to be told the name that it has in a cluster.
    fn allow_origins(&mut self) {
        let hosts = match self.source.release() {
            Some(release) if is_at_least(release, FIRST_WITH_ORIGINS) => {
                vec!["127.0.0.1".to_owned(), "localhost".to_owned()]
            }
            None if self.format == ManifestFormat::Kubernetes => {
                vec![service_name(&self.source.instance.profile)]
            }
            _ => return,
        };
        let (scheme, port) = (
            if self.has_tls() { "https" } else { "http" },
            self.source.ports.base(),
        );
        let listed = self.config.pointer("/gateway/controlUi/allowedOrigins");
        let mut origins = listed.and_then(Value::as_array).cloned().unwrap_or_default();
        for host in &hosts {
            let origin = Value::from(format!("{scheme}://{host}:{port}"));
            if !origins.contains(&origin) {
                origins.push(origin);
            }
        }
        self.set("gateway.controlUi.allowedOrigins", origins.into());
        let hosts = hosts.join(", ");
        self.notes
            .changed("origins", msg!("manifest.origins", hosts = hosts, port = port));
    }

    /// Returns whether the gateway speaks TLS itself.
    pub(super) fn has_tls(&self) -> bool {
        self.config.pointer("/gateway/tls/enabled") == Some(&Value::Bool(true))
    }

    /// Replaces the paths of this host by those of the container.
    fn move_paths(&mut self) {
        let map = PathMap::new(self.source);
        let moves = map.moves(&self.config);
        for (key, path) in moves.set {
            let _ = document::set(&mut self.config, &key, path.into());
        }
        for (key, path) in moves.unset {
            document::remove(&mut self.config, &key);
            self.notes.left_out(
                "path",
                msg!("manifest.path-own", key = key, path = self.display(&path)),
            );
        }
        for (path, inside) in map.workspaces() {
            self.notes.changed(
                "workspace",
                msg!("manifest.workspace", path = self.display(path), inside = inside),
            );
        }
        for (key, path) in moves.foreign {
            self.notes
                .left_out("path", msg!("manifest.path-foreign", key = key, path = path));
        }
    }

    fn display(&self, path: &Path) -> String {
        crate::environment::abbreviate_home(&self.source.home, path)
    }

    /// Lets addresses of servers on this host lead there from the container, where its engine has a name for it.
    fn move_servers(&mut self) {
        for (key, url) in loopback_urls(&self.config) {
            let host = match self.format {
                ManifestFormat::Compose => "host.docker.internal",
                ManifestFormat::Quadlet => "host.containers.internal",
                ManifestFormat::Kubernetes => {
                    self.notes
                        .missing("server", msg!("manifest.server-cluster", key = key, url = url));
                    continue;
                }
            };
            if let Some(moved) = with_host(&url, host) {
                let _ = document::set(&mut self.config, &key, moved.clone().into());
                self.notes.changed(
                    "server",
                    msg!("manifest.server", key = key, url = url, moved = moved),
                );
            }
        }
    }

    /// Switches off the browsers of this host: the image has none, and a window of this host can't come along. Browsers on
    /// other hosts stay.
    fn leave_browser(&mut self) {
        let is_remote = |value: &Value| {
            let url = value.as_str().and_then(ServerUrl::parse);
            url.is_some_and(|url| !is_loopback_host(url.host()))
        };
        let profiles = self
            .config
            .pointer("/browser/profiles")
            .and_then(Value::as_object);
        let addresses = profiles
            .into_iter()
            .flatten()
            .filter_map(|(_, profile)| profile.get("cdpUrl"));
        let has_remote = self
            .config
            .pointer("/browser/cdpUrl")
            .into_iter()
            .chain(addresses)
            .any(is_remote);
        let was_off = self.config.pointer("/browser/enabled") == Some(&Value::Bool(false));
        if was_off {
            return;
        }
        if has_remote {
            self.notes.left_out("browser", msg!("manifest.browser-local"));
        } else {
            self.set("browser.enabled", false.into());
            self.notes.left_out("browser", msg!("manifest.browser"));
        }
    }

    /// Notes secrets that files or programs of this host hold, and sandboxes, which need the container engine of this host.
    fn note_references(&mut self) {
        let mut found = Vec::new();
        find_host_references(&self.config, &KeyPath::root(), &mut found);
        for key in found {
            self.notes
                .missing("reference", msg!("manifest.reference", key = key));
        }
        let is_on = |value: Option<&Value>| {
            let mode = value
                .and_then(|sandbox| sandbox.get("mode"))
                .and_then(Value::as_str);
            mode.is_some_and(|mode| mode != "off")
        };
        if is_on(self.config.pointer("/agents/defaults/sandbox")) {
            self.notes.left_out("sandbox", msg!("manifest.sandbox"));
        }
    }
}

/// Keys of a config whose addresses mean the container itself, or are left to other rules.
const OWN_URL_KEYS: [&str; 3] = ["browser", "gateway.remote", "gateway.controlUi"];

/// Returns the addresses of servers on loopback that a config names, each with its key.
fn loopback_urls(config: &Value) -> Vec<(KeyPath, String)> {
    let is_own = |key: &KeyPath| {
        let is_below = |own: &&str| key.prefix(own.split('.').count()).to_string() == **own;
        OWN_URL_KEYS.iter().any(is_below)
    };
    let is_loopback = |text: &str| {
        let url = ServerUrl::parse(text);
        url.is_some_and(|url| {
            let is_web = matches!(url.scheme(), "http" | "https" | "ws" | "wss");
            is_web && is_loopback_host(url.host())
        })
    };
    let texts = paths::texts(config).into_iter();
    texts
        .map(|(key, text)| (key, text.trim()))
        .filter(|(key, text)| !is_own(key) && is_loopback(text))
        .map(|(key, text)| (key, text.to_owned()))
        .collect()
}

/// Returns a URL with another host.
fn with_host(text: &str, host: &str) -> Option<String> {
    let url = ServerUrl::parse(text)?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let (_, rest) = text.split_once("://")?;
    let rest = &rest[url.authority().len()..];
    Some(format!("{}://{host}{port}{rest}", url.scheme()))
}

/// Collects the references of a config to secrets in files or programs of this host: `{source: "file" | "exec", …}`.
fn find_host_references(value: &Value, at: &KeyPath, found: &mut Vec<KeyPath>) {
    match value {
        Value::Object(map) => {
            let source = map.get("source").and_then(Value::as_str);
            let is_reference = map.contains_key("provider") && map.contains_key("id");
            if is_reference && source.is_some_and(|source| source != "env") {
                found.push(at.clone());
            }
            map.iter()
                .for_each(|(key, value)| find_host_references(value, &at.child(key), found));
        }
        Value::Array(values) => values
            .iter()
            .enumerate()
            .for_each(|(index, value)| find_host_references(value, &at.index(index), found)),
        _ => {}
    }
}
