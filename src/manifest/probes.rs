//! The probes of a gateway's health that its release has (docs/openclaw.md#http-routes).

use super::source::ManifestSource;
use crate::config::dialect;

/// First release of OpenClaw with the routes `/healthz` and `/readyz`; an earlier one answers any path with its page.
const FIRST_WITH_HEALTH: &str = "2026.3.1";
/// First release of OpenClaw with the route `/startupz`.
const FIRST_WITH_STARTUP: &str = "2026.8.1";

/// A way to ask a gateway in a container how it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    /// The route answers with success, and with JSON whose key is `true`.
    Route {
        /// The path of the route.
        path: &'static str,
        /// The key.
        key: &'static str,
    },
    /// The port accepts connections: the release has no route for it.
    Port,
}

/// The probes of a gateway in a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Probes {
    /// The startup probe tells whether the gateway has started: the others are not asked before.
    pub(super) startup: Probe,
    /// The readiness probe tells whether the gateway serves clients.
    pub(super) readiness: Probe,
    /// The liveness probe tells whether the gateway is alive: if not, it is restarted.
    pub(super) liveness: Probe,
}

/// The route that tells whether a gateway has started.
const STARTUP: Probe = Probe::Route {
    path: "/startupz",
    key: "ok",
};
/// The route that tells whether a gateway is ready.
const READINESS: Probe = Probe::Route {
    path: "/readyz",
    key: "ready",
};
/// The route that tells whether a gateway is alive.
const LIVENESS: Probe = Probe::Route {
    path: "/healthz",
    key: "ok",
};

impl Probes {
    /// Returns the probes that the gateway of an instance has.
    pub(super) fn of(source: &ManifestSource<'_>) -> Self {
        let has_since = |first: &str| source.release().is_none_or(|release| is_at_least(release, first));
        Self {
            startup: match (has_since(FIRST_WITH_STARTUP), has_since(FIRST_WITH_HEALTH)) {
                (true, _) => STARTUP,
                (false, true) => READINESS,
                (false, false) => Probe::Port,
            },
            readiness: if has_since(FIRST_WITH_HEALTH) {
                READINESS
            } else {
                Probe::Port
            },
            liveness: if has_since(FIRST_WITH_HEALTH) {
                LIVENESS
            } else {
                Probe::Port
            },
        }
    }
}

/// Returns whether a release of OpenClaw is another one or a newer one.
pub(super) fn is_at_least(release: &str, first: &str) -> bool {
    dialect::is_newer(first, release) == Some(false)
}
