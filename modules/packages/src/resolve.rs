//! Finds a path below a folder without ever leaving it, one component at a time.
//!
//! For systems that have no call for this: macOS, Linux before 5.6.

use std::{
    ffi::{OsStr, OsString},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::{OsStrExt, OsStringExt},
    },
    path::{Component, Path},
};

use rustix::{
    fs::{Mode, OFlags, openat, readlinkat},
    io::{Errno, Result},
};

/// Links that are followed on the way to one file; as many as Linux follows (`path_resolution(7)`).
const MAX_LINKS: usize = 40;
/// Components that are looked at on the way to one file, those that links add included.
const MAX_COMPONENTS: usize = 256;
/// A folder on the way.
const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Where a path leads: a folder, and a name in it that was not a link when it was looked at.
pub(crate) struct Found {
    /// The folder that holds it.
    pub folder: OwnedFd,
    /// Its name; `.` for the base itself.
    pub name: OsString,
}

/// Resolves a path below `base`; absolute links and `..` end at `base`.
pub(crate) fn find(base: BorrowedFd<'_>, path: &Path) -> Result<Found> {
    let mut way = Way {
        base: openat(base, c".", FOLDER, Mode::empty())?,
        folders: Vec::new(),
        ahead: Vec::new(),
    };
    way.put(path);
    let (mut links, mut components) = (0, 0);
    while let Some(name) = way.ahead.pop() {
        components += 1;
        if components > MAX_COMPONENTS {
            return Err(Errno::NAMETOOLONG);
        }
        if name == ".." {
            way.folders.pop();
            continue;
        }
        match readlinkat(way.at(), &name, Vec::new()) {
            Ok(_) if links == MAX_LINKS => return Err(Errno::LOOP),
            Ok(target) => {
                links += 1;
                way.put(Path::new(&OsString::from_vec(target.into_bytes())));
            }
            Err(Errno::INVAL) if way.ahead.is_empty() => return way.end(name),
            Err(Errno::INVAL) => {
                let folder = openat(way.at(), &name, FOLDER, Mode::empty())?;
                way.folders.push(folder);
            }
            Err(errno) => return Err(errno),
        }
    }
    way.end(OsStr::from_bytes(b".").to_owned())
}

struct Way {
    base: OwnedFd,
    /// The folders that were entered, outermost first.
    folders: Vec<OwnedFd>,
    /// Components that are still to be taken, the next one last.
    ahead: Vec<OsString>,
}

impl Way {
    fn at(&self) -> BorrowedFd<'_> {
        self.folders.last().unwrap_or(&self.base).as_fd()
    }

    fn put(&mut self, path: &Path) {
        if path.is_absolute() {
            self.folders.clear();
        }
        let names = path.components().rev().filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some("..".into()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        });
        self.ahead.extend(names);
    }

    fn end(mut self, name: OsString) -> Result<Found> {
        let folder = self.folders.pop().unwrap_or(self.base);
        Ok(Found { folder, name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{CWD, fstat, statat};
    use std::{fs, os::unix::fs::symlink};

    /// Inode of what a path leads to below `base`.
    fn inode(base: &Path, path: &str) -> Result<u64> {
        let base = openat(CWD, base, FOLDER, Mode::empty())?;
        let found = find(base.as_fd(), Path::new(path))?;
        let stat = statat(found.folder, found.name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(stat.st_ino)
    }

    #[test]
    fn links_are_resolved_inside_and_lead_nowhere_else() {
        let outside = tempfile::tempdir().unwrap();
        let base = outside.path().join("base");
        fs::create_dir_all(base.join("a/b")).unwrap();
        fs::write(base.join("a/b/file"), "inside").unwrap();
        fs::write(outside.path().join("file"), "outside").unwrap();
        symlink("/a/b", base.join("absolute")).unwrap();
        symlink("../../../../a/./b/file", base.join("a/up")).unwrap();
        symlink(outside.path().join("file"), base.join("out")).unwrap();
        symlink("circle", base.join("circle")).unwrap();
        let inside = fstat(fs::File::open(base.join("a/b/file")).unwrap()).unwrap();
        for path in [
            "/a/b/file",
            "a/b/file",
            "absolute/file",
            "a/up",
            "/../a//b/../b/file",
        ] {
            assert_eq!(inode(&base, path), Ok(inside.st_ino), "{path}");
        }
        assert_eq!(inode(&base, "out"), Err(Errno::NOENT));
        assert_eq!(inode(&base, "circle"), Err(Errno::LOOP));
        assert_eq!(inode(&base, "a/b/file/x"), Err(Errno::NOTDIR));
        assert!(inode(&base, "/").is_ok());
    }
}
