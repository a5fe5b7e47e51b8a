//! `gateway`: the real program as a running gateway, over real sockets.

mod boot;
mod canvas;
mod http;
mod lock;
mod log;
mod ports;
mod reload;
mod run;
mod security;
mod session;
