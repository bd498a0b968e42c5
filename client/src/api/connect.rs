//! Which server, and how it is trusted.

use rustls::crypto::ring;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use ureq::http::Uri;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// How long the server may be silent: it sends a comment every 15 seconds on streams that have nothing to tell.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(60);
/// How large a file of authorities may be.
const MAX_CA_BYTES: u64 = 4 << 20;

/// A server: scheme, name and port, and nothing more. What tokens are kept for and what logins are signed for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin(String);

/// Why text is no server's address.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OriginError {
    /// It is no URL, or has a path.
    #[error("{0:?} is not a server's address: write https://NAME or https://NAME:PORT")]
    Form(String),
    /// Tokens and findings would be readable on the way.
    #[error("{0:?} is not encrypted: http:// is accepted for this host (localhost, 127.0.0.1, [::1]) only")]
    Plain(String),
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let wrong = || OriginError::Form(text.to_owned());
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(wrong());
        };
        if authority.as_str().contains('@') || !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(wrong());
        }
        match scheme {
            "https" => {}
            "http" if is_this_host(authority.host()) => {}
            "http" => return Err(OriginError::Plain(text.to_owned())),
            _ => return Err(wrong()),
        }
        Ok(Self(format!(
            "{scheme}://{}",
            authority.as_str().to_ascii_lowercase()
        )))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_this_host(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Why there is no way to connect.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The file of authorities cannot be read.
    #[error("failed to read the certificates in `{path}`")]
    ReadCa {
        /// The file.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// It holds no certificate.
    #[error("`{path}` holds no certificate in PEM")]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The system trusts nobody.
    #[error(
        "the system's certificates cannot be used ({problem}): name a file with --ca or `ca = …` in config.toml"
    )]
    System {
        /// What is wrong.
        problem: String,
    },
}

/// An HTTP client that trusts the authorities in `ca`, or the system's.
///
/// # Errors
///
/// [`ConnectError`].
pub fn http(origin: &Origin, ca: Option<&Path>) -> Result<ureq::Agent, ConnectError> {
    let mut config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .timeout_per_read(Some(SILENCE_TIMEOUT))
        .user_agent(concat!("gumshoe/", env!("CARGO_PKG_VERSION")));
    if origin.0.starts_with("https://") {
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
            .root_certs(roots(ca)?)
            .build();
        config = config.https_only(true).tls_config(tls);
    }
    Ok(config.build().new_agent())
}

fn roots(ca: Option<&Path>) -> Result<RootCerts, ConnectError> {
    let certificates = match ca {
        Some(path) => read_ca(path)?,
        None => system()?,
    };
    Ok(RootCerts::new_with_certs(&certificates))
}

fn read_ca(path: &Path) -> Result<Vec<Certificate<'static>>, ConnectError> {
    let failed = |source| ConnectError::ReadCa {
        path: path.to_owned(),
        source,
    };
    let mut pem = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    std::io::Read::read_to_end(&mut std::io::Read::take(file, MAX_CA_BYTES), &mut pem).map_err(failed)?;
    let certificates: Vec<_> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err(ConnectError::NoCertificate {
            path: path.to_owned(),
        });
    }
    Ok(certificates)
}

fn system() -> Result<Vec<Certificate<'static>>, ConnectError> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        let problem = found
            .errors
            .first()
            .map_or_else(|| "there are none".to_owned(), ToString::to_string);
        return Err(ConnectError::System { problem });
    }
    let certificates = found.certs.iter();
    Ok(certificates
        .map(|one| Certificate::from_der(one.as_ref()).to_owned())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_has_one_way_to_be_written() {
        for (text, origin) in [
            ("https://a.example", "https://a.example"),
            ("https://A.example/", "https://a.example"),
            ("https://a.example:8443", "https://a.example:8443"),
            ("http://127.0.0.1:1", "http://127.0.0.1:1"),
            ("http://[::1]:1", "http://[::1]:1"),
            ("http://localhost", "http://localhost"),
        ] {
            assert_eq!(text.parse::<Origin>().unwrap().to_string(), origin);
        }
        for text in [
            "",
            "a.example",
            "ftp://a",
            "https://a/b",
            "https://u:p@a",
            "https://a?x",
            "https:///",
        ] {
            assert!(
                matches!(text.parse::<Origin>(), Err(OriginError::Form(_))),
                "{text}"
            );
        }
        for text in ["http://a.example", "http://127.0.0.1.example", "http://10.0.0.1"] {
            assert!(
                matches!(text.parse::<Origin>(), Err(OriginError::Plain(_))),
                "{text}"
            );
        }
    }
}
