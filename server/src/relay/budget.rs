//! How many bytes of messages are held in memory: a connection that has brought enough is not read from until some of them
//! are settled.
//!
//! A prefetch counts messages, and a report may have 12 MiB. What is not read waits in the broker, which stops sending when the
//! socket is full.

use futures_util::io::{AsyncRead, AsyncWrite};
use futures_util::task::AtomicWaker;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

/// Bytes of messages that came over one connection and are not settled, and how many there may be.
#[derive(Debug)]
pub struct Budget {
    most: usize,
    held: AtomicUsize,
    abandoned: AtomicBool,
    reader: AtomicWaker,
}

impl Budget {
    /// Reading goes on while less than `most` bytes are held: what is held may be more by one message, and by what a connection
    /// buffers.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            most,
            held: AtomicUsize::new(0),
            abandoned: AtomicBool::new(false),
            reader: AtomicWaker::new(),
        }
    }

    /// A message has come.
    pub fn take(&self, bytes: usize) {
        self.held.fetch_add(bytes, Ordering::AcqRel);
    }

    /// Messages are settled and out of memory.
    pub fn give_back(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Ordering::AcqRel);
        self.reader.wake();
    }

    /// Whether the connection is read from.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.held.load(Ordering::Acquire) < self.most
    }

    /// Ends the connection: reading from it fails from now on, also while it waits for room.
    pub fn abandon(&self) {
        self.abandoned.store(true, Ordering::Release);
        self.reader.wake();
    }

    fn poll_room(&self, context: &Context<'_>) -> Poll<io::Result<()>> {
        // Registered first: what is given back after the look wakes the reader.
        self.reader.register(context.waker());
        if self.abandoned.load(Ordering::Acquire) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        if self.has_room() {
            return Poll::Ready(Ok(()));
        }
        Poll::Pending
    }
}

/// A stream that is read from only while there is room.
pub struct Metered<S> {
    stream: S,
    budget: Arc<Budget>,
}

impl<S> Metered<S> {
    /// Over a stream.
    pub fn new(stream: S, budget: Arc<Budget>) -> Self {
        Self { stream, budget }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.budget.poll_room(context))?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use futures_util::io::{AsyncReadExt as _, Cursor};

    #[test]
    fn what_is_not_settled_keeps_more_from_coming() {
        let budget = Arc::new(Budget::new(10));
        let mut stream = Metered::new(Cursor::new(b"abcdef".to_vec()), Arc::clone(&budget));
        let mut two = [0; 2];
        assert!(stream.read_exact(&mut two).now_or_never().is_some());
        budget.take(9);
        assert!(stream.read_exact(&mut two).now_or_never().is_some());
        budget.take(100);
        assert!(stream.read_exact(&mut two).now_or_never().is_none());
        budget.give_back(100);
        assert!(stream.read_exact(&mut two).now_or_never().is_some());
        assert_eq!(&two, b"ef");
        budget.take(100);
        assert!(stream.read_exact(&mut two).now_or_never().is_none());
        budget.abandon();
        let ended = stream.read_exact(&mut two).now_or_never().unwrap();
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::ConnectionAborted);
    }
}
