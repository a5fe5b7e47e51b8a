//! Findings about the host: a disk with little room, and files of another user.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::faults::write_unit;
use super::{chmod, findings, healthy_host};
use crate::support::system_unit::run_with_system_unit;
use crate::support::{Reason, Sandbox, network, put_program, skipped};

/// Returns the severity of a finding in a run's document, or `None` without that finding.
fn severity(stdout: &[u8], id: &str) -> Option<String> {
    let document: Value = serde_json::from_slice(stdout).ok()?;
    let all = document["findings"].as_array()?;
    let one = all.iter().find(|f| f["id"] == id)?;
    Some(one["severity"].as_str()?.to_owned())
}

/// Runs `doctor` with the state folder of the rescue instance on a disk of this size, and returns its document. The error
/// says why no such disk could be mounted.
fn doctor_on_small_disk(sandbox: &Sandbox, megabytes: u32) -> Result<Vec<u8>, String> {
    let script = format!(
        "cp -a .openclaw-rescue kept && mount -t tmpfs -o size={megabytes}m,mode=700 none .openclaw-rescue || exit 77\n\
         cp -a kept/. .openclaw-rescue/ && exec \"$0\" --profile rescue doctor --json"
    );
    let output = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", &script])
        .arg(env!("CARGO_BIN_EXE_openclaw"))
        .env_clear()
        .env("HOME", sandbox.home())
        .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
        .current_dir(sandbox.home())
        .stdin(Stdio::null())
        .output()
        .map_err(|e| e.to_string())?;
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.code() == Some(77) || stderr.starts_with("unshare:") {
        return Err(stderr);
    }
    Ok(output.stdout)
}

#[test]
fn full_disk_is_an_error_and_nearly_full_disk_is_a_warning() {
    network::own(|| {
        for (megabytes, id, expected) in [(8, "disk-full", "error"), (100, "disk-low", "warning")] {
            let sandbox = healthy_host();
            match doctor_on_small_disk(&sandbox, megabytes) {
                Ok(stdout) => assert_eq!(severity(&stdout, id).as_deref(), Some(expected), "{megabytes} MB"),
                Err(why) => return skipped(Reason::NoNamespaces, &why),
            }
        }
    });
}

/// Gives a folder and everything below it to another user. Returns `false` without the right to do so.
fn chown(path: &Path, owner: &str) -> bool {
    let done = Command::new("chown")
        .args(["-R", owner])
        .arg(path)
        .stderr(Stdio::null())
        .status();
    done.is_ok_and(|status| status.success())
}

/// Needs root, which can give files of one user's home folder to another user.
#[test]
fn config_and_state_folder_of_another_user_are_reported() {
    let sandbox = healthy_host();
    let root = sandbox.home().parent().expect("a folder").to_path_buf();
    let program = root.join("openclaw");
    put_program(env!("CARGO_BIN_EXE_openclaw"), &program);
    chmod(&root, 0o755);
    if !chown(&root, "28101:28101") {
        return skipped(Reason::NeedsRoot, "only root can give files away");
    }
    let doctor = || {
        let output = Command::new("setpriv")
            .args(["--reuid", "28101", "--regid", "28101", "--clear-groups"])
            .arg(&program)
            .args(["--profile", "rescue", "doctor", "--json"])
            .env_clear()
            .env("HOME", sandbox.home())
            .env("PATH", "/usr/bin:/bin")
            .current_dir(sandbox.home())
            .stdin(Stdio::null())
            .output();
        output.map(|output| output.stdout)
    };
    let Ok(before) = doctor() else {
        return skipped(Reason::NoProgram("setpriv"), "another user runs the program");
    };
    for (path, mode, id) in [
        (".openclaw-rescue/openclaw.json", 0o644, "config-owner"),
        (".openclaw-rescue", 0o755, "state-owner"),
    ] {
        assert_eq!(severity(&before, id), None);
        let path = sandbox.path(path);
        chmod(&path, mode);
        assert!(chown(&path, "28102:28102"));
        let stdout = doctor().expect("a run");
        let text = String::from_utf8_lossy(&stdout).into_owned();
        assert_eq!(severity(&stdout, id).as_deref(), Some("error"), "{text}");
        assert!(text.contains("28102") && text.contains("sudo chown"), "{text}");
        // The fix, as root would run it for that user.
        assert!(chown(&path, "28101:28101"));
        assert_eq!(severity(&doctor().expect("a run"), id), None);
    }
}

#[test]
fn unit_of_the_system_that_starts_the_gateway_is_a_warning_and_beside_a_service_of_the_user_an_error() {
    network::own(|| {
        let sandbox = healthy_host();
        let unit = format!(
            "[Service]\nExecStart=/usr/bin/node /opt/index.js gateway\nEnvironment=OPENCLAW_STATE_DIR={}\n",
            sandbox.path(".openclaw-rescue").display()
        );
        let args = ["--profile", "rescue", "doctor", "--json"];
        let Some(alone) = run_with_system_unit(&sandbox, &unit, &args) else {
            return;
        };
        assert_eq!(
            severity(alone.stdout.as_bytes(), "service-system").as_deref(),
            Some("warning")
        );
        assert!(
            alone
                .stdout
                .contains("/etc/systemd/system/openclaw-gateway.service")
        );
        write_unit(&sandbox, "openclaw-gateway-rescue", "/bin/true", "");
        let both = run_with_system_unit(&sandbox, &unit, &args).expect("a run");
        assert_eq!(severity(both.stdout.as_bytes(), "service-system"), None);
        assert_eq!(
            severity(both.stdout.as_bytes(), "service-double").as_deref(),
            Some("error")
        );
        let way_out = "sudo systemctl disable --now openclaw-gateway.service";
        assert!(both.stdout.contains(way_out), "{}", both.stdout);
        let main = run_with_system_unit(&sandbox, &unit, &["doctor", "--json"]).expect("a run");
        assert_eq!(
            severity(main.stdout.as_bytes(), "service-system"),
            None,
            "another instance"
        );
    });
}

#[test]
fn openclaw_of_the_host_that_several_gateways_run_is_reported_and_a_rescue_bot_on_it_is_a_warning() {
    let sandbox = healthy_host().with_node_package();
    for (profile, watched) in [("", ""), ("-rescue", "[rescue]\nwatch = ['default']\n")] {
        let record = format!(".openclaw{profile}/instance.toml");
        sandbox.write(record, format!("engine = 'node'\n{watched}"));
    }
    let found = |profile: &str| -> Vec<(String, String, String)> {
        let document = sandbox.run(["--profile", profile, "doctor", "--json"]).json();
        let listed = document["findings"].as_array().expect("findings").iter();
        let of_engine = listed.filter(|finding| {
            let id = finding["id"].as_str().expect("an id");
            ["engine-shared", "engine-rescue"].contains(&id)
        });
        let text = |finding: &Value, key: &str| finding[key].as_str().expect("text").to_owned();
        of_engine
            .map(|finding| {
                (
                    text(finding, "id"),
                    text(finding, "severity"),
                    text(finding, "mend"),
                )
            })
            .collect()
    };
    let row = |id: &str, severity: &str, mend: &str| (id.to_owned(), severity.to_owned(), mend.to_owned());
    assert_eq!(
        found("default"),
        [row(
            "engine-shared",
            "info",
            "openclaw engine install 2026.9.6 && openclaw engine use 2026.9.6"
        )]
    );
    assert_eq!(
        found("rescue"),
        [row(
            "engine-rescue",
            "warning",
            "openclaw --profile rescue engine use native"
        )]
    );
    // A release of its own is nobody else's.
    sandbox.write(
        ".openclaw-rescue/instance.toml",
        "engine = 'node'\nrelease = '2026.9.6'\n",
    );
    assert_eq!(found("default"), []);
}

/// Writes a program below HOME that answers as a copy of this one.
fn write_copy(sandbox: &Sandbox, path: &str, version: &str, method: &str) {
    let program = sandbox.path(path);
    let answer = format!(
        r#"{{"package": "openclaw-rs", "version": "{version}", "installed": "{method}", "program": "{}"}}"#,
        program.display()
    );
    let text = format!("#!/bin/sh\necho '{answer}'\n");
    let _ = sandbox.script(path, text);
}

#[test]
fn another_copy_of_the_program_on_the_search_path_is_reported() {
    network::own(|| {
        let mut sandbox = healthy_host();
        std::fs::create_dir_all(sandbox.path("first")).unwrap();
        symlink(env!("CARGO_BIN_EXE_openclaw"), sandbox.path("first/openclaw")).unwrap();
        symlink(env!("CARGO_BIN_EXE_openclaw"), sandbox.path("first/openclaw-rs")).unwrap();
        write_copy(&sandbox, "second/openclaw-rs", "0.0.1", "npm");
        // A script of the name that npm's program has is not asked.
        write_copy(&sandbox, "third/openclaw", "0.0.2", "cargo");
        let path = ["first", "second", "third"].map(|folder| sandbox.path(folder).display().to_string());
        sandbox = sandbox.var("PATH", format!("{}:/usr/bin:/bin", path.join(":")));
        let found = findings(&sandbox, &["--all"]);
        let doubles: Vec<_> = found
            .iter()
            .filter(|finding| finding["id"] == "install-double")
            .collect();
        let [double] = doubles[..] else {
            panic!("{found:?}");
        };
        assert_eq!(double["severity"], "warning");
        assert_eq!(double["mend"], "npm uninstall -g openclaw-rs");
        assert!(
            double["message"]
                .as_str()
                .unwrap()
                .contains("second/openclaw-rs (0.0.1 npm)"),
            "{double}"
        );
        // The same copy by two names is one.
        sandbox = sandbox.var("PATH", format!("{}:/usr/bin:/bin", path[0]));
        assert!(
            findings(&sandbox, &[])
                .iter()
                .all(|finding| finding["id"] != "install-double")
        );
    });
}

#[test]
fn current_completions_and_man_pages_are_no_finding() {
    let sandbox = healthy_host();
    let script = sandbox.run(["completions", "bash"]).exits(0).stdout;
    sandbox.write(".local/share/bash-completion/completions/openclaw", &script);
    let script = sandbox.run(["completions", "zsh"]).exits(0).stdout;
    let added = "[ \"$funcstack[1]\" = _openclaw ] && _clap_dynamic_completer_openclaw \"$@\"\n";
    sandbox.write(".local/share/zsh/site-functions/_openclaw", script + added);
    // Those of OpenClaw from npm are none of ours.
    sandbox.write(
        ".config/fish/completions/openclaw.fish",
        "complete -c openclaw -f\n",
    );
    std::fs::create_dir_all(sandbox.path(".local/share/man/man1")).unwrap();
    let _ = sandbox.run(["man", "--dir", ".local/share/man/man1"]).exits(0);
    let found = findings(&sandbox, &[]);
    let of_installation = ["install-double", "completion-old", "man-page-old"];
    let wrong = found
        .iter()
        .find(|finding| of_installation.iter().any(|id| finding["id"] == *id));
    assert_eq!(wrong, None);
}
