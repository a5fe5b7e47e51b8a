//! What was answered before anybody is asked: flags, an answers file, secrets from files and variables.

use std::collections::BTreeMap;
use std::path::Path;

use crate::answers::{Answers, Provider};
use crate::cli::OnboardArgs;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::host::read::{self, ReadError};
use crate::msg;
use crate::secret::Secret;

use super::steps;
use super::{Reply, Step};

/// The path that stands for standard input.
const STDIN: &str = "-";

/// Replies by the flag (without dashes) that brought them.
#[derive(Debug)]
pub struct Given {
    replies: BTreeMap<&'static str, Reply>,
    /// Secrets that the environment offers, by flag: taken only where their question is asked.
    offered: BTreeMap<&'static str, Secret>,
    /// Whether the workspace gets its first files.
    pub bootstrap: bool,
}

impl Default for Given {
    fn default() -> Self {
        Self {
            replies: BTreeMap::new(),
            offered: BTreeMap::new(),
            bootstrap: true,
        }
    }
}

impl Given {
    /// Gathers flags over answers file over environment. Reads the files that are named, and standard
    /// input at most once.
    pub fn gather(host: &Host, args: &OnboardArgs) -> Result<Self> {
        let mut given = Self {
            bootstrap: !args.skip_bootstrap,
            ..Self::default()
        };
        if let Some(path) = &args.answers {
            given.answers_file(host, path)?;
        }
        given.flags(args)?;
        given.secrets(host, args)?;
        for provider in Provider::ALL {
            if let Some(key) = provider.key_variable().and_then(|name| host.var(name)) {
                given.offered.insert(provider.key_flag(), Secret::new(key));
            }
        }
        Ok(given)
    }

    /// Only these replies, by flag.
    #[cfg(test)]
    pub(super) fn of(replies: impl IntoIterator<Item = (&'static str, Reply)>) -> Self {
        Self {
            replies: replies.into_iter().collect(),
            ..Self::default()
        }
    }

    /// The reply to a step, if one was given.
    pub fn reply(&self, step: &dyn Step, answers: &Answers) -> Option<Reply> {
        let flag = step.flag(answers);
        let offered = || {
            self.offered
                .get(flag)
                .filter(|_| step.id() == "api-key")
                .cloned()
                .map(Reply::Secret)
        };
        let shared = || {
            self.replies
                .get("api-key")
                .filter(|_| step.id() == "api-key")
                .cloned()
        };
        self.replies.get(flag).cloned().or_else(shared).or_else(offered)
    }

    /// Takes out the profile that an answers file names: it is settled before the interview.
    pub fn take_profile(&mut self) -> Option<String> {
        match self.replies.remove("profile")? {
            Reply::Text(name) => Some(name),
            Reply::Secret(_) | Reply::Yes(_) => None,
        }
    }

    fn put(&mut self, flag: &'static str, value: Option<&String>) {
        if let Some(value) = value {
            self.replies.insert(flag, Reply::Text(value.clone()));
        }
    }

    fn flags(&mut self, args: &OnboardArgs) -> Result<()> {
        if args.accept_risk {
            self.replies.insert("accept-risk", Reply::Yes(true));
        }
        self.put("flow", args.flow.as_ref());
        self.put("workspace", args.workspace.as_ref());
        self.put("gateway-port", args.gateway_port.as_ref());
        self.put("gateway-bind", args.gateway_bind.as_ref());
        self.put("gateway-custom-host", args.gateway_custom_host.as_ref());
        self.put("gateway-auth", args.gateway_auth.as_ref());
        self.put("auth-choice", args.auth_choice.as_ref());
        self.put("custom-base-url", args.custom_base_url.as_ref());
        self.put("custom-model-id", args.custom_model_id.as_ref());
        self.put("custom-provider-id", args.custom_provider_id.as_ref());
        self.put("model", args.model.as_ref());
        self.put("channel", args.channel.as_ref());
        if args.skip_channels {
            self.replies.insert("channel", Reply::Text("skip".to_owned()));
        }
        match (args.install_daemon, args.no_install_daemon || args.skip_daemon) {
            (true, _) => drop(self.replies.insert("install-daemon", Reply::Yes(true))),
            (_, true) => drop(self.replies.insert("install-daemon", Reply::Yes(false))),
            _ => {}
        }
        match (args.reset, &args.existing) {
            (true, Some(_)) => return Err(Error::usage(msg!("answers.reset-and-existing"))),
            // OpenClaw's default scope leaves the workspace (`facts.md` 10).
            (true, None) => {
                let scope = args.reset_scope.as_deref().unwrap_or("config+creds+sessions");
                self.replies
                    .insert("existing", Reply::Text(format!("reset-{scope}")));
            }
            (false, choice) => self.put("existing", choice.as_ref()),
        }
        if let Some(mode) = args.mode.as_deref().filter(|mode| *mode != "local") {
            return Err(Error::usage(msg!("answers.mode", mode = mode)));
        }
        if let Some(mode) = args.tailscale.as_deref().filter(|mode| *mode != "off") {
            return Err(Error::usage(msg!("answers.tailscale", mode = mode)));
        }
        Ok(())
    }

    fn secrets(&mut self, host: &Host, args: &OnboardArgs) -> Result<()> {
        let secrets = &args.secrets;
        let values = [
            ("gateway-token", &secrets.gateway_token),
            ("gateway-password", &secrets.gateway_password),
            ("anthropic-api-key", &secrets.anthropic_api_key),
            ("openai-api-key", &secrets.openai_api_key),
            ("openrouter-api-key", &secrets.openrouter_api_key),
            ("gemini-api-key", &secrets.gemini_api_key),
            ("custom-api-key", &secrets.custom_api_key),
            ("channel-token", &secrets.channel_token),
        ];
        for (flag, value) in values {
            if let Some(value) = value {
                self.replies
                    .insert(flag, Reply::Secret(Secret::new(value.trim())));
            }
        }
        let files = [
            ("gateway-token", "gateway-token-file", &secrets.gateway_token_file),
            (
                "gateway-password",
                "gateway-password-file",
                &secrets.gateway_password_file,
            ),
            ("api-key", "api-key-file", &secrets.api_key_file),
            ("channel-token", "channel-token-file", &secrets.channel_token_file),
        ];
        let paths = files.iter().map(|(_, _, path)| *path).chain([&args.answers]);
        let from_stdin = paths.filter(|path| path.as_deref() == Some(Path::new(STDIN)));
        if from_stdin.count() > 1 {
            return Err(Error::usage(msg!("answers.stdin-twice")));
        }
        for (flag, source, path) in files {
            if let Some(path) = path {
                self.replies
                    .insert(flag, Reply::Secret(secret_file(host, source, path)?));
            }
        }
        Ok(())
    }

    /// An answers file: one key per flag, no secrets.
    fn answers_file(&mut self, host: &Host, path: &Path) -> Result<()> {
        for (key, value) in answers_table(host, path)? {
            let step = steps::ALL.iter().find(|step| step.id() == key);
            let step =
                step.ok_or_else(|| Error::usage(msg!("answers.key", path = path.display(), key = key)))?;
            let reply = match value {
                toml::Value::String(text) => Reply::Text(text),
                toml::Value::Integer(number) => Reply::Text(number.to_string()),
                toml::Value::Boolean(yes) => Reply::Yes(yes),
                other => {
                    let kind = other.type_str();
                    return Err(Error::usage(msg!(
                        "answers.value",
                        path = path.display(),
                        key = key,
                        kind = kind
                    )));
                }
            };
            if steps::is_secret(step.id()) {
                return Err(Error::usage(msg!(
                    "answers.secret",
                    path = path.display(),
                    key = key
                )));
            }
            self.replies.insert(step.id(), reply);
        }
        Ok(())
    }
}

fn answers_table(host: &Host, path: &Path) -> Result<toml::Table> {
    let refused = |why: String| {
        Error::usage(msg!("answers.file", path = path.display())).because(anyhow::Error::msg(why))
    };
    let text = file_or_stdin(host, path).map_err(|e| refused(e.to_string()))?;
    text.parse().map_err(|e: toml::de::Error| refused(e.to_string()))
}

/// The text of a file; `-` is standard input.
fn file_or_stdin(host: &Host, path: &Path) -> Result<String, ReadError> {
    if path == Path::new(STDIN) { host.stdin_text() } else { read::text(path) }
}

/// A secret from a file, or from standard input where the path is `-`; its last line end is no part of it.
fn secret_file(host: &Host, flag: &'static str, path: &Path) -> Result<Secret> {
    let text = file_or_stdin(host, path);
    let text = text.map_err(|e| {
        let error = Error::usage(msg!("answers.secret-file", flag = flag, path = path.display()));
        match e {
            ReadError::Io(cause) => error.because(cause),
            other => error.because(anyhow::Error::msg(other.to_string())),
        }
    })?;
    let secret = text.trim();
    if secret.is_empty() {
        return Err(Error::usage(msg!(
            "answers.secret-empty",
            flag = flag,
            path = path.display()
        )));
    }
    Ok(Secret::new(secret))
}
