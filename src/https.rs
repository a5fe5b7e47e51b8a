//! Requests to servers on the network, over TLS and through proxies: what the channels of a bot,
//! its webhooks and the verification of keys need.
//!
//! Everything is asynchronous and runs on the gateway's runtime, so that a request that waits for half a minute ends
//! as soon as nobody wants its response any more. Certificates are checked against the roots of the system, or the
//! file that `SSL_CERT_FILE` names. `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` are honoured, unless an
//! account has a proxy of its own. Redirects are not followed: an API that redirects is not the one that was meant.

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde_json::Value;

use crate::host::Host;

mod connect;
mod error;
mod retry_after;
mod stream;
mod tls;
mod websocket;

use connect::Connector;
use error::{body_error, connection_error, unusable_url};
use retry_after::retry_after;

pub(crate) use error::HttpsError;
pub(crate) use stream::HttpsStream;
pub(crate) use websocket::WebSocket;

/// Maximum size of a response, or of a message over a WebSocket, in bytes.
const MAX_MESSAGE_BYTES: usize = 4 << 20;
/// Time for which an idle connection is kept for the next request.
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);

/// A response of a server on the network.
#[derive(Debug)]
pub(crate) struct HttpsResponse {
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The body as JSON; `Null` where it is none.
    pub(crate) body: Value,
}

impl HttpsResponse {
    /// Returns the seconds that the server asks a client to wait, from its `Retry-After` header.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        retry_after(&self.headers)
    }
}

/// A client for servers on the network that keeps its connections for further requests. Clones share them.
#[derive(Clone)]
pub(crate) struct HttpsClient {
    client: Client<Connector, Full<Bytes>>,
    connector: Connector,
}

impl fmt::Debug for HttpsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpsClient")
    }
}

impl HttpsClient {
    /// Creates a client that uses the proxies which the environment names, or the given one for every request.
    ///
    /// # Errors
    /// [`HttpsError::ProxyUrl`] where the URL of the given proxy can't be used.
    pub(crate) fn new(host: &Host, proxy: Option<&str>) -> Result<Self, HttpsError> {
        Ok(Self::with_proxies(proxies(host, proxy)?))
    }

    /// Creates a client that uses no proxy, for servers on this host.
    pub(crate) fn direct() -> Self {
        Self::with_proxies(Matcher::builder().build())
    }

    fn with_proxies(proxies: Matcher) -> Self {
        let connector = Connector::new(proxies);
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(2)
            .pool_timer(TokioTimer::new())
            .build(connector.clone());
        Self { client, connector }
    }

    /// Sends a request, with a JSON body where one is given, and returns the response.
    ///
    /// # Errors
    /// Where none arrives within the time limit. A response with an error status is a response.
    pub(crate) async fn request(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
        body: Option<&Value>,
        limit: Duration,
    ) -> Result<HttpsResponse, HttpsError> {
        let request = new_request(method, url, headers, body)?;
        let responding = async {
            let response = self
                .client
                .request(request)
                .await
                .map_err(|error| connection_error(&error))?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, MAX_MESSAGE_BYTES).collect().await;
            let body = body.map_err(|error| body_error(error.as_ref()))?;
            Ok(HttpsResponse {
                status: head.status,
                headers: head.headers,
                body: serde_json::from_slice(&body.to_bytes()).unwrap_or_default(),
            })
        };
        tokio::time::timeout(limit, responding)
            .await
            .unwrap_or(Err(HttpsError::TimedOut))
    }

    /// Sends a request, with a JSON body where one is given, and returns the response as soon as its head is there. The body,
    /// of at most `max_bytes`, is read piece by piece.
    ///
    /// # Errors
    /// Where no head arrives within the time limit. A response with an error status is a response.
    pub(crate) async fn request_stream(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
        body: Option<&Value>,
        limit: Duration,
        max_bytes: usize,
    ) -> Result<HttpsStream, HttpsError> {
        let request = new_request(method, url, headers, body)?;
        let responding = self.client.request(request);
        let response = tokio::time::timeout(limit, responding)
            .await
            .map_err(|_| HttpsError::TimedOut)?
            .map_err(|error| connection_error(&error))?;
        Ok(HttpsStream::new(response, max_bytes))
    }
}

/// Creates a request, with a JSON body where one is given.
fn new_request(
    method: Method,
    url: &str,
    headers: HeaderMap,
    body: Option<&Value>,
) -> Result<Request<Full<Bytes>>, HttpsError> {
    let uri: Uri = url.parse().map_err(|_| unusable_url(url))?;
    let mut request = Request::new(Full::default());
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    if let Some(body) = body {
        *request.body_mut() = Full::from(body.to_string());
        request.headers_mut().insert(
            http::header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
    }
    // An API may want a name of a certain form.
    let agent = request.headers_mut().entry(http::header::USER_AGENT);
    agent.or_insert(user_agent());
    Ok(request)
}

/// Returns the name by which this program introduces itself to servers.
fn user_agent() -> HeaderValue {
    HeaderValue::from_static(concat!("openclaw-rs/", env!("CARGO_PKG_VERSION")))
}

/// Returns the proxies for requests: the given one for all, else those that the environment names.
fn proxies(host: &Host, proxy: Option<&str>) -> Result<Matcher, HttpsError> {
    let builder = Matcher::builder();
    if let Some(proxy) = proxy {
        let uri: Uri = proxy.parse().map_err(|_| HttpsError::ProxyUrl)?;
        if uri.host().is_none() {
            return Err(HttpsError::ProxyUrl);
        }
        return Ok(builder.all(proxy).build());
    }
    // Lower case first, as curl does.
    let var = |names: [&str; 2]| {
        names
            .into_iter()
            .find_map(|name| host.var(name))
            .unwrap_or_default()
            .to_owned()
    };
    Ok(builder
        .all(var(["all_proxy", "ALL_PROXY"]))
        .http(var(["http_proxy", "HTTP_PROXY"]))
        .https(var(["https_proxy", "HTTPS_PROXY"]))
        .no(var(["no_proxy", "NO_PROXY"]))
        .build())
}
