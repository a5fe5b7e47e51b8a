//! The files and folders that the config of an instance names for its own use, as one list: what two instances must not
//! have in common (docs/design.md#isolation-rules).

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::config::agent_id::MAIN_AGENT_ID;
use crate::config::key_path::{KeyPath, PathSegment, WalkedPath};
use crate::config::variables::MissingVariable;
use crate::environment::Environment;
use crate::host::read::PathResolver;
use crate::instance::{ConfigVariables, Instance};

/// The purpose of a path that a config names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PathPurpose {
    /// Folder in which an agent works.
    Workspace,
    /// Folder with the keys and the model settings of an agent.
    AgentDir,
    /// File that lists the chat sessions of an agent.
    SessionStore,
    /// Log file of the gateway.
    Log,
    /// Folder that the canvas host serves.
    Canvas,
    /// Folder with the logins and cookies of a browser.
    BrowserData,
    /// Any other file or folder that a gateway writes.
    Data,
}

/// A file or folder that a key of an instance's config names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NamedPath {
    /// The purpose of the path.
    pub(crate) purpose: PathPurpose,
    /// The key that names the path.
    pub(crate) key: KeyPath,
    /// The path with its variables filled in, absolute, links followed as far as it exists.
    pub(crate) path: PathBuf,
}

/// Keys of a config that name a file or folder which a gateway writes, in any release (docs/openclaw.md#path-keys).
/// `*` stands for each key of an object and each element of an array.
const PATH_KEYS: [(PathPurpose, &str); 18] = [
    (PathPurpose::Workspace, "agents.defaults.workspace"),
    (PathPurpose::Workspace, "agents.list.*.workspace"),
    (PathPurpose::Workspace, "agents.entries.*.workspace"),
    (PathPurpose::AgentDir, "agents.list.*.agentDir"),
    (PathPurpose::AgentDir, "agents.entries.*.agentDir"),
    (PathPurpose::SessionStore, "session.store"),
    (PathPurpose::Log, "logging.file"),
    (PathPurpose::Canvas, "canvasHost.root"),
    (PathPurpose::BrowserData, "browser.profiles.*.userDataDir"),
    (PathPurpose::Data, "cron.store"),
    (PathPurpose::Data, "agents.defaults.sandbox.workspaceRoot"),
    (PathPurpose::Data, "agents.list.*.sandbox.workspaceRoot"),
    (PathPurpose::Data, "agents.entries.*.sandbox.workspaceRoot"),
    (PathPurpose::Data, "agents.defaults.memorySearch.store.path"),
    (PathPurpose::Data, "agents.list.*.memorySearch.store.path"),
    (PathPurpose::Data, "agents.entries.*.memorySearch.store.path"),
    (PathPurpose::Data, "channels.whatsapp.accounts.*.authDir"),
    (PathPurpose::Data, "diagnostics.cacheTrace.filePath"),
];

/// Part of a path of sessions that stands for the id of each agent.
const AGENT_ID_PLACEHOLDER: &str = "{agentId}";

/// The paths that a config names.
#[derive(Debug, Default)]
pub(super) struct NamedPaths {
    /// The paths, by purpose and key.
    pub(super) paths: Vec<NamedPath>,
    /// The keys whose path holds a variable that is not set, each with the name of the first one.
    pub(super) unset_variables: Vec<(KeyPath, String)>,
}

impl NamedPaths {
    /// Follows the links of the paths, as far as they exist. They are kept in `links`.
    pub(super) fn resolve(&mut self, links: &mut PathResolver) {
        for named in &mut self.paths {
            named.path = links.resolve(&named.path).real;
        }
    }
}

/// Returns the paths that a config names, with their links as they are. Relative paths start from the state folder.
pub(super) fn named_paths(
    env: &Environment,
    variables: &ConfigVariables<'_>,
    state_dir: &Path,
    config: &Value,
) -> NamedPaths {
    let mut found = NamedPaths::default();
    for (purpose, key, typed) in path_texts(config) {
        if let Err(MissingVariable(name)) = variables.substitute(typed) {
            found.unset_variables.push((key, name));
            continue;
        }
        let typed = expand_agent_ids(typed, config);
        found.paths.extend(typed.iter().filter_map(|typed| {
            let path = variables.path(env, Some(state_dir), typed)?;
            Some(NamedPath {
                purpose,
                key: key.clone(),
                path,
            })
        }));
    }
    found
}

/// Returns the keys of a config that name a path, each with its purpose and its text.
pub(crate) fn path_texts(config: &Value) -> Vec<(PathPurpose, KeyPath, &str)> {
    let mut texts = Vec::new();
    for (purpose, pattern) in PATH_KEYS {
        let mut add = |key, text| texts.push((purpose, key, text));
        visit_texts(config, Some(pattern), &WalkedPath::Root, &mut add);
    }
    texts
}

/// Calls a function with each text of a config at the keys that the rest of a pattern stands for, below the value at a path.
fn visit_texts<'v>(
    value: &'v Value,
    pattern: Option<&str>,
    at: &WalkedPath<'_>,
    visit: &mut dyn FnMut(KeyPath, &'v str),
) {
    let Some(pattern) = pattern else {
        if let Some(text) = value.as_str() {
            visit(at.to_key_path(), text);
        }
        return;
    };
    let (first, rest) = match pattern.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (pattern, None),
    };
    match value {
        Value::Object(map) if first == "*" => {
            for (key, value) in map {
                visit_texts(value, rest, &at.child(key), visit);
            }
        }
        Value::Array(values) if first == "*" => {
            for (index, value) in values.iter().enumerate() {
                visit_texts(value, rest, &at.index(index), visit);
            }
        }
        Value::Object(map) => {
            if let Some(value) = map.get(first) {
                visit_texts(value, rest, &at.child(first), visit);
            }
        }
        _ => {}
    }
}

/// Returns the texts for which a path with the placeholder of an agent's id stands: one for each agent.
fn expand_agent_ids(typed: &str, config: &Value) -> Vec<String> {
    if !typed.contains(AGENT_ID_PLACEHOLDER) {
        return vec![typed.to_owned()];
    }
    let expanded = agent_ids(config).into_iter();
    expanded
        .map(|id| typed.replace(AGENT_ID_PLACEHOLDER, &id))
        .collect()
}

/// Returns a workspace in an instance's own state folder for the key of a config that names one: the default workspace, or a
/// folder beside the other files of the agent.
pub(crate) fn own_workspace(instance: &Instance, config: &Value, key: &KeyPath) -> PathBuf {
    let agent = match key.segments().get(2) {
        Some(PathSegment::Index(at)) => config
            .pointer(&format!("/agents/list/{at}/id"))
            .and_then(Value::as_str),
        Some(PathSegment::Key(id)) if id != "workspace" => Some(id.as_str()),
        _ => return instance.default_workspace(),
    };
    let is_plain = |id: &&str| {
        let mut chars = id.chars();
        !id.is_empty() && chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
    };
    let folder = agent.filter(is_plain).unwrap_or(MAIN_AGENT_ID);
    instance.state_dir.join("agents").join(folder).join("workspace")
}

/// Returns the ids of the agents of a config, in lower case; `main` where it lists none.
pub(crate) fn agent_ids(config: &Value) -> Vec<String> {
    let list = config.pointer("/agents/list").and_then(Value::as_array);
    let listed = list
        .into_iter()
        .flatten()
        .filter_map(|agent| agent.get("id")?.as_str());
    let entries = config.pointer("/agents/entries").and_then(Value::as_object);
    let entered = entries.into_iter().flatten().map(|(id, _)| id.as_str());
    let mut ids: Vec<_> = listed
        .chain(entered)
        .map(|id| id.trim().to_ascii_lowercase())
        .collect();
    if ids.is_empty() {
        ids.push(MAIN_AGENT_ID.to_owned());
    }
    ids.sort();
    ids.dedup();
    ids
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::host::Host;
    use crate::survey::tests::Home;

    /// Returns the paths that a config names, each with its key, in a home folder with a `.env` in the state folder.
    fn paths(config: &Value) -> Vec<(String, String)> {
        let home = Home::new();
        home.write(".openclaw/.env", "A=file\nB=file\nOPENCLAW_PROFILE=file\n");
        let root = home.path("");
        let variables = [
            ("HOME", root.to_str().unwrap()),
            ("A", "run"),
            ("OPENCLAW_PROFILE", "run"),
        ];
        let host = Host::fixed(&[], variables);
        let env = Environment::read(&host).unwrap();
        let state_dir = home.path(".openclaw");
        let named = named_paths(
            &env,
            &ConfigVariables::new(&host, &state_dir, config),
            &state_dir,
            config,
        );
        let shown = |path: &NamedPath| path.path.strip_prefix(&root).unwrap().display().to_string();
        let paths = named.paths.iter();
        paths.map(|path| (path.key.to_string(), shown(path))).collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(key, path): &(&str, &str)| ((*key).to_owned(), (*path).to_owned());
        expected.iter().map(owned).collect()
    }

    #[test]
    fn variables_of_paths_come_from_the_environment_then_the_env_file_then_the_config() {
        let config = json!({
            "env": {"A": "config", "B": "config", "C": "config", "D": "config", "vars": {"D": "vars"}},
            "agents": {"list": [
                {"workspace": "~/${A}"}, {"workspace": "~/${B}"}, {"workspace": "${HOME}/${C}"},
                {"workspace": "~/${D}"}, {"workspace": "~/${OPENCLAW_PROFILE}"}, {"workspace": "~/${NOPE}"},
                {"workspace": " "}, {"workspace": "~/$${A}"}, {"workspace": "below"},
            ]},
        });
        let expected = [
            ("agents.list[0].workspace", "run"),
            ("agents.list[1].workspace", "file"),
            ("agents.list[2].workspace", "config"),
            ("agents.list[3].workspace", "config"),
            // A variable that chooses an instance is not inherited.
            ("agents.list[4].workspace", "file"),
            ("agents.list[7].workspace", "${A}"),
            ("agents.list[8].workspace", ".openclaw/below"),
        ];
        assert_eq!(paths(&config), pairs(&expected));
    }

    #[test]
    fn each_path_key_is_found_and_a_path_for_each_agent_is_listed_for_each() {
        let config = json!({
            "agents": {"defaults": {"workspace": "~/w"}, "list": [{"id": "Main", "agentDir": "~/d"}, {"id": "ops"}],
                "entries": {"x": {"workspace": "~/x"}}},
            "session": {"store": "~/s/{agentId}.json"}, "logging": {"file": "~/l"}, "canvasHost": {"root": "~/c"},
            "browser": {"profiles": {"b": {"userDataDir": "~/u"}}}, "cron": {"store": "~/j"},
        });
        let expected = [
            ("agents.defaults.workspace", "w"),
            ("agents.entries.x.workspace", "x"),
            ("agents.list[0].agentDir", "d"),
            ("session.store", "s/main.json"),
            ("session.store", "s/ops.json"),
            ("session.store", "s/x.json"),
            ("logging.file", "l"),
            ("canvasHost.root", "c"),
            ("browser.profiles.b.userDataDir", "u"),
            ("cron.store", "j"),
        ];
        assert_eq!(paths(&config), pairs(&expected));
    }
}
