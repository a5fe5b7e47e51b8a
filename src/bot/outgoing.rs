//! The sending of a bot's messages: rendered, without secrets, in parts, and tried again where the channel asks for a pause.

use std::path::Path;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::channel::{ChannelError, ChannelType, Messenger, RenderedMessage};
use super::command::MARK;
use super::markup::MessageFormat;
use super::message::{Button, Line, Message};
use super::short_command;
use crate::config::{self, LoadedConfig, secrets};
use crate::host;
use crate::i18n::{Lang, msg};
use crate::instance::OwnedInstanceContext;
use crate::profile::ProfileName;
use crate::secret::{REDACTED, Secret};
use crate::survey;

/// Maximum number of times that a message is sent to a channel that does not take it.
const MAX_TRIES: u32 = 3;
/// Longest pause that a message is kept for; after a longer one it would be out of date.
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// The secrets that no message may contain: those in the configs of the bot and of the instances that it is there for, and
/// the tokens of its accounts.
#[derive(Clone)]
pub(crate) struct SecretFilter {
    configs: Vec<serde_json::Value>,
    secrets: Vec<Secret>,
}

impl SecretFilter {
    /// Reads the secrets from the configs as they are now, those of the watched instances among them, else those of the
    /// default one. Waits for files, and for nothing else: it is done for each message.
    pub(crate) fn read(own: &OwnedInstanceContext, watched: &[ProfileName], secrets: &[Secret]) -> Self {
        let default = [ProfileName::default_profile()];
        let served = if watched.is_empty() { &default[..] } else { watched };
        let mut paths = survey::find_configs(&own.host, &own.env, served);
        paths.insert(own.instance.config_path.clone());
        Self {
            configs: paths.iter().filter_map(|path| read_config(path)).collect(),
            secrets: secrets.to_vec(),
        }
    }

    /// Returns a text without the secrets, with a word of the language in their places.
    pub(crate) fn hide(&self, text: &str, lang: Lang) -> String {
        self.redact(text)
            .replace(REDACTED, &msg!("bot.hidden").render(lang))
    }

    /// Returns a text with the mark of a hidden value in the place of each secret.
    pub(crate) fn redact(&self, text: &str) -> String {
        let shown = self.configs.iter().fold(text.to_owned(), |text, config| {
            secrets::redact_known_secrets(&text, config)
        });
        self.secrets
            .iter()
            .fold(shown, |text, secret| text.replace(secret.expose(), REDACTED))
    }
}

/// Returns the values of a config, those of included files among them; `None` where it can't be read.
fn read_config(path: &Path) -> Option<serde_json::Value> {
    match config::load(path) {
        LoadedConfig::Ok(document) => Some(config::effective_or_own(path, &document).value),
        _ => None,
    }
}

/// Returns the lines that say which words stand for buttons, for a channel that has none.
pub(crate) fn typed_buttons(buttons: &[Button], mark: char) -> impl Iterator<Item = Line> {
    buttons.iter().map(move |button| {
        let words = button.command.trim_start_matches(MARK);
        let typed = msg!("bot.typed-button", command = format!("{mark}{words}"));
        Line::Text(typed.with_msg("label", button.label.clone()))
    })
}

/// Renders the labels of buttons in a language, each with its command.
pub(crate) fn render_buttons(buttons: &[Button], lang: Lang) -> Vec<(String, String)> {
    let render = |button: &Button| (button.label.render(lang), button.command.clone());
    buttons.iter().map(render).collect()
}

/// Renders the lines of a message without secrets, in parts.
pub(crate) fn render_texts(
    format: MessageFormat,
    message: &Message,
    lang: Lang,
    filter: &SecretFilter,
) -> Vec<String> {
    format.render(message, lang, &|text| filter.hide(text, lang))
}

/// Renders a message for a channel, in parts; the last one has the buttons.
pub(crate) fn render(
    channel: &ChannelType,
    message: &Message,
    lang: Lang,
    filter: &SecretFilter,
) -> Vec<RenderedMessage> {
    let mut message = message.clone();
    if !channel.has_buttons {
        let buttons = std::mem::take(&mut message.buttons);
        message
            .lines
            .extend(typed_buttons(&buttons, channel.command_mark));
    }
    let texts = render_texts(channel.format, &message, lang, filter);
    let mut parts: Vec<_> = texts
        .into_iter()
        .map(|text| RenderedMessage {
            text,
            buttons: Vec::new(),
            key: host::random_uuid().to_string(),
        })
        .collect();
    if let Some(last) = parts.last_mut() {
        last.buttons = render_buttons(&message.buttons, lang);
        for (_, command) in &mut last.buttons {
            *command = short_command::shorten(command);
        }
    }
    parts
}

/// Gives the parts of a message the keys that depend on this text, so that every try to send it has the same ones.
pub(crate) fn set_keys(parts: &mut [RenderedMessage], text: &str) {
    for (number, part) in parts.iter_mut().enumerate() {
        let hash: [u8; 32] = Sha256::digest(format!("{text} {number}")).into();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash[..16]);
        part.key = uuid::Builder::from_random_bytes(bytes).into_uuid().to_string();
    }
}

/// Sends the parts of a message, and returns the id of the last one.
///
/// # Errors
/// The last reason why a part could not be sent.
pub(crate) async fn send(
    messenger: &dyn Messenger,
    chat: &str,
    parts: &[RenderedMessage],
) -> Result<Option<String>, ChannelError> {
    let mut last = None;
    for part in parts {
        last = Some(retried(|| messenger.send(chat, part)).await?);
    }
    Ok(last)
}

/// Sends the parts of a message once each, and returns the id of the last one.
///
/// # Errors
/// The reason why a part was not taken.
pub(crate) async fn send_once(
    messenger: &dyn Messenger,
    chat: &str,
    parts: &[RenderedMessage],
) -> Result<String, ChannelError> {
    let mut last = String::new();
    for part in parts {
        last = messenger.send(chat, part).await?;
    }
    Ok(last)
}

/// Tries something again where the channel asks for a pause or can't be reached.
pub(crate) async fn retried<T, F>(mut attempt: impl FnMut() -> F) -> Result<T, ChannelError>
where
    F: Future<Output = Result<T, ChannelError>>,
{
    let mut tries = 1;
    loop {
        let pause = match attempt().await {
            Err(ChannelError::RateLimited(pause)) if pause <= MAX_PAUSE && tries < MAX_TRIES => pause,
            Err(ChannelError::Unreachable(_)) if tries < MAX_TRIES => Duration::from_secs(u64::from(tries)),
            done => return done,
        };
        tries += 1;
        tokio::time::sleep(pause).await;
    }
}
