//! The commands of a bot: answers to questions ([`look`]), and changes that need a yes ([`act`]).
//!
//! Everything here waits for files, programs and other gateways, and runs on a thread that may wait.

use std::time::{Duration, Instant};

use super::command::Target;
use super::message::Message;
use super::short_command;
use crate::error::{Error, Result};
use crate::i18n::{Lang, msg};
use crate::instance::{Instance, InstanceContext, OwnedInstanceContext};
use crate::probe::{self, Probe};
use crate::profile::ProfileName;
use crate::rescue::watch::WatchTarget;
use crate::survey::{self, Survey};

pub(crate) mod act;
pub(crate) mod look;

/// Time that the gateways have to answer when their state is asked for.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);

/// The knowledge of a bot that its commands share: its instance, and the instances that it is there for.
#[derive(Clone, Debug)]
pub(crate) struct CommandContext {
    /// The instance whose gateway is the bot.
    pub(crate) own: OwnedInstanceContext,
    /// The language of the bot, in which other programs of ours are asked.
    pub(crate) lang: Lang,
    /// The mark before the commands that answers name.
    pub(crate) mark: char,
    /// The profiles on this host that the bot watches, as its record names them.
    pub(crate) watched: Vec<ProfileName>,
    /// The gateways on remote hosts that the bot watches.
    pub(crate) watched_elsewhere: Vec<WatchTarget>,
}

impl CommandContext {
    /// Returns whether the bot watches any gateway, on whichever host.
    pub(crate) fn watches_anything(&self) -> bool {
        !self.watched.is_empty() || !self.watched_elsewhere.is_empty()
    }

    /// Returns a copy of this context for answers in a language, on a channel with this mark before its commands.
    pub(crate) fn for_answers(&self, lang: Lang, mark: char) -> Self {
        Self {
            lang,
            mark,
            ..self.clone()
        }
    }

    /// Returns the profile that a command is about: the named one, else the first watched one, else the default
    /// instance where it is another than the bot's.
    fn target_name(&self, target: &Target) -> Result<ProfileName> {
        let own = &self.own.instance.profile;
        let default = ProfileName::default_profile();
        let usual = self
            .watched
            .first()
            .cloned()
            .or_else(|| (default != *own).then_some(default));
        target
            .clone()
            .or(usual)
            .ok_or_else(|| Error::failed(msg!("bot.no-target")))
    }

    /// Surveys the host, and returns the instance that a command is about.
    fn find_target(&self, target: &Target) -> Result<(Survey, Instance)> {
        let name = self.target_name(target)?;
        self.find_in(&name, survey::survey_host(&self.own.host, &self.own.env))
    }

    /// Surveys the instance that a command is about, and the others only where the answer may depend on them. Returns the
    /// instance.
    fn find_target_alone(&self, target: &Target) -> Result<(Survey, Instance)> {
        let name = self.target_name(target)?;
        let usual = if name == self.own.instance.profile {
            self.own.instance.clone()
        } else {
            Instance::canonical(&self.own.env.home, name.clone())
        };
        self.find_in(&name, survey::survey_for(&self.own.host, &self.own.env, &usual))
    }

    /// Returns the instance of a profile in a survey of the host.
    fn find_in(&self, name: &ProfileName, survey: Survey) -> Result<(Survey, Instance)> {
        let found = survey
            .instances
            .iter()
            .find(|found| found.profile.as_ref() == Some(name));
        let instance = match found {
            Some(found) => probe::instance_of(&self.own.env, found),
            None if *name == self.own.instance.profile => self.own.instance.clone(),
            None => {
                return Err(Error::failed(msg!(
                    "bot.no-instance",
                    profile = name,
                    mark = self.mark
                )));
            }
        };
        Ok((survey, instance))
    }

    /// Returns the command of a button with the name of the instance for which a key in it stands. Surveys the host where the
    /// key is that of no watched instance.
    pub(super) fn expand_command(&self, command: &str) -> String {
        let expanded = short_command::expand(command, self.watched.iter());
        if !short_command::is_short(&expanded) {
            return expanded;
        }
        let survey = survey::survey_host(&self.own.host, &self.own.env);
        let names = survey.instances.iter().filter_map(|found| found.profile.as_ref());
        short_command::expand(&expanded, names)
    }

    /// Returns another instance with the host and the environment of the bot.
    fn with_instance<'a>(&'a self, instance: &'a Instance) -> InstanceContext<'a> {
        self.own.borrowed().with_instance(instance)
    }

    /// Probes the gateway of an instance.
    fn probe(&self, survey: &Survey, instance: &Instance) -> Probe {
        let deadline = Instant::now() + PROBE_TIMEOUT;
        let context = self.with_instance(instance);
        let mut probe = probe::probe_surveyed(context, survey, deadline);
        if !probe.is_healthy()
            && let Ok(service) = crate::service::status(context)
        {
            service.refine_verdict(&mut probe, self.own.host.now());
        }
        probe
    }
}

/// Returns the message about a command that failed: the reason, and the ways out.
pub(crate) fn error_message(error: &Error) -> Message {
    use super::message::Line;
    let hints = error.hints.iter().cloned().map(Line::Item);
    Message::text(error.msg.clone()).lines(hints)
}
