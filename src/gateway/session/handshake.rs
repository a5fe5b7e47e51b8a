//! The handshake of a session: checks the parameters of `connect`, the proof of the device, the credentials
//! and the pairing. The checks come in the order of the references, so that each mistake gets the same
//! answer there and here.

use serde_json::{Value, json};

use crate::answers::Auth;
use crate::gateway::access::{AuthOutcome, Peer, check_credentials};
use crate::gateway::clients::ConnectedClient;
use crate::gateway::devices::book::{Approval, DeviceBook, IssuedToken, PairingRequest};
use crate::gateway::devices::key::{DeviceClaim, DevicePublicKey};
use crate::gateway::protocol::connect::{self, ClientInfo, ConnectParams, DeviceParams};
use crate::gateway::protocol::event::GatewayEvent;
use crate::gateway::protocol::refusal::{ConnectRefusal, CredentialError, DeviceProofError};
use crate::gateway::protocol::{ClientRole, OperatorScope, Protocol};
use crate::gateway::state::GatewayState;
use crate::gateway::throttle::AuthAttempt;
use crate::secret::Secret;
use crate::settings::ClientAuth;
use crate::time::unix_millis;

/// Time before and after its creation for which a device's signature in a client's handshake is valid, in
/// milliseconds.
const MAX_CLOCK_SKEW_MS: u64 = 10 * 60 * 1000;

/// The method by which the gateway authenticated a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AuthMethod {
    /// The credentials that the gateway requires: its token, its password, or none.
    Shared(Auth),
    /// The token of the client's device.
    DeviceToken,
}

impl AuthMethod {
    /// Returns the name of a client's authentication method in the gateway's WebSocket protocol.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Shared(auth) => auth.name(),
            Self::DeviceToken => "device-token",
        }
    }
}

/// The capabilities of clients on which it depends what the gateway sends them.
const CAPABILITIES: [&str; 2] = ["tool-events", "approvals"];

/// A client that passed the gateway's handshake.
#[derive(Debug)]
pub(super) struct AcceptedClient {
    connect: ConnectParams,
    protocol: Protocol,
    role: ClientRole,
    scopes: Vec<String>,
    /// The token of the client's device.
    pub(super) device_token: Option<IssuedToken>,
    /// The method by which the client was authenticated.
    pub(super) method: AuthMethod,
    /// The credentials that the gateway required when the client was authenticated.
    required: ClientAuth,
}

impl AcceptedClient {
    /// Returns whether the gateway's credentials have changed since it authenticated a client by them.
    pub(super) fn is_outdated(&self, state: &GatewayState) -> bool {
        self.method != AuthMethod::DeviceToken && self.required != state.active().settings.auth
    }

    /// Converts a client that passed the handshake to a connected client of the gateway, connected now.
    pub(super) fn into_connected(self, state: &GatewayState, peer: Peer) -> ConnectedClient {
        ConnectedClient {
            conn_id: crate::host::random_uuid(),
            client: self.connect.client,
            protocol: self.protocol,
            role: self.role,
            scopes: self.scopes,
            caps: known_capabilities(self.connect.caps),
            device_id: self.connect.device.map(|device| device.id),
            by_device_token: self.method == AuthMethod::DeviceToken,
            ip: peer.address.ip().to_canonical(),
            local: peer.local,
            since: state.context.host.now(),
        }
    }
}

/// Returns the capabilities of a client that this gateway knows.
fn known_capabilities(mut caps: Vec<String>) -> Vec<String> {
    caps.retain(|cap| CAPABILITIES.contains(&cap.as_str()));
    caps.truncate(CAPABILITIES.len());
    caps
}

/// A client that the gateway refused at its handshake: the reason, and what the texts of the error response depend
/// on.
#[derive(Debug)]
pub(super) struct RejectedClient {
    pub(super) reason: ConnectRefusal,
    pub(super) protocol: Protocol,
    pub(super) client: Option<ClientInfo>,
}

impl RejectedClient {
    /// Creates the rejection of a client of the gateway that has not named its program and protocol version yet.
    pub(super) fn unknown(reason: ConnectRefusal) -> Self {
        Self {
            reason,
            protocol: Protocol::Four,
            client: None,
        }
    }
}

/// Checks the first request of a client of the gateway, which must be `connect`. `nonce` is that of the challenge it
/// was sent.
pub(super) async fn check_first_request(
    state: &GatewayState,
    peer: Peer,
    nonce: &str,
    method: &str,
    params: Value,
) -> Result<AcceptedClient, RejectedClient> {
    let protocol = connect::error_protocol(&params);
    let reject = |reason, client| RejectedClient {
        reason,
        protocol,
        client,
    };
    if method != "connect" {
        return Err(reject(ConnectRefusal::NotConnect, None));
    }
    let connect = ConnectParams::parse(params)
        .map_err(|violations| reject(ConnectRefusal::InvalidParams(violations), None))?;
    let client = connect.client.clone();
    let accepted = check_connect(state, peer, nonce, connect).await;
    accepted.map_err(|reason| reject(reason, Some(client)))
}

/// Checks the parameters of a client's `connect` request, and pairs the client's device with the gateway.
async fn check_connect(
    state: &GatewayState,
    peer: Peer,
    nonce: &str,
    mut connect: ConnectParams,
) -> Result<AcceptedClient, ConnectRefusal> {
    let (min, max) = (connect.min_protocol, connect.max_protocol);
    let protocol = Protocol::negotiate(min, max).ok_or(ConnectRefusal::Protocol { min, max })?;
    let role = connect.role.as_deref().unwrap_or("operator");
    let role = ClientRole::from_name(role).ok_or(ConnectRefusal::UnknownRole)?;
    let scopes = match (connect.scopes.is_empty(), role) {
        (true, ClientRole::Operator) => vec![OperatorScope::Admin.name().to_owned()],
        _ => connect.scopes.clone(),
    };
    let required = state.active().settings.auth.clone();
    let key = if let Some(device) = &connect.device {
        let now_ms = unix_millis(state.context.host.now());
        let key = verify_device(peer, nonce, &connect, device, role, now_ms);
        Some(key.map_err(ConnectRefusal::Device)?)
    } else {
        check_without_device(&connect, &required, protocol, role)?;
        None
    };
    // Not before the signature over these names was checked.
    connect.client.sanitize();
    let request = key.map(|key| PairingRequest {
        device_id: key.device_id(),
        public_key: key.to_base64url(),
        client: connect.client.clone(),
        role,
        scopes: scopes.clone(),
        ip: (!peer.local).then(|| peer.address.ip().to_canonical()),
    });
    let method = authenticate(state, peer, &connect, &required, protocol, request.as_ref()).await?;
    let device_token = match &request {
        Some(request) => pair(state, peer, request).await?,
        None => None,
    };
    Ok(AcceptedClient {
        connect,
        protocol,
        role,
        scopes,
        device_token,
        method,
        required,
    })
}

/// Checks whether a client may connect to the gateway without proving that it is a certain device. OpenClaw's control
/// UI never may, nor, since protocol 4, a node; others need credentials, unless none are required.
fn check_without_device(
    connect: &ConnectParams,
    required: &ClientAuth,
    protocol: Protocol,
    role: ClientRole,
) -> Result<(), ConnectRefusal> {
    if connect.client.is_control_ui() {
        return Err(ConnectRefusal::ControlUiWithoutDevice);
    }
    if protocol == Protocol::Four && role == ClientRole::Node {
        return Err(ConnectRefusal::DeviceRequired);
    }
    let auth = &connect.auth;
    // The early release accepts nothing but a token here, whatever it requires. A client with the password
    // that is required is accepted all the same.
    let has_password = auth.password.is_some()
        && (protocol == Protocol::Four || matches!(required, ClientAuth::Password(_)));
    if auth.token.is_some() || has_password || *required == ClientAuth::None {
        Ok(())
    } else {
        Err(ConnectRefusal::DeviceRequired)
    }
}

/// Verifies a client's signed proof that it is a certain device, and returns the public key of that device.
fn verify_device(
    peer: Peer,
    nonce: &str,
    connect: &ConnectParams,
    device: &DeviceParams,
    role: ClientRole,
    now_ms: u64,
) -> Result<DevicePublicKey, DeviceProofError> {
    let key = DevicePublicKey::parse(&device.public_key).filter(|key| key.device_id() == device.id);
    let key = key.ok_or(DeviceProofError::IdMismatch)?;
    if now_ms.abs_diff(device.signed_at) > MAX_CLOCK_SKEW_MS {
        return Err(DeviceProofError::Stale);
    }
    let signed_nonce = device.nonce.as_deref().map(str::trim);
    let signed_nonce = signed_nonce.filter(|nonce| !nonce.is_empty());
    match signed_nonce {
        None if !peer.local => return Err(DeviceProofError::NonceMissing),
        Some(signed) if signed != nonce => return Err(DeviceProofError::NonceMismatch),
        _ => {}
    }
    let claim = DeviceClaim {
        device_id: &device.id,
        client_id: &connect.client.id,
        client_mode: &connect.client.mode,
        role: role.name(),
        scopes: &connect.scopes,
        signed_at_ms: device.signed_at,
        token: connect.auth.signed_token(),
        nonce: signed_nonce,
        platform: &connect.client.platform,
        device_family: connect.client.device_family.as_deref(),
    };
    if claim.is_signed_by(&key, &device.signature) {
        Ok(key)
    } else {
        Err(DeviceProofError::Signature)
    }
}

/// Checks the credentials that a client shows to the gateway: the gateway's token or password, or the token of its
/// device.
async fn authenticate(
    state: &GatewayState,
    peer: Peer,
    connect: &ConnectParams,
    required: &ClientAuth,
    protocol: Protocol,
    request: Option<&PairingRequest>,
) -> Result<AuthMethod, ConnectRefusal> {
    let auth = &connect.auth;
    let ip = peer.address.ip();
    let (token, password) = (auth.token.as_ref(), auth.password.as_ref());
    let is_shown = token.is_some() || password.is_some() || auth.device_token.is_some();
    let attempt = is_shown.then(|| state.throttle.begin(ip, required.is_guessable()));
    let may_compare = attempt.as_ref().is_none_or(AuthAttempt::may_compare);
    let outcome = if may_compare {
        check_credentials(required, token.map(Secret::expose), password.map(Secret::expose))
    } else {
        AuthOutcome::Wrong
    };
    let method = match request {
        _ if outcome == AuthOutcome::Accepted => Some(AuthMethod::Shared(required.mode())),
        // Nobody guesses the token of a device, so it is compared in any case.
        Some(request) if is_device_token_valid(state, request, [token, auth.device_token.as_ref()]).await => {
            Some(AuthMethod::DeviceToken)
        }
        _ => None,
    };
    if let Some(method) = method {
        if let Some(attempt) = attempt {
            attempt.succeed();
        }
        return Ok(method);
    }
    if let Some(attempt) = attempt
        && let AuthOutcome::TooManyAttempts { retry_after } = attempt.fail().await
    {
        return Err(ConnectRefusal::TooManyAttempts { retry_after });
    }
    // To the late release whatever was shown is wrong credentials, to the early one only the required kind.
    let is_missing = outcome == AuthOutcome::Missing && !(protocol == Protocol::Four && is_shown);
    let error = credential_error(required, is_missing);
    let can_retry = request.is_some()
        && error == CredentialError::TokenMismatch
        && token.is_some()
        && auth.device_token.is_none();
    Err(ConnectRefusal::Unauthorized {
        error,
        can_retry,
        local: peer.local,
    })
}

/// Returns whether one of the tokens that a client shows is its device's own.
async fn is_device_token_valid(
    state: &GatewayState,
    request: &PairingRequest,
    shown: [Option<&Secret>; 2],
) -> bool {
    let Some(book) = state.devices.book().await else {
        return false;
    };
    let (id, role) = (&request.device_id, request.role);
    let is_valid = |token: &Secret| book.accepts(id, role, token.expose(), &request.scopes);
    shown.into_iter().flatten().any(is_valid)
}

/// Returns the error of a client's missing or wrong credentials, by the kind of credentials that the gateway
/// requires.
fn credential_error(required: &ClientAuth, is_missing: bool) -> CredentialError {
    match (required, is_missing) {
        (ClientAuth::Password(_), true) => CredentialError::PasswordMissing,
        (ClientAuth::Password(_), false) => CredentialError::PasswordMismatch,
        (_, true) => CredentialError::TokenMissing,
        (_, false) => CredentialError::TokenMismatch,
    }
}

/// Returns the gateway's token for a device, pairing the device with the gateway first where necessary. An
/// authenticated device on this machine is paired without being approved; any other waits for approval. `None` where
/// the device file can't be written: the client has the gateway's own token.
async fn pair(
    state: &GatewayState,
    peer: Peer,
    request: &PairingRequest,
) -> Result<Option<IssuedToken>, ConnectRefusal> {
    let book = state.devices.book().await;
    let is_paired = book.as_ref().is_some_and(|book| book.is_paired(request));
    if !is_paired && !peer.local {
        return Err(request_approval(state, request));
    }
    let now = unix_millis(state.context.host.now());
    if is_paired && let Some(token) = book.and_then(|book| book.issued_token(request)) {
        let (id, role) = (&request.device_id, request.role);
        // Whatever it was authenticated by: a device that connects is in use.
        state.devices.update(|book| book.record_use(id, role, now)).await;
        return Ok(Some(token));
    }
    let token = Secret::new(crate::host::random_uuid().simple().to_string());
    let issue = |book: &mut DeviceBook| {
        book.remove_unused(now);
        Some(book.approve(request, Approval::Silent, &token, now))
    };
    let issued = state.devices.update(issue).await;
    if issued.is_some() && !is_paired {
        tracing::info!(device = request.device_id, "device of this host paired");
        let resolved = json!({
            "requestId": crate::host::random_uuid().to_string(),
            "deviceId": request.device_id,
            "decision": "approved",
            "ts": now,
        });
        state.clients.broadcast(GatewayEvent::PairingResolved, &resolved);
    }
    Ok(issued)
}

/// Adds a device to those whose pairing waits for approval, tells the gateway's clients about a new one, and returns
/// the refusal of the connecting client.
fn request_approval(state: &GatewayState, request: &PairingRequest) -> ConnectRefusal {
    let id = crate::host::random_uuid().to_string();
    let now = unix_millis(state.context.host.now());
    let (pending, is_new) = state.devices.add_pending(request, id, now);
    if is_new {
        state
            .clients
            .broadcast(GatewayEvent::PairingRequested, &pending.to_value());
    }
    ConnectRefusal::PairingRequired {
        request_id: pending.request_id,
    }
}
