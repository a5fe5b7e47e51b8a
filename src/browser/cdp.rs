//! The debugging connection to a browser (Chrome `DevTools` protocol, by `chromiumoxide`): tabs, navigation,
//! screenshots, the accessibility tree.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chromiumoxide::cdp::browser_protocol::page::{CaptureScreenshotFormat, Viewport};
use chromiumoxide::cdp::browser_protocol::target::{
    ActivateTargetParams, CloseTargetParams, CreateTargetParams, GetTargetsParams, TargetInfo,
};
use chromiumoxide::error::CdpError;
use chromiumoxide::handler::HandlerConfig;
use chromiumoxide::page::ScreenshotParams;
use chromiumoxide::types::{Command, Method, MethodId};
use chromiumoxide::{Browser, Page};
use futures_util::StreamExt as _;
use serde::Serialize;
use serde_json::{Value, json};

use super::{BrowserError, Result};
use crate::i18n::msg;

/// Time that a single command to a browser over the Chrome `DevTools` protocol may take.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);
/// Time that a browser tab is given to load its page after it was opened, to appear, or to close.
const TAB_TIMEOUT: Duration = Duration::from_secs(10);
/// Interval at which a browser tab is checked while it opens or closes.
const TAB_POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A debugging connection to one browser, over the Chrome `DevTools` protocol.
#[derive(Debug)]
pub(super) struct CdpConnection {
    browser: Browser,
    /// The task that reads the connection.
    reader: tokio::task::JoinHandle<()>,
    /// `false` once the connection has failed or was closed.
    alive: Arc<AtomicBool>,
}

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
        let config = HandlerConfig {
            // A certificate that a user's browser refuses is refused here too.
            ignore_https_errors: false,
            viewport: None,
            request_timeout: COMMAND_TIMEOUT,
            ..HandlerConfig::default()
        };
        let connecting = Browser::connect_with_config(url, config);
        let connected = tokio::time::timeout(timeout, connecting).await;
        let timed_out = |_| BrowserError::failed(msg!("browser.timeout", seconds = timeout.as_secs()));
        let (browser, mut handler) = connected.map_err(timed_out)?.map_err(convert_error)?;
        let alive = Arc::new(AtomicBool::new(true));
        let alive_in_reader = alive.clone();
        let reader = tokio::spawn(async move {
            while let Some(Ok(())) = handler.next().await {}
            alive_in_reader.store(false, Ordering::Relaxed);
        });
        Ok(Self {
            browser,
            reader,
            alive,
        })
    }

    /// Tells whether the debugging connection to the browser is still open.
    pub(super) fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Relaxed) && !self.reader.is_finished()
    }

    /// Returns the open tabs of a browser, in the browser's order.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub(super) async fn tabs(&self) -> Result<Vec<Tab>> {
        let response = self
            .browser
            .execute(GetTargetsParams::default())
            .await
            .map_err(convert_error)?;
        let pages = response.result.target_infos.into_iter();
        Ok(pages
            .filter(|info| info.r#type == "page")
            .map(Tab::from)
            .collect())
    }

    /// Opens a web page in a new browser tab and waits until it is loaded, at most [`TAB_TIMEOUT`].
    ///
    /// # Errors
    /// When the browser opens no tab.
    pub(super) async fn open(&self, url: &str) -> Result<Tab> {
        let created = self
            .browser
            .execute(CreateTargetParams::new(url))
            .await
            .map_err(convert_error)?;
        let id = created.result.target_id.inner().clone();
        let page = self.page(&id).await?;
        let deadline = Instant::now() + TAB_TIMEOUT;
        // A page that never finishes loading is open all the same.
        while Instant::now() < deadline && !is_loaded(&page).await {
            tokio::time::sleep(TAB_POLL_INTERVAL).await;
        }
        self.tab(&id).await
    }

    /// Activates a browser tab, which brings it to the front of its window.
    ///
    /// # Errors
    /// When there is no such tab.
    pub(super) async fn focus(&self, id: &str) -> Result<()> {
        let response = self
            .browser
            .execute(ActivateTargetParams::new(id.to_owned()))
            .await;
        response.map(|_| ()).map_err(convert_error)
    }

    /// Closes a browser tab and waits until it is gone, at most [`TAB_TIMEOUT`].
    ///
    /// # Errors
    /// When there is no such tab.
    pub(super) async fn close(&self, id: &str) -> Result<()> {
        let response = self.browser.execute(CloseTargetParams::new(id.to_owned())).await;
        response.map_err(convert_error)?;
        let deadline = Instant::now() + TAB_TIMEOUT;
        while Instant::now() < deadline && self.tabs().await?.iter().any(|tab| tab.target_id == id) {
            tokio::time::sleep(TAB_POLL_INTERVAL).await;
        }
        Ok(())
    }

    /// Loads another web page in a browser tab and waits until it is loaded.
    ///
    /// # Errors
    /// When the page cannot be reached.
    pub(super) async fn navigate(&self, id: &str, url: &str) -> Result<Tab> {
        self.page(id).await?.goto(url).await.map_err(convert_error)?;
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
        let mut params = ScreenshotParams::builder()
            .full_page(full_page)
            .format(match format {
                ScreenshotFormat::Png => CaptureScreenshotFormat::Png,
                ScreenshotFormat::Jpeg => CaptureScreenshotFormat::Jpeg,
            });
        if let Some(clip) = clip {
            params = params.clip(clip);
        }
        self.page(id)
            .await?
            .screenshot(params.build())
            .await
            .map_err(convert_error)
    }

    /// Returns the accessibility tree of the page in a browser tab or of one of its frames, as the browser reports it.
    ///
    /// # Errors
    /// When the tab or the frame is gone.
    pub(super) async fn accessibility_tree(&self, id: &str, frame: Option<&str>) -> Result<Value> {
        let params = frame.map_or_else(|| json!({}), |frame| json!({ "frameId": frame }));
        self.call(id, "Accessibility.getFullAXTree", params).await
    }

    /// Sends a command to the page in a browser tab and returns the response as untyped JSON: a browser newer than
    /// `chromiumoxide`'s types sends values that those types refuse.
    ///
    /// # Errors
    /// When the tab is gone or the browser refuses the command.
    pub(super) async fn call(&self, id: &str, method: &'static str, params: Value) -> Result<Value> {
        let command = UntypedCommand { method, params };
        let response = self.page(id).await?.execute(command).await;
        Ok(response.map_err(convert_error)?.result)
    }

    /// Returns the description of a browser tab by its target id.
    ///
    /// # Errors
    /// When the tab is gone.
    pub(super) async fn tab(&self, id: &str) -> Result<Tab> {
        let tab = self.tabs().await?.into_iter().find(|tab| tab.target_id == id);
        tab.ok_or_else(|| BrowserError::not_found(msg!("browser.no-tab", id = id)))
    }

    /// Returns `chromiumoxide`'s handle of the page in a browser tab. `chromiumoxide` attaches to a new tab a moment
    /// after the tab was opened, so this waits for it, at most [`TAB_TIMEOUT`].
    async fn page(&self, id: &str) -> Result<Page> {
        let deadline = Instant::now() + TAB_TIMEOUT;
        loop {
            match self.browser.get_page(id.to_owned().into()).await {
                Ok(page) => return Ok(page),
                Err(CdpError::NotFound) if Instant::now() < deadline => {
                    tokio::time::sleep(TAB_POLL_INTERVAL).await;
                }
                Err(error) => return Err(convert_error(error)),
            }
        }
    }
}

impl Drop for CdpConnection {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl From<TargetInfo> for Tab {
    fn from(info: TargetInfo) -> Self {
        Self {
            target_id: info.target_id.inner().clone(),
            title: info.title,
            url: info.url,
            kind: info.r#type,
        }
    }
}

/// Tells whether the page in a browser tab has finished loading.
async fn is_loaded(page: &Page) -> bool {
    let state = page
        .evaluate_expression("document.readyState + ' ' + location.href")
        .await;
    state
        .ok()
        .and_then(|state| state.into_value::<String>().ok())
        .is_some_and(|state| state.starts_with("complete "))
}

/// A Chrome `DevTools` command with untyped JSON as its parameters and its response.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct UntypedCommand {
    #[serde(skip)]
    method: &'static str,
    params: Value,
}

impl Method for UntypedCommand {
    fn identifier(&self) -> MethodId {
        self.method.into()
    }
}

impl Command for UntypedCommand {
    type Response = Value;
}

/// Converts an error of the library `chromiumoxide` to a [`BrowserError`]: HTTP status 404 for a browser tab that is
/// gone, else 500.
fn convert_error(error: CdpError) -> BrowserError {
    match error {
        CdpError::Timeout => {
            BrowserError::failed(msg!("browser.timeout", seconds = COMMAND_TIMEOUT.as_secs()))
        }
        CdpError::NotFound => BrowserError::not_found(msg!("browser.tab-gone")),
        CdpError::Chrome(error) if error.message.contains("No target with given id") => {
            BrowserError::not_found(msg!("browser.tab-gone"))
        }
        error => BrowserError::failed(msg!("browser.cdp")).because(error),
    }
}
