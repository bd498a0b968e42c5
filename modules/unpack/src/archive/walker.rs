//! The walk itself: shows members and goes into what is nested.

use std::{
    io::{Cursor, Read},
    ops::ControlFlow,
};

use super::{
    input::{Content, Failing, Input, Replay, Slice, Watched},
    member::{Anomaly, Flow, Member, MemberKind, Summary, WalkOptions},
    tar, zip,
};
use crate::{
    Codec, Container, DETECT_BYTES, Format, budget::Budget, decode::Decoder, detect, reason::Reason,
};

/// What `walk_archive`'s caller gave to be called with each member.
pub(super) type Visit<'v> = dyn FnMut(&Member<'_>, &mut dyn Read) -> Flow + 'v;

/// Break: the whole walk is over.
pub(super) type Step = ControlFlow<()>;

/// A member's metadata as the archive's walker knows it.
pub(super) struct Entry {
    pub(super) name: Vec<u8>,
    pub(super) container: Container,
    pub(super) kind: MemberKind,
    pub(super) size_hint: Option<u64>,
    pub(super) mtime_s: Option<i64>,
    pub(super) mode: Option<u32>,
    pub(super) uid: Option<u64>,
    pub(super) gid: Option<u64>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) anomalies: Vec<Anomaly>,
}

/// One walk's state.
pub(super) struct Walker<'w> {
    pub(super) budget: &'w Budget<'w>,
    options: WalkOptions,
    visit: &'w mut Visit<'w>,
    pub(super) summary: Summary,
    /// Names down to the archive that is being walked.
    path: Vec<Vec<u8>>,
    /// Archives, and compressed streams that hold compressed streams, around what is being read.
    depth: u32,
}

impl<'w> Walker<'w> {
    pub(super) fn new(
        format: Format,
        budget: &'w Budget<'w>,
        options: WalkOptions,
        visit: &'w mut Visit<'w>,
    ) -> Self {
        Self {
            budget,
            options,
            visit,
            summary: Summary::new(format),
            path: Vec::new(),
            depth: 0,
        }
    }

    /// Notes that something was not looked at; ends the walk when nothing more can be.
    pub(super) fn gap(&mut self, reason: Reason) -> Step {
        let ends = reason.ends_file();
        self.summary.add_gap(&self.path, reason);
        if ends {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    /// Notes a gap of one member of the archive that is being walked.
    pub(super) fn member_gap(&mut self, name: &[u8], reason: Reason) -> Step {
        self.path.push(name.to_vec());
        let step = self.gap(reason);
        self.path.pop();
        step
    }

    /// Notes something odd about the archive that is being walked.
    pub(super) fn anomaly(&mut self, anomaly: Anomaly) {
        self.summary.add_anomaly(&self.path, anomaly);
    }

    /// Goes inside a format.
    pub(super) fn enter(&mut self, format: Format, input: Input<'_>, decoded: &mut Vec<Codec>) -> Step {
        match format {
            Format::Archive(container) => self.enter_archive(container, input),
            Format::Compressed(codec) => self.enter_compressed(codec, input, decoded),
        }
    }

    fn enter_archive(&mut self, container: Container, input: Input<'_>) -> Step {
        if let Err(reason) = self.budget.check_depth(self.depth + 1) {
            return self.gap(reason);
        }
        self.depth += 1;
        let step = match (container, input) {
            (Container::Tar, input) => tar::walk(self, input),
            (Container::Zip, Input::Seekable(slice)) => zip::walk(self, slice),
            (Container::Zip, Input::Stream(stream)) => self.enter_buffered_zip(stream),
        };
        self.depth -= 1;
        step
    }

    fn enter_buffered_zip(&mut self, stream: &mut dyn Read) -> Step {
        let kept = match Replay::new(stream, self.budget).into_memory() {
            Ok(kept) => kept,
            Err(reason) => return self.gap(reason),
        };
        let mut cursor = Cursor::new(&kept.bytes);
        match Slice::whole(&mut cursor) {
            Ok(slice) => zip::walk(self, slice),
            Err(error) => self.gap(Reason::of(&error)),
        }
    }

    /// Decodes a stream, and goes on with what is in it or shows it.
    fn enter_compressed(&mut self, codec: Codec, input: Input<'_>, decoded: &mut Vec<Codec>) -> Step {
        decoded.push(codec);
        let step = match input {
            Input::Seekable(mut slice) => self.decode(codec, &mut slice, decoded),
            Input::Stream(stream) => self.decode(codec, stream, decoded),
        };
        decoded.pop();
        step
    }

    fn decode(&mut self, codec: Codec, input: &mut dyn Read, decoded: &mut Vec<Codec>) -> Step {
        let mut decoder = Decoder::new(codec, input, self.budget);
        let head = read_head(&mut decoder);
        let mut content = head.as_slice().chain(&mut decoder);
        match detect(&head) {
            Some(Format::Archive(container)) if self.goes_into_archives() => {
                self.enter_archive(container, Input::Stream(&mut content))
            }
            Some(Format::Compressed(inner)) => self.enter_next_layer(inner, &mut content, decoded),
            format => self.show_decoded(format, &mut content, decoded),
        }
    }

    /// A compressed stream in a compressed stream counts as nesting, or gzip's quines would never end.
    fn enter_next_layer(&mut self, codec: Codec, content: &mut dyn Read, decoded: &mut Vec<Codec>) -> Step {
        if let Err(reason) = self.budget.check_depth(self.depth + 1) {
            return self.gap(reason);
        }
        self.depth += 1;
        let step = self.enter_compressed(codec, Input::Stream(content), decoded);
        self.depth -= 1;
        step
    }

    /// The file's own archive is always walked, others when the caller wants it.
    fn goes_into_archives(&self) -> bool {
        self.options.nested || self.path.is_empty()
    }

    fn show_decoded(&mut self, format: Option<Format>, content: &mut dyn Read, decoded: &[Codec]) -> Step {
        if !self.options.decompress && !self.path.is_empty() {
            return ControlFlow::Continue(());
        }
        let member = Member {
            path: &self.path,
            container: None,
            kind: MemberKind::File,
            size_hint: None,
            mtime_s: None,
            mode: None,
            uid: None,
            gid: None,
            link: None,
            decoded,
            format,
            anomalies: &[],
        };
        let mut watched = Watched::new(content, self.budget);
        let flow = (self.visit)(&member, &mut watched);
        let failure = watched.failure.take();
        self.after_visit(flow, failure)
    }

    fn after_visit(&mut self, flow: Flow, failure: Option<Reason>) -> Step {
        self.summary.members += 1;
        if let Some(reason) = failure {
            self.gap(reason)?;
        }
        if flow == Flow::Stop {
            self.summary.stopped = true;
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    /// Shows a member, then goes inside it where that is wanted.
    pub(super) fn show(&mut self, mut entry: Entry, content: Content<'_>) -> Step {
        let name = std::mem::take(&mut entry.name);
        self.path.push(name);
        for anomaly in &entry.anomalies {
            self.summary.add_anomaly(&self.path, anomaly.clone());
        }
        let step = match content {
            Content::Stored(slice) => self.show_stored(&entry, slice),
            Content::Stream(stream) => self.show_stream(&entry, stream),
            Content::Unreadable(reason) => self.show_unreadable(&entry, reason),
        };
        self.path.pop();
        step
    }

    fn show_unreadable(&mut self, entry: &Entry, reason: Reason) -> Step {
        let (flow, _) = self.call(entry, None, &mut Failing(reason.clone()));
        self.after_visit(flow, Some(reason))
    }

    fn show_stored(&mut self, entry: &Entry, mut slice: Slice<'_>) -> Step {
        let head = read_head(&mut slice);
        let format = detect(&head);
        let mut content = head.as_slice().chain(&mut slice);
        let (flow, failure) = self.call(entry, format, &mut content);
        self.after_visit(flow, failure)?;
        match format.filter(|_| self.goes_into(entry, format, flow)) {
            Some(format) => {
                let whole = slice.length();
                self.enter(format, Input::Seekable(slice.part(0, whole)), &mut Vec::new())
            }
            None => ControlFlow::Continue(()),
        }
    }

    fn show_stream(&mut self, entry: &Entry, stream: &mut dyn Read) -> Step {
        let head = read_head(stream);
        let format = detect(&head);
        let mut content = head.as_slice().chain(stream);
        if !self.goes_into(entry, format, Flow::Continue) {
            let (flow, failure) = self.call(entry, format, &mut content);
            return self.after_visit(flow, failure);
        }
        match format {
            Some(Format::Archive(Container::Zip)) if self.too_large(entry) => {
                self.show_only(entry, format, &mut content)
            }
            Some(format) => self.show_twice(entry, format, &mut content),
            None => ControlFlow::Continue(()),
        }
    }

    /// A zip needs to be in memory as a whole.
    fn too_large(&self, entry: &Entry) -> bool {
        entry
            .size_hint
            .is_some_and(|size| size > self.budget.buffer_left())
    }

    fn show_only(&mut self, entry: &Entry, format: Option<Format>, content: &mut dyn Read) -> Step {
        let (flow, failure) = self.call(entry, format, content);
        self.after_visit(flow, failure)?;
        if flow == Flow::SkipInside {
            return ControlFlow::Continue(());
        }
        self.gap(Reason::Buffer {
            limit: self.budget.limits().buffer_bytes,
            seen: entry.size_hint.unwrap_or_default(),
        })
    }

    /// Shows a nested archive that comes only once, keeping what the visitor reads for the way inside.
    fn show_twice(&mut self, entry: &Entry, format: Format, content: &mut dyn Read) -> Step {
        let budget = self.budget;
        let mut replay = Replay::new(content, budget);
        let (flow, failure) = self.call(entry, Some(format), &mut replay);
        self.after_visit(flow, failure)?;
        if flow == Flow::SkipInside {
            return ControlFlow::Continue(());
        }
        if format != Format::Archive(Container::Zip) {
            let mut again = replay.again();
            return self.enter(format, Input::Stream(&mut again), &mut Vec::new());
        }
        let kept = match replay.into_memory() {
            Ok(kept) => kept,
            Err(reason) => return self.gap(reason),
        };
        let mut cursor = Cursor::new(&kept.bytes);
        match Slice::whole(&mut cursor) {
            Ok(slice) => self.enter(format, Input::Seekable(slice), &mut Vec::new()),
            Err(error) => self.gap(Reason::of(&error)),
        }
    }

    fn goes_into(&self, entry: &Entry, format: Option<Format>, flow: Flow) -> bool {
        let wanted = match format {
            Some(Format::Archive(_)) => self.options.nested,
            Some(Format::Compressed(_)) => self.options.nested || self.options.decompress,
            None => false,
        };
        wanted && flow == Flow::Continue && entry.kind == MemberKind::File
    }

    fn call(
        &mut self,
        entry: &Entry,
        format: Option<Format>,
        content: &mut dyn Read,
    ) -> (Flow, Option<Reason>) {
        let member = Member {
            path: &self.path,
            container: Some(entry.container),
            kind: entry.kind,
            size_hint: entry.size_hint,
            mtime_s: entry.mtime_s,
            mode: entry.mode,
            uid: entry.uid,
            gid: entry.gid,
            link: entry.link.as_deref(),
            decoded: &[],
            format,
            anomalies: &entry.anomalies,
        };
        let mut watched = Watched::new(content, self.budget);
        let flow = (self.visit)(&member, &mut watched);
        (flow, watched.failure.take())
    }
}

/// The first bytes, as many as [`detect`] wants. A failure here comes again with the next read.
fn read_head(reader: &mut dyn Read) -> Vec<u8> {
    let mut head = Vec::with_capacity(DETECT_BYTES);
    // What was read before the failure stays in `head`.
    let _ = reader.take(DETECT_BYTES as u64).read_to_end(&mut head);
    head
}
