//! From the address of a relay to a stream.

use std::{io, net::SocketAddr};

use gumshoe_link::{Configuration, Relay, Transport};
use tokio::net::{TcpStream, lookup_host};

use super::{Cutter, ProxyError, Tls, TlsError, Wire, proxy};

/// Why there is no stream to a relay.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// The name could not be resolved.
    #[error("failed to resolve `{host}`")]
    Resolve {
        /// The name.
        host: String,
        /// Cause.
        source: io::Error,
    },
    /// The name has no address.
    #[error("`{host}` has no address")]
    NoAddress {
        /// The name.
        host: String,
    },
    /// Plain AMQP to another machine.
    #[error("plain AMQP is for loopback addresses only, and `{host}` is {address}: use amqps://")]
    PlainToElsewhere {
        /// The name.
        host: String,
        /// The address that is no loopback address.
        address: SocketAddr,
    },
    /// No address of the host accepts a connection.
    #[error("failed to connect to {address}")]
    Connect {
        /// The last address that was tried.
        address: SocketAddr,
        /// Cause.
        source: io::Error,
    },
    /// The proxy did not connect us.
    #[error("failed to pass the proxy `{host}`")]
    Proxy {
        /// Its name.
        host: String,
        /// Cause.
        source: ProxyError,
    },
    /// TLS is not possible.
    #[error("no TLS with `{host}`")]
    Tls {
        /// The relay's host.
        host: String,
        /// Cause.
        source: TlsError,
    },
}

/// Connects to a relay, through the proxy if there is one, and agrees on TLS.
///
/// Plain connections go to loopback addresses only, and never through a proxy.
///
/// # Errors
///
/// [`DialError`], one variant per step.
pub async fn dial(
    relay: &Relay,
    configuration: &Configuration,
    tls: Option<&Tls>,
) -> Result<(Wire, Cutter), DialError> {
    if relay.transport == Transport::Plain {
        let addresses = resolve(&relay.host, relay.port).await?;
        if let Some(&address) = addresses
            .iter()
            .find(|address| !address.ip().to_canonical().is_loopback())
        {
            return Err(DialError::PlainToElsewhere {
                host: relay.host.clone(),
                address,
            });
        }
        let (stream, cutter) = connect(&relay.host, &addresses).await?;
        return Ok((Wire::new(stream), cutter));
    }
    let failed = |source| DialError::Tls {
        host: relay.host.clone(),
        source,
    };
    let tls = tls.ok_or_else(|| failed(TlsError::NoAuthority))?;
    let (stream, cutter) = reach(relay, configuration).await?;
    let stream = tls.connect(relay, stream).await.map_err(failed)?;
    Ok((Wire::new(stream), cutter))
}

/// A TCP stream whose other end is the relay, however it gets there.
async fn reach(relay: &Relay, configuration: &Configuration) -> Result<(TcpStream, Cutter), DialError> {
    let Some(proxy) = &configuration.proxy else {
        return connect(&relay.host, &resolve(&relay.host, relay.port).await?).await;
    };
    let (mut stream, cutter) = connect(&proxy.host, &resolve(&proxy.host, proxy.port).await?).await?;
    proxy::connect(&mut stream, proxy, relay)
        .await
        .map_err(|source| DialError::Proxy {
            host: proxy.host.clone(),
            source,
        })?;
    Ok((stream, cutter))
}

async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, DialError> {
    let addresses = lookup_host((host, port)).await;
    addresses
        .map(Iterator::collect)
        .map_err(|source| DialError::Resolve {
            host: host.to_owned(),
            source,
        })
}

/// Connects to the first address that accepts.
async fn connect(host: &str, addresses: &[SocketAddr]) -> Result<(TcpStream, Cutter), DialError> {
    let mut last = DialError::NoAddress {
        host: host.to_owned(),
    };
    for &address in addresses {
        match connect_to(address).await {
            Ok(connected) => return Ok(connected),
            Err(source) => last = DialError::Connect { address, source },
        }
    }
    Err(last)
}

async fn connect_to(address: SocketAddr) -> io::Result<(TcpStream, Cutter)> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let cutter = Cutter::new(&stream)?;
    Ok((stream, cutter))
}
