//! The events while a model is asked: which one, what it writes, and which one takes over.

use super::error::ModelError;
use super::message::ModelName;

/// Something that happens while a model is asked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ModelEvent {
    /// A request goes to this model.
    Asked(ModelName),
    /// A new piece of the answer's text.
    Text(String),
    /// The next model in line takes over.
    Switched {
        /// The model that gave no answer.
        from: ModelName,
        /// The model that is asked now.
        to: ModelName,
        /// The reason.
        why: ModelError,
    },
}
