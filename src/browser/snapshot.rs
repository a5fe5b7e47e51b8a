//! Takes snapshots of browser pages: what is on a page, and references to its elements, for actions on them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::cdp::{CdpConnection, Tab};
use super::element_refs::{ElementRef, ElementRefs};
use super::slot::ProfileSlot;
use super::{BrowserError, Result};
use crate::i18n::msg;
use crate::sync::lock;
use request::SnapshotFormat;
use tree::AxTree;

mod ai;
mod aria;
pub(super) mod request;
mod tree;

pub(super) use request::SnapshotRequest;

/// Maximum number of frames of a page whose content a snapshot contains.
const MAX_FRAMES: usize = 20;

/// Takes a snapshot of the page in a browser tab and returns the body of the response. The references to the page's
/// elements are stored in the slot.
pub(super) async fn capture(
    cdp: &CdpConnection,
    slot: &ProfileSlot,
    tab: &Tab,
    request: &SnapshotRequest,
) -> Result<Value> {
    let id = &tab.target_id;
    let document = cdp.document_id(id).await?;
    let tree = read_tree(cdp, id, request).await?;
    let mut body = json!({
        "ok": true,
        "format": request.format.name(),
        "targetId": id,
        "url": tab.url,
    });
    let (elements, is_truncated) = match &request.format {
        SnapshotFormat::Ai(options) => {
            let snapshot = ai::render(&tree, options);
            body["stats"] = snapshot.stats();
            body["snapshot"] = snapshot.text.into();
            body["refs"] = snapshot.refs.into();
            (snapshot.elements, snapshot.is_truncated)
        }
        SnapshotFormat::Aria { max_nodes } => {
            let snapshot = aria::list(&tree, *max_nodes);
            body["nodes"] = snapshot.nodes.into();
            (snapshot.elements, snapshot.is_truncated)
        }
    };
    if is_truncated {
        body["truncated"] = true.into();
    }
    store_references(cdp, slot, id, document, elements).await?;
    Ok(body)
}

/// Stores the references to the elements of a page as those of its tab, and forgets those of closed tabs.
async fn store_references(
    cdp: &CdpConnection,
    slot: &ProfileSlot,
    tab: &str,
    document: String,
    nodes: BTreeMap<ElementRef, i64>,
) -> Result<()> {
    let open = cdp.tabs().await?;
    let mut references = lock(&slot.element_refs);
    references.retain(|id, _| open.iter().any(|tab| tab.target_id == *id));
    references.insert(tab.to_owned(), ElementRefs { document, nodes });
    Ok(())
}

/// Reads the accessibility tree of the part of a page that a request asks for, with the content of its frames.
async fn read_tree(cdp: &CdpConnection, id: &str, request: &SnapshotRequest) -> Result<AxTree> {
    let (mut frame, mut frame_id) = (None, None);
    if let Some(selector) = &request.frame {
        let found = cdp.find_element(id, None, selector).await?;
        let no_frame = || BrowserError::bad_request(msg!("browser.no-frame", selector = selector));
        frame_id = Some(found.frame.clone().ok_or_else(no_frame)?);
        frame = Some(found);
    }
    let response = cdp.accessibility_tree(id, frame_id.as_deref()).await?;
    let mut tree = AxTree::parse(&response);
    for at in tree.with_role("iframe").into_iter().take(MAX_FRAMES) {
        if let Some(element) = tree.node(at).element
            && let Some(frame) = cdp.frame_of(id, element).await
            // A frame of another site runs in a process of its own, which this connection does not reach.
            && let Ok(content) = cdp.accessibility_tree(id, Some(&frame)).await
        {
            tree.add_frame(at, AxTree::parse(&content));
        }
    }
    if let Some(selector) = &request.selector {
        let root = cdp.find_element(id, frame.as_ref(), selector).await?;
        if !tree.narrow_to(root.node) {
            return Err(BrowserError::not_found(msg!(
                "browser.no-element",
                selector = selector
            )));
        }
    }
    cdp.release_objects(id).await;
    Ok(tree)
}
