//! The sentences that describe the result of a probe, and the ways out.

use super::report::{Probe, ProbeVerdict};
use crate::error::Error;
use crate::i18n::{Msg, msg};
use crate::instance::Instance;
use crate::survey::ConfigHealth;

/// Returns the words for a verdict about a gateway by its name in JSON documents; `None` for a name that this release does
/// not know.
pub(crate) fn verdict_msg(name: &str) -> Option<Msg> {
    Some(match name {
        "healthy" => msg!("status.healthy"),
        "not-running" => msg!("status.not-running"),
        "other-profile" => msg!("status.other-profile"),
        "stranger" => msg!("status.stranger"),
        "elsewhere" => msg!("status.elsewhere"),
        "token-refused" => msg!("status.token-refused"),
        "too-many-attempts" => msg!("status.too-many-attempts"),
        "slow" => msg!("status.slow"),
        "starting" => msg!("status.starting"),
        "shutting-down" => msg!("status.shutting-down"),
        "unhealthy" => msg!("status.unhealthy"),
        _ => return None,
    })
}

impl ProbeVerdict {
    /// Returns the verdict about a gateway in one or two words.
    ///
    /// # Panics
    /// Where a verdict has no words, which its test finds.
    pub(crate) fn short_msg(&self) -> Msg {
        verdict_msg(self.name()).expect("every verdict has words")
    }
}

impl Probe {
    /// Returns the sentence that describes the result of a gateway's probe, for the instance with a name.
    pub(crate) fn msg(&self, profile: &str) -> Msg {
        let (port, configured) = (self.port_number(), self.configured_port_number());
        match &self.verdict {
            ProbeVerdict::Healthy => msg!("probe.healthy", profile = profile),
            ProbeVerdict::NotRunning => msg!("probe.not-running", profile = profile),
            // The lock of the state folder is held by a gateway that listens elsewhere.
            ProbeVerdict::OtherProfile(other) if port != configured => {
                let pid = self.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string());
                msg!(
                    "probe.other-config",
                    profile = profile,
                    port = port,
                    other = other,
                    pid = pid
                )
            }
            ProbeVerdict::OtherProfile(other) if other == profile => {
                let pid = self.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string());
                msg!("probe.other-home", profile = profile, port = port, pid = pid)
            }
            ProbeVerdict::OtherProfile(other) => msg!(
                "probe.other-profile",
                profile = profile,
                port = configured,
                other = other
            ),
            ProbeVerdict::Stranger(listener) => match listener.as_ref().and_then(|l| l.process()) {
                Some(owner) => msg!(
                    "probe.stranger",
                    profile = profile,
                    port = configured,
                    name = owner.name,
                    pid = owner.pid
                ),
                None => msg!("probe.stranger-unknown", profile = profile, port = configured),
            },
            ProbeVerdict::ElsewhereOn(_) => msg!(
                "probe.elsewhere",
                profile = profile,
                port = port,
                configured = configured
            ),
            ProbeVerdict::TokenRefused => msg!("probe.token-refused", profile = profile),
            ProbeVerdict::TooManyAttempts => msg!("probe.too-many-attempts", profile = profile),
            ProbeVerdict::Slow => msg!("probe.slow", profile = profile, port = port),
            ProbeVerdict::Starting => msg!("probe.starting", profile = profile),
            ProbeVerdict::ShuttingDown => msg!("probe.shutting-down", profile = profile),
            ProbeVerdict::Unhealthy(why) => msg!("probe.unhealthy", profile = profile, why = why),
        }
    }

    /// Returns hints how the user gets a gateway to work after a probe, the most useful first.
    pub(crate) fn hints(&self, instance: &Instance) -> Vec<Msg> {
        let command = instance.command();
        let mut hints = self.config_hints(instance);
        match &self.verdict {
            ProbeVerdict::Healthy => {}
            ProbeVerdict::NotRunning if !hints.is_empty() => {}
            ProbeVerdict::NotRunning if self.remote_url.is_some() => {
                let url = self.remote_url.as_deref().unwrap_or_default();
                hints.push(msg!("probe.hint-remote", url = url, command = command));
            }
            ProbeVerdict::NotRunning if matches!(self.config, ConfigHealth::Missing) => {
                hints.push(msg!("probe.hint-onboard", command = command));
            }
            ProbeVerdict::NotRunning => hints.push(msg!("probe.hint-start", command = command)),
            ProbeVerdict::OtherProfile(_) => {
                hints.push(Msg::new("probe.hint-all"));
                if self.port == self.configured_port {
                    hints.push(msg!("probe.hint-ports", command = command));
                }
            }
            ProbeVerdict::Stranger(_) => hints.push(msg!("probe.hint-ports", command = command)),
            ProbeVerdict::ElsewhereOn(port) => {
                hints.push(msg!("probe.hint-keep", command = command, port = port));
            }
            ProbeVerdict::TokenRefused if instance.env_token.is_some() => {
                hints.push(Msg::new("probe.hint-env-token"));
            }
            ProbeVerdict::TokenRefused => {
                hints.push(msg!("probe.hint-token", path = instance.config_path.display()));
            }
            ProbeVerdict::TooManyAttempts => hints.push(msg!("probe.hint-attempts", command = command)),
            ProbeVerdict::Slow => {
                hints.push(msg!("probe.hint-time", command = command));
                hints.push(msg!("probe.hint-logs", command = command));
            }
            ProbeVerdict::Starting | ProbeVerdict::ShuttingDown => {
                hints.push(msg!("probe.hint-again", command = command));
            }
            ProbeVerdict::Unhealthy(_) => hints.push(msg!("probe.hint-logs", command = command)),
        }
        hints
    }

    /// Returns hints with the first problem of a gateway's config and the command that lists all; empty where the
    /// config is usable or missing.
    fn config_hints(&self, instance: &Instance) -> Vec<Msg> {
        let mut hints = Vec::new();
        let validate = || msg!("probe.hint-validate", command = instance.command());
        if let ConfigHealth::Broken(error) = &self.config {
            let place = error.location(&instance.config_path);
            hints.push(
                Msg::new("probe.broken")
                    .with("place", place)
                    .with_msg("why", error.why.clone()),
            );
            hints.push(validate());
        }
        if let Some(finding) = self.config_findings.first() {
            hints.push(msg!("probe.broken", place = finding.path).with_msg("why", finding.why.clone()));
            hints.push(validate());
        }
        hints
    }

    /// Returns the error of a command that needs a working gateway, with hints what the user can do.
    pub(crate) fn error(&self, instance: &Instance) -> Error {
        let msg = self.msg(instance.profile.as_str());
        let error = match self.verdict {
            ProbeVerdict::NotRunning => Error::failed(msg),
            _ => Error::unhealthy(msg),
        };
        let auth_error = self.auth_error.iter().map(|error| error.msg.clone());
        auth_error.chain(self.hints(instance)).fold(error, Error::hint)
    }
}
