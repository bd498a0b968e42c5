//! Capabilities, user and groups: capabilities(7), credentials(7).

use crate::{CAPABILITIES, Identity, Missing, Need, Wall, WallError};
use rustix::io::Errno;
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_keep_capabilities, set_no_new_privs,
    set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};
use std::io;

/// Bits of a capability set, more than any kernel has used.
const MAX_CAPABILITIES: u32 = 63;

/// Leaves the calling thread with the capabilities that `needs` stand for, as user `identity`, unable to gain more.
///
/// The order matters: dropping the bounding set takes `CAP_SETPCAP`, changing users `CAP_SETUID` and `CAP_SETGID`, so those go last.
pub fn drop_rights(
    needs: &[Need],
    identity: Option<Identity>,
    missing: &mut Vec<Missing>,
) -> Result<(), WallError> {
    let had = capabilities(None)
        .map_err(|errno| WallError::Capabilities(errno.into()))?
        .permitted;
    forget_what_programs_gain(had).map_err(|errno| WallError::BoundingSet(errno.into()))?;
    change_user(needs, identity, had, missing)?;
    let kept = kept(needs) & had;
    set_exactly(kept).map_err(|errno| WallError::Capabilities(errno.into()))?;
    set_no_new_privs(true).map_err(|errno| WallError::NoNewPrivileges(errno.into()))?;
    missing.extend(lacking(needs, kept));
    Ok(())
}

/// Leaves the calling thread, and those that it starts, with what these needs stand for of what it has.
pub fn keep_only(needs: &[Need]) -> Result<(), WallError> {
    let have = capabilities(None).map(|sets| sets.permitted);
    have.and_then(|have| set_exactly(kept(needs) & have))
        .map_err(|errno| WallError::Capabilities(errno.into()))
}

/// The capabilities that the needs stand for.
fn kept(needs: &[Need]) -> CapabilitySet {
    CAPABILITIES
        .iter()
        .filter(|kept| needs.contains(&kept.need))
        .fold(CapabilitySet::empty(), |set, kept| set | bit(kept.number))
}

fn bit(number: u8) -> CapabilitySet {
    CapabilitySet::from_bits_retain(1 << number)
}

/// What is asked for and was not there to be kept.
fn lacking(needs: &[Need], have: CapabilitySet) -> Vec<Missing> {
    let lacks = |need: Need| {
        let mut names = CAPABILITIES
            .iter()
            .filter(|kept| kept.need == need && !have.contains(bit(kept.number)))
            // Linux before 5.9 does not have it: the memory module does without.
            .filter(|kept| kept.number != CapabilitySet::CHECKPOINT_RESTORE.bits().trailing_zeros() as u8)
            .map(|kept| format!("CAP_{}", kept.name));
        let first = names.next()?;
        Some(names.fold(first, |all, name| format!("{all}, {name}")))
    };
    needs
        .iter()
        .filter_map(|&need| {
            let names = lacks(need)?;
            Some(Missing::privilege(
                need.name(),
                format!("the agent was not started with {names}"),
            ))
        })
        .collect()
}

/// Empties the bounding and the ambient set: no program that this process could start would have a capability.
fn forget_what_programs_gain(had: CapabilitySet) -> Result<(), Errno> {
    if had.contains(CapabilitySet::SETPCAP) {
        for number in 0..MAX_CAPABILITIES {
            match remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(1 << number)) {
                Ok(()) => {}
                Err(Errno::INVAL) => break, // the kernel's last capability was the one before
                Err(errno) => return Err(errno),
            }
        }
    }
    clear_ambient_capability_set()
}

/// Becomes another user, keeping the permitted capabilities until [`set_exactly`].
fn change_user(
    needs: &[Need],
    identity: Option<Identity>,
    had: CapabilitySet,
    missing: &mut Vec<Missing>,
) -> Result<(), WallError> {
    let Some(identity) = identity else {
        return Ok(());
    };
    if !had.contains(CapabilitySet::SETUID | CapabilitySet::SETGID) {
        missing.push(Missing::new(
            Wall::User,
            "the agent may not choose users: it was not started as root",
        ));
        return Ok(());
    }
    let became = match become_user(needs, identity) {
        // A namespace that does not have this user (user_namespaces(7)).
        Err(Errno::INVAL) => become_user(needs, Identity::NOBODY),
        other => other,
    };
    became.map_err(|errno| WallError::Identity {
        uid: identity.uid,
        gid: identity.gid,
        source: io::Error::from(errno),
    })
}

/// Changes groups, group and user, in this order: each step needs what the next one takes away.
fn become_user(needs: &[Need], identity: Identity) -> Result<(), Errno> {
    let (user, group) = (identity.user(), identity.group());
    set_keep_capabilities(true)?;
    set_thread_groups(&[])?;
    set_thread_res_gid(group, group, group)?;
    if needs.contains(&Need::ReadFiles) && rustix::process::geteuid().is_root() {
        // Settings below `/proc/sys` with mode 0600 are judged by the effective user alone: no capability opens them
        // (fs/proc/proc_sysctl.c, `test_perm`). Files are judged by the file-system user, tracing by the real one.
        set_thread_res_uid(user, None, user)?;
        set_file_system_user(identity.uid);
    } else {
        set_thread_res_uid(user, user, user)?;
    }
    set_keep_capabilities(false)
}

/// The user by whose rights files are opened: setfsuid(2).
#[allow(unsafe_code, reason = "setfsuid(2) has no safe wrapper")]
fn set_file_system_user(uid: u32) {
    // SAFETY: one integer; it changes this thread's credentials only.
    unsafe { libc::syscall(libc::SYS_setfsuid, uid) };
}

/// Sets the effective and the permitted set, and empties the inheritable one.
fn set_exactly(kept: CapabilitySet) -> Result<(), Errno> {
    let sets = CapabilitySets {
        effective: kept,
        permitted: kept,
        inheritable: CapabilitySet::empty(),
    };
    set_capabilities(None, sets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_the_kernels_numbers() {
        for kept in CAPABILITIES {
            let named = CapabilitySet::from_name(kept.name);
            assert_eq!(named, Some(bit(kept.number)), "{}", kept.name);
        }
    }

    #[test]
    fn what_is_lacking_is_named_by_need() {
        let have = bit(2) | bit(3);
        let missing = lacking(&Need::ALL, have);
        let which: Vec<_> = missing.iter().filter_map(|m| m.which.as_deref()).collect();
        assert_eq!(which, ["read-processes", "enter-namespaces"]);
        assert_eq!(missing[0].why, "the agent was not started with CAP_SYS_PTRACE");
        assert!(lacking(&Need::ALL, kept(&Need::ALL)).is_empty());
    }
}
