//! The agent of the native engine: what an owner says and what is no command is answered by a model.

mod channels;
mod data;
mod home;
mod kills;
mod limits;
mod repair;
mod setup;
