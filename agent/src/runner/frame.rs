//! Messages between the agent and a runner: length, kind, payload over a stream socket.
//!
//! | bytes | what |
//! | --- | --- |
//! | 4 | length of the payload, little endian |
//! | 1 | kind |
//! | … | payload, mostly JSON |

use std::io::{self, Read, Write};

/// How long a payload may be: a report of 8 MiB in one finding, and parameters of 16 MiB, fit.
pub const MAX_PAYLOAD: usize = 17 << 20;
const HEADER: usize = 5;
/// Room that is made for a payload before it has arrived: nearly all fit, and are read by one call of the system.
const EARLY_BYTES: usize = 16 << 10;

/// What the agent asks of a runner.
pub mod ask {
    /// Describe the module; answered with [`super::tell::DESCRIPTION`].
    pub const DESCRIBE: u8 = 1;
    /// Give the schema; answered with [`super::tell::SCHEMA`].
    pub const SCHEMA: u8 = 2;
    /// Turn flags (JSON occurrences) into parameters; answered with [`super::tell::PARAMS`].
    pub const ARGUMENTS: u8 = 3;
    /// Check parameters; answered with [`super::tell::VALID`].
    pub const VALIDATE: u8 = 4;
    /// Surroundings of the operation to come (JSON); not answered.
    pub const OPERATION: u8 = 5;
    /// Run with these parameters, rendering findings for humans if the surroundings say so.
    pub const RUN: u8 = 6;
    /// End the running operation tidily.
    pub const CANCEL: u8 = 7;
    /// Write a finding (JSON) as text for humans; answered with [`super::tell::RENDERED`].
    pub const RENDER: u8 = 8;
}

/// What a runner tells the agent.
pub mod tell {
    /// The plugin is loaded.
    pub const LOADED: u8 = 1;
    /// The plugin could not be loaded (text).
    pub const UNLOADABLE: u8 = 2;
    /// The module's description (JSON).
    pub const DESCRIPTION: u8 = 3;
    /// The parameters' schema (JSON).
    pub const SCHEMA: u8 = 4;
    /// Parameters made from flags (JSON).
    pub const PARAMS: u8 = 5;
    /// The parameters are good.
    pub const VALID: u8 = 6;
    /// One finding (JSON).
    pub const FINDING: u8 = 7;
    /// The finding before, or the one that was asked about, as text for humans.
    pub const RENDERED: u8 = 8;
    /// One of the SDK's events: a byte of kind, then JSON.
    pub const EVENT: u8 = 9;
    /// The operation ended: a byte with the reason it was stopped for (0: none), then statistics (JSON).
    pub const DONE: u8 = 10;
    /// The answer is an error (JSON of a rejection).
    pub const REJECTED: u8 = 11;
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// One of [`ask`] or [`tell`].
    pub kind: u8,
    /// What comes with it.
    pub payload: Vec<u8>,
}

/// The bytes of one frame, whose payload is given in parts.
///
/// # Errors
///
/// `InvalidInput` when the payload is too long.
pub fn encode(kind: u8, parts: &[&[u8]]) -> io::Result<Vec<u8>> {
    let length = parts.iter().map(|part| part.len()).sum::<usize>();
    let announced = u32::try_from(length)
        .ok()
        .filter(|_| length <= MAX_PAYLOAD)
        .ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("a message of {length} bytes; at most {MAX_PAYLOAD} are allowed"),
            )
        })?;
    let mut bytes = Vec::with_capacity(HEADER + length);
    bytes.extend_from_slice(&announced.to_le_bytes());
    bytes.push(kind);
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    Ok(bytes)
}

/// Writes one frame in one go.
///
/// # Errors
///
/// The writer's error; as [`encode`].
pub fn write(to: &mut impl Write, kind: u8, parts: &[&[u8]]) -> io::Result<()> {
    to.write_all(&encode(kind, parts)?)
}

/// The length that a header announces.
fn announced(header: &[u8; HEADER]) -> io::Result<usize> {
    let length = u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize;
    if length > MAX_PAYLOAD {
        let message = format!("a message of {length} bytes is announced; at most {MAX_PAYLOAD} are allowed");
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    Ok(length)
}

/// The frame at the start of `bytes` and how many bytes it takes; `None` while it is not complete.
///
/// # Errors
///
/// `InvalidData` when a payload longer than [`MAX_PAYLOAD`] is announced.
pub fn take(bytes: &[u8]) -> io::Result<Option<(Frame, usize)>> {
    let Some(header) = bytes.first_chunk::<HEADER>() else {
        return Ok(None);
    };
    let end = HEADER + announced(header)?;
    Ok(bytes.get(HEADER..end).map(|payload| {
        let payload = payload.to_vec();
        (
            Frame {
                kind: header[4],
                payload,
            },
            end,
        )
    }))
}

/// Reads one frame; `None` when the stream ends between two frames.
///
/// # Errors
///
/// The reader's error; `InvalidData` when a payload longer than [`MAX_PAYLOAD`] is announced;
/// `UnexpectedEof` when the stream ends inside a frame.
pub fn read(from: &mut impl Read) -> io::Result<Option<Frame>> {
    let mut header = [0; HEADER];
    match from.read(&mut header)? {
        0 => return Ok(None),
        n => from.read_exact(&mut header[n..])?,
    }
    let length = announced(&header)?;
    // Grown as bytes arrive: an announcement alone makes nobody allocate more than a little.
    let mut payload = Vec::with_capacity(length.min(EARLY_BYTES));
    let arrived = from.take(length as u64).read_to_end(&mut payload)?;
    if arrived < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(Frame {
        kind: header[4],
        payload,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_survive_the_way_and_hostile_ones_are_refused() {
        let mut wire = Vec::new();
        write(&mut wire, tell::FINDING, &[b"ab", b"", b"c"]).unwrap();
        write(&mut wire, tell::VALID, &[]).unwrap();
        let (frame, length) = take(&wire).unwrap().unwrap();
        assert_eq!((frame.payload.as_slice(), length), (&b"abc"[..], 8));
        assert_eq!(take(&wire[..7]).unwrap(), None);
        assert!(take(&[0xff; 5]).is_err());
        let mut reader = wire.as_slice();
        assert_eq!(
            read(&mut reader).unwrap(),
            Some(Frame {
                kind: tell::FINDING,
                payload: b"abc".to_vec()
            })
        );
        assert_eq!(
            read(&mut reader).unwrap(),
            Some(Frame {
                kind: tell::VALID,
                payload: vec![]
            })
        );
        assert_eq!(read(&mut reader).unwrap(), None);
        assert_eq!(
            read(&mut &wire[..3]).unwrap_err().kind(),
            io::ErrorKind::UnexpectedEof
        );
        assert_eq!(
            read(&mut &wire[..6]).unwrap_err().kind(),
            io::ErrorKind::UnexpectedEof
        );
        assert_eq!(
            read(&mut &[0xff; 9][..]).unwrap_err().kind(),
            io::ErrorKind::InvalidData
        );
        assert!(write(&mut Vec::new(), 0, &[&vec![0; MAX_PAYLOAD + 1]]).is_err());
    }
}
