//! Plans of instances that exist only in memory: the input is built by hand, and no test touches a disk.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::disk::{DiskEntry, DiskSnapshot, PathState};
use super::*;
use crate::answers::{Answers, Auth, Existing, Provider, Start};
use crate::config::dialect::Dialect;
use crate::config::document::ConfigDocument;
use crate::environment::Environment;
use crate::error::Result;
use crate::i18n::Lang;
use crate::instance::Instance;
use crate::ports::planner::{Planner, PortHolder};
use crate::ports::{Port, PortFamily, PortSource};
use crate::profile::ProfileName;
use crate::registry::Registry;
use crate::secret::Secret;
use crate::survey::{ConfigHealth, SurveyedInstance};

const TOKEN: &str = "a-fresh-token";
const HOME: &str = "/home/user";
const BASE: u16 = 29789;

/// A set of instances in memory: the instance `rescue` and its neighbours.
struct Scenario {
    env: Environment,
    registry: Registry,
    others: Vec<SurveyedInstance>,
    config: Option<String>,
    states: BTreeMap<PathBuf, PathState>,
    /// Symbolic links: a path, and where it leads.
    links: BTreeMap<PathBuf, PathBuf>,
}

fn path(below_home: &str) -> PathBuf {
    Path::new(HOME).join(below_home)
}

/// Returns another instance with this base port, as the survey finds it.
fn other_instance(name: &str, base: u16) -> SurveyedInstance {
    let profile = ProfileName::parse(name).unwrap();
    let instance = Instance::canonical(Path::new(HOME), profile.clone());
    let family = PortFamily::new(base).unwrap();
    SurveyedInstance {
        named_paths: Vec::new(),
        running: None,
        unset_variables: Vec::new(),
        label: name.to_owned(),
        profile: Some(profile),
        workspaces: vec![instance.default_workspace()],
        real_config: instance.config_path.clone(),
        real_state: instance.state_dir.clone(),
        config_path: instance.config_path,
        state_dir: instance.state_dir,
        config: ConfigHealth::Ok,
        read_config: None,
        read_record: std::sync::Arc::default(),
        base: Some((family, PortSource::Config)),
        claims: family.claims().collect(),
        tokens: Vec::new(),
        service: None,
        found_by: Vec::new(),
    }
}

/// Returns the answers of a user who takes every default.
fn default_answers() -> Answers {
    Answers {
        port: Some(Port::known(BASE)),
        auth: Some(Auth::Token),
        credential: Some((Secret::new(TOKEN), SecretOrigin::Generated)),
        bootstrap: true,
        ..Answers::default()
    }
}

impl Scenario {
    fn empty() -> Self {
        let registry = path(".local/state/openclaw/registry.toml");
        Self {
            env: Environment {
                home: HOME.into(),
                ..Environment::default()
            },
            registry: Registry::parse(&registry, None),
            others: Vec::new(),
            config: None,
            states: BTreeMap::new(),
            links: BTreeMap::new(),
        }
    }

    fn with_other(mut self, name: &str, base: u16) -> Self {
        self.others.push(other_instance(name, base));
        self
    }

    fn with_config(mut self, text: &str) -> Self {
        self.config = Some(text.to_owned());
        let state = PathState::File(text.as_bytes().to_vec());
        self.states.insert(path(".openclaw-rescue/openclaw.json"), state);
        self
    }

    fn with_folder(mut self, below_home: &str) -> Self {
        self.states.insert(path(below_home), PathState::Folder);
        self
    }

    fn with_link(mut self, below_home: &str, target: &str) -> Self {
        self.links.insert(path(below_home), path(target));
        self
    }

    fn resolve(&self, path: &Path) -> PathBuf {
        let link = path.ancestors().find_map(|part| {
            let target = self.links.get(part)?;
            Some((target, path.strip_prefix(part).ok()?))
        });
        match link {
            Some((target, below)) if below.as_os_str().is_empty() => target.clone(),
            Some((target, below)) => target.join(below),
            None => path.to_path_buf(),
        }
    }

    fn input(&self) -> PlanInput<'_> {
        let profile = ProfileName::parse("rescue").unwrap();
        let instance = Instance::canonical(Path::new(HOME), profile.clone());
        let resolve = |path: &Path| self.resolve(path);
        let holder = |other: &SurveyedInstance| {
            Arc::new(PortHolder {
                label: other.label.clone(),
                claims: other.claims.clone(),
            })
        };
        let current = self.config.as_ref().map(|text| {
            let text = text.clone().into_bytes();
            crate::config::parse_bytes(text).unwrap()
        });
        let named_workspace = current
            .as_ref()
            .and_then(|document| document.value().pointer("/agents/defaults/workspace")?.as_str())
            .and_then(|typed| self.env.expand(None, typed));
        PlanInput {
            named_workspace,
            env: &self.env,
            resolved: ResolvedPaths::new(&instance, resolve),
            surveyed: None,
            others: self
                .others
                .iter()
                .map(|found| OtherInstance {
                    found,
                    config_path: resolve(&found.config_path),
                    state_dir: resolve(&found.state_dir),
                })
                .collect(),
            registry: &self.registry,
            planner: Planner {
                asker: profile,
                holders: self.others.iter().map(holder).collect(),
                listeners: Vec::new(),
                own_ports: Vec::new(),
                ephemeral: None,
                excluded: Vec::new(),
            },
            exists: current.is_some(),
            recorded_engine: None,
            recorded_release: None,
            watched: Vec::new(),
            broken: None,
            effective: current
                .as_ref()
                .map_or(serde_json::Value::Null, |document| document.value().clone()),
            current: current.unwrap_or_else(ConfigDocument::empty),
            token_in_env_file: false,
            dialect: Dialect::Common,
            openclaw_version: "2026.1.29".to_owned(),
            instance,
        }
    }

    fn disk(&self, paths: impl IntoIterator<Item = PathBuf>) -> DiskSnapshot {
        let entry = |path: PathBuf| {
            let resolved = self.resolve(&path);
            let state = self.states.get(&resolved).cloned().unwrap_or(PathState::Missing);
            (
                path,
                DiskEntry {
                    state,
                    resolved,
                    obstacle: None,
                },
            )
        };
        paths.into_iter().map(entry).collect()
    }

    fn plan(&self, answers: &Answers) -> Result<Plan> {
        let input = self.input();
        let disk = self.disk(paths_to_read(&input, answers));
        let stamp = PlanStamp {
            now: "2026-11-22T19:22:45.123Z".to_owned(),
            command: "onboard",
            lang: Lang::english(),
        };
        let base = known_base(&input, answers).unwrap_or(Port::known(BASE));
        onboard(&input, answers, base, &disk, &stamp)
    }

    /// Applies the folders and files of a plan in memory.
    fn apply(&mut self, plan: &Plan) {
        for change in &plan.changes {
            match change {
                Change::MakeDir { path } => {
                    self.states.insert(path.clone(), PathState::Folder);
                }
                Change::Write(write) => {
                    let bytes = write.content.bytes().to_vec();
                    match write.kind {
                        FileKind::Config => self.config = Some(String::from_utf8(bytes.clone()).unwrap()),
                        FileKind::Registry => {
                            self.registry = Registry::parse(&write.path, Some(bytes.clone()));
                        }
                        _ => {}
                    }
                    self.states.insert(write.path.clone(), PathState::File(bytes));
                }
                other => panic!("not expected in a first plan: {other:?}"),
            }
        }
    }
}

/// Returns the paths that a plan changes, below the home folder, in order.
fn changed_paths(plan: &Plan) -> Vec<PathBuf> {
    let below = |change: &Change| change.path().strip_prefix(HOME).unwrap().to_path_buf();
    plan.changes.iter().map(below).collect()
}

#[test]
fn equal_input_and_answers_give_equal_plans() {
    let host = Scenario::empty().with_other("default", 18789);
    let plan = host.plan(&default_answers()).unwrap();
    assert_eq!(host.plan(&default_answers()).unwrap(), plan);
}

#[test]
fn timer_that_comes_with_the_service_is_in_the_plan_where_npm_runs_what_is_watched() {
    let mut host = Scenario::empty()
        .with_other("work", 18789)
        .with_other("home", 19789);
    let record = PathState::File(b"engine = 'node'\n".to_vec());
    host.states.insert(path(".openclaw-work/instance.toml"), record);
    let notices = |watch: &str, start: Start| {
        let answers = Answers {
            watch: Some(ProfileName::parse(watch).unwrap()),
            start,
            ..default_answers()
        };
        let plan = host.plan(&answers).unwrap();
        plan.notices.iter().any(|notice| notice.key() == "plan.timer")
    };
    assert!(notices("work", Start::Service));
    assert!(!notices("home", Start::Service), "of the native engine");
    assert!(!notices("work", Start::No), "without a service");
}

#[test]
fn state_folder_comes_first_and_config_last() {
    let plan = Scenario::empty().plan(&default_answers()).unwrap();
    let paths = changed_paths(&plan);
    assert_eq!(paths[0], Path::new(".openclaw-rescue"));
    assert_eq!(paths.last().unwrap(), Path::new(".openclaw-rescue/openclaw.json"));
}

#[test]
fn report_and_debug_form_of_a_plan_hold_no_secret() {
    let with_key = Answers {
        provider: Some(Provider::Anthropic),
        provider_key: Some(Secret::new("a-providers-key")),
        ..default_answers()
    };
    let plan = Scenario::empty().plan(&with_key).unwrap();
    let files_with = |secret: &str| {
        let holds = |change: &&Change| match change {
            Change::Write(write) => String::from_utf8_lossy(write.content.bytes()).contains(secret),
            _ => false,
        };
        plan.changes.iter().filter(holds).count()
    };
    assert_eq!((files_with(TOKEN), files_with("a-providers-key")), (1, 1));
    let shown = format!("{plan:?} {}", crate::report::changes(&plan));
    assert!(
        !shown.contains(TOKEN) && !shown.contains("a-providers-key"),
        "{shown}"
    );
    assert!(shown.contains("<generated>"), "{shown}");
}

#[test]
fn reset_moves_only_paths_of_its_own_instance_aside() {
    let host = Scenario::empty()
        .with_other("default", 18789)
        .with_config("{ gateway: { port: 29789, auth: { token: 'old' } } }")
        .with_folder(".openclaw-rescue")
        .with_folder(".openclaw-rescue/agents")
        .with_folder(".openclaw-rescue/workspace-rescue");
    for (scope, moved) in [
        (Existing::ResetConfig, 1),
        (Existing::ResetCredentials, 2),
        (Existing::ResetFull, 3),
    ] {
        let answers = Answers {
            existing: scope,
            ..default_answers()
        };
        let plan = host.plan(&answers).unwrap();
        let is_move = |change: &&Change| matches!(change, Change::Rename { .. });
        assert_eq!(plan.changes.iter().filter(is_move).count(), moved, "{scope:?}");
        for path in changed_paths(&plan) {
            let own = path.starts_with(".openclaw-rescue") || path.starts_with(".local/state/openclaw");
            assert!(own, "{scope:?}: {}", path.display());
        }
    }
}

#[test]
fn instance_that_equals_the_answers_needs_no_change() {
    let mut host = Scenario::empty();
    let first = host.plan(&default_answers()).unwrap();
    host.apply(&first);
    let second = host.plan(&default_answers()).unwrap();
    assert!(second.is_empty(), "{second:?}");
    let keep = Answers {
        existing: Existing::Keep,
        ..Answers::default()
    };
    assert!(host.plan(&keep).unwrap().is_empty());
}

#[test]
fn broken_registry_and_port_near_another_base_refuse_the_plan() {
    let mut broken = Scenario::empty();
    broken.registry = Registry::parse(&broken.registry.path, Some(b"[".to_vec()));
    let error = broken.plan(&default_answers()).unwrap_err();
    assert_eq!((error.code(), error.kind.exit_code()), ("registry.broken", 78));
    let near = Scenario::empty().with_other("other", BASE + 10);
    let error = near.plan(&default_answers()).unwrap_err();
    assert_eq!((error.code(), error.kind.exit_code()), ("ports.too-close", 78));
}

#[test]
fn links_into_another_instance_refuse_the_plan() {
    for (link, code) in [
        (".openclaw-rescue/openclaw.json", "isolation.config"),
        (".openclaw-rescue/agents", "isolation.state"),
        (".openclaw-rescue/.env", "isolation.state"),
        (".openclaw-rescue/instance.toml", "isolation.state"),
        (
            ".openclaw-rescue/agents/main/agent/auth-profiles.json",
            "isolation.state",
        ),
    ] {
        let target = link.replace("-rescue", "");
        let host = Scenario::empty()
            .with_other("default", 18789)
            .with_link(link, &target);
        let error = host.plan(&default_answers()).unwrap_err();
        assert_eq!((error.code(), error.kind.exit_code()), (code, 78), "{link}");
    }
    let whole = Scenario::empty()
        .with_other("default", 18789)
        .with_link(".openclaw-rescue", ".openclaw/below");
    assert_eq!(
        whole.plan(&default_answers()).unwrap_err().code(),
        "isolation.state"
    );
}

#[test]
fn workspace_is_judged_by_where_its_links_lead() {
    let host = Scenario::empty()
        .with_other("default", 18789)
        .with_folder("folder")
        .with_link("innocent", ".openclaw")
        .with_link("near", ".openclaw-rescue/..");
    let mut host = host;
    host.states
        .insert(path("file"), PathState::File(b"text".to_vec()));
    host.states.insert(path("device"), PathState::Unreadable);
    for (workspace, code) in [
        ("folder", None),
        ("missing", None),
        (".openclaw-rescue/elsewhere", None),
        // Where an early release put it: in the default's folder, and this instance's all the same.
        (".openclaw/workspace-rescue", None),
        ("file", Some("isolation.workspace-file")),
        ("device", Some("isolation.workspace-file")),
        ("", Some("isolation.workspace-around")),
        (".openclaw-rescue", Some("isolation.workspace-around")),
        (".openclaw/workspace", Some("isolation.workspace")),
        (".openclaw/workspace/below", Some("isolation.workspace")),
        ("innocent/workspace", Some("isolation.workspace")),
        ("innocent/notes", Some("isolation.workspace-state")),
        (".openclaw/workspace-other", Some("isolation.workspace-state")),
    ] {
        let input = host.input();
        let path = path(workspace);
        let checked = isolation::check_workspace(&input, &host.disk([path.clone()]), &path);
        assert_eq!(
            checked.err().map(|error| error.code()),
            code,
            "workspace ~/{workspace}"
        );
    }
}

#[test]
fn removal_keeps_the_workspace_unless_it_moves_too() {
    let found = other_instance("helper", 20789);
    let entries = ["openclaw.json", "workspace-helper", "agents"];
    let existing = ExistingPaths {
        state_entries: Some(entries.map(|name| found.state_dir.join(name)).to_vec()),
        outside: vec![path("notes")],
    };
    let registry = Scenario::empty().registry;
    let kept = remove(&found, &existing, &registry, false, "STAMP");
    let aside = path(".openclaw-helper.aside-STAMP");
    let moved = |name: &str| Change::Rename {
        path: found.state_dir.join(name),
        to: aside.join(name),
    };
    assert_eq!(
        kept.changes,
        [
            Change::MakeDir { path: aside.clone() },
            moved("openclaw.json"),
            moved("agents")
        ]
    );
    let all = remove(&found, &existing, &registry, true, "STAMP");
    assert_eq!(
        all.changes,
        [
            Change::Rename {
                path: found.state_dir.clone(),
                to: aside,
            },
            Change::Rename {
                path: path("notes"),
                to: path("notes.aside-STAMP"),
            }
        ]
    );
}
