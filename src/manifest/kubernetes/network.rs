//! The network policy of a service: who may reach it, and what it may reach.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::{Value, json};

use crate::manifest::spec::ContainerSpec;
use crate::url::{ServerUrl, host_ip, is_loopback_host};

/// Label of the pods that may reach a gateway; its value is the name of the gateway's service.
const CLIENT_LABEL: &str = "openclaw-client";
/// Port of HTTPS, by which models and messengers are reached.
const HTTPS_PORT: u16 = 443;
/// Key of a config whose addresses are those of clients' pages, not of servers.
const CLIENT_KEY: &str = "allowedOrigins";
/// Networks that no server on the internet is in: those of clusters and offices, and of the metadata of clouds.
const PRIVATE_NETWORKS: [&str; 5] = [
    "10.0.0.0/8",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
];
const PRIVATE_NETWORKS_V6: [&str; 2] = ["fc00::/7", "fe80::/10"];

/// The servers that a config names, by how a policy can name them.
#[derive(Debug, Default)]
struct Servers {
    /// The ports of servers on the internet.
    public: BTreeSet<u16>,
    /// The ports of servers in the cluster, which have names without a domain.
    cluster: BTreeSet<u16>,
    /// Servers with an address of a private network, each with its port.
    private: BTreeSet<(IpAddr, u16)>,
}

/// Returns the network policy of a service. In come the pods with its label, to the gateway's port. Out go questions for
/// names, and connections to the internet on the ports of HTTPS and of servers that the config names. `port` is the name of the gateway's port.
pub(super) fn policy(spec: &ContainerSpec, labels: &Value, port: &str) -> Value {
    let mut servers = Servers::default();
    servers.public.insert(HTTPS_PORT);
    collect_servers(&spec.config, &mut servers);
    let tcp = |number: &u16| json!({ "protocol": "TCP", "port": number });
    let mut egress = vec![
        json!({
            "to": [{ "namespaceSelector": {} }],
            "ports": [{ "protocol": "UDP", "port": 53 }, { "protocol": "TCP", "port": 53 }],
        }),
        json!({
            "to": [
                { "ipBlock": { "cidr": "0.0.0.0/0", "except": PRIVATE_NETWORKS } },
                { "ipBlock": { "cidr": "::/0", "except": PRIVATE_NETWORKS_V6 } },
            ],
            "ports": servers.public.iter().map(tcp).collect::<Vec<_>>(),
        }),
    ];
    if !servers.cluster.is_empty() {
        egress.push(json!({
            "to": [{ "namespaceSelector": {} }],
            "ports": servers.cluster.iter().map(tcp).collect::<Vec<_>>(),
        }));
    }
    for (ip, port) in &servers.private {
        let bits = if ip.is_ipv4() { 32 } else { 128 };
        egress.push(json!({
            "to": [{ "ipBlock": { "cidr": format!("{ip}/{bits}") } }],
            "ports": [tcp(port)],
        }));
    }
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": { "name": spec.name, "labels": labels },
        "spec": {
            "podSelector": { "matchLabels": labels },
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{
                "from": [{ "podSelector": { "matchLabels": { CLIENT_LABEL: spec.name } } }],
                "ports": [{ "protocol": "TCP", "port": port }],
            }],
            "egress": egress,
        },
    })
}

/// Collects the servers whose addresses are texts of a config, whatever their keys.
fn collect_servers(value: &Value, servers: &mut Servers) {
    match value {
        Value::Object(map) => map
            .iter()
            .filter(|(key, _)| *key != CLIENT_KEY)
            .for_each(|(_, value)| collect_servers(value, servers)),
        Value::Array(values) => values.iter().for_each(|value| collect_servers(value, servers)),
        Value::String(text) => {
            let Some(url) = ServerUrl::parse(text.trim()) else {
                return;
            };
            let (Some(port), false) = (url.port_or_default(), is_loopback_host(url.host())) else {
                return;
            };
            match host_ip(url.host()) {
                Some(ip) => {
                    servers.private.insert((ip, port));
                }
                None if is_cluster_name(url.host()) => {
                    servers.cluster.insert(port);
                }
                None => {
                    servers.public.insert(port);
                }
            }
        }
        _ => {}
    }
}

/// Returns whether a host's name is one of a cluster: without a domain, or in that of the cluster.
fn is_cluster_name(host: &str) -> bool {
    let last = host.rsplit('.').next();
    !host.contains('.') || last == Some("svc") || host.ends_with(".cluster.local")
}
