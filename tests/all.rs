//! All integration tests in one binary, with a module for each command: they run the real program in a sandbox.

#![expect(
    clippy::disallowed_methods,
    reason = "tests make their own files and processes"
)]
#![allow(unreachable_pub, reason = "modules of one binary")]

#[cfg(target_os = "linux")]
mod agent;
#[cfg(target_os = "linux")]
mod apply;
#[cfg(target_os = "linux")]
mod archive;
#[cfg(target_os = "linux")]
mod bad_input;
mod bot;
#[cfg(target_os = "linux")]
mod browser;
#[cfg(target_os = "linux")]
mod channels;
#[cfg(target_os = "linux")]
mod chat;
#[cfg(target_os = "linux")]
mod colours;
#[cfg(target_os = "linux")]
mod completions;
#[cfg(unix)]
mod config;
#[cfg(target_os = "linux")]
mod cost;
#[cfg(target_os = "linux")]
mod crash;
#[cfg(target_os = "linux")]
mod dashboard;
mod docs;
#[cfg(target_os = "linux")]
mod doctor;
#[cfg(target_os = "linux")]
mod engine;
#[cfg(target_os = "linux")]
mod formats;
#[cfg(target_os = "linux")]
mod gateway;
#[cfg(target_os = "linux")]
mod help;
#[cfg(target_os = "linux")]
mod hosts;
mod json;
#[cfg(target_os = "linux")]
mod locale;
mod man;
#[cfg(target_os = "linux")]
mod manifest;
#[cfg(target_os = "linux")]
mod messenger;
#[cfg(target_os = "linux")]
mod onboard;
#[cfg(target_os = "linux")]
mod overview;
#[cfg(target_os = "linux")]
mod packages;
mod picture;
#[cfg(target_os = "linux")]
mod ports;
#[cfg(target_os = "linux")]
mod profiles;
#[cfg(target_os = "linux")]
mod prompts;
mod readme;
#[cfg(target_os = "linux")]
mod record;
#[cfg(target_os = "linux")]
mod releases;
#[cfg(target_os = "linux")]
mod rescue;
#[cfg(target_os = "linux")]
mod service;
#[cfg(target_os = "linux")]
mod snapshot;
#[cfg(target_os = "linux")]
mod status;
#[cfg(target_os = "linux")]
mod structure;
mod support;
#[cfg(target_os = "linux")]
mod survey;
#[cfg(target_os = "linux")]
mod terminal;
#[cfg(target_os = "linux")]
mod windows;
#[cfg(target_os = "linux")]
mod wizard;
mod words;
