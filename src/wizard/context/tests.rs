//! Reading the input of a plan from a home folder of the test.

#![expect(clippy::disallowed_methods, reason = "tests make their own files")]

use super::*;
use crate::i18n::Lang;
use crate::plan::Change;
use crate::plan::disk::PathState;
use crate::ports::Port;
use crate::survey;

/// A home folder with these files in it, and a survey of it.
struct TestHome {
    folder: tempfile::TempDir,
    host: Host,
    env: Environment,
    survey: Survey,
}

impl TestHome {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let host = Host::fixed(&["openclaw"], [("HOME", folder.path())]);
        let env = Environment::read(&host).unwrap();
        let mut home = Self {
            survey: Survey::default(),
            folder,
            host,
            env,
        };
        home.take_survey();
        home
    }

    fn take_survey(&mut self) {
        self.survey = survey::survey_host(&self.host, &self.env);
        // Ports that processes of the test machine hold are not part of the test.
        self.survey.listeners.clear();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn with_context<T>(&self, check: impl FnOnce(InterviewContext<'_>) -> T) -> Result<T> {
        let rescue = ProfileName::parse("rescue").unwrap();
        let instance = Instance::resolve(&self.env, Some(&rescue))?;
        let at = InstanceContext {
            host: &self.host,
            env: &self.env,
            instance: &instance,
        };
        InterviewContext::read(at, &self.survey, Secret::new("token")).map(check)
    }

    fn plan(&self, answers: &Answers) -> Result<Plan> {
        let stamp = PlanStamp {
            now: "2026-11-22T19:22:45.123Z".to_owned(),
            command: "onboard",
            lang: Lang::english(),
        };
        self.with_context(|context| {
            let disk = read_disk(&self.host, plan::paths_to_read(&context.input, answers));
            context.plan(answers, &disk, &stamp)
        })?
    }
}

fn answers(port: u16) -> Answers {
    Answers {
        port: Port::new(port),
        bootstrap: true,
        ..Answers::default()
    }
}

#[test]
fn planning_writes_nothing_and_a_plan_that_was_carried_out_is_empty() {
    let mut home = TestHome::new(&[(".openclaw/openclaw.json", "{ gateway: { port: 18789 } }")]);
    let plan = home.plan(&answers(29789)).unwrap();
    assert!(!home.path(".openclaw-rescue").exists());
    for change in &plan.changes {
        match change {
            Change::MakeDir { path } => std::fs::create_dir_all(path).unwrap(),
            Change::Write(write) => {
                std::fs::create_dir_all(write.path.parent().unwrap()).unwrap();
                std::fs::write(&write.path, write.content.bytes()).unwrap();
            }
            other => panic!("{other:?}"),
        }
    }
    home.take_survey();
    let again = home.plan(&answers(29789)).unwrap();
    assert!(again.is_empty(), "{again:?}");
}

#[test]
fn broken_registry_and_near_base_of_another_config_refuse_the_plan() {
    let broken = TestHome::new(&[(".local/state/openclaw/registry.toml", "[")]);
    assert_eq!(
        broken.plan(&answers(29789)).unwrap_err().code(),
        "registry.broken"
    );
    let near = TestHome::new(&[(".openclaw-other/openclaw.json", "{ gateway: { port: 29799 } }")]);
    assert_eq!(near.plan(&answers(29789)).unwrap_err().code(), "ports.too-close");
}

#[test]
fn broken_config_of_the_instance_is_never_planned_over_except_by_a_reset() {
    let home = TestHome::new(&[(".openclaw-rescue/openclaw.json", "{ gateway:")]);
    let error = home.plan(&answers(29789)).unwrap_err();
    assert_eq!(error.kind.exit_code(), 78, "{error:?}");
    let reset = Answers {
        existing: crate::answers::Existing::ResetConfig,
        ..answers(29789)
    };
    let plan = home.plan(&reset).unwrap();
    assert!(matches!(plan.changes[1], Change::Rename { .. }), "{plan:?}");
}

#[test]
fn plan_without_a_port_takes_a_suggestion_that_can_be_bound() {
    let home = TestHome::new(&[]);
    let without_port = Answers {
        port: None,
        ..answers(0)
    };
    let plan = home.plan(&without_port).unwrap();
    let base = plan.instance.unwrap().ports.base();
    let free = home.with_context(|context| context.check_port(base, &[]).accept(None).is_ok());
    assert!(free.unwrap(), "{base}");
}

#[test]
fn suggested_port_that_was_taken_since_is_noticed_before_the_write_and_when_a_person_answered() {
    let home = TestHome::new(&[]);
    let check = |context: InterviewContext<'_>| {
        let suggested = context.suggest_ports(1, &[]).unwrap();
        let base = Port::from(suggested[0].family.base());
        // Where this fails, somebody else holds the port.
        #[expect(clippy::disallowed_methods, reason = "the test takes the port")]
        let _held = std::net::TcpListener::bind(("127.0.0.1", base.get()));
        context.require_answered_port(base, &[]).unwrap();
        context.require_port(base, &[]).unwrap_err();
        let with_person = context.with_person(&|_, _| {});
        with_person.require_answered_port(base, &[]).unwrap_err();
    };
    home.with_context(check).unwrap();
}

#[cfg(unix)]
#[test]
fn links_are_followed_in_the_paths_of_all_instances() {
    use std::os::unix::fs::symlink;
    let mut home = TestHome::new(&[
        ("elsewhere/openclaw.json", "{ gateway: { port: 18789 } }"),
        ("sessions/s.json", "{}"),
        ("file", ""),
    ]);
    symlink(home.path("elsewhere"), home.path(".openclaw")).unwrap();
    std::fs::create_dir_all(home.path(".openclaw-rescue/agents/main")).unwrap();
    let sessions = home.path(".openclaw-rescue/agents/main/sessions");
    symlink(home.path("sessions"), &sessions).unwrap();
    symlink(home.path(".openclaw"), home.path("innocent")).unwrap();
    home.take_survey();
    let real = |name: &str| home.folder.path().canonicalize().unwrap().join(name);
    home.with_context(|context| {
        let input = &context.input;
        assert_eq!(input.others[0].state_dir, real("elsewhere"));
        assert_eq!(input.others[0].config_path, real("elsewhere/openclaw.json"));
        assert_eq!(input.resolved.state_dir, real(".openclaw-rescue"));
        let (_, leads_to) = &input.resolved.state_contents[0];
        assert_eq!(*leads_to, real("sessions"));
    })
    .unwrap();
    let [linked, below_file] = ["innocent/workspace", "file/workspace"].map(|name| home.path(name));
    let disk = read_disk(
        &home.host,
        [
            linked.clone(),
            below_file.clone(),
            home.path("file"),
            sessions.clone(),
        ],
    );
    assert_eq!(disk.resolved(&linked), real("elsewhere/workspace"));
    assert_eq!(*disk.state(&linked), PathState::Missing);
    assert_eq!(*disk.state(&sessions), PathState::Folder);
    assert_eq!(*disk.state(&below_file), PathState::Unreachable);
    assert_eq!(disk.bytes(&home.path("file")), Some(&b""[..]));
}
