//! The debugging connection to a browser (Chrome `DevTools` protocol): tabs, navigation, screenshots, the
//! accessibility tree.

use std::time::{Duration, Instant};

use base64::Engine as _;
use serde::Serialize;
use serde_json::{Value, json};

use super::{BrowserError, Result};
use crate::devtools::commands::{
    ActivateTarget, CaptureScreenshot, CloseTarget, CreateTarget, Evaluate, GetFrameTree, GetLayoutMetrics,
    GetTargets, Navigate, TargetInfo, Viewport,
};
use crate::devtools::{COMMAND_TIMEOUT, DevtoolsConnection, DevtoolsError};
use crate::i18n::msg;

/// Time that a browser tab is given to load its page after it was opened, to appear, or to close.
const TAB_TIMEOUT: Duration = Duration::from_secs(10);
/// URL of a page without content.
const BLANK_PAGE: &str = "about:blank";
/// Interval at which a browser tab is checked while it opens or closes.
const TAB_POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A debugging connection to one browser, over the Chrome `DevTools` protocol.
#[derive(Debug)]
pub(super) struct CdpConnection(DevtoolsConnection);

/// An open browser tab, as the responses of the browser control service describe it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tab {
    /// The id that the browser gave to the tab.
    pub(super) target_id: String,
    /// The title of the page.
    pub(super) title: String,
    /// The URL of the page.
    pub(super) url: String,
    /// The type of the target: always `page`.
    #[serde(rename = "type")]
    pub(super) kind: String,
}

/// The image format of a screenshot of a browser tab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScreenshotFormat {
    /// PNG, which is lossless.
    Png,
    /// JPEG, which is lossy and smaller.
    Jpeg,
}

impl ScreenshotFormat {
    /// Returns the name of an image format of a screenshot: the extension of its file, and the subtype of its media
    /// type.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpeg",
        }
    }
}

impl CdpConnection {
    /// Connects to a browser by the `ws://` URL of its debugging port.
    ///
    /// # Errors
    /// When the browser does not answer in time, or not in this protocol.
    pub(super) async fn connect(url: String, timeout: Duration) -> Result<Self> {
        match DevtoolsConnection::connect(&url, timeout).await {
            Ok(connection) => Ok(Self(connection)),
            Err(DevtoolsError::TimedOut) => Err(BrowserError::timed_out(timeout)),
            Err(error) => Err(convert_error(error)),
        }
    }

    /// Tells whether the debugging connection to the browser is still open.
    pub(super) fn is_alive(&self) -> bool {
        self.0.is_open()
    }

    /// Returns the open tabs of a browser, in the browser's order.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub(super) async fn tabs(&self) -> Result<Vec<Tab>> {
        let targets = self.0.execute(GetTargets {}).await.map_err(convert_error)?;
        let pages = targets.target_infos.into_iter();
        Ok(pages.filter(|info| info.kind == "page").map(Tab::from).collect())
    }

    /// Opens a web page in a new browser tab and waits until it is loaded, at most [`TAB_TIMEOUT`].
    ///
    /// # Errors
    /// When the browser opens no tab.
    pub(super) async fn open(&self, url: &str) -> Result<Tab> {
        let created = self.0.execute(CreateTarget { url }).await;
        let id = created.map_err(convert_error)?.target_id;
        // A new tab shows an empty page before it shows the one that it was opened for.
        let is_shown = |location: &str| location != BLANK_PAGE || url == BLANK_PAGE;
        let loading = async {
            while !self.loaded_url(&id).await?.is_some_and(|url| is_shown(&url)) {
                tokio::time::sleep(TAB_POLL_INTERVAL).await;
            }
            Ok::<_, BrowserError>(())
        };
        match tokio::time::timeout(TAB_TIMEOUT, loading).await {
            Ok(Err(error)) if error.status == 404 => Err(error),
            // A page that never finishes loading is open all the same.
            _ => self.tab(&id).await,
        }
    }

    /// Activates a browser tab, which brings it to the front of its window.
    ///
    /// # Errors
    /// When there is no such tab.
    pub(super) async fn focus(&self, id: &str) -> Result<()> {
        let response = self.0.execute(ActivateTarget { target_id: id }).await;
        response.map(drop).map_err(convert_error)
    }

    /// Closes a browser tab and waits until it is gone, at most [`TAB_TIMEOUT`].
    ///
    /// # Errors
    /// When there is no such tab.
    pub(super) async fn close(&self, id: &str) -> Result<()> {
        let response = self.0.execute(CloseTarget { target_id: id }).await;
        response.map_err(convert_error)?;
        let deadline = Instant::now() + TAB_TIMEOUT;
        while Instant::now() < deadline && self.tabs().await?.iter().any(|tab| tab.target_id == id) {
            tokio::time::sleep(TAB_POLL_INTERVAL).await;
        }
        Ok(())
    }

    /// Loads another web page in a browser tab and waits until it is loaded, at most [`COMMAND_TIMEOUT`].
    ///
    /// # Errors
    /// When the page cannot be reached.
    pub(super) async fn navigate(&self, id: &str, url: &str) -> Result<Tab> {
        let before = self.document(id).await?;
        let started = self.0.execute_in(id, Navigate { url }).await;
        let started = started.map_err(convert_error)?;
        if let Some(reason) = started.error_text.filter(|reason| !reason.is_empty()) {
            return Err(convert_error(DevtoolsError::Refused(reason)));
        }
        if started.loader_id.is_some() {
            let loading = async {
                // The new document may lead to another one at once.
                while self.document(id).await? == before || self.loaded_url(id).await?.is_none() {
                    tokio::time::sleep(TAB_POLL_INTERVAL).await;
                }
                Ok::<_, BrowserError>(())
            };
            let loaded = tokio::time::timeout(COMMAND_TIMEOUT, loading).await;
            loaded.map_err(|_| BrowserError::timed_out(COMMAND_TIMEOUT))??;
        }
        self.tab(id).await
    }

    /// Returns a screenshot of a browser tab: of the visible part of its page, of the whole page, or of a box on it.
    ///
    /// # Errors
    /// When the tab is gone.
    pub(super) async fn screenshot(
        &self,
        id: &str,
        format: ScreenshotFormat,
        full_page: bool,
        clip: Option<Viewport>,
    ) -> Result<Vec<u8>> {
        // A browser draws no page behind another one.
        self.focus(id).await?;
        let clip = if full_page {
            Some(self.whole_page(id).await?)
        } else {
            clip
        };
        let command = CaptureScreenshot {
            format: format.name(),
            clip,
            capture_beyond_viewport: full_page,
        };
        let image = self.0.execute_in(id, command).await.map_err(convert_error)?;
        let decoded = base64::engine::general_purpose::STANDARD.decode(image.data);
        decoded.map_err(|error| BrowserError::failed(msg!("browser.cdp")).because(error))
    }

    /// Returns the box around the whole page in a browser tab.
    async fn whole_page(&self, id: &str) -> Result<Viewport> {
        let metrics = self.0.execute_in(id, GetLayoutMetrics {}).await;
        let size = metrics.map_err(convert_error)?.css_content_size;
        Ok(Viewport {
            x: 0.0,
            y: 0.0,
            width: size.width,
            height: size.height,
            scale: 1.0,
        })
    }

    /// Returns the accessibility tree of the page in a browser tab or of one of its frames, as the browser reports it.
    ///
    /// # Errors
    /// When the tab or the frame is gone.
    pub(super) async fn accessibility_tree(&self, id: &str, frame: Option<&str>) -> Result<Value> {
        let params = frame.map_or_else(|| json!({}), |frame| json!({ "frameId": frame }));
        self.call(id, "Accessibility.getFullAXTree", params).await
    }

    /// Sends a command to the page in a browser tab as JSON and returns the response as JSON.
    ///
    /// # Errors
    /// When the tab is gone or the browser refuses the command.
    pub(super) async fn call(&self, id: &str, method: &'static str, params: Value) -> Result<Value> {
        self.0.call(id, method, params).await.map_err(convert_error)
    }

    /// Returns the description of a browser tab by its target id.
    ///
    /// # Errors
    /// When the tab is gone.
    pub(super) async fn tab(&self, id: &str) -> Result<Tab> {
        let tab = self.tabs().await?.into_iter().find(|tab| tab.target_id == id);
        tab.ok_or_else(|| BrowserError::not_found(msg!("browser.no-tab", id = id)))
    }

    /// Returns the id of the document in a browser tab.
    ///
    /// # Errors
    /// When the tab is gone.
    async fn document(&self, id: &str) -> Result<String> {
        let tree = self.0.execute_in(id, GetFrameTree {}).await;
        Ok(tree.map_err(convert_error)?.frame_tree.frame.loader_id)
    }

    /// Returns the URL of the page in a browser tab; `None` where the page has not finished loading.
    ///
    /// # Errors
    /// When the tab is gone.
    async fn loaded_url(&self, id: &str) -> Result<Option<String>> {
        let state = Evaluate {
            expression: "document.readyState === 'complete' ? location.href : null",
            return_by_value: true,
            await_promise: false,
        };
        match self.0.execute_in(id, state).await {
            Ok(state) => Ok(state.result.value.as_str().map(str::to_owned)),
            Err(error) if error.is_target_gone() => Err(convert_error(error)),
            // While another page is loaded, no script can run.
            Err(_) => Ok(None),
        }
    }
}

impl From<TargetInfo> for Tab {
    fn from(info: TargetInfo) -> Self {
        Self {
            target_id: info.target_id,
            title: info.title,
            url: info.url,
            kind: info.kind,
        }
    }
}

/// Converts an error of the debugging protocol to a [`BrowserError`]: HTTP status 404 for a browser tab that is gone,
/// else 500.
fn convert_error(error: DevtoolsError) -> BrowserError {
    match error {
        DevtoolsError::TimedOut => BrowserError::timed_out(COMMAND_TIMEOUT),
        error if error.is_target_gone() => BrowserError::not_found(msg!("browser.tab-gone")),
        error => BrowserError::failed(msg!("browser.cdp")).because(error),
    }
}
