//! The actions on the page in a browser tab that a request can ask for.

use std::time::Duration;

use super::keys::Chord;
use crate::browser::element_refs::ElementRef;

/// An element that an action is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::browser) enum Target {
    /// The element with this reference in the latest snapshot.
    Reference(ElementRef),
    /// The first element that this CSS selector matches.
    Selector(String),
}

/// A click of a mouse button.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Click {
    /// The button: `left`, `right` or `middle`.
    pub(super) button: &'static str,
    /// `true` for a double click.
    pub(super) is_double: bool,
    /// The bits of the keys that are held.
    pub(super) modifiers: u8,
    /// The time between the press and the release.
    pub(super) delay: Duration,
}

/// A field of a form and what it is to be filled with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FormField {
    /// The element.
    pub(super) target: Target,
    /// The value.
    pub(super) value: FieldValue,
}

/// The value of a field of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FieldValue {
    /// Text, for any field that takes text.
    Text(String),
    /// The state of a checkbox or a radio button.
    Checked(bool),
}

/// A condition of a page that a request waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// The page shows this text.
    Text(String),
    /// The page does not show this text.
    TextGone(String),
    /// An element that this CSS selector matches is visible.
    Selector(String),
    /// The URL of the page matches this pattern.
    Url(String),
    /// The page has this load state: `load`, `domcontentloaded` or `networkidle`.
    LoadState(&'static str),
    /// This JavaScript expression or function is true.
    Function(String),
}

/// An action of the mouse on the page in a browser tab.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum PointerAction {
    /// Click an element.
    Click {
        target: Target,
        click: Click,
        timeout: Duration,
    },
    /// Click at a point of the page's visible part, in pixels.
    ClickAt { x: f64, y: f64, click: Click },
    /// Move the mouse over an element.
    Hover { target: Target, timeout: Duration },
    /// Scroll until an element is visible.
    ScrollIntoView { target: Target, timeout: Duration },
    /// Drag an element to another one.
    Drag {
        from: Target,
        to: Target,
        timeout: Duration,
    },
}

/// An action on the page in a browser tab.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum PageAction {
    /// Use the mouse.
    Pointer(PointerAction),
    /// Replace the text of an element; `is_slow` types it key by key, `submits` presses Enter afterwards.
    Type {
        target: Target,
        text: String,
        submits: bool,
        is_slow: bool,
        timeout: Duration,
    },
    /// Insert text where the cursor is.
    InsertText(String),
    /// Press keys together.
    Press { chord: Chord, delay: Duration },
    /// Select the options of a list that have these values or labels.
    Select {
        target: Target,
        values: Vec<String>,
        timeout: Duration,
    },
    /// Fill the fields of a form.
    Fill {
        fields: Vec<FormField>,
        timeout: Duration,
    },
    /// Set the size of the page's visible part, in pixels.
    Resize { width: u64, height: u64 },
    /// Wait for a time, and then for each condition.
    Wait {
        time: Duration,
        conditions: Vec<Condition>,
        timeout: Duration,
    },
    /// Run JavaScript, on an element where one is named.
    Evaluate {
        source: String,
        target: Option<Target>,
        timeout: Duration,
    },
    /// Close the tab.
    Close,
    /// Run several actions one after another.
    Batch {
        actions: Vec<PageAction>,
        stops_on_error: bool,
    },
}

impl Click {
    /// A single click of the left button.
    pub(super) const LEFT: Self = Self {
        button: "left",
        is_double: false,
        modifiers: 0,
        delay: Duration::ZERO,
    };
}

impl Target {
    /// Returns how an element is named in a message: by its reference or its CSS selector.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Reference(reference) => reference.to_string(),
            Self::Selector(selector) => selector.clone(),
        }
    }
}

impl Condition {
    /// Returns how a condition is named in a message: by what the request says.
    pub(super) fn name(&self) -> String {
        let (field, value) = match self {
            Self::Text(text) => ("text", text.as_str()),
            Self::TextGone(text) => ("textGone", text.as_str()),
            Self::Selector(text) => ("selector", text.as_str()),
            Self::Url(text) => ("url", text.as_str()),
            Self::Function(text) => ("fn", text.as_str()),
            Self::LoadState(state) => ("loadState", *state),
        };
        format!("{field}: {value}")
    }
}

impl PageAction {
    /// Tells whether an action on a page runs JavaScript that the client sends.
    pub(super) fn evaluates(&self) -> bool {
        match self {
            Self::Evaluate { .. } => true,
            Self::Wait { conditions, .. } => {
                let is_function = |condition: &Condition| matches!(condition, Condition::Function(_));
                conditions.iter().any(is_function)
            }
            Self::Batch { actions, .. } => actions.iter().any(Self::evaluates),
            _ => false,
        }
    }
}
