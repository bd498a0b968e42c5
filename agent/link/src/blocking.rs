//! Messages over a blocking stream.

use std::io::{self, Read, Write};

use crate::{
    decode::{DecodeError, check_header},
    message::{EncodeError, HEADER_BYTES, Message},
};

/// Why no message could be received.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// The stream could not be read, or ended within a message.
    #[error("failed to read from the link")]
    Read(#[source] io::Error),
    /// What came is no message.
    #[error("the other side of the link does not keep to the protocol")]
    Decode(#[source] DecodeError),
}

/// Why a message could not be sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The message does not fit into a frame.
    #[error("a message does not fit the link")]
    Encode(#[source] EncodeError),
    /// The stream could not be written.
    #[error("failed to write to the link")]
    Write(#[source] io::Error),
}

/// Waits for the next message; `None` when the stream has ended between two.
///
/// # Errors
///
/// [`ReceiveError`]; after [`ReceiveError::Decode`], or a read that failed within a message, the stream is of no use.
pub fn receive<M: Message>(stream: &mut impl Read) -> Result<Option<M>, ReceiveError> {
    let mut header = [0; HEADER_BYTES];
    if !fill_or_end(stream, &mut header).map_err(ReceiveError::Read)? {
        return Ok(None);
    }
    let (kind, length) = check_header::<M>(header).map_err(ReceiveError::Decode)?;
    let mut payload = Vec::new();
    // Grows with what comes, not with what is claimed.
    let limit = u64::try_from(length).unwrap_or(u64::MAX);
    stream
        .take(limit)
        .read_to_end(&mut payload)
        .map_err(ReceiveError::Read)?;
    if payload.len() < length {
        return Err(ReceiveError::Read(io::ErrorKind::UnexpectedEof.into()));
    }
    M::decode(kind, &payload).map(Some).map_err(ReceiveError::Decode)
}

/// Sends a message.
///
/// # Errors
///
/// [`SendError`]; after [`SendError::Write`] the stream is of no use.
pub fn send<M: Message>(stream: &mut impl Write, message: &M) -> Result<(), SendError> {
    let mut frame = Vec::new();
    message.encode(&mut frame).map_err(SendError::Encode)?;
    stream.write_all(&frame).map_err(SendError::Write)
}

/// Fills the buffer; `false` when the stream ends before its first byte.
fn fill_or_end(stream: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    let mut filled = 0;
    while filled < buffer.len() {
        match stream.read(&mut buffer[filled..]) {
            Ok(0) if filled == 0 => return Ok(false),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::{ToCourier, ToWarden};

    #[test]
    fn messages_cross_a_socket_until_it_ends() {
        let (mut warden, mut courier) = UnixStream::pair().unwrap();
        send(&mut warden, &ToCourier::Ping).unwrap();
        assert_eq!(receive(&mut courier).unwrap(), Some(ToCourier::Ping));
        send(&mut courier, &ToWarden::Pong).unwrap();
        drop(courier);
        assert_eq!(receive(&mut warden).unwrap(), Some(ToWarden::Pong));
        assert_eq!(receive::<ToWarden>(&mut warden).unwrap(), None);
    }

    #[test]
    fn an_end_within_a_message_is_an_error() {
        for stream in [&[8, 0][..], &[8, 0, 0, 0, 2, 1]] {
            assert!(matches!(
                receive::<ToWarden>(&mut &*stream),
                Err(ReceiveError::Read(_))
            ));
        }
    }
}
