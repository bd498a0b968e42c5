//! The parameters as they arrive: types and help texts. [`crate::check`] turns them into a plan.

use std::collections::BTreeMap;

use gumshoe_walk::FileType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Finds files by name, metadata, content and digest.
///
/// Each search names paths and filters. Metadata filters run before a file is opened, and one reading serves all
/// patterns and digests of all searches. Reports metadata, never content.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Starts a search; the flags that follow belong to it.
    ///
    /// Labels have 1 to 64 letters, digits, `_` or `-`. Searches that share paths are answered by one walk.
    #[schemars(extend("x-flag-group" = {"name": "search", "label": "s1", "value": "LABEL"}))]
    pub searches: BTreeMap<String, Search>,
}

/// One search: where to look, and for what.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// What the search is for, in words.
    ///
    /// It is not evaluated.
    #[serde(default)]
    #[schemars(extend("x-flag" = {"name": "description", "value": "TEXT"}))]
    pub description: Option<String>,
    /// A folder to search, with all folders below, or a file.
    ///
    /// Absolute. Links in the path itself are followed; links to folders below it are not, and links to
    /// files are where the file lies below the path as well.
    #[schemars(extend("x-flag" = {"name": "path", "value": "PATH"}, "x-reads" = true))]
    pub paths: Vec<String>,
    /// A regular expression that the base name must match; `!` in front: must not match.
    #[serde(default)]
    #[schemars(extend("x-flag" = {"name": "name", "value": "REGEX"}))]
    pub names: Vec<String>,
    /// The size: `<10m` smaller, `>4k` larger, `1024` exactly.
    ///
    /// Units are k, m, g and t, powers of 1024.
    #[serde(default)]
    #[schemars(extend("x-flag" = {"name": "size", "value": "SIZE"}, "x-unit" = "bytes"))]
    pub sizes: Vec<String>,
    /// A regular expression that the mode must match in one of its forms.
    ///
    /// The forms are that of `ls` (`-rwsr-xr-x`), octal (`4755`) and that of MIG (`urwxr-xr-x`).
    #[serde(default)]
    #[schemars(extend("x-flag" = {"name": "mode", "value": "REGEX"}))]
    pub modes: Vec<String>,
    /// When the content last changed: `<90d` since then, `>5h` before then; d, h, m.
    #[serde(default)]
    #[schemars(extend("x-flag" = {"name": "mtime", "value": "AGE"}))]
    pub mtimes: Vec<String>,
    /// When content or metadata last changed, as with mtime.
    #[serde(default)]
    #[schemars(extend("x-flag" = {"name": "ctime", "value": "AGE"}))]
    pub ctimes: Vec<String>,
    /// When the file was created, where the file system keeps that, as with mtime.
    #[serde(default)]
    #[schemars(extend("x-flag" = {"name": "btime", "value": "AGE"}))]
    pub btimes: Vec<String>,
    /// The owner's name or number.
    #[serde(default)]
    #[schemars(extend("x-flag" = {"name": "owner", "value": "USER"}))]
    pub owners: Vec<String>,
    /// The group's name or number.
    #[serde(default)]
    #[schemars(extend("x-flag" = {"name": "group", "value": "GROUP"}))]
    pub groups: Vec<String>,
    /// The kinds of file that are tested; by default files and links to files.
    ///
    /// f file, d folder, l link itself, p pipe, s socket, b block device, c character device. Only files are
    /// opened; content and digest filters never match anything else.
    #[serde(default)]
    #[schemars(extend("x-flag" = {"name": "type", "value": "KIND"}))]
    pub types: Vec<FileKind>,
    /// A regular expression that the name of one extended attribute must match.
    #[serde(default)]
    #[schemars(extend("x-flag" = {"name": "xattr", "value": "REGEX"}))]
    pub xattrs: Vec<String>,
    /// `any`, or a regular expression that one capability must match, as in `cap_net_raw=ep`. Linux.
    #[serde(default)]
    #[schemars(extend("x-flag" = {"name": "capability", "value": "REGEX"}))]
    pub capabilities: Vec<String>,
    /// A regular expression that one line must match; `!` in front: no line may match.
    #[serde(default)]
    #[schemars(extend("x-flag" = {"name": "content", "value": "REGEX"}))]
    pub contents: Vec<String>,
    /// The MD5 digest in hexadecimal; of several, one must match.
    #[serde(default)]
    #[schemars(extend("x-flag" = {"name": "md5", "value": "HEX"}))]
    pub md5: Vec<String>,
    /// The SHA-1 digest in hexadecimal; of several, one must match.
    #[serde(default)]
    #[schemars(extend("x-flag" = {"name": "sha1", "value": "HEX"}))]
    pub sha1: Vec<String>,
    /// The SHA-256, SHA-384 or SHA-512 digest in hexadecimal, told apart by length; of several, one must match.
    #[serde(default)]
    #[schemars(extend("x-flag" = {"name": "sha2", "value": "HEX"}))]
    pub sha2: Vec<String>,
    /// The SHA3-224, -256, -384 or -512 digest in hexadecimal, told apart by length; of several, one must match.
    #[serde(default)]
    #[schemars(extend("x-flag" = {"name": "sha3", "value": "HEX"}))]
    pub sha3: Vec<String>,
    /// The BLAKE3 digest (256 bits) in hexadecimal; of several, one must match.
    #[serde(default)]
    #[schemars(extend("x-flag" = {"name": "blake3", "value": "HEX"}))]
    pub blake3: Vec<String>,
    /// How to search.
    #[serde(default)]
    pub options: Options,
}

/// How one search is carried out.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "independent switches, as they are documented"
)]
pub struct Options {
    /// All filters must match, rather than any one of them; on the command line this is the default.
    #[schemars(extend(
        "x-flag" = [
            {"name": "matchall", "help": "All filters must match (the default)"},
            {"name": "matchany", "sets": false, "help": "Any filter may match; the finding says which did"},
        ],
        "x-flag-default" = true,
    ))]
    pub matchall: bool,
    /// Every line must match the content patterns, or with `!` none, rather than some line.
    #[schemars(extend("x-flag" = "macroal"))]
    pub macroal: bool,
    /// A filter whose results are inverted.
    #[schemars(extend("x-flag" = {"name": "mismatch", "value": "FILTER"}))]
    pub mismatch: Vec<Filter>,
    /// How many findings the search may have.
    #[schemars(extend("x-flag" = {"name": "matchlimit", "value": "N"}, "x-unit" = "findings"))]
    pub matchlimit: u64,
    /// How many folders below its path the search descends.
    #[schemars(extend("x-flag" = {"name": "maxdepth", "value": "N"}, "x-unit" = "folders"))]
    pub maxdepth: u32,
    /// How many errors are listed; all are counted.
    #[schemars(extend("x-flag" = {"name": "maxerrors", "value": "N"}, "x-unit" = "errors"))]
    pub maxerrors: u64,
    /// Search remote file systems (NFS, SMB, sshfs and so on) too.
    #[schemars(extend("x-flag" = "remotefs"))]
    pub remotefs: bool,
    /// Stay on the device of the path.
    #[schemars(extend("x-flag" = "xdev"))]
    pub xdev: bool,
    /// Report the SHA-256 digest of each file found.
    #[schemars(extend("x-flag" = "returnsha256"))]
    pub returnsha256: bool,
    /// Test the decompressed content of gzip, bzip2, xz, zstd and lz4 files.
    #[schemars(extend("x-flag" = "decompress"))]
    pub decompress: bool,
    /// Look into zip and tar archives, nested ones too.
    #[schemars(extend("x-flag" = "archives"))]
    pub archives: bool,
    /// Search the root of each running container too. Linux.
    #[schemars(extend("x-flag" = "containers", "x-needs" = "read-processes"))]
    pub containers: bool,
    /// How many threads to use; 0: one per processor for names and metadata (at most 8), 8 for reading files.
    #[schemars(extend("x-flag" = {"name": "threads", "value": "N"}, "x-unit" = "threads"))]
    pub threads: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            matchall: false,
            macroal: false,
            mismatch: Vec::new(),
            matchlimit: 1000,
            maxdepth: 1000,
            maxerrors: 30,
            remotefs: false,
            xdev: false,
            returnsha256: false,
            decompress: false,
            archives: false,
            containers: false,
            threads: 0,
        }
    }
}

/// A filter, as `mismatch` and findings name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names are those of the parameters")]
#[schemars(inline)]
pub enum Filter {
    Name,
    Size,
    Mode,
    Mtime,
    Ctime,
    Btime,
    Owner,
    Group,
    Xattr,
    Capability,
    Content,
    Md5,
    Sha1,
    Sha2,
    Sha3,
    Blake3,
}

/// The kinds of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[schemars(inline)]
#[allow(missing_docs, reason = "the names say it")]
pub enum FileKind {
    #[serde(rename = "f")]
    File,
    #[serde(rename = "d")]
    Folder,
    #[serde(rename = "l")]
    Link,
    #[serde(rename = "p")]
    Pipe,
    #[serde(rename = "s")]
    Socket,
    #[serde(rename = "b")]
    BlockDevice,
    #[serde(rename = "c")]
    CharacterDevice,
}

impl FileKind {
    /// The kind that a file system's type stands for; `None` for types that no file has.
    #[must_use]
    pub fn of(file_type: FileType) -> Option<Self> {
        Some(match file_type {
            FileType::RegularFile => Self::File,
            FileType::Directory => Self::Folder,
            FileType::Symlink => Self::Link,
            FileType::Fifo => Self::Pipe,
            FileType::Socket => Self::Socket,
            FileType::BlockDevice => Self::BlockDevice,
            FileType::CharacterDevice => Self::CharacterDevice,
            FileType::Unknown => return None,
        })
    }
}
