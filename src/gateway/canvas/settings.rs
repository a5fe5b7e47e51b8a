//! The settings of the canvas host: whether it is on, and which folder it serves.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::host::read;
use crate::instance::{self, ConfigVariables, Instance, InstanceContext};

/// Returns whether the config says that the gateway serves the canvas: `canvasHost.enabled`, on by default.
pub(crate) fn is_enabled(config: &Value) -> bool {
    config.pointer("/canvasHost/enabled").and_then(Value::as_bool) != Some(false)
}

/// Returns whether the config says that canvas pages are reloaded after changes: `canvasHost.liveReload`, on by
/// default.
pub(super) fn is_live_reload_enabled(config: &Value) -> bool {
    config.pointer("/canvasHost/liveReload").and_then(Value::as_bool) != Some(false)
}

/// Returns the folder that the gateway serves as the canvas: `canvasHost.root`, unless that would show files of an
/// instance which are no canvas (docs/openclaw.md#leak-canvas-root), else the canvas folder of the instance.
pub(crate) fn root(context: InstanceContext<'_>, config: &Value) -> PathBuf {
    let variables = ConfigVariables::new(context.host, &context.instance.state_dir, config);
    let configured = config.pointer("/canvasHost/root").and_then(Value::as_str);
    configured
        .and_then(|typed| variables.path(context.env, context.host.cwd(), typed))
        .filter(|path| may_be_served(path, &context.env.home, context.instance))
        .unwrap_or_else(|| context.instance.canvas())
}

/// Returns whether the canvas host may serve a folder: it holds no instance's state, and lies in none, except in the
/// canvas and the workspaces of this instance.
fn may_be_served(path: &Path, home: &Path, instance: &Instance) -> bool {
    let resolved = |path: &Path| read::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let (path, state, home) = (resolved(path), resolved(&instance.state_dir), resolved(home));
    if state.starts_with(&path) || home.starts_with(&path) {
        return false;
    }
    if let Ok(below) = path.strip_prefix(&state) {
        let first = below.components().next();
        let name = first
            .and_then(|first| first.as_os_str().to_str())
            .unwrap_or_default();
        return name == "canvas" || name.starts_with("workspace");
    }
    !path
        .ancestors()
        .any(|folder| instance::owner_of_state(&home, folder).is_some())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "the tests make the folders")]

    use serde_json::json;

    use super::*;
    use crate::environment::Environment;
    use crate::host::Host;
    use crate::profile::ProfileName;

    #[test]
    #[cfg(unix)]
    fn configured_folder_is_served_unless_it_shows_files_of_an_instance() {
        let home = tempfile::tempdir().unwrap();
        let at = |below: &str| home.path().join(below);
        for folder in [
            ".openclaw/canvas",
            ".openclaw-rescue/canvas/sub",
            ".openclaw-rescue/workspace-rescue",
            ".openclaw-rescue/agents",
            "pages",
        ] {
            std::fs::create_dir_all(at(folder)).unwrap();
        }
        std::os::unix::fs::symlink(at(".openclaw"), at("link")).unwrap();
        let host = Host::fixed(&[], [("HOME", home.path().as_os_str())]);
        let env = Environment::read(&host).unwrap();
        let instance = Instance::canonical(home.path(), ProfileName::parse("rescue").unwrap());
        let context = InstanceContext {
            host: &host,
            env: &env,
            instance: &instance,
        };
        let configured = |typed: &str| root(context, &json!({"canvasHost": {"root": typed}}));
        let own = at(".openclaw-rescue/canvas");
        assert_eq!(root(context, &json!({})), own);
        for (typed, expected) in [
            ("~/pages", "pages"),
            ("${HOME}/pages", "pages"),
            (at("pages").to_str().unwrap(), "pages"),
            ("~/.openclaw-rescue/canvas/sub", ".openclaw-rescue/canvas/sub"),
            (
                "~/.openclaw-rescue/workspace-rescue",
                ".openclaw-rescue/workspace-rescue",
            ),
        ] {
            assert_eq!(configured(typed), at(expected), "{typed}");
        }
        for refused in [
            "~/.openclaw/canvas", // another instance's
            "~/.openclaw",
            "~/link/canvas",
            "~/link",
            "~/.openclaw-rescue", // config and token
            "~/.openclaw-rescue/agents",
            "~",
            "/",
            "  ",
        ] {
            assert_eq!(configured(refused), own, "{refused}");
        }
    }

    #[test]
    fn tilde_is_expanded_by_the_rule_of_every_other_path() {
        let home = tempfile::tempdir().unwrap();
        let host = Host::fixed(&[], [("HOME", home.path().as_os_str())]);
        let env = Environment::read(&host).unwrap();
        let instance = Instance::canonical(home.path(), ProfileName::parse("rescue").unwrap());
        let context = InstanceContext {
            host: &host,
            env: &env,
            instance: &instance,
        };
        // The working folder of a test host is `/`.
        let config = json!({"canvasHost": {"root": "~pages"}});
        assert_eq!(root(context, &config), Path::new("/~pages"));
    }
}
