//! The runner: a child process that loads one plugin and runs one operation.
//!
//! It is this same program, started as `gumshoe-agent runner` with a stream socket as standard
//! input. The first message brings the open plugin file along (`SCM_RIGHTS`, unix(7)); from then on
//! the agent asks and the runner tells, see [`frame`].

pub mod frame;
mod narrow;
mod pipe;

pub use narrow::need;

use frame::{Frame, ask, tell};
use gumshoe_plugin_api::host::Loaded;
use gumshoe_plugin_api::{Occurrence, Operation, Rejection};
use gumshoe_walls::{RunnerWalls, after_loading, close_inherited_files};
use pipe::Pipe;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, IoSliceMut};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

/// How long the walls' description may be: names of privileges, and numbers.
const MAX_WALLS_BYTES: usize = 1024;

/// The hidden subcommand by which the agent starts this program as a runner.
pub const SUBCOMMAND: &str = "runner";

/// What the agent tells a runner before it runs something.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Job {
    /// The operation's surroundings, as the module sees them.
    pub operation: Operation,
    /// Whether every finding is also wanted as text for humans.
    pub render: bool,
}

/// The runner's program.
#[must_use]
pub fn main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error leads to the agent, which puts the last lines into the report.
            eprintln!("the runner cannot go on: {}", crate::terminal::chain(&error));
            ExitCode::FAILURE
        }
    }
}

/// Walls first, then the plugin, then the last wall, then requests until the agent hangs up. A plugin's initialisers run when it is
/// loaded, so everything that loading can do without is gone by then.
fn serve() -> io::Result<()> {
    close_inherited_files().map_err(io::Error::other)?;
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let (file, walls) = receive_plugin(&socket)?;
    let missing = walls.before_loading().map_err(io::Error::other)?;
    let mut writer = socket.try_clone()?;
    let plugin = match Loaded::open(&file) {
        Ok(plugin) => plugin,
        Err(error) => {
            let chain = crate::terminal::chain(&error);
            return frame::write(&mut writer, tell::UNLOADABLE, &[chain.as_bytes()]);
        }
    };
    after_loading().map_err(io::Error::other)?;
    frame::write(&mut writer, tell::LOADED, &[&serde_json::to_vec(&missing)?])?;
    answer(plugin, &walls, &socket, writer)
}

/// Answers requests until one of them was the operation.
fn answer(
    plugin: Loaded,
    walls: &RunnerWalls,
    socket: &UnixStream,
    mut writer: UnixStream,
) -> io::Result<()> {
    let mut job = Job::default();
    let mut reader = socket.try_clone()?;
    while let Some(request) = frame::read(&mut reader)? {
        match request.kind {
            ask::OPERATION => job = serde_json::from_slice(&request.payload)?,
            ask::RUN => {
                narrow::to_question(plugin, walls, &job.operation, &request.payload)?;
                return run(plugin, &job, &request.payload, socket);
            }
            _ => respond(plugin, &request, &mut writer)?,
        }
    }
    Ok(())
}

/// Receives the plugin's file descriptor and the walls: the first message on the socket.
fn receive_plugin(socket: &UnixStream) -> io::Result<(File, RunnerWalls)> {
    let mut bytes = [0; MAX_WALLS_BYTES];
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = rustix::net::recvmsg(
        socket,
        &mut [IoSliceMut::new(&mut bytes)],
        &mut control,
        RecvFlags::empty(),
    )?;
    let walls = serde_json::from_slice(&bytes[..received.bytes])?;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(mut files) = message
            && let Some(file) = files.next()
        {
            rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::CLOEXEC)?;
            return Ok((File::from(file), walls));
        }
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidData,
        "the first message brought no plugin file",
    ))
}

/// Answers a request that runs nothing.
fn respond(plugin: Loaded, request: &Frame, writer: &mut UnixStream) -> io::Result<()> {
    let answered = match request.kind {
        ask::DESCRIBE => {
            let description = plugin.describe()?;
            Ok((tell::DESCRIPTION, serde_json::to_vec(&description)?))
        }
        ask::SCHEMA => Ok((tell::SCHEMA, serde_json::to_vec(&plugin.schema()?)?)),
        ask::ARGUMENTS => {
            let occurrences: Vec<Occurrence> = serde_json::from_slice(&request.payload)?;
            plugin
                .arguments(&occurrences)
                .map(|params| (tell::PARAMS, params))
        }
        ask::VALIDATE => plugin
            .validate(&request.payload)
            .map(|()| (tell::VALID, Vec::new())),
        ask::RENDER => plugin
            .render(&request.payload)
            .map(|text| (tell::RENDERED, text.into_bytes())),
        ask::CANCEL => return Ok(()),
        other => {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("unknown request {other}"),
            ));
        }
    };
    match answered {
        Ok((kind, payload)) => frame::write(writer, kind, &[&payload]),
        Err(rejection) => reject(writer, &rejection),
    }
}

/// Runs the operation; a thread watches for cancellation and for the agent's end meanwhile.
fn run(plugin: Loaded, job: &Job, params: &[u8], socket: &UnixStream) -> io::Result<()> {
    let mut writer = socket.try_clone()?;
    let pipe = Pipe::new(job, plugin, socket.try_clone()?);
    std::thread::scope(|scope| {
        scope.spawn(|| pipe.watch(socket));
        let told = match plugin.run(params, &pipe) {
            Ok(statistics) => {
                let reason = pipe.stop_reason().to_le_bytes();
                frame::write(&mut writer, tell::DONE, &[&reason[..1], &statistics])
            }
            Err(rejection) => reject(&mut writer, &rejection),
        };
        // Ends the watcher's read, and nothing else: answers go the other way.
        let _ = socket.shutdown(std::net::Shutdown::Read);
        told
    })
}

fn reject(writer: &mut UnixStream, rejection: &Rejection) -> io::Result<()> {
    frame::write(writer, tell::REJECTED, &[&serde_json::to_vec(rejection)?])
}
