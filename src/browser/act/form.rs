//! Fills the fields of forms: text, checkboxes, radio buttons and lists.

use std::time::Duration;

use serde_json::{Value, json};

use super::action::{Click, FieldValue, FormField, Target};
use super::element::{Elements, Readiness};
use super::input::Input;
use crate::browser::{BrowserError, Result};
use crate::i18n::msg;

/// A function that prepares an element for its new text: `insert` where the text is to be inserted in place of what is
/// selected, `done` where the value is set, `malformed` for a value that the field does not take, `other` for an
/// element that takes no text.
const PREPARE_TEXT: &str = "function (value) {
  const type = this.nodeName === 'INPUT' ? this.type : '';
  if (['color', 'date', 'time', 'datetime-local', 'month', 'range', 'week'].includes(type)) {
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(this, value);
    if (this.value !== value) return 'malformed';
    this.dispatchEvent(new Event('input', { bubbles: true, composed: true }));
    this.dispatchEvent(new Event('change', { bubbles: true }));
    return 'done';
  }
  if (['button', 'checkbox', 'file', 'hidden', 'image', 'radio', 'reset', 'submit'].includes(type)) return 'other';
  if (type || this.nodeName === 'TEXTAREA') {
    if (this.readOnly) return 'other';
    this.focus();
    this.select();
    return 'insert';
  }
  if (!this.isContentEditable) return 'other';
  this.focus();
  getSelection().selectAllChildren(this);
  return 'insert';
}";
/// A function that selects options of a list by their values or labels: `done`, `other` for an element that is no
/// list, or the first value that no option has.
const SELECT_OPTIONS: &str = "function (values) {
  if (this.nodeName !== 'SELECT') return { state: 'other' };
  const chosen = [];
  for (const value of values) {
    const found = [...this.options].find((option) => option.value === value)
      ?? [...this.options].find((option) => option.label.trim() === value.trim());
    if (!found) return { state: 'missing', value };
    chosen.push(found);
  }
  const wanted = this.multiple ? chosen : chosen.slice(0, 1);
  for (const option of this.options) option.selected = wanted.includes(option);
  this.dispatchEvent(new Event('input', { bubbles: true, composed: true }));
  this.dispatchEvent(new Event('change', { bubbles: true }));
  return { state: 'done' };
}";
/// A function that tells whether a checkbox or a radio button is checked; `null` for any other element.
const READ_CHECKED: &str = "function () {
  if (this.nodeName === 'INPUT' && ['checkbox', 'radio'].includes(this.type)) return this.checked;
  const state = this.getAttribute('aria-checked');
  return state === null ? null : state === 'true';
}";

/// Replaces the text of an element.
///
/// # Errors
/// 409 where the element takes no text or is not ready in time, 400 where it does not take this one.
pub(super) async fn set_text(
    elements: Elements<'_>,
    input: Input<'_>,
    target: &Target,
    text: &str,
    timeout: Duration,
) -> Result<()> {
    let element = elements
        .wait_until_ready(target, Readiness::Editable, timeout)
        .await?;
    let state = elements.call(&element, PREPARE_TEXT, &[json!(text)]).await?;
    match state.as_str() {
        Some("done") => Ok(()),
        Some("insert") if text.is_empty() => input.press_named("Delete").await,
        Some("insert") => input.insert_text(text).await,
        Some("malformed") => Err(BrowserError::bad_request(msg!(
            "browser.value-refused",
            element = target.name(),
            value = text
        ))),
        _ => Err(BrowserError::conflict(msg!(
            "browser.no-text-field",
            element = target.name()
        ))),
    }
}

/// Selects the options of a list that have these values or labels.
///
/// # Errors
/// 409 where the element is no list or is not ready in time, 400 where it has no such option.
pub(super) async fn select(
    elements: Elements<'_>,
    target: &Target,
    values: &[String],
    timeout: Duration,
) -> Result<()> {
    let element = elements
        .wait_until_ready(target, Readiness::Editable, timeout)
        .await?;
    let result = elements.call(&element, SELECT_OPTIONS, &[json!(values)]).await?;
    match result["state"].as_str() {
        Some("done") => Ok(()),
        Some("missing") => Err(BrowserError::bad_request(msg!(
            "browser.value-refused",
            element = target.name(),
            value = result["value"].as_str().unwrap_or_default()
        ))),
        _ => Err(BrowserError::conflict(msg!(
            "browser.no-list",
            element = target.name()
        ))),
    }
}

/// Fills the fields of a form, one after another.
///
/// # Errors
/// As [`set_text`]; 409 where an element can't be checked.
pub(super) async fn fill(
    elements: Elements<'_>,
    input: Input<'_>,
    fields: &[FormField],
    timeout: Duration,
) -> Result<()> {
    for FormField { target, value } in fields {
        match value {
            FieldValue::Text(text) => set_text(elements, input, target, text, timeout).await?,
            FieldValue::Checked(is_checked) => {
                set_checked(elements, input, target, *is_checked, timeout).await?;
            }
        }
    }
    Ok(())
}

/// Checks or clears a checkbox, or chooses a radio button, by a click where it is not in that state.
async fn set_checked(
    elements: Elements<'_>,
    input: Input<'_>,
    target: &Target,
    is_checked: bool,
    timeout: Duration,
) -> Result<()> {
    let element = elements
        .wait_until_ready(target, Readiness::Clickable, timeout)
        .await?;
    let refused = || BrowserError::conflict(msg!("browser.not-checkable", element = target.name()));
    if elements.call(&element, READ_CHECKED, &[]).await? == is_checked {
        return Ok(());
    }
    input
        .click(elements.middle(&element).await?, &Click::LEFT)
        .await?;
    match elements.call(&element, READ_CHECKED, &[]).await? {
        Value::Bool(state) if state == is_checked => Ok(()),
        _ => Err(refused()),
    }
}
