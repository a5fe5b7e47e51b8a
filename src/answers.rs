//! The decisions of an onboarding as typed fields, whatever made them: a prompt, a flag, an answers file or a
//! default.

use std::net::IpAddr;
use std::path::PathBuf;

use crate::ports::Port;
use crate::profile::ProfileName;
use crate::record::{Engine, ReleaseVersion};
use crate::secret::{Secret, SecretOrigin};

/// Name of the choice to install OpenClaw from npm later.
pub(crate) const LATER_CHOICE: &str = "later";

/// A release of OpenClaw from npm in a folder of this program, as the gateway of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ChosenRelease {
    /// The release is installed.
    Installed(ReleaseVersion),
    /// The release is installed once the plan is applied: a version, or a name of one such as `latest`.
    ToInstall(String),
    /// The user installs a release later, and the gateway does not start until then.
    Later,
}

impl Answers {
    /// Returns `true` if the engine of the gateway is installed later, so that the gateway can't start yet.
    pub(crate) fn installs_later(&self) -> bool {
        self.release == Some(ChosenRelease::Later)
    }
}

impl ChosenRelease {
    /// Returns the version of the release, or the name that it has until it is installed.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Installed(version) => version.as_str(),
            Self::ToInstall(name) => name,
            Self::Later => LATER_CHOICE,
        }
    }

    /// Returns the version of the release, where it is installed.
    pub(crate) fn installed(&self) -> Option<&ReleaseVersion> {
        match self {
            Self::Installed(version) => Some(version),
            Self::ToInstall(_) | Self::Later => None,
        }
    }
}

/// The decisions of an onboarding: the answers to the wizard's questions. A field that is `None` leaves what the
/// config has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answers {
    /// The choice between few questions and all of them.
    pub(crate) flow: Flow,
    /// The profile, where it was asked for.
    pub(crate) profile: Option<ProfileName>,
    /// `true` if a person types the name of the profile instead of choosing one.
    pub(crate) types_profile: bool,
    /// The decision about an instance's config that exists already when the wizard starts.
    pub(crate) existing: Existing,
    /// The program that runs as the gateway.
    pub(crate) engine: Option<Engine>,
    /// The release of OpenClaw from npm that belongs to this program; `None` for the OpenClaw of the host.
    pub(crate) release: Option<ChosenRelease>,
    /// The workspace, as an absolute path.
    pub(crate) workspace: Option<PathBuf>,
    /// The base port.
    pub(crate) port: Option<Port>,
    /// `true` if a person types the base port instead of choosing one.
    pub(crate) types_port: bool,
    /// The addresses that the gateway listens on.
    pub(crate) bind: Option<Bind>,
    /// The address of [`Bind::Custom`].
    pub(crate) bind_host: Option<IpAddr>,
    /// The authentication method of clients.
    pub(crate) auth: Option<Auth>,
    /// The token or password of the gateway.
    pub(crate) credential: Option<(Secret, SecretOrigin)>,
    /// The model provider.
    pub(crate) provider: Option<Provider>,
    /// The API key of the provider.
    pub(crate) provider_key: Option<Secret>,
    /// The server of [`Provider::Custom`].
    pub(crate) custom: CustomProvider,
    /// The primary model, as `provider/model`.
    pub(crate) model: Option<String>,
    /// The messaging channel to connect.
    pub(crate) channel: Option<Channel>,
    /// The token of the channel's bot.
    pub(crate) channel_token: Option<Secret>,
    /// The id of the person who may command the channel's bot.
    pub(crate) channel_owner: Option<String>,
    /// The profile of the instance that the gateway watches, and repairs when it is down.
    pub(crate) watch: Option<ProfileName>,
    /// The way in which the gateway is started at the end.
    pub(crate) start: Start,
    /// `true` if the user's services are to go on after logout and to start at boot; `None` where that was not asked.
    pub(crate) linger: Option<bool>,
    /// `true` if a new workspace gets its first files.
    pub(crate) bootstrap: bool,
    /// The mode of the gateway, where a flag sets it.
    pub(crate) mode: Option<GatewayMode>,
}

/// A custom provider: a server with an interface that is compatible with OpenAI's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CustomProvider {
    /// The URL of the server.
    pub(crate) base_url: Option<String>,
    /// The id of the model on the server.
    pub(crate) model_id: Option<String>,
    /// The id of the provider in the config.
    pub(crate) provider_id: Option<String>,
}

/// An enum whose values have one name each, in flags, answers files, configs and `--json`.
pub(crate) trait NamedValue: Copy + 'static {
    /// All values of the named enum, in the order in which they are offered to the user.
    const ALL: &'static [Self];

    /// Returns the stable name of an enum's value, as flags and answers files have it.
    fn name(self) -> &'static str;

    /// Returns the enum's value with this stable name.
    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|value| value.name() == name)
    }
}

/// Declares an enum that is a [`NamedValue`], whose variants have the form `Variant = "name",`.
macro_rules! named_enum {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$vmeta:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $vis enum $name { $($(#[$vmeta])* $variant,)* }

        impl $name {
            /// All values of the named enum, in the order in which they are offered to the user.
            $vis const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Returns the name in flags, answers files and configs.
            $vis fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl $crate::answers::NamedValue for $name {
            const ALL: &'static [Self] = Self::ALL;

            fn name(self) -> &'static str {
                self.name()
            }
        }
    };
}

pub(crate) use named_enum;

named_enum! {
    /// The flow of an onboarding, quick or advanced, which decides how many questions the wizard asks.
    #[derive(Default)]
    pub(crate) enum Flow {
        /// The few questions that matter; good values for the rest.
        #[default]
        Quickstart = "quickstart",
        /// Every question.
        Advanced = "advanced",
    }
}

named_enum! {
    /// The decision about an instance's config that exists already when the wizard starts.
    #[derive(Default)]
    pub(crate) enum Existing {
        /// The config stays as it is; what is missing around it is created.
        Keep = "keep",
        /// The values of the config are the defaults of the questions.
        #[default]
        Change = "change",
        /// The config is moved aside.
        ResetConfig = "reset-config",
        /// Config, credentials and sessions are moved aside.
        ResetCredentials = "reset-config+creds+sessions",
        /// The workspace is moved aside too.
        ResetFull = "reset-full",
    }
}

named_enum! {
    /// The host on which the gateway of an instance runs, by OpenClaw's names.
    pub(crate) enum GatewayMode {
        /// This host.
        Local = "local",
        /// Another host.
        Remote = "remote",
    }
}

named_enum! {
    /// The addresses that a gateway listens on, by OpenClaw's names.
    pub enum Bind {
        /// `127.0.0.1` and `::1`.
        Loopback = "loopback",
        /// Every address.
        Lan = "lan",
        /// The address of the tailnet.
        Tailnet = "tailnet",
        /// Loopback, or every address in a container.
        Auto = "auto",
        /// One given address.
        Custom = "custom",
    }
}

named_enum! {
    /// The authentication method of a gateway's clients.
    pub enum Auth {
        /// By a token.
        Token = "token",
        /// By a password.
        Password = "password",
        /// Not at all; allowed on loopback only.
        None = "none",
    }
}

named_enum! {
    /// A provider of language models, by OpenClaw's names of the choices.
    #[derive(PartialOrd, Ord)]
    pub(crate) enum Provider {
        /// Anthropic.
        Anthropic = "apiKey",
        /// OpenAI.
        OpenAi = "openai-api-key",
        /// OpenRouter.
        OpenRouter = "openrouter-api-key",
        /// Google.
        Google = "gemini-api-key",
        /// Any server with an interface that is compatible with OpenAI's.
        Custom = "custom-api-key",
        /// None for now.
        Skip = "skip",
    }
}

named_enum! {
    /// A messaging channel through which a user talks to OpenClaw.
    pub(crate) enum Channel {
        /// Telegram.
        Telegram = "telegram",
        /// Discord.
        Discord = "discord",
        /// None for now.
        Skip = "skip",
    }
}

named_enum! {
    /// The way in which an onboarding starts the gateway at its end.
    #[derive(Default)]
    pub(crate) enum Start {
        /// By a service, which starts it again at the next boot or login.
        Service = "service",
        /// As a process in the background, which nothing starts again.
        Background = "background",
        /// In the terminal of the onboarding, until somebody ends it.
        Terminal = "terminal",
        /// Not at all.
        #[default]
        No = "no",
    }
}

impl NamedValue for Engine {
    const ALL: &'static [Self] = &Self::ALL;

    fn name(self) -> &'static str {
        self.name()
    }
}

impl Answers {
    /// Returns `true` if the instance's existing config stays as it is, so that the wizard asks for none of its
    /// values.
    pub(crate) fn keep_config(&self) -> bool {
        self.existing == Existing::Keep
    }
}

impl Existing {
    /// Returns `true` if the wizard's answers move the old config of the instance aside.
    pub(crate) fn is_reset(self) -> bool {
        matches!(self, Self::ResetConfig | Self::ResetCredentials | Self::ResetFull)
    }
}

impl Bind {
    /// Returns `true` if no other host can reach the gateway.
    pub fn is_loopback(self) -> bool {
        self == Self::Loopback
    }
}

impl Provider {
    /// Returns the command-line flag for the API key of a model provider, without dashes; OpenClaw's name.
    pub(crate) fn key_flag(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic-api-key",
            Self::OpenAi => "openai-api-key",
            Self::OpenRouter => "openrouter-api-key",
            Self::Google => "gemini-api-key",
            Self::Custom | Self::Skip => "custom-api-key",
        }
    }

    /// Returns the environment variable that commonly holds the API key of a model provider.
    pub(crate) fn key_variable(self) -> Option<&'static str> {
        match self {
            Self::Anthropic => Some("ANTHROPIC_API_KEY"),
            Self::OpenAi => Some("OPENAI_API_KEY"),
            Self::OpenRouter => Some("OPENROUTER_API_KEY"),
            Self::Google => Some("GEMINI_API_KEY"),
            Self::Custom | Self::Skip => None,
        }
    }

    /// Returns the id of a model provider in configs and key stores.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::OpenAi => "openai",
            Self::OpenRouter => "openrouter",
            Self::Google => "google",
            Self::Custom | Self::Skip => "custom",
        }
    }
}

impl Channel {
    /// Returns the config key of a messaging channel's token (docs/openclaw.md#channel-tokens).
    pub(crate) fn token_key(self) -> Option<&'static str> {
        match self {
            Self::Telegram => Some("channels.telegram.botToken"),
            Self::Discord => Some("channels.discord.token"),
            Self::Skip => None,
        }
    }

    /// Returns the config key of the people who may command the bot of a messaging channel, where both releases of OpenClaw
    /// have the same one.
    pub(crate) fn owners_key(self) -> Option<&'static str> {
        match self {
            Self::Telegram => Some("channels.telegram.allowFrom"),
            Self::Discord | Self::Skip => None,
        }
    }
}
