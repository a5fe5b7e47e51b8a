//! Operations on the tabs of a running browser that a request asks for: list, open, show, close, screenshot, snapshot.

use base64::Engine as _;
use serde_json::{Value, json};

use super::blocking::run_blocking;
use super::cdp::{CdpConnection, Tab};
use super::route::{ScreenshotRequest, TabAction};
use super::slot::ProfileSlot;
use super::{BrowserContext, BrowserError, Result, act, screenshots, snapshot};
use crate::i18n::{Lang, msg};
use crate::sync::lock;

/// Runs the action of a request on the tabs of a running browser and returns the body of the response.
pub(super) async fn run_action(
    context: &BrowserContext,
    slot: &ProfileSlot,
    profile: &str,
    cdp: &CdpConnection,
    action: TabAction,
    lang: Lang,
) -> Result<Value> {
    match action {
        TabAction::List => Ok(json!({ "running": true, "tabs": cdp.tabs().await? })),
        TabAction::Open(url) => {
            let tab = cdp.open(&url).await?;
            set_last_tab(slot, &tab);
            Ok(json!(tab))
        }
        TabAction::Focus(id) => {
            let tab = select(slot, &cdp.tabs().await?, Some(&id))?;
            cdp.focus(&tab.target_id).await?;
            set_last_tab(slot, &tab);
            Ok(json!({ "ok": true, "targetId": tab.target_id }))
        }
        TabAction::Close(id) => {
            let tab = select(slot, &cdp.tabs().await?, Some(&id))?;
            cdp.close(&tab.target_id).await?;
            Ok(json!({ "ok": true, "targetId": tab.target_id }))
        }
        TabAction::Navigate { url, tab } => {
            let id = select_or_open(slot, cdp, tab.as_deref()).await?;
            let tab = cdp.navigate(&id, &url).await?;
            set_last_tab(slot, &tab);
            Ok(json!({ "ok": true, "targetId": tab.target_id, "url": tab.url, "title": tab.title }))
        }
        TabAction::Screenshot(request) => capture_screenshot(context, slot, profile, cdp, &request).await,
        TabAction::Act(request) => {
            let tab = select(slot, &cdp.tabs().await?, request.tab.as_deref())?;
            set_last_tab(slot, &tab);
            act::run(cdp, slot, &tab.target_id, &request, lang).await
        }
        TabAction::Snapshot(request) => {
            let tab = select(slot, &cdp.tabs().await?, request.tab.as_deref())?;
            snapshot::capture(cdp, slot, &tab, &request).await
        }
    }
}

/// Captures a screenshot of a browser tab and returns the body of the response, which holds the image or the path of
/// its file.
async fn capture_screenshot(
    context: &BrowserContext,
    slot: &ProfileSlot,
    profile: &str,
    cdp: &CdpConnection,
    request: &ScreenshotRequest,
) -> Result<Value> {
    let (format, full_page) = (request.format, request.full_page);
    let tab = select(slot, &cdp.tabs().await?, request.tab.as_deref())?;
    let bytes = cdp.screenshot(&tab.target_id, format, full_page).await?;
    let mut document = json!({ "ok": true, "targetId": tab.target_id, "url": tab.url, "bytes": bytes.len() });
    if request.inline {
        let encoded = base64::engine::general_purpose::STANDARD.encode(&bytes);
        document["base64"] = encoded.into();
        document["contentType"] = format!("image/{}", format.name()).into();
    } else {
        let (context, profile) = (context.clone(), profile.to_owned());
        let path = run_blocking(move || screenshots::store(&context, &profile, format.name(), &bytes));
        document["path"] = json!(path.await?);
    }
    Ok(document)
}

/// Stores a browser tab as the one that later requests use when they name no tab.
fn set_last_tab(slot: &ProfileSlot, tab: &Tab) {
    *lock(&slot.last_tab) = Some(tab.target_id.clone());
}

/// Selects the browser tab that a request names; without an id, the tab that was used last.
fn select(slot: &ProfileSlot, tabs: &[Tab], id: Option<&str>) -> Result<Tab> {
    let last = lock(&slot.last_tab).clone();
    select_tab(tabs, id, last.as_deref())
}

/// Returns the target id of the browser tab in which a web page is to be shown, opening a tab where needed. Opens an
/// empty tab where none is open and none is requested.
async fn select_or_open(slot: &ProfileSlot, cdp: &CdpConnection, id: Option<&str>) -> Result<String> {
    let tabs = cdp.tabs().await?;
    if tabs.is_empty() && id.is_none() {
        return Ok(cdp.open("about:blank").await?.target_id);
    }
    Ok(select(slot, &tabs, id)?.target_id)
}

/// Selects a browser tab by its target id or an unambiguous prefix of it, in any case. Without an id it is the tab
/// that was used last, else the first one.
fn select_tab(tabs: &[Tab], id: Option<&str>, last: Option<&str>) -> Result<Tab> {
    let Some(id) = id else {
        let by_id = |id: &&str| tabs.iter().find(|tab| tab.target_id == *id);
        let tab = last.as_ref().and_then(by_id).or_else(|| tabs.first());
        return tab
            .cloned()
            .ok_or_else(|| BrowserError::conflict(msg!("browser.no-tabs")));
    };
    let prefix = id.to_ascii_uppercase();
    let matches = |tab: &&Tab| tab.target_id.to_ascii_uppercase().starts_with(&prefix);
    let mut found = tabs.iter().filter(matches);
    match (found.next(), found.next()) {
        (Some(tab), None) => Ok(tab.clone()),
        (Some(_), Some(_)) => Err(BrowserError::conflict(msg!("browser.ambiguous-tab", id = prefix))),
        (None, _) => Err(BrowserError::not_found(msg!("browser.no-tab", id = prefix))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tab(id: &str) -> Tab {
        Tab {
            target_id: id.to_owned(),
            title: String::new(),
            url: String::new(),
            kind: "page".to_owned(),
        }
    }

    #[test]
    fn tab_is_selected_by_id_prefix_else_last_else_first() {
        let tabs = [tab("ABC1"), tab("ABD2")];
        let selected = |id, last| {
            select_tab(&tabs, id, last)
                .map(|tab| tab.target_id)
                .map_err(|error| error.status)
        };
        assert_eq!(selected(Some("abd"), None).unwrap(), "ABD2");
        assert_eq!(selected(Some("AB"), None), Err(409));
        assert_eq!(selected(Some("X"), None), Err(404));
        assert_eq!(selected(None, Some("ABD2")).unwrap(), "ABD2");
        assert_eq!(selected(None, Some("gone")).unwrap(), "ABC1");
        assert_eq!(select_tab(&[], None, None).unwrap_err().status, 409);
    }
}
