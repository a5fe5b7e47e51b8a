//! `openclaw` without a command: the view that renews itself with a person at the terminal, its keys, and the offer of the
//! wizard where nothing is set up.

use rustix::process::Signal;

use crate::support::Sandbox;
use crate::support::gateway::{self, Gateway};
use crate::support::pty::{Key, Modes, Screen, Size, Terminal};

const ENGLISH: &str = "C.UTF-8";
const TURKISH: &str = "tr_TR.UTF-8";

/// Returns a home with a sentence's language, in which no service manager is found.
fn sandbox(locale: &str) -> Sandbox {
    Sandbox::new().var("PATH", "/nowhere").var("LC_ALL", locale)
}

/// Starts `openclaw` without a command.
fn start(sandbox: &Sandbox, size: Size) -> Terminal {
    Terminal::start(sandbox, [] as [&str; 0], size)
}

/// Returns whether a line of the screen has all of these texts.
fn has_line(screen: &Screen<'_>, texts: &[&str]) -> bool {
    let lines = screen.lines();
    lines
        .iter()
        .any(|line| texts.iter().all(|text| line.contains(text)))
}

/// Waits until a line of the screen has all of these texts.
#[track_caller]
fn wait_for_line(terminal: &mut Terminal, texts: &[&str]) {
    terminal.wait_until(&format!("a line with {texts:?}"), |screen| {
        has_line(screen, texts)
    });
}

/// Quits the view and asserts that the terminal is as it was found.
#[track_caller]
fn quit(terminal: &mut Terminal, key: impl FnOnce(&mut Terminal), code: i32) {
    key(terminal);
    assert_eq!(terminal.exit_code(), code);
    assert_eq!(terminal.modes(), Modes::usual());
    assert!(!terminal.screen().cursor_is_hidden());
    assert_eq!(terminal.screen().lines(), [] as [&str; 0], "the view is erased");
}

#[test]
fn person_without_a_gateway_is_offered_the_wizard() {
    for (locale, question, wizard, later) in [
        (
            ENGLISH,
            "Set one up now?",
            "OpenClaw gateway setup",
            "Set one up: openclaw onboard",
        ),
        (
            TURKISH,
            "Şimdi kurulsun mu?",
            "OpenClaw gateway kurulumu",
            "Kurmak için: openclaw onboard",
        ),
    ] {
        let sandbox = sandbox(locale);
        let mut terminal = start(&sandbox, Size::USUAL);
        terminal.wait_for(question).press(Key::Enter).wait_for(wizard);
        assert_eq!(terminal.press(Key::CtrlC).exit_code(), 130);
        let mut terminal = start(&sandbox, Size::USUAL);
        terminal.wait_for(question).press(Key::Escape).wait_for(later);
        assert_eq!(terminal.exit_code(), 0);
        assert_eq!(terminal.modes(), Modes::usual());
        assert!(!sandbox.path(".openclaw").exists());
    }
}

#[test]
fn view_renews_itself_and_leaves_the_terminal_as_it_was() {
    let sandbox = sandbox(ENGLISH);
    gateway::configure(&sandbox, "default");
    gateway::configure(&sandbox, "rescue");
    let mut terminal = start(&sandbox, Size::USUAL);
    wait_for_line(&mut terminal, &["❯ 1 default", "not running"]);
    wait_for_line(&mut terminal, &["2 rescue", "not running"]);
    terminal.wait_for("openclaw gateway");
    let main = Gateway::start(&sandbox, "default");
    wait_for_line(&mut terminal, &["❯ 1 default", "healthy", &main.port.to_string()]);
    let _ = main.stop();
    wait_for_line(&mut terminal, &["❯ 1 default", "not running"]);
    terminal.press(Key::Down);
    wait_for_line(&mut terminal, &["❯ 2 rescue"]);
    terminal.wait_for("openclaw --profile rescue status");
    terminal.type_in("1");
    wait_for_line(&mut terminal, &["❯ 1 default"]);
    quit(&mut terminal, |terminal| _ = terminal.type_in("q"), 0);
    for (key, code) in [(Key::Escape, 0), (Key::CtrlC, 130)] {
        let mut terminal = start(&sandbox, Size::USUAL);
        wait_for_line(&mut terminal, &["❯ 1 default"]);
        quit(&mut terminal, |terminal| _ = terminal.press(key), code);
    }
}

#[test]
fn view_ends_by_a_signal_and_with_its_terminal() {
    let sandbox = sandbox(ENGLISH);
    gateway::configure(&sandbox, "default");
    let mut terminal = start(&sandbox, Size::USUAL);
    terminal.wait_for("q quit");
    assert_eq!(terminal.signal(Signal::TERM).exit_code(), 130);
    assert_eq!(terminal.modes(), Modes::usual());
    assert!(!terminal.screen().cursor_is_hidden());
    let mut terminal = start(&sandbox, Size::USUAL);
    terminal.wait_for("q quit");
    // The program may see the signal or the end of the input first.
    let code = terminal.hang_up().exit_code();
    assert!(matches!(code, 130 | 2), "{code}");
}

#[test]
fn keys_run_the_ordinary_commands_for_the_chosen_gateway() {
    let sandbox = sandbox(ENGLISH);
    gateway::configure(&sandbox, "default");
    gateway::configure(&sandbox, "rescue");
    let mut terminal = start(&sandbox, Size::tall(100));
    wait_for_line(&mut terminal, &["❯ 1 default", "not running"]);
    for (key, command, says) in [
        ("d", "$ openclaw dashboard", "http://127.0.0.1:"),
        (
            "r",
            "$ openclaw --profile rescue rescue repair default",
            "Repair default now?",
        ),
    ] {
        terminal.type_in(key);
        wait_for_line(&mut terminal, &[command]);
        terminal.wait_for(says);
        if key == "r" {
            // The question is the command's own; a no leads back.
            terminal.press(Key::Escape);
        }
        terminal.wait_drawn("the view is back below", |screen| {
            screen.lines().last().is_some_and(|line| line.contains("q quit"))
        });
    }
    // Without a service the gateway is started in the background.
    terminal.type_in("s");
    wait_for_line(&mut terminal, &["$ openclaw gateway start --background"]);
    terminal.wait_for("running in the background");
    wait_for_line(&mut terminal, &["❯ 1 default", "healthy"]);
    terminal.type_in("l");
    terminal.wait_for("Ctrl-C leads back").wait_for("INFO");
    terminal
        .press(Key::CtrlC)
        .wait_drawn("the view is back", |screen| {
            screen.lines().last().is_some_and(|line| line.contains("q quit"))
        });
    terminal.type_in("q");
    assert_eq!(terminal.exit_code(), 0);
    assert_eq!(terminal.modes(), Modes::usual());
    let _ = sandbox.run(["gateway", "stop"]).exits(0);
}

#[test]
fn view_fits_every_width_in_both_languages() {
    for (locale, state, keys) in [
        (ENGLISH, "not running", "q quit"),
        (TURKISH, "çalışmıyor", "q çık"),
    ] {
        let sandbox = sandbox(locale);
        gateway::configure(&sandbox, "default");
        gateway::configure(&sandbox, "a-name-that-is-quite-long");
        let mut terminal = start(&sandbox, Size::USUAL);
        wait_for_line(&mut terminal, &["❯ 1 default", state]);
        for columns in [40, 30, 100, 80] {
            let size = Size { rows: 24, columns };
            terminal.redraw(
                |terminal| _ = terminal.resize(size),
                "the view is there again",
                |screen| has_line(screen, &["1 default", state]) && screen.contains(keys),
            );
            let lines = terminal.screen().lines();
            let is_wrapped = |row: &usize| terminal.screen().is_wrapped(*row);
            assert_eq!((0..lines.len()).find(is_wrapped), None, "{columns}: {lines:#?}");
            assert!(lines.len() < 24, "{columns}: {lines:#?}");
            let has_commands = lines.iter().any(|line| line.contains("openclaw logs"));
            assert!(has_commands, "{columns}: {lines:#?}");
        }
        quit(&mut terminal, |terminal| _ = terminal.type_in("q"), 0);
    }
}

#[test]
fn view_has_no_colour_and_no_letter_beyond_ascii_where_that_is_wanted() {
    let sandbox = sandbox("C").var("NO_COLOR", "1").var("OPENCLAW_LANG", "en");
    gateway::configure(&sandbox, "default");
    gateway::configure(&sandbox, "rescue");
    let mut terminal = start(&sandbox, Size::USUAL);
    wait_for_line(&mut terminal, &["> 1 default", "not running"]);
    quit(&mut terminal, |terminal| _ = terminal.type_in("q"), 0);
    let raw = String::from_utf8_lossy(terminal.raw()).into_owned();
    assert!(raw.is_ascii() && !raw.contains("\u{1b}[3"), "{raw}");
}

#[test]
fn overview_is_printed_once_for_a_screen_reader_and_in_a_pipe() {
    let sandbox = sandbox(ENGLISH).var("TERM", "dumb");
    gateway::configure(&sandbox, "default");
    let mut terminal = start(&sandbox, Size::USUAL);
    assert_eq!(terminal.exit_code(), 2);
    let raw = String::from_utf8_lossy(terminal.raw()).into_owned();
    assert!(
        raw.contains("The default gateway is not running") && !raw.contains('\u{1b}'),
        "{raw}"
    );
    let piped = sandbox.run([] as [&str; 0]).exits(2);
    assert_eq!(piped.stdout, "");
    assert!(piped.stderr.contains("openclaw status"), "{piped:?}");
}
