//! The requests to the browser control service that the `browser` commands stand for, over HTTP or as
//! `browser.request` (docs/openclaw.md#browser-requests).

use std::fmt::Write as _;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::BrowserCommand;
use crate::time::millis;

/// A request to the browser control service of a gateway.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ControlCall {
    /// The HTTP method.
    pub(super) method: &'static str,
    /// The path, percent-encoded.
    pub(super) path: String,
    /// The parameters of the query, not encoded.
    pub(super) query: Vec<(&'static str, String)>,
    /// The body.
    pub(super) body: Option<Value>,
}

impl ControlCall {
    /// Returns the request to the browser control service that a `browser` command stands for.
    pub(super) fn from_command(command: &BrowserCommand) -> Self {
        let call = |method, path: &str, body| Self {
            method,
            path: path.to_owned(),
            query: Vec::new(),
            body,
        };
        let get = |path: &str| call("GET", path, None);
        let post = |path: &str, body: Value| call("POST", path, Some(body));
        let delete = |folder: &str, name: &str| {
            let name = utf8_percent_encode(name, NON_ALPHANUMERIC);
            call("DELETE", &format!("{folder}{name}"), None)
        };
        match command {
            BrowserCommand::Status | BrowserCommand::Doctor => get("/"),
            BrowserCommand::Profiles => get("/profiles"),
            BrowserCommand::Tabs => get("/tabs"),
            BrowserCommand::Start => post("/start", json!({})),
            BrowserCommand::Stop => post("/stop", json!({})),
            BrowserCommand::CreateProfile { name, color } => {
                post("/profiles/create", json!({ "name": name, "color": color }))
            }
            BrowserCommand::DeleteProfile { name } => delete("/profiles/", name),
            BrowserCommand::Open { url } => post("/tabs/open", json!({ "url": url })),
            BrowserCommand::Focus { tab } => post("/tabs/focus", json!({ "targetId": tab })),
            BrowserCommand::Close { tab } => delete("/tabs/", tab),
            BrowserCommand::Navigate { url, target_id } => {
                post("/navigate", json!({ "url": url, "targetId": target_id }))
            }
            BrowserCommand::Screenshot {
                tab,
                full_page,
                format,
            } => post(
                "/screenshot",
                json!({ "targetId": tab, "fullPage": full_page, "type": format }),
            ),
            BrowserCommand::Snapshot { target_id, .. } => {
                let mut call = get("/snapshot");
                call.query.push(("format", "ai".to_owned()));
                call.query
                    .extend(target_id.iter().map(|id| ("targetId", id.clone())));
                call
            }
        }
    }

    /// Sets the browser profile that the request is for; the default one where there is no name.
    #[must_use]
    pub(super) fn for_profile(mut self, name: Option<&str>) -> Self {
        self.query.extend(name.map(|name| ("profile", name.to_owned())));
        self
    }

    /// Returns the path and the query of the request as a URL has them.
    pub(super) fn path_and_query(&self) -> String {
        let mut url = self.path.clone();
        for (at, (name, value)) in self.query.iter().enumerate() {
            let separator = if at == 0 { '?' } else { '&' };
            let value = utf8_percent_encode(value, NON_ALPHANUMERIC);
            let _ = write!(url, "{separator}{name}={value}");
        }
        url
    }

    /// Returns the request as the parameters of the gateway's method `browser.request`.
    pub(super) fn to_params(&self, timeout: Duration) -> Value {
        let mut params = json!({ "method": self.method, "path": self.path, "timeoutMs": millis(timeout) });
        if !self.query.is_empty() {
            params["query"] = self
                .query
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect();
        }
        if let Some(body) = &self.body {
            params["body"] = without_nulls(body);
        }
        params
    }
}

/// Returns a JSON object without its fields that are `null`: OpenClaw refuses `null` for a text that is not given.
fn without_nulls(body: &Value) -> Value {
    let fields = body.as_object().into_iter().flatten();
    fields
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_is_the_same_request_over_http_and_over_the_websocket() {
        let snapshot = BrowserCommand::Snapshot {
            target_id: Some("A/B".to_owned()),
            limit: Some(5),
        };
        let call = ControlCall::from_command(&snapshot).for_profile(Some("work 2"));
        assert_eq!(
            call.path_and_query(),
            "/snapshot?format=ai&targetId=A%2FB&profile=work%202"
        );
        assert_eq!(
            call.to_params(Duration::from_secs(2)),
            json!({
                "method": "GET", "path": "/snapshot", "timeoutMs": 2000,
                "query": { "format": "ai", "targetId": "A/B", "profile": "work 2" },
            })
        );
        let close = BrowserCommand::Close {
            tab: "A/B".to_owned(),
        };
        assert_eq!(ControlCall::from_command(&close).path_and_query(), "/tabs/A%2FB");
        let navigate = BrowserCommand::Navigate {
            url: "https://a.b/".to_owned(),
            target_id: None,
        };
        let params = ControlCall::from_command(&navigate).to_params(Duration::from_secs(2));
        assert_eq!(params["body"], json!({ "url": "https://a.b/" }));
        assert!(params.get("query").is_none());
    }
}
