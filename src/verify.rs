//! Verification of keys and tokens with the servers that they are for: whether a model provider takes an API key and which
//! models it has, which servers of models this host runs, who a bot is, and whose.
//!
//! Each question is a [`Task`] on a thread of its own, so that whoever asks stays free to draw, and to give up. A server
//! has three seconds. Redirects are not followed: a key never goes to another server than the one that it is for. What a
//! server says about a refused key is shown without the key, without control characters, and not at any length.

mod answer;
pub(crate) mod bot;
pub(crate) mod claim;
pub(crate) mod local_servers;
pub(crate) mod models;
mod task;

use std::time::Duration;

use crate::i18n::Msg;

pub(crate) use answer::{hide_key, server_words};
pub(crate) use task::{Polled, Task};

/// Time within which a server has to answer a question about a key or a token.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(3);

/// The result of asking a server about a key or a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict<T> {
    /// The server takes it.
    Accepted(T),
    /// The server refuses it, with the sentence that says so.
    Refused(Msg),
    /// Nobody knows, with the sentence that says why.
    Unchecked(Msg),
}
