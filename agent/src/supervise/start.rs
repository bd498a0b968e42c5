//! The start of a runner: its process, what it keeps, and the plugin that it is handed.

use crate::runner::{SUBCOMMAND, need};
use gumshoe_plugin_api::Limits;
use gumshoe_plugin_api::host::Candidate;
use gumshoe_plugin_api::manifest::Privilege;
use gumshoe_walls::{Cgroup, CgroupError, CgroupLimits, Cgroups, Identity, RunnerWalls};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use std::fs::File;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// What a runner's program and plugin take besides the memory that is limited, for a control group counts them too.
const CODE_BYTES: u64 = 64 << 20;
/// How many threads a runner may have in its control group.
const MAX_THREADS: u32 = 512;

/// Why a runner could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The process, or the socket to it, could not be made.
    #[error("failed to start a runner process")]
    Spawn(#[source] io::Error),
    /// The plugin file could not be handed over.
    #[error("failed to hand the plugin to the runner")]
    HandOver(#[source] io::Error),
    /// The control group could not be made.
    #[error("failed to put the runner into a control group")]
    Cgroup(#[source] CgroupError),
    /// The runner could not load the plugin.
    #[error("the plugin cannot be loaded: {0}")]
    Unloadable(String),
    /// The runner ended or went silent instead of loading the plugin.
    #[error("the plugin did not load: {0}")]
    Ended(String),
}

/// Starts this program as a runner: own process group (the terminal's Ctrl-C is the parent's to
/// handle), empty environment, neutral folder, output to a pipe.
pub(super) fn spawn(socket: UnixStream, output: OwnedFd) -> io::Result<Child> {
    // The running program itself, also when its file was replaced meanwhile (proc(5)).
    let program = if cfg!(target_os = "linux") {
        "/proc/self/exe".into()
    } else {
        std::env::current_exe()?
    };
    Command::new(program)
        .arg0("gumshoe-runner")
        .arg(SUBCOMMAND)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("LC_ALL", "C")
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::from(OwnedFd::from(socket)))
        .stdout(Stdio::from(output.try_clone()?))
        .stderr(Stdio::from(output))
        .spawn()
}

/// Sends the open plugin file and the walls as the first message.
pub(super) fn hand_over(socket: &UnixStream, file: &File, walls: &RunnerWalls) -> io::Result<()> {
    let bytes = serde_json::to_vec(walls)?;
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let files = [file.as_fd()];
    if !control.push(SendAncillaryMessage::ScmRights(&files)) {
        return Err(io::Error::other("the control message does not fit"));
    }
    rustix::net::sendmsg(socket, &[IoSlice::new(&bytes)], &mut control, SendFlags::empty())?;
    Ok(())
}

/// What a runner keeps: what the manifest asks for, as a user of its own if there is a choice.
pub(super) fn walls(candidate: &Candidate, limits: &Limits, process: u32) -> RunnerWalls {
    let is_root = rustix::process::geteuid().is_root();
    RunnerWalls {
        needs: candidate
            .manifest
            .privileges
            .iter()
            .copied()
            .filter_map(need)
            .collect(),
        identity: is_root.then(|| Identity::of_process(process)),
        memory_bytes: limits.memory_bytes,
    }
}

/// A group of its own for a runner.
pub(super) fn group(cgroups: &Cgroups, process: u32, limits: &Limits) -> Result<Cgroup, CgroupError> {
    let memory_bytes = match limits.memory_bytes {
        0 => 0,
        bytes => bytes.saturating_add(CODE_BYTES),
    };
    let group = cgroups.create(
        &format!("runner-{process}"),
        CgroupLimits {
            memory_bytes,
            cpu_percent: limits.cpu_percent,
            processes: MAX_THREADS,
        },
    )?;
    group.join(process)?;
    Ok(group)
}

/// A runner that is not root has to read the plugin like anybody.
pub(super) fn readable_for_runners(candidate: &Candidate) -> Result<(), StartError> {
    const OTHERS_READ: u32 = 0o004;
    let is_root = rustix::process::geteuid().is_root();
    if !is_root || candidate.manifest.privileges.contains(&Privilege::ReadFiles) {
        return Ok(());
    }
    match candidate.file.metadata() {
        Ok(metadata) if metadata.mode() & OTHERS_READ == 0 => Err(StartError::Unloadable(format!(
            "runners are not root, and `{}` has mode {:04o}: `chmod o+r` it",
            candidate.path.display(),
            metadata.mode() & 0o7777,
        ))),
        _ => Ok(()), // the runner tells what is wrong
    }
}
