//! Connections to servers on the network: direct or through a proxy, plain or over TLS.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;
use tower_service::Service;

use super::error::{HttpsError, connection_error, unusable_url};
use super::tls::tls_config;

/// Time within which a connection, TLS included, must stand.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection to a server on the network.
#[derive(Debug)]
pub(crate) enum NetworkStream {
    /// Not encrypted.
    Plain(TcpStream),
    /// Encrypted by TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

/// Connects to servers on the network, through a proxy where one is set for them.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    proxies: Arc<Matcher>,
}

impl Connector {
    /// Creates a connector that uses these proxies.
    pub(super) fn new(proxies: Matcher) -> Self {
        Self {
            proxies: Arc::new(proxies),
        }
    }

    /// Connects to the server of a URL, and agrees on TLS where its scheme wants it.
    pub(super) async fn connect(&self, uri: &Uri) -> Result<NetworkStream, HttpsError> {
        let is_encrypted = match uri.scheme_str() {
            Some("https" | "wss") => true,
            Some("http" | "ws") => false,
            _ => return Err(unusable_url(&uri.to_string())),
        };
        let host = uri.host().ok_or_else(|| unusable_url(&uri.to_string()))?;
        // Proxies are set for the schemes of HTTP, and tunnels want a port.
        let (scheme, default_port) = if is_encrypted {
            ("https", 443)
        } else {
            ("http", 80)
        };
        let port = uri.port_u16().unwrap_or(default_port);
        let target: Uri = format!("{scheme}://{host}:{port}/")
            .parse()
            .map_err(|_| unusable_url(&uri.to_string()))?;
        let stream = self.connect_tcp(target).await?;
        // Messages are small, and each waits for the response to the one before.
        let _ = stream.set_nodelay(true);
        if !is_encrypted {
            return Ok(NetworkStream::Plain(stream));
        }
        let name = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(name).map_err(|_| unusable_url(&uri.to_string()))?;
        let tls = TlsConnector::from(tls_config()?).connect(name, stream).await;
        let tls = tls.map_err(|error| HttpsError::Connection(error.to_string()))?;
        Ok(NetworkStream::Tls(Box::new(tls)))
    }

    /// Connects to the server of a URL by TCP, through its proxy where it has one.
    async fn connect_tcp(&self, target: Uri) -> Result<TcpStream, HttpsError> {
        let mut direct = HttpConnector::new();
        direct.enforce_http(false);
        direct.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let Some(proxy) = self.proxies.intercept(&target) else {
            let stream = direct
                .call(target)
                .await
                .map_err(|error| connection_error(&error))?;
            return Ok(stream.into_inner());
        };
        let stream = if let Some("socks5" | "socks5h") = proxy.uri().scheme_str() {
            let mut socks = SocksV5::new(proxy.uri().clone(), direct);
            if let Some((name, password)) = proxy.raw_auth() {
                socks = socks.with_auth(name.to_owned(), password.to_owned());
            }
            let connected = socks.call(target).await;
            connected.map_err(|error| connection_error(&error))?
        } else {
            let mut tunnel = Tunnel::new(proxy.uri().clone(), direct);
            if let Some(auth) = proxy.basic_auth() {
                tunnel = tunnel.with_auth(auth.clone());
            }
            let connected = tunnel.call(target).await;
            connected.map_err(|error| connection_error(&error))?
        };
        Ok(stream.into_inner())
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<NetworkStream>;
    type Error = HttpsError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, HttpsError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), HttpsError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move {
            let connected = tokio::time::timeout(CONNECT_TIMEOUT, connector.connect(&uri)).await;
            connected.unwrap_or(Err(HttpsError::TimedOut)).map(TokioIo::new)
        })
    }
}

impl Connection for NetworkStream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for NetworkStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for NetworkStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
