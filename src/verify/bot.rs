//! The bot that a token belongs to: the servers of its channel tell its name.

use serde_json::{Map, Value, json};

use super::answer::{hide_key, no_connection, timed_out};
use super::{TIME_LIMIT, Task, Verdict};
use crate::bot::account::{self, AccountSettings, DEFAULT_ACCOUNT};
use crate::bot::channel::{ChannelError, ChannelType, Messenger};
use crate::host::Host;
use crate::https::HttpsClient;
use crate::i18n::{Msg, msg};
use crate::instance::InstanceContext;
use crate::secret::Secret;
use crate::text::sanitize_name;

/// An account of a channel whose token is being verified.
#[derive(Clone, Debug)]
pub(crate) struct BotAccount {
    channel: &'static ChannelType,
    settings: AccountSettings,
}

impl BotAccount {
    /// Returns the account `default` of a channel with this token. `None` where the channel needs more than the token.
    pub(crate) fn with_token(
        context: InstanceContext<'_>,
        config: &Value,
        channel: &'static ChannelType,
        token: &Secret,
    ) -> Option<Self> {
        let [secret] = channel.keys.secrets else {
            return None;
        };
        let values = Map::from_iter([(secret.key.to_owned(), token.expose().into())]);
        Self::with_values(context, config, channel, values)
    }

    /// Returns the account `default` of a channel with the values of these keys, and with whatever else the config sets for it,
    /// such as a proxy. `None` where the channel needs more.
    pub(crate) fn with_values(
        context: InstanceContext<'_>,
        config: &Value,
        channel: &'static ChannelType,
        own: Map<String, Value>,
    ) -> Option<Self> {
        let known = config.pointer(&format!("/channels/{}", channel.name));
        let mut values: Map<String, Value> = known.and_then(Value::as_object).cloned().unwrap_or_default();
        let files = channel.keys.secrets.iter().filter_map(|secret| secret.file_key);
        for other in ["accounts", "enabled"].into_iter().chain(files) {
            values.remove(other);
        }
        values.extend(own);
        let config = json!({ "channels": { channel.name: values }, "env": config.get("env") });
        let accounts = account::read_accounts(context, &config, channel.name, channel.keys);
        let settings = accounts
            .into_iter()
            .find(|settings| settings.account == DEFAULT_ACCOUNT)?;
        Some(Self { channel, settings })
    }

    /// Starts to ask the servers of the channel for the name of the bot.
    pub(crate) fn start_identifying(&self, host: &Host) -> Task<Verdict<String>> {
        let (account, host) = (self.clone(), host.clone());
        Task::start(move || async move {
            let label = account.channel.label;
            let asked = async {
                let messenger = account.connect(&host)?;
                messenger.identify().await
            };
            match tokio::time::timeout(TIME_LIMIT, asked).await {
                Ok(Ok(name)) => Verdict::Accepted(sanitize_name(&name)),
                Ok(Err(error)) => match error {
                    ChannelError::Unauthorized | ChannelError::Refused(_) => {
                        Verdict::Refused(account.refusal(&error))
                    }
                    ChannelError::Unreachable(why) => Verdict::Unchecked(no_connection(label, &why)),
                    other => Verdict::Unchecked(other.msg()),
                },
                Err(_) => Verdict::Unchecked(timed_out(label)),
            }
        })
    }

    /// Returns the channel of a bot's account.
    pub(super) fn channel(&self) -> &'static ChannelType {
        self.channel
    }

    /// Returns the secrets of a bot's account.
    pub(super) fn secrets(&self) -> &[Secret] {
        &self.settings.secrets
    }

    /// Connects to the servers of the channel. Nothing is sent yet.
    pub(super) fn connect(&self, host: &Host) -> Result<Box<dyn Messenger>, ChannelError> {
        let client = HttpsClient::new(host, account::proxy(&self.settings))?;
        Ok((self.channel.connect)(self.settings.clone(), client))
    }

    /// Returns the sentence about a channel that refuses the token, without the token.
    fn refusal(&self, error: &ChannelError) -> Msg {
        let why = match error {
            ChannelError::Refused(why) => {
                msg!("ui.typed", text = hide_key(why, self.settings.secrets.first()))
            }
            other => other.msg(),
        };
        msg!("verify.bot-refused", channel = self.channel.label).with_msg("why", why)
    }
}
