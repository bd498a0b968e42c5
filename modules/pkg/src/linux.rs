//! Linux: the roots of running containers.

use std::os::fd::OwnedFd;

use gumshoe_packages::Tree;
use gumshoe_plugin_api::{Context, Skipped};
use gumshoe_process::{Dir, Host, ProcessError};
use gumshoe_walk::{Base, MountTable};
use rustix::{
    fs::{Mode, OFlags, fstat, openat, stat},
    io::{Errno, Result},
};

use crate::{finding::Container, trees::Place};

/// Device and inode of a root.
type RootId = (u64, u64);

/// The roots of all processes that have another one than the host, each once, by the lowest process number.
pub(crate) fn containers(context: &Context) -> Vec<Place> {
    let host = Host::new(context.root());
    let own = stat(context.root()).map(|stat| (stat.st_dev, stat.st_ino)).ok();
    let mut seen: Vec<RootId> = own.into_iter().collect();
    let pids = host.pids().unwrap_or_else(|error| {
        context.skipped(
            Skipped::one("root of a process", "processes cannot be listed").example(error.to_string()),
        );
        Vec::new()
    });
    let mut places = Vec::new();
    for pid in pids {
        if context.own_processes().contains(&pid) {
            continue;
        }
        let found = host
            .dir(pid)
            .map(|process| (container_root(&process, &mut seen), process));
        match found {
            Ok((Ok(Some(root)), process)) => places.push(place(root, &process)),
            // Gone meanwhile, or a kernel thread, which has no root.
            Ok((Ok(None) | Err(Errno::NOENT | Errno::SRCH), _)) => {}
            Ok((Err(errno), _)) => unseen(context, pid, errno == Errno::ACCESS || errno == Errno::PERM),
            Err(error) if error.is_gone() => {}
            Err(error) => unseen(context, pid, ProcessError::is_denied(&error)),
        }
    }
    places
}

fn unseen(context: &Context, pid: u32, denied: bool) {
    let why = if denied {
        "permission denied"
    } else {
        "cannot be opened"
    };
    context.skipped(Skipped::one("root of a process", why).example(format!("pid {pid}")));
}

/// The root of a process, unless it was seen.
fn container_root(process: &Dir, seen: &mut Vec<RootId>) -> Result<Option<OwnedFd>> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = openat(process, "root", flags, Mode::empty())?;
    let stat = fstat(&root)?;
    let id = (stat.st_dev, stat.st_ino);
    if seen.contains(&id) {
        return Ok(None);
    }
    seen.push(id);
    Ok(Some(root))
}

fn place(root: OwnedFd, process: &Dir) -> Place {
    // Without its cgroup the container has no name; without its mounts, remote file systems are not known.
    let read = |file| process.read(file).unwrap_or_default();
    let container = gumshoe_process::container(&read("cgroup"));
    Place {
        tree: Tree::new(Base::new(root, MountTable::parse(&read("mountinfo")))),
        root: None,
        container: Some(
            container
                .unwrap_or_else(Container::unknown)
                .with_process(process.pid()),
        ),
    }
}
