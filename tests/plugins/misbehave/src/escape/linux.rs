//! The ways on Linux.

use super::Way;
use std::ffi::CString;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::Command;

/// Tries it. What succeeded is told in a few words.
pub fn attempt(way: Way, target: &str) -> io::Result<String> {
    let done = || "done".to_owned();
    match way {
        Way::WriteFile => OpenOptions::new()
            .write(true)
            .open(target)?
            .write_all(b"x")
            .map(|()| done()),
        Way::WriteFileUnseen => open_unseen(target, libc::O_WRONLY)?
            .write_all(b"x")
            .map(|()| done()),
        Way::CreateFileUnseen => open_unseen(target, libc::O_WRONLY | libc::O_CREAT).map(|_| done()),
        Way::CreateFile => fs::File::create_new(target).map(|_| done()),
        Way::WriteMapped => write_mapped(target).map(|()| done()),
        Way::Unlink => fs::remove_file(target).map(|()| done()),
        Way::Rename => fs::rename(target, format!("{target}.renamed")).map(|()| done()),
        Way::Truncate => checked(call(libc::SYS_truncate, &[text(target)?.as_ptr().addr(), 0])),
        Way::Chmod => fs::set_permissions(target, fs::Permissions::from_mode(0o4777)).map(|()| done()),
        Way::MakeFolder => fs::create_dir(target).map(|()| done()),
        Way::ReadFile => fs::read_to_string(target),
        Way::Connect => TcpStream::connect(target).map(|_| done()),
        Way::ConnectLocal => UnixStream::connect(target).map(|_| done()),
        Way::Listen => std::net::TcpListener::bind(target).map(|_| done()),
        Way::Start => Command::new("/bin/touch").arg(target).status().map(|_| done()),
        Way::Exec => exec(target),
        Way::ForkBomb => fork_bomb(),
        Way::ThreadBomb => thread_bomb(),
        Way::TraceParent => checked(call(
            libc::SYS_ptrace,
            &[libc::PTRACE_ATTACH as usize, parent(), 0, 0],
        )),
        Way::ReadParent => fs::File::open(format!("/proc/{}/mem", parent())).map(|_| done()),
        Way::ReadProcess => fs::File::open(format!("/proc/{target}/mem")).map(|_| done()),
        Way::KillParent => checked(call(libc::SYS_kill, &[parent(), libc::SIGKILL as usize])),
        Way::LoadCode => load_code(target),
        Way::MakeCode => make_code(),
        Way::Mount => mount(target),
        Way::BecomeRoot => checked(call(libc::SYS_setuid, &[0])),
        Way::TakeCapabilities => take_capabilities(),
        Way::RaiseLimit => raise_limit(),
    }
}

fn parent() -> usize {
    std::os::unix::process::parent_id() as usize
}

fn text(target: &str) -> io::Result<CString> {
    CString::new(target).map_err(io::Error::other)
}

/// A system call by its number; numbers and addresses that the caller keeps alive.
fn call(number: libc::c_long, arguments: &[usize]) -> libc::c_long {
    let at = |index: usize| arguments.get(index).copied().unwrap_or(0);
    // SAFETY: what the kernel may read or write lies in the caller's own variables.
    unsafe { libc::syscall(number, at(0), at(1), at(2), at(3), at(4), at(5)) }
}

fn checked(result: libc::c_long) -> io::Result<String> {
    match result {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok("done".to_owned()),
    }
}

/// openat2(2): its flags lie in memory.
fn open_unseen(path: &str, flags: i32) -> io::Result<fs::File> {
    use std::os::fd::FromRawFd;
    let path = text(path)?;
    let how: [u64; 3] = [
        flags.unsigned_abs().into(),
        if flags & libc::O_CREAT == 0 { 0 } else { 0o666 },
        0,
    ];
    let arguments = [
        libc::AT_FDCWD as usize,
        path.as_ptr().addr(),
        how.as_ptr().addr(),
        size_of_val(&how),
    ];
    let fd = call(libc::SYS_openat2, &arguments);
    checked(fd)?;
    // SAFETY: the kernel has just opened it.
    Ok(unsafe { fs::File::from_raw_fd(fd as i32) })
}

/// Maps for reading, which needs no other open mode, and makes that writable.
fn write_mapped(path: &str) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    let file = open_unseen(path, libc::O_RDWR)?;
    // SAFETY: a new mapping; it is written to once, which is the misdeed.
    unsafe {
        let at = libc::mmap(
            std::ptr::null_mut(),
            1,
            libc::PROT_READ,
            libc::MAP_SHARED,
            file.as_raw_fd(),
            0,
        );
        if at == libc::MAP_FAILED || libc::mprotect(at, 1, libc::PROT_READ | libc::PROT_WRITE) != 0 {
            return Err(io::Error::last_os_error());
        }
        at.cast::<u8>().write_volatile(b'x');
    }
    Ok(())
}

fn exec(target: &str) -> io::Result<String> {
    let words = [text("/bin/touch")?, text(target)?];
    let list = [words[0].as_ptr(), words[1].as_ptr(), std::ptr::null()];
    let none = [std::ptr::null::<libc::c_char>()];
    checked(call(
        libc::SYS_execve,
        &[
            words[0].as_ptr().addr(),
            list.as_ptr().addr(),
            none.as_ptr().addr(),
        ],
    ))
}

/// Each child waits for its parent's end, as a child of a bomb would not.
fn fork_bomb() -> io::Result<String> {
    loop {
        // SAFETY: the child does nothing but wait.
        match unsafe { libc::fork() } {
            0 => loop {
                std::thread::park();
            },
            -1 => return Err(io::Error::last_os_error()),
            _ => {}
        }
    }
}

fn thread_bomb() -> io::Result<String> {
    loop {
        std::thread::Builder::new().stack_size(64 << 10).spawn(|| {
            loop {
                std::thread::park();
            }
        })?;
    }
}

fn load_code(target: &str) -> io::Result<String> {
    let path = text(target)?;
    // SAFETY: the other plugin's initialisers do nothing.
    let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
    if !handle.is_null() {
        return Ok("done".to_owned());
    }
    // SAFETY: dlerror(3) returns a string or null.
    let said = unsafe { std::ffi::CStr::from_ptr(libc::dlerror()) };
    Err(io::Error::other(said.to_string_lossy().into_owned()))
}

fn make_code() -> io::Result<String> {
    let writable = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new mapping that nothing uses.
    unsafe {
        let at = libc::mmap(
            std::ptr::null_mut(),
            4096,
            writable,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        );
        checked(libc::mprotect(at, 4096, libc::PROT_READ | libc::PROT_EXEC).into())
    }
}

fn mount(target: &str) -> io::Result<String> {
    let (source, target) = (text("none")?, text(target)?);
    let kind = text("tmpfs")?;
    checked(call(
        libc::SYS_mount,
        &[
            source.as_ptr().addr(),
            target.as_ptr().addr(),
            kind.as_ptr().addr(),
            0,
            0,
        ],
    ))
}

fn take_capabilities() -> io::Result<String> {
    /// Source: `linux/capability.h`.
    const VERSION_3: u32 = 0x2008_0522;
    let header: [u32; 2] = [VERSION_3, 0];
    let sets = [u32::MAX; 6];
    checked(call(
        libc::SYS_capset,
        &[header.as_ptr().addr(), sets.as_ptr().addr()],
    ))
}

fn raise_limit() -> io::Result<String> {
    let limit = libc::rlimit {
        rlim_cur: libc::RLIM_INFINITY,
        rlim_max: libc::RLIM_INFINITY,
    };
    // SAFETY: it reads one structure.
    checked(unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit) }.into())
}
