//! The Web API of Slack: one call, with the token of its kind, and the reasons why it fails.

use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method};
use serde_json::{Value, json};

use crate::bot::channel::ChannelError;
use crate::https::{HttpsClient, HttpsResponse, WebSocket};
use crate::i18n::msg;
use crate::secret::Secret;

/// Time for a request, or for a connection of Socket Mode to stand.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// Pause where Slack asks for one and does not say how long it is to be.
const DEFAULT_PAUSE: Duration = Duration::from_secs(30);

/// The Web API for one app.
pub(super) struct WebApi {
    client: HttpsClient,
    root: String,
    bot_token: Secret,
    app_token: Secret,
}

impl WebApi {
    /// Creates the Web API at an address for the tokens of a bot and of its app. Nothing is sent yet.
    pub(super) fn new(client: HttpsClient, root: &str, bot_token: Secret, app_token: Secret) -> Self {
        Self {
            client,
            root: root.trim_end_matches('/').to_owned(),
            bot_token,
            app_token,
        }
    }

    /// Calls a method as the bot, and returns the answer.
    ///
    /// # Errors
    /// The reason why Slack did not do it, or was not reached.
    pub(super) async fn call(&self, method: &str, params: &Value) -> Result<Value, ChannelError> {
        self.call_as(&self.bot_token, method, params).await
    }

    /// Asks for a new connection of Socket Mode, and returns its URL, which is good once.
    ///
    /// # Errors
    /// The reason why there is none.
    pub(super) async fn request_socket(&self) -> Result<String, ChannelError> {
        let method = "apps.connections.open";
        let opened = self.call_as(&self.app_token, method, &json!({})).await?;
        let url = opened["url"].as_str().map(str::to_owned);
        url.ok_or_else(|| ChannelError::Refused(format!("{method} without a URL")))
    }

    /// Opens a new connection of Socket Mode.
    ///
    /// # Errors
    /// The reason why there is none.
    pub(super) async fn open_socket(&self) -> Result<WebSocket, ChannelError> {
        let url = self.request_socket().await?;
        Ok(self.client.websocket(&url, REQUEST_TIMEOUT).await?)
    }

    async fn call_as(&self, token: &Secret, method: &str, params: &Value) -> Result<Value, ChannelError> {
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.expose()))
            .map_err(|_| ChannelError::Unauthorized)?;
        bearer.set_sensitive(true);
        let headers = HeaderMap::from_iter([(AUTHORIZATION, bearer)]);
        let url = format!("{}/{method}", self.root);
        let response = self
            .client
            .request(Method::POST, &url, headers, Some(params), REQUEST_TIMEOUT)
            .await?;
        result_of(response)
    }
}

/// Returns the answer to a call, or the reason why it is an error. Most errors have the status 200
/// (<https://docs.slack.dev/apis/web-api/using-the-web-api#responses>).
fn result_of(response: HttpsResponse) -> Result<Value, ChannelError> {
    if response.body["ok"] == true {
        return Ok(response.body);
    }
    let status = response.status.as_u16();
    let error = crate::text::sanitize(response.body["error"].as_str().unwrap_or_default());
    Err(match error.as_str() {
        "invalid_auth" | "not_authed" | "token_revoked" | "token_expired" | "account_inactive" => {
            ChannelError::Unauthorized
        }
        "ratelimited" | "rate_limited" => rate_limited(&response),
        _ if status == 429 => rate_limited(&response),
        "not_allowed_token_type" => ChannelError::Settings(msg!("bot.error-slack-token-kind")),
        "missing_scope" => {
            let scope = crate::text::sanitize(response.body["needed"].as_str().unwrap_or_default());
            ChannelError::Settings(msg!("bot.error-slack-scope", scope = scope))
        }
        "" | "internal_error" | "fatal_error" | "service_unavailable" | "request_timeout" => {
            ChannelError::Unreachable(format!("HTTP {status} {error}").trim_end().to_owned())
        }
        _ if status >= 500 => ChannelError::Unreachable(format!("HTTP {status} {error}")),
        _ => ChannelError::Refused(error),
    })
}

fn rate_limited(response: &HttpsResponse) -> ChannelError {
    ChannelError::RateLimited(response.retry_after().unwrap_or(DEFAULT_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(status: u16, headers: &[(&'static str, &'static str)], body: Value) -> ChannelError {
        let header = |&(name, value): &(&'static str, &'static str)| {
            (
                http::HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        };
        result_of(HttpsResponse {
            status: http::StatusCode::from_u16(status).unwrap(),
            headers: headers.iter().map(header).collect(),
            body,
        })
        .unwrap_err()
    }

    fn named(name: &str) -> ChannelError {
        error(200, &[], json!({ "ok": false, "error": name }))
    }

    #[test]
    fn errors_are_told_apart_by_their_names_whatever_the_status_is() {
        for name in ["invalid_auth", "token_revoked", "account_inactive", "not_authed"] {
            assert!(matches!(named(name), ChannelError::Unauthorized), "{name}");
        }
        for name in ["internal_error", "fatal_error", "service_unavailable"] {
            assert!(matches!(named(name), ChannelError::Unreachable(_)), "{name}");
        }
        assert!(
            matches!(named("channel_not_found"), ChannelError::Refused(why) if why == "channel_not_found")
        );
        let scope = json!({ "ok": false, "error": "missing_scope", "needed": "chat:write" });
        let lacks = msg!("bot.error-slack-scope", scope = "chat:write");
        assert!(matches!(error(200, &[], scope), ChannelError::Settings(msg) if msg == lacks));
        assert!(matches!(
            named("not_allowed_token_type"),
            ChannelError::Settings(_)
        ));
        // A proxy's page is no answer of Slack.
        assert!(matches!(
            error(404, &[], Value::Null),
            ChannelError::Unreachable(_)
        ));
        let odd = json!({ "ok": false, "error": "odd" });
        assert!(matches!(error(503, &[], odd), ChannelError::Unreachable(_)));
    }

    #[test]
    fn pause_is_as_long_as_the_server_asks_for() {
        let limited = json!({ "ok": false, "error": "ratelimited" });
        let pause = |status, headers: &[_], body| match error(status, headers, body) {
            ChannelError::RateLimited(pause) => pause.as_secs(),
            other => panic!("{other:?}"),
        };
        assert_eq!(pause(429, &[("retry-after", "7")], limited.clone()), 7);
        assert_eq!(pause(429, &[("retry-after", "7")], Value::Null), 7);
        assert_eq!(pause(200, &[], limited), 30);
    }
}
