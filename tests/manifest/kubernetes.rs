//! Manifests for Kubernetes, judged by the schemas of Kubernetes.

use std::path::Path;
use std::process::Output;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::tools::{assert_rejects_mistake, kubernetes_validate, kustomize, run_in, said, yaml_documents};
use super::{BOT_TOKEN, base_port, sandbox_with_two_instances, write_manifest};

/// Validates the objects of the rescue instance in a folder.
fn validate(program: &Path, folder: &Path) -> Output {
    run_in(
        folder,
        program,
        &["--strict", "openclaw-default.yaml", "openclaw-rescue.yaml"],
    )
}

#[test]
fn schemas_accept_the_instances_of_the_wizard_and_reject_a_mistake() {
    let Some(program) = kubernetes_validate() else {
        return;
    };
    let sandbox = sandbox_with_two_instances();
    let folder = write_manifest(&sandbox, "kubernetes");
    assert_rejects_mistake(
        || validate(&program, &folder),
        &folder.join("openclaw-rescue.yaml"),
        ("readOnlyRootFilesystem:", "readonlyRootFilesystem:"),
        "readonlyRootFilesystem",
    );
}

#[test]
fn pod_is_hardened_and_gets_its_secrets_by_reference() {
    let sandbox = sandbox_with_two_instances();
    let folder = write_manifest(&sandbox, "kubernetes");
    let Some(documents) = yaml_documents(&folder.join("openclaw-rescue.yaml")) else {
        return;
    };
    let find = |kind: &str| {
        documents
            .iter()
            .find(|document| document["kind"] == kind)
            .expect("an object")
    };
    let set = &find("StatefulSet")["spec"];
    let pod = &set["template"]["spec"];
    assert_eq!(set["replicas"], 1);
    assert_eq!(set["volumeClaimTemplates"].as_array().map(Vec::len), Some(1));
    assert_eq!(pod["automountServiceAccountToken"], false);
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    for container in [&pod["initContainers"][0], &pod["containers"][0]] {
        assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
        assert_eq!(container["securityContext"]["capabilities"]["drop"][0], "ALL");
    }
    let gateway = &pod["containers"][0];
    for (probe, path) in [
        ("startupProbe", "/startupz"),
        ("readinessProbe", "/readyz"),
        ("livenessProbe", "/healthz"),
    ] {
        assert_eq!(gateway[probe]["httpGet"]["path"], path);
    }
    let variables = gateway["env"].as_array().expect("variables");
    let token = variables
        .iter()
        .find(|variable| variable["name"] == "OPENCLAW_GATEWAY_TOKEN");
    let reference = &token.expect("the token")["valueFrom"]["secretKeyRef"];
    assert_eq!(reference["name"], "openclaw-rescue");
    let config = find("ConfigMap")["data"]["openclaw.json"]
        .as_str()
        .expect("a text");
    let config: Value = serde_json::from_str(config).expect("JSON");
    // The name by which other pods reach it.
    assert_eq!(
        config["gateway"]["controlUi"]["allowedOrigins"][0],
        format!("http://openclaw-rescue:{}", base_port(&sandbox, "rescue"))
    );
    let service = &find("Service")["spec"]["ports"][0];
    assert_eq!(service["port"], base_port(&sandbox, "rescue"));
    let policy = &find("NetworkPolicy")["spec"];
    // Names, and HTTPS: nothing else, and no other gateway.
    let egress = policy["egress"].as_array().expect("rules").iter();
    let ports: Vec<_> = egress.map(|rule| rule["ports"][0]["port"].clone()).collect();
    assert_eq!(ports, [53, 443]);
    assert_eq!(policy["ingress"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        policy["ingress"][0]["from"][0]["podSelector"]["matchLabels"]["openclaw-client"],
        "openclaw-rescue"
    );
}

#[test]
fn kustomize_makes_each_secret_of_its_env_file_and_rejects_a_mistake() {
    let (Some(program), Some(validator)) = (kustomize(), kubernetes_validate()) else {
        return;
    };
    let sandbox = sandbox_with_two_instances();
    let folder = write_manifest(&sandbox, "kubernetes");
    assert_rejects_mistake(
        || run_in(&folder, &program, &["build", "."]),
        &folder.join("kustomization.yaml"),
        ("secretGenerator:", "secretsGenerator:"),
        "secretsGenerator",
    );
    let built = folder.join("built.yaml");
    let output = run_in(&folder, &program, &["build", ".", "--output", "built.yaml"]);
    assert!(output.status.success(), "{}", said(&output));
    let output = run_in(&folder, &validator, &["--strict", "built.yaml"]);
    assert!(output.status.success(), "{}", said(&output));
    let documents = yaml_documents(&built).expect("documents");
    let secret = documents
        .iter()
        .find(|document| document["kind"] == "Secret" && document["metadata"]["name"] == "openclaw-rescue");
    let value = &secret.expect("the secret")["data"]["CONFIG_CHANNELS_TELEGRAM_BOT_TOKEN"];
    let value = STANDARD.decode(value.as_str().expect("a text")).expect("base64");
    assert_eq!(value, BOT_TOKEN.as_bytes());
}
