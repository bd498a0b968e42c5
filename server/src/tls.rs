//! TLS by rustls with ring: what clients of ours trust, and what our own listener shows.

use crate::config::{ConfigError, read_bytes};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] ConfigError),
    /// A file has no certificate, or something that is none.
    #[error("`{path}` has no acceptable certificate")]
    Certificate {
        /// The file.
        path: PathBuf,
    },
    /// A file has no private key.
    #[error("`{path}` has no acceptable private key")]
    Key {
        /// The file.
        path: PathBuf,
    },
    /// The system has no certificates to trust.
    #[error("the system has no trusted authorities: name a file with `ca`")]
    NoRoots,
    /// rustls refuses the combination.
    #[error("failed to set up TLS")]
    Setup(#[source] rustls::Error),
}

/// A client that trusts the authorities in `ca`, or those of the system where no file is named.
///
/// # Errors
///
/// [`TlsError`].
pub fn client(ca: Option<&Path>, identity: Option<&(PathBuf, PathBuf)>) -> Result<ClientConfig, TlsError> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Setup)?
        .with_root_certificates(roots(ca)?);
    match identity {
        None => Ok(builder.with_no_client_auth()),
        Some((certificate, key)) => builder
            .with_client_auth_cert(certificates(certificate)?, private_key(key)?)
            .map_err(TlsError::Setup),
    }
}

/// A listener with this certificate and key.
///
/// # Errors
///
/// [`TlsError`].
pub fn server(identity: &(PathBuf, PathBuf)) -> Result<ServerConfig, TlsError> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Setup)?
        .with_no_client_auth()
        .with_single_cert(certificates(&identity.0)?, private_key(&identity.1)?)
        .map_err(TlsError::Setup)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Certificates of a PEM file, in its order.
///
/// # Errors
///
/// [`TlsError::File`], [`TlsError::Certificate`].
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let refused = || TlsError::Certificate {
        path: path.to_owned(),
    };
    let bytes = read_bytes(path)?;
    let found: Vec<_> = CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<_, _>>()
        .map_err(|_| refused())?;
    if found.is_empty() {
        Err(refused())
    } else {
        Ok(found)
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(&read_bytes(path)?).map_err(|_| TlsError::Key {
        path: path.to_owned(),
    })
}

fn roots(ca: Option<&Path>) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    let Some(path) = ca else {
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(store);
    };
    for certificate in certificates(path)? {
        store.add(certificate).map_err(|_| TlsError::Certificate {
            path: path.to_owned(),
        })?;
    }
    Ok(store)
}
