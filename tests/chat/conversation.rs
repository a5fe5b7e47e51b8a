//! The conversation in a terminal.

use super::ChatHome;
use crate::support::chat_model::{Answer, Piece, USUAL_TEXT};
use crate::support::pty::{Key, Modes, Size, Terminal};

fn text(text: &str) -> Piece {
    Piece::Text(text.to_owned())
}

#[test]
fn answer_is_shown_while_it_is_written_and_stays() {
    let home = ChatHome::new();
    let _gateway = home.start();
    home.model.push(Answer::Pieces(vec![
        text("It is "),
        Piece::Held,
        text("fine:\n\n    let x = 1;\n\u{1b}[2JDone."),
    ]));
    let mut terminal = Terminal::start(&home.sandbox, ["chat"], Size::USUAL);
    terminal
        .wait_for("Enter send")
        .type_in("how is it?")
        .press(Key::Enter);
    terminal
        .wait_for("› how is it?")
        .wait_for("It is")
        .wait_for("Esc stop the answer");
    home.model.release();
    terminal.wait_for("Done.").wait_for("Enter send");
    let screen = terminal.screen().text();
    assert!(
        screen.contains("It is fine:\n\n    let x = 1;\n [2JDone."),
        "{screen}"
    );
    terminal
        .type_in("and now?")
        .press(Key::Enter)
        .wait_for(USUAL_TEXT);
    let asked = home.model.wait_for_requests(2);
    assert!(asked[1].last_text().starts_with("and now?"), "{asked:?}");
    terminal
        .wait_for("Enter send")
        .press(Key::Up)
        .wait_for("› and now?");
    terminal
        .press(Key::Escape)
        .wait_until("the line is empty", |screen| {
            screen.lines().iter().any(|line| line.trim() == "›")
        });
    assert_eq!(terminal.press(Key::CtrlD).exit_code(), 0);
    assert_eq!(terminal.modes(), Modes::usual());
    assert!(terminal.screen().contains(USUAL_TEXT));
}

#[test]
fn history_is_shown_and_escape_stops_the_answer() {
    let home = ChatHome::new();
    let _gateway = home.start();
    let mut terminal = Terminal::start(&home.sandbox, ["chat"], Size::USUAL);
    terminal
        .wait_for("Enter send")
        .type_in("remember me")
        .press(Key::Enter);
    terminal.wait_for(USUAL_TEXT).press(Key::CtrlC);
    assert_eq!(terminal.exit_code(), 0);

    home.model.push(Answer::Pieces(vec![
        text("Once upon"),
        Piece::Held,
        text(" a time"),
    ]));
    let mut terminal = Terminal::start(&home.sandbox, ["chat"], Size::USUAL);
    terminal
        .wait_for("remember me")
        .wait_for(USUAL_TEXT)
        .wait_for("Enter send");
    terminal
        .type_in("a story")
        .press(Key::Enter)
        .wait_for("Once upon");
    terminal
        .press(Key::Escape)
        .wait_for("Stopped.")
        .wait_for("Enter send");
    home.model.wait_for_abandoned(1);
    assert!(terminal.screen().contains("Once upon"));
    assert_eq!(terminal.press(Key::CtrlC).exit_code(), 0);
    assert_eq!(terminal.modes(), Modes::usual());
}

#[test]
fn conversation_goes_on_after_the_gateway_restarts() {
    let home = ChatHome::new();
    let gateway = home.start();
    let mut terminal = Terminal::start(&home.sandbox, ["chat"], Size::USUAL);
    terminal.wait_for("Enter send");
    let _ = gateway.stop().with(0);
    terminal.wait_for("The connection to the gateway is lost.");
    let _gateway = home.start();
    terminal.wait_for("Connected again.");
    terminal
        .type_in("still there?")
        .press(Key::Enter)
        .wait_for(USUAL_TEXT);
    terminal.press(Key::CtrlC).exit_code();
}

#[test]
fn failure_of_the_model_is_told() {
    let home = ChatHome::new();
    let _gateway = home.start();
    home.model.push(Answer::error(401, "Incorrect API key provided"));
    let mut terminal = Terminal::start(&home.sandbox, ["chat"], Size::USUAL);
    terminal.wait_for("Enter send").type_in("hi").press(Key::Enter);
    terminal
        .wait_for("No answer:")
        .wait_for("Incorrect API key provided");
    terminal.press(Key::CtrlC).exit_code();
}

#[test]
fn narrow_terminal_breaks_no_line_in_either_language() {
    for (lang, keys, said) in [("en", "Enter send", "a"), ("tr", "Enter gönder", "ğüşıö")] {
        let home = ChatHome::new();
        let _gateway = home.start();
        let long = format!("{} {}", said.repeat(3), "uzun ya da short ".repeat(8)).repeat(2);
        home.model.push(Answer::text(&[&long, &"x".repeat(90)]));
        let mut terminal = Terminal::start(
            &home.sandbox,
            ["--lang", lang, "chat"],
            Size {
                rows: 24,
                columns: 40,
            },
        );
        terminal.wait_for(keys).type_in(&long).press(Key::Enter);
        terminal.wait_for("xxxxxxxx").wait_for(keys);
        let screen = terminal.screen();
        let rows = screen.lines().len();
        assert!((0..rows).all(|row| !screen.is_wrapped(row)), "{}", screen.text());
        terminal.press(Key::CtrlC).exit_code();
    }
}
