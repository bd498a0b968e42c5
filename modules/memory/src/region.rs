//! A mapped part of a process's address space.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Range;

/// One mapping, as the system lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// First address.
    pub start: u64,
    /// First address behind it.
    pub end: u64,
    /// What the process may do there.
    pub perms: Perms,
    /// Offset in the mapped file, in bytes.
    pub offset: u64,
    /// Device of the mapped file as the list shows it: major and minor number.
    pub device: (u32, u32),
    /// Inode of the mapped file as the list shows it; 0 without one.
    pub inode: u64,
    /// Path of the mapped file, or a name such as `[heap]`; empty for none.
    pub name: Vec<u8>,
}

/// A range to be read: its address, and where it goes in the buffer. Places ascend and do not overlap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Address of the first byte.
    pub address: u64,
    /// Where it goes.
    pub place: Range<usize>,
}

/// The process has ended or runs another program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone;

/// What a process may do with a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "four independent bits, as the system has them"
)]
pub struct Perms {
    /// Read.
    pub read: bool,
    /// Write.
    pub write: bool,
    /// Execute.
    pub exec: bool,
    /// Writes are shared with other processes, or with the file.
    pub shared: bool,
}

/// What a region holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The heap that grows by `brk`.
    Heap,
    /// The stack of the first thread.
    Stack,
    /// Memory without a file: most heaps, stacks of threads, code made at run time.
    Anon,
    /// A mapped file, shared memory or memfd.
    File,
    /// Code that the kernel provides.
    Vdso,
    /// Memory of a device, or data pages of the kernel: never read.
    Device,
}

/// A set of properties of regions that a search may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Classes(u8);

impl Classes {
    /// The heap.
    pub const HEAP: Classes = Classes(1);
    /// The stack.
    pub const STACK: Classes = Classes(2);
    /// Memory without a file.
    pub const ANON: Classes = Classes(4);
    /// Mapped files.
    pub const FILE: Classes = Classes(8);
    /// Executable.
    pub const EXEC: Classes = Classes(16);
    /// Writable.
    pub const WRITE: Classes = Classes(32);
    /// Everything.
    pub const ALL: Classes = Classes(0xff);

    /// Those of either set.
    #[must_use]
    pub const fn union(self, other: Classes) -> Classes {
        Classes(self.0 | other.0)
    }

    /// Whether the sets have something in common.
    #[must_use]
    pub const fn meets(self, other: Classes) -> bool {
        self.0 & other.0 != 0
    }
}

impl Region {
    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.end - self.start
    }

    /// Whether it has no bytes, which no system reports.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.end <= self.start
    }

    /// What it holds.
    ///
    /// Source: `proc_pid_maps(5)` for the names in brackets; `/dev/zero` and `/dev/shm` are memory, other devices not.
    #[must_use]
    pub fn kind(&self) -> Kind {
        let name = self.name.as_slice();
        let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix.as_bytes()));
        match name {
            b"" => Kind::Anon,
            b"[heap]" => Kind::Heap,
            b"[vdso]" => Kind::Vdso,
            _ if starts(&["[stack"]) => Kind::Stack,
            _ if starts(&["[vvar", "[vsyscall", "anon_inode:", "socket:", "/dmabuf:"]) => Kind::Device,
            _ if starts(&["["]) => Kind::Anon,
            _ if starts(&["/dev/shm/", "/dev/zero", "/dev/hugepages/"]) => Kind::File,
            _ if starts(&["/dev/"]) => Kind::Device,
            _ => Kind::File,
        }
    }

    /// Everything that a search may ask for and the region has.
    #[must_use]
    pub fn classes(&self) -> Classes {
        let kind = match self.kind() {
            Kind::Heap => Classes::HEAP,
            Kind::Stack => Classes::STACK,
            Kind::Anon | Kind::Vdso | Kind::Device => Classes::ANON,
            Kind::File => Classes::FILE,
        };
        let exec = if self.perms.exec {
            Classes::EXEC
        } else {
            Classes::default()
        };
        let write = if self.perms.write {
            Classes::WRITE
        } else {
            Classes::default()
        };
        kind.union(exec).union(write)
    }

    /// Path of the mapped file, if it has one; without the mark of a deleted one.
    #[must_use]
    pub fn file(&self) -> Option<&[u8]> {
        (self.kind() == Kind::File).then(|| without_deleted(&self.name))
    }

    /// Whether it maps a file without a name in any folder, made by `memfd_create(2)`.
    #[must_use]
    pub fn is_memfd(&self) -> bool {
        self.name.starts_with(MEMFD)
    }
}

/// How the path of a memfd begins.
const MEMFD: &[u8] = b"/memfd:";
/// What the system appends to the path of a deleted file.
const DELETED: &[u8] = b" (deleted)";

/// `path` without the mark that the system appends when the file is deleted.
#[must_use]
pub fn without_deleted(path: &[u8]) -> &[u8] {
    path.strip_suffix(DELETED).unwrap_or(path)
}

impl fmt::Display for Perms {
    /// As `/proc/PID/maps` writes it: `rw-p`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = |has: bool, letter: char| if has { letter } else { '-' };
        write!(
            formatter,
            "{}{}{}{}",
            letter(self.read, 'r'),
            letter(self.write, 'w'),
            letter(self.exec, 'x'),
            if self.shared { 's' } else { 'p' }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Region {
        let perms = Perms {
            read: true,
            write: true,
            ..Perms::default()
        };
        Region {
            start: 0,
            end: 4096,
            perms,
            offset: 0,
            device: (0, 0),
            inode: 0,
            name: name.into(),
        }
    }

    #[test]
    fn kinds_follow_from_names() {
        for (name, kind) in [
            ("", Kind::Anon),
            ("[heap]", Kind::Heap),
            ("[stack]", Kind::Stack),
            ("[anon:v8]", Kind::Anon),
            ("[vdso]", Kind::Vdso),
            ("[vvar_vclock]", Kind::Device),
            ("anon_inode:[io_uring]", Kind::Device),
            ("/dev/nvidia0", Kind::Device),
            ("/dev/shm/x", Kind::File),
            ("/dev/zero (deleted)", Kind::File),
            ("/memfd:x (deleted)", Kind::File),
            ("/usr/lib/x.so", Kind::File),
        ] {
            assert_eq!(named(name).kind(), kind, "{name}");
        }
        assert_eq!(named("/a (deleted)").file(), Some(&b"/a"[..]));
        assert!(named("[heap]").classes().meets(Classes::WRITE));
        assert!(
            !named("[heap]")
                .classes()
                .meets(Classes::ANON.union(Classes::EXEC))
        );
        assert_eq!(named("").perms.to_string(), "rw-p");
    }
}
