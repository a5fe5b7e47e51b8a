//! The capability of the canvas: a secret in the path of a URL, which stands in for the token where a web
//! view can't send one.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::settings::is_enabled;
use super::url_path::CAPABILITY_PREFIX;
use crate::gateway::access::secrets_equal;
use crate::host::Host;
use crate::ports::{Port, PortFamily, Role};
use crate::secret::Secret;

/// The capability of the canvas, a secret for URLs that replaces the token: 256 random bits, new at each start of the
/// gateway.
#[derive(Debug)]
pub(crate) struct CanvasCapability(Secret);

impl CanvasCapability {
    /// Creates a random canvas capability: a secret in a URL path that opens the canvas without a token.
    pub(crate) fn generate(host: &Host) -> Self {
        Self(Secret::new(URL_SAFE_NO_PAD.encode(host.random::<32>())))
    }

    /// Returns whether a text is the capability that opens the canvas without a token, in constant time.
    pub(super) fn matches(&self, text: &str) -> bool {
        secrets_equal(text, self.0.expose())
    }

    /// Returns the URL path under which the capability opens the canvas without a token.
    pub(super) fn path(&self) -> String {
        format!("{CAPABILITY_PREFIX}/{}", self.0.expose())
    }

    /// Returns the URL, with the capability, that opens the canvas on loopback without a token. `None` where the
    /// canvas is switched off, or the base port has no family.
    pub(crate) fn url(&self, config: &Value, base: Port) -> Option<String> {
        let port = PortFamily::new(base)?.port(Role::Canvas);
        is_enabled(config).then(|| format!("http://127.0.0.1:{port}{}", self.path()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn url_holds_a_new_capability_for_each_start_and_is_missing_where_the_canvas_is_off() {
        let host = Host::fixed(&[], [("", ""); 0]);
        let [one, other] = [(); 2].map(|()| CanvasCapability::generate(&host));
        let url = one.url(&json!({}), Port::known(40_000)).unwrap();
        let secret = url
            .strip_prefix("http://127.0.0.1:40004/__openclaw__/cap/")
            .unwrap();
        assert_eq!(secret.len(), 43, "256 bits: {secret}");
        assert!(one.matches(secret) && !other.matches(secret));
        assert!(!format!("{one:?}").contains(secret), "never in a log");
        let off = json!({"canvasHost": {"enabled": false}});
        assert_eq!(one.url(&off, Port::known(40_000)), None);
    }
}
