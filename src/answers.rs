//! Every decision of the wizard as a typed field, whoever made it: a prompt, a flag, an answers file or
//! a default.

use std::net::IpAddr;
use std::path::PathBuf;

use crate::profile::ProfileName;
use crate::secret::{Secret, SecretOrigin};

/// The decisions. A field that is `None` leaves what the config has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// Quick or advanced.
    pub flow: Flow,
    /// The profile, where it was asked for.
    pub profile: Option<ProfileName>,
    /// What happens to an instance that is there already.
    pub existing: Existing,
    /// The workspace, absolute.
    pub workspace: Option<PathBuf>,
    /// The base port.
    pub port: Option<u16>,
    /// Whether a person types the base port instead of choosing one.
    pub types_port: bool,
    /// Where the gateway listens.
    pub bind: Option<Bind>,
    /// The address of [`Bind::Custom`].
    pub bind_host: Option<IpAddr>,
    /// How clients prove themselves.
    pub auth: Option<Auth>,
    /// The gateway's token or password.
    pub credential: Option<(Secret, SecretOrigin)>,
    /// The model provider.
    pub provider: Option<Provider>,
    /// Its key.
    pub provider_key: Option<Secret>,
    /// A custom provider's server.
    pub custom: Custom,
    /// The model to use first, `provider/model`.
    pub model: Option<String>,
    /// The messaging channel to connect.
    pub channel: Option<Channel>,
    /// Its token.
    pub channel_token: Option<Secret>,
    /// Whether a service shall run the gateway.
    pub service: bool,
    /// Whether the workspace gets its first files.
    pub bootstrap: bool,
}

/// A custom, OpenAI-compatible provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Custom {
    /// The server's URL.
    pub base_url: Option<String>,
    /// The model's id there.
    pub model_id: Option<String>,
    /// What the provider is called in the config.
    pub provider_id: Option<String>,
}

/// Declares an enum whose values have one name each: in flags, answers files, configs and `--json`.
macro_rules! named {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$vmeta])* $variant,)* }

        impl $name {
            /// All values, in the order in which they are offered.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name in flags, answers files and configs.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The value of a name.
            pub fn of(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.name() == name)
            }
        }
    };
}

named! {
    /// How much is asked.
    #[derive(Default)]
    Flow {
        /// The few questions that matter; good values for the rest.
        #[default]
        Quickstart = "quickstart",
        /// Every question.
        Advanced = "advanced",
    }
}

named! {
    /// What happens to a config that is there.
    #[derive(Default)]
    Existing {
        /// Nothing of it changes; what is missing around it is made.
        Keep = "keep",
        /// Its values are the defaults of the questions.
        #[default]
        Change = "change",
        /// The config is moved aside.
        ResetConfig = "reset-config",
        /// Config, credentials and sessions are moved aside.
        ResetCredentials = "reset-config+creds+sessions",
        /// The workspace too.
        ResetFull = "reset-full",
    }
}

named! {
    /// Where the gateway listens: OpenClaw's names.
    Bind {
        /// `127.0.0.1` and `::1`.
        Loopback = "loopback",
        /// Every address.
        Lan = "lan",
        /// The address of the tailnet.
        Tailnet = "tailnet",
        /// Loopback, or every address in a container.
        Auto = "auto",
        /// One address.
        Custom = "custom",
    }
}

named! {
    /// How clients prove themselves.
    Auth {
        /// By a token.
        Token = "token",
        /// By a password.
        Password = "password",
        /// Not at all: loopback only.
        None = "none",
    }
}

named! {
    /// Where models come from: OpenClaw's names of the choices.
    Provider {
        /// Anthropic.
        Anthropic = "apiKey",
        /// OpenAI.
        OpenAi = "openai-api-key",
        /// OpenRouter.
        OpenRouter = "openrouter-api-key",
        /// Google.
        Google = "gemini-api-key",
        /// Any OpenAI-compatible server.
        Custom = "custom-api-key",
        /// Later.
        Skip = "skip",
    }
}

named! {
    /// Which messaging channel is connected.
    Channel {
        /// Telegram.
        Telegram = "telegram",
        /// Discord.
        Discord = "discord",
        /// Later.
        Skip = "skip",
    }
}

impl Existing {
    /// Whether the old config is moved aside.
    pub fn is_reset(self) -> bool {
        matches!(self, Self::ResetConfig | Self::ResetCredentials | Self::ResetFull)
    }
}

impl Bind {
    /// Whether nobody outside this host can reach it.
    pub fn is_loopback(self) -> bool {
        self == Self::Loopback
    }
}

impl Provider {
    /// The flag that brings its key, without the dashes: OpenClaw's name.
    pub fn key_flag(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic-api-key",
            Self::OpenAi => "openai-api-key",
            Self::OpenRouter => "openrouter-api-key",
            Self::Google => "gemini-api-key",
            Self::Custom | Self::Skip => "custom-api-key",
        }
    }

    /// The variable that its key is commonly kept in.
    pub fn key_variable(self) -> Option<&'static str> {
        match self {
            Self::Anthropic => Some("ANTHROPIC_API_KEY"),
            Self::OpenAi => Some("OPENAI_API_KEY"),
            Self::OpenRouter => Some("OPENROUTER_API_KEY"),
            Self::Google => Some("GEMINI_API_KEY"),
            Self::Custom | Self::Skip => None,
        }
    }

    /// Its id in configs and key stores.
    pub fn id(self) -> &'static str {
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
    /// The key of its token in a config (docs/openclaw.md#channel-tokens).
    pub fn token_key(self) -> Option<&'static str> {
        match self {
            Self::Telegram => Some("channels.telegram.botToken"),
            Self::Discord => Some("channels.discord.token"),
            Self::Skip => None,
        }
    }
}
