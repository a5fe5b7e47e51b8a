//! The claim of a bot: a code on the screen, a message from a phone, an owner after a yes.

use openclaw::i18n::Lang;
use serde_json::Value;

use super::scenario::{catalogue_text, collapse_blanks, open_question, wait_for_text, wait_open};
use crate::support::Sandbox;
use crate::support::messenger::telegram::{TOKEN, Telegram};
use crate::support::messenger::{Messenger as _, OWNER, User};
use crate::support::pty::{Key, Screen, Size, Terminal};

/// The name of the stand-in's bot.
const BOT: &str = "rescue_test_bot";

/// Creates a home folder with an instance whose Telegram is this one, without a token.
fn sandbox(telegram: &Telegram) -> Sandbox {
    let sandbox = Sandbox::new().var("LANG", "C.UTF-8");
    let config = format!(
        r#"{{ "gateway": {{ "mode": "local", "port": 19789 }}, "channels": {{ "telegram": {{ "apiRoot": "{}" }} }} }}"#,
        telegram.api()
    );
    sandbox.write(".openclaw-bot/openclaw.json", config);
    sandbox
}

/// Starts the wizard about the bot's instance, which asks for the token of the bot first.
fn start(sandbox: &Sandbox, lang: Lang, size: Size) -> Terminal {
    let words = "--profile bot onboard --accept-risk --existing change --flow quickstart --channel telegram";
    let args = ["--lang", lang.code()].into_iter().chain(words.split(' '));
    Terminal::start(sandbox, args.chain(["--no-install-daemon"]), size)
}

/// Starts the wizard and answers everything up to the claim of the bot, which is waited for then.
fn run_to_claim(sandbox: &Sandbox, lang: Lang, size: Size) -> Terminal {
    let mut terminal = start(sandbox, lang, size);
    let question = catalogue_text(lang, "step.channel-token.ask").replace("{channel}", "Telegram");
    wait_open(&mut terminal, &question);
    terminal.type_in(TOKEN).press(Key::Enter);
    wait_for_claim(&mut terminal, lang);
    terminal
}

/// Waits until the wizard asks whose the bot is.
fn wait_for_claim(terminal: &mut Terminal, lang: Lang) {
    let keys = catalogue_text(lang, "ui.keys-waiting").split(" · ").next();
    terminal.wait_for(keys.expect("the key that skips"));
    wait_open(
        terminal,
        &catalogue_text(lang, "step.channel-owner.ask").replace("{bot}", BOT),
    );
}

/// Returns the code in the link that the open question shows.
fn shown_code(screen: &Screen<'_>) -> Option<String> {
    // A line of forty columns ends inside the link.
    let text: String = open_question(screen)?.1.split_whitespace().collect();
    let (_, rest) = text.split_once(&format!("https://t.me/{BOT}?start="))?;
    rest.get(..10).map(str::to_owned)
}

/// Waits until the wizard asks whether this person is the one.
fn wait_for_person(terminal: &mut Terminal, lang: Lang, name: &str, id: &str) {
    let asked = catalogue_text(lang, "step.channel-owner.is-you");
    wait_open(terminal, &asked.replace("{name}", name).replace("{id}", id));
}

/// Confirms the plan, and returns the config that was written.
fn confirm(mut terminal: Terminal, sandbox: &Sandbox, lang: Lang) -> Value {
    wait_open(&mut terminal, catalogue_text(lang, "onboard.confirm"));
    terminal.press(Key::Enter);
    assert_eq!(terminal.exit_code(), 0, "{}", terminal.screen().text());
    let seen = String::from_utf8_lossy(terminal.raw()).into_owned();
    assert!(!seen.contains(TOKEN), "the token is never shown");
    serde_json::from_str(&sandbox.read(".openclaw-bot/openclaw.json")).expect("a config")
}

/// Returns the offsets with which the wizard has asked for updates: one would make Telegram forget what is before it.
fn offsets(telegram: &Telegram) -> Vec<Value> {
    let calls = telegram.calls().into_iter();
    let polls = calls.filter(|call| call.method.eq_ignore_ascii_case("getUpdates"));
    polls
        .filter_map(|call| call.parameters.get("offset").cloned())
        .collect()
}

fn check_claim(lang: Lang, size: Size) {
    let telegram = Telegram::start();
    let sandbox = sandbox(&telegram);
    let before = sandbox.read(".openclaw-bot/openclaw.json");
    telegram.say(OWNER, "said before");
    let mut terminal = run_to_claim(&sandbox, lang, size);
    let code = shown_code(&terminal.screen()).expect("a link with a code");
    // Somebody guesses, then the owner's phone sends what the link makes it send.
    telegram.say(User::stranger(0), "/start own-AAAAAA");
    telegram.say(OWNER.speaking("tr"), &format!("/start {code}"));
    wait_for_person(&mut terminal, lang, "Ali", &telegram.id(OWNER));
    assert_eq!(
        sandbox.read(".openclaw-bot/openclaw.json"),
        before,
        "nothing is written before the plan"
    );
    terminal.press(Key::Enter);
    telegram.next_message("the greeting, in the language of the phone", &|seen| {
        seen.text.contains("Merhaba Ali!")
    });
    wait_for_text(&mut terminal, &format!("Ali ({})", telegram.id(OWNER)));
    let config = confirm(terminal, &sandbox, lang);
    let channel = &config["channels"]["telegram"];
    assert_eq!(channel["allowFrom"], serde_json::json!([telegram.id(OWNER)]));
    assert_eq!(channel["botToken"], TOKEN);
    assert_eq!(
        offsets(&telegram),
        [Value::Null; 0],
        "the gateway hears all of it"
    );
}

#[test]
fn owner_is_who_sends_the_code_and_is_agreed_to_in_english() {
    check_claim(Lang::english(), Size::USUAL);
}

#[test]
fn owner_is_who_sends_the_code_and_is_agreed_to_in_turkish_and_forty_columns() {
    let lang = Lang::from_code("tr").expect("Turkish");
    let size = Size {
        rows: 20,
        columns: 40,
    };
    check_claim(lang, size);
}

#[test]
fn qr_code_is_drawn_where_the_terminal_has_room_and_the_link_always() {
    let lang = Lang::english();
    let telegram = Telegram::start();
    for (rows, columns, has_room) in [(24, 80, true), (16, 80, false), (24, 32, false)] {
        let sandbox = sandbox(&telegram);
        let terminal = run_to_claim(&sandbox, lang, Size { rows, columns });
        let screen = terminal.screen();
        assert_eq!(screen.contains("▄▄▄▄▄"), has_room, "{}", screen.text());
        assert!(shown_code(&screen).is_some(), "{}", screen.text());
        let hint = collapse_blanks(&screen.text());
        assert!(hint.contains("s skip · Esc back"), "{hint}");
    }
}

#[test]
fn other_person_is_declined_and_a_new_code_waited_for() {
    let lang = Lang::english();
    let telegram = Telegram::start();
    let sandbox = sandbox(&telegram);
    let mut terminal = run_to_claim(&sandbox, lang, Size::USUAL);
    let first = shown_code(&terminal.screen()).expect("a code");
    let stranger = User::stranger(0);
    telegram.say(stranger, &first);
    wait_for_person(&mut terminal, lang, "Stranger 1", &telegram.id(stranger));
    terminal.type_in("n").press(Key::Enter);
    wait_for_claim(&mut terminal, lang);
    terminal.wait_until("another code is shown", |screen| {
        shown_code(screen).is_some_and(|code| code != first)
    });
    let second = shown_code(&terminal.screen()).expect("a code");
    telegram.say(OWNER, &second.to_ascii_lowercase());
    wait_for_person(&mut terminal, lang, "Ali", &telegram.id(OWNER));
    terminal.press(Key::Enter);
    let config = confirm(terminal, &sandbox, lang);
    let owners = &config["channels"]["telegram"]["allowFrom"];
    assert_eq!(*owners, serde_json::json!([telegram.id(OWNER)]));
}

#[test]
fn wait_is_skipped_by_a_key_and_left_backwards() {
    let lang = Lang::english();
    let telegram = Telegram::start();
    let sandbox = sandbox(&telegram);
    let mut terminal = run_to_claim(&sandbox, lang, Size::USUAL);
    terminal.press(Key::Escape);
    wait_open(&mut terminal, "Bot token (Telegram)");
    // The token that was typed is kept, and the bot waited for again.
    terminal.press(Key::Enter);
    wait_for_claim(&mut terminal, lang);
    terminal.type_in("s");
    wait_for_text(
        &mut terminal,
        "openclaw --profile bot pairing approve telegram CODE",
    );
    let config = confirm(terminal, &sandbox, lang);
    assert_eq!(config["channels"]["telegram"]["allowFrom"], Value::Null);
}

#[test]
fn bot_that_another_program_polls_says_so_and_the_wizard_goes_on() {
    let lang = Lang::english();
    let telegram = Telegram::start();
    telegram.set_polled_elsewhere(true);
    let sandbox = sandbox(&telegram);
    let mut terminal = start(&sandbox, lang, Size::USUAL);
    wait_open(&mut terminal, "Bot token (Telegram)");
    terminal.type_in(TOKEN).press(Key::Enter);
    wait_open(&mut terminal, catalogue_text(lang, "onboard.confirm"));
    let seen = String::from_utf8_lossy(terminal.raw()).into_owned();
    assert!(
        seen.contains("Another program receives the messages of this bot"),
        "{}",
        terminal.screen().text()
    );
    assert_eq!(terminal.press(Key::CtrlC).exit_code(), 130);
}

#[test]
fn network_that_goes_and_comes_back_while_the_wizard_waits_loses_nothing() {
    let lang = Lang::english();
    let telegram = Telegram::start();
    let sandbox = sandbox(&telegram);
    let mut terminal = run_to_claim(&sandbox, lang, Size::USUAL);
    telegram.wait_until_connected();
    let code = shown_code(&terminal.screen()).expect("a code");
    telegram.set_reachable(false);
    telegram.say(OWNER, &format!("/start {code}"));
    telegram.set_reachable(true);
    wait_for_person(&mut terminal, lang, "Ali", &telegram.id(OWNER));
    assert_eq!(terminal.press(Key::CtrlC).exit_code(), 130);
}

#[test]
fn claim_is_waited_for_in_accessible_mode_until_a_line_is_typed() {
    let telegram = Telegram::start();
    let sandbox = sandbox(&telegram).var("ACCESSIBLE", "1");
    let size = Size {
        rows: 200,
        columns: 80,
    };
    let mut terminal = start(&sandbox, Lang::english(), size);
    terminal.wait_for("Bot token (Telegram)").wait_unechoed();
    terminal.type_in(TOKEN).press(Key::Enter);
    wait_for_text(&mut terminal, &format!("Whose bot is @{BOT}?"));
    wait_for_text(&mut terminal, "To go on without waiting, press Enter.");
    terminal.press(Key::Enter);
    wait_for_text(&mut terminal, "Apply this plan?");
    assert!(
        !terminal.raw().contains(&0x1b),
        "lines without a control sequence"
    );
}

#[test]
fn owner_is_given_by_a_flag_or_an_answers_file() {
    let telegram = Telegram::start();
    let sandbox = sandbox(&telegram);
    let token = sandbox.write("token", TOKEN).display().to_string();
    let run = |owner: &[&str]| {
        let args = [
            "--profile",
            "bot",
            "onboard",
            "--non-interactive",
            "--accept-risk",
        ];
        let channel = ["--channel", "telegram", "--channel-token-file", &token];
        sandbox.run(args.iter().chain(&channel).chain(owner))
    };
    assert!(
        run(&["--channel-owner", "Ali"])
            .exits(2)
            .stderr
            .contains("--channel-owner")
    );
    let saved = sandbox.path("answers.toml").display().to_string();
    let _ = run(&["--channel-owner", "42", "--save-answers", &saved]).exits(0);
    let answers = sandbox.read("answers.toml");
    assert!(answers.contains("channel-owner = \"42\""), "{answers}");
    assert!(!answers.contains(TOKEN));
    let owners = || {
        let text = sandbox.read(".openclaw-bot/openclaw.json");
        let config: Value = serde_json::from_str(&text).expect("a config");
        config["channels"]["telegram"]["allowFrom"].clone()
    };
    assert_eq!(owners(), serde_json::json!(["42"]));
    // A further owner is added, and the same one only once.
    sandbox.write("more.toml", "channel-owner = \"43\"\n");
    let more = sandbox.path("more.toml").display().to_string();
    let _ = run(&["--answers", &more]).exits(0);
    let _ = run(&["--answers", &more]).exits(0);
    assert_eq!(owners(), serde_json::json!(["42", "43"]));
    assert_eq!(telegram.calls().len(), 0, "no server is asked unasked");
}
