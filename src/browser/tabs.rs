//! Operations on the tabs of a running browser that a request asks for: list, open, show, close, screenshot, snapshot.

use base64::Engine as _;
use serde_json::{Value, json};

use super::blocking::run_blocking;
use super::cdp::{CdpConnection, Tab};
use super::route::{ScreenshotRequest, TabAction, TabName};
use super::slot::ProfileSlot;
use super::{BrowserContext, BrowserError, Result, act, screenshots, snapshot};
use crate::devtools::commands::Viewport;
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
        TabAction::List => {
            let tabs = cdp.tabs().await?;
            let rows: Vec<_> = tabs.iter().map(|tab| describe(slot, tab)).collect();
            Ok(json!({ "ok": true, "running": true, "tabs": rows }))
        }
        TabAction::Open { url, label } => open(slot, cdp, &url, label).await,
        TabAction::New(label) => {
            let tab = open(slot, cdp, "about:blank", label).await?;
            Ok(json!({ "ok": true, "tab": tab }))
        }
        TabAction::Label { tab, label } => {
            let tab = select(slot, &cdp.tabs().await?, Some(&tab))?;
            lock(&slot.labels).insert(tab.target_id.clone(), label);
            Ok(json!({ "ok": true, "tab": describe(slot, &tab) }))
        }
        TabAction::Focus(name) => {
            let tab = select_named(slot, &cdp.tabs().await?, &name)?;
            cdp.focus(&tab.target_id).await?;
            set_last_tab(slot, &tab);
            Ok(json!({ "ok": true, "targetId": tab.target_id }))
        }
        TabAction::Close(name) => {
            let tab = select_named(slot, &cdp.tabs().await?, &name)?;
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

/// Opens a URL in a new browser tab and returns the tab as a response describes it.
async fn open(slot: &ProfileSlot, cdp: &CdpConnection, url: &str, label: Option<String>) -> Result<Value> {
    let tab = cdp.open(url).await?;
    set_last_tab(slot, &tab);
    if let Some(label) = label {
        lock(&slot.labels).insert(tab.target_id.clone(), label);
    }
    Ok(describe(slot, &tab))
}

/// Returns a browser tab as a response describes it, with its label where it has one.
fn describe(slot: &ProfileSlot, tab: &Tab) -> Value {
    let mut row = json!(tab);
    if let Some(label) = lock(&slot.labels).get(&tab.target_id) {
        row["label"] = label.as_str().into();
    }
    row
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
    let clip = match &request.element {
        Some(target) => {
            let found = act::find_box(cdp, slot, &tab.target_id, target).await?;
            Some(Viewport {
                x: found.x,
                y: found.y,
                width: found.width,
                height: found.height,
                scale: 1.0,
            })
        }
        None => None,
    };
    let bytes = cdp.screenshot(&tab.target_id, format, full_page, clip).await?;
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
    let labels = lock(&slot.labels).clone();
    let has_label = |tab: &&Tab| id.is_some() && labels.get(&tab.target_id).map(String::as_str) == id;
    if let Some(tab) = tabs.iter().find(has_label) {
        return Ok(tab.clone());
    }
    let last = lock(&slot.last_tab).clone();
    select_tab(tabs, id, last.as_deref())
}

/// Selects the browser tab that a request names by its id, its label or its place in the list.
fn select_named(slot: &ProfileSlot, tabs: &[Tab], name: &TabName) -> Result<Tab> {
    match name {
        TabName::Id(id) => select(slot, tabs, Some(id)),
        TabName::Position(position) => tabs.get(*position).cloned().ok_or_else(|| {
            BrowserError::not_found(msg!("browser.no-tab-at", number = position.saturating_add(1)))
        }),
    }
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
