//! `openclaw.json` as a document: read as JSON5, edited without losing what is not ours, judged by the
//! rules of both OpenClaw releases.

pub mod dialect;
pub mod document;
