//! Runs JavaScript that a client sends, in the page of a browser tab.

use serde_json::{Value, json};

use crate::browser::Result;
use crate::browser::cdp::CdpConnection;
use crate::browser::page_elements::PageElement;

/// Runs a client's JavaScript in a page and returns its result; `Null` for one that is not JSON. The source is a function,
/// an expression, or the body of a function; it is given the element, where there is one, as `el`.
///
/// # Errors
/// 400 where the script fails.
pub(super) async fn run(
    cdp: &CdpConnection,
    tab: &str,
    element: Option<&PageElement>,
    source: &str,
) -> Result<Value> {
    let source = source.trim().trim_end_matches(';');
    let element_name = if element.is_some() { "this" } else { "undefined" };
    let function = if is_expression(cdp, tab, source).await? {
        format!(
            "function () {{ const el = {element_name}; const clientResult = ({source}\n);
             return typeof clientResult === 'function' ? clientResult(el) : clientResult; }}"
        )
    } else {
        // In a scope of its own, so that it may declare an `el` too.
        format!("function () {{ const el = {element_name}; return (async () => {{ {source}\n }})(); }}")
    };
    let mut result = cdp.call_function(tab, element, &function, &[], true).await?;
    Ok(result["value"].take())
}

/// Tells whether a JavaScript source is an expression, a function among them, by letting the browser parse it.
async fn is_expression(cdp: &CdpConnection, tab: &str, source: &str) -> Result<bool> {
    // A browser parses no script before its commands about scripts are turned on.
    cdp.call(tab, "Runtime.enable", json!({})).await?;
    let params = json!({ "expression": format!("({source}\n)"), "sourceURL": "", "persistScript": false });
    let response = cdp.call(tab, "Runtime.compileScript", params).await?;
    Ok(!response["exceptionDetails"].is_object())
}
