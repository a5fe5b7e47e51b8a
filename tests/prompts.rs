//! Each kind of prompt in a real terminal: keys, pastes, resizes, interruptions, and plain lines for a screen reader.

use rustix::process::Signal;

use crate::support::Sandbox;
use crate::support::pty::{Key, Modes, Screen, Size, Terminal};

mod acting;
mod channels;
mod hints;
mod sign_in;

const RISK: &str = "Do you accept this risk?";
const PROFILE: &str = "? Profile ›";
const ENGINE_TEXT: &str = "What runs this gateway?";
const ENGINE: &str = "? What runs this gateway?";
const WORKSPACE: &str = "? Workspace";
const PORT: &str = "? Base port";
const PROVIDER: &str = "? Model provider";
const START: &str = "? Start it now?";
const BIND: &str = "? Where should the gateway be reachable";
const SIGN_IN: &str = "? How should clients sign in?";
const CHANNEL: &str = "? Where will you chat";
const TOKEN: &str = "? Token";
const SECRET: &str = "? API key (Anthropic)";
const CANARY: &str = "sk-canary-0815";

/// Creates a home folder with a default instance, and a package of OpenClaw from npm.
fn sandbox_with_default() -> Sandbox {
    let sandbox = Sandbox::new().var("LANG", "C.UTF-8").with_node_package();
    sandbox.write(
        ".openclaw/openclaw.json",
        r#"{ "gateway": { "mode": "local", "port": 18789 } }"#,
    );
    sandbox
}

fn start_wizard(sandbox: &Sandbox, size: Size) -> Terminal {
    Terminal::start(sandbox, ["--lang", "en", "onboard"], size)
}

/// Starts the wizard that asks everything, and presses Enter until a question is asked; the profile is rescue.
fn run_to(sandbox: &Sandbox, question: &str, size: Size) -> Terminal {
    let args = ["--lang", "en", "onboard", "--flow", "advanced"];
    let mut terminal = Terminal::start(sandbox, args, size);
    for at in [
        PROFILE, ENGINE, RISK, WORKSPACE, PORT, BIND, SIGN_IN, TOKEN, PROVIDER, SECRET,
    ] {
        terminal.wait_for(at);
        if at == question {
            return terminal;
        }
        match at {
            PROFILE => drop(terminal.press(Key::Down).wait_for("❯ rescue")),
            ENGINE => drop(terminal.press(Key::Up).wait_for("❯ OpenClaw from npm")),
            RISK => drop(terminal.type_in("yes")),
            _ => {}
        }
        terminal.press(Key::Enter);
    }
    panic!("no such question: {question}");
}

/// Returns how many times the screen shows a text.
fn count_on_screen(terminal: &Terminal, text: &str) -> usize {
    terminal.screen().text().matches(text).count()
}

#[test]
fn escape_goes_one_question_back_and_erases_the_question() {
    let sandbox = sandbox_with_default();
    let mut terminal = run_to(&sandbox, SECRET, Size::tall(80));
    // Secrets, choices, a choice with a chart, a line of text, a yes or no.
    for (left, asked) in [
        (SECRET, PROVIDER),
        (PROVIDER, TOKEN),
        (TOKEN, SIGN_IN),
        (SIGN_IN, BIND),
        (BIND, PORT),
        (PORT, WORKSPACE),
        (WORKSPACE, RISK),
        (RISK, ENGINE),
        (ENGINE, PROFILE),
    ] {
        terminal.press(Key::Escape).wait_gone(left).wait_for(asked);
        let question = asked.trim_start_matches("? ");
        assert_eq!(
            count_on_screen(&terminal, question),
            1,
            "{}",
            terminal.screen().text()
        );
    }
    // And forward again: one line for each question.
    for at in [
        PROFILE, ENGINE, RISK, WORKSPACE, PORT, BIND, SIGN_IN, TOKEN, PROVIDER,
    ] {
        terminal.wait_for(at).press(Key::Enter);
    }
    terminal.wait_for(SECRET);
    for answered in [
        "✔ Profile · rescue",
        "✔ Base port",
        "✔ Model provider · Anthropic",
    ] {
        assert_eq!(
            count_on_screen(&terminal, answered),
            1,
            "{}",
            terminal.screen().text()
        );
    }
}

#[test]
fn review_is_shown_once_and_erased_with_its_question() {
    let sandbox = sandbox_with_default();
    let mut terminal = run_to(&sandbox, PROVIDER, Size::tall(80));
    terminal.press(Key::End).press(Key::Enter);
    terminal.wait_for(CHANNEL).press(Key::Enter);
    terminal.wait_for(START).type_in("n").press(Key::Enter);
    terminal.wait_for("? Apply this plan?");
    assert_eq!(count_on_screen(&terminal, "Profile rescue"), 1);
    terminal.type_in("d").wait_for("Planned changes");
    terminal.wait_until("the review below the files", |screen| {
        screen
            .lines()
            .iter()
            .any(|line| line.starts_with("? Apply this plan?"))
    });
    terminal.press(Key::Escape).wait_for(START);
    assert_eq!(
        count_on_screen(&terminal, "Planned changes"),
        0,
        "{}",
        terminal.screen().text()
    );
    assert_eq!(count_on_screen(&terminal, "✔ Where will you chat"), 1);
    terminal.press(Key::Enter).wait_for("? Apply this plan?");
    terminal.press(Key::Enter).wait_for("Profile rescue is set up");
}

#[test]
fn arrows_and_digits_move_the_mark_and_are_never_an_escape() {
    let sandbox = sandbox_with_default();
    let mut terminal = run_to(&sandbox, PROVIDER, Size::USUAL);
    terminal
        .wait_for("❯ Anthropic")
        .press_times(Key::Down, 2)
        .wait_for("❯ OpenRouter");
    terminal
        .press(Key::End)
        .wait_for("❯ Skip for now")
        .press(Key::Down)
        .wait_for("❯ Anthropic");
    terminal
        .type_in("4")
        .wait_for("❯ Google")
        .press(Key::Up)
        .wait_for("❯ OpenRouter")
        .press(Key::Enter);
    terminal.wait_for("✔ Model provider · OpenRouter");
}

#[test]
fn letters_of_every_width_can_be_typed_and_deleted() {
    let sandbox = sandbox_with_default();
    let mut terminal = run_to(&sandbox, PROFILE, Size::USUAL);
    terminal
        .press(Key::End)
        .press(Key::Enter)
        .wait_for("? Profile name");
    terminal.type_in("çığ漢🦞").wait_for("› çığ漢🦞");
    terminal
        .press_times(Key::Backspace, 3)
        .wait_gone("ğ")
        .wait_drawn("the rest is there", |screen| screen.contains("› çı"));
    let (_, before) = terminal.screen().cursor();
    terminal
        .press(Key::Left)
        .type_in("字")
        .wait_drawn("the letter is there", |screen| screen.contains("› ç字ı"));
    assert_eq!(
        terminal.screen().cursor().1,
        before + 1,
        "a wide letter has two columns"
    );
    terminal.press(Key::Home).type_in("x").wait_for("› xç字ı");
    terminal
        .type_in("\u{5}\u{15}tw-o")
        .wait_for("› tw-o")
        .press(Key::Enter);
    terminal.wait_for("✔ Profile name · tw-o");
}

#[test]
fn paste_of_ten_thousand_characters_is_one_line() {
    for (start, end) in [("\u{1b}[200~", "\u{1b}[201~"), ("", "")] {
        let sandbox = sandbox_with_default();
        let mut terminal = run_to(&sandbox, WORKSPACE, Size::USUAL);
        let text = format!("/{}-tail", "ş".repeat(10_000));
        terminal.type_in(&format!("{start}{text}{end}"));
        terminal.wait_for("ş-tail");
        let shown = terminal.screen().text();
        assert!(shown.contains("› …ş"), "{shown}");
        assert_eq!(count_on_screen(&terminal, "? Workspace"), 1, "{shown}");
        terminal
            .type_in("\u{15}/tmp/ws")
            .wait_for("› /tmp/ws")
            .press(Key::Enter);
        terminal.wait_for("✔ Workspace folder · /tmp/ws");
    }
}

#[test]
fn secret_typed_before_its_question_is_never_echoed() {
    let sandbox = sandbox_with_default();
    let mut terminal = run_to(&sandbox, PROVIDER, Size::USUAL);
    // Both answers at once: the second one arrives before its question.
    terminal
        .type_in(&format!("\r{CANARY}"))
        .wait_for("› ********")
        .press(Key::Enter);
    terminal.wait_for("✔ API key (Anthropic) · ********");
    let raw = String::from_utf8_lossy(terminal.raw()).into_owned();
    assert!(!raw.contains(CANARY) && !raw.contains("canary"));
    assert_eq!(terminal.press(Key::CtrlC).exit_code(), 130);
}

#[test]
fn pasted_secret_loses_its_line_end() {
    let sandbox = sandbox_with_default();
    let mut terminal = run_to(&sandbox, SECRET, Size::USUAL);
    terminal
        .type_in(&format!("\u{1b}[200~{CANARY}\r\n\u{1b}[201~"))
        .wait_for("› ********");
    assert_eq!(
        count_on_screen(&terminal, "✔ API key"),
        0,
        "the pasted line end does not answer it"
    );
    terminal
        .press(Key::Enter)
        .wait_for("✔ API key (Anthropic) · ********");
}

#[test]
fn enter_without_a_default_answers_nothing() {
    let sandbox = sandbox_with_default();
    let mut terminal = run_to(&sandbox, RISK, Size::USUAL);
    terminal.press(Key::Enter).wait_for("✘ Type y or n.");
    terminal.type_in("n").wait_for("❯ No (n)").press(Key::Enter);
    assert_eq!(terminal.exit_code(), 1);
}

#[test]
fn interruption_and_signals_restore_the_terminal() {
    for question in [PROFILE, RISK, PORT, SECRET] {
        for end in [None, Some(Signal::TERM), Some(Signal::HUP), Some(Signal::INT)] {
            let sandbox = sandbox_with_default();
            let mut terminal = run_to(&sandbox, question, Size::tall(80));
            match end {
                None => terminal.press(Key::CtrlC),
                Some(signal) => terminal.signal(signal),
            };
            assert_eq!(terminal.exit_code(), 130, "{end:?} at {question}");
            assert_eq!(terminal.modes(), Modes::usual(), "{end:?} at {question}");
            assert!(!terminal.screen().cursor_is_hidden(), "{end:?} at {question}");
            let raw = String::from_utf8_lossy(terminal.raw()).into_owned();
            let last = |code| raw.rfind(code);
            assert!(
                last("\u{1b}[?2004l") > last("\u{1b}[?2004h"),
                "{end:?} at {question}"
            );
        }
    }
}

#[test]
fn resize_redraws_each_choice_once() {
    let sandbox = sandbox_with_default();
    let mut terminal = run_to(&sandbox, PORT, Size::USUAL);
    terminal.wait_for("Enter another port").wait_for("Enter select");
    for columns in [40, 120, 40, 80] {
        terminal.resize(Size { rows: 24, columns });
        // A key that changes nothing is answered when the new size has been drawn.
        terminal.press(Key::Down).press(Key::Up);
        terminal.wait_until("each choice is there once", |screen| {
            let text = screen.text();
            let once = |what: &str| text.matches(what).count() == 1;
            once(PORT) && once("❯ ") && once("Enter another port") && once("default ")
        });
    }
    terminal.press(Key::End).wait_for("❯ Enter another port");
}

#[test]
fn port_question_fits_forty_columns_and_twenty_rows() {
    let sandbox = sandbox_with_default();
    let mut terminal = run_to(
        &sandbox,
        PORT,
        Size {
            rows: 20,
            columns: 40,
        },
    );
    let whole = |screen: &Screen<'_>| screen.contains(PORT) && screen.text().matches("❯ ").count() == 1;
    terminal
        .press(Key::End)
        .wait_until("the last choice is marked", |screen| {
            whole(screen) && screen.contains("❯ Enter another port")
        });
    terminal
        .press(Key::Home)
        .wait_until("the first one is marked", |screen| {
            whole(screen) && !screen.contains("❯ Enter another port")
        });
}

#[test]
fn no_color_removes_colours_and_keeps_marks() {
    let sandbox = sandbox_with_default().var("NO_COLOR", "1");
    let mut terminal = run_to(&sandbox, PROVIDER, Size::USUAL);
    terminal
        .wait_for("❯ Anthropic")
        .press(Key::Enter)
        .wait_for(SECRET);
    let raw = String::from_utf8_lossy(terminal.raw()).into_owned();
    for sequence in raw.split("\u{1b}[").skip(1) {
        let last = sequence.chars().find(char::is_ascii_alphabetic);
        assert_ne!(last, Some('m'), "a colour: {sequence:?}");
    }
}

#[test]
fn screen_reader_gets_plain_lines_and_answers_by_numbers() {
    for (name, value) in [("ACCESSIBLE", "1"), ("TERM", "dumb")] {
        let sandbox = sandbox_with_default().var(name, value);
        let mut terminal = start_wizard(&sandbox, Size::tall(80));
        terminal
            .wait_for("type < or back")
            .wait_for("2. rescue")
            .type_in("9\r")
            .wait_for("No such choice: 9")
            .type_in("2\r");
        terminal.wait_for(ENGINE_TEXT).type_in("<\r");
        terminal.wait_until("the question before is asked again", |screen| {
            screen.text().matches("2. rescue").count() == 2
        });
        terminal.type_in("2\r");
        terminal
            .wait_until("the engine again", |screen| {
                screen.text().matches(ENGINE_TEXT).count() == 2
            })
            .wait_for("Answer [default: 2]:")
            .type_in("1\r");
        terminal
            .wait_for("y: Yes")
            .type_in("perhaps\r")
            .wait_for("Type y or n.")
            .type_in("y\r");
        terminal
            .wait_for("Base port")
            .wait_for("Answer [default: 1]:")
            .type_in("\r");
        terminal
            .wait_for("Model provider")
            .wait_for("6. Skip for now")
            .type_in("1\r");
        terminal
            .wait_for("Answer (hidden while you type; Enter to add it later)")
            .wait_unechoed()
            .type_in(&format!("{CANARY}\r"));
        terminal.wait_for("1. Skip for now").type_in("1\r");
        terminal.wait_for("Start it now?").type_in("3\r");
        terminal
            .wait_for("Apply this plan?")
            .wait_for("Workspace: ~/.openclaw-rescue/workspace-rescue (proposed)")
            .type_in("1\r");
        terminal.wait_for("Profile rescue is set up");
        assert_eq!(terminal.exit_code(), 0);
        assert_eq!(terminal.modes(), Modes::usual());
        let raw = String::from_utf8_lossy(terminal.raw()).into_owned();
        assert!(!raw.contains('\u{1b}'), "{name}: a control sequence");
        assert!(!raw.contains(CANARY), "{name}: a secret");
        for art in ['│', '─', '█', '┊', '▒', '❯', '✔', '✘', '·'] {
            assert!(!raw.contains(art), "{name}: {art} in\n{raw}");
        }
    }
}

#[test]
fn accessible_prompts_end_at_ctrl_c_and_at_the_end_of_input() {
    for (key, code) in [(Key::CtrlC, 130), (Key::CtrlD, 2)] {
        let sandbox = sandbox_with_default().var("ACCESSIBLE", "1");
        let mut terminal = Terminal::start(&sandbox, ["--lang", "tr", "onboard"], Size::tall(80));
        terminal.wait_for("2. rescue").wait_for("Yanıtınız").press(key);
        assert_eq!(terminal.exit_code(), code);
        assert_eq!(terminal.modes(), Modes::usual());
        assert!(!terminal.raw().contains(&0x1b));
    }
}
