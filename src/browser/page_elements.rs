//! Elements of a page in a browser: how they are found, and how functions are called on them.

use serde_json::{Value, json};

use super::cdp::CdpConnection;
use super::{BrowserError, Result};
use crate::i18n::msg;

/// The name under which the browser keeps the objects that a request uses, until they are released together.
const OBJECT_GROUP: &str = "openclaw";
/// A function that finds an element by a CSS selector, below a frame or in the page itself.
const FIND_ELEMENT: &str = "function (selector) {
  const root = this && this.nodeType === 1 ? this.contentDocument : document;
  return root ? root.querySelector(selector) : null;
}";

/// An element of the page in a browser tab.
#[derive(Clone, Debug)]
pub(super) struct PageElement {
    /// The browser's id of the JavaScript object of the element.
    pub(super) object: String,
    /// The browser's id of the element in the document.
    pub(super) node: i64,
    /// The browser's id of the frame that the element shows.
    pub(super) frame: Option<String>,
}

/// The box of an element on its page, in pixels from the page's top left corner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ElementBox {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl CdpConnection {
    /// Returns the browser's id of the document that is loaded in a browser tab.
    ///
    /// # Errors
    /// When the tab is gone.
    pub(super) async fn document_id(&self, tab: &str) -> Result<String> {
        let response = self.call(tab, "Page.getFrameTree", json!({})).await?;
        let id = response
            .pointer("/frameTree/frame/loaderId")
            .and_then(Value::as_str);
        Ok(id.unwrap_or_default().to_owned())
    }

    /// Finds the first element of a page that a CSS selector matches, below a frame or in the page itself.
    ///
    /// # Errors
    /// 404 where no element matches, 400 where the selector is no CSS selector.
    pub(super) async fn find_element(
        &self,
        tab: &str,
        frame: Option<&PageElement>,
        selector: &str,
    ) -> Result<PageElement> {
        let not_found = || BrowserError::not_found(msg!("browser.no-element", selector = selector));
        let found = self
            .call_function(tab, frame, FIND_ELEMENT, &[json!(selector)], false)
            .await?;
        let object_id = found["objectId"].as_str().ok_or_else(not_found)?;
        let described = json!({ "objectId": object_id });
        let described = self.call(tab, "DOM.describeNode", described).await?;
        let node = &described["node"];
        Ok(PageElement {
            object: object_id.to_owned(),
            node: node["backendNodeId"].as_i64().ok_or_else(not_found)?,
            frame: node["frameId"].as_str().map(str::to_owned),
        })
    }

    /// Returns the element of a page with the browser's id; `None` where the page no longer has it.
    ///
    /// # Errors
    /// When the tab is gone.
    pub(super) async fn resolve_element(&self, tab: &str, backend_id: i64) -> Result<Option<PageElement>> {
        let params = json!({ "backendNodeId": backend_id, "objectGroup": OBJECT_GROUP });
        let response = match self.call(tab, "DOM.resolveNode", params).await {
            Ok(response) => response,
            Err(error) if error.status == 404 => return Err(error),
            Err(_) => return Ok(None),
        };
        let object_id = response.pointer("/object/objectId").and_then(Value::as_str);
        Ok(object_id.map(|object_id| PageElement {
            object: object_id.to_owned(),
            node: backend_id,
            frame: None,
        }))
    }

    /// Returns the browser's id of the frame that an element shows; `None` for an element that is no frame.
    pub(super) async fn frame_of(&self, tab: &str, backend_id: i64) -> Option<String> {
        let params = json!({ "backendNodeId": backend_id });
        let described = self.call(tab, "DOM.describeNode", params).await.ok()?;
        described["node"]["frameId"].as_str().map(str::to_owned)
    }

    /// Returns the corners of an element's first box in the visible part of the page, clockwise from the top left.
    ///
    /// # Errors
    /// 409 where the element has no box.
    pub(super) async fn corners_of(&self, tab: &str, element: &PageElement) -> Result<[f64; 8]> {
        let params = json!({ "objectId": element.object });
        let response = self.call(tab, "DOM.getContentQuads", params).await?;
        let corners = response["quads"][0].as_array();
        let corners: Vec<f64> = corners.into_iter().flatten().filter_map(Value::as_f64).collect();
        let no_box = |_| BrowserError::conflict(msg!("browser.no-box"));
        corners.try_into().map_err(no_box)
    }

    /// Returns the box of an element on the page.
    ///
    /// # Errors
    /// 409 where the element has no box.
    pub(super) async fn box_of(&self, tab: &str, element: &PageElement) -> Result<ElementBox> {
        let corners = self.corners_of(tab, element).await?;
        let metrics = self.call(tab, "Page.getLayoutMetrics", json!({})).await?;
        let scrolled = |name: &str| metrics["cssVisualViewport"][name].as_f64().unwrap_or(0.0);
        let side = |from: usize, scrolled: f64| {
            let values = corners.iter().skip(from).step_by(2).copied();
            let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), at| {
                (low.min(at), high.max(at))
            });
            (low + scrolled, high - low)
        };
        let ((x, width), (y, height)) = (side(0, scrolled("pageX")), side(1, scrolled("pageY")));
        Ok(ElementBox { x, y, width, height })
    }

    /// Calls a JavaScript function in a page: on an element, or on the document where there is none. Waits for a
    /// promise that the function returns. Returns the browser's description of the result; with `by_value` its `value`
    /// is the result itself.
    ///
    /// # Errors
    /// 400 where the function throws.
    pub(super) async fn call_function(
        &self,
        tab: &str,
        element: Option<&PageElement>,
        function: &str,
        arguments: &[Value],
        by_value: bool,
    ) -> Result<Value> {
        let mut params = json!({ "awaitPromise": true, "returnByValue": by_value, "userGesture": true });
        let method = if let Some(element) = element {
            params["objectId"] = json!(element.object);
            params["functionDeclaration"] = function.into();
            params["arguments"] = arguments.iter().map(|value| json!({ "value": value })).collect();
            "Runtime.callFunctionOn"
        } else {
            let arguments = Value::from(arguments);
            params["expression"] = format!("({function}).apply(document, {arguments})").into();
            params["objectGroup"] = OBJECT_GROUP.into();
            "Runtime.evaluate"
        };
        let mut response = self.call(tab, method, params).await?;
        let exception = &response["exceptionDetails"];
        if exception.is_object() {
            let text = exception
                .pointer("/exception/description")
                .or(exception.get("text"));
            let text = text.and_then(Value::as_str).unwrap_or_default();
            let first = text.lines().next().unwrap_or_default();
            return Err(BrowserError::bad_request(msg!(
                "browser.script-failed",
                error = first
            )));
        }
        Ok(response["result"].take())
    }

    /// Lets the browser forget the objects of a page that a request used.
    pub(super) async fn release_objects(&self, tab: &str) {
        let params = json!({ "objectGroup": OBJECT_GROUP });
        // A page that is gone has no objects.
        let _ = self.call(tab, "Runtime.releaseObjectGroup", params).await;
    }
}
