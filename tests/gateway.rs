//! `gateway`: the real program as a running gateway, over real sockets.

mod canvas;
mod http;
mod run;
mod security;
