//! Tests of the dashboard: the page in a real browser, and the command that opens it.

use std::time::Duration;

use serde_json::json;

use crate::support::Sandbox;
use crate::support::gateway::{self, Gateway, command, free_base};
use crate::support::pty::{Size, Terminal};

pub mod browser;
mod chromium;
mod control_ui;
mod page;

pub const TOKEN: &str = "7hegoodt0kenOfRescue";
/// A file name that would run a script if a page used it as markup.
const HOSTILE_NAME: &str = "<img src=x onerror=\"window.broken=1\">.json";
/// Time limit for a page or a browser to do what a test waits for.
const PAGE_TIMEOUT: Duration = Duration::from_mins(1);

/// Returns a config with this base port.
pub fn config(port: u16) -> String {
    format!(
        "{{ gateway: {{ mode: 'local', port: {port}, auth: {{ mode: 'token', token: '{TOKEN}' }} }}, \
         agents: {{ defaults: {{ workspace: '~/work-{port}' }} }} }}"
    )
}

/// Writes the instances of a test host: two of them too close to each other, one with a hostile name.
fn populate(sandbox: &Sandbox, port: u16) {
    sandbox.write(".openclaw/openclaw.json", config(18789));
    sandbox.write(".openclaw-rescue/openclaw.json", config(port));
    sandbox.write(".openclaw-lab/openclaw.json", config(18809));
    sandbox.write(format!(".openclaw/{HOSTILE_NAME}"), config(20789));
}

/// Returns a sandbox with a desktop whose `xdg-open` records its arguments and the page.
fn sandbox_with_desktop(port: u16) -> Sandbox {
    let sandbox = Sandbox::new();
    populate(&sandbox, port);
    sandbox.script(
        "bin/xdg-open",
        "#!/bin/sh\ntr '\\0' ' ' </proc/$$/cmdline >~/opened.args\nstat -c %a \"$1\" >~/opened.mode\n\
         cp \"$1\" ~/opened.new && mv ~/opened.new ~/opened.html\n",
    );
    let path = format!("{}:/usr/bin:/bin", sandbox.path("bin").display());
    sandbox.var("PATH", path).var("DISPLAY", ":0")
}

#[test]
fn command_opens_the_page_without_exposing_the_token() {
    let port = free_base();
    let sandbox = sandbox_with_desktop(port);
    let _gateway = Gateway::launch(command(&sandbox, "rescue", &[]), port);
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
fn token_is_not_passed_to_another_program_on_the_port() {
    let port = free_base();
    let sandbox = sandbox_with_desktop(port);
    let line = ["--profile", "rescue", "dashboard", "--json"];
    let down = sandbox.run(line).exits(1);
    assert_eq!(
        (&down.json()["ok"], &down.json()["opened"]),
        (&json!(false), &json!(false))
    );
    // Another program listens on the port.
    let _listener = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let held = sandbox.run(line).exits(1);
    assert_eq!(held.json()["opened"], false);
    assert!(!sandbox.path("opened.html").exists());
    assert!(!sandbox.path(".openclaw-rescue/dashboard-open.html").exists());
}

#[test]
fn qr_code_is_drawn_on_a_terminal_for_a_gateway_that_others_can_reach() {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").expect("a socket");
    let has_network = socket.connect("192.0.2.1:9").is_ok();
    for (lang, columns, refused, drawn) in [
        ("en", 80, "listens on this host only", "Scan it with a device"),
        ("tr", 40, "yalnızca bu", "Aynı ağdaki bir cihazla"),
    ] {
        for bind in ["loopback", "lan"] {
            let (sandbox, port) = (Sandbox::new(), free_base());
            let bound = format!("mode: 'local', bind: '{bind}',");
            let text = config(port).replace("mode: 'local',", &bound);
            sandbox.write(".openclaw-rescue/openclaw.json", text);
            let _gateway = Gateway::launch(command(&sandbox, "rescue", &[]), port);
            let line = ["--profile", "rescue", "--lang", lang, "dashboard", "--qr"];
            let mut terminal = Terminal::start(&sandbox, line, Size::tall(columns));
            let is_drawn = bind == "lan" && has_network;
            terminal.wait_for(if is_drawn { drawn } else { refused });
            assert_eq!(terminal.exit_code(), i32::from(!is_drawn));
            assert_eq!(terminal.screen().contains("▄▄▄▄▄"), is_drawn);
            assert!(
                !terminal.screen().contains(TOKEN),
                "the token is in the code only"
            );
            // Nobody would see it.
            let _ = sandbox.run(line).exits(2);
        }
    }
}

/// Asks the gateway of a sandbox for a one-time code.
fn sign_in_code(sandbox: &Sandbox) -> String {
    let line = ["--profile", "rescue", "dashboard", "--code", "--json"];
    let answer = sandbox.run(line).exits(0).json();
    assert_eq!(
        (&answer["opened"], &answer["expiresInMs"]),
        (&json!(false), &json!(120_000))
    );
    answer["code"].as_str().expect("a code").to_owned()
}

#[test]
fn code_is_exchanged_for_the_token_once_and_not_by_another_page() {
    let port = free_base();
    let sandbox = sandbox_with_desktop(port);
    let _gateway = Gateway::launch(command(&sandbox, "rescue", &[]), port);
    let path = "/__openclaw__/dashboard/sign-in";
    let redeem = |code: &str, headers: &[&str]| {
        let body = json!({ "code": code }).to_string();
        gateway::request_with_body(port, "POST", path, headers, &body).expect("an answer")
    };
    let code = sign_in_code(&sandbox);
    assert_eq!(redeem(&code, &["Origin: http://example.org"]).status, 403);
    assert_eq!(redeem("AAAA-AAAA", &[]).status, 401);
    let answer = redeem(&code.to_lowercase(), &[]);
    assert_eq!((answer.status, &answer.json()["token"]), (200, &json!(TOKEN)));
    assert_eq!(redeem(&code, &[]).status, 401, "it is good once");
    // Each wrong code after a few is answered late, and of many at once most are not compared.
    let statuses = std::thread::scope(|scope| {
        let guesses: Vec<_> = (0..20)
            .map(|_| scope.spawn(|| redeem("AAAA-AAAA", &[]).status))
            .collect();
        guesses
            .into_iter()
            .map(|guess| guess.join().expect("an answer"))
            .collect::<Vec<_>>()
    });
    assert!(statuses.contains(&429), "{statuses:?}");
    let log = gateway::log(&sandbox, "rescue");
    assert!(
        log.contains("one-time code, from 127.0.0.1") && !log.contains(&code),
        "{log}"
    );
    assert!(!sandbox.path("opened.html").exists());
    let shown = sandbox
        .run(["--profile", "rescue", "dashboard", "--code"])
        .exits(0);
    assert!(
        shown.stdout.contains("Code: ") && !shown.stdout.contains(TOKEN),
        "{shown:?}"
    );
}

#[test]
fn code_is_typed_into_the_page() {
    browser::run_with_browser(async {
        let (sandbox, port) = (Sandbox::new(), free_base());
        sandbox.write(".openclaw-rescue/openclaw.json", config(port));
        let _gateway = Gateway::launch(command(&sandbox, "rescue", &[]), port);
        let page = browser::PageUnderTest::on_port(port, None).await;
        page.open("").await;
        page.wait_until("!document.getElementById('ask').hidden").await;
        page.browser.type_into("#token", "ABCD-EFGH").await;
        let refused = "document.getElementById('refused').innerText.includes('This code is wrong')";
        page.wait_until(refused).await;
        let code = sign_in_code(&sandbox);
        page.browser.type_into("#token", &code).await;
        page.wait_until_live().await;
        // The tab has the token now: the code is not needed again.
        page.browser.reload().await;
        page.wait_until_live().await;
    });
}

#[test]
fn ssh_command_is_printed_where_there_is_no_desktop() {
    let port = free_base();
    let sandbox = Sandbox::new();
    populate(&sandbox, port);
    let _gateway = Gateway::launch(command(&sandbox, "rescue", &[]), port);
    let ran = sandbox.run(["--profile", "rescue", "dashboard"]).exits(0);
    let tunnel = format!("ssh -N -L {port}:127.0.0.1:{port} ");
    assert!(ran.stderr.contains(&tunnel), "{}", ran.stderr);
    assert!(!format!("{ran:?}").contains(TOKEN), "{ran:?}");
}

#[test]
fn url_has_the_port_that_the_gateway_really_listens_on() {
    let (configured, port) = (free_base(), free_base());
    let sandbox = sandbox_with_desktop(configured);
    let args = ["--port", &port.to_string()];
    let _gateway = Gateway::launch(command(&sandbox, "rescue", &args), port);
    let line = ["--profile", "rescue", "dashboard", "--no-open", "--json"];
    let found = sandbox.run(line).exits(0).json();
    assert_eq!(
        (&found["url"], &found["port"]),
        (&json!(format!("http://127.0.0.1:{port}/")), &json!(port))
    );
}
