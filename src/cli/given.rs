//! Gathers what was answered before anybody is asked: flags over answers file over environment, secrets
//! from files and standard input too.

use std::path::Path;

use crate::answers::Provider;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::host::read::{self, ReadError};
use crate::i18n::msg;
use crate::secret::Secret;
use crate::wizard::{Given, Reply, steps};

use super::onboard::OnboardArgs;

/// The path that stands for standard input.
const STDIN: &str = "-";

/// Reads the files that are named, and standard input at most once.
pub(super) fn gather(host: &Host, args: &OnboardArgs) -> Result<Given> {
    let mut given = Given::default();
    given.bootstrap = !args.skip_bootstrap;
    if let Some(path) = &args.answers {
        answers_file(&mut given, host, path)?;
    }
    flags(&mut given, args)?;
    secrets(&mut given, host, args)?;
    infer_provider(&mut given);
    for provider in Provider::ALL {
        if let Some(key) = provider.key_variable().and_then(|name| host.var(name)) {
            given.offer(provider.key_flag(), Secret::new(key));
        }
    }
    Ok(given)
}

/// The key of one provider says which provider is meant.
fn infer_provider(given: &mut Given) {
    let all = Provider::ALL
        .iter()
        .filter(|provider| **provider != Provider::Skip);
    let with_key: Vec<_> = all.filter(|provider| given.has(provider.key_flag())).collect();
    if let ([provider], false) = (&with_key[..], given.has("auth-choice")) {
        given.put("auth-choice", Reply::Text(provider.name().to_owned()));
    }
}

fn flags(given: &mut Given, args: &OnboardArgs) -> Result<()> {
    if args.accept_risk {
        given.put("accept-risk", Reply::Yes(true));
    }
    let texts = [
        ("flow", &args.flow),
        ("workspace", &args.workspace),
        ("gateway-port", &args.gateway_port),
        ("gateway-bind", &args.gateway_bind),
        ("gateway-custom-host", &args.gateway_custom_host),
        ("gateway-auth", &args.gateway_auth),
        ("auth-choice", &args.auth_choice),
        ("custom-base-url", &args.custom_base_url),
        ("custom-model-id", &args.custom_model_id),
        ("custom-provider-id", &args.custom_provider_id),
        ("model", &args.model),
        ("channel", &args.channel),
        ("existing", &args.existing),
    ];
    for (flag, value) in texts {
        if let Some(value) = value {
            given.put(flag, Reply::Text(value.clone()));
        }
    }
    if args.skip_channels {
        given.put("channel", Reply::Text("skip".to_owned()));
    }
    match (args.install_daemon, args.no_install_daemon || args.skip_daemon) {
        (true, _) => given.put("install-daemon", Reply::Yes(true)),
        (_, true) => given.put("install-daemon", Reply::Yes(false)),
        _ => {}
    }
    if args.reset && args.existing.is_some() {
        return Err(Error::usage(msg!("answers.reset-and-existing")));
    }
    if args.reset {
        // OpenClaw's default scope leaves the workspace (docs/openclaw.md#onboarding-reset).
        let scope = args.reset_scope.as_deref().unwrap_or("config+creds+sessions");
        given.put("existing", Reply::Text(format!("reset-{scope}")));
    }
    if let Some(mode) = args.mode.as_deref().filter(|mode| *mode != "local") {
        return Err(Error::usage(msg!("answers.mode", mode = mode)));
    }
    if let Some(mode) = args.tailscale.as_deref().filter(|mode| *mode != "off") {
        return Err(Error::usage(msg!("answers.tailscale", mode = mode)));
    }
    Ok(())
}

fn secrets(given: &mut Given, host: &Host, args: &OnboardArgs) -> Result<()> {
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
            given.put(flag, Reply::Secret(Secret::new(value.trim())));
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
            given.put(flag, Reply::Secret(secret_file(host, source, path)?));
        }
    }
    Ok(())
}

/// An answers file: one key per flag, no secrets.
fn answers_file(given: &mut Given, host: &Host, path: &Path) -> Result<()> {
    for (key, value) in answers_table(host, path)? {
        let step = steps::ALL.iter().find(|step| step.id() == key);
        let step = step.ok_or_else(|| Error::usage(msg!("answers.key", path = path.display(), key = key)))?;
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
        given.put(step.id(), reply);
    }
    Ok(())
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
    if path == Path::new(STDIN) {
        host.stdin_text()
    } else {
        read::text(path)
    }
}

/// A secret from a file, or from standard input where the path is `-`; its last line end is no part of it.
pub(super) fn secret_file(host: &Host, flag: &'static str, path: &Path) -> Result<Secret> {
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
