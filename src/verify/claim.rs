//! The claim of a bot: whoever sends the bot a code that only the terminal shows is its owner.
//!
//! Nothing that is said to the bot is confirmed to its channel, so that a gateway which starts later hears all of it.

use std::time::Duration;

use super::bot::BotAccount;
use super::{Task, Verdict};
use crate::bot::channel::{ChannelError, Content, Heard, Messenger};
use crate::bot::message::Message;
use crate::bot::outgoing::{self, SecretFilter};
use crate::host::Host;
use crate::i18n::{Lang, Msg, msg};
use crate::instance::OwnedInstanceContext;
use crate::text::sanitize_name;

/// Time for which a claim is waited for.
pub(crate) const CLAIM_TIME: Duration = Duration::from_mins(5);
/// Pause before a bot is asked again where it answers at once: what is not confirmed is told each time.
const PAUSE: Duration = Duration::from_secs(1);
/// Number of times in a row that the servers of the channel may not be reached.
const MAX_FAILURES: u32 = 5;
/// Number of messages that a channel tells at once. Behind so many that wait a new one is not seen.
const MAX_WAITING: usize = 100;

/// The person who claims a bot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claimant {
    /// The id in the channel.
    pub(crate) id: String,
    /// The name, as the person chose it, without what could change a terminal.
    pub(crate) name: String,
    /// The private chat with the person.
    chat: String,
    /// The language of the person's program.
    lang: Option<Lang>,
}

/// Returns the link that opens the chat with a bot of Telegram, and sends the code once the person starts it.
pub(crate) fn link(bot_name: &str, code: &str) -> String {
    format!("https://t.me/{bot_name}?start={code}")
}

impl BotAccount {
    /// Starts to wait for the person who sends the bot this code. A claim that can't be waited for is unchecked.
    pub(crate) fn start_claim(&self, host: &Host, code: String) -> Task<Verdict<Claimant>> {
        let (account, host) = (self.clone(), host.clone());
        Task::start(move || async move {
            match account.connect(&host) {
                Ok(messenger) => await_claim(messenger.as_ref(), &code, CLAIM_TIME).await,
                Err(error) => Verdict::Unchecked(error.msg()),
            }
        })
    }

    /// Starts to greet the owner of the bot, in the language of the person's program.
    pub(crate) fn start_greeting(&self, at: OwnedInstanceContext, claimant: &Claimant) -> Task<()> {
        let (account, claimant) = (self.clone(), claimant.clone());
        Task::start(move || async move {
            let lang = claimant.lang.unwrap_or_else(Lang::english);
            let greeting = Message::text(msg!("verify.claim-greeting", name = claimant.name));
            let filter = SecretFilter::read(&at, &[], account.secrets());
            let parts = outgoing::render(account.channel(), &greeting, lang, &filter);
            if let Ok(messenger) = account.connect(&at.host) {
                // The owner is one without a greeting too.
                let _ = outgoing::send(messenger.as_ref(), &claimant.chat, &parts).await;
            }
        })
    }
}

/// Waits for the person who sends a code to a bot in a private chat, at most for this time.
async fn await_claim(messenger: &dyn Messenger, code: &str, limit: Duration) -> Verdict<Claimant> {
    let claim = tokio::time::timeout(limit, receive_claim(messenger, code)).await;
    match claim {
        Ok(Ok(claimant)) => Verdict::Accepted(claimant),
        Ok(Err(why)) => Verdict::Unchecked(why),
        Err(_) => Verdict::Unchecked(msg!("verify.claim-timed-out", minutes = limit.as_secs() / 60)),
    }
}

/// Receives until somebody sends the code, or it can't be received.
async fn receive_claim(messenger: &dyn Messenger, code: &str) -> Result<Claimant, Msg> {
    let mut failures = 0;
    loop {
        let pause = match messenger.receive(None).await {
            Ok(batch) => {
                failures = 0;
                let is_claim = |heard: &&Heard| claims(heard, code);
                if let Some(heard) = batch.heard.iter().find(is_claim) {
                    return Ok(claimant(heard));
                }
                if batch.heard.len() >= MAX_WAITING {
                    return Err(msg!("verify.claim-too-many", count = MAX_WAITING));
                }
                // Where nothing waits, the channel itself waits.
                if batch.cursor.is_some() {
                    PAUSE
                } else {
                    Duration::ZERO
                }
            }
            Err(ChannelError::RateLimited(pause)) => pause,
            Err(ChannelError::Unreachable(_)) if failures < MAX_FAILURES => {
                failures += 1;
                PAUSE
            }
            Err(ChannelError::PolledElsewhere) => return Err(msg!("verify.claim-polled")),
            Err(error) => return Err(error.msg()),
        };
        tokio::time::sleep(pause).await;
    }
}

/// Returns whether something that was said to a bot is the code: sent by the link, or typed.
fn claims(heard: &Heard, code: &str) -> bool {
    let Content::Text(text) = &heard.content else {
        return false;
    };
    let text = text.trim();
    let sent = text.strip_prefix("/start").map_or(text, str::trim_start);
    heard.is_private && sent.eq_ignore_ascii_case(code)
}

/// Returns the person who said something to a bot.
fn claimant(heard: &Heard) -> Claimant {
    let name = sanitize_name(&heard.name);
    let code = heard.language.as_deref().and_then(|code| code.get(..2));
    Claimant {
        name: if name.is_empty() {
            heard.person.clone()
        } else {
            name
        },
        id: heard.person.clone(),
        chat: heard.chat.clone(),
        lang: code.and_then(Lang::from_code),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;

    use futures_util::future::BoxFuture;

    use super::*;
    use crate::bot::channel::{Batch, MenuCommand, RenderedMessage};
    use crate::sync::lock;

    /// A channel that tells what a test has written down, each batch once, and then nothing.
    struct Scripted(Mutex<VecDeque<Result<Batch, ChannelError>>>);

    impl Messenger for Scripted {
        fn start<'a>(&'a self, _: &'a [MenuCommand]) -> BoxFuture<'a, Result<String, ChannelError>> {
            Box::pin(std::future::pending())
        }

        fn receive<'a>(&'a self, cursor: Option<&'a str>) -> BoxFuture<'a, Result<Batch, ChannelError>> {
            assert_eq!(cursor, None, "nothing is confirmed");
            let next = lock(&self.0).pop_front();
            Box::pin(async move {
                match next {
                    Some(next) => next,
                    None => std::future::pending().await,
                }
            })
        }

        fn send<'a>(
            &'a self,
            _: &'a str,
            _: &'a RenderedMessage,
        ) -> BoxFuture<'a, Result<String, ChannelError>> {
            Box::pin(std::future::pending())
        }

        fn edit<'a>(
            &'a self,
            _: &'a str,
            _: &'a str,
            _: &'a RenderedMessage,
        ) -> BoxFuture<'a, Result<(), ChannelError>> {
            Box::pin(std::future::pending())
        }

        fn private_chat<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<String, ChannelError>> {
            Box::pin(std::future::pending())
        }
    }

    fn says(text: &str, is_private: bool) -> Heard {
        Heard {
            id: "1".to_owned(),
            at: 0,
            chat: "7".to_owned(),
            is_private,
            person: "42".to_owned(),
            name: "A\u{202e}da\u{1b}[2J".to_owned(),
            language: Some("tr-TR".to_owned()),
            content: Content::Text(text.to_owned()),
            community: None,
            receipt: None,
            is_addressed: false,
        }
    }

    /// Waits for the code `own-ABC234`, for a moment of a clock that goes on by itself.
    fn await_code(batches: Vec<Result<Vec<Heard>, ChannelError>>) -> Result<Claimant, &'static str> {
        let batch = |heard: Vec<Heard>| Batch {
            cursor: (!heard.is_empty()).then(|| "2".to_owned()),
            heard,
        };
        let batches = batches.into_iter().map(|heard| heard.map(batch)).collect();
        let messenger = Scripted(Mutex::new(batches));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let limit = Duration::from_millis(20);
        match runtime.block_on(await_claim(&messenger, "own-ABC234", limit)) {
            Verdict::Accepted(claimant) => Ok(claimant),
            Verdict::Refused(msg) | Verdict::Unchecked(msg) => Err(msg.key()),
        }
    }

    #[test]
    fn only_who_sends_the_code_in_a_private_chat_claims_the_bot() {
        let claimant = await_code(vec![Ok(vec![says("hi", true), says("/start own-ABC234", true)])]).unwrap();
        assert_eq!((claimant.id.as_str(), claimant.name.as_str()), ("42", "A da [2J"));
        assert_eq!(claimant.lang.map(Lang::code), Some("tr"));
        assert!(await_code(vec![Ok(vec![says(" OWN-abc234 ", true)])]).is_ok());
        for text in ["/start own-ABC235", "/start", "own-ABC234 x", "x own-ABC234"] {
            assert_eq!(
                await_code(vec![Ok(vec![says(text, true)])]),
                Err("verify.claim-timed-out"),
                "{text}"
            );
        }
        let in_group = vec![Ok(vec![says("/start own-ABC234", false)])];
        assert_eq!(await_code(in_group), Err("verify.claim-timed-out"));
    }

    #[test]
    fn claim_that_can_not_be_heard_ends_with_the_reason() {
        for (batch, key) in [
            (Err(ChannelError::PolledElsewhere), "verify.claim-polled"),
            (Err(ChannelError::Unauthorized), "bot.error-unauthorized"),
            (Ok(vec![says("hi", true); MAX_WAITING]), "verify.claim-too-many"),
            (
                Err(ChannelError::Unreachable("x".to_owned())),
                "verify.claim-timed-out",
            ),
        ] {
            assert_eq!(await_code(vec![batch]), Err(key));
        }
    }
}
