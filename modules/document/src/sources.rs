//! What the evaluator asks a host for.

use std::path::{Path, PathBuf};

use gumshoe_versions::PackageType;

use crate::{Flow, Pattern};

/// A host, or what stands for one in a test.
///
/// Whatever could not be looked at is the implementation's to report; here it is only absent.
pub trait Sources {
    /// All installed packages of the given types. Called at most once.
    ///
    /// # Errors
    ///
    /// When none can be read: every object that is about packages has this error.
    fn packages(&mut self, types: &[PackageType]) -> Result<Vec<Package>, SourceError>;

    /// Regular files, and links to regular files, at each location. Sorted; each once.
    ///
    /// Called once for all locations of a document, so that one walk can serve them, and then for the links of import
    /// chains.
    ///
    /// # Errors
    ///
    /// When nothing can be said about the locations: the objects that are about them have this error.
    fn locate(&mut self, locations: &[&Location]) -> Result<Vec<Vec<PathBuf>>, SourceError>;

    /// Hands over the lines of a file, without line ends, invalid UTF-8 replaced.
    ///
    /// # Errors
    ///
    /// When the file cannot be read: it is left out.
    fn lines(&mut self, path: &Path, take: &mut dyn FnMut(&str) -> Flow) -> Result<(), SourceError>;

    /// Everything of one kind. Called at most once for each kind.
    ///
    /// # Errors
    ///
    /// When it cannot be read: every object that is about it has this error.
    fn facts(&mut self, kind: FactKind) -> Result<Vec<Fact>, SourceError>;

    /// Whether to end early.
    fn stopped(&mut self) -> bool;
}

/// Why a source has nothing to say: one sentence, causes included.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SourceError(pub String);

/// An installed package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// What installed it.
    pub kind: PackageType,
    /// Its name, without architecture.
    pub name: String,
    /// Its version, with epoch and release where it has them.
    pub version: String,
    /// Its architecture.
    pub arch: Option<String>,
    /// Its source package, where that has another name.
    pub source: Option<String>,
}

/// Where to look for files.
#[derive(Debug, Clone)]
pub struct Location {
    /// Where to begin, without repetitions.
    pub paths: Vec<PathPattern>,
    /// What the base name has to match, anywhere in it.
    pub name: std::sync::Arc<Pattern>,
    /// How many directories to go down, the beginning counted as 1.
    pub max_depth: u32,
}

/// A path to begin at.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PathPattern {
    /// This path, whatever characters it has.
    Literal(String),
    /// All paths that match: `*` and `?` stand for characters of one component.
    Glob(String),
}

/// Something about the host that is neither package nor file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What names it.
    pub identifier: String,
    /// Its fields, in the order of [`FactKind::fields`].
    pub values: Vec<String>,
}

/// Kinds of facts, which are sources of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum FactKind {
    /// Entries of `os-release`, by their names.
    OsRelease,
    /// Ports that somebody listens on, such as `tcp/22`.
    Port,
    /// Running programs, by the path of the program.
    Process,
    /// Mounted file systems, by the path that they are mounted on.
    Mount,
    /// Settings of the kernel, such as `net.ipv4.ip_forward`.
    Sysctl,
    /// Modules that the kernel has loaded.
    KernelModule,
    /// Accounts of `passwd`, by name.
    User,
    /// Units of systemd that are installed, by name.
    Unit,
}

impl FactKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::OsRelease,
        Self::Port,
        Self::Process,
        Self::Mount,
        Self::Sysctl,
        Self::KernelModule,
        Self::User,
        Self::Unit,
    ];

    /// The key of the source in an object.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::OsRelease => "osrelease",
            Self::Port => "port",
            Self::Process => "process",
            Self::Mount => "mount",
            Self::Sysctl => "sysctl",
            Self::KernelModule => "kernelmodule",
            Self::User => "user",
            Self::Unit => "unit",
        }
    }

    /// What is known about each; the first is meant when an object names none.
    #[must_use]
    pub const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::OsRelease | Self::Sysctl => &["value"],
            Self::Port => &["address", "user"],
            Self::Process => &["name", "user"],
            Self::Mount => &["type", "options", "device"],
            Self::KernelModule => &["state"],
            Self::User => &["uid", "gid", "home", "shell"],
            Self::Unit => &["state"],
        }
    }
}

impl PathPattern {
    /// The text of the path or pattern.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Literal(text) | Self::Glob(text) => text,
        }
    }
}
