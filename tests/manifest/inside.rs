//! Gateways that run as their manifest says: its entrypoint, variables and health check, at the container's paths, in a network
//! of its own. Where `OPENCLAW_PEERS` names a folder with the real releases, they run too.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use super::tools::{compose, run_in, said};
use super::write_manifest;
use crate::onboard::onboard_ok;
use crate::support::{Reason, Sandbox, skipped};

/// Exit code of the script where the namespace lacks something.
const NO_NAMESPACE: i32 = 77;
/// The script that makes the container's paths, starts the gateway, and ends it once the health check succeeds. Then the gateway
/// starts again with a config that was changed in the meantime, which has to stay.
const SCRIPT: &str = r#"
PATH=$PATH:/usr/sbin:/sbin
ip link set lo up || exit 77
mkdir -p "$ROOT/etc/openclaw" "$ROOT/home/node" "$ROOT/bin"
cp /etc/passwd /etc/group /etc/hosts /etc/nsswitch.conf "$ROOT/etc"
cp "$SEED" "$ROOT/etc/openclaw/openclaw.json"
touch "$ROOT/bin/$NAME"
mount --bind "$PROGRAM" "$ROOT/bin/$NAME" || exit 77
mount --bind "$ROOT/etc" /etc || exit 77
mount --bind "$ROOT/home" /home || exit 77
cd "$FOLDER" || exit 1
config=/home/node/.openclaw/openclaw.json
for run in first second; do
    env -i $VARIABLES PATH="$ROOT/bin:/usr/bin:/bin" /bin/sh -c "$START" & gateway=$!
    until env -i $VARIABLES PATH="$ROOT/bin:/usr/bin:/bin" /bin/sh -c "$HEALTH" >"$ROOT/health" 2>&1; do
        kill -0 "$gateway" 2>/dev/null || { cat "$ROOT/health"; echo "the gateway has ended" >&2; exit 1; }
        sleep 0.2
    done
    kill -KILL "$gateway"
    wait "$gateway" 2>/dev/null
    [ "$run" = second ] || sed -i 's/"bind": "lan"/"bind": "auto"/' "$config"
done
grep -q '"bind": "auto"' "$config" || { echo "the config was replaced" >&2; exit 1; }
"#;

/// A program that a container's image would have, and the folder that it is started in.
struct Image {
    name: &'static str,
    program: PathBuf,
    folder: PathBuf,
}

/// Returns the words of a command as one line for a shell.
fn shell_line(words: &Value) -> String {
    let words = words.as_array().expect("words").iter();
    let quoted = words.map(|word| {
        let word = word.as_str().expect("text").replace("$$", "$");
        format!("'{}'", word.replace('\'', "'\\''"))
    });
    quoted.collect::<Vec<_>>().join(" ")
}

/// Runs the only service of a manifest twice; `None` where that is not possible here.
fn run_service(folder: &Path, image: &Image) -> Option<Output> {
    let compose = compose()?;
    let output = run_in(
        folder,
        &compose,
        &["-f", "compose.yaml", "config", "--format", "json"],
    );
    assert!(output.status.success(), "{}", said(&output));
    let project: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let (name, service) = project["services"].as_object()?.iter().next()?;
    let variables = service["environment"].as_object()?.iter();
    let variables = variables.map(|(name, value)| format!("{name}={}", value.as_str().expect("text")));
    let health = service["healthcheck"]["test"].as_array()?;
    let health: Value = health.iter().skip(1).cloned().collect();
    let root = tempfile::tempdir().expect("a folder");
    let mut command = Command::new("unshare");
    command.args([
        "--map-root-user",
        "--mount",
        "--net",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
    ]);
    command
        .args(["sh", "-c", SCRIPT])
        .env_clear()
        .env("PATH", "/usr/bin:/bin");
    command
        .env("ROOT", root.path())
        .env("SEED", folder.join(format!("{name}.json")))
        .env("NAME", image.name)
        .env("PROGRAM", &image.program)
        .env("FOLDER", &image.folder)
        .env("VARIABLES", variables.collect::<Vec<_>>().join(" "))
        .env("START", service["entrypoint"][2].as_str()?.replace("$$", "$"))
        .env("HEALTH", shell_line(&health));
    let output = command.output().ok()?;
    if output.status.code() == Some(NO_NAMESPACE) || said(&output).starts_with("unshare:") {
        skipped(Reason::NoNamespaces, &said(&output));
        return None;
    }
    Some(output)
}

#[test]
fn native_gateway_starts_from_the_manifest_and_keeps_a_config_that_was_changed_inside() {
    let sandbox = Sandbox::new();
    let _ = onboard_ok(&sandbox, "rescue", &["--skip-channels"]);
    let folder = write_manifest(&sandbox, "compose");
    let image = Image {
        name: "openclaw",
        program: env!("CARGO_BIN_EXE_openclaw").into(),
        folder: "/".into(),
    };
    if let Some(output) = run_service(&folder, &image) {
        assert!(output.status.success(), "{}", said(&output));
    }
}

/// Returns the Node and the folder of an installed release, which its wrapper names.
fn release(wrapper: &Path) -> Image {
    let text = std::fs::read_to_string(wrapper).expect("a wrapper script");
    let words: Vec<&str> = text.split_whitespace().collect();
    let entry = words.iter().position(|word| word.ends_with("openclaw.mjs"));
    let entry = entry.expect("the wrapper names the package's entry");
    Image {
        name: "node",
        program: words[entry - 1].into(),
        folder: Path::new(words[entry]).parent().expect("a folder").to_owned(),
    }
}

#[test]
fn both_releases_start_from_the_manifest_and_answer_its_health_check() {
    let Some(peers) = std::env::var_os("OPENCLAW_PEERS").map(PathBuf::from) else {
        return skipped(Reason::NoPeers, "OPENCLAW_PEERS is not set");
    };
    for (name, version) in [("ocold", "2026.1.30"), ("oc", "2026.9.6")] {
        let sandbox = Sandbox::new();
        let _ = onboard_ok(&sandbox, "work", &["--skip-channels"]);
        sandbox.write(
            ".openclaw-work/instance.toml",
            format!("engine = \"node\"\nrelease = \"{version}\"\n"),
        );
        let folder = write_manifest(&sandbox, "compose");
        let compose = std::fs::read_to_string(folder.join("compose.yaml")).expect("a file");
        assert!(
            compose.contains(&format!("ghcr.io/openclaw/openclaw:{version}")),
            "{compose}"
        );
        if let Some(output) = run_service(&folder, &release(&peers.join(name))) {
            assert!(output.status.success(), "{version}: {}", said(&output));
        }
    }
}
