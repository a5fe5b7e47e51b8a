//! The webhook of alerts: one POST of JSON for each, in the form in which ntfy publishes
//! (<https://docs.ntfy.sh/publish/#publish-as-json>), with a few keys more for other programs.
//!
//! Whoever knows the URL may post there, so that it is in no log and no error.

use std::time::Duration;

use http::{HeaderMap, Method};
use serde_json::{Map, Value, json};

use super::book::Due;
use super::incident::{Happening, Incident};
use super::texts;
use crate::bot::channel::ChannelError;
use crate::bot::markup::{Markup, MessageFormat};
use crate::bot::message::{Line, Message};
use crate::host::Host;
use crate::https::HttpsClient;
use crate::i18n::Lang;
use crate::record::AlertsTable;
use crate::secret::Secret;
use crate::time::{format_seconds, from_unix_millis};

/// Time limit of a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// Pause that a server is given which asks for one and does not say how long.
const USUAL_PAUSE: Duration = Duration::from_mins(1);
/// The form of the text: ntfy makes an attachment of what is longer than 4,096 bytes, and a character of these sentences
/// has at most two.
const FORMAT: MessageFormat = MessageFormat {
    markup: Markup::Plain,
    max_length: 2000,
};

/// The webhook that a record names.
pub(crate) struct Webhook {
    client: HttpsClient,
    url: Secret,
    topic: Option<String>,
}

impl Webhook {
    /// Creates the webhook of a record; `None` where it names none.
    ///
    /// # Errors
    /// When the proxy that the environment names can't be used.
    pub(crate) fn new(host: &Host, record: &AlertsTable) -> Result<Option<Self>, ChannelError> {
        let Some(url) = record.webhook.clone() else {
            return Ok(None);
        };
        Ok(Some(Self {
            client: HttpsClient::new(host, None)?,
            url,
            topic: record.topic.clone(),
        }))
    }

    /// Returns the URL, which no message may contain.
    pub(crate) fn secret(&self) -> &Secret {
        &self.url
    }

    /// Posts an alert once, in a language and without what `redact` leaves out.
    ///
    /// # Errors
    /// The reason why the server did not take it.
    pub(crate) async fn post(
        &self,
        due: &Due,
        lang: Lang,
        redact: &(dyn Fn(&str) -> String + Sync),
    ) -> Result<(), ChannelError> {
        let body = body(due, self.topic.as_deref(), lang, redact);
        let response = self
            .client
            .request(
                Method::POST,
                self.url.expose(),
                HeaderMap::new(),
                Some(&body),
                REQUEST_TIMEOUT,
            )
            .await?;
        let status = response.status;
        match status.as_u16() {
            200..=299 => Ok(()),
            429 => Err(ChannelError::RateLimited(
                response.retry_after().unwrap_or(USUAL_PAUSE),
            )),
            408 | 500..=599 => Err(ChannelError::Unreachable(format!("HTTP {status}"))),
            _ => Err(ChannelError::Refused(format!("HTTP {status}"))),
        }
    }
}

/// Returns the JSON of an alert.
pub(super) fn body(due: &Due, topic: Option<&str>, lang: Lang, redact: &dyn Fn(&str) -> String) -> Value {
    let (message, event, profile, at) = match due {
        Due::Incident(incident, _) => {
            let at = incident.events.last().map_or(incident.begun, |event| event.at);
            let message = texts::incident_message(incident, lang);
            (message, incident.state(), Some(&incident.profile), at)
        }
        Due::Word(word) => (
            texts::word_message(word, lang),
            Happening::Watching,
            None,
            word.at,
        ),
    };
    let (title, text) = title_and_text(message, lang, redact);
    let (priority, tag) = match due {
        Due::Incident(incident, _) => urgency(incident),
        Due::Word(_) => (2, "information_source"),
    };
    let mut body = Map::new();
    body.extend(topic.map(|topic| ("topic".to_owned(), topic.into())));
    let fields = json!({
        "title": title,
        "message": text,
        "priority": priority,
        "tags": [tag],
        "event": match due {
            Due::Incident(..) => json!(event),
            Due::Word(_) => json!("word"),
        },
        "profile": profile,
        "at": format_seconds(from_unix_millis(at)),
    });
    body.extend(fields.as_object().cloned().unwrap_or_default());
    body.into()
}

/// Returns the heading of a message, and the rest of it.
fn title_and_text(mut message: Message, lang: Lang, redact: &dyn Fn(&str) -> String) -> (String, String) {
    let title = match message.lines.first() {
        Some(Line::Heading(heading)) => redact(&heading.render(lang)),
        _ => String::new(),
    };
    message.lines.remove(0);
    let mut parts = FORMAT.render(&message, lang, redact);
    (title, parts.swap_remove(0))
}

/// Returns the priority of an incident, 1 to 5, and its mark, as ntfy has them.
fn urgency(incident: &Incident) -> (u8, &'static str) {
    match incident.state() {
        Happening::InVain => (5, "rotating_light"),
        Happening::Lost | Happening::Absent => (4, "rotating_light"),
        Happening::Repairing => (3, "wrench"),
        Happening::Stopped => (3, "stop_sign"),
        Happening::Upgraded => (2, "arrow_up"),
        Happening::Watching | Happening::Repaired | Happening::Recovered => (3, "white_check_mark"),
    }
}
