//! What a prompt says about its keys, and what stands behind an answered question.

use super::{
    BIND, CHANNEL, ENGINE, PORT, PROFILE, PROVIDER, RISK, SECRET, START, TOKEN, WORKSPACE, run_to,
    sandbox_with_default, start_wizard,
};
use crate::support::pty::{Key, Size, Terminal};

#[test]
fn key_of_the_environment_is_named_and_used_at_enter_or_replaced() {
    for (typed, answer, stored) in [
        ("", "from ANTHROPIC_API_KEY (…vkey)", "sk-ant-api03-from-envkey"),
        ("sk-ant-own-key", "********", "sk-ant-own-key"),
    ] {
        let sandbox = sandbox_with_default().var("ANTHROPIC_API_KEY", "sk-ant-api03-from-envkey");
        let mut terminal = run_to(&sandbox, SECRET, Size::tall(100));
        terminal
            .wait_for("A key was found: from ANTHROPIC_API_KEY (…vkey).")
            .wait_for("Enter uses ANTHROPIC_API_KEY")
            .type_in(typed)
            .press(Key::Enter);
        terminal
            .wait_for(&format!("✔ API key (Anthropic) · {answer}"))
            .press(Key::Enter);
        terminal.wait_for(CHANNEL).press(Key::Enter);
        terminal.wait_for(START).type_in("n").press(Key::Enter);
        terminal.wait_for("? Apply this plan?").press(Key::Enter);
        assert_eq!(terminal.exit_code(), 0);
        let keys = sandbox.read(".openclaw-rescue/agents/main/agent/auth-profiles.json");
        assert!(keys.contains(&format!("\"{stored}\"")), "{keys}");
        let raw = String::from_utf8_lossy(terminal.raw()).into_owned();
        assert!(
            !raw.contains("sk-ant-api03-from"),
            "no more of the key than its end"
        );
    }
}

#[test]
fn secret_that_was_typed_before_is_kept_by_enter_and_said_so() {
    let sandbox = sandbox_with_default();
    let mut terminal = run_to(&sandbox, SECRET, Size::tall(80));
    terminal.type_in("sk-one").press(Key::Enter).wait_for("? Model (");
    terminal
        .press(Key::Escape)
        .wait_for(SECRET)
        .wait_for("Hidden · Enter keeps it · Esc back");
    terminal
        .press(Key::Enter)
        .wait_for("✔ API key (Anthropic) · kept");
}

#[test]
fn token_is_generated_by_enter_and_said_so() {
    let sandbox = sandbox_with_default();
    let mut terminal = run_to(&sandbox, TOKEN, Size::tall(80));
    terminal
        .wait_for("? Token")
        .wait_for("Enter generates one")
        .press(Key::Enter);
    terminal.wait_for("✔ Token · will be generated");
}

#[test]
fn hints_say_what_the_keys_do_at_the_first_and_at_later_questions() {
    let sandbox = sandbox_with_default();
    let mut terminal = run_to(&sandbox, RISK, Size::USUAL);
    terminal.wait_for("y or n, then Enter · Esc back");
    terminal
        .type_in("y")
        .wait_for("y/n or ←→ · Enter confirm · Esc back");
    for _ in [ENGINE, PROFILE] {
        terminal.press(Key::Escape);
    }
    terminal.wait_for("↑↓ or 1–3 move · Enter select · Esc cancels");
}

#[test]
fn hints_are_wrapped_between_two_keys_in_forty_columns() {
    let sandbox = sandbox_with_default();
    let size = Size {
        rows: 24,
        columns: 40,
    };
    let mut terminal = Terminal::start(&sandbox, ["--lang", "tr", "--profile", "work", "onboard"], size);
    terminal.wait_for("Bu gateway’i ne").press(Key::Enter);
    terminal.wait_for("e ya da h, sonra Enter").type_in("e");
    terminal.wait_until("the hint has two lines", |screen| {
        let lines = screen.lines();
        let at = lines
            .iter()
            .position(|line| line.ends_with("e/h veya ←→ · Enter onayla"));
        at.is_some_and(|at| {
            lines
                .get(at + 1)
                .is_some_and(|line| line == "  Esc geri · ? yardım")
        })
    });
}

#[test]
fn arrows_are_named_in_words_where_the_terminal_has_no_letters_for_them() {
    let sandbox = sandbox_with_default().var("LC_ALL", "C");
    let mut terminal = start_wizard(&sandbox, Size::USUAL);
    terminal.wait_for("up/down or 1-3 move").press(Key::Enter);
    terminal.wait_for("? What would you like to do?");
}

#[test]
fn letters_mark_the_next_choice_that_starts_with_them() {
    let sandbox = sandbox_with_default();
    let mut terminal = run_to(&sandbox, PROVIDER, Size::USUAL);
    terminal.type_in("g").wait_for("❯ Google");
    terminal
        .type_in("o")
        .wait_for("❯ OpenAI")
        .type_in("o")
        .wait_for("❯ OpenRouter");
    terminal
        .type_in("j")
        .wait_for("❯ Google")
        .type_in("k")
        .wait_for("❯ OpenRouter");
}

#[test]
fn tab_edits_the_default_and_completes_folders() {
    let sandbox = sandbox_with_default();
    std::fs::create_dir_all(sandbox.path("projeler/çalışma")).expect("folders");
    let mut terminal = run_to(&sandbox, WORKSPACE, Size::tall(100));
    terminal
        .press(Key::Tab)
        .wait_for("› ~/.openclaw-rescue/workspace-rescue");
    terminal
        .type_in("\u{15}~/pro")
        .press(Key::Tab)
        .wait_for("› ~/projeler/");
    terminal
        .press(Key::Tab)
        .wait_for("› ~/projeler/çalışma/")
        .press(Key::Enter);
    terminal.wait_for("✔ Workspace folder · ~/projeler/çalışma/");
}

#[test]
fn typed_port_has_a_default() {
    let sandbox = sandbox_with_default();
    let mut terminal = run_to(&sandbox, PORT, Size::tall(100));
    terminal
        .press(Key::End)
        .wait_for("❯ Enter another port")
        .press(Key::Enter);
    terminal
        .wait_for("? Base port, from 1024 to 65425 (")
        .press(Key::Enter);
    terminal.wait_for(BIND);
}

/// Starts the wizard from a shell with job control, as a person does.
fn start_from_shell(sandbox: &crate::support::Sandbox) -> Terminal {
    let wizard = sandbox.command(["--lang", "en", "onboard"]);
    let mut shell = std::process::Command::new("bash");
    shell.args(["--norc", "--noprofile", "-i"]).env_clear();
    for (name, value) in wizard.get_envs() {
        shell.env(name, value.unwrap_or_default());
    }
    shell.env("PS1", "shell> ").env("TERM", "xterm-256color");
    let mut terminal = Terminal::run(shell, Size::tall(100));
    let line = format!("{} --lang en onboard\r", wizard.get_program().display());
    terminal.wait_for("shell> ").type_in(&line);
    terminal
}

#[test]
fn ctrl_z_suspends_the_wizard_and_fg_goes_on_with_the_same_question() {
    for accessible in [false, true] {
        let sandbox = sandbox_with_default();
        let sandbox = if accessible {
            sandbox.var("ACCESSIBLE", "1")
        } else {
            sandbox
        };
        let mut terminal = start_from_shell(&sandbox);
        terminal
            .wait_for("rescue –")
            .wait_for(if accessible { "Answer [" } else { "Esc cancels" });
        terminal.press(Key::CtrlZ).wait_for("Stopped");
        // The shell has its terminal back, with its echo.
        terminal.type_in("echo in the shell\r").wait_for("in the shell");
        terminal.type_in("fg\r");
        let answers = if accessible { "Answer [" } else { "Esc cancels" };
        terminal.wait_until("the question is asked again", |screen| {
            let text = screen.text();
            text.rfind(answers) > text.rfind("in the shell")
        });
        terminal.press(Key::Enter).wait_for("What would you like to do?");
    }
}
