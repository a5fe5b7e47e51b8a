//! The refusal of a client at its handshake: the error that answers its first request, and the code and
//! reason of the close frame, for both protocol versions (docs/openclaw.md#connection-failures).

use std::time::Duration;

use serde_json::{Value, json};

use super::connect::ClientInfo;
use super::{ErrorCode, ErrorResponse, Protocol};

/// Maximum length of the reason in a WebSocket close frame, in bytes.
const MAX_REASON_BYTES: usize = 120;

/// The reason why the gateway refuses a client at its handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ConnectRefusal {
    /// The handshake was not complete in time.
    TimedOut,
    /// The first message is not JSON.
    NotJson,
    /// The first message is JSON, but not a request.
    NotARequest,
    /// The first request is another method than `connect`.
    NotConnect,
    /// The parameters of `connect` are invalid; what is wrong with them.
    InvalidParams(String),
    /// The client speaks no protocol version that is served.
    Protocol {
        /// The oldest version that the client speaks.
        min: u64,
        /// The newest version that the client speaks.
        max: u64,
    },
    /// The role does not exist.
    UnknownRole,
    /// OpenClaw's control UI connects without a device.
    ControlUiWithoutDevice,
    /// The client has neither a device nor credentials.
    DeviceRequired,
    /// The proof of the device is invalid.
    Device(DeviceProofError),
    /// The credentials are missing or wrong.
    Unauthorized {
        /// The kind of credentials, and whether they are missing or wrong.
        error: CredentialError,
        /// `true` where the client may try its device token next.
        can_retry: bool,
        /// `true` for a client on this machine.
        local: bool,
    },
    /// There were too many failed attempts to authenticate from the client's network.
    TooManyAttempts {
        /// The time after which the client may try again.
        retry_after: Duration,
    },
    /// The device must be approved first.
    PairingRequired {
        /// The id of the pairing request.
        request_id: String,
    },
}

/// The reason why a client's signed proof that it is a certain device is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeviceProofError {
    /// The device id is not that of the public key.
    IdMismatch,
    /// The time of the signature is too far in the past or in the future.
    Stale,
    /// The signature has no nonce, and the client is not on this machine.
    NonceMissing,
    /// The signature has another nonce than the challenge.
    NonceMismatch,
    /// The signature was not made with the key.
    Signature,
}

impl DeviceProofError {
    /// Returns the message, the code and the reason in the error with which the gateway refuses a client at its
    /// handshake.
    fn error_texts(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::IdMismatch => (
                "device identity mismatch",
                "DEVICE_AUTH_DEVICE_ID_MISMATCH",
                "device-id-mismatch",
            ),
            Self::Stale => (
                "device signature expired",
                "DEVICE_AUTH_SIGNATURE_EXPIRED",
                "device-signature-stale",
            ),
            Self::NonceMissing => (
                "device nonce required",
                "DEVICE_AUTH_NONCE_REQUIRED",
                "device-nonce-missing",
            ),
            Self::NonceMismatch => (
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

/// The reason why the gateway refuses the token or password of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CredentialError {
    /// A token is required and none was shown.
    TokenMissing,
    /// A token is required and another one was shown.
    TokenMismatch,
    /// A password is required and none was shown.
    PasswordMissing,
    /// A password is required and another one was shown.
    PasswordMismatch,
}

impl CredentialError {
    /// Returns whether the gateway refuses a client because it showed no credentials at all.
    fn is_missing(self) -> bool {
        matches!(self, Self::TokenMissing | Self::PasswordMissing)
    }

    /// Returns the message, the code and the reason in the error with which the gateway refuses a client at its
    /// handshake.
    fn error_texts(self) -> (&'static str, &'static str, &'static str) {
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

    /// Returns the error of the response to a client whose token or password is refused. `hint` says what the user of
    /// the client can do.
    fn response(self, protocol: Protocol, hint: &str, can_retry: bool) -> ErrorResponse {
        let (message, code, reason) = self.error_texts();
        let next_step = if can_retry {
            "retry_with_device_token"
        } else if self.is_missing() {
            "update_auth_configuration"
        } else {
            "update_auth_credentials"
        };
        let error = ErrorResponse::invalid_request(format!("unauthorized: {message} ({hint})"));
        let details = json!({
            "code": code,
            "authReason": reason,
            "canRetryWithDeviceToken": can_retry,
            "recommendedNextStep": next_step,
        });
        with_details_since_4(error, protocol, details)
    }

    /// Returns the hint for the user of a client whose credentials are refused, in OpenClaw's words for this kind of
    /// client.
    fn hint(self, client: &ClientInfo, protocol: Protocol, local: bool) -> &'static str {
        let is_token = matches!(self, Self::TokenMissing | Self::TokenMismatch);
        let here = protocol == Protocol::Four && local;
        match (is_token, client.is_cli(), client.is_web()) {
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

/// The code and the reason of a WebSocket close frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseReason {
    /// The WebSocket close code.
    pub code: u16,
    /// The reason in words, at most 120 bytes.
    pub reason: String,
}

impl CloseReason {
    /// Creates the code and reason of a WebSocket close frame; a text that is too long for it is cut.
    pub fn new(code: u16, reason: &str) -> Self {
        let mut end = reason.len().min(MAX_REASON_BYTES);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        Self {
            code,
            reason: reason[..end].to_owned(),
        }
    }
}

/// Adds details with a code to the error of a client's refused handshake, in version 4 of the gateway's protocol
/// only: version 3 has no codes in its details.
fn with_details_since_4(error: ErrorResponse, protocol: Protocol, details: Value) -> ErrorResponse {
    match protocol {
        Protocol::Three => error,
        Protocol::Four => error.with_details(details),
    }
}

/// Returns the error of the response to a client whose network made too many failed attempts to authenticate
/// (docs/openclaw.md#failed-attempts).
fn too_many_attempts(protocol: Protocol, retry_after: Duration) -> ErrorResponse {
    let message = "unauthorized: too many failed authentication attempts (retry later)";
    let error = ErrorResponse::invalid_request(message).with_retry_after(retry_after);
    let details = json!({
        "code": "AUTH_RATE_LIMITED",
        "authReason": "rate_limited",
        "canRetryWithDeviceToken": false,
        "recommendedNextStep": "wait_then_retry",
    });
    with_details_since_4(error, protocol, details)
}

impl ConnectRefusal {
    /// Returns whether a client is refused because it showed wrong credentials, or too many wrong ones were shown.
    pub(crate) fn is_of_wrong_credentials(&self) -> bool {
        match self {
            Self::Unauthorized { error, .. } => !error.is_missing(),
            Self::TooManyAttempts { .. } => true,
            _ => false,
        }
    }

    /// Returns the error of the response to a client that is refused at its handshake, or `None` where the client
    /// made no request that can be answered.
    pub(crate) fn error(&self, protocol: Protocol, client: Option<&ClientInfo>) -> Option<ErrorResponse> {
        let detailed = |error, details| with_details_since_4(error, protocol, details);
        Some(match self {
            Self::TimedOut | Self::NotJson | Self::NotARequest => return None,
            Self::NotConnect => {
                ErrorResponse::invalid_request("invalid handshake: first request must be connect")
            }
            Self::InvalidParams(reason) => {
                ErrorResponse::invalid_request(format!("invalid connect params: {reason}"))
            }
            Self::Protocol { min, max } => {
                ErrorResponse::invalid_request("protocol mismatch").with_details(json!({
                    "code": "PROTOCOL_MISMATCH",
                    "clientMinProtocol": min,
                    "clientMaxProtocol": max,
                    "expectedProtocol": protocol.number(),
                    "minimumProbeProtocol": Protocol::Three.number(),
                }))
            }
            Self::UnknownRole => ErrorResponse::invalid_request("invalid role"),
            Self::ControlUiWithoutDevice => detailed(
                ErrorResponse::invalid_request("control ui requires HTTPS or localhost (secure context)"),
                json!({"code": "CONTROL_UI_DEVICE_IDENTITY_REQUIRED"}),
            ),
            Self::DeviceRequired => detailed(
                ErrorResponse::new(ErrorCode::NotPaired, "device identity required"),
                json!({"code": "DEVICE_IDENTITY_REQUIRED"}),
            ),
            Self::Device(error) => {
                let (message, code, reason) = error.error_texts();
                detailed(
                    ErrorResponse::invalid_request(message),
                    json!({"code": code, "reason": reason}),
                )
            }
            Self::Unauthorized {
                error,
                can_retry,
                local,
            } => {
                let hint = client.map_or("provide gateway auth token", |client| {
                    error.hint(client, protocol, *local)
                });
                error.response(protocol, hint, *can_retry)
            }
            Self::TooManyAttempts { retry_after } => too_many_attempts(protocol, *retry_after),
            Self::PairingRequired { request_id } => {
                let error = ErrorResponse::new(ErrorCode::NotPaired, "pairing required");
                error.with_details(match protocol {
                    Protocol::Three => json!({"requestId": request_id}),
                    Protocol::Four => {
                        json!({"code": "PAIRING_REQUIRED", "requestId": request_id, "reason": "not-paired"})
                    }
                })
            }
        })
    }

    /// Returns the code and reason of the WebSocket close frame for a client that is refused at its handshake: the
    /// reason is the message of the error response, where there is one.
    pub(crate) fn close_reason(&self, protocol: Protocol, client: Option<&ClientInfo>) -> CloseReason {
        match self {
            Self::TimedOut | Self::NotJson => CloseReason::new(1000, ""),
            Self::NotARequest => CloseReason::new(1008, "invalid request frame"),
            _ => {
                let code = if matches!(self, Self::Protocol { .. }) {
                    1002
                } else {
                    1008
                };
                let message = self.error(protocol, client).map(|error| error.message);
                CloseReason::new(code, &message.unwrap_or_default())
            }
        }
    }
}
