//! Linux: opening and reading directories, the mount table, file system types.

use std::{
    ffi::CStr,
    fs::File,
    io::Read,
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::{Component, Path},
};

use rustix::{
    fs::{
        CWD, Mode, OFlags, RawDir, RawDirEntry, ResolveFlags, SeekFrom, Stat, fstatfs, major, minor, openat,
        openat2, seek,
    },
    io::{Errno, Result},
};

use crate::{Entry, MountTable};

/// Entries of a directory are fetched in pieces of this many bytes: about 1,000 names.
pub(crate) const BUFFER_BYTES: usize = 32 << 10;

/// A mount table is read up to this size.
const MAX_MOUNTINFO_BYTES: u64 = 16 << 20;

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Opens the directory that a walk takes for `/`.
pub(crate) fn open_base(path: &Path) -> Result<OwnedFd> {
    openat(
        CWD,
        path,
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )
}

/// The mount table of this process; empty when it cannot be read.
pub(crate) fn own_mounts() -> MountTable {
    let mut text = Vec::new();
    let read = File::open("/proc/self/mountinfo")
        .and_then(|file| file.take(MAX_MOUNTINFO_BYTES).read_to_end(&mut text));
    if read.is_ok() {
        MountTable::parse(&text)
    } else {
        MountTable::default()
    }
}

/// Opens a directory in a directory, for reading; a symbolic link is refused with `ELOOP` or `ENOTDIR`.
///
/// Access times are left alone where the system permits it (owner of the directory or `CAP_FOWNER`).
pub(crate) fn open_dir(at: BorrowedFd<'_>, name: &CStr) -> Result<OwnedFd> {
    let flags = DIRECTORY | OFlags::NOFOLLOW;
    match openat(at, name, flags | OFlags::NOATIME, Mode::empty()) {
        Err(Errno::PERM) => openat(at, name, flags, Mode::empty()),
        other => other,
    }
}

/// Opens a directory by its path below the base, following symbolic links that stay below the base.
pub(crate) fn open_below(base: BorrowedFd<'_>, path: &Path) -> Result<OwnedFd> {
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    match openat2(base, path, DIRECTORY, Mode::empty(), resolve) {
        Err(Errno::NOSYS | Errno::NAMETOOLONG) => open_by_component(base, path),
        other => other,
    }
}

/// The same for kernels before 5.6 and for paths that are too long; symbolic links are refused with `ELOOP`.
fn open_by_component(base: BorrowedFd<'_>, path: &Path) -> Result<OwnedFd> {
    let flags = DIRECTORY | OFlags::NOFOLLOW;
    let mut at = openat(base, c".", flags, Mode::empty())?;
    for component in path.components() {
        match component {
            Component::Normal(name) => at = openat(&at, name, flags, Mode::empty())?,
            Component::ParentDir => return Err(Errno::INVAL),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    Ok(at)
}

/// Name of the file system of an open directory whose device is not in the mount table.
///
/// Source: the magic numbers of `statfs(2)`.
pub(crate) fn fs_name(dir: BorrowedFd<'_>, device: u64, mounts: &MountTable) -> String {
    if let Some(name) = mounts.fs_of_device(major(device), minor(device)) {
        return name.to_owned();
    }
    // Magic numbers are 32 bits wide, in a field whose type differs between machines.
    let magic = fstatfs(dir).map_or(0, |stat| stat.f_type as u32);
    MAGIC
        .iter()
        .find(|known| known.0 == magic)
        .map_or("unknown", |known| known.1)
        .to_owned()
}

/// File system types that are not plain local ones, by `f_type`.
const MAGIC: &[(u32, &str)] = &[
    (0x0102_1997, "9p"),
    (0x0187, "autofs"),
    (0x5346_414f, "afs"),
    (0x6b41_4653, "kafs"),
    (0x00c3_6400, "ceph"),
    (0x0027_e0eb, "cgroup"),
    (0x6367_7270, "cgroup2"),
    (0xff53_4d42, "cifs"),
    (0xfe53_4d42, "smb3"),
    (0x517b, "smbfs"),
    (0x7375_7245, "coda"),
    (0x6265_6570, "configfs"),
    (0x6462_6720, "debugfs"),
    (0x1cd1, "devpts"),
    (0xde5e_81e4, "efivarfs"),
    (0x6573_5546, "fuse"),
    (0x6573_5543, "fusectl"),
    (0x0bd0_0bd0, "lustre"),
    (0x1980_0202, "mqueue"),
    (0x564c, "ncpfs"),
    (0x6969, "nfs"),
    (0x6e73_6673, "nsfs"),
    (0x9fa0, "proc"),
    (0x6165_676c, "pstore"),
    (0x7363_6673, "securityfs"),
    (0xf97c_ff8c, "selinuxfs"),
    (0x4341_5d53, "smackfs"),
    (0x6265_6572, "sysfs"),
    (0x7472_6163, "tracefs"),
    (0xcafe_4a11, "bpf"),
    (0x4249_4e4d, "binfmt_misc"),
    (0x786f_4256, "vboxsf"),
];

/// The device number of a file.
pub(crate) fn device_number(stat: &Stat) -> u64 {
    stat.st_dev
}

/// One name as the kernel returned it.
pub(crate) struct RawEntry<'a>(RawDirEntry<'a>);

impl RawEntry<'_> {
    /// The name and what the directory says of it.
    pub fn as_entry(&self) -> Entry<'_> {
        Entry {
            name: self.0.file_name(),
            file_type: self.0.file_type(),
            inode: self.0.ino(),
        }
    }
}

/// Where to go on reading a directory.
#[derive(Debug, Default)]
pub(crate) struct Position(Option<u64>);

/// Memory for the names of one piece of a directory.
pub(crate) type Buffer = Box<[MaybeUninit<u8>]>;

/// A buffer of the right size.
pub(crate) fn new_buffer() -> Buffer {
    Box::new_uninit_slice(BUFFER_BYTES)
}

/// Reads the names of an open directory.
pub(crate) struct Names<'a> {
    raw: RawDir<'a, BorrowedFd<'a>>,
    next: Option<u64>,
}

impl<'a> Names<'a> {
    /// Begins at the given position.
    pub fn new(dir: BorrowedFd<'a>, position: Position, buffer: &'a mut Buffer) -> Result<Self> {
        if let Position(Some(offset)) = position {
            seek(dir.as_fd(), SeekFrom::Start(offset))?;
        }
        Ok(Self {
            raw: RawDir::new(dir, buffer),
            next: position.0,
        })
    }

    /// The next name, `.` and `..` included.
    pub fn next(&mut self) -> Option<Result<RawEntry<'_>>> {
        let entry = self.raw.next()?;
        if let Ok(entry) = &entry {
            self.next = Some(entry.next_entry_cookie());
        }
        Some(entry.map(RawEntry))
    }

    /// Whether the next name is at hand without asking the system.
    pub fn is_buffered(&self) -> bool {
        !self.raw.is_buffer_empty()
    }

    /// Where to go on after the last name.
    pub fn position(self) -> Position {
        Position(self.next)
    }
}
