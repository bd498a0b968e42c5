//! The address of a relay.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Port of AMQP over TLS, from IANA's registry.
const AMQPS_PORT: u16 = 5671;
/// Port of plain AMQP, from IANA's registry.
const AMQP_PORT: u16 = 5672;
/// Longest host name, in bytes (RFC 1035, 2.3.4).
const MAX_HOST_BYTES: usize = 255;
/// Longest virtual host, in bytes: AMQP 0-9-1's short string.
const MAX_VIRTUAL_HOST_BYTES: usize = 255;

/// How a relay is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// TLS, with the server's certificate verified.
    Tls,
    /// Without protection; only to loopback addresses.
    Plain,
}

/// Where a relay is, written as `amqps://host[:port][/virtual-host]`; credentials are never part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Relay {
    /// How it is spoken to.
    pub transport: Transport,
    /// Host name or address, an IPv6 address without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Virtual host of the broker.
    pub virtual_host: String,
}

/// Why a text is not the address of a relay.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RelayError {
    /// Neither `amqps` nor `amqp`.
    #[error("`{url}` begins with neither `amqps://` nor `amqp://`")]
    Scheme {
        /// The text.
        url: String,
    },
    /// A user or password is in it.
    #[error("a relay's address holds no credentials; they are configured apart")]
    Credentials,
    /// The host is missing or too long.
    #[error("`{url}` names no host")]
    Host {
        /// The text.
        url: String,
    },
    /// The port is not a number from 1 to 65535.
    #[error("`{url}` has no valid port")]
    Port {
        /// The text.
        url: String,
    },
    /// The virtual host is too long or wrongly escaped.
    #[error("`{url}` has no valid virtual host")]
    VirtualHost {
        /// The text.
        url: String,
    },
}

impl FromStr for Relay {
    type Err = RelayError;

    fn from_str(url: &str) -> Result<Self, RelayError> {
        let text = || url.to_owned();
        let (transport, rest) = match url.split_once("://") {
            Some(("amqps", rest)) => (Transport::Tls, rest),
            Some(("amqp", rest)) => (Transport::Plain, rest),
            _ => return Err(RelayError::Scheme { url: text() }),
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, "%2f"));
        if authority.contains('@') {
            return Err(RelayError::Credentials);
        }
        let (host, port) = split_port(authority).ok_or_else(|| RelayError::Host { url: text() })?;
        if host.is_empty()
            || host.len() > MAX_HOST_BYTES
            || host.chars().any(|c| c.is_whitespace() || c.is_control())
        {
            return Err(RelayError::Host { url: text() });
        }
        let port = match port {
            None if transport == Transport::Tls => AMQPS_PORT,
            None => AMQP_PORT,
            Some(port) => port.parse().map_err(|_| RelayError::Port { url: text() })?,
        };
        if port == 0 {
            return Err(RelayError::Port { url: text() });
        }
        // A slash alone is written by people who mean the default.
        let path = if path.is_empty() { "%2f" } else { path };
        let virtual_host = unescape(path).ok_or_else(|| RelayError::VirtualHost { url: text() })?;
        Ok(Self {
            transport,
            host: host.to_owned(),
            port,
            virtual_host,
        })
    }
}

impl fmt::Display for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.transport == Transport::Tls {
            "amqps"
        } else {
            "amqp"
        };
        let (open, close) = if self.host.contains(':') {
            ("[", "]")
        } else {
            ("", "")
        };
        write!(
            f,
            "{scheme}://{open}{}{close}:{}/{}",
            self.host,
            self.port,
            escape(&self.virtual_host)
        )
    }
}

impl TryFrom<String> for Relay {
    type Error = RelayError;

    fn try_from(url: String) -> Result<Self, RelayError> {
        url.parse()
    }
}

impl From<Relay> for String {
    fn from(relay: Relay) -> Self {
        relay.to_string()
    }
}

/// Host and port; an IPv6 address is in brackets.
fn split_port(authority: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        return match rest.strip_prefix(':') {
            Some(port) => Some((host, Some(port))),
            None => rest.is_empty().then_some((host, None)),
        };
    }
    match authority.split_once(':') {
        Some((_, port)) if port.contains(':') => None,
        Some((host, port)) => Some((host, Some(port))),
        None => Some((authority, None)),
    }
}

/// Resolves `%xx`; RFC 3986, 2.1.
fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, more)) = rest.split_first() {
        if first != b'%' {
            bytes.push(first);
            rest = more;
            continue;
        }
        let (digits, more) = more.split_first_chunk::<2>()?;
        let digits = std::str::from_utf8(digits)
            .ok()
            .filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()))?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = more;
    }
    let short = bytes.len() <= MAX_VIRTUAL_HOST_BYTES;
    String::from_utf8(bytes).ok().filter(|_| short)
}

fn escape(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02x}")),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_are_understood() {
        for (text, shown) in [
            ("amqps://relay.example.org", "amqps://relay.example.org:5671/%2f"),
            ("amqps://relay:5671/", "amqps://relay:5671/%2f"),
            ("amqp://127.0.0.1/gumshoe", "amqp://127.0.0.1:5672/gumshoe"),
            ("amqps://[2001:db8::1]:99/a%20b", "amqps://[2001:db8::1]:99/a%20b"),
            ("amqps://[::1]", "amqps://[::1]:5671/%2f"),
        ] {
            assert_eq!(text.parse::<Relay>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let refused = |url: &str| url.parse::<Relay>().unwrap_err();
        assert!(matches!(refused("https://relay"), RelayError::Scheme { .. }));
        assert!(matches!(
            refused("amqps://user:secret@relay"),
            RelayError::Credentials
        ));
        assert!(
            !refused("amqps://user:secret@relay")
                .to_string()
                .contains("secret")
        );
        assert!(matches!(refused("amqps:///x"), RelayError::Host { .. }));
        assert!(matches!(refused("amqps://::1"), RelayError::Host { .. }));
        assert!(matches!(refused("amqps://relay:0"), RelayError::Port { .. }));
        assert!(matches!(refused("amqps://relay:70000"), RelayError::Port { .. }));
        assert!(matches!(
            refused("amqps://relay/%zz"),
            RelayError::VirtualHost { .. }
        ));
    }

    proptest! {
        #[test]
        fn what_is_shown_is_understood(
            host in "[a-z][a-z0-9.-]{0,30}", port in 1_u16.., virtual_host in "\\PC{1,30}", tls in any::<bool>(),
        ) {
            let transport = if tls { Transport::Tls } else { Transport::Plain };
            let relay = Relay { transport, host, port, virtual_host };
            prop_assert_eq!(relay.to_string().parse::<Relay>().unwrap(), relay);
        }

        #[test]
        fn rubbish_never_panics(text in "(amqps?://)?\\PC{0,60}") {
            let _ = text.parse::<Relay>();
        }
    }
}
