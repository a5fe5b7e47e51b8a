//! The bot of a native gateway: its channels, who may speak, and what its owners can do from a chat.

mod alerts;
mod chat;
mod conformance;
mod cost;
pub mod home;
mod kills;
mod long_name;
mod repair;
