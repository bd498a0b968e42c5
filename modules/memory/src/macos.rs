//! macOS: address spaces by Mach calls.
//!
//! The system gives the task port of a process only to root, and not for processes that it protects (System Integrity
//! Protection, hardened programs): those are coverage entries. There is no way to ask which pages hold a process's own
//! bytes, so that all of a region is read from each process, its mapped files too.

#![allow(unsafe_code, reason = "tasks are reached by Mach calls that fill buffers")]

use crate::mapped::{Hole, Mapped};
use crate::parse::pagemap::{Run, State};
use crate::region::{Gone, Kind, Perms, Region, Wanted};
use gumshoe_process::{Host, Process, ProcessError};
use mach2::kern_return::KERN_SUCCESS;
use mach2::port::{MACH_PORT_NULL, mach_port_t};
use mach2::traps::{mach_task_self, task_for_pid};
use mach2::vm::{mach_vm_read_overwrite, mach_vm_region_recurse};
use mach2::vm_prot::{VM_PROT_EXECUTE, VM_PROT_READ, VM_PROT_WRITE};
use mach2::vm_region::vm_region_submap_info_64;
use std::ffi::OsStr;
use std::io;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

/// Tags of memory that allocators ask for (`VM_MEMORY_MALLOC` to `VM_MEMORY_MALLOC_MEDIUM`, `mach/vm_statistics.h`).
const HEAP_TAGS: std::ops::RangeInclusive<u32> = 1..=12;
/// Tag of stacks (`VM_MEMORY_STACK`, `mach/vm_statistics.h`).
const STACK_TAG: u32 = 30;
/// Depth to which nested maps are followed: the cache of libraries lies in one.
const NESTING_DEPTH: u32 = 64;
/// Share modes of memory that several tasks see (`SM_SHARED`, `SM_TRUESHARED`, `SM_SHARED_ALIASED`, `mach/vm_region.h`).
const SHARED_MODES: [u8; 3] = [4, 5, 7];

/// What identifies a file on this host: device and inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileKey {
    device: u64,
    inode: u64,
}

/// Why the content of a mapping is not read as a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoFile {
    /// It is a device.
    Device,
    /// The system has no way to the file of a mapping.
    Unsupported,
}

/// A process whose address space is held on to.
#[derive(Debug)]
pub struct Target {
    pid: u32,
    task: Task,
}

/// The right to look into a task.
#[derive(Debug)]
struct Task(mach_port_t);

/// Files kept open from process to process: none here.
#[derive(Debug)]
pub struct OpenFiles;

/// The regions of a process, by address.
#[derive(Debug)]
pub struct Regions {
    pid: u32,
    task: mach_port_t,
    next: u64,
}

/// Bytes of a page.
#[must_use]
pub fn page_bytes() -> u64 {
    rustix::param::page_size() as u64
}

/// Takes hold of a process: here its number.
///
/// # Errors
///
/// None.
pub fn take(_host: &Host, pid: u32) -> Result<u32, ProcessError> {
    Ok(pid)
}

/// Describes a process.
///
/// # Errors
///
/// As [`Host::describe`].
pub fn describe(host: &Host, pid: &u32) -> Result<Process, ProcessError> {
    host.describe(*pid)
}

impl NoFile {
    /// The reason, as coverage entries word it.
    #[must_use]
    pub fn why(self) -> &'static str {
        match self {
            NoFile::Device => "device",
            NoFile::Unsupported => "not in memory",
        }
    }
}

impl OpenFiles {
    /// For one of so many threads.
    #[must_use]
    pub fn new(_threads: usize) -> OpenFiles {
        OpenFiles
    }
}

impl Target {
    /// Takes hold of a process's address space.
    ///
    /// # Errors
    ///
    /// [`ProcessError::Read`], when access is denied or the process has ended.
    pub fn open(pid: u32, _root: &Path) -> Result<Target, ProcessError> {
        let denied = || ProcessError::Read {
            pid,
            what: "task_for_pid",
            source: io::Error::from_raw_os_error(libc::EPERM),
        };
        let number = i32::try_from(pid).map_err(|_| denied())?;
        let mut port = MACH_PORT_NULL;
        // SAFETY: `port` is a place for the port that the call returns.
        let result = unsafe { task_for_pid(mach_task_self(), number, &raw mut port) };
        if result == KERN_SUCCESS && port != MACH_PORT_NULL {
            Ok(Target {
                pid,
                task: Task(port),
            })
        } else {
            Err(denied())
        }
    }

    /// The process's regions, by address.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn regions(&self) -> Result<Regions, ProcessError> {
        Ok(Regions {
            pid: self.pid,
            task: self.task.0,
            next: 0,
        })
    }

    /// Appends one run for all of `range`: the system does not tell which pages are populated.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn runs(&mut self, range: Range<u64>, _with_clean: bool, out: &mut Vec<Run>) -> io::Result<u64> {
        let end = range.end;
        out.push(Run {
            range,
            state: State::Private,
        });
        Ok(end)
    }

    /// Bytes of memory that the process has of its own: not known here.
    #[must_use]
    pub fn own_bytes(&self) -> Option<u64> {
        None
    }

    /// Whether asking for pages costs no more for addresses where nothing is.
    #[must_use]
    pub fn scans_page_tables(&self) -> bool {
        false
    }

    /// The file that a region maps: never known here.
    ///
    /// # Errors
    ///
    /// [`NoFile`], always.
    pub fn mapped(&mut self, region: &Region, _open: &mut OpenFiles) -> Result<Arc<Mapped>, NoFile> {
        let is_device = region.kind() == Kind::Device;
        Err(if is_device {
            NoFile::Device
        } else {
            NoFile::Unsupported
        })
    }

    /// Reads ranges into their places. Pages that cannot be read are added to `holes`, as parts of the buffer.
    ///
    /// # Errors
    ///
    /// [`Gone`]: nothing that was read counts.
    pub fn read(&mut self, wanted: &[Wanted], buffer: &mut [u8], holes: &mut Vec<Hole>) -> Result<(), Gone> {
        for Wanted { address, place } in wanted {
            if self.read_range(*address, &mut buffer[place.clone()]) {
                continue;
            }
            let mut at = place.start;
            while at < place.end {
                let from = address + (at - place.start) as u64;
                let in_page = usize::try_from(page_bytes() - from % page_bytes()).unwrap_or(usize::MAX);
                let end = at.saturating_add(in_page).min(place.end);
                if !self.read_range(from, &mut buffer[at..end]) {
                    holes.push(Hole {
                        place: at..end,
                        is_given_back: false,
                    });
                }
                at = end;
            }
        }
        if self.is_alive() { Ok(()) } else { Err(Gone) }
    }

    fn read_range(&self, address: u64, buffer: &mut [u8]) -> bool {
        let mut read = 0;
        let (place, bytes) = (buffer.as_mut_ptr() as u64, buffer.len() as u64);
        // SAFETY: `bytes` bytes at `place` belong to `buffer`, which nothing else uses meanwhile.
        let result = unsafe { mach_vm_read_overwrite(self.task.0, address, bytes, place, &raw mut read) };
        result == KERN_SUCCESS && read == bytes
    }

    /// Whether the address space still belongs to a process.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        region_at(self.pid, self.task.0, 0).is_some()
    }

    /// Address of the program's entry point: not known here.
    #[must_use]
    pub fn entry_point(&self) -> Option<u64> {
        None
    }

    /// The program's file: identity, and the number of names that it has in folders.
    #[must_use]
    pub fn program(&self) -> Option<(FileKey, u32)> {
        None
    }

    /// The identity of the file that a region maps.
    #[must_use]
    pub fn file_key(&self, region: &Region) -> Option<FileKey> {
        let stat = std::fs::symlink_metadata(OsStr::from_bytes(&region.name)).ok()?;
        Some(FileKey {
            device: stat.dev(),
            inode: stat.ino(),
        })
    }

    /// The program's file, opened: build ids are those of ELF files, which this system does not have.
    #[must_use]
    pub fn program_file(&self, _files: &mut OpenFiles) -> Option<Mapped> {
        None
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        // SAFETY: the port belongs to this value alone.
        unsafe { mach2::mach_port::mach_port_deallocate(mach_task_self(), self.0) };
    }
}

impl Iterator for Regions {
    type Item = Region;

    fn next(&mut self) -> Option<Region> {
        let region = region_at(self.pid, self.task, self.next)?;
        self.next = region.end;
        Some(region)
    }
}

/// The first region at `address` or behind it.
fn region_at(pid: u32, task: mach_port_t, address: u64) -> Option<Region> {
    let (mut start, mut bytes, mut depth) = (address, 0, NESTING_DEPTH);
    let mut info = vm_region_submap_info_64::default();
    let mut count = vm_region_submap_info_64::count();
    // SAFETY: `info` has room for `count` words, the other pointers are to values of their types.
    let result = unsafe {
        mach_vm_region_recurse(
            task,
            &raw mut start,
            &raw mut bytes,
            &raw mut depth,
            (&raw mut info).cast(),
            &raw mut count,
        )
    };
    let end = start
        .checked_add(bytes)
        .filter(|&end| result == KERN_SUCCESS && end > address.max(start))?;
    let (protection, tag, offset) = (info.protection, info.user_tag, info.offset);
    let name = match file_name(pid, start) {
        name if !name.is_empty() => name,
        _ if HEAP_TAGS.contains(&tag) => b"[heap]".to_vec(),
        _ if tag == STACK_TAG => b"[stack]".to_vec(),
        name => name,
    };
    let has = |bit| protection & bit != 0;
    let perms = Perms {
        read: has(VM_PROT_READ),
        write: has(VM_PROT_WRITE),
        exec: has(VM_PROT_EXECUTE),
        shared: SHARED_MODES.contains(&info.share_mode),
    };
    Some(Region {
        start,
        end,
        perms,
        offset,
        device: (0, 0),
        inode: 0,
        name,
    })
}

/// Path of the file that is mapped at `address`; empty for none.
fn file_name(pid: u32, address: u64) -> Vec<u8> {
    let mut buffer = vec![0_u8; usize::try_from(libc::PROC_PIDPATHINFO_MAXSIZE).unwrap_or(0)];
    let (Ok(pid), Ok(size)) = (i32::try_from(pid), u32::try_from(buffer.len())) else {
        return Vec::new();
    };
    // SAFETY: the buffer has `size` bytes.
    let length = unsafe { libc::proc_regionfilename(pid, address, buffer.as_mut_ptr().cast(), size) };
    buffer.truncate(usize::try_from(length).unwrap_or(0));
    buffer
}
