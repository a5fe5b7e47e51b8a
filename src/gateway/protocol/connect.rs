//! The parameters of `connect`, the first request of every client. They are read strictly: a key that the
//! protocol does not know is refused, as both references do.

use serde::Deserialize;
use serde_json::Value;

use super::Protocol;
use super::shape::{FrameField, FrameShape, TEXT, optional, optional_since_4, required, required_since_4};
use crate::secret::Secret;
use crate::text::sanitize_name;

/// The values that `client.id` may have in a client's `connect` request: the programs that may connect to the gateway
/// (docs/openclaw.md#connect-parameters).
const CLIENT_IDS: &[&str] = &[
    "webchat-ui",
    "openclaw-control-ui",
    "openclaw-browser-copilot",
    "openclaw-tui",
    "webchat",
    "cli",
    "gateway-client",
    "openclaw-macos",
    "openclaw-linux",
    "openclaw-ios",
    "openclaw-watchos",
    "openclaw-android",
    "node-host",
    "openclaw-worker",
    "test",
    "fingerprint",
    "openclaw-probe",
];
/// The values that `client.mode` may have in a client's `connect` request.
const CLIENT_MODES: &[&str] = &["webchat", "cli", "ui", "backend", "node", "probe", "test"];

/// The fields of `client` in the parameters of a client's `connect` request.
const CLIENT_FIELDS: &[FrameField] = &[
    required("id", FrameShape::OneOf(CLIENT_IDS)),
    required("version", TEXT),
    required("platform", TEXT),
    required("mode", FrameShape::OneOf(CLIENT_MODES)),
    optional("displayName", TEXT),
    optional_since_4("buildId", TEXT),
    optional("deviceFamily", TEXT),
    optional("modelIdentifier", TEXT),
    optional_since_4("timeZone", TEXT),
    optional("instanceId", TEXT),
];
/// The fields of `device` in the parameters of a client's `connect` request.
const DEVICE_FIELDS: &[FrameField] = &[
    required("id", TEXT),
    required("publicKey", TEXT),
    required("signature", TEXT),
    required("signedAt", FrameShape::Whole(0)),
    required_since_4("nonce", TEXT),
];
/// The fields of `auth` in the parameters of a client's `connect` request.
const AUTH_FIELDS: &[FrameField] = &[
    optional("token", FrameShape::Text(0)),
    optional("password", FrameShape::Text(0)),
    optional_since_4("deviceToken", FrameShape::Text(0)),
    optional_since_4("bootstrapToken", FrameShape::Text(0)),
    optional_since_4("approvalRuntimeToken", FrameShape::Text(0)),
    optional_since_4("agentRuntimeIdentityToken", FrameShape::Text(0)),
];
/// The fields of the parameters of `connect`, the first request of every client of the gateway.
const CONNECT_FIELDS: &[FrameField] = &[
    required("minProtocol", FrameShape::Whole(1)),
    required("maxProtocol", FrameShape::Whole(1)),
    required("client", FrameShape::Object(CLIENT_FIELDS)),
    optional("caps", FrameShape::List(&TEXT)),
    optional("commands", FrameShape::List(&TEXT)),
    optional_since_4("computerUse", FrameShape::Any),
    optional_since_4("workerRuns", FrameShape::Any),
    optional("permissions", FrameShape::Map(&FrameShape::Bool)),
    optional("pathEnv", FrameShape::Text(0)),
    optional("role", TEXT),
    optional("scopes", FrameShape::List(&TEXT)),
    optional_since_4("modelCatalog", FrameShape::Any),
    optional("device", FrameShape::Object(DEVICE_FIELDS)),
    optional("auth", FrameShape::Object(AUTH_FIELDS)),
    optional("locale", FrameShape::Text(0)),
    optional("userAgent", FrameShape::Text(0)),
];

/// The parameters of `connect`, the first request of every client of the gateway.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectParams {
    /// The oldest protocol version that the client speaks.
    pub min_protocol: u64,
    /// The newest protocol version that the client speaks.
    pub max_protocol: u64,
    /// The client program.
    pub client: ClientInfo,
    /// The name of the role; `operator` where it is missing.
    pub role: Option<String>,
    /// The scopes that the client asks for.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The capabilities of the client.
    #[serde(default)]
    pub caps: Vec<String>,
    /// The device that the client runs on, with a signature that proves it.
    pub device: Option<DeviceParams>,
    /// The credentials.
    #[serde(default)]
    pub auth: AuthParams,
}

/// The program that a client of the gateway is, as `client` in its `connect` request describes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the protocol's own names")]
pub struct ClientInfo {
    pub id: String,
    pub display_name: Option<String>,
    pub version: String,
    pub platform: String,
    pub device_family: Option<String>,
    pub model_identifier: Option<String>,
    pub mode: String,
    pub instance_id: Option<String>,
}

impl ClientInfo {
    /// Replaces each name that the client chose for itself by one that is safe on a terminal, in a log and in a list.
    pub(crate) fn sanitize(&mut self) {
        self.version = sanitize_name(&self.version);
        self.platform = sanitize_name(&self.platform);
        let optional = [
            &mut self.display_name,
            &mut self.device_family,
            &mut self.model_identifier,
            &mut self.instance_id,
        ];
        for name in optional.into_iter().flatten() {
            *name = sanitize_name(name);
        }
    }

    /// Returns whether the program of a client of the gateway is a command line.
    pub(crate) fn is_cli(&self) -> bool {
        self.mode == "cli"
    }

    /// Returns whether the program of a client of the gateway is OpenClaw's control UI in a browser.
    pub(crate) fn is_control_ui(&self) -> bool {
        self.id == "openclaw-control-ui"
    }

    /// Returns whether the program of a client of the gateway runs in a browser.
    pub(crate) fn is_web(&self) -> bool {
        self.is_control_ui() || self.id == "webchat-ui" || self.mode == "webchat"
    }
}

/// The device of a client of the gateway, as `device` in its `connect` request describes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceParams {
    /// The device id: the SHA-256 of the public key, in hex.
    pub id: String,
    /// The Ed25519 public key, base64url or PEM.
    pub public_key: String,
    /// The signature of the device's claim, base64url.
    pub signature: String,
    /// The time of the signature, in milliseconds since 1970.
    #[serde(deserialize_with = "whole_number")]
    pub signed_at: u64,
    /// The nonce of the challenge that was signed.
    pub nonce: Option<String>,
}

/// Deserializes a whole number that may be written as `1.0`: JavaScript has one kind of numbers only.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the shape was checked: whole and not negative; saturation is harmless in a time"
)]
fn whole_number<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let number = serde_json::Number::deserialize(from)?;
    Ok(number
        .as_u64()
        .or_else(|| number.as_f64().map(|float| float as u64))
        .unwrap_or_default())
}

/// The credentials of a client of the gateway, from `auth` in its `connect` request. An empty text counts as missing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthParams {
    /// The token of the gateway or of the device.
    #[serde(default, deserialize_with = "non_empty_secret")]
    pub token: Option<Secret>,
    /// The password of the gateway.
    #[serde(default, deserialize_with = "non_empty_secret")]
    pub password: Option<Secret>,
    /// The token of the device; since protocol 4.
    #[serde(default, deserialize_with = "non_empty_secret")]
    pub device_token: Option<Secret>,
}

/// Deserializes a secret of a client's `connect` request; an empty text counts as missing.
fn non_empty_secret<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Secret>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    Ok(text.filter(|text| !text.is_empty()).map(Secret::new))
}

impl AuthParams {
    /// Returns the token of a `connect` request that the device's signature covers: the gateway's token, else the
    /// device's own.
    pub(crate) fn signed_token(&self) -> Option<&str> {
        self.token
            .as_ref()
            .or(self.device_token.as_ref())
            .map(Secret::expose)
    }
}

/// Returns the protocol version in which a client is told what is wrong with its `connect` parameters: the newest
/// served version of its range, else the one nearest to it.
pub fn error_protocol(params: &Value) -> Protocol {
    let bound = |key: &str| params.get(key).and_then(Value::as_u64);
    match (bound("minProtocol"), bound("maxProtocol")) {
        (Some(min), Some(max)) => {
            Protocol::negotiate(min, max).unwrap_or(if max < 3 { Protocol::Three } else { Protocol::Four })
        }
        _ => Protocol::Four,
    }
}

impl ConnectParams {
    /// Validates and reads the parameters of `connect`, the first request of every client of the gateway.
    ///
    /// # Errors
    /// The violations, in the words of the client's protocol version.
    pub fn parse(params: Value) -> Result<Self, String> {
        FrameShape::Object(CONNECT_FIELDS).check(&params, error_protocol(&params))?;
        serde_json::from_value(params).map_err(|e| e.to_string())
    }
}
