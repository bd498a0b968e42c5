//! macOS: `sysctl(3)` and `gethostuuid(2)`. The root path has no meaning for these.

use super::{Reader, System};
use std::collections::BTreeMap;
use std::ffi::CStr;
use std::fmt::Write;

/// Longest value of a name that is asked for.
const MAX_VALUE_BYTES: usize = 1024;

/// Reads what the operating system says.
pub fn read(reader: &mut Reader<'_>) -> System {
    System {
        hostname: text(reader, c"kern.hostname"),
        kernel: text(reader, c"kern.osrelease"),
        cpus: number(reader, c"hw.activecpu"),
        memory_bytes: number(reader, c"hw.memsize"),
        os_release: os_release(reader),
        machine: hardware_uuid(reader),
    }
}

/// What `/etc/os-release` would say if there were one.
fn os_release(reader: &mut Reader<'_>) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("id".to_owned(), "macos".to_owned()),
        ("name".to_owned(), "macOS".to_owned()),
        ("version_id".to_owned(), text(reader, c"kern.osproductversion")),
        ("build_id".to_owned(), text(reader, c"kern.osversion")),
    ])
}

fn text(reader: &mut Reader<'_>, name: &CStr) -> String {
    let value = value(reader, name);
    let end = value.iter().position(|&byte| byte == 0).unwrap_or(value.len());
    String::from_utf8_lossy(value.get(..end).unwrap_or_default()).into_owned()
}

/// Numbers have 32 or 64 bits, depending on the name.
fn number(reader: &mut Reader<'_>, name: &CStr) -> u64 {
    let value = value(reader, name);
    match value.as_slice().try_into() {
        Ok(bytes) => u64::from_ne_bytes(bytes),
        Err(_) => value
            .as_slice()
            .try_into()
            .map(u32::from_ne_bytes)
            .map(u64::from)
            .unwrap_or_default(),
    }
}

#[allow(unsafe_code, reason = "sysctlbyname is a system call without a safe wrapper")]
fn value(reader: &mut Reader<'_>, name: &CStr) -> Vec<u8> {
    let mut buffer = vec![0_u8; MAX_VALUE_BYTES];
    let mut length = buffer.len();
    // SAFETY: the name ends with a NUL; the buffer is writable for `length` bytes, which the call
    // lowers to what it wrote; nothing is set.
    let result = unsafe {
        libc::sysctlbyname(
            name.as_ptr(),
            buffer.as_mut_ptr().cast(),
            &raw mut length,
            std::ptr::null_mut(),
            0,
        )
    };
    if result != 0 {
        let error = std::io::Error::last_os_error();
        reader
            .problems
            .push(format!("`{}` could not be read: {error}", name.to_string_lossy()));
        return Vec::new();
    }
    buffer.truncate(length);
    buffer
}

/// The `IOPlatformUUID`, as `gethostuuid(2)` tells it.
#[allow(unsafe_code, reason = "gethostuuid is a system call without a safe wrapper")]
fn hardware_uuid(reader: &mut Reader<'_>) -> Option<String> {
    let mut uuid = [0_u8; 16];
    let wait = libc::timespec {
        tv_sec: 1,
        tv_nsec: 0,
    };
    // SAFETY: the call writes 16 bytes, for which there is room, and only reads the time.
    let result = unsafe { libc::gethostuuid(uuid.as_mut_ptr(), &raw const wait) };
    if result != 0 {
        let error = std::io::Error::last_os_error();
        reader
            .problems
            .push(format!("the hardware's UUID could not be read: {error}"));
        return None;
    }
    Some(uuid.iter().fold(String::with_capacity(32), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}
