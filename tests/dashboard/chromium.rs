//! A real Chromium with one page, driven over its debugging protocol.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use openclaw::devtools::{DevtoolsConnection, DevtoolsEvent};
use serde_json::{Value, json};
use tokio::sync::broadcast;

use super::PAGE_TIMEOUT;
use crate::support::gateway::wait_for;

/// A running Chromium without a window, and its only page.
pub struct Chromium {
    process: Child,
    connection: DevtoolsConnection,
    /// The target id of the page.
    page: String,
    errors: Arc<Mutex<Vec<String>>>,
    _profile: tempfile::TempDir,
}

impl Chromium {
    /// Starts Chromium with an empty page in English, 1200 pixels wide.
    pub async fn start() -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut command = Command::new("/usr/bin/chromium");
        command
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
            ])
            .args(["--disable-background-networking", "--disable-component-update"])
            .args([
                "--disable-sync",
                "--disable-extensions",
                "--window-size=1200,900",
                "--lang=en",
            ])
            .args(["--remote-debugging-port=0", "about:blank"])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let process = command.spawn().expect("Chromium starts");
        let port_file = profile.path().join("DevToolsActivePort");
        let url = wait_for("Chromium listens", || debugging_url(&port_file));
        let connection = DevtoolsConnection::connect(&url, PAGE_TIMEOUT).await.unwrap();
        let target = connection
            .execute(openclaw::devtools::commands::GetTargets {})
            .await
            .unwrap();
        let page = target
            .target_infos
            .into_iter()
            .find(|target| target.kind == "page");
        let chromium = Self {
            process,
            page: page.expect("a page").target_id,
            connection,
            errors: Arc::default(),
            _profile: profile,
        };
        tokio::spawn(collect_errors(
            chromium.connection.events(),
            chromium.errors.clone(),
        ));
        for domain in ["Page.enable", "Log.enable", "Runtime.enable"] {
            chromium.call(domain, json!({})).await;
        }
        chromium
    }

    /// Sends a command to the page and returns its response.
    pub async fn call(&self, method: &str, params: Value) -> Value {
        let response = self.connection.call(&self.page, method, params).await;
        response.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// Loads a URL.
    pub async fn open(&self, url: &str) {
        let events = self.connection.events();
        let started = self.call("Page.navigate", json!({ "url": url })).await;
        assert_eq!(started["errorText"].as_str().unwrap_or_default(), "", "{url}");
        // Another fragment loads nothing.
        if started.get("loaderId").is_some() {
            wait_until_loaded(events).await;
        }
    }

    /// Loads the page once more.
    pub async fn reload(&self) {
        let events = self.connection.events();
        self.call("Page.reload", json!({})).await;
        wait_until_loaded(events).await;
    }

    /// Evaluates a JavaScript expression.
    pub async fn evaluate(&self, expression: &str) -> Value {
        let params = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let response = self.call("Runtime.evaluate", params).await;
        let exception = &response["exceptionDetails"];
        assert!(exception.is_null(), "{expression}: {exception}");
        response["result"]["value"].clone()
    }

    /// Clicks on the element that a selector finds, types a text and presses Enter.
    pub async fn type_into(&self, selector: &str, text: &str) {
        let center = self
            .evaluate(&format!(
                "(() => {{ const box = document.querySelector('{selector}').getBoundingClientRect(); \
                 return [box.x + box.width / 2, box.y + box.height / 2]; }})()"
            ))
            .await;
        for kind in ["mousePressed", "mouseReleased"] {
            let click =
                json!({ "type": kind, "x": center[0], "y": center[1], "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", click).await;
        }
        self.call("Input.insertText", json!({ "text": text })).await;
        for (kind, text) in [("keyDown", "\r"), ("keyUp", "")] {
            let key = json!({ "type": kind, "key": "Enter", "code": "Enter", "text": text,
                              "windowsVirtualKeyCode": 13 });
            self.call("Input.dispatchKeyEvent", key).await;
        }
    }

    /// Saves a picture of the whole page.
    pub async fn save_screenshot(&self, path: &Path) {
        use base64::Engine as _;
        let size = self.call("Page.getLayoutMetrics", json!({})).await["cssContentSize"].clone();
        let clip = json!({ "x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1 });
        let params = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let image = self.call("Page.captureScreenshot", params).await;
        let bytes = base64::engine::general_purpose::STANDARD.decode(image["data"].as_str().unwrap());
        std::fs::write(path, bytes.unwrap()).unwrap();
    }

    /// Returns the errors that the browser reported so far.
    pub fn errors(&self) -> Vec<String> {
        self.errors.lock().unwrap().clone()
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // Killing and waiting fail where it has ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Returns the URL of the debugging port that Chromium has written to a file, once it has.
fn debugging_url(file: &Path) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let (port, path) = text.trim().split_once('\n')?;
    Some(format!("ws://127.0.0.1:{port}{path}"))
}

/// Waits until the page reports that it has loaded.
async fn wait_until_loaded(mut events: broadcast::Receiver<DevtoolsEvent>) {
    let loaded = async {
        loop {
            match events.recv().await {
                Ok(event) if event.method == "Page.loadEventFired" => return,
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(closed) => panic!("{closed}"),
            }
        }
    };
    let loaded = tokio::time::timeout(PAGE_TIMEOUT, loaded).await;
    assert!(loaded.is_ok(), "the page never loaded");
}

/// Collects console messages, policy violations and uncaught errors of a page.
async fn collect_errors(mut events: broadcast::Receiver<DevtoolsEvent>, into: Arc<Mutex<Vec<String>>>) {
    let started = Instant::now();
    loop {
        let event = match events.recv().await {
            Ok(event) => event,
            Err(broadcast::error::RecvError::Lagged(lost)) => {
                let text = format!("{lost} events were lost after {:?}", started.elapsed());
                into.lock().unwrap().push(text);
                continue;
            }
            Err(broadcast::error::RecvError::Closed) => return,
        };
        let error = match event.method.as_str() {
            "Log.entryAdded" => event.params["entry"]["text"].as_str().map(str::to_owned),
            "Runtime.consoleAPICalled" => Some(event.params["args"].to_string()),
            "Runtime.exceptionThrown" => Some(event.params["exceptionDetails"].to_string()),
            _ => None,
        };
        into.lock().unwrap().extend(error);
    }
}
