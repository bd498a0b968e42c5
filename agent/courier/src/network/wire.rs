//! One stream type for plain and TLS connections, and how the AMQP library gets it.

use std::{
    fmt,
    future::{Future, ready},
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream as StdTcpStream},
    os::fd::AsFd as _,
    pin::Pin,
    task::{Context, Poll, ready as poll_ready},
    time::{Duration, Instant},
};

use async_rs::{Tokio, traits::Reactor};
use futures_core::Stream;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// A stream in both directions.
trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection to a relay, plain or through TLS.
pub struct Wire(Box<dyn Duplex>);

impl Wire {
    pub(super) fn new(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        Self(Box::new(stream))
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

impl futures_io::AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buf = ReadBuf::new(buf);
        poll_ready!(Pin::new(&mut self.0).poll_read(cx, &mut buf))?;
        Poll::Ready(Ok(buf.filled().len()))
    }
}

impl futures_io::AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// Ends a connection from outside, when it is dropped at the latest.
///
/// The AMQP library reads in a thread of its own, which a connection that is stuck would hold for ever.
#[derive(Debug)]
pub struct Cutter(StdTcpStream);

impl Cutter {
    pub(super) fn new(stream: &TcpStream) -> io::Result<Self> {
        Ok(Self(StdTcpStream::from(stream.as_fd().try_clone_to_owned()?)))
    }
}

impl Drop for Cutter {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// The AMQP library's view of the network: it gets timers, and streams that were made before.
#[derive(Clone, Debug)]
pub struct Network(Tokio);

impl Network {
    /// With the timers of this runtime.
    #[must_use]
    pub fn new(tokio: Tokio) -> Self {
        Self(tokio)
    }
}

impl Reactor for Network {
    type TcpStream = Wire;
    type Sleep = <Tokio as Reactor>::Sleep;

    fn register<H: Read + Write + Send + 'static>(
        &self,
        _: H,
    ) -> io::Result<impl futures_io::AsyncRead + futures_io::AsyncWrite + Send + Unpin + 'static> {
        Err::<Wire, _>(io::Error::from(io::ErrorKind::Unsupported))
    }

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        self.0.sleep(duration)
    }

    fn interval(&self, duration: Duration) -> impl Stream<Item = Instant> + Send + 'static {
        self.0.interval(duration)
    }

    fn tcp_connect_addr(&self, _: SocketAddr) -> impl Future<Output = io::Result<Wire>> + Send + 'static {
        ready(Err(io::Error::from(io::ErrorKind::Unsupported)))
    }
}
