//! One thread of a walk.

use std::{
    ffi::{CStr, CString},
    mem,
    os::fd::{AsFd, OwnedFd},
    sync::{Arc, atomic::Ordering},
};

use rustix::{
    fs::{AtFlags, FileType, statat},
    io::Errno,
};

use crate::{
    Dir, Entry, EntryWork, Flow, FsKind, Skip, SkipReason, Visitor,
    cover::{Cover, Member},
    dir::{DirRole, OpenCount, Place, to_path},
    os::{self, Buffer, Names, Position},
    plan::{DirId, Guard, dir_id, open_root},
    skip::SkipPlace,
    visited::Claim,
    walker::Shared,
};

/// After so many subdirectories of one directory, these are visited before more of its names are read.
const MAX_PENDING_CHILDREN: usize = 1024;

/// From so many names on, a directory counts as large: idle threads get a share of it, however light the work.
const LARGE_DIRECTORY: usize = 512;

/// Entries between two looks at the caller's wish to stop. A power of two.
const ENTRIES_PER_CHECK: usize = 64;

/// A piece of work that any thread can do.
#[derive(Debug)]
pub(crate) enum Job {
    /// Set out from a start, by index.
    Start(usize),
    /// Visit a subdirectory.
    Child(Parent, CString),
    /// Go on reading a directory.
    Rest(Arc<Dir>, Position),
    /// Visit these entries of a directory.
    Batch(Arc<Dir>, Vec<OwnedEntry>),
}

/// The directory that holds a waiting one.
#[derive(Debug)]
pub(crate) enum Parent {
    /// Still open.
    Open(Arc<Dir>),
    /// Closed, because too many are open.
    Closed(Arc<Place>),
}

impl Parent {
    fn place(&self) -> &Arc<Place> {
        match self {
            Self::Open(dir) => &dir.place,
            Self::Closed(place) => place,
        }
    }
}

/// An entry that waits for another thread.
#[derive(Debug)]
pub(crate) struct OwnedEntry {
    name: CString,
    file_type: FileType,
    inode: u64,
}

impl OwnedEntry {
    fn new(entry: &Entry<'_>) -> Self {
        Self {
            name: entry.name.to_owned(),
            file_type: entry.file_type,
            inode: entry.inode,
        }
    }

    fn as_entry(&self) -> Entry<'_> {
        Entry {
            name: &self.name,
            file_type: self.file_type,
            inode: self.inode,
        }
    }
}

/// A thread with its visitor, its stack of jobs and its buffer.
pub(crate) struct Worker<'a, V> {
    shared: &'a Shared<'a>,
    visitor: V,
    jobs: Vec<Job>,
    buffer: Buffer,
    entries: usize,
}

impl<'a, V: Visitor> Worker<'a, V> {
    /// A worker that has nothing to do yet.
    pub fn new(shared: &'a Shared<'a>, visitor: V) -> Self {
        Self {
            shared,
            visitor,
            jobs: Vec::new(),
            buffer: os::new_buffer(),
            entries: 0,
        }
    }

    /// Works until there is nothing left for anybody, and returns the visitor.
    pub fn run(mut self) -> V {
        while !self.is_stopped()
            && let Some(job) = self.jobs.pop().or_else(|| self.shared.pool.take())
        {
            match job {
                Job::Start(index) => self.start(index),
                Job::Child(parent, name) => self.child(parent, &name),
                Job::Rest(dir, position) => self.read(&dir, position),
                Job::Batch(dir, entries) => self.batch(&dir, entries),
            }
            self.feed_others(1);
        }
        self.visitor
    }

    fn start(&mut self, index: usize) {
        let shared = self.shared;
        let Some(start) = shared.starts.get(index) else {
            return;
        };
        let path = start.full_path();
        let opened = self.with_descriptors(|| {
            let (dir, file) = open_root(shared.base, &path)?;
            Ok((dir_id(&dir)?, dir, file))
        });
        let (id, fd, file) = match opened {
            Ok(opened) => opened,
            Err(errno) => {
                let shown = Place::name_of(&path);
                let reason = SkipReason::from_root_errno(errno);
                self.visitor
                    .skipped(&Skip::new(reason, SkipPlace::Root(&shown), &start.cover, 0));
                return;
            }
        };
        let pseudo = shared.systems.of(shared.base, &fd, id.0).kind == FsKind::Pseudo;
        let place = Place {
            parent: None,
            name: Place::name_of(&start.path),
            depth: 0,
            device: id.0,
            inode: id.1,
            cover: Arc::clone(&start.cover),
            pseudo,
        };
        match file {
            None => self.enter(fd, place, DirRole::Root),
            Some(name) => {
                let dir = Arc::new(self.dir(fd, place, DirRole::FileRootParent));
                self.deliver(
                    &dir,
                    &Entry {
                        name: &name,
                        file_type: FileType::Unknown,
                        inode: 0,
                    },
                );
            }
        }
    }

    fn child(&mut self, parent: Parent, name: &CStr) {
        let shared = self.shared;
        let opened = self.with_descriptors(|| {
            let dir = match &parent {
                Parent::Open(dir) => os::open_dir(dir.as_fd(), name)?,
                Parent::Closed(place) => os::open_dir(reopen(shared, place)?.as_fd(), name)?,
            };
            Ok((dir_id(&dir)?, dir))
        });
        let place = Arc::clone(parent.place());
        drop(parent);
        let at = SkipPlace::Entry(&place, name);
        match opened {
            Ok((id, fd)) => {
                if let Some(cover) = self.admit(&place, at, id, &fd) {
                    let depth = place.depth.saturating_add(1);
                    let name = name.to_bytes().into();
                    let pseudo = if id.0 == place.device {
                        place.pseudo
                    } else {
                        shared.systems.of(shared.base, &fd, id.0).kind == FsKind::Pseudo
                    };
                    let place = Place {
                        parent: Some(place),
                        name,
                        depth,
                        device: id.0,
                        inode: id.1,
                        cover,
                        pseudo,
                    };
                    self.enter(fd, place, DirRole::Below);
                }
            }
            Err(errno) => {
                let reason = SkipReason::from_errno(errno);
                self.visitor
                    .skipped(&Skip::new(reason, at, &place.cover, place.depth));
            }
        }
    }

    /// The roots that want a directory that was just opened; the others are told why not.
    fn admit(&mut self, parent: &Place, at: SkipPlace<'_>, id: DirId, fd: &OwnedFd) -> Option<Arc<Cover>> {
        let depth = parent.depth.saturating_add(1);
        let mut cover = Arc::clone(&parent.cover);
        if !cover.all_reach(depth) {
            cover = self.narrow(&cover, parent, at, |member| {
                (depth > member.reach).then_some(SkipReason::DepthLimit)
            })?;
        }
        if id.0 != parent.device {
            let fs = self.shared.systems.of(self.shared.base, fd, id.0);
            cover = self.narrow(&cover, parent, at, |member| {
                member.refuses(id.0, &fs.name, fs.kind)
            })?;
        }
        match self.shared.visited.claim(id.0, id.1, &cover) {
            Claim::New => Some(cover),
            Claim::Partly(rest) => Some(Arc::new(rest)),
            Claim::Covered => {
                self.visitor
                    .skipped(&Skip::new(SkipReason::AlreadyVisited, at, &cover, parent.depth));
                None
            }
        }
    }

    /// Leaves out the roots that have a reason, and reports it for each.
    fn narrow(
        &mut self,
        cover: &Arc<Cover>,
        parent: &Place,
        at: SkipPlace<'_>,
        reason: impl Fn(&Member) -> Option<SkipReason>,
    ) -> Option<Arc<Cover>> {
        let (kept, dropped) = cover.split(|member| reason(member).is_none());
        let Some(dropped) = dropped else {
            return Some(Arc::clone(cover));
        };
        for member in dropped.members() {
            if let (Some(reason), Some(one)) = (reason(member), Cover::new(vec![*member])) {
                self.visitor.skipped(&Skip::new(reason, at, &one, parent.depth));
            }
        }
        kept.map(Arc::new)
    }

    fn enter(&mut self, fd: OwnedFd, place: Place, role: DirRole) {
        let dir = Arc::new(self.dir(fd, place, role));
        match self.visitor.directory(&dir) {
            Flow::Continue => self.read(&dir, Position::default()),
            Flow::Prune => {}
            Flow::Stop => self.shared.pool.stop(),
        }
    }

    fn dir(&self, fd: OwnedFd, place: Place, role: DirRole) -> Dir {
        let guarded =
            role != DirRole::FileRootParent && self.shared.guards.contains_key(&(place.device, place.inode));
        Dir {
            place: Arc::new(place),
            fd,
            role,
            guarded,
            _open: OpenCount::new(&self.shared.open_dirs),
        }
    }

    fn read(&mut self, dir: &Arc<Dir>, position: Position) {
        let mut buffer = mem::take(&mut self.buffer);
        if let Err(errno) = self.read_names(dir, position, &mut buffer) {
            let (reason, at) = (SkipReason::from_errno(errno), SkipPlace::Dir(&dir.place));
            self.visitor
                .skipped(&Skip::new(reason, at, &dir.place.cover, dir.place.depth));
        }
        self.buffer = buffer;
    }

    fn read_names(&mut self, dir: &Arc<Dir>, position: Position, buffer: &mut Buffer) -> Result<(), Errno> {
        let bottom = self.jobs.len();
        let mut seen = 0;
        let mut names = Names::new(dir.as_fd(), position, buffer)?;
        while let Some(name) = names.next() {
            let name = name?;
            let entry = name.as_entry();
            if matches!(entry.name.to_bytes(), b"." | b"..") {
                continue;
            }
            if self.is_stopped_now_and_then() {
                return Ok(());
            }
            seen += 1;
            if self.shared.pool.is_hungry() && !self.feed_others(0) && self.is_worth_sharing(seen) {
                let first = OwnedEntry::new(&entry);
                self.share_buffered(dir, first, &mut names)?;
            } else {
                self.deliver(dir, &entry);
            }
            if self.jobs.len() > bottom + MAX_PENDING_CHILDREN {
                let rest = Job::Rest(Arc::clone(dir), names.position());
                self.jobs.insert(bottom, rest);
                return Ok(());
            }
        }
        Ok(())
    }

    fn is_worth_sharing(&self, seen: usize) -> bool {
        self.shared.options.work == EntryWork::Heavy || seen > LARGE_DIRECTORY
    }

    /// Takes all names that were fetched, gives half of them away and keeps the others for later.
    fn share_buffered(
        &mut self,
        dir: &Arc<Dir>,
        first: OwnedEntry,
        names: &mut Names<'_>,
    ) -> Result<(), Errno> {
        let mut entries = vec![first];
        while names.is_buffered()
            && let Some(name) = names.next()
        {
            entries.push(OwnedEntry::new(&name?.as_entry()));
        }
        entries.retain(|entry| !matches!(entry.name.to_bytes(), b"." | b".."));
        let others = entries.split_off(entries.len().div_ceil(2));
        if !others.is_empty() {
            self.shared.pool.give([Job::Batch(Arc::clone(dir), others)]);
        }
        self.jobs.push(Job::Batch(Arc::clone(dir), entries));
        Ok(())
    }

    fn batch(&mut self, dir: &Arc<Dir>, mut entries: Vec<OwnedEntry>) {
        entries.reverse();
        while let Some(entry) = entries.pop() {
            if self.is_stopped_now_and_then() {
                return;
            }
            if !entries.is_empty() && self.shared.pool.is_hungry() && !self.feed_others(0) {
                let others = entries.drain(..entries.len().div_ceil(2)).rev().collect();
                self.shared.pool.give([Job::Batch(Arc::clone(dir), others)]);
            }
            self.deliver(dir, &entry.as_entry());
        }
    }

    /// Shows one entry to the visitor and puts it on the stack if it is a directory to go into.
    fn deliver(&mut self, dir: &Arc<Dir>, entry: &Entry<'_>) {
        if dir.guarded && self.is_guarded(dir, entry.name) {
            return;
        }
        let mut entry = *entry;
        if entry.file_type == FileType::Unknown {
            match statat(dir, entry.name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => {
                    entry.file_type = FileType::from_raw_mode(stat.st_mode);
                    entry.inode = stat.st_ino;
                }
                Err(errno) => {
                    return self.skip_entry(SkipReason::from_errno(errno), dir, entry.name);
                }
            }
        }
        match self.visitor.entry(dir, &entry) {
            Flow::Continue if entry.file_type == FileType::Directory => self.descend(dir, entry.name),
            Flow::Continue | Flow::Prune => {}
            Flow::Stop => self.shared.pool.stop(),
        }
    }

    fn descend(&mut self, dir: &Arc<Dir>, name: &CStr) {
        if dir.role == DirRole::FileRootParent {
            return;
        }
        let depth = dir.place.depth.saturating_add(1);
        if !dir.place.cover.any_reaches(depth) {
            return self.skip_entry(SkipReason::DepthLimit, dir, name);
        }
        let open = self.shared.open_dirs.load(Ordering::Relaxed);
        let parent = if open > self.shared.options.max_open_dirs {
            Parent::Closed(Arc::clone(&dir.place))
        } else {
            Parent::Open(Arc::clone(dir))
        };
        self.jobs.push(Job::Child(parent, name.to_owned()));
    }

    /// Whether a name must be left alone, or was delivered already.
    fn is_guarded(&mut self, dir: &Dir, name: &CStr) -> bool {
        let cover = &dir.place.cover;
        let guards = self
            .shared
            .guards
            .get(&(dir.place.device, dir.place.inode))
            .map_or(&[][..], Vec::as_slice);
        guards
            .iter()
            .filter(|(guarded, _)| **guarded == *name)
            .any(|(_, guard)| match guard {
                Guard::FileRoot(roots) => cover.members().iter().all(|member| roots.contains(&member.root)),
                Guard::Mount(fs) => {
                    // The device is not known without touching the mount; no root on it can be meant.
                    let reason = |member: &Member| member.refuses(dir.place.device, &fs.name, fs.kind);
                    let at = SkipPlace::Entry(&dir.place, name);
                    self.narrow(cover, &dir.place, at, reason).is_none()
                }
            })
    }

    fn skip_entry(&mut self, reason: SkipReason, dir: &Dir, name: &CStr) {
        let at = SkipPlace::Entry(&dir.place, name);
        self.visitor
            .skipped(&Skip::new(reason, at, &dir.place.cover, dir.place.depth));
    }

    /// Gives the oldest half of the waiting jobs away if somebody waits for work; tells whether it did.
    fn feed_others(&mut self, keep: usize) -> bool {
        if self.jobs.len() <= keep || !self.shared.pool.is_hungry() {
            return false;
        }
        let half = (self.jobs.len() - keep).div_ceil(2);
        self.shared.pool.give(self.jobs.drain(..half));
        true
    }

    /// Runs something that opens files. If there is no descriptor left, gives up those that can be done without and
    /// tries once more.
    fn with_descriptors<T>(&mut self, open: impl Fn() -> Result<T, Errno>) -> Result<T, Errno> {
        match open() {
            Err(Errno::MFILE | Errno::NFILE) => {
                self.close_parents();
                open()
            }
            other => other,
        }
    }

    /// Closes the directories that waiting jobs hold open.
    fn close_parents(&mut self) {
        for job in &mut self.jobs {
            if let Job::Child(parent, _) = job {
                *parent = Parent::Closed(Arc::clone(parent.place()));
            }
        }
    }

    fn is_stopped_now_and_then(&mut self) -> bool {
        self.entries = self.entries.wrapping_add(1);
        if self.entries.is_multiple_of(ENTRIES_PER_CHECK) {
            self.is_stopped()
        } else {
            self.shared.pool.is_stopped()
        }
    }

    fn is_stopped(&self) -> bool {
        let pool = &self.shared.pool;
        if !pool.is_stopped() && (self.shared.stop)() {
            pool.stop();
        }
        pool.is_stopped()
    }
}

/// Opens a directory that was closed, by way of its parents.
fn reopen(shared: &Shared<'_>, place: &Arc<Place>) -> Result<OwnedFd, Errno> {
    let mut names = Vec::new();
    let mut top = place;
    while let Some(parent) = &top.parent {
        names.push(CString::new(&*top.name).map_err(|_| Errno::INVAL)?);
        top = parent;
    }
    let (mut dir, _) = open_root(shared.base, &to_path(top.name.to_vec()))?;
    for name in names.iter().rev() {
        dir = os::open_dir(dir.as_fd(), name)?;
    }
    if dir_id(&dir)? == (place.device, place.inode) {
        Ok(dir)
    } else {
        Err(Errno::NOENT)
    }
}
