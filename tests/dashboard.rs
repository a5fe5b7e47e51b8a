//! The dashboard in a real browser: a stand-in for the session behind it, so that a test decides what
//! the gateway says; the page, its files and what it is told of the host are the program's own.
//!
//! `OPENCLAW_PICTURES=FOLDER` keeps pictures of what was seen.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;
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
use openclaw::gateway::shared::{Identity, Live, Shared};
use openclaw::host::Host;
use openclaw::i18n::Lang;
use openclaw::instance::Instance;
use openclaw::profile::ProfileName;
use openclaw::secret::Secret;
use openclaw::settings::{PortFrom, Proof, Settings};

use crate::support::network::own;
use crate::support::{Sandbox, installed};

const TOKEN: &str = "7hegoodt0ken";
/// A name that would run where it were taken for markup.
const HOSTILE: &str = "<img src=x onerror=\"window.broken=1\">.json";
const PATIENCE: Duration = Duration::from_secs(60);

struct Gateway {
    shared: Arc<Shared>,
    /// Whether the connections of now are to be closed.
    closing: AtomicBool,
}

fn config(port: u16) -> String {
    format!(
        "{{ gateway: {{ mode: 'local', port: {port}, auth: {{ mode: 'token', token: '{TOKEN}' }} }}, \
         agents: {{ defaults: {{ workspace: '~/work-{port}' }} }} }}"
    )
}

/// The host of a test: three instances, two of them too close to each other, one with a hostile name.
fn populate(sandbox: &Sandbox, port: u16) {
    sandbox.write(".openclaw/openclaw.json", config(18789));
    sandbox.write(".openclaw-rescue/openclaw.json", config(port));
    sandbox.write(".openclaw-lab/openclaw.json", config(18809));
    sandbox.write(format!(".openclaw/{HOSTILE}"), config(20789));
}

fn shared(sandbox: &Sandbox, port: u16, warning: bool) -> Arc<Shared> {
    let host = Host::with(&["openclaw"], [("HOME", sandbox.home())]);
    let env = Environment::read(&host).unwrap();
    let profile = ProfileName::parse("rescue").unwrap();
    let instance = Instance::resolve(&env, Some(&profile)).unwrap();
    let identity = Identity {
        profile: "rescue".to_owned(),
        instance_id: "6f1c0a52d9e3b784".to_owned(),
        boot_id: "test".to_owned(),
        version: env!("CARGO_PKG_VERSION"),
        pid: std::process::id(),
        started: SystemTime::now(),
    };
    let live = Live {
        config: json!({}),
        settings: Settings {
            port,
            port_from: PortFrom::Config,
            bind: Bind::Loopback,
            bind_host: None,
            proof: Proof::Token(Secret::new(TOKEN)),
        },
        warning: warning.then(|| openclaw::i18n::Msg::new("engine.missing")),
    };
    let addresses = vec![([127, 0, 0, 1], port).into()];
    let lang = Lang::english();
    Arc::new(Shared::new(host, env, instance, identity, lang, addresses, live))
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
                dashboard::answer(gateway.shared.clone(), lang).await.unwrap()
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
struct Seen {
    browser: Browser,
    page: Page,
    address: String,
    gateway: Arc<Gateway>,
    complaints: Arc<std::sync::Mutex<Vec<String>>>,
    _profile: tempfile::TempDir,
}

impl Seen {
    async fn new(sandbox: &Sandbox, warning: bool) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        populate(sandbox, listener.local_addr().unwrap().port());
        Self::on(sandbox, listener, warning).await
    }

    async fn on(sandbox: &Sandbox, listener: tokio::net::TcpListener, warning: bool) -> Self {
        let port = listener.local_addr().unwrap().port();
        let gateway = Arc::new(Gateway {
            shared: shared(sandbox, port, warning),
            closing: AtomicBool::new(false),
        });
        let app =
            dashboard::router(gateway.shared.clone()).layer(from_fn_with_state(gateway.clone(), session));
        tokio::spawn(async move { axum::serve(listener, app).await });
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

    async fn open(&self, fragment: &str) {
        self.page
            .goto(format!("{}{fragment}", self.address))
            .await
            .unwrap();
    }

    async fn js(&self, expression: &str) -> Value {
        let result = self.page.evaluate(expression).await;
        result
            .unwrap_or_else(|e| panic!("{expression}: {e}"))
            .value()
            .cloned()
            .unwrap_or_default()
    }

    /// Waits until an expression of the page is true.
    async fn until(&self, expression: &str) {
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

    async fn choose(&self, select: &str, value: &str) {
        self.js(&format!(
            "(() => {{ const s = document.getElementById('{select}'); s.value = '{value}'; \
             s.dispatchEvent(new Event('change')); return true; }})()"
        ))
        .await;
    }

    async fn width(&self, width: i64) {
        let size = SetDeviceMetricsOverrideParams::new(width, 900, 1.0, false);
        self.page.execute(size).await.unwrap();
    }

    async fn picture(&self, name: &str) {
        if let Some(folder) = std::env::var_os("OPENCLAW_PICTURES") {
            let params = ScreenshotParams::builder()
                .format(CaptureScreenshotFormat::Png)
                .full_page(true)
                .build();
            let path = Path::new(&folder).join(name);
            self.page.save_screenshot(params, path).await.unwrap();
        }
    }

    fn complaints(&self) -> Vec<String> {
        self.complaints.lock().unwrap().clone()
    }

    async fn close(mut self) {
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

/// A gateway that runs beside a test, ended with it.
struct Running(std::process::Child);

impl Running {
    fn start(sandbox: &Sandbox, args: &[&str], port: u16) -> Self {
        let mut command = sandbox.command(args);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut running = Self(command.spawn().unwrap());
        let deadline = Instant::now() + PATIENCE;
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "{port} is not listened on");
            assert_eq!(running.0.try_wait().unwrap(), None, "it has ended");
            std::thread::sleep(Duration::from_millis(20));
        }
        running
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Already ended is what is wanted.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap().port()
}

/// A sandbox on a desktop: what opens pages keeps what it was given.
fn desktop(port: u16) -> Sandbox {
    let sandbox = Sandbox::new();
    populate(&sandbox, port);
    let opener = sandbox.write(
        "bin/xdg-open",
        "#!/bin/sh\ntr '\\0' ' ' </proc/$$/cmdline >~/opened.args\nstat -c %a \"$1\" >~/opened.mode\n\
         cp \"$1\" ~/opened.new && mv ~/opened.new ~/opened.html\n",
    );
    std::fs::set_permissions(&opener, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", sandbox.path("bin").display());
    sandbox.var("PATH", path).var("DISPLAY", ":0")
}

#[test]
fn the_command_opens_the_page_and_shows_the_token_to_nobody() {
    let port = free_port();
    let sandbox = desktop(port);
    let _gateway = Running::start(&sandbox, &["--profile", "rescue", "gateway"], port);
    let ran = sandbox
        .run(["--profile", "rescue", "dashboard", "--json"])
        .exits(0);
    let expected =
        json!({ "ok": true, "url": format!("http://127.0.0.1:{port}/"), "port": port, "opened": true });
    assert_eq!(ran.json(), expected);
    assert!(!format!("{ran:?}").contains(TOKEN), "{ran:?}");
    let page = sandbox.read("opened.html");
    assert!(
        page.contains(&format!("0;url=http://127.0.0.1:{port}/#token={TOKEN}\"")),
        "{page}"
    );
    assert_eq!(sandbox.read("opened.mode"), "600\n");
    assert!(!sandbox.read("opened.args").contains(TOKEN));
    assert!(!sandbox.path(".openclaw-rescue/dashboard-open.html").exists());

    let printed = sandbox
        .run(["--profile", "rescue", "dashboard", "--no-open"])
        .exits(0);
    assert!(printed.stdout.contains(&format!("http://127.0.0.1:{port}/")));
    assert!(!format!("{printed:?}").contains(TOKEN), "{printed:?}");
}

#[test]
fn nobody_but_the_instances_own_gateway_is_given_the_token() {
    let port = free_port();
    let sandbox = desktop(port);
    let line = ["--profile", "rescue", "dashboard", "--json"];
    let down = sandbox.run(line).exits(1);
    assert_eq!(
        (&down.json()["ok"], &down.json()["opened"]),
        (&json!(false), &json!(false))
    );
    // Somebody else answers there.
    let _stranger = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let held = sandbox.run(line).exits(1);
    assert_eq!(held.json()["opened"], false);
    assert!(!sandbox.path("opened.html").exists());
    assert!(!sandbox.path(".openclaw-rescue/dashboard-open.html").exists());
}

#[test]
fn without_a_desktop_the_way_by_ssh_is_said() {
    let port = free_port();
    let sandbox = Sandbox::new();
    populate(&sandbox, port);
    let _gateway = Running::start(&sandbox, &["--profile", "rescue", "gateway"], port);
    let ran = sandbox.run(["--profile", "rescue", "dashboard"]).exits(0);
    let tunnel = format!("ssh -N -L {port}:127.0.0.1:{port} ");
    assert!(ran.stderr.contains(&tunnel), "{}", ran.stderr);
    assert!(!format!("{ran:?}").contains(TOKEN), "{ran:?}");
}

/// Runs a test of a browser; each has its own threadless runtime.
fn browse(test: impl Future<Output = ()>) {
    if installed("chromium") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(test);
    }
}

#[test]
fn the_page_shows_the_host_and_the_token_leaves_the_address_bar() {
    browse(async {
        let sandbox = Sandbox::new();
        let seen = Seen::new(&sandbox, true).await;
        seen.open(&format!("#token={TOKEN}")).await;
        seen.until("document.getElementById('link').dataset.link === 'live'")
            .await;
        seen.until("document.querySelectorAll('#map > li').length === 4")
            .await;
        assert_eq!(seen.js("location.href").await, seen.address.as_str());
        assert_eq!(seen.js("history.length").await, 2, "about:blank and the page");
        assert_eq!(seen.js("sessionStorage.getItem('openclaw.token')").await, TOKEN);
        assert_eq!(seen.js("localStorage.length").await, 0);
        let markup = seen.js("document.documentElement.outerHTML").await;
        assert!(!markup.as_str().unwrap().contains(TOKEN));
        let text = seen.js("document.body.innerText").await;
        let text = text.as_str().unwrap();
        for shown in [
            "rescue",
            "18789",
            "18809",
            "20789",
            "workbench",
            "Attention:",
            "Overlap",
            "Its ports",
        ] {
            assert!(text.contains(shown), "{shown} in {text}");
        }
        // The hostile name stands there as it is, and did nothing.
        assert!(text.contains(HOSTILE), "{text}");
        assert_eq!(seen.js("document.querySelectorAll('main img').length").await, 0);
        assert_eq!(seen.js("typeof window.broken").await, "undefined");

        seen.width(1200).await;
        seen.choose("theme", "light").await;
        seen.picture("en-light-wide.png").await;
        seen.choose("theme", "dark").await;
        assert_eq!(
            seen.js("getComputedStyle(document.body).backgroundColor").await,
            "rgb(19, 21, 23)"
        );
        seen.choose("language", "tr").await;
        seen.until(
            "document.body.innerText.includes('Örtüşme') && document.body.innerText.includes('temel port')",
        )
        .await;
        assert_eq!(seen.js("document.documentElement.lang").await, "tr");
        seen.picture("tr-dark-wide.png").await;
        for width in [390, 360] {
            seen.width(width).await;
            let fits = "document.documentElement.scrollWidth <= innerWidth";
            assert_eq!(seen.js(fits).await, true, "{width}");
            seen.picture(&format!("tr-dark-{width}.png")).await;
        }
        // What was chosen is remembered, and so is the token of this tab.
        seen.page.reload().await.unwrap();
        seen.until("document.getElementById('link').dataset.link === 'live'")
            .await;
        assert_eq!(seen.js("document.documentElement.lang").await, "tr");
        assert_eq!(seen.js("document.documentElement.dataset.theme").await, "dark");
        assert_eq!(seen.complaints(), Vec::<String>::new());
        seen.close().await;
    });
}

#[test]
fn a_wrong_token_is_said_and_asked_for_again() {
    browse(async {
        let sandbox = Sandbox::new();
        let seen = Seen::new(&sandbox, false).await;
        seen.open("#token=wrong").await;
        seen.until("!document.getElementById('ask').hidden && !document.getElementById('refused').hidden")
            .await;
        assert_eq!(seen.js("location.hash").await, "");
        assert_eq!(
            seen.js("sessionStorage.length").await,
            0,
            "a token that is refused is not kept"
        );
        let text = seen.js("document.getElementById('refused').innerText").await;
        assert!(text.as_str().unwrap().contains("token mismatch"), "{text}");
        assert_eq!(seen.js("document.activeElement.id").await, "token");
        assert_eq!(seen.js("document.getElementById('board').hidden").await, true);
        seen.choose("theme", "light").await;
        seen.picture("en-light-token.png").await;
        let field = seen.page.find_element("#token").await.unwrap();
        field
            .click()
            .await
            .unwrap()
            .type_str(TOKEN)
            .await
            .unwrap()
            .press_key("Enter")
            .await
            .unwrap();
        seen.until("document.querySelectorAll('#map > li').length === 4")
            .await;
        assert_eq!(seen.js("document.getElementById('ask').hidden").await, true);
        assert_eq!(seen.complaints(), Vec::<String>::new());
        seen.close().await;
    });
}

#[test]
fn without_a_token_it_asks_and_a_lost_connection_comes_back() {
    browse(async {
        let sandbox = Sandbox::new();
        let seen = Seen::new(&sandbox, false).await;
        seen.open("").await;
        seen.until("!document.getElementById('ask').hidden").await;
        assert_eq!(seen.js("document.getElementById('refused').hidden").await, true);
        // As a link that is opened in the same tab.
        seen.js(&format!("location.hash = 'token={TOKEN}'")).await;
        seen.until("document.getElementById('link').dataset.link === 'live'")
            .await;
        assert_eq!(seen.js("location.hash").await, "");
        seen.gateway.closing.store(true, Ordering::Relaxed);
        seen.until("document.getElementById('link').dataset.link === 'lost'")
            .await;
        seen.gateway.closing.store(false, Ordering::Relaxed);
        seen.until("document.getElementById('link').dataset.link === 'live'")
            .await;
        seen.close().await;
    });
}

#[test]
fn gateways_that_run_are_told_from_those_that_do_not() {
    let name = "dashboard::gateways_that_run_are_told_from_those_that_do_not";
    if !installed("chromium") {
        return;
    }
    own(name, || {
        let sandbox = Sandbox::new();
        for (folder, port) in [
            (".openclaw", 18789),
            (".openclaw-rescue", 19789),
            (".openclaw-lab", 18809),
        ] {
            let text = config(port).replace(&format!("~/work-{port}"), &format!("~/{folder}/workspace"));
            sandbox.write(format!("{folder}/openclaw.json"), text);
        }
        let main = Running::start(&sandbox, &["gateway"], 18789);
        browse(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:19789").await.unwrap();
            let seen = Seen::on(&sandbox, listener, false).await;
            seen.width(1000).await;
            seen.open(&format!("#token={TOKEN}")).await;
            seen.until("document.querySelectorAll('#map > li').length === 3")
                .await;
            let running = "[...document.querySelectorAll('#map > li')].map((li) => \
                           [li.querySelector('b').innerText, !!li.querySelector('.tag.up'), \
                            li.querySelectorAll('.cells .own').length].join(' ')).join(', ')";
            assert_eq!(
                seen.js(running).await,
                "default true 1, lab false 0, rescue true 1"
            );
            let kinds =
                "[...document.querySelectorAll('#findings .kind')].map((kind) => kind.className).join()";
            assert_eq!(seen.js(kinds).await, "kind notice,kind notice");
            seen.choose("theme", "light").await;
            seen.picture("dashboard.png").await;
            seen.choose("language", "tr").await;
            seen.choose("theme", "dark").await;
            seen.until("document.body.innerText.includes('temel port')").await;
            seen.picture("dashboard.tr.png").await;
            drop(main);
            seen.until("document.querySelectorAll('#map .tag.up').length === 1")
                .await;
            assert_eq!(seen.complaints(), Vec::<String>::new());
            seen.close().await;
        });
    });
}
