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
use super::state::GatewayState;
use super::throttle::Throttle;
use super::{reply, sign_in_page};
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
        AuthOutcome::Missing if sign_in_page::is_wanted(&request) => {
            sign_in_page::reply(&guard.state, request.headers())
        }
        outcome => reply::unauthenticated(outcome),
    }
}

/// Checks the bearer token of an HTTP request against the credentials that the gateway requires. The answer to a wrong
/// one is delayed by the failed attempts of the client's network.
pub(crate) async fn authenticate(
    throttle: &Throttle,
    required: &ClientAuth,
    headers: &HeaderMap,
    peer: Option<IpAddr>,
) -> AuthOutcome {
    // As in OpenClaw, the header carries the token or the password, whichever is required.
    let shown = bearer_token(headers);
    let check = || check_credentials(required, shown, shown);
    let (Some(_), Some(peer)) = (shown, peer) else {
        return check();
    };
    let attempt = throttle.begin(peer, required.is_guessable());
    match attempt.may_compare().then(check) {
        Some(AuthOutcome::Accepted) => {
            attempt.succeed();
            AuthOutcome::Accepted
        }
        Some(AuthOutcome::Missing) => AuthOutcome::Missing,
        _ => attempt.fail().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::Lang;
    use crate::secret::Secret;

    /// Makes one attempt to authenticate with a bearer token, from an address.
    async fn attempt(throttle: &Throttle, required: &ClientAuth, token: &str, from: &str) -> AuthOutcome {
        let authorization = format!("Bearer {token}").parse().unwrap();
        let headers = HeaderMap::from_iter([(axum::http::header::AUTHORIZATION, authorization)]);
        authenticate(throttle, required, &headers, from.parse().ok()).await
    }

    /// Makes many attempts to authenticate with a wrong token at the same moment. Returns how many of them were told
    /// that the token is wrong, and how many that there were too many.
    async fn guess(
        throttle: &Throttle,
        required: &ClientAuth,
        from: &[&str],
        count: usize,
    ) -> (usize, usize) {
        let guesses = (0..count).map(|n| attempt(throttle, required, "wrong", from[n % from.len()]));
        let outcomes = futures_util::future::join_all(guesses).await;
        let wrong = outcomes.iter().filter(|outcome| **outcome == AuthOutcome::Wrong);
        let wrong = wrong.count();
        (wrong, count - wrong)
    }

    #[tokio::test(start_paused = true)]
    async fn right_token_is_accepted_at_once_beside_any_number_of_wrong_ones_of_its_address() {
        let throttle = Throttle::new(Lang::english());
        let token = "a-token-that-nobody-guesses";
        let required = ClientAuth::Token(Secret::new(token));
        for from in ["192.0.2.1", "127.0.0.1"] {
            let network = [from];
            let guesses = guess(&throttle, &required, &network, 1000);
            let right = async {
                let begun = tokio::time::Instant::now();
                let outcome = attempt(&throttle, &required, token, from).await;
                (outcome, begun.elapsed())
            };
            let (_, right) = tokio::join!(guesses, right);
            let expected = (AuthOutcome::Accepted, std::time::Duration::ZERO);
            assert_eq!(right, expected, "{from}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn many_connections_of_one_address_guess_no_faster_than_one() {
        // A token this short could be guessed by whoever learns of each guess at once.
        let required = ClientAuth::Token(Secret::new("t"));
        for (from, seconds) in [("192.0.2.1", 5), ("127.0.0.1", 1)] {
            let throttle = Throttle::new(Lang::english());
            let network = [from];
            let guesses = guess(&throttle, &required, &network, 1000);
            let (counts, unchecked) = tokio::join!(guesses, attempt(&throttle, &required, "t", from));
            assert_eq!(counts, (10, 990), "{from}");
            let retry_after = std::time::Duration::from_secs(seconds);
            let expected = AuthOutcome::TooManyAttempts { retry_after };
            assert_eq!(unchecked, expected, "refused unchecked, but not as a wrong one");
            tokio::time::advance(10 * retry_after).await;
            let later = attempt(&throttle, &required, "t", from).await;
            assert_eq!(later, AuthOutcome::Accepted, "{from}");
            let after_success = guess(&throttle, &required, &network, 1000).await;
            assert_eq!(after_success, (10, 990), "a success brings no further guesses");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn all_addresses_of_loopback_guess_no_faster_than_one() {
        let required = ClientAuth::Token(Secret::new("t"));
        let throttle = Throttle::new(Lang::english());
        let near = ["127.0.0.1", "127.0.0.2", "127.255.0.9", "::1", "::ffff:127.0.0.3"];
        assert_eq!(guess(&throttle, &required, &near, 1000).await, (10, 990));
    }

    #[tokio::test(start_paused = true)]
    async fn all_networks_together_guess_at_a_limited_rate_that_leaves_loopback_alone() {
        let required = ClientAuth::Token(Secret::new("t"));
        let throttle = Throttle::new(Lang::english());
        let many: Vec<_> = (0..250).map(|n| format!("192.0.2.{n}")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        assert_eq!(guess(&throttle, &required, &many, 1000).await, (100, 900));
        let near = attempt(&throttle, &required, "t", "127.0.0.1").await;
        assert_eq!(near, AuthOutcome::Accepted);
    }
}
