//! A config that can't be used is no dead end: the wizard offers the editor, the backups, a new start and a rescue bot.

use openclaw::i18n::Lang;

use super::scenario::{catalogue_text, wait_for_text, wait_open};
use super::{ENGLISH, TURKISH};
use crate::support::Sandbox;
use crate::support::pty::{Key, Size, Terminal};

const CONFIG: &str = ".openclaw/openclaw.json";
/// A config whose brace in the second line is never closed.
const BROKEN: &str = "{\n  \"gateway\": { \"mode\": \"local\",";
const USABLE: &str = r#"{ "gateway": { "mode": "local", "port": 18789 } }"#;
const MENU: &str = "This config can’t be used.";

/// Creates a home folder whose default instance has a broken config, and an editor that replaces the file by `mended` and
/// notes how it was called.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new().var("LANG", "C.UTF-8");
    sandbox.write(CONFIG, BROKEN);
    sandbox.write("mended", USABLE);
    let editor = sandbox.script(
        "bin/editor",
        "#!/bin/sh\necho \"$@\" > \"$HOME/called\"\ncat \"$HOME/mended\" > \"$2\"\n",
    );
    sandbox.var("EDITOR", editor)
}

/// Starts the wizard and answers every question before the one about the broken config.
fn run_to_menu(sandbox: &Sandbox, size: Size) -> Terminal {
    let mut terminal = Terminal::start(sandbox, ["--lang", "en", "--profile", "default", "onboard"], size);
    terminal.wait_for(MENU);
    terminal
}

#[test]
fn broken_config_opens_in_the_editor_at_its_line_and_the_wizard_goes_on() {
    let sandbox = sandbox();
    let mut terminal = run_to_menu(&sandbox, Size::tall(100));
    wait_for_text(&mut terminal, "~/.openclaw/openclaw.json:2:14");
    terminal
        .wait_for("❯ Open it in editor, at line 2")
        .press(Key::Enter);
    terminal
        .wait_for("? What would you like to do?")
        .wait_for("❯ Keep it");
    let path = sandbox.path(CONFIG);
    assert_eq!(sandbox.read("called").trim(), format!("+2 {}", path.display()));
    assert_eq!(terminal.press(Key::CtrlC).exit_code(), 130);
}

#[test]
fn editor_that_can_not_be_started_is_named_and_the_menu_is_shown_again() {
    let sandbox = sandbox().var("EDITOR", "/nowhere/ed");
    let mut terminal = run_to_menu(&sandbox, Size::tall(100));
    terminal
        .press(Key::Enter)
        .wait_for("✘ Can’t start the editor ed.");
    terminal.wait_for(MENU);
    assert_eq!(sandbox.read(CONFIG), BROKEN);
}

#[test]
fn broken_config_is_replaced_by_a_backup_once_confirmed() {
    let sandbox = sandbox();
    sandbox.write(".openclaw/openclaw.json.bak", USABLE);
    let mut terminal = run_to_menu(&sandbox, Size::tall(100));
    terminal
        .type_in("2")
        .wait_for("❯ Go back to the backup of ")
        .press(Key::Enter);
    terminal
        .wait_for("? Replace the config by this backup?")
        .press(Key::Enter);
    terminal.wait_for("❯ Keep it");
    assert_eq!(sandbox.read(CONFIG), USABLE);
    assert_eq!(
        sandbox.read(".openclaw/openclaw.json.bak"),
        BROKEN,
        "nothing is lost"
    );
}

#[test]
fn broken_config_is_moved_aside_and_a_new_one_is_set_up() {
    let sandbox = sandbox();
    let mut terminal = run_to_menu(&sandbox, Size::tall(100));
    terminal
        .type_in("2")
        .wait_for("❯ Start over: move the config aside")
        .press(Key::Enter);
    for question in [ENGLISH.engine, ENGLISH.provider, ENGLISH.bot] {
        terminal.wait_for(question).press(Key::Enter);
    }
    terminal.wait_for(ENGLISH.service).type_in("3").press(Key::Enter);
    terminal.wait_for(ENGLISH.confirm).press(Key::Enter);
    terminal.wait_for("Profile default is set up");
    assert_eq!(terminal.exit_code(), 0);
    assert!(sandbox.read(CONFIG).contains("\"mode\": \"local\""));
    assert_broken_file_is_kept(&sandbox);
}

/// Asserts that the broken config lies somewhere else in the state folder.
fn assert_broken_file_is_kept(sandbox: &Sandbox) {
    let mut tree = sandbox.tree().into_iter();
    let is_kept = |(path, _, bytes): (std::path::PathBuf, u32, Vec<u8>)| {
        path.starts_with(".openclaw/aside") && bytes == BROKEN.as_bytes()
    };
    assert!(tree.any(is_kept), "the old config is kept");
}

#[test]
fn rescue_bot_is_set_up_beside_a_broken_config_and_told_how_to_repair_it() {
    for (words, lang) in [
        (&ENGLISH, Lang::english()),
        (&TURKISH, Lang::from_code("tr").expect("Turkish")),
    ] {
        let sandbox = sandbox();
        let mut terminal = Terminal::start(
            &sandbox,
            ["--lang", words.lang, "--profile", "default", "onboard"],
            Size::tall(100),
        );
        wait_open(&mut terminal, catalogue_text(lang, "step.existing.broken-ask"));
        terminal.press(Key::End).press(Key::Enter);
        terminal.wait_for(words.engine).press(Key::Enter);
        for question in [words.port, words.bot, words.watch] {
            terminal.wait_for(question).press(Key::Enter);
        }
        terminal.wait_for(words.service).type_in("3").press(Key::Enter);
        terminal.wait_for(words.confirm).press(Key::Enter);
        terminal.wait_for(words.done);
        assert_eq!(terminal.exit_code(), 0);
        wait_for_text(&mut terminal, "~/.openclaw/openclaw.json:2:14");
        wait_for_text(&mut terminal, "openclaw --profile rescue rescue");
        assert_eq!(sandbox.read(CONFIG), BROKEN);
        assert!(sandbox.path(".openclaw-rescue/openclaw.json").exists());
    }
}

#[test]
fn reset_flags_work_on_a_broken_config() {
    for flags in [
        &["--reset", "--reset-scope", "config"][..],
        &["--existing", "reset-config"],
    ] {
        let sandbox = sandbox();
        let words = [&["onboard", "--non-interactive", "--accept-risk"], flags].concat();
        let _ = sandbox.run(words).exits(0);
        assert!(sandbox.read(CONFIG).contains("\"mode\": \"local\""));
        assert_broken_file_is_kept(&sandbox);
    }
    for choice in ["keep", "change", "edit"] {
        let sandbox = sandbox();
        let words = [
            "onboard",
            "--non-interactive",
            "--accept-risk",
            "--existing",
            choice,
        ];
        let ran = sandbox.run(words);
        assert_eq!(ran.code, if choice == "edit" { 2 } else { 78 }, "{ran:?}");
        assert_eq!(sandbox.read(CONFIG), BROKEN);
    }
}
