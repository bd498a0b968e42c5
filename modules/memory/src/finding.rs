//! Findings as they are reported.

use crate::params::{AnomalyKind, Filter};
use crate::region::{Kind, Region};
pub use gumshoe_process::Container;
use gumshoe_process::shown;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One process that a search found.
///
/// Shape: absent values are left out. Addresses are hexadecimal with `0x`; paths that are not UTF-8 are shown with
/// replacement characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Label of the search.
    pub search: String,
    /// Number of the process.
    pub pid: u32,
    /// When it started, RFC 3339 in UTC; with `pid` it identifies the process.
    pub start_time: String,
    /// Path of its program, as the system shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exe: Option<String>,
    /// Build id of its program, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build_id: Option<String>,
    /// Its name.
    pub comm: String,
    /// Number of its effective user.
    pub uid: u32,
    /// Name of its effective user, by the host's `/etc/passwd`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The container that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<Container>,
    /// What matched, and where.
    pub matches: Vec<Matched>,
    /// Signs of injected or replaced code.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub anomalies: Vec<Anomaly>,
    /// Patterns and signs of which there may be more than listed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limited: Vec<String>,
}

/// One match of one filter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matched {
    /// The filter.
    pub filter: Filter,
    /// The pattern, as it was given.
    pub pattern: String,
    /// Where it matched in memory.
    #[serde(flatten)]
    pub place: Option<Place>,
    /// For a library: the path of the file. For memory of a file: the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// A place in a process's memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Address of the first byte.
    pub address: String,
    /// Length of the match in bytes.
    pub length: u64,
    /// What the region holds.
    pub region: Kind,
    /// What the process may do there, such as `r-xp`.
    pub perms: String,
    /// Offset in the mapped file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_offset: Option<u64>,
    /// Whether the pattern matched in its UTF-16LE form.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wide: bool,
}

/// One sign of injected or replaced code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anomaly {
    /// What it is.
    pub kind: AnomalyKind,
    /// Where it is, for what concerns memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// How many bytes it concerns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// What the process may do there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub perms: Option<String>,
    /// The file that it concerns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// What else is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Place {
    /// The place of `length` bytes at `address` in `region`.
    #[must_use]
    pub fn new(region: &Region, address: u64, length: u64, wide: bool) -> Self {
        let within = address.saturating_sub(region.start);
        Self {
            address: hex(address),
            length,
            region: region.kind(),
            perms: region.perms.to_string(),
            file_offset: region.file().map(|_| region.offset.saturating_add(within)),
            wide,
        }
    }
}

impl Anomaly {
    /// A sign that concerns the process as a whole.
    #[must_use]
    pub fn of_process(kind: AnomalyKind, file: Option<&[u8]>, detail: impl Into<String>) -> Self {
        let file = file.map(shown);
        Self {
            kind,
            address: None,
            bytes: None,
            perms: None,
            file,
            detail: Some(detail.into()),
        }
    }

    /// A sign that concerns `bytes` bytes at `address` of a region.
    #[must_use]
    pub fn of_region(kind: AnomalyKind, region: &Region, address: u64, bytes: u64) -> Self {
        Self {
            kind,
            address: Some(hex(address)),
            bytes: Some(bytes),
            perms: Some(region.perms.to_string()),
            file: (!region.name.is_empty()).then(|| shown(&region.name)),
            detail: None,
        }
    }
}

/// One line for the process, and one for each match and sign.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let program = self.exe.as_deref().unwrap_or(&self.comm);
        let user = self.user.clone().unwrap_or_else(|| self.uid.to_string());
        write!(
            f,
            "{}: pid {} {program} ({user}, since {})",
            self.search, self.pid, self.start_time
        )?;
        if let Some(container) = &self.container {
            write!(f, " {}", container.words())?;
        }
        for matched in &self.matches {
            write!(f, "\n  {matched}")?;
        }
        for anomaly in &self.anomalies {
            write!(f, "\n  {anomaly}")?;
        }
        for limited in &self.limited {
            write!(f, "\n  more of {limited} than listed")?;
        }
        Ok(())
    }
}

impl fmt::Display for Matched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", filter_name(self.filter), self.pattern)?;
        if let Some(place) = &self.place {
            write!(f, " at {} {}", place.address, place.perms)?;
        }
        self.file.iter().try_for_each(|file| write!(f, " {file}"))
    }
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(anomaly_name(self.kind))?;
        let parts = [&self.address, &self.perms, &self.file, &self.detail];
        parts
            .into_iter()
            .flatten()
            .try_for_each(|part| write!(f, " {part}"))
    }
}

/// The name of a filter, as findings write it.
#[must_use]
pub fn filter_name(filter: Filter) -> &'static str {
    match filter {
        Filter::Name => "name",
        Filter::Library => "library",
        Filter::Content => "content",
        Filter::Bytes => "bytes",
    }
}

/// The name of a sign, as parameters and findings write it.
#[must_use]
pub fn anomaly_name(kind: AnomalyKind) -> &'static str {
    match kind {
        AnomalyKind::AnonExec => "anon_exec",
        AnomalyKind::WriteExec => "write_exec",
        AnomalyKind::DeletedExe => "deleted_exe",
        AnomalyKind::MemfdExe => "memfd_exe",
        AnomalyKind::ModifiedCode => "modified_code",
        AnomalyKind::ExeMismatch => "exe_mismatch",
    }
}

fn hex(address: u64) -> String {
    format!("{address:#x}")
}
