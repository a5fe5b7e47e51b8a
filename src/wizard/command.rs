//! The run of the wizard as one command, for the next host or a script.

use crate::answers::{Answers, Auth, Existing, Provider, Start};
use crate::instance::{Instance, shell_quote};
use crate::secret::SecretOrigin;

use super::step::StepId;
use super::steps;

/// Returns the command that sets up an instance with these answers of the wizard without a question. Each secret is read from a
/// file, whose name stands for a file of the user's.
pub(crate) fn same_run(instance: &Instance, answers: &Answers) -> String {
    let mut words = vec![format!(
        "{} onboard --non-interactive --accept-risk",
        instance.command()
    )];
    for step in steps::ALL {
        let value = match step.id() {
            // The profile stands before the command, the flow only decides what is asked, and the start has flags of its own.
            StepId::AcceptRisk | StepId::Flow | StepId::Profile | StepId::InstallDaemon | StepId::Linger => {
                None
            }
            // Without a person a config that is there is changed.
            StepId::Existing => Some(answers.existing)
                .filter(|existing| *existing != Existing::Change)
                .map(|existing| existing.name().into()),
            _ => step.saved_value(answers),
        };
        let value = value.map(|value| match value {
            toml::Value::String(text) => text,
            other => other.to_string(),
        });
        words.extend(value.map(|value| format!("--{} {}", step.flag(answers), shell_quote(value.as_ref()))));
    }
    words.push(match answers.start {
        Start::No => "--no-install-daemon".to_owned(),
        start => format!("--install-daemon={}", start.name()),
    });
    words.extend((answers.linger == Some(true)).then(|| "--linger".to_owned()));
    words.extend(secret_flags(answers).map(str::to_owned));
    words.join(" ")
}

/// Returns `true` if the command of a wizard's run reads a secret from a file.
pub(crate) fn has_secrets(answers: &Answers) -> bool {
    secret_flags(answers).next().is_some()
}

/// Returns the flags by which a command gives the secrets of a wizard's answers.
fn secret_flags(answers: &Answers) -> impl Iterator<Item = &'static str> {
    let is_given = matches!(answers.credential, Some((_, SecretOrigin::Given)));
    let credential = match answers.auth {
        Some(Auth::Password) => "--gateway-password-file password.txt",
        _ => "--gateway-token-file token.txt",
    };
    let has_key = answers.provider_key.is_some() && answers.provider != Some(Provider::Skip);
    [
        is_given.then_some(credential),
        has_key.then_some("--api-key-file api-key.txt"),
        answers
            .channel_token
            .as_ref()
            .map(|_| "--channel-token-file bot-token.txt"),
    ]
    .into_iter()
    .flatten()
}
