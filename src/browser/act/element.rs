//! Finds the element that an action is for, and waits until a user could act on it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::action::Target;
use super::input::Point;
use crate::browser::cdp::CdpConnection;
use crate::browser::element_refs::ElementRef;
use crate::browser::page_elements::PageElement;
use crate::browser::slot::ProfileSlot;
use crate::browser::{BrowserError, Result};
use crate::i18n::{Msg, msg};
use crate::sync::lock;

/// Interval at which an element is checked while it is not ready for an action.
const READY_POLL_INTERVAL: Duration = Duration::from_millis(50);
/// A function that tells whether a user could act on an element that was scrolled to: `ready`, `gone`, `hidden`,
/// `moving`, `disabled` or `covered`. What matters for the action is in `needs`.
const CHECK_ELEMENT: &str = "async function (needs) {
  if (!this.isConnected) return 'gone';
  const box = () => this.getClientRects()[0];
  const isHidden = () => !box() || !this.checkVisibility({ visibilityProperty: true });
  if (isHidden()) return 'hidden';
  if (needs.enabled && (this.matches(':disabled') || this.closest('[aria-disabled=true]'))) return 'disabled';
  const view = this.ownerDocument.defaultView;
  const centre = () => { const at = box(); return [at.left + at.width / 2, at.top + at.height / 2]; };
  const before = centre();
  await new Promise((resolve) => view.setTimeout(resolve, 20));
  if (isHidden()) return 'hidden';
  const after = centre();
  if (before[0] !== after[0] || before[1] !== after[1]) return 'moving';
  if (!needs.uncovered) return 'ready';
  const hit = this.getRootNode().elementFromPoint(...after);
  const isHit = this.contains(hit) || hit?.shadowRoot?.contains(this) || hit?.closest('label')?.control === this
    || this.closest('label')?.contains(hit) || this.nodeName === 'OPTION' && hit?.contains(this);
  return isHit ? 'ready' : 'covered';
}";

/// The state in which an element of a page must be for an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readiness {
    /// The element is in view.
    Visible,
    /// The element is in view, and nothing lies above it.
    Reachable,
    /// The element is in view, nothing lies above it, and it is not disabled.
    Clickable,
    /// The element is in view and not disabled.
    Editable,
}

/// The page in a browser tab, and the elements that its latest snapshot names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Elements<'a> {
    pub(super) cdp: &'a CdpConnection,
    pub(super) slot: &'a ProfileSlot,
    /// The target id of the tab.
    pub(super) tab: &'a str,
}

impl Elements<'_> {
    /// Finds an element and waits until a user could act on it.
    ///
    /// # Errors
    /// 404 where there is no such element, 409 where it does not become ready in time.
    pub(super) async fn wait_until_ready(
        self,
        target: &Target,
        readiness: Readiness,
        timeout: Duration,
    ) -> Result<PageElement> {
        let deadline = Instant::now() + timeout;
        let needs = json!({
            "enabled": matches!(readiness, Readiness::Clickable | Readiness::Editable),
            "uncovered": matches!(readiness, Readiness::Clickable | Readiness::Reachable),
        });
        loop {
            let found = self.find(target).await;
            let reason = match found {
                Ok(element) => {
                    self.scroll_to(&element).await;
                    let state = self
                        .call(&element, CHECK_ELEMENT, std::slice::from_ref(&needs))
                        .await?;
                    match not_ready_msg(state.as_str().unwrap_or_default(), target) {
                        None => return Ok(element),
                        Some(reason) => BrowserError::conflict(reason),
                    }
                }
                // A selector may match later, a reference may not.
                Err(error) if error.status == 404 && matches!(target, Target::Selector(_)) => error,
                Err(error) => return Err(error),
            };
            if Instant::now() >= deadline {
                return Err(reason);
            }
            tokio::time::sleep(READY_POLL_INTERVAL).await;
        }
    }

    /// Scrolls the page and the frames in it until an element is in view.
    async fn scroll_to(self, element: &PageElement) {
        let params = json!({ "objectId": element.object });
        // An element that has no place on the page is hidden, which the check of it says.
        let _ = self
            .cdp
            .call(self.tab, "DOM.scrollIntoViewIfNeeded", params)
            .await;
    }

    /// Finds an element, ready or not.
    ///
    /// # Errors
    /// 404 where there is no such element.
    pub(super) async fn find(self, target: &Target) -> Result<PageElement> {
        match target {
            Target::Selector(selector) => self.cdp.find_element(self.tab, None, selector).await,
            Target::Reference(reference) => self.find_referenced(reference).await,
        }
    }

    /// Finds the element with this reference in the latest snapshot of the page.
    async fn find_referenced(self, reference: &ElementRef) -> Result<PageElement> {
        let unknown = || BrowserError::not_found(msg!("browser.no-reference", reference = reference));
        let document = self.cdp.document_id(self.tab).await?;
        let backend_id = lock(&self.slot.element_refs)
            .get(self.tab)
            .filter(|references| references.document == document)
            .and_then(|references| references.nodes.get(reference).copied())
            .ok_or_else(unknown)?;
        let element = self.cdp.resolve_element(self.tab, backend_id).await?;
        element.ok_or_else(unknown)
    }

    /// Calls a JavaScript function on an element and returns its result.
    pub(super) async fn call(
        self,
        element: &PageElement,
        function: &str,
        arguments: &[Value],
    ) -> Result<Value> {
        let mut result = self
            .cdp
            .call_function(self.tab, Some(element), function, arguments, true)
            .await?;
        Ok(result["value"].take())
    }

    /// Returns the point at which a user would click on an element: the middle of its first box.
    ///
    /// # Errors
    /// When the element has no box.
    pub(super) async fn middle(self, element: &PageElement) -> Result<Point> {
        let [x1, y1, x2, y2, x3, y3, x4, y4] = self.cdp.corners_of(self.tab, element).await?;
        Ok(Point {
            x: (x1 + x2 + x3 + x4) / 4.0,
            y: (y1 + y2 + y3 + y4) / 4.0,
        })
    }
}

/// Returns the message that says why a user could not act on an element; `None` where he could.
fn not_ready_msg(state: &str, target: &Target) -> Option<Msg> {
    let element = target.name();
    match state {
        "ready" => None,
        "gone" => Some(msg!("browser.element-gone", element = element)),
        "disabled" => Some(msg!("browser.element-disabled", element = element)),
        "covered" => Some(msg!("browser.element-covered", element = element)),
        "moving" => Some(msg!("browser.element-moving", element = element)),
        _ => Some(msg!("browser.element-hidden", element = element)),
    }
}
