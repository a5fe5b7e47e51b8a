//! The terminal driver of the tests, tried on programs whose behaviour is known: a driver that is wrong would prove
//! nothing about our program.

use std::process::Command;

use rustix::process::Signal;

use crate::support::Sandbox;
use crate::support::pty::{Key, Modes, Size, Terminal};

/// Runs a shell script in a terminal.
fn shell(script: &str) -> Terminal {
    // A shell inherits an ignored SIGINT from tests that run in the background.
    let mut command = Command::new("env");
    command.args(["--default-signal=INT", "/bin/sh", "-c", script]);
    Terminal::run(command, Size::USUAL)
}

#[test]
fn version_prints_one_line_and_keeps_the_modes() {
    let sandbox = Sandbox::new();
    let mut terminal = Terminal::start(&sandbox, ["--version"], Size::USUAL);
    terminal.wait_for(concat!("openclaw ", env!("CARGO_PKG_VERSION")));
    assert_eq!(terminal.exit_code(), 0);
    assert_eq!(terminal.modes(), Modes::usual());
    let line = concat!("openclaw ", env!("CARGO_PKG_VERSION"), "\r\n");
    assert!(terminal.raw().starts_with(line.as_bytes()));
}

#[test]
fn typed_keys_reach_the_program_and_the_screen_is_followed() {
    let mut terminal =
        shell("printf 'name? '; read name; printf '\\033[2J\\033[Hwelcome %s\\n' \"$name\"; exit 7");
    terminal
        .wait_for("name?")
        .type_in("çığx")
        .press(Key::Backspace)
        .press(Key::Enter)
        .wait_gone("name?");
    // The cursor too: the end of the line may come in a read of its own.
    terminal.wait_until("a line of welcome and the cursor below it", |screen| {
        screen.lines() == ["welcome çığ"] && screen.cursor() == (1, 0)
    });
    assert_eq!(terminal.exit_code(), 7);
}

#[test]
fn modes_and_hidden_cursor_are_reported() {
    let mut terminal =
        shell("stty -echo -icanon; printf '\\033[?25lready'; read x; stty sane; printf '\\033[?25hdone'");
    terminal.wait_for("ready");
    assert!(terminal.screen().cursor_is_hidden());
    let raw = Modes {
        echo: false,
        lines: false,
        ..Modes::usual()
    };
    assert_eq!(terminal.modes(), raw);
    terminal.press_times(Key::Enter, 1).wait_for("done");
    assert!(!terminal.screen().cursor_is_hidden());
    assert_eq!((terminal.exit_code(), terminal.modes()), (0, Modes::usual()));
}

#[test]
fn resize_reaches_the_program() {
    let mut terminal = shell("trap 'stty size; exit 0' WINCH; echo ready; while :; do read x; done");
    terminal.wait_for("ready").resize(Size {
        rows: 20,
        columns: 40,
    });
    terminal.wait_for("20 40");
    assert_eq!(terminal.exit_code(), 0);
}

#[test]
fn signals_end_the_program_with_the_exit_codes_of_a_shell() {
    let mut terminal = shell("echo ready; exec cat");
    assert_eq!(terminal.wait_for("ready").press(Key::CtrlC).exit_code(), 130);
    let mut terminal = shell("echo ready; exec cat");
    assert_eq!(terminal.wait_for("ready").signal(Signal::TERM).exit_code(), 143);
}

#[test]
#[should_panic(expected = "the program ended before \"never\" is on the screen")]
fn waiting_for_a_text_that_never_comes_fails_with_the_screen() {
    shell("echo something else").wait_for("never");
}
