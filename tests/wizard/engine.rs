//! The question for the engine where OpenClaw from npm is not installed: it is installed once the plan is applied.

use serde_json::json;

use super::ENGLISH;
use super::scenario::wait_for_text;
use crate::support::npm_registry::{Archives, NpmRegistry, Package};
use crate::support::pty::{Key, Size, Terminal};
use crate::support::{Reason, Sandbox, installed, skipped};

/// Returns a home folder, and the registry that its npm asks; `None`, with a note, where the host has no npm.
fn sandbox_with_registry() -> Option<(Sandbox, NpmRegistry)> {
    if !installed("npm") {
        skipped(Reason::NoProgram("npm"), "the wizard installs OpenClaw by npm");
        return None;
    }
    let registry = NpmRegistry::start(&[Package::openclaw("2026.9.6", ">=16", &json!({}))]);
    let sandbox = Sandbox::new()
        .var("TERM", "xterm-256color")
        .var("LANG", "C.UTF-8")
        .var("NO_PROXY", "127.0.0.1")
        .var("npm_config_registry", &registry.url);
    Some((sandbox, registry))
}

/// Runs the wizard to its review, with OpenClaw from npm as the engine and no start.
fn run_to_review(sandbox: &Sandbox) -> Terminal {
    let mut terminal = Terminal::start(sandbox, ["--lang", "en", "onboard"], Size::tall(80));
    terminal
        .wait_for(ENGLISH.engine)
        .press(Key::Up)
        .wait_for("❯ OpenClaw from npm – set it up now, install it later")
        .press(Key::Up);
    wait_for_text(
        &mut terminal,
        "❯ OpenClaw from npm – agent, all channels; will be installed",
    );
    terminal.press(Key::Enter);
    terminal.wait_for(ENGLISH.risk).press(Key::Up).press(Key::Enter);
    terminal
        .wait_for("? Model provider")
        .press(Key::End)
        .wait_for("❯ Skip for now")
        .press(Key::Enter);
    terminal.wait_for(ENGLISH.channel).press(Key::Enter);
    terminal.wait_for(ENGLISH.service).press(Key::End);
    terminal.wait_for("❯ Not now").press(Key::Enter);
    terminal.wait_for(ENGLISH.confirm);
    terminal
}

/// Returns the record of the default instance.
fn record(sandbox: &Sandbox) -> String {
    sandbox.read(".openclaw/instance.toml")
}

#[test]
fn openclaw_is_installed_once_the_plan_is_applied_and_named_in_the_record() {
    let Some((sandbox, _registry)) = sandbox_with_registry() else {
        return;
    };
    let mut terminal = run_to_review(&sandbox);
    assert!(!sandbox.path(".local/state/openclaw/engines").exists());
    terminal.press(Key::Enter);
    wait_for_text(&mut terminal, "OpenClaw 2026.9.6");
    assert_eq!(terminal.exit_code(), 0);
    let text = record(&sandbox);
    assert!(text.contains("engine = \"node\""), "{text}");
    assert!(text.contains("release = \"2026.9.6\""), "{text}");
    // The next run proposes it by its version.
    let args = ["--lang", "en", "--profile", "work", "onboard"];
    let mut terminal = Terminal::start(&sandbox, args, Size::tall(80));
    wait_for_text(&mut terminal, "❯ OpenClaw from npm 2026.9.6");
}

#[test]
fn installation_that_fails_is_tried_again_or_left_with_the_config_in_place() {
    let Some((sandbox, registry)) = sandbox_with_registry() else {
        return;
    };
    registry.set_archives(Archives::Changed);
    let mut terminal = run_to_review(&sandbox);
    terminal.press(Key::Enter).wait_for("Try to install it again?");
    registry.set_archives(Archives::Sent);
    terminal.press(Key::Enter);
    wait_for_text(&mut terminal, "OpenClaw 2026.9.6");
    assert_eq!(terminal.exit_code(), 0);
    assert!(record(&sandbox).contains("release = \"2026.9.6\""));
}

#[test]
fn release_is_installed_without_a_person_where_a_flag_names_it() {
    let Some((sandbox, registry)) = sandbox_with_registry() else {
        return;
    };
    let args = [
        "onboard",
        "--non-interactive",
        "--accept-risk",
        "--json",
        "--engine",
    ];
    let made = sandbox.run(args.into_iter().chain(["2026.9.6"])).exits(0).json();
    assert_eq!(made["engine"], "node");
    assert!(record(&sandbox).contains("release = \"2026.9.6\""));
    // A release that the registry does not have leaves the config in place, and says how to go on.
    let args = ["--profile", "work"].into_iter().chain(args);
    let refused = sandbox.run(args.chain(["2026.8.8"])).exits(1).json();
    assert_eq!(refused["code"], "engine.no-release");
    assert!(sandbox.path(".openclaw-work/openclaw.json").exists());
    drop(registry);
}

#[test]
fn openclaw_that_is_installed_later_leaves_the_gateway_alone_and_names_the_commands() {
    let sandbox = Sandbox::new()
        .var("TERM", "xterm-256color")
        .var("LANG", "C.UTF-8");
    let mut terminal = Terminal::start(&sandbox, ["--lang", "en", "onboard"], Size::tall(80));
    terminal.wait_for(ENGLISH.engine).press(Key::Up);
    wait_for_text(
        &mut terminal,
        "❯ OpenClaw from npm – set it up now, install it later",
    );
    terminal.press(Key::Enter);
    terminal.wait_for(ENGLISH.risk).press(Key::Up).press(Key::Enter);
    terminal
        .wait_for("? Model provider")
        .press(Key::End)
        .wait_for("❯ Skip for now")
        .press(Key::Enter);
    terminal.wait_for(ENGLISH.channel).press(Key::Enter);
    // Nothing can be started yet, so that is not asked.
    terminal.wait_for(ENGLISH.confirm).press(Key::Enter);
    wait_for_text(&mut terminal, "openclaw engine install latest");
    assert_eq!(terminal.exit_code(), 0);
    let text = record(&sandbox);
    assert!(
        text.contains("engine = \"node\"") && !text.contains("release"),
        "{text}"
    );
    assert!(!sandbox.path(".local/state/openclaw/engines").exists());
}

#[test]
fn later_is_taken_as_a_flag_too() {
    let sandbox = Sandbox::new();
    let args = ["onboard", "--non-interactive", "--accept-risk", "--json"];
    let made = sandbox
        .run(args.into_iter().chain(["--engine", "later", "--install-daemon"]))
        .exits(0)
        .json();
    assert_eq!(
        (&made["engine"], &made["service"]),
        (&json!("node"), &json!(null))
    );
    let notices = made["notices"].to_string() + &made["warnings"].to_string();
    assert!(notices.contains("openclaw engine install latest"), "{made:#}");
    assert!(!sandbox.path(".local/state/openclaw/engines").exists());
}
