//! Files that earlier releases wrote (`tests/fixtures/formats`) are read by this one to the right values.
//!
//! They hold absolute paths below `/home/ada`, so each command runs in a mount namespace where that folder is a
//! copy of the files.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::pty::{Key, Size, Terminal};
use crate::support::{Ran, Reason, network, put_program, skipped};

/// Folder and digest of all its files for each release. A digest never changes.
const FROZEN: [(&str, &str); 1] = [(
    "0.1.0",
    "04550159d99811b71807e1f6f0684bbe4a31bb5adff929daa64939519d7b4ea4",
)];

/// The exit code where nothing can be mounted.
const NO_MOUNT: i32 = 77;

fn fixtures(release: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/formats")
        .join(release)
}

/// Every file below a folder by its path there.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    fn walk(root: &Path, folder: &Path, into: &mut BTreeMap<PathBuf, Vec<u8>>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(root, &path, into);
            } else {
                let below = path.strip_prefix(root).expect("below").to_path_buf();
                into.insert(below, std::fs::read(&path).expect("a file"));
            }
        }
    }
    let mut files = BTreeMap::new();
    walk(folder, folder, &mut files);
    files
}

/// A copy of the files of a release that appears at `/home/ada`.
struct Home {
    dir: tempfile::TempDir,
}

impl Home {
    /// Copies `home` and then the files of `extra`; `None` where nothing can be mounted, and the test is skipped.
    fn copied_from(release: &str, extra: Option<&str>) -> Option<Self> {
        let own = Self {
            dir: tempfile::tempdir().expect("a temporary folder"),
        };
        for folder in ["home"].into_iter().chain(extra) {
            for (below, bytes) in files(&fixtures(release).join(folder)) {
                let path = own.path(&below);
                let folders = path.parent().expect("a folder");
                std::fs::create_dir_all(folders).expect("folders");
                std::fs::write(&path, bytes).expect("a file");
                std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("a mode");
                std::fs::set_permissions(folders, PermissionsExt::from_mode(0o700)).expect("a mode");
            }
        }
        // Where the real /home is hidden, the program may be too.
        put_program(env!("CARGO_BIN_EXE_openclaw"), own.dir.path().join("openclaw"));
        let ran = own.run(&["--version"]);
        if ran.code == NO_MOUNT || ran.stderr.starts_with("unshare:") {
            skipped(Reason::NoNamespaces, &ran.stderr);
            return None;
        }
        Some(own)
    }

    /// A file of the home folder, as it is seen from outside.
    fn path(&self, below: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join("ada").join(below)
    }

    fn read(&self, below: &str) -> String {
        std::fs::read_to_string(self.path(below)).unwrap_or_else(|e| panic!("{below}: {e}"))
    }

    /// The program in the namespace, ready to be started.
    fn command(&self, words: &[&str]) -> Command {
        let script = format!(
            "mount -t tmpfs none /home && mkdir /home/ada && mount --bind \"$0\" /home/ada || exit {NO_MOUNT}
            cd /home/ada; exec \"$@\""
        );
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", &script]);
        command
            .arg(self.path(""))
            .arg(self.dir.path().join("openclaw"))
            .args(words);
        command
            .env_clear()
            .env("HOME", "/home/ada")
            .env("PATH", "/usr/bin:/bin")
            .env("OPENCLAW_LANG", "en")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, words: &[&str]) -> Ran {
        let output = self.command(words).output().expect("unshare");
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    #[track_caller]
    fn json(&self, words: &[&str]) -> Value {
        let words: Vec<_> = words.iter().copied().chain(["--json"]).collect();
        self.run(&words).json()
    }
}

/// Runs a test on the files of each release, in a network where nothing listens.
fn each_release(extra: Option<&str>, test: impl Fn(&Home)) {
    for (release, _) in FROZEN {
        if let Some(home) = Home::copied_from(release, extra) {
            test(&home);
        }
    }
}

#[test]
fn frozen_files_are_as_the_release_wrote_them() {
    for (release, expected) in FROZEN {
        let mut digest = Sha256::new();
        for (path, bytes) in files(&fixtures(release)) {
            digest.update(path.to_str().expect("text"));
            digest.update([0]);
            digest.update(u64::try_from(bytes.len()).expect("small").to_be_bytes());
            digest.update(bytes);
        }
        let mut text = String::new();
        for byte in digest.finalize() {
            write!(text, "{byte:02x}").expect("memory");
        }
        assert_eq!(text, expected, "{release}: frozen files are never edited");
    }
}

#[test]
fn record_keeps_engine_ports_and_colours() {
    network::own(|| {
        each_release(None, |home| {
            let status = home.json(&["status"]);
            assert_eq!(status["gateway"]["engine"], "native", "{status}");
            let browsers = home.json(&["browser", "profiles"]);
            let row = |name: &str| {
                let mut rows = browsers["profiles"].as_array().expect("a list").iter();
                rows.find(|row| row["name"] == name).expect("a profile").clone()
            };
            assert_eq!(row("openclaw")["cdpPort"], 18801, "{browsers}");
            assert_eq!(
                (&row("work")["cdpPort"], &row("work")["color"]),
                (&json!(18800), &json!("#00AA00"))
            );
            // Without a port in the config the record's base port counts.
            let _ = home.run(&["config", "unset", "gateway.port"]).exits(0);
            let status = home.json(&["status"]);
            assert_eq!(status["gateway"]["port"], 18789, "{status}");
            assert_eq!(status["gateway"]["portSource"], "record", "{status}");
        });
    });
}

#[test]
fn registry_knows_an_instance_whose_folder_is_gone() {
    network::own(|| {
        each_release(None, |home| {
            let profiles = home.json(&["profiles"]);
            let known = profiles["profiles"].as_array().expect("a list").iter();
            let known: Vec<_> = known
                .map(|found| (found["name"].as_str(), found["basePort"].as_u64()))
                .collect();
            assert_eq!(
                known,
                [(Some("default"), Some(18789)), (Some("rescue"), Some(19789))]
            );
            std::fs::remove_dir_all(home.path(".openclaw-rescue")).expect("a folder");
            std::fs::remove_dir_all(home.path(".config")).expect("a folder");
            let found = home.json(&["doctor", "--all"]);
            let stale =
                |finding: &&Value| finding["id"] == "registry-stale" && finding["instance"] == "rescue";
            assert!(
                found["findings"]
                    .as_array()
                    .expect("a list")
                    .iter()
                    .any(|f| stale(&f)),
                "{found:#}"
            );
        });
    });
}

#[test]
fn lock_of_a_killed_gateway_is_stale_and_names_its_pid() {
    network::own(|| {
        each_release(None, |home| {
            let found = home.json(&["doctor"]);
            let mut findings = found["findings"].as_array().expect("a list").iter();
            let stale = findings
                .find(|finding| finding["id"] == "lock-stale")
                .expect("a finding");
            assert!(
                stale["message"].as_str().expect("text").contains("12876"),
                "{stale}"
            );
        });
    });
}

#[test]
fn transaction_cut_while_staging_is_taken_back() {
    network::own(|| {
        each_release(Some("cut-while-staging"), |home| {
            let before = home.read(".openclaw-rescue/openclaw.json");
            // Whatever locks the host brings the transaction to its end first. This key is not set.
            let _ = home.run(&["config", "unset", "logging.file"]).exits(1);
            assert_eq!(home.read(".openclaw-rescue/openclaw.json"), before);
            assert_eq!(left_behind(home), [] as [PathBuf; 0]);
        });
    });
}

#[test]
fn transaction_cut_while_committing_is_completed() {
    network::own(|| {
        each_release(Some("cut-while-committing"), |home| {
            let before = home.read(".openclaw-rescue/openclaw.json");
            let _ = home.run(&["config", "unset", "logging.file"]).exits(1);
            let after = home.json(&["--profile", "rescue", "config", "get", "gateway.bind"]);
            assert_eq!(after["value"], "lan", "{after}");
            assert_eq!(home.read(".openclaw-rescue/openclaw.json.bak"), before);
            assert_eq!(left_behind(home), [] as [PathBuf; 0]);
        });
    });
}

/// Journals and temporary files of transactions.
fn left_behind(home: &Home) -> Vec<PathBuf> {
    let is_temporary = |path: &PathBuf| {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        name.starts_with("journal") || name.starts_with(".openclaw-")
    };
    files(&home.path("")).into_keys().filter(is_temporary).collect()
}

#[test]
fn snapshot_is_listed_and_restored() {
    network::own(|| {
        each_release(None, |home| {
            let listed = home.json(&["--profile", "rescue", "snapshot", "list"]);
            let id = listed["snapshots"][0]["id"].as_str().expect("an id").to_owned();
            let config = home.read(".openclaw-rescue/openclaw.json");
            let _ = home
                .run(&["--profile", "rescue", "config", "set", "gateway.bind", "lan"])
                .exits(0);
            let restored = home.json(&["--profile", "rescue", "snapshot", "restore", &id, "--yes"]);
            assert_eq!(
                (&restored["ok"], &restored["files"]),
                (&json!(true), &json!(2)),
                "{restored}"
            );
            assert_eq!(home.read(".openclaw-rescue/openclaw.json"), config);
        });
    });
}

#[test]
fn exported_instances_are_imported() {
    network::own(|| {
        each_release(None, |home| {
            let imported = home.json(&["profiles", "import", "rescue.tar.gz", "--as", "plain"]);
            assert_eq!(
                (&imported["from"], &imported["files"]),
                (&json!("rescue"), &json!(9)),
                "{imported}"
            );
            let imported = home.json(&["profiles", "import", "rescue-secrets.tar.gz", "--as", "secret"]);
            assert_eq!(
                (&imported["ok"], &imported["missing"]),
                (&json!(true), &json!([])),
                "{imported}"
            );
            assert!(
                home.read(".openclaw-secret/workspace-secret/AGENTS.md")
                    .starts_with('#')
            );
        });
    });
}

#[test]
fn history_of_repairs_is_read() {
    network::own(|| {
        each_release(None, |home| {
            let history = home.json(&["--profile", "rescue", "rescue", "history"]);
            let expected = json!([{
                "at": 1_795_889_133_062_u64, "rescuer": "rescue", "target": "default", "watched": false,
                "causes": ["config"], "steps": [["restore-config", "helped"]], "outcome": "healthy",
            }]);
            assert_eq!(history["repairs"], expected, "{history}");
            let shown = home.run(&["--profile", "rescue", "rescue", "history"]).exits(0);
            assert!(
                shown.stdout.contains("2026-11-28 18:05:33 UTC"),
                "{}",
                shown.stdout
            );
        });
    });
}

#[test]
fn kept_configs_are_listed_and_the_last_good_one_is_restored() {
    network::own(|| {
        each_release(None, |home| {
            let listed = home.json(&["config", "restore", "--list"]);
            let numbers = listed["backups"].as_array().expect("a list").iter();
            let numbers: Vec<_> = numbers.map(|backup| backup["number"].as_u64()).collect();
            assert_eq!(numbers, [1, 2, 3, 4].map(Some), "{listed}");
            let broken =
                || std::fs::write(home.path(".openclaw/openclaw.json"), "{gateway: {").expect("a file");
            let (backup, good) = (
                home.read(".openclaw/openclaw.json.bak"),
                home.read(".openclaw/openclaw.json.last-good"),
            );
            broken();
            assert_eq!(home.json(&["config", "restore"])["from"], 1);
            assert_eq!(home.read(".openclaw/openclaw.json"), backup);
            for path in files(&home.path(".openclaw")).into_keys() {
                if path.to_string_lossy().contains(".json.bak") {
                    std::fs::remove_file(home.path(".openclaw").join(path)).expect("a file");
                }
            }
            broken();
            assert_eq!(home.json(&["config", "restore"])["from"], Value::Null);
            assert_eq!(home.read(".openclaw/openclaw.json"), good);
        });
    });
}

#[test]
fn log_lines_are_read() {
    network::own(|| {
        each_release(None, |home| {
            let lines = home.run(&["logs", "-n", "1000"]).exits(0).stdout;
            let first = lines.lines().next().expect("a line");
            assert!(first.starts_with("2026-11-28T18:05:30.983817Z INFO"), "{first}");
            assert!(
                first.ends_with("Gateway of profile default, version 0.1.0, pid 12714"),
                "{first}"
            );
        });
    });
}

#[test]
fn answers_file_plans_the_instance_that_it_was_saved_from() {
    network::own(|| {
        each_release(None, |home| {
            let flags = [
                "onboard",
                "--non-interactive",
                "--accept-risk",
                "--answers",
                "answers.toml",
            ];
            let words: Vec<_> = flags.into_iter().chain(["--dry-run"]).collect();
            let planned = home.json(&words);
            assert_eq!(
                (&planned["profile"], &planned["gateway"]["port"]),
                (&json!("default"), &json!(18789)),
                "{planned:#}"
            );
        });
    });
}

#[test]
fn unit_of_a_service_is_read() {
    network::own(|| {
        each_release(None, |home| {
            let profiles = home.json(&["profiles"]);
            let file = "/home/ada/.config/systemd/user/openclaw-gateway-rescue.service";
            assert_eq!(profiles["profiles"][1]["serviceFile"], file, "{profiles:#}");
            let found = home.json(&["--profile", "rescue", "doctor"]);
            let mut findings = found["findings"].as_array().expect("a list").iter();
            let gone = findings
                .find(|finding| finding["id"] == "service-binary")
                .expect("a finding");
            assert!(
                gone["message"]
                    .as_str()
                    .expect("text")
                    .contains("/home/ada/bin/openclaw"),
                "{gone}"
            );
        });
    });
}

#[test]
fn draft_of_a_killed_wizard_is_offered_again() {
    network::own(|| {
        each_release(None, |home| {
            let mut wizard = Terminal::run(home.command(&["--profile", "work", "onboard"]), Size::tall(80));
            let english = openclaw::i18n::Lang::english();
            wizard.wait_for(english.text("onboard.resume").expect("a sentence"));
            wizard.press(Key::CtrlC);
            assert_eq!(wizard.exit_code(), 130);
        });
    });
}
