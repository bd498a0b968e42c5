//! The walls that macOS has. Type-checked only: nobody has run this yet.
//!
//! There are neither capabilities nor filters of system calls for programs outside a bundle with entitlements, so
//! a module that asks for privileges keeps its user.

use crate::{Identity, Missing, Need, Wall, WallError};
use rustix::process::geteuid;
use std::io;
use std::path::PathBuf;

/// Becomes another user, unless the module needs what only root may do.
pub fn drop_rights(
    needs: &[Need],
    identity: Option<Identity>,
    missing: &mut Vec<Missing>,
) -> Result<(), WallError> {
    let Some(identity) = identity else {
        return Ok(());
    };
    if !needs.is_empty() {
        missing.push(Missing::new(
            Wall::User,
            "macOS has no capabilities: what the module asks for takes root",
        ));
        return Ok(());
    }
    if !geteuid().is_root() {
        missing.push(Missing::new(
            Wall::User,
            "the agent may not choose users: it was not started as root",
        ));
        return Ok(());
    }
    become_user(identity).map_err(|source| WallError::Identity {
        uid: identity.uid,
        gid: identity.gid,
        source,
    })
}

/// Groups, group and user, in this order: each step needs what the next one takes away.
#[allow(
    unsafe_code,
    reason = "setgroups(2), setgid(2) and setuid(2) of a whole process have no safe wrapper"
)]
fn become_user(identity: Identity) -> io::Result<()> {
    let (user, group) = (identity.user().as_raw(), identity.group().as_raw());
    // SAFETY: an empty list of groups and two integers.
    let results = unsafe {
        [
            libc::setgroups(0, std::ptr::null()),
            libc::setgid(group),
            libc::setuid(user),
        ]
    };
    if results == [0; 3] {
        return Ok(());
    }
    Err(io::Error::last_os_error())
}

/// No debugger may attach.
#[allow(unsafe_code, reason = "ptrace(2) has no safe wrapper")]
pub fn hide_from_others() -> Result<(), WallError> {
    // SAFETY: with this request nothing is read or written at the address.
    match unsafe { libc::ptrace(libc::PT_DENY_ATTACH, 0, std::ptr::null_mut(), 0) } {
        0 => Ok(()),
        _ => Err(WallError::Dumpable(io::Error::last_os_error())),
    }
}

/// There is no such tie; a runner ends when its socket does.
pub fn die_with_parent() -> Result<(), WallError> {
    Ok(())
}

/// There is no such view.
pub fn restrict_files(
    _needs: &[Need],
    _paths: &[PathBuf],
    missing: &mut Vec<Missing>,
) -> Result<(), WallError> {
    missing.push(Missing::new(Wall::Files, "macOS has no Landlock"));
    Ok(())
}

/// There are no capabilities to give up.
pub fn keep_only(_needs: &[Need]) -> Result<(), WallError> {
    Ok(())
}

/// There is no such view.
pub fn restrict_courier(_paths: &[PathBuf], missing: &mut Vec<Missing>) -> Result<(), WallError> {
    restrict_files(&[], &[], missing)
}

/// There are no such filters.
pub fn filter_runner(_needs: &[Need], missing: &mut Vec<Missing>) -> Result<(), WallError> {
    filter_courier(missing)
}

/// There are no such filters.
pub fn filter_courier(missing: &mut Vec<Missing>) -> Result<(), WallError> {
    missing.push(Missing::new(Wall::SystemCalls, "macOS has no seccomp"));
    Ok(())
}

/// There is no way to forbid it.
pub fn forbid_new_code() -> Result<(), WallError> {
    Ok(())
}
