//! The help of the questions: a line that says why each is asked, and what `?` shows.

use super::scenario::{CANARY, wait_for_text};
use crate::support::Sandbox;
use crate::support::pty::{Key, Size, Terminal};

/// The start of what `?` shows at the question for the base port.
const PORT_HELP: &str = "The gateway and its browsers use ports counted from the base port.";
/// The start of what `?` shows at the question for a password.
const PASSWORD_HELP: &str = "Use one that nothing else uses";

/// Starts the wizard with every question, those before the base port answered.
fn start_at_base_port(sandbox: &Sandbox, columns: u16) -> Terminal {
    let args = [
        "--lang",
        "en",
        "--profile",
        "rescue",
        "onboard",
        "--flow",
        "advanced",
        "--engine",
        "native",
        "--workspace",
        "~/ws",
    ];
    let mut terminal = Terminal::start(sandbox, args, Size::tall(columns));
    terminal.wait_for("? Base port ›");
    terminal
}

/// Creates a home folder for a wizard that draws its prompts.
fn sandbox() -> Sandbox {
    Sandbox::new()
        .var("TERM", "xterm-256color")
        .var("LANG", "C.UTF-8")
}

#[test]
fn question_mark_shows_and_hides_the_help_of_a_question() {
    for columns in [80, 40] {
        let sandbox = sandbox();
        let mut terminal = start_at_base_port(&sandbox, columns);
        wait_for_text(&mut terminal, "Keep base ports at least 20 apart");
        terminal.type_in("?");
        wait_for_text(&mut terminal, PORT_HELP);
        wait_for_text(&mut terminal, "As an option: --gateway-port");
        let drawn = terminal.screen().text();
        assert!(drawn.contains(" browser control"), "{drawn}");
        terminal.type_in("?").wait_drawn("the help is gone", |screen| {
            !screen.text().contains("As an option")
        });
        terminal.type_in("?");
        wait_for_text(&mut terminal, PORT_HELP);
        // The answer takes the help with it.
        terminal.press(Key::Enter).wait_for("? Where should the gateway");
        let answered = terminal.screen().text();
        assert!(!answered.contains("As an option"), "{answered}");
        assert!(!answered.contains("Keep base ports"), "{answered}");
    }
}

#[test]
fn question_mark_is_a_part_of_a_text_and_of_a_password() {
    let sandbox = sandbox();
    let args = ["onboard", "--flow", "advanced", "--gateway-auth", "password"];
    let args = ["--lang", "en", "--profile", "rescue"].into_iter().chain(args);
    let mut terminal = Terminal::start(&sandbox, args, Size::tall(80));
    terminal.wait_for("? What runs").press(Key::Enter);
    terminal.wait_for("? Workspace folder").type_in("/tmp/a?b");
    terminal.wait_for("/tmp/a?b");
    assert!(!terminal.screen().text().contains("As an option"));
    terminal
        .press(Key::Enter)
        .wait_for("? Base port ›")
        .press(Key::Enter);
    terminal.wait_for("? Where should").press(Key::Enter);
    // One question mark and Enter ask; one among others does not.
    terminal
        .wait_for("? Password ›")
        .type_in("?")
        .wait_for("› ********");
    terminal.press(Key::Enter);
    wait_for_text(&mut terminal, PASSWORD_HELP);
    terminal.type_in("?").type_in(CANARY).wait_for("› ********");
    terminal
        .press(Key::Enter)
        .wait_for("? Model provider")
        .press(Key::Enter)
        .wait_for("? Where should the bot");
    let seen = String::from_utf8_lossy(terminal.raw()).into_owned();
    assert!(!seen.contains(CANARY), "{seen}");
}

#[test]
fn help_is_spoken_to_whoever_types_a_question_mark() {
    let sandbox = sandbox().var("ACCESSIBLE", "1");
    let mut terminal = start_spoken(&sandbox);
    wait_for_text(&mut terminal, "For help with a question, type ? and press Enter.");
    terminal.type_in("?").press(Key::Enter);
    wait_for_text(&mut terminal, "Both use the same config");
    wait_for_text(&mut terminal, "As an option: --engine");
    terminal.press(Key::Enter);
    wait_for_text(&mut terminal, "Model provider");
    terminal.press(Key::Enter);
    wait_for_text(&mut terminal, "Where should the bot answer you?");
    assert!(!terminal.raw().contains(&0x1b), "lines only");
}

/// Starts the wizard for a screen reader.
fn start_spoken(sandbox: &Sandbox) -> Terminal {
    let args = ["--lang", "en", "--profile", "rescue", "onboard"];
    let mut terminal = Terminal::start(sandbox, args, Size::tall(80));
    terminal.wait_for("What runs this gateway?");
    terminal
}
