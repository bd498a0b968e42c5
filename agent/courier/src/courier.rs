//! The life of the process: connect, carry, pause, connect again.

use std::{io, os::unix::net::UnixStream, time::Duration};

use gumshoe_link::{
    Configuration, ConfigurationError, MetadataService, Phase, ToCourier, ToWarden, Transport,
    blocking::{ReceiveError, SendError},
};
use tokio::{
    task::JoinError,
    time::{Instant, sleep},
};

use crate::{
    backoff::Backoff,
    explain, memory, metadata,
    network::{Tls, TlsError},
    relay::{Connected, connect},
    session::{End, Session},
    warden::{self, Commands, Outbox},
};

/// Why the courier ended otherwise than by being told to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CourierError {
    /// The link could not be taken over.
    #[error("failed to open the link")]
    Open(#[source] io::Error),
    /// The warden cannot be understood.
    #[error("failed to hear the warden")]
    Hear(#[source] ReceiveError),
    /// The warden cannot be told anything.
    #[error("failed to tell the warden")]
    Tell(#[source] SendError),
    /// The task that tells the warden has failed.
    #[error("the link's writer failed")]
    Writer(#[source] JoinError),
}

/// Why a configuration is of no use.
#[derive(Debug, thiserror::Error)]
enum UnusableError {
    /// It contradicts itself or passes a bound.
    #[error("the courier's configuration is not usable")]
    Check(#[source] ConfigurationError),
    /// Its certificates or keys are of no use.
    #[error("the courier's TLS configuration is not usable")]
    Tls(#[source] TlsError),
}

/// What is to be done next.
enum Next {
    /// Live with this configuration.
    Configure(Box<Configuration>),
    /// End.
    End,
}

/// Serves the warden at the other end of the socket until it says [`ToCourier::Stop`] or is gone.
///
/// Shape: runs on a tokio runtime with I/O and timers; one thread is enough.
///
/// # Errors
///
/// [`CourierError`] when the link fails. Trouble with the relay is none: it is told as a state, and tried again.
pub async fn run(stream: UnixStream) -> Result<(), CourierError> {
    let (mut commands, outbox, writer) = warden::open(stream).map_err(CourierError::Open)?;
    let result = serve(&mut commands, &outbox).await.map_err(CourierError::Hear);
    // What was said last is written before the end.
    drop(outbox);
    let written = writer
        .await
        .map_err(CourierError::Writer)?
        .map_err(CourierError::Tell);
    result.and(written)
}

async fn serve(commands: &mut Commands, outbox: &Outbox) -> Result<(), ReceiveError> {
    let mut last_tag = 0;
    let mut next = idle(commands, outbox, None).await?;
    let mut asked = None;
    while let Next::Configure(configuration) = next {
        if configuration.metadata.is_some() && configuration.metadata != asked {
            asked.clone_from(&configuration.metadata);
            tokio::spawn(tell_metadata(configuration.metadata.clone(), outbox.clone()));
        }
        next = match prepare(&configuration) {
            Ok(tls) => {
                Life {
                    configuration: &configuration,
                    tls,
                    outbox,
                    last_tag: &mut last_tag,
                }
                .run(commands)
                .await?
            }
            Err(error) => {
                let error = explain(&error);
                outbox.state(Phase::Disconnected, None, Some(error.clone()));
                idle(commands, outbox, Some(&error)).await?
            }
        };
    }
    Ok(())
}

/// Asks a metadata service and passes on what it says. What it does not say is not known, and nothing waits for it.
async fn tell_metadata(service: Option<MetadataService>, outbox: Outbox) {
    let Some(MetadataService { provider, address }) = service else {
        return;
    };
    let Ok(kind) = provider.parse() else {
        return;
    };
    match metadata::ask(kind, address).await {
        Ok(facts) => outbox.say(ToWarden::Metadata(serde_json::to_vec(&facts).unwrap_or_default())),
        Err(error) => eprintln!("gumshoe-courier: {}", explain(&error)),
    }
}

fn prepare(configuration: &Configuration) -> Result<Option<Tls>, UnusableError> {
    configuration.check().map_err(UnusableError::Check)?;
    if configuration
        .relays
        .iter()
        .all(|relay| relay.transport == Transport::Plain)
    {
        return Ok(None);
    }
    Tls::new(&configuration.trust, &configuration.login)
        .map(Some)
        .map_err(UnusableError::Tls)
}

/// Waits for a configuration; `why` says why the last one was of no use.
async fn idle(commands: &mut Commands, outbox: &Outbox, why: Option<&str>) -> Result<Next, ReceiveError> {
    let why = why.unwrap_or("the courier is not configured yet");
    loop {
        if let Some(next) = answer(commands.next().await?, outbox, why) {
            return Ok(next);
        }
    }
}

/// Answers the warden while there is no connection.
fn answer(command: Option<ToCourier>, outbox: &Outbox, why: &str) -> Option<Next> {
    match command {
        None | Some(ToCourier::Stop) => return Some(Next::End),
        Some(ToCourier::Configure(configuration)) => return Some(Next::Configure(configuration)),
        Some(ToCourier::Publish { id, .. }) => outbox.say(ToWarden::Failed {
            id,
            why: why.to_owned(),
        }),
        Some(ToCourier::Ping) => outbox.say(ToWarden::Pong),
        // Words about deliveries of connections before: the relay delivers those again.
        Some(_) => {}
    }
    None
}

/// The courier with one configuration.
struct Life<'a> {
    configuration: &'a Configuration,
    tls: Option<Tls>,
    outbox: &'a Outbox,
    last_tag: &'a mut u64,
}

impl Life<'_> {
    async fn run(self, commands: &mut Commands) -> Result<Next, ReceiveError> {
        let timing = &self.configuration.timing;
        let mut backoff = Backoff::new(
            Duration::from_millis(timing.backoff_first_ms),
            Duration::from_millis(timing.backoff_most_ms),
        );
        loop {
            let connecting = self.connect_to_any();
            let (name, relay) = match while_answering(commands, self.outbox, connecting).await? {
                Ok(Ok(connected)) => connected,
                Ok(Err(why)) => match self.pause(commands, &mut backoff, &why).await? {
                    Some(next) => return Ok(next),
                    None => continue,
                },
                Err(next) => return Ok(next),
            };
            let since = Instant::now();
            let session = Session::new(relay, name, self.configuration, self.outbox, self.last_tag);
            let why = match session.run(commands).await? {
                End::Stop | End::WardenGone => return Ok(Next::End),
                End::Configure(configuration) => return Ok(Next::Configure(configuration)),
                End::Lost(why) => why,
            };
            if since.elapsed() >= Duration::from_millis(timing.stable_ms) {
                backoff.reset();
            }
            if let Some(next) = self.pause(commands, &mut backoff, &why).await? {
                return Ok(next);
            }
        }
    }

    /// Tries the relays in their order.
    async fn connect_to_any(&self) -> Result<(String, Connected), String> {
        let mut why = Vec::new();
        for relay in &self.configuration.relays {
            let name = relay.to_string();
            self.outbox.state(Phase::Connecting, Some(name.clone()), None);
            match connect(relay, self.configuration, self.tls.as_ref()).await {
                Ok(connected) => return Ok((name, connected)),
                Err(error) => why.push(format!("{name}: {}", explain(&error))),
            }
        }
        Err(why.join("; "))
    }

    /// Says why there is no connection, and waits before the next attempt.
    async fn pause(
        &self,
        commands: &mut Commands,
        backoff: &mut Backoff,
        why: &str,
    ) -> Result<Option<Next>, ReceiveError> {
        self.outbox.state(Phase::Disconnected, None, Some(why.to_owned()));
        memory::give_back();
        Ok(while_answering(commands, self.outbox, sleep(backoff.pause()))
            .await?
            .err())
    }
}

/// Does something while the warden is answered; `Err` when the warden wants something else.
async fn while_answering<T>(
    commands: &mut Commands,
    outbox: &Outbox,
    work: impl Future<Output = T>,
) -> Result<Result<T, Next>, ReceiveError> {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return Ok(Ok(done)),
            command = commands.next() => {
                if let Some(next) = answer(command?, outbox, "no relay is connected") {
                    return Ok(Err(next));
                }
            }
        }
    }
}
