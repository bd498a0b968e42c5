//! Who this agent is: the report key, made on first start and bound to the machine it was made on.
//!
//! A disk that was copied, or an image that was made of a running host, brings the key along. Then the machine
//! is another one than the key was made on, and the copy makes a key of its own. One file holds everything and is
//! replaced as a whole: there is no identity, or a complete one.

use super::durable;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gumshoe_protocol::{AgentId, ContentDigest, ReportKey, Timestamp};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};

/// Name of the file.
const FILE: &str = "identity";
/// Version of its form.
const VERSION: u32 = 1;
/// The file has fewer than 1,000 bytes.
const MAX_BYTES: u64 = 64 << 10;

/// Which machine this is; absent is what is not known, or not yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// `/etc/machine-id`, or macOS's platform UUID.
    pub id: Option<String>,
    /// The cloud's identifier of the instance.
    pub instance: Option<String>,
}

/// Why there is no identity.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The file cannot be read or written.
    #[error("failed to use the agent's identity `{path}`")]
    File {
        /// The file.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// The file is not what was written.
    #[error(
        "the agent's identity `{path}` is not understood: {message}. Without it the agent gets a new one: remove the file if that is what you want"
    )]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// The system gives no random bytes.
    #[error("the system gives no random bytes: {0}")]
    Random(getrandom::Error),
}

/// The agent's identity. Has no `Debug`: it holds the key.
pub struct Identity {
    /// Signs reports.
    pub key: ReportKey,
    /// The agent's identifier.
    pub agent: AgentId,
    /// When the key was made.
    pub since: Timestamp,
    /// The identifier that this host had before it found itself to be a copy.
    pub previous: Option<AgentId>,
}

/// What opening the identity came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It was there.
    Kept,
    /// This agent has just been given its first one.
    New,
    /// It was another machine's: this one has just been given its own.
    Copied,
}

/// The file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u32,
    seed: String,
    since: Timestamp,
    /// SHA-256 of the machine's identifier, which is nobody else's business (machine-id(5)).
    machine: Option<ContentDigest>,
    instance: Option<ContentDigest>,
    previous: Option<AgentId>,
}

impl Identity {
    /// Whether a state folder has an identity.
    #[must_use]
    pub fn exists(folder: &Path) -> bool {
        folder.join(FILE).exists()
    }

    /// Reads the identity of a state folder; changes nothing.
    ///
    /// # Errors
    ///
    /// [`IdentityError`].
    pub fn read(folder: &Path) -> Result<Option<Self>, IdentityError> {
        let path = folder.join(FILE);
        read(&path)?.map(|stored| stored.open(&path)).transpose()
    }

    /// Opens the identity of a state folder, or makes it.
    ///
    /// A copy is recognised by a machine or instance identifier that differs from the one that was there when
    /// the key was made. A key without a machine (made while an image was built, before there was a machine
    /// identifier) belongs to no machine: the first one that has an identifier makes its own. An instance
    /// identifier that becomes known later is only noted, since a cloud may tell it late.
    ///
    /// # Errors
    ///
    /// [`IdentityError`].
    pub fn open(folder: &Path, machine: &Machine, now: Timestamp) -> Result<(Self, Origin), IdentityError> {
        let path = folder.join(FILE);
        let Some(stored) = read(&path)? else {
            return Ok((make(&path, machine, None, now)?, Origin::New));
        };
        let (here, instance) = (digest(&machine.id), digest(&machine.instance));
        let is_other = |before: Option<ContentDigest>, now: Option<ContentDigest>| matches!((before, now), (Some(a), Some(b)) if a != b);
        let is_unbound = stored.machine.is_none() && here.is_some();
        let is_copy = is_unbound || is_other(stored.machine, here) || is_other(stored.instance, instance);
        let learns_instance = stored.instance.is_none() && instance.is_some();
        let old = stored.copy_with(instance);
        let identity = stored.open(&path)?;
        if is_copy {
            return Ok((make(&path, machine, Some(identity.agent), now)?, Origin::Copied));
        }
        if learns_instance {
            write(&path, &old)?;
        }
        Ok((identity, Origin::Kept))
    }
}

impl Stored {
    fn open(self, path: &Path) -> Result<Identity, IdentityError> {
        let wrong = |message: &str| IdentityError::Form {
            path: path.to_owned(),
            message: message.to_owned(),
        };
        if self.version != VERSION {
            return Err(wrong("it is of another version of the agent"));
        }
        let seed = STANDARD
            .decode(&self.seed)
            .map_err(|_| wrong("the key is not base64"))?;
        let seed: [u8; 32] = seed
            .try_into()
            .map_err(|_| wrong("the key does not have 32 bytes"))?;
        let key = ReportKey::from_seed(&seed);
        Ok(Identity {
            agent: key.public().agent(),
            key,
            since: self.since,
            previous: self.previous,
        })
    }

    fn copy_with(&self, instance: Option<ContentDigest>) -> Self {
        Self {
            version: self.version,
            seed: self.seed.clone(),
            since: self.since,
            machine: self.machine,
            instance: self.instance.or(instance),
            previous: self.previous,
        }
    }
}

fn read(path: &Path) -> Result<Option<Stored>, IdentityError> {
    let failed = |source| IdentityError::File {
        path: path.to_owned(),
        source,
    };
    let text = match std::fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
        Ok(metadata) if metadata.len() > MAX_BYTES => return Err(failed(io::ErrorKind::FileTooLarge.into())),
        Ok(_) => std::fs::read_to_string(path).map_err(failed)?,
    };
    // The parser's own message could quote the key.
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|error| IdentityError::Form {
            path: path.to_owned(),
            message: format!("line {}, column {}", error.line(), error.column()),
        })
}

fn make(
    path: &Path,
    machine: &Machine,
    previous: Option<AgentId>,
    now: Timestamp,
) -> Result<Identity, IdentityError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(IdentityError::Random)?;
    let stored = Stored {
        version: VERSION,
        seed: STANDARD.encode(seed),
        since: now,
        machine: digest(&machine.id),
        instance: digest(&machine.instance),
        previous,
    };
    write(path, &stored)?;
    stored.open(path)
}

fn write(path: &Path, stored: &Stored) -> Result<(), IdentityError> {
    let failed = |source| IdentityError::File {
        path: path.to_owned(),
        source,
    };
    let text = serde_json::to_string(stored).map_err(|e| failed(e.into()))?;
    durable::replace(path, text.as_bytes()).map_err(failed)
}

/// A digest that says nothing about the identifier elsewhere.
fn digest(text: &Option<String>) -> Option<ContentDigest> {
    text.as_ref()
        .map(|text| ContentDigest::of(format!("gumshoe {text}").as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn machine(id: &str, instance: &str) -> Machine {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Machine {
            id: some(id),
            instance: some(instance),
        }
    }

    /// Opens on one machine and then on another; what the second open came to, and whether the agent is the same.
    fn moved(from: (&str, &str), to: (&str, &str)) -> (Origin, bool) {
        let folder = tempfile::tempdir().unwrap();
        let now = Timestamp::UNIX_EPOCH;
        let (first, origin) = Identity::open(folder.path(), &machine(from.0, from.1), now).unwrap();
        assert_eq!(origin, Origin::New);
        let there = machine(to.0, to.1);
        let (second, origin) = Identity::open(folder.path(), &there, now).unwrap();
        let (third, settled) = Identity::open(folder.path(), &there, now).unwrap();
        assert_eq!(
            (third.agent, settled),
            (second.agent, Origin::Kept),
            "it settles at once"
        );
        let is_same = first.agent == second.agent;
        assert_eq!(second.previous, (!is_same).then_some(first.agent));
        (origin, is_same)
    }

    #[test]
    fn a_copy_gets_its_own_key_and_the_original_keeps_its_own() {
        for (from, to, origin) in [
            (("m", ""), ("m", ""), Origin::Kept),
            (("m", ""), ("n", ""), Origin::Copied),
            (("m", "i"), ("m", "j"), Origin::Copied),
            (("m", "i"), ("n", "i"), Origin::Copied),
            // Made while an image was built.
            (("", ""), ("m", ""), Origin::Copied),
            (("", ""), ("", ""), Origin::Kept),
            // The image builder removed the machine identifier; the agent was started before there was a new one.
            (("m", ""), ("", ""), Origin::Kept),
            // The cloud told its identifier late, or not this time.
            (("m", ""), ("m", "i"), Origin::Kept),
            (("m", "i"), ("m", ""), Origin::Kept),
        ] {
            assert_eq!(
                moved(from, to),
                (origin, origin == Origin::Kept),
                "{from:?} to {to:?}"
            );
        }
    }

    #[test]
    fn an_instance_that_became_known_late_is_compared_from_then_on() {
        let folder = tempfile::tempdir().unwrap();
        let open = |id, instance| {
            Identity::open(folder.path(), &machine(id, instance), Timestamp::UNIX_EPOCH)
                .unwrap()
                .1
        };
        assert_eq!(
            [open("m", ""), open("m", "i"), open("m", "j")],
            [Origin::New, Origin::Kept, Origin::Copied]
        );
    }

    #[test]
    fn the_file_is_private_and_half_of_one_is_no_identity() {
        let folder = tempfile::tempdir().unwrap();
        let (identity, _) = Identity::open(folder.path(), &machine("m", ""), Timestamp::UNIX_EPOCH).unwrap();
        let path = folder.path().join(FILE);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let whole = std::fs::read_to_string(&path).unwrap();
        assert!(!whole.contains("\"m\""), "the machine's identifier is not kept");
        for end in 0..whole.len() {
            std::fs::write(&path, &whole[..end]).unwrap();
            let error = Identity::read(folder.path()).err().unwrap().to_string();
            assert!(
                error.contains("not understood") && !error.contains("seed"),
                "{error}"
            );
        }
        std::fs::write(&path, whole).unwrap();
        assert_eq!(
            Identity::read(folder.path()).unwrap().unwrap().agent,
            identity.agent
        );
    }
}
