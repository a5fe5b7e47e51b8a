//! The ways to a gateway's token: shown after a yes, or copied to the clipboard of the terminal; and what a terminal shows
//! of errors.

use base64::Engine as _;

use crate::support::Sandbox;
use crate::support::gateway::{Gateway, TOKEN, configure};
use crate::support::pty::{Key, Size, Terminal};

const GET: [&str; 6] = [
    "--profile",
    "main",
    "config",
    "get",
    "gateway.auth.token",
    "--show-secret",
];

fn sandbox_with_instance() -> Sandbox {
    let sandbox = Sandbox::new().var("LANG", "C.UTF-8");
    configure(&sandbox, "main");
    sandbox
}

#[test]
fn secret_is_shown_on_a_terminal_after_a_yes_and_nowhere_else() {
    let sandbox = sandbox_with_instance();
    let piped = sandbox.run(GET).exits(2);
    assert!(!format!("{piped:?}").contains(TOKEN), "{piped:?}");

    let mut no = Terminal::start(&sandbox, GET, Size::USUAL);
    no.wait_for("on this screen?")
        .press(Key::Enter)
        .wait_for("was not shown");
    assert_eq!(no.exit_code(), 1);
    assert!(!no.screen().text().contains(TOKEN));

    let mut yes = Terminal::start(&sandbox, GET, Size::USUAL);
    yes.wait_for("on this screen?")
        .type_in("y")
        .press(Key::Enter)
        .wait_for(TOKEN);
    assert_eq!(yes.exit_code(), 0);

    let turkish = ["--lang", "tr"].into_iter().chain(GET);
    let mut turkish = Terminal::start(&sandbox, turkish, Size::tall(40));
    turkish
        .wait_for("gösterilsin mi?")
        .type_in("e")
        .press(Key::Enter)
        .wait_for(TOKEN);
    assert_eq!(turkish.exit_code(), 0);
}

#[test]
fn url_with_the_token_is_copied_to_the_clipboard_and_not_seen() {
    let sandbox = sandbox_with_instance();
    let gateway = Gateway::start(&sandbox, "main");
    let copy = ["--profile", "main", "dashboard", "--copy"];
    let piped = sandbox.run(copy).exits(2);
    assert!(!format!("{piped:?}").contains(TOKEN), "{piped:?}");

    let mut terminal = Terminal::start(&sandbox, copy, Size::USUAL);
    terminal.wait_for("clipboard");
    assert_eq!(terminal.exit_code(), 0);
    let raw = String::from_utf8_lossy(terminal.raw()).into_owned();
    let encoded = raw
        .split("\u{1b}]52;c;")
        .nth(1)
        .and_then(|rest| rest.split('\u{7}').next());
    let copied = base64::engine::general_purpose::STANDARD
        .decode(encoded.expect("OSC 52"))
        .expect("base64");
    let copied = String::from_utf8(copied).expect("a URL");
    assert!(copied.starts_with("http://127.0.0.1:"), "{copied}");
    assert!(copied.ends_with(&format!("/#token={TOKEN}")), "{copied}");
    assert!(!terminal.screen().text().contains(TOKEN));
    drop(gateway);
}

#[test]
fn error_is_wrapped_at_words_and_its_command_stays_whole() {
    let sandbox = Sandbox::new().var("LANG", "C.UTF-8");
    sandbox.write(".openclaw-main/openclaw.json", "{ gateway: {\n");
    for (lang, columns) in [("en", 40), ("tr", 40), ("en", 80), ("tr", 80)] {
        let get = [
            "--lang",
            lang,
            "--profile",
            "main",
            "config",
            "get",
            "gateway.port",
        ];
        let mut terminal = Terminal::start(&sandbox, get, Size::tall(columns));
        assert_eq!(terminal.exit_code(), 78);
        let text = terminal.screen().text();
        assert!(text.contains("~/.openclaw-main/openclaw.json"), "{text}");
        assert!(!text.contains(&sandbox.home().display().to_string()), "{text}");
        let whole = terminal.screen().lines();
        let is_broken = |row: usize| terminal.screen().is_wrapped(row);
        assert!(!(0..whole.len()).any(is_broken), "{columns} columns:\n{text}");
    }
}
