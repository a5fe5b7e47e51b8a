//! The owner of the channel's bot: whoever sends the bot a code that only this terminal shows, and is agreed to.
//!
//! The owner is an answer like others: nothing is written before the plan is confirmed.

use std::time::Duration;

use crate::answers::{Answers, Channel};
use crate::bot::code;
use crate::error::{Error, Result};
use crate::i18n::{Msg, msg};
use crate::ui::qr_code;
use crate::verify::claim::{self, CLAIM_TIME, Claimant};
use crate::verify::{Polled, Verdict};
use crate::wizard::context::InterviewContext;
use crate::wizard::online::KnownBot;
use crate::wizard::question::{Prompter, Question, Reply};
use crate::wizard::step::{Rejection, StepId, WizardStep};
use crate::wizard::waiting::{Invitation, WaitEnd, Waiting};

pub(super) struct ChannelOwner;

/// Maximum length of the id of a person, in digits.
const MAX_ID_DIGITS: usize = 20;

impl WizardStep for ChannelOwner {
    fn id(&self) -> StepId {
        StepId::ChannelOwner
    }

    fn part_of(&self) -> StepId {
        StepId::Channel
    }

    fn is_idle(&self, context: &InterviewContext<'_>, answers: &Answers) -> bool {
        // Only a bot that its channel knows is claimed, and only one that nobody owns.
        context.interactive && (context.known_bot(answers).is_none() || has_owner(context, answers))
    }

    fn is_expected(&self, context: &InterviewContext<'_>, answers: &Answers) -> bool {
        let may_be_known = answers.channel_token.is_none() || context.known_bot(answers).is_some();
        let is_asked = self.question(context, answers).is_some() && !has_owner(context, answers);
        is_asked && context.online.is_some() && may_be_known
    }

    fn question(&self, context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        if answers.channel != Some(Channel::Telegram) {
            return None;
        }
        let name = context.known_bot(answers).map(|bot| bot.name).unwrap_or_default();
        // A person is asked whatever the flow is. Without one nobody is an owner unasked.
        let default = (!context.interactive).then(String::new);
        Some(Question::text(
            msg!("step.channel-owner.ask", bot = name),
            default,
        ))
    }

    fn ask(
        &self,
        prompter: &mut dyn Prompter,
        question: &Question,
        context: &InterviewContext<'_>,
        answers: &Answers,
    ) -> Result<Reply> {
        let Some(bot) = context.known_bot(answers) else {
            return Ok(Reply::Later);
        };
        loop {
            let claimant = match await_claim(prompter, question, context, &bot)? {
                Claim::Claimed(claimant) => claimant,
                Claim::Back => return Ok(Reply::Back),
                Claim::Left(why) => {
                    prompter.show_answer(question, &Reply::Later);
                    let command = context.input.instance.command();
                    if let Some(why) = why {
                        prompter.show_echo(&why);
                    }
                    prompter.show_echo(&msg!("step.channel-owner.later", command = command));
                    return Ok(Reply::Later);
                }
            };
            let (name, id) = (&claimant.name, &claimant.id);
            let asked = Question::yes_no(
                msg!("step.channel-owner.is-you", name = name, id = id),
                Some(true),
            );
            let reply = prompter.ask(&asked)?;
            if reply != Reply::Back {
                prompter.forget_answer();
            }
            if reply == Reply::Yes(true) {
                prompter.show_answer(question, &Reply::Text(format!("{name} ({id})")));
                context.greet_owner(&bot, &claimant);
                return Ok(Reply::Text(claimant.id));
            }
        }
    }

    fn accept(
        &self,
        reply: Reply,
        _: &mut InterviewContext<'_>,
        answers: &mut Answers,
    ) -> Result<(), Rejection> {
        let typed = reply.text();
        let is_id = typed.len() <= MAX_ID_DIGITS && typed.bytes().all(|digit| digit.is_ascii_digit());
        if !is_id {
            let value = typed.escape_debug();
            return Err(Error::usage(msg!("step.channel-owner.invalid", value = value)).into());
        }
        answers.channel_owner = (!typed.is_empty()).then(|| typed.to_owned());
        Ok(())
    }

    fn saved_value(&self, answers: &Answers) -> Option<toml::Value> {
        Some(answers.channel_owner.as_deref()?.into())
    }
}

/// The end of the wait for the claim of a bot.
enum Claim {
    /// Somebody has sent the code.
    Claimed(Claimant),
    /// The person goes back.
    Back,
    /// The bot stays without an owner for now, with the reason where it is not that the person wants so.
    Left(Option<Msg>),
}

/// Returns `true` if the config of the instance, which the wizard's answers keep, names an owner of the channel's bot.
fn has_owner(context: &InterviewContext<'_>, answers: &Answers) -> bool {
    let key = answers.channel.and_then(Channel::owners_key);
    let owners = key.and_then(|key| context.input.value(key)?.as_array());
    context.keeps_existing(answers) && owners.is_some_and(|owners| !owners.is_empty())
}

/// Shows the link to a bot, and waits until somebody sends it the code, or the person does not want to wait.
fn await_claim(
    prompter: &mut dyn Prompter,
    question: &Question,
    context: &InterviewContext<'_>,
    bot: &KnownBot,
) -> Result<Claim> {
    let code = code::claim_code(context.random());
    let link = claim::link(&bot.name, &code);
    let waiting = Waiting {
        text: msg!("step.channel-owner.waiting", minutes = CLAIM_TIME.as_secs() / 60),
        invitation: Some(Invitation {
            text: question.text.clone(),
            lines: vec![
                msg!("step.channel-owner.open"),
                msg!("ui.typed", text = link),
                msg!("step.channel-owner.or-send", bot = bot.name, code = code),
            ],
            picture: qr_code::draw(&link).unwrap_or_default(),
            progress: question.progress,
        }),
    };
    let task = context.start_claim(bot, code);
    let mut claimed = None;
    let end = prompter.wait(&waiting, &mut || {
        claimed = match task.look(Duration::ZERO) {
            Polled::Running => None,
            Polled::Done(verdict) => Some(verdict),
            Polled::Gone => Some(Verdict::Unchecked(msg!("verify.no-thread"))),
        };
        claimed.is_some()
    })?;
    Ok(match (end, claimed) {
        (WaitEnd::Back, _) => Claim::Back,
        (WaitEnd::Over, Some(Verdict::Accepted(claimant))) => Claim::Claimed(claimant),
        (WaitEnd::Over, Some(Verdict::Refused(why) | Verdict::Unchecked(why))) => Claim::Left(Some(why)),
        (WaitEnd::Skipped, _) | (WaitEnd::Over, None) => Claim::Left(None),
    })
}
