//! Setups by Enter alone inside a real user manager: from an empty host to a gateway that runs and its open dashboard, and from
//! there to a rescue bot that runs and watches.

use std::process::Command;

use openclaw::i18n::Lang;

use super::scenario::{catalogue_text, wait_for_text, wait_open};
use crate::service::inside::{UserHome, health};
use crate::support::pty::{Key, Size, Terminal};
use crate::support::{manager, put_program};

/// Presses Enter at each of these questions, in this order, and requires the program to end well after the last one.
fn press_enter_at(terminal: &mut Terminal, lang: Lang, questions: &[&str]) {
    for key in questions {
        wait_open(terminal, catalogue_text(lang, key));
        terminal.press(Key::Enter);
    }
}

/// Starts the wizard about a profile in a terminal of the user manager's session.
fn start(home: &UserHome, profile: &str, lang: Lang, desktop: Option<&str>) -> Terminal {
    let usual = home.command(profile, &[]);
    let mut command = Command::new(usual.get_program());
    command.args(["--profile", profile, "--lang", lang.code(), "onboard"]);
    command.env_clear();
    for (name, value) in usual.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    if let Some(folder) = desktop {
        command
            .env("DISPLAY", ":0")
            .env("PATH", format!("{folder}:/usr/bin:/bin"));
    }
    Terminal::run(command, Size::USUAL)
}

#[test]
#[ignore = "runs inside a user manager"]
fn eight_enters_lead_to_a_gateway_and_its_dashboard_and_six_to_a_rescue_bot() {
    if !manager::is_inside() {
        return;
    }
    let (english, turkish) = (Lang::english(), Lang::from_code("tr").expect("Turkish"));
    let home = UserHome::current();
    let folder = home.path.join("desktop");
    std::fs::create_dir_all(&folder).expect("a folder");
    let opened = home.path.join("opened");
    let script = format!("#!/bin/sh\ncp \"$1\" '{}'\n", opened.display());
    let draft = home.path.join("xdg-open");
    std::fs::write(&draft, script).expect("a script");
    put_program(&draft, folder.join("xdg-open"));

    let mut terminal = start(&home, "default", english, folder.to_str());
    let to_main = [
        "step.engine.ask",
        "step.auth-choice.ask",
        "step.channel.ask-bot",
        "step.install-daemon.ask",
        "onboard.confirm",
    ];
    press_enter_at(&mut terminal, english, &to_main);
    wait_open(&mut terminal, catalogue_text(english, "onboard.twin-ask"));
    terminal.type_in("n").press(Key::Enter);
    press_enter_at(&mut terminal, english, &["onboard.dashboard-ask"]);
    wait_for_text(&mut terminal, "Opening it in your browser");
    assert_eq!(terminal.exit_code(), 0, "{}", terminal.screen().text());
    assert_eq!(health(18789)["ok"], true);
    let page = std::fs::read_to_string(&opened).expect("the page that the browser got");
    assert!(page.contains("http://127.0.0.1:18789/#token="), "{page}");

    for (profile, lang, port, drill) in [
        (
            "rescue",
            english,
            19789,
            ["Start the drill of default?", "y", "rescue brought default back"],
        ),
        (
            "ikinci-rescue",
            turkish,
            20789,
            ["default için tatbikat başlasın mı?", "", "rescue drill default"],
        ),
    ] {
        reach_rescue_bot(&home, profile, lang, port, drill);
    }
}

/// Reaches a rescue bot that runs and watches by six Enters, and replies to the offer of a drill that follows: its question, the
/// reply and what comes of it.
fn reach_rescue_bot(home: &UserHome, profile: &str, lang: Lang, port: u16, [ask, reply, told]: [&str; 3]) {
    let to_rescue = [
        "step.engine.ask",
        "step.gateway-port.ask",
        "step.channel.ask-bot",
        "step.watch.ask",
        "step.install-daemon.ask",
        "onboard.confirm",
    ];
    let main_config = || std::fs::read(home.path.join(".openclaw/openclaw.json")).expect("a config");
    let mut terminal = start(home, profile, lang, None);
    press_enter_at(&mut terminal, lang, &to_rescue);
    // It runs and watches by now. What follows is an offer.
    wait_for_text(&mut terminal, ask);
    assert_eq!(health(port)["ok"], true);
    let record = home.path.join(format!(".openclaw-{profile}/instance.toml"));
    let record = std::fs::read_to_string(record).expect("a record");
    assert!(record.contains("watch = [\"default\"]"), "{record}");
    let config = main_config();
    terminal.type_in(reply).press(Key::Enter);
    wait_for_text(&mut terminal, told);
    assert_eq!(terminal.exit_code(), 0, "{}", terminal.screen().text());
    assert_eq!(main_config(), config);
    assert_eq!(health(18789)["ok"], true);
}
