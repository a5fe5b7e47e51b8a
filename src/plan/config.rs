//! The config of the instance: the answers put into the existing document, or into a new one.
//!
//! A new config has only keys that both release families of OpenClaw accept (docs/openclaw.md#config-dialects). In an
//! existing one only the keys change that an answer changes: comments, order and other keys stay.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::answers::{Answers, Auth, Bind, Channel, Existing, GatewayMode, Provider};
use crate::config::dialect::Dialect;
use crate::config::document::{self, ConfigDocument, EditError, find};
use crate::config::key_path::KeyPath;
use crate::config::secrets::without_url_credentials;
use crate::config::variables;
use crate::error::Result;
use crate::i18n::{Msg, msg};
use crate::ports::{Port, PortFamily};
use crate::secret::{Secret, SecretOrigin};

use super::disk::not_editable;
use super::input::{PlanInput, PlanStamp};
use super::{Change, Content, FileWrite, InstanceSummary, ports};

/// Key of a config that names the workspace of every agent without one of its own.
const WORKSPACE_KEY: &str = "agents.defaults.workspace";

/// The planned config of an instance, with the ports, the credential and the notices that were decided for it.
pub(super) struct ConfigPlan {
    /// The document as it is before the change.
    document: ConfigDocument,
    /// The value that the document is to have. Its text is edited once, for all keys.
    planned: Value,
    /// The value of the document, included files merged in: a value that an included file sets already is not set again.
    effective: Value,
    /// `true` for a config that is new, or made anew.
    is_fresh: bool,
    /// The ports of the instance.
    pub(super) ports: PortFamily,
    /// The reason why the base port would be refused if the instance did not have it already.
    port_refusal: Option<Msg>,
    credential: Option<(Secret, SecretOrigin)>,
    /// Secrets of this run's answers other than the credential.
    given: Vec<Secret>,
    /// Notices for the user about the ports.
    pub(super) notices: Vec<Msg>,
}

impl ConfigPlan {
    /// Fills in an OpenClaw config with the wizard's answers and the base port.
    ///
    /// # Errors
    /// Where the port is refused, or the existing document cannot be edited without loss.
    pub(super) fn new(input: &PlanInput<'_>, answers: &Answers, base: Port) -> Result<Self> {
        let fresh = !input.exists || answers.existing.is_reset();
        let (document, effective) = if fresh {
            (ConfigDocument::empty(), Value::Null)
        } else {
            (input.current.clone(), input.effective.clone())
        };
        let ports = ports::check_base(input, answers, base)?;
        let mut config = Self {
            planned: document.value().clone(),
            document,
            effective,
            is_fresh: fresh,
            ports: ports.family,
            port_refusal: ports.refusal,
            credential: answers.credential.clone(),
            given: Vec::new(),
            notices: ports.notices,
        };
        let filled = if answers.existing != Existing::Keep || fresh {
            config.fill(input, answers, fresh)
        } else if answers.port.is_some() {
            // The config stays, but for the port that another program holds.
            config.set_port()
        } else {
            Ok(())
        };
        filled.map_err(|e| not_editable(&input.instance.config_path, e))?;
        Ok(config)
    }

    /// Sets the keys of an OpenClaw config that the wizard's answers change.
    fn fill(&mut self, input: &PlanInput<'_>, answers: &Answers, fresh: bool) -> Result<(), EditError> {
        let workspace = input.workspace(answers);
        // A workspace that the config spells in another way (`~/...`, `${HOME}/...`) is not written again.
        let is_named = self.text(WORKSPACE_KEY).is_some();
        if !is_named || input.named_workspace.as_ref() != Some(&workspace) {
            let text = variables::escape(&workspace.display().to_string());
            self.set(WORKSPACE_KEY, json!(text))?;
        }
        if let Some(model) = &answers.model {
            self.set("agents.defaults.model.primary", json!(model))?;
        }
        // A mode that stands was chosen: `remote` uses a gateway on another host.
        if answers.mode.is_some() || !self.has_mode() {
            let mode = answers.mode.unwrap_or(GatewayMode::Local);
            self.set("gateway.mode", json!(mode.name()))?;
        } else if input.is_remote(answers) {
            let url = self.text("gateway.remote.url").unwrap_or_default();
            self.notices.push(msg!(
                "plan.remote",
                url = without_url_credentials(url),
                command = input.instance.command()
            ));
        }
        self.set_port()?;
        if let Some(bind) = answers.bind {
            self.set("gateway.bind", json!(bind.name()))?;
        }
        if let Some(host) = answers.bind_host {
            self.set("gateway.customBindHost", json!(host.to_string()))?;
        }
        self.set_auth(input, answers)?;
        if fresh {
            self.set("gateway.tailscale.mode", json!("off"))?;
        }
        self.set_provider(answers)?;
        if let (Some(channel), Some(token)) = (answers.channel, &answers.channel_token)
            && let Some(key) = Channel::token_key(channel)
        {
            self.set(key, json!(token.expose()))?;
            self.given.push(token.clone());
        }
        self.set_owner(answers)
    }

    /// Adds, in a config, the owner of the channel's bot that the wizard's answers name to those that it has.
    fn set_owner(&mut self, answers: &Answers) -> Result<(), EditError> {
        let key = answers.channel.and_then(Channel::owners_key);
        let (Some(key), Some(owner)) = (key, &answers.channel_owner) else {
            return Ok(());
        };
        let at = KeyPath::parse(key).expect("a key path of ours");
        let known = find(&self.planned, &at).or_else(|| find(&self.effective, &at));
        let known = known.and_then(Value::as_array).cloned().unwrap_or_default();
        // Numbers are ids too.
        let number = owner.parse::<u64>().ok();
        let is_owner = |id: &Value| id.as_str() == Some(owner) || (number.is_some() && id.as_u64() == number);
        if known.iter().any(is_owner) {
            return Ok(());
        }
        self.set_at(&at, known.into_iter().chain([json!(owner)]).collect())
    }

    /// Sets the base port in a config.
    fn set_port(&mut self) -> Result<(), EditError> {
        self.set("gateway.port", json!(self.ports.base()))
    }

    /// Returns `true` if an instance's config sets `gateway.mode`.
    fn has_mode(&self) -> bool {
        self.effective
            .pointer("/gateway/mode")
            .is_some_and(|mode| !mode.is_null())
    }

    /// Sets, in a config, the gateway's authentication method that the wizard's answers choose, and its credential.
    fn set_auth(&mut self, input: &PlanInput<'_>, answers: &Answers) -> Result<(), EditError> {
        if let Some(auth) = answers.auth {
            self.set("gateway.auth.mode", json!(auth.name()))?;
        }
        if let Some((credential, _)) = &answers.credential {
            let auth = answers.auth.or_else(|| input.current_auth());
            let key = if auth == Some(Auth::Password) {
                "gateway.auth.password"
            } else {
                "gateway.auth.token"
            };
            self.set(key, json!(credential.expose()))?;
        }
        Ok(())
    }

    /// Sets, in a config, the API-key profile of the model provider that the wizard's answers choose.
    fn set_provider(&mut self, answers: &Answers) -> Result<(), EditError> {
        match answers.provider {
            Some(provider @ (Provider::Anthropic | Provider::OpenRouter | Provider::Google)) => {
                let id = provider.id();
                let at = KeyPath::keys(["auth".to_owned(), "profiles".to_owned(), format!("{id}:default")]);
                self.set_at(&at, json!({ "provider": id, "mode": "api_key" }))
            }
            Some(Provider::Custom) => self.set_custom_provider(answers),
            Some(Provider::OpenAi | Provider::Skip) | None => Ok(()),
        }
    }

    /// Sets, in a config, the server and the model of a custom model provider.
    fn set_custom_provider(&mut self, answers: &Answers) -> Result<(), EditError> {
        let custom = &answers.custom;
        let (Some(url), Some(model)) = (&custom.base_url, &custom.model_id) else {
            return Ok(());
        };
        let id = custom.provider_id.as_deref().unwrap_or(Provider::Custom.id());
        let at = KeyPath::keys(["models", "providers", id]);
        self.set_at(&at.child("baseUrl"), json!(url))?;
        self.set_at(&at.child("api"), json!("openai-completions"))?;
        if let Some(key) = &answers.provider_key {
            self.set_at(&at.child("apiKey"), json!(key.expose()))?;
            self.given.push(key.clone());
        }
        let known = find(&self.effective, &at.child("models"))
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
        self.set_at(&at.child("models"), known.into_iter().chain([entry]).collect())
    }

    /// Returns the text at a key of an OpenClaw config.
    fn text(&self, key: &str) -> Option<&str> {
        let at = KeyPath::parse(key).ok()?;
        find(&self.planned, &at)
            .or_else(|| find(&self.effective, &at))?
            .as_str()
    }

    /// Sets a config key that is given as a dotted path.
    fn set(&mut self, key: &'static str, value: Value) -> Result<(), EditError> {
        let at = KeyPath::parse(key).expect("a key path of ours");
        self.set_at(&at, value)
    }

    /// Sets a key of a config, unless an included file sets it to this value already.
    fn set_at(&mut self, at: &KeyPath, value: Value) -> Result<(), EditError> {
        if find(&self.effective, at) != Some(&value) {
            document::set(&mut self.planned, at, value)?;
        }
        Ok(())
    }

    /// Returns `true` if the config tells OpenClaw to leave the workspace without its first files, such as
    /// `BOOTSTRAP.md`.
    pub(super) fn skips_bootstrap(&self) -> bool {
        let at = KeyPath::keys(["agents", "defaults", "skipBootstrap"]);
        find(&self.planned, &at).and_then(Value::as_bool).unwrap_or(false)
    }

    /// Returns a summary of the planned instance for the screen and for `--json`.
    pub(super) fn summary(
        &self,
        input: &PlanInput<'_>,
        answers: &Answers,
        workspace: PathBuf,
    ) -> InstanceSummary {
        let instance = &input.instance;
        let stays = !answers.existing.is_reset();
        let has_any = input.has_token() || input.has_credential("gateway.auth.password");
        let given = self.credential.as_ref().map(|(_, origin)| *origin);
        let credential = given.or_else(|| (has_any && stays).then_some(SecretOrigin::Kept));
        let named = |key: &str, default: &str| self.text(key).unwrap_or(default).to_owned();
        let auth = match answers.auth.or_else(|| input.current_auth()) {
            Some(auth) => auth.name(),
            None => Auth::Token.name(),
        };
        InstanceSummary {
            profile: instance.profile.to_string(),
            config: instance.config_path.clone(),
            state: instance.state_dir.clone(),
            workspace,
            ports: self.ports,
            port_refusal: self.port_refusal.clone(),
            engine: answers.engine.or(input.recorded_engine).unwrap_or_default(),
            mode: named("gateway.mode", GatewayMode::Local.name()),
            bind: named("gateway.bind", Bind::Loopback.name()),
            auth: named("gateway.auth.mode", auth),
            credential,
            watched: input.watched_with(answers),
            start: answers.start,
            has_service: input.has_service(),
            linger: answers.linger,
            release: match input.dialect {
                Dialect::Common => msg!("plan.release-any"),
                Dialect::Early | Dialect::Late => {
                    msg!("plan.release-name", version = input.openclaw_version)
                }
            },
        }
    }

    /// Returns the planned change that writes the config, stamped, or `None` where no key of it changed.
    pub(super) fn into_write(
        mut self,
        input: &PlanInput<'_>,
        answers: &Answers,
        stamp: &PlanStamp,
    ) -> Result<Option<Change>> {
        if !self.is_fresh && self.planned == *self.document.value() {
            return Ok(None);
        }
        let path = input.instance.config_path.clone();
        // A reset has moved the old config aside by the time the new one is written.
        let replaces = input.exists && !answers.existing.is_reset();
        // A version of OpenClaw and not ours: one newer than the reader's makes it warn
        // (docs/openclaw.md#config-dialects).
        let version = input.openclaw_version.as_str();
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
        let planned = std::mem::take(&mut self.planned);
        self.document
            .set_value(planned)
            .map_err(|e| not_editable(&path, e))?;
        let origin = |secret: &str| match &self.credential {
            Some((credential, origin)) if credential.expose() == secret => *origin,
            _ if self.given.iter().any(|given| given.expose() == secret) => SecretOrigin::Given,
            _ => SecretOrigin::Kept,
        };
        let pieces = crate::config::secrets::redacted_pieces(&self.document, origin);
        let content = Content::in_pieces(self.document.text(), pieces);
        let before = replaces.then(|| input.current.text().as_bytes().to_vec());
        Ok(Some(Change::Write(FileWrite::config(path, content, before))))
    }
}
