//! What can't be carried out: refused at its question where that can be known, else asked for again with every other
//! answer kept.

use std::path::Path;
use std::process::Command;

use super::scenario::{collapse_blanks, wait_for_text, wait_open};
use super::{CANARY, ENGLISH, EVERY_QUESTION, choose_node, sandbox_with_default};
use crate::support::pty::{Key, Size, Terminal};
use crate::support::{Reason, Sandbox, skipped};

const DRAFT: &str = ".local/state/openclaw/draft.toml";

/// Starts the wizard about profile rescue and answers every question before the one for the workspace.
fn run_to_workspace(command: Command) -> Terminal {
    let mut terminal = Terminal::run(command, Size::tall(100));
    choose_node(&ENGLISH, &mut terminal);
    terminal.wait_for(ENGLISH.risk).type_in("y").press(Key::Enter);
    terminal.wait_for(ENGLISH.workspace);
    terminal
}

/// Answers the questions after the one for the workspace, up to the review.
fn answer_to_review(terminal: &mut Terminal) {
    for question in [
        ENGLISH.port,
        "Where should the gateway be reachable",
        "How should clients sign in?",
        "? Token",
    ] {
        terminal.wait_for(question).press(Key::Enter);
    }
    terminal.wait_for(ENGLISH.provider).press(Key::Enter);
    terminal.wait_for("? API key").type_in(CANARY).press(Key::Enter);
    terminal.wait_for("? Model (").press(Key::Enter);
    terminal.wait_for(ENGLISH.channel).press(Key::Enter);
    terminal.wait_for(ENGLISH.service).type_in("3").press(Key::Enter);
    terminal.wait_for(ENGLISH.confirm);
}

#[test]
fn workspace_that_can_not_be_created_is_refused_at_its_question() {
    let sandbox = sandbox_with_default();
    sandbox.write("afile", "");
    let mut terminal = run_to_workspace(sandbox.command(EVERY_QUESTION));
    for (typed, why) in [
        ("/proc/ws", "/proc is read-only"),
        ("~/afile/sub", "~/afile is a file"),
    ] {
        terminal.type_in(typed).press(Key::Enter);
        wait_for_text(
            &mut terminal,
            &format!("✘ This folder can’t be used as a workspace: {typed} ({why})"),
        );
        terminal.wait_for("? Workspace folder");
    }
    terminal.press(Key::Enter).wait_for("? Base port");
}

#[test]
fn unwritable_workspace_of_a_flag_is_refused_before_anything_is_written() {
    let sandbox = sandbox_with_default();
    let before = sandbox.tree();
    for words in [
        &["setup", "--workspace", "/proc/ws"][..],
        &[
            "onboard",
            "--non-interactive",
            "--accept-risk",
            "--workspace",
            "/proc/ws",
        ],
    ] {
        let ran = sandbox.run([&["--profile", "rescue"], words].concat()).exits(2);
        assert!(ran.stderr.contains("/proc is read-only"), "{}", ran.stderr);
        assert_eq!(sandbox.tree(), before);
    }
}

/// Returns a command that runs the program in a mount namespace of its own, where a folder is a disk of one page; `None`
/// where nothing can be mounted.
fn with_small_disk(sandbox: &Sandbox, disk: &Path, words: &[&str]) -> Option<Command> {
    let mount = "mount -t tmpfs -o size=4k none \"$0\" && exec \"$@\"";
    let arguments = ["--map-root-user", "--mount", "sh", "-c", mount];
    let probe = Command::new("unshare")
        .args(arguments)
        .arg(disk)
        .arg("true")
        .output();
    if !probe.is_ok_and(|output| output.status.success()) {
        skipped(Reason::NoNamespaces, "a small disk");
        return None;
    }
    let program = sandbox.command(words);
    let mut command = Command::new("unshare");
    command
        .args(arguments)
        .arg(disk)
        .arg(program.get_program())
        .args(program.get_args());
    command.env_clear();
    for (name, value) in program.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    Some(command)
}

#[test]
fn failure_while_applying_returns_to_its_question_and_keeps_every_answer() {
    let sandbox = sandbox_with_default();
    let disk = sandbox.path("disk");
    std::fs::create_dir(&disk).expect("a folder");
    let words = EVERY_QUESTION;
    let Some(command) = with_small_disk(&sandbox, &disk, &words) else {
        return;
    };
    let mut terminal = run_to_workspace(command);
    terminal.type_in("~/disk/ws").press(Key::Enter);
    answer_to_review(&mut terminal);
    terminal.press(Key::Enter).wait_for("Free up space");
    wait_open(&mut terminal, "Workspace folder (~/disk/ws)");
    assert!(!sandbox.path(".openclaw-rescue/openclaw.json").exists(), "undone");
    assert!(sandbox.path(DRAFT).exists(), "the answers are kept meanwhile");
    // No other question is asked again, not even for the key.
    terminal.type_in("~/other").press(Key::Enter);
    terminal.wait_until("the review is shown again", |screen| {
        let text = collapse_blanks(&screen.text());
        text.ends_with("Esc back") && text.contains("~/other")
    });
    terminal.press(Key::Enter).wait_for("Profile rescue is set up");
    assert_eq!(terminal.exit_code(), 0);
    assert!(!sandbox.path(DRAFT).exists(), "a used draft is removed");
    let config = sandbox.read(".openclaw-rescue/openclaw.json");
    assert!(config.contains("/other\""), "{config}");
    let keys = sandbox.read(".openclaw-rescue/agents/main/agent/auth-profiles.json");
    assert!(keys.contains(CANARY));
}

#[test]
fn interrupted_run_says_that_the_answers_are_kept_and_the_next_one_shows_them() {
    let sandbox = sandbox_with_default();
    let words = EVERY_QUESTION;
    let mut terminal = run_to_workspace(sandbox.command(words));
    terminal
        .type_in("~/own-ws")
        .press(Key::Enter)
        .wait_for(ENGLISH.port);
    assert_eq!(terminal.press(Key::CtrlC).exit_code(), 130);
    let text = collapse_blanks(&terminal.screen().text());
    assert!(
        text.contains("Go on from there: openclaw --profile rescue onboard"),
        "{text}"
    );
    assert!(sandbox.path(DRAFT).exists());

    let mut terminal = Terminal::start(&sandbox, words, Size::tall(100));
    terminal
        .wait_for("Continue where you left off?")
        .press(Key::Enter);
    terminal.wait_for(ENGLISH.port);
    for answered in [
        "✔ Do you accept this risk? · Yes",
        "✔ Workspace folder · ~/own-ws",
    ] {
        let count = terminal.screen().text().matches(answered).count();
        assert_eq!(count, 1, "{answered}: {}", terminal.screen().text());
    }
    // They can be gone back to as if they had been answered now.
    terminal
        .press(Key::Escape)
        .wait_gone("✔ Workspace folder")
        .wait_for("(~/own-ws)");
    // Whoever leaves on purpose leaves no draft.
    for question in [ENGLISH.risk, ENGLISH.engine, "Quit the setup?"] {
        terminal.press(Key::Escape).wait_for(&format!("? {question}"));
    }
    terminal.type_in("y").press(Key::Enter);
    assert_eq!(terminal.exit_code(), 1);
    assert!(!sandbox.path(DRAFT).exists());
}

#[test]
fn dry_run_says_that_the_answers_are_not_saved() {
    let sandbox = sandbox_with_default();
    let file = sandbox.path("answers.toml");
    let words = [
        "onboard",
        "--non-interactive",
        "--accept-risk",
        "--dry-run",
        "--save-answers",
    ];
    let mut command = sandbox.command(words);
    let output = command.arg(&file).output().expect("the program");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        stderr.contains("the answers are not saved to ~/answers.toml"),
        "{stderr}"
    );
    assert!(!file.exists());
}
