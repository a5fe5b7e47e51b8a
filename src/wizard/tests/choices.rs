//! Proposals of the wizard, and what it does not ask for: the engine, the model, the gateway to watch, the start.

use super::*;

#[test]
fn openclaw_from_npm_is_suggested_where_it_is_installed_but_not_for_a_rescue_bot_beside_another() {
    let suggested = |home: TestHome, profile, replies: &[&str]| {
        let (interview, _) = home.person(Some(profile), replies);
        interview.unwrap().answers.engine.unwrap()
    };
    let beside_main = || TestHome::new().with_config(".openclaw", MAIN);
    let (with_agent, alone) = (
        ["-", "yes", "-", "skip", "-", "no"],
        ["-", "yes", "skip", "-", "no"],
    );
    for (home, profile, replies, engine) in [
        (beside_main(), "work", &["-"; 5][..], Engine::Native),
        (
            beside_main().with_node_engine(),
            "my-rescue",
            &["-"; 5],
            Engine::Native,
        ),
        (
            beside_main().with_node_engine(),
            "work",
            &with_agent,
            Engine::Node,
        ),
        (TestHome::new().with_node_engine(), "rescue", &alone, Engine::Node),
    ] {
        assert_eq!(suggested(home, profile, replies), engine, "{profile}");
    }
}

#[test]
fn engine_that_is_not_installed_is_not_accepted() {
    let replies = ["node", "-", "-", "-", "-"];
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
    let (interview, _) = home.person(Some("work"), &["-", "yes", "-", "-", "-", "-"]);
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
    let quick = ["-", "yes", "apiKey", "sk-1", "-", "no"];
    let (_, script) = TestHome::new().with_node_engine().person(Some("rescue"), &quick);
    // The key of a provider is asked for once the provider is known.
    let expected = [5, 5, 5, 6, 6, 6];
    let expected: Vec<_> = (1..).zip(expected).collect();
    assert_eq!(script.progress, expected);
    let home = TestHome::new().with_config(".openclaw", MAIN);
    let (_, script) = home.person(Some("default"), &["keep"]);
    assert_eq!(script.progress, [(1, 1)]);
}

#[test]
fn first_gateway_of_a_host_needs_no_profile_and_no_port_and_a_rescue_bot_five_questions() {
    let (interview, script) = TestHome::new().person(None, &["-", "-", "-", "no"]);
    let interview = interview.unwrap();
    assert_eq!(script.asked.len(), 4, "{:?}", script.asked);
    let rows: Vec<_> = interview.changeable.iter().map(|row| row.id).collect();
    for step in [
        StepId::Flow,
        StepId::Profile,
        StepId::Workspace,
        StepId::GatewayPort,
    ] {
        assert!(rows.contains(&step), "{rows:?}");
    }
    assert!(
        !rows.contains(&StepId::GatewayBind),
        "left to whoever wants every question"
    );
    let home = TestHome::new().with_config(".openclaw", MAIN);
    let (interview, script) = home.person(Some("rescue"), &["-"; 5]);
    assert_eq!(interview.unwrap().answers.watch.unwrap().as_str(), "default");
    assert_eq!(script.asked.len(), 5, "{:?}", script.asked);
}

#[test]
fn everything_is_asked_of_whoever_chooses_it_at_the_review() {
    let home = TestHome::new();
    let mut script = Script::new(&["-", "-", "-", "no", "~/ws", "20123", "lan", "-", "-"]);
    let mut history = AnswerHistory::default();
    let pass = |script: &mut Script, history: &mut AnswerHistory<'_>| {
        let source = AnswerSource::Person(script, history);
        home.interview(Some("work"), &PresetAnswers::default(), source)
            .unwrap()
    };
    pass(&mut script, &mut history);
    history.choose(StepId::Flow, Reply::Text(Flow::Advanced.name().to_owned()));
    let answers = pass(&mut script, &mut history).answers;
    assert!(script.replies.is_empty(), "{:?}", script.replies);
    assert_eq!((answers.port, answers.bind), (Port::new(20123), Some(Bind::Lan)));
    assert_eq!(answers.start, Start::No, "what was answered stays");
}

#[test]
fn answer_of_a_flag_can_be_changed_at_the_review() {
    let home = TestHome::new();
    let preset = PresetAnswers::from([(StepId::GatewayPort, Reply::Text("20123".to_owned()))]);
    let mut script = Script::new(&["-", "-", "-", "no", "-", "21123"]);
    let mut history = AnswerHistory::default();
    let port = |script: &mut Script, history: &mut AnswerHistory<'_>| {
        let source = AnswerSource::Person(script, history);
        home.interview(Some("work"), &preset, source)
            .unwrap()
            .answers
            .port
    };
    assert_eq!(port(&mut script, &mut history), Port::new(20123));
    history.ask_only(StepId::GatewayPort);
    let _ = port(&mut script, &mut history);
    history.ask_only(StepId::GatewayPort);
    assert_eq!(port(&mut script, &mut history), Port::new(21123));
    assert_eq!(script.asked[4..], ["step.gateway-port.ask"; 2]);
    history.ask_nothing_again();
    assert_eq!(port(&mut script, &mut history), Port::new(21123));
}

#[test]
fn typed_workspace_is_expanded_and_echoed_in_full() {
    let home = TestHome::new();
    let (interview, script) = home.advanced(
        Some("rescue"),
        &["-", "~nobody/ws", "'$HOME/ws'", "-", "-", "-", "-", "-", "-", "-"],
    );
    let workspace = home.folder.path().join("ws");
    assert_eq!(interview.unwrap().answers.workspace.as_ref(), Some(&workspace));
    assert_eq!(script.rejected, ["step.workspace.other-home"]);
    assert_eq!(
        script.echoed,
        [msg!("step.workspace.full", path = workspace.display())]
    );
}
