//! OpenClaw's npm package, as it is installed somewhere.

use std::path::PathBuf;

/// Name of OpenClaw's npm package.
pub(crate) const PACKAGE_NAME: &str = "openclaw";

/// An installed OpenClaw from npm: the path of its command, and its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NodeEngine {
    /// The path of the command that runs the engine.
    pub(crate) path: PathBuf,
    /// The version of the engine, from the `package.json` or from the command's own answer.
    pub(crate) version: String,
    /// The Node that runs the engine; `None` for the one that its command finds.
    pub(crate) node: Option<PathBuf>,
}
