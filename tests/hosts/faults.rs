//! Hosts that give no answer: each reason is told apart, with the way out, and nothing but the row of that host is lost.

use std::path::Path;

use super::TwoHosts;
use crate::support::ssh::replace_program;
use crate::support::{Ran, Sandbox};

/// Checks the host `box`, and returns the name of its fault and what is said about it.
#[track_caller]
fn fault_of(here: &Sandbox) -> (String, String) {
    let checked = here.run(["hosts", "check", "box", "--json"]).exits(1).json();
    let name = checked["hosts"][0]["code"].as_str().expect("a fault").to_owned();
    let said = here.run(["hosts", "check", "box"]).exits(1).stdout;
    (name, said)
}

#[test]
fn key_of_a_host_that_is_unknown_or_changed_is_refused_and_never_learned() {
    let Some(TwoHosts {
        here,
        there: _there,
        ssh,
    }) = TwoHosts::new()
    else {
        return;
    };
    let real = ssh.host_key("box");
    ssh.add_server("other", &here.path("other"));
    ssh.trust("box", &ssh.host_key("other"));
    let (name, said) = fault_of(&here);
    assert_eq!(name, "key-changed", "{said}");
    assert!(said.contains("another host key"), "{said}");
    ssh.trust("other", &real);
    let known = here.read("ssh/known");
    here.write("ssh/known", "");
    let (name, said) = fault_of(&here);
    assert_eq!(name, "key-unknown", "{said}");
    assert!(said.contains(&format!("ssh {}", ssh.address("box"))), "{said}");
    assert_eq!(here.read("ssh/known"), "", "a key is accepted by its user only");
    assert!(!known.is_empty());
}

#[test]
fn host_that_refuses_or_does_not_answer_is_a_row_of_the_table() {
    let Some(TwoHosts { here, there, ssh }) = TwoHosts::new() else {
        return;
    };
    let _ = there.run(["setup"]).exits(0);
    for (name, command) in [("closed", "false"), ("silent", "sleep 600")] {
        ssh.connect_by(name, command);
        let _ = here.run(["hosts", "add", name, name, "--no-check"]).exits(0);
    }
    let status = here
        .run(["status", "--all", "--hosts", "--timeout", "100"])
        .exits(1)
        .stdout;
    let row = |name: &str| status.lines().find(|line| line.starts_with(name)).expect(name);
    assert!(row("box").contains("not running"), "{status}");
    assert!(row("closed").contains("unreachable"), "{status}");
    assert!(
        row("silent").contains("no answer") || row("silent").contains("unreachable"),
        "{status}"
    );
    let document = here
        .run(["status", "--all", "--hosts", "--timeout", "100", "--json"])
        .json();
    assert_eq!(document["hosts"][0]["instances"][0]["verdict"], "not-running");
    assert_eq!(document["hosts"][1]["code"], "unreachable");
    assert_eq!(document["hosts"][1]["instances"], serde_json::Value::Null);
}

#[test]
fn key_that_is_not_accepted_and_programs_that_are_missing_are_told_apart() {
    let Some(TwoHosts { here, there, ssh }) = TwoHosts::new() else {
        return;
    };
    replace_program(&there, "#!/bin/sh\necho '2026.9.6'\n");
    assert_eq!(fault_of(&here).0, "other-program");
    replace_program(&there, "#!/bin/sh\necho '{\"version\":\"2026.9.6\"}'\n");
    assert_eq!(fault_of(&here).0, "other-program");
    std::fs::remove_file(there.path("bin/openclaw")).expect("the program");
    let (name, said) = fault_of(&here);
    assert_eq!(name, "no-program");
    assert!(said.contains("--program"), "{said}");
    let _ = here.run(["hosts", "remove", "box"]).exits(0);
    let program = env!("CARGO_BIN_EXE_openclaw");
    let added = here.run(["hosts", "add", "box", "box", "--program", program]);
    assert!(Path::new(program).is_absolute());
    assert!(added.exits(0).stdout.contains("reached"));
    let _ = here.run(["hosts", "remove", "box"]).exits(0);
    let _ = here.run(["hosts", "add", "box", "box", "--no-check"]).exits(0);
    ssh.lose_key();
    assert_eq!(fault_of(&here).0, "denied");
}

#[test]
fn host_without_ssh_here_is_no_fault_of_the_host() {
    let here = Sandbox::new().var("PATH", "/nowhere");
    let added = here.run(["hosts", "add", "box", "box"]).exits(1);
    assert!(added.stdout.contains("ssh is not installed"), "{added:?}");
}

/// Puts a hostile program on the host, and runs a command here.
#[track_caller]
fn against(script: &str, words: &[&str]) -> Option<Ran> {
    let TwoHosts { here, there, .. } = TwoHosts::new()?;
    replace_program(&there, script);
    Some(here.run(words))
}

#[test]
fn answer_of_a_hostile_host_is_cut_off() {
    let endless = "#!/bin/sh\nexec head -c 100000000 /dev/zero\n";
    let words = ["status", "--all", "--hosts", "--json"];
    let Some(ran) = against(endless, &words) else {
        return;
    };
    assert_eq!(ran.exits(1).json()["hosts"][0]["code"], "too-long");
    let lines = "#!/bin/sh\nexec yes 0123456789012345678901234567890123456789\n";
    let ran = against(lines, &["--host", "box", "ports"]).expect("two hosts");
    assert!(ran.stdout.len() < 20_000_000, "{}", ran.stdout.len());
    assert!(ran.exits(1).stderr.contains("more than any answer"));
}

#[test]
fn answer_of_a_hostile_host_does_nothing_to_the_terminal() {
    let row = "{\"label\":\"\\u001b]0;owned\\u0007x\",\"verdict\":\"\\u001b[2J\",\"message\":\"\\u001b[31mdown\\u202e\"}";
    let script = format!(
        "#!/bin/sh\nprintf '\\033[2Jraw\\n' >&2\ncase \"$*\" in *--json*) printf '%s\\n' '{{\"instances\":[{row}]}}' ;; \
         *) printf 'a\\033[2Jb\\r\\n' ;; esac\n"
    );
    let words: [&[&str]; 3] = [
        &["status", "--all", "--hosts"],
        &["status", "--all", "--hosts", "--json"],
        &["--host", "box", "ports"],
    ];
    for words in words {
        let Some(ran) = against(&script, words) else {
            return;
        };
        let shown = format!("{}{}", ran.stdout, ran.stderr);
        let is_odd = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!shown.contains(is_odd), "{words:?}: {shown:?}");
        assert!(
            shown.contains("[31mdown") || shown.contains("a [2Jb"),
            "{words:?}: {shown:?}"
        );
    }
}

#[test]
fn list_of_hosts_that_is_broken_is_left_as_it_is() {
    let here = Sandbox::new();
    let path = here.write(
        ".local/state/openclaw/hosts.toml",
        "version = 1\n[[host]]\nname = 5\n",
    );
    for words in [
        &["hosts", "add", "x", "x"][..],
        &["hosts"],
        &["status", "--all", "--hosts"],
        &["--host", "x", "ports"],
    ] {
        let refused = here.run([words, &["--json"]].concat()).exits(78).json();
        assert_eq!(refused["code"], "hosts.broken", "{words:?}");
    }
    assert!(
        std::fs::read_to_string(path)
            .expect("the list")
            .contains("name = 5")
    );
}
