//! Why a client is not let in: the error that answers its first request, and the code and reason that the
//! connection is closed with. One row each for both protocols (docs/openclaw.md#connection-failures).

use serde_json::json;

use super::connect::Client;
use super::{Code, Fault, Protocol};

/// As many bytes of a reason are put in a close frame.
const MAX_REASON: usize = 120;

/// Why a client is not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It said nothing for too long.
    Stalled,
    /// It sent more than a handshake is.
    TooLarge,
    /// It sent something that is no JSON.
    NotJson,
    /// It sent something that is no request.
    NotARequest,
    /// Its first request is another one.
    NotConnect,
    /// What it says of itself is not in order.
    BadParams(String),
    /// It speaks no protocol that is served.
    Protocol {
        /// The oldest that it speaks.
        min: u64,
        /// The newest.
        max: u64,
    },
    /// It connects as something that does not exist.
    Role,
    /// `OpenClaw`'s page came without a device.
    ControlUi,
    /// It has neither a device nor a token.
    DeviceRequired,
    /// Its device is not what it says.
    Device(DeviceFault),
    /// What it shows does not open.
    Unauthorized {
        /// Why not.
        why: Unauthorized,
        /// Whether its own device token may be tried next.
        retry: bool,
        /// Whether it is on this machine.
        local: bool,
    },
    /// Its device must be let in by somebody first.
    Pairing {
        /// What is to be approved.
        request_id: String,
    },
}

/// What is wrong with a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceFault {
    /// The id is not its key's.
    Id,
    /// It signed too long ago, or in the future.
    Stale,
    /// It signed no challenge, and is not on this machine.
    NoNonce,
    /// It signed another challenge.
    Nonce,
    /// The signature is not its key's.
    Signature,
}

impl DeviceFault {
    /// Message, code and reason.
    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Id => (
                "device identity mismatch",
                "DEVICE_AUTH_DEVICE_ID_MISMATCH",
                "device-id-mismatch",
            ),
            Self::Stale => (
                "device signature expired",
                "DEVICE_AUTH_SIGNATURE_EXPIRED",
                "device-signature-stale",
            ),
            Self::NoNonce => (
                "device nonce required",
                "DEVICE_AUTH_NONCE_REQUIRED",
                "device-nonce-missing",
            ),
            Self::Nonce => (
                "device nonce mismatch",
                "DEVICE_AUTH_NONCE_MISMATCH",
                "device-nonce-mismatch",
            ),
            Self::Signature => (
                "device signature invalid",
                "DEVICE_AUTH_SIGNATURE_INVALID",
                "device-signature",
            ),
        }
    }
}

/// Why a proof does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unauthorized {
    /// No token.
    TokenMissing,
    /// Another token.
    TokenMismatch,
    /// No password.
    PasswordMissing,
    /// Another password.
    PasswordMismatch,
}

impl Unauthorized {
    fn is_missing(self) -> bool {
        matches!(self, Self::TokenMissing | Self::PasswordMissing)
    }

    /// Message, code and reason.
    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::TokenMissing => ("gateway token missing", "AUTH_TOKEN_MISSING", "token_missing"),
            Self::TokenMismatch => ("gateway token mismatch", "AUTH_TOKEN_MISMATCH", "token_mismatch"),
            Self::PasswordMissing => (
                "gateway password missing",
                "AUTH_PASSWORD_MISSING",
                "password_missing",
            ),
            Self::PasswordMismatch => (
                "gateway password mismatch",
                "AUTH_PASSWORD_MISMATCH",
                "password_mismatch",
            ),
        }
    }

    /// What the client can do, in the words that each kind of client gets.
    fn hint(self, client: &Client, protocol: Protocol, local: bool) -> &'static str {
        let token = matches!(self, Self::TokenMissing | Self::TokenMismatch);
        let here = protocol == Protocol::Four && local;
        match (token, client.is_cli(), client.is_web()) {
            (true, true, _) if here => "use this gateway's gateway.auth.token or pair the device",
            (true, true, _) => "set gateway.remote.token to match gateway.auth.token",
            (true, _, true) => "open a tokenized dashboard URL or paste token in Control UI settings",
            (true, ..) => "provide gateway auth token",
            (false, true, _) if here => "use this gateway's gateway.auth.password",
            (false, true, _) => "set gateway.remote.password to match gateway.auth.password",
            (false, _, true) => "enter the password in Control UI settings",
            (false, ..) => "provide gateway auth password",
        }
    }
}

/// How a connection is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// The code.
    pub code: u16,
    /// The reason, at most 120 bytes.
    pub reason: String,
}

impl Closing {
    /// A code and a reason, cut to what a close frame holds.
    pub fn new(code: u16, reason: &str) -> Self {
        let mut end = reason.len().min(MAX_REASON);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        Self {
            code,
            reason: reason[..end].to_owned(),
        }
    }
}

impl Refusal {
    /// The answer to the client's request. `None` where it made none that could be answered.
    pub fn fault(&self, protocol: Protocol, client: Option<&Client>) -> Option<Fault> {
        // Protocol 3 knows no codes in its details.
        let late = |fault: Fault, details| match protocol {
            Protocol::Three => fault,
            Protocol::Four => fault.with_details(details),
        };
        Some(match self {
            Self::Stalled | Self::TooLarge | Self::NotJson | Self::NotARequest => return None,
            Self::NotConnect => Fault::invalid("invalid handshake: first request must be connect"),
            Self::BadParams(faults) => Fault::invalid(format!("invalid connect params: {faults}")),
            Self::Protocol { min, max } => Fault::invalid("protocol mismatch").with_details(json!({
                "code": "PROTOCOL_MISMATCH",
                "clientMinProtocol": min,
                "clientMaxProtocol": max,
                "expectedProtocol": protocol.number(),
                "minimumProbeProtocol": Protocol::Three.number(),
            })),
            Self::Role => Fault::invalid("invalid role"),
            Self::ControlUi => late(
                Fault::invalid("control ui requires HTTPS or localhost (secure context)"),
                json!({"code": "CONTROL_UI_DEVICE_IDENTITY_REQUIRED"}),
            ),
            Self::DeviceRequired => late(
                Fault {
                    code: Code::NotPaired,
                    ..Fault::invalid("device identity required")
                },
                json!({"code": "DEVICE_IDENTITY_REQUIRED"}),
            ),
            Self::Device(fault) => {
                let (message, code, reason) = fault.words();
                late(Fault::invalid(message), json!({"code": code, "reason": reason}))
            }
            Self::Unauthorized { why, retry, local } => {
                let (message, code, reason) = why.words();
                let hint = client.map_or("provide gateway auth token", |client| {
                    why.hint(client, protocol, *local)
                });
                let next = if *retry {
                    "retry_with_device_token"
                } else if why.is_missing() {
                    "update_auth_configuration"
                } else {
                    "update_auth_credentials"
                };
                late(
                    Fault::invalid(format!("unauthorized: {message} ({hint})")),
                    json!({
                        "code": code,
                        "authReason": reason,
                        "canRetryWithDeviceToken": retry,
                        "recommendedNextStep": next,
                    }),
                )
            }
            Self::Pairing { request_id } => {
                let fault = Fault {
                    code: Code::NotPaired,
                    ..Fault::invalid("pairing required")
                };
                fault.with_details(match protocol {
                    Protocol::Three => json!({"requestId": request_id}),
                    Protocol::Four => {
                        json!({"code": "PAIRING_REQUIRED", "requestId": request_id, "reason": "not-paired"})
                    }
                })
            }
        })
    }

    /// How the connection is closed: with the words of the answer, where there is one.
    pub fn closing(&self, protocol: Protocol, client: Option<&Client>) -> Closing {
        match self {
            Self::Stalled | Self::NotJson => Closing::new(1000, ""),
            Self::TooLarge => Closing::new(1009, ""),
            Self::NotARequest => Closing::new(1008, "invalid request frame"),
            _ => {
                let code = if matches!(self, Self::Protocol { .. }) {
                    1002
                } else {
                    1008
                };
                let message = self.fault(protocol, client).map(|fault| fault.message);
                Closing::new(code, &message.unwrap_or_default())
            }
        }
    }
}
