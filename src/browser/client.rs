//! A client of the browser control service, for the command line: one HTTP request, with the instance's token.
//!
//! The token is not sent to a process of another user: while the gateway is down, another user of the machine may
//! listen on its port.

use std::time::Duration;

use serde_json::Value;
use ureq::http::{Method, Request};

use super::http_client;
use super::port_owner::{ListenerUser, listener_user};
use crate::error::{Error, Result};
use crate::i18n::{Lang, msg};
use crate::ports::Port;
use crate::settings::ClientAuth;

/// Name of the header by which a request to the browser control service sets the time that the response may take, in
/// milliseconds.
pub(crate) const TIMEOUT_HEADER: &str = "x-openclaw-timeout-ms";
/// Time that the client waits for a response of the browser control service, in addition to the time that the service
/// may take.
const RESPONSE_GRACE: Duration = Duration::from_secs(2);
/// Maximum size of a response of the browser control service, in bytes. A screenshot of a long page is the largest
/// one.
const MAX_RESPONSE_BYTES: u64 = 64 * 1024 * 1024;

/// A client of the browser control service of one instance.
#[derive(Clone, Debug)]
pub(crate) struct ControlClient {
    /// The port of the control service on loopback.
    pub(crate) port: Port,
    /// The token or password that is sent with each request.
    pub(crate) auth: ClientAuth,
    /// The language of the service's error messages.
    pub(crate) lang: Lang,
    /// The beginning of a command line for this instance, for hints.
    pub(crate) command: String,
}

/// The outcome of a request to the browser control service.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ControlReply {
    /// The gateway is not running: nothing listens on the port.
    GatewayDown,
    /// The request succeeded, with this document.
    Success(Value),
    /// The request was refused or failed.
    Failure {
        /// The HTTP status.
        status: u16,
        /// The document that describes the error.
        document: Value,
    },
}

impl ControlClient {
    /// Sends a request to the browser control service. `path` includes the query.
    ///
    /// # Errors
    /// When a process of another user listens on the port, the token is refused, or no response arrives in time.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        timeout: Duration,
    ) -> Result<ControlReply> {
        match listener_user(self.port) {
            ListenerUser::Nobody => return Ok(ControlReply::GatewayDown),
            ListenerUser::OtherUser => {
                return Err(Error::unhealthy(msg!("browser.another-user", port = self.port)));
            }
            ListenerUser::SameUser => {}
        }
        let failed = |cause: anyhow::Error| {
            Error::unhealthy(msg!("browser.no-answer", port = self.port))
                .because(cause)
                .hint(msg!("browser.look-at-gateway", command = self.command))
        };
        let (status, text) = self.exchange(method, path, body, timeout).map_err(failed)?;
        let document: Value = serde_json::from_str(&text).map_err(|e| failed(e.into()))?;
        match status {
            200..300 => Ok(ControlReply::Success(document)),
            401 => Err(Error::unhealthy(msg!("browser.token-refused", port = self.port))
                .hint(msg!("browser.look-at-gateway", command = self.command))),
            status => Ok(ControlReply::Failure { status, document }),
        }
    }

    /// Sends an HTTP request to the browser control service and returns the status and the body of the response.
    fn exchange(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        timeout: Duration,
    ) -> anyhow::Result<(u16, String)> {
        let mut request = Request::builder()
            .method(Method::from_bytes(method.as_bytes())?)
            .uri(format!("http://127.0.0.1:{}{path}", self.port))
            .header("accept-language", self.lang.code())
            .header(TIMEOUT_HEADER, timeout.as_millis().to_string());
        if let ClientAuth::Token(secret) | ClientAuth::Password(secret) = &self.auth {
            request = request.header("authorization", format!("Bearer {}", secret.expose()));
        }
        let text = body.map(Value::to_string).unwrap_or_default();
        let agent = http_client::agent(timeout + RESPONSE_GRACE);
        let mut response = if text.is_empty() {
            agent.run(request.body(())?)?
        } else {
            agent.run(request.header("content-type", "application/json").body(text)?)?
        };
        let status = response.status().as_u16();
        let limited = response.body_mut().with_config().limit(MAX_RESPONSE_BYTES);
        Ok((status, limited.read_to_string()?))
    }
}
