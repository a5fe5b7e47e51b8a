//! The wizard in a real terminal, in both languages: what a person sees and types.

mod back;
mod language;
mod resize;
mod secrets;
mod signals;
mod snapshots;
mod walk;

use crate::support::Sandbox;
use crate::support::pty::{Key, Modes, Size, Terminal};

/// A host that has a default gateway already.
fn beside_default() -> Sandbox {
    let sandbox = Sandbox::new()
        .var("TERM", "xterm-256color")
        .var("LANG", "C.UTF-8");
    sandbox.write(
        ".openclaw/openclaw.json",
        r#"{ "gateway": { "mode": "local", "port": 18789 } }"#,
    );
    sandbox
}

/// The words of one language that the test waits for, in the order in which they come.
struct Words {
    lang: &'static str,
    risk: &'static str,
    flow: &'static str,
    profile: &'static str,
    workspace: &'static str,
    port: &'static str,
    typed_port: &'static str,
    too_close: &'static str,
    provider: &'static str,
    key: &'static str,
    channel: &'static str,
    service: &'static str,
    confirm: &'static str,
    done: &'static str,
}

const ENGLISH: Words = Words {
    lang: "en",
    risk: "Do you accept this risk?",
    flow: "Setup type",
    profile: "Profile name",
    workspace: "Workspace",
    port: "Base port",
    typed_port: "from 1024 to 65425",
    too_close: "Can’t use",
    provider: "Model provider",
    key: "API key (anthropic)",
    channel: "Where will you chat",
    service: "Start the gateway",
    confirm: "Apply this plan?",
    done: "Profile rescue is set up",
};

const TURKISH: Words = Words {
    lang: "tr",
    risk: "Bu riski kabul ediyor musunuz?",
    flow: "Kurulum nasıl olsun?",
    profile: "Profil adı",
    workspace: "Çalışma alanı",
    port: "Temel port",
    typed_port: "1024 ile 65425",
    too_close: "kullanılamaz",
    provider: "Hangi model",
    key: "API anahtarı (anthropic)",
    channel: "hangi uygulamadan",
    service: "kendiliğinden",
    confirm: "Plan uygulansın mı?",
    done: "Profil kuruldu: rescue",
};

const CANARY: &str = "sk-canary-4711";

/// The base port that the program suggests here and now: what listens on this machine plays a part.
fn suggested_port(sandbox: &Sandbox) -> String {
    let document = sandbox
        .run(["--profile", "rescue", "ports", "suggest", "--json"])
        .exits(0)
        .json();
    document["suggestions"][0]["base"].to_string()
}

/// Walks to the review, with a port that is refused on the way.
fn to_the_review(words: &Words, sandbox: &Sandbox, size: Size) -> Terminal {
    let mut terminal = Terminal::start(sandbox, ["--lang", words.lang, "onboard"], size);
    terminal.wait_for(words.risk).press(Key::Up).press(Key::Enter);
    terminal.wait_for(words.flow).press(Key::Enter);
    terminal.wait_for(words.profile).press(Key::Enter);
    terminal.wait_for(words.workspace).press(Key::Enter);
    let suggested = suggested_port(sandbox);
    // The last choice is to type a port.
    terminal
        .wait_for(words.port)
        .wait_for(&suggested)
        .press(Key::Up)
        .press(Key::Enter);
    terminal
        .wait_for(words.typed_port)
        .type_in("18799")
        .press(Key::Enter);
    terminal
        .wait_for(words.too_close)
        .type_in(&suggested)
        .press(Key::Enter);
    terminal.wait_for(words.provider).press(Key::Enter);
    terminal.wait_for(words.key).type_in(CANARY).press(Key::Enter);
    terminal.wait_for(words.channel).press(Key::Enter);
    terminal.wait_for(words.service).press(Key::Enter);
    terminal.wait_for(words.confirm);
    terminal
}

fn sets_up_a_rescue_bot(words: &Words, size: Size) {
    let sandbox = beside_default();
    let before = sandbox.tree();
    let mut terminal = to_the_review(words, &sandbox, size);
    let mut now = sandbox.tree();
    now.retain(|(path, ..)| !path.starts_with(".local"));
    assert_eq!(
        now, before,
        "nothing but the draft is written before the plan is confirmed"
    );
    let draft = sandbox.read(".local/state/openclaw/draft.toml");
    assert!(!draft.contains(CANARY), "a draft holds no key");
    terminal.press(Key::Enter).wait_for(words.done);
    assert_eq!(terminal.exit_code(), 0);
    assert_eq!(terminal.modes(), Modes::usual());
    assert!(!terminal.screen().cursor_is_hidden());
    let seen = String::from_utf8_lossy(terminal.raw()).into_owned();
    assert!(!seen.contains(CANARY), "a key is never shown");
    let config: serde_json::Value =
        serde_json::from_str(&sandbox.read(".openclaw-rescue/openclaw.json")).expect("a config");
    let port = config["gateway"]["port"].as_u64().expect("a port");
    assert!(
        port >= 18789 + 111,
        "{port} shares nothing with the default's ports"
    );
    assert!(
        sandbox
            .read(".openclaw-rescue/agents/main/agent/auth-profiles.json")
            .contains(CANARY)
    );
    assert!(!sandbox.read(".openclaw-rescue/openclaw.json").contains(CANARY));
    let record = sandbox.read(".openclaw-rescue/instance.toml");
    assert!(
        record.contains(&format!("language = \"{}\"", words.lang)),
        "{record}"
    );
}

#[test]
fn a_rescue_bot_is_set_up_in_english() {
    sets_up_a_rescue_bot(&ENGLISH, Size::USUAL);
}

#[test]
fn a_rescue_bot_is_set_up_in_turkish() {
    sets_up_a_rescue_bot(&TURKISH, Size::USUAL);
}

#[test]
fn forty_columns_and_twenty_rows_are_enough() {
    sets_up_a_rescue_bot(
        &TURKISH,
        Size {
            rows: 20,
            columns: 40,
        },
    );
    sets_up_a_rescue_bot(
        &ENGLISH,
        Size {
            rows: 20,
            columns: 40,
        },
    );
}

#[test]
fn two_hundred_columns_are_not_too_many() {
    sets_up_a_rescue_bot(&TURKISH, Size::tall(200));
}

#[test]
fn ctrl_c_at_the_review_writes_nothing_and_leaves_the_terminal_as_it_was() {
    let sandbox = beside_default();
    let before = sandbox.tree();
    let mut terminal = to_the_review(&ENGLISH, &sandbox, Size::tall(80));
    assert_eq!(terminal.press(Key::CtrlC).exit_code(), 130);
    assert_eq!(terminal.modes(), Modes::usual());
    assert!(!terminal.screen().cursor_is_hidden());
    assert_eq!(sandbox.tree(), before);
}

#[test]
fn ctrl_c_at_each_kind_of_prompt_exits_130() {
    let sandbox = beside_default();
    let before = sandbox.tree();
    // A choice, a text, a secret: how far to go, and what to press there.
    let stops: [(&str, &[(&str, Key)]); 2] = [
        (ENGLISH.risk, &[]),
        (
            ENGLISH.workspace,
            &[
                (ENGLISH.risk, Key::Up),
                (ENGLISH.flow, Key::Enter),
                (ENGLISH.profile, Key::Enter),
            ],
        ),
    ];
    for (stop, way) in stops {
        let mut terminal = Terminal::start(&sandbox, ["--lang", "en", "onboard"], Size::tall(80));
        for (question, key) in way {
            terminal.wait_for(question).press(*key);
            if matches!(key, Key::Up) {
                terminal.press(Key::Enter);
            }
        }
        assert_eq!(
            terminal.wait_for(stop).press(Key::CtrlC).exit_code(),
            130,
            "at {stop}"
        );
        assert_eq!(terminal.modes(), Modes::usual(), "at {stop}");
        assert!(!terminal.screen().cursor_is_hidden(), "at {stop}");
    }
    assert_eq!(sandbox.tree(), before);
}

#[test]
fn declining_the_risk_is_an_answer() {
    let sandbox = beside_default();
    let before = sandbox.tree();
    let mut terminal = Terminal::start(&sandbox, ["--lang", "tr", "onboard"], Size::USUAL);
    terminal.wait_for(TURKISH.risk).type_in("h").press(Key::Enter);
    assert_eq!(terminal.exit_code(), 1);
    assert_eq!(sandbox.tree(), before);
}
