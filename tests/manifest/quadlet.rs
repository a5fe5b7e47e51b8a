//! Manifests for Quadlet, judged by Podman's generator of units and by systemd.

use std::path::Path;
use std::process::{Command, Output};

use super::tools::{assert_rejects_mistake, quadlet, run_in, said};
use super::{base_port, sandbox_with_two_instances, write_manifest};
use crate::support::installed;

/// Lets Podman's generator read the units in a folder, and print those of systemd.
fn generate(quadlet: &Path, folder: &Path) -> Output {
    let mut command = Command::new(quadlet);
    command
        .args(["-user", "-dryrun"])
        .env_clear()
        .env("QUADLET_UNIT_DIRS", folder);
    command.output().expect("the generator starts")
}

#[test]
fn generator_accepts_the_instances_of_the_wizard_and_rejects_a_mistake() {
    let Some(quadlet) = quadlet() else { return };
    let sandbox = sandbox_with_two_instances();
    let folder = write_manifest(&sandbox, "quadlet");
    assert_rejects_mistake(
        || generate(&quadlet, &folder),
        &folder.join("openclaw-rescue.container"),
        ("PidsLimit=", "PidLimit="),
        "PidLimit",
    );
}

#[test]
fn containers_are_hardened_and_each_has_its_own_volume_and_files() {
    let Some(quadlet) = quadlet() else { return };
    let sandbox = sandbox_with_two_instances();
    let folder = write_manifest(&sandbox, "quadlet");
    let output = generate(&quadlet, &folder);
    assert!(output.status.success(), "{}", said(&output));
    let units = String::from_utf8(output.stdout).expect("text");
    let starts: Vec<_> = units
        .lines()
        .filter(|line| line.starts_with("ExecStart=/usr/bin/podman run"))
        .collect();
    assert_eq!(starts.len(), 2, "{units}");
    for profile in ["default", "rescue"] {
        let (name, port) = (&format!("openclaw-{profile}"), base_port(&sandbox, profile));
        let start = starts
            .iter()
            .find(|start| start.contains(&format!("--name {name} ")));
        let start = start.expect(name);
        for words in [
            format!("--publish 127.0.0.1:{port}:18789"),
            format!("-v {name}:/home/node"),
            format!(
                "-v {}:/etc/openclaw/openclaw.json:ro,Z",
                folder.join(format!("{name}.json")).display()
            ),
            format!("--env-file {}", folder.join(format!("{name}.env")).display()),
            "--read-only".to_owned(),
            "--cap-drop all".to_owned(),
            "--security-opt=no-new-privileges".to_owned(),
            "--pids-limit 512".to_owned(),
            "--userns keep-id:uid=1000,gid=1000".to_owned(),
            "--network pasta".to_owned(),
            "--memory=256m".to_owned(),
        ] {
            assert!(start.contains(&words), "{words}:\n{start}");
        }
    }
}

#[test]
fn systemd_accepts_what_the_generator_makes_and_rejects_a_mistake() {
    let Some(quadlet) = quadlet() else { return };
    if !installed("systemd-analyze") {
        return;
    }
    let sandbox = sandbox_with_two_instances();
    let folder = write_manifest(&sandbox, "quadlet");
    let units = sandbox.path("units");
    std::fs::create_dir(&units).expect("a folder");
    let mut command = Command::new(&quadlet);
    let made = command
        .arg("-user")
        .arg(&units)
        .env_clear()
        .env("QUADLET_UNIT_DIRS", &folder);
    let made = made.output().expect("the generator starts");
    assert!(made.status.success(), "{}", said(&made));
    for entry in std::fs::read_dir(&units).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            // Podman need not be installed here.
            let text = std::fs::read_to_string(&path).expect("text");
            std::fs::write(&path, text.replace("/usr/bin/podman", "/bin/true")).expect("written");
        }
    }
    let unit = units.join("openclaw-rescue.service");
    let analyze = Path::new("/usr/bin/systemd-analyze");
    let path = unit.to_str().expect("text").to_owned();
    assert_rejects_mistake(
        || run_in(&units, analyze, &["--user", "--man=no", "verify", &path]),
        &unit,
        ("ExecStart=/bin/true", "ExecStart=bin/true"),
        "openclaw-rescue.service",
    );
}
