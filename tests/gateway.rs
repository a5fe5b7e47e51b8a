//! `gateway`: the real program as a running gateway, over real sockets.

mod boot;
mod lock;
mod log;
mod ports;
mod reload;
mod run;
