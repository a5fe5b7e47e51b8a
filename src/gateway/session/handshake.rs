//! Whether a client is let in: what it says of itself, its device's proof, its token, its pairing, in the
//! order of the references, so that each mistake gets the same answer there and here.

use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use super::Peer;
use crate::device::{Claim, PublicKey};
use crate::gateway::clients::Connected;
use crate::gateway::clients::presence::millis;
use crate::gateway::devices::{Issued, Pairing};
use crate::gateway::guard::{self, Admission};
use crate::gateway::protocol::connect::{self, Client, Connect, Device};
use crate::gateway::protocol::refusal::{DeviceFault, Refusal, Unauthorized};
use crate::gateway::protocol::{Protocol, Role, Scope};
use crate::gateway::shared::Shared;
use crate::secret::Secret;
use crate::settings::Proof;

/// A signature is good for as long before and after it was made, in milliseconds.
const SKEW_MS: u64 = 10 * 60 * 1000;

/// How a client is let in that shows its device's own token.
const DEVICE_TOKEN: &str = "device-token";

/// A client that is let in.
#[derive(Debug)]
pub(super) struct Admitted {
    connect: Connect,
    protocol: Protocol,
    role: Role,
    scopes: Vec<String>,
    issued: Option<Issued>,
    /// What the gateway asked for.
    proof: Proof,
    method: &'static str,
}

impl Admitted {
    /// Whether what let it in would not any longer.
    pub(super) fn is_outdated(&self, shared: &Shared) -> bool {
        self.method != DEVICE_TOKEN && self.proof != shared.live().settings.proof
    }

    /// As it is kept for as long as it stays; its device's token; what it was let in by.
    pub(super) fn connected(self, shared: &Shared, peer: Peer) -> (Connected, Option<Issued>, &'static str) {
        let connected = Connected {
            conn_id: Uuid::new_v4(),
            client: self.connect.client,
            protocol: self.protocol,
            role: self.role,
            scopes: self.scopes,
            device_id: self.connect.device.map(|device| device.id),
            by_device_token: self.method == DEVICE_TOKEN,
            ip: peer.address.ip().to_canonical(),
            since: shared.host.now(),
        };
        (connected, self.issued, self.method)
    }
}

/// A client that is not let in: why, and in which words it is told so.
#[derive(Debug)]
pub(super) struct Turned {
    pub(super) why: Refusal,
    pub(super) protocol: Protocol,
    pub(super) client: Option<Client>,
}

impl Turned {
    /// Before it said who it is.
    pub(super) fn away(why: Refusal) -> Self {
        Self {
            why,
            protocol: Protocol::Four,
            client: None,
        }
    }
}

/// Looks at the first request.
pub(super) async fn check(
    shared: &Arc<Shared>,
    peer: Peer,
    nonce: &str,
    method: &str,
    params: Value,
) -> Result<Admitted, Turned> {
    let protocol = connect::spoken(&params);
    let early = |why| Turned {
        why,
        protocol,
        client: None,
    };
    if method != "connect" {
        return Err(early(Refusal::NotConnect));
    }
    let connect = Connect::parse(params).map_err(|faults| early(Refusal::BadParams(faults)))?;
    let client = connect.client.clone();
    let admitted = admit(shared, peer, nonce, connect).await;
    admitted.map_err(|why| Turned {
        why,
        protocol,
        client: Some(client),
    })
}

async fn admit(shared: &Arc<Shared>, peer: Peer, nonce: &str, connect: Connect) -> Result<Admitted, Refusal> {
    let (min, max) = (connect.min_protocol, connect.max_protocol);
    let protocol = Protocol::choose(min, max).ok_or(Refusal::Protocol { min, max })?;
    let role = Role::of(connect.role.as_deref().unwrap_or("operator")).ok_or(Refusal::Role)?;
    let scopes = match (connect.scopes.is_empty(), role) {
        (true, Role::Operator) => vec![Scope::Admin.name().to_owned()],
        _ => connect.scopes.clone(),
    };
    let proof = shared.live().settings.proof.clone();
    let key = if let Some(device) = &connect.device {
        Some(device_key(shared, peer, nonce, &connect, device, role)?)
    } else {
        without_device(&connect, &proof, protocol, role)?;
        None
    };
    let pairing = key.map(|key| Pairing {
        device_id: key.device_id(),
        public_key: key.encoded(),
        client: connect.client.clone(),
        role,
        scopes: scopes.clone(),
        ip: (!peer.local).then(|| peer.address.ip().to_canonical()),
    });
    let method = authorize(shared, peer, &connect, &proof, protocol, pairing.as_ref()).await?;
    let issued = match &pairing {
        Some(pairing) => pair(shared, peer, pairing).await?,
        None => None,
    };
    Ok(Admitted {
        connect,
        protocol,
        role,
        scopes,
        issued,
        proof,
        method,
    })
}

/// A client without a device: never OpenClaw's page, nor since protocol 4 a node; others with a token, or
/// where none is asked for.
fn without_device(connect: &Connect, proof: &Proof, protocol: Protocol, role: Role) -> Result<(), Refusal> {
    if connect.client.is_control_ui() {
        return Err(Refusal::ControlUi);
    }
    if protocol == Protocol::Four && role == Role::Node {
        return Err(Refusal::DeviceRequired);
    }
    let auth = &connect.auth;
    // The early release looks for a token alone, whatever opens it; who has the password is let in here.
    let by_password =
        auth.password.is_some() && (protocol == Protocol::Four || matches!(proof, Proof::Password(_)));
    if auth.token.is_some() || by_password || *proof == Proof::None {
        Ok(())
    } else {
        Err(Refusal::DeviceRequired)
    }
}

/// The device's key, where its claim is in order.
fn device_key(
    shared: &Shared,
    peer: Peer,
    nonce: &str,
    connect: &Connect,
    device: &Device,
    role: Role,
) -> Result<PublicKey, Refusal> {
    let fault = |fault| Err(Refusal::Device(fault));
    let Some(key) = PublicKey::parse(&device.public_key).filter(|key| key.device_id() == device.id) else {
        return fault(DeviceFault::Id);
    };
    if millis(shared.host.now()).abs_diff(device.signed_at) > SKEW_MS {
        return fault(DeviceFault::Stale);
    }
    let signed = device.nonce.as_deref().map(str::trim);
    let signed = signed.filter(|nonce| !nonce.is_empty());
    match signed {
        None if !peer.local => return fault(DeviceFault::NoNonce),
        Some(signed) if signed != nonce => return fault(DeviceFault::Nonce),
        _ => {}
    }
    let claim = Claim {
        device_id: &device.id,
        client_id: &connect.client.id,
        client_mode: &connect.client.mode,
        role: role.name(),
        scopes: &connect.scopes,
        signed_at_ms: device.signed_at,
        token: connect.auth.signed_token(),
        nonce: signed,
        platform: &connect.client.platform,
        device_family: connect.client.device_family.as_deref(),
    };
    if claim.is_signed_by(&key, &device.signature) {
        Ok(key)
    } else {
        fault(DeviceFault::Signature)
    }
}

/// What the client shows opens: the gateway's token or password, or its device's own token.
async fn authorize(
    shared: &Shared,
    peer: Peer,
    connect: &Connect,
    proof: &Proof,
    protocol: Protocol,
    pairing: Option<&Pairing>,
) -> Result<&'static str, Refusal> {
    let auth = &connect.auth;
    let ip = peer.address.ip();
    let (token, password) = (auth.token.as_ref(), auth.password.as_ref());
    let shown = token.is_some() || password.is_some() || auth.device_token.is_some();
    // Where too many of that address wait, nothing is looked at.
    let turn = !shown || shared.throttle.turn(ip).await;
    let admission = if turn {
        guard::admits(proof, token.map(Secret::expose), password.map(Secret::expose))
    } else {
        Admission::Wrong
    };
    if admission == Admission::Granted {
        if shown {
            shared.throttle.succeeded(ip);
        }
        return Ok(proof.mode().name());
    }
    if turn
        && let Some(pairing) = pairing
        && let Some(book) = shared.devices.book().await
    {
        let opens =
            |token: &Secret| book.accepts(&pairing.device_id, pairing.role, token.expose(), &pairing.scopes);
        if [token, auth.device_token.as_ref()]
            .into_iter()
            .flatten()
            .any(opens)
        {
            shared.throttle.succeeded(ip);
            let (id, role, now) = (&pairing.device_id, pairing.role, millis(shared.host.now()));
            shared.devices.change(|book| book.used(id, role, now)).await;
            return Ok(DEVICE_TOKEN);
        }
    }
    if shown && turn {
        shared.throttle.failed(ip);
    }
    // The late release takes whatever was shown for a wrong one, the early one only the kind it asks for.
    let missing = admission == Admission::Missing && !(protocol == Protocol::Four && shown);
    let why = match (proof, missing) {
        (Proof::Password(_), true) => Unauthorized::PasswordMissing,
        (Proof::Password(_), false) => Unauthorized::PasswordMismatch,
        (_, true) => Unauthorized::TokenMissing,
        (_, false) => Unauthorized::TokenMismatch,
    };
    let retry = pairing.is_some()
        && why == Unauthorized::TokenMismatch
        && token.is_some()
        && auth.device_token.is_none();
    Err(Refusal::Unauthorized {
        why,
        retry,
        local: peer.local,
    })
}

/// The device's token. A device of this machine that shows the right token is let in without asking; any
/// other waits until somebody lets it in. No token where the devices can't be kept: the client has the
/// gateway's own.
async fn pair(shared: &Arc<Shared>, peer: Peer, pairing: &Pairing) -> Result<Option<Issued>, Refusal> {
    let book = shared.devices.book().await;
    let known = book.as_ref().is_some_and(|book| book.knows(pairing));
    if !known && !peer.local {
        let id = Uuid::new_v4().to_string();
        let (waiting, new) = shared.devices.wait(pairing, id, millis(shared.host.now()));
        if new {
            shared
                .clients
                .broadcast("device.pair.requested", &waiting.to_value());
        }
        return Err(Refusal::Pairing {
            request_id: waiting.request_id,
        });
    }
    if known && let Some(issued) = book.and_then(|book| book.issued(pairing)) {
        return Ok(Some(issued));
    }
    let token = Secret::new(Uuid::new_v4().simple().to_string());
    let now = millis(shared.host.now());
    let issued = shared
        .devices
        .change(|book| Some(book.approve(pairing, &token, now)))
        .await;
    if issued.is_some() && !known {
        tracing::info!(device = pairing.device_id, "device of this machine paired");
        let resolved = json!({
            "requestId": Uuid::new_v4().to_string(),
            "deviceId": pairing.device_id,
            "decision": "approved",
            "ts": now,
        });
        shared.clients.broadcast("device.pair.resolved", &resolved);
    }
    Ok(issued)
}
