//! Walking a zip by its central directory, distrusting every number in it.

use std::{
    collections::{BTreeMap, HashSet},
    hash::{BuildHasher, RandomState},
    io::{self, Read},
    ops::ControlFlow,
};

use super::{
    input::{Content, Slice, Watched},
    member::{Anomaly, MemberKind},
    walker::{Entry, Step, Walker},
    zip_layout::{Layout, find_layout},
};
use crate::{
    Codec, Container,
    decode::Decoder,
    parse::{
        name::leaves_folder,
        zip::{Header, LOCAL_BYTES, local_lengths, parse_central, parse_local},
    },
    reason::Reason,
};

const NAME: &str = "zip";
/// Unix file types in `mode` (POSIX.1-2017 `sys/stat.h`, the values that all systems use).
const TYPE_MASK: u32 = 0o170_000;
const TYPE_SYMLINK: u32 = 0o120_000;
const TYPE_FILE: u32 = 0o100_000;
const TYPE_DIRECTORY: u32 = 0o040_000;
/// Longest data descriptor behind a member: magic, checksum, two zip64 sizes (APPNOTE 4.3.9).
const MAX_DESCRIPTOR_BYTES: u64 = 24;

/// Shows all members that the central directory names.
pub(super) fn walk(walker: &mut Walker<'_>, mut slice: Slice<'_>) -> Step {
    let layout = match find_layout(&mut slice) {
        Ok(layout) => layout,
        Err(reason) => return walker.gap(reason),
    };
    let directory = match read_directory(walker, &mut slice, &layout) {
        Ok(directory) => directory,
        Err(reason) => return walker.gap(reason),
    };
    let mut zip = Zip {
        slice,
        layout,
        taken: BTreeMap::new(),
        names: HashSet::new(),
        hasher: RandomState::new(),
        members: 0,
    };
    let step = zip.walk_directory(walker, &directory);
    if step.is_continue() {
        zip.report_unreferenced(walker);
    }
    step
}

fn read_directory(walker: &Walker<'_>, slice: &mut Slice<'_>, layout: &Layout) -> Result<Vec<u8>, Reason> {
    let limit = walker.budget.limits().directory_bytes;
    let stated = layout.directory_bytes;
    if stated > limit {
        return Err(Reason::Header {
            format: NAME,
            limit,
            seen: stated,
        });
    }
    let available = slice.length().saturating_sub(layout.directory);
    let mut bytes = vec![0; usize::try_from(stated.min(available)).unwrap_or(0)];
    if !slice.read_at(layout.directory, &mut bytes)? || stated > available {
        return Err(Reason::Truncated {
            format: NAME,
            offset: slice.length(),
        });
    }
    Ok(bytes)
}

/// A zip being walked.
struct Zip<'a> {
    slice: Slice<'a>,
    layout: Layout,
    /// Stretches that belong to members that were shown: end by start.
    taken: BTreeMap<u64, u64>,
    /// Keyed hashes of the names met; a hash takes less room than a name.
    names: HashSet<u64>,
    hasher: RandomState,
    members: u64,
}

/// Where a member's compressed data lies.
struct Data {
    start: u64,
    length: u64,
}

impl Zip<'_> {
    fn walk_directory(&mut self, walker: &mut Walker<'_>, mut rest: &[u8]) -> Step {
        while !rest.is_empty() {
            let Some((header, next)) = parse_central(rest) else {
                let position = self.layout.directory + self.layout.directory_bytes;
                let offset = position - rest.len() as u64;
                let detail = "malformed central directory";
                return walker.gap(Reason::corrupt(NAME, offset, detail));
            };
            self.members += 1;
            let allowed = walker
                .budget
                .check_interrupt()
                .and_then(|()| walker.budget.charge_member(self.members));
            if let Err(reason) = allowed {
                return walker.gap(self.with_stated_count(reason));
            }
            self.member(walker, header)?;
            rest = next;
        }
        self.check_count(walker);
        ControlFlow::Continue(())
    }

    /// The archive's own word on how many members there are says more than where the walk ended.
    fn with_stated_count(&self, reason: Reason) -> Reason {
        match reason {
            Reason::Members { limit, seen } => Reason::Members {
                limit,
                seen: seen.max(self.layout.entries),
            },
            other => other,
        }
    }

    fn check_count(&self, walker: &mut Walker<'_>) {
        let stated = self.layout.entries;
        if stated != self.members {
            walker.anomaly(Anomaly::MemberCount {
                stated,
                seen: self.members,
            });
        }
    }

    fn member(&mut self, walker: &mut Walker<'_>, header: Header) -> Step {
        let mut entry = entry_of(&header);
        if let Err(reason) = walker.budget.check_name(entry.name.len() as u64) {
            let limit = usize::try_from(walker.budget.limits().name_bytes).unwrap_or(usize::MAX);
            entry.name.truncate(limit);
            walker.member_gap(&entry.name, reason)?;
        }
        if !self.names.insert(self.hasher.hash_one(&header.name)) {
            entry.anomalies.push(Anomaly::DuplicateName);
        }
        if leaves_folder(&header.name) {
            entry.anomalies.push(Anomaly::UnsafeName);
        }
        match self.locate(&header, &mut entry.anomalies) {
            Ok(data) => self.show(walker, entry, &header, &data),
            Err(reason) => walker.show(entry, Content::Unreadable(reason)),
        }
    }

    /// Reads the local header, compares it, and makes sure that no bytes are used twice.
    fn locate(&mut self, header: &Header, anomalies: &mut Vec<Anomaly>) -> Result<Data, Reason> {
        let at = self.layout.base.saturating_add(header.offset);
        let bad = || Reason::corrupt(NAME, at, "there is no local header where a member should be");
        let mut fixed = [0; LOCAL_BYTES];
        if header.many_disks || !self.slice.read_at(at, &mut fixed)? {
            return Err(bad());
        }
        let (name, extra) = local_lengths(&fixed).ok_or_else(bad)?;
        let mut variable = vec![0; name + extra];
        if !self.slice.read_at(at + LOCAL_BYTES as u64, &mut variable)? {
            return Err(bad());
        }
        let local = parse_local(&fixed, &variable).ok_or_else(bad)?;
        compare(header, &local, anomalies);
        let start = at + (LOCAL_BYTES + variable.len()) as u64;
        let end = start.saturating_add(header.compressed);
        if end > self.layout.directory {
            return Err(Reason::Truncated {
                format: NAME,
                offset: self.layout.directory,
            });
        }
        self.take(at, end)?;
        Ok(Data {
            start,
            length: header.compressed,
        })
    }

    /// Books a stretch. Members that share bytes are how small zips become endless ones
    /// (D. Fifield, "A better zip bomb", 2019).
    fn take(&mut self, start: u64, end: u64) -> Result<(), Reason> {
        let before = self.taken.range(..end).next_back();
        if let Some((_, before_end)) = before
            && *before_end > start
        {
            return Err(Reason::Overlap { offset: start });
        }
        self.taken.insert(start, end);
        Ok(())
    }

    fn show(&mut self, walker: &mut Walker<'_>, entry: Entry, header: &Header, data: &Data) -> Step {
        let method = match method_of(header) {
            Ok(method) => method,
            Err(reason) => return walker.show(entry, Content::Unreadable(reason)),
        };
        let budget = walker.budget;
        let mut raw = self.slice.part(data.start, data.length);
        match method {
            Method::Stored if is_intact(&mut raw, header, walker) => walker.show(entry, Content::Stored(raw)),
            Method::Stored => {
                let mut checked = Checked::new(raw, header);
                walker.show(entry, Content::Stream(&mut checked))
            }
            Method::Coded(codec) => {
                let mut checked = Checked::new(Decoder::new(codec, raw, budget), header);
                walker.show(entry, Content::Stream(&mut checked))
            }
        }
    }

    /// Counts bytes that no member uses, data descriptors aside.
    fn report_unreferenced(&self, walker: &mut Walker<'_>) {
        let ends = self.taken.values().copied();
        let starts = self.taken.keys().copied();
        let between = [0]
            .into_iter()
            .chain(ends)
            .zip(starts.chain([self.layout.directory]));
        let bytes: u64 = between
            .map(|(end, start)| start.saturating_sub(end))
            .filter(|gap| *gap > MAX_DESCRIPTOR_BYTES)
            .sum();
        let bytes = bytes + self.layout.appended;
        if bytes > 0 {
            walker.anomaly(Anomaly::Unreferenced { bytes });
        }
    }
}

/// How a member is stored.
enum Method {
    Stored,
    Coded(Codec),
}

/// APPNOTE 4.4.5.
fn method_of(header: &Header) -> Result<Method, Reason> {
    if header.is_encrypted() {
        return Err(Reason::Encrypted);
    }
    let codec = match header.method {
        0 if !header.is_patch() => return Ok(Method::Stored),
        8 if !header.is_patch() => Codec::Deflate,
        12 => Codec::Bzip2,
        20 | 93 => Codec::Zstd,
        95 => Codec::Xz,
        other => {
            return Err(Reason::Unsupported {
                format: NAME,
                feature: format!("compression method {other}"),
            });
        }
    };
    Ok(Method::Coded(codec))
}

/// A large stored archive whose checksum holds is handed out as a part of the file and walked in place, so that it
/// does not have to fit into memory. The check reads the member once more.
fn is_intact(raw: &mut Slice<'_>, header: &Header, walker: &Walker<'_>) -> bool {
    let large = header.size > walker.budget.limits().buffer_bytes / 4;
    if !large || header.size != header.compressed || !starts_like_zip(raw) {
        return false;
    }
    let length = raw.length();
    let mut checked = Checked::new(raw.part(0, length), header);
    let mut watched = Watched::new(&mut checked, walker.budget);
    io::copy(&mut watched, &mut io::sink()).is_ok()
}

fn starts_like_zip(raw: &mut Slice<'_>) -> bool {
    let mut head = [0; 2];
    let read = raw.read_at(0, &mut head);
    raw.rewind();
    matches!(read, Ok(true)) && &head == b"PK"
}

fn compare(header: &Header, local: &Header, anomalies: &mut Vec<Anomaly>) {
    let later = local.has_descriptor();
    let differs = [
        ("name", header.name != local.name),
        ("method", header.method != local.method),
        ("flags", header.is_encrypted() != local.is_encrypted()),
        ("checksum", header.crc != local.crc && !(later && local.crc == 0)),
        (
            "compressed size",
            header.compressed != local.compressed && !(later && local.compressed == 0),
        ),
        ("size", header.size != local.size && !(later && local.size == 0)),
    ];
    let fields = differs.into_iter().filter(|(_, differs)| *differs);
    anomalies.extend(fields.map(|(field, _)| Anomaly::HeaderMismatch { field }));
}

fn entry_of(header: &Header) -> Entry {
    let kind = kind_of(header);
    Entry {
        name: header.name.clone(),
        container: Container::Zip,
        kind,
        size_hint: Some(header.size),
        mtime_s: header.mtime_s,
        mode: header.mode,
        uid: header.uid,
        gid: header.gid,
        link: None,
        anomalies: Vec::new(),
    }
}

fn kind_of(header: &Header) -> MemberKind {
    match header.mode.map_or(0, |mode| mode & TYPE_MASK) {
        TYPE_SYMLINK => MemberKind::Symlink,
        TYPE_DIRECTORY => MemberKind::Directory,
        // A "directory" with content is looked into like a file.
        0 | TYPE_FILE if header.name.ends_with(b"/") && header.size == 0 => MemberKind::Directory,
        0 | TYPE_FILE => MemberKind::File,
        _ => MemberKind::Other,
    }
}

/// Delivers all that is there, then compares size and checksum.
struct Checked<R> {
    inner: R,
    crc: crc32fast::Hasher,
    seen: u64,
    declared: u64,
    stated_crc: u32,
}

impl<R: Read> Checked<R> {
    fn new(inner: R, header: &Header) -> Self {
        Self {
            inner,
            crc: crc32fast::Hasher::new(),
            seen: 0,
            declared: header.size,
            stated_crc: header.crc,
        }
    }

    fn judge(&self) -> Result<(), Reason> {
        if self.seen != self.declared {
            return Err(Reason::Size {
                declared: self.declared,
                seen: self.seen,
            });
        }
        if self.crc.clone().finalize() != self.stated_crc {
            return Err(Reason::corrupt(NAME, self.seen, "checksum mismatch"));
        }
        Ok(())
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        let count = self.inner.read(out)?;
        if count == 0 {
            self.judge().map_err(Reason::into_io)?;
        }
        self.crc.update(&out[..count]);
        self.seen += count as u64;
        Ok(count)
    }
}
