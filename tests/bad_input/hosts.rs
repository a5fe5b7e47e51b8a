//! Faults of the host beneath all files: a disk that is read-only or has no inodes left, a clock or file times that are wrong
//! by centuries, a home folder whose name is not Unicode.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};
use std::time::{Duration, SystemTime};

use super::commands::{COMMANDS, Command, Effect, Outcome};
use super::files::{CONFIG, Host};
use crate::support::{Reason, Sandbox, network, skipped};

/// Exit code of the script that prepares a disk where nothing can be mounted.
const NO_MOUNT: i32 = 77;
/// Exit code of the script that prepares a disk where a command that failed left a change.
const CHANGED: i32 = 78 + 100;

/// A disk on which nothing can be created.
#[derive(Clone, Copy, Debug)]
enum Disk {
    ReadOnly,
    WithoutInodes,
}

impl Disk {
    /// Returns the shell commands that bring the file system of HOME into this state.
    fn script(self) -> &'static str {
        match self {
            Self::ReadOnly => "mount -o remount,ro \"$HOME\"",
            Self::WithoutInodes => "i=0; while (: > \"$HOME/filler.$i\") 2>/dev/null; do i=$((i+1)); done",
        }
    }

    /// Returns the text that errors of commands that write contain.
    fn error(self) -> &'static str {
        match self {
            Self::ReadOnly => "read-only",
            Self::WithoutInodes => "inode",
        }
    }

    /// Returns the id of the finding of `doctor`.
    fn finding(self) -> &'static str {
        match self {
            Self::ReadOnly => "disk-read-only",
            Self::WithoutInodes => "disk-inodes",
        }
    }

    /// Runs a command with HOME on such a disk; `None` where nothing can be mounted.
    fn run(self, host: &Host, command: &Command) -> Option<Outcome> {
        let script = format!(
            "mount -t tmpfs -o size=64m,nr_inodes=400,mode=700 none \"$HOME\" || exit {NO_MOUNT}
             cp -a \"$PRISTINE\"/. \"$HOME\" && cd \"$HOME\" || exit {NO_MOUNT}
             {}
             sum() {{ find . -type f ! -name lock ! -name '*.lock' -exec sha256sum {{}} + | sort; }}
             before=$(sum); timeout --kill-after=1 30 \"$0\" \"$@\"; code=$?
             [ $code = 0 ] || [ \"$before\" = \"$(sum)\" ] || exit {CHANGED}
             exit $code",
            self.script()
        );
        let mut run = Process::new("unshare");
        run.args(["--map-root-user", "--mount", "--pid", "--fork", "--kill-child"]);
        run.args(["sh", "-c", &script])
            .arg(env!("CARGO_BIN_EXE_openclaw"))
            .args(command.words);
        run.env_clear()
            .env("HOME", host.sandbox.home())
            .env("PRISTINE", &host.pristine);
        run.env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
            .stdin(Stdio::null());
        let output = run.output().ok()?;
        let text = String::from_utf8([output.stdout, output.stderr].concat()).expect("UTF-8");
        let code = output.status.code().unwrap_or(-1);
        (code != NO_MOUNT && !text.starts_with("unshare:")).then_some(Outcome::new(code, text))
    }

    /// Returns what is wrong with the end of a command on such a disk.
    fn complaint(self, command: &Command, outcome: &Outcome) -> Option<String> {
        let text = outcome.text();
        let is_doctor = command.words.contains(&"doctor");
        // Some commands need a running gateway before they write.
        let is_named = text.contains(self.error()) || text.contains("is not running");
        let fault = outcome
            .fault()
            .or_else(|| (outcome.code() == CHANGED).then(|| format!("what it began was not undone: {text}")));
        fault.or_else(|| match command.effect {
            _ if is_doctor => {
                let is_found = text.contains(self.finding()) || (!outcome.is_success() && is_named);
                (!is_found).then(|| format!("no {}: {text}", self.finding()))
            }
            Effect::Reads => None,
            Effect::Writes => (!outcome.is_success() && !is_named)
                .then(|| format!("it does not say what is wrong with the disk: {text}")),
        })
    }
}

/// Runs every command on a disk where nothing can be created: those that read give the answer that they give on a sound
/// disk, the others say what is wrong and leave everything as it was.
fn check_disk(disk: Disk) {
    let host = Host::for_file(&CONFIG);
    let mut complaints = Vec::new();
    for command in COMMANDS.iter().filter(|command| !command.starts_gateway()) {
        let Some(outcome) = disk.run(&host, command) else {
            return skipped(Reason::NoNamespaces, "no disk of its own");
        };
        let complaint = disk.complaint(command, &outcome).or_else(|| {
            // The diagnosis and the doctor have more to say.
            let is_same = command.effect == Effect::Writes
                || command.words.contains(&"doctor")
                || command.words.contains(&"diagnose")
                || command.words.contains(&"--dry-run");
            host.reset();
            let sound = (!is_same).then(|| command.run(&host, "en"));
            let differs = sound.filter(|sound| *sound != outcome);
            differs.map(|sound| format!("{outcome:?} instead of {sound:?}"))
        });
        complaints.extend(complaint.map(|why| format!("{}: {why}", command.words.join(" "))));
    }
    assert!(complaints.is_empty(), "{disk:?}:\n{}", complaints.join("\n"));
}

#[test]
fn read_only_disk_is_read_and_named_by_what_would_write() {
    network::own(|| check_disk(Disk::ReadOnly));
}

#[test]
fn disk_without_inodes_is_read_and_named_by_what_would_write() {
    network::own(|| check_disk(Disk::WithoutInodes));
}

#[test]
fn rescue_leaves_a_gateway_whose_disk_can_not_be_written_to_a_person() {
    network::own(|| {
        let host = Host::for_file(&CONFIG);
        let diagnose = Command {
            words: &[
                "--profile",
                "other",
                "rescue",
                "repair",
                "rescue",
                "--yes",
                "--json",
            ],
            effect: Effect::Writes,
        };
        for (disk, cause) in [
            (Disk::ReadOnly, "disk-read-only"),
            (Disk::WithoutInodes, "no-inodes"),
        ] {
            let Some(outcome) = disk.run(&host, &diagnose) else {
                return skipped(Reason::NoNamespaces, "no disk of its own");
            };
            let text = outcome.text();
            assert!(text.contains(cause) && text.contains("byHand"), "{text}");
        }
    });
}

/// A library that shows a clock of the seconds in `CLOCK_SECONDS` to the program into which it is loaded.
const CLOCK_SOURCE: &str = r#"
#define _GNU_SOURCE
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <sys/syscall.h>
int clock_gettime(clockid_t id, struct timespec *ts) {
    const char *seconds = getenv("CLOCK_SECONDS");
    if (id != CLOCK_REALTIME || !seconds) return syscall(SYS_clock_gettime, id, ts);
    ts->tv_sec = atoll(seconds);
    ts->tv_nsec = 999999999;
    return 0;
}
"#;

/// Clocks before 1970 and after 9999, in seconds since 1970.
const ODD_CLOCKS: [&str; 4] = ["-1", "-62135596801", "253402300800", "9000000000000"];

/// Builds the library with the clock; `None` without a C compiler.
fn clock_library(folder: &Path) -> Option<PathBuf> {
    let source = folder.join("clock.c");
    let library = folder.join("clock.so");
    std::fs::write(&source, CLOCK_SOURCE).expect("a source");
    let built = Process::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .stderr(Stdio::null())
        .status();
    built.is_ok_and(|status| status.success()).then_some(library)
}

#[test]
fn clock_before_1970_or_after_9999_is_named_by_a_gateway_and_stops_no_other_command() {
    network::own(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let Some(library) = clock_library(folder.path()) else {
            return skipped(Reason::NoProgram("cc"), "a clock of its own");
        };
        let host = Host::for_file(&CONFIG);
        let mut complaints = Vec::new();
        for clock in ODD_CLOCKS {
            for command in COMMANDS {
                host.reset();
                let variables = [
                    ("LD_PRELOAD", library.as_os_str()),
                    ("CLOCK_SECONDS", OsStr::new(clock)),
                ];
                let outcome = command.run_with(&host, "en", &variables);
                let is_silent = command.words.ends_with(&["run"]) && !outcome.text().contains("clock");
                let silence = || is_silent.then(|| format!("the clock is not named: {outcome:?}"));
                let fault = outcome.fault().or_else(silence);
                complaints.extend(fault.map(|why| format!("{clock}: {}: {why}", command.words.join(" "))));
            }
        }
        assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    });
}

/// Gives everything below a folder this time of its last change.
fn set_times(folder: &Path, time: SystemTime) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            set_times(&path, time);
        } else if !path.is_symlink() {
            let file = std::fs::File::options().write(true).open(&path).expect("a file");
            file.set_modified(time).expect("a time");
        }
    }
}

#[test]
fn files_of_any_time_stop_no_command() {
    network::own(|| {
        let host = Host::for_file(&CONFIG);
        let epoch = SystemTime::UNIX_EPOCH;
        let mut complaints = Vec::new();
        for time in [
            epoch - Duration::from_secs(1),
            epoch - Duration::from_secs(99_999_999_999),
            epoch + Duration::from_secs(999_999_999_999),
        ] {
            for command in COMMANDS {
                host.reset();
                // The backups of a config are listed with their times.
                let config = host.sandbox.path(CONFIG.path);
                std::fs::copy(&config, config.with_extension("json.bak")).expect("a backup");
                set_times(&host.sandbox.home(), time);
                let fault = command.run(&host, "en").fault();
                complaints.extend(fault.map(|why| format!("{time:?}: {}: {why}", command.words.join(" "))));
            }
        }
        assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    });
}

#[test]
fn variable_that_is_not_unicode_is_named_and_not_passed_over() {
    let odd = OsStr::from_bytes(b"/tmp/caf\xe9");
    for (name, shown) in [
        ("HOME", true),
        ("OPENCLAW_HOME", true),
        ("OPENCLAW_STATE_DIR", true),
        ("OPENCLAW_CONFIG_PATH", true),
        ("OPENCLAW_NODE_CLI", true),
        ("OPENCLAW_PROFILE", false),
        ("OPENCLAW_GATEWAY_PORT", false),
        ("OPENCLAW_GATEWAY_TOKEN", false),
    ] {
        let sandbox = Sandbox::new();
        let output = sandbox
            .command(["status"])
            .env(name, odd)
            .output()
            .expect("a run");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{name}: {text}");
        assert!(text.contains(&format!("{name} is not valid UTF-8")), "{text}");
        assert_eq!(text.contains("/tmp/caf\u{fffd}"), shown, "{text}");
    }
}
