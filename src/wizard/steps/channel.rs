//! The messaging channel. One token answers for one bot: two gateways on it steal each other's messages
//! (docs/openclaw.md#leak-messaging-token).

use crate::answers::Channel;
use crate::secret::Secret;

use super::{
    Answers, Error, InterviewContext, Question, Reply, Result, Step, choices, kept, msg, not_a_choice,
    standing,
};

pub(super) struct ChannelStep;
pub(super) struct ChannelToken;

impl Step for ChannelStep {
    fn id(&self) -> &'static str {
        "channel"
    }

    fn ask(&self, _: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        if kept(answers) {
            return None;
        }
        let options = choices([
            (Channel::Skip.name(), msg!("step.channel.skip")),
            (Channel::Telegram.name(), msg!("step.channel.telegram")),
            (Channel::Discord.name(), msg!("step.channel.discord")),
        ]);
        Some(Question::choice(
            msg!("step.channel.ask"),
            options,
            Channel::Skip.name(),
        ))
    }

    fn take(&self, reply: Reply, _: &mut InterviewContext<'_>, answers: &mut Answers) -> Result<()> {
        let name = reply.text();
        let all = Channel::ALL.iter().map(|c| c.name());
        answers.channel = Some(Channel::of(name).ok_or_else(|| not_a_choice(self.id(), name, all))?);
        Ok(())
    }

    fn saved(&self, answers: &Answers) -> Option<toml::Value> {
        Some(answers.channel?.name().into())
    }
}

impl Step for ChannelToken {
    fn id(&self) -> &'static str {
        "channel-token"
    }

    fn ask(&self, context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        let channel = answers.channel?;
        let key = channel.token_key()?;
        let standing = standing(context, answers, key).is_some();
        let question = Question::secret(msg!("step.channel-token.ask", channel = channel.name()), standing);
        Some(if standing {
            question.after(msg!("step.channel-token.kept"))
        } else {
            question
        })
    }

    fn take(&self, reply: Reply, context: &mut InterviewContext<'_>, answers: &mut Answers) -> Result<()> {
        let token = reply.secret();
        let text = token.expose();
        let stands = answers
            .channel
            .and_then(Channel::token_key)
            .and_then(|key| standing(context, answers, key));
        if text.is_empty() && stands.is_none() {
            return Err(Error::usage(msg!("step.channel-token.empty")));
        }
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(Error::usage(msg!("step.channel-token.blank")));
        }
        let has_it = |tokens: &[(String, Secret)]| tokens.iter().any(|(_, held)| *held == token);
        let holder = context
            .input
            .others
            .iter()
            .map(|other| other.found)
            .find(|other| has_it(&other.tokens));
        if let Some(holder) = holder.filter(|_| !text.is_empty()) {
            return Err(
                Error::blocked(msg!("step.channel-token.shared", holder = holder.label))
                    .hint(msg!("step.channel-token.own-bot")),
            );
        }
        answers.channel_token = (!text.is_empty()).then_some(token);
        Ok(())
    }

    fn saved(&self, _: &Answers) -> Option<toml::Value> {
        None
    }
}
