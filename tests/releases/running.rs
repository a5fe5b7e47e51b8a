//! `openclaw engine upgrade` of a gateway that runs in the background: it is stopped, started and watched, and whatever goes
//! wrong or is killed leaves the old gateway healthy, with everything as it was.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::kills::KilledUpgrade;
use super::upgrade::ProcessesOf;
use super::{engine_json, folders, install, sandbox_with, store};
use crate::support::child::ChildGuard;
use crate::support::gateway::{Gateway, request, wait_for};
use crate::support::messenger::telegram::Telegram;
use crate::support::messenger::{Messenger as _, OWNER};
use crate::support::npm_registry::{Archives, NpmRegistry, Package, Start};
use crate::support::{Ran, Reason, Sandbox, network, skipped};

const OLD: &str = "2026.1.30";
const NEW: &str = "2026.9.6";
const PORT: u16 = 19789;
const UPGRADE: [&str; 3] = ["upgrade", NEW, "--yes"];

/// An instance whose gateway runs in the background with the old release. In a network of its own it has a fixed port.
struct Main {
    sandbox: Sandbox,
    registry: NpmRegistry,
    /// The channels in its config.
    channels: Value,
    _processes: ProcessesOf,
}

impl Main {
    /// Starts the gateway; `None`, with a note, where the host has no npm. `prepare` is given the home folder first.
    fn new(old: Start, new: Start, prepare: impl FnOnce(&Path)) -> Option<Self> {
        Self::with_channels(old, new, json!({}), prepare)
    }

    /// Starts the gateway as [`Self::new`] does, with channels.
    fn with_channels(old: Start, new: Start, channels: Value, prepare: impl FnOnce(&Path)) -> Option<Self> {
        let packages = [Package::gateway(OLD, old), Package::gateway(NEW, new)];
        let (sandbox, registry) = sandbox_with(&packages)?;
        prepare(&sandbox.home());
        let main = Self {
            _processes: ProcessesOf(sandbox.home()),
            sandbox,
            registry,
            channels,
        };
        let _ = install(&main.sandbox, &main.registry, OLD).exits(0);
        main.sandbox
            .write(".openclaw-rescue/openclaw.json", main.config());
        main.sandbox.write(
            ".openclaw-rescue/instance.toml",
            format!("engine = 'node'\nrelease = '{OLD}'\n"),
        );
        main.start();
        Some(main)
    }

    fn config(&self) -> String {
        let log = self.sandbox.path("openclaw.log");
        json!({
            "gateway": { "mode": "local", "port": PORT, "auth": { "mode": "token", "token": "t0ken-of-the-test" } },
            "logging": { "file": log },
            "channels": self.channels,
            // 2026.9.6 refuses it.
            "meta": { "lastTouchedVersion": OLD, "lastTouchedAt": "2026-01-30T00:00:00Z" },
        })
        .to_string()
    }

    fn start(&self) {
        let words = [
            "--profile",
            "rescue",
            "gateway",
            "start",
            "--background",
            "--json",
        ];
        let _ = self.sandbox.run(words).exits(0);
    }

    fn install_new(&self) {
        let _ = install(&self.sandbox, &self.registry, NEW).exits(0);
    }

    fn engine(&self, words: &[&str]) -> Ran {
        engine_json(&self.sandbox, words)
    }

    fn state_of(&self) -> String {
        self.sandbox.read(".openclaw-rescue/state-of")
    }

    /// Asserts that the gateway answers, and that config, record and state are those of the old release.
    #[track_caller]
    fn assert_old(&self, context: &str) {
        assert!(answering_pid().is_some(), "{context}: no answer");
        assert_eq!(
            self.sandbox.read(".openclaw-rescue/openclaw.json"),
            self.config(),
            "{context}"
        );
        assert!(
            self.sandbox.read(".openclaw-rescue/instance.toml").contains(OLD),
            "{context}"
        );
        assert_eq!(self.state_of(), OLD, "{context}");
        let left = std::fs::read_dir(store(&self.sandbox)).unwrap().flatten();
        let journals = left.filter(|entry| entry.file_name().to_string_lossy().starts_with("switch-"));
        assert_eq!(journals.count(), 0, "{context}");
    }

    /// Asserts that the gateway was not even stopped, besides [`Self::assert_old`].
    #[track_caller]
    fn assert_untouched(&self, pid: Option<&Value>, context: &str) {
        assert_eq!(answering_pid().as_ref(), pid, "{context}");
        self.assert_old(context);
    }
}

/// Returns the pid of the gateway that answers.
fn answering_pid() -> Option<Value> {
    let health = request(PORT, "GET", "/health", &[])?.json();
    (health["ok"] == true).then(|| health["pid"].clone())
}

#[test]
fn gateway_in_the_background_is_upgraded_and_rolled_back() {
    network::own(|| {
        let Some(main) = Main::new(Start::Serves, Start::Serves, |_| {}) else {
            return;
        };
        let old = answering_pid();
        // The release is installed by the upgrade itself, and the errors that it logs are those of the old one and of a channel.
        let words = [&UPGRADE[..], &["--registry", &main.registry.url]].concat();
        let made = main.engine(&words).exits(0).json();
        assert_eq!(made["removedKeys"], json!(["meta.lastTouchedAt"]));
        assert_eq!(
            (&made["switch"]["wasRunning"], &made["switch"]["inBackground"]),
            (&json!(true), &json!(true))
        );
        assert!(made["switch"]["downtime"].as_u64().is_some(), "{made}");
        assert_eq!(main.state_of(), NEW);
        let new = answering_pid();
        assert!(new.is_some() && new != old);
        let back = main.engine(&["rollback", "--yes"]).exits(0).json();
        assert_eq!(back["outcome"], "done", "{back}");
        main.assert_old("rolled back");
        // No line of the rehearsal is in the log of the instance: one start each of the old, the new and the old release.
        let log = main.sandbox.read("openclaw.log");
        assert_eq!(log.matches("no word from the server").count(), 3, "{log}");
    });
}

#[test]
fn gateway_in_a_terminal_is_left_alone_with_the_commands_that_help() {
    network::own(|| {
        let Some(main) = Main::new(Start::Serves, Start::Serves, |_| {}) else {
            return;
        };
        main.install_new();
        let _ = main
            .sandbox
            .run(["--profile", "rescue", "gateway", "stop", "--json"])
            .exits(0);
        let command = main.sandbox.command(["--profile", "rescue", "gateway", "run"]);
        let mut gateway = Gateway::spawn(command, PORT);
        let pid = wait_for("an answer", answering_pid);
        let refused = main.engine(&UPGRADE).exits(78).json();
        assert_eq!(refused["code"], "engine.no-service");
        let hints = refused["hints"].to_string();
        assert!(
            hints.contains("gateway install") && hints.contains("gateway start --background"),
            "{hints}"
        );
        assert!(gateway.runs());
        main.assert_untouched(Some(&pid), "a gateway in a terminal");
        let _ = gateway.stop();
    });
}

#[test]
fn release_that_logs_a_new_error_is_put_back_unless_errors_are_accepted() {
    network::own(|| {
        let Some(main) = Main::new(Start::Serves, Start::LogsError, |_| {}) else {
            return;
        };
        main.install_new();
        let failed = main.engine(&UPGRADE).exits(3).json();
        assert_eq!(failed["code"], "engine.logged-error");
        let said = failed["message"].as_str().unwrap();
        assert!(said.contains(&format!("calendar of {NEW} crashed")), "{said}");
        assert!(!said.contains("AbCdEfGhIjKl"), "{said}");
        assert!(
            failed["hints"].to_string().contains("--accept-errors"),
            "{failed}"
        );
        main.assert_old("put back");
        let accepted = [&UPGRADE[..], &["--accept-errors"]].concat();
        let _ = main.engine(&accepted).exits(0);
        assert_eq!(main.state_of(), NEW);
        // Errors do not stand in the way back.
        let _ = main.engine(&["rollback", "--yes"]).exits(0);
        main.assert_old("rolled back");
    });
}

#[test]
fn config_that_the_release_refuses_in_its_own_check_fails_the_rehearsal() {
    network::own(|| {
        let Some(main) = Main::new(Start::Serves, Start::RefusesCheck, |_| {}) else {
            return;
        };
        main.install_new();
        let old = answering_pid();
        let failed = main.engine(&UPGRADE).exits(1).json();
        assert_eq!(failed["code"], "engine.rehearsal-config");
        let cause = failed["cause"].as_str().unwrap();
        assert_eq!(cause, format!("gateway.port: refused by the check of {NEW}"));
        main.assert_untouched(old.as_ref(), "refused");
        assert_eq!(folders(&main.sandbox), [OLD, NEW]);
    });
}

#[test]
fn registry_that_is_gone_in_the_middle_leaves_the_gateway_running() {
    network::own(|| {
        let Some(main) = Main::new(Start::Serves, Start::Serves, |_| {}) else {
            return;
        };
        let old = answering_pid();
        let words = [&UPGRADE[..], &["--registry", &main.registry.url]].concat();
        for archives in [Archives::Refused, Archives::Cut] {
            main.registry.set_archives(archives);
            let failed = main.engine(&words).exits(1).json();
            assert_eq!(
                failed["code"], "engine.registry-unreachable",
                "{archives:?}: {failed}"
            );
            main.assert_untouched(old.as_ref(), "the registry is gone");
            assert_eq!(folders(&main.sandbox), [OLD]);
        }
        main.registry.set_archives(Archives::Sent);
        let _ = main.engine(&words).exits(0);
        assert_eq!(main.state_of(), NEW);
    });
}

/// Asks the bot for help as its owner, and waits for the answer.
fn ask_for_help(telegram: &Telegram) {
    telegram.wait_until_connected();
    telegram.say(OWNER, "/help");
    let _ = telegram.next_message("an answer", &|seen| !seen.text.is_empty());
}

#[test]
fn channel_is_received_by_one_gateway_alone_and_answers_after_the_upgrade() {
    network::own(|| {
        let telegram = Telegram::start();
        let channels = json!({ "telegram": telegram.config(&[OWNER]) });
        let Some(main) = Main::with_channels(Start::Serves, Start::Serves, channels, |_| {}) else {
            return;
        };
        main.install_new();
        ask_for_help(&telegram);
        // A gateway asks who the bot is before it receives.
        let introductions = || {
            let calls = telegram.calls();
            calls.iter().filter(|call| call.method == "getMe").count()
        };
        let before = introductions();
        assert!(before > 0);
        let _ = main.engine(&["upgrade", NEW, "--dry-run"]).exits(0);
        assert_eq!(introductions(), before, "the rehearsal received too");
        let _ = main.engine(&UPGRADE).exits(0);
        assert_eq!(main.state_of(), NEW);
        assert!(introductions() > before);
        ask_for_help(&telegram);
        let _ = main.engine(&["rollback", "--yes"]).exits(0);
        ask_for_help(&telegram);
        main.assert_old("rolled back");
    });
}

#[test]
fn channel_that_does_not_come_back_puts_the_upgrade_back() {
    network::own(|| {
        let telegram = Telegram::start();
        let channels = json!({ "telegram": telegram.config(&[OWNER]) });
        let Some(main) = Main::with_channels(Start::Serves, Start::LosesChannels, channels, |_| {}) else {
            return;
        };
        main.install_new();
        ask_for_help(&telegram);
        let failed = main.engine(&UPGRADE).exits(3).json();
        assert_eq!(failed["code"], "engine.channels-lost", "{failed}");
        main.assert_old("put back");
        ask_for_help(&telegram);
    });
}

/// Starts an upgrade and waits until it has asked for an archive, which it does not get.
fn held_upgrade(main: &Main) -> Child {
    main.registry.set_archives(Archives::Held);
    let words = ["--profile", "rescue", "engine", "--json"];
    let words = [&words[..], &UPGRADE, &["--registry", &main.registry.url]].concat();
    let mut command = main.sandbox.command(words);
    let asked = main.registry.asked();
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for("a request for an archive", || {
        (main.registry.asked() > asked).then_some(())
    });
    child
}

#[test]
fn second_upgrade_at_the_same_time_says_who_is_under_way() {
    network::own(|| {
        let Some(main) = Main::new(Start::Serves, Start::Serves, |_| {}) else {
            return;
        };
        main.sandbox.write(
            ".openclaw-other/openclaw.json",
            main.config().replace(&PORT.to_string(), "21789"),
        );
        main.sandbox.write(
            ".openclaw-other/instance.toml",
            format!("engine = 'node'\nrelease = '{OLD}'\n"),
        );
        let first = held_upgrade(&main);
        for profile in ["rescue", "other"] {
            let words = ["--profile", profile, "engine", "--json"];
            let refused = main.sandbox.run([&words[..], &UPGRADE].concat()).exits(1).json();
            assert_eq!(refused["code"], "engine.busy");
            let said = refused["message"].as_str().unwrap();
            assert!(said.contains(&format!("pid {}", first.id())), "{said}");
        }
        main.registry.set_archives(Archives::Sent);
        let first = first.wait_with_output().unwrap();
        assert!(first.status.success(), "{first:?}");
        assert_eq!(main.state_of(), NEW);
        let words = ["--profile", "other", "engine", "--json"];
        let _ = main.sandbox.run([&words[..], &UPGRADE].concat()).exits(0);
        assert!(answering_pid().is_some());
    });
}

/// Mounts a small disk on a folder; returns whether that was possible.
fn mount_disk(folder: &Path) -> bool {
    std::fs::create_dir_all(folder).unwrap();
    let mut command = Command::new("mount");
    command
        .args(["-t", "tmpfs", "-o", "size=64m,mode=700", "none"])
        .arg(folder);
    command.status().is_ok_and(|status| status.success())
}

#[test]
fn disk_without_room_refuses_the_upgrade_before_the_gateway_is_stopped() {
    network::own_with_mounts(|| {
        let mut is_mounted = false;
        let Some(main) = Main::new(Start::Serves, Start::Serves, |home| is_mounted = mount_disk(home)) else {
            return;
        };
        if !is_mounted {
            return skipped(Reason::NoNamespaces, "no tmpfs can be mounted");
        }
        main.install_new();
        let old = answering_pid();
        let space = rustix::fs::statvfs(main.sandbox.home()).unwrap();
        let free = space.f_bavail * space.f_frsize;
        let filler = vec![0; usize::try_from(free - 4 * 1024 * 1024).unwrap()];
        main.sandbox.write("filler", filler);
        let refused = main.engine(&UPGRADE).exits(1).json();
        assert_eq!(refused["code"], "engine.no-room");
        let said = refused["message"].as_str().unwrap();
        assert!(said.contains(store(&main.sandbox).to_str().unwrap()), "{said}");
        main.assert_untouched(old.as_ref(), "no room");
        std::fs::remove_file(main.sandbox.path("filler")).unwrap();
        let _ = main.engine(&UPGRADE).exits(0);
        assert_eq!(main.state_of(), NEW);
    });
}

#[test]
fn disk_that_fills_up_during_the_switch_leaves_the_old_gateway_healthy() {
    network::own_with_mounts(|| {
        let mut is_mounted = false;
        let Some(main) = Main::new(Start::FillsDisk, Start::Serves, |home| {
            is_mounted = mount_disk(home);
        }) else {
            return;
        };
        if !is_mounted {
            return skipped(Reason::NoNamespaces, "no tmpfs can be mounted");
        }
        main.install_new();
        let failed = main.engine(&[&UPGRADE[..], &["--no-rehearsal"]].concat());
        assert!(failed.code != 0, "{failed:?}");
        let filler = main.sandbox.path("filler");
        assert!(filler.metadata().unwrap().len() > 0, "{failed:?}");
        let hints = failed.json()["hints"].to_string();
        assert!(hints.contains("Everything was put back"), "{failed:?}");
        main.assert_old("a full disk");
        std::fs::remove_file(filler).unwrap();
        let _ = main.engine(&["list"]).exits(0);
        main.assert_old("with room again");
    });
}

#[test]
fn upgrade_of_a_running_gateway_that_is_killed_anywhere_leaves_the_old_one_healthy() {
    network::own(|| {
        let Some(main) = Main::new(Start::Serves, Start::Serves, |_| {}) else {
            return;
        };
        main.install_new();
        let words = ["--profile", "rescue", "engine"];
        let words = [&words[..], &UPGRADE, &["--no-rehearsal"]].concat();
        KilledUpgrade {
            folder: &main.sandbox.home(),
            upgrade: &|| main.sandbox.command(&words),
            roll_back: &|| main.engine(&["rollback", "--yes"]),
            assert_old: &|context| main.assert_old(context),
        }
        .kill_everywhere();
    });
}

#[test]
fn gateway_that_a_killed_upgrade_left_stopped_is_brought_back_by_its_watcher() {
    network::own(|| {
        let Some(main) = Main::new(Start::Serves, Start::HangsOutside, |_| {}) else {
            return;
        };
        main.install_new();
        let words = ["--profile", "rescue", "engine"];
        let words = [&words[..], &UPGRADE, &["--no-rehearsal"]].concat();
        let mut upgrade = ChildGuard(main.sandbox.command(words).stdout(Stdio::null()).spawn().unwrap());
        wait_for("the old gateway ends", || answering_pid().is_none().then_some(()));
        let times = "[rescue]\ninterval = 1\npatience = 0\n";
        main.sandbox.write(".openclaw-watcher/instance.toml", times);
        let watch = ["--profile", "watcher", "rescue", "watch", "rescue"];
        let mut watch = main.sandbox.command(watch);
        let mut watcher = ChildGuard(watch.stdout(Stdio::null()).spawn().unwrap());
        assert!(upgrade.is_running() && watcher.is_running());
        drop(upgrade);
        wait_for("the old gateway is back", || {
            answering_pid().is_some().then_some(())
        });
        main.assert_old("after a repair");
    });
}
