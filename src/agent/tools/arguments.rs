//! The arguments of a tool, as a model wrote them: any of them may be missing, or be of another type.

use serde_json::Value;

use crate::bot::chat::parse_profile;
use crate::profile::ProfileName;

/// The arguments of one call.
#[derive(Clone, Debug)]
pub(super) struct Arguments(Value);

impl Arguments {
    /// Takes the arguments of a call.
    pub(super) fn new(value: Value) -> Self {
        Self(value)
    }

    /// Returns a text; `None` where it is missing or empty. A number or a truth value is taken as its text.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        let text = match self.0.get(key)? {
            Value::String(text) => text.clone(),
            value @ (Value::Number(_) | Value::Bool(_)) => value.to_string(),
            _ => return None,
        };
        (!text.is_empty()).then_some(text)
    }

    /// Returns a text that has to be there.
    ///
    /// # Errors
    /// The sentence for the model that says which one is missing.
    pub(super) fn needed(&self, key: &str) -> Result<String, String> {
        self.text(key)
            .ok_or_else(|| format!("the argument {key:?} is missing"))
    }

    /// Returns a whole number that is not negative; `None` where there is none.
    pub(super) fn number(&self, key: &str) -> Option<u64> {
        let value = self.0.get(key)?;
        value.as_u64().or_else(|| value.as_str()?.parse().ok())
    }

    /// Returns the profile that the argument `instance` names; `None` where it names none.
    ///
    /// # Errors
    /// The sentence for the model that says what a name of a profile is.
    pub(super) fn instance(&self) -> Result<Option<ProfileName>, String> {
        let Some(name) = self.text("instance") else {
            return Ok(None);
        };
        let parsed = parse_profile(&name).map(Some);
        parsed.ok_or_else(|| format!("{name:?} is no name of a profile"))
    }
}
