//! The servers of language models: whether one takes an API key, and which models it has.
//!
//! The base URL is that of the instance's config, else of the environment variable that the provider's own programs read,
//! else the provider's.

use std::collections::HashSet;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::Value;

use super::answer::{judge, timed_out, unreachable};
use super::{TIME_LIMIT, Task, Verdict};
use crate::answers::Provider;
use crate::host::Host;
use crate::https::HttpsClient;
use crate::i18n::msg;
use crate::secret::Secret;
use crate::url::{ServerUrl, is_loopback_host};

/// Maximum number of models of one server that are offered. `OpenRouter` has some hundreds.
const MAX_MODELS: usize = 2000;
/// Maximum length of the id of a model, in bytes.
const MAX_ID_BYTES: usize = 200;

/// The interface by which a provider lists its models.
#[derive(Debug, PartialEq, Eq)]
struct ListingApi {
    /// The provider's base URL; `None` where each server has its own.
    base: Option<&'static str>,
    /// The environment variable that holds another base URL.
    variable: Option<&'static str>,
    /// The start of the paths, which a base URL may end with.
    version: Option<&'static str>,
    /// The path of the list.
    list: &'static str,
    /// The path that wants a key, where the list itself is there for everybody.
    key_check: Option<&'static str>,
    /// The header with the key, and what stands before it.
    key_header: (&'static str, &'static str),
    /// Another header that every request needs.
    further_header: Option<(&'static str, &'static str)>,
    /// A status by which the provider refuses a key, beside the usual ones.
    refusing_status: Option<u16>,
}

/// The interface of `OpenAI`, which most other servers have too.
const OPENAI: ListingApi = ListingApi {
    base: Some("https://api.openai.com/v1"),
    variable: Some("OPENAI_BASE_URL"),
    version: None,
    list: "/models",
    key_check: None,
    key_header: ("authorization", "Bearer "),
    further_header: None,
    refusing_status: None,
};
const ANTHROPIC: ListingApi = ListingApi {
    base: Some("https://api.anthropic.com"),
    variable: Some("ANTHROPIC_BASE_URL"),
    version: Some("/v1"),
    list: "/models?limit=1000",
    key_header: ("x-api-key", ""),
    further_header: Some(("anthropic-version", "2023-06-01")),
    ..OPENAI
};
const OPENROUTER: ListingApi = ListingApi {
    base: Some("https://openrouter.ai/api/v1"),
    variable: Some("OPENROUTER_BASE_URL"),
    key_check: Some("/key"),
    ..OPENAI
};
const GOOGLE: ListingApi = ListingApi {
    base: Some("https://generativelanguage.googleapis.com"),
    variable: Some("GOOGLE_GEMINI_BASE_URL"),
    version: Some("/v1beta"),
    list: "/models?pageSize=1000",
    key_header: ("x-goog-api-key", ""),
    refusing_status: Some(400),
    ..OPENAI
};
/// A server of the user's own.
const CUSTOM: ListingApi = ListingApi {
    base: None,
    variable: None,
    ..OPENAI
};

/// A server of language models.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ModelServer {
    api: &'static ListingApi,
    base: String,
}

impl ModelServer {
    /// Finds the server of a model provider. `configured` is the base URL in the config of the instance, or the one of a
    /// custom provider. `None` where there is none, or it is no URL.
    pub(crate) fn find(provider: Provider, configured: Option<&str>, host: &Host) -> Option<Self> {
        let api = match provider {
            Provider::Anthropic => &ANTHROPIC,
            Provider::OpenAi => &OPENAI,
            Provider::OpenRouter => &OPENROUTER,
            Provider::Google => &GOOGLE,
            Provider::Custom => &CUSTOM,
            Provider::Skip => return None,
        };
        let in_environment = || host.var(api.variable?);
        Self::new(api, configured.or_else(in_environment).or(api.base)?)
    }

    /// Creates the server with the interface of `OpenAI` at this base URL.
    pub(crate) fn custom(base: &str) -> Option<Self> {
        Self::new(&CUSTOM, base)
    }

    fn new(api: &'static ListingApi, base: &str) -> Option<Self> {
        ServerUrl::parse(base).filter(|url| matches!(url.scheme(), "http" | "https"))?;
        Some(Self {
            api,
            base: base.trim_end_matches('/').to_owned(),
        })
    }

    /// Returns the address of the server of models, as a sentence names it.
    pub(crate) fn address(&self) -> String {
        let url = ServerUrl::parse(&self.base);
        url.map_or_else(String::new, |url| url.address().to_owned())
    }

    /// Starts to ask the server for its models, with a key where there is one.
    pub(crate) fn start_listing(&self, host: &Host, key: Option<Secret>) -> Task<Verdict<Vec<String>>> {
        let (server, host) = (self.clone(), host.clone());
        Task::start(move || async move {
            let listed = tokio::time::timeout(TIME_LIMIT, server.list(&host, key.as_ref())).await;
            listed.unwrap_or_else(|_| Verdict::Unchecked(timed_out(&server.address())))
        })
    }

    /// Asks the server for its models.
    pub(super) async fn list(&self, host: &Host, key: Option<&Secret>) -> Verdict<Vec<String>> {
        let address = self.address();
        let client = if self.is_local() {
            Ok(HttpsClient::direct())
        } else {
            HttpsClient::new(host, None)
        };
        let client = match client {
            Ok(client) => client,
            Err(error) => return unreachable(&address, &error),
        };
        let Some(headers) = self.headers(key) else {
            return Verdict::Refused(msg!("verify.no-header", server = address));
        };
        let ask = async |path: &str| {
            let url = self.url(path);
            let answer = client.request(Method::GET, &url, headers.clone(), None, TIME_LIMIT);
            judge(&address, key, self.api.refusing_status, answer.await)
        };
        if let Some(path) = self.api.key_check {
            match ask(path).await {
                Verdict::Accepted(_) => {}
                Verdict::Refused(msg) => return Verdict::Refused(msg),
                Verdict::Unchecked(msg) => return Verdict::Unchecked(msg),
            }
        }
        match ask(self.api.list).await {
            Verdict::Accepted(body) => match model_ids(&body) {
                Some(ids) => Verdict::Accepted(ids),
                None => Verdict::Unchecked(msg!("verify.no-list", server = address)),
            },
            Verdict::Refused(msg) => Verdict::Refused(msg),
            Verdict::Unchecked(msg) => Verdict::Unchecked(msg),
        }
    }

    /// Returns whether the server is on this host, where no proxy leads and no key is needed.
    pub(crate) fn is_local(&self) -> bool {
        ServerUrl::parse(&self.base).is_some_and(|url| is_loopback_host(url.host()))
    }

    /// Returns the URL of a path of the server's interface.
    pub(crate) fn url(&self, path: &str) -> String {
        let version = self.api.version.unwrap_or_default();
        let base = self.base.strip_suffix(version).unwrap_or(&self.base);
        format!("{base}{version}{path}")
    }

    /// Returns the headers of a request with a key; `None` for a key that no header can hold.
    pub(crate) fn headers(&self, key: Option<&Secret>) -> Option<HeaderMap> {
        let mut headers = HeaderMap::new();
        if let Some((name, value)) = self.api.further_header {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        if let Some(key) = key {
            let (name, before) = self.api.key_header;
            let mut value = HeaderValue::from_str(&format!("{before}{}", key.expose())).ok()?;
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static(name), value);
        }
        Some(headers)
    }
}

/// Returns the ids of the models that a list in the form of a provider names, in its order; `None` where it is no such list.
fn model_ids(body: &Value) -> Option<Vec<String>> {
    let (list, key) = match (body.get("data"), body.get("models")) {
        (Some(list), _) => (list, "id"),
        (None, Some(list)) => (list, "name"),
        (None, None) => return None,
    };
    let can_chat = |model: &&Value| {
        let methods = model.get("supportedGenerationMethods").and_then(Value::as_array);
        methods.is_none_or(|methods| methods.iter().any(|method| method == "generateContent"))
    };
    let id = |model: &Value| {
        let id = model.get(key)?.as_str()?;
        let id = id.strip_prefix("models/").unwrap_or(id);
        let is_shown = |c: char| !c.is_whitespace() && !crate::text::is_unsafe(c);
        let is_usable = !id.is_empty() && id.len() <= MAX_ID_BYTES && id.chars().all(is_shown);
        is_usable.then(|| id.to_owned())
    };
    let mut seen = HashSet::new();
    let ids = list.as_array()?.iter().filter(can_chat).filter_map(id);
    Some(
        ids.filter(|id| seen.insert(id.clone()))
            .take(MAX_MODELS)
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn base_url_is_that_of_the_config_then_of_the_environment_then_of_the_provider() {
        let host = Host::fixed(
            &[],
            [
                ("ANTHROPIC_BASE_URL", "http://127.0.0.1:1/"),
                ("GOOGLE_GEMINI_BASE_URL", "no URL"),
            ],
        );
        let url = |provider, configured: Option<&str>| {
            let server = ModelServer::find(provider, configured, &host)?;
            Some(server.url(server.api.list))
        };
        for (provider, configured, expected) in [
            (
                Provider::Anthropic,
                None,
                Some("http://127.0.0.1:1/v1/models?limit=1000"),
            ),
            (
                Provider::Anthropic,
                Some("https://a.example/v1/"),
                Some("https://a.example/v1/models?limit=1000"),
            ),
            (Provider::OpenAi, None, Some("https://api.openai.com/v1/models")),
            (Provider::Google, None, None),
            (
                Provider::Google,
                Some("https://g.example"),
                Some("https://g.example/v1beta/models?pageSize=1000"),
            ),
            (Provider::Custom, None, None),
            (Provider::Custom, Some("ftp://a"), None),
            (
                Provider::Custom,
                Some("http://[::1]:80/v1"),
                Some("http://[::1]:80/v1/models"),
            ),
        ] {
            assert_eq!(
                url(provider, configured).as_deref(),
                expected,
                "{provider:?} {configured:?}"
            );
        }
    }

    #[test]
    fn models_are_listed_once_and_only_usable_ones() {
        let ids = |body: Value| model_ids(&body);
        assert_eq!(
            ids(
                json!({"data": [{"id": "b"}, {"id": "a"}, {"id": "b"}, {"id": "x y"}, {"id": "\u{1b}[2J"}, {"id": 7}, {"id": ""}]})
            ),
            Some(vec!["b".to_owned(), "a".to_owned()])
        );
        assert_eq!(
            ids(json!({"models": [
                {"name": "models/gemini-3", "supportedGenerationMethods": ["generateContent"]},
                {"name": "models/embedding", "supportedGenerationMethods": ["embedContent"]},
            ]})),
            Some(vec!["gemini-3".to_owned()])
        );
        for garbage in [
            json!(null),
            json!([1]),
            json!({"data": "x"}),
            json!({"object": "list"}),
        ] {
            assert_eq!(ids(garbage), None);
        }
        let many: Vec<_> = (0..5000)
            .map(|number| json!({"id": number.to_string()}))
            .collect();
        assert_eq!(ids(json!({"data": many})).map(|ids| ids.len()), Some(MAX_MODELS));
    }

    #[test]
    fn key_goes_into_the_header_of_the_provider_and_is_not_shown() {
        let key = Secret::new("sk-4711");
        let headers = |api| {
            ModelServer::new(api, "http://a")
                .unwrap()
                .headers(Some(&key))
                .unwrap()
        };
        assert_eq!(headers(&OPENAI)["authorization"], "Bearer sk-4711");
        assert_eq!(headers(&ANTHROPIC)["x-api-key"], "sk-4711");
        assert!(!format!("{:?}", headers(&GOOGLE)).contains("4711"));
        let server = ModelServer::new(&OPENAI, "http://a").unwrap();
        assert!(server.headers(Some(&Secret::new("a\nb"))).is_none());
        assert!(server.headers(None).unwrap().is_empty());
    }
}
