//! Tests of `gateway`: the program runs as a gateway and is used over real sockets.

mod boot;
mod canvas;
pub mod chat;
mod chat_kills;
mod http;
mod load;
mod lock;
mod log;
mod ports;
mod reload;
mod run;
mod security;
pub mod session;
mod stop;
mod terminal_ui;
