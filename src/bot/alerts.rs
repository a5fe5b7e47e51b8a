//! Alerts: what a bot tells its owners unasked. Each incident of a watched gateway is one message for each recipient, which
//! is edited as the incident goes on.
//!
//! ```text
//! watcher's thread ──► entrance ──► task ──► book (incidents, who has got which revision) ──► file
//!                                     │
//!                                     └──► outlets: each owner on each account, the webhook
//! ```
//!
//! An alert that can't be delivered is kept, and sent with the time of the event as soon as it can be. Delivery is at least once: a
//! bot that is killed between sending and writing down that it did sends the same again.

pub(crate) mod check;
pub(crate) mod outlets;
pub(crate) mod schedule;
pub(crate) mod task;
pub(crate) mod webhook;

mod book;
mod history;
mod incident;
mod recipients;
mod sentence;
mod store;
mod texts;

#[cfg(test)]
mod tests;
