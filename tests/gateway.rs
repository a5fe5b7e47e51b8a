//! `gateway`: the real program as a running gateway, over real sockets.

mod run;
