//! The manifest for Docker Compose: one `compose.yaml`, and a config for each service.

use serde_json::{Map, Value, json};

use super::file::ManifestFile;
use super::layout::{CONTAINER_HOME, CONTAINER_USER, MAX_PROCESSES, SEED_CONFIG};
use super::spec::{ContainerSpec, health_words};
use super::yaml::to_yaml;
use crate::ports::DEFAULT_BASE;

/// Name of the file that Compose looks for.
const COMPOSE_FILE: &str = "compose.yaml";
/// Name of the project where it has several services.
const PROJECT_NAME: &str = "openclaw";

/// Returns the files for Compose, without the env files.
pub(super) fn files(specs: &[ContainerSpec]) -> Vec<ManifestFile> {
    let project = match specs {
        [only] => only.name.as_str(),
        _ => PROJECT_NAME,
    };
    let by_name = |value: &dyn Fn(&ContainerSpec) -> Value| -> Value {
        let entries = specs.iter().map(|spec| (spec.name.clone(), value(spec)));
        entries.collect::<Map<_, _>>().into()
    };
    let document = json!({
        "name": project,
        "services": by_name(&service),
        // A network of its own keeps each container away from the others.
        "networks": by_name(&|_| json!({})),
        "volumes": by_name(&|spec| json!({ "name": spec.name })),
        "configs": by_name(&|spec| json!({ "file": format!("./{}", spec.config_file_name()) })),
    });
    let compose = ManifestFile::plain(COMPOSE_FILE, to_yaml(&[without_interpolation(document)]));
    let configs = specs.iter().map(ContainerSpec::config_file);
    std::iter::once(compose).chain(configs).collect()
}

/// Returns the service of a container.
fn service(spec: &ContainerSpec) -> Value {
    let variables: Map<_, _> = spec
        .variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str())))
        .collect();
    let mut service = json!({
        "image": spec.image.text,
        "pull_policy": if spec.image.is_local { "never" } else { "missing" },
        "restart": "unless-stopped",
        "init": true,
        "user": format!("{CONTAINER_USER}:{CONTAINER_USER}"),
        "entrypoint": ["/bin/sh", "-c", spec.start_script()],
        "command": [],
        "environment": variables,
        // Each line as it is: without quotes, and without a value of the shell's.
        "env_file": [{ "path": format!("./{}", spec.env_file_name()), "format": "raw" }],
        "ports": [format!("127.0.0.1:{}:{DEFAULT_BASE}", spec.port)],
        "networks": [spec.name],
        "volumes": [{ "type": "volume", "source": spec.name, "target": CONTAINER_HOME }],
        "configs": [{ "source": spec.name, "target": SEED_CONFIG }],
        "read_only": true,
        "tmpfs": ["/tmp:mode=1777"],
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "pids_limit": MAX_PROCESSES,
        "mem_limit": format!("{}m", spec.memory),
        "stop_grace_period": format!("{}s", spec.stop_seconds),
        "healthcheck": {
            "test": health_test(spec),
            "interval": "30s",
            "timeout": "10s",
            "retries": 3,
            "start_period": "300s",
            "start_interval": "5s",
        },
    });
    if service_needs_host(spec)
        && let Some(service) = service.as_object_mut()
    {
        service.insert(
            "extra_hosts".to_owned(),
            json!(["host.docker.internal:host-gateway"]),
        );
    }
    service
}

/// Returns whether the config of a container names a server on the host.
fn service_needs_host(spec: &ContainerSpec) -> bool {
    spec.config_text().contains("://host.docker.internal")
}

/// Returns the command that tells inside a container, by its exit code, whether the gateway is ready.
fn health_test(spec: &ContainerSpec) -> Value {
    let words = health_words(spec, spec.probes.readiness);
    std::iter::once("CMD".to_owned()).chain(words).collect()
}

/// Returns a value in which Compose fills in no variable: `$` becomes `$$` in each text.
fn without_interpolation(value: Value) -> Value {
    match value {
        Value::String(text) => text.replace('$', "$$").into(),
        Value::Array(values) => values.into_iter().map(without_interpolation).collect(),
        Value::Object(map) => map
            .into_iter()
            .map(|(key, value)| (key, without_interpolation(value)))
            .collect::<Map<_, _>>()
            .into(),
        other => other,
    }
}
