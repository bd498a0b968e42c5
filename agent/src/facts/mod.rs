//! What the host says about itself, for targets and heartbeats.
//!
//! Everything that lies in files is read below a root path, so that it can be read from a fixture.
//! Nothing here fails as a whole: what cannot be read is left empty and told in
//! [`Gathered::problems`].
//!
//! **Invariant:** no network. What only a cloud's metadata service knows is asked by the courier,
//! where [`Cloud::has_metadata`] says that there is one.

mod cloud;
mod tags;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as system;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "macos")]
use macos as system;

pub use cloud::Cloud;

use gumshoe_protocol::{Facts, PROTOCOL};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// How much of a file is read; all of them are short.
const MAX_FILE_BYTES: u64 = 256 * 1024;

/// Where facts are read.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The root of the file system that is described.
    pub root: PathBuf,
    /// Folder with the owner's tags; need not exist.
    pub tags_dir: PathBuf,
}

/// Everything that was learnt.
#[derive(Debug, Clone, PartialEq)]
pub struct Gathered {
    /// The facts; `id` and `modules` are the caller's to fill in.
    pub facts: Facts,
    /// What stays the same for this installation and differs in a clone that was prepared properly:
    /// `/etc/machine-id`, on macOS the hardware's UUID. Never leaves the host.
    pub machine: Option<String>,
    /// The cloud that the host runs in, if it is a known one.
    pub cloud: Option<Cloud>,
    /// What could not be learnt, and why; for the heartbeat's blind spots.
    pub problems: Vec<String>,
}

/// What the operating system says.
#[derive(Debug, Default)]
struct System {
    hostname: String,
    kernel: String,
    cpus: u64,
    memory_bytes: u64,
    os_release: BTreeMap<String, String>,
    machine: Option<String>,
}

/// Gathers all facts.
///
/// Limits: those of [`Facts`]; what is beyond them is left out and told.
#[must_use]
pub fn gather(sources: &Sources) -> Gathered {
    let mut reader = Reader {
        root: &sources.root,
        problems: Vec::new(),
    };
    let system = system::read(&mut reader);
    let (cloud, known) = cloud::read(&mut reader);
    let mut problems = reader.problems;
    let ips = addresses(&mut problems);
    let tags = tags::read(&sources.tags_dir, &mut problems);
    let facts = Facts {
        os: std::env::consts::OS.to_owned(),
        arch: std::env::consts::ARCH.to_owned(),
        hostname: system.hostname,
        os_release: system.os_release,
        kernel: system.kernel,
        cpus: system.cpus,
        memory_bytes: system.memory_bytes,
        ips,
        tags,
        cloud: known,
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        protocol: PROTOCOL,
        ..Facts::default()
    };
    Gathered {
        facts: bounded(facts, &mut problems),
        machine: system.machine,
        cloud,
        problems,
    }
}

/// Addresses of all interfaces but loopback, each once, sorted as text.
fn addresses(problems: &mut Vec<String>) -> Vec<String> {
    let interfaces = match nix::ifaddrs::getifaddrs() {
        Ok(interfaces) => interfaces,
        Err(error) => {
            problems.push(format!("the addresses of this host could not be listed: {error}"));
            return Vec::new();
        }
    };
    let loopback = nix::net::if_::InterfaceFlags::IFF_LOOPBACK;
    let mut addresses: Vec<String> = interfaces
        .filter(|interface| !interface.flags.contains(loopback))
        .filter_map(|interface| {
            let address = interface.address?;
            let v4 = address.as_sockaddr_in().map(|address| address.ip().to_string());
            v4.or_else(|| address.as_sockaddr_in6().map(|address| address.ip().to_string()))
        })
        .collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

/// Leaves out what is more, or longer, than facts can be.
fn bounded(mut facts: Facts, problems: &mut Vec<String>) -> Facts {
    for (name, text) in [("hostname", &mut facts.hostname), ("kernel", &mut facts.kernel)] {
        if text.len() > Facts::MAX_TEXT {
            problems.push(format!(
                "`{name}` has more than {} bytes and is left out",
                Facts::MAX_TEXT
            ));
            text.clear();
        }
    }
    let maps = [
        ("os_release", &mut facts.os_release),
        ("tags", &mut facts.tags),
        ("cloud", &mut facts.cloud),
    ];
    for (name, map) in maps {
        bound_map(name, map, problems);
    }
    if facts.ips.len() > Facts::MAX_IPS {
        problems.push(format!(
            "`ips` has {} addresses; {} are told",
            facts.ips.len(),
            Facts::MAX_IPS
        ));
        facts.ips.truncate(Facts::MAX_IPS);
    }
    facts
}

fn bound_map(name: &str, map: &mut BTreeMap<String, String>, problems: &mut Vec<String>) {
    let before = map.len();
    map.retain(|key, value| key.len() <= Facts::MAX_TEXT && value.len() <= Facts::MAX_TEXT);
    while map.len() > Facts::MAX_ENTRIES {
        map.pop_last();
    }
    if map.len() < before {
        problems.push(format!(
            "`{name}` has {} entries that are too many or too long",
            before - map.len()
        ));
    }
}

/// Reads short files below a root.
struct Reader<'a> {
    root: &'a Path,
    problems: Vec<String>,
}

impl Reader<'_> {
    /// The trimmed text of a file; `None`, without a complaint, where there is none.
    fn text(&mut self, path: &str) -> Option<String> {
        match read_short(&self.root.join(path)) {
            Ok(text) => Some(text.trim().to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                self.problems
                    .push(format!("`/{path}` could not be read: {error}"));
                None
            }
        }
    }

    /// The same, for a file that every such system has.
    #[cfg(target_os = "linux")]
    fn required(&mut self, path: &str) -> String {
        self.text(path).unwrap_or_else(|| {
            self.problems.push(format!("there is no readable `/{path}`"));
            String::new()
        })
    }
}

/// Reads a short regular file as text.
fn read_short(path: &Path) -> io::Result<String> {
    use std::os::unix::fs::OpenOptionsExt;
    // A pipe in the place of the file must not make the agent wait.
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut text = String::new();
    file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(io::Error::other(format!("more than {MAX_FILE_BYTES} bytes")));
    }
    Ok(text)
}
