//! Findings as they are reported.

use crate::namespace::Namespace;
use crate::parse::hardware;
use crate::plan::unix_name;
use crate::socket::{Address, Ends, Link, Neighbour, Protocol, Socket, UnixKind};
use base64::{Engine, engine::general_purpose::STANDARD};
use gumshoe_plugin_api::text::{self, escape};
pub use gumshoe_process::Container;
use gumshoe_process::{Names, rfc3339, shown};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// A question, as findings name it: the parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names are those of the parameters")]
pub enum Question {
    Localmac,
    Localip,
    Neighbormac,
    Neighborip,
    Connectedip,
    Connectedport,
    Listeningport,
    Unixpaths,
    All,
}

impl Question {
    /// The parameter's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Question::Localmac => "localmac",
            Question::Localip => "localip",
            Question::Neighbormac => "neighbormac",
            Question::Neighborip => "neighborip",
            Question::Connectedip => "connectedip",
            Question::Connectedport => "connectedport",
            Question::Listeningport => "listeningport",
            Question::Unixpaths => "unixpaths",
            Question::All => "all",
        }
    }
}

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Kind {
    Socket,
    Interface,
    Neighbor,
}

/// A socket, an address of an interface, or a neighbour that answers a question.
///
/// Shape: absent values are left out. Ports are in host order. A name that is not UTF-8 is shown with replacement
/// characters, and exactly in the field that ends in `_bytes` (base64).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The question.
    pub search: Question,
    /// Its value, as it was given; none for `all`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What the finding is about.
    pub kind: Kind,
    /// Of a socket: what it speaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    /// Of a Unix domain socket: how it carries data.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub unix_kind: Option<UnixKind>,
    /// Where a connection, an interface (`up`, `down`) or a neighbour stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Cow<'static, str>>,
    /// Address of this host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_ip: Option<IpAddr>,
    /// Port of this host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_port: Option<u16>,
    /// Address of the other end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_ip: Option<IpAddr>,
    /// Port of the other end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_port: Option<u16>,
    /// All addresses of this host in an association that has several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub local_ips: Vec<IpAddr>,
    /// All addresses of the other end of an association that has several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remote_ips: Vec<IpAddr>,
    /// Of an address of this host: how many of its bits are the network's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix_length: Option<u8>,
    /// Of a raw socket: its IP protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_protocol: Option<u8>,
    /// Of a packet socket: which frames it sees, `0x0003` for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ethertype: Option<String>,
    /// Of a Unix domain socket: its name, with `@` in front when it is abstract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The name exactly, in base64, when it is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_bytes: Option<String>,
    /// Of a Unix domain socket: inode of the socket that it is connected to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer_inode: Option<u64>,
    /// Hardware address of this host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_mac: Option<String>,
    /// The hardware address that the interface was made with, when it was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permanent_mac: Option<String>,
    /// Hardware address of a neighbour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_mac: Option<String>,
    /// The interface's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// The socket's user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// The user's name, by the host's `/etc/passwd`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The socket's number; left out where no process has it (any more).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inode: Option<u64>,
    /// The processes that have the socket, when asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub processes: Vec<Process>,
    /// The network namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Namespace>,
}

/// A process that has a socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// When it started, RFC 3339 in UTC; with `pid` it identifies the process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<String>,
    /// Path of its program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exe: Option<String>,
    /// The path exactly, in base64, when it is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exe_bytes: Option<String>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comm: Option<String>,
    /// Its user's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Its user's name, by the host's `/etc/passwd`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The container that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<Container>,
}

impl Process {
    /// The path of its program, exactly.
    #[must_use]
    pub fn exe_path(&self) -> Option<Cow<'_, [u8]>> {
        match &self.exe_bytes {
            Some(encoded) => STANDARD.decode(encoded).ok().map(Cow::Owned),
            None => self.exe.as_ref().map(|exe| Cow::Borrowed(exe.as_bytes())),
        }
    }

    /// A process of which only the number is known.
    #[must_use]
    pub fn unknown(pid: u32) -> Self {
        Self {
            pid,
            start_time: None,
            exe: None,
            exe_bytes: None,
            comm: None,
            uid: None,
            user: None,
            container: None,
        }
    }

    /// What is reported of a process.
    #[must_use]
    pub fn new(process: gumshoe_process::Process, users: &Names) -> Self {
        let (exe, exe_bytes) = process.exe.as_deref().map(text::shown).unzip();
        Self {
            pid: process.pid,
            start_time: Some(rfc3339(process.start_ms)),
            exe,
            exe_bytes: exe_bytes.flatten(),
            comm: Some(shown(&process.comm)),
            uid: Some(process.uid),
            user: users.of(process.uid).map(str::to_owned),
            container: process.container,
        }
    }
}

impl Finding {
    /// A finding without details.
    fn new(search: Question, value: Option<&Arc<str>>, kind: Kind) -> Self {
        Self {
            search,
            value: value.map(|value| value.as_ref().to_owned()),
            kind,
            protocol: None,
            unix_kind: None,
            state: None,
            local_ip: None,
            local_port: None,
            remote_ip: None,
            remote_port: None,
            local_ips: Vec::new(),
            remote_ips: Vec::new(),
            prefix_length: None,
            ip_protocol: None,
            ethertype: None,
            path: None,
            path_bytes: None,
            peer_inode: None,
            local_mac: None,
            permanent_mac: None,
            remote_mac: None,
            interface: None,
            uid: None,
            user: None,
            inode: None,
            processes: Vec::new(),
            namespace: None,
        }
    }

    /// A socket that answers a question.
    #[must_use]
    pub fn socket(search: Question, value: Option<&Arc<str>>, socket: &Socket) -> Self {
        let mut finding = Self::new(search, value, Kind::Socket);
        finding.protocol = Some(socket.protocol);
        finding.state = Some(Cow::Borrowed(socket.state.name()));
        finding.uid = socket.uid;
        finding.inode = (socket.inode != 0).then_some(socket.inode);
        match &socket.ends {
            Ends::Ip {
                local,
                remote,
                multihomed,
                ip_protocol,
            } => {
                finding.local_ip = Some(local.ip());
                finding.ip_protocol = *ip_protocol;
                if ip_protocol.is_none() {
                    finding.local_port = Some(local.port());
                }
                if socket.is_connected() {
                    finding.remote_ip = Some(remote.ip());
                    finding.remote_port = (remote.port() != 0).then_some(remote.port());
                }
                if let Some(all) = multihomed {
                    finding.local_ips.clone_from(&all.local);
                    finding.remote_ips.clone_from(&all.remote);
                }
            }
            Ends::Unix {
                kind,
                path,
                peer_inode,
            } => {
                finding.unix_kind = Some(*kind);
                finding.peer_inode = *peer_inode;
                if !path.is_empty() {
                    let (path, path_bytes) = text::shown(&unix_name(path));
                    (finding.path, finding.path_bytes) = (Some(path), path_bytes);
                }
            }
            Ends::Packet { ethertype } => finding.ethertype = Some(format!("{ethertype:#06x}")),
        }
        finding
    }

    /// An interface, or one of its addresses, that answers a question.
    #[must_use]
    pub fn interface(
        search: Question,
        value: Option<&Arc<str>>,
        link: Option<&Link>,
        address: Option<&Address>,
    ) -> Self {
        let mut finding = Self::new(search, value, Kind::Interface);
        if let Some(link) = link {
            finding.interface = Some(link.name.clone());
            finding.state = Some(Cow::Borrowed(if link.is_up { "up" } else { "down" }));
            finding.local_mac = mac(&link.mac);
            finding.permanent_mac = mac(&link.permanent_mac);
        }
        finding.local_ip = address.map(|address| address.ip);
        finding.prefix_length = address.and_then(|address| address.prefix_length);
        finding
    }

    /// A neighbour that answers a question.
    #[must_use]
    pub fn neighbor(
        search: Question,
        value: Option<&Arc<str>>,
        neighbour: &Neighbour,
        interface: Option<&str>,
    ) -> Self {
        let mut finding = Self::new(search, value, Kind::Neighbor);
        finding.state = Some(Cow::Borrowed(neighbour.state));
        finding.remote_ip = Some(neighbour.ip);
        finding.remote_mac = mac(&neighbour.mac);
        finding.interface = interface.map(str::to_owned);
        finding
    }

    /// What it is.
    fn words(&self, word: &mut dyn FnMut(&str)) {
        let end = |ip: Option<IpAddr>, port: Option<u16>| match (ip, port) {
            (Some(ip), Some(port)) => Some(std::net::SocketAddr::new(ip, port).to_string()),
            (ip, _) => ip.map(|ip| ip.to_string()),
        };
        let mut local = end(self.local_ip, self.local_port);
        if let (Some(local), Some(bits)) = (&mut local, self.prefix_length) {
            local.push_str(&format!("/{bits}"));
        }
        local.iter().for_each(|local| word(local));
        if let Some(remote) = end(self.remote_ip, self.remote_port) {
            word(&if self.kind == Kind::Socket {
                format!("-> {remote}")
            } else {
                remote
            });
        }
        self.local_mac
            .iter()
            .chain(&self.remote_mac)
            .for_each(|mac| word(mac));
        self.permanent_mac
            .iter()
            .for_each(|mac| word(&format!("(made with {mac})")));
        self.path
            .iter()
            .chain(&self.ethertype)
            .for_each(|name| word(name));
        self.ip_protocol
            .iter()
            .for_each(|number| word(&format!("protocol {number}")));
        self.interface
            .iter()
            .for_each(|name| word(&format!("dev {name}")));
    }

    /// Whose it is.
    fn owner_words(&self, word: &mut dyn FnMut(&str)) {
        if let Some(uid) = self.uid {
            let user = self.user.clone().unwrap_or_else(|| uid.to_string());
            word(&format!("user {user}"));
        }
        for process in &self.processes {
            let program = process.exe.as_deref().or(process.comm.as_deref()).unwrap_or("?");
            word(&format!("pid {} {program}", process.pid));
            if let Some(container) = &process.container {
                word(&container.words());
            }
        }
        if let Some(namespace) = self.namespace.as_ref().filter(|namespace| !namespace.own) {
            word(&namespace.words());
        }
    }
}

/// One line.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.search.name())?;
        if let Some(value) = &self.value {
            write!(f, "={}", escape(value))?;
        }
        let mut words = String::from(":");
        let mut word = |word: &str| {
            words.push(' ');
            words.push_str(&escape(word));
        };
        word(self.protocol.map_or(kind_name(self.kind), Protocol::name));
        self.state.iter().for_each(|state| word(state));
        self.words(&mut word);
        self.owner_words(&mut word);
        f.write_str(&words)
    }
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Socket => "socket",
        Kind::Interface => "interface",
        Kind::Neighbor => "neighbor",
    }
}

fn mac(bytes: &[u8]) -> Option<String> {
    (!bytes.is_empty()).then(|| hardware::format(bytes))
}
