//! Collects the answers of `onboard` that are given before any question: by flags and an answers file, in this order of
//! precedence. Secrets may also come from files and standard input.

use std::path::Path;

use crate::answers::{GatewayMode, NamedValue as _, Provider};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::host::read::{self, ReadError};
use crate::i18n::msg;
use crate::secret::Secret;
use crate::wizard::preset::flag_name;
use crate::wizard::{PresetAnswers, Reply, StepId, WizardStep, steps};

use super::onboard::OnboardArgs;

/// Path on the command line that stands for standard input.
const STDIN_PATH: &str = "-";

/// Collects the preset answers to the wizard from flags and answers file. Reads the named files, and
/// standard input at most once.
pub(super) fn collect(host: &Host, args: &OnboardArgs) -> Result<PresetAnswers> {
    let mut preset = PresetAnswers::default();
    preset.bootstrap = !args.skip_bootstrap;
    preset.mode = args.mode.as_deref().and_then(GatewayMode::from_name);
    if let Some(path) = &args.answers {
        read_answers_file(&mut preset, host, path)?;
    }
    set_flags(&mut preset, args)?;
    set_secrets(&mut preset, host, args)?;
    preset.infer_provider();
    Ok(preset)
}

/// Sets the preset answers to the wizard that command-line flags give.
///
/// # Errors
/// When flags contradict each other, or one has a value of OpenClaw that this program does not support.
fn set_flags(preset: &mut PresetAnswers, args: &OnboardArgs) -> Result<()> {
    if args.accept_risk {
        preset.set(StepId::AcceptRisk, Reply::Yes(true));
    }
    let texts = [
        (StepId::Flow, &args.flow),
        (StepId::Engine, &args.engine),
        (StepId::Workspace, &args.workspace),
        (StepId::GatewayPort, &args.gateway_port),
        (StepId::GatewayBind, &args.gateway_bind),
        (StepId::GatewayCustomHost, &args.gateway_custom_host),
        (StepId::GatewayAuth, &args.gateway_auth),
        (StepId::AuthChoice, &args.auth_choice),
        (StepId::CustomBaseUrl, &args.custom_base_url),
        (StepId::CustomModelId, &args.custom_model_id),
        (StepId::CustomProviderId, &args.custom_provider_id),
        (StepId::Model, &args.model),
        (StepId::Channel, &args.channel),
        (StepId::ChannelOwner, &args.channel_owner),
        (StepId::Existing, &args.existing),
        (StepId::Watch, &args.watch),
    ];
    for (step, value) in texts {
        if let Some(value) = value {
            preset.set(step, Reply::Text(value.clone()));
        }
    }
    if args.skip_channels {
        preset.set(StepId::Channel, Reply::Text("skip".to_owned()));
    }
    match &args.install_daemon {
        Some(how) => preset.set(StepId::InstallDaemon, Reply::Text(how.clone())),
        None if args.no_install_daemon || args.skip_daemon => {
            preset.set(StepId::InstallDaemon, Reply::Yes(false));
        }
        None => {}
    }
    if args.linger {
        preset.set(StepId::Linger, Reply::Yes(true));
    }
    if args.reset && args.existing.is_some() {
        return Err(Error::usage(msg!("answers.reset-and-existing")));
    }
    if args.reset {
        // OpenClaw's default scope leaves the workspace (docs/openclaw.md#onboarding-reset).
        let scope = args.reset_scope.as_deref().unwrap_or("config+creds+sessions");
        preset.set(StepId::Existing, Reply::Text(format!("reset-{scope}")));
    }
    if let Some(mode) = args.mode.as_deref().filter(|mode| *mode != "local") {
        return Err(Error::usage(msg!("answers.mode", mode = mode)));
    }
    if let Some(mode) = args.tailscale.as_deref().filter(|mode| *mode != "off") {
        return Err(Error::usage(msg!("answers.tailscale", mode = mode)));
    }
    Ok(())
}

/// Sets the preset secrets that command-line flags give the wizard, as values or as files.
fn set_secrets(preset: &mut PresetAnswers, host: &Host, args: &OnboardArgs) -> Result<()> {
    let secrets = &args.secrets;
    let secret = |value: &Option<String>| value.as_ref().map(|value| Secret::new(value.trim()));
    for (provider, value) in [
        (Provider::Anthropic, &secrets.anthropic_api_key),
        (Provider::OpenAi, &secrets.openai_api_key),
        (Provider::OpenRouter, &secrets.openrouter_api_key),
        (Provider::Google, &secrets.gemini_api_key),
        (Provider::Custom, &secrets.custom_api_key),
    ] {
        if let Some(key) = secret(value) {
            preset.set_provider_key(provider, key);
        }
    }
    for (step, value) in [
        (StepId::GatewayToken, &secrets.gateway_token),
        (StepId::GatewayPassword, &secrets.gateway_password),
        (StepId::ChannelToken, &secrets.channel_token),
    ] {
        if let Some(value) = secret(value) {
            preset.set(step, Reply::Secret(value));
        }
    }
    let files = [
        (StepId::GatewayToken, &secrets.gateway_token_file),
        (StepId::GatewayPassword, &secrets.gateway_password_file),
        (StepId::ApiKey, &secrets.api_key_file),
        (StepId::ChannelToken, &secrets.channel_token_file),
    ];
    let paths = files.iter().map(|(_, path)| *path).chain([&args.answers]);
    let from_stdin = paths.filter(|path| path.as_deref() == Some(Path::new(STDIN_PATH)));
    if from_stdin.count() > 1 {
        return Err(Error::usage(msg!("answers.stdin-twice")));
    }
    for (step, path) in files {
        if let Some(path) = path {
            let flag = format!("{}-file", step.name());
            let secret = read_secret_file(host, &flag, path)?;
            preset.set_from(flag_name(&flag), step, Reply::Secret(secret));
        }
    }
    Ok(())
}

/// Sets the preset answers of an answers file, which has a key for each step of the wizard. A secret or an unknown
/// key in it is an error.
fn read_answers_file(preset: &mut PresetAnswers, host: &Host, path: &Path) -> Result<()> {
    for (key, value) in parse_answers_file(host, path)? {
        // A typed name or port is the answer of the list that leads to it.
        let has_key = |step: &&&dyn WizardStep| step.id() == step.flag_step() && step.id().name() == key;
        let step = steps::ALL.iter().find(has_key);
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
        if step.is_secret() {
            return Err(Error::usage(msg!(
                "answers.secret",
                path = path.display(),
                key = key
            )));
        }
        let source = msg!("answers.in-file", path = path.display(), key = key);
        preset.set_from(source, step.id(), reply);
    }
    Ok(())
}

/// Reads an answers file of the wizard as TOML.
fn parse_answers_file(host: &Host, path: &Path) -> Result<toml::Table> {
    let refused = |why: String| {
        Error::usage(msg!("answers.file", path = path.display())).because(anyhow::Error::msg(why))
    };
    let text = read_file_or_stdin(host, path).map_err(|e| refused(e.to_string()))?;
    text.parse().map_err(|e: toml::de::Error| refused(e.to_string()))
}

/// Reads the text of a file, or of standard input where the path is `-`.
fn read_file_or_stdin(host: &Host, path: &Path) -> Result<String, ReadError> {
    if path == Path::new(STDIN_PATH) {
        host.stdin_text()
    } else {
        read::text(path)
    }
}

/// Reads the secret for a flag of the command line from a file, or from standard input where the path is `-`, without
/// the blanks around it.
pub(super) fn read_secret_file(host: &Host, flag: &str, path: &Path) -> Result<Secret> {
    let text = read_file_or_stdin(host, path);
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
