//! Proposals of the wizard, and what it does not ask for: the engine, the model, the gateway to watch, the start.

use super::*;

#[test]
fn openclaw_from_npm_is_suggested_where_it_is_installed_but_not_for_a_rescue_bot_beside_another() {
    let suggested = |home: TestHome, profile| {
        let (interview, _) = home.person(Some(profile), &["yes", "-", "-", "-", "-", "-", "-", "-", "-"]);
        interview.unwrap().answers.engine.unwrap()
    };
    let beside_main = || TestHome::new().with_config(".openclaw", MAIN);
    for (home, profile, engine) in [
        (beside_main(), "work", Engine::Native),
        (beside_main().with_node_engine(), "my-rescue", Engine::Native),
    ] {
        assert_eq!(suggested(home, profile), engine, "{profile}");
    }
    let replies = ["yes", "-", "-", "-", "-", "skip", "-", "-"];
    for (home, profile) in [
        (beside_main().with_node_engine(), "work"),
        (TestHome::new().with_node_engine(), "rescue"),
    ] {
        let (interview, _) = home.person(Some(profile), &replies);
        assert_eq!(interview.unwrap().answers.engine, Some(Engine::Node), "{profile}");
    }
}

#[test]
fn engine_that_is_not_installed_is_not_accepted() {
    let replies = ["yes", "-", "node", "-", "-", "-", "-", "-"];
    let (interview, script) = TestHome::new().person(Some("work"), &replies);
    assert_eq!(script.rejected, ["engine.missing"]);
    assert_eq!(interview.unwrap().answers.engine, Some(Engine::Native));
}

#[test]
fn nothing_is_watched_or_started_unasked() {
    let home = TestHome::new().with_config(".openclaw", MAIN);
    let preset = |replies: &[(StepId, &str)]| {
        let mut preset = PresetAnswers::from([(StepId::AcceptRisk, Reply::Yes(true))]);
        for (step, reply) in replies {
            preset.set(*step, Reply::Text((*reply).to_owned()));
        }
        preset
    };
    let run = |preset| home.interview(Some("rescue"), &preset, AnswerSource::Defaults);
    let answers = run(preset(&[])).unwrap().answers;
    assert_eq!((answers.watch, answers.start), (None, Start::No));
    let answers = run(preset(&[
        (StepId::Watch, "default"),
        (StepId::InstallDaemon, "background"),
    ]));
    let answers = answers.unwrap().answers;
    assert_eq!(
        (answers.watch.unwrap().as_str(), answers.start),
        ("default", Start::Background)
    );
    let error = run(preset(&[(StepId::Watch, "rescue")])).unwrap_err();
    assert_eq!(error.code(), "step.watch.unknown", "no gateway watches itself");
}

#[test]
fn key_can_be_left_for_later_by_a_person_only() {
    let home = TestHome::new().with_node_engine();
    let (interview, _) = home.person(Some("work"), &["yes", "-", "-", "-", "-", "-", "-", "-", "-"]);
    let answers = interview.unwrap().answers;
    assert_eq!(
        (answers.provider, answers.provider_key),
        (Some(Provider::Anthropic), None)
    );
    let preset = PresetAnswers::from([
        (StepId::AcceptRisk, Reply::Yes(true)),
        (StepId::AuthChoice, Reply::Text("apiKey".to_owned())),
    ]);
    let error = home
        .interview(Some("work"), &preset, AnswerSource::Defaults)
        .unwrap_err();
    assert_eq!(error.code(), "answers.open");
}

#[test]
fn model_of_a_flag_is_taken_for_an_engine_without_an_agent_too() {
    let preset = PresetAnswers::from([
        (StepId::AcceptRisk, Reply::Yes(true)),
        (StepId::AuthChoice, Reply::Text("openai-api-key".to_owned())),
        (StepId::ApiKey, Reply::Secret(Secret::new("sk-1"))),
    ]);
    let home = TestHome::new();
    let interview = home
        .interview(Some("work"), &preset, AnswerSource::Defaults)
        .unwrap();
    assert_eq!(interview.answers.engine, Some(Engine::Native));
    assert_eq!(interview.answers.provider_key, Some(Secret::new("sk-1")));
}

#[test]
fn questions_are_numbered_and_their_total_follows_the_answers() {
    let quick = ["yes", "-", "-", "-", "-", "apiKey", "sk-1", "-", "-"];
    let (_, script) = TestHome::new().with_node_engine().person(Some("rescue"), &quick);
    // The key of a provider is asked for once the provider is known.
    let expected = [8, 8, 8, 8, 8, 8, 9, 9, 9];
    let expected: Vec<_> = (1..).zip(expected).collect();
    assert_eq!(script.progress, expected);
    let home = TestHome::new().with_config(".openclaw", MAIN);
    let (_, script) = home.person(Some("default"), &["yes", "-", "keep"]);
    assert_eq!(script.progress, [(1, 9), (2, 9), (3, 3)]);
}
