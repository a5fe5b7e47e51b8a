//! What the program says of itself: on a real terminal, through a pipe, and as JSON.

use console::measure_text_width;

use crate::support::Sandbox;
use crate::support::pty::{Modes, Size, Terminal};

#[test]
fn help_fits_wide_and_narrow_terminals_in_both_languages() {
    for (lang, usage) in [("en", "Usage:"), ("tr", "Kullanım:")] {
        for columns in [80, 40] {
            let sandbox = Sandbox::new().var("OPENCLAW_LANG", lang).var("LC_ALL", "C.UTF-8");
            for verb in ["onboard", "config"] {
                let mut terminal = Terminal::start(&sandbox, [verb, "--help"], Size::tall(columns));
                assert_eq!(terminal.exit_code(), 0);
                assert_eq!(terminal.modes(), Modes::usual());
                let screen = terminal.screen();
                assert!(screen.contains(usage), "{}", screen.text());
                assert!(screen.contains("--profile"), "{}", screen.text());
                // What is wrapped by the terminal and not by us would be one long line in the bytes.
                let raw = String::from_utf8(terminal.raw().to_vec()).unwrap();
                for line in raw.lines() {
                    let width = measure_text_width(line);
                    assert!(width <= usize::from(columns), "{width}: {line}");
                }
            }
        }
    }
}

#[test]
fn asked_for_it_is_a_result_and_else_an_error() {
    let sandbox = Sandbox::new();
    let asked = sandbox.run(["--help"]).exits(0);
    assert!(asked.stdout.contains("onboard"), "{}", asked.stdout);
    assert_eq!(asked.stderr, "");
    let nothing = sandbox.run::<&str>([]).exits(2);
    assert_eq!(nothing.stdout, "");
    assert!(nothing.stderr.contains("onboard"), "{}", nothing.stderr);
    let only_global = sandbox.run(["--profile", "rescue"]).exits(2);
    assert!(only_global.stderr.contains("onboard"), "{}", only_global.stderr);
}

#[test]
fn help_needs_no_home_and_leaves_nothing() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(["ports", "suggest", "--help"]);
    let output = command.env_remove("HOME").output().unwrap();
    assert!(output.status.success());
    assert_eq!(sandbox.tree(), []);
}

#[test]
fn without_utf8_turkish_help_is_ascii() {
    let sandbox = Sandbox::new().var("LC_ALL", "C").var("OPENCLAW_LANG", "tr");
    let ran = sandbox.run(["--help"]).exits(0);
    assert!(ran.stdout.is_ascii(), "{}", ran.stdout);
    assert!(ran.stdout.contains("Kullanim:"), "{}", ran.stdout);
}

#[test]
fn a_wrong_line_is_one_json_document_in_the_language_of_the_user() {
    let sandbox = Sandbox::new().var("LC_ALL", "tr_TR.UTF-8");
    let ran = sandbox.run(["onboard", "--gateway-prot", "1", "--json"]).exits(2);
    let document = ran.json();
    assert_eq!(document["ok"], false);
    assert_eq!(document["code"], "cli.unknown-option");
    assert_eq!(document["message"], "Bilinmeyen seçenek: --gateway-prot");
    assert!(ran.stderr.contains("--gateway-port"), "{}", ran.stderr);
}

#[test]
fn a_mistyped_command_names_the_nearest_one() {
    let sandbox = Sandbox::new().var("OPENCLAW_LANG", "en");
    let ran = sandbox.run(["onbord"]).exits(2);
    assert_eq!(ran.stdout, "");
    assert!(
        ran.stderr.starts_with("[openclaw] Unknown command: onbord\n"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr.contains("Did you mean: dashboard, onboard?\n"),
        "{}",
        ran.stderr
    );
}

#[test]
fn the_version_is_one_line_however_it_is_asked_for() {
    let sandbox = Sandbox::new();
    for word in ["--version", "-V", "-v"] {
        let ran = sandbox.run([word]).exits(0);
        assert_eq!(
            (ran.stdout.as_str(), ran.stderr.as_str()),
            (concat!("openclaw ", env!("CARGO_PKG_VERSION"), "\n"), "")
        );
    }
}
