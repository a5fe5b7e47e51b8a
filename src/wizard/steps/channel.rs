//! The messaging channel and the token of its bot. Two gateways that use one bot's token steal each other's
//! messages (docs/openclaw.md#leak-messaging-token).

use serde_json::Value;

use crate::answers::{Answers, Channel, NamedValue as _};
use crate::config::channels::NATIVE_CHANNELS;
use crate::error::{Error, Result};
use crate::i18n::{Msg, msg};
use crate::wizard::context::InterviewContext;
use crate::wizard::question::{EmptyReply, Question, Reply};
use crate::wizard::step::{
    EnumStep, QuickFlow, Rejection, StepId, WizardStep, enum_question, reject_placeholder,
};
use crate::wizard::verification::Verification;

pub(super) struct ChannelToken;

pub(super) static STEP: EnumStep<Channel> = EnumStep {
    id: StepId::Channel,
    in_quick_flow: QuickFlow::Asked,
    aliases: &[],
    question,
    accept: |channel, _, answers| {
        answers.channel = Some(channel);
        Ok(())
    },
    saved: |answers| answers.channel,
};

fn question(context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
    if answers.keep_config() {
        return None;
    }
    let is_offered = |channel: &Channel| {
        // Without a person the channel may be for another engine, later.
        let is_answered = context.runs_agent(answers) || NATIVE_CHANNELS.contains(&channel.name());
        *channel == Channel::Skip || !context.interactive || is_answered
    };
    let offered = [Channel::Skip, Channel::Telegram, Channel::Discord];
    let labels = offered
        .into_iter()
        .filter(is_offered)
        .map(|channel| (channel, label(channel)));
    let text = if context.runs_agent(answers) {
        msg!("step.channel.ask")
    } else {
        msg!("step.channel.ask-bot")
    };
    if let Some(current) = current_channels(context, answers).filter(|_| context.interactive) {
        let offered = labels.filter(|(channel, _)| *channel != Channel::Skip);
        return Some(enum_question(text, offered, "").with_kept_choice(current));
    }
    Some(enum_question(text, labels, Channel::Skip.name()))
}

/// Returns the channels of a kept config as a choice of the wizard that keeps them; `None` where it has none.
fn current_channels(context: &InterviewContext<'_>, answers: &Answers) -> Option<Msg> {
    let channels = context.input.value("channels")?.as_object()?;
    let is_used = |(name, value): &(&String, &Value)| {
        *name != "defaults" && value.is_object() && value["enabled"] != Value::Bool(false)
    };
    let names = channels.iter().filter(is_used).map(|(name, _)| {
        let known = Channel::from_name(name).filter(|channel| *channel != Channel::Skip);
        known.map_or_else(|| msg!("ui.typed", text = name), label)
    });
    let names =
        names.reduce(|before, name| msg!("ui.and").with_msg("before", before).with_msg("last", name))?;
    context
        .keeps_existing(answers)
        .then(|| msg!("step.channel.keep").with_msg("channels", names))
}

/// Returns the name of a channel as a choice of the wizard.
fn label(channel: Channel) -> Msg {
    match channel {
        Channel::Skip => msg!("step.channel.skip"),
        Channel::Telegram => msg!("step.channel.telegram"),
        Channel::Discord => msg!("step.channel.discord"),
    }
}

impl WizardStep for ChannelToken {
    fn id(&self) -> StepId {
        StepId::ChannelToken
    }

    fn is_secret(&self) -> bool {
        true
    }

    fn part_of(&self) -> StepId {
        StepId::Channel
    }

    fn question(&self, context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        let channel = answers.channel?;
        let key = channel.token_key()?;
        let has_token = context.current_text(answers, key).is_some();
        let text = msg!("step.channel-token.ask").with_msg("channel", label(channel));
        // Whoever adds a channel to a config has its token.
        let may_wait = context.interactive && !context.keeps_existing(answers);
        let empty = if has_token {
            Some(EmptyReply::Kept)
        } else {
            may_wait.then_some(EmptyReply::Later)
        };
        Some(Question::secret(text, empty).keeping_config(has_token))
    }

    fn accept(
        &self,
        reply: Reply,
        context: &mut InterviewContext<'_>,
        answers: &mut Answers,
    ) -> Result<(), Rejection> {
        if reply == Reply::Later {
            answers.channel_token = None;
            return Ok(());
        }
        let token = reply.into_secret();
        let text = token.expose();
        let key = answers.channel.and_then(Channel::token_key);
        let current = key.and_then(|key| context.current_text(answers, key));
        if text.is_empty() && current.is_none() && !context.interactive {
            return Err(Error::usage(msg!("step.channel-token.empty")).into());
        }
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(Error::usage(msg!("step.channel-token.blank")).into());
        }
        reject_placeholder(&token)?;
        let mut others = context.input.others.iter().map(|other| other.found);
        let holder = others.find(|other| other.tokens.iter().any(|(_, held)| *held == token));
        if let Some(holder) = holder.filter(|_| !text.is_empty()) {
            return Err(
                Error::blocked(msg!("step.channel-token.shared", holder = holder.label))
                    .hint(msg!("step.channel-token.own-bot"))
                    .into(),
            );
        }
        answers.channel_token = (!text.is_empty()).then_some(token);
        Ok(())
    }

    fn verify<'c>(&self, context: &'c InterviewContext<'_>, answers: &Answers) -> Option<Verification<'c>> {
        context.verify_bot(answers.channel?, answers.channel_token.as_ref()?)
    }
}
