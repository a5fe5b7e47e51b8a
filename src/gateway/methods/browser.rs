//! `browser.request{method, path, query, body, timeoutMs}`: the browser control routes, over the socket.
//! What the service refuses is told with its whole answer as details.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::Call;
use crate::browser::route::Request;
use crate::gateway::protocol::{Fault, Reply};
use crate::i18n::Lang;

/// Answers a request to the browser control.
pub(super) async fn request(call: Call) -> Reply {
    let Some(browsers) = call.shared.browser.get() else {
        return Err(Fault::unavailable("browser control is not available"));
    };
    let request = read(&call.params)?;
    let answer = browsers.handle(request).await;
    if answer.status < 400 {
        return Ok(answer.body);
    }
    let words = answer.body["error"].as_str().unwrap_or("browser control failed");
    let fault = if answer.status < 500 {
        Fault::invalid(words)
    } else {
        Fault::unavailable(words)
    };
    Err(fault.with_details(json!({ "status": answer.status, "body": answer.body })))
}

/// The request that parameters name. The protocol's words are the same in every language.
fn read(params: &Value) -> Result<Request, Fault> {
    let text = |name: &str| params.get(name).and_then(Value::as_str).map(str::trim);
    let needed = |name: &str| {
        let value = text(name).filter(|value| !value.is_empty());
        value.ok_or_else(|| Fault::invalid(format!("{name} is required")))
    };
    let query: BTreeMap<String, String> = params
        .get("query")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| {
            let value = match value {
                Value::String(text) => text.clone(),
                Value::Number(_) | Value::Bool(_) => value.to_string(),
                _ => return None,
            };
            Some((name.clone(), value))
        })
        .collect();
    let limit = params.get("timeoutMs").and_then(Value::as_u64);
    Ok(Request {
        method: needed("method")?.to_owned(),
        path: needed("path")?.to_owned(),
        query,
        body: params.get("body").cloned().unwrap_or(Value::Null),
        limit: limit.map(Duration::from_millis),
        lang: Lang::english(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_from_parameters() {
        let params = json!({
            "method": "GET", "path": "/snapshot", "timeoutMs": 1500,
            "query": {"profile": "work", "limit": 5, "odd": [1]},
        });
        let request = read(&params).unwrap();
        assert_eq!(
            (request.method.as_str(), request.path.as_str()),
            ("GET", "/snapshot")
        );
        assert_eq!(request.query.len(), 2);
        assert_eq!(request.query["limit"], "5");
        assert_eq!(request.limit, Some(Duration::from_millis(1500)));
        for broken in [Value::Null, json!({"method": "GET"}), json!({"path": "/"})] {
            assert!(read(&broken).is_err(), "{broken}");
        }
    }
}
