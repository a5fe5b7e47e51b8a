//! The plan as the pure function that it is: a home folder and answers in, changes out.

#![expect(clippy::disallowed_methods, reason = "tests build their own world")]

use std::path::{Path, PathBuf};

use super::ground::Ground;
use super::*;
use crate::answers::{Answers, Existing, Provider};
use crate::environment::Environment;
use crate::error::Result;
use crate::host::Host;
use crate::i18n::Lang;
use crate::instance::Instance;
use crate::profile::ProfileName;
use crate::secret::Secret;
use crate::situation::Situation;
use crate::survey;

const TOKEN: &str = "a-fresh-token";

/// A home folder with these files in it.
fn home(files: &[(&str, &str)]) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = home.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    home
}

/// The answers of somebody who takes every default.
fn answers() -> Answers {
    Answers {
        port: Some(29789),
        auth: Some(Auth::Token),
        credential: Some((Secret::new(TOKEN), SecretOrigin::Generated)),
        bootstrap: true,
        ..Answers::default()
    }
}

fn planned(home: &Path, answers: &Answers) -> Result<Plan> {
    let host = Host::with(&["openclaw"], [("HOME", home)]);
    let env = Environment::read(&host)?;
    let mut survey = survey::take(&host, &env);
    // What listens on the machine of the test is not part of it.
    survey.listeners.clear();
    let rescue = ProfileName::parse("rescue").unwrap();
    let instance = Instance::resolve(&env, Some(&rescue))?;
    let situation = Situation::new(&host, &survey, &env, instance, false, Secret::new(TOKEN))?;
    let ground = Ground::read(targets(&situation, answers));
    let stamp = Stamp {
        now: "2026-11-22T19:22:45.123Z".to_owned(),
        command: "onboard",
        lang: Lang::english(),
    };
    onboard(&situation, answers, &ground, &stamp)
}

/// The paths below the home folder that a plan changes, in order.
fn paths(home: &Path, plan: &Plan) -> Vec<PathBuf> {
    let below = |change: &Change| change.path().strip_prefix(home).unwrap().to_path_buf();
    plan.changes.iter().map(below).collect()
}

#[test]
fn the_same_ground_and_answers_are_the_same_plan_and_nothing_is_written() {
    let home = home(&[(".openclaw/openclaw.json", "{ gateway: { port: 18789 } }")]);
    let plan = planned(home.path(), &answers()).unwrap();
    assert_eq!(planned(home.path(), &answers()).unwrap(), plan);
    assert!(!home.path().join(".openclaw-rescue").exists());
}

#[test]
fn what_makes_an_instance_exist_comes_last() {
    let home = home(&[]);
    let plan = planned(home.path(), &answers()).unwrap();
    let paths = paths(home.path(), &plan);
    assert_eq!(paths[0], Path::new(".openclaw-rescue"));
    assert_eq!(paths.last().unwrap(), Path::new(".openclaw-rescue/openclaw.json"));
}

#[test]
fn neither_the_shown_plan_nor_its_debug_form_holds_a_secret() {
    let home = home(&[]);
    let with_key = Answers {
        provider: Some(Provider::Anthropic),
        provider_key: Some(Secret::new("a-providers-key")),
        ..answers()
    };
    let plan = planned(home.path(), &with_key).unwrap();
    let held = |secret: &str| {
        let holds = |change: &&Change| match change {
            Change::Write(write) => String::from_utf8_lossy(write.content.bytes()).contains(secret),
            Change::MakeDir { .. } | Change::MoveAside { .. } | Change::SetMode { .. } => false,
        };
        plan.changes.iter().filter(holds).count()
    };
    assert_eq!((held(TOKEN), held("a-providers-key")), (1, 1));
    let shown = format!("{plan:?} {}", crate::report::changes(&plan));
    assert!(
        !shown.contains(TOKEN) && !shown.contains("a-providers-key"),
        "{shown}"
    );
    assert!(shown.contains("<generated>"), "{shown}");
}

#[test]
fn starting_over_names_paths_of_the_own_instance_only() {
    const CONFIG: &str = "{ gateway: { port: 29789, auth: { token: 'old' } } }";
    let home = home(&[
        (".openclaw/openclaw.json", "{ gateway: { port: 18789 } }"),
        (".openclaw/agents/main/sessions/s.json", "{}"),
        (".openclaw-rescue/openclaw.json", CONFIG),
        (".openclaw-rescue/agents/main/sessions/s.json", "{}"),
        (".openclaw-rescue/workspace-rescue/SOUL.md", "soul"),
    ]);
    for (scope, moved) in [
        (Existing::ResetConfig, 1),
        (Existing::ResetCredentials, 2),
        (Existing::ResetFull, 3),
    ] {
        let again = Answers {
            existing: scope,
            ..answers()
        };
        let plan = planned(home.path(), &again).unwrap();
        let asides = plan
            .changes
            .iter()
            .filter(|change| matches!(change, Change::MoveAside { .. }));
        assert_eq!(asides.count(), moved, "{scope:?}");
        for path in paths(home.path(), &plan) {
            let own = path.starts_with(".openclaw-rescue") || path.starts_with(".local/state/openclaw");
            assert!(own, "{scope:?}: {}", path.display());
        }
    }
}

#[test]
fn what_stands_and_equals_the_answers_plans_nothing_for_the_config() {
    let home = home(&[]);
    let fresh = planned(home.path(), &answers()).unwrap();
    for change in &fresh.changes {
        if let Change::Write(write) = change {
            std::fs::create_dir_all(write.path.parent().unwrap()).unwrap();
            std::fs::write(&write.path, write.content.bytes()).unwrap();
        }
        if let Change::MakeDir { path } = change {
            std::fs::create_dir_all(path).unwrap();
        }
    }
    let again = planned(home.path(), &answers()).unwrap();
    assert!(again.is_empty(), "{again:?}");
    let keep = Answers {
        existing: Existing::Keep,
        ..Answers::default()
    };
    assert!(planned(home.path(), &keep).unwrap().is_empty());
}

#[test]
fn a_broken_registry_and_a_port_of_another_stop_a_plan() {
    let broken = home(&[(".local/state/openclaw/registry.toml", "[")]);
    let error = planned(broken.path(), &answers()).unwrap_err();
    assert_eq!((error.code(), error.kind.exit_code()), ("registry.broken", 78));
    let near = home(&[(".openclaw-other/openclaw.json", "{ gateway: { port: 29799 } }")]);
    let error = planned(near.path(), &answers()).unwrap_err();
    assert_eq!((error.code(), error.kind.exit_code()), ("ports.too-close", 78));
}
