//! From roots to starts: resolves paths, finds out which roots overlap, and which names must not be touched.

use std::{
    collections::HashMap,
    ffi::{CString, OsStr},
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use rustix::{
    fs::{AtFlags, fstat, statat},
    io::Errno,
};

use crate::{
    Base, FsKind, Root, SkipReason, classify_fs,
    cover::{Cover, Member},
    os,
};

/// Device and inode: names a directory whatever its path.
pub(crate) type DirId = (u64, u64);

/// A directory from which the walk sets out.
#[derive(Debug)]
pub(crate) struct Start {
    /// Path of the directory, as shown.
    pub path: PathBuf,
    /// Deliver this entry only.
    pub file: Option<CString>,
    /// The directory.
    pub id: DirId,
    /// The roots that begin here or cover it from above.
    pub cover: Arc<Cover>,
}

impl Start {
    /// Path of what was asked for: the directory, or the file in it.
    pub fn full_path(&self) -> PathBuf {
        self.file.as_ref().map_or_else(
            || self.path.clone(),
            |name| self.path.join(OsStr::from_bytes(name.to_bytes())),
        )
    }
}

/// Why a name must not be treated as others are.
#[derive(Debug)]
pub(crate) enum Guard {
    /// A remote file system or automount point is mounted there: looking at it may hang or mount something.
    Mount(Arc<FileSystem>),
    /// It is a root itself, and was delivered for these roots.
    FileRoot(Vec<u32>),
}

/// Guarded names, by the directory that holds them.
pub(crate) type Guards = HashMap<DirId, Vec<(CString, Guard)>>;

/// The file system of one device.
#[derive(Debug)]
pub(crate) struct FileSystem {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: FsKind,
}

/// File systems by device; each is looked up once.
#[derive(Debug, Default)]
pub(crate) struct FileSystems(Mutex<HashMap<u64, Arc<FileSystem>>>);

impl FileSystems {
    /// The file system of an open directory.
    pub fn of(&self, base: &Base, dir: &OwnedFd, device: u64) -> Arc<FileSystem> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let look_up = || named(os::fs_name(dir.as_fd(), device, base.mounts()));
        Arc::clone(known.entry(device).or_insert_with(look_up))
    }
}

fn named(name: String) -> Arc<FileSystem> {
    Arc::new(FileSystem {
        kind: classify_fs(&name),
        name,
    })
}

/// What a walk sets out with.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Where to begin.
    pub starts: Vec<Start>,
    /// Names to be careful with.
    pub guards: Guards,
    /// Roots that cannot be walked.
    pub failures: Vec<(usize, SkipReason)>,
}

/// A root that was found.
struct Located {
    member: Member,
    path: PathBuf,
    file: Option<CString>,
    id: DirId,
    /// The directory itself, then its parents up to the base. Empty when there is only one root.
    chain: Vec<(DirId, Arc<FileSystem>)>,
}

/// Resolves the roots. Problems of single roots are in [`Plan::failures`].
pub(crate) fn plan(base: &Base, roots: &[Root], systems: &FileSystems) -> Plan {
    let mut plan = Plan {
        guards: mount_guards(base),
        ..Plan::default()
    };
    let mut located = Vec::new();
    for (index, root) in roots.iter().enumerate() {
        match locate(base, systems, index, root, roots.len() > 1) {
            Ok(found) => located.push(found),
            Err(reason) => plan.failures.push((index, reason)),
        }
    }
    plan.starts = starts(&located);
    for start in &plan.starts {
        if let Some(file) = &start.file {
            let roots = start.cover.members().iter().map(|member| member.root).collect();
            plan.guards
                .entry(start.id)
                .or_default()
                .push((file.clone(), Guard::FileRoot(roots)));
        }
    }
    plan
}

/// Opens a root, or the parent of a root that is a file.
///
/// # Errors
///
/// The system's error; `ENOTDIR` when a file's path does not end in a name.
pub(crate) fn open_root(base: &Base, path: &Path) -> Result<(OwnedFd, Option<CString>), Errno> {
    match os::open_below(base.as_fd(), path) {
        Ok(dir) => Ok((dir, None)),
        Err(Errno::NOTDIR) => {
            let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
                return Err(Errno::NOTDIR);
            };
            let name = CString::new(name.as_bytes()).map_err(|_| Errno::INVAL)?;
            let dir = os::open_below(base.as_fd(), parent)?;
            statat(&dir, &name, AtFlags::SYMLINK_NOFOLLOW)?;
            Ok((dir, Some(name)))
        }
        Err(errno) => Err(errno),
    }
}

fn locate(
    base: &Base,
    systems: &FileSystems,
    index: usize,
    root: &Root,
    chain: bool,
) -> Result<Located, SkipReason> {
    let errno = SkipReason::from_root_errno;
    // By the text of the path first: opening something on a remote file system may take for ever.
    let refuse_remote = |fs: &FileSystem| {
        let member = Member::new(index, root, 0, fs.kind);
        (fs.kind == FsKind::Remote)
            .then(|| member.refuses_remote(&fs.name))
            .flatten()
    };
    if let Some(mount) = base.mounts().covering(&root.path)
        && let Some(reason) = refuse_remote(&named(mount.fs.clone()))
    {
        return Err(reason);
    }
    let (dir, file) = open_root(base, &root.path).map_err(errno)?;
    let id = dir_id(&dir).map_err(errno)?;
    let system = systems.of(base, &dir, id.0);
    if let Some(reason) = refuse_remote(&system) {
        return Err(reason);
    }
    let path = if file.is_some() {
        root.path.parent().map(Path::to_owned)
    } else {
        Some(root.path.clone())
    };
    Ok(Located {
        member: Member::new(index, root, id.0, system.kind),
        path: path.unwrap_or_default(),
        file,
        id,
        chain: if chain {
            climb(base, systems, dir, id).map_err(errno)?
        } else {
            Vec::new()
        },
    })
}

/// The directory and all its parents up to the base.
fn climb(
    base: &Base,
    systems: &FileSystems,
    mut dir: OwnedFd,
    mut id: DirId,
) -> Result<Vec<(DirId, Arc<FileSystem>)>, Errno> {
    let top = dir_id(base)?;
    let mut chain = vec![(id, systems.of(base, &dir, id.0))];
    while id != top {
        // A parent that may not be read ends the chain: no root above it can be walked down to here either.
        let Ok(parent) = os::open_dir(dir.as_fd(), c"..") else {
            break;
        };
        let parent_id = dir_id(&parent)?;
        if parent_id == id {
            break;
        }
        chain.push((parent_id, systems.of(base, &parent, parent_id.0)));
        (dir, id) = (parent, parent_id);
    }
    Ok(chain)
}

/// One start per directory or file, with all roots that want it.
fn starts(located: &[Located]) -> Vec<Start> {
    let mut by_id: HashMap<DirId, Vec<&Located>> = HashMap::new();
    for root in located.iter().filter(|root| root.file.is_none()) {
        by_id.entry(root.id).or_default().push(root);
    }
    let mut merged: HashMap<(DirId, Option<&CString>), usize> = HashMap::new();
    let mut groups: Vec<(&Located, Vec<Member>)> = Vec::new();
    for root in located {
        let group = *merged.entry((root.id, root.file.as_ref())).or_insert_with(|| {
            groups.push((root, covered_from_above(root, &by_id)));
            groups.len() - 1
        });
        if let Some((_, members)) = groups.get_mut(group) {
            members.push(root.member);
        }
    }
    let start = |(root, members): (&Located, Vec<Member>)| {
        let cover = Arc::new(Cover::new(members)?);
        Some(Start {
            path: root.path.clone(),
            file: root.file.clone(),
            id: root.id,
            cover,
        })
    };
    groups.into_iter().filter_map(start).collect()
}

/// Claims of the roots above a start which would come down to it.
fn covered_from_above(start: &Located, by_id: &HashMap<DirId, Vec<&Located>>) -> Vec<Member> {
    // A file lies in the first directory of the chain; a directory is that directory.
    let first = usize::from(start.file.is_none());
    let mut members = Vec::new();
    for (depth, (id, _)) in start.chain.iter().enumerate().skip(first) {
        for root in by_id.get(id).into_iter().flatten() {
            let between = &start.chain[..depth];
            let refuses = |((device, _), fs): &(DirId, Arc<FileSystem>)| {
                root.member.refuses(*device, &fs.name, fs.kind).is_some()
            };
            if !between.iter().any(refuses) {
                members.extend(
                    u32::try_from(depth)
                        .ok()
                        .and_then(|depth| root.member.below(depth)),
                );
            }
        }
    }
    members
}

/// The names at which remote file systems and automount points are mounted.
fn mount_guards(base: &Base) -> Guards {
    let mut guards = Guards::new();
    let untouchable = |fs: &str| classify_fs(fs) == FsKind::Remote || fs == "autofs";
    for mount in base.mounts().topmost().filter(|mount| untouchable(&mount.fs)) {
        let (Some(parent), Some(name)) = (mount.point.parent(), mount.point.file_name()) else {
            continue;
        };
        if base
            .mounts()
            .covering(parent)
            .is_some_and(|above| untouchable(&above.fs))
        {
            continue;
        }
        // A parent that cannot be opened cannot be walked either.
        let id = os::open_below(base.as_fd(), parent).and_then(|dir| dir_id(&dir));
        if let (Ok(id), Ok(name)) = (id, CString::new(name.as_bytes())) {
            guards
                .entry(id)
                .or_default()
                .push((name, Guard::Mount(named(mount.fs.clone()))));
        }
    }
    guards
}

/// Device and inode of an open directory.
pub(crate) fn dir_id(dir: &impl AsFd) -> Result<DirId, Errno> {
    let stat = fstat(dir)?;
    Ok((os::device_number(&stat), stat.st_ino))
}
