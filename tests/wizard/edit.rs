//! The settings of an existing instance: the review with the present values at once, and only what is chosen there is asked for.

use openclaw::i18n::Lang;

use super::scenario::{catalogue_text, wait_for_text, wait_open};
use crate::support::pty::{Key, Size, Terminal};
use crate::support::{Sandbox, network};

const CONFIG: &str = ".openclaw/openclaw.json";
const KEYS: &str = ".openclaw/agents/main/agent/auth-profiles.json";

/// Creates a home folder with a default instance that has a model provider with its key, and a channel with its token.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new().var("LANG", "C.UTF-8");
    sandbox.write(
        CONFIG,
        r#"{ // mine
  "gateway": { "mode": "local", "port": 18789, "bind": "loopback", "auth": { "mode": "token", "token": "t0ken-4711-t0ken-4711" } },
  "agents": { "defaults": { "workspace": "~/ws", "model": { "primary": "anthropic/claude-sonnet-4-5" } } },
  "channels": { "telegram": { "enabled": true, "botToken": "1:bot" } },
}"#,
    );
    sandbox.write(
        KEYS,
        r#"{ "version": 1, "profiles": { "anthropic:default": { "type": "api_key", "provider": "anthropic", "key": "sk-4711" } } }"#,
    );
    sandbox
}

/// Starts the wizard about the default instance and chooses to edit its settings.
fn start_editing(sandbox: &Sandbox, lang: Lang, columns: u16) -> Terminal {
    let args = [
        "--lang",
        lang.code(),
        "--profile",
        "default",
        "onboard",
        "--accept-risk",
        "--flow",
        "quickstart",
    ];
    let mut terminal = Terminal::start(sandbox, args, Size::tall(columns));
    wait_open(&mut terminal, catalogue_text(lang, "step.existing.ask"));
    terminal
        .type_in("2")
        .wait_for(&format!("❯ {}", catalogue_text(lang, "step.existing.change")))
        .press(Key::Enter);
    terminal
}

/// Chooses at the review to change the answer in the row that starts with this text.
fn change(terminal: &mut Terminal, row: &str) {
    // The rows are read, so all of them have to be there.
    terminal.wait_drawn("the review", |screen| screen.contains("❯ Apply"));
    let lines = terminal.screen().lines();
    let key = lines.iter().rev().find_map(|line| {
        let (key, name) = line.trim_start().split_once(' ')?;
        name.starts_with(row).then(|| key.to_owned())
    });
    terminal.type_in(&key.expect("a row with a key"));
}

#[test]
fn edit_shows_the_present_values_at_once_and_changes_none_of_them() {
    network::own(|| {
        let turkish = Lang::from_code("tr").expect("Turkish");
        for (lang, rows) in [
            (
                Lang::english(),
                [
                    ("Workspace", "~/ws"),
                    ("Base port", "18789"),
                    ("Token", "kept"),
                    ("Model provider", "Keep: Anthropic (claude-sonnet-4-5)"),
                    ("Channel", "Keep: Telegram"),
                ],
            ),
            (
                turkish,
                [
                    ("Çalışma alanı", "~/ws"),
                    ("Temel port", "18789"),
                    ("Token", "aynı kalıyor"),
                    ("Model sağlayıcısı", "Aynı kalsın: Anthropic (claude-sonnet-4-5)"),
                    ("Kanal", "Aynı kalsın: Telegram"),
                ],
            ),
        ] {
            for columns in [80, 40] {
                let sandbox = sandbox();
                let (config, keys) = (sandbox.read(CONFIG), sandbox.read(KEYS));
                let mut terminal = start_editing(&sandbox, lang, columns);
                wait_open(&mut terminal, catalogue_text(lang, "onboard.confirm"));
                let separator = if columns < 80 { ":" } else { "" };
                for (name, value) in rows {
                    wait_for_text(&mut terminal, &format!("{name}{separator} {value}"));
                }
                terminal.press(Key::Enter);
                assert_eq!(terminal.exit_code(), 0, "{}", terminal.screen().text());
                assert_eq!((sandbox.read(CONFIG), sandbox.read(KEYS)), (config, keys));
            }
        }
    });
}

#[test]
fn edit_without_a_change_leaves_every_file_as_it_is() {
    network::own(|| {
        let sandbox = sandbox();
        let _ = sandbox.run(["setup"]).exits(0);
        let before = sandbox.tree();
        let mut terminal = start_editing(&sandbox, Lang::english(), 80);
        terminal
            .wait_for("? What would you like to change?")
            .wait_for("❯ 2 Engine");
        terminal
            .press(Key::End)
            .wait_for("❯ q Nothing, leave it as it is")
            .press(Key::Enter);
        terminal.wait_for("already set up this way");
        assert_eq!(terminal.exit_code(), 0);
        assert_eq!(sandbox.tree(), before);
    });
}

#[test]
fn provider_and_channel_that_are_chosen_again_need_no_new_secret() {
    network::own(|| {
        let sandbox = sandbox();
        let mut terminal = start_editing(&sandbox, Lang::english(), 80);
        change(&mut terminal, "Model provider");
        terminal
            .wait_for("❯ Keep: Anthropic (claude-sonnet-4-5)")
            .press(Key::Down)
            .wait_for("❯ Anthropic")
            .press(Key::Enter);
        // The key that is there can be replaced, but nobody has to type it again.
        wait_for_text(&mut terminal, "API key kept");
        change(&mut terminal, "Channel");
        terminal
            .wait_for("❯ Keep: Telegram")
            .press(Key::Down)
            .wait_for("❯ Telegram")
            .press(Key::Enter);
        wait_for_text(&mut terminal, "Channel Telegram");
        terminal.wait_for("❯ Apply").press(Key::Enter);
        assert_eq!(terminal.exit_code(), 0);
        assert!(sandbox.read(CONFIG).contains("\"botToken\": \"1:bot\""));
        assert!(sandbox.read(CONFIG).contains("anthropic/claude-sonnet-4-5"));
        assert!(sandbox.read(KEYS).contains("sk-4711"));
    });
}

#[test]
fn another_provider_is_asked_for_its_key() {
    network::own(|| {
        let sandbox = sandbox();
        let mut terminal = start_editing(&sandbox, Lang::english(), 80);
        change(&mut terminal, "Model provider");
        terminal
            .wait_for("❯ Keep: Anthropic")
            .type_in("g")
            .wait_for("❯ Google")
            .press(Key::Enter);
        terminal
            .wait_for("? API key (Google) ›")
            .type_in("g-4711")
            .press(Key::Enter);
        // Nothing else is asked for.
        terminal.wait_for("❯ Apply").press(Key::Enter);
        assert_eq!(terminal.exit_code(), 0);
        let keys = sandbox.read(KEYS);
        assert!(keys.contains("g-4711") && keys.contains("sk-4711"), "{keys}");
        assert!(sandbox.read(CONFIG).contains("\"primary\": \"google/"));
    });
}

#[test]
fn escape_at_the_review_of_an_edit_goes_back_to_the_choice_to_edit() {
    network::own(|| {
        let sandbox = sandbox();
        let mut terminal = start_editing(&sandbox, Lang::english(), 80);
        terminal
            .wait_for("? Apply this plan?")
            .press(Key::Escape)
            .wait_gone("Apply this plan?")
            .wait_for("❯ Edit settings");
        terminal.press(Key::Enter).wait_for("? Apply this plan?");
        assert_eq!(terminal.screen().text().matches("Apply this plan?").count(), 1);
    });
}
