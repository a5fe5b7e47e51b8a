//! The manifest for Kubernetes: objects of each service, and a `kustomization.yaml` that makes the secrets of the env files.

use serde_json::{Value, json};

use super::file::ManifestFile;
use super::layout::{CONTAINER_HOME, CONTAINER_USER, SEED_FILE_NAME, SEED_FOLDER};
use super::probes::Probe;
use super::spec::ContainerSpec;
use super::yaml::to_yaml;
use crate::ports::DEFAULT_BASE;
use crate::record::Engine;

mod network;

/// Name of the file that kustomize looks for.
const KUSTOMIZATION_FILE: &str = "kustomization.yaml";
/// Name of the gateway's container, and of its port.
const GATEWAY: &str = "gateway";
/// Names of the volumes of a pod: the home folder, the config to start with, and temporary files.
const HOME_VOLUME: &str = "home";
const SEED_VOLUME: &str = "config";
const SCRATCH_VOLUME: &str = "scratch";
/// Place of the volume of temporary files in the init container, which makes the folder in it that everybody may write to.
const SCRATCH_FOLDER: &str = "/scratch";

/// Returns the files for Kubernetes, without the env files.
pub(super) fn files(specs: &[ContainerSpec]) -> Vec<ManifestFile> {
    let objects_file_name = |spec: &ContainerSpec| format!("{}.yaml", spec.name);
    let secret = |spec: &ContainerSpec| json!({ "name": spec.name, "envs": [spec.env_file_name()] });
    let kustomization = json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": specs.iter().map(objects_file_name).collect::<Vec<_>>(),
        "secretGenerator": specs.iter().map(secret).collect::<Vec<_>>(),
        // The objects name the secret, whoever makes it.
        "generatorOptions": { "disableNameSuffixHash": true },
    });
    let objects = |spec: &ContainerSpec| {
        let documents = [
            config_map(spec),
            service(spec),
            network::policy(spec, &labels(spec), GATEWAY),
            stateful_set(spec),
        ];
        ManifestFile::plain(objects_file_name(spec), to_yaml(&documents))
    };
    let kustomization = ManifestFile::plain(KUSTOMIZATION_FILE, to_yaml(&[kustomization]));
    std::iter::once(kustomization)
        .chain(specs.iter().map(objects))
        .collect()
}

/// Returns the labels by which the objects of a service are found.
fn labels(spec: &ContainerSpec) -> Value {
    json!({ "app.kubernetes.io/name": "openclaw", "app.kubernetes.io/instance": spec.name })
}

/// Returns the metadata of an object of a service.
fn metadata(spec: &ContainerSpec) -> Value {
    json!({ "name": spec.name, "labels": labels(spec) })
}

/// Returns the object with the config that the gateway starts with when it has none.
fn config_map(spec: &ContainerSpec) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(spec),
        "data": { SEED_FILE_NAME: spec.config_text() },
    })
}

/// Returns the object by which clients in the cluster find the gateway. It has the port of the instance, so that a forwarded
/// port has the number that the config allows.
fn service(spec: &ContainerSpec) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(spec),
        "spec": {
            "type": "ClusterIP",
            "selector": labels(spec),
            "ports": [{ "name": GATEWAY, "port": spec.port, "targetPort": GATEWAY, "protocol": "TCP" }],
        },
    })
}

/// Returns the object that runs one pod with a volume of its own: before a new one starts, the old one has ended.
fn stateful_set(spec: &ContainerSpec) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": metadata(spec),
        "spec": {
            "replicas": 1,
            "serviceName": spec.name,
            "selector": { "matchLabels": labels(spec) },
            "template": { "metadata": { "labels": labels(spec) }, "spec": pod(spec) },
            "volumeClaimTemplates": [{
                "metadata": { "name": HOME_VOLUME, "labels": labels(spec) },
                "spec": {
                    "accessModes": ["ReadWriteOnce"],
                    "resources": { "requests": { "storage": storage(spec.engine) } },
                },
            }],
        },
    })
}

/// Returns the size of the volume that a gateway asks for.
fn storage(engine: Engine) -> &'static str {
    match engine {
        Engine::Native => "1Gi",
        Engine::Node => "5Gi",
    }
}

/// Returns the description of a service's pod.
fn pod(spec: &ContainerSpec) -> Value {
    json!({
        "automountServiceAccountToken": false,
        // Variables for each Service would be named like those of a gateway.
        "enableServiceLinks": false,
        "securityContext": {
            "runAsNonRoot": true,
            "runAsUser": CONTAINER_USER,
            "runAsGroup": CONTAINER_USER,
            "fsGroup": CONTAINER_USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": { "type": "RuntimeDefault" },
        },
        "terminationGracePeriodSeconds": spec.stop_seconds,
        "initContainers": [init_container(spec)],
        "containers": [gateway_container(spec)],
        "volumes": [
            { "name": SEED_VOLUME, "configMap": { "name": spec.name } },
            { "name": SCRATCH_VOLUME, "emptyDir": {} },
        ],
    })
}

/// Returns the container that puts the config in its place where none is, and makes the folder for temporary files.
fn init_container(spec: &ContainerSpec) -> Value {
    let tmp = format!("{SCRATCH_FOLDER}/tmp");
    let script = format!(
        "set -e; mkdir -p {tmp}; chmod 1777 {tmp}; {}",
        ContainerSpec::seed_script()
    );
    json!({
        "name": "seed-config",
        "image": spec.image.text,
        "imagePullPolicy": pull_policy(spec),
        "command": ["/bin/sh", "-c", script],
        "securityContext": hardening(),
        "resources": resources(spec),
        "volumeMounts": [
            { "name": HOME_VOLUME, "mountPath": CONTAINER_HOME },
            { "name": SEED_VOLUME, "mountPath": SEED_FOLDER, "readOnly": true },
            { "name": SCRATCH_VOLUME, "mountPath": SCRATCH_FOLDER },
        ],
    })
}

/// Returns the container of the gateway.
fn gateway_container(spec: &ContainerSpec) -> Value {
    let plain = spec.variables.iter();
    let plain = plain.map(|(name, value)| json!({ "name": name, "value": value }));
    let secret = spec.secrets.names().map(|name| {
        let reference = json!({ "name": spec.name, "key": name });
        json!({ "name": name, "valueFrom": { "secretKeyRef": reference } })
    });
    json!({
        "name": GATEWAY,
        "image": spec.image.text,
        "imagePullPolicy": pull_policy(spec),
        "command": spec.command,
        "env": plain.chain(secret).collect::<Vec<_>>(),
        "ports": [{ "name": GATEWAY, "containerPort": DEFAULT_BASE, "protocol": "TCP" }],
        "securityContext": hardening(),
        "resources": resources(spec),
        // 60 times 5 seconds: the first start may bring state up to date.
        "startupProbe": probe(spec, spec.probes.startup, 5, 60),
        "readinessProbe": probe(spec, spec.probes.readiness, 10, 3),
        "livenessProbe": probe(spec, spec.probes.liveness, 30, 3),
        "volumeMounts": [
            { "name": HOME_VOLUME, "mountPath": CONTAINER_HOME },
            { "name": SCRATCH_VOLUME, "mountPath": "/tmp", "subPath": "tmp" },
        ],
    })
}

/// Returns when the image is fetched: never where no server has it.
fn pull_policy(spec: &ContainerSpec) -> &'static str {
    if spec.image.is_local {
        "Never"
    } else {
        "IfNotPresent"
    }
}

/// Returns what a container may not do.
fn hardening() -> Value {
    json!({
        "allowPrivilegeEscalation": false,
        "readOnlyRootFilesystem": true,
        "capabilities": { "drop": ["ALL"] },
    })
}

/// Returns the memory and the processor time that a container gets.
fn resources(spec: &ContainerSpec) -> Value {
    json!({
        "requests": { "cpu": "100m", "memory": format!("{}Mi", spec.memory / 2) },
        "limits": { "memory": format!("{}Mi", spec.memory) },
    })
}

/// Returns a probe that is repeated every `period` seconds and may fail `failures` times.
fn probe(spec: &ContainerSpec, probe: Probe, period: u32, failures: u32) -> Value {
    let scheme = if spec.has_tls { "HTTPS" } else { "HTTP" };
    let (kind, action) = match probe {
        Probe::Route { path, .. } => (
            "httpGet",
            json!({ "path": path, "port": GATEWAY, "scheme": scheme }),
        ),
        Probe::Port => ("tcpSocket", json!({ "port": GATEWAY })),
    };
    json!({ kind: action, "periodSeconds": period, "timeoutSeconds": 10, "failureThreshold": failures })
}
