//! What is the same on Linux and macOS.

use std::{ffi::CStr, fs::File, io::Read, os::fd::BorrowedFd};

use rustix::{
    fs::{OFlags, readlinkat},
    io::{Errno, Result},
};

/// For reading: never blocks on a pipe, never becomes a controlling terminal, never follows a link.
pub(crate) const READ: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// What the link itself says.
pub(crate) fn link_text(dir: BorrowedFd<'_>, name: &CStr) -> Result<Vec<u8>> {
    Ok(readlinkat(dir, name, Vec::new())?.into_bytes())
}

/// The names in a list of extended attributes, in which each ends with a zero byte. Source: `listxattr(2)`.
pub(crate) fn attribute_names(list: &[u8]) -> Vec<Vec<u8>> {
    list.split(|&byte| byte == 0)
        .filter(|name| !name.is_empty())
        .map(<[u8]>::to_vec)
        .collect()
}

/// Reads a file up to a size.
pub(crate) fn read_up_to(file: File, max_bytes: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = file.take(max_bytes).read_to_end(&mut bytes);
    read.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    Ok(bytes)
}
