//! The host's side of the ABI: where a running operation's findings and messages go.
//!
//! The agent's runner implements [`Sink`] by writing frames to a pipe, [`crate::harness`] by
//! collecting a report in memory.

use crate::Operation;
use gumshoe_plugin_abi::abi_stable::prefix_type::PrefixTypeTrait;
use gumshoe_plugin_abi::abi_stable::std_types::RVec;
use gumshoe_plugin_abi::{Bytes, Handle, Host, HostRef};

pub use gumshoe_plugin_abi::{event, stop};

/// Receives what an operation hands over. Called from any of the plugin's threads.
///
/// A sink must not panic: nothing unwinds across the boundary, a panic here ends the process.
pub trait Sink: Sync + Sized {
    /// The operation's surroundings.
    fn operation(&self) -> &Operation;
    /// Takes one finding (JSON); answers one of [`stop`].
    fn emit(&self, finding: &[u8]) -> u32;
    /// Takes a message of one of the kinds in [`event`].
    fn event(&self, kind: u32, message: &[u8]);
    /// Whether the operation should end: one of [`stop`].
    fn stopped(&self) -> u32;
}

/// The table of functions that leads to a sink of type `S`.
#[must_use]
pub fn table<S: Sink>() -> HostRef {
    Host {
        operation: operation::<S>,
        emit: emit::<S>,
        event: event::<S>,
        stopped: stopped::<S>,
    }
    .leak_into_prefix()
}

/// A sink as the opaque handle that plugins pass back. The sink must outlive the operation.
pub fn handle<S: Sink>(sink: &S) -> Handle {
    Handle::new(sink)
}

extern "C" fn operation<S: Sink>(handle: Handle) -> RVec<u8> {
    RVec::from(serde_json::to_vec(sink::<S>(handle).operation()).unwrap_or_default())
}

extern "C" fn emit<S: Sink>(handle: Handle, finding: Bytes<'_>) -> u32 {
    sink::<S>(handle).emit(&finding)
}

extern "C" fn event<S: Sink>(handle: Handle, kind: u32, message: Bytes<'_>) {
    sink::<S>(handle).event(kind, &message);
}

extern "C" fn stopped<S: Sink>(handle: Handle) -> u32 {
    sink::<S>(handle).stopped()
}

#[allow(
    unsafe_code,
    reason = "a handle is turned back into the sink it was made from"
)]
fn sink<'a, S: Sink>(handle: Handle) -> &'a S {
    // SAFETY: `table::<S>` is only ever passed together with `handle(&S)` of the same sink, which
    // lives until the plugin's `run` has returned.
    unsafe { handle.state::<S>() }
}
