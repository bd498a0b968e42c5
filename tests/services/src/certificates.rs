//! Certificates for tests: an authority, and what it signs.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};

/// Why certificates could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// A certificate could not be made or signed.
    #[error("failed to make the certificate of `{name}`")]
    Make {
        /// Its common name.
        name: String,
        /// Cause.
        source: rcgen::Error,
    },
    /// A file could not be written.
    #[error("failed to write `{path}`")]
    Write {
        /// The file.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
}

/// A certificate and its key, both PEM.
#[derive(Clone)]
pub struct Identity {
    /// The certificate, PEM.
    pub certificate: String,
    /// Its private key, PKCS #8 in PEM.
    pub key: String,
}

/// A certificate authority that lives as long as the test.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// Makes an authority.
    ///
    /// # Errors
    ///
    /// [`CertificateError::Make`] when the key or the certificate cannot be made.
    pub fn new(name: &str) -> Result<Self, CertificateError> {
        let make = |source| CertificateError::Make {
            name: name.to_owned(),
            source,
        };
        let mut params = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().map_err(make)?;
        Ok(Self {
            issuer: CertifiedIssuer::self_signed(params, key).map_err(make)?,
        })
    }

    /// The authority's own certificate, PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Signs a server's certificate for the names and addresses it is reached by.
    ///
    /// # Errors
    ///
    /// [`CertificateError::Make`] when it cannot be made.
    pub fn server(&self, names: &[&str]) -> Result<Identity, CertificateError> {
        let name = names.first().copied().unwrap_or("server");
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).map_err(|source| CertificateError::Make {
            name: name.to_owned(),
            source,
        })?;
        params.distinguished_name.push(DnType::CommonName, name);
        self.sign(name, params, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// Signs a client's certificate; `name` is its common name.
    ///
    /// # Errors
    ///
    /// [`CertificateError::Make`] when it cannot be made.
    pub fn client(&self, name: &str) -> Result<Identity, CertificateError> {
        self.sign(name, named(name), ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn sign(
        &self,
        name: &str,
        mut params: CertificateParams,
        usage: ExtendedKeyUsagePurpose,
    ) -> Result<Identity, CertificateError> {
        let make = |source| CertificateError::Make {
            name: name.to_owned(),
            source,
        };
        params.extended_key_usages = vec![usage];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(make)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(make)?;
        Ok(Identity {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

/// Writes text into `folder/name` and returns the path.
pub(crate) fn write(folder: &Path, name: &str, text: &str) -> Result<PathBuf, CertificateError> {
    let path = folder.join(name);
    match fs::write(&path, text) {
        Ok(()) => Ok(path),
        Err(source) => Err(CertificateError::Write { path, source }),
    }
}
