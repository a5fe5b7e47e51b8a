//! An agent that is set up: its first sentence, and what status and doctor say of it.

use serde_json::Value;

use crate::support::chat_model::{Answer, ChatModel, MODEL_KEY};
use crate::support::{Ran, Sandbox};

/// Sets an instance up whose model is a stand-in, and lets the wizard ask it.
fn onboard(sandbox: &Sandbox, model: &ChatModel, lang: &str) -> Ran {
    sandbox.run([
        "--lang",
        lang,
        "--profile",
        "work",
        "onboard",
        "--non-interactive",
        "--accept-risk",
        "--check",
        "--auth-choice",
        "custom-api-key",
        "--custom-base-url",
        &model.url(),
        "--custom-model-id",
        "m1",
        "--custom-provider-id",
        "stub",
        "--custom-api-key",
        MODEL_KEY,
    ])
}

fn work(sandbox: &Sandbox, words: &[&str]) -> Ran {
    sandbox.run([&["--lang", "en", "--profile", "work"], words].concat())
}

#[test]
fn onboarding_ends_with_one_sentence_from_the_model_and_status_tells_what_answers() {
    let (sandbox, model) = (Sandbox::new(), ChatModel::start());
    model.push(Answer::text(&["I am here, ", "\u{1b}[2Jready."]));
    let ran = onboard(&sandbox, &model, "en").exits(0);
    assert!(ran.stdout.contains("stub/m1 says: I am here, "), "{ran:?}");
    assert!(!ran.stdout.contains('\u{1b}'), "{ran:?}");
    let asked = model.wait_for_requests(1);
    assert_eq!(asked[0].key.as_deref(), Some(MODEL_KEY));

    let agents = |ran: Ran| -> Value { ran.json()["agents"].clone() };
    let usable = agents(work(&sandbox, &["status", "--json"]));
    assert_eq!(usable[0]["model"], "stub/m1", "{usable:#}");
    assert_eq!(
        (&usable[0]["fault"], &usable[0]["since"]),
        (&Value::Null, &Value::Null)
    );
    let screen = work(&sandbox, &["status"]).stdout;
    assert!(screen.contains("answers with stub/m1"), "{screen}");

    let set = [
        "config",
        "set",
        "agents.defaults.model.primary",
        "anthropic/claude-opus-5",
    ];
    let _ = work(&sandbox, &set).exits(0);
    let silent = agents(work(&sandbox, &["status", "--json"]));
    assert_eq!(silent[0]["model"], Value::Null, "{silent:#}");
    assert_eq!(silent[0]["fault"]["reason"], "auth", "{silent:#}");
    let screen = work(&sandbox, &["status"]).stdout;
    assert!(screen.contains("does not answer"), "{screen}");
    let doctor = work(&sandbox, &["doctor", "--json"]).json().to_string();
    assert!(doctor.contains("agent-silent"), "{doctor}");
}

#[test]
fn model_that_gives_no_sentence_is_told_with_its_reason_and_the_onboarding_is_done() {
    let (sandbox, model) = (Sandbox::new(), ChatModel::start());
    model.push(Answer::error(401, "Incorrect API key provided"));
    let ran = onboard(&sandbox, &model, "tr").exits(0);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(said.contains("Model henüz yanıt vermedi"), "{ran:?}");
    assert!(!said.contains(MODEL_KEY), "{ran:?}");
    assert!(sandbox.path(".openclaw-work/openclaw.json").exists());
}
