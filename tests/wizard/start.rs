//! How the gateway starts: a held base port leads to another one, a config that it refuses to the doctor, and what happens
//! after logout is decided before the plan.

use std::net::TcpListener;

use openclaw::i18n::Lang;

use super::scenario::{catalogue_text, wait_for_text, wait_open};
use super::{ENGLISH, ScreenTexts, TURKISH};
use crate::support::child::kill_processes_of;
use crate::support::pty::{Key, Size, Terminal};
use crate::support::{Sandbox, network};

const CONFIG: &str = ".openclaw/openclaw.json";

/// Starts the wizard about the default instance with this config, and keeps that.
fn keep_config(sandbox: &Sandbox, config: &str) -> Terminal {
    sandbox.write(CONFIG, config);
    let args = ["--lang", "en", "--profile", "default", "onboard", "--accept-risk"];
    let mut terminal = Terminal::start(sandbox, args, Size::tall(100));
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
            .wait_until("the row of the base port is marked", |screen| {
                screen
                    .lines()
                    .iter()
                    .any(|line| line.starts_with('❯') && line.contains("Base port"))
            })
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
fn lingering_stands_in_the_review_and_is_changed_there() {
    for (words, lasts) in [
        (&ENGLISH, "now, as a service; keeps running after logout"),
        (&TURKISH, "şimdi, servis olarak; oturum kapanınca da çalışır"),
    ] {
        let sandbox = Sandbox::new().var("LANG", "C.UTF-8");
        let loginctl = sandbox.script("bin/loginctl", "#!/bin/sh\necho Linger=no\n");
        let _ = sandbox.script("bin/systemctl", "#!/bin/sh\necho LoadState=not-found\n");
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
        terminal.wait_for(words.engine).press(Key::Enter);
        terminal.wait_for(words.service).press(Key::Enter);
        terminal.wait_for(words.confirm);
        let row = catalogue_text(lang, "step.linger.name");
        let wait_for_row = |terminal: &mut Terminal, value: &str| {
            terminal.wait_until(&format!("{row}: {value}"), |screen| {
                let lines = screen.lines();
                lines
                    .iter()
                    .any(|line| line.contains(row) && line.contains(value))
            });
        };
        wait_for_row(&mut terminal, catalogue_text(lang, "ui.yes"));
        terminal.type_in("d").wait_for(lasts);
        // It is a row like the others.
        wait_for_row(&mut terminal, catalogue_text(lang, "ui.yes"));
        let lines = terminal.screen().lines();
        let line = lines.iter().find(|line| line.contains(row)).expect("a row");
        let number = line.trim_start().split(' ').next().expect("a number").to_owned();
        terminal.type_in(&number);
        wait_open(&mut terminal, catalogue_text(lang, "service.linger-ask"));
        let no = catalogue_text(lang, "ui.no-words")
            .split(' ')
            .next()
            .expect("a word");
        terminal.type_in(no).press(Key::Enter).wait_for(words.confirm);
        wait_for_row(&mut terminal, catalogue_text(lang, "ui.no"));
        assert_eq!(terminal.press(Key::CtrlC).exit_code(), 130);
    }
}

/// Ends what runs of a sandbox when a test ends, however it does.
struct KilledWithTest(std::path::PathBuf);

impl Drop for KilledWithTest {
    fn drop(&mut self) {
        kill_processes_of(&self.0);
    }
}

/// Starts the wizard about a new rescue bot, and answers every question but the last with what is proposed.
fn run_to_start(sandbox: &Sandbox, words: &ScreenTexts, columns: u16) -> Terminal {
    let args = [
        "--lang",
        words.lang,
        "--profile",
        "rescue",
        "onboard",
        "--accept-risk",
        "--flow",
        "quickstart",
    ];
    let mut terminal = Terminal::start(sandbox, args, Size::tall(columns));
    for question in [words.engine, words.provider, words.bot] {
        terminal.wait_for(question).press(Key::Enter);
    }
    terminal.wait_for(words.service);
    terminal
}

#[test]
fn gateway_that_is_started_in_the_background_answers_and_can_be_stopped() {
    for (words, columns, runs) in [
        (
            &ENGLISH,
            80,
            "The rescue gateway is running in the background (pid ",
        ),
        (&TURKISH, 40, "Gateway arka planda çalışıyor: rescue (pid "),
    ] {
        network::own(|| {
            let sandbox = Sandbox::new().var("LANG", "C.UTF-8");
            let _killed = KilledWithTest(sandbox.home());
            let mut terminal = run_to_start(&sandbox, words, columns);
            terminal.press(Key::Enter);
            terminal.wait_for(words.confirm).press(Key::Enter);
            wait_for_text(&mut terminal, runs);
            wait_for_text(&mut terminal, "openclaw --profile rescue dashboard");
            assert_eq!(terminal.exit_code(), 0, "{}", terminal.screen().text());
            let status = sandbox
                .run(["--profile", "rescue", "status", "--json"])
                .exits(0)
                .json();
            assert_eq!(status["verdict"], "healthy", "{status}");
            let _ = sandbox.run(["--profile", "rescue", "gateway", "stop"]).exits(0);
            let _ = sandbox.run(["--profile", "rescue", "status", "--json"]).exits(1);
        });
    }
}

#[test]
fn gateway_that_is_started_in_this_terminal_runs_until_ctrl_c_and_leaves_no_draft() {
    network::own(|| {
        let sandbox = Sandbox::new().var("LANG", "C.UTF-8");
        let mut terminal = run_to_start(&sandbox, &ENGLISH, 80);
        terminal.type_in("2").press(Key::Enter);
        terminal.wait_for(ENGLISH.confirm).press(Key::Enter);
        terminal.wait_for("Ctrl-C stops the gateway");
        assert!(!sandbox.path(".local/state/openclaw/draft.toml").exists());
        let _ = sandbox.run(["--profile", "rescue", "status"]).exits(0);
        assert_eq!(terminal.press(Key::CtrlC).exit_code(), 0);
        let _ = sandbox.run(["--profile", "rescue", "status"]).exits(1);
    });
}

#[test]
fn gateway_that_does_not_come_up_in_the_background_is_told_with_its_cause() {
    network::own(|| {
        let sandbox = Sandbox::new().var("LANG", "C.UTF-8");
        let _killed = KilledWithTest(sandbox.home());
        // A folder in the place of the gateway's lock: it ends at once, and no check before could tell.
        let lock = sandbox.path(".openclaw-rescue/gateway.lock");
        std::fs::create_dir_all(lock).expect("a folder");
        let mut terminal = run_to_start(&sandbox, &ENGLISH, 80);
        terminal.press(Key::Enter);
        terminal.wait_for(ENGLISH.confirm);
        terminal.press(Key::Enter);
        wait_for_text(&mut terminal, "the rescue gateway does not answer");
        wait_for_text(&mut terminal, "openclaw --profile rescue logs");
        assert_eq!(terminal.exit_code(), 3, "{}", terminal.screen().text());
    });
}

/// Starts the wizard on an empty host, and presses Enter at every question until the gateway runs.
fn run_to_offer(sandbox: &Sandbox, words: &ScreenTexts, columns: u16, offer: &str) -> Terminal {
    let args = [
        "--lang",
        words.lang,
        "onboard",
        "--accept-risk",
        "--flow",
        "quickstart",
    ];
    let mut terminal = Terminal::start(sandbox, args, Size::tall(columns));
    for question in [
        words.engine,
        words.provider,
        words.bot,
        words.service,
        words.confirm,
    ] {
        terminal.wait_for(question).press(Key::Enter);
    }
    wait_for_text(&mut terminal, offer);
    terminal
}

#[test]
fn rescue_bot_is_offered_beside_a_first_gateway_and_runs_and_watches_after_two_enters() {
    network::own(|| {
        for (words, columns, offer, done, drill, reply, told) in [
            (
                &ENGLISH,
                80,
                "Add a rescue bot beside it?",
                "The rescue gateway is running",
                "Start the drill of default?",
                "y",
                "rescue brought default back",
            ),
            (
                &TURKISH,
                40,
                "Yanına bir kurtarma botu",
                "çalışıyor: rescue",
                "default için tatbikat başlasın mı?",
                "",
                "rescue drill default",
            ),
        ] {
            let sandbox = Sandbox::new().var("LANG", "C.UTF-8");
            let _killed = KilledWithTest(sandbox.home());
            let mut terminal = run_to_offer(&sandbox, words, columns, offer);
            terminal.press(Key::Enter);
            terminal
                .wait_until("the plan of the rescue bot", |screen| {
                    let text = screen.text();
                    text.contains("19789") && text.matches(words.confirm).count() == 2
                })
                .press(Key::Enter);
            wait_for_text(&mut terminal, done);
            wait_for_text(&mut terminal, drill);
            let config = sandbox.read(CONFIG);
            terminal.type_in(reply).press(Key::Enter);
            wait_for_text(&mut terminal, told);
            assert_eq!(terminal.exit_code(), 0, "{}", terminal.screen().text());
            assert_eq!(sandbox.read(CONFIG), config);
            let record = sandbox.read(".openclaw-rescue/instance.toml");
            assert!(record.contains("watch = [\"default\"]"), "{record}");
            for profile in ["rescue", "default"] {
                let _ = sandbox.run(["--profile", profile, "status"]).exits(0);
                let _ = sandbox.run(["--profile", profile, "gateway", "stop"]).exits(0);
            }
        }
    });
}

#[test]
fn offered_rescue_bot_can_be_declined() {
    network::own(|| {
        let sandbox = Sandbox::new().var("LANG", "C.UTF-8");
        let _killed = KilledWithTest(sandbox.home());
        let mut terminal = run_to_offer(&sandbox, &ENGLISH, 80, "Add a rescue bot beside it?");
        terminal.type_in("n").press(Key::Enter);
        wait_for_text(&mut terminal, "openclaw --profile rescue onboard");
        assert_eq!(terminal.exit_code(), 0);
        assert!(!sandbox.path(".openclaw-rescue").exists());
        let _ = sandbox.run(["gateway", "stop"]).exits(0);
    });
}
