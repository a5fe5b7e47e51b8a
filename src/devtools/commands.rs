//! The commands of the Chrome `DevTools` protocol that this program sends, with their responses.
//!
//! Only the values that are used are here: a newer browser may send more.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A command to a browser, whose fields are its parameters.
pub trait Command: Serialize {
    /// The name of the command, such as `Page.navigate`.
    const METHOD: &'static str;
    /// The response to the command.
    type Response: DeserializeOwned;
}

/// Declares commands, each with its name in the protocol and its response.
macro_rules! commands {
    ($($command:ident $(<$lifetime:lifetime>)? = $method:literal -> $response:ty;)*) => {$(
        impl$(<$lifetime>)? Command for $command$(<$lifetime>)? {
            const METHOD: &'static str = $method;
            type Response = $response;
        }
    )*};
}

commands! {
    GetTargets = "Target.getTargets" -> TargetList;
    CreateTarget<'a> = "Target.createTarget" -> CreatedTarget;
    ActivateTarget<'a> = "Target.activateTarget" -> NoValues;
    CloseTarget<'a> = "Target.closeTarget" -> NoValues;
    AttachToTarget<'a> = "Target.attachToTarget" -> AttachedSession;
    Navigate<'a> = "Page.navigate" -> Navigation;
    GetFrameTree = "Page.getFrameTree" -> FrameTreeResponse;
    GetLayoutMetrics = "Page.getLayoutMetrics" -> LayoutMetrics;
    CaptureScreenshot = "Page.captureScreenshot" -> Screenshot;
    Evaluate<'a> = "Runtime.evaluate" -> Evaluation;
}

/// The response to a command that returns nothing of interest.
#[derive(Debug, Deserialize)]
pub struct NoValues {}

/// Asks for the targets of a browser: its pages, workers and frames.
#[derive(Debug, Serialize)]
pub struct GetTargets {}

/// The targets of a browser, in its order.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetList {
    /// The targets.
    pub target_infos: Vec<TargetInfo>,
}

/// The description of a target of a browser.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetInfo {
    /// The id of the target.
    pub target_id: String,
    /// The type of the target: `page`, `iframe`, `worker` and others.
    #[serde(rename = "type")]
    pub kind: String,
    /// The title of the page.
    pub title: String,
    /// The URL of the page.
    pub url: String,
}

/// Opens a page in a new tab of a browser.
#[derive(Debug, Serialize)]
pub struct CreateTarget<'a> {
    /// The URL of the page.
    pub url: &'a str,
}

/// The target that a browser created.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreatedTarget {
    /// The id of the target.
    pub target_id: String,
}

/// Brings the tab of a page to the front of its window.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ActivateTarget<'a> {
    /// The id of the target.
    pub target_id: &'a str,
}

/// Closes the tab of a page.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CloseTarget<'a> {
    /// The id of the target.
    pub target_id: &'a str,
}

/// Opens a session with a page.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AttachToTarget<'a> {
    /// The id of the target.
    pub target_id: &'a str,
    /// `true` to have the messages of the session sent over the same socket, with the id of the session.
    pub flatten: bool,
}

/// The session that was opened with a page.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttachedSession {
    /// The id of the session.
    pub session_id: String,
}

/// Loads a URL in a page.
#[derive(Debug, Serialize)]
pub struct Navigate<'a> {
    /// The URL.
    pub url: &'a str,
}

/// The beginning of the loading of a URL in a page.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Navigation {
    /// The id of the new document; `None` where only the fragment of the URL changed.
    pub loader_id: Option<String>,
    /// The reason why the URL can't be loaded, such as `net::ERR_CONNECTION_REFUSED`.
    pub error_text: Option<String>,
}

/// Asks for the document of a page and of its frames.
#[derive(Debug, Serialize)]
pub struct GetFrameTree {}

/// The frames of a page.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FrameTreeResponse {
    /// The tree with the page itself as its root.
    pub frame_tree: FrameTree,
}

/// A frame of a page, without the frames in it.
#[derive(Debug, Deserialize)]
pub struct FrameTree {
    /// The frame.
    pub frame: Frame,
}

/// A frame of a page with its document.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Frame {
    /// The id of the document.
    pub loader_id: String,
}

/// Asks for the size of a page.
#[derive(Debug, Serialize)]
pub struct GetLayoutMetrics {}

/// The sizes of a page.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LayoutMetrics {
    /// The size of the whole page, in CSS pixels.
    pub css_content_size: PageSize,
}

/// The size of a page, in CSS pixels.
#[derive(Debug, Deserialize)]
pub struct PageSize {
    /// The width.
    pub width: f64,
    /// The height.
    pub height: f64,
}

/// Captures a picture of a page.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CaptureScreenshot {
    /// The image format: `png` or `jpeg`.
    pub format: &'static str,
    /// The part of the page; `None` for what the window shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip: Option<Viewport>,
    /// `true` to let the picture show what lies outside of the window.
    pub capture_beyond_viewport: bool,
}

/// A rectangle of a page, in CSS pixels.
#[derive(Debug, Serialize)]
pub struct Viewport {
    /// The left edge.
    pub x: f64,
    /// The upper edge.
    pub y: f64,
    /// The width.
    pub width: f64,
    /// The height.
    pub height: f64,
    /// The factor by which the picture is larger than the page.
    pub scale: f64,
}

/// The picture of a page.
#[derive(Debug, Deserialize)]
pub struct Screenshot {
    /// The image, in Base64.
    pub data: String,
}

/// Evaluates a JavaScript expression in a page.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Evaluate<'a> {
    /// The expression.
    pub expression: &'a str,
    /// `true` to get the result as JSON.
    pub return_by_value: bool,
    /// `true` to wait for a promise.
    pub await_promise: bool,
}

/// The result of a JavaScript expression.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evaluation {
    /// The result, or the exception.
    pub result: EvaluatedValue,
    /// The exception that the expression threw.
    pub exception_details: Option<Value>,
}

/// The value of a JavaScript expression.
#[derive(Debug, Deserialize)]
pub struct EvaluatedValue {
    /// The value; null for `undefined`.
    #[serde(default)]
    pub value: Value,
}
