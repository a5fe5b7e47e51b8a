//! The conversations of the gateway's own clients: what they say is taken in, so that it outlives the gateway, and answered
//! by an agent, by the bot where it is a command, or by a session that begins anew.
//!
//! A command and its answer are shown in the history of the session, and no model is told of them: what a command shows may
//! come from a log or a page.

mod intake;
mod outlet;
mod resume;
mod said;
mod turn;

pub(crate) use intake::{TakenIn, open_session, take_in};
pub(crate) use resume::answer_what_waits;
pub(crate) use said::{Person, Said};
pub(crate) use turn::{Answer, answer, answer_growing};
