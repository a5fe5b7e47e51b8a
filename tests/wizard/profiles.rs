//! The greeting with the gateways that are there, and the question for the profile: a list of them, and a name to type.

use openclaw::i18n::Lang;

use super::scenario::{catalogue_text, wait_for_text, wait_open};
use super::{ENGLISH, TURKISH, sandbox_with_default};
use crate::support::gateway::{self, Gateway};
use crate::support::pty::{Key, Size, Terminal};
use crate::support::{Sandbox, network};

/// Starts the wizard with every question before the profile answered.
fn start_at_profile(sandbox: &Sandbox, lang: Lang, columns: u16) -> Terminal {
    let args = [
        "--lang",
        lang.code(),
        "onboard",
        "--accept-risk",
        "--flow",
        "advanced",
    ];
    let mut terminal = Terminal::start(sandbox, args, Size::tall(columns));
    wait_open(&mut terminal, catalogue_text(lang, "step.profile.ask"));
    terminal
}

/// Starts the wizard and chooses to type a profile name.
fn start_at_typed_name(sandbox: &Sandbox) -> Terminal {
    let mut terminal = start_at_profile(sandbox, Lang::english(), 80);
    terminal.press(Key::End).press(Key::Enter);
    terminal.wait_for("? Profile name ›");
    terminal
}

#[test]
fn existing_profiles_are_greeted_and_listed_with_their_port_and_state() {
    network::own(|| {
        let sandbox = sandbox_with_default();
        sandbox.write(".openclaw-lab/openclaw.json", "{ gateway: { port: 20789 } }");
        sandbox.write(".openclaw-old/openclaw.json", "{ gateway: {");
        for columns in [80, 40] {
            let mut terminal = start_at_profile(&sandbox, Lang::english(), columns);
            for text in [
                "Found: default on 18789, not running.",
                "Found: lab on 20789, not running.",
                "❯ default – change it (18789, not running)",
                "lab – change it (20789, not running)",
                "config broken)",
                "rescue – new, a rescue bot beside it",
                "Enter another name",
            ] {
                wait_for_text(&mut terminal, text);
            }
            let mut terminal = start_at_profile(&sandbox, Lang::from_code("tr").expect("Turkish"), columns);
            wait_for_text(&mut terminal, "Bulundu: default, port 18789, çalışmıyor.");
            wait_for_text(
                &mut terminal,
                "❯ default – ayarlarını değiştir (18789, çalışmıyor)",
            );
        }
    });
}

#[test]
fn gateway_that_runs_is_greeted_as_healthy() {
    let sandbox = Sandbox::new().var("LANG", "C.UTF-8");
    let port = gateway::configure(&sandbox, "default");
    let gateway = Gateway::start(&sandbox, "default");
    let mut terminal = start_at_profile(&sandbox, Lang::english(), 80);
    terminal.wait_for(&format!("Found: default on {port}, healthy."));
    terminal.wait_for(&format!("❯ default – change it ({port}, healthy)"));
    drop(terminal);
    let _ = gateway.stop().with(0);
}

#[test]
fn many_instances_are_greeted_in_five_lines() {
    let sandbox = sandbox_with_default().with_chrome_alone();
    for number in 1..=30 {
        let config = format!("{{ gateway: {{ port: {} }} }}", 20000 + 200 * number);
        sandbox.write(format!(".openclaw-bot{number}/openclaw.json"), config);
    }
    let mut terminal = start_at_profile(&sandbox, Lang::english(), 80);
    let text = terminal.screen().text();
    // Two more lines say what the host has and lacks.
    assert_eq!(text.matches("Found: ").count(), 4, "{text}");
    assert_eq!(text.matches("Not found: ").count(), 1, "{text}");
    for line in [
        "Found: default on 18789",
        "Found: bot1 on 20200",
        "Found: OpenClaw 2026.9.6 from npm, Chrome.",
        "Found: 29 more. See them all: openclaw status --all",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    terminal.press(Key::End).wait_for("❯ Enter another name");
}

#[test]
fn first_gateway_is_called_default_unless_another_name_is_typed() {
    let sandbox = Sandbox::new().var("LANG", "C.UTF-8");
    let mut terminal = start_at_profile(&sandbox, Lang::english(), 80);
    assert!(!terminal.screen().contains("Found: default"));
    terminal
        .wait_for("❯ default – for your first gateway")
        .press(Key::Enter)
        .wait_for(ENGLISH.engine)
        .press(Key::Enter)
        .wait_for("(~/.openclaw/workspace)");
}

#[test]
fn name_like_an_existing_profile_asks_whether_that_one_is_meant() {
    let sandbox = sandbox_with_default();
    let mut terminal = start_at_typed_name(&sandbox);
    terminal.type_in("main").press(Key::Enter);
    terminal
        .wait_for("No such profile: main")
        .wait_for("? Did you mean default?")
        .press(Key::Enter);
    terminal.wait_for("Profile default is already set up");
    // Back, and on with the name as it was typed.
    terminal.press(Key::Escape).wait_for("? Did you mean default?");
    terminal
        .type_in("n")
        .press(Key::Enter)
        .wait_for(ENGLISH.engine)
        .press(Key::Enter)
        .wait_for("workspace-main");

    sandbox.write(".openclaw-rescue/openclaw.json", "{ gateway: { port: 19789 } }");
    let mut terminal = start_at_typed_name(&sandbox);
    terminal
        .type_in("resuce")
        .press(Key::Enter)
        .wait_for("? Did you mean rescue?");
    let mut terminal = start_at_typed_name(&sandbox);
    terminal
        .type_in("work")
        .press(Key::Enter)
        .wait_for(ENGLISH.engine)
        .press(Key::Enter)
        .wait_for("workspace-work");
}

#[test]
fn name_with_a_space_is_refused_in_words_and_the_suggestion_goes_into_the_bracket() {
    for (words, refusal, suggestion) in [
        (
            &ENGLISH,
            "✘ A profile name can’t contain a space: my bot",
            "→ Try this name: my-bot",
        ),
        (
            &TURKISH,
            "✘ Profil adında boşluk olamaz: my bot",
            "→ Kullanılabilecek bir ad: my-bot",
        ),
    ] {
        let sandbox = sandbox_with_default();
        let lang = Lang::from_code(words.lang).expect("a language");
        let mut terminal = start_at_profile(&sandbox, lang, 80);
        terminal.press(Key::End).press(Key::Enter);
        let typed = catalogue_text(lang, "step.profile.typed");
        wait_open(&mut terminal, typed);
        terminal.type_in("my bot").press(Key::Enter);
        terminal
            .wait_for(refusal)
            .wait_for(suggestion)
            .wait_for(&format!("? {typed} (my-bot) ›"));
        terminal
            .press(Key::Enter)
            .wait_for(words.engine)
            .press(Key::Enter)
            .wait_for("workspace-my-bot");
    }
}
