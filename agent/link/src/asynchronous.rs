//! Messages over a tokio stream.

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::{
    blocking::{ReceiveError, SendError},
    decode::Decoder,
    message::Message,
};

/// How much is read at once, in bytes.
const PIECE_BYTES: usize = 16 << 10;

/// Receives messages from a stream.
#[derive(Debug)]
pub struct Receiver<S, M> {
    stream: S,
    decoder: Decoder<M>,
    piece: Box<[u8]>,
}

impl<S: AsyncRead + Unpin, M: Message> Receiver<S, M> {
    /// A receiver at the beginning of a stream.
    pub fn new(stream: S) -> Self {
        Self {
            stream,
            decoder: Decoder::new(),
            piece: vec![0; PIECE_BYTES].into(),
        }
    }

    /// Waits for the next message; `None` when the stream has ended between two. May be dropped while it waits: nothing
    /// is lost.
    ///
    /// # Errors
    ///
    /// [`ReceiveError`], after which the stream is of no use.
    pub async fn receive(&mut self) -> Result<Option<M>, ReceiveError> {
        loop {
            if let Some(message) = self.decoder.message().map_err(ReceiveError::Decode)? {
                return Ok(Some(message));
            }
            match self
                .stream
                .read(&mut self.piece)
                .await
                .map_err(ReceiveError::Read)?
            {
                0 if self.decoder.is_empty() => return Ok(None),
                0 => return Err(ReceiveError::Read(std::io::ErrorKind::UnexpectedEof.into())),
                count => self.decoder.extend(&self.piece[..count]),
            }
        }
    }
}

/// Sends a message. If this is dropped while it waits, the stream is of no use.
///
/// # Errors
///
/// [`SendError`]; after [`SendError::Write`] the stream is of no use.
pub async fn send<M: Message>(stream: &mut (impl AsyncWrite + Unpin), message: &M) -> Result<(), SendError> {
    let mut frame = Vec::new();
    message.encode(&mut frame).map_err(SendError::Encode)?;
    stream.write_all(&frame).await.map_err(SendError::Write)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ToWarden;

    #[tokio::test]
    async fn messages_cross_in_small_pieces_until_the_end() {
        let (mut near, far) = tokio::io::duplex(7);
        let message = ToWarden::Delivered {
            tag: 3,
            bytes: vec![1; 100_000],
        };
        let expected = message.clone();
        let sender = tokio::spawn(async move { send(&mut near, &message).await });
        let mut receiver = Receiver::new(far);
        assert_eq!(receiver.receive().await.unwrap(), Some(expected));
        sender.await.unwrap().unwrap();
        assert_eq!(
            Receiver::<_, ToWarden>::receive(&mut receiver).await.unwrap(),
            None
        );
    }
}
