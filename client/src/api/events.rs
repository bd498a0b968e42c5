//! Server-sent events.
//!
//! Source: WHATWG HTML, section 9.2.6 "Interpreting an event stream"; carriage returns alone do not end lines here.

use std::io::{BufRead, Read as _};

/// How long a line may be: a host's whole report fits.
const MAX_LINE_BYTES: usize = 16 << 20;

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// What kind it is; empty for `message`.
    pub kind: String,
    /// Its identifier, where it has one of its own.
    pub id: Option<String>,
    /// What it says.
    pub data: String,
}

/// Why a stream of events ended before its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EventError {
    /// The connection failed.
    #[error("the connection broke")]
    Read(#[source] std::io::Error),
    /// A line or an event is longer than any can be.
    #[error("the server sent more than {MAX_LINE_BYTES} bytes in one event")]
    Size,
}

/// Reads events from a stream. It ends when the stream ends; an event that has not ended then is dropped.
#[derive(Debug)]
pub struct Events<R> {
    reader: R,
    line: Vec<u8>,
}

impl<R: BufRead> Events<R> {
    /// The events of a stream.
    pub fn new(reader: R) -> Self {
        Self {
            reader,
            line: Vec::new(),
        }
    }

    /// The next event.
    fn read(&mut self) -> Result<Option<Event>, EventError> {
        let mut event = Event::default();
        let mut has_data = false;
        while self.read_line()? {
            let line = String::from_utf8_lossy(&self.line);
            let line = line.trim_end_matches(['\n', '\r']);
            if line.is_empty() {
                if has_data {
                    return Ok(Some(event));
                }
                event = Event::default();
                continue;
            }
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => value.clone_into(&mut event.kind),
                "id" => event.id = Some(value.to_owned()),
                "data" => {
                    if has_data {
                        event.data.push('\n');
                    }
                    if event.data.len() + value.len() > MAX_LINE_BYTES {
                        return Err(EventError::Size);
                    }
                    event.data.push_str(value);
                    has_data = true;
                }
                // Comments, `retry`, and what other versions may send.
                _ => {}
            }
        }
        Ok(None)
    }

    /// Reads a line into the buffer; false at the end of the stream.
    fn read_line(&mut self) -> Result<bool, EventError> {
        self.line.clear();
        let mut bounded = self.reader.by_ref().take(MAX_LINE_BYTES as u64 + 1);
        let read = bounded
            .read_until(b'\n', &mut self.line)
            .map_err(EventError::Read)?;
        if read > MAX_LINE_BYTES {
            return Err(EventError::Size);
        }
        Ok(read > 0)
    }
}

impl<R: BufRead> Iterator for Events<R> {
    type Item = Result<Event, EventError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(text: &str) -> Vec<Event> {
        Events::new(text.as_bytes()).map(Result::unwrap).collect()
    }

    #[test]
    fn events_are_read_as_the_standard_has_them() {
        let told = events(
            ": comment\n\nevent: result\nid: 7\ndata: {\"a\":\ndata: 1}\n\r\ndata:x\r\n\r\nevent: cut\ndata: y\n",
        );
        assert_eq!(
            told,
            [
                Event {
                    kind: "result".into(),
                    id: Some("7".into()),
                    data: "{\"a\":\n1}".into()
                },
                Event {
                    data: "x".into(),
                    ..Event::default()
                },
            ]
        );
    }

    #[test]
    fn an_endless_line_ends_the_stream() {
        let endless = std::io::BufReader::new(std::io::repeat(b'x'));
        assert!(matches!(Events::new(endless).next(), Some(Err(EventError::Size))));
    }
}
