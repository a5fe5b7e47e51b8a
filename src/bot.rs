//! The bot of a native gateway: it tells its owners how other gateways are, and changes what they agree to, from a chat,
//! without a model. What is no command goes to an agent, where there is one.
//!
//! ```text
//! channel ──► Heard ──► access ──► inbox ──► command ──► conversation ──► Message ──► channel
//!  (one file each)      (owners)   (on disk)  (two languages)  (plan, yes, change)    (markup, language)
//! ```
//!
//! A channel knows its protocol only; everything else is the same for all of them. What is heard is data: only a
//! command that an owner typed, or a button that an owner pressed, does anything.

mod access;
pub(crate) mod account;
pub(crate) mod alerts;
mod backoff;
pub(crate) mod channel;
pub(crate) mod channels;
pub(crate) mod chat;
pub(crate) mod code;
mod command;
mod commands;
mod consent;
mod conversation;
pub(crate) mod deliveries;
pub(crate) mod direct;
mod inbox;
mod markup;
mod mention;
pub(crate) mod message;
pub(crate) mod outgoing;
pub(crate) mod pairing;
mod pauses;
pub(crate) mod report;
pub(crate) mod respondent;
pub(crate) mod run;
mod shared_token;
mod short_command;
mod state;
pub(crate) mod task;
#[cfg(test)]
mod test_support;
mod turn;
mod turns;
