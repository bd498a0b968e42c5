//! Files that processes map, opened by the mapping itself: that finds deleted files and those of containers.

use super::resident;
use crate::mapped::{Content, Mapped};
use crate::region::Region;
use gumshoe_process::Dir;
use gumshoe_walk::{FsKind, MountTable, classify_fs};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, SeekFrom, Statx, StatxFlags, fstatfs, openat, statx};
use rustix::io::Errno;
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What identifies a file on this host: device and inode, and when it was made, as numbers of deleted files go to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileKey {
    /// Major and minor number.
    device: (u32, u32),
    inode: u64,
    /// Seconds and nanoseconds; zero where the file system does not tell.
    made: (i64, u32),
}

/// Parts of a file that are asked for at once.
const MAX_PARTS: usize = 1024;
/// Bytes of one such part.
const MAX_PART_BYTES: u64 = 1 << 30;
/// File systems whose files are memory and may be swapped out.
const MEMORY: [u64; 2] = [
    0x0102_1994, // tmpfs, memfd, shared memory
    0x8584_58f6, // ramfs
];

impl FileKey {
    /// Major and minor number of the device.
    pub(super) fn device(&self) -> (u32, u32) {
        self.device
    }
}

/// Why the content of a mapping cannot be read as a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoFile {
    /// It is a device.
    Device,
    /// It is on a file system that is not read.
    Remote,
    /// It cannot be opened.
    Denied(Errno),
}

impl NoFile {
    /// The reason, as coverage entries word it.
    #[must_use]
    pub fn why(self) -> &'static str {
        match self {
            NoFile::Device => "device",
            NoFile::Remote => "remote file system",
            NoFile::Denied(Errno::PERM | Errno::ACCESS) => "permission denied",
            NoFile::Denied(_) => "the file cannot be opened",
        }
    }
}

/// File systems by device, as far as they were needed: reading a file that is far away, or in the hands of another
/// process, could wait for ever, and reading a device's memory has effects.
#[derive(Debug, Default)]
pub(super) struct FileSystems(HashMap<(u32, u32), FsKind>);

impl FileSystems {
    /// Whether files of a device are read. Block devices hold nothing but local files.
    pub(super) fn check(&mut self, dir: &Dir, device: (u32, u32)) -> Result<(), NoFile> {
        if device.0 != 0 {
            return Ok(());
        }
        let look_up = || {
            let mounts = dir
                .read("mountinfo")
                .map(|text| MountTable::parse(&text))
                .unwrap_or_default();
            // What is mounted nowhere is the kernel's own: shared memory, memfd.
            mounts
                .fs_of_device(device.0, device.1)
                .map_or(FsKind::Local, classify_fs)
        };
        match self.0.entry(device).or_insert_with(look_up) {
            FsKind::Local => Ok(()),
            FsKind::Remote => Err(NoFile::Remote),
            FsKind::Pseudo => Err(NoFile::Device),
        }
    }
}

/// The identity of the file that a region maps, without opening it.
pub(super) fn key(dir: &Dir, region: &Region) -> Result<FileKey, NoFile> {
    let flags = AtFlags::STATX_DONT_SYNC | AtFlags::NO_AUTOMOUNT;
    let wanted = StatxFlags::TYPE | StatxFlags::INO | StatxFlags::BTIME;
    match statx(dir, mapping(region), flags, wanted) {
        Ok(stat) => checked(&stat).map(|()| of(&stat)),
        Err(errno @ (Errno::PERM | Errno::ACCESS)) => {
            // Without CAP_CHECKPOINT_RESTORE; the path may lead to another file, so device and inode must agree.
            let stat = statx(dir, by_path(region), flags, wanted).map_err(|_| NoFile::Denied(errno))?;
            if stat.stx_ino != region.inode || (stat.stx_dev_major, stat.stx_dev_minor) != region.device {
                return Err(NoFile::Denied(errno));
            }
            checked(&stat).map(|()| of(&stat))
        }
        Err(errno) => Err(NoFile::Denied(errno)),
    }
}

/// Opens the file that a region maps, if it is still that of `key`.
pub(super) fn open(dir: &Dir, region: &Region, key: FileKey) -> Result<Mapped, NoFile> {
    let file = open_first(dir, &[mapping(region), by_path(region)]).map_err(NoFile::Denied)?;
    let mapped = opened(file)?;
    if mapped.key == key {
        Ok(mapped)
    } else {
        Err(NoFile::Denied(Errno::STALE))
    }
}

/// Opens the program of a process.
pub(super) fn open_program(dir: &Dir) -> Result<Mapped, NoFile> {
    opened(open_first(dir, &[PathBuf::from("exe")]).map_err(NoFile::Denied)?)
}

fn opened(file: File) -> Result<Mapped, NoFile> {
    let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
    let stat =
        statx(&file, c"", flags, StatxFlags::BASIC_STATS | StatxFlags::BTIME).map_err(NoFile::Denied)?;
    let kind = fstatfs(&file).map_err(NoFile::Denied)?.f_type.cast_unsigned();
    let is_memory = MEMORY.contains(&kind);
    Ok(Mapped::new(
        of(&stat),
        Source { file, is_memory },
        stat.stx_size,
        super::page_bytes(),
    ))
}

fn checked(stat: &Statx) -> Result<(), NoFile> {
    let is_file = FileType::from_raw_mode(u32::from(stat.stx_mode)) == FileType::RegularFile;
    is_file.then_some(()).ok_or(NoFile::Device)
}

fn of(stat: &Statx) -> FileKey {
    let has_made = stat.stx_mask & StatxFlags::BTIME.bits() != 0;
    let made = if has_made {
        (stat.stx_btime.tv_sec, stat.stx_btime.tv_nsec)
    } else {
        (0, 0)
    };
    FileKey {
        device: (stat.stx_dev_major, stat.stx_dev_minor),
        inode: stat.stx_ino,
        made,
    }
}

/// Opens for reading, without a new access time where that is allowed, and without waiting for anything.
fn open_first(dir: &Dir, paths: &[PathBuf]) -> Result<File, Errno> {
    let common = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let mut last = Errno::NOENT;
    for path in paths {
        for flags in [common | OFlags::NOATIME, common] {
            match openat(dir, path, flags, Mode::empty()) {
                Ok(file) => return Ok(file.into()),
                Err(errno) => last = errno,
            }
        }
    }
    Err(last)
}

/// The link to the mapped file itself (`proc_pid_map_files(5)`).
fn mapping(region: &Region) -> PathBuf {
    PathBuf::from(format!("map_files/{:x}-{:x}", region.start, region.end))
}

/// The file's path, as the process sees it.
fn by_path(region: &Region) -> PathBuf {
    let name = region.name.strip_prefix(b"/").unwrap_or(&region.name);
    Path::new("root").join(Path::new(std::ffi::OsStr::from_bytes(name)))
}

/// A file that a process maps.
#[derive(Debug)]
pub(crate) struct Source {
    file: File,
    is_memory: bool,
}

impl Content for Source {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&self.file, buffer, offset)
    }

    fn data(&self, range: Range<u64>, out: &mut Vec<Range<u64>>) -> u64 {
        let mut at = range.start;
        for _ in 0..MAX_PARTS {
            // No data up to the end (ENXIO); a file system that cannot tell says that all is data.
            let start = rustix::fs::seek(&self.file, SeekFrom::Data(at))
                .unwrap_or(range.end)
                .max(at);
            if start >= range.end {
                return range.end;
            }
            let hole = rustix::fs::seek(&self.file, SeekFrom::Hole(start)).unwrap_or(range.end);
            // A hole that begins at once was made meanwhile: it is read as zeros.
            let end = hole
                .max(start + 1)
                .min(range.end)
                .min(start.saturating_add(MAX_PART_BYTES));
            out.push(start..end);
            at = end;
        }
        at
    }

    fn resident(&self, range: Range<u64>, out: &mut Vec<Range<u64>>) -> io::Result<()> {
        resident::ranges(&self.file, range, super::page_bytes(), out)
    }

    fn is_memory(&self) -> bool {
        self.is_memory
    }
}

/// The identity of an open or linked file below a process's folder.
pub(super) fn key_of_link(dir: &Dir, link: &str) -> io::Result<(FileKey, u32)> {
    let stat = statx(
        dir.as_fd(),
        link,
        AtFlags::STATX_DONT_SYNC,
        StatxFlags::INO | StatxFlags::NLINK | StatxFlags::BTIME,
    )?;
    Ok((of(&stat), stat.stx_nlink))
}
