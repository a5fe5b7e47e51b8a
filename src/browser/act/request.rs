//! Parses requests to act on the page in a browser tab: the body of `POST /act` in, an action out. Pure.
//!
//! The fields are those of docs/openclaw.md#browser-actions.

use std::time::Duration;

use serde_json::Value;

use super::action::{Click, Condition, FieldValue, FormField, PageAction, PointerAction, Target};
use super::keys::{Chord, modifier};
use crate::browser::Result;
use crate::browser::arguments::{argument_error, flag, non_empty_text};
use crate::browser::element_refs::ElementRef;

/// Maximum number of actions in a batch, with those of the batches in it.
const MAX_BATCH_ACTIONS: usize = 100;
/// Maximum number of batches in each other.
const MAX_BATCH_DEPTH: usize = 5;
/// Maximum width and height of a page's visible part, in pixels.
const MAX_VIEWPORT_SIDE: u64 = 8192;
/// Maximum time between the press and the release of a mouse button or a key, in milliseconds.
const MAX_DELAY_MS: u64 = 5_000;
/// Maximum time of a wait that waits for nothing else, in milliseconds.
const MAX_WAIT_MS: u64 = 30_000;
/// Time that an element is given to become ready for an action where the request sets none.
const INTERACTION_TIMEOUT: Duration = Duration::from_secs(8);
/// Time that a condition is given to come true where the request sets none.
const WAIT_TIMEOUT: Duration = Duration::from_secs(20);
/// Bounds of the time that a request may set, in milliseconds.
const TIMEOUT_BOUNDS_MS: (u64, u64) = (500, 120_000);

/// A request to act on the page in a browser tab.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::browser) struct ActRequest {
    /// The tab; `None` for the one that was used last.
    pub(in crate::browser) tab: Option<String>,
    /// The action.
    pub(super) action: PageAction,
}

impl ActRequest {
    /// Parses the body of a request to act on a page.
    ///
    /// # Errors
    /// 400 for an unknown kind of action, and for an argument that is missing or cannot be used.
    pub(in crate::browser) fn parse(body: &Value) -> Result<Self> {
        let mut budget = MAX_BATCH_ACTIONS;
        Ok(Self {
            tab: non_empty_text(body.get("targetId")),
            action: parse_action(body, 0, &mut budget)?,
        })
    }

    /// Tells whether a request to act on a page runs JavaScript that the client sends.
    pub(in crate::browser) fn evaluates(&self) -> bool {
        self.action.evaluates()
    }
}

/// Parses an action on a page. `budget` is the number of actions that a batch may still have.
fn parse_action(body: &Value, depth: usize, budget: &mut usize) -> Result<PageAction> {
    let kind = non_empty_text(body.get("kind")).ok_or_else(|| argument_error("kind"))?;
    let target = || parse_target(body, "ref", "selector");
    let timeout = parse_timeout(body, INTERACTION_TIMEOUT)?;
    Ok(match kind.as_str() {
        "type" => PageAction::Type {
            target: target()?,
            text: parse_text(body)?,
            submits: flag(body, "submit"),
            is_slow: flag(body, "slowly"),
            timeout,
        },
        "insertText" => PageAction::InsertText(parse_text(body)?),
        "press" => PageAction::Press {
            chord: parse_chord(body)?,
            delay: parse_duration(body, "delayMs", MAX_DELAY_MS)?.unwrap_or_default(),
        },
        "select" => PageAction::Select {
            target: target()?,
            values: parse_values(body)?,
            timeout,
        },
        "fill" => PageAction::Fill {
            fields: parse_fields(body)?,
            timeout,
        },
        "resize" => PageAction::Resize {
            width: parse_side(body, "width")?,
            height: parse_side(body, "height")?,
        },
        "wait" => parse_wait(body)?,
        "evaluate" => PageAction::Evaluate {
            source: non_empty_text(body.get("fn")).ok_or_else(|| argument_error("fn"))?,
            target: parse_optional_target(body, "ref", "selector")?,
            timeout: parse_timeout(body, WAIT_TIMEOUT)?,
        },
        "close" => PageAction::Close,
        "batch" => parse_batch(body, depth, budget)?,
        kind => PageAction::Pointer(parse_pointer_action(kind, body, timeout)?),
    })
}

/// Parses an action of the mouse on a page.
fn parse_pointer_action(kind: &str, body: &Value, timeout: Duration) -> Result<PointerAction> {
    let target = || parse_target(body, "ref", "selector");
    Ok(match kind {
        "click" => PointerAction::Click {
            target: target()?,
            click: parse_click(body)?,
            timeout,
        },
        "clickCoords" => PointerAction::ClickAt {
            x: parse_coordinate(body, "x")?,
            y: parse_coordinate(body, "y")?,
            click: parse_click(body)?,
        },
        "hover" => PointerAction::Hover {
            target: target()?,
            timeout,
        },
        "scrollIntoView" => PointerAction::ScrollIntoView {
            target: target()?,
            timeout,
        },
        "drag" => PointerAction::Drag {
            from: parse_target(body, "startRef", "startSelector")?,
            to: parse_target(body, "endRef", "endSelector")?,
            timeout,
        },
        _ => return Err(argument_error("kind")),
    })
}

/// Parses the actions of a batch.
fn parse_batch(body: &Value, depth: usize, budget: &mut usize) -> Result<PageAction> {
    let entries = body.get("actions").and_then(Value::as_array);
    let entries = entries
        .filter(|entries| !entries.is_empty() && entries.len() <= *budget && depth < MAX_BATCH_DEPTH)
        .ok_or_else(|| argument_error("actions"))?;
    *budget -= entries.len();
    let parsed: Result<Vec<_>> = entries
        .iter()
        .map(|entry| parse_action(entry, depth + 1, budget))
        .collect();
    Ok(PageAction::Batch {
        actions: parsed?,
        stops_on_error: body.get("stopOnError").and_then(Value::as_bool).unwrap_or(true),
    })
}

/// Parses the element that an action is for, by its reference or by a CSS selector.
fn parse_target(body: &Value, reference: &'static str, selector: &'static str) -> Result<Target> {
    match (
        non_empty_text(body.get(reference)),
        non_empty_text(body.get(selector)),
    ) {
        (Some(text), _) => ElementRef::parse(&text)
            .map(Target::Reference)
            .ok_or_else(|| argument_error(reference)),
        (None, Some(text)) => Ok(Target::Selector(text)),
        (None, None) => Err(argument_error(reference)),
    }
}

/// Parses the element that a request names by its reference or by a CSS selector; `None` where it names none.
///
/// # Errors
/// 400 for a reference of another form.
pub(in crate::browser) fn parse_optional_target(
    body: &Value,
    reference: &'static str,
    selector: &'static str,
) -> Result<Option<Target>> {
    let is_named = [reference, selector]
        .iter()
        .any(|name| non_empty_text(body.get(*name)).is_some());
    is_named
        .then(|| parse_target(body, reference, selector))
        .transpose()
}

/// Parses the button, the count and the held keys of a click.
fn parse_click(body: &Value) -> Result<Click> {
    let button = match non_empty_text(body.get("button")).as_deref() {
        None | Some("left") => "left",
        Some("right") => "right",
        Some("middle") => "middle",
        Some(_) => return Err(argument_error("button")),
    };
    let mut modifiers = 0;
    for name in body
        .get("modifiers")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        modifiers |= match name.as_str() {
            Some("Alt") => modifier::ALT,
            Some("ControlOrMeta") if cfg!(target_os = "macos") => modifier::META,
            Some("Control" | "ControlOrMeta") => modifier::CONTROL,
            Some("Meta") => modifier::META,
            Some("Shift") => modifier::SHIFT,
            _ => return Err(argument_error("modifiers")),
        };
    }
    Ok(Click {
        button,
        is_double: flag(body, "doubleClick"),
        modifiers,
        delay: parse_duration(body, "delayMs", MAX_DELAY_MS)?.unwrap_or_default(),
    })
}

/// Parses what a request waits for.
fn parse_wait(body: &Value) -> Result<PageAction> {
    let time = parse_duration(body, "timeMs", MAX_WAIT_MS)?;
    let text = |name: &str| non_empty_text(body.get(name));
    let load_state = match text("loadState").as_deref() {
        None => None,
        Some("load") => Some("load"),
        Some("domcontentloaded") => Some("domcontentloaded"),
        Some("networkidle") => Some("networkidle"),
        Some(_) => return Err(argument_error("loadState")),
    };
    let conditions: Vec<_> = [
        text("text").map(Condition::Text),
        text("textGone").map(Condition::TextGone),
        text("selector").map(Condition::Selector),
        text("url").map(Condition::Url),
        load_state.map(Condition::LoadState),
        text("fn").map(Condition::Function),
    ]
    .into_iter()
    .flatten()
    .collect();
    if time.is_none() && conditions.is_empty() {
        return Err(argument_error(
            "timeMs, text, textGone, selector, url, loadState, fn",
        ));
    }
    Ok(PageAction::Wait {
        time: time.unwrap_or_default(),
        conditions,
        timeout: parse_timeout(body, WAIT_TIMEOUT)?,
    })
}

/// Parses the fields of a form.
fn parse_fields(body: &Value) -> Result<Vec<FormField>> {
    let entries = body.get("fields").and_then(Value::as_array);
    let entries = entries
        .filter(|entries| !entries.is_empty())
        .ok_or_else(|| argument_error("fields"))?;
    let parse = |entry: &Value| {
        let value = entry.get("value").unwrap_or(&Value::Null);
        let text = match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            _ => return Err(argument_error("fields")),
        };
        let value = match non_empty_text(entry.get("type")).as_deref() {
            Some("checkbox" | "radio") => FieldValue::Checked(["true", "1"].contains(&text.as_str())),
            _ => FieldValue::Text(text),
        };
        Ok(FormField {
            target: parse_target(entry, "ref", "selector")?,
            value,
        })
    };
    entries.iter().map(parse).collect()
}

/// Parses the values of the options to select.
fn parse_values(body: &Value) -> Result<Vec<String>> {
    let values = body.get("values").and_then(Value::as_array).into_iter().flatten();
    let values: Option<Vec<_>> = values.map(|value| value.as_str().map(str::to_owned)).collect();
    values
        .filter(|values| !values.is_empty())
        .ok_or_else(|| argument_error("values"))
}

/// Parses the text that is to be typed, which may be empty.
fn parse_text(body: &Value) -> Result<String> {
    let text = body.get("text").and_then(Value::as_str);
    text.map(str::to_owned).ok_or_else(|| argument_error("text"))
}

/// Parses the keys that are to be pressed.
fn parse_chord(body: &Value) -> Result<Chord> {
    let text = body.get("key").and_then(Value::as_str);
    text.and_then(Chord::parse).ok_or_else(|| argument_error("key"))
}

/// Parses a coordinate in the visible part of a page.
fn parse_coordinate(body: &Value, name: &'static str) -> Result<f64> {
    let value = body.get(name).and_then(Value::as_f64);
    value
        .filter(|value| *value >= 0.0)
        .ok_or_else(|| argument_error(name))
}

/// Parses the width or the height of the visible part of a page.
fn parse_side(body: &Value, name: &'static str) -> Result<u64> {
    let value = body.get(name).and_then(Value::as_u64);
    value
        .filter(|value| (1..=MAX_VIEWPORT_SIDE).contains(value))
        .ok_or_else(|| argument_error(name))
}

/// Parses a time in milliseconds of at most `max`; `None` where it is not set.
fn parse_duration(body: &Value, name: &'static str, max: u64) -> Result<Option<Duration>> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let millis = value.as_u64().filter(|millis| *millis <= max);
            millis
                .map(|millis| Some(Duration::from_millis(millis)))
                .ok_or_else(|| argument_error(name))
        }
    }
}

/// Parses the time that an action may take, within [`TIMEOUT_BOUNDS_MS`].
fn parse_timeout(body: &Value, default: Duration) -> Result<Duration> {
    let timeout = parse_duration(body, "timeoutMs", u64::MAX)?;
    let (min, max) = TIMEOUT_BOUNDS_MS;
    Ok(timeout.map_or(default, |timeout| {
        timeout.clamp(Duration::from_millis(min), Duration::from_millis(max))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parsed(body: &Value) -> Result<PageAction, u16> {
        ActRequest::parse(body)
            .map(|request| request.action)
            .map_err(|error| error.status)
    }

    #[test]
    fn requests_of_both_command_lines_are_parsed() {
        let e12 = Target::Reference(ElementRef::parse("e12").unwrap());
        let body = json!({ "kind": "click", "ref": "e12", "doubleClick": true, "button": "right", "modifiers": ["Shift"] });
        let click = Click {
            button: "right",
            is_double: true,
            modifiers: modifier::SHIFT,
            delay: Duration::ZERO,
        };
        let expected = PageAction::Pointer(PointerAction::Click {
            target: e12.clone(),
            click,
            timeout: INTERACTION_TIMEOUT,
        });
        assert_eq!(parsed(&body), Ok(expected));
        let body = json!({ "kind": "fill", "fields": [
            { "ref": "e12", "type": "text", "value": 7 }, { "ref": "@e12", "type": "checkbox", "value": true },
        ] });
        let field = |value| FormField {
            target: e12.clone(),
            value,
        };
        let fields = vec![
            field(FieldValue::Text("7".to_owned())),
            field(FieldValue::Checked(true)),
        ];
        let expected = PageAction::Fill {
            fields,
            timeout: INTERACTION_TIMEOUT,
        };
        assert_eq!(parsed(&body), Ok(expected));
        let body = json!({ "kind": "wait", "timeMs": 5, "url": "**/done", "timeoutMs": 1 });
        let expected = PageAction::Wait {
            time: Duration::from_millis(5),
            conditions: vec![Condition::Url("**/done".to_owned())],
            timeout: Duration::from_millis(500),
        };
        assert_eq!(parsed(&body), Ok(expected));
        let body = json!({ "kind": "batch", "stopOnError": false, "actions": [{ "kind": "close" }] });
        let expected = PageAction::Batch {
            actions: vec![PageAction::Close],
            stops_on_error: false,
        };
        assert_eq!(parsed(&body), Ok(expected));
    }

    #[test]
    fn arguments_that_are_missing_or_wrong_are_refused() {
        let many: Vec<_> = (0..=MAX_BATCH_ACTIONS)
            .map(|_| json!({ "kind": "close" }))
            .collect();
        let nested = (0..=MAX_BATCH_DEPTH).fold(
            json!({ "kind": "close" }),
            |inner, _| json!({ "kind": "batch", "actions": [inner] }),
        );
        for body in [
            json!({}),
            json!({ "kind": "jump" }),
            json!({ "kind": "click" }),
            json!({ "kind": "click", "ref": "#id" }),
            json!({ "kind": "click", "ref": "e1", "button": "fourth" }),
            json!({ "kind": "click", "ref": "e1", "modifiers": ["Hyper"] }),
            json!({ "kind": "clickCoords", "x": -1, "y": 0 }),
            json!({ "kind": "type", "ref": "e1" }),
            json!({ "kind": "press", "key": "Nope" }),
            json!({ "kind": "press", "key": "a", "delayMs": 5_001 }),
            json!({ "kind": "drag", "startRef": "e1" }),
            json!({ "kind": "select", "ref": "e1", "values": [] }),
            json!({ "kind": "fill", "fields": [{ "type": "text" }] }),
            json!({ "kind": "resize", "width": 9000, "height": 10 }),
            json!({ "kind": "wait" }),
            json!({ "kind": "wait", "timeMs": 30_001 }),
            json!({ "kind": "evaluate" }),
            json!({ "kind": "batch", "actions": many }),
            nested,
        ] {
            assert_eq!(parsed(&body), Err(400), "{body}");
        }
    }

    #[test]
    fn script_of_the_client_is_found_in_any_action() {
        let evaluates = |body: Value| ActRequest::parse(&body).unwrap().evaluates();
        let evaluate = json!({ "kind": "evaluate", "fn": "1" });
        assert!(evaluates(evaluate.clone()));
        assert!(evaluates(json!({ "kind": "wait", "fn": "1" })));
        assert!(evaluates(
            json!({ "kind": "batch", "actions": [{ "kind": "batch", "actions": [evaluate] }] })
        ));
        assert!(!evaluates(json!({ "kind": "wait", "timeMs": 1 })));
    }
}
