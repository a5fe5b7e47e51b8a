//! What a client says of itself in its first request, strictly: a key that the protocol does not know is
//! refused, as both references do.

use serde::Deserialize;
use serde_json::Value;

use super::Protocol;
use super::shape::{Key, Shape, TEXT, optional, optional_late, required, required_late};
use crate::secret::Secret;

/// Who may connect, by what programs call themselves (docs/openclaw.md#connect-parameters).
pub const CLIENT_IDS: &[&str] = &[
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
const MODES: &[&str] = &["webchat", "cli", "ui", "backend", "node", "probe", "test"];

const CLIENT: &[Key] = &[
    required("id", Shape::OneOf(CLIENT_IDS)),
    required("version", TEXT),
    required("platform", TEXT),
    required("mode", Shape::OneOf(MODES)),
    optional("displayName", TEXT),
    optional_late("buildId", TEXT),
    optional("deviceFamily", TEXT),
    optional("modelIdentifier", TEXT),
    optional_late("timeZone", TEXT),
    optional("instanceId", TEXT),
];
const DEVICE: &[Key] = &[
    required("id", TEXT),
    required("publicKey", TEXT),
    required("signature", TEXT),
    required("signedAt", Shape::Whole(0)),
    required_late("nonce", TEXT),
];
const AUTH: &[Key] = &[
    optional("token", Shape::Text(0)),
    optional("password", Shape::Text(0)),
    optional_late("deviceToken", Shape::Text(0)),
    optional_late("bootstrapToken", Shape::Text(0)),
    optional_late("approvalRuntimeToken", Shape::Text(0)),
    optional_late("agentRuntimeIdentityToken", Shape::Text(0)),
];
const PARAMS: &[Key] = &[
    required("minProtocol", Shape::Whole(1)),
    required("maxProtocol", Shape::Whole(1)),
    required("client", Shape::Object(CLIENT)),
    optional("caps", Shape::List(&TEXT)),
    optional("commands", Shape::List(&TEXT)),
    optional_late("computerUse", Shape::Any),
    optional_late("workerRuns", Shape::Any),
    optional("permissions", Shape::Map(&Shape::Bool)),
    optional("pathEnv", Shape::Text(0)),
    optional("role", TEXT),
    optional("scopes", Shape::List(&TEXT)),
    optional_late("modelCatalog", Shape::Any),
    optional("device", Shape::Object(DEVICE)),
    optional("auth", Shape::Object(AUTH)),
    optional("locale", Shape::Text(0)),
    optional("userAgent", Shape::Text(0)),
];

/// What a client says of itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Connect {
    /// The oldest protocol that it speaks.
    pub min_protocol: u64,
    /// The newest.
    pub max_protocol: u64,
    /// Which program it is.
    pub client: Client,
    /// As what it connects; an operator where it says nothing.
    pub role: Option<String>,
    /// What it wants to be allowed.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The device that it runs on, with its proof.
    pub device: Option<Device>,
    /// What it shows.
    #[serde(default)]
    pub auth: Auth,
}

/// `client`
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the protocol's own names")]
pub struct Client {
    pub id: String,
    pub display_name: Option<String>,
    pub version: String,
    pub platform: String,
    pub device_family: Option<String>,
    pub model_identifier: Option<String>,
    pub mode: String,
    pub instance_id: Option<String>,
}

impl Client {
    /// Whether it is a command line.
    pub fn is_cli(&self) -> bool {
        self.mode == "cli"
    }

    /// Whether it is OpenClaw's page in a browser.
    pub fn is_control_ui(&self) -> bool {
        self.id == "openclaw-control-ui"
    }

    /// Whether it is any page in a browser.
    pub fn is_web(&self) -> bool {
        self.is_control_ui() || self.id == "webchat-ui" || self.mode == "webchat"
    }
}

/// `device`
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    /// Its id.
    pub id: String,
    /// Its key.
    pub public_key: String,
    /// The signature of its claim.
    pub signature: String,
    /// When it was signed, in milliseconds since 1970.
    #[serde(deserialize_with = "whole")]
    pub signed_at: u64,
    /// The nonce that was signed.
    pub nonce: Option<String>,
}

/// A whole number that may be written with a fraction of nothing, as JavaScript's are all one kind.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the shape said that it is whole and not below 0; saturation is harmless in a time"
)]
fn whole<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let number = serde_json::Number::deserialize(from)?;
    Ok(number
        .as_u64()
        .or_else(|| number.as_f64().map(|float| float as u64))
        .unwrap_or_default())
}

/// `auth`. Empty texts are none.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Auth {
    /// The gateway's token, or a device's.
    #[serde(default, deserialize_with = "secret")]
    pub token: Option<Secret>,
    /// The gateway's password.
    #[serde(default, deserialize_with = "secret")]
    pub password: Option<Secret>,
    /// A device's token, named so since protocol 4.
    #[serde(default, deserialize_with = "secret")]
    pub device_token: Option<Secret>,
}

fn secret<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Secret>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    Ok(text.filter(|text| !text.is_empty()).map(Secret::new))
}

impl Auth {
    /// The token that a device signs along: the first of the two that is there.
    pub fn signed_token(&self) -> Option<&str> {
        self.token
            .as_ref()
            .or(self.device_token.as_ref())
            .map(Secret::expose)
    }
}

/// The protocol in whose words a client is told what is wrong: the newest of its range that is served.
pub fn spoken(params: &Value) -> Protocol {
    let bound = |key: &str| params.get(key).and_then(Value::as_u64);
    match (bound("minProtocol"), bound("maxProtocol")) {
        (Some(min), Some(max)) => {
            Protocol::choose(min, max).unwrap_or(if max < 3 { Protocol::Three } else { Protocol::Four })
        }
        _ => Protocol::Four,
    }
}

impl Connect {
    /// Reads the parameters of `connect`, or says what is wrong with them.
    pub fn parse(params: Value) -> Result<Self, String> {
        Shape::Object(PARAMS).check(&params, spoken(&params))?;
        serde_json::from_value(params).map_err(|e| e.to_string())
    }
}
