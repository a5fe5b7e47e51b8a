//! The Ed25519 keys of devices, and the claims that they sign in a handshake
//! (docs/openclaw.md#device-signatures).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use ring::signature::{ED25519, UnparsedPublicKey};
use sha2::{Digest as _, Sha256};

/// What DER puts before the 32 bytes of an Ed25519 public key (RFC 8410, `SubjectPublicKeyInfo`).
const PUBLIC_KEY_DER_PREFIX: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// Y coordinates of the points of small order on Ed25519's curve, in the encoding of keys with a sign bit of 0. Under such a
/// key one signature fits many messages. The last two are the first two in the encodings that exceed the field's prime.
const SMALL_ORDER_POINTS: [[u8; 32]; 7] = [
    small_y(0x00, 0x00, 0x00),
    small_y(0x01, 0x00, 0x00),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5,
        0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a,
        0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    small_y(0xec, 0xff, 0x7f),
    small_y(0xed, 0xff, 0x7f),
    small_y(0xee, 0xff, 0x7f),
];

/// Returns 32 bytes of which all but the first and the last are the same.
const fn small_y(first: u8, middle: u8, last: u8) -> [u8; 32] {
    let mut bytes = [middle; 32];
    bytes[0] = first;
    bytes[31] = last;
    bytes
}

/// The public key by which a device proves its identity to the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DevicePublicKey([u8; 32]);

impl DevicePublicKey {
    /// Parses the public key of a device as clients send it: base64url of its 32 bytes, padded or not, or PEM. Weak
    /// keys, under which one signature fits many messages, are refused.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = if text.contains("BEGIN") {
            let der = decode_pem(text, "PUBLIC KEY")?;
            der.strip_prefix(&PUBLIC_KEY_DER_PREFIX)?.to_vec()
        } else {
            decode_base64url(text)?
        };
        let key = Self(bytes.try_into().ok()?);
        (!key.is_weak()).then_some(key)
    }

    /// Returns whether one signature fits many messages under this key.
    fn is_weak(&self) -> bool {
        let mut y = self.0;
        y[31] &= 0x7f;
        SMALL_ORDER_POINTS.contains(&y)
    }

    /// Returns the id of the device with this public key: the SHA-256 of the key's bytes, in hex.
    pub(crate) fn device_id(&self) -> String {
        hex::encode(Sha256::digest(self.0))
    }

    /// Returns the public key of a device as clients of the gateway send it: base64url without padding.
    pub(crate) fn to_base64url(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// Returns whether a signature (base64url) of a text was made with the private key of this device.
    fn verifies(&self, text: &str, signature: &str) -> bool {
        let key = UnparsedPublicKey::new(&ED25519, self.0);
        let signature = decode_base64url(signature);
        signature.is_some_and(|signature| key.verify(text.as_bytes(), &signature).is_ok())
    }
}

/// Decodes base64url text, as in a device's keys and signatures, with or without padding.
fn decode_base64url(text: &str) -> Option<Vec<u8>> {
    let engine = if text.ends_with('=') {
        URL_SAFE
    } else {
        URL_SAFE_NO_PAD
    };
    engine.decode(text.trim()).ok()
}

/// Decodes a PEM text (RFC 7468) with this label and returns its DER bytes. `None` for any other text.
fn decode_pem(text: &str, label: &str) -> Option<Vec<u8>> {
    let body = text.trim().strip_prefix(&format!("-----BEGIN {label}-----"))?;
    let body = body.strip_suffix(&format!("-----END {label}-----"))?;
    STANDARD.decode(body.split_whitespace().collect::<String>()).ok()
}

/// The statement that a device signs when it connects to the gateway: who connects, in which role, when, with which
/// token, in answer to which challenge.
#[derive(Clone, Debug)]
pub(crate) struct DeviceClaim<'a> {
    /// The id of the device.
    pub device_id: &'a str,
    /// `client.id`.
    pub client_id: &'a str,
    /// `client.mode`.
    pub client_mode: &'a str,
    /// `role`.
    pub role: &'a str,
    /// `scopes`, as the client asked for them.
    pub scopes: &'a [String],
    /// The time of the signature, in milliseconds since 1970.
    pub signed_at_ms: u64,
    /// The token that the client shows.
    pub token: Option<&'a str>,
    /// The nonce of the challenge; a claim without one is of version 1.
    pub nonce: Option<&'a str>,
    /// `client.platform`; part of version 3.
    pub platform: &'a str,
    /// `client.deviceFamily`; part of version 3.
    pub device_family: Option<&'a str>,
}

impl DeviceClaim<'_> {
    /// Returns the text that a device signs to connect, in version 2 of the format, or in version 1 where there is no
    /// nonce.
    fn text(&self) -> String {
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

    /// Returns the text that a device signs to connect in later releases of OpenClaw, version 3: version 2 with the
    /// kind of the device. `None` without a nonce.
    fn text_v3(&self) -> Option<String> {
        self.nonce?;
        let plain = |text: &str| text.trim().to_ascii_lowercase();
        let (platform, family) = (
            plain(self.platform),
            plain(self.device_family.unwrap_or_default()),
        );
        let text = self.text();
        Some(format!("v3{}|{platform}|{family}", text.strip_prefix("v2")?))
    }

    /// Returns whether a signature of what a device claims in its handshake, in any version of the signed text, was
    /// made with the device's key.
    pub(crate) fn is_signed_by(&self, key: &DevicePublicKey, signature: &str) -> bool {
        key.verifies(&self.text(), signature)
            || self.text_v3().is_some_and(|text| key.verifies(&text, signature))
    }
}

#[cfg(test)]
pub(crate) mod test_support {
    //! The private half of a device's key, for tests that connect as a device.

    use ring::signature::{Ed25519KeyPair, KeyPair as _};

    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::{DeviceClaim, DevicePublicKey, decode_pem};

    /// What DER puts before the 32 bytes of an Ed25519 private key (RFC 8410, `OneAsymmetricKey`).
    const PRIVATE_KEY_DER_PREFIX: [u8; 16] = [
        0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
    ];

    /// A device with its private key, for tests that connect to the gateway as a device.
    pub(crate) struct TestDevice(Ed25519KeyPair);

    impl TestDevice {
        /// Creates a device for tests with a random key.
        pub(crate) fn generate() -> Self {
            let host = crate::host::Host::fixed(&[], [("", ""); 0]);
            Self::from_seed(&host.random::<32>())
        }

        /// Creates a device for tests from a private key in PEM.
        pub(super) fn from_pem(pem: &str) -> Self {
            let der = decode_pem(pem, "PRIVATE KEY").unwrap();
            Self::from_seed(der.strip_prefix(&PRIVATE_KEY_DER_PREFIX).unwrap())
        }

        fn from_seed(seed: &[u8]) -> Self {
            Self(Ed25519KeyPair::from_seed_unchecked(seed).unwrap())
        }

        pub(crate) fn public_key(&self) -> DevicePublicKey {
            DevicePublicKey(self.0.public_key().as_ref().try_into().unwrap())
        }

        pub(crate) fn device_id(&self) -> String {
            self.public_key().device_id()
        }

        /// Signs what a device for tests claims to connect, in version 2 of the signed text, or 1 where it has no
        /// nonce.
        pub(crate) fn sign(&self, claim: &DeviceClaim<'_>) -> String {
            self.sign_text(&claim.text())
        }

        pub(super) fn sign_text(&self, text: &str) -> String {
            URL_SAFE_NO_PAD.encode(self.0.sign(text.as_bytes()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::test_support::TestDevice;
    use super::*;

    /// A file with a device's keys that OpenClaw 2026.1.30 itself wrote.
    const OPENCLAW_KEY_FILE: &str = include_str!("../../../tests/data/device.json");

    fn claim<'a>(device_id: &'a str, scopes: &'a [String]) -> DeviceClaim<'a> {
        DeviceClaim {
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
    fn claims_have_the_texts_that_openclaw_signs() {
        let scopes = ["operator.read".to_owned(), "operator.write".to_owned()];
        let mut claim = claim("id", &scopes);
        let v2 = "v2|id|cli|cli|operator|operator.read,operator.write|1700000000000|tok|n-1";
        assert_eq!(claim.text(), v2);
        let v3 = "v3|id|cli|cli|operator|operator.read,operator.write|1700000000000|tok|n-1|linux|";
        assert_eq!(claim.text_v3().as_deref(), Some(v3));
        (claim.nonce, claim.token) = (None, None);
        let v1 = "v1|id|cli|cli|operator|operator.read,operator.write|1700000000000|";
        assert_eq!((claim.text().as_str(), claim.text_v3()), (v1, None));
    }

    #[test]
    fn a_signature_is_valid_for_its_claim_and_no_other() {
        let device = TestDevice::generate();
        let (id, key) = (device.device_id(), device.public_key());
        let signed = claim(&id, &[]);
        let signature = device.sign(&signed);
        assert!(signed.is_signed_by(&key, &signature));
        let v3 = device.sign_text(&signed.text_v3().unwrap());
        assert!(signed.is_signed_by(&key, &v3), "version 3");
        for other in [
            DeviceClaim {
                token: Some("other"),
                ..signed.clone()
            },
            DeviceClaim {
                nonce: Some("n-2"),
                ..signed.clone()
            },
            DeviceClaim {
                nonce: None,
                ..signed.clone()
            },
            DeviceClaim {
                role: "node",
                ..signed.clone()
            },
        ] {
            assert!(!other.is_signed_by(&key, &signature), "{other:?}");
        }
        let other_key = TestDevice::generate().public_key();
        assert!(!signed.is_signed_by(&other_key, &signature));
        assert!(!signed.is_signed_by(&key, "no base64 !"));
        assert!(!signed.is_signed_by(&key, ""));
    }

    #[test]
    fn keys_are_parsed_in_every_form_that_clients_send() {
        let key = TestDevice::generate().public_key();
        let padded = URL_SAFE.encode(key.0);
        let der = [&PUBLIC_KEY_DER_PREFIX[..], &key.0].concat();
        let pem = |label: &str, der: &[u8]| {
            let text = STANDARD.encode(der);
            let (first, rest) = text.split_at(32);
            format!("-----BEGIN {label}-----\r\n{first}\n{rest}\n-----END {label}-----\n")
        };
        for text in [key.to_base64url(), padded, pem("PUBLIC KEY", &der)] {
            assert_eq!(DevicePublicKey::parse(&text).as_ref(), Some(&key), "{text}");
        }
        let mut other_algorithm = der.clone();
        other_algorithm[8] = 0x6e; // X25519
        for text in [
            "",
            "abc",
            "-----BEGIN PUBLIC KEY-----",
            &pem("PRIVATE KEY", &der),
            &pem("PUBLIC KEY", &other_algorithm),
            &pem("PUBLIC KEY", &der[..40]),
            &pem("PUBLIC KEY", &[&der[..], &[0]].concat()),
        ] {
            assert_eq!(DevicePublicKey::parse(text), None, "{text}");
        }
    }

    #[test]
    fn weak_keys_are_refused_with_either_sign() {
        for sign in [0, 0x80] {
            for mut point in SMALL_ORDER_POINTS {
                point[31] |= sign;
                assert_eq!(
                    DevicePublicKey::parse(&URL_SAFE_NO_PAD.encode(point)),
                    None,
                    "{point:x?}"
                );
                point[1] ^= 2;
                assert!(
                    DevicePublicKey::parse(&URL_SAFE_NO_PAD.encode(point)).is_some(),
                    "{point:x?}"
                );
            }
        }
    }

    #[test]
    fn a_key_of_openclaw_has_the_id_that_openclaw_gives_it() {
        let file: serde_json::Value = serde_json::from_str(OPENCLAW_KEY_FILE).unwrap();
        let text = |key: &str| file[key].as_str().unwrap();
        let key = DevicePublicKey::parse(text("publicKeyPem")).unwrap();
        assert_eq!(key.device_id(), text("deviceId"));
        assert_eq!(TestDevice::from_pem(text("privateKeyPem")).public_key(), key);
    }
}
