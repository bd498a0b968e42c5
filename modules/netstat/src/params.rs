//! The parameters as they arrive: types and help texts. [`crate::check`] turns them into a plan.

use crate::socket::{Protocol, State};
use schemars::JsonSchema;
use serde::Deserialize;

/// Finds connections, listeners, addresses and neighbours, and the processes behind them.
///
/// Each value of localmac, localip, neighbormac, neighborip, connectedip, connectedport, listeningport and unixpath
/// is a question of its own, and findings name the one that they answer. The filters protocol, state and process
/// narrow what is said of sockets; given alone, they ask for all sockets that they let through.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// Own interfaces whose hardware address matches this regular expression.
    ///
    /// Addresses look like `02:42:ac:11:00:02`; upper and lower case are the same. The address that an interface
    /// was made with is tried too.
    #[schemars(extend("x-flag" = {"name": "localmac", "value": "REGEX"}))]
    pub localmac: Vec<String>,
    /// Own addresses in this network: an address, or ADDRESS/BITS; IPv4 or IPv6.
    #[schemars(extend("x-flag" = {"name": "localip", "value": "CIDR"}))]
    pub localip: Vec<String>,
    /// Neighbours whose hardware address matches this regular expression.
    #[schemars(extend("x-flag" = {"name": "neighbormac", "value": "REGEX"}))]
    pub neighbormac: Vec<String>,
    /// Neighbours (ARP, NDP) whose address is in this network.
    #[schemars(extend("x-flag" = {"name": "neighborip", "value": "CIDR"}))]
    pub neighborip: Vec<String>,
    /// Sockets connected to an address in this network.
    ///
    /// IPv4 addresses mapped into IPv6 are IPv4 addresses.
    #[schemars(extend("x-flag" = {"name": "connectedip", "value": "CIDR"}))]
    pub connectedip: Vec<String>,
    /// Sockets connected to this port or range of ports.
    #[schemars(extend("x-flag" = {"name": "connectedport", "value": "PORTS"}))]
    pub connectedport: Vec<Ports>,
    /// Sockets that listen on this port or range of ports.
    ///
    /// For UDP: that are bound to it and connected to nobody.
    #[schemars(extend("x-flag" = {"name": "listeningport", "value": "PORTS"}))]
    pub listeningport: Vec<Ports>,
    /// Unix domain sockets whose name matches this regular expression; abstract names begin with `@`.
    #[schemars(extend("x-flag" = {"name": "unixpath", "value": "REGEX"}))]
    pub unixpaths: Vec<String>,
    /// List everything: sockets, addresses, neighbours.
    #[schemars(extend("x-flag" = "all"))]
    pub all: bool,
    /// Only sockets of this protocol.
    #[schemars(extend("x-flag" = {"name": "protocol", "value": "PROTOCOL"}))]
    pub protocols: Vec<Protocol>,
    /// Only sockets in this state.
    #[schemars(extend("x-flag" = {"name": "state", "value": "STATE"}))]
    pub states: Vec<State>,
    /// Only sockets of a process whose program's path matches this regular expression.
    #[schemars(extend("x-flag" = {"name": "process", "value": "REGEX"}))]
    pub processes: Vec<String>,
    /// Name the processes that have the sockets found; costs a look at every open file of the host.
    #[schemars(extend("x-flag" = "owners"))]
    pub owners: bool,
    /// Look into every network namespace of the host, not only the agent's own. Linux.
    #[schemars(extend("x-flag" = "namespaces"))]
    pub namespaces: bool,
}

/// A port or a range of ports: `443`, `"443"` or `"8000-8100"`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum Ports {
    /// As text.
    Text(String),
    /// One port.
    Number(u16),
}

impl Ports {
    /// The text that stands for it.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Ports::Text(text) => text.clone(),
            Ports::Number(port) => port.to_string(),
        }
    }
}
