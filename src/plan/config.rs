//! The config to be: answers put into the document that stands, or into a new one.
//!
//! Only keys that both releases of OpenClaw accept are written to a new config (docs/openclaw.md#config-dialects), and in one
//! that stands only what an answer changes: comments, order and everybody else's keys stay.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::answers::{Answers, Auth, Bind, Channel, Existing, Provider};
use crate::config::document::{ConfigDocument, EditError};
use crate::config::key_path::KeyPath;
use crate::error::Result;
use crate::i18n::Msg;
use crate::ports::PortFamily;
use crate::secret::{Secret, SecretOrigin};
use crate::situation::Situation;

use super::ground::not_editable;
use super::onboard::{Stamp, workspace_of};
use super::{Change, Content, FileKind, FileWrite, Summary, ports};

/// The config to be, and what was decided on the way.
pub(super) struct Config {
    document: ConfigDocument,
    changed: bool,
    pub(super) ports: PortFamily,
    credential: Option<(Secret, SecretOrigin)>,
    given: Vec<Secret>,
    pub(super) notices: Vec<Msg>,
}

impl Config {
    pub(super) fn of(situation: &Situation<'_>, answers: &Answers) -> Result<Self> {
        let fresh = !situation.exists || answers.existing.is_reset();
        let document = if fresh {
            ConfigDocument::empty()
        } else {
            situation.current.clone()
        };
        let (ports, notices) = ports::settled(situation, answers)?;
        let mut config = Self {
            document,
            changed: fresh,
            ports,
            credential: answers.credential.clone(),
            given: Vec::new(),
            notices,
        };
        if answers.existing != Existing::Keep || fresh {
            config
                .fill(situation, answers, fresh)
                .map_err(|e| not_editable(&situation.instance.config_path, e))?;
        }
        Ok(config)
    }

    fn fill(&mut self, situation: &Situation<'_>, answers: &Answers, fresh: bool) -> Result<(), EditError> {
        let place = workspace_of(situation, answers);
        // A workspace that stands in the config as `~/...` and is meant again is not rewritten.
        let stands = self
            .text("agents.defaults.workspace")
            .and_then(|typed| situation.path(typed));
        if stands.as_ref() != Some(&place) {
            self.set("agents.defaults.workspace", json!(place))?;
        }
        if let Some(model) = &answers.model {
            self.set("agents.defaults.model.primary", json!(model))?;
        }
        self.set("gateway.mode", json!("local"))?;
        self.set("gateway.port", json!(self.ports.base()))?;
        if let Some(bind) = answers.bind {
            self.set("gateway.bind", json!(bind.name()))?;
        }
        if let Some(host) = answers.bind_host {
            self.set("gateway.customBindHost", json!(host.to_string()))?;
        }
        if let Some(auth) = answers.auth {
            self.set("gateway.auth.mode", json!(auth.name()))?;
            if let Some((credential, _)) = &answers.credential {
                let key = if auth == Auth::Password {
                    "gateway.auth.password"
                } else {
                    "gateway.auth.token"
                };
                self.set(key, json!(credential.expose()))?;
            }
        }
        if fresh {
            self.set("gateway.tailscale.mode", json!("off"))?;
        }
        self.provider(answers)?;
        if let (Some(channel), Some(token)) = (answers.channel, &answers.channel_token)
            && let Some(key) = Channel::token_key(channel)
        {
            self.set(key, json!(token.expose()))?;
            self.given.push(token.clone());
        }
        Ok(())
    }

    fn provider(&mut self, answers: &Answers) -> Result<(), EditError> {
        match answers.provider {
            Some(provider @ (Provider::Anthropic | Provider::OpenRouter | Provider::Google)) => {
                let id = provider.id();
                let at = KeyPath::keys(["auth".to_owned(), "profiles".to_owned(), format!("{id}:default")]);
                self.put(&at, json!({ "provider": id, "mode": "api_key" }))
            }
            Some(Provider::Custom) => self.custom_provider(answers),
            Some(Provider::OpenAi | Provider::Skip) | None => Ok(()),
        }
    }

    fn custom_provider(&mut self, answers: &Answers) -> Result<(), EditError> {
        let custom = &answers.custom;
        let (Some(url), Some(model)) = (&custom.base_url, &custom.model_id) else {
            return Ok(());
        };
        let id = custom.provider_id.as_deref().unwrap_or(Provider::Custom.id());
        let at = KeyPath::keys(["models", "providers", id]);
        self.put(&at.child("baseUrl"), json!(url))?;
        self.put(&at.child("api"), json!("openai-completions"))?;
        if let Some(key) = &answers.provider_key {
            self.put(&at.child("apiKey"), json!(key.expose()))?;
            self.given.push(key.clone());
        }
        let known = self
            .document
            .get(&at.child("models"))
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        if known.iter().any(|entry| entry["id"] == **model) {
            return Ok(());
        }
        let entry = json!({
            "id": model,
            "name": model,
            "reasoning": false,
            "input": ["text"],
            "cost": { "input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0 },
            "contextWindow": 128_000,
            "maxTokens": 8192,
        });
        self.put(&at.child("models"), known.into_iter().chain([entry]).collect())
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.document.get(&KeyPath::parse(key).ok()?)?.as_str()
    }

    fn set(&mut self, key: &'static str, value: Value) -> Result<(), EditError> {
        let at = KeyPath::parse(key).expect("a key path of ours");
        self.put(&at, value)
    }

    fn put(&mut self, at: &KeyPath, value: Value) -> Result<(), EditError> {
        self.changed |= self.document.set(at, value)?;
        Ok(())
    }

    pub(super) fn skips_bootstrap(&self) -> bool {
        let at = KeyPath::keys(["agents", "defaults", "skipBootstrap"]);
        self.document.get(&at).and_then(Value::as_bool).unwrap_or(false)
    }

    pub(super) fn summary(
        &self,
        situation: &Situation<'_>,
        answers: &Answers,
        workspace: PathBuf,
    ) -> Summary {
        let instance = &situation.instance;
        let credential = match &self.credential {
            Some((_, origin)) => Some(*origin),
            None => (self
                .text("gateway.auth.token")
                .or(self.text("gateway.auth.password")))
            .map(|_| SecretOrigin::Kept),
        };
        Summary {
            profile: instance.profile.to_string(),
            config: instance.config_path.clone(),
            state: instance.state_dir.clone(),
            workspace,
            ports: self.ports,
            bind: self
                .text("gateway.bind")
                .and_then(Bind::of)
                .unwrap_or(Bind::Loopback),
            auth: self
                .text("gateway.auth.mode")
                .and_then(Auth::of)
                .unwrap_or(Auth::Token),
            credential,
            service: answers.service,
        }
    }

    /// The config's file, stamped, if anything in it changed.
    pub(super) fn write(
        mut self,
        situation: &Situation<'_>,
        answers: &Answers,
        stamp: &Stamp,
    ) -> Result<Option<Change>> {
        if !self.changed {
            return Ok(None);
        }
        let path = situation.instance.config_path.clone();
        // What a reset moves aside is gone by the time the new config is written.
        let stays = situation.exists && !answers.existing.is_reset();
        // An OpenClaw version, not ours: a newer one than the reader's makes it warn (docs/openclaw.md#config-dialects).
        let version = &situation.stamp_version();
        let stamps = [
            ("wizard.lastRunAt", stamp.now.as_str()),
            ("wizard.lastRunVersion", version),
            ("wizard.lastRunCommand", stamp.command),
            ("wizard.lastRunMode", "local"),
            ("meta.lastTouchedVersion", version),
        ];
        for (key, value) in stamps {
            self.set(key, json!(value)).map_err(|e| not_editable(&path, e))?;
        }
        let origin = |secret: &str| match &self.credential {
            Some((credential, origin)) if credential.expose() == secret => *origin,
            _ if self.given.iter().any(|given| given.expose() == secret) => SecretOrigin::Given,
            _ => SecretOrigin::Kept,
        };
        let pieces = crate::config::secrets::pieces(&self.document, origin);
        Ok(Some(Change::Write(FileWrite {
            path,
            content: Content::in_pieces(self.document.text(), pieces),
            before: stays.then(|| situation.current.text().as_bytes().to_vec()),
            backup: stays,
            kind: FileKind::Config,
        })))
    }
}
