//! The TLS settings for connections to servers on the network.

use std::sync::{Arc, OnceLock};

use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use super::error::HttpsError;

/// Returns the TLS settings of this process: the roots of the system are read once, when they are needed first.
///
/// # Errors
/// [`HttpsError::NoRoots`] where no certificate is found.
pub(super) fn tls_config() -> Result<Arc<ClientConfig>, HttpsError> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(config.clone());
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(HttpsError::NoRoots);
    }
    let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| HttpsError::Connection(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(CONFIG.get_or_init(|| Arc::new(config)).clone())
}
