//! Moves of an instance to another host, with real gateways: what arrives, what is refused, and what a cut or a kill leaves.

use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use serde_json::{Value, json};

use super::TwoHosts;
use crate::support::child::ChildGuard;
use crate::support::gateway::{self, request, wait_for};
use crate::support::messenger::Messenger as _;
use crate::support::messenger::telegram::Telegram;
use crate::support::ssh::replace_program;
use crate::support::{Ran, Sandbox};

/// State folder of the instance that moves, in the home folder of each host.
const STATE: &str = ".openclaw-work";

/// The hosts of these tests have one network, in which each move takes the first ports that are free.
static PORTS: Mutex<()> = Mutex::new(());

/// Starts a test with two hosts, alone among those that move something.
#[track_caller]
fn two_hosts() -> Option<(TwoHosts, MutexGuard<'static, ()>)> {
    let alone = PORTS.lock().unwrap_or_else(PoisonError::into_inner);
    let hosts = TwoHosts::new()?;
    // The first free ports are those that other tests wait for. Here they belong to instances that do not run.
    for base in (18_789..=64_789).step_by(1000) {
        let path = format!(".openclaw-p{base}/openclaw.json");
        hosts.there.write(path, gateway::config(base));
    }
    Some((hosts, alone))
}

/// Returns the process that the lock of the moved instance names on a host, where it runs.
pub fn gateway_of(host: &Sandbox) -> Option<u32> {
    gateway_in(&host.home())
}

/// Returns that process by the home folder of the host.
pub fn gateway_in(home: &Path) -> Option<u32> {
    let text = std::fs::read_to_string(home.join(STATE).join("gateway.lock")).ok()?;
    let pid = serde_json::from_str::<Value>(&text).ok()?["pid"].as_u64()?;
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // One that was killed stays in the list until somebody has asked for its end.
    let is_zombie = state
        .rsplit(')')
        .next()
        .is_some_and(|rest| rest.starts_with(" Z"));
    (!is_zombie).then(|| u32::try_from(pid).expect("a pid"))
}

/// Returns the phase of the move in the state folder of a host; empty where there is none.
pub fn phase(host: &Sandbox) -> String {
    let text = std::fs::read_to_string(host.path(format!("{STATE}/move.json"))).unwrap_or_default();
    let mark: Value = serde_json::from_str(&text).unwrap_or_default();
    mark["phase"].as_str().unwrap_or_default().to_owned()
}

/// The gateways that run on two hosts at the end of a test, which end with the value.
struct Gateways<'a>([&'a Sandbox; 2]);

impl Drop for Gateways<'_> {
    fn drop(&mut self) {
        for host in self.0 {
            let _ = host.run(["--profile", "work", "gateway", "stop"]).code;
        }
    }
}

/// Sets a host up with an instance that has something in every part of its state, and starts its gateway in the background.
fn set_up(here: &Sandbox, base: u16, extra: &Value) {
    let workspace = here.path("notes");
    let mut config: Value = serde_json::from_str(&gateway::config(base)).expect("a config");
    config["agents"] = json!({"defaults": {"workspace": workspace}});
    for (key, value) in extra.as_object().into_iter().flatten() {
        config[key] = value.clone();
    }
    here.write(format!("{STATE}/openclaw.json"), config.to_string());
    here.write(
        format!("{STATE}/instance.toml"),
        "version = 1\nprofile = 'work'\nlanguage = 'tr'\n[rescue]\ninterval = 7\n",
    );
    here.write(format!("{STATE}/.env"), "OPENAI_API_KEY=sk-carried\n");
    here.write(format!("{STATE}/devices/paired.json"), "{}");
    here.write(
        format!("{STATE}/credentials/telegram-allowFrom.json"),
        "{\"version\":1,\"allowFrom\":[\"4242\"]}",
    );
    here.write(
        format!("{STATE}/agents/main/sessions/s.jsonl"),
        "{\"type\":\"session\"}\n",
    );
    here.write("notes/AGENTS.md", "be brief\n");
    start(here);
}

fn start(here: &Sandbox) {
    let _ = here
        .run(["--profile", "work", "gateway", "start", "--background"])
        .exits(0);
}

fn move_work(here: &Sandbox, words: &[&str]) -> Ran {
    here.run(
        [
            &["profiles", "move", "work", "--to", "box", "--yes", "--json"],
            words,
        ]
        .concat(),
    )
}

/// Returns the token of the instance on a host.
fn token(host: &Sandbox) -> Value {
    let config = host.read(format!("{STATE}/openclaw.json"));
    serde_json::from_str::<Value>(&config).expect("a config")["gateway"]["auth"]["token"].take()
}

/// Asserts that the instance is on the other host alone, with everything that belongs to it.
#[track_caller]
fn has_moved(here: &Sandbox, there: &Sandbox) {
    assert!(gateway_of(here).is_none() && gateway_of(there).is_some());
    assert!(!here.path(STATE).exists(), "the old files are aside");
    assert!(there.path("bin").exists());
    for (path, text) in [
        (".env", "OPENAI_API_KEY=sk-carried\n"),
        (
            "credentials/telegram-allowFrom.json",
            "{\"version\":1,\"allowFrom\":[\"4242\"]}",
        ),
        ("agents/main/sessions/s.jsonl", "{\"type\":\"session\"}\n"),
        ("workspace-work/AGENTS.md", "be brief\n"),
    ] {
        assert_eq!(there.read(format!("{STATE}/{path}")), text, "{path}");
    }
    assert!(there.path(format!("{STATE}/devices/paired.json")).exists());
    let record = there.read(format!("{STATE}/instance.toml"));
    assert!(record.contains("interval = 7"), "{record}");
}

#[test]
fn instance_moves_with_all_that_belongs_to_it_and_is_kept_aside_here() {
    let Some((TwoHosts { here, there, .. }, _alone)) = two_hosts() else {
        return;
    };
    let base = gateway::free_base();
    set_up(&here, base, &json!({}));
    let _gateways = Gateways([&here, &there]);
    let before = token(&here);

    let refused = move_work(&here, &[]).exits(78).json();
    assert!(
        refused["message"]
            .as_str()
            .expect("a message")
            .contains(&base.to_string()),
        "{refused}"
    );
    assert!(gateway_of(&here).is_some(), "nothing was stopped");

    let planned = here
        .run([
            "profiles",
            "move",
            "work",
            "--to",
            "box",
            "--new-ports",
            "--dry-run",
            "--json",
        ])
        .exits(0)
        .json();
    assert_eq!(planned["outcome"], "planned");
    assert!(!there.path(STATE).exists());

    let moved = move_work(&here, &["--new-ports"]).exits(0).json();
    assert_eq!(moved["outcome"], "moved", "{moved}");
    assert_eq!(moved["fault"], Value::Null, "{moved}");
    has_moved(&here, &there);
    assert_eq!(phase(&there), "", "the move is finished there too");
    assert_eq!(token(&there), before);
    let aside = moved["aside"].as_str().expect("a folder");
    assert!(Path::new(aside).join("agents/main/sessions/s.jsonl").exists());
    assert!(
        here.path("notes/AGENTS.md").exists(),
        "the workspace outside stays"
    );
    let port = u16::try_from(moved["basePort"].as_u64().expect("a port")).expect("a port");
    assert!(request(port, "GET", "/healthz", &[]).is_some());

    old_files_start_no_second_gateway(&here, aside);
}

/// Asserts that whoever puts the old files back by hand starts no second gateway.
#[track_caller]
fn old_files_start_no_second_gateway(here: &Sandbox, aside: &str) {
    std::fs::rename(aside, here.path(STATE)).expect("the old files");
    let refused = here.run(["--profile", "work", "gateway", "run"]).exits(78);
    assert!(refused.stderr.contains("moved to box"), "{refused:?}");
    let doctor = here.run(["--profile", "work", "doctor", "--json"]).json();
    assert!(doctor.to_string().contains("move-unfinished"), "{doctor:#}");
}

#[test]
fn gateway_that_is_unhealthy_there_runs_here_again_and_nothing_is_left_there() {
    let Some((TwoHosts { here, there, .. }, _alone)) = two_hosts() else {
        return;
    };
    // A variable that only this host has.
    let here = here.var("ONLY_HERE", "0123456789abcdef0123456789abcdef");
    let gateway = json!({"mode": "local", "port": gateway::free_base(), "auth": {"mode": "token", "token": "${ONLY_HERE}"}});
    set_up(&here, gateway::free_base(), &json!({"gateway": gateway}));
    let _gateways = Gateways([&here, &there]);
    let failed = move_work(&here, &["--new-ports"]).exits(78).json();
    let text = failed.to_string();
    assert!(
        text.contains("did not become healthy") && text.contains("ONLY_HERE"),
        "{failed:#}"
    );
    is_as_before(&here, &there);
}

/// Asserts that the instance is on this host alone, and runs.
#[track_caller]
fn is_as_before(here: &Sandbox, there: &Sandbox) {
    assert!(gateway_of(here).is_some(), "it runs here again");
    assert!(!here.path(format!("{STATE}/move.json")).exists());
    // The other host may hear later that the connection is cut.
    wait_for("nothing is left there", || {
        let entries = std::fs::read_dir(there.home()).ok()?;
        let mut names = entries.flatten().map(|entry| entry.file_name());
        (!names.any(|name| name.to_string_lossy().starts_with(STATE))).then_some(())
    });
    assert!(gateway_of(there).is_none());
}

/// Makes the other host one whose answer ends before a certain word, as over a cable that is cut. Where `is_lost`, it answers no
/// further command either, until the returned file is removed.
fn cut_at(there: &Sandbox, word: &str, is_lost: bool) -> std::path::PathBuf {
    let lost = there.path("lost");
    let mark = if is_lost { "touch \"$HOME/lost\";" } else { "" };
    let program = env!("CARGO_BIN_EXE_openclaw");
    replace_program(
        there,
        &format!(
            "#!/bin/sh\n\
             if [ -e \"$HOME/lost\" ]; then exit 255; fi\n\
             case \"$*\" in\n\
             *'receive --check'*|*'receive --outcome'*) exec {program} \"$@\";;\n\
             *'profiles receive'*) {program} \"$@\" 2>/dev/null | while read -r line; do\n\
             case $line in *'{word}'*) {mark} kill -9 $$; exit 0;; esac; printf '%s\\n' \"$line\"; done;;\n\
             *) exec {program} \"$@\";;\nesac\n"
        ),
    );
    lost
}

#[test]
fn connection_cut_before_the_decision_leaves_the_gateway_here_and_after_it_there() {
    for word in ["ready", "starting", "healthy", "kept"] {
        let Some((TwoHosts { here, there, .. }, _alone)) = two_hosts() else {
            return;
        };
        set_up(&here, gateway::free_base(), &json!({}));
        let _gateways = Gateways([&here, &there]);
        let both = BothRun::watch(&here, &there);
        let _ = cut_at(&there, word, false);
        let ran = move_work(&here, &["--new-ports"]);
        if word == "kept" {
            assert_eq!(ran.exits(0).json()["outcome"], "moved");
            has_moved(&here, &there);
        } else {
            let _ = ran.exits(1);
            is_as_before(&here, &there);
        }
        both.never();
    }
}

#[test]
fn host_that_is_lost_before_the_decision_runs_nothing_when_the_gateway_starts_here_again() {
    let Some((TwoHosts { here, there, .. }, _alone)) = two_hosts() else {
        return;
    };
    set_up(&here, gateway::free_base(), &json!({}));
    let _gateways = Gateways([&here, &there]);
    let both = BothRun::watch(&here, &there);
    let lost = cut_at(&there, "healthy", true);
    let _ = move_work(&here, &["--new-ports"]).exits(1);
    both.never();
    is_as_before(&here, &there);
    std::fs::remove_file(lost).expect("the mark");
}

#[test]
fn move_whose_decision_is_not_heard_is_settled_by_the_next_run() {
    let Some((TwoHosts { here, there, .. }, _alone)) = two_hosts() else {
        return;
    };
    set_up(&here, gateway::free_base(), &json!({}));
    let _gateways = Gateways([&here, &there]);
    let both = BothRun::watch(&here, &there);
    let lost = cut_at(&there, "kept", true);
    let undecided = move_work(&here, &["--new-ports"]).exits(3).json();
    assert_eq!(undecided["code"], "move.undecided", "{undecided:#}");
    let refused = here.run(["--profile", "work", "gateway", "run"]).exits(78);
    assert!(refused.stderr.contains("only box knows"), "{refused:?}");
    let doctor = here.run(["--profile", "work", "doctor", "--json"]).json();
    assert!(doctor.to_string().contains("move-unfinished"), "{doctor:#}");
    std::fs::remove_file(lost).expect("the mark");
    let settled = move_work(&here, &[]).exits(0).json();
    assert_eq!(settled["outcome"], "moved", "{settled:#}");
    has_moved(&here, &there);
    assert_eq!(phase(&there), "", "it was told");
    both.never();
}

/// A thread that looks again and again whether the gateway of one instance runs on both hosts at once.
struct BothRun {
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<Option<(u32, u32)>>>,
}

impl BothRun {
    fn watch(here: &Sandbox, there: &Sandbox) -> Self {
        let end = Arc::new(AtomicBool::new(false));
        let (here, there, ended) = (here.home(), there.home(), Arc::clone(&end));
        let thread = std::thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                // The one that was seen first must still run when the other one is seen.
                let first = gateway_in(&here);
                let second = gateway_in(&there);
                if let (Some(first), Some(second)) = (first, second)
                    && gateway_in(&here) == Some(first)
                {
                    return Some((first, second));
                }
                std::thread::yield_now();
            }
            None
        });
        Self {
            end,
            thread: Some(thread),
        }
    }

    /// Asserts that this was never so.
    #[track_caller]
    fn never(mut self) {
        self.end.store(true, Ordering::Relaxed);
        let both = self.thread.take().expect("a thread").join().expect("its end");
        assert_eq!(both, None, "both ran at once");
    }
}

impl Drop for BothRun {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
    }
}

/// A moment of a move, as it is seen from outside.
type Moment = fn(&Sandbox, &Sandbox) -> bool;

/// The moments at which a move is killed, each with its name.
const MOMENTS: [(&str, Moment); 8] = [
    ("the gateway is to stop", |here, _| phase(here) == "leaving"),
    ("the gateway has stopped", |here, _| {
        phase(here) == "leaving" && gateway_of(here).is_none()
    }),
    ("the archive arrives", |_, there| {
        let entries = std::fs::read_dir(there.home()).into_iter().flatten().flatten();
        entries
            .into_iter()
            .any(|entry| entry.file_name().to_string_lossy().contains(".import-"))
    }),
    ("the state is there", |_, there| phase(there) == "arriving"),
    ("the gateway runs there", |_, there| gateway_of(there).is_some()),
    ("it is decided here", |here, _| phase(here) == "keeping"),
    ("it is decided there", |_, there| phase(there) == "arrived"),
    ("the old one is put aside", |here, _| phase(here) == "left"),
];

#[test]
fn move_killed_at_any_moment_is_finished_or_undone_by_the_next_run_and_a_bot_is_never_polled_twice() {
    for (name, moment) in MOMENTS {
        let Some((TwoHosts { here, there, .. }, _alone)) = two_hosts() else {
            return;
        };
        let telegram = Telegram::start();
        let channels = json!({"telegram": telegram.config(&[])});
        set_up(&here, gateway::free_base(), &json!({"channels": channels}));
        let _gateways = Gateways([&here, &there]);
        let both = BothRun::watch(&here, &there);
        let mut command = here.command(["profiles", "move", "work", "--to", "box", "--yes", "--new-ports"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut mover = ChildGuard(command.spawn().expect("the program"));
        wait_for(name, || {
            (moment(&here, &there) || !mover.is_running()).then_some(())
        });
        drop(mover);
        if here.path(STATE).exists() {
            let settled = move_work(&here, &["--new-ports"]).exits(0).json();
            if settled["outcome"] == "undone" {
                is_as_before(&here, &there);
                let _ = move_work(&here, &["--new-ports"]).exits(0);
            }
        }
        has_moved(&here, &there);
        both.never();
        for log in [gateway::log(&here, "work"), gateway::log(&there, "work")] {
            assert!(!log.contains("Conflict"), "{name}: {log}");
        }
    }
}
