//! The agents of an instance: who they are by the config, which of them answers whom, and what a model is told before a
//! conversation.

pub(crate) mod bindings;
pub(crate) mod prompt;
pub(crate) mod roster;
