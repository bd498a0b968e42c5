//! As much HTTP/1.1 as metadata services speak: one question per connection, a short answer.

use super::MAX_RESPONSE_BYTES;
use std::io;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Most headers of an answer.
const MAX_HEADERS: usize = 64;
/// Bytes read at once.
const BLOCK_BYTES: usize = 4096;

/// A question. All of it is the caller's own text.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// `GET` or `PUT`.
    pub method: &'static str,
    /// Path with query.
    pub path: &'static str,
    /// Headers beyond `Host` and `Connection`.
    pub headers: &'a [(&'static str, &'a str)],
}

/// An answer with status 200.
#[derive(Debug)]
pub struct Response {
    headers: Vec<(String, String)>,
    /// The text.
    pub body: String,
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// Connecting, writing or reading failed.
    #[error("the connection failed")]
    Connection(#[source] io::Error),
    /// The status is not 200; redirects are not followed.
    #[error("the answer has the status {0}")]
    Status(u16),
    /// More than the limit.
    #[error("the answer has more than {MAX_RESPONSE_BYTES} bytes")]
    Size,
    /// Not HTTP, or not text.
    #[error("the answer is not understood: {0}")]
    Form(&'static str),
}

impl Response {
    /// A header, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }
}

/// Asks, and reads the whole answer.
pub async fn send(address: SocketAddr, request: Request<'_>) -> Result<Response, HttpError> {
    let mut stream = TcpStream::connect(address).await.map_err(HttpError::Connection)?;
    let text = written(address, request);
    stream
        .write_all(text.as_bytes())
        .await
        .map_err(HttpError::Connection)?;
    let mut bytes = Vec::with_capacity(BLOCK_BYTES);
    loop {
        let mut block = [0_u8; BLOCK_BYTES];
        let length = stream.read(&mut block).await.map_err(HttpError::Connection)?;
        bytes.extend_from_slice(block.get(..length).unwrap_or_default());
        if bytes.len() > MAX_RESPONSE_BYTES {
            return Err(HttpError::Size);
        }
        if let Some(response) = parse(&bytes, length == 0)? {
            return Ok(response);
        }
        if length == 0 {
            return Err(HttpError::Form("it ends too early"));
        }
    }
}

fn written(address: SocketAddr, request: Request<'_>) -> String {
    let Request {
        method,
        path,
        headers,
    } = request;
    let headers: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let length = if method == "PUT" {
        "Content-Length: 0\r\n"
    } else {
        ""
    };
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{length}{headers}\r\n",
        address.ip()
    )
}

/// Reads an answer; `None` while some of it is missing. `ended` says that nothing more will come.
fn parse(bytes: &[u8], ended: bool) -> Result<Option<Response>, HttpError> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut head = httparse::Response::new(&mut headers);
    let length = match head.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(HttpError::Form("its head is not HTTP")),
    };
    match head.code {
        Some(200) => {}
        other => return Err(HttpError::Status(other.unwrap_or_default())),
    }
    let headers: Vec<_> = head
        .headers
        .iter()
        .map(|header| {
            (
                header.name.to_owned(),
                String::from_utf8_lossy(header.value).into_owned(),
            )
        })
        .collect();
    let rest = bytes.get(length..).unwrap_or_default();
    let Some(body) = body(&headers, rest, ended)? else {
        return Ok(None);
    };
    let body = String::from_utf8(body).map_err(|_| HttpError::Form("it is not text"))?;
    Ok(Some(Response { headers, body }))
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = headers
        .iter()
        .find(|(header, _)| header.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

/// The body, whose end is told by chunks, by its length, or by the end of the connection.
fn body(headers: &[(String, String)], rest: &[u8], ended: bool) -> Result<Option<Vec<u8>>, HttpError> {
    if find(headers, "transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        return chunks(rest);
    }
    let Some(length) = find(headers, "content-length") else {
        return Ok(ended.then(|| rest.to_vec()));
    };
    let length: usize = length
        .trim()
        .parse()
        .map_err(|_| HttpError::Form("its length is not a number"))?;
    if length > MAX_RESPONSE_BYTES {
        return Err(HttpError::Size);
    }
    Ok(rest.get(..length).map(<[u8]>::to_vec))
}

fn chunks(mut rest: &[u8]) -> Result<Option<Vec<u8>>, HttpError> {
    let mut body = Vec::new();
    loop {
        let (start, length) = match httparse::parse_chunk_size(rest) {
            Ok(httparse::Status::Complete(found)) => found,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err(HttpError::Form("a chunk has no length")),
        };
        if length == 0 {
            return Ok(Some(body));
        }
        let length = usize::try_from(length)
            .ok()
            .filter(|length| *length <= MAX_RESPONSE_BYTES);
        let end = start + length.ok_or(HttpError::Size)?;
        let Some(chunk) = rest.get(start..end) else {
            return Ok(None);
        };
        body.extend_from_slice(chunk);
        // Behind each chunk is a line end.
        let Some(after) = rest.get(end + 2..) else {
            return Ok(None);
        };
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body_of(text: &str, ended: bool) -> Option<String> {
        parse(text.as_bytes(), ended)
            .unwrap()
            .map(|response| response.body)
    }

    #[test]
    fn the_end_of_an_answer_is_found_in_all_three_ways() {
        let head = "HTTP/1.1 200 OK\r\n";
        let counted = format!("{head}content-length: 3\r\n\r\nabc");
        let chunked = format!("{head}Transfer-Encoding: Chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n");
        for text in [&counted, &chunked] {
            assert_eq!(body_of(text, false).as_deref(), Some("abc"));
            let last = if text == &chunked {
                text.len() - 3
            } else {
                text.len()
            };
            for length in 0..last {
                assert_eq!(body_of(&text[..length], false), None, "{length} of {text}");
            }
        }
        let ended = format!("{head}\r\nabc");
        assert_eq!(body_of(&ended, false), None);
        assert_eq!(body_of(&ended, true).as_deref(), Some("abc"));
    }

    #[test]
    fn malformed_answers_are_refused() {
        for (text, expected) in [
            ("nonsense\r\n\r\n", "its head is not HTTP"),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
                "its length is not a number",
            ),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
                "a chunk has no length",
            ),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 65537\r\n\r\n",
                "more than 65536 bytes",
            ),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffff\r\n",
                "more than 65536 bytes",
            ),
            ("HTTP/1.1 302 Found\r\nlocation: /x\r\n\r\n", "the status 302"),
        ] {
            let error = parse(text.as_bytes(), false).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
