//! Names, sockets, proxy, TLS: from the address of a relay to a stream.

mod dial;
mod proxy;
mod tls;
mod wire;

pub use dial::{DialError, dial};
pub use proxy::ProxyError;
pub use tls::{Tls, TlsError};
pub use wire::{Cutter, Network, Wire};
