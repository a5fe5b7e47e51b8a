//! The HTTP server of a stand-in: a router in a thread with a runtime of its own, whose connections a test can break.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread::JoinHandle;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use http::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use serde_json::{Map, Value};
use tokio::sync::watch;
use tokio_tungstenite::WebSocketStream;
use tungstenite::handshake::server::create_response_with_body;
use tungstenite::protocol::{CloseFrame, Role};

/// Maximum size of a request, in bytes.
const BODY_LIMIT: usize = 1 << 20;

/// The server's end of a WebSocket.
pub type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// The connections of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Line {
    /// Raised to end every connection.
    generation: u64,
    /// Whether new connections are served. Others are closed at once.
    is_up: bool,
    /// Whether the server ends.
    is_over: bool,
}

/// A running server. Dropping it ends it and its connections.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    line: watch::Sender<Line>,
    thread: Option<JoinHandle<()>>,
}

/// The order to end one connection. Every request carries it as an extension, for a task that outlives the request.
#[derive(Clone, Debug)]
pub struct HangUp {
    generation: u64,
    line: watch::Receiver<Line>,
}

/// Marks a response in place of which the connection is closed.
#[derive(Clone, Copy)]
struct Broken;

/// Returns a response in place of which the server closes the connection without a byte.
pub fn break_connection() -> Response {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(Broken);
    response
}

/// Returns a response with a JSON document.
pub fn json_response(status: u16, document: &Value) -> Response {
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "application/json")
        .body(Body::from(document.to_string()))
        .expect("a response")
}

/// Reads the body of a request whole.
///
/// # Panics
/// Where it is larger than any call of a bot.
pub async fn read_body(body: Body) -> Bytes {
    to_bytes(body, BODY_LIMIT).await.expect("a small body")
}

/// Returns the fields of a query or a form.
pub fn parse_form(form: &str) -> Map<String, Value> {
    let pairs = form.split('&').filter(|pair| !pair.is_empty());
    let decoded = pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let [name, value] = [name, value].map(|part| {
            let spaced = part.replace('+', " ");
            let decoded = percent_encoding::percent_decode_str(&spaced);
            decoded.decode_utf8_lossy().into_owned()
        });
        (name, value.into())
    });
    decoded.collect()
}

/// Upgrades a request to a WebSocket and serves it in a task of its own, which ends with the connection.
///
/// # Panics
/// Where the request asks for no WebSocket.
pub fn upgrade<F>(mut request: Request, serve: impl FnOnce(Socket) -> F + Send + 'static) -> Response
where
    F: Future<Output = ()> + Send,
{
    let hang_up = request
        .extensions()
        .get::<HangUp>()
        .expect("a connection")
        .clone();
    let upgrade = hyper::upgrade::on(&mut request);
    let response = create_response_with_body(&request, Body::empty).expect("an upgrade");
    tokio::spawn(async move {
        // The upgrade fails where the peer has gone.
        let Ok(stream) = upgrade.await else { return };
        let socket = WebSocketStream::from_raw_socket(TokioIo::new(stream), Role::Server, None).await;
        tokio::select! {
            () = serve(socket) => {}
            () = hang_up.wait() => {}
        }
    });
    response
}

/// Closes a WebSocket with a code.
pub async fn close(socket: &mut Socket, code: u16, reason: &str) {
    let frame = CloseFrame {
        code: code.into(),
        reason: reason.into(),
    };
    // It fails where the peer has gone.
    let _ = socket.close(Some(frame)).await;
}

impl Server {
    /// Starts a server at a port of the loopback address that the system gives.
    pub fn start(router: impl FnOnce(SocketAddr) -> Router) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        listener
            .set_nonblocking(true)
            .expect("a listener without blocking");
        let address = listener.local_addr().expect("an address");
        let (line, watched) = watch::channel(Line {
            generation: 0,
            is_up: true,
            is_over: false,
        });
        let router = router(address);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                accept(listener, router, watched).await;
            });
            // Calls that block are not waited for.
            runtime.shutdown_background();
        });
        Self {
            address,
            line,
            thread: Some(thread),
        }
    }

    /// Returns the address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends every connection.
    pub fn drop_connections(&self) {
        self.line.send_modify(|line| line.generation += 1);
    }

    /// Ends every connection and serves no other one, or serves connections again.
    pub fn set_reachable(&self, is_up: bool) {
        self.line.send_modify(|line| {
            line.generation += 1;
            line.is_up = is_up;
        });
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.line.send_modify(|line| {
            line.generation += 1;
            line.is_over = true;
        });
        if let Some(thread) = self.thread.take() {
            // A panic in there has failed a call of the bot, which the test sees.
            let _ = thread.join();
        }
    }
}

impl HangUp {
    /// Returns when the connection is to end.
    pub async fn wait(mut self) {
        let generation = self.generation;
        // Without its sender the server has ended.
        let _ = self.line.wait_for(|line| line.generation != generation).await;
    }
}

/// Accepts connections until the server ends.
async fn accept(listener: tokio::net::TcpListener, router: Router, mut watched: watch::Receiver<Line>) {
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted.expect("a connection").0,
            _ = watched.wait_for(|line| line.is_over) => return,
        };
        let line = *watched.borrow();
        if line.is_up {
            let hang_up = HangUp {
                generation: line.generation,
                line: watched.clone(),
            };
            tokio::spawn(serve(stream, router.clone(), hang_up));
        }
    }
}

/// Serves one connection until it ends or is broken.
async fn serve(stream: tokio::net::TcpStream, router: Router, hang_up: HangUp) {
    // Without a delay for small answers. Where that fails, they are only slower.
    let _ = stream.set_nodelay(true);
    let router = TowerToHyperService::new(router);
    let extension = hang_up.clone();
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(extension.clone());
        let response = router.call(request);
        async move {
            let response = response.await.unwrap_or_else(|never: Infallible| match never {});
            let is_broken = response.extensions().get::<Broken>().is_some();
            if is_broken {
                Err(io::Error::other("broken by the test"))
            } else {
                Ok(response)
            }
        }
    });
    let connection = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::select! {
        // It failed because the peer or the test broke it.
        _ = connection => {}
        () = hang_up.wait() => {}
    }
}
