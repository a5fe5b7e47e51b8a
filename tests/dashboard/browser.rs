//! A real browser, and a gateway for it: a stand-in for the session behind it, so that a test decides what
//! the gateway says; the page, its files and what it is told of the host are the program's own.
//!
//! `OPENCLAW_PICTURES=FOLDER` keeps pictures of what was seen.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts as _, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use chromiumoxide::browser::{Browser, BrowserConfig};
use chromiumoxide::cdp::browser_protocol::emulation::SetDeviceMetricsOverrideParams;
use chromiumoxide::cdp::browser_protocol::log::EventEntryAdded;
use chromiumoxide::cdp::browser_protocol::page::CaptureScreenshotFormat;
use chromiumoxide::cdp::js_protocol::runtime::{EventConsoleApiCalled, EventExceptionThrown};
use chromiumoxide::page::{Page, ScreenshotParams};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use openclaw::answers::Bind;
use openclaw::environment::Environment;
use openclaw::gateway::dashboard;
use openclaw::gateway::identity::GatewayIdentity;
use openclaw::gateway::state::{ActiveConfig, GatewayState};
use openclaw::host::Host;
use openclaw::i18n::Lang;
use openclaw::instance::{Instance, OwnedInstanceContext};
use openclaw::profile::ProfileName;
use openclaw::rescue::watch::News;
use openclaw::secret::Secret;
use openclaw::settings::{PortFrom, Proof, Settings};

use super::{PATIENCE, TOKEN, populate};
use crate::support::{Sandbox, installed};

pub struct Gateway {
    state: Arc<GatewayState>,
    /// Whether the connections of now are to be closed.
    pub closing: AtomicBool,
}

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
            port,
            port_from: PortFrom::Config,
            bind: Bind::Loopback,
            bind_host: None,
            proof: Proof::Token(Secret::new(TOKEN)),
        },
        warning: warning.then(|| openclaw::i18n::Msg::new("engine.missing")),
        missing_ports: Vec::new(),
    };
    let addresses = vec![([127, 0, 0, 1], port).into()];
    let lang = Lang::english();
    let context = OwnedInstanceContext { host, env, instance };
    Arc::new(GatewayState::new(context, identity, lang, addresses, active))
}

/// What wants to become a WebSocket is a session, as on a gateway; everything else goes on to the page.
async fn session(State(gateway): State<Arc<Gateway>>, request: Request, next: Next) -> Response {
    if !request.headers().contains_key("upgrade") {
        return next.run(request).await;
    }
    let (mut parts, _) = request.into_parts();
    match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => upgrade.on_upgrade(move |socket| serve(gateway, socket)),
        Err(refused) => refused.into_response(),
    }
}

async fn serve(gateway: Arc<Gateway>, mut socket: WebSocket) {
    async fn send(socket: &mut WebSocket, frame: Value) {
        // A page that has gone is not waited for.
        let _ = socket.send(Message::text(frame.to_string())).await;
    }
    let challenge =
        json!({ "type": "event", "event": "connect.challenge", "payload": { "nonce": "n", "ts": 0 } });
    send(&mut socket, challenge).await;
    let pulse = Duration::from_millis(50);
    loop {
        if gateway.closing.load(Ordering::Relaxed) {
            return; // which closes it
        }
        let Ok(next) = tokio::time::timeout(pulse, socket.recv()).await else {
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
                let error =
                    json!({ "code": "INVALID_REQUEST", "message": "unauthorized: gateway token mismatch" });
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

/// A browser, the page of a gateway in it, and everything that it complained about.
pub struct Seen {
    browser: Browser,
    pub page: Page,
    pub address: String,
    gateway: Option<Arc<Gateway>>,
    complaints: Arc<std::sync::Mutex<Vec<String>>>,
    _profile: tempfile::TempDir,
}

impl Seen {
    pub async fn new(sandbox: &Sandbox, warning: bool) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        populate(sandbox, listener.local_addr().unwrap().port());
        Self::on(sandbox, listener, warning).await
    }

    pub async fn on(sandbox: &Sandbox, listener: tokio::net::TcpListener, warning: bool) -> Self {
        let port = listener.local_addr().unwrap().port();
        let gateway = Arc::new(Gateway {
            state: gateway_state(sandbox, port, warning),
            closing: AtomicBool::new(false),
        });
        let app =
            dashboard::router(gateway.state.clone()).layer(from_fn_with_state(gateway.clone(), session));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self::at(port, Some(gateway)).await
    }

    /// A browser for whatever listens on this port.
    pub async fn at(port: u16, gateway: Option<Arc<Gateway>>) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let config = BrowserConfig::builder()
            .chrome_executable("/usr/bin/chromium")
            .user_data_dir(profile.path())
            .no_sandbox()
            .new_headless_mode()
            .launch_timeout(PATIENCE)
            .window_size(1200, 900)
            .arg("--lang=en")
            .build()
            .unwrap();
        let (browser, mut handler) = Browser::launch(config).await.unwrap();
        tokio::spawn(async move { while handler.next().await.is_some() {} });
        let page = browser.new_page("about:blank").await.unwrap();
        let complaints = Arc::default();
        watch(&page, &complaints).await;
        Self {
            browser,
            page,
            address: format!("http://127.0.0.1:{port}/"),
            gateway,
            complaints,
            _profile: profile,
        }
    }

    /// The stand-in has looked at this gateway and found it well.
    pub fn watches(&self, profile: &str) {
        let gateway = self.gateway.as_ref().expect("a stand-in");
        let profile = ProfileName::parse(profile).unwrap();
        gateway.state.record_watch_event(&profile, &News::Watching);
    }

    /// Whether the stand-in closes every session at once.
    pub fn closing(&self, closing: bool) {
        let gateway = self.gateway.as_ref().expect("a stand-in");
        gateway.closing.store(closing, Ordering::Relaxed);
    }

    pub async fn open(&self, fragment: &str) {
        self.page
            .goto(format!("{}{fragment}", self.address))
            .await
            .unwrap();
    }

    pub async fn js(&self, expression: &str) -> Value {
        let result = self.page.evaluate(expression).await;
        result
            .unwrap_or_else(|e| panic!("{expression}: {e}"))
            .value()
            .cloned()
            .unwrap_or_default()
    }

    /// Waits until an expression of the page is true.
    pub async fn until(&self, expression: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.js(expression).await != true {
            let text = self.js("document.body.innerText").await;
            assert!(
                Instant::now() < deadline,
                "never: {expression}\n{text}\n{:?}",
                self.complaints
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub async fn choose(&self, select: &str, value: &str) {
        self.js(&format!(
            "(() => {{ const s = document.getElementById('{select}'); s.value = '{value}'; \
             s.dispatchEvent(new Event('change')); return true; }})()"
        ))
        .await;
    }

    pub async fn width(&self, width: i64) {
        let size = SetDeviceMetricsOverrideParams::new(width, 900, 1.0, false);
        self.page.execute(size).await.unwrap();
    }

    pub async fn picture(&self, name: &str) {
        if let Some(folder) = std::env::var_os("OPENCLAW_PICTURES") {
            let params = ScreenshotParams::builder()
                .format(CaptureScreenshotFormat::Png)
                .full_page(true)
                .build();
            let path = Path::new(&folder).join(name);
            self.page.save_screenshot(params, path).await.unwrap();
        }
    }

    pub fn complaints(&self) -> Vec<String> {
        self.complaints.lock().unwrap().clone()
    }

    pub async fn close(mut self) {
        self.browser.close().await.unwrap();
        self.browser.wait().await.unwrap();
    }
}

/// Gathers what the console, the policy and uncaught errors say.
async fn watch(page: &Page, into: &Arc<std::sync::Mutex<Vec<String>>>) {
    page.execute(chromiumoxide::cdp::browser_protocol::log::EnableParams::default())
        .await
        .unwrap();
    let mut log = page.event_listener::<EventEntryAdded>().await.unwrap();
    let mut console = page.event_listener::<EventConsoleApiCalled>().await.unwrap();
    let mut errors = page.event_listener::<EventExceptionThrown>().await.unwrap();
    let (a, b, c) = (into.clone(), into.clone(), into.clone());
    tokio::spawn(async move {
        while let Some(event) = log.next().await {
            a.lock().unwrap().push(event.entry.text.clone());
        }
    });
    tokio::spawn(async move {
        while let Some(event) = console.next().await {
            b.lock().unwrap().push(format!("{:?}", event.args));
        }
    });
    tokio::spawn(async move {
        while let Some(event) = errors.next().await {
            c.lock().unwrap().push(format!("{:?}", event.exception_details));
        }
    });
}

/// Runs a test of a browser; each has its own threadless runtime.
pub fn browse(test: impl Future<Output = ()>) {
    if installed("chromium") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(test);
    }
}
