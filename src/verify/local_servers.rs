//! The servers of language models that run on this host and need no key: Ollama and LM Studio.

use std::time::Duration;

use super::models::ModelServer;
use super::{Task, Verdict};
use crate::host::Host;
use crate::url::{ServerUrl, is_loopback_host};

/// Time within which a server on this host has to answer. Where none listens, the system says so at once.
const TIME_LIMIT: Duration = Duration::from_millis(800);

/// A kind of server of language models that people run themselves.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LocalServerKind {
    /// The id of the provider in the config, and the name of the choice.
    pub(crate) id: &'static str,
    /// The name that people know.
    pub(crate) label: &'static str,
    /// The address at which it listens by itself.
    address: &'static str,
    /// The environment variable that holds another address.
    variable: Option<&'static str>,
    /// The key that a config has in place of one: OpenClaw wants one for each provider.
    pub(crate) key: &'static str,
}

/// The kinds of servers that are looked for.
pub(crate) const LOCAL_SERVERS: [LocalServerKind; 2] = [
    LocalServerKind {
        id: "ollama",
        label: "Ollama",
        address: "127.0.0.1:11434",
        variable: Some("OLLAMA_HOST"),
        key: "ollama-local",
    },
    LocalServerKind {
        id: "lmstudio",
        label: "LM Studio",
        address: "127.0.0.1:1234",
        variable: None,
        key: "lmstudio",
    },
];

/// A server of language models that was found on this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LocalServer {
    /// The kind.
    pub(crate) kind: &'static LocalServerKind,
    /// The base URL of its interface.
    pub(crate) base_url: String,
    /// The ids of its models.
    pub(crate) models: Vec<String>,
}

impl LocalServerKind {
    /// Returns the base URL at which a server of this kind is reached; `None` where the environment names another host.
    pub(crate) fn base_url(&self, host: &Host) -> Option<String> {
        let named = self.variable.and_then(|name| host.var(name));
        let typed = named.unwrap_or(self.address);
        let url = if typed.contains("://") {
            typed.to_owned()
        } else {
            format!("http://{typed}")
        };
        let url = ServerUrl::parse(&url)?;
        // A server that listens on every address is reached on loopback, and only there is it ours.
        let name = match url.host() {
            "0.0.0.0" | "::" => "127.0.0.1",
            name if is_loopback_host(name) => name,
            _ => return None,
        };
        let name = if name.contains(':') {
            format!("[{name}]")
        } else {
            name.to_owned()
        };
        let usual = self.address.rsplit_once(':').map_or("", |(_, port)| port);
        let port = url
            .port()
            .map_or_else(|| usual.to_owned(), |port| port.to_string());
        Some(format!("{}://{name}:{port}/v1", url.scheme()))
    }
}

/// Starts to look for the servers of language models on this host.
pub(crate) fn start_search(host: &Host) -> Task<Vec<LocalServer>> {
    let host = host.clone();
    Task::start(move || async move {
        let found = LOCAL_SERVERS.iter().map(|kind| find(kind, &host));
        let found = futures_util::future::join_all(found).await;
        found.into_iter().flatten().collect()
    })
}

/// Returns the server of a kind, where it answers with its models.
async fn find(kind: &'static LocalServerKind, host: &Host) -> Option<LocalServer> {
    let base_url = kind.base_url(host)?;
    let server = ModelServer::custom(&base_url)?;
    match tokio::time::timeout(TIME_LIMIT, server.list(host, None)).await {
        Ok(Verdict::Accepted(models)) => Some(LocalServer {
            kind,
            base_url,
            models,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_of_the_environment_counts_where_it_is_on_this_host() {
        for (typed, expected) in [
            ("", Some("http://127.0.0.1:11434/v1")),
            ("127.0.0.1:5000", Some("http://127.0.0.1:5000/v1")),
            ("0.0.0.0", Some("http://127.0.0.1:11434/v1")),
            ("http://[::1]:5000", Some("http://[::1]:5000/v1")),
            ("localhost", Some("http://localhost:11434/v1")),
            ("gpu.example:11434", None),
            ("no address", None),
        ] {
            let host = Host::fixed(&[], [("OLLAMA_HOST", typed)]);
            assert_eq!(LOCAL_SERVERS[0].base_url(&host).as_deref(), expected, "{typed:?}");
        }
    }
}
