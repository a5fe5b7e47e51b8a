//! Inline keyboards: rows of buttons below a message.

use serde_json::Value;

use super::api::{Parameters, Refusal};

/// Maximum length of the data of a button, in bytes.
const DATA_LIMIT: usize = 64;
/// Maximum number of buttons below a message.
const BUTTON_LIMIT: usize = 100;
/// Keys of which each inline button has exactly one beside its text.
const KINDS: [&str; 5] = [
    "callback_data",
    "url",
    "web_app",
    "copy_text",
    "switch_inline_query",
];

/// Returns the keyboard of a call, or `None` where it has none.
pub fn read(parameters: &Parameters) -> Result<Option<Value>, Refusal> {
    let Some(markup) = parameters.object("reply_markup")? else {
        return Ok(None);
    };
    let fields = markup
        .as_object()
        .ok_or_else(|| Refusal::bad("object expected as reply markup"))?;
    let Some(rows) = fields.get("inline_keyboard") else {
        return Ok(None);
    };
    let rows = rows.as_array().filter(|rows| rows.iter().all(Value::is_array));
    let rows = rows.ok_or_else(|| {
        Refusal::bad("field \"inline_keyboard\" of the InlineKeyboardMarkup must be an Array of Arrays")
    })?;
    let buttons: Vec<_> = rows.iter().filter_map(Value::as_array).flatten().collect();
    if buttons.len() > BUTTON_LIMIT {
        return Err(Refusal::bad("reply markup is too long"));
    }
    for button in &buttons {
        check(button)?;
    }
    Ok((!buttons.is_empty()).then_some(markup))
}

/// Checks a button.
fn check(button: &Value) -> Result<(), Refusal> {
    if button["text"].as_str().is_none_or(str::is_empty) {
        return Err(Refusal::bad("inline keyboard button text must be non-empty"));
    }
    let is_set = |kind: &&&str| {
        button[**kind]
            .as_str()
            .map_or(!button[**kind].is_null(), |text| !text.is_empty())
    };
    match KINDS.iter().filter(is_set).count() {
        1 => {}
        0 => {
            return Err(Refusal::bad(
                "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
            ));
        }
        _ => return Err(Refusal::bad("BUTTON_TYPE_INVALID")),
    }
    match button["callback_data"].as_str() {
        Some(data) if data.len() > DATA_LIMIT => Err(Refusal::bad("BUTTON_DATA_INVALID")),
        _ => Ok(()),
    }
}

/// Returns the buttons of a message.
fn buttons(message: &Value) -> impl Iterator<Item = &Value> {
    let rows = message["reply_markup"]["inline_keyboard"].as_array();
    rows.into_iter().flatten().filter_map(Value::as_array).flatten()
}

/// Returns the labels of the buttons of a message.
pub fn labels(message: &Value) -> Vec<String> {
    let labels = buttons(message).filter_map(|button| button["text"].as_str());
    labels.map(ToOwned::to_owned).collect()
}

/// Returns the data of the first button with a label, or `None` where there is none.
pub fn data(message: &Value, label: &str) -> Option<String> {
    let button = buttons(message).find(|button| button["text"] == label)?;
    button["callback_data"].as_str().map(ToOwned::to_owned)
}
