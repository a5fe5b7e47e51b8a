//! The checks that every HTTP request of one port passes before it is routed: the `Host` header, and the
//! token.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;

use super::access::{AllowedHosts, AuthOutcome, bearer_token, check_credentials, configured_origins};
use super::connections::RequestConnection;
use super::reply;
use super::state::GatewayState;
use super::throttle::Throttle;
use crate::settings::ClientAuth;

/// The checks that every HTTP request to one port of the gateway passes: of its `Host` header and of its gateway
/// token.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    /// The state of the gateway.
    pub state: Arc<GatewayState>,
    /// The hosts that requests to this port may name.
    pub hosts: Arc<AllowedHosts>,
    /// Returns whether a path is a page that needs no token because its files hold no data.
    pub is_public_page: fn(&str) -> bool,
}

impl Guard {
    /// Wraps the HTTP routes of a port of the gateway in the check of the `Host` header and the check of the token.
    pub(crate) fn protect(self, routes: Router) -> Router {
        routes
            .layer(from_fn_with_state(self.clone(), check_token))
            .layer(from_fn_with_state(self, check_host))
    }

    /// Returns whether an HTTP request comes from a web page whose origin the gateway accepts, or from a program that
    /// is not a browser.
    pub(crate) fn origin_allowed(&self, headers: &HeaderMap) -> bool {
        let active = self.state.active();
        self.hosts
            .origin_allowed(headers, &configured_origins(&active.config))
    }

    /// Returns whether a URL path of the gateway may be requested without a token.
    fn is_public(&self, path: &str) -> bool {
        // Liveness and readiness tell no more than `ps` does.
        let is_probe = matches!(
            path,
            "/health" | "/healthz" | "/ready" | "/readyz" | "/startup" | "/startupz"
        );
        // The path carries its own proof, which the canvas checks.
        let has_capability = path.starts_with("/__openclaw__/cap/");
        is_probe || has_capability || (self.is_public_page)(path)
    }
}

/// Refuses HTTP requests that name a host which the gateway does not accept, and adds the security headers to every
/// reply.
pub(crate) async fn check_host(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let active = guard.state.active();
    let origins = configured_origins(&active.config);
    // `GET http://host/path` names the host a second time.
    let target_allowed = |target: &Authority| guard.hosts.authority_allowed(target, &origins);
    let allowed = guard.hosts.host_allowed(request.headers(), &origins)
        && request.uri().authority().is_none_or(target_allowed);
    let mut answer = if allowed {
        next.run(request).await
    } else {
        reply::error(
            StatusCode::MISDIRECTED_REQUEST,
            "host not served here",
            "misdirected",
        )
    };
    reply::add_security_headers(answer.headers_mut());
    answer
}

/// Refuses HTTP requests without the right gateway token to URL paths that need one.
pub(crate) async fn check_token(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    if guard.is_public(request.uri().path()) {
        return next.run(request).await;
    }
    let connection = request.extensions().get::<RequestConnection>().cloned();
    let peer = connection.as_ref().map(|connection| connection.peer.ip());
    let active = guard.state.active();
    let required = &active.settings.auth;
    match authenticate(&guard.state.throttle, required, request.headers(), peer).await {
        AuthOutcome::Accepted => {
            if let Some(connection) = connection {
                connection.permit.set_authenticated();
            }
            next.run(request).await
        }
        AuthOutcome::Missing | AuthOutcome::Wrong => reply::unauthorized(),
    }
}

/// Checks the bearer token of an HTTP request against the credentials that the gateway requires. An address with
/// failed attempts waits; where its queue is too long, the token is refused unchecked.
pub(crate) async fn authenticate(
    throttle: &Throttle,
    required: &ClientAuth,
    headers: &HeaderMap,
    peer: Option<IpAddr>,
) -> AuthOutcome {
    let shown = bearer_token(headers);
    if let (Some(_), Some(peer)) = (shown, peer)
        && !throttle.acquire(peer).await
    {
        return AuthOutcome::Wrong;
    }
    // As in OpenClaw, the header carries the token or the password, whichever is required.
    let outcome = check_credentials(required, shown, shown);
    match (outcome, peer) {
        (AuthOutcome::Wrong, Some(peer)) => throttle.record_failure(peer),
        (AuthOutcome::Accepted, Some(peer)) if shown.is_some() => throttle.record_success(peer),
        _ => {}
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::Lang;
    use crate::secret::Secret;

    #[tokio::test(start_paused = true)]
    async fn many_connections_of_one_address_guess_no_faster_than_one() {
        let throttle = Throttle::new(Lang::english());
        let required = ClientAuth::Token(Secret::new("t"));
        let attempt = async |token: &str, from: &str| {
            let authorization = format!("Bearer {token}").parse().unwrap();
            let headers = HeaderMap::from_iter([(axum::http::header::AUTHORIZATION, authorization)]);
            authenticate(&throttle, &required, &headers, from.parse().ok()).await
        };
        for _ in 0..9 {
            assert_eq!(attempt("x", "192.0.2.1").await, AuthOutcome::Wrong);
        }
        let both = tokio::join!(attempt("t", "192.0.2.1"), attempt("t", "192.0.2.1"));
        let expected = (AuthOutcome::Accepted, AuthOutcome::Wrong);
        assert_eq!(both, expected, "the second is refused unchecked");
        let after_success = attempt("t", "192.0.2.1").await;
        assert_eq!(
            after_success,
            AuthOutcome::Accepted,
            "a success clears the address"
        );
        for _ in 0..9 {
            assert_eq!(attempt("x", "127.0.0.1").await, AuthOutcome::Wrong);
        }
        let both = tokio::join!(attempt("t", "127.0.0.1"), attempt("t", "127.0.0.1"));
        let expected = (AuthOutcome::Accepted, AuthOutcome::Accepted);
        assert_eq!(
            both, expected,
            "programs on this machine don't wait for each other"
        );
    }
}
