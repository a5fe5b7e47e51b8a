//! What a person sees, in both languages, on a wide and on a narrow terminal.

use super::*;
use crate::support::installed;
use crate::support::pty::{Size, Terminal};

/// The screen of a run, without the blank rest of each line.
fn seen(sandbox: &Sandbox, args: &[&str], columns: u16) -> (String, i32, bool) {
    let mut terminal = Terminal::start(sandbox, args, Size::tall(columns));
    let code = terminal.exit_code();
    let screen = terminal.screen();
    let lines = screen.lines();
    let wrapped = (0..lines.len()).any(|row| screen.is_wrapped(row));
    (lines.join("\n").trim().to_owned(), code, wrapped)
}

#[test]
fn every_line_fits_in_both_languages() {
    let port = free_base();
    let sandbox = rescue_at(port);
    for (lang, sentence) in [("en", "not running"), ("tr", "çalışmıyor")] {
        for columns in [80, 40] {
            for args in [
                &["--lang", lang, "--profile", "rescue", "status"][..],
                &["--lang", lang, "status", "--all"],
            ] {
                let (text, code, wrapped) = seen(&sandbox, args, columns);
                assert_eq!(code, 1, "{text}");
                let prose = text.split_whitespace().collect::<Vec<_>>().join(" ");
                assert!(prose.contains(sentence), "{lang} {columns}:\n{text}");
                assert!(text.contains(&port.to_string()), "{text}");
                assert!(!wrapped, "{lang} {columns}:\n{text}");
            }
        }
    }
}

#[test]
fn a_screen_without_letters_beyond_ascii_has_none() {
    let sandbox = rescue_at(free_base()).var("LC_ALL", "C");
    let ran = sandbox
        .run(["--lang", "tr", "--profile", "rescue", "status"])
        .exits(1);
    assert!(ran.stdout.is_ascii(), "{}", ran.stdout);
}

#[test]
fn releases_of_openclaw_are_asked_in_their_own_protocol() {
    let Some(peers) = std::env::var_os("OPENCLAW_PEERS").map(std::path::PathBuf::from) else {
        return crate::support::skipped("OPENCLAW_PEERS names no folder");
    };
    if !installed("sh") {
        return;
    }
    for (name, protocol) in [("ocold", 3), ("oc", 4)] {
        let sandbox = Sandbox::new();
        let port = configure(&sandbox, "rescue");
        let state = sandbox.path(".openclaw-rescue");
        let mut peer = std::process::Command::new(peers.join(name));
        peer.args(["--profile", "rescue", "gateway"])
            .env_clear()
            .env("HOME", sandbox.home())
            .env("PATH", "/usr/bin:/bin")
            .env("OPENCLAW_PROFILE", "rescue")
            .env("OPENCLAW_STATE_DIR", &state)
            .env("OPENCLAW_CONFIG_PATH", state.join("openclaw.json"));
        let peer = Gateway::spawn(peer, port);
        wait_for("the release is healthy", || {
            let ran = status(&sandbox, &[]);
            (ran.code == 0).then(|| ran.json())
        });
        let document = verdict(&sandbox, &[], "healthy", 0);
        assert_eq!(document["gateway"]["protocol"], protocol);
        assert_eq!(document["gateway"]["engine"], "node");
        let refused = sandbox
            .command(["--profile", "rescue", "status", "--json"])
            .env("OPENCLAW_GATEWAY_TOKEN", "wrong")
            .output()
            .unwrap();
        assert_eq!(refused.status.code(), Some(3));
        // It ends its child in order, which a kill would not.
        let _ = peer.stop();
    }
}
