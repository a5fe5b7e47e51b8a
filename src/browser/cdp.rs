//! Driving a browser over its debugging protocol, by `chromiumoxide`: tabs, navigation, pictures, the
//! accessibility tree.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chromiumoxide::cdp::browser_protocol::page::CaptureScreenshotFormat;
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
use serde_json::Value;

use super::{Fault, Result};
use crate::i18n::msg;

/// How long a single command may take.
const LIMIT: Duration = Duration::from_secs(30);
/// How long a new tab is waited for until its page is there.
const LOAD: Duration = Duration::from_secs(10);
/// How often a tab that is being made is looked at.
const PAUSE: Duration = Duration::from_millis(20);

/// A connection to one browser.
#[derive(Debug)]
pub struct Cdp {
    browser: Browser,
    task: tokio::task::JoinHandle<()>,
    alive: Arc<AtomicBool>,
}

/// A page that is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tab {
    /// What the browser calls it.
    pub target_id: String,
    /// Its title.
    pub title: String,
    /// Its address.
    pub url: String,
    /// `page`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// How a picture is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Exact.
    Png,
    /// Small.
    Jpeg,
}

impl Format {
    /// The ending of a file's name, and of its media type.
    pub fn name(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpeg",
        }
    }
}

impl Cdp {
    /// Connects to the browser behind a `ws://` address.
    ///
    /// # Errors
    /// It does not answer in time, or not in this protocol.
    pub async fn connect(url: String, limit: Duration) -> Result<Self> {
        let config = HandlerConfig {
            // What is no valid certificate to a user is none here.
            ignore_https_errors: false,
            viewport: None,
            request_timeout: LIMIT,
            ..HandlerConfig::default()
        };
        let connecting = Browser::connect_with_config(url, config);
        let connected = tokio::time::timeout(limit, connecting).await;
        let late = |_| Fault::failed(msg!("browser.timeout", seconds = limit.as_secs()));
        let (browser, mut handler) = connected.map_err(late)?.map_err(failed)?;
        let alive = Arc::new(AtomicBool::new(true));
        let ended = alive.clone();
        let task = tokio::spawn(async move {
            while let Some(Ok(())) = handler.next().await {}
            ended.store(false, Ordering::Relaxed);
        });
        Ok(Self { browser, task, alive })
    }

    /// Whether the connection still stands.
    pub fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Relaxed) && !self.task.is_finished()
    }

    /// Every open page, in the browser's order.
    ///
    /// # Errors
    /// The browser does not answer.
    pub async fn tabs(&self) -> Result<Vec<Tab>> {
        let answer = self
            .browser
            .execute(GetTargetsParams::default())
            .await
            .map_err(failed)?;
        let pages = answer.result.target_infos.into_iter();
        Ok(pages
            .filter(|info| info.r#type == "page")
            .map(Tab::from)
            .collect())
    }

    /// Opens a page in a new tab and waits a while until it is loaded.
    ///
    /// # Errors
    /// The browser makes no tab.
    pub async fn open(&self, url: &str) -> Result<Tab> {
        let made = self
            .browser
            .execute(CreateTargetParams::new(url))
            .await
            .map_err(failed)?;
        let id = made.result.target_id.inner().clone();
        let page = self.page(&id).await?;
        let deadline = Instant::now() + LOAD;
        // A page that loads for ever is open all the same.
        while Instant::now() < deadline && !is_loaded(&page).await {
            tokio::time::sleep(PAUSE).await;
        }
        self.tab(&id).await
    }

    /// Brings a tab to the front.
    ///
    /// # Errors
    /// There is no such tab.
    pub async fn focus(&self, id: &str) -> Result<()> {
        let answer = self
            .browser
            .execute(ActivateTargetParams::new(id.to_owned()))
            .await;
        answer.map(|_| ()).map_err(failed)
    }

    /// Closes a tab, and waits until it is gone.
    ///
    /// # Errors
    /// There is no such tab.
    pub async fn close(&self, id: &str) -> Result<()> {
        let answer = self.browser.execute(CloseTargetParams::new(id.to_owned())).await;
        answer.map_err(failed)?;
        let deadline = Instant::now() + LOAD;
        while Instant::now() < deadline && self.tabs().await?.iter().any(|tab| tab.target_id == id) {
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Shows another page in a tab, and waits until it is loaded.
    ///
    /// # Errors
    /// The page can't be reached.
    pub async fn navigate(&self, id: &str, url: &str) -> Result<Tab> {
        self.page(id).await?.goto(url).await.map_err(failed)?;
        self.tab(id).await
    }

    /// A picture of a tab: of what is in view, or of the whole page.
    ///
    /// # Errors
    /// The tab is gone.
    pub async fn screenshot(&self, id: &str, format: Format, full_page: bool) -> Result<Vec<u8>> {
        let wish = ScreenshotParams::builder()
            .full_page(full_page)
            .format(match format {
                Format::Png => CaptureScreenshotFormat::Png,
                Format::Jpeg => CaptureScreenshotFormat::Jpeg,
            })
            .build();
        self.page(id).await?.screenshot(wish).await.map_err(failed)
    }

    /// The accessibility tree of a tab, as the browser gives it.
    ///
    /// # Errors
    /// The tab is gone.
    pub async fn tree(&self, id: &str) -> Result<Value> {
        let answer = self.page(id).await?.execute(FullTree {}).await.map_err(failed)?;
        Ok(answer.result)
    }

    async fn tab(&self, id: &str) -> Result<Tab> {
        let tab = self.tabs().await?.into_iter().find(|tab| tab.target_id == id);
        tab.ok_or_else(|| Fault::unknown(msg!("browser.no-tab", id = id)))
    }

    /// The page of a tab. A tab that was just made is attached to a moment later.
    async fn page(&self, id: &str) -> Result<Page> {
        let deadline = Instant::now() + LOAD;
        loop {
            match self.browser.get_page(id.to_owned().into()).await {
                Ok(page) => return Ok(page),
                Err(CdpError::NotFound) if Instant::now() < deadline => {
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => return Err(failed(error)),
            }
        }
    }
}

impl Drop for Cdp {
    fn drop(&mut self) {
        self.task.abort();
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

async fn is_loaded(page: &Page) -> bool {
    let state = page
        .evaluate_expression("document.readyState + ' ' + location.href")
        .await;
    state
        .ok()
        .and_then(|state| state.into_value::<String>().ok())
        .is_some_and(|state| state.starts_with("complete "))
}

/// `Accessibility.getFullAXTree` with an answer of any shape: a browser newer than the crate's types
/// sends values that those refuse.
#[derive(Debug, Serialize)]
struct FullTree {}

impl Method for FullTree {
    fn identifier(&self) -> MethodId {
        "Accessibility.getFullAXTree".into()
    }
}

impl Command for FullTree {
    type Response = Value;
}

fn failed(error: CdpError) -> Fault {
    match error {
        CdpError::Timeout => Fault::failed(msg!("browser.timeout", seconds = LIMIT.as_secs())),
        CdpError::NotFound => Fault::unknown(msg!("browser.tab-gone")),
        CdpError::Chrome(error) if error.message.contains("No target with given id") => {
            Fault::unknown(msg!("browser.tab-gone"))
        }
        error => Fault::failed(msg!("browser.cdp")).because(error),
    }
}
