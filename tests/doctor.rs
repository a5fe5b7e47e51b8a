//! `openclaw doctor`: a healthy host has no finding, each seeded fault has its own, and what can be mended
//! is mended, once, as it was shown.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use serde_json::Value;

use crate::onboard::onboard_ok;
use crate::support::pty::{Size, Terminal};
use crate::support::{Ran, Sandbox, network};

mod faults;
mod host;
mod inside;
mod running;

/// A host with a default instance and a rescue bot, both set up by this program.
pub(super) fn healthy() -> Sandbox {
    let sandbox = Sandbox::new();
    for profile in ["default", "rescue"] {
        let _ = onboard_ok(&sandbox, profile, &[]);
    }
    sandbox
}

pub(super) fn doctor(sandbox: &Sandbox, words: &[&str]) -> Ran {
    let mut all = vec!["--profile", "rescue", "doctor", "--json"];
    all.extend(words);
    sandbox.run(all)
}

pub(super) fn findings(sandbox: &Sandbox, words: &[&str]) -> Vec<Value> {
    let document = doctor(sandbox, words).json();
    document["findings"].as_array().expect("findings").clone()
}

pub(super) fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
}

#[test]
fn a_healthy_host_has_no_finding_and_no_byte_is_changed() {
    network::own(|| {
        let sandbox = healthy();
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

/// `OPENCLAW_CONFIG_PATH=~/.openclaw/main.json OPENCLAW_STATE_DIR=~/.openclaw-main openclaw ...`
#[test]
fn the_manual_way_of_the_page_is_clean_and_its_commands_lead_to_it() {
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
        let said = run("main", &["--lang", "en", "doctor", "--json"]);
        let document: Value = serde_json::from_str(&said).expect("JSON");
        let mend = document["findings"][0]["mend"].as_str().expect("a command");
        faults::mend(&sandbox, &format!("{mend} --yes"));
        assert_eq!(findings(&sandbox, &["--all"]), [Value::Null; 0]);
    });
}

#[test]
fn the_dry_run_is_what_the_fix_then_does() {
    network::own(|| {
        let sandbox = healthy();
        let config = sandbox.path(".openclaw-rescue/openclaw.json");
        let mut document: Value =
            serde_json::from_str(&sandbox.read(".openclaw-rescue/openclaw.json")).expect("JSON");
        let token = document["gateway"]["auth"]["token"]
            .as_str()
            .expect("a token")
            .to_owned();
        // What stands in a comment, or under a key that stands twice, is a secret all the same.
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
        let said = sandbox
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
        assert!(!said.contains("SEEDED"), "{said}");
        assert_eq!(done["findings"], serde_json::json!([]), "{done}");
        assert_eq!(crate::onboard::change_times(&sandbox.path(".openclaw")), other);
        let backup = sandbox.read(".openclaw-rescue/openclaw.json.bak");
        assert!(backup.contains("gatway"), "what stood there is kept");
    });
}

#[test]
fn findings_are_said_in_both_languages_and_fit_forty_columns() {
    network::own(|| {
        let sandbox = healthy().var("LC_ALL", "C.UTF-8");
        chmod(&sandbox.path(".openclaw-rescue"), 0o755);
        let say = |lang: &str| {
            sandbox
                .run(["--lang", lang, "--profile", "rescue", "doctor"])
                .exits(0)
                .stdout
        };
        let (english, turkish) = (say("en"), say("tr"));
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
            let cut = (0..200).find(|row| screen.is_wrapped(*row));
            assert_eq!(cut, None, "{}", screen.text());
        }
    });
}

#[test]
fn a_fix_that_would_reach_into_another_instance_is_left_alone_and_the_rest_is_mended() {
    network::own(|| {
        let sandbox = healthy();
        // Main's workspace is the rescue bot's too, and open: for each of them that is another's folder.
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
fn all_instances_are_mended_at_once_each_in_its_own_place() {
    network::own(|| {
        let sandbox = healthy();
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
fn a_fix_that_makes_something_worse_is_taken_back() {
    network::own(|| {
        let sandbox = healthy();
        std::fs::remove_file(sandbox.path(".openclaw-rescue/openclaw.json")).expect("a file");
        // It would get the config's name, and then there were a config that can't be read.
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
fn an_instance_that_is_not_there_is_one_finding() {
    let sandbox = Sandbox::new();
    let found = findings(&sandbox, &[]);
    assert_eq!(found[0]["id"], "config-missing");
    assert_eq!(found[0]["mend"], "openclaw --profile rescue onboard");
    let _ = sandbox.run(["doctor", "--all"]).exits(0);
    assert!(sandbox.tree().is_empty(), "nothing is made");
}

#[test]
fn two_instances_are_told_once_with_all() {
    network::own(|| {
        let sandbox = healthy();
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

/// Main reaches into the rescue bot; with all, the rescue bot comes after it.
#[test]
fn a_reach_into_another_instance_is_told_of_whoever_reaches() {
    network::own(|| {
        let sandbox = healthy();
        let mut main: Value = serde_json::from_str(&sandbox.read(".openclaw/openclaw.json")).expect("JSON");
        let theirs = |name: &str| sandbox.path(".openclaw-rescue").join(name).display().to_string();
        std::fs::create_dir(theirs("desk")).expect("a folder");
        main["agents"]["defaults"]["workspace"] = theirs("desk").into();
        main["logging"] = serde_json::json!({ "file": theirs("logs/x.log") });
        sandbox.write(".openclaw/openclaw.json", main.to_string());
        symlink(theirs("desk"), sandbox.path(".openclaw/identity")).expect("a link");
        let found = findings(&sandbox, &["--all"]);
        for id in ["isolation-workspace", "isolation-log", "isolation-link"] {
            let told = |f: &&Value| f["id"] == id && f["instance"] == "default";
            assert_eq!(found.iter().filter(told).count(), 1, "{id}: {found:?}");
        }
    });
}

#[test]
fn a_config_that_is_a_link_to_anothers_is_found() {
    network::own(|| {
        let sandbox = healthy();
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
