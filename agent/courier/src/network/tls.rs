//! TLS: who is trusted, and who we are.

use std::{io, sync::Arc};

use gumshoe_link::{Login, Relay, Trust};
use rustls::{
    ClientConfig, RootCertStore,
    client::Resumption,
    crypto::ring,
    pki_types::{
        CertificateDer, PrivateKeyDer, ServerName,
        pem::{self, PemObject as _},
    },
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Why TLS is not possible.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The configured authorities are no certificates.
    #[error("failed to read the certificates of the relay's authorities")]
    Authorities(#[source] pem::Error),
    /// An authority's certificate is not usable.
    #[error("failed to use the certificate of an authority")]
    Authority(#[source] rustls::Error),
    /// No authority is configured, and the system trusts none.
    #[error("no authority is configured and the system trusts none")]
    NoAuthority,
    /// The agent's certificate cannot be read.
    #[error("failed to read the agent's certificate")]
    Certificate(#[source] pem::Error),
    /// The agent's key cannot be read.
    #[error("failed to read the key of the agent's certificate")]
    Key(#[source] pem::Error),
    /// The agent's certificate and key cannot be used.
    #[error("failed to use the agent's certificate and key")]
    Identity(#[source] rustls::Error),
    /// The library cannot do what is asked of it.
    #[error("failed to set up TLS")]
    Setup(#[source] rustls::Error),
    /// The relay's host is no name that a certificate can have.
    #[error("`{name}` is no name for a certificate")]
    ServerName {
        /// The name.
        name: String,
    },
    /// The relay's certificate is not trusted, or the relay refuses us.
    #[error("failed to agree on TLS with the relay")]
    Handshake(#[source] io::Error),
}

/// How relays are spoken to over TLS; made once per configuration.
#[derive(Clone)]
pub struct Tls {
    connector: TlsConnector,
    server_name: Option<String>,
}

impl Tls {
    /// Reads certificates and key.
    ///
    /// # Errors
    ///
    /// [`TlsError`] when one of them is of no use.
    pub fn new(trust: &Trust, login: &Login) -> Result<Self, TlsError> {
        let roots = match &trust.authorities {
            Some(pem) => configured_roots(pem)?,
            None => system_roots()?,
        };
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Setup)?
            .with_root_certificates(roots);
        let mut config = match login {
            Login::Password { .. } => builder.with_no_client_auth(),
            Login::Certificate { chain, key } => {
                let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes()).map_err(TlsError::Key)?;
                let chain = certificates(chain).map_err(TlsError::Certificate)?;
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(TlsError::Identity)?
            }
        };
        // One connection for hours: remembering sessions would only cost memory.
        config.resumption = Resumption::disabled();
        Ok(Self {
            connector: Arc::new(config).into(),
            server_name: trust.server_name.clone(),
        })
    }

    /// Agrees on TLS with the relay and verifies its certificate.
    ///
    /// # Errors
    ///
    /// [`TlsError::Handshake`] when one side does not trust the other.
    pub(super) async fn connect(
        &self,
        relay: &Relay,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, TlsError> {
        let name = self.server_name.as_ref().unwrap_or(&relay.host);
        let name =
            ServerName::try_from(name.clone()).map_err(|_| TlsError::ServerName { name: name.clone() })?;
        self.connector
            .connect(name, stream)
            .await
            .map_err(TlsError::Handshake)
    }
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, pem::Error> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).collect()
}

fn configured_roots(pem: &str) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem).map_err(TlsError::Authorities)? {
        roots.add(certificate).map_err(TlsError::Authority)?;
    }
    if roots.is_empty() {
        Err(TlsError::NoAuthority)
    } else {
        Ok(roots)
    }
}

/// What the system trusts; what cannot be read of it is trusted less, not more.
fn system_roots() -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        Err(TlsError::NoAuthority)
    } else {
        Ok(roots)
    }
}
