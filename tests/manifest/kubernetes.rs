//! Manifests for Kubernetes, judged by the schemas of Kubernetes.

use std::path::Path;
use std::process::Output;

use super::tools::{assert_rejects_mistake, kubernetes_validate, run_in, yaml_documents};
use super::{sandbox_with_two_instances, write_manifest};

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
    let service = &find("Service")["spec"]["ports"][0];
    assert_eq!(service["port"], 19789);
    let policy = &find("NetworkPolicy")["spec"];
    assert_eq!(policy["ingress"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        policy["ingress"][0]["from"][0]["podSelector"]["matchLabels"]["openclaw-client"],
        "openclaw-rescue"
    );
}

#[test]
fn kustomization_makes_each_secret_of_its_env_file() {
    let sandbox = sandbox_with_two_instances();
    let folder = write_manifest(&sandbox, "kubernetes");
    let Some(documents) = yaml_documents(&folder.join("kustomization.yaml")) else {
        return;
    };
    let kustomization = &documents[0];
    for (at, name) in ["openclaw-default", "openclaw-rescue"].into_iter().enumerate() {
        assert_eq!(kustomization["resources"][at], format!("{name}.yaml"));
        assert_eq!(kustomization["secretGenerator"][at]["name"], name);
        assert_eq!(
            kustomization["secretGenerator"][at]["envs"][0],
            format!("{name}.env")
        );
        assert!(folder.join(format!("{name}.env")).is_file());
    }
}
