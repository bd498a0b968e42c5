//! Memory by address.

#![allow(
    unsafe_code,
    reason = "the scenes need mappings of every kind at known addresses"
)]

use crate::text::{TEXT_BYTES, byte};
use std::ffi::CString;
use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd};

pub const PAGE: usize = 4096;
pub const READ_WRITE: i32 = libc::PROT_READ | libc::PROT_WRITE;
pub const PRIVATE: i32 = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;

/// Maps memory, or ends the process.
pub fn map(
    address: usize,
    bytes: usize,
    protection: i32,
    flags: i32,
    file: Option<&File>,
    offset: usize,
) -> usize {
    let fd = file.map_or(-1, AsRawFd::as_raw_fd);
    let offset = i64::try_from(offset).unwrap_or(0);
    // SAFETY: a new mapping; a fixed address is only given for pages that a scene has mapped for that.
    let mapped = unsafe { libc::mmap(address as *mut libc::c_void, bytes, protection, flags, fd, offset) };
    if mapped == libc::MAP_FAILED {
        eprintln!("mmap of {bytes} bytes: {}", std::io::Error::last_os_error());
        std::process::exit(3);
    }
    mapped as usize
}

pub fn anonymous(bytes: usize) -> usize {
    map(0, bytes, READ_WRITE, PRIVATE, None, 0)
}

pub fn protect(address: usize, bytes: usize, protection: i32) {
    // SAFETY: the pages belong to a scene, or hold code that is not running.
    let result = unsafe { libc::mprotect(address as *mut libc::c_void, bytes, protection) };
    if result != 0 {
        eprintln!("mprotect: {}", std::io::Error::last_os_error());
        std::process::exit(3);
    }
}

/// Puts `from` over the page at `to`, which is unmapped in the same moment.
pub fn replace(from: usize, to: usize) {
    // SAFETY: the page at `from` has the same bytes as that at `to`.
    unsafe {
        libc::mremap(
            from as *mut libc::c_void,
            PAGE,
            PAGE,
            libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED,
            to as *mut libc::c_void,
        )
    };
}

pub fn huge(address: usize, bytes: usize) {
    // SAFETY: advice about a mapping of the scene.
    unsafe { libc::madvise(address as *mut libc::c_void, bytes, libc::MADV_HUGEPAGE) };
}

/// Runs this program again in this process, with the same arguments.
pub fn start_anew() {
    use std::os::unix::process::CommandExt;
    let _ = std::process::Command::new("/proc/self/exe")
        .args(std::env::args().skip(1))
        .exec();
}

/// Asks the system to swap pages out, which it does if it has where to.
pub fn page_out(address: usize, bytes: usize) {
    // SAFETY: advice about a mapping of the scene.
    unsafe { libc::madvise(address as *mut libc::c_void, bytes, libc::MADV_PAGEOUT) };
}

pub fn poke(address: usize, value: u8) {
    // SAFETY: the byte is writable memory of a scene that no reference points to.
    unsafe { (address as *mut u8).write_volatile(value) };
}

pub fn peek(address: usize) -> u8 {
    // SAFETY: the byte is readable.
    unsafe { (address as *const u8).read_volatile() }
}

/// Writes the text.
pub fn put(address: usize, seed: u64) -> usize {
    put_part(address, seed, 0, TEXT_BYTES);
    address
}

/// Writes the bytes `from..to` of the text where they lie in a text at `address`.
pub fn put_part(address: usize, seed: u64, from: usize, to: usize) {
    for index in from..to {
        poke(address + index, byte(seed, index));
    }
}

pub fn memfd(name: &str) -> File {
    let name = CString::new(name).unwrap_or_default();
    // SAFETY: the name is a string; the descriptor that is returned belongs to nobody else.
    unsafe { File::from_raw_fd(libc::memfd_create(name.as_ptr(), 0)) }
}

/// Moves into a mount namespace of its own, with an empty file system at `folder`.
pub fn own_mounts(folder: &str) {
    let folder = CString::new(folder).unwrap_or_default();
    let none = std::ptr::null();
    let private = libc::MS_REC | libc::MS_PRIVATE;
    // SAFETY: all strings end with a zero byte and live during the calls.
    let results = unsafe {
        let with_user = if libc::geteuid() == 0 {
            0
        } else {
            libc::CLONE_NEWUSER
        };
        [
            libc::unshare(libc::CLONE_NEWNS | with_user),
            libc::mount(none, c"/".as_ptr(), none, private, none.cast()),
            libc::mount(
                c"none".as_ptr(),
                folder.as_ptr(),
                c"tmpfs".as_ptr(),
                0,
                none.cast(),
            ),
        ]
    };
    if results != [0; 3] {
        eprintln!(
            "a mount namespace could not be made: {}",
            std::io::Error::last_os_error()
        );
        std::process::exit(3);
    }
}

/// Starts a child that ends at once, and waits for it.
pub fn fork_and_wait() {
    // SAFETY: the process has one thread, and the child does nothing but end.
    unsafe {
        let child = libc::fork();
        if child == 0 {
            libc::_exit(0);
        }
        libc::waitpid(child, std::ptr::null_mut(), 0);
    }
}

/// Waits for the end of standard input, without using any more memory.
pub fn wait_for_end() {
    let mut byte = 0_u8;
    // SAFETY: there is room for one byte.
    while unsafe { libc::read(0, (&raw mut byte).cast(), 1) } > 0 {}
}

/// What the kernel told the program about itself.
pub fn auxiliary(tag: u64) -> usize {
    // SAFETY: only looks up a number.
    usize::try_from(unsafe { libc::getauxval(tag) }).unwrap_or(0)
}
