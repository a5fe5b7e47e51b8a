//! Whole interviews, with scripted replies in place of a person.

use super::*;
use crate::answers::{Auth, Bind, Channel, Existing, Provider, Start};
use crate::environment::Environment;
use crate::host::Host;
use crate::instance::{Instance, InstanceContext};
use crate::ports::Port;
use crate::record::Engine;
use crate::secret::{Secret, SecretOrigin};
use crate::survey::{self, Survey};

mod choices;
mod script;

use script::Script;

/// A home folder of the test, which each interview surveys.
struct TestHome {
    folder: tempfile::TempDir,
    host: Host,
}

impl TestHome {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let host = Host::fixed(&["openclaw"], [("HOME", folder.path())]);
        Self { folder, host }
    }

    /// Writes the config of an instance into a folder below the home folder.
    #[expect(clippy::disallowed_methods, reason = "tests make their own files")]
    fn with_config(self, folder: &str, text: &str) -> Self {
        let folder = self.folder.path().join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("openclaw.json"), text).unwrap();
        self
    }

    /// Installs a package of OpenClaw from npm.
    #[expect(clippy::disallowed_methods, reason = "tests make their own files")]
    fn with_node_engine(self) -> Self {
        let package = self.folder.path().join("node_modules/openclaw");
        std::fs::create_dir_all(&package).unwrap();
        let manifest = r#"{ "name": "openclaw", "version": "2026.9.6" }"#;
        std::fs::write(package.join("package.json"), manifest).unwrap();
        let command = package.join("openclaw.mjs");
        std::fs::write(&command, "").unwrap();
        let vars = [("HOME", self.folder.path()), ("OPENCLAW_NODE_CLI", &command)];
        Self {
            host: Host::fixed(&["openclaw"], vars),
            ..self
        }
    }

    /// Runs an interview about a profile.
    fn interview(
        &self,
        profile: Option<&str>,
        preset: &PresetAnswers,
        source: AnswerSource<'_, '_>,
    ) -> Result<Interview> {
        let env = Environment::read(&self.host).unwrap();
        let mut survey = survey::survey_host(&self.host, &env);
        // Ports that processes of the test machine hold are not part of the test.
        survey.listeners.clear();
        let survey: Survey = survey;
        let profile = profile.map(|name| crate::profile::ProfileName::parse(name).unwrap());
        let instance = Instance::resolve(&env, profile.as_ref()).unwrap();
        let fresh = Secret::new("fresh");
        let at = InstanceContext {
            host: &self.host,
            env: &env,
            instance: &instance,
        };
        let mut context = InterviewContext::read(at, &survey, fresh)?;
        if matches!(source, AnswerSource::Person(..)) {
            context = context.with_person(&|_, _| {});
        }
        match super::interview(&mut context, preset, source)? {
            InterviewEnd::Answered(interview) => Ok(*interview),
            end => panic!("{end:?}"),
        }
    }

    /// Runs an interview with a person in the quick flow.
    fn person(&self, profile: Option<&str>, replies: &[&str]) -> (Result<Interview>, Script) {
        self.person_with(&PresetAnswers::default(), profile, replies)
    }

    /// Runs an interview with a person who is asked everything.
    fn advanced(&self, profile: Option<&str>, replies: &[&str]) -> (Result<Interview>, Script) {
        let flow = Reply::Text(Flow::Advanced.name().to_owned());
        self.person_with(&PresetAnswers::from([(StepId::Flow, flow)]), profile, replies)
    }

    fn person_with(
        &self,
        preset: &PresetAnswers,
        profile: Option<&str>,
        replies: &[&str],
    ) -> (Result<Interview>, Script) {
        let mut script = Script::new(replies);
        let mut history = AnswerHistory::default();
        let interview = self.interview(profile, preset, AnswerSource::Person(&mut script, &mut history));
        (interview, script)
    }
}

const MAIN: &str = r#"{ "gateway": { "mode": "local", "port": 18789 }, "channels": { "telegram": { "botToken": "1:main" } } }"#;

#[test]
fn defaults_set_up_an_isolated_rescue_instance_beside_the_default() {
    let home = TestHome::new().with_config(".openclaw", MAIN);
    let (interview, script) = home.person(None, &["rescue", "-", "-", "-", "-", "no"]);
    let answers = interview.unwrap().answers;
    assert_eq!(
        script.asked,
        [
            "step.profile.ask",
            "step.engine.ask",
            "step.gateway-port.ask",
            "step.channel.ask-bot",
            "step.watch.ask",
            "step.install-daemon.ask",
        ]
    );
    assert_eq!(answers.profile.unwrap().as_str(), "rescue");
    assert_eq!(
        answers.workspace.unwrap(),
        home.folder.path().join(".openclaw-rescue/workspace-rescue")
    );
    assert_eq!(answers.port, Port::new(19789));
    assert_eq!(
        (answers.bind, answers.auth),
        (Some(Bind::Loopback), Some(Auth::Token))
    );
    assert_eq!(
        answers.credential,
        Some((Secret::new("fresh"), SecretOrigin::Generated))
    );
    // A rescue bot works without Node, and what runs no agent needs no model.
    assert_eq!((answers.engine, answers.provider), (Some(Engine::Native), None));
    assert_eq!(answers.watch.unwrap().as_str(), "default");
}

#[test]
fn rejected_reply_is_asked_again_and_other_answers_stay() {
    let home = TestHome::new().with_config(".openclaw", MAIN);
    let workspace = home.folder.path().join(".openclaw/workspace");
    let replies = [
        "-",
        workspace.to_str().unwrap(),
        "-",
        "18799",
        "999999",
        "19789",
        "-",
        "-",
        "-",
        "telegram",
        "1:main",
        "2:own",
        "-",
        "no",
    ];
    let (interview, script) = home.advanced(Some("rescue"), &replies);
    assert_eq!(
        script.rejected,
        [
            "isolation.workspace",
            "ports.too-close",
            "step.gateway-port.number",
            "step.channel-token.shared"
        ]
    );
    let answers = interview.unwrap().answers;
    assert_eq!(
        (answers.port, answers.channel),
        (Port::new(19789), Some(Channel::Telegram))
    );
    assert_eq!(answers.channel_token, Some(Secret::new("2:own")));
}

#[test]
fn declined_risk_ends_the_interview() {
    let (interview, script) = TestHome::new()
        .with_node_engine()
        .person(Some("rescue"), &["-", "no"]);
    assert_eq!(interview.unwrap_err().code(), "step.accept-risk.declined");
    assert_eq!(script.rejected, [""; 0]);
}

#[test]
fn advanced_flow_asks_for_bind_and_auth() {
    let replies = ["-", "-", "-", "lan", "password", "hunter2", "-", "-", "-"];
    let (interview, script) = TestHome::new().advanced(Some("rescue"), &replies);
    let answers = interview.unwrap().answers;
    assert_eq!(
        (answers.bind, answers.auth),
        (Some(Bind::Lan), Some(Auth::Password))
    );
    assert_eq!(
        answers.credential,
        Some((Secret::new("hunter2"), SecretOrigin::Given))
    );
    assert!(script.replies.is_empty());
}

#[test]
fn kept_config_is_not_asked_for() {
    let home = TestHome::new().with_config(".openclaw", MAIN);
    let (interview, script) = home.person(Some("default"), &["-"]);
    assert_eq!(interview.unwrap().answers.existing, Existing::Keep);
    assert_eq!(script.asked.last(), Some(&"step.existing.ask"));
}

#[test]
fn config_values_are_the_defaults_of_a_change() {
    let text =
        r#"{ "gateway": { "port": 20123, "bind": "lan", "auth": { "mode": "token", "token": "old" } } }"#;
    let home = TestHome::new().with_config(".openclaw-rescue", text);
    // Whoever edits a config is asked for nothing that has a value, and may change it at the review.
    let (interview, _) = home.person(Some("rescue"), &["change"]);
    let interview = interview.unwrap();
    assert!(interview.is_edit);
    let changeable: Vec<_> = interview.changeable.iter().map(|row| row.id).collect();
    for step in [
        StepId::Workspace,
        StepId::GatewayPort,
        StepId::GatewayBind,
        StepId::Channel,
    ] {
        assert!(changeable.contains(&step), "{changeable:?}");
    }
    let answers = interview.answers;
    assert_eq!(answers.port, Port::new(20123));
    // What the config has stays where no answer changes it.
    assert_eq!(
        (answers.bind, answers.auth, answers.credential),
        (None, None, None)
    );
}

#[test]
fn second_run_without_questions_keeps_the_token() {
    let text = r#"{ "gateway": { "port": 20123, "auth": { "mode": "token", "token": "old" } } }"#;
    let home = TestHome::new().with_config(".openclaw-rescue", text);
    let preset = PresetAnswers::from([(StepId::AcceptRisk, Reply::Yes(true))]);
    let answers = home
        .interview(Some("rescue"), &preset, AnswerSource::Defaults)
        .unwrap()
        .answers;
    assert_eq!((answers.auth, answers.credential), (None, None));
    assert_eq!(answers.port, Port::new(20123));
}

#[test]
fn going_back_keeps_every_answer() {
    let home = TestHome::new().with_config(".openclaw", MAIN).with_node_engine();
    let replies = [
        "another name",
        "helper",
        "-",
        "yes",
        "other",
        "20123",
        "openai-api-key",
        "sk-1",
        "<",
        "<",
        "<",
        "-",
        "-",
        "-",
        "-",
        "no",
    ];
    let (interview, script) = home.person(None, &replies);
    assert!(script.replies.is_empty(), "{:?}", script.replies);
    let answers = interview.unwrap().answers;
    assert_eq!(answers.profile.unwrap().as_str(), "helper");
    assert_eq!(
        (answers.port, answers.provider),
        (Port::new(20123), Some(Provider::OpenAi))
    );
    assert_eq!(
        answers.provider_key,
        Some(Secret::new("sk-1")),
        "Enter keeps a secret"
    );
    assert_eq!(
        script.asked[8..15],
        [
            "step.channel.ask",
            "step.api-key.ask",
            "step.auth-choice.ask",
            "step.gateway-port.typed",
            "step.auth-choice.ask",
            "step.api-key.ask",
            "step.channel.ask",
        ]
    );
}

#[test]
fn unchanged_default_follows_the_answer_that_it_depends_on() {
    let home = TestHome::new().with_config(".openclaw", MAIN);
    let replies = [
        "another name",
        "helper",
        "-",
        "-",
        "<",
        "<",
        "<",
        "other",
        "-",
        "-",
        "-",
        "-",
        "-",
        "-",
        "-",
        "-",
        "-",
        "no",
    ];
    let (interview, script) = home.advanced(None, &replies);
    assert!(script.replies.is_empty());
    let answers = interview.unwrap().answers;
    assert_eq!(
        answers.workspace.unwrap(),
        home.folder.path().join(".openclaw-other/workspace-other")
    );
}

#[test]
fn going_back_from_the_first_question_offers_to_leave() {
    let home = TestHome::new();
    let (interview, _) = home.person(Some("rescue"), &["<", "no", "<", "yes"]);
    assert_eq!(interview.unwrap_err().code(), "onboard.left");
}

#[test]
fn key_of_another_provider_is_asked_for_again() {
    let replies = [
        "-",
        "yes",
        "apiKey",
        "sk-1",
        "<",
        "<",
        "openai-api-key",
        "sk-2",
        "skip",
        "no",
    ];
    let home = TestHome::new().with_node_engine();
    let (interview, script) = home.person(Some("rescue"), &replies);
    assert!(script.replies.is_empty());
    assert_eq!(interview.unwrap().answers.provider_key, Some(Secret::new("sk-2")));
}

#[test]
fn open_questions_are_listed_by_their_flags() {
    let home = TestHome::new();
    let error = home
        .interview(Some("rescue"), &PresetAnswers::default(), AnswerSource::Defaults)
        .unwrap_err();
    assert_eq!((error.code(), error.kind.exit_code()), ("answers.open", 2));
    let error = home
        .interview(Some("rescue"), &PresetAnswers::default(), AnswerSource::Nobody)
        .unwrap_err();
    assert_eq!(error.code(), "answers.nobody");
    let flags = error.hints[0].render(crate::i18n::Lang::english());
    for flag in [
        "--accept-risk",
        "--workspace",
        "--gateway-port",
        "--engine",
        "--channel",
    ] {
        assert!(flags.contains(flag), "{flags}");
    }
}

#[test]
fn preset_answers_follow_the_rules_of_typed_ones() {
    let home = TestHome::new().with_config(".openclaw", MAIN);
    for (step, value, code) in [
        (StepId::GatewayPort, "18799", "ports.too-close"),
        (StepId::GatewayBind, "everywhere", "answers.choice"),
        (
            StepId::GatewayAuth,
            "none",
            "step.gateway-auth.none-needs-release",
        ),
        (StepId::AuthChoice, "nobody", "answers.choice"),
        (StepId::Workspace, "~", "isolation.workspace-around"),
    ] {
        let preset = PresetAnswers::from([
            (StepId::AcceptRisk, Reply::Yes(true)),
            (step, Reply::Text(value.to_owned())),
        ]);
        let error = home
            .interview(Some("rescue"), &preset, AnswerSource::Defaults)
            .unwrap_err();
        assert_eq!(error.code(), code, "--{} {value}", step.name());
    }
}

#[test]
fn step_ids_are_ascending_and_every_step_has_a_flag() {
    let ids: Vec<_> = steps::ALL.iter().map(|step| step.id()).collect();
    assert_eq!(
        ids,
        StepId::ALL,
        "the table has every step, in the order of the ids"
    );
    assert!(ids.is_sorted_by(|one, next| one < next));
    let command = <crate::cli::Cli as clap::CommandFactory>::command();
    let onboard = command.find_subcommand("onboard").unwrap();
    let has_flag =
        |name: &str| name == "profile" || onboard.get_arguments().any(|a| a.get_long() == Some(name));
    for step in steps::ALL {
        assert!(
            has_flag(step.flag(&Answers::default())),
            "--{} is a flag of onboard",
            step.id().name()
        );
    }
    for provider in Provider::ALL {
        assert!(has_flag(provider.key_flag()), "--{}", provider.key_flag());
    }
}
