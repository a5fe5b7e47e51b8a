//! Tests of the canvas host: which files it serves to which clients, and that no other files can be reached.

use std::net::TcpStream;
use std::os::unix::fs::symlink;

use tungstenite::client::IntoClientRequest as _;

use crate::support::Sandbox;
use crate::support::gateway::{Answer, Gateway, TOKEN, WAIT_TIMEOUT, config, free_base, request, wait_for};

const CANVAS: &str = "/__openclaw__/canvas";

fn bearer() -> String {
    format!("Authorization: Bearer {TOKEN}")
}

fn get(port: u16, path: &str) -> Answer {
    request(port, "GET", path, &[&bearer()]).expect("an answer")
}

/// Returns the capability from the script of a page.
fn capability(port: u16) -> String {
    let page = get(port, &format!("{CANVAS}/")).body;
    let (_, rest) = page
        .split_once("/__openclaw__/cap/")
        .expect("a script in the page");
    rest.split('/').next().expect("a capability").to_owned()
}

#[test]
fn browser_without_the_token_gets_a_page_that_leads_to_the_dashboard_and_programs_get_json() {
    let sandbox = Sandbox::new();
    let gateway = Gateway::start(&sandbox, "rescue");
    let port = gateway.port + 4;
    for path in ["/", &format!("{CANVAS}/")] {
        let headers = ["Accept: text/html,*/*;q=0.8", "Accept-Language: tr-TR,en;q=0.5"];
        let page = request(port, "GET", path, &headers).expect("an answer");
        assert_eq!(page.status, 401, "{page:?}");
        assert!(
            page.head.to_ascii_lowercase().contains("content-type: text/html"),
            "{page:?}"
        );
        let dashboard = format!("href=\"http://127.0.0.1:{}/\"", gateway.port);
        assert!(page.body.contains(&dashboard), "{page:?}");
        assert!(
            page.body.contains("lang=\"tr\"") && page.body.contains("Panoda giriş yapın"),
            "{page:?}"
        );
        assert!(
            page.body.contains("openclaw --profile rescue dashboard"),
            "{page:?}"
        );
        let program = request(port, "GET", path, &["Accept: */*"]).expect("an answer");
        assert_eq!((program.status, &program.body[..9]), (401, "{\"error\":"));
        // A wrong token is that of a program.
        let wrong = request(port, "GET", path, &[headers[0], "Authorization: Bearer 00"]).expect("an answer");
        assert_eq!((wrong.status, &wrong.body[..9]), (401, "{\"error\":"));
    }
}

#[test]
fn both_ports_serve_the_folder_for_the_token_or_the_capability() {
    let sandbox = Sandbox::new();
    sandbox.write(".openclaw-rescue/canvas/index.html", "<body>mine</body>");
    sandbox.write(".openclaw-rescue/canvas/sub/style.css", "a{}");
    let gateway = Gateway::start(&sandbox, "rescue");
    let capability = capability(gateway.port);
    for port in [gateway.port, gateway.port + 4] {
        let page = get(port, &format!("{CANVAS}/"));
        assert_eq!(page.status, 200, "{page:?}");
        assert!(page.body.starts_with("<body>mine<script>"), "{page:?}");
        let head = page.head.to_ascii_lowercase();
        assert!(head.contains("content-type: text/html; charset=utf-8"), "{head}");
        assert!(
            head.contains("cache-control: no-store") && head.contains("nosniff"),
            "{head}"
        );
        assert!(
            head.contains("referrer-policy: no-referrer"),
            "the capability must not leave in a referrer: {head}"
        );
        let css = get(port, &format!("{CANVAS}/sub/style.css"));
        assert!(
            css.head.to_ascii_lowercase().contains("text/css") && css.body == "a{}",
            "{css:?}"
        );
        let missing = get(port, &format!("{CANVAS}/none.html"));
        assert_eq!(missing.status, 404);

        for opened in [
            format!("/__openclaw__/cap/{capability}/canvas/sub/style.css"),
            format!("/__openclaw__/cap/{capability}/__openclaw__/canvas/sub/style.css"),
        ] {
            let answer = request(port, "GET", &opened, &[]).expect("an answer");
            assert_eq!((answer.status, answer.body.as_str()), (200, "a{}"), "{opened}");
        }
        for closed in [
            format!("{CANVAS}/sub/style.css"),
            "/__openclaw__/cap/wrong/canvas/sub/style.css".to_owned(),
            "/__openclaw__/cap//canvas/sub/style.css".to_owned(),
            "/__openclaw__/cap/x".to_owned(),
        ] {
            let answer = request(port, "GET", &closed, &[]).expect("an answer");
            assert!([401, 404].contains(&answer.status), "{closed}: {answer:?}");
            assert!(!answer.body.contains("a{}"), "{closed}");
        }
    }
    let sandboxed = get(gateway.port, &format!("{CANVAS}/"));
    assert!(
        sandboxed.head.contains("sandbox allow-scripts"),
        "sandboxed on the port of the dashboard"
    );
    let head = request(
        gateway.port,
        "HEAD",
        &format!("{CANVAS}/sub/style.css"),
        &[&bearer()],
    );
    assert!(head.is_some_and(|answer| answer.status == 200 && answer.body.is_empty()));
}

#[test]
fn no_path_leads_out_of_the_folder() {
    let sandbox = Sandbox::new();
    sandbox.write(".openclaw-rescue/canvas/index.html", "<body>mine</body>");
    sandbox.write(".openclaw-rescue/canvas/.hidden", "c0ffee");
    sandbox.write(".openclaw-rescue/canvas/sub/a.txt", "inside");
    let state = sandbox.path(".openclaw-rescue");
    symlink("../openclaw.json", state.join("canvas/link.json")).expect("a link");
    symlink(&state, state.join("canvas/up")).expect("a link");
    let gateway = Gateway::start(&sandbox, "rescue");
    let capability = capability(gateway.port);
    for port in [gateway.port, gateway.port + 4] {
        for path_below in [
            "../openclaw.json",
            "sub/../../openclaw.json",
            "%2e%2e/openclaw.json",
            "%2e%2e%2fopenclaw.json",
            "..%2fopenclaw.json",
            "%252e%252e%252fopenclaw.json",
            "..%5copenclaw.json",
            "..\\openclaw.json",
            "%c0%ae%c0%ae/openclaw.json",
            "%c0%ae%c0%ae%c0%afopenclaw.json",
            "%uff0e%uff0e/openclaw.json",
            "sub%00/../../openclaw.json",
            "link.json",
            "up/openclaw.json",
            "up/",
            ".hidden",
            "/etc/passwd",
            "//etc/passwd",
            "file:///etc/passwd",
            "./../openclaw.json",
            "..;/openclaw.json",
        ] {
            for start in [
                CANVAS.to_owned(),
                format!("/__openclaw__/cap/{capability}/canvas"),
            ] {
                let path = format!("{start}/{path_below}");
                // A path that is not valid in a URL is not answered.
                let Some(answer) = request(port, "GET", &path, &[&bearer()]) else {
                    continue;
                };
                assert!([400, 401, 404].contains(&answer.status), "{path}: {answer:?}");
                assert!(
                    !answer.body.contains("c0ffee") && !answer.body.contains("root:"),
                    "{path}"
                );
            }
        }
        assert_eq!(get(port, &format!("{CANVAS}/sub/a.txt")).body, "inside");
    }
}

#[test]
fn change_in_the_hidden_state_folder_reloads_the_page() {
    let sandbox = Sandbox::new();
    let page = sandbox.write(".openclaw-rescue/canvas/index.html", "<body>1</body>");
    let gateway = Gateway::start(&sandbox, "rescue");
    let capability = capability(gateway.port);
    for (port, origin) in [
        (gateway.port + 4, format!("http://127.0.0.1:{}", gateway.port + 4)),
        (gateway.port, "null".to_owned()),
    ] {
        let url = format!("ws://127.0.0.1:{port}/__openclaw__/cap/{capability}/ws");
        let open = |origin: &str| {
            let mut request = url.as_str().into_client_request().expect("a request");
            request
                .headers_mut()
                .insert("origin", origin.parse().expect("a header"));
            let stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
            stream.set_read_timeout(Some(WAIT_TIMEOUT)).expect("a time limit");
            tungstenite::client(request, stream).ok()
        };
        assert!(open("https://evil.example").is_none(), "a page of another origin");
        let (mut socket, _) = open(&origin).expect("a socket");
        // The folder is watched some time after the socket is open: it is changed until a reload is sent.
        let reload = wait_for("a reload", || {
            std::fs::write(&page, "<body>2</body>").expect("a change");
            socket
                .get_ref()
                .set_read_timeout(Some(std::time::Duration::from_millis(500)))
                .expect("a time limit");
            socket.read().ok()
        });
        assert_eq!(reload.to_text().expect("text"), "reload");
    }
}

#[test]
fn starter_page_is_written_into_an_empty_folder_only() {
    let sandbox = Sandbox::new();
    sandbox.write(".openclaw-main/canvas/other.txt", "x");
    let rescue = Gateway::start(&sandbox, "rescue");
    let main = Gateway::start(&sandbox, "main");
    let page = get(rescue.port + 4, &format!("{CANVAS}/"));
    assert!(
        page.body.contains("rescue") && page.body.contains("<!doctype html>"),
        "{page:?}"
    );
    assert_eq!(get(main.port + 4, &format!("{CANVAS}/")).status, 404);
    assert_eq!(sandbox.read(".openclaw-main/canvas/other.txt"), "x");
}

#[test]
fn canvas_of_one_instance_is_not_served_by_another() {
    let sandbox = Sandbox::new();
    sandbox.write(".openclaw-main/canvas/index.html", "<body>of main</body>");
    sandbox.write(".openclaw-main/canvas/main.txt", "of main");
    sandbox.write(".openclaw/canvas/main.txt", "of default");
    let main = Gateway::start(&sandbox, "main");
    let base = free_base();
    let shared_root = r#""canvasHost": { "root": "~/.openclaw-main/canvas" }, "gateway""#;
    sandbox.write(
        ".openclaw-rescue/openclaw.json",
        config(base).replace(r#""gateway""#, shared_root),
    );
    let rescue = Gateway::start(&sandbox, "rescue");
    let capability_of_main = capability(main.port);
    for port in [rescue.port, rescue.port + 4] {
        assert_eq!(get(port, &format!("{CANVAS}/main.txt")).status, 404);
        let path = format!("/__openclaw__/cap/{capability_of_main}/canvas/");
        let answer = request(port, "GET", &path, &[]).expect("an answer");
        assert_eq!(answer.status, 401, "a capability opens its own gateway only");
    }
    assert_eq!(get(main.port, &format!("{CANVAS}/main.txt")).body, "of main");
}

#[test]
fn live_reload_and_canvas_can_be_switched_off() {
    let sandbox = Sandbox::new();
    let (quiet, off) = (free_base(), free_base());
    let with = |base, keys: &str| config(base).replace(r#""gateway""#, &format!(r#"{keys}, "gateway""#));
    sandbox.write(
        ".openclaw-quiet/openclaw.json",
        with(quiet, r#""canvasHost": { "liveReload": false }"#),
    );
    sandbox.write(
        ".openclaw-off/openclaw.json",
        with(off, r#""canvasHost": { "enabled": false }"#),
    );
    let quiet = Gateway::start(&sandbox, "quiet");
    let page = get(quiet.port, &format!("{CANVAS}/"));
    assert!(page.status == 200 && !page.body.contains("<script"), "{page:?}");
    let off = Gateway::start(&sandbox, "off");
    assert_eq!(get(off.port, &format!("{CANVAS}/")).status, 404);
    assert!(
        request(off.port + 4, "GET", "/", &[]).is_none(),
        "no process listens there"
    );
    assert!(!sandbox.path(".openclaw-off/canvas").exists());
}
