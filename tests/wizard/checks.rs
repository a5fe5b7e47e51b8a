//! Keys and tokens that the wizard verifies with the servers they are for, and models that are chosen from a list.

use std::path::PathBuf;

use openclaw::i18n::Lang;

use super::scenario::{catalogue_text, wait_for_text, wait_open};
use crate::support::Sandbox;
use crate::support::messenger::Messenger as _;
use crate::support::messenger::telegram::{TOKEN, Telegram};
use crate::support::models::{Asked, Behaviour, GOOD_KEY, Models};
use crate::support::pty::{Key, Size, Terminal};

/// A part of every key that the tests type.
const CANARY: &str = "CANARY-4711";
/// A key that no server takes.
const BAD_KEY: &str = "sk-CANARY-4711-bad-key";
/// The models of a provider.
const MODELS: Behaviour = Behaviour::Lists(&["claude-opus-5", "claude-haiku-4-5", "claude-sonnet-4-5"]);

/// Creates a home folder with an instance of OpenClaw from npm, whose wizard asks this server for Anthropic's models.
fn sandbox(base_url: &str) -> Sandbox {
    sandbox_of_anthropic().var("ANTHROPIC_BASE_URL", base_url)
}

/// Creates a home folder that leaves the address of Anthropic as it is.
fn sandbox_of_anthropic() -> Sandbox {
    let sandbox = Sandbox::new().var("LANG", "C.UTF-8").with_node_package();
    // Beside another instance the base port is always asked for.
    sandbox.write(
        ".openclaw/openclaw.json",
        r#"{ "gateway": { "mode": "local", "port": 18789 } }"#,
    );
    sandbox
}

/// Runs the wizard to the question for the API key of Anthropic.
fn run_to_key(sandbox: &Sandbox, lang: Lang, size: Size) -> Terminal {
    let args = ["--lang", lang.code(), "--profile", "checked", "onboard"];
    let flags = ["--accept-risk", "--engine", "node", "--flow", "quickstart"];
    let mut terminal = Terminal::start(sandbox, args.into_iter().chain(flags), size);
    wait_open(&mut terminal, catalogue_text(lang, "step.gateway-port.ask"));
    terminal.press(Key::Enter);
    wait_open(&mut terminal, catalogue_text(lang, "step.auth-choice.ask"));
    terminal.type_in("1").press(Key::Enter);
    wait_for_key(&mut terminal, lang);
    terminal
}

/// Waits until the wizard asks for the API key.
fn wait_for_key(terminal: &mut Terminal, lang: Lang) {
    let question = catalogue_text(lang, "step.api-key.ask").replace("{provider}", "Anthropic");
    wait_open(terminal, &question);
}

/// Returns the text of a sentence up to its first argument.
fn beginning(lang: Lang, key: &str) -> &'static str {
    catalogue_text(lang, key).split('{').next().unwrap_or_default()
}

/// Asserts that neither the screen nor a file has a part of a key.
#[track_caller]
fn assert_key_nowhere(sandbox: &Sandbox, terminal: &Terminal) {
    let holds = |bytes: &[u8]| bytes.windows(CANARY.len()).any(|part| part == CANARY.as_bytes());
    assert!(!holds(terminal.raw()), "{}", terminal.screen().text());
    assert!(!holds(&terminal.arguments()));
    let holders: Vec<PathBuf> = sandbox
        .tree()
        .into_iter()
        .filter(|(.., bytes)| holds(bytes))
        .map(|(path, ..)| path)
        .collect();
    assert!(holders.is_empty(), "{holders:?}");
}

/// Ends the wizard at an open question.
fn leave(mut terminal: Terminal) {
    assert_eq!(terminal.press(Key::CtrlC).exit_code(), 130);
}

fn check_accepted_key(lang: Lang, size: Size) {
    let server = Models::start(MODELS);
    let sandbox = sandbox(&server.url());
    let mut terminal = run_to_key(&sandbox, lang, size);
    terminal.type_in(GOOD_KEY).press(Key::Enter);
    wait_open(&mut terminal, catalogue_text(lang, "step.model.ask"));
    let accepted = catalogue_text(lang, "verify.models")
        .replace("{provider}", "Anthropic")
        .replace("{count}", "3");
    wait_for_text(&mut terminal, &accepted);
    // The default of the release is marked; typing narrows the list down.
    terminal
        .wait_for("❯ claude-opus-5")
        .type_in("haiku")
        .wait_for("❯ claude-haiku-4-5")
        .wait_gone("claude-sonnet");
    assert_key_nowhere(&sandbox, &terminal);
    terminal.press(Key::Enter);
    wait_open(&mut terminal, catalogue_text(lang, "step.channel.ask"));
    terminal.press(Key::Enter);
    wait_open(&mut terminal, catalogue_text(lang, "step.install-daemon.ask"));
    terminal.type_in("3").press(Key::Enter);
    wait_open(&mut terminal, catalogue_text(lang, "onboard.confirm"));
    terminal.press(Key::Enter);
    assert_eq!(terminal.exit_code(), 0, "{}", terminal.screen().text());
    let config = sandbox.read(".openclaw-checked/openclaw.json");
    assert!(config.contains("anthropic/claude-haiku-4-5"), "{config}");
    let asked = Asked {
        path: "/v1/models?limit=1000".to_owned(),
        key: Some(GOOD_KEY.to_owned()),
    };
    assert_eq!(server.asked(), [asked]);
}

#[test]
fn model_is_chosen_from_the_list_of_the_provider_in_english() {
    check_accepted_key(Lang::english(), Size::USUAL);
}

#[test]
fn model_is_chosen_from_the_list_of_the_provider_in_turkish_and_forty_columns() {
    let size = Size {
        rows: 20,
        columns: 40,
    };
    check_accepted_key(Lang::from_code("tr").expect("Turkish"), size);
}

#[test]
fn refused_key_shows_the_words_of_the_provider_and_is_entered_again_kept_or_left_out() {
    for (code, size) in [
        ("en", Size::USUAL),
        (
            "tr",
            Size {
                rows: 24,
                columns: 40,
            },
        ),
    ] {
        let lang = Lang::from_code(code).expect("a language");
        let server = Models::start(MODELS);
        let sandbox = sandbox(&server.url());
        let mut terminal = run_to_key(&sandbox, lang, size);
        terminal.type_in(BAD_KEY).press(Key::Enter);
        wait_open(&mut terminal, catalogue_text(lang, "verify.refused-ask"));
        wait_for_text(&mut terminal, "invalid x-api-key [2J: …");
        assert_key_nowhere(&sandbox, &terminal);
        // Enter another one.
        terminal.press(Key::Enter);
        wait_for_key(&mut terminal, lang);
        terminal.wait_gone(catalogue_text(lang, "verify.refused-ask"));
        terminal.type_in(BAD_KEY).press(Key::Enter);
        wait_open(&mut terminal, catalogue_text(lang, "verify.refused-ask"));
        // Leave it out.
        terminal.type_in("3").press(Key::Enter);
        wait_open(&mut terminal, catalogue_text(lang, "step.channel.ask"));
        wait_for_text(&mut terminal, catalogue_text(lang, "verify.left-out"));
        // Back to it, and keep it.
        terminal.press(Key::Escape);
        wait_for_key(&mut terminal, lang);
        terminal.type_in(BAD_KEY).press(Key::Enter);
        wait_open(&mut terminal, catalogue_text(lang, "verify.refused-ask"));
        terminal.type_in("2").press(Key::Enter);
        wait_open(&mut terminal, catalogue_text(lang, "step.channel.ask"));
        wait_for_text(&mut terminal, catalogue_text(lang, "verify.kept"));
        assert_key_nowhere(&sandbox, &terminal);
        leave(terminal);
    }
}

#[test]
fn server_that_does_not_answer_as_it_should_leaves_the_key_unchecked_and_the_wizard_goes_on() {
    let lang = Lang::english();
    let stranger = Models::start(MODELS);
    for (behaviour, sentence) in [
        (Behaviour::Silent, "verify.timed-out"),
        (Behaviour::Garbage, "verify.no-list"),
        (Behaviour::Huge, "verify.too-large"),
        (Behaviour::Redirects(stranger.url()), "verify.redirected"),
        (Behaviour::Breaks, "verify.unreachable"),
    ] {
        let server = Models::start(behaviour.clone());
        let address = server.url().replace("http://", "");
        let sandbox = sandbox(&server.url());
        let mut terminal = run_to_key(&sandbox, lang, Size::USUAL);
        terminal.type_in(GOOD_KEY).press(Key::Enter);
        wait_open(&mut terminal, catalogue_text(lang, "step.channel.ask"));
        wait_for_text(&mut terminal, beginning(lang, "verify.unchecked"));
        let said = catalogue_text(lang, sentence).replace("{server}", &address);
        let said = said.split('{').next().unwrap_or_default();
        wait_for_text(&mut terminal, said.trim_end_matches([' ', '(']));
        assert_key_nowhere(&sandbox, &terminal);
        leave(terminal);
    }
    assert_eq!(stranger.asked(), [], "the key does not follow a redirect");
}

#[test]
fn wait_for_a_silent_server_ends_with_escape() {
    let lang = Lang::english();
    let server = Models::start(Behaviour::Silent);
    let sandbox = sandbox(&server.url());
    let mut terminal = run_to_key(&sandbox, lang, Size::USUAL);
    terminal.type_in(GOOD_KEY).press(Key::Enter);
    wait_for_text(&mut terminal, beginning(lang, "verify.asking"));
    terminal.press(Key::Escape);
    wait_open(&mut terminal, catalogue_text(lang, "step.channel.ask"));
    wait_for_text(&mut terminal, catalogue_text(lang, "verify.not-awaited"));
    leave(terminal);
}

#[test]
fn without_a_network_the_key_is_unchecked() {
    let lang = Lang::english();
    // The program is led to a proxy that is not there.
    let sandbox = sandbox_of_anthropic();
    let mut terminal = run_to_key(&sandbox, lang, Size::USUAL);
    terminal.type_in(GOOD_KEY).press(Key::Enter);
    wait_open(&mut terminal, catalogue_text(lang, "step.channel.ask"));
    wait_for_text(
        &mut terminal,
        "Not checked: no connection to api.anthropic.com (Connection refused)",
    );
    assert_key_nowhere(&sandbox, &terminal);
    leave(terminal);
}

#[test]
fn key_of_the_environment_is_named_and_taken_by_enter() {
    let lang = Lang::english();
    let server = Models::start(MODELS);
    let sandbox = sandbox(&server.url()).var("ANTHROPIC_API_KEY", GOOD_KEY);
    let mut terminal = run_to_key(&sandbox, lang, Size::USUAL);
    terminal.wait_for("from ANTHROPIC_API_KEY (…-key)");
    assert_eq!(server.asked(), [], "it is used only after a yes");
    terminal.press(Key::Enter);
    wait_open(&mut terminal, catalogue_text(lang, "step.model.ask"));
    assert_key_nowhere(&sandbox, &terminal);
    leave(terminal);
}

#[test]
fn key_of_another_instance_is_named_and_taken_over() {
    let lang = Lang::english();
    let server = Models::start(MODELS);
    let sandbox = sandbox(&server.url());
    let store = format!(
        r#"{{"version":1,"profiles":{{"anthropic:default":{{"type":"api_key","provider":"anthropic","key":"{GOOD_KEY}"}}}}}}"#
    );
    sandbox.write(".openclaw/agents/main/agent/auth-profiles.json", store);
    let mut terminal = run_to_key(&sandbox, lang, Size::USUAL);
    terminal.wait_for("the key of default (…-key)");
    assert_eq!(server.asked(), []);
    terminal.press(Key::Enter);
    wait_open(&mut terminal, catalogue_text(lang, "step.model.ask"));
    assert_eq!(server.asked().len(), 1);
    leave(terminal);
}

#[test]
fn server_on_this_host_is_found_and_its_model_chosen_without_a_key() {
    let lang = Lang::english();
    let server = Models::without_key(Behaviour::Lists(&["llama3:8b", "qwen3:4b"]));
    let address = server.url().replace("http://", "");
    let sandbox = sandbox(&server.url()).var("OLLAMA_HOST", &address);
    let args = [
        "--profile",
        "local",
        "onboard",
        "--accept-risk",
        "--engine",
        "node",
    ];
    let args = args
        .into_iter()
        .chain(["--no-install-daemon", "--skip-channels", "--flow", "quickstart"]);
    let mut terminal = Terminal::start(&sandbox, args, Size::USUAL);
    wait_open(&mut terminal, catalogue_text(lang, "step.gateway-port.ask"));
    terminal.press(Key::Enter);
    wait_open(&mut terminal, catalogue_text(lang, "step.auth-choice.ask"));
    terminal
        .type_in("5")
        .wait_for("❯ Ollama on this host – models: 2")
        .press(Key::Enter);
    wait_open(&mut terminal, catalogue_text(lang, "step.custom-model-id.ask"));
    terminal.type_in("qwen").wait_for("❯ qwen3:4b").press(Key::Enter);
    wait_open(&mut terminal, catalogue_text(lang, "onboard.confirm"));
    terminal.press(Key::Enter);
    assert_eq!(terminal.exit_code(), 0, "{}", terminal.screen().text());
    let config: serde_json::Value =
        serde_json::from_str(&sandbox.read(".openclaw-local/openclaw.json")).expect("a config");
    let provider = &config["models"]["providers"]["ollama"];
    assert_eq!(provider["baseUrl"], format!("http://{address}/v1"));
    assert_eq!(provider["models"][0]["id"], "qwen3:4b");
    assert_eq!(
        config["agents"]["defaults"]["model"]["primary"],
        "ollama/qwen3:4b"
    );
}

/// Returns the config of an instance whose Telegram is this one, without a token.
fn telegram_config(telegram: &Telegram) -> String {
    format!(
        r#"{{ "gateway": {{ "mode": "local", "port": 19789 }}, "channels": {{ "telegram": {{ "enabled": false, "apiRoot": "{}" }} }} }}"#,
        telegram.api()
    )
}

/// The arguments of a wizard that asks for the token of a bot.
const CHANNEL_ARGS: [&str; 8] = [
    "--profile",
    "bot",
    "onboard",
    "--accept-risk",
    "--existing",
    "change",
    "--flow",
    "quickstart",
];

#[test]
fn token_of_a_bot_is_verified_with_its_channel() {
    let lang = Lang::english();
    let telegram = Telegram::start();
    let sandbox = Sandbox::new().var("LANG", "C.UTF-8");
    sandbox.write(".openclaw-bot/openclaw.json", telegram_config(&telegram));
    let args = CHANNEL_ARGS.into_iter().chain(["--channel", "telegram"]);
    let mut terminal = Terminal::start(&sandbox, args, Size::tall(80));
    let question = catalogue_text(lang, "step.channel-token.ask").replace("{channel}", "Telegram");
    wait_open(&mut terminal, &question);
    terminal.type_in("4711:CANARY-4711-bot").press(Key::Enter);
    wait_open(&mut terminal, catalogue_text(lang, "verify.refused-ask"));
    wait_for_text(&mut terminal, "Telegram rejects the token");
    assert_key_nowhere(&sandbox, &terminal);
    terminal.press(Key::Enter);
    wait_open(&mut terminal, &question);
    terminal.type_in(TOKEN).press(Key::Enter);
    wait_for_text(&mut terminal, "Telegram knows this bot: ");
    assert!(!terminal.screen().contains(TOKEN));
    leave(terminal);
}

#[test]
fn without_a_person_no_server_is_asked_unless_a_flag_wants_it() {
    let server = Models::start(MODELS);
    let sandbox = sandbox(&server.url());
    let bad = sandbox.write("bad", BAD_KEY);
    let good = sandbox.write("good", GOOD_KEY);
    let run = |key: &PathBuf, flags: &[&str]| {
        let args = [
            "--profile",
            "checked",
            "onboard",
            "--non-interactive",
            "--accept-risk",
            "--dry-run",
        ];
        let key = key.display().to_string();
        let key = ["--auth-choice", "apiKey", "--api-key-file", &key];
        sandbox.run(args.iter().chain(&key).chain(flags))
    };
    assert!(!run(&bad, &[]).exits(0).stderr.contains("reject"));
    assert_eq!(server.asked(), []);
    let refused = run(&bad, &["--check"]).exits(1);
    assert!(refused.stderr.contains("invalid x-api-key"), "{}", refused.stderr);
    assert!(!refused.stderr.contains(CANARY) && !refused.stdout.contains(CANARY));
    let accepted = run(&good, &["--check"]).exits(0);
    assert!(
        accepted.stderr.contains("Anthropic accepts the key"),
        "{}",
        accepted.stderr
    );
    let json = run(&good, &["--check", "--json"]).exits(0);
    assert_eq!(json.json()["ok"], true);
}
