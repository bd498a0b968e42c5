//! A connection that is ready to carry.

use std::{
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_rs::{Runtime, Tokio, util::RuntimeParts};
use futures_core::Stream;
use gumshoe_link::{Configuration, Login, MAX_IN_FLIGHT, Relay};
use lapin::{
    AsyncTcpStream, Channel, Connection, ConnectionProperties, Consumer, Event,
    options::{BasicConsumeOptions, BasicQosOptions},
    types::FieldTable,
    uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo, SASLMechanism},
};
use tokio::time::timeout;

use super::topology::{self, TopologyError};
use crate::network::{Cutter, DialError, Network, Tls, Wire, dial};

/// Largest AMQP frame, in bytes. The library keeps two buffers of 32 frames: 16 KiB make that one mebibyte.
const FRAME_MAX: u32 = 16 << 10;
/// Channels per connection: consuming, probing, one for each publish that waits, and some to spare.
const CHANNEL_MAX: u16 = MAX_IN_FLIGHT as u16 + 8;

/// Why a relay cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RelayError {
    /// There is no stream to it.
    #[error("the relay cannot be reached")]
    Dial(#[source] DialError),
    /// It did not let us in.
    #[error("the relay did not let us in")]
    LogIn(#[source] lapin::Error),
    /// A step after that failed.
    #[error("the relay refused to {step}")]
    Step {
        /// What was asked.
        step: &'static str,
        /// Cause.
        source: lapin::Error,
    },
    /// Queue, exchanges and bindings are not as they have to be.
    #[error("the relay's queues and exchanges do not fit")]
    Topology(#[source] TopologyError),
    /// It took too long.
    #[error("the relay was not ready after {} ms", limit.as_millis())]
    Timeout {
        /// The limit.
        limit: Duration,
    },
}

/// Where actions come from.
pub enum Source {
    /// They are sent as they come.
    Consumer(Consumer),
    /// They are asked for one by one, which tells for certain when the queue is empty: check-in mode.
    Get,
}

/// A connection that is ready to carry.
///
/// Dropping it ends the connection at once, whatever its state.
pub struct Connected {
    /// The connection itself.
    pub connection: Arc<Connection>,
    /// Where actions come from.
    pub source: Source,
    /// For deliveries.
    pub consume: Channel,
    /// For probes.
    pub probe: Channel,
    /// What happens to the connection.
    pub events: Pin<Box<dyn Stream<Item = Event> + Send>>,
    /// What is not as it should be, though it works.
    pub remark: Option<String>,
    _cutter: Cutter,
}

/// Connects to one relay and makes everything ready, within the configured time.
///
/// # Errors
///
/// [`RelayError`], by the step that failed.
pub async fn connect(
    relay: &Relay,
    configuration: &Configuration,
    tls: Option<&Tls>,
) -> Result<Connected, RelayError> {
    let limit = Duration::from_millis(configuration.timing.connect_ms);
    timeout(limit, establish(relay, configuration, tls))
        .await
        .unwrap_or(Err(RelayError::Timeout { limit }))
}

async fn establish(
    relay: &Relay,
    configuration: &Configuration,
    tls: Option<&Tls>,
) -> Result<Connected, RelayError> {
    let (wire, cutter) = dial(relay, configuration, tls).await.map_err(RelayError::Dial)?;
    let connection = log_in(relay, configuration, wire)
        .await
        .map_err(RelayError::LogIn)?;
    let events = Box::pin(connection.events_listener());
    let step = |step| move |source| RelayError::Step { step, source };
    let consume = connection
        .create_channel()
        .await
        .map_err(step("open a channel"))?;
    let (probe, remark) = topology::assert(&connection, configuration)
        .await
        .map_err(RelayError::Topology)?;
    let source = if configuration.once {
        Source::Get
    } else {
        let prefetch = BasicQosOptions::default();
        consume
            .basic_qos(configuration.prefetch, prefetch)
            .await
            .map_err(step("bound deliveries"))?;
        Source::Consumer(
            consumer(&consume, &configuration.topology.queue)
                .await
                .map_err(step("deliver"))?,
        )
    };
    let connection = Arc::new(connection);
    Ok(Connected {
        connection,
        source,
        consume,
        probe,
        events,
        remark,
        _cutter: cutter,
    })
}

/// Not exclusive: after a cut, the relay may believe in the connection before this one for a while.
async fn consumer(channel: &Channel, queue: &str) -> lapin::Result<Consumer> {
    let (tag, options, arguments) = ("".into(), BasicConsumeOptions::default(), FieldTable::default());
    channel.basic_consume(queue.into(), tag, options, arguments).await
}

async fn log_in(relay: &Relay, configuration: &Configuration, wire: Wire) -> lapin::Result<Connection> {
    let tokio = Tokio::current();
    let runtime = Runtime::new(RuntimeParts::new(tokio.clone(), Network::new(tokio)));
    let properties = ConnectionProperties::default()
        .with_connection_name(format!("gumshoe {}", configuration.topology.queue).into());
    // The library asks for its stream once, as it is not told to connect again by itself.
    let wire = Mutex::new(Some(wire));
    let hand_over = async move |_, _| {
        let wire = wire.lock().ok().and_then(|mut wire| wire.take());
        let wire = wire.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotConnected))?;
        Ok(AsyncTcpStream::Plain(wire))
    };
    Connection::connector(uri(relay, configuration), runtime, hand_over, properties).await
}

/// What the library has to know of the address; the stream is made already.
fn uri(relay: &Relay, configuration: &Configuration) -> AMQPUri {
    let (mechanism, username, password) = match &configuration.login {
        Login::Password { user, password } => (SASLMechanism::Plain, user.as_str(), password.expose()),
        Login::Certificate { .. } => (SASLMechanism::External, "", ""),
    };
    AMQPUri {
        scheme: AMQPScheme::AMQP,
        authority: AMQPAuthority {
            userinfo: AMQPUserInfo {
                username: username.to_owned(),
                password: password.to_owned(),
            },
            host: relay.host.clone(),
            port: relay.port,
        },
        vhost: relay.virtual_host.clone(),
        query: AMQPQueryString {
            frame_max: Some(FRAME_MAX),
            channel_max: Some(CHANNEL_MAX),
            heartbeat: Some(configuration.timing.heartbeat_s),
            auth_mechanism: Some(mechanism),
            ..AMQPQueryString::default()
        },
    }
}
