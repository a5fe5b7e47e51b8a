//! A verdict as sentences: what is the matter, and what to do about it.

use super::{Probe, Verdict};
use crate::error::Error;
use crate::i18n::{Msg, msg};
use crate::instance::Instance;
use crate::survey::ConfigHealth;

impl Probe {
    /// What was found, of the instance that is called so.
    pub fn msg(&self, profile: &str) -> Msg {
        let (port, configured) = (self.port, self.configured);
        match &self.verdict {
            Verdict::Healthy => msg!("probe.healthy", profile = profile),
            Verdict::NotRunning => msg!("probe.not-running", profile = profile),
            Verdict::OtherProfile(other) => {
                msg!(
                    "probe.other-profile",
                    profile = profile,
                    port = configured,
                    other = other
                )
            }
            Verdict::Stranger(listener) => match listener.as_ref().and_then(|l| l.owner.as_ref()) {
                Some(owner) => msg!(
                    "probe.stranger",
                    profile = profile,
                    port = configured,
                    name = owner.name,
                    pid = owner.pid
                ),
                None => msg!("probe.stranger-unknown", profile = profile, port = configured),
            },
            Verdict::ElsewhereOn(_) => {
                msg!(
                    "probe.elsewhere",
                    profile = profile,
                    port = port,
                    configured = configured
                )
            }
            Verdict::TokenRefused => msg!("probe.token-refused", profile = profile),
            Verdict::Slow => msg!("probe.slow", profile = profile, port = port),
            Verdict::Unhealthy(why) => msg!("probe.unhealthy", profile = profile, why = why),
        }
    }

    /// The ways out, the most useful first.
    pub fn hints(&self, instance: &Instance) -> Vec<Msg> {
        let command = instance.command();
        let mut hints = Vec::new();
        if let ConfigHealth::Broken(fault) = &self.config {
            let place = fault.location(&instance.config_path);
            hints.push(
                Msg::new("probe.broken")
                    .with("place", place)
                    .with_msg("why", fault.why.clone()),
            );
            hints.push(msg!("probe.hint-validate", command = command));
        }
        if let Some(finding) = self.refused.first() {
            hints.push(msg!("probe.broken", place = finding.path).with_msg("why", finding.why.clone()));
            hints.push(msg!("probe.hint-validate", command = command));
        }
        match &self.verdict {
            Verdict::Healthy => {}
            Verdict::NotRunning if !hints.is_empty() => {}
            Verdict::NotRunning if matches!(self.config, ConfigHealth::Missing) => {
                hints.push(msg!("probe.hint-onboard", command = command));
            }
            Verdict::NotRunning => hints.push(msg!("probe.hint-start", command = command)),
            Verdict::OtherProfile(_) => {
                hints.push(Msg::new("probe.hint-all"));
                hints.push(msg!("probe.hint-ports", command = command));
            }
            Verdict::Stranger(_) => hints.push(msg!("probe.hint-ports", command = command)),
            Verdict::ElsewhereOn(port) => {
                hints.push(msg!("probe.hint-keep", command = command, port = port));
            }
            Verdict::TokenRefused if instance.wished_token.is_some() => {
                hints.push(Msg::new("probe.hint-env-token"));
            }
            Verdict::TokenRefused => {
                hints.push(msg!("probe.hint-token", path = instance.config_path.display()));
            }
            Verdict::Slow => {
                hints.push(msg!("probe.hint-time", command = command));
                hints.push(msg!("probe.hint-logs", command = command));
            }
            Verdict::Unhealthy(_) => hints.push(msg!("probe.hint-logs", command = command)),
        }
        hints
    }

    /// The same as an error, for a command that needs the gateway.
    pub fn error(&self, instance: &Instance) -> Error {
        let msg = self.msg(instance.profile.as_str());
        let error = match self.verdict.exit_code() {
            1 => Error::failed(msg),
            _ => Error::unhealthy(msg),
        };
        let unproven = self.unproven.iter().map(|error| error.msg.clone());
        unproven.chain(self.hints(instance)).fold(error, Error::hint)
    }
}
