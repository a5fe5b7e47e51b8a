//! The reasons why a request to a server on the network gets no response.

use http::{StatusCode, Uri};
use http_body_util::LengthLimitError;

/// The reason why a request to a server on the network got no response.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpsError {
    /// The URL has no host, or another scheme than HTTP has.
    #[error("not a URL of a server: {0}")]
    Url(String),
    /// The proxy's URL can't be used.
    #[error("not a URL of a proxy")]
    ProxyUrl,
    /// There is no certificate by which a server could be checked.
    #[error("no root certificates: install the package ca-certificates, or set SSL_CERT_FILE")]
    NoRoots,
    /// The server answers a request for a WebSocket with a status in place of one.
    #[error("HTTP {} in place of a WebSocket", .0.as_u16())]
    NoWebSocket(StatusCode),
    /// Nothing came in time.
    #[error("no response in time")]
    TimedOut,
    /// The response is larger than any that is wanted.
    #[error("the response is too large")]
    TooLarge,
    /// The connection could not be made, or broke.
    #[error("{0}")]
    Connection(String),
}

/// Returns the error for a URL that can't be requested. A URL may hold a token in its path, so that only the host is
/// named.
pub(super) fn unusable_url(url: &str) -> HttpsError {
    let uri = url.parse::<Uri>().ok();
    HttpsError::Url(
        uri.and_then(|uri| uri.host().map(str::to_owned))
            .unwrap_or_default(),
    )
}

/// Returns the error for a request that broke, with its innermost cause: the outer ones say only that it broke. The
/// URL, which may hold a token, is no part of it.
pub(super) fn connection_error(error: &(dyn std::error::Error + 'static)) -> HttpsError {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    HttpsError::Connection(cause.to_string())
}

/// Returns the error for a body that could not be read to its end.
pub(super) fn body_error(error: &(dyn std::error::Error + Send + Sync + 'static)) -> HttpsError {
    if error.is::<LengthLimitError>() {
        HttpsError::TooLarge
    } else {
        HttpsError::Connection(error.to_string())
    }
}
