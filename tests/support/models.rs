//! A stand-in for the servers of language models: the lists of Anthropic, Google and servers with `OpenAI`'s interface, and
//! everything that may go wrong with one.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use serde_json::json;

use super::messenger::server::{Server, break_connection, json_response};

/// The key that the server takes.
pub const GOOD_KEY: &str = "sk-CANARY-4711-good-key";

/// What the server does with a request that has a good key, or needs none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// It lists its models.
    Lists(&'static [&'static str]),
    /// It never answers.
    Silent,
    /// It answers with a page.
    Garbage,
    /// It answers with ten megabytes.
    Huge,
    /// It sends its clients to another server.
    Redirects(String),
    /// It closes the connection.
    Breaks,
}

/// A request that the server got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The path and the query.
    pub path: String,
    /// The key, from whichever header has one.
    pub key: Option<String>,
}

/// A running stand-in for a server of language models.
pub struct Models {
    server: Server,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Models {
    /// Starts a server that takes [`GOOD_KEY`], and whose words about any other key have the key in them.
    pub fn start(behaviour: Behaviour) -> Self {
        Self::run(behaviour, true)
    }

    /// Starts a server that needs no key.
    pub fn without_key(behaviour: Behaviour) -> Self {
        Self::run(behaviour, false)
    }

    fn run(behaviour: Behaviour, needs_key: bool) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = asked.clone();
        let server = Server::start(|_| {
            Router::new().fallback(move |request: Request| {
                let request = read(&request);
                kept.lock().unwrap().push(request.clone());
                let behaviour = behaviour.clone();
                async move { answer(&request, &behaviour, needs_key).await }
            })
        });
        Self { server, asked }
    }

    /// Returns the URL of the server, without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Returns the requests that the server got, the first one first.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// Reads a request.
fn read(request: &Request) -> Asked {
    let header = |name: &str| {
        let value = request.headers().get(name)?.to_str().expect("ASCII");
        Some(value.trim_start_matches("Bearer ").to_owned())
    };
    Asked {
        path: request.uri().to_string(),
        key: header("authorization")
            .or_else(|| header("x-api-key"))
            .or_else(|| header("x-goog-api-key")),
    }
}

/// Answers a request.
async fn answer(request: &Asked, behaviour: &Behaviour, needs_key: bool) -> Response {
    let key = request.key.as_deref();
    if needs_key && key != Some(GOOD_KEY) {
        let words = format!("invalid x-api-key\u{1b}[2J: {}", key.unwrap_or_default());
        return json_response(401, &json!({"type": "error", "error": {"message": words}}));
    }
    match behaviour {
        Behaviour::Lists(models) => {
            let data: Vec<_> = models
                .iter()
                .map(|id| json!({"type": "model", "id": id}))
                .collect();
            json_response(200, &json!({"data": data, "has_more": false}))
        }
        Behaviour::Silent => std::future::pending().await,
        Behaviour::Garbage => Response::new(Body::from("<html>\u{1b}[2Jwelcome</html>")),
        Behaviour::Huge => Response::new(Body::from(vec![b'x'; 10 << 20])),
        Behaviour::Redirects(to) => Response::builder()
            .status(307)
            .header("location", to)
            .body(Body::empty())
            .expect("a response"),
        Behaviour::Breaks => break_connection(),
    }
}
