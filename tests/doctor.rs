//! `openclaw doctor`: a healthy host has no finding, each seeded fault has its own finding, and `--fix` makes the
//! changes that it showed and no others.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use serde_json::Value;

use crate::onboard::onboard_ok;
use crate::support::pty::{Size, Terminal};
use crate::support::{Ran, Sandbox, network};

mod faults;
mod host;
mod includes;
mod inside;
mod paths;
mod running;

/// Creates a home folder with a default instance and a `rescue` instance, both set up by this program.
pub(super) fn healthy_host() -> Sandbox {
    let sandbox = Sandbox::new();
    for profile in ["default", "rescue"] {
        let _ = onboard_ok(&sandbox, profile, &[]);
    }
    sandbox
}

/// Runs `openclaw --profile rescue doctor --json WORDS`.
pub(super) fn doctor(sandbox: &Sandbox, words: &[&str]) -> Ran {
    let mut all = vec!["--profile", "rescue", "doctor", "--json"];
    all.extend(words);
    sandbox.run(all)
}

/// Returns the findings in the document of [`doctor`].
pub(super) fn findings(sandbox: &Sandbox, words: &[&str]) -> Vec<Value> {
    let document = doctor(sandbox, words).json();
    document["findings"].as_array().expect("findings").clone()
}

pub(super) fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
}

#[test]
fn healthy_host_has_no_finding_and_no_file_is_changed() {
    network::own(|| {
        let sandbox = healthy_host();
        let before = sandbox.tree();
        for words in [
            &["doctor"][..],
            &["--profile", "rescue", "doctor"],
            &["doctor", "--all"],
        ] {
            let ran = sandbox.run(words).exits(0);
            assert!(ran.stdout.contains("checks passed"), "{}", ran.stdout);
        }
        let document = doctor(&sandbox, &["--all"]).exits(0).json();
        assert_eq!(document["findings"], serde_json::json!([]));
        assert_eq!(document["ok"], true);
        let _ = doctor(&sandbox, &["--fix", "--yes"]).exits(0);
        assert_eq!(sandbox.tree(), before);
    });
}

#[test]
fn errors_of_every_instance_come_before_warnings() {
    network::own(|| {
        let sandbox = healthy_host();
        // The default instance comes first and has a warning only.
        chmod(&sandbox.path(".openclaw"), 0o755);
        sandbox.write(
            ".openclaw-rescue/openclaw.json",
            "{ gateway: { mode: 'local', prot: 1 } }",
        );
        let found = findings(&sandbox, &["--all"]);
        let ranks: Vec<_> = found
            .iter()
            .map(|finding| match finding["severity"].as_str() {
                Some("error") => 0,
                Some("warning") => 1,
                _ => 2,
            })
            .collect();
        assert!(ranks.is_sorted(), "{found:?}");
        for (severity, instance) in [("error", "rescue"), ("warning", "default")] {
            let is_there =
                |finding: &Value| finding["severity"] == severity && finding["instance"] == instance;
            assert!(found.iter().any(is_there), "{severity} of {instance}: {found:?}");
        }
    });
}

/// Chooses instances without profiles, as OpenClaw's documentation does by hand:
/// `OPENCLAW_CONFIG_PATH=~/.openclaw/main.json OPENCLAW_STATE_DIR=~/.openclaw-main openclaw ...`
#[test]
fn instance_chosen_by_two_variables_has_no_finding_and_its_fix_command_works() {
    network::own(|| {
        let sandbox = Sandbox::new();
        let run = |name: &str, args: &[&str]| {
            let mut command = sandbox.command(args.iter().copied());
            command
                .env(
                    "OPENCLAW_CONFIG_PATH",
                    sandbox.path(format!(".openclaw/{name}.json")),
                )
                .env("OPENCLAW_STATE_DIR", sandbox.path(format!(".openclaw-{name}")));
            let output = command.output().expect("a run");
            assert!(output.status.success(), "{name} {args:?}: {output:?}");
            String::from_utf8(output.stdout).expect("text")
        };
        let onboard = ["--lang", "en", "onboard", "--non-interactive", "--accept-risk"];
        for name in ["main", "rescue", "main"] {
            let _ = run(name, &onboard);
        }
        assert_eq!(findings(&sandbox, &["--all"]), [Value::Null; 0]);
        chmod(&sandbox.path(".openclaw-main"), 0o755);
        let stdout = run("main", &["--lang", "en", "doctor", "--json"]);
        let document: Value = serde_json::from_str(&stdout).expect("JSON");
        let mend = document["findings"][0]["mend"].as_str().expect("a command");
        faults::run_fix_command(&sandbox, &format!("{mend} --yes"));
        assert_eq!(findings(&sandbox, &["--all"]), [Value::Null; 0]);
    });
}

#[test]
fn dry_run_shows_the_changes_of_the_fix_and_no_secret() {
    network::own(|| {
        let sandbox = healthy_host();
        let config = sandbox.path(".openclaw-rescue/openclaw.json");
        let mut document: Value =
            serde_json::from_str(&sandbox.read(".openclaw-rescue/openclaw.json")).expect("JSON");
        let token = document["gateway"]["auth"]["token"]
            .as_str()
            .expect("a token")
            .to_owned();
        // A token in a comment, or under a key that is there twice, is a secret too.
        document["gatway"] = serde_json::json!({ "port": 1 });
        document["gateway"]
            .as_object_mut()
            .expect("an object")
            .remove("mode");
        let text = document.to_string();
        let text = text.replacen(
            '{',
            "{ // token: SEEDED-OLD\n\"token\": \"SEEDED-FIRST\", \"token\": \"SEEDED-LAST\",\n",
            1,
        );
        sandbox.write(".openclaw-rescue/openclaw.json", text);
        chmod(&config, 0o644);
        chmod(&sandbox.path(".openclaw-rescue"), 0o755);
        let before = sandbox.tree();
        let other = crate::onboard::change_times(&sandbox.path(".openclaw"));

        let dry = doctor(&sandbox, &["--fix", "--dry-run"]).exits(1).json();
        assert_eq!(sandbox.tree(), before, "a dry run writes nothing");
        let ran = doctor(&sandbox, &["--fix"]).exits(2);
        assert!(ran.stdout.contains("--yes") && sandbox.tree() == before);
        let done = doctor(&sandbox, &["--fix", "--yes"]).exits(0).json();
        assert_eq!(dry["fix"]["diff"], done["fix"]["diff"]);
        let diff = done["fix"]["diff"].as_str().expect("a text");
        assert!(
            diff.contains("gatway") && diff.contains("from 0755 to 0700"),
            "{diff}"
        );
        assert!(!diff.contains(&token) && diff.contains("<unchanged>"), "{diff}");
        assert!(!diff.contains("SEEDED"), "{diff}");
        let stdout = sandbox
            .run([
                "--lang",
                "tr",
                "--profile",
                "rescue",
                "doctor",
                "--fix",
                "--dry-run",
            ])
            .stdout;
        assert!(!stdout.contains("SEEDED"), "{stdout}");
        assert_eq!(done["findings"], serde_json::json!([]), "{done}");
        assert_eq!(crate::onboard::change_times(&sandbox.path(".openclaw")), other);
        let backup = sandbox.read(".openclaw-rescue/openclaw.json.bak");
        assert!(backup.contains("gatway"), "the backup has the old config");
    });
}

#[test]
fn findings_are_printed_in_both_languages_and_fit_forty_columns() {
    network::own(|| {
        let sandbox = healthy_host().var("LC_ALL", "C.UTF-8");
        chmod(&sandbox.path(".openclaw-rescue"), 0o755);
        let report = |lang: &str| {
            sandbox
                .run(["--lang", lang, "--profile", "rescue", "doctor"])
                .exits(0)
                .stdout
        };
        let (english, turkish) = (report("en"), report("tr"));
        assert!(
            english.contains("warning  state-mode  rescue") || english.contains("warning state-mode rescue")
        );
        assert!(english.contains("openclaw --profile rescue doctor --fix"));
        assert!(turkish.contains("uyarı") && turkish.contains("0755"), "{turkish}");
        for line in english.lines().chain(turkish.lines()) {
            assert!(line.chars().count() <= 80, "{line}");
        }
        for lang in ["en", "tr"] {
            let args = ["--lang", lang, "--profile", "rescue", "doctor"];
            let mut terminal = Terminal::start(&sandbox, args, Size::tall(40));
            assert_eq!(terminal.exit_code(), 0);
            let screen = terminal.screen();
            assert!(screen.text().contains("0755"), "{}", screen.text());
            // A command is never broken, so that it can be copied.
            let lines = screen.lines();
            let is_cut = |row: &usize| screen.is_wrapped(*row) && !lines[*row].starts_with("  $ openclaw ");
            let cut = (0..lines.len()).find(is_cut);
            assert_eq!(cut, None, "{}", screen.text());
        }
    });
}

#[test]
fn fix_in_a_folder_of_another_instance_is_refused_and_the_other_fixes_are_made() {
    network::own(|| {
        let sandbox = healthy_host();
        // Both instances use the default's workspace, which others may write to: neither may change its mode, because it
        // is a folder of the other one too.
        let theirs = sandbox.path(".openclaw/workspace");
        chmod(&theirs, 0o777);
        let path = ".openclaw-rescue/openclaw.json";
        let mut config: Value = serde_json::from_str(&sandbox.read(path)).expect("JSON");
        config["agents"]["defaults"]["workspace"] = theirs.display().to_string().into();
        sandbox.write(path, config.to_string());
        let bits = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
        let state = sandbox.path(".openclaw-rescue");
        for words in [&["--fix", "--yes"][..], &["--all", "--fix", "--yes"]] {
            chmod(&state, 0o755);
            let main = crate::onboard::change_times(&sandbox.path(".openclaw"));
            let mut dry = words.to_vec();
            dry[words.len() - 1] = "--dry-run";
            let shown = doctor(&sandbox, &dry).json();
            let ran = doctor(&sandbox, words).exits(1).json();
            assert_eq!(shown["fix"]["diff"], ran["fix"]["diff"]);
            assert_eq!((bits(&state), bits(&theirs)), (0o700, 0o777));
            assert_eq!(crate::onboard::change_times(&sandbox.path(".openclaw")), main);
            let left = ran["findings"].as_array().expect("findings").iter();
            let mut left = left.filter(|f| f["id"] == "workspace-open");
            let named = left.next().expect("it is named");
            assert_eq!(named["fixable"], false);
            assert_eq!(named["mend"], format!("chmod 755 {}", theirs.display()));
            let why = named["leftAlone"].as_str().expect("words");
            assert!(why.contains("another instance"), "{why}");
        }
    });
}

#[test]
fn fix_with_all_changes_every_instance_in_one_run() {
    network::own(|| {
        let sandbox = healthy_host();
        for folder in [".openclaw", ".openclaw-rescue"] {
            chmod(&sandbox.path(folder).join("openclaw.json"), 0o644);
            chmod(&sandbox.path(folder), 0o755);
        }
        let done = doctor(&sandbox, &["--all", "--fix", "--yes"]).exits(0).json();
        assert_eq!(
            (&done["findings"], &done["fix"]["changes"]),
            (&serde_json::json!([]), &4.into())
        );
    });
}

#[test]
fn fix_that_causes_a_worse_finding_is_undone() {
    network::own(|| {
        let sandbox = healthy_host();
        std::fs::remove_file(sandbox.path(".openclaw-rescue/openclaw.json")).expect("a file");
        // The fix would rename it to the config's name, and the config could not be read.
        sandbox.write(".openclaw-rescue/clawdbot.json", "{ \"gateway\": ");
        chmod(&sandbox.path(".openclaw-rescue"), 0o755);
        let before = sandbox.tree();
        let done = doctor(&sandbox, &["--fix", "--yes"]).exits(1).json();
        assert_eq!(done["fix"]["undone"], true, "{done}");
        let at_home = |(path, ..): &(std::path::PathBuf, u32, Vec<u8>)| !path.starts_with(".local");
        let (before, after) = (before, sandbox.tree());
        assert!(
            before
                .iter()
                .filter(|e| at_home(e))
                .eq(after.iter().filter(|e| at_home(e)))
        );
    });
}

#[test]
fn missing_instance_is_one_finding_and_no_file_is_written() {
    let sandbox = Sandbox::new();
    let found = findings(&sandbox, &[]);
    assert_eq!(found[0]["id"], "config-missing");
    assert_eq!(found[0]["mend"], "openclaw --profile rescue onboard");
    let _ = sandbox.run(["doctor", "--all"]).exits(0);
    assert!(sandbox.tree().is_empty(), "nothing is written");
}

#[test]
fn conflict_of_two_instances_is_reported_once_with_all() {
    network::own(|| {
        let sandbox = healthy_host();
        let config = sandbox
            .read(".openclaw-rescue/openclaw.json")
            .replace("19789", "18789");
        sandbox.write(".openclaw-rescue/openclaw.json", config);
        let conflicts = |words: &[&str]| {
            let found = findings(&sandbox, words);
            found
                .into_iter()
                .filter(|f| f["id"] == "ports-conflict")
                .collect::<Vec<_>>()
        };
        let (one, all) = (conflicts(&[]), conflicts(&["--all"]));
        assert_eq!((one.len(), all.len()), (1, 1));
        assert_eq!(one[0]["instance"], "rescue");
        assert_eq!(
            one[0]["mend"],
            "openclaw --profile rescue config set gateway.port 19789"
        );
    });
}

/// The default instance uses paths of `rescue`, which `--all` checks after it.
#[test]
fn path_of_another_instance_is_reported_for_the_instance_that_uses_it() {
    network::own(|| {
        let sandbox = healthy_host();
        let mut main: Value = serde_json::from_str(&sandbox.read(".openclaw/openclaw.json")).expect("JSON");
        let theirs = |name: &str| sandbox.path(".openclaw-rescue").join(name).display().to_string();
        std::fs::create_dir(theirs("desk")).expect("a folder");
        main["agents"]["defaults"]["workspace"] = theirs("desk").into();
        main["logging"] = serde_json::json!({ "file": theirs("logs/x.log") });
        sandbox.write(".openclaw/openclaw.json", main.to_string());
        symlink(theirs("desk"), sandbox.path(".openclaw/identity")).expect("a link");
        let found = findings(&sandbox, &["--all"]);
        for id in ["isolation-workspace", "isolation-log", "isolation-link"] {
            let is_of_default = |f: &&Value| f["id"] == id && f["instance"] == "default";
            assert_eq!(found.iter().filter(is_of_default).count(), 1, "{id}: {found:?}");
        }
    });
}

#[test]
fn masked_or_empty_unit_of_another_profile_is_no_service_of_the_default_instance() {
    network::own(|| {
        let sandbox = healthy_host();
        let units = sandbox.path(".config/systemd/user");
        let own = "[Service]\nExecStart=/bin/true gateway run\n";
        sandbox.write(".config/systemd/user/openclaw-gateway.service", own);
        sandbox.write(".config/systemd/user/openclaw-gateway-empty.service", "");
        let notes = "[Service]\nExecStart=/usr/bin/python3 %h/openclaw-notes/srv.py\n";
        sandbox.write(".config/systemd/user/openclaw-gateway-notes.service", notes);
        symlink("/dev/null", units.join("openclaw-gateway-rescue.service")).expect("a link");
        let report = sandbox.run(["doctor", "--all", "--json"]).json();
        let findings = report["findings"].as_array().expect("findings");
        let ids = ["service-double", "service-name"];
        assert!(
            !findings
                .iter()
                .any(|finding| ids.iter().any(|id| finding["id"] == *id)),
            "{report:#}"
        );
    });
}

#[test]
fn config_that_links_to_the_config_of_another_instance_is_reported() {
    network::own(|| {
        let sandbox = healthy_host();
        let path = sandbox.path(".openclaw-rescue/openclaw.json");
        std::fs::remove_file(&path).expect("a file");
        symlink(sandbox.path(".openclaw/openclaw.json"), &path).expect("a link");
        for words in [&[][..], &["--all"]] {
            let found = findings(&sandbox, words);
            assert!(
                found.iter().any(|f| f["id"] == "isolation-config"),
                "{words:?}: {found:?}"
            );
        }
    });
}
