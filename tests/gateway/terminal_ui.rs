//! Runs the terminal UI and commands of both releases of OpenClaw against a gateway of this program, where the releases are
//! installed (`OPENCLAW_PEERS`).

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::support::gateway::{self, Gateway};
use crate::support::pty::{Key, Size, Terminal};
use crate::support::{Reason, Sandbox, skipped};

/// Maximum time until a terminal UI shows something: it reads most of a release first.
const SCREEN_TIMEOUT: Duration = Duration::from_mins(2);

/// Returns a command of a release for the instance `rescue`, in the home of its own.
fn release(peers: &std::path::Path, name: &str, sandbox: &Sandbox, words: &[&str]) -> Command {
    let mut command = Command::new(peers.join(name));
    command.args(["--profile", "rescue"]).args(words);
    command
        .env_clear()
        .env("HOME", sandbox.home())
        .env("PATH", "/usr/bin:/bin");
    command
}

#[test]
fn terminal_ui_of_both_releases_starts_stays_up_and_is_answered_by_the_bot() {
    let Some(peers) = std::env::var_os("OPENCLAW_PEERS").map(PathBuf::from) else {
        return skipped(Reason::NoPeers, "OPENCLAW_PEERS is not set");
    };
    for name in ["ocold", "oc"] {
        // Each release in a home of its own: 9.6 refuses the device that 1.30 left.
        let sandbox = Sandbox::new();
        gateway::configure(&sandbox, "rescue");
        let _gateway = Gateway::start(&sandbox, "rescue");
        // The first run of a release reads all of it from the disk, which may take longer than a screen is waited for.
        for words in [&["models", "status"][..], &["sessions"]] {
            let ran = release(&peers, name, &sandbox, words).output().expect("it runs");
            assert!(ran.status.success(), "{name} {words:?}: {ran:?}");
        }
        let wide = Size {
            rows: 40,
            columns: 120,
        };
        let terminal = Terminal::run(release(&peers, name, &sandbox, &["tui"]), wide);
        let mut terminal = terminal.with_wait_timeout(SCREEN_TIMEOUT);
        terminal.wait_for("openclaw tui");
        terminal.wait_for("session agent:main:main").wait_for("connected");
        terminal.type_in("hello").press(Key::Enter);
        terminal.wait_for("That is not a command.");
        // It still takes keys, and ends when it is asked to.
        terminal.type_in("/quit").press(Key::Enter);
        assert_eq!(terminal.exit_code(), 0, "{name}");
    }
}
