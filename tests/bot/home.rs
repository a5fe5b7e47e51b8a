//! A home with a default instance and a rescue gateway whose bot is connected to a messenger.

use serde_json::{Value, json};

use crate::rescue::without_manager::{SpawnedGateway, sandbox_without_manager};
use crate::support::Sandbox;
use crate::support::gateway::{self, Gateway};
use crate::support::messenger::discord::{Discord, GROUP_CHANNEL, GUILD};
use crate::support::messenger::matrix::Matrix;
use crate::support::messenger::slack::Slack;
use crate::support::messenger::{MESSENGERS, Messenger, OWNER, Seen};

/// The config of the rescue instance, below the home folder.
const RESCUE_CONFIG: &str = ".openclaw-rescue/openclaw.json";

/// The channels that the native engine has.
const NATIVE_CHANNELS: [&str; 4] = ["telegram", "matrix", "discord", "slack"];

/// A home whose rescue instance has an account of a messenger.
pub struct BotHome<M: Messenger + ?Sized = dyn Messenger> {
    pub sandbox: Sandbox,
    pub messenger: Box<M>,
    /// The channel of the messenger in the config.
    pub channel: &'static str,
}

impl BotHome {
    /// Creates a home for each messenger, and runs a test in it.
    pub fn each(test: impl Fn(&Self)) {
        let native = MESSENGERS
            .into_iter()
            .filter(|(channel, _)| NATIVE_CHANNELS.contains(channel));
        for (channel, start) in native {
            if let Some(messenger) = start() {
                test(&Self::new(channel, messenger));
            }
        }
    }

    /// Creates a home with Telegram.
    pub fn telegram() -> Self {
        let (channel, start) = MESSENGERS[0];
        assert_eq!(channel, "telegram");
        Self::new(channel, start().expect("it needs no program"))
    }
}

impl BotHome<Discord> {
    /// Creates a home with Discord.
    pub fn discord() -> Self {
        Self::new("discord", Box::new(Discord::start()))
    }

    /// Lists the group of Discord's stand-in in the config, so that the bot listens there.
    pub fn listen_in_group(&self) {
        let mut channel = self.messenger.config(&[OWNER]);
        channel["guilds"] = json!({ GUILD: { "channels": { GROUP_CHANNEL: {} } } });
        channel["intents"] = json!({ "messageContent": true });
        self.set_channel(&channel);
    }
}

impl BotHome<Matrix> {
    /// Creates a home with Matrix; `None` where Synapse is not installed.
    #[track_caller]
    pub fn matrix() -> Option<Self> {
        Some(Self::new("matrix", Box::new(Matrix::start()?)))
    }
}

impl BotHome<Slack> {
    /// Creates a home with Slack.
    pub fn slack() -> Self {
        Self::new("slack", Box::new(Slack::start()))
    }
}

impl<M: Messenger + ?Sized> BotHome<M> {
    fn new(channel: &'static str, messenger: Box<M>) -> Self {
        let home = Self {
            sandbox: sandbox_without_manager(),
            messenger,
            channel,
        };
        home.set_channel(&home.messenger.config(&[OWNER]));
        home
    }

    /// Sets what is below the key of the channel in the config of the rescue instance.
    pub fn set_channel(&self, value: &Value) {
        gateway::configure(&self.sandbox, "rescue");
        let mut config: Value = serde_json::from_str(&self.sandbox.read(RESCUE_CONFIG)).expect("JSON");
        config["channels"] = json!({ self.channel: value });
        // For a channel whose config has no key for another server.
        let variable = format!("{}_API_ROOT", self.channel.to_uppercase());
        config["env"] = json!({ "vars": { variable: self.messenger.api() } });
        self.sandbox.write(RESCUE_CONFIG, config.to_string());
    }

    /// Lets the rescue gateway watch the default instance, with short times.
    pub fn watch(&self) {
        let record =
            "version = 1\nprofile = 'rescue'\n[rescue]\nwatch = ['default']\ninterval = 1\npatience = 3600\n";
        self.sandbox.write(".openclaw-rescue/instance.toml", record);
    }

    /// Starts the rescue gateway, and waits until its bot receives.
    pub fn start(&self) -> Gateway {
        let gateway = Gateway::start(&self.sandbox, "rescue");
        self.messenger.wait_until_connected();
        gateway
    }

    /// Says something as the owner, and returns the next message that contains a text.
    pub fn ask(&self, words: &str, expected: &str) -> Seen {
        self.messenger.say(OWNER, words);
        self.next(expected)
    }

    /// Returns the next message or edit that contains a text.
    pub fn next(&self, expected: &str) -> Seen {
        self.messenger
            .next_message(expected, &|seen| seen.text.contains(expected))
    }

    /// Presses a button as the owner, as soon as it is shown.
    pub fn press(&self, message: &Seen, label: &str) {
        self.messenger.press_when_shown(OWNER, message, label);
    }

    /// Returns the gateway of the default instance that the bot starts, to be killed at the end.
    pub fn spawned(&self) -> SpawnedGateway<'_> {
        SpawnedGateway(&self.sandbox)
    }

    /// Returns the repairs and other changes in the history, the oldest first.
    pub fn history(&self) -> Vec<Value> {
        let history = self
            .sandbox
            .run(["--profile", "rescue", "rescue", "history", "--json"])
            .exits(0)
            .json();
        history["repairs"].as_array().expect("a list").clone()
    }

    /// Returns the log of the rescue gateway.
    pub fn log(&self) -> String {
        gateway::log(&self.sandbox, "rescue")
    }
}
