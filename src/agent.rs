//! Agents: what a native gateway answers with a model where somebody says what is no command.
//!
//! ```text
//! turn ──► respondent ──► agents (one run of a session at a time) ──► run ──► models
//!            │ channel          │ sessions, workspace, prompt           │ ▲
//!            ▼                  ▼                                       ▼ │
//!          answer             events, for the clients of the gateway   tools ──► commands of the bot
//! ```
//!
//! An agent looks and proposes. What changes a gateway is a plan of the bot that its owner agrees to, and nothing that a
//! model, a log, a page or a file says leads to more than a further proposal.

mod agents;
mod answer;
pub(crate) mod bindings;
mod budget;
mod compaction;
mod event;
mod greeting;
mod history;
mod prompt;
mod respondent;
pub(crate) mod roster;
mod run;
mod session_entry;
mod state;
mod tools;

pub(crate) use agents::{Agents, Request};
pub(crate) use event::{RunEnd, RunEvent, RunInfo, RunObserver};
pub(crate) use greeting::{GREETING_TIMEOUT, ask_for_greeting};
pub(crate) use session_entry::gateway_fields;
pub(crate) use state::{AgentState, agent_states};
