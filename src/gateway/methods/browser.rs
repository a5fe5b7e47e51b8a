//! `browser.request{method, path, query, body, timeoutMs}`: the routes of the browser control service, over
//! the WebSocket. Where the service refuses a request, the error has its whole reply as details.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::call::MethodCall;
use crate::browser::route::ControlRequest;
use crate::gateway::protocol::{ErrorResponse, MethodResult};
use crate::i18n::Lang;

/// Answers the gateway's method `browser.request`, which passes a request to the browser control service.
pub(super) async fn request(call: MethodCall) -> MethodResult {
    let Some(browsers) = call.state.browsers.get() else {
        return Err(ErrorResponse::unavailable("browser control is not available"));
    };
    let request = parse_request(&call.params)?;
    let answer = browsers.handle(request).await;
    if answer.status < 400 {
        return Ok(answer.body);
    }
    let message = answer.body["error"].as_str().unwrap_or("browser control failed");
    let error = if answer.status < 500 {
        ErrorResponse::invalid_request(message)
    } else {
        ErrorResponse::unavailable(message)
    };
    Err(error.with_details(json!({ "status": answer.status, "body": answer.body })))
}

/// Reads the parameters of the gateway's method `browser.request` as a request to the browser control service. Its
/// texts are English: the protocol is the same in every language.
fn parse_request(params: &Value) -> Result<ControlRequest, ErrorResponse> {
    let text = |name: &str| params.get(name).and_then(Value::as_str).map(str::trim);
    let required = |name: &str| {
        let value = text(name).filter(|value| !value.is_empty());
        value.ok_or_else(|| ErrorResponse::invalid_request(format!("{name} is required")))
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
    let timeout = params.get("timeoutMs").and_then(Value::as_u64);
    Ok(ControlRequest {
        method: required("method")?.to_owned(),
        path: required("path")?.to_owned(),
        query,
        body: params.get("body").cloned().unwrap_or(Value::Null),
        timeout: timeout.map(Duration::from_millis),
        lang: Lang::english(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_is_parsed_from_the_parameters() {
        let params = json!({
            "method": "GET", "path": "/snapshot", "timeoutMs": 1500,
            "query": {"profile": "work", "limit": 5, "odd": [1]},
        });
        let request = parse_request(&params).unwrap();
        assert_eq!(
            (request.method.as_str(), request.path.as_str()),
            ("GET", "/snapshot")
        );
        assert_eq!(request.query.len(), 2);
        assert_eq!(request.query["limit"], "5");
        assert_eq!(request.timeout, Some(Duration::from_millis(1500)));
        for broken in [Value::Null, json!({"method": "GET"}), json!({"path": "/"})] {
            assert!(parse_request(&broken).is_err(), "{broken}");
        }
    }
}
