//! Messengers as their users see them: one trait for the stand-ins of Telegram, Discord and Slack and for a real Matrix
//! homeserver, so that one suite of tests runs over every channel of a bot.
//!
//! A stand-in follows the documentation of its service strictly: what the service refuses, it refuses with the same
//! answer. It listens at a port that the system gives. A messenger is one file, and one row in [`MESSENGERS`].

pub mod discord;
pub mod faults;
mod markdown;
pub mod matrix;
pub mod seen;
pub mod server;
pub mod slack;
pub mod state;
pub mod telegram;

use serde_json::Value;

use crate::support::gateway::wait_for;

pub use faults::Failure;
pub use seen::Seen;
use state::Record;

/// Every messenger: the key of its channel in OpenClaw's config, and what starts it.
pub const MESSENGERS: [(&str, Start); 4] = [
    ("telegram", || Some(Box::new(telegram::Telegram::start()))),
    ("matrix", || Some(Box::new(matrix::Matrix::start()?))),
    ("discord", || Some(Box::new(discord::Discord::start()))),
    ("slack", || Some(Box::new(slack::Slack::start()))),
];

/// A function that starts a messenger. It returns `None` where that needs a program that is missing; the calling test
/// counts as skipped then.
pub type Start = fn() -> Option<Box<dyn Messenger>>;

/// A person who writes to the bot. Each messenger derives the person's id, name and private chat from the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct User {
    /// Number of the person; 0 is the owner of the bot.
    pub number: u32,
    /// Language code of the person's app, where the messenger tells it to bots.
    pub language: &'static str,
}

/// The owner of the bot, who has written to it before.
pub const OWNER: User = User {
    number: 0,
    language: "en",
};

impl User {
    /// Returns a person whom the bot does not know. Different numbers are different people; 0 is the first of them.
    pub const fn stranger(number: u32) -> Self {
        Self {
            number: number + 1,
            language: "en",
        }
    }

    /// Returns the same person with an app in another language.
    pub const fn speaking(self, language: &'static str) -> Self {
        Self { language, ..self }
    }
}

/// A messenger from its users' side, with what a test has to know and to break.
pub trait Messenger {
    /// Returns the channel's value below `channels` in OpenClaw's config: the bot's secrets, where the service is, and
    /// these people as `allowFrom`.
    fn config(&self, owners: &[User]) -> Value;

    /// Returns the base of the URLs of the service's HTTP API, for a bot that is told so in another way than by
    /// [`Self::config`].
    fn api(&self) -> String;

    /// Returns the id of a person as `allowFrom` of OpenClaw's config has it.
    fn id(&self, user: User) -> String;

    /// Returns the maximum length of one message in the unit of [`Self::text_length`].
    fn text_limit(&self) -> usize;

    /// Returns the length of a text as the service counts it.
    fn text_length(&self, text: &str) -> usize;

    /// Returns what is kept of the service, whatever it is.
    fn record(&self) -> &dyn Record;

    /// Returns the methods by which the bot sends and edits messages.
    fn sending_methods(&self) -> &'static [&'static str];

    /// Sends a text to the bot in the private chat of `user` with it. Discord forgets what is said while the bot has no
    /// session; Slack takes a text with a slash at its start for a command and delivers it as such.
    fn say(&self, user: User, text: &str);

    /// Presses a button as it stood in `message`, whatever has become of the message since.
    ///
    /// # Panics
    /// Where the message has no button with that label.
    fn press(&self, user: User, message: &Seen, label: &str);

    /// Presses a button of a message as soon as it is shown: some messengers show the buttons after the text.
    fn press_when_shown(&self, user: User, message: &Seen, label: &str) {
        self.press(user, &self.with_button(message, label), label);
    }

    /// Returns a message as it was when it had a button.
    fn with_button(&self, message: &Seen, label: &str) -> Seen {
        wait_for("the button is shown", || {
            let all = self.messages().into_iter().rev();
            let mut versions = all.filter(|seen| seen.id == message.id);
            versions.find(|seen| seen.buttons.iter().any(|button| button == label))
        })
    }

    /// Returns the next message or edit of the bot that is wanted, and counts what came before it as read.
    ///
    /// # Panics
    /// Where none comes in time; the panic shows `what` and everything that came.
    #[track_caller]
    fn next_message(&self, what: &str, wanted: &dyn Fn(&Seen) -> bool) -> Seen {
        self.record().next_message(what, wanted)
    }

    /// Returns every message and edit of the bot, the first one first, read or not.
    fn messages(&self) -> Vec<Seen> {
        self.record().messages()
    }

    /// Lets the next `count` messages and edits of the bot fail.
    fn fail_next(&self, failure: Failure, count: usize) {
        self.record().fail_next(self.sending_methods(), failure, count);
    }

    /// Answers the calls that [`Failure::Held`] holds or would have held.
    fn release(&self) {
        self.record().release();
    }

    /// Returns how many calls came before the end of a rate limit.
    fn early_calls(&self) -> usize {
        self.record().early_calls()
    }

    /// Makes the secrets of the bot invalid, as its owner does at the service.
    fn revoke(&self);

    /// Ends every connection of the bot without a word. It may connect again at once.
    fn drop_connections(&self);

    /// Cuts the bot off from the service, or ends that.
    fn set_reachable(&self, is_reachable: bool);

    /// Waits until the bot receives: it polls or has a session, and started to do so after the last
    /// [`Self::drop_connections`].
    fn wait_until_connected(&self);

    /// Delivers the last message or press of a person a second time, as services do after a lost acknowledgement.
    fn repeat_last(&self);
}
