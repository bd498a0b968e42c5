//! The server's HTTP interface, as far as this program uses it.

mod connect;
mod events;
mod request;
mod types;

pub use connect::{ConnectError, Origin, OriginError};
pub use events::{Event, EventError, Events};
pub use request::{RequestError, Server};
pub use types::{
    Action, ActionDetails, Agent, Challenge, Counters, Page, Preview, PreviewFailure, PreviewHost, Progress,
    ResultMessage, SendOptions, Session, Signer, Target, Token, TokenMade, WhoAmI,
};
