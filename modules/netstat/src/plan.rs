//! Checked parameters: what a run works from, and what it has to look at for them.

use crate::bytecode::{self, Alternative};
use crate::finding::Question;
use crate::parse::address::NetworkSet;
use crate::parse::ports::PortSet;
use crate::socket::{Ends, Protocol, Socket, State};
use gumshoe_scan::Regex;
use std::sync::Arc;

/// What a run works from.
#[derive(Debug)]
pub struct Plan {
    /// Own hardware addresses.
    pub local_macs: Asked<Vec<Regex>>,
    /// Own addresses.
    pub local_ips: Asked<NetworkSet>,
    /// Neighbours' hardware addresses.
    pub neighbor_macs: Asked<Vec<Regex>>,
    /// Neighbours' addresses.
    pub neighbor_ips: Asked<NetworkSet>,
    /// Addresses at the other end.
    pub connected_ips: Asked<NetworkSet>,
    /// Ports at the other end.
    pub connected_ports: Asked<PortSet>,
    /// Ports listened on.
    pub listening_ports: Asked<PortSet>,
    /// Names of Unix domain sockets.
    pub unix_paths: Asked<Vec<Regex>>,
    /// Whether all that there is was asked for.
    pub everything: Everything,
    /// What sockets are narrowed down to.
    pub only: Only,
    /// Whether findings name processes.
    pub owners: Owners,
    /// Where to look.
    pub namespaces: Namespaces,
}

/// Values of one question, as they were given and in a form to search.
#[derive(Debug, Default)]
pub struct Asked<T> {
    /// As they were given.
    pub values: Vec<Arc<str>>,
    /// To search; yields places in `values`.
    pub tests: T,
}

impl<T> Asked<T> {
    /// Whether nothing is asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

impl Asked<Vec<Regex>> {
    /// The values whose expression matches.
    pub fn matches(&self, text: &[u8]) -> impl Iterator<Item = &Arc<str>> {
        self.values
            .iter()
            .zip(&self.tests)
            .filter(|(_, test)| test.is_match(text))
            .map(|(value, _)| value)
    }
}

impl Asked<NetworkSet> {
    /// The values whose network contains an address.
    pub fn matches(&self, address: std::net::IpAddr) -> impl Iterator<Item = &Arc<str>> {
        self.tests
            .matches(address)
            .filter_map(|place| self.values.get(place))
    }
}

impl Asked<PortSet> {
    /// The values whose range contains a port.
    pub fn matches(&self, port: u16) -> impl Iterator<Item = &Arc<str>> {
        self.tests
            .matches(port)
            .filter_map(|place| self.values.get(place))
    }
}

/// Whether all that there is was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Everything {
    /// Only what the questions ask for.
    No,
    /// All sockets that the filters let through.
    Sockets,
    /// Sockets, interfaces and neighbours.
    All,
}

/// Whether findings name processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owners {
    /// No.
    Unnamed,
    /// Yes.
    Named,
}

/// When processes have to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookAtProcesses {
    /// Not at all.
    Never,
    /// Before sockets: only those of certain programs are of interest, so that other processes' files need no look.
    Before,
    /// After sockets: all that have one of those found are to be named.
    After,
}

/// Which sockets processes are looked for.
#[derive(Clone, Copy)]
pub enum Sought<'a> {
    /// Those with these inodes, sorted, whoever has them.
    Sockets(&'a [u64]),
    /// All sockets of the processes whose program's path passes this test.
    Programs(&'a (dyn Fn(&[u8]) -> bool + Sync)),
}

/// Where to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Namespaces {
    /// In the agent's own network namespace.
    Own,
    /// In every one of the host.
    All,
}

/// What sockets are narrowed down to; an empty list lets all through.
#[derive(Debug, Default)]
pub struct Only {
    /// Protocols.
    pub protocols: Vec<Protocol>,
    /// States.
    pub states: Vec<State>,
    /// Programs' paths.
    pub programs: Vec<Regex>,
}

/// What the kernel is asked for about one protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The protocol.
    pub protocol: Protocol,
    /// Bits of states.
    pub states: u32,
    /// A program that lets through at least what is wanted; none lets all through.
    pub program: Option<Vec<u8>>,
}

/// All states that a socket may be in without being connected to anybody.
const UNCONNECTED: [State; 3] = [State::Unconnected, State::Listen, State::Bound];

impl Plan {
    /// Whether interfaces have to be looked at.
    #[must_use]
    pub fn wants_links(&self) -> bool {
        !self.local_macs.is_empty() || !self.local_ips.is_empty() || self.everything == Everything::All
    }

    /// Whether neighbours have to be looked at.
    #[must_use]
    pub fn wants_neighbours(&self) -> bool {
        !self.neighbor_macs.is_empty() || !self.neighbor_ips.is_empty() || self.everything == Everything::All
    }

    /// Whether sockets have to be looked at.
    #[must_use]
    pub fn wants_sockets(&self) -> bool {
        Protocol::ALL
            .iter()
            .any(|&protocol| self.wanted(protocol).is_some())
    }

    /// When processes have to be looked at.
    #[must_use]
    pub fn look_at_processes(&self) -> LookAtProcesses {
        match (self.wants_sockets(), self.owners, self.only.programs.is_empty()) {
            (true, Owners::Named, _) => LookAtProcesses::After,
            (true, Owners::Unnamed, false) => LookAtProcesses::Before,
            _ => LookAtProcesses::Never,
        }
    }

    /// What to ask the kernel for; `None` if sockets of this protocol are of no interest.
    #[must_use]
    pub fn wanted(&self, protocol: Protocol) -> Option<Wanted> {
        if !self.only.protocols.is_empty() && !self.only.protocols.contains(&protocol) {
            return None;
        }
        let asks_connected =
            protocol.is_ip() && !(self.connected_ips.is_empty() && self.connected_ports.is_empty());
        let asks_listening = protocol.is_ip() && !self.listening_ports.is_empty();
        let asks_name = protocol == Protocol::Unix && !self.unix_paths.is_empty();
        let takes_all = self.everything != Everything::No || asks_name;
        let interesting = |state: State| {
            let is_unconnected = UNCONNECTED.contains(&state);
            takes_all
                || asks_connected && (!is_unconnected || protocol == Protocol::Raw)
                || asks_listening && matches!(state, State::Listen | State::Unconnected)
        };
        let allowed = |state: State| self.only.states.is_empty() || self.only.states.contains(&state);
        let states = State::all().filter(|&state| interesting(state) && allowed(state));
        let states = states.fold(0, |bits, state| bits | state.bit());
        (states != 0).then(|| Wanted {
            protocol,
            states,
            program: if takes_all { None } else { self.program() },
        })
    }

    fn program(&self) -> Option<Vec<u8>> {
        let remote = self.connected_ips.tests.networks().map(Alternative::Remote);
        let remote_port = self
            .connected_ports
            .tests
            .ranges()
            .iter()
            .cloned()
            .map(Alternative::RemotePort);
        let local_port = self
            .listening_ports
            .tests
            .ranges()
            .iter()
            .cloned()
            .map(Alternative::LocalPort);
        let alternatives: Vec<Alternative> = remote
            .chain(remote_port)
            .chain(local_port)
            .take(bytecode::MAX_ALTERNATIVES + 1)
            .collect();
        bytecode::any_of(&alternatives)
    }

    /// Calls `answer` for each question that a socket answers, apart from what concerns its processes.
    pub fn answers<'p>(&'p self, socket: &Socket, answer: &mut dyn FnMut(Question, Option<&'p Arc<str>>)) {
        if !self.only.states.is_empty() && !self.only.states.contains(&socket.state) {
            return;
        }
        if self.everything != Everything::No {
            answer(Question::All, None);
        }
        match &socket.ends {
            Ends::Unix { path, .. } if !self.unix_paths.is_empty() => {
                let shown = unix_name(path);
                self.unix_paths
                    .matches(&shown)
                    .for_each(|value| answer(Question::Unixpaths, Some(value)));
            }
            Ends::Ip { .. } => self.ip_answers(socket, answer),
            _ => {}
        }
    }

    fn ip_answers<'p>(&'p self, socket: &Socket, answer: &mut dyn FnMut(Question, Option<&'p Arc<str>>)) {
        let Ends::Ip {
            local,
            remote,
            multihomed,
            ..
        } = &socket.ends
        else {
            return;
        };
        if socket.is_connected() {
            let mut matching: Vec<&Arc<str>> = Vec::new();
            let others = multihomed.iter().flat_map(|all| all.remote.iter().copied());
            for address in std::iter::once(remote.ip()).chain(others) {
                matching.extend(self.connected_ips.matches(address));
            }
            // Two addresses of one association may answer the same question.
            matching.sort_unstable_by_key(|value| Arc::as_ptr(value).addr());
            matching.dedup_by(|a, b| Arc::ptr_eq(a, b));
            matching
                .into_iter()
                .for_each(|value| answer(Question::Connectedip, Some(value)));
            let ports = self.connected_ports.matches(remote.port());
            ports.for_each(|value| answer(Question::Connectedport, Some(value)));
        }
        if socket.is_listening() {
            let ports = self.listening_ports.matches(local.port());
            ports.for_each(|value| answer(Question::Listeningport, Some(value)));
        }
    }
}

/// The name as it is shown: `@` in front of an abstract one.
#[must_use]
pub fn unix_name(path: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    match path.split_first() {
        Some((0, rest)) => [b"@", rest].concat().into(),
        _ => path.into(),
    }
}
