//! Connections to the broker.

use super::budget::{Budget, Metered};
use super::transport::{Duplex, Kit};
use crate::config::{RelayConfig, read_secret};
use crate::tls;
use async_rs::Runtime;
use lapin::auth::AuthProvider;
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{AsyncTcpStream, Connection, ConnectionProperties};
use rustls::pki_types::ServerName;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_util::compat::TokioAsyncReadCompatExt as _;

/// How long one relay may take to let a connection be opened.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// AMQP heartbeats: a connection that is silent for twice as long is given up.
const HEARTBEAT_S: u16 = 20;

/// Why there is no connection to the broker.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RelayError {
    /// A URL that cannot be understood.
    #[error("`relay.urls` has an entry that is not an AMQP URL: {message}")]
    Url {
        /// What is wrong with it; never the URL, which may hold a password.
        message: String,
    },
    /// Plain AMQP to another host.
    #[error("refusing plain AMQP to `{host}`: use amqps, or a loopback address")]
    Plain {
        /// The host.
        host: String,
    },
    /// Certificates or passwords cannot be read.
    #[error("failed to prepare the connection to the relay")]
    Secrets(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No relay let us in; the last cause.
    #[error("failed to connect to the relay `{host}`")]
    Connect {
        /// The host that was tried last.
        host: String,
        /// Cause.
        source: Box<lapin::Error>,
    },
    /// The relay did not answer in time.
    #[error("the relay `{host}` did not answer within {CONNECT_TIMEOUT:?}")]
    Timeout {
        /// The host that was tried last.
        host: String,
    },
}

/// Where the broker is and how it is entered. Has no `Debug`: it holds passwords.
#[derive(Clone)]
pub struct Relay {
    uris: Arc<Vec<AMQPUri>>,
    tls: Arc<rustls::ClientConfig>,
    external: bool,
}

/// The client certificate says who we are.
struct External;

impl AuthProvider for External {}

impl Relay {
    /// Checks addresses and reads the secrets; connects to nothing.
    ///
    /// # Errors
    ///
    /// [`RelayError::Url`], [`RelayError::Plain`], [`RelayError::Secrets`].
    pub fn new(config: &RelayConfig) -> Result<Self, RelayError> {
        let secrets = |error| RelayError::Secrets(Box::new(error));
        let password = config.password_file.as_deref().map(read_secret).transpose();
        let password = password.map_err(secrets)?;
        let parse = |text: &String| parse_uri(text, password.as_deref());
        let tls = tls::client(config.ca.as_deref(), config.identity.as_ref())
            .map_err(|error| RelayError::Secrets(Box::new(error)))?;
        Ok(Self {
            uris: Arc::new(config.urls.iter().map(parse).collect::<Result<_, _>>()?),
            tls: Arc::new(tls),
            external: config.identity.is_some() && config.password_file.is_none(),
        })
    }

    /// Opens a connection to the first relay that lets us in.
    ///
    /// # Errors
    ///
    /// [`RelayError`] of the last relay that was tried.
    pub async fn connect(&self, name: &str) -> Result<Connection, RelayError> {
        self.connect_within(name, None).await
    }

    /// Opens a connection that is read from only while there is room in a budget.
    ///
    /// # Errors
    ///
    /// As [`Relay::connect`].
    pub(super) async fn connect_within(
        &self,
        name: &str,
        budget: Option<&Arc<Budget>>,
    ) -> Result<Connection, RelayError> {
        let mut last = RelayError::Url {
            message: "there is none".to_owned(),
        };
        for uri in self.uris.iter() {
            match self.connect_to(uri, name, budget).await {
                Ok(connection) => return Ok(connection),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn connect_to(
        &self,
        uri: &AMQPUri,
        name: &str,
        budget: Option<&Arc<Budget>>,
    ) -> Result<Connection, RelayError> {
        let host = || uri.authority.host.clone();
        let mut properties = ConnectionProperties::default().with_connection_name(name.into());
        if self.external {
            properties = properties.with_auth_provider(External);
        }
        let (tls, budget) = (Arc::clone(&self.tls), budget.cloned());
        let open = async move |uri: AMQPUri, _: Runtime<Kit>| {
            let stream = open_stream(&uri, Arc::clone(&tls)).await?;
            Ok(AsyncTcpStream::Plain(match &budget {
                Some(budget) => Box::new(Metered::new(stream, Arc::clone(budget))),
                None => stream,
            }))
        };
        let connecting = Connection::connector(uri.clone(), Runtime::new(Kit::current()), open, properties);
        match timeout(CONNECT_TIMEOUT, connecting).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(source)) => Err(RelayError::Connect {
                host: host(),
                source: Box::new(source),
            }),
            Err(_) => Err(RelayError::Timeout { host: host() }),
        }
    }
}

fn parse_uri(text: &str, password: Option<&str>) -> Result<AMQPUri, RelayError> {
    let mut uri: AMQPUri = text.parse().map_err(|message| RelayError::Url { message })?;
    let host = &uri.authority.host;
    if uri.scheme == AMQPScheme::AMQP && !is_loopback(host) {
        return Err(RelayError::Plain { host: host.clone() });
    }
    if let Some(password) = password {
        password.clone_into(&mut uri.authority.userinfo.password);
    }
    uri.query.heartbeat = uri.query.heartbeat.or(Some(HEARTBEAT_S));
    Ok(uri)
}

/// Whether a name can only mean this host. RFC 6761, section 6.3, for `localhost`.
fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

async fn open_stream(uri: &AMQPUri, tls: Arc<rustls::ClientConfig>) -> io::Result<Box<dyn Duplex>> {
    let host = uri.authority.host.as_str();
    let stream = TcpStream::connect((host, uri.authority.port)).await?;
    stream.set_nodelay(true)?;
    if uri.scheme == AMQPScheme::AMQP {
        return Ok(Box::new(stream.compat()));
    }
    let name = ServerName::try_from(host.to_owned())
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let stream = TlsConnector::from(tls).connect(name, stream).await?;
    Ok(Box::new(stream.compat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_amqp_leaves_this_host_never() {
        for host in ["localhost", "127.0.0.1", "127.1.2.3"] {
            assert!(
                parse_uri(&format!("amqp://a:b@{host}:5672/%2f"), None).is_ok(),
                "{host}"
            );
        }
        for host in [
            "relay.example",
            "10.0.0.1",
            "localhost.example",
            "127.0.0.1.example",
        ] {
            let parsed = parse_uri(&format!("amqp://a:b@{host}:5672/%2f"), None);
            assert!(matches!(parsed, Err(RelayError::Plain { .. })), "{host}");
        }
        assert!(parse_uri("amqps://a@relay.example/%2f", None).is_ok());
    }

    #[test]
    fn the_password_comes_from_its_file() {
        let uri = parse_uri("amqps://server@relay.example/%2f", Some("secret")).unwrap();
        assert_eq!(uri.authority.userinfo.username, "server");
        assert_eq!(uri.authority.userinfo.password, "secret");
    }
}
