//! Findings as they are reported.

use gumshoe_plugin_api::text::{escape, shown};
pub use gumshoe_process::Container;
use serde::{Deserialize, Serialize};
use std::fmt;

use crate::{
    condition::Surroundings,
    metadata::{Metadata, rfc3339},
    params::{FileKind, Filter},
};

/// One file that a search found.
///
/// Shape: absent values are left out. Times are RFC 3339 in UTC with nanoseconds. A name that is not UTF-8
/// is shown with replacement characters, and exactly in the field that ends in `_bytes` (base64).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Label of the search.
    pub search: String,
    /// Path of the file, or of the archive that holds it.
    pub path: String,
    /// The path exactly, in base64, when it is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_bytes: Option<String>,
    /// Names from the archive's member to the file, joined by `!`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// The member exactly, in base64, when it is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member_bytes: Option<String>,
    /// For a link that was followed: where it points, as it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The link's text exactly, in base64, when it is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link_bytes: Option<String>,
    /// Codecs that were undone before the content was tested, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decompressed: Vec<String>,
    /// Kind of file.
    #[serde(rename = "type")]
    pub kind: FileKind,
    /// Bytes, as stored.
    pub size: u64,
    /// As `ls -l` shows it.
    pub mode: String,
    /// In octal.
    pub mode_octal: String,
    /// Owner's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Group's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
    /// Owner's name, by the file system's own `/etc/passwd`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Group's name, by the file system's own `/etc/group`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// When the content last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtime: Option<String>,
    /// When content or metadata last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ctime: Option<String>,
    /// When it was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub btime: Option<String>,
    /// SHA-256 of the tested content, when asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The container in whose root it lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<Container>,
    /// The filters that matched.
    pub matched: Vec<Matched>,
}

/// One filter that matched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matched {
    /// The filter.
    pub filter: Filter,
    /// Its value, as it was given.
    pub value: String,
}

/// A time without its fraction: nanoseconds are for programs.
fn to_seconds(time: &str) -> String {
    time.split_once('.')
        .map_or_else(|| time.to_owned(), |(seconds, _)| format!("{seconds}Z"))
}

impl Finding {
    /// A finding with what metadata says.
    #[must_use]
    pub fn new(search: &str, path: &[u8], metadata: &Metadata, surroundings: &Surroundings) -> Self {
        let (path, path_bytes) = shown(path);
        let name = |id: Option<u32>, names: &gumshoe_process::Names| names.of(id?).map(str::to_owned);
        Self {
            search: search.to_owned(),
            path,
            path_bytes,
            member: None,
            member_bytes: None,
            link: None,
            link_bytes: None,
            decompressed: Vec::new(),
            kind: metadata.kind,
            size: metadata.size,
            mode: metadata.mode_ls(),
            mode_octal: metadata.mode_octal(),
            uid: metadata.uid,
            gid: metadata.gid,
            owner: name(metadata.uid, &surroundings.users),
            group: name(metadata.gid, &surroundings.groups),
            mtime: metadata.mtime.map(rfc3339),
            ctime: metadata.ctime.map(rfc3339),
            btime: metadata.btime.map(rfc3339),
            sha256: None,
            container: None,
            matched: Vec::new(),
        }
    }
}

/// One line: search, mode, owner, group, size, time, path.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let account = |name: &Option<String>, id: Option<u32>| {
            name.clone()
                .or_else(|| id.map(|id| id.to_string()))
                .unwrap_or_else(|| "-".to_owned())
        };
        write!(
            f,
            "{}: {} {} {} {} {} {}",
            self.search,
            self.mode,
            account(&self.owner, self.uid),
            account(&self.group, self.gid),
            self.size,
            self.mtime.as_deref().map_or_else(|| "-".to_owned(), to_seconds),
            escape(&self.path),
        )?;
        if let Some(member) = &self.member {
            write!(f, "!{}", escape(member))?;
        }
        if let Some(link) = &self.link {
            write!(f, " -> {}", escape(link))?;
        }
        if let Some(container) = &self.container {
            write!(f, " {}", container.words())?;
        }
        if let Some(sha256) = &self.sha256 {
            write!(f, " sha256={sha256}")?;
        }
        let matched: Vec<String> = self
            .matched
            .iter()
            .map(|one| format!("{}={}", filter_name(one.filter), escape(&one.value)))
            .collect();
        if !matched.is_empty() {
            write!(f, " ({})", matched.join(", "))?;
        }
        Ok(())
    }
}

fn filter_name(filter: Filter) -> String {
    format!("{filter:?}").to_lowercase()
}
