//! `openclaw hosts`, `--host` and `status --all --hosts`: the real `ssh` and `sshd`, each host with a home folder of its own.

mod command;
mod faults;
mod inside;
mod many;
mod moving;
mod network;
mod tokens;
mod watch;

use crate::support::ssh::SshHosts;
use crate::support::{Sandbox, manager};

/// A host of a user, and one other that it knows as `box`.
struct TwoHosts {
    here: Sandbox,
    there: Sandbox,
    ssh: SshHosts,
}

impl TwoHosts {
    /// Starts a test with two hosts; `None` where there is no `sshd`.
    #[track_caller]
    fn new() -> Option<Self> {
        let here = Sandbox::new();
        let path = SshHosts::search_path(&here);
        let here = here.var("PATH", path);
        let ssh = SshHosts::new(&here)?;
        let there = Sandbox::new();
        ssh.add("box", &there.home());
        let _ = here
            .run(["hosts", "add", "box", &ssh.address("box"), "--no-check"])
            .exits(0);
        Some(Self { here, there, ssh })
    }
}

/// Runs the repair of a service on another host.
#[test]
fn on_a_real_manager() {
    let sandbox = Sandbox::new();
    manager::run(&sandbox.home(), "hosts::inside::");
}

#[test]
fn host_is_added_listed_checked_and_removed() {
    let Some(TwoHosts {
        here,
        there: _there,
        ssh,
    }) = TwoHosts::new()
    else {
        return;
    };
    let address = ssh.address("box");
    let list = here.run(["hosts", "--json"]).exits(0).json();
    assert_eq!(list["hosts"][0]["name"], "box");
    assert_eq!(list["hosts"][0]["address"], address.as_str());
    let checked = here.run(["hosts", "check", "--json"]).exits(0).json();
    assert_eq!(checked["hosts"][0]["ok"], true);
    assert_eq!(checked["hosts"][0]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(checked["sharedTokens"], serde_json::json!([]));
    let screen = here.run(["hosts", "check", "box"]).exits(0).stdout;
    assert!(screen.contains("reached"), "{screen}");

    let again = here.run(["hosts", "add", "box", &address]).exits(0);
    assert!(again.stdout.contains("reached"), "{again:?}");
    let taken = here
        .run(["hosts", "add", "box", "me@elsewhere", "--json"])
        .exits(1);
    assert_eq!(taken.json()["code"], "hosts.taken");
    for (name, address, code) in [
        ("b@x", "me@x", "hosts.bad-name"),
        ("x", "-oProxyCommand=id", "hosts.bad-address"),
    ] {
        let refused = here.run(["hosts", "add", "--json", "--", name, address]);
        assert_eq!(refused.exits(2).json()["code"], code);
    }

    let _ = here.run(["hosts", "remove", "box"]).exits(0);
    let gone = here.run(["hosts", "check", "box", "--json"]).exits(1).json();
    assert_eq!(gone["code"], "hosts.unknown");
    let none = here.run(["--lang", "tr", "hosts"]).exits(0).stdout;
    assert!(none.contains("openclaw hosts add"), "{none}");
}

#[test]
fn connection_is_shared_until_its_host_is_removed_and_is_made_for_no_other_command() {
    let Some(TwoHosts {
        here, there: _there, ..
    }) = TwoHosts::new()
    else {
        return;
    };
    let runtime = here.path("run");
    std::fs::create_dir_all(&runtime).expect("a folder");
    let here = here.var("XDG_RUNTIME_DIR", &runtime);
    let before = here.tree();
    for words in [&["status", "--all"][..], &["hosts"]] {
        let _ = here.run(words).code;
        assert_eq!(here.tree(), before, "{words:?}");
    }
    let sockets = || std::fs::read_dir(runtime.join("openclaw-ssh")).map_or(0, Iterator::count);
    let _ = here.run(["hosts", "check"]).exits(0);
    assert_eq!(sockets(), 1);
    let _ = here.run(["--host", "box", "profiles"]).exits(0);
    assert_eq!(sockets(), 1);
    let _ = here.run(["hosts", "remove", "box"]).exits(0);
    assert_eq!(sockets(), 0);
}
