//! Opens the Control UI of both releases of OpenClaw against a gateway of this program, where the releases are installed
//! (`OPENCLAW_PEERS`): it connects, and no page that needs no agent shows an error.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};

use super::browser::{PageUnderTest, run_with_browser};
use super::{TOKEN, config};
use crate::support::gateway::{Gateway, command, free_base};
use crate::support::{Reason, Sandbox, skipped};

/// A release of OpenClaw with a Control UI: the folder of its package below `OPENCLAW_PEERS`, and the pages that need no
/// agent.
struct Release {
    folder: &'static str,
    pages: &'static [&'static str],
}

const RELEASES: [Release; 2] = [
    Release {
        folder: "old",
        pages: &[
            "chat",
            "overview",
            "channels",
            "instances",
            "sessions",
            "cron",
            "skills",
            "nodes",
            "config",
            "debug",
            "logs",
        ],
    },
    Release {
        folder: "app",
        pages: &[
            "sessions",
            "cron",
            "tasks",
            "usage",
            "logs",
            "debug",
            "activity",
            "systems",
            "worktrees",
            "dashboards",
            "settings/general",
            "settings/channels",
            "settings/connection",
            "settings/devices",
            "settings/skills",
            "settings/plugins",
            "settings/automation",
            "settings/agents",
            "settings/security",
            "settings/approvals",
            "settings/about",
            "settings/appearance",
            "settings/infrastructure",
            "settings/communications",
            "settings/secrets",
        ],
    },
];

/// A note that 1.30 shows on its page of the config with its own gateway too.
const OWN_NOTE: &str = "Form view can't safely edit some fields. Use Raw to avoid losing config entries.";
/// A script that runs before those of the page: it keeps account of the requests of the page's `WebSockets`.
const ACCOUNT: &str = "(() => {
  const account = window.account = { pending: new Set(), greeted: false, latest: performance.now() };
  const Real = window.WebSocket;
  window.WebSocket = class extends Real {
    constructor(...given) {
      super(...given);
      this.addEventListener('message', (message) => {
        const frame = JSON.parse(message.data);
        if (frame.type !== 'res') return;
        account.pending.delete(frame.id);
        account.latest = performance.now();
        if (frame.ok && frame.payload?.type === 'hello-ok') account.greeted = true;
      });
    }
    send(data) {
      const frame = JSON.parse(data);
      if (frame.type === 'req') account.pending.add(frame.id);
      account.latest = performance.now();
      super.send(data);
    }
  };
})()";
/// An expression that is true once the page is connected and has asked nothing for a while.
const IS_SETTLED: &str =
    "account.greeted && !account.pending.size && performance.now() - account.latest > 700";
/// An expression for the texts of all visible red banners, in shadow trees too.
const BANNERS: &str = "(() => {
  const found = [];
  const look = (root) => {
    for (const element of root.querySelectorAll('*')) {
      if (element.matches('.callout.danger, [role=alert]') && element.getClientRects().length)
        found.push(element.textContent.trim());
      if (element.shadowRoot) look(element.shadowRoot);
    }
  };
  look(document);
  return found.filter(Boolean).join(' | ');
})()";

/// A web server for the files of a Control UI, which passes `WebSockets` on to a gateway: page and gateway have one origin,
/// as with a gateway that serves the page itself.
struct UiServer {
    port: u16,
}

impl UiServer {
    fn start(folder: PathBuf, gateway: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let folder = folder.clone();
                // A browser that leaves early ends its connection only.
                std::thread::spawn(move || serve(&folder, gateway, stream).ok());
            }
        });
        Self { port }
    }
}

/// Answers one request: with a file, with the page for any other path, or with the gateway's own answer to a WebSocket.
fn serve(folder: &Path, gateway: u16, mut stream: TcpStream) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    if text.to_ascii_lowercase().contains("upgrade: websocket") {
        let mut gateway = TcpStream::connect(("127.0.0.1", gateway))?;
        gateway.write_all(&head)?;
        let (mut from, mut to) = (gateway.try_clone()?, stream.try_clone()?);
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut to);
            to.shutdown(Shutdown::Both)
        });
        std::io::copy(&mut stream, &mut gateway)?;
        return gateway.shutdown(Shutdown::Both);
    }
    let path = text.split_whitespace().nth(1).unwrap_or_default();
    let path = path.split('?').next().unwrap_or_default();
    // The page names its files relative to itself, and has several addresses.
    let path = path.find("/assets/").map_or(path, |at| &path[at..]);
    let is_file = path.rsplit('/').next().is_some_and(|name| name.contains('.'));
    let file = if is_file {
        path.trim_start_matches('/')
    } else {
        "index.html"
    };
    let kind = match Path::new(file)
        .extension()
        .and_then(|extension| extension.to_str())
    {
        Some("html") => "text/html",
        Some("js") => "text/javascript",
        Some("css") => "text/css",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    };
    let (status, body) = match std::fs::read(folder.join(file)) {
        Ok(body) => ("200 OK", body),
        Err(_) => ("404 Not Found", Vec::new()),
    };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(&body)
}

#[test]
fn control_ui_of_both_releases_connects_and_shows_no_error() {
    let Some(peers) = std::env::var_os("OPENCLAW_PEERS").map(PathBuf::from) else {
        return skipped(Reason::NoPeers, "OPENCLAW_PEERS is not set");
    };
    run_with_browser(async {
        let (sandbox, port) = (Sandbox::new(), free_base());
        sandbox.write(".openclaw-rescue/openclaw.json", config(port));
        let _gateway = Gateway::launch(command(&sandbox, "rescue", &[]), port);
        for release in RELEASES {
            let files = peers
                .join(release.folder)
                .join("node_modules/openclaw/dist/control-ui");
            let server = UiServer::start(files, port);
            let page = PageUnderTest::on_port(server.port, None).await;
            let script = serde_json::json!({ "source": ACCOUNT });
            page.browser
                .call("Page.addScriptToEvaluateOnNewDocument", script)
                .await;
            for name in release.pages {
                // 1.30 reads the token from the query, 9.6 from the fragment. A new document for each page.
                page.open(&format!("{name}?token={TOKEN}&page={name}#token={TOKEN}"))
                    .await;
                page.wait_until(IS_SETTLED).await;
                let banners = page.evaluate(BANNERS).await;
                let is_fine = banners == "" || banners == OWN_NOTE;
                assert!(is_fine, "{} {name}: {banners}", release.folder);
                let text = page.evaluate("document.body.innerText").await;
                let text = text.as_str().unwrap_or_default();
                assert!(
                    !text.contains("efresh required"),
                    "{} {name}: {text}",
                    release.folder
                );
            }
        }
    });
}
