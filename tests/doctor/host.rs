//! Findings that need the host to be otherwise: another disk, another user.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{chmod, healthy};
use crate::support::{Reason, Sandbox, network, put_program, skipped};

/// The severity of a finding in a run's document.
fn severity(stdout: &[u8], id: &str) -> Option<String> {
    let document: Value = serde_json::from_slice(stdout).ok()?;
    let all = document["findings"].as_array()?;
    let one = all.iter().find(|f| f["id"] == id)?;
    Some(one["severity"].as_str()?.to_owned())
}

/// The doctor's document where the rescue bot's state lies on a disk of its own with so much room.
fn on_a_disk_of(sandbox: &Sandbox, megabytes: u32) -> Result<Vec<u8>, String> {
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
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.code() == Some(77) || said.starts_with("unshare:") {
        return Err(said);
    }
    Ok(output.stdout)
}

#[test]
fn a_full_disk_is_an_error_and_a_nearly_full_one_a_warning() {
    network::own(|| {
        for (megabytes, id, bad) in [(8, "disk-full", "error"), (100, "disk-low", "warning")] {
            let sandbox = healthy();
            match on_a_disk_of(&sandbox, megabytes) {
                Ok(said) => assert_eq!(severity(&said, id).as_deref(), Some(bad), "{megabytes} MB"),
                Err(why) => return skipped(Reason::NoNamespaces, &why),
            }
        }
    });
}

fn chown(path: &Path, owner: &str) -> bool {
    let done = Command::new("chown")
        .args(["-R", owner])
        .arg(path)
        .stderr(Stdio::null())
        .status();
    done.is_ok_and(|status| status.success())
}

/// As root: one user's home, another user's files in it.
#[test]
fn files_and_folders_of_another_user_are_found() {
    let sandbox = healthy();
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
        let said = doctor().expect("a run");
        let text = String::from_utf8_lossy(&said).into_owned();
        assert_eq!(severity(&said, id).as_deref(), Some("error"), "{text}");
        assert!(text.contains("28102") && text.contains("sudo chown"), "{text}");
        // The mend, as root would run it for that user.
        assert!(chown(&path, "28101:28101"));
        assert_eq!(severity(&doctor().expect("a run"), id), None);
    }
}
