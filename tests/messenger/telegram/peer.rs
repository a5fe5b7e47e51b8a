//! The Telegram channel of OpenClaw from npm against the stand-in, where the release is installed (`OPENCLAW_PEERS`): the
//! stand-in is strict enough for a real client, and not stricter.

use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::child::ChildGuard;
use crate::support::messenger::telegram::Telegram;
use crate::support::messenger::{Messenger as _, OWNER, User};
use crate::support::{Reason, Sandbox, gateway, skipped};

/// Maximum time that the release takes until it listens.
const START_TIMEOUT: Duration = Duration::from_mins(2);

#[test]
fn openclaw_polls_gives_a_stranger_a_code_and_answers_the_owner() {
    let Some(peers) = std::env::var_os("OPENCLAW_PEERS").map(PathBuf::from) else {
        return skipped(Reason::NoPeers, "OPENCLAW_PEERS is not set");
    };
    let telegram = Telegram::start();
    let port = gateway::free_base();
    let mut channel = telegram.config(&[OWNER]);
    channel["dmPolicy"] = json!("pairing");
    let config = json!({
        "gateway": {"mode": "local", "port": port, "auth": {"mode": "token", "token": "t0ken"}},
        "channels": {"telegram": channel}
    });
    let sandbox = Sandbox::new();
    sandbox.write(".openclaw/openclaw.json", config.to_string());
    let release = |words: &[&str]| {
        let mut command = Command::new(peers.join("oc"));
        command.args(words).env_clear().env("HOME", sandbox.home());
        command.env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
        command
    };
    // The first run reads all of the release from the disk, which may take longer than a call is waited for.
    let ran = release(&["sessions"]).output().expect("it runs");
    assert!(ran.status.success(), "{ran:?}");
    let mut command = release(&["gateway"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let _gateway = ChildGuard(command.spawn().expect("it starts"));

    // It reads thousands of files first, which takes a minute where other tests run beside it.
    let deadline = Instant::now() + START_TIMEOUT;
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        assert!(Instant::now() < deadline, "it does not listen");
        std::thread::sleep(Duration::from_millis(100));
    }
    telegram.wait_until_connected();
    let stranger = User::stranger(0);
    telegram.say(stranger, "hello");
    let pairing = telegram.next_message("the code", &|seen| seen.text.contains("Pairing code"));
    assert_eq!(pairing.chat, telegram.id(stranger));
    telegram.say(OWNER, "/whoami");
    let answer = telegram.next_message("an answer", &|seen| seen.chat == telegram.id(OWNER));
    assert!(answer.text.contains(&telegram.id(OWNER)), "{answer:?}");
    telegram.wait_until_confirmed();
}
