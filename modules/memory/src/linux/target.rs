//! One process to be read.

use super::files::{self, FileKey, FileSystems, NoFile};
use super::pages::Pages;
use crate::mapped::{Hole, Mapped};
use crate::parse::{auxv, maps, pagemap::Run, status};
use crate::region::{Gone, Region, Wanted};
use gumshoe_process::{Dir, ProcessError};
use nix::errno::Errno;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, IoSliceMut, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// Ranges in one call of `process_vm_readv` (`IOV_MAX`).
const MAX_VECTOR: usize = 1024;
/// Bytes of a line of `maps`: a path with every byte escaped, and the columns.
const MAX_LINE_BYTES: u64 = 4 * 4096 + 256;
/// Files that all threads together keep open, far below what a process usually may (1024).
const MAX_OPEN_FILES: usize = 256;

/// A process whose address space is held on to.
#[derive(Debug)]
pub struct Target {
    pid: Pid,
    dir: Dir,
    /// Belongs to the address space: reads nothing once that is gone.
    memory: File,
    pages: Pages,
    /// Whether `process_vm_readv` may be used: not on a fixture, and not where the system denies it.
    has_vm_read: bool,
    page_bytes: u64,
    keys: Identities,
}

/// What a thread keeps of mapped files from process to process.
#[derive(Debug)]
pub struct OpenFiles {
    /// Last used first.
    open: Vec<Arc<Mapped>>,
    room: usize,
    file_systems: FileSystems,
}

/// Device and inode as a list of regions shows them, and what they stand for.
type Identities = HashMap<((u32, u32), u64), Result<FileKey, NoFile>>;

impl Target {
    /// Takes hold of a process's address space.
    ///
    /// # Errors
    ///
    /// [`ProcessError::Read`], when access is denied or the process has ended.
    pub fn open(dir: Dir, root: &Path) -> Result<Target, ProcessError> {
        let memory = dir.open("mem")?;
        let is_host = root == Path::new("/");
        let pages = Pages::new(dir.open("pagemap")?, super::page_bytes(), is_host);
        Ok(Target {
            pid: Pid::from_raw(dir.pid().cast_signed()),
            memory,
            pages,
            has_vm_read: is_host,
            page_bytes: super::page_bytes(),
            keys: HashMap::new(),
            dir,
        })
    }

    /// The process's regions, by address.
    ///
    /// # Errors
    ///
    /// [`ProcessError::Read`].
    pub fn regions(&self) -> Result<Regions, ProcessError> {
        regions(&self.dir)
    }

    /// Appends populated runs; see [`Pages::runs`].
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn runs(&mut self, range: Range<u64>, with_clean: bool, out: &mut Vec<Run>) -> io::Result<u64> {
        self.pages.runs(range, with_clean, out)
    }

    /// The file that a region maps, from `files` or opened.
    ///
    /// # Errors
    ///
    /// Why it cannot be read as a file.
    pub fn mapped(&mut self, region: &Region, files: &mut OpenFiles) -> Result<Arc<Mapped>, NoFile> {
        let key = self.key(region, files)?;
        if let Some(mapped) = files.find(key) {
            return Ok(mapped);
        }
        let mapped = Arc::new(files::open(&self.dir, region, key)?);
        files.insert(&mapped);
        Ok(mapped)
    }

    /// The identity of a mapped file. That which the list of regions shows may stand for several files, on an overlay or
    /// btrfs, but hardly in one process.
    fn key(&mut self, region: &Region, files: &mut OpenFiles) -> Result<FileKey, NoFile> {
        files.file_systems.check(&self.dir, region.device)?;
        let dir = &self.dir;
        *self
            .keys
            .entry((region.device, region.inode))
            .or_insert_with(|| files::key(dir, region))
    }

    /// Reads ranges into their places. Pages that cannot be read are added to `holes`, as parts of the buffer.
    ///
    /// Such a page is a hole of one page, unless the process has given back more than that meanwhile.
    ///
    /// # Errors
    ///
    /// [`Gone`]: nothing that was read counts.
    pub fn read(&mut self, wanted: &[Wanted], buffer: &mut [u8], holes: &mut Vec<Hole>) -> Result<(), Gone> {
        let mut next = 0;
        while next < wanted.len() {
            let batch = &wanted[next..wanted.len().min(next + MAX_VECTOR)];
            let done = if self.has_vm_read {
                self.read_vector(batch, buffer)?
            } else {
                0
            };
            next += self.read_rest(batch, done, buffer, holes);
        }
        if self.is_alive() { Ok(()) } else { Err(Gone) }
    }

    /// Reads as much as possible in one call, and returns the number of bytes read without a gap.
    fn read_vector(&mut self, wanted: &[Wanted], buffer: &mut [u8]) -> Result<usize, Gone> {
        let mut local = Vec::with_capacity(wanted.len());
        let mut remote = Vec::with_capacity(wanted.len());
        let (mut rest, mut start) = (buffer, 0);
        for Wanted { address, place } in wanted {
            let (_, behind) = rest.split_at_mut(place.start - start);
            let (here, behind) = behind.split_at_mut(place.len());
            let Ok(base) = usize::try_from(*address) else {
                break;
            };
            remote.push(RemoteIoVec {
                base,
                len: place.len(),
            });
            local.push(IoSliceMut::new(here));
            (rest, start) = (behind, place.end);
        }
        match process_vm_readv(self.pid, &mut local, &remote) {
            Ok(count) => Ok(count),
            Err(Errno::ESRCH) => Err(Gone),
            Err(Errno::EPERM | Errno::ENOSYS) => {
                self.has_vm_read = false;
                Ok(0)
            }
            // EFAULT: the first page cannot be read like this.
            Err(_) => Ok(0),
        }
    }

    /// Goes on where a vector ended, `done` bytes into `wanted`: reads the rest of that range page by page where it must,
    /// and returns the number of ranges that are finished then.
    ///
    /// `mem` also reads what the process itself may not: pages without any permission, or executable only.
    fn read_rest(
        &mut self,
        wanted: &[Wanted],
        done: usize,
        buffer: &mut [u8],
        holes: &mut Vec<Hole>,
    ) -> usize {
        let mut done = done;
        for (index, Wanted { address, place }) in wanted.iter().enumerate() {
            if done >= place.len() {
                done -= place.len();
                continue;
            }
            let mut at = place.start + done;
            while at < place.end {
                let from = address + (at - place.start) as u64;
                match self.memory.read_at(&mut buffer[at..place.end], from) {
                    Ok(count) if count > 0 => at += count,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    _ => {
                        let hole = self.hole(from, at..place.end);
                        at = hole.place.end;
                        holes.push(hole);
                    }
                }
            }
            // The ranges behind it are for the next vector.
            return index + 1;
        }
        wanted.len()
    }

    /// The hole at the start of `place`, which stands for the addresses from `from` on: what is not populated any more, or
    /// one page.
    fn hole(&mut self, from: u64, place: Range<usize>) -> Hole {
        let end = from + place.len() as u64;
        let mut runs = Vec::new();
        let known_to = self.pages.runs(from..end, true, &mut runs).unwrap_or(from);
        let populated = runs.first().map_or(known_to, |run| run.range.start);
        let page_end = from - from % self.page_bytes + self.page_bytes;
        let hole_end = populated.max(page_end).min(end);
        let bytes = usize::try_from(hole_end - from).unwrap_or(usize::MAX);
        Hole {
            place: place.start..place.start.saturating_add(bytes).min(place.end),
            is_given_back: populated > from,
        }
    }

    /// Whether the address space still belongs to a process.
    ///
    /// Source: `mem_rw` in `fs/proc/base.c`: nothing is read once the last user of the address space is gone; at an
    /// address where nothing is mapped, an error is returned before that.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        !matches!(self.memory.read_at(&mut [0], 0), Ok(0))
    }

    /// Address of the program's entry point, as the kernel told the program.
    #[must_use]
    pub fn entry_point(&self) -> Option<u64> {
        auxv::entry_point(&self.dir.read("auxv").ok()?)
    }

    /// The program's file: identity, and the number of names that it has in folders.
    #[must_use]
    pub fn program(&self) -> Option<(FileKey, u32)> {
        files::key_of_link(&self.dir, "exe").ok()
    }

    /// The identity of the file that a region maps.
    #[must_use]
    pub fn file_key(&self, region: &Region) -> Option<FileKey> {
        files::key(&self.dir, region).ok()
    }

    /// The program's file, opened; none where it cannot or must not be.
    #[must_use]
    pub fn program_file(&self, files: &mut OpenFiles) -> Option<Mapped> {
        let device = self.program()?.0.device();
        files.file_systems.check(&self.dir, device).ok()?;
        files::open_program(&self.dir).ok()
    }

    /// Bytes of memory that the process has of its own, in memory or swapped out.
    #[must_use]
    pub fn own_bytes(&self) -> Option<u64> {
        status::own_bytes(&self.dir.read("status").ok()?)
    }

    /// Whether asking for pages costs no more for addresses where nothing is.
    #[must_use]
    pub fn scans_page_tables(&self) -> bool {
        self.pages.can_scan()
    }
}

impl OpenFiles {
    /// For one of so many threads.
    #[must_use]
    pub fn new(threads: usize) -> OpenFiles {
        OpenFiles {
            open: Vec::new(),
            room: (MAX_OPEN_FILES / threads.max(1)).max(1),
            file_systems: FileSystems::default(),
        }
    }

    fn find(&mut self, key: FileKey) -> Option<Arc<Mapped>> {
        let at = self.open.iter().position(|mapped| mapped.key == key)?;
        self.open[..=at].rotate_right(1);
        self.open.first().map(Arc::clone)
    }

    fn insert(&mut self, mapped: &Arc<Mapped>) {
        self.open.truncate(self.room - 1);
        self.open.insert(0, Arc::clone(mapped));
    }
}

/// The regions of a process, by address, read as they are needed: a process may have hundreds of thousands.
#[derive(Debug)]
pub struct Regions {
    lines: BufReader<File>,
    line: Vec<u8>,
}

/// The regions of a process.
///
/// # Errors
///
/// [`ProcessError::Read`].
pub fn regions(dir: &Dir) -> Result<Regions, ProcessError> {
    Ok(Regions {
        lines: BufReader::with_capacity(32 << 10, dir.open("maps")?),
        line: Vec::new(),
    })
}

impl Iterator for Regions {
    type Item = Region;

    /// The next region that is understood; the end when the process has ended.
    fn next(&mut self) -> Option<Region> {
        loop {
            self.line.clear();
            let read = (&mut self.lines)
                .take(MAX_LINE_BYTES)
                .read_until(b'\n', &mut self.line);
            if !matches!(read, Ok(count) if count > 0) {
                return None;
            }
            if let Some(region) = maps::line(self.line.trim_ascii_end()) {
                return Some(region);
            }
        }
    }
}
