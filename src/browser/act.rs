//! Acts on the page in a browser tab: clicks, types, fills forms, waits, runs scripts (docs/openclaw.md#browser-actions).

use std::time::Duration;

use serde_json::{Value, json};

use super::cdp::CdpConnection;
use super::page_elements::ElementBox;
use super::slot::ProfileSlot;
use super::{BrowserError, Result};
use crate::i18n::Lang;
use action::{Click, PageAction, PointerAction};
use element::{Elements, Readiness};
use input::{Input, Point};

mod action;
mod element;
mod form;
mod input;
mod keys;
pub(super) mod request;
mod script;
mod wait;

pub(super) use action::Target;
pub(super) use request::{ActRequest, parse_optional_target};

/// Time that an element is given to come to rest before its box is read.
const BOX_TIMEOUT: Duration = Duration::from_secs(8);

/// The page in a browser tab that a request acts on.
#[derive(Clone, Copy, Debug)]
struct ActPage<'a> {
    cdp: &'a CdpConnection,
    slot: &'a ProfileSlot,
    /// The target id of the tab.
    tab: &'a str,
    /// The language of the errors in the results of a batch.
    lang: Lang,
}

/// Acts on the page in a browser tab and returns the body of the response.
///
/// # Errors
/// 400 for a value that the page does not take, 404 for an element that is not there, 409 for one that is not ready.
pub(super) async fn run(
    cdp: &CdpConnection,
    slot: &ProfileSlot,
    tab: &str,
    request: &ActRequest,
    lang: Lang,
) -> Result<Value> {
    // A page that believes to be in front runs its timers and takes input, whatever is in front of it.
    let focused = json!({ "enabled": true });
    cdp.call(tab, "Emulation.setFocusEmulationEnabled", focused)
        .await?;
    let page = ActPage { cdp, slot, tab, lang };
    let mut body = page.run(&request.action).await?;
    body["ok"] = true.into();
    body["targetId"] = tab.into();
    // The action may have closed the tab or led it to another page.
    if let Ok(tab) = cdp.tab(tab).await {
        cdp.release_objects(&tab.target_id).await;
        body["url"] = tab.url.into();
    }
    Ok(body)
}

/// Scrolls to an element and returns its box on the page.
///
/// # Errors
/// 404 where there is no such element, 409 where it is not visible.
pub(super) async fn find_box(
    cdp: &CdpConnection,
    slot: &ProfileSlot,
    tab: &str,
    target: &Target,
) -> Result<ElementBox> {
    let elements = Elements { cdp, slot, tab };
    let ready = elements.wait_until_ready(target, Readiness::Visible, BOX_TIMEOUT);
    cdp.box_of(tab, &ready.await?).await
}

impl<'a> ActPage<'a> {
    /// Returns the elements of the page.
    fn elements(self) -> Elements<'a> {
        Elements {
            cdp: self.cdp,
            slot: self.slot,
            tab: self.tab,
        }
    }

    /// Returns the mouse and the keyboard of the page.
    fn input(self) -> Input<'a> {
        Input {
            cdp: self.cdp,
            tab: self.tab,
        }
    }

    /// Runs an action and returns its own fields of the response: `result` of a script, `results` of a batch.
    async fn run(self, action: &PageAction) -> Result<Value> {
        match action {
            PageAction::Evaluate {
                source,
                target,
                timeout,
            } => {
                let result = self.evaluate(source, target.as_ref(), *timeout).await?;
                return Ok(json!({ "result": result }));
            }
            PageAction::Batch {
                actions,
                stops_on_error,
            } => {
                let results = Box::pin(self.run_batch(actions, *stops_on_error)).await;
                return Ok(json!({ "results": results }));
            }
            PageAction::Pointer(action) => self.point_at(action).await?,
            PageAction::Type {
                target,
                text,
                submits,
                is_slow,
                timeout,
            } => {
                self.type_text(target, text, *is_slow, *timeout).await?;
                if *submits {
                    self.input().press_named("Enter").await?;
                }
            }
            PageAction::InsertText(text) => self.input().insert_text(text).await?,
            PageAction::Press { chord, delay } => self.input().press(chord, *delay).await?,
            PageAction::Select {
                target,
                values,
                timeout,
            } => form::select(self.elements(), target, values, *timeout).await?,
            PageAction::Fill { fields, timeout } => {
                form::fill(self.elements(), self.input(), fields, *timeout).await?;
            }
            PageAction::Resize { width, height } => self.resize(*width, *height).await?,
            PageAction::Wait {
                time,
                conditions,
                timeout,
            } => {
                tokio::time::sleep(*time).await;
                for condition in conditions {
                    wait::wait_for(self.cdp, self.tab, condition, *timeout).await?;
                }
            }
            PageAction::Close => self.cdp.close(self.tab).await?,
        }
        Ok(json!({}))
    }

    /// Moves the mouse over an element, clicks it, drags it, or scrolls to it.
    async fn point_at(self, action: &PointerAction) -> Result<()> {
        let (elements, input) = (self.elements(), self.input());
        match action {
            PointerAction::Click {
                target,
                click,
                timeout,
            } => {
                let point = self.point(target, Readiness::Clickable, *timeout).await?;
                input.click(point, click).await
            }
            PointerAction::ClickAt { x, y, click } => input.click(Point { x: *x, y: *y }, click).await,
            PointerAction::Hover { target, timeout } => {
                let point = self.point(target, Readiness::Reachable, *timeout).await?;
                input.move_to(point).await
            }
            PointerAction::ScrollIntoView { target, timeout } => {
                let ready = elements
                    .wait_until_ready(target, Readiness::Visible, *timeout)
                    .await;
                ready.map(|_| ())
            }
            PointerAction::Drag { from, to, timeout } => {
                self.point(to, Readiness::Visible, *timeout).await?;
                let from = self.point(from, Readiness::Reachable, *timeout).await?;
                // To scroll to the one may have moved the other.
                let to = elements.middle(&elements.find(to).await?).await?;
                input.drag(from, to).await
            }
        }
    }

    /// Waits until an element is ready, and returns the point at which a user would click on it.
    async fn point(self, target: &Target, readiness: Readiness, timeout: Duration) -> Result<Point> {
        let elements = self.elements();
        let element = elements.wait_until_ready(target, readiness, timeout).await?;
        elements.middle(&element).await
    }

    /// Types text into an element: in place of what is in it, or key by key behind it.
    async fn type_text(self, target: &Target, text: &str, is_slow: bool, timeout: Duration) -> Result<()> {
        if !is_slow {
            return form::set_text(self.elements(), self.input(), target, text, timeout).await;
        }
        let point = self.point(target, Readiness::Clickable, timeout).await?;
        self.input().click(point, &Click::LEFT).await?;
        self.input().type_slowly(text).await
    }

    /// Sets the size of the page's visible part, in pixels.
    async fn resize(self, width: u64, height: u64) -> Result<()> {
        let params = json!({ "width": width, "height": height, "deviceScaleFactor": 0, "mobile": false });
        let method = "Emulation.setDeviceMetricsOverride";
        self.cdp.call(self.tab, method, params).await.map(|_| ())
    }

    /// Runs a client's JavaScript and returns its result.
    async fn evaluate(self, source: &str, target: Option<&Target>, timeout: Duration) -> Result<Value> {
        let element = match target {
            Some(target) => Some(self.elements().find(target).await?),
            None => None,
        };
        let running = script::run(self.cdp, self.tab, element.as_ref(), source);
        if let Ok(result) = tokio::time::timeout(timeout, running).await {
            return result;
        }
        // A script that never ends would keep the page from everything else. Where it has ended, nothing is left to do.
        let _ = self
            .cdp
            .call(self.tab, "Runtime.terminateExecution", json!({}))
            .await;
        Err(BrowserError::timed_out(timeout))
    }

    /// Runs the actions of a batch one after another, and returns what came of each.
    async fn run_batch(self, actions: &[PageAction], stops_on_error: bool) -> Vec<Value> {
        let mut results = Vec::new();
        for action in actions {
            let result = match self.run(action).await {
                Ok(mut fields) => {
                    let inner = fields["results"].as_array();
                    let is_ok = inner.is_none_or(|inner| inner.iter().all(|result| result["ok"] == true));
                    fields["ok"] = is_ok.into();
                    fields
                }
                Err(BrowserError { error, .. }) => {
                    json!({ "ok": false, "error": error.msg.render(self.lang), "code": error.code() })
                }
            };
            let is_ok = result["ok"] == true;
            results.push(result);
            if !is_ok && stops_on_error {
                break;
            }
        }
        results
    }
}
