//! The command line's side of the control service: one request over HTTP, with the instance's token.
//!
//! A token is said to nobody who can't be seen: while a gateway is down, another user of the machine may
//! listen on its port.

use std::time::Duration;

use serde_json::Value;
use ureq::http::{Method, Request};

use super::fetch;
use super::prove::{Hearer, hearer};
use crate::error::{Error, Result};
use crate::i18n::{Lang, msg};
use crate::ports::Port;
use crate::settings::Proof;

/// The header that says how long an answer may take, in milliseconds.
pub const TIMEOUT: &str = "x-openclaw-timeout-ms";
/// How much longer than the work itself an answer may take.
const GRACE: Duration = Duration::from_secs(2);
/// The largest answer, in bytes: a picture of a long page.
const MOST: u64 = 64 * 1024 * 1024;

/// Where the control service is, and what proves us.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its port.
    pub port: Port,
    /// What proves us.
    pub proof: Proof,
    /// The language of its errors.
    pub lang: Lang,
    /// The start of a command of this instance.
    pub command: String,
}

/// What came back.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Nobody listens: the gateway is down.
    Down,
    /// It was done.
    Done(Value),
    /// It was refused, with a status and the reason in words.
    Refused(u16, Value),
}

impl Client {
    /// Asks for one thing. `path` has its query.
    ///
    /// # Errors
    /// Somebody else listens there, the token is not taken, or no answer comes in time.
    pub fn ask(&self, method: &str, path: &str, body: Option<&Value>, limit: Duration) -> Result<Answer> {
        match hearer(self.port) {
            Hearer::Nobody => return Ok(Answer::Down),
            Hearer::Hidden => {
                return Err(Error::unhealthy(msg!("browser.another-user", port = self.port)));
            }
            Hearer::Visible => {}
        }
        let failed = |cause: anyhow::Error| {
            Error::unhealthy(msg!("browser.no-answer", port = self.port))
                .because(cause)
                .hint(msg!("browser.look-at-gateway", command = self.command))
        };
        let (status, text) = self.exchange(method, path, body, limit).map_err(failed)?;
        let document: Value = serde_json::from_str(&text).map_err(|e| failed(e.into()))?;
        match status {
            200..300 => Ok(Answer::Done(document)),
            401 => Err(Error::unhealthy(msg!("browser.token-refused", port = self.port))
                .hint(msg!("browser.look-at-gateway", command = self.command))),
            status => Ok(Answer::Refused(status, document)),
        }
    }

    fn exchange(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        limit: Duration,
    ) -> anyhow::Result<(u16, String)> {
        let mut request = Request::builder()
            .method(Method::from_bytes(method.as_bytes())?)
            .uri(format!("http://127.0.0.1:{}{path}", self.port))
            .header("accept-language", self.lang.code())
            .header(TIMEOUT, limit.as_millis().to_string());
        if let Proof::Token(secret) | Proof::Password(secret) = &self.proof {
            request = request.header("authorization", format!("Bearer {}", secret.expose()));
        }
        let text = body.map(Value::to_string).unwrap_or_default();
        let agent = fetch::agent(limit + GRACE);
        let mut answer = if text.is_empty() {
            agent.run(request.body(())?)?
        } else {
            agent.run(request.header("content-type", "application/json").body(text)?)?
        };
        let status = answer.status().as_u16();
        let limited = answer.body_mut().with_config().limit(MOST);
        Ok((status, limited.read_to_string()?))
    }
}
