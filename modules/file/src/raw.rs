//! Files on disk: which bytes of them a search tests, and how reading them ended.

use std::{
    cell::Cell,
    fs::File,
    io::{self, Read, Seek},
    os::fd::AsFd,
};

use gumshoe_scan::lines::{MAX_LINE_BYTES, OVERLAP_BYTES};
use gumshoe_unpack::{Budget, Codec, DETECT_BYTES, Decoder, Format, Interrupt, Limits, Reason, detect};

use crate::{
    content::{DigestTime, End, FailedRead, Stream},
    digest::Algorithm,
    engine::{Engine, Gap, Weight},
    metadata::Metadata,
    os,
    parts::{self, Parts},
    subject::Subject,
    visit::{FileVisitor, why},
};

/// Files that do not tell their size, as those of `/proc`, are read up to this many bytes.
const MAX_UNSIZED_BYTES: u64 = 64 << 20;

/// A file that was opened.
pub struct RawFile {
    file: File,
    /// Bytes when it was opened; `None` when it does not tell.
    size: Option<u64>,
    has_holes: bool,
    /// It was not read yet.
    is_fresh: Cell<bool>,
}

impl RawFile {
    /// Wraps an open file; one on a pseudo file system does not tell its size.
    #[must_use]
    pub fn new(file: File, metadata: &Metadata, is_pseudo: bool) -> Self {
        Self {
            file,
            size: (!is_pseudo).then_some(metadata.size),
            has_holes: !is_pseudo && metadata.stored_bytes < metadata.size,
            is_fresh: Cell::new(true),
        }
    }

    /// The file itself.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }

    /// The first bytes, as many as tell the format.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn head(&self) -> io::Result<Vec<u8>> {
        let mut head = vec![0; DETECT_BYTES];
        let length = rustix::io::pread(self.file.as_fd(), &mut head, 0)?;
        head.truncate(length);
        Ok(head)
    }

    /// The codec of a compressed file.
    fn codec(&self) -> io::Result<Option<Codec>> {
        Ok(match detect(&self.head()?) {
            Some(Format::Compressed(codec)) => Some(codec),
            _ => None,
        })
    }

    /// The size, if the file is so large that threads may share it. Holes are better passed over in order.
    fn divisible_size(&self) -> Option<u64> {
        self.size
            .filter(|&size| size >= parts::MIN_BYTES && !self.has_holes)
    }

    fn rewind(&self) -> io::Result<()> {
        if self.is_fresh.replace(false) {
            Ok(())
        } else {
            (&self.file).rewind()
        }
    }
}

/// What is read of a file: its bytes, or what they decode to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Layer(Option<Codec>);

/// Whether zeros in holes must be delivered in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ZerosIn {
    Full,
    Short,
}

impl Layer {
    /// Runs `work` on the bytes from the start.
    fn stream(
        self,
        raw: &RawFile,
        engine: &Engine<'_>,
        zeros: ZerosIn,
        work: &mut dyn FnMut(&mut Stream<'_>) -> End,
    ) -> End {
        if let Err(error) = raw.rewind() {
            return End::Failed(error.into());
        }
        match (self.0, raw.size) {
            (Some(codec), _) => {
                let poll = || engine.is_stopped().then_some(Interrupt::Cancelled);
                let budget = Budget::new(Limits::default())
                    .with_total(&engine.tally.unpacked)
                    .with_poll(&poll);
                let mut decoder = Decoder::new(codec, &raw.file, &budget);
                work(&mut Stream {
                    reader: &mut decoder,
                    size: None,
                })
            }
            (None, Some(size)) if raw.has_holes && zeros == ZerosIn::Short => {
                let mut reader = os::Holes::new(&raw.file, size);
                let end = work(&mut Stream {
                    reader: &mut reader,
                    size: None,
                });
                match (end, reader.missing_bytes()) {
                    (End::Complete, missing_bytes @ 1..) => End::Short { missing_bytes },
                    (end, _) => end,
                }
            }
            (None, Some(size)) => work(&mut Stream {
                reader: &mut &raw.file,
                size: Some(size),
            }),
            (None, None) => {
                let mut reader = (&raw.file).take(MAX_UNSIZED_BYTES);
                let end = work(&mut Stream {
                    reader: &mut reader,
                    size: None,
                });
                let reason = Reason::FileOutput {
                    limit: MAX_UNSIZED_BYTES,
                    seen: MAX_UNSIZED_BYTES,
                };
                if reader.limit() == 0 {
                    End::Failed(FailedRead::Unpack(reason))
                } else {
                    end
                }
            }
        }
    }
}

/// Groups searches by what they read of a file: with `decompress`, a compressed file is decoded.
fn layers(raw: &RawFile, engine: &Engine<'_>, searches: &[usize]) -> io::Result<Vec<(Layer, Vec<usize>)>> {
    let decodes = |search: &usize| engine.plan.searches[*search].options.decompress;
    let codec = if searches.iter().any(decodes) {
        raw.codec()?
    } else {
        None
    };
    if codec.is_none() {
        return Ok(vec![(Layer(None), searches.to_vec())]);
    }
    let (decoded, plain): (Vec<usize>, Vec<usize>) = searches.iter().copied().partition(decodes);
    let groups = [(Layer(None), plain), (Layer(codec), decoded)];
    Ok(groups
        .into_iter()
        .filter(|(_, searches)| !searches.is_empty())
        .collect())
}

/// Tests conditions on content and digests for some searches.
pub(crate) fn read(visitor: &mut FileVisitor<'_>, subject: &Subject<'_>, raw: &RawFile, searches: &[usize]) {
    visitor.statistics.files_read += 1;
    let engine = visitor.engine;
    let groups = match layers(raw, engine, searches) {
        Ok(groups) => groups,
        Err(error) => {
            visitor.note_unread(searches);
            return report_end(visitor, subject, &End::Failed(error.into()), searches);
        }
    };
    for (layer, searches) in groups {
        read_layer(visitor, subject, raw, layer, &searches);
    }
}

fn read_layer(
    visitor: &mut FileVisitor<'_>,
    subject: &Subject<'_>,
    raw: &RawFile,
    layer: Layer,
    searches: &[usize],
) {
    for &search in searches {
        visitor.verdicts[search].codecs.extend(layer.0);
    }
    let end = read_lines(visitor, raw, layer, searches);
    let long_lines = visitor.scanner.long_lines;
    report_end(visitor, subject, &end, searches);
    if long_lines > 0 {
        report_long_lines(visitor, subject, searches);
    }
    let missing = visitor.scanner.missing_digests(searches, &visitor.verdicts);
    if !missing.is_empty() && end == End::Complete {
        digest(visitor, subject, raw, layer, &missing, searches);
    }
    visitor.scanner.note_digests(searches, &mut visitor.verdicts);
    visitor.scanner.keep_sha256(searches, &mut visitor.verdicts);
}

/// Looks for lines, and computes digests that these cannot make needless. Threads share a large file.
fn read_lines(visitor: &mut FileVisitor<'_>, raw: &RawFile, layer: Layer, searches: &[usize]) -> End {
    let engine = visitor.engine;
    let is_stopped = || engine.is_stopped();
    let FileVisitor {
        scanner, verdicts, ..
    } = visitor;
    if let Some(size) = raw.divisible_size().filter(|_| layer == Layer(None))
        && scanner.reads_lines_only(searches)
        && let Ok(_turn) = engine.tally.dividing.try_lock()
    {
        let parts = Parts::new(&raw.file, size, engine.parallelism());
        return scanner.scan_parts(&parts, searches, verdicts, &is_stopped);
    }
    let asks_digests = |&search: &usize| !engine.plan.searches[search].digests.is_empty();
    let zeros = if searches.iter().any(asks_digests) {
        ZerosIn::Full
    } else {
        ZerosIn::Short
    };
    layer.stream(raw, engine, zeros, &mut |stream| {
        scanner.scan(stream, searches, DigestTime::WhenNeeded, verdicts, &is_stopped)
    })
}

/// Reads the file (again) for digests.
fn digest(
    visitor: &mut FileVisitor<'_>,
    subject: &Subject<'_>,
    raw: &RawFile,
    layer: Layer,
    algorithms: &[Algorithm],
    searches: &[usize],
) {
    let engine = visitor.engine;
    let is_stopped = || engine.is_stopped();
    let scanner = &mut visitor.scanner;
    let end = layer.stream(raw, engine, ZerosIn::Full, &mut |stream| {
        scanner.digest(stream, algorithms, &is_stopped)
    });
    report_end(visitor, subject, &end, searches);
}

/// Computes the SHA-256 digests that searches report of what they found, where these are not known yet.
pub(crate) fn digest_found(
    visitor: &mut FileVisitor<'_>,
    subject: &Subject<'_>,
    raw: Option<RawFile>,
    searches: &[usize],
) {
    let engine = visitor.engine;
    let lacks = |&search: &usize| {
        engine.plan.searches[search].options.returnsha256 && visitor.verdicts[search].sha256.is_none()
    };
    let searches: Vec<usize> = searches.iter().copied().filter(lacks).collect();
    if searches.is_empty() {
        return;
    }
    let opened = raw.map_or_else(
        || {
            visitor.statistics.files_read += 1;
            subject
                .open()
                .map(|(file, metadata)| RawFile::new(file, &metadata, subject.dir.is_pseudo()))
        },
        Ok,
    );
    let raw = match opened {
        Ok(raw) => raw,
        Err(errno) => return visitor.report(subject, "file", errno, &searches),
    };
    let groups = match layers(&raw, engine, &searches) {
        Ok(groups) => groups,
        Err(error) => return report_end(visitor, subject, &End::Failed(error.into()), &searches),
    };
    for (layer, searches) in groups {
        visitor.scanner.forget_digests();
        digest(visitor, subject, &raw, layer, &[Algorithm::Sha256], &searches);
        visitor.scanner.keep_sha256(&searches, &mut visitor.verdicts);
    }
}

/// Reports what was not read.
fn report_end(visitor: &FileVisitor<'_>, subject: &Subject<'_>, end: &End, searches: &[usize]) {
    let (why, bytes, weight) = match end {
        End::Complete | End::Stopped => return,
        End::Short { missing_bytes } => (
            "shrank while it was read".to_owned(),
            *missing_bytes,
            Weight::Incomplete,
        ),
        End::Failed(FailedRead::Io(errno)) => {
            let (why, weight) = why(*errno);
            (why, 0, weight)
        }
        End::Failed(FailedRead::Unpack(reason)) => (why_not_unpacked(reason), 0, Weight::Incomplete),
    };
    let gap = Gap {
        what: "file content",
        why,
        path: &subject.path(),
        count: 1,
        bytes,
        weight,
    };
    visitor.engine.report(&gap, searches.iter().copied());
}

fn report_long_lines(visitor: &FileVisitor<'_>, subject: &Subject<'_>, searches: &[usize]) {
    let why = format!(
        "in lines over {MAX_LINE_BYTES} bytes, only matches up to {OVERLAP_BYTES} bytes are sure to be found"
    );
    let gap = Gap {
        what: "long line",
        why,
        path: &subject.path(),
        count: 1,
        bytes: 0,
        weight: Weight::ByDesign,
    };
    visitor.engine.report(&gap, searches.iter().copied());
}

/// Why something compressed was not looked into, in few different words: each makes an entry of its own.
pub(crate) fn why_not_unpacked(reason: &Reason) -> String {
    match reason {
        Reason::FileOutput { limit, .. } => format!("limit reached: bytes of one file = {limit}"),
        Reason::TotalOutput { limit, .. } => {
            format!("limit reached: unpacked bytes of all files = {limit}")
        }
        Reason::Ratio { limit, .. } => format!("limit reached: expansion = {limit} times"),
        Reason::Depth { limit, .. } => format!("limit reached: nesting = {limit}"),
        Reason::Members { limit, .. } => format!("limit reached: members = {limit}"),
        Reason::Name { limit, .. } => format!("limit reached: bytes of a name = {limit}"),
        Reason::Window { limit, .. } => {
            format!("limit reached: bytes of a decoder's window = {limit}")
        }
        Reason::Buffer { limit, .. } => {
            format!("limit reached: bytes of a nested archive = {limit}")
        }
        Reason::Header { format, limit, .. } => {
            format!("limit reached: bytes of a {format} header = {limit}")
        }
        Reason::Truncated { format, .. } => format!("truncated {format} data"),
        Reason::Corrupt { format, .. } => format!("corrupt {format} data"),
        Reason::Trailing { format, .. } => format!("something else behind {format} data"),
        Reason::Encrypted => "encrypted".to_owned(),
        Reason::Unsupported { format, .. } => format!("{format} feature that is not supported"),
        Reason::Overlap { .. } => "data that overlaps another member's".to_owned(),
        Reason::Size { .. } => "size that is not as stated".to_owned(),
        Reason::Source { kind, .. } => format!("system error: {kind}"),
        Reason::Decoder { codec, .. } => format!("{} decoder failed", codec.name()),
        Reason::Interrupted(_) => "interrupted".to_owned(),
        _ => "could not be unpacked".to_owned(),
    }
}
