//! The token of a bot that `channels add` asks for: it is shown to the servers of the channel before it is written.

use serde_json::Value;

use crate::support::Sandbox;
use crate::support::messenger::Messenger as _;
use crate::support::messenger::telegram::{TOKEN, Telegram};
use crate::support::pty::{Key, Size, Terminal};

#[test]
fn refused_token_is_typed_again_or_changes_nothing() {
    let telegram = Telegram::start();
    let sandbox = Sandbox::new().var("LANG", "C.UTF-8");
    let config = format!(
        r#"{{ "gateway": {{ "mode": "local", "port": 19789 }}, "channels": {{ "telegram": {{ "apiRoot": "{}" }} }} }}"#,
        telegram.api()
    );
    sandbox.write(".openclaw-rescue/openclaw.json", &config);
    let add = ["--profile", "rescue", "channels", "add", "telegram"];
    let ask = || {
        let mut terminal = Terminal::start(&sandbox, add, Size::tall(80));
        terminal.wait_for("Esc cancels").type_in("4711:CANARY-4711-bot");
        terminal
            .wait_for("********")
            .press(Key::Enter)
            .wait_for("What now?");
        terminal
    };
    let mut left = ask();
    assert_eq!(left.type_in("3").press(Key::Enter).exit_code(), 1);
    assert_eq!(sandbox.read(".openclaw-rescue/openclaw.json"), config);
    let mut again = ask();
    again
        .press(Key::Enter)
        .wait_gone("What now?")
        .wait_for("Esc cancels");
    again.type_in(TOKEN).press(Key::Enter);
    assert_eq!(again.exit_code(), 0, "{}", again.screen().text());
    assert!(
        again
            .screen()
            .contains("Telegram knows this bot: rescue_test_bot")
    );
    for terminal in [left, again] {
        let seen = String::from_utf8_lossy(terminal.raw()).into_owned();
        assert!(
            !seen.contains("CANARY") && !seen.contains(TOKEN),
            "{}",
            terminal.screen().text()
        );
    }
    let text = sandbox.read(".openclaw-rescue/openclaw.json");
    let config: Value = serde_json::from_str(&text).expect("a config");
    assert_eq!(config["channels"]["telegram"]["botToken"], TOKEN);
}
