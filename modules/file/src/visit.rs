//! One thread's part of a walk: candidates by name, then by metadata, then by content.

use std::{
    ffi::{CStr, CString},
    mem,
    os::unix::ffi::OsStrExt,
};

use gumshoe_plugin_api::text::shown;
use gumshoe_walk::{Dir, Entry, Flow, Skip, SkipReason, Visitor};
use rustix::io::Errno;

use crate::{
    archive,
    condition::{Mode, Verdict},
    content::Scanner,
    engine::{Engine, Gap, Statistics, Weight},
    finding::{Finding, Matched},
    metadata::Metadata,
    params::{FileKind, Options},
    plan::Search,
    raw::{self, RawFile},
    subject::Subject,
};

/// The walk's visitor. One per thread.
pub struct FileVisitor<'a> {
    pub(crate) engine: &'a Engine<'a>,
    pub(crate) scanner: Scanner<'a>,
    /// Per search, for the file at hand.
    pub(crate) verdicts: Vec<Verdict>,
    pub(crate) statistics: Statistics,
    /// The roots that cover the folder at hand, and the searches that these belong to.
    roots: Vec<usize>,
    pub(crate) covering: Vec<usize>,
    /// Kept for its memory only.
    pub(crate) candidates: Vec<usize>,
}

impl<'a> FileVisitor<'a> {
    /// A visitor that has seen nothing.
    #[must_use]
    pub fn new(engine: &'a Engine<'a>) -> Self {
        Self {
            engine,
            scanner: Scanner::new(engine.plan),
            verdicts: engine.plan.searches.iter().map(|_| Verdict::default()).collect(),
            statistics: Statistics::default(),
            roots: Vec::new(),
            covering: Vec::new(),
            candidates: Vec::new(),
        }
    }

    /// What this thread did.
    #[must_use]
    pub fn finish(mut self) -> Statistics {
        self.statistics.bytes_read = self.scanner.bytes_read;
        self.statistics
    }

    /// Finds out which searches cover a folder. As a rule they are those of the folder before.
    fn focus(&mut self, dir: &Dir) {
        let roots = || dir.roots().map(|root| root.root);
        if roots().eq(self.roots.iter().copied()) {
            return;
        }
        self.roots.clear();
        self.roots.extend(roots());
        self.covering.clear();
        self.covering
            .extend(roots().filter_map(|root| Some(self.engine.roots.get(root)?.search)));
        self.covering.sort_unstable();
        self.covering.dedup();
    }

    /// The searches that may match a name, by its kind and the name itself.
    pub(crate) fn by_name(
        &mut self,
        searches: &[usize],
        name: &[u8],
        wants: impl Fn(&Search) -> bool,
        found: &mut Vec<usize>,
    ) {
        found.clear();
        for &index in searches {
            let search = &self.engine.plan.searches[index];
            if !wants(search) || self.engine.is_exhausted(index) {
                continue;
            }
            let verdict = &mut self.verdicts[index];
            verdict.reset();
            verdict.apply(search.mode, &search.names, |regex| regex.is_match(name));
            if !verdict.is_failed() {
                found.push(index);
            }
        }
    }

    /// Tests one name of a folder as something of one kind.
    fn test(&mut self, dir: &Dir, name: &CStr, kind: FileKind, wants: impl Fn(&Search) -> bool) {
        let subject = Subject {
            dir,
            name,
            target: None,
            kind,
        };
        self.test_as(name, &subject, wants);
    }

    /// Tests something by a name.
    fn test_as(&mut self, name: &CStr, subject: &Subject<'_>, wants: impl Fn(&Search) -> bool) {
        let covering = mem::take(&mut self.covering);
        let mut candidates = mem::take(&mut self.candidates);
        self.by_name(&covering, name.to_bytes(), wants, &mut candidates);
        self.covering = covering;
        if !candidates.is_empty() {
            self.examine(subject, &mut candidates);
        }
        self.candidates = candidates;
    }

    /// Tests metadata and content of a candidate, and reports what is found.
    pub(crate) fn examine(&mut self, subject: &Subject<'_>, candidates: &mut Vec<usize>) {
        let plan = self.engine.plan;
        let asks_metadata = |&search: &usize| {
            !plan.searches[search].metadata.is_empty() || !plan.searches[search].attributes.is_empty()
        };
        let mut metadata = None;
        if candidates.iter().any(asks_metadata) {
            match subject.stat() {
                Ok(known) => metadata = Some(known),
                Err(errno) => return self.report(subject, "file", errno, candidates),
            }
        }
        if let Some(known) = &metadata {
            self.by_metadata(known, candidates);
            self.by_attributes(subject, candidates);
        }
        candidates.retain(|&search| !self.verdicts[search].is_failed());
        let file = self.by_content(subject, &mut metadata, candidates);
        candidates.retain(|&search| self.is_match(search));
        if candidates.is_empty() {
            return;
        }
        let metadata = match metadata.map_or_else(|| subject.stat(), Ok) {
            Ok(metadata) => metadata,
            Err(errno) => return self.report(subject, "file", errno, candidates),
        };
        if candidates
            .iter()
            .any(|&search| plan.searches[search].options.returnsha256)
            && subject.kind == FileKind::File
        {
            raw::digest_found(self, subject, file, candidates);
        }
        for &search in &*candidates {
            self.emit(search, subject, &metadata);
        }
    }

    /// Tests conditions on metadata.
    pub(crate) fn by_metadata(&mut self, metadata: &Metadata, candidates: &[usize]) {
        let engine = self.engine;
        for &index in candidates {
            let search = &engine.plan.searches[index];
            let holds = |test: &crate::condition::MetadataTest| test.holds(metadata, &engine.surroundings);
            self.verdicts[index].apply(search.mode, &search.metadata, holds);
        }
    }

    fn by_attributes(&mut self, subject: &Subject<'_>, candidates: &[usize]) {
        let plan = self.engine.plan;
        let mut attributes = None;
        for &index in candidates {
            let search = &plan.searches[index];
            if search.attributes.is_empty() || self.verdicts[index].is_failed() {
                continue;
            }
            match attributes.get_or_insert_with(|| subject.attributes()) {
                Ok(known) => {
                    self.verdicts[index].apply(search.mode, &search.attributes, |test| test.holds(known))
                }
                Err(errno) => {
                    let errno = *errno;
                    self.verdicts[index].note_unknown(search.mode, &search.attributes);
                    self.report(subject, "extended attributes", errno, &[index]);
                }
            }
        }
    }

    /// Tests conditions on content; returns the file if it was opened.
    fn by_content(
        &mut self,
        subject: &Subject<'_>,
        metadata: &mut Option<Metadata>,
        candidates: &[usize],
    ) -> Option<RawFile> {
        let plan = self.engine.plan;
        let asks = |&search: &usize| {
            !plan.searches[search].contents.is_empty() || !plan.searches[search].digests.is_empty()
        };
        let readers: Vec<usize> = candidates.iter().copied().filter(asks).collect();
        if readers.is_empty() {
            return None;
        }
        let opened = if subject.kind == FileKind::File {
            subject.open().map(Some)
        } else {
            Ok(None)
        };
        match opened {
            Ok(Some((file, opened))) => {
                if metadata.as_ref().is_some_and(|known| known.id != opened.id) {
                    self.note_unread(&readers);
                    self.report(subject, "file", Errno::STALE, &readers);
                    return None;
                }
                let raw = RawFile::new(file, &opened, subject.dir.is_pseudo());
                raw::read(self, subject, &raw, &readers);
                *metadata = Some(opened);
                Some(raw)
            }
            Ok(None) => {
                self.note_unread(&readers);
                None
            }
            Err(errno) => {
                self.note_unread(&readers);
                self.report(subject, "file", errno, &readers);
                None
            }
        }
    }

    /// Content that was not examined matches nothing, inverted or not.
    pub(crate) fn note_unread(&mut self, searches: &[usize]) {
        for &index in searches {
            let search = &self.engine.plan.searches[index];
            self.verdicts[index].note_unknown(search.mode, &search.contents);
            self.verdicts[index].note_unknown(search.mode, &search.digests);
        }
    }

    /// Whether a file that was tested completely is found.
    pub(crate) fn is_match(&self, index: usize) -> bool {
        let (search, verdict) = (&self.engine.plan.searches[index], &self.verdicts[index]);
        !verdict.is_failed()
            && (search.mode == Mode::All || search.is_unconditional() || verdict.has_matched())
    }

    fn emit(&mut self, search: usize, subject: &Subject<'_>, metadata: &Metadata) {
        let emitted = self.engine.emit(search, || {
            let mut finding = self.finding(search, subject.path().as_os_str().as_bytes(), metadata);
            if let Some(text) = subject.link_text() {
                let (text, exact) = shown(&text);
                (finding.link, finding.link_bytes) = (Some(text), exact);
            }
            finding
        });
        self.statistics.findings += u64::from(emitted);
    }

    /// A finding with what is known of the file at hand.
    pub(crate) fn finding(&self, index: usize, path: &[u8], metadata: &Metadata) -> Finding {
        let search = &self.engine.plan.searches[index];
        let mut finding = Finding::new(&search.label, path, metadata, &self.engine.surroundings);
        let verdict = &self.verdicts[index];
        finding.sha256.clone_from(&verdict.sha256);
        finding.decompressed = verdict
            .codecs
            .iter()
            .map(|codec| codec.name().to_owned())
            .collect();
        finding.container.clone_from(&self.engine.container);
        let matched = verdict.matched().iter();
        finding.matched = matched
            .map(|(filter, value)| Matched {
                filter: *filter,
                value: (**value).to_owned(),
            })
            .collect();
        finding
    }

    /// Reports that something could not be examined.
    pub(crate) fn report(&self, subject: &Subject<'_>, what: &'static str, errno: Errno, searches: &[usize]) {
        let (why, weight) = why(errno);
        let gap = Gap {
            what,
            why,
            path: &subject.path(),
            count: 1,
            bytes: 0,
            weight,
        };
        self.engine.report(&gap, searches.iter().copied());
    }
}

impl Visitor for FileVisitor<'_> {
    fn directory(&mut self, dir: &Dir) -> Flow {
        self.statistics.folders += 1;
        self.engine.tally.count_folder(self.engine.context);
        // The folder of a path was never an entry: it is tested here, under its own name.
        if dir.is_root()
            && let Ok(name) = CString::new(dir.path().file_name().unwrap_or_default().as_bytes())
        {
            self.focus(dir);
            self.test_root(dir, &name);
        }
        self.flow()
    }

    fn entry(&mut self, dir: &Dir, entry: &Entry<'_>) -> Flow {
        self.statistics.entries += 1;
        let Some(kind) = FileKind::of(entry.file_type) else {
            return self.flow();
        };
        self.focus(dir);
        self.test(dir, entry.name, kind, |search| search.kinds.include(kind));
        if kind == FileKind::Link {
            self.test_link(dir, entry.name);
        }
        if kind == FileKind::File
            && self
                .covering
                .iter()
                .any(|&search| self.engine.plan.searches[search].options.archives)
        {
            let covering = mem::take(&mut self.covering);
            archive::look_inside(
                self,
                &Subject {
                    dir,
                    name: entry.name,
                    target: None,
                    kind,
                },
                &covering,
            );
            self.covering = covering;
        }
        self.flow()
    }

    fn skipped(&mut self, skip: &Skip<'_>) {
        let (why, weight) = match skip.reason() {
            SkipReason::AlreadyVisited => return,
            SkipReason::PermissionDenied => ("permission denied".to_owned(), Weight::Error),
            SkipReason::Vanished => ("vanished meanwhile".to_owned(), Weight::Incomplete),
            SkipReason::NotFound => ("does not exist".to_owned(), Weight::ByDesign),
            SkipReason::Remote { fs } => (format!("remote file system ({fs})"), Weight::ByDesign),
            SkipReason::Pseudo { fs } => (format!("pseudo file system ({fs})"), Weight::ByDesign),
            SkipReason::OtherDevice => ("other device".to_owned(), Weight::ByDesign),
            SkipReason::DepthLimit => self.depth_limit(skip),
            SkipReason::TooManyOpenFiles => ("too many open files".to_owned(), Weight::Error),
            SkipReason::Io(errno) => (format!("system error: {errno}"), Weight::Error),
            other => (format!("not visited ({other:?})"), Weight::Error),
        };
        let what = if *skip.reason() == SkipReason::NotFound {
            "path"
        } else {
            "folder"
        };
        let searches = skip
            .roots()
            .filter_map(|root| Some(self.engine.roots.get(root.root)?.search));
        self.engine.report(
            &Gap {
                what,
                why,
                path: &skip.path(),
                count: 1,
                bytes: 0,
                weight,
            },
            searches,
        );
    }
}

impl FileVisitor<'_> {
    fn flow(&self) -> Flow {
        if self.engine.is_over() {
            Flow::Stop
        } else {
            Flow::Continue
        }
    }

    /// A limit that somebody chose is part of the question; the one that nobody chose is not.
    fn depth_limit(&self, skip: &Skip<'_>) -> (String, Weight) {
        let searches = skip
            .roots()
            .filter_map(|root| Some(self.engine.roots.get(root.root)?.search));
        let limits = searches.map(|search| self.engine.plan.searches[search].options.maxdepth);
        let limit = limits.max().unwrap_or_default();
        let is_chosen = limit < Options::default().maxdepth;
        let weight = if is_chosen {
            Weight::ByDesign
        } else {
            Weight::Incomplete
        };
        (format!("limit reached: maxdepth = {limit}"), weight)
    }

    /// Tests the folder that a path names, which was never an entry.
    fn test_root(&mut self, dir: &Dir, name: &CStr) {
        let path = dir.path();
        let wants = |search: &Search| search.kinds.include(FileKind::Folder) && search.paths.contains(&path);
        let subject = Subject {
            dir,
            name: c".",
            target: None,
            kind: FileKind::Folder,
        };
        self.test_as(name, &subject, wants);
    }
}

/// Why something could not be examined, in few different words, and how that is reported.
pub(crate) fn why(errno: Errno) -> (String, Weight) {
    match errno {
        Errno::ACCESS | Errno::PERM => ("permission denied".to_owned(), Weight::Error),
        Errno::NOENT => ("vanished meanwhile".to_owned(), Weight::Incomplete),
        Errno::STALE | Errno::LOOP | Errno::NOTDIR => ("replaced meanwhile".to_owned(), Weight::Incomplete),
        Errno::AGAIN => (
            "reading would wait for something to happen".to_owned(),
            Weight::Incomplete,
        ),
        Errno::MFILE | Errno::NFILE => ("too many open files".to_owned(), Weight::Error),
        Errno::NAMETOOLONG => ("the path is too long to follow a link".to_owned(), Weight::Error),
        other => (format!("system error: {other}"), Weight::Error),
    }
}
