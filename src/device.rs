//! The Ed25519 identity of a client of gateways: who it is, the file that holds its key, and the signature
//! that proves it in a handshake (docs/openclaw.md#device-signatures). The server checks with it, our own client signs with it.
//!
//! The key file is `OpenClaw`'s (`identity/device.json`: both halves as PEM), so that an instance keeps its
//! identity whichever program runs it.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{
    DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _, KeypairBytes,
};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::apply;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::host::read::{self, ReadError};
use crate::i18n::msg;

/// The public half of a device's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Reads a key as clients send it: base64url of its 32 bytes (padded or not), or PEM. Weak keys, under
    /// which one signature fits many messages, are none.
    pub fn parse(text: &str) -> Option<Self> {
        let key = if text.contains("BEGIN") {
            VerifyingKey::from_public_key_pem(text.trim()).ok()?
        } else {
            let bytes: [u8; 32] = decode(text)?.try_into().ok()?;
            VerifyingKey::from_bytes(&bytes).ok()?
        };
        (!key.is_weak()).then_some(Self(key))
    }

    /// The device's id: the SHA-256 of the key's bytes, in hex.
    pub fn device_id(&self) -> String {
        let digest = Sha256::digest(self.0.as_bytes());
        digest.iter().fold(String::with_capacity(64), |mut id, byte| {
            id.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or_default());
            id.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or_default());
            id
        })
    }

    /// The key as it is sent: base64url without padding.
    pub fn encoded(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.as_bytes())
    }

    /// Whether this key made the signature (base64url) of this text.
    pub fn verifies(&self, text: &str, signature: &str) -> bool {
        let signature = decode(signature).and_then(|bytes| Signature::from_slice(&bytes).ok());
        signature.is_some_and(|signature| self.0.verify_strict(text.as_bytes(), &signature).is_ok())
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let engine = if text.ends_with('=') {
        URL_SAFE
    } else {
        URL_SAFE_NO_PAD
    };
    engine.decode(text.trim()).ok()
}

/// What a device signs: who connects as what, when, with which token, in answer to which challenge.
#[derive(Clone, Debug)]
pub struct Claim<'a> {
    /// The device's id.
    pub device_id: &'a str,
    /// `client.id`.
    pub client_id: &'a str,
    /// `client.mode`.
    pub client_mode: &'a str,
    /// `role`.
    pub role: &'a str,
    /// `scopes`, as they were asked for.
    pub scopes: &'a [String],
    /// When it was signed, in milliseconds since 1970.
    pub signed_at_ms: u64,
    /// The token that is shown with it.
    pub token: Option<&'a str>,
    /// The nonce of the challenge. Without one it is a claim of version 1.
    pub nonce: Option<&'a str>,
    /// `client.platform`, part of version 3.
    pub platform: &'a str,
    /// `client.deviceFamily`, part of version 3.
    pub device_family: Option<&'a str>,
}

impl Claim<'_> {
    /// The text of version 2, or of version 1 where there is no nonce.
    pub fn text(&self) -> String {
        let mut parts = vec![
            if self.nonce.is_some() { "v2" } else { "v1" }.to_owned(),
            self.device_id.to_owned(),
            self.client_id.to_owned(),
            self.client_mode.to_owned(),
            self.role.to_owned(),
            self.scopes.join(","),
            self.signed_at_ms.to_string(),
            self.token.unwrap_or_default().to_owned(),
        ];
        parts.extend(self.nonce.map(str::to_owned));
        parts.join("|")
    }

    /// The text of version 3, which later releases sign: version 2 with the device's kind. `None` without
    /// a nonce.
    fn late_text(&self) -> Option<String> {
        self.nonce?;
        let plain = |text: &str| text.trim().to_ascii_lowercase();
        let (platform, family) = (
            plain(self.platform),
            plain(self.device_family.unwrap_or_default()),
        );
        let text = self.text();
        Some(format!("v3{}|{platform}|{family}", text.strip_prefix("v2")?))
    }

    /// Whether the signature is this key's, over this claim in any version.
    pub fn is_signed_by(&self, key: &PublicKey, signature: &str) -> bool {
        key.verifies(&self.text(), signature)
            || self
                .late_text()
                .is_some_and(|text| key.verifies(&text, signature))
    }
}

/// A device's whole identity. `Debug` shows its id alone; the key is wiped when it is dropped.
#[derive(Clone)]
pub struct Identity {
    key: SigningKey,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Identity").field(&self.device_id()).finish()
    }
}

/// `identity/device.json`
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    version: u32,
    device_id: String,
    public_key_pem: String,
    private_key_pem: String,
    #[serde(default)]
    created_at_ms: u64,
}

impl Identity {
    /// A new one.
    pub fn generate(host: &Host) -> Self {
        Self {
            key: SigningKey::from_bytes(&host.random()),
        }
    }

    /// The identity in this file; where there is no file, a new one that is kept there. A file that can't
    /// be understood is an error: replacing it would make this device a stranger everywhere.
    pub fn load_or_create(host: &Host, path: &Path) -> Result<Self> {
        let broken = |cause: anyhow::Error| {
            Error::failed(msg!("session.device", path = path.display())).because(cause)
        };
        match read::text(path) {
            Ok(text) => Self::from_file(&text).map_err(broken),
            Err(ReadError::Missing) => {
                let identity = Self::generate(host);
                let now = host
                    .now()
                    .duration_since(std::time::UNIX_EPOCH)
                    .unwrap_or_default();
                let text = identity.to_file(u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
                apply::write_file(path, text.as_bytes())?;
                Ok(identity)
            }
            Err(error) => Err(broken(error.into())),
        }
    }

    fn from_file(text: &str) -> anyhow::Result<Self> {
        let file: File = serde_json::from_str(text)?;
        anyhow::ensure!(file.version == 1, "version {}", file.version);
        let key = SigningKey::from_pkcs8_pem(&file.private_key_pem)?;
        Ok(Self { key })
    }

    fn to_file(&self, created_at_ms: u64) -> String {
        // PKCS#8 version 1, without the public half: OpenSSL, and so Node, refuses version 2.
        let private = KeypairBytes {
            secret_key: self.key.to_bytes(),
            public_key: None,
        };
        let file = File {
            version: 1,
            device_id: self.device_id(),
            public_key_pem: (self.key.verifying_key())
                .to_public_key_pem(LineEnding::LF)
                .expect("32 bytes have a DER form"),
            private_key_pem: private
                .to_pkcs8_pem(LineEnding::LF)
                .expect("32 bytes have a DER form")
                .to_string(),
            created_at_ms,
        };
        let mut text = serde_json::to_string_pretty(&file).expect("texts and numbers are JSON");
        text.push('\n');
        text
    }

    /// The public half.
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.key.verifying_key())
    }

    /// The device's id.
    pub fn device_id(&self) -> String {
        self.public_key().device_id()
    }

    /// The signature of a claim, base64url: version 2, or 1 without a nonce.
    pub fn sign(&self, claim: &Claim<'_>) -> String {
        URL_SAFE_NO_PAD.encode(self.key.sign(claim.text().as_bytes()).to_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> Host {
        Host::fixed(&[], [("", ""); 0])
    }

    /// Made by OpenClaw 2026.1.30's own code.
    const PEER: &str = include_str!("../tests/data/device.json");

    fn claim<'a>(device_id: &'a str, scopes: &'a [String]) -> Claim<'a> {
        Claim {
            device_id,
            client_id: "cli",
            client_mode: "cli",
            role: "operator",
            scopes,
            signed_at_ms: 1_700_000_000_000,
            token: Some("tok"),
            nonce: Some("n-1"),
            platform: "Linux",
            device_family: None,
        }
    }

    #[test]
    fn a_claim_has_the_texts_that_openclaw_signs() {
        let scopes = ["operator.read".to_owned(), "operator.write".to_owned()];
        let mut claim = claim("id", &scopes);
        let v2 = "v2|id|cli|cli|operator|operator.read,operator.write|1700000000000|tok|n-1";
        assert_eq!(claim.text(), v2);
        let v3 = "v3|id|cli|cli|operator|operator.read,operator.write|1700000000000|tok|n-1|linux|";
        assert_eq!(claim.late_text().as_deref(), Some(v3));
        (claim.nonce, claim.token) = (None, None);
        let v1 = "v1|id|cli|cli|operator|operator.read,operator.write|1700000000000|";
        assert_eq!((claim.text().as_str(), claim.late_text()), (v1, None));
    }

    #[test]
    fn a_signature_is_good_for_its_claim_and_no_other() {
        let identity = Identity::generate(&host());
        let (id, key) = (identity.device_id(), identity.public_key());
        let signed = claim(&id, &[]);
        let signature = identity.sign(&signed);
        assert!(signed.is_signed_by(&key, &signature));
        let late = URL_SAFE_NO_PAD.encode(
            identity
                .key
                .sign(signed.late_text().unwrap().as_bytes())
                .to_bytes(),
        );
        assert!(signed.is_signed_by(&key, &late), "version 3");
        for other in [
            Claim {
                token: Some("other"),
                ..signed.clone()
            },
            Claim {
                nonce: Some("n-2"),
                ..signed.clone()
            },
            Claim {
                nonce: None,
                ..signed.clone()
            },
            Claim {
                role: "node",
                ..signed.clone()
            },
        ] {
            assert!(!other.is_signed_by(&key, &signature), "{other:?}");
        }
        let stranger = Identity::generate(&host()).public_key();
        assert!(!signed.is_signed_by(&stranger, &signature));
        assert!(!signed.is_signed_by(&key, "no base64 !"));
        assert!(!signed.is_signed_by(&key, ""));
    }

    #[test]
    fn keys_are_read_in_every_form_that_clients_send() {
        let key = Identity::generate(&host()).public_key();
        let padded = URL_SAFE.encode(key.0.as_bytes());
        let pem = key.0.to_public_key_pem(LineEnding::LF).unwrap();
        for text in [key.encoded(), padded, pem] {
            assert_eq!(PublicKey::parse(&text).as_ref(), Some(&key), "{text}");
        }
        let weak = URL_SAFE_NO_PAD.encode([0_u8; 32]);
        for text in ["", "abc", "-----BEGIN PUBLIC KEY-----", &weak] {
            assert_eq!(PublicKey::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_key_file_of_openclaw_is_the_same_device_here() {
        let identity = Identity::from_file(PEER).unwrap();
        let file: serde_json::Value = serde_json::from_str(PEER).unwrap();
        assert_eq!(identity.device_id(), file["deviceId"]);
        let created = file["createdAtMs"].as_u64().unwrap();
        assert_eq!(
            identity.to_file(created),
            PEER,
            "written byte for byte as OpenClaw does"
        );
    }

    #[test]
    fn a_new_identity_is_kept_and_a_broken_one_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("identity/device.json");
        let first = Identity::load_or_create(&host(), &path).unwrap();
        let again = Identity::load_or_create(&host(), &path).unwrap();
        assert_eq!(first.device_id(), again.device_id());
        assert!(!format!("{first:?}").contains(&URL_SAFE_NO_PAD.encode(first.key.to_bytes())));
        apply::write_file(&path, b"{\"version\": 1}").unwrap();
        let error = Identity::load_or_create(&host(), &path).unwrap_err();
        assert_eq!(error.code(), "session.device");
        assert_eq!(read::text(&path).unwrap(), "{\"version\": 1}");
    }
}
