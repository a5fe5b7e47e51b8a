//! The interview end to end, with scripted replies in the place of a person.

use std::collections::VecDeque;

use super::*;
use crate::answers::{Auth, Bind, Channel, Existing, Provider};
use crate::environment::Environment;
use crate::host::Host;
use crate::instance::{Instance, InstanceContext};
use crate::secret::{Secret, SecretOrigin};
use crate::survey::{self, Survey};

/// A home of its own and what the survey finds in it.
struct World {
    home: tempfile::TempDir,
    host: Host,
}

impl World {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let host = Host::fixed(&["openclaw"], [("HOME", home.path())]);
        Self { home, host }
    }

    /// Writes an instance's config, `~` standing for the home folder.
    #[expect(clippy::disallowed_methods, reason = "tests build their own world")]
    fn config(self, folder: &str, text: &str) -> Self {
        let folder = self.home.path().join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("openclaw.json"), text).unwrap();
        self
    }

    /// Runs an interview and hands its result on, with the survey's other half kept alive.
    fn interview(&self, profile: Option<&str>, given: &Given, asker: Asker<'_, '_>) -> Result<Interview> {
        let env = Environment::read(&self.host).unwrap();
        let mut survey = survey::take(&self.host, &env);
        // What listens on the machine of the test is not part of it.
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
        if matches!(asker, Asker::Person(..)) {
            context = context.with_person(&|_, _| {});
        }
        super::interview(&mut context, given, asker)
    }

    fn person(&self, profile: Option<&str>, replies: &[&str]) -> (Result<Interview>, Script) {
        let mut script = Script::of(replies);
        let mut memory = Memory::default();
        let interview = self.interview(
            profile,
            &Given::default(),
            Asker::Person(&mut script, &mut memory),
        );
        (interview, script)
    }
}

/// Somebody who answers from a list; `-` is Enter, `<` is Esc.
#[derive(Default)]
struct Script {
    replies: VecDeque<String>,
    asked: Vec<&'static str>,
    refused: Vec<&'static str>,
}

impl Script {
    fn of(replies: &[&str]) -> Self {
        Self {
            replies: replies.iter().map(ToString::to_string).collect(),
            ..Self::default()
        }
    }
}

impl Prompter for Script {
    fn ask(&mut self, question: &Question) -> Result<Reply> {
        self.asked.push(question.text.key());
        let reply = self
            .replies
            .pop_front()
            .unwrap_or_else(|| panic!("nobody answers {:?}", question.text));
        Ok(match (reply.as_str(), &question.kind) {
            ("<", _) => Reply::Back,
            ("-", _) => question
                .default_reply()
                .unwrap_or_else(|| panic!("no default: {:?}", question.text)),
            ("yes", step::Kind::YesNo { .. }) => Reply::Yes(true),
            ("no", step::Kind::YesNo { .. }) => Reply::Yes(false),
            (secret, step::Kind::Secret { .. }) => Reply::Secret(Secret::new(secret)),
            (text, _) => Reply::Text(text.to_owned()),
        })
    }

    fn refuse(&mut self, refusal: &Error) {
        self.refused.push(refusal.code());
    }
}

const MAIN: &str = r#"{ "gateway": { "mode": "local", "port": 18789 }, "channels": { "telegram": { "botToken": "1:main" } } }"#;

#[test]
fn enter_all_the_way_gives_an_isolated_rescue_beside_a_default() {
    let world = World::new().config(".openclaw", MAIN);
    let (interview, script) = world.person(None, &["yes", "-", "-", "-", "-", "skip", "-", "-"]);
    let answers = interview.unwrap().answers;
    assert_eq!(
        script.asked,
        [
            "step.accept-risk.ask",
            "step.flow.ask",
            "step.profile.ask",
            "step.workspace.ask",
            "step.gateway-port.ask",
            "step.auth-choice.ask",
            "step.channel.ask",
            "step.install-daemon.ask",
        ]
    );
    assert_eq!(answers.profile.unwrap().as_str(), "rescue");
    assert_eq!(
        answers.workspace.unwrap(),
        world.home.path().join(".openclaw-rescue/workspace-rescue")
    );
    assert_eq!(answers.port, Some(19789));
    assert_eq!(
        (answers.bind, answers.auth),
        (Some(Bind::Loopback), Some(Auth::Token))
    );
    assert_eq!(
        answers.credential,
        Some((Secret::new("fresh"), SecretOrigin::Generated))
    );
    assert_eq!(answers.provider, Some(Provider::Skip));
}

#[test]
fn a_refused_reply_is_asked_again_and_loses_nothing() {
    let world = World::new().config(".openclaw", MAIN);
    let workspace = world.home.path().join(".openclaw/workspace");
    let replies = [
        "yes",
        "-",
        workspace.to_str().unwrap(),
        "-",
        "18799",
        "999999",
        "19789",
        "skip",
        "telegram",
        "1:main",
        "2:own",
        "no",
    ];
    let (interview, script) = world.person(Some("rescue"), &replies);
    assert_eq!(
        script.refused,
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
        (Some(19789), Some(Channel::Telegram))
    );
    assert_eq!(answers.channel_token, Some(Secret::new("2:own")));
}

#[test]
fn declining_the_risk_ends_it() {
    let (interview, script) = World::new().person(Some("rescue"), &["no"]);
    assert_eq!(interview.unwrap_err().code(), "step.accept-risk.declined");
    assert_eq!(script.refused, [""; 0]);
}

#[test]
fn the_advanced_flow_asks_for_bind_and_auth_too() {
    let replies = [
        "yes", "advanced", "-", "-", "lan", "password", "hunter2", "skip", "-", "-",
    ];
    let (interview, script) = World::new().person(Some("rescue"), &replies);
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
fn what_is_kept_is_not_asked_for() {
    let world = World::new().config(".openclaw", MAIN);
    let (interview, script) = world.person(Some("default"), &["yes", "-", "-"]);
    assert_eq!(interview.unwrap().answers.existing, Existing::Keep);
    assert_eq!(script.asked.last(), Some(&"step.existing.ask"));
}

#[test]
fn standing_values_are_the_defaults_of_a_change() {
    let text =
        r#"{ "gateway": { "port": 20123, "bind": "lan", "auth": { "mode": "token", "token": "old" } } }"#;
    let world = World::new().config(".openclaw-rescue", text);
    let replies = [
        "yes", "advanced", "change", "-", "-", "-", "-", "-", "-", "-", "-",
    ];
    let answers = world.person(Some("rescue"), &replies).0.unwrap().answers;
    assert_eq!((answers.port, answers.bind), (Some(20123), Some(Bind::Lan)));
    assert_eq!(answers.credential, Some((Secret::new("old"), SecretOrigin::Kept)));
}

#[test]
fn a_rerun_without_questions_keeps_the_token() {
    let text = r#"{ "gateway": { "port": 20123, "auth": { "mode": "token", "token": "old" } } }"#;
    let world = World::new().config(".openclaw-rescue", text);
    let given = Given::of([("accept-risk", Reply::Yes(true))]);
    let answers = world
        .interview(Some("rescue"), &given, Asker::Defaults)
        .unwrap()
        .answers;
    assert_eq!(answers.credential, Some((Secret::new("old"), SecretOrigin::Kept)));
    assert_eq!(answers.port, Some(20123));
}

#[test]
fn going_back_keeps_every_answer() {
    let world = World::new().config(".openclaw", MAIN);
    let replies = [
        "yes",
        "-",
        "helper",
        "-",
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
        "skip",
        "no",
    ];
    let (interview, script) = world.person(None, &replies);
    assert!(script.replies.is_empty(), "{:?}", script.replies);
    let answers = interview.unwrap().answers;
    assert_eq!(answers.profile.unwrap().as_str(), "helper");
    assert_eq!(
        (answers.port, answers.provider),
        (Some(20123), Some(Provider::OpenAi))
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
fn a_default_follows_the_answer_that_it_depends_on() {
    let world = World::new().config(".openclaw", MAIN);
    let replies = [
        "yes", "-", "helper", "-", "<", "<", "other", "-", "-", "skip", "-", "-",
    ];
    let (interview, script) = world.person(None, &replies);
    assert!(script.replies.is_empty());
    let answers = interview.unwrap().answers;
    assert_eq!(
        answers.workspace.unwrap(),
        world.home.path().join(".openclaw-other/workspace-other")
    );
}

#[test]
fn before_the_first_question_there_is_only_the_way_out() {
    let world = World::new();
    let (interview, _) = world.person(Some("rescue"), &["<", "no", "<", "yes"]);
    assert_eq!(interview.unwrap_err().code(), "onboard.left");
}

#[test]
fn another_provider_is_another_key() {
    let replies = [
        "yes",
        "-",
        "-",
        "-",
        "apiKey",
        "sk-1",
        "<",
        "<",
        "openai-api-key",
        "sk-2",
        "skip",
        "no",
    ];
    let (interview, script) = World::new().person(Some("rescue"), &replies);
    assert!(script.replies.is_empty());
    assert_eq!(interview.unwrap().answers.provider_key, Some(Secret::new("sk-2")));
}

#[test]
fn open_questions_are_named_by_their_flags() {
    let world = World::new();
    let error = world
        .interview(Some("rescue"), &Given::default(), Asker::Defaults)
        .unwrap_err();
    assert_eq!((error.code(), error.kind.exit_code()), ("answers.open", 2));
    let error = world
        .interview(Some("rescue"), &Given::default(), Asker::Nobody)
        .unwrap_err();
    assert_eq!(error.code(), "answers.nobody");
    let flags = error.hints[0].render(crate::i18n::Lang::english());
    for flag in [
        "--accept-risk",
        "--workspace",
        "--gateway-port",
        "--auth-choice",
        "--channel",
    ] {
        assert!(flags.contains(flag), "{flags}");
    }
}

#[test]
fn given_values_pass_the_same_rules_as_typed_ones() {
    let world = World::new().config(".openclaw", MAIN);
    for (flag, value, code) in [
        ("gateway-port", "18799", "ports.too-close"),
        ("gateway-bind", "everywhere", "answers.choice"),
        ("gateway-auth", "none", "step.gateway-auth.none-needs-release"),
        ("auth-choice", "nobody", "answers.choice"),
        ("workspace", "~", "isolation.workspace-around"),
    ] {
        let given = Given::of([
            ("accept-risk", Reply::Yes(true)),
            (flag, Reply::Text(value.to_owned())),
        ]);
        let error = world
            .interview(Some("rescue"), &given, Asker::Defaults)
            .unwrap_err();
        assert_eq!(error.code(), code, "--{flag} {value}");
    }
}

#[test]
fn the_table_is_consistent() {
    let mut ids: Vec<_> = steps::ALL.iter().map(|step| step.id()).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "ids are unique");
    let command = <crate::cli::Cli as clap::CommandFactory>::command();
    let onboard = command.find_subcommand("onboard").unwrap();
    let has_flag =
        |name: &str| name == "profile" || onboard.get_arguments().any(|a| a.get_long() == Some(name));
    for step in steps::ALL {
        assert!(
            has_flag(step.flag(&Answers::default())),
            "--{} is a flag of onboard",
            step.id()
        );
    }
    for provider in Provider::ALL {
        assert!(has_flag(provider.key_flag()), "--{}", provider.key_flag());
    }
}
