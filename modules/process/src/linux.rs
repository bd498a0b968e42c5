//! Linux: processes by `/proc`.

use crate::parse::{cgroup, stat};
use crate::{Container, Kind, Names, Process, ProcessError, Root, Roots, Unseen};
use rustix::fs::{Mode, OFlags, fstat, openat, readlinkat, stat as stat_of};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Bytes read at most of a file of `/proc` or `/etc` that is read as a whole.
const MAX_TEXT_BYTES: u64 = 16 << 20;

/// Device and inode of a root folder.
type RootId = (u64, u64);

/// The processes of a host.
#[derive(Debug)]
pub struct Host {
    root: PathBuf,
    proc: PathBuf,
    boot_ms: i64,
    ticks_per_second: i64,
    users: Names,
}

/// The folder of one process in `/proc`, held open: it never turns into that of another process with the same number.
#[derive(Debug)]
pub struct Dir {
    pid: u32,
    fd: OwnedFd,
}

impl Host {
    /// The host whose file system lies at `root`. What cannot be read there leaves names and times out.
    #[must_use]
    pub fn new(root: &Path) -> Host {
        let proc = root.join("proc");
        let boot_seconds = read_path(&proc.join("stat"))
            .ok()
            .and_then(|text| stat::boot_seconds(&text))
            .unwrap_or(0);
        let users = read_path(&root.join("etc/passwd"))
            .map(|text| Names::parse(&text))
            .unwrap_or_default();
        let ticks_per_second = i64::try_from(rustix::param::clock_ticks_per_second())
            .unwrap_or(100)
            .max(1);
        Host {
            root: root.to_owned(),
            proc,
            boot_ms: boot_seconds.saturating_mul(1000),
            ticks_per_second,
            users,
        }
    }

    /// Numbers of all processes, ascending.
    ///
    /// # Errors
    ///
    /// [`ProcessError::List`] when `/proc` cannot be listed.
    pub fn pids(&self) -> Result<Vec<u32>, ProcessError> {
        let failed = |source| ProcessError::List {
            place: self.proc.display().to_string(),
            source,
        };
        let mut pids = Vec::new();
        for entry in std::fs::read_dir(&self.proc).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            pids.extend(name.to_str().and_then(|name| name.parse::<u32>().ok()));
        }
        pids.sort_unstable();
        Ok(pids)
    }

    /// Takes hold of a process.
    ///
    /// # Errors
    ///
    /// [`ProcessError::Read`], also when the process has ended: see [`ProcessError::is_gone`].
    pub fn dir(&self, pid: u32) -> Result<Dir, ProcessError> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = openat(
            rustix::fs::CWD,
            self.proc.join(pid.to_string()),
            flags,
            Mode::empty(),
        )
        .map_err(|errno| ProcessError::Read {
            pid,
            what: "folder",
            source: errno.into(),
        })?;
        Ok(Dir { pid, fd })
    }

    /// Describes a process.
    ///
    /// # Errors
    ///
    /// [`ProcessError::Read`] when it has ended, [`ProcessError::Malformed`] when `stat` or `status` is not understood.
    pub fn describe(&self, dir: &Dir) -> Result<Process, ProcessError> {
        let pid = dir.pid;
        let stat = stat::stat(&dir.read("stat")?).ok_or(ProcessError::Malformed { pid, what: "stat" })?;
        let uid = stat::effective_uid(&dir.read("status")?)
            .ok_or(ProcessError::Malformed { pid, what: "status" })?;
        let ticks = i64::try_from(stat.start_ticks).unwrap_or(i64::MAX);
        let kind = match stat {
            _ if stat.is_kernel => Kind::Kernel,
            _ if matches!(stat.state, b'Z' | b'X' | b'x') => Kind::Zombie,
            _ => Kind::Program,
        };
        Ok(Process {
            pid,
            start_ms: self
                .boot_ms
                .saturating_add(ticks.saturating_mul(1000) / self.ticks_per_second),
            exe: dir.link("exe").ok(),
            comm: stat.comm,
            uid,
            container: dir.read("cgroup").ok().and_then(|text| cgroup::container(&text)),
            kind,
        })
    }

    /// The root folders of all processes that have another one than the host. Processes that ended are left out, as are
    /// kernel threads, which have none, and those of `except`.
    #[must_use]
    pub fn roots(&self, except: &[u32]) -> Roots {
        let own = stat_of(&self.root).map(|root| (root.st_dev, root.st_ino));
        let mut seen: Vec<RootId> = own.into_iter().collect();
        let mut roots = Roots::default();
        let pids = self.pids().unwrap_or_else(|error| {
            roots.unseen.push(Unseen {
                why: "processes cannot be listed",
                example: error.to_string(),
            });
            Vec::new()
        });
        for pid in pids {
            if except.contains(&pid) {
                continue;
            }
            match self.dir(pid).and_then(|dir| dir.root(&mut seen)) {
                Ok(root) => roots.found.extend(root),
                Err(error) if error.is_gone() => {}
                Err(error) => roots.unseen.push(Unseen {
                    why: if error.is_denied() {
                        "permission denied"
                    } else {
                        "cannot be opened"
                    },
                    example: format!("pid {pid}"),
                }),
            }
        }
        roots
    }

    /// Names of the host's users.
    #[must_use]
    pub fn users(&self) -> &Names {
        &self.users
    }
}

impl Dir {
    /// Number of the process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Opens one of its files, by a path below its folder, for reading.
    ///
    /// # Errors
    ///
    /// [`ProcessError::Read`].
    pub fn open(&self, what: &'static str) -> Result<File, ProcessError> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        openat(&self.fd, what, flags, Mode::empty())
            .map(File::from)
            .map_err(|errno| self.failed(what, errno.into()))
    }

    /// Reads one of its files as a whole, at most 16 MiB.
    ///
    /// # Errors
    ///
    /// [`ProcessError::Read`].
    pub fn read(&self, what: &'static str) -> Result<Vec<u8>, ProcessError> {
        let mut text = Vec::new();
        let read = self.open(what)?.take(MAX_TEXT_BYTES).read_to_end(&mut text);
        read.map_err(|source| self.failed(what, source))?;
        Ok(text)
    }

    /// What one of its links says.
    ///
    /// # Errors
    ///
    /// [`ProcessError::Read`].
    pub fn link(&self, what: &'static str) -> Result<Vec<u8>, ProcessError> {
        let text = readlinkat(&self.fd, what, Vec::new()).map_err(|errno| self.failed(what, errno.into()))?;
        Ok(text.into_bytes())
    }

    /// The root of the process, unless it was seen.
    fn root(&self, seen: &mut Vec<RootId>) -> Result<Option<Root>, ProcessError> {
        const ROOT: &str = "root";
        let failed = |errno: Errno| self.failed(ROOT, errno.into());
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = openat(&self.fd, ROOT, flags, Mode::empty()).map_err(failed)?;
        let stat = fstat(&dir).map_err(failed)?;
        let id = (stat.st_dev, stat.st_ino);
        if seen.contains(&id) {
            return Ok(None);
        }
        seen.push(id);
        let read = |what| self.read(what).unwrap_or_default();
        let container = cgroup::container(&read("cgroup")).unwrap_or_else(Container::unknown);
        Ok(Some(Root {
            dir,
            container: container.with_process(self.pid),
            mountinfo: read("mountinfo"),
        }))
    }

    fn failed(&self, what: &'static str, source: io::Error) -> ProcessError {
        ProcessError::Read {
            pid: self.pid,
            what,
            source,
        }
    }
}

impl AsFd for Dir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn read_path(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?.take(MAX_TEXT_BYTES).read_to_end(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::process::Command;

    #[test]
    fn a_live_process_is_described_and_its_end_noticed() {
        let host = Host::new(Path::new("/"));
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        let dir = host.dir(child.id()).unwrap();
        assert!(host.pids().unwrap().contains(&child.id()));
        let process = host.describe(&dir).unwrap();
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
        assert!((now as i64 - process.start_ms).abs() < 60_000, "{process:?}");
        assert_eq!(
            (process.uid, process.kind),
            (rustix::process::geteuid().as_raw(), Kind::Program)
        );
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(host.describe(&dir).unwrap_err().is_gone());
    }

    #[test]
    fn other_roots_are_found_once_by_the_lowest_process() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("srv/box");
        std::fs::create_dir_all(&inner).unwrap();
        // 10 has the host's root, 15 none, as kernel threads.
        for (pid, to) in [
            (10, Some(root.path())),
            (12, Some(&inner)),
            (13, Some(&inner)),
            (15, None),
        ] {
            let folder = root.path().join(format!("proc/{pid}"));
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("cgroup"), "0::/lxc/box\n").unwrap();
            to.into_iter()
                .for_each(|to| symlink(to, folder.join("root")).unwrap());
        }
        let host = Host::new(root.path());
        let roots = host.roots(&[]);
        assert!(roots.unseen.is_empty());
        let [only] = roots.found.as_slice() else {
            unreachable!("{roots:?}")
        };
        assert_eq!(only.container.id, "box");
        assert_eq!(only.container.pid, Some(12));
        assert!(host.roots(&[12, 13]).found.is_empty());
    }

    #[test]
    fn a_fixture_is_read_like_a_host() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("proc/7");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::create_dir_all(root.path().join("etc")).unwrap();
        let put = |name: &str, text: &str| std::fs::write(root.path().join(name), text).unwrap();
        put("proc/stat", "btime 1000\n");
        put("etc/passwd", "joe:x:5:5::/:/bin/sh\n");
        put(
            "proc/7/stat",
            "7 (x y) S 1 7 7 0 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 250 1000",
        );
        put("proc/7/status", "Uid:\t1\t5\t1\t1\n");
        put("proc/7/cgroup", "0::/lxc/box\n");
        symlink("/opt/x (deleted)", folder.join("exe")).unwrap();
        let host = Host::new(root.path());
        let process = host.describe(&host.dir(7).unwrap()).unwrap();
        assert_eq!(host.pids().unwrap(), [7]);
        assert_eq!(
            (process.start_ms, process.uid, host.users().of(5)),
            (1_002_500, 5, Some("joe"))
        );
        assert_eq!(
            (process.exe.as_deref(), process.comm.as_slice()),
            (Some(&b"/opt/x (deleted)"[..]), &b"x y"[..])
        );
        assert_eq!(process.container.unwrap().id, "box");
    }
}
