//! The wizard in a real terminal, in both languages.

mod back;
mod broken;
mod checks;
mod claim;
mod edit;
mod engine;
mod failures;
mod help;
mod inside;
mod language;
mod ports;
mod preflight;
mod profiles;
mod resize;
mod scenario;
mod secrets;
mod signals;
mod snapshots;
mod start;

use crate::support::pty::{Key, Modes, Size, Terminal};
use crate::support::{Sandbox, manager};

/// Creates a home folder with a default instance, and a package of OpenClaw from npm.
fn sandbox_with_default() -> Sandbox {
    let sandbox = Sandbox::new()
        .var("TERM", "xterm-256color")
        .var("LANG", "C.UTF-8")
        .with_node_package();
    sandbox.write(
        ".openclaw/openclaw.json",
        r#"{ "gateway": { "mode": "local", "port": 18789 } }"#,
    );
    sandbox
}

/// Returns the files below HOME without the draft of the wizard and its folders.
fn tree_without_draft(sandbox: &Sandbox) -> Vec<(std::path::PathBuf, u32, Vec<u8>)> {
    let mut tree = sandbox.tree();
    tree.retain(|(path, ..)| !path.starts_with(".local"));
    tree
}

/// Parts of the texts of one language that the test waits for, in the order in which they come.
struct ScreenTexts {
    lang: &'static str,
    risk: &'static str,
    profile: &'static str,
    engine: &'static str,
    node: &'static str,
    workspace: &'static str,
    port: &'static str,
    typed_port: &'static str,
    too_close: &'static str,
    provider: &'static str,
    key: &'static str,
    channel: &'static str,
    bot: &'static str,
    watch: &'static str,
    service: &'static str,
    confirm: &'static str,
    done: &'static str,
}

const ENGLISH: ScreenTexts = ScreenTexts {
    lang: "en",
    risk: "Do you accept this risk?",
    profile: "Profile",
    engine: "What runs this gateway?",
    node: "❯ OpenClaw from npm",
    workspace: "Workspace",
    port: "Base port",
    typed_port: "from 1024 to 65425",
    too_close: "Can’t use",
    provider: "Model provider",
    key: "API key (Anthropic)",
    channel: "Where will you chat",
    bot: "Where should the bot",
    watch: "Which gateway should it watch?",
    service: "Start it now?",
    confirm: "Apply this plan?",
    done: "Profile rescue is set up",
};

const TURKISH: ScreenTexts = ScreenTexts {
    lang: "tr",
    risk: "Bu riski kabul ediyor musunuz?",
    profile: "Profil",
    engine: "Bu gateway’i ne",
    node: "❯ npm’den OpenClaw",
    workspace: "Çalışma alanı",
    port: "Temel port",
    typed_port: "1024 ile 65425",
    too_close: "kullanılamaz",
    provider: "Hangi model",
    key: "API anahtarı (Anthropic)",
    channel: "hangi uygulamadan",
    bot: "Bot size hangi uygulamada",
    watch: "Hangi gateway’i izlesin?",
    service: "Şimdi başlatılsın mı?",
    confirm: "Plan uygulansın mı?",
    done: "Profil kuruldu: rescue",
};

/// The arguments of a wizard about profile rescue that asks everything.
const EVERY_QUESTION: [&str; 7] = [
    "--lang",
    "en",
    "--profile",
    "rescue",
    "onboard",
    "--flow",
    "advanced",
];

const CANARY: &str = "sk-canary-4711";

/// Returns the base port that the program suggests now; it depends on the ports in use on this machine.
fn suggested_port(sandbox: &Sandbox) -> String {
    let document = sandbox
        .run(["--profile", "rescue", "ports", "suggest", "--json"])
        .exits(0)
        .json();
    document["suggestions"][0]["base"].to_string()
}

/// Answers the question for the engine, where this program is proposed, by OpenClaw from npm.
fn choose_node(words: &ScreenTexts, terminal: &mut Terminal) {
    terminal
        .wait_for(words.engine)
        .press(Key::Up)
        .wait_for(words.node)
        .press(Key::Enter);
}

/// Answers every question up to the review, and types a port that is rejected on the way.
fn run_to_review(words: &ScreenTexts, sandbox: &Sandbox, size: Size) -> Terminal {
    let mut terminal = Terminal::start(sandbox, ["--lang", words.lang, "onboard"], size);
    terminal
        .wait_for(words.profile)
        .press(Key::Down)
        .wait_for("❯ rescue")
        .press(Key::Enter);
    choose_node(words, &mut terminal);
    terminal.wait_for(words.risk).press(Key::Up).press(Key::Enter);
    let suggested = suggested_port(sandbox);
    // The last choice leads to a typed port.
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
    terminal.wait_for(words.service).type_in("3").press(Key::Enter);
    terminal.wait_for(words.confirm);
    terminal
}

fn check_rescue_setup(words: &ScreenTexts, size: Size) {
    let sandbox = sandbox_with_default();
    let before = sandbox.tree();
    let mut terminal = run_to_review(words, &sandbox, size);
    assert_eq!(
        tree_without_draft(&sandbox),
        before,
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
fn wizard_sets_up_a_rescue_instance_in_english() {
    check_rescue_setup(&ENGLISH, Size::USUAL);
}

#[test]
fn wizard_sets_up_a_rescue_instance_in_turkish() {
    check_rescue_setup(&TURKISH, Size::USUAL);
}

#[test]
fn wizard_works_in_forty_columns_and_twenty_rows() {
    check_rescue_setup(
        &TURKISH,
        Size {
            rows: 20,
            columns: 40,
        },
    );
    check_rescue_setup(
        &ENGLISH,
        Size {
            rows: 20,
            columns: 40,
        },
    );
}

#[test]
fn wizard_works_in_two_hundred_columns() {
    check_rescue_setup(&TURKISH, Size::tall(200));
}

#[test]
fn ctrl_c_at_the_review_writes_only_the_draft_and_restores_the_terminal() {
    let sandbox = sandbox_with_default();
    let before = sandbox.tree();
    let mut terminal = run_to_review(&ENGLISH, &sandbox, Size::tall(80));
    assert_eq!(terminal.press(Key::CtrlC).exit_code(), 130);
    assert_eq!(terminal.modes(), Modes::usual());
    assert!(!terminal.screen().cursor_is_hidden());
    assert_eq!(tree_without_draft(&sandbox), before);
}

#[test]
fn ctrl_c_at_a_prompt_exits_130_and_restores_the_terminal() {
    let sandbox = sandbox_with_default();
    let before = sandbox.tree();
    // The question to stop at, and the keys that lead to it.
    let cases: [(&str, &[(&str, Key)]); 2] = [
        (ENGLISH.profile, &[]),
        (
            ENGLISH.port,
            &[(ENGLISH.profile, Key::Down), (ENGLISH.engine, Key::Enter)],
        ),
    ];
    for (stop, way) in cases {
        let mut terminal = Terminal::start(&sandbox, ["--lang", "en", "onboard"], Size::tall(80));
        for (question, key) in way {
            terminal.wait_for(question).press(*key);
            if matches!(key, Key::Up | Key::Down) {
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
    assert_eq!(tree_without_draft(&sandbox), before);
}

#[test]
fn declined_risk_exits_1_and_writes_nothing() {
    let sandbox = sandbox_with_default();
    let before = sandbox.tree();
    let mut terminal = Terminal::start(
        &sandbox,
        ["--lang", "tr", "--profile", "work", "onboard"],
        Size::USUAL,
    );
    terminal.wait_for(TURKISH.engine).press(Key::Enter);
    terminal.wait_for(TURKISH.risk).type_in("h").press(Key::Enter);
    assert_eq!(terminal.exit_code(), 1);
    assert_eq!(sandbox.tree(), before);
}

/// Runs the tests in [`inside`] in a real user manager.
#[test]
fn enters_of_a_setup_are_counted_in_a_real_user_manager() {
    let sandbox = Sandbox::new();
    manager::run(&sandbox.home(), "wizard::inside::");
}
