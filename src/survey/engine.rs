//! OpenClaw from npm: where it is and which release, read from its files. Nothing is started.

use std::path::{Path, PathBuf};

use super::NodeEngine;
use crate::environment::Environment;
use crate::host::{Host, read};

/// The package's file that names it.
const MANIFEST: &str = "package.json";
/// How far above its command a package's own folder may be.
const MAX_DEPTH: usize = 5;

/// The one that `OPENCLAW_NODE_CLI` names, else the first on the search path that is not this program.
pub(crate) fn find(host: &Host, env: &Environment) -> Option<NodeEngine> {
    if let Some(path) = &env.node_cli {
        return engine(path);
    }
    let own = host.program().and_then(|path| path.canonicalize().ok());
    let folders = host.var("PATH")?.split(if cfg!(windows) { ';' } else { ':' });
    folders
        .map(|folder| Path::new(folder).join("openclaw"))
        .filter(|path| path.is_absolute() && path.canonicalize().ok() != own)
        .find_map(|path| engine(&path))
}

/// The package that a command belongs to, links followed.
fn engine(path: &Path) -> Option<NodeEngine> {
    let real = path.canonicalize().ok().filter(|real| real.is_file())?;
    let version = real.ancestors().skip(1).take(MAX_DEPTH).find_map(|folder| {
        let manifest: serde_json::Value =
            serde_json::from_str(&read::text(&folder.join(MANIFEST)).ok()?).ok()?;
        let is_openclaw = manifest.get("name")?.as_str()? == "openclaw";
        is_openclaw.then(|| Some(manifest.get("version")?.as_str()?.to_owned()))?
    });
    Some(NodeEngine {
        path: PathBuf::from(path),
        version: version?,
    })
}
