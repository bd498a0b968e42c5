//! macOS: processes by `libproc`.

#![allow(unsafe_code, reason = "libproc is reached by C functions that fill buffers")]

use crate::{Kind, Names, Process, ProcessError, Roots};
use std::io;
use std::mem::{MaybeUninit, size_of};
use std::path::Path;

/// Numbers of processes that are room for beyond those that the system announced.
const SPARE_PIDS: usize = 256;
/// State of a process that has ended (`SZOMB`, `sys/proc.h`).
const ZOMBIE: u32 = 5;

/// The processes of a host.
#[derive(Debug)]
pub struct Host {
    users: Names,
}

impl Host {
    /// This host; users' names are read below `root`.
    #[must_use]
    pub fn new(root: &Path) -> Host {
        let users = std::fs::read(root.join("etc/passwd"))
            .map(|text| Names::parse(&text))
            .unwrap_or_default();
        Host { users }
    }

    /// Numbers of all processes, ascending.
    ///
    /// # Errors
    ///
    /// [`ProcessError::List`].
    pub fn pids(&self) -> Result<Vec<u32>, ProcessError> {
        let failed = || ProcessError::List {
            place: "proc_listallpids".to_owned(),
            source: io::Error::last_os_error(),
        };
        // SAFETY: a null buffer of no bytes asks for the number of processes.
        let count = unsafe { libc::proc_listallpids(std::ptr::null_mut(), 0) };
        let room = usize::try_from(count).map_err(|_| failed())? + SPARE_PIDS;
        let mut pids = vec![0_i32; room];
        let bytes = i32::try_from(room * size_of::<i32>()).map_err(|_| failed())?;
        // SAFETY: the buffer has `bytes` bytes.
        let count = unsafe { libc::proc_listallpids(pids.as_mut_ptr().cast(), bytes) };
        pids.truncate(usize::try_from(count).map_err(|_| failed())?);
        let mut pids: Vec<u32> = pids
            .into_iter()
            .filter_map(|pid| u32::try_from(pid).ok())
            .collect();
        pids.sort_unstable();
        Ok(pids)
    }

    /// None: there are no containers on macOS.
    #[must_use]
    pub fn roots(&self, _except: &[u32]) -> Roots {
        Roots::default()
    }

    /// Describes a process.
    ///
    /// # Errors
    ///
    /// [`ProcessError::Read`] when it has ended or access is denied.
    pub fn describe(&self, pid: u32) -> Result<Process, ProcessError> {
        let info = bsd_info(pid)?;
        let start_ms = info
            .pbi_start_tvsec
            .saturating_mul(1000)
            .saturating_add(info.pbi_start_tvusec / 1000);
        let comm = info
            .pbi_comm
            .iter()
            .take_while(|&&byte| byte != 0)
            .map(|&byte| byte.cast_unsigned())
            .collect();
        Ok(Process {
            pid,
            start_ms: i64::try_from(start_ms).unwrap_or(i64::MAX),
            exe: path(pid),
            comm,
            uid: info.pbi_uid,
            container: None,
            kind: if info.pbi_status == ZOMBIE {
                Kind::Zombie
            } else {
                Kind::Program
            },
        })
    }

    /// Names of the host's users, as far as `/etc/passwd` has them.
    #[must_use]
    pub fn users(&self) -> &Names {
        &self.users
    }
}

fn bsd_info(pid: u32) -> Result<libc::proc_bsdinfo, ProcessError> {
    let failed = || ProcessError::Read {
        pid,
        what: "proc_pidinfo",
        source: io::Error::last_os_error(),
    };
    let number = i32::try_from(pid).map_err(|_| failed())?;
    let mut info = MaybeUninit::<libc::proc_bsdinfo>::zeroed();
    let size = i32::try_from(size_of::<libc::proc_bsdinfo>()).map_err(|_| failed())?;
    // SAFETY: the buffer has `size` bytes.
    let filled =
        unsafe { libc::proc_pidinfo(number, libc::PROC_PIDTBSDINFO, 0, info.as_mut_ptr().cast(), size) };
    if filled != size {
        return Err(failed());
    }
    // SAFETY: all bytes were filled, and any are valid for integers.
    Ok(unsafe { info.assume_init() })
}

/// Path of the program; none where that is denied.
fn path(pid: u32) -> Option<Vec<u8>> {
    let mut buffer = vec![0_u8; usize::try_from(libc::PROC_PIDPATHINFO_MAXSIZE).ok()?];
    let size = u32::try_from(buffer.len()).ok()?;
    // SAFETY: the buffer has `size` bytes.
    let length = unsafe { libc::proc_pidpath(i32::try_from(pid).ok()?, buffer.as_mut_ptr().cast(), size) };
    buffer.truncate(usize::try_from(length).ok().filter(|&length| length > 0)?);
    Some(buffer)
}
