//! Through an HTTP proxy: `CONNECT`, RFC 9110, 9.3.6.

use std::io;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use gumshoe_link::{Proxy, Relay};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Longest head of a proxy's answer, in bytes.
const MAX_HEAD_BYTES: usize = 8 << 10;
/// What ends the head.
const END: &[u8] = b"\r\n\r\n";

/// Why a proxy did not make the connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// The proxy could not be spoken to.
    #[error("failed to speak to the proxy")]
    Stream(#[source] io::Error),
    /// The proxy refuses.
    #[error("the proxy answers {status}")]
    Refused {
        /// HTTP status.
        status: u16,
    },
    /// What the proxy says is not HTTP, or too long.
    #[error("the proxy does not answer as HTTP asks for")]
    Answer,
}

/// Asks the proxy at the other end of `stream` to connect to the relay.
pub(super) async fn connect(stream: &mut TcpStream, proxy: &Proxy, relay: &Relay) -> Result<(), ProxyError> {
    stream
        .write_all(request(proxy, relay).as_bytes())
        .await
        .map_err(ProxyError::Stream)?;
    let mut head = Vec::new();
    let mut piece = [0; 512];
    loop {
        let count = stream.read(&mut piece).await.map_err(ProxyError::Stream)?;
        head.extend_from_slice(&piece[..count]);
        match status(&head)? {
            Some(status) if (200..300).contains(&status) => return Ok(()),
            Some(status) => return Err(ProxyError::Refused { status }),
            None if count == 0 || head.len() > MAX_HEAD_BYTES => return Err(ProxyError::Answer),
            None => {}
        }
    }
}

fn request(proxy: &Proxy, relay: &Relay) -> String {
    let (open, close) = if relay.host.contains(':') {
        ("[", "]")
    } else {
        ("", "")
    };
    let target = format!("{open}{}{close}:{}", relay.host, relay.port);
    let authorization = proxy.user.as_ref().map(|user| {
        let password = proxy.password.as_ref().map_or("", |password| password.expose());
        let credentials = BASE64_STANDARD.encode(format!("{user}:{password}"));
        format!("Proxy-Authorization: Basic {credentials}\r\n")
    });
    format!(
        "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{}\r\n",
        authorization.unwrap_or_default()
    )
}

/// The status in a proxy's answer, once its head is there as a whole.
///
/// In TLS the client speaks first: bytes after the head are not the relay's, and refused.
fn status(head: &[u8]) -> Result<Option<u16>, ProxyError> {
    let Some(end) = head.windows(END.len()).position(|window| window == END) else {
        return Ok(None);
    };
    let line = head
        .split(|&byte| byte == b'\r')
        .next()
        .and_then(|line| std::str::from_utf8(line).ok());
    let mut words = line.ok_or(ProxyError::Answer)?.split(' ');
    let version = words.next().ok_or(ProxyError::Answer)?;
    let status = words
        .next()
        .filter(|word| word.len() == 3)
        .and_then(|word| word.parse().ok());
    let status = status
        .filter(|_| version.starts_with("HTTP/1."))
        .ok_or(ProxyError::Answer)?;
    let more = head.len() > end + END.len();
    if more && (200..300).contains(&status) {
        Err(ProxyError::Answer)
    } else {
        Ok(Some(status))
    }
}

#[cfg(test)]
mod tests {
    use gumshoe_link::Secret;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_request_names_relay_and_user() {
        let proxy = Proxy {
            host: "proxy".to_owned(),
            port: 3128,
            user: Some("u".to_owned()),
            password: Some(Secret::new("p")),
        };
        let relay: Relay = "amqps://[2001:db8::1]:99".parse().unwrap();
        assert_eq!(
            request(&proxy, &relay),
            "CONNECT [2001:db8::1]:99 HTTP/1.1\r\nHost: [2001:db8::1]:99\r\n\
             Proxy-Authorization: Basic dTpw\r\n\r\n"
        );
    }

    #[test]
    fn answers_are_understood() {
        assert!(matches!(
            status(b"HTTP/1.1 200 OK\r\nVia: x\r\n\r\n"),
            Ok(Some(200))
        ));
        assert!(matches!(status(b"HTTP/1.0 407 No\r\n\r\n<html>"), Ok(Some(407))));
        assert!(matches!(status(b"HTTP/1.1 200 OK\r\n"), Ok(None)));
        for wrong in [
            &b"SSH-2.0\r\n\r\n"[..],
            b"HTTP/1.1 2000 OK\r\n\r\n",
            b"\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n\r\nx",
        ] {
            assert!(matches!(status(wrong), Err(ProxyError::Answer)), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn rubbish_never_panics(head in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = status(&head);
        }
    }
}
