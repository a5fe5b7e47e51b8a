//! `LLMock` 0.2.2 from `PyPI`, a server that nobody here wrote: it speaks as `OpenAI`, Anthropic and Google do, fails on demand as they
//! do, and judges its clients. `scripts/test` installs it once.

#![expect(clippy::disallowed_methods, reason = "the server is a program of its own")]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use http::{HeaderMap, Method};
use serde_json::{Value, json};

use super::Home;
use crate::host::Host;
use crate::https::HttpsClient;
use crate::models::{
    ModelError, ModelErrorKind, ModelEvent, ModelMessage, ModelName, ModelReply, ModelRequest, Part,
    StopReason, ToolSpec,
};
use crate::skip::{Reason, skipped};

/// The providers that it stands in for, with the paths of their base URLs.
const PROVIDERS: [(&str, &str); 3] = [
    ("openai", "/v1"),
    ("anthropic", "/anthropic"),
    ("google", "/gemini"),
];
/// Time within which it has to answer what a test asks of itself.
const CONTROL_LIMIT: Duration = Duration::from_secs(10);

/// A running server.
struct Llmock {
    program: Child,
    url: String,
}

impl Drop for Llmock {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

impl Llmock {
    /// Starts a server; `None` where it is not installed, which is recorded.
    fn start() -> Option<Self> {
        let host = Host::from_process();
        let cache = host.var("XDG_CACHE_HOME").map(PathBuf::from);
        let cache = cache.or_else(|| Some(Path::new(host.var("HOME")?).join(".cache")));
        let program = cache?.join("openclaw-tests/llmock-0.2.2/bin/llmock");
        if !program.is_file() {
            skipped(Reason::NoProgram("llmock"), "scripts/test installs it");
            return None;
        }
        let mut program = Command::new(program)
            .args([
                "serve",
                "--port",
                "0",
                "--context-window",
                "2000",
                "--response-style",
                "echo",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(program.stderr.take().unwrap()).lines();
        let url = lines.find_map(|line| {
            let line = line.unwrap();
            let (_, url) = line.split_once("running on ")?;
            Some(url.split_whitespace().next()?.to_owned())
        });
        // What it says later goes nowhere, and does not block it.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self {
            program,
            url: url.unwrap(),
        })
    }

    /// Asks the server something about itself.
    async fn control(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let url = format!("{}/_llmock/{path}", self.url);
        let client = HttpsClient::direct();
        let answer = client.request(method, &url, HeaderMap::new(), body.as_ref(), CONTROL_LIMIT);
        let answer = answer.await.unwrap();
        assert!(answer.status.is_success(), "{path}: {answer:?}");
        answer.body
    }

    /// Plans what the next requests get.
    async fn plan(&self, behaviours: Value) {
        self.control(Method::POST, "reset", None).await;
        self.control(Method::POST, "scenario", Some(json!({"behaviors": behaviours})))
            .await;
    }

    /// Returns the models of a gateway that has this server for every provider, and whose waits are short.
    fn home(&self) -> Home {
        let providers = PROVIDERS.map(|(id, path)| {
            let entry = json!({"baseUrl": format!("{}{path}", self.url), "apiKey": "any"});
            (id.to_owned(), entry)
        });
        let mut home = Home::new(&[]);
        home.models.limits.pause = Duration::from_millis(300);
        home.models
            .apply(&json!({"models": {"providers": Value::Object(providers.into_iter().collect())}}));
        home
    }
}

/// Asks the model of a provider, and returns the answer with the text that was passed on.
async fn ask(
    home: &Home,
    provider: &str,
    request: &ModelRequest,
) -> (Result<ModelReply, ModelError>, String) {
    let name = match provider {
        "openai" => "gpt-5",
        "anthropic" => "claude-opus-4-6",
        _ => "gemini-2.5-flash",
    };
    let chain = [ModelName::parse(&format!("{provider}/{name}")).unwrap()];
    let mut text = String::new();
    let mut on_event = |event| {
        if let ModelEvent::Text(piece) = event {
            text.push_str(&piece);
        }
    };
    let answer = home.models.ask(&chain, request, &mut on_event).await;
    (answer, text)
}

fn says(text: &str) -> ModelRequest {
    ModelRequest {
        agent: "main".to_owned(),
        system: "Be brief.".to_owned(),
        messages: vec![ModelMessage::User(vec![Part::Text(text.to_owned())])],
        ..ModelRequest::default()
    }
}

#[tokio::test]
async fn each_provider_answers_calls_a_tool_and_takes_its_result() {
    let Some(server) = Llmock::start() else { return };
    let home = server.home();
    for (provider, _) in PROVIDERS {
        let (answer, text) = ask(&home, provider, &says("What a day, Ağrı and 東京!")).await;
        let reply = answer.unwrap_or_else(|error| panic!("{provider}: {error:?}"));
        assert!(reply.text.contains("Ağrı and 東京!"), "{provider}: {reply:?}");
        assert_eq!((reply.text, reply.stop), (text, StopReason::Stop), "{provider}");
        assert!(
            reply.usage.input > 0 && reply.usage.output > 0,
            "{provider}: {:?}",
            reply.usage
        );

        let mut request = says("Read the file notes.txt");
        request.tools = [ToolSpec {
            name: "read",
            description: "Reads a file.".to_owned(),
            parameters: json!({"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}),
        }]
        .into();
        let reply = ask(&home, provider, &request).await.0.unwrap();
        assert_eq!(reply.stop, StopReason::ToolUse, "{provider}: {reply:?}");
        let [call] = reply.calls.as_slice() else {
            panic!("{provider}: {reply:?}");
        };
        assert!(
            call.name == "read" && call.arguments["path"].is_string() && !call.id.is_empty(),
            "{call:?}"
        );
        request.messages.push(ModelMessage::Assistant {
            text: reply.text.clone(),
            calls: reply.calls.clone(),
        });
        request.messages.push(ModelMessage::ToolResult {
            call_id: call.id.clone(),
            tool: "read".to_owned(),
            text: "Buy milk.".to_owned(),
            is_error: false,
        });
        let reply = ask(&home, provider, &request).await.0.unwrap();
        assert!(
            reply.calls.is_empty() && !reply.text.is_empty(),
            "{provider}: {reply:?}"
        );
    }
    let verdict = server.control(Method::GET, "verdict", None).await;
    assert_eq!(verdict["findings"], json!([]), "{verdict:#}");
}

#[tokio::test]
async fn failures_of_openai_are_understood_and_answered_as_it_asks() {
    check_failures("openai").await;
}

#[tokio::test]
async fn failures_of_anthropic_are_understood_and_answered_as_it_asks() {
    check_failures("anthropic").await;
}

#[tokio::test]
async fn failures_of_google_are_understood_and_answered_as_it_asks() {
    check_failures("google").await;
}

/// Lets a provider fail in each way, and checks what is made of it and what the server thinks of that.
async fn check_failures(provider: &str) {
    let Some(server) = Llmock::start() else { return };
    let fail = |status: u16, times: Value| json!([{"type": "fail", "status": status, "times": times, "retry_after": 0.1}]);
    let fault = |kind: &str| json!([{"type": "stream_fault", "kind": kind, "after_chunks": 6}]);
    for (behaviours, expected) in [
        (fail(401, json!(1)), Some(ModelErrorKind::Auth)),
        (fail(400, json!(1)), Some(ModelErrorKind::Refused)),
        (fail(404, json!(1)), Some(ModelErrorKind::UnknownModel)),
        (fail(500, json!(1)), None),
        (fail(503, Value::Null), Some(ModelErrorKind::Overloaded)),
        (
            json!([{"type": "fail", "status": 429, "retry_after": 0.2, "times": 2}]),
            None,
        ),
        (fault("disconnect"), Some(ModelErrorKind::Unreachable)),
        (fault("truncate"), Some(ModelErrorKind::Unreachable)),
        (fault("malformed"), Some(ModelErrorKind::BadAnswer)),
        (
            json!([{"type": "stream_fault", "kind": "stall", "after_chunks": 6, "stall_seconds": 20}]),
            Some(ModelErrorKind::TimedOut),
        ),
        (json!([{"type": "slow_first_token", "seconds": 0.5}]), None),
    ] {
        server.plan(behaviours.clone()).await;
        let (answer, text) = ask(
            &server.home(),
            provider,
            &says("one two three four five six seven"),
        )
        .await;
        let found = answer.as_ref().err().map(|error| error.kind);
        assert_eq!(found, expected, "{provider} {behaviours}: {answer:?}");
        if let Err(error) = &answer {
            assert_eq!(
                error.is_partial,
                !text.is_empty(),
                "{provider} {behaviours}: {error:?}"
            );
        }
        let verdict = server.control(Method::GET, "verdict", None).await;
        let findings = verdict["findings"].as_array().unwrap();
        // A request that was not sent again looks to the server as if half an answer had been taken for a whole one.
        let unseen = ["gave_up", "truncated_stream_accepted", "malformed_chunk_ignored"].map(Value::from);
        let wrong = findings
            .iter()
            .filter(|finding| !unseen.contains(&finding["code"]));
        assert_eq!(wrong.count(), 0, "{provider} {behaviours}: {verdict:#}");
    }
    server.control(Method::POST, "reset", None).await;
    let (answer, _) = ask(&server.home(), provider, &says(&"word ".repeat(20_000))).await;
    assert_eq!(
        answer.unwrap_err().kind,
        ModelErrorKind::ContextTooLong,
        "{provider}"
    );
}
