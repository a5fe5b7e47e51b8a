//! The manifest for Podman's Quadlet: a container and a volume for each service, as units of the user's systemd.

use std::fmt::Write as _;

use serde_json::Value;

use super::file::ManifestFile;
use super::layout::{CONTAINER_HOME, CONTAINER_USER, MAX_PROCESSES, SEED_CONFIG};
use super::probes::Probe;
use super::spec::{ContainerSpec, health_words};
use crate::ports::DEFAULT_BASE;
use crate::service_files::unit;

/// Exit code of a gateway that can't start before a person acts (docs/design.md#exit-codes).
const BLOCKED_EXIT_CODE: u8 = 78;
/// Seconds that systemd waits beyond the time that the gateway has to end.
const STOP_MARGIN_SECONDS: u64 = 10;

/// Returns the files for Podman's generator of units, without the env files.
pub(super) fn files(specs: &[ContainerSpec]) -> Vec<ManifestFile> {
    let of_service = |spec: &ContainerSpec| {
        [
            ManifestFile::plain(format!("{}.container", spec.name), container(spec)),
            ManifestFile::plain(
                format!("{}.volume", spec.name),
                format!("[Volume]\nVolumeName={}\n", spec.name),
            ),
            spec.config_file(),
        ]
    };
    specs.iter().flat_map(of_service).collect()
}

/// Returns the text of the unit of a container.
fn container(spec: &ContainerSpec) -> String {
    let name = &spec.name;
    let mut text = format!("[Unit]\nDescription=OpenClaw gateway, profile {}\n", spec.profile);
    text += "\n[Container]\n";
    let mut set = |key: &str, value: String| {
        let _ = writeln!(text, "{key}={value}");
    };
    set("ContainerName", name.clone());
    set("Image", spec.image.text.clone());
    set(
        "Pull",
        if spec.image.is_local { "never" } else { "missing" }.to_owned(),
    );
    set("Entrypoint", "/bin/sh".to_owned());
    set("Exec", unit::exec_start("-c", &[spec.start_script()]));
    set("RunInit", "true".to_owned());
    // The user's own id outside is that of the image's user inside, so that both can read the files.
    set(
        "UserNS",
        format!("keep-id:uid={CONTAINER_USER},gid={CONTAINER_USER}"),
    );
    set("User", CONTAINER_USER.to_string());
    set("Group", CONTAINER_USER.to_string());
    set("Network", "pasta".to_owned());
    set("PublishPort", format!("127.0.0.1:{}:{DEFAULT_BASE}", spec.port));
    set("Volume", format!("{name}.volume:{CONTAINER_HOME}"));
    set(
        "Volume",
        format!("./{}:{SEED_CONFIG}:ro,Z", spec.config_file_name()),
    );
    for (variable, value) in &spec.variables {
        set("Environment", unit::environment(variable, value));
    }
    set("EnvironmentFile", format!("./{}", spec.env_file_name()));
    set("ReadOnly", "true".to_owned());
    set("DropCapability", "all".to_owned());
    set("NoNewPrivileges", "true".to_owned());
    set("PidsLimit", MAX_PROCESSES.to_string());
    set("PodmanArgs", format!("--memory={}m", spec.memory));
    set("StopTimeout", spec.stop_seconds.to_string());
    set("HealthCmd", health_command(spec, spec.probes.liveness));
    set("HealthInterval", "30s".to_owned());
    set("HealthTimeout", "10s".to_owned());
    set("HealthRetries", "3".to_owned());
    set("HealthOnFailure", "kill".to_owned());
    set("HealthStartupCmd", health_command(spec, spec.probes.startup));
    set("HealthStartupInterval", "5s".to_owned());
    set("HealthStartupTimeout", "10s".to_owned());
    set("HealthStartupRetries", "60".to_owned());
    let stop = spec.stop_seconds + STOP_MARGIN_SECONDS;
    text + &format!(
        "\n[Service]\nRestart=on-failure\nRestartPreventExitStatus={BLOCKED_EXIT_CODE}\n\
         TimeoutStartSec=300\nTimeoutStopSec={stop}\n\n[Install]\nWantedBy=default.target\n"
    )
}

/// Returns the command of a probe as Podman takes it: its words as JSON.
fn health_command(spec: &ContainerSpec, probe: Probe) -> String {
    unit::escape_specifiers(&Value::from(health_words(spec, probe)).to_string())
}
