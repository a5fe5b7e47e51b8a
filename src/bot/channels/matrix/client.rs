//! Requests to a homeserver: where it is, the access token, and what its errors mean
//! (<https://spec.matrix.org/latest/client-server-api/#standard-error-response>).

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tokio::sync::{Mutex, OnceCell};

use crate::bot::account::AccountSettings;
use crate::bot::channel::ChannelError;
use crate::https::{HttpsClient, HttpsError, HttpsResponse};
use crate::i18n::msg;
use crate::secret::Secret;

/// Time for a request beside the time that the homeserver holds it open.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// The pause for a homeserver that asks for one without saying how long.
const DEFAULT_PAUSE: Duration = Duration::from_secs(5);
/// The characters of a part of a path that mean something in a URL.
const PATH_PART: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The proof of who a bot is.
#[derive(Clone, Debug)]
enum Credential {
    /// An access token.
    AccessToken(Secret),
    /// A password, for which the homeserver gives an access token to one device.
    Password {
        user: Option<String>,
        password: Secret,
        device_id: String,
        device_name: String,
    },
}

/// The connection of one account to its homeserver.
#[derive(Debug)]
pub(super) struct HomeserverClient {
    http: HttpsClient,
    /// The URL or the name of the homeserver, as the config has it.
    homeserver: String,
    credential: Credential,
    /// The base of the URLs, once it is known.
    base: OnceCell<String>,
    /// The access token, once there is one.
    token: Mutex<Option<Secret>>,
}

/// A refusal of a request, with the homeserver's own words.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The code, such as `M_NOT_FOUND`.
    pub(super) code: String,
    /// The HTTP status.
    pub(super) status: StatusCode,
    why: String,
}

/// The reason why a request has no result.
#[derive(Debug)]
pub(super) enum RequestError {
    /// The homeserver refuses the request, and would refuse it again.
    Refused(Refusal),
    /// The response is larger than this program takes.
    TooLarge,
    /// The channel does not work now.
    Channel(ChannelError),
}

impl From<RequestError> for ChannelError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Refused(Refusal { code, why, .. }) => {
                Self::Refused(format!("{code} {why}").trim().to_owned())
            }
            RequestError::TooLarge => Self::from(HttpsError::TooLarge),
            RequestError::Channel(error) => error,
        }
    }
}

impl From<HttpsError> for RequestError {
    fn from(error: HttpsError) -> Self {
        match error {
            HttpsError::TooLarge => Self::TooLarge,
            error => Self::Channel(error.into()),
        }
    }
}

impl RequestError {
    /// Returns whether the homeserver refused the request with this code.
    pub(super) fn is(&self, code: &str) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.code == code)
    }
}

impl HomeserverClient {
    /// Creates the connection of an account. Nothing is sent yet.
    pub(super) fn new(settings: &AccountSettings, http: HttpsClient) -> Self {
        let secret = settings.secrets[0].clone();
        let text = |key: &str| settings.text(key).map(str::to_owned);
        let credential = if settings.secret_keys[0] == PASSWORD_KEY {
            Credential::Password {
                user: text("userId"),
                password: secret,
                device_id: text("deviceId").unwrap_or_else(|| format!("OPENCLAW_RS_{}", settings.account)),
                device_name: text("deviceName").unwrap_or_else(|| DEVICE_NAME.to_owned()),
            }
        } else {
            Credential::AccessToken(secret)
        };
        Self {
            http,
            homeserver: text("homeserver").unwrap_or_default(),
            credential,
            base: OnceCell::new(),
            token: Mutex::default(),
        }
    }

    /// Asks the homeserver for something.
    pub(super) async fn get(&self, path: &str) -> Result<Value, RequestError> {
        self.call(Method::GET, path, None, Duration::ZERO).await
    }

    /// Asks the homeserver for something, which it may hold back for a time.
    pub(super) async fn get_held(&self, path: &str, held_open: Duration) -> Result<Value, RequestError> {
        self.call(Method::GET, path, None, held_open).await
    }

    /// Puts something on the homeserver. The same again is done once.
    pub(super) async fn put(&self, path: &str, content: &Value) -> Result<Value, RequestError> {
        self.call(Method::PUT, path, Some(content), Duration::ZERO).await
    }

    /// Lets the homeserver do something.
    pub(super) async fn post(&self, path: &str, content: &Value) -> Result<Value, RequestError> {
        self.call(Method::POST, path, Some(content), Duration::ZERO).await
    }

    /// Calls the homeserver, and once more with a new access token where the old one is no longer good and there is a
    /// password.
    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        held_open: Duration,
    ) -> Result<Value, RequestError> {
        let token = self.token().await?;
        let called = self
            .request(method.clone(), path, body, held_open, Some(&token))
            .await;
        match (&called, &self.credential) {
            (Err(RequestError::Channel(ChannelError::Unauthorized)), Credential::Password { .. }) => {
                let mut known = self.token.lock().await;
                if known.as_ref() == Some(&token) {
                    *known = None;
                }
                drop(known);
                let token = self.token().await?;
                self.request(method, path, body, held_open, Some(&token)).await
            }
            _ => called,
        }
    }

    /// Sends a request to the homeserver, and returns what it answers.
    async fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        held_open: Duration,
        token: Option<&Secret>,
    ) -> Result<Value, RequestError> {
        let base = self.base.get_or_try_init(|| self.find_base()).await?;
        let mut headers = HeaderMap::new();
        if let Some(token) = token {
            let value = HeaderValue::from_str(&format!("Bearer {}", token.expose()));
            let mut value = value.map_err(|_| RequestError::Channel(ChannelError::Unauthorized))?;
            value.set_sensitive(true);
            headers.insert(http::header::AUTHORIZATION, value);
        }
        let url = format!("{base}/_matrix/client{path}");
        let limit = REQUEST_TIMEOUT + held_open;
        result_of(self.http.request(method, &url, headers, body, limit).await?)
    }

    /// Finds the base of the URLs: the configured URL, or what the homeserver of a name says
    /// (<https://spec.matrix.org/latest/client-server-api/#well-known-uris>).
    async fn find_base(&self) -> Result<String, RequestError> {
        if self.homeserver.contains("://") {
            return Ok(self.homeserver.trim_end_matches('/').to_owned());
        }
        let name = &self.homeserver;
        let url = format!("https://{name}/.well-known/matrix/client");
        let response = self
            .http
            .request(Method::GET, &url, HeaderMap::new(), None, REQUEST_TIMEOUT)
            .await?;
        Ok(base_of(name, &response))
    }

    /// Returns the access token. The first call with a password logs in.
    async fn token(&self) -> Result<Secret, RequestError> {
        let (user, password, device_id, device_name) = match &self.credential {
            Credential::AccessToken(token) => return Ok(token.clone()),
            Credential::Password {
                user,
                password,
                device_id,
                device_name,
            } => (user, password, device_id, device_name),
        };
        let mut known = self.token.lock().await;
        if let Some(token) = &*known {
            return Ok(token.clone());
        }
        let Some(user) = user else {
            return Err(RequestError::Channel(ChannelError::Settings(msg!(
                "bot.matrix-no-user"
            ))));
        };
        // A device that logs in again stays the same one, and its earlier token ends.
        let login = json!({
            "type": "m.login.password",
            "identifier": { "type": "m.id.user", "user": user },
            "password": password.expose(),
            "device_id": device_id,
            "initial_device_display_name": device_name,
        });
        let made = self
            .request(Method::POST, "/v3/login", Some(&login), Duration::ZERO, None)
            .await
            .map_err(|error| {
                if error.is("M_FORBIDDEN") {
                    RequestError::Channel(ChannelError::Unauthorized)
                } else {
                    error
                }
            })?;
        let token = Secret::new(made["access_token"].as_str().unwrap_or_default());
        *known = Some(token.clone());
        Ok(token)
    }
}

/// The key of an account's password.
pub(super) const PASSWORD_KEY: &str = "password";
/// The name of the device that a password logs in, where the config names none: OpenClaw's.
const DEVICE_NAME: &str = "OpenClaw Gateway";

/// Returns the base of the URLs of a homeserver, by what the host of its name answers. A name whose host says nothing
/// is that of the homeserver itself.
fn base_of(name: &str, response: &HttpsResponse) -> String {
    let found = response.body.pointer("/m.homeserver/base_url");
    let found = found
        .and_then(Value::as_str)
        .filter(|url| url.starts_with("https://"));
    let base = found
        .filter(|_| response.status == StatusCode::OK)
        .map(str::to_owned);
    let base = base.unwrap_or_else(|| format!("https://{name}"));
    base.trim_end_matches('/').to_owned()
}

/// Returns the result of a request, or the reason why there is none.
fn result_of(response: HttpsResponse) -> Result<Value, RequestError> {
    if response.status.is_success() {
        return Ok(response.body);
    }
    let text = |key: &str| {
        response
            .body
            .get(key)
            .and_then(Value::as_str)
            .map(crate::text::sanitize)
    };
    let (code, why) = (text("errcode"), text("error").unwrap_or_default());
    let Some(code) = code else {
        let status = response.status.as_u16();
        let answer = format!("HTTP {status}");
        return Err(RequestError::Channel(ChannelError::Unreachable(answer)));
    };
    Err(match (response.status.as_u16(), code.as_str()) {
        (_, "M_UNKNOWN_TOKEN" | "M_MISSING_TOKEN" | "M_USER_DEACTIVATED") => {
            RequestError::Channel(ChannelError::Unauthorized)
        }
        (429, _) | (_, "M_LIMIT_EXCEEDED") => {
            let pause = response.body.get("retry_after_ms").and_then(Value::as_u64);
            let pause = pause
                .map(Duration::from_millis)
                .or_else(|| response.retry_after());
            RequestError::Channel(ChannelError::RateLimited(pause.unwrap_or(DEFAULT_PAUSE)))
        }
        (400..=499, _) => RequestError::Refused(Refusal {
            code,
            status: response.status,
            why,
        }),
        (status, code) => {
            let answer = format!("HTTP {status} {code} {why}");
            RequestError::Channel(ChannelError::Unreachable(answer.trim_end().to_owned()))
        }
    })
}

/// Encodes an id for a part of a path, or of a query.
pub(super) fn encode(id: &str) -> String {
    utf8_percent_encode(id, PATH_PART).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, body: Value) -> HttpsResponse {
        HttpsResponse {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body,
        }
    }

    #[test]
    fn errors_are_told_apart_by_their_code() {
        let error = |status, body| result_of(response(status, body)).unwrap_err();
        let channel = |status, body| ChannelError::from(error(status, body));
        let revoked = json!({ "errcode": "M_UNKNOWN_TOKEN", "error": "Invalid access token passed." });
        assert!(matches!(channel(401, revoked), ChannelError::Unauthorized));
        let limited =
            json!({ "errcode": "M_LIMIT_EXCEEDED", "error": "Too Many Requests", "retry_after_ms": 1500 });
        let ChannelError::RateLimited(pause) = channel(429, limited) else {
            panic!("no pause");
        };
        assert_eq!(pause, Duration::from_millis(1500));
        let missing = json!({ "errcode": "M_NOT_FOUND", "error": "Event not found." });
        assert!(error(404, missing.clone()).is("M_NOT_FOUND"));
        assert_eq!(channel(404, missing).to_string(), "M_NOT_FOUND Event not found.");
        let broken = json!({ "errcode": "M_UNKNOWN", "error": "Internal server error" });
        assert!(matches!(channel(500, broken), ChannelError::Unreachable(_)));
        // A proxy's page is no answer of the homeserver.
        assert!(matches!(channel(404, Value::Null), ChannelError::Unreachable(_)));
    }

    #[test]
    fn homeserver_of_a_name_is_where_its_host_says() {
        let base = |status, body| base_of("example.org", &response(status, body));
        let found = |url: &str| json!({ "m.homeserver": { "base_url": url } });
        assert_eq!(
            base(200, found("https://matrix.example.org/")),
            "https://matrix.example.org"
        );
        for (status, body) in [
            (404, Value::Null),
            (200, json!("<html>")),
            (302, found("https://else.where")),
            // The token would go over the network as it is.
            (200, found("http://matrix.example.org")),
        ] {
            assert_eq!(base(status, body), "https://example.org");
        }
    }

    #[test]
    fn ids_are_encoded_for_paths() {
        assert_eq!(encode("!a/b:host"), "%21a%2Fb%3Ahost");
        assert_eq!(encode("m.room.message"), "m.room.message");
    }
}
