//! How the gateway starts: a held base port leads to another one, a config that it refuses to the doctor, and what happens
//! after logout is decided before the plan.

use std::net::TcpListener;

use openclaw::i18n::Lang;

use super::scenario::{catalogue_text, wait_for_text, wait_open};
use super::{ENGLISH, TURKISH};
use crate::support::pty::{Key, Size, Terminal};
use crate::support::{Sandbox, network};

const CONFIG: &str = ".openclaw/openclaw.json";

/// Starts the wizard about the default instance with this config, and keeps that.
fn keep_config(sandbox: &Sandbox, config: &str) -> Terminal {
    sandbox.write(CONFIG, config);
    let args = ["--lang", "en", "--profile", "default", "onboard", "--accept-risk"];
    let mut terminal = Terminal::start(sandbox, args, Size::tall(100));
    terminal.wait_for(ENGLISH.flow).press(Key::Enter);
    terminal.wait_for("❯ Keep it").press(Key::Enter);
    terminal
}

#[test]
fn doctor_is_offered_where_the_gateway_would_refuse_the_config() {
    let sandbox = Sandbox::new().var("LANG", "C.UTF-8");
    let config = r#"{ "gateway": { "mode": "local", "port": 28789, "auth": { "token": "t0ken-4711" } }, "myOwnKey": 1 }"#;
    let mut terminal = keep_config(&sandbox, config);
    terminal.wait_for(ENGLISH.confirm).press(Key::Enter);
    wait_for_text(&mut terminal, "its gateway can’t start yet");
    terminal.wait_for("Run openclaw doctor on it now?");
    assert!(
        terminal.screen().contains("myOwnKey"),
        "{}",
        terminal.screen().text()
    );
    assert!(
        !terminal.screen().contains("is set up"),
        "{}",
        terminal.screen().text()
    );
    terminal.press(Key::Enter);
    terminal
        .wait_for("Make these changes?")
        .type_in("y")
        .press(Key::Enter);
    terminal.wait_for("Profile default is set up");
    assert_eq!(terminal.exit_code(), 0);
    assert!(!sandbox.read(CONFIG).contains("myOwnKey"));
}

#[test]
fn plan_with_a_held_base_port_leads_to_another_one() {
    network::own(|| {
        let sandbox = Sandbox::new().var("LANG", "C.UTF-8");
        let _listener = TcpListener::bind("127.0.0.1:18789").expect("a free port");
        let config =
            r#"{ "gateway": { "mode": "local", "port": 18789, "auth": { "token": "t0ken-4711" } } } // kept"#;
        let mut terminal = keep_config(&sandbox, config);
        terminal.wait_for("! Can’t use base port 18789");
        let raw = String::from_utf8_lossy(terminal.raw()).into_owned();
        assert!(raw.contains("\u{1b}[33m  ! Can’t use base port"), "{raw}");
        terminal
            .wait_for("❯ Change: Base port")
            .press(Key::Enter)
            .wait_for("19789 – recommended");
        terminal.press(Key::Down).press(Key::Enter);
        terminal.wait_for("gateway.port: 18789 → 19789");
        terminal.wait_for("❯ Apply").press(Key::Enter);
        terminal.wait_for("Profile default is set up");
        assert_eq!(terminal.exit_code(), 0);
        let after = sandbox.read(CONFIG);
        assert!(
            after.contains("\"port\": 19789") && after.contains("// kept"),
            "{after}"
        );
    });
}

#[test]
fn lingering_is_asked_before_the_plan_which_shows_the_answer() {
    for (words, lasts) in [
        (&ENGLISH, "will be installed and started; goes on after logout"),
        (&TURKISH, "kurulup başlatılacak; oturum kapanınca da çalışacak"),
    ] {
        let sandbox = Sandbox::new().var("LANG", "C.UTF-8");
        let loginctl = sandbox.script("bin/loginctl", "#!/bin/sh\necho Linger=no\n");
        let folder = loginctl.parent().expect("a folder").display().to_string();
        let sandbox = sandbox.var("PATH", format!("{folder}:/usr/bin:/bin"));
        let args = [
            "--lang",
            words.lang,
            "--profile",
            "rescue",
            "onboard",
            "--accept-risk",
            "--auth-choice",
            "skip",
            "--skip-channels",
        ];
        let lang = Lang::from_code(words.lang).expect("a language");
        let mut terminal = Terminal::start(&sandbox, args, Size::tall(100));
        for question in [words.flow, words.workspace, words.port] {
            terminal.wait_for(question).press(Key::Enter);
        }
        terminal.wait_for(words.service).type_in("y").press(Key::Enter);
        wait_open(&mut terminal, catalogue_text(lang, "service.linger-ask"));
        assert!(!terminal.screen().contains(catalogue_text(lang, "plan.changes")));
        terminal.press(Key::Enter).wait_for(words.confirm).wait_for(lasts);
        // It is no longer open when the plan has been shown.
        terminal.press(Key::Escape);
        wait_open(&mut terminal, catalogue_text(lang, "service.linger-ask"));
        assert_eq!(terminal.press(Key::CtrlC).exit_code(), 130);
    }
}
