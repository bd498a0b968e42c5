//! Files in zip and tar archives, tested as if they were unpacked.

use std::{io::Read, os::unix::ffi::OsStrExt};

use gumshoe_unpack::{
    Budget, Flow, Format, Interrupt, Limits, Member, MemberKind, Summary, WalkError, WalkOptions, detect,
    walk_archive,
};

use crate::{
    content::{DigestTime, Stream},
    engine::{Gap, Weight},
    metadata::Metadata,
    params::FileKind,
    plan::Search,
    raw::{RawFile, why_not_unpacked},
    subject::Subject,
    visit::FileVisitor,
};
use gumshoe_plugin_api::text::shown;

/// Beginnings of programs and scripts, behind which a zip may hide: self-extracting archives, executable jars.
const CARRIERS: [&[u8]; 3] = [b"\x7fELF", b"MZ", b"#!"];

/// Tests the members of a file, if it is an archive, for the searches that ask for it.
pub(crate) fn look_inside(visitor: &mut FileVisitor<'_>, subject: &Subject<'_>, searches: &[usize]) {
    let engine = visitor.engine;
    let asks =
        |&search: &usize| engine.plan.searches[search].options.archives && !engine.is_exhausted(search);
    let searches: Vec<usize> = searches.iter().copied().filter(asks).collect();
    if searches.is_empty() || engine.is_stopped() {
        return;
    }
    let raw = match subject.open() {
        Ok((file, metadata)) => RawFile::new(file, &metadata, subject.dir.is_pseudo()),
        Err(errno) => return visitor.report(subject, "archive", errno, &searches),
    };
    if !raw.head().is_ok_and(|head| may_be_archive(&head)) {
        return;
    }
    let poll = || engine.is_stopped().then_some(Interrupt::Cancelled);
    let budget = Budget::new(Limits::default())
        .with_total(&engine.tally.unpacked)
        .with_poll(&poll);
    let decompress = searches
        .iter()
        .any(|&search| engine.plan.searches[search].options.decompress);
    let options = WalkOptions {
        nested: true,
        decompress,
    };
    let outcome = walk_archive(raw.file(), &budget, options, &mut |member, content| {
        test_member(visitor, subject, &searches, member, content);
        if engine.is_over() {
            Flow::Stop
        } else {
            Flow::Continue
        }
    });
    match outcome {
        Ok(summary) => report_gaps(visitor, subject, &summary, &searches),
        Err(WalkError::NotAnArchive) => {}
        Err(WalkError::Read { source }) => {
            report(visitor, subject, &[], why_not_unpacked(&source), 1, &searches);
        }
        Err(_) => report(
            visitor,
            subject,
            &[],
            "could not be unpacked".to_owned(),
            1,
            &searches,
        ),
    }
}

fn may_be_archive(head: &[u8]) -> bool {
    detect(head).is_some() || CARRIERS.iter().any(|carrier| head.starts_with(carrier))
}

fn test_member(
    visitor: &mut FileVisitor<'_>,
    subject: &Subject<'_>,
    searches: &[usize],
    member: &Member<'_>,
    content: &mut dyn Read,
) {
    // A compressed file that is no archive has one member without a name: the file itself, tested elsewhere.
    let Some(path) = member.path.last() else {
        return;
    };
    let name = path
        .strip_suffix(b"/")
        .unwrap_or(path)
        .rsplit(|&byte| byte == b'/')
        .next()
        .unwrap_or_default();
    let Some(metadata) = metadata(member) else {
        return;
    };
    let mut candidates = Vec::new();
    visitor.by_name(
        searches,
        name,
        |search| wants(search, member, metadata.kind),
        &mut candidates,
    );
    visitor.by_metadata(&metadata, &candidates);
    for &search in &candidates {
        let plan = &visitor.engine.plan.searches[search];
        visitor.verdicts[search].note_unknown(plan.mode, &plan.attributes);
        visitor.verdicts[search].codecs.extend_from_slice(member.decoded);
    }
    candidates.retain(|&search| !visitor.verdicts[search].is_failed());
    read_member(visitor, &candidates, metadata.kind, content);
    candidates.retain(|&search| visitor.is_match(search));
    for search in candidates {
        emit(visitor, search, subject, member, &metadata);
    }
}

/// Whether a search tests a member. A compressed one is tested decoded by searches that ask for it, as files are.
fn wants(search: &Search, member: &Member<'_>, kind: FileKind) -> bool {
    let reads_decoded = search.options.decompress && search.reads_member();
    let is_compressed = matches!(member.format, Some(Format::Compressed(_)));
    search.kinds.include(kind)
        && if member.is_decoded() {
            reads_decoded
        } else {
            !(is_compressed && reads_decoded)
        }
}

fn read_member(visitor: &mut FileVisitor<'_>, candidates: &[usize], kind: FileKind, content: &mut dyn Read) {
    let engine = visitor.engine;
    let reads = |&search: &usize| engine.plan.searches[search].reads_member();
    let readers: Vec<usize> = candidates.iter().copied().filter(reads).collect();
    if readers.is_empty() {
        return;
    }
    if kind != FileKind::File {
        return visitor.note_unread(&readers);
    }
    visitor.statistics.files_read += 1;
    let FileVisitor {
        scanner, verdicts, ..
    } = visitor;
    let mut stream = Stream {
        reader: content,
        size: None,
    };
    // How it ended is in the walk's summary.
    scanner.scan(&mut stream, &readers, DigestTime::Now, verdicts, &|| {
        engine.is_stopped()
    });
    scanner.note_digests(&readers, verdicts);
    scanner.keep_sha256(&readers, verdicts);
}

fn metadata(member: &Member<'_>) -> Option<Metadata> {
    let kind = match member.kind {
        MemberKind::File | MemberKind::Hardlink => FileKind::File,
        MemberKind::Directory => FileKind::Folder,
        MemberKind::Symlink => FileKind::Link,
        _ => return None,
    };
    let id = |id: Option<u64>| id.and_then(|id| u32::try_from(id).ok());
    Some(Metadata {
        kind,
        size: member.size_hint.unwrap_or(0),
        mode: u16::try_from(member.mode.unwrap_or(0) & 0o7777).unwrap_or(0),
        uid: id(member.uid),
        gid: id(member.gid),
        mtime: member.mtime_s.map(|seconds| i128::from(seconds) * 1_000_000_000),
        ctime: None,
        btime: None,
        id: (0, 0),
        stored_bytes: 0,
    })
}

fn emit(
    visitor: &mut FileVisitor<'_>,
    search: usize,
    subject: &Subject<'_>,
    member: &Member<'_>,
    metadata: &Metadata,
) {
    let emitted = visitor.engine.emit(search, || {
        let mut finding = visitor.finding(search, subject.path().as_os_str().as_bytes(), metadata);
        let (text, exact) = shown(&member.path.join(&b'!'));
        (finding.member, finding.member_bytes) = (Some(text), exact);
        finding
    });
    visitor.statistics.findings += u64::from(emitted);
}

fn report_gaps(visitor: &FileVisitor<'_>, subject: &Subject<'_>, summary: &Summary, searches: &[usize]) {
    for gap in &summary.gaps {
        report(
            visitor,
            subject,
            &gap.path,
            why_not_unpacked(&gap.reason),
            1,
            searches,
        );
    }
    if summary.gaps_not_listed > 0 {
        let why = "one of many reasons in one archive".to_owned();
        report(visitor, subject, &[], why, summary.gaps_not_listed, searches);
    }
}

fn report(
    visitor: &FileVisitor<'_>,
    subject: &Subject<'_>,
    member: &[Vec<u8>],
    why: String,
    count: u64,
    searches: &[usize],
) {
    let mut path = subject.path().into_os_string();
    for name in member {
        path.push("!");
        path.push(std::ffi::OsStr::from_bytes(name));
    }
    let gap = Gap {
        what: "archive member",
        why,
        path: path.as_ref(),
        count,
        bytes: 0,
        weight: Weight::Incomplete,
    };
    visitor.engine.report(&gap, searches.iter().copied());
}
