//! Opens the dashboard in a real browser. The session of the page is a fake, so that a test decides what the gateway
//! answers; the files of the page and the overview of the host are those of the program.
//!
//! `OPENCLAW_PICTURES=FOLDER` saves screenshots there.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio_tungstenite::WebSocketStream;
use tungstenite::Message;
use tungstenite::handshake::server::create_response_with_body;
use tungstenite::protocol::Role;

use openclaw::answers::Bind;
use openclaw::environment::Environment;
use openclaw::gateway::dashboard;
use openclaw::gateway::identity::GatewayIdentity;
use openclaw::gateway::state::{ActiveConfig, GatewayState};
use openclaw::host::Host;
use openclaw::i18n::Lang;
use openclaw::instance::{Instance, OwnedInstanceContext};
use openclaw::ports::{Port, PortSource};
use openclaw::profile::ProfileName;
use openclaw::rescue::watch::WatchEvent;
use openclaw::secret::Secret;
use openclaw::settings::{ClientAuth, Settings};

use super::chromium::Chromium;
use super::{PAGE_TIMEOUT, TOKEN, populate};
use crate::support::{Sandbox, installed};

/// A gateway with fake sessions.
pub struct FakeSessionGateway {
    state: Arc<GatewayState>,
    /// `true` while every session is closed at once after its start.
    pub closing: AtomicBool,
}

/// Returns the state of a gateway that listens on this port.
fn gateway_state(sandbox: &Sandbox, port: u16, warning: bool) -> Arc<GatewayState> {
    let host = Host::fixed(&["openclaw"], [("HOME", sandbox.home())]);
    let env = Environment::read(&host).unwrap();
    let profile = ProfileName::parse("rescue").unwrap();
    let instance = Instance::resolve(&env, Some(&profile)).unwrap();
    let identity = GatewayIdentity {
        profile: "rescue".to_owned(),
        instance_id: "6f1c0a52d9e3b784".to_owned(),
        boot_id: "test".to_owned(),
        version: env!("CARGO_PKG_VERSION"),
        pid: std::process::id(),
        started: SystemTime::now(),
    };
    let active = ActiveConfig {
        config: json!({}),
        settings: Settings {
            port: Port::new(port).expect("a port"),
            port_source: PortSource::Config,
            bind: Bind::Loopback,
            bind_host: None,
            auth: ClientAuth::Token(Secret::new(TOKEN)),
        },
        warning: warning.then(|| openclaw::i18n::Msg::new("engine.missing")),
        missing_ports: Vec::new(),
    };
    let addresses = vec![([127, 0, 0, 1], port).into()];
    let lang = Lang::english();
    let context = OwnedInstanceContext { host, env, instance };
    Arc::new(GatewayState::new(context, identity, lang, addresses, active))
}

/// Serves WebSocket requests with the fake session, as a gateway does; all others get the page.
async fn route_websockets(
    State(gateway): State<Arc<FakeSessionGateway>>,
    mut request: Request,
    next: Next,
) -> Response {
    if !request.headers().contains_key("upgrade") {
        return next.run(request).await;
    }
    let upgrade = hyper::upgrade::on(&mut request);
    let response = create_response_with_body(&request, Body::empty).expect("an upgrade");
    tokio::spawn(async move {
        // The upgrade fails where the page was closed.
        let Ok(stream) = upgrade.await else { return };
        let stream = TokioIo::new(stream);
        serve_session(
            gateway,
            WebSocketStream::from_raw_socket(stream, Role::Server, None).await,
        )
        .await;
    });
    response
}

/// The gateway's end of a fake session.
type FakeSessionSocket = WebSocketStream<TokioIo<Upgraded>>;

/// Serves one fake session.
async fn serve_session(gateway: Arc<FakeSessionGateway>, mut socket: FakeSessionSocket) {
    async fn send(socket: &mut FakeSessionSocket, frame: Value) {
        // Sending fails where the page was closed.
        let _ = socket.send(Message::text(frame.to_string())).await;
    }
    let challenge =
        json!({ "type": "event", "event": "connect.challenge", "payload": { "nonce": "n", "ts": 0 } });
    send(&mut socket, challenge).await;
    let check_interval = Duration::from_millis(50);
    loop {
        if gateway.closing.load(Ordering::Relaxed) {
            return; // Closes the socket.
        }
        let Ok(next) = tokio::time::timeout(check_interval, socket.next()).await else {
            continue;
        };
        let Some(Ok(message)) = next else { return };
        let Ok(text) = message.to_text() else { continue };
        let Ok(frame) = serde_json::from_str::<Value>(text) else {
            continue;
        };
        let (id, params) = (&frame["id"], &frame["params"]);
        let client = json!({ "host": "workbench", "ip": "127.0.0.1", "mode": "ui", "reason": "connect",
                             "platform": "web", "version": "1", "text": "", "ts": 0 });
        let answer = match frame["method"].as_str() {
            Some("connect") if params["auth"]["token"] != TOKEN => {
                let error = json!({ "code": "INVALID_REQUEST", "message": "unauthorized: gateway token mismatch",
                                    "details": { "code": "AUTH_TOKEN_MISMATCH" } });
                send(
                    &mut socket,
                    json!({ "type": "res", "id": id, "ok": false, "error": error }),
                )
                .await;
                return;
            }
            Some("connect") => {
                json!({ "type": "hello-ok", "protocol": 4, "snapshot": { "presence": [client] } })
            }
            Some("system-presence") => json!([client]),
            Some("chat.history") => json!({ "messages": [] }),
            Some("instance.overview") => {
                let lang = params["lang"].as_str().and_then(Lang::from_code);
                let lang = lang.unwrap_or_else(Lang::english);
                dashboard::cached_overview(gateway.state.clone(), lang)
                    .await
                    .unwrap()
            }
            other => panic!("the page asks for {other:?}"),
        };
        send(
            &mut socket,
            json!({ "type": "res", "id": id, "ok": true, "payload": answer }),
        )
        .await;
    }
}

/// The dashboard of a gateway in a browser, with the errors that the browser reported.
pub struct PageUnderTest {
    pub browser: Chromium,
    pub address: String,
    gateway: Option<Arc<FakeSessionGateway>>,
}

impl PageUnderTest {
    /// Opens a browser for a fake gateway on a free port, on a host with several instances.
    pub async fn new(sandbox: &Sandbox, warning: bool) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        populate(sandbox, listener.local_addr().unwrap().port());
        Self::with_listener(sandbox, listener, warning).await
    }

    /// Opens a browser for a fake gateway on this listener.
    pub async fn with_listener(sandbox: &Sandbox, listener: tokio::net::TcpListener, warning: bool) -> Self {
        let port = listener.local_addr().unwrap().port();
        let gateway = Arc::new(FakeSessionGateway {
            state: gateway_state(sandbox, port, warning),
            closing: AtomicBool::new(false),
        });
        let app = dashboard::router(gateway.state.clone())
            .layer(from_fn_with_state(gateway.clone(), route_websockets));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self::on_port(port, Some(gateway)).await
    }

    /// Opens a browser for the gateway on this port.
    pub async fn on_port(port: u16, gateway: Option<Arc<FakeSessionGateway>>) -> Self {
        Self {
            browser: Chromium::start().await,
            address: format!("http://127.0.0.1:{port}/"),
            gateway,
        }
    }

    /// Records that the fake gateway watches another one.
    pub fn report_watched(&self, profile: &str) {
        let gateway = self.gateway.as_ref().expect("a fake gateway");
        let profile = ProfileName::parse(profile).unwrap();
        gateway
            .state
            .record_watch_event(&profile.into(), &WatchEvent::Watching);
    }

    /// Sets whether the fake gateway closes every session at once.
    pub fn set_closing(&self, closing: bool) {
        let gateway = self.gateway.as_ref().expect("a fake gateway");
        gateway.closing.store(closing, Ordering::Relaxed);
    }

    /// Loads the dashboard with this fragment in its URL.
    pub async fn open(&self, fragment: &str) {
        self.browser.open(&format!("{}{fragment}", self.address)).await;
    }

    /// Evaluates a JavaScript expression.
    pub async fn evaluate(&self, expression: &str) -> Value {
        self.browser.evaluate(expression).await
    }

    /// Opens the page with the right token, and waits until it has a session.
    pub async fn sign_in(&self) {
        self.open(&format!("#token={TOKEN}")).await;
        self.wait_until_live().await;
    }

    /// Waits until the page has a session with its gateway.
    pub async fn wait_until_live(&self) {
        self.wait_until("document.getElementById('link').dataset.link === 'live'")
            .await;
    }

    /// Waits until a JavaScript expression is true.
    pub async fn wait_until(&self, expression: &str) {
        let deadline = Instant::now() + PAGE_TIMEOUT;
        while self.evaluate(expression).await != true {
            let text = self.evaluate("document.body.innerText").await;
            assert!(
                Instant::now() < deadline,
                "never: {expression}\n{text}\n{:?}",
                self.browser.errors()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Selects an option of a `select` element.
    pub async fn select(&self, id: &str, value: &str) {
        self.evaluate(&format!(
            "(() => {{ const s = document.getElementById('{id}'); s.value = '{value}'; \
             s.dispatchEvent(new Event('change')); return true; }})()"
        ))
        .await;
    }

    /// Sets the width of the window, in pixels.
    pub async fn set_width(&self, width: i64) {
        let size = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.browser
            .call("Emulation.setDeviceMetricsOverride", size)
            .await;
    }

    /// Saves a screenshot where `OPENCLAW_PICTURES` names a folder.
    pub async fn save_screenshot(&self, name: &str) {
        if let Some(folder) = std::env::var_os("OPENCLAW_PICTURES") {
            self.browser.save_screenshot(&Path::new(&folder).join(name)).await;
        }
    }

    /// Returns the errors that the browser reported so far.
    pub fn errors(&self) -> Vec<String> {
        self.browser.errors()
    }
}

/// Runs a test with a browser on an async runtime of its own; skips it where no browser is installed.
pub fn run_with_browser(test: impl Future<Output = ()>) {
    if installed("chromium") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(test);
    }
}
